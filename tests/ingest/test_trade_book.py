"""The broker's trade book: trades by trade date, charges recomputed, one client, and an account made of it alone."""

import random
from datetime import date

import pytest
from account_exports import (
    BOOK_HEADER,
    CLIENT,
    JANUARY,
    history,
    holdings,
    in_january,
    lots_of,
    purchases,
    trade_book,
    wacc,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import HOLDER, finding, refusal, rules_of

from portfolio_opt.ingest.account.movements import Settlement
from portfolio_opt.ingest.account.symbols import Symbols
from portfolio_opt.ingest.account.trade_book import read_trade_book
from portfolio_opt.ingest.account_files import read_account
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.orders import sale
from portfolio_opt.market.rules import rulebook

ALONE = "holdings rebuilt from the trade book alone"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


def book_alone(folder, *rows):
    return read_account(trade_book=trade_book(folder, *rows))


# ---- the worked examples of the rules


def test_a_purchase_costs_its_amount_and_the_charges_of_its_day(folder):
    """Example 1: 200 at 520.00 on 2026-09-01 are paid with 104,383.80."""
    account, _ = book_alone(folder, ("NABIL", date(2026, 9, 1), 200, 520))
    assert [(lot.units, lot.cost, lot.acquired) for lot in account.lots] == [(200, 104_383_80, date(2026, 9, 1))]


def test_the_rules_of_the_trade_date_count(folder):
    """Example 7, the third purchase, at the rates since May 2024; before that 0.34% of the same amount."""
    account, _ = book_alone(folder, ("NABIL", date(2026, 6, 1), 1000, 620), ("ADBL", date(2024, 5, 13), 1000, 620))
    cost = {name: position.cost for name, position in account.positions().items()}
    assert cost["NABIL"] == 622_040_00
    assert cost["ADBL"] == 620_000_00 + 2_108_00 + 93_00 + 25_00


def test_the_fills_of_a_day_are_one_order(folder):
    """80 and 40 units of one order: one commission on the whole amount and one DP charge."""
    fills = [("NABIL", JANUARY, 80, 600), ("NABIL", JANUARY, 40, 600)]
    account, _ = book_alone(folder, *fills)
    assert account.positions()["NABIL"].cost == 72_000_00 + 237_60 + 10_80 + 25_00
    assert lots_of(account) == [(120, JANUARY)]


def test_a_sale_of_mixed_age(folder):
    """Example 13: what two purchases leave after a sale, and what the sale brings."""
    rows = [("NABIL", date(2025, 6, 2), 100, 400), ("NABIL", date(2026, 6, 1), 100, 600)]
    before, _ = book_alone(folder, *rows)
    position = before.positions()["NABIL"]
    sold = date(2026, 12, 10)
    rules = rulebook().on(sold)
    long = position.units_long(sold, rules.capital_gains_tax["individual"].long_after_days)
    money = sale(
        rules, "individual", "equity", 150, 700_00, held=position.units, held_long=long, total_cost=position.cost
    )
    assert (position.cost, long) == (100_407_00, 100)
    assert (money.tax, money.net_cash) == (2_442_29, 102_170_46)
    after, _ = book_alone(folder, *rows, ("NABIL", sold, -150, 700))
    assert after.positions()["NABIL"].cost == 25_101_75
    assert lots_of(after) == [(50, date(2026, 6, 1))]


def test_fund_units_pay_the_charges_of_funds(folder):
    """Example 6: 1,000 fund units at 9.25 are paid with 9,289.81."""
    path = trade_book(folder, ("FUND", date(2026, 6, 1), 1000, 9.25))
    (bought,) = read_trade_book(path, Symbols(), {"FUND": "mutual_fund"}, Settlement(Calendar()))["FUND"]
    assert bought.cost == 9_289_81


# ---- an account from the trade book alone


def test_what_the_book_leaves_is_held_and_what_it_cannot_know_is_said(folder):
    rows = [("NABIL", JANUARY, 30, 500), ("ADBL", in_january(1), 10, 300), ("ADBL", in_january(7), -10, 310)]
    account, findings = book_alone(folder, *rows)
    assert lots_of(account) == [(30, JANUARY)]
    assert list(account.positions()) == ["NABIL"]
    assert account.cost_known
    assert account.ages_known
    found = finding(findings, ALONE)
    assert (found.severity, found.examples) == ("warning", ("the symbol in line 2 of trades.csv",))
    assert "bonus" in found.effect


def test_more_sold_than_bought_is_refused_without_holdings(folder):
    path = trade_book(
        folder, ("NABIL", JANUARY, 10, 500), ("NABIL", in_january(7), -20, 500), ("NABIL", in_january(9), 90, 500)
    )
    message = refusal(read_account, trade_book=path)
    assert message.startswith(
        "trade book: more of the symbol in line 2 of trades.csv was sold by 2026-01-08 than bought"
    )
    assert "give --holdings" in message
    account, _ = read_account(holdings(folder, NABIL=80), trade_book=path)
    assert account.positions()["NABIL"].units == 80


def test_a_history_that_leaves_other_units_is_refused_without_holdings(folder):
    path = trade_book(folder, ("NABIL", JANUARY, 10, 500))
    moves = [("NABIL", in_january(5), 10), ("NABIL", in_january(9), 1, "CA-Bonus 1")]
    assert "units of the symbol in line 2 of history.csv; give --holdings" in refusal(
        read_account, transactions=history(folder, *moves), trade_book=path
    )
    account, _ = read_account(transactions=history(folder, moves[0]), trade_book=path)
    assert lots_of(account) == [(10, in_january(5))]


def test_other_files_without_holdings_are_said_not_to_count(folder):
    account, findings = read_account(wacc=wacc(folder, NABIL=(10, 1000)), cash=5)
    assert account.lots == ()
    assert finding(findings, "account files without holdings").effect.endswith("give --holdings")


# ---- beside holdings


def test_trade_dates_stand_where_the_history_is_silent(folder):
    path = trade_book(folder, ("NABIL", JANUARY, 10, 500), ("ADBL", JANUARY, 10, 300))
    account, findings = read_account(holdings(folder, NABIL=10, ADBL=10), trade_book=path)
    assert lots_of(account) == [(10, JANUARY)]
    assert account.positions()["NABIL"].cost == 5000_00 + 18_00 + 75 + 25_00
    assert findings == []
    account, findings = read_account(
        holdings(folder, NABIL=10, ADBL=10), None, history(folder, ("NABIL", in_january(5), 10)), trade_book=path
    )
    assert lots_of(account) == [(10, in_january(5))]
    assert lots_of(account, "ADBL") == [(10, JANUARY)]
    assert findings == []


def test_trades_from_before_the_history_are_joined_to_it_and_no_others(folder):
    """The history begins with the credit of the second purchase; a sale in it takes the first."""
    path = trade_book(folder, ("NABIL", date(2025, 6, 2), 10, 500), ("NABIL", in_january(0), 20, 500))
    moves = [("NABIL", in_january(5), 20), ("NABIL", in_january(20), -4, "ON-DR 1")]
    account, findings = read_account(holdings(folder, NABIL=26), None, history(folder, *moves), trade_book=path)
    assert lots_of(account) == [(6, date(2025, 6, 2)), (20, in_january(5))]
    assert "holdings that the transaction history does not fully explain" not in rules_of(findings)


def test_offerings_and_bonuses_come_from_the_purchase_source_beside_the_trades(folder):
    path = trade_book(folder, ("NABIL", JANUARY, 10, 500))
    rows = [
        ("NABIL", date(2025, 1, 1), 10, "100", "IPO"),
        ("NABIL", JANUARY, 10, "504.375"),
        ("NABIL", in_january(9), 2, "", "BONUS"),
    ]
    account, findings = read_account(holdings(folder, NABIL=22), purchases=purchases(folder, *rows), trade_book=path)
    assert lots_of(account) == [(10, date(2025, 1, 1)), (10, JANUARY), (2, in_january(9))]
    assert account.positions()["NABIL"].cost == 1000_00 + 5043_75 + 200_00
    assert rules_of(findings) == {"symbols with other units in the balance than in the trade book"}


def test_a_balance_that_the_trades_do_not_leave_is_a_note(folder):
    path = trade_book(folder, ("NABIL", JANUARY, 10, 500))
    _, findings = read_account(holdings(folder, NABIL=8), wacc(folder, NABIL=(8, 800)), trade_book=path)
    found = finding(findings, "symbols with other units in the balance than in the trade book")
    assert (found.severity, found.examples) == ("note", ("NABIL",))


trades = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 300), st.integers(100, 90_000)), min_size=1, max_size=8)


