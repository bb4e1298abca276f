"""The files of an account through the command line: purchases, a trade book, workbooks, and bonus units to come."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_files import DEMAT, HOLDER, as_xlsx

MARKET = Path(__file__).parent.parent.parent / "data" / "sample_market"
CLIENT = "202100123"
BOOK = "CLIENT,CLIENT NAME,SYMBOL,EXCHANGE TRADE ID,TRADE DATE,TRADE TIME,BUY/SELL,TRADE QTY,PRICE(NPR),Value(NPR)\n"
HISTORY = "S.N,Scrip,Transaction Date,Credit Quantity,Debit Quantity,Balance After Transaction,History Description\n"
BONUS_OF, EX_DAY, RATIO = "XOAT", "2026-03-11", 0.05  # the newest bonus of the sample market


def last_close(symbol):
    return pq.read_table(MARKET / "prices.parquet", filters=[("symbol", "=", symbol)]).column("close")[-1].as_py()


def file(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def trades(tmp_path):
    row = f"{CLIENT},{HOLDER},XSIRIUS,2026060200000001,2026-06-02,11:00:00,BUY,200,500.00,100000.00\n"
    return file(tmp_path, "trades.csv", BOOK + row)


@pytest.fixture
def bought(tmp_path):
    return file(
        tmp_path,
        "purchases.csv",
        "Scrip,Transaction Date,Quantity,Rate,Purchase Source\nXSIRIUS,2026-06-02,200,501.85,ON_MARKET\n",
    )


@pytest.fixture
def waiting(tmp_path):
    """A holder of 1,000 units whose bonus of 50 has not been credited."""
    held = file(tmp_path, "holdings.csv", f"Scrip,Current Balance\n{BONUS_OF},1000\n")
    past = file(tmp_path, "history.csv", HISTORY + f"1,{BONUS_OF},2025-01-05,1000,-,1000.0,ON-CR 000001\n")
    return {"holdings": held, "transactions": past}


def plan_of(ran):
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def rules(document):
    return {found["rule"]: found for found in document["data_findings"]}


def test_a_trade_book_alone_is_an_account(rebalance, trades):
    plan = plan_of(rebalance(trade_book=trades, json=True))
    (lot,) = [lot for lot in plan["lots"] if lot["symbol"] == "XSIRIUS"]
    assert (lot["units"], lot["acquired"]) == (200, "2026-06-02")
    assert lot["gain"] == pytest.approx(200 * last_close("XSIRIUS") - 100_370)  # 330.00, 15.00 and 25.00 of charges
    assert "holdings rebuilt from the trade book alone" in rules(plan)


def test_purchases_stand_in_for_a_wacc_report(rebalance, tmp_path, bought):
    held = file(tmp_path, "holdings.csv", "Scrip,Current Balance\nXSIRIUS,200\n")
    plan = plan_of(rebalance(holdings=held, purchases=bought, json=True))
    (lot,) = [lot for lot in plan["lots"] if lot["symbol"] == "XSIRIUS"]
    assert (lot["acquired"], lot["gain"]) == ("2026-06-02", pytest.approx(200 * last_close("XSIRIUS") - 100_370))
    assert not {rule for rule in rules(plan) if "no WACC report" in rule or "no transaction history" in rule}


def test_files_that_disagree_are_listed_by_validate(command, tmp_path, trades, bought):
    held = file(tmp_path, "holdings.csv", "Scrip,Current Balance\nXSIRIUS,150\n")
    given = ("--holdings", held, "--purchases", bought, "--trade-book", trades)
    ran = command("validate", "--prices", MARKET, *given)
    assert ran.code == 0, ran.err
    assert "symbols with other units in the balance than in the trade book: 1 (XSIRIUS)" in ran.out


def test_workbooks_give_the_same_plan(rebalance, account):
    def decided(**given):
        plan = plan_of(rebalance(json=True, **given))
        return {name: plan[name] for name in ("orders", "before", "lots", "data_findings")}

    assert decided(**vars(account)) == decided(**{name: as_xlsx(path) for name, path in vars(account).items()})


def test_another_account_file_is_another_run(rebalance, trades):
    hashes = {plan_of(rebalance(json=True, **given))["account_hash"] for given in ({}, {"trade_book": trades})}
    assert len(hashes) == 2


# ---- bonus units to come


def test_units_to_come_are_wealth_and_are_never_sold(rebalance, waiting):
    plan = plan_of(rebalance(json=True, **waiting))
    without = plan_of(rebalance(json=True, holdings=waiting["holdings"]))
    units = int(1000 * RATIO)
    worth = round(units * last_close(BONUS_OF), 2)
    assert plan["before"]["wealth"] == pytest.approx(without["before"]["wealth"] + worth)
    for when in ("before", "after"):
        (row,) = [row for row in plan[when]["holdings"] if row.get("pending")]
        assert (row["symbol"], row["units"], row["value"]) == (BONUS_OF, units, worth)
        total = sum(row["value"] for row in plan[when]["holdings"]) + plan[when]["cash"]
        assert total == pytest.approx(plan[when]["wealth"])
    sold = sum(order["quantity"] for order in plan["orders"] if (order["symbol"], order["side"]) == (BONUS_OF, "SELL"))
    assert sold <= 1000
    assert {"symbol": BONUS_OF, "units": units, "value": worth, "why": "bonus units owned but not yet listed"} in plan[
        "untraded"
    ]
    assert rules(plan)["symbols with bonus units owned but not yet sellable"]["examples"] == [f"{units} {BONUS_OF}"]


def test_the_page_tells_them_apart_from_what_can_be_sold(rebalance, waiting, tmp_path):
    assert rebalance(out=tmp_path / "out", **waiting).code == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"{BONUS_OF}, bonus to come" in page
    assert "bonus units owned but not yet listed" in page


def test_a_credited_bonus_is_not_counted_again(rebalance, tmp_path, waiting):
    past = waiting["transactions"].read_text() + f"2,{BONUS_OF},2026-04-30,50,-,1050.0,CA-Bonus 1 B-5%\n"
    held = file(tmp_path, "newer.csv", f"Scrip,Current Balance\n{BONUS_OF},1050\n")
    plan = plan_of(rebalance(json=True, holdings=held, transactions=file(tmp_path, "longer.csv", past)))
    assert not [row for row in plan["before"]["holdings"] if row.get("pending")]


def test_a_bonus_of_after_the_day_asked_for_is_not_known(rebalance, waiting):
    plan = plan_of(rebalance(json=True, as_of="2026-03-10", allow_stale=True, **waiting))
    assert not [row for row in plan["before"]["holdings"] if row.get("pending")]
    plan = plan_of(rebalance(json=True, as_of=EX_DAY, allow_stale=True, **waiting))
    assert [row for row in plan["before"]["holdings"] if row.get("pending")]


def test_without_a_history_the_page_says_what_may_be_missing(rebalance, waiting):
    plan = plan_of(rebalance(json=True, holdings=waiting["holdings"], as_of="2026-08-21"))
    assert rules(plan)["holdings that went ex a bonus in the last 180 days"]["examples"] == [BONUS_OF]


# ---- what is personal


def test_nothing_personal_is_printed_or_written(rebalance, command, account, trades, tmp_path):
    for path in (account.holdings, account.wacc, account.transactions):
        text = path.read_text(encoding="utf-8").replace("SYNTHETIC SAMPLE ACCOUNT 1", HOLDER)
        path.write_text(text.replace("0000000000000001", DEMAT), encoding="utf-8")
    assert DEMAT in account.wacc.read_text()
    out = tmp_path / "out"
    for make in (lambda path: path, as_xlsx):
        given = {name: make(path) for name, path in (vars(account) | {"trade_book": trades}).items()}
        for ran in (
            rebalance(out=out, **given),
            rebalance(json=True, **given),
            command("validate", "--prices", MARKET, "--trade-book", given["trade_book"], "--wacc", given["wacc"]),
        ):
            assert ran.code == 0, ran.err
            written = "".join(path.read_text(encoding="utf-8") for path in out.iterdir())
            for secret in (DEMAT, HOLDER, CLIENT, HOLDER.split()[1]):
                assert secret not in ran.out + ran.err + written


def test_two_clients_are_refused_in_one_line(rebalance, trades):
    rows = list(csv.reader(trades.read_text().splitlines()))
    other = [*rows[1]]
    other[0], other[3] = "202100999", "2026060200000002"
    trades.write_text(trades.read_text() + ",".join(other) + "\n")
    ran = rebalance(trade_book=trades)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "trades.csv, line 3: another client" in ran.err
    assert "202100999" not in ran.err


def test_an_encrypted_workbook_is_refused_in_one_line(rebalance, tmp_path):
    (tmp_path / "book.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    ran = rebalance(holdings=tmp_path / "book.xlsx")
    assert (ran.code, ran.out) == (2, "")
    assert "book.xlsx is encrypted or of the old XLS format; save it as CSV UTF-8 or XLSX" in ran.err
