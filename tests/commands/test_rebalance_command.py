"""The main job end to end: files in, three files out, and the promises the design makes of them."""

import csv
import io
import json
import math
import os
import re
import subprocess
import sys
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from portfolio_opt import Account, read_account, read_prices
from portfolio_opt import rebalance as rebalance_plan
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.orders import purchase
from portfolio_opt.market.rules import rulebook

ROOT = Path(__file__).parent.parent.parent
REAL = ROOT.parent / "shared" / "data" / "nepse"
COLUMNS = (
    "run_id,symbol,side,quantity,order_type,limit_price,validity,board,session,place_on,band_low,band_high,est_amount,"
    "commission,sebon_fee,dp_charge,est_cgt,est_net_cash,reason"
)
MONEY = re.compile(r"\d{1,3}(?:,\d{3})*\.\d\d")


def paisa(text):
    return round(float(text) * 100)


@pytest.fixture
def done(rebalance, account, tmp_path):
    """One finished run of the first sample account, with its files read back."""
    out = tmp_path / "out"
    ran = rebalance(
        holdings=account.holdings, wacc=account.wacc, transactions=account.transactions, cash=100_000, out=out
    )
    assert (ran.code, ran.err) == (0, "")
    ran.plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    ran.csv_text = (out / "orders.csv").read_text(encoding="utf-8")
    ran.orders = list(csv.DictReader(io.StringIO(ran.csv_text)))
    ran.page = (out / "report.html").read_text(encoding="utf-8")
    return ran


def test_the_folder_holds_the_three_files_of_one_run(done, tmp_path):
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.html", "orders.csv", "plan.json"}
    assert re.fullmatch(r"[0-9a-f]{12}", done.plan["run_id"])
    assert done.plan["run_id"] in done.page
    assert {row["run_id"] for row in done.orders} == {done.plan["run_id"]}


def test_the_order_list_has_the_promised_columns_and_two_decimals(done):
    assert done.csv_text.splitlines()[0] == COLUMNS
    for row in done.orders:
        for name in ("limit_price", "band_low", "est_amount", "commission", "est_cgt", "est_net_cash"):
            assert re.fullmatch(r"-?\d+\.\d\d", row[name])
        assert (row["order_type"], row["validity"], row["board"]) == ("LIMIT", "DAY", "NORMAL")
        assert row["reason"]


def test_the_plan_has_the_promised_keys_and_equals_the_order_list(done):
    promised = "schema run_id as_of trade_date orders cash_ladder before after limits data_findings seed versions"
    promised += " config_hash data_hash"
    assert set(promised.split()) <= set(done.plan)
    assert done.plan["schema"] == "portfolio_opt.rebalance/1"
    for row, order in zip(done.orders, done.plan["orders"], strict=True):
        for name, value in order.items():
            assert row[name].lstrip("'") == (f"{value:.2f}" if isinstance(value, float) else str(value))


def test_orders_are_for_the_next_session_under_its_rules(done):
    calendar = Calendar(read_prices(ROOT / "data" / "sample_market").sessions())
    assert done.plan["trade_date"] == calendar.next_session(date.fromisoformat(done.plan["as_of"])).isoformat()
    for row in done.orders:
        assert paisa(row["limit_price"]) % 10 == 0
        assert paisa(row["band_low"]) <= paisa(row["limit_price"]) <= paisa(row["band_high"])


def test_money_recomputed_from_the_order_list_is_exact(done):
    rules = rulebook().on(date.fromisoformat(done.plan["trade_date"]))
    assert any(row["side"] == "SELL" for row in done.orders)
    for row in done.orders:
        amount, paid = purchase(rules, "equity", int(row["quantity"]), paisa(row["limit_price"]))
        assert paisa(row["est_amount"]) == amount
        assert [paisa(row[n]) for n in ("commission", "sebon_fee", "dp_charge")] == [
            paid.commission,
            paid.sebon_fee,
            paid.dp_charge,
        ]
        sign = 1 if row["side"] == "SELL" else -1
        assert paisa(row["est_net_cash"]) == sign * amount - paid.total - paisa(row["est_cgt"])


def test_spending_never_exceeds_what_has_settled_by_then(done):
    trade_date, settles = done.plan["trade_date"], done.plan["settles_on"]
    received = sum(paisa(row["est_net_cash"]) for row in done.orders if row["side"] == "SELL")
    for day in sorted({row["place_on"] for row in done.orders}):
        free = 100_000_00 + (received if day >= settles else 0)
        spent = -sum(paisa(r["est_net_cash"]) for r in done.orders if r["side"] == "BUY" and r["place_on"] <= day)
        assert spent <= free
    later = [row for row in done.orders if row["side"] == "BUY" and row["place_on"] > trade_date]
    assert later
    assert all("run again that day" in row["reason"] and row["place_on"] >= settles for row in later)