@settings(deadline=None)
@given(rows=trades, seed=st.integers(0, 10**6))
def test_the_order_of_the_rows_does_not_matter(folder, rows, seed):
    named = [("NABIL", in_january(day), units, price / 100) for day, units, price in rows]
    lines = trade_book(folder, *named).read_text().splitlines()
    accounts = [
        read_account(trade_book=written(folder, "trades", lines[0], *each))
        for each in (lines[1:], random.Random(seed).sample(lines[1:], len(named)))
    ]
    assert accounts[0] == accounts[1]
    position = accounts[0][0].positions()["NABIL"]
    assert position.units == sum(units for _, units, _ in rows)
    assert sum(lot.cost for lot in position.lots) > sum(units * price for _, units, price in rows)
    assert len(position.lots) == len({day for day, _, _ in rows})


# ---- refused

ROW = f"{CLIENT},{HOLDER},NABIL,2026010100000001,2026-01-01,11:00:00,BUY,10,500.00,5000.00"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",5000.00", ",5002.00", "price × quantity is not the value; columns may have shifted"),
        ("500.00,", "0,", "price × quantity is not the value"),
        (",10,", ",0,", "price × quantity is not the value"),
        (",10,", ",1.5,", "line 2: trade qty '1.5' is not a whole number of shares"),
        (",10,", ",-10,", "line 2: trade qty '-10'"),
        ("BUY", "HOLD", "line 2: buy/sell is neither BUY nor SELL"),
        ("2026-01-01", "01/01/2026", "line 2: trade date '01/01/2026' is not a date"),
        ("2026-01-01", "2082-09-17", "line 2: trade date '2082-09-17' reads as a Bikram Sambat date"),
        ("2026-01-01", "2026-01-02", "trade date is 2026-01-02, but the trade id is of 2026-01-01"),
        ("2026010100000001,2026-01-01", "7,2009-12-31", "lies before 2010-01-01"),
        ("2026010100000001", "", "exchange trade id is empty"),
        (",11:00:00", "", "line 2: 9 fields under a header of 10"),
    ],
)
def test_a_row_that_cannot_be_read_with_certainty_is_refused(folder, old, new, words):
    assert old in ROW
    path = written(folder, "trades", BOOK_HEADER, ROW.replace(old, new, 1))
    assert words in refusal(read_account, trade_book=path)


