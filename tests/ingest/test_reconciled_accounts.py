"""Where the files of one account disagree: every kind is listed with its symbols, and nothing is made of it."""

import itertools
from datetime import date

import pytest
from account_exports import JANUARY, history, holdings, in_january, lots_of, purchases, trade_book, wacc
from hypothesis import given
from hypothesis import strategies as st
from small_files import finding, rules_of

from portfolio_opt.ingest.account.history import read_transactions
from portfolio_opt.ingest.account.symbols import Symbols
from portfolio_opt.ingest.account_files import read_account

BROKEN = "symbols whose printed balances in the transaction history do not follow from its rows"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


def between(one, other):
    return f"symbols with other units in the {one} than in the {other}"


def history_of(folder, *rows):
    return read_transactions(history(folder, *rows), Symbols())["NABIL"]


# ---- the balances that a history prints

STEPS = (
    ("NABIL", JANUARY, 10, "ON-CR 1", "10.0"),
    ("NABIL", in_january(3), 5, "ON-CR 2", "15.0"),
    ("NABIL", in_january(3), -8, "ON-DR 3", "7.0"),
    ("NABIL", in_january(3), 1, "CA-Bonus 4", "8.0"),
)


@pytest.mark.parametrize("rows", list(itertools.permutations(STEPS)))
def test_the_last_balance_does_not_depend_on_the_order_of_the_rows(folder, rows):
    read = history_of(folder, *rows)
    assert (read.opening, read.last_balance, read.whole) == (0, 8, True)


@given(moves=st.lists(st.tuples(st.integers(0, 4), st.integers(-9, 9).filter(bool)), min_size=1, max_size=7))
def test_balances_that_follow_from_the_rows_hang_together(tmp_path_factory, moves):
    at, rows = 100, []
    for day, units in sorted(moves):
        at += units
        rows.append(("NABIL", in_january(day), units, "x", at))
    read = history_of(tmp_path_factory.mktemp("whole"), *rows)
    assert read.whole
    assert read.last_balance in (at, None)  # None where a day leads in a circle from an unknown start


@pytest.mark.parametrize("gone", [1, 2])
def test_a_row_that_is_missing_is_noticed(folder, gone):
    rows = [STEPS[0], *STEPS[2:]] if gone == 1 else [STEPS[0], ("NABIL", in_january(9), 5, "ON-CR", 25)]
    assert not history_of(folder, *rows).whole
    _, findings = read_account(holdings(folder, NABIL=8), None, history(folder, *rows))
    assert finding(findings, BROKEN).examples == ("NABIL",)


def test_units_from_before_the_history_are_its_opening(folder):
    read = history_of(folder, ("NABIL", in_january(3), 5, "ON-CR", 105), ("NABIL", in_january(9), -5, "ON-DR", 100))
    assert (read.opening, read.last_balance, read.whole) == (100, 100, True)


@pytest.mark.parametrize("after", ["-", ""])
def test_a_balance_that_is_not_printed_is_open(folder, after):
    read = history_of(folder, ("NABIL", JANUARY, 10, "ON-CR", 10), ("NABIL", in_january(3), 5, "ON-CR", after))
    assert (read.last_balance, read.whole) == (None, True)


# ---- pairs of files


def test_a_balance_that_is_not_the_historys_last_is_said(folder):
    moves = history(folder, *STEPS, ("ADBL", JANUARY, 10, "x", 10), ("GONE", JANUARY, 3))
    account, findings = read_account(holdings(folder, NABIL=9, ADBL=10), None, moves)
    found = finding(findings, between("balance", "transaction history"))
    assert (found.severity, found.examples) == ("warning", ("the symbol in line 7 of history.csv", "NABIL"))
    assert account.positions()["NABIL"].units == 9


def test_every_pair_of_files_is_compared(folder):
    """Five files, five opinions."""
    account, findings = read_account(
        holdings(folder, NABIL=50),
        wacc(folder, NABIL=(40, 4000)),
        history(folder, ("NABIL", JANUARY, 35, "x", 35), ("NABIL", in_january(1), -5, "ON-DR", 30)),
        purchases=purchases(folder, ("NABIL", JANUARY, 25, "100", "IPO")),
        trade_book=trade_book(folder, ("NABIL", JANUARY, 10, 100)),
    )
    assert account.positions()["NABIL"].units == 50
    files = ("WACC report", "purchase source", "transaction history", "trade book")
    expected = {between(*pair) for pair in itertools.combinations(("balance", *files), 2)} - {
        between("balance", "WACC report")
    }
    assert rules_of(findings) == expected | {
        "holdings with fewer units in the WACC report than in the balance",
        "holdings that the transaction history does not fully explain",
    }
    assert all(found.examples == ("NABIL",) for found in findings)


def test_a_difference_that_follows_from_another_is_told_once(folder):
    """Only the WACC report is behind; that it differs from the history too says nothing new."""
    _, findings = read_account(
        holdings(folder, NABIL=10), wacc(folder, NABIL=(6, 600)), history(folder, ("NABIL", JANUARY, 10, "x", 10))
    )
    assert rules_of(findings) == {"holdings with fewer units in the WACC report than in the balance"}


def test_files_that_agree_have_nothing_to_say(folder):
    account, findings = read_account(
        holdings(folder, NABIL=15),
        wacc(folder, NABIL=(15, 8061.35)),
        history(folder, ("NABIL", in_january(4), 20, "ON-CR", 20), ("NABIL", date(2026, 2, 2), -5, "ON-DR", 15)),
        purchases=purchases(folder, ("NABIL", JANUARY, 20, "537.4235")),
        trade_book=trade_book(folder, ("NABIL", JANUARY, 20, 534.0), ("NABIL", date(2026, 1, 29), -5, 600.0)),
    )
    assert findings == []
    assert lots_of(account) == [(15, in_january(4))]
    assert account.positions()["NABIL"].cost == 8061_35