def test_one_order_and_one_dp_charge_for_each_symbol_and_side(done):
    keys = [(row["symbol"], row["side"]) for row in done.orders]
    assert len(set(keys)) == len(keys)
    assert {row["dp_charge"] for row in done.orders} == {"25.00"}


def test_wealth_and_cash_add_up(done):
    before, after = done.plan["before"], done.plan["after"]
    for side in (before, after):
        held = sum(paisa(row["value"]) for row in side["holdings"])
        assert held + paisa(side["cash"]) == paisa(side["wealth"])
        assert sum(side["sectors"].values()) == pytest.approx(1, abs=1e-5)
    moved = sum(paisa(row["est_net_cash"]) for row in done.orders)
    assert paisa(before["cash"]) + moved == paisa(after["cash"]) == paisa(done.plan["cash_ladder"][-1]["settled"])
    units = {row["symbol"]: row["units"] for row in before["holdings"]}
    for row in done.orders:
        units[row["symbol"]] = units.get(row["symbol"], 0) + int(row["quantity"]) * (1 if row["side"] == "BUY" else -1)
    assert {s: n for s, n in units.items() if n} == {row["symbol"]: row["units"] for row in after["holdings"]}


def test_caps_hold_after_costs(done):
    assert max(row["weight"] for row in done.plan["after"]["holdings"]) <= 0.10
    sectors = {name: weight for name, weight in done.plan["after"]["sectors"].items() if name != "Cash"}
    assert max(sectors.values()) <= 0.35


def test_every_tile_stands_in_a_table_cell_spelt_the_same(done):
    tiles = re.findall(r'<[a-z]+ class="tile".*?</(?:div|li|section)>', done.page, re.S)
    cells = {re.sub(r"<.*?>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", done.page, re.S)}
    figures = [MONEY.findall(re.sub(r"<.*?>", " ", tile)) for tile in tiles]
    assert len(tiles) == 5
    assert all(money for money in figures)
    assert {money for tile in figures for money in tile} <= cells
    assert f"{done.plan['totals']['charges_and_tax']:,.2f}" in {money for tile in figures for money in tile}