@pytest.mark.parametrize("value", ["5000", "5000.50", '"5,000.00"'])
def test_a_value_in_whole_rupees_is_near_enough(folder, value):
    account, _ = read_account(trade_book=written(folder, "trades", BOOK_HEADER, ROW.replace(",5000.00", f",{value}")))
    assert account.positions()["NABIL"].units == 10


@pytest.mark.parametrize("trade", ["2082091700000001", "A-17", "12", "9999999999999999"])
def test_a_trade_id_that_names_no_gregorian_day_says_nothing(folder, trade):
    account, _ = read_account(trade_book=written(folder, "trades", BOOK_HEADER, ROW.replace("2026010100000001", trade)))
    assert lots_of(account) == [(10, JANUARY)]


@pytest.mark.parametrize("side", ["BUY", "buy", "B", " Buy "])
def test_the_side_is_read_in_any_case(folder, side):
    account, _ = read_account(trade_book=written(folder, "trades", BOOK_HEADER, ROW.replace("BUY", side)))
    assert account.positions()["NABIL"].units == 10


def test_one_trade_twice_is_refused(folder):
    path = written(folder, "trades", BOOK_HEADER, ROW, ROW)
    assert "line 3: exchange trade id is empty or stands twice" in refusal(read_account, trade_book=path)


@pytest.mark.parametrize(("old", "new"), [(CLIENT, "202100999"), (HOLDER, "RAM THAPA")])
def test_two_clients_are_refused_and_neither_is_named(folder, old, new):
    path = written(folder, "trades", BOOK_HEADER, ROW, ROW.replace("00001,", "00002,").replace(old, new))
    message = refusal(read_account, trade_book=path)
    assert "line 3: another client" in message
    assert CLIENT not in message
    assert new not in message


def test_the_personal_columns_may_be_left_out(folder):
    path = written(folder, "trades", BOOK_HEADER.split(", ", 2)[2], ROW.split(",", 2)[2])
    assert lots_of(read_account(trade_book=path)[0]) == [(10, JANUARY)]
