"""The `accounts` command: every order of every client, whole or not at all; a bad account is listed; a killed run goes on."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from portfolio_opt import Account, Lot, read_prices, rebalance
from portfolio_opt.cli import main
from portfolio_opt.commands import accounts as command
from portfolio_opt.errors import InvalidInput

ROOT = Path(__file__).parent.parent.parent
MARKET = ROOT / "data" / "sample_market"
NOW = "2026-08-23T09:00"


def table_of(count=14, seed=0):
    panel = read_prices(MARKET)
    close, _ = panel.last_close()
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(panel.traded[-20:].any(0))
    rows = []
    for k in range(count):
        names = rng.choice(known, int(rng.integers(0, 6)), replace=False)
        cash = int(rng.integers(0, 900_000))
        own = {
            "account": f"C{k:03d}",
            "cash": cash,
            "investor": rng.choice(["individual", "entity"]),
            "risk_aversion": 2.0,
        }
        for i in names:
            units = int(rng.integers(4, 400))
            lot = {"symbol": str(panel.symbols[i]), "units": units, "cost": round(units * close[i] * 0.9, 2)}
            rows.append({**own, **lot, "acquired": f"2025-{int(rng.integers(1, 12)):02d}-05"})
        if not len(names):
            rows.append({**own, "symbol": "", "units": 0, "cost": 0.0, "acquired": None})
    return pd.DataFrame(rows)


def run(tmp_path, table, out="out", **options):
    path = tmp_path / "accounts.parquet"
    table.to_parquet(path, index=False)
    given = {"accounts": path, "prices": MARKET, "out": tmp_path / out, "workers": 1, **options}
    return command.run(given, now=NOW)


def results(tmp_path, out="out"):
    folder = tmp_path / out
    return pq.read_table(folder / "orders.parquet").to_pandas(), pq.read_table(folder / "accounts.parquet").to_pandas()


def test_every_account_is_decided_and_its_orders_pay_for_themselves(tmp_path):
    document = run(tmp_path, table_of())
    orders, accounts = results(tmp_path)
    assert document["figures"]["decided"] == 14 == len(accounts)
    assert document["figures"]["orders"] == len(orders)
    assert accounts["loss_bp"].max() >= 0
    for name, own in orders.groupby("account"):
        row = accounts.set_index("account").loc[name]
        assert row["cash_before"] + own["est_net_cash"].sum() == row["cash_after"] >= 0
        assert (own["commission"] + own["sebon_fee"] + own["dp_charge"]).sum() == row["charges"]
        first = own[own["place_on"] == own["place_on"].min()]
        spent = -first.loc[first["side"] == "BUY", "est_net_cash"].sum()
        if own["place_on"].min() == pd.Timestamp(document["trade_date"]).date():
            assert spent <= row["cash_before"]
    assert (orders["quantity"] >= 10).mean() > 0.5
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["run_id"] == document["run_id"]
    assert pq.read_metadata(tmp_path / "out" / "orders.parquet").metadata[b"run_id"].decode() == document["run_id"]


def test_an_account_is_decided_as_rebalance_decides_it(tmp_path):
    table = table_of(6, 3)
    run(tmp_path, table)
    _, accounts = results(tmp_path)
    panel = read_prices(MARKET)
    for name, rows in table.groupby("account"):
        lots = tuple(
            Lot(r.symbol, int(r.units), round(r.cost * 100), pd.Timestamp(r.acquired).date())
            for r in rows.itertuples()
            if r.symbol
        )
        first = rows.iloc[0]
        plan = rebalance(panel, Account(lots, int(first.cash) * 100, investor=first.investor))
        mine = accounts.set_index("account").loc[name]
        assert mine["wealth"] == Decimal(plan.before.wealth) / 100
        gained = (plan.certificate.utility - plan.certificate.unchanged) * 1e4
        assert mine["gain_bp"] == pytest.approx(gained, abs=max(30.0, mine["loss_bp"]))


def test_a_bad_account_is_listed_and_the_others_are_decided(tmp_path):
    table = table_of(8)
    clean = table[table["account"] != "C001"]
    names = {
        "C100": {"symbol": "NOSUCH", "units": 10},
        "C101": {"symbol": str(clean["symbol"].max()), "units": -5},
        "C102": {"symbol": str(clean["symbol"].max()), "units": 2.5},
        "C103": {"symbol": "", "units": 0, "cash": -1},
        "C104": {"symbol": "", "units": 0, "cash": 0},
        "C105": {"symbol": "", "units": 0, "investor": "martian"},
        "C106": {"symbol": "", "units": 0, "risk_aversion": -1},
    }
    plain = {"cash": 1000, "investor": "individual", "risk_aversion": 2.0, "cost": 0.0, "acquired": None}
    bad = pd.DataFrame([{**plain, "account": name, **changes} for name, changes in names.items()])
    twice = pd.DataFrame([{**plain, "account": "C107", "symbol": "", "units": 0, "cash": cash} for cash in (5, 6)])
    document = run(tmp_path, pd.concat([clean, bad, twice], ignore_index=True))
    _, accounts = results(tmp_path)
    refused = {row["account"]: row["why"] for row in document["refused"]}
    assert set(refused) == {*names, "C107"}
    assert "do not know" in refused["C100"]
    assert "whole number" in refused["C101"]
    assert "cash differs" in refused["C107"]
    assert (accounts[~accounts["account"].isin(refused)]["status"] == "decided").all()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "NOSUCH" not in page  # a symbol nobody knows is not echoed
    assert len(page) < 200_000


def test_a_run_that_was_cut_off_goes_on_and_gives_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "TOGETHER", 4)
    table = table_of(14, 2)
    run(tmp_path, table, "straight")
    decide, done = command.decide_chunk, []

    def cut_off(chunk, job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(chunk)
        return decide(chunk, job)

    monkeypatch.setattr(command, "decide_chunk", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, table)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.work").exists()
    left = []
    monkeypatch.setattr(command, "decide_chunk", lambda chunk, job: left.append(chunk) or decide(chunk, job))
    run(tmp_path, table)
    assert len(left) == 2  # of four
    assert not (tmp_path / "out.work").exists()
    for name in command.FILES:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="units"), "has no column 'units'"),
        (lambda t: t.iloc[:0], "has no rows"),
        (lambda t: t.assign(account=[None, *t["account"][1:]]), "names no account"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_before_anything_is_done(tmp_path, change, words):
    with pytest.raises(InvalidInput, match=words):
        run(tmp_path, change(table_of(3)))
    assert not (tmp_path / "out").exists()


def test_a_row_of_a_csv_is_never_quoted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("account,symbol,units,cash\nC1,XLOTUS,10,5\nSita Rai,0123456789012345\n")
    with pytest.raises(InvalidInput) as refused:
        command.run({"accounts": path, "prices": MARKET, "out": tmp_path / "out", "workers": 1}, now=NOW)
    assert "Sita" not in str(refused.value)
    assert "0123" not in str(refused.value)


def test_csv_and_parquet_give_the_same_orders(tmp_path):
    table = table_of(5)
    run(tmp_path, table)
    table.to_csv(tmp_path / "a.csv", index=False)
    command.run({"accounts": tmp_path / "a.csv", "prices": MARKET, "out": tmp_path / "csv", "workers": 1}, now=NOW)
    one, two = results(tmp_path)[0], results(tmp_path, "csv")[0]
    pd.testing.assert_frame_equal(one, two)


def test_the_command_line_says_what_it_did(tmp_path, capsys):
    table_of(4).to_parquet(tmp_path / "a.parquet", index=False)
    arguments = ["accounts", "--accounts", str(tmp_path / "a.parquet"), "--prices", str(MARKET), "--now", NOW]
    assert main([*arguments, "--workers", "1", "--out", str(tmp_path / "out")]) == 0
    assert "4 of 4 accounts decided" in capsys.readouterr().out
    assert main([*arguments, "--workers", "1"]) == 2
    assert "no out: give --out DIR" in capsys.readouterr().err


def test_the_page_says_what_is_unsure_of_the_days_and_gives_nepal_s_dates(tmp_path, capsys):
    document = run(tmp_path, table_of(3))
    page = (tmp_path / "out" / "report.html").read_text()
    (warning,) = document["warnings"]
    assert warning.startswith("Provisional sessions: 2026-08-24 to trade, 2026-08-26 to settle.")
    assert warning in page
    assert 'orders for Monday 24 August 2026 <span class="bs">Bhadau 8, 2083 BS</span></h1>' in page
    table_of(3).to_csv(tmp_path / "a.csv", index=False)
    given = ["accounts", "--accounts", str(tmp_path / "a.csv"), "--prices", str(MARKET), "--now", NOW, "--workers", "1"]
    assert main([*given, "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("Orders for 2026-08-24 (Bhadau 8, 2083 BS), from")
    later = run(tmp_path, table_of(3), allow_stale=True, as_of="2026-08-19")
    passed = "These orders are for 2026-08-20, which has passed: they show what would have been done."
    assert later["warnings"][0] == passed


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path):
    table = table_of(1100, 4)
    run(tmp_path, table, "one")
    run(tmp_path, table, "two", workers=2)
    for name in command.FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_other_holidays_are_another_question_for_a_run_that_was_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "TOGETHER", 4)
    table, closed = table_of(12, 3), tmp_path / "closed.csv"
    closed.write_text("date,kind,name\n2026-08-24,closed,a feast\n2026-08-25,closed,the day after\n")
    run(tmp_path, table, "straight", holidays=closed)
    decide, done = command.decide_chunk, []

    def cut_off(chunk, job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(chunk)
        return decide(chunk, job)

    monkeypatch.setattr(command, "decide_chunk", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, table)
    monkeypatch.setattr(command, "decide_chunk", decide)
    run(tmp_path, table, holidays=closed)
    for name in ("orders.parquet", "accounts.parquet"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


def test_what_another_client_holds_changes_no_order(tmp_path):
    table = table_of(6, 4)
    run(tmp_path, table, "alone")
    panel = read_prices(MARKET)
    odd = panel.symbols[(panel.instrument != "equity") & panel.traded[-60:].any(0)].tolist()
    assert odd
    plain = {"cash": 1000, "investor": "individual", "risk_aversion": 2.0, "cost": 0.0, "acquired": None, "units": 100}
    more = pd.DataFrame([{**plain, "account": "OTHER", "symbol": symbol} for symbol in odd])
    run(tmp_path, pd.concat([table, more], ignore_index=True), "beside")
    alone, beside = results(tmp_path, "alone")[0], results(tmp_path, "beside")[0]
    beside = beside[beside["account"] != "OTHER"].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        alone.drop(columns="run_id", errors="ignore"), beside.drop(columns="run_id", errors="ignore")
    )


def test_a_cell_that_cannot_be_read_refuses_its_account_and_no_other(tmp_path):
    lines = [
        "account,symbol,units,cash,cost,acquired",
        "GOOD,XKITE,100,50000,30000,2025-01-05",
        "FREE,XKITE,100,50000,,2025-01-05",
        "WORDS,XKITE,many,50000,30000,2025-01-05",
        'COMMA,XKITE,"1,000",50000,30000,2025-01-05',
        "SLASH,XKITE,100,50000,30000,01/02/2025",
        "NEPAL,XKITE,100,50000,30000,2082-01-02",
        "LATER,XKITE,100,50000,30000,2030-01-01",
        "TINY,,,0.01,,",
        "HUGE,XKITE,9000000000,50000,30000,2025-01-05",
    ]
    path = tmp_path / "accounts.csv"
    path.write_text("\n".join(lines) + "\n")
    document = command.run({"accounts": path, "prices": MARKET, "out": tmp_path / "out", "workers": 1}, now=NOW)
    refused = {row["account"]: row["why"] for row in document["refused"]}
    assert set(refused) == {"WORDS", "COMMA", "SLASH", "NEPAL", "LATER", "TINY", "HUGE"}
    assert "Bikram Sambat" in refused["NEPAL"]
    assert "check units and cash" in refused["HUGE"]