def test_json_prints_one_object_and_nothing_else(rebalance):
    ran = rebalance(json=True)
    assert ran.err == ""
    document = json.loads(ran.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert document["schema"] == "portfolio_opt.rebalance/1"


def test_the_rules_of_the_trade_date_apply_not_those_of_the_day_before(rebalance):
    for as_of, band in (("2026-04-16", 0.10), ("2026-04-17", 0.15)):
        plan = json.loads(rebalance(as_of=as_of, json=True).out)
        order = plan["orders"][0]
        close = next(h["price"] for h in plan["after"]["holdings"] if h["symbol"] == order["symbol"])
        assert order["band_high"] / close - 1 == pytest.approx(band, abs=0.1 / close)
        assert order["band_high"] <= close * (1 + band)


def test_the_new_tax_applies_from_its_first_day(rebalance, account):
    files = {"holdings": account.holdings, "wacc": account.wacc}
    old = json.loads(rebalance(as_of="2026-07-15", json=True, **files).out)
    new = json.loads(rebalance(as_of="2026-07-16", json=True, **files).out)
    assert (old["trade_date"], new["trade_date"]) == ("2026-07-16", "2026-07-17")
    panel = read_prices(ROOT / "data" / "sample_market")
    costs, _ = read_account(account.holdings, account.wacc)
    for plan, rate in ((old, 0.075), (new, 0.10)):
        taxed = [order for order in plan["orders"] if order["est_cgt"]]
        assert taxed
        for order in taxed:
            position = costs.positions()[order["symbol"]]
            cost = position.cost / 100 * order["quantity"] / position.units
            gain = order["est_amount"] - order["commission"] - order["sebon_fee"] - order["dp_charge"] - cost
            assert order["est_cgt"] == pytest.approx(rate * gain, abs=0.01)
    assert panel.last_date == date(2026, 8, 21)


def test_nothing_worth_its_cost_is_said_and_still_carries_the_run_id(rebalance, tmp_path):
    """Ten names at the cap of a tenth: nothing can be better, so nothing is traded."""
    out = tmp_path / "out"
    first = json.loads(rebalance(json=True).out)
    rows = "".join(f"{h['symbol']},{h['units']},{h['price']}\n" for h in first["after"]["holdings"])
    holdings = tmp_path / "after.csv"
    holdings.write_text("Scrip,Current Balance,Last Closing Price\n" + rows)
    ran = rebalance(holdings=holdings, cash=str(first["after"]["cash"]), out=out)
    assert ran.code == 0
    assert "nothing is worth its charges" in ran.out
    lines = (out / "orders.csv").read_text().splitlines()
    assert lines[0] == COLUMNS
    assert lines[1].startswith(json.loads((out / "plan.json").read_text())["run_id"])

    (why,) = json.loads((out / "plan.json").read_text())["notes"]
    assert why.startswith("the best single trade, selling")
    assert "bp of wealth a year after cost" in why
    assert f"! {why}" in ran.out


def test_it_says_how_sure_the_orders_are_and_what_would_change_them(done):
    found = done.plan["stability"]
    assert (found["draws"], done.plan["options"]["draws"]) == (200, 200)
    assert done.out.splitlines()[-2] == f"How sure: {found['words']}"
    of_orders = [row["agree"] for row in found["names"] if "side" in row]
    assert len(of_orders) == len(done.plan["orders"])
    firm = sum(share >= 0.8 for share in of_orders)
    assert found["words"].startswith(f"{firm} of {len(of_orders)} orders go")
    assert found["words"] in done.page
    assert "What would change this" in done.page
    largest = max(done.plan["orders"], key=lambda order: order["est_amount"])
    first = done.plan["break_evens"][0]
    assert (first["symbol"], first["side"], first["quantity"]) == tuple(
        largest[key] for key in ("symbol", "side", "quantity")
    )
    assert not any("pays as long as" in row["reason"] for row in done.orders)


def test_without_draws_nothing_is_said_of_them_and_the_orders_are_the_same(rebalance):
    drawn, plain = (rebalance(draws=draws, json=True) for draws in (50, 0))
    assert json.loads(drawn.out)["stability"]["draws"] == 50
    assert "stability" not in json.loads(plain.out)
    assert json.loads(drawn.out)["orders"] == json.loads(plain.out)["orders"]
    assert "How sure" not in rebalance(draws=0).out
    refused = rebalance(draws=10_001)
    assert (refused.code, refused.out) == (2, "")
    assert "draws is 10001; choose at least 1 and at most 10,000" in refused.err


def test_unsettled_cash_is_spent_only_from_the_day_it_settles(rebalance):
    plan = json.loads(rebalance(cash=50_000, unsettled_cash="2026-08-27=400000", json=True).out)
    now = [order for order in plan["orders"] if order["place_on"] < "2026-08-27"]
    later = [order for order in plan["orders"] if order["place_on"] >= "2026-08-27"]
    assert later
    assert -sum(order["est_net_cash"] for order in now) <= 50_000
    assert plan["before"]["cash"] == 450_000


def test_cash_that_settles_on_a_weekend_is_spent_at_the_next_session(rebalance):
    plan = json.loads(rebalance(cash=0, unsettled_cash="2026-08-29=400000", json=True).out)
    assert {order["place_on"] for order in plan["orders"]} == {"2026-08-31"}


def test_a_limit_beyond_the_step_is_marked_to_be_worked_in_steps(rebalance):
    for margin, marked in ((0.01, False), (0.05, True), (0.5, True)):
        plan = json.loads(rebalance(limit_margin=margin, json=True).out)
        assert plan["orders"]
        for order in plan["orders"]:
            assert ("work in steps" in order["reason"]) == marked
            assert order["band_low"] <= order["limit_price"] <= order["band_high"]


def test_a_second_account_with_odd_lots_funds_and_unpriced_holdings_keeps_them(rebalance):
    folder = ROOT / "data" / "sample_accounts" / "account-3"
    plan = json.loads(
        rebalance(
            holdings=folder / "My Shares Values.csv",
            wacc=folder / "My Wacc Report.csv",
            transactions=folder / "Transaction History.csv",
            json=True,
        ).out
    )
    kept = {row["symbol"] for row in plan["untraded"]}
    assert {"XTIN", "XMAPLE86", "XBARLEYP", "XSUMMER", "XNOVA"} <= kept
    assert not kept & {order["symbol"] for order in plan["orders"]}
    before = {row["symbol"]: row["units"] for row in plan["before"]["holdings"]}
    after = {row["symbol"]: row["units"] for row in plan["after"]["holdings"]}
    assert all(before[symbol] == after[symbol] for symbol in kept)


def test_a_promoter_share_a_debenture_a_halted_and_a_merged_name_are_never_bought(rebalance):
    plan = json.loads(rebalance(cash=50_000_000, max_participation=1, json=True).out)
    bought = {order["symbol"] for order in plan["orders"]}
    assert bought
    assert not bought & {"XCEDARP", "XBARLEYP", "XMAPLE86", "XPINE85/86", "XSPRING", "XTIN", "XWILLOW"}


def test_the_function_gives_the_same_orders_as_the_command(rebalance):
    panel = read_prices(ROOT / "data" / "sample_market")
    plan = rebalance_plan(panel, Account(settled_cash=1_000_000_00))
    printed = json.loads(rebalance(json=True).out)["orders"]
    assert [(o.symbol, o.side, o.quantity) for o in plan.orders] == [
        (o["symbol"], o["side"], o["quantity"]) for o in printed
    ]


def test_the_configuration_file_says_the_same_as_the_command_line(rebalance, tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text(
        'max_weight = 0.2\nforbidden = ["XCUCKOO"]\ncash = 1000000\n[unsettled_cash]\n"2026-08-27" = 5000\n'
    )
    by_file = json.loads(rebalance(config=config, cash=None, json=True).out)
    by_line = json.loads(
        rebalance(max_weight=0.2, forbidden="XCUCKOO", unsettled_cash="2026-08-27=5000", json=True).out
    )
    assert by_file == by_line
    assert by_file["options"]["max_weight"] == 0.2
    above = json.loads(rebalance(config=config, max_weight=0.3, json=True).out)
    assert above["options"]["max_weight"] == 0.3


def test_no_path_and_no_personal_column_stands_in_any_output(done, tmp_path, account):
    text = done.page + json.dumps(done.plan) + done.csv_text
    assert str(tmp_path) not in text
    assert "My Shares Values" not in text
    demat = re.search(r"\d{16}", account.wacc.read_text())
    assert demat
    assert demat[0] not in text + done.out + done.err


SAME = {
    "hash seed 1": {"PYTHONHASHSEED": "1"},
    "hash seed 2": {"PYTHONHASHSEED": "2"},
    "locale and zone": {"PYTHONHASHSEED": "0", "LC_ALL": "de_DE.UTF-8", "TZ": "America/New_York"},
    "threads": {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"},
}


def run_elsewhere(folder, name, changed, prices, extra):
    """The command in a process of its own, in a working directory of its own."""
    there = folder / name.replace(" ", "_")
    there.mkdir()
    subprocess.run(
        [
            sys.executable,
            "-m",
            "portfolio_opt",
            "rebalance",
            "--prices",
            os.path.relpath(prices, there),
            *extra,
            "--out",
            "out",
        ],
        cwd=there,
        env=os.environ | {"PYTHONHASHSEED": "0"} | changed,
        check=True,
        capture_output=True,
    )
    return {path.name: path.read_bytes() for path in (there / "out").iterdir()}


def test_the_same_inputs_give_the_same_bytes_everywhere(tmp_path, account):
    extra = ["--holdings", account.holdings, "--wacc", account.wacc, "--cash", "1e6", "--now", "2026-08-23T09:00"]
    first = run_elsewhere(tmp_path, "first", {}, ROOT / "data" / "sample_market", extra)
    for name, changed in SAME.items():
        assert run_elsewhere(tmp_path, name, changed, ROOT / "data" / "sample_market", extra) == first, name


@pytest.mark.skipif(not REAL.exists(), reason="the shared real data is not here")
def test_real_data_give_a_plan(rebalance, tmp_path):
    holdings = tmp_path / "H.csv"
    holdings.write_text(
        "S.N,Scrip,Current Balance,Last Closing Price,Value as of Last Closing Price\n"
        "1,NABIL,1000,518.1,518100\n2,UPPER,1500,194.5,291750\n3,NICAD85/86,20,1050,21000\n"
    )
    wacc = tmp_path / "W.csv"
    wacc.write_text(
        "Scrip,WACC Calculated Quantity,WACC Rate,Total Cost Of Capital\nNABIL,1000,455.12,455120\nUPPER,1500,220,330000\n"
    )
    plan = json.loads(rebalance(prices=REAL, holdings=holdings, wacc=wacc, as_of="2025-08-21", json=True).out)
    assert plan["trade_date"] == "2025-08-24"
    assert plan["orders"]
    caps = [row["weight"] for row in plan["after"]["holdings"]]
    assert max(caps) <= 0.1
    assert not any(math.isnan(weight) for weight in caps)
    assert all(a["day"] <= b["day"] for a, b in pairwise(plan["cash_ladder"]))
