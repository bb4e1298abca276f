"""Bonus units that are owned but not yet in the account: from the units before the ex day, until a credit brings them."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from account_exports import JANUARY, history, holdings, in_january
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_files import finding, rules_of

from portfolio_opt.ingest.account.history import read_transactions
from portfolio_opt.ingest.account.movements import Settlement
from portfolio_opt.ingest.account.pending import pending_bonus
from portfolio_opt.ingest.account.symbols import Symbols
from portfolio_opt.ingest.corporate.actions import Action
from portfolio_opt.market.calendar import Calendar

EX = date(2026, 2, 10)  # a Tuesday
AS_OF = date(2026, 3, 10)
OWNED = "symbols with bonus units owned but not yet sellable"
SETTLEMENT = Settlement(Calendar())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


def bonus(ratio=0.1, ex_date=EX, symbol="NABIL", kind="bonus"):
    return Action(symbol, kind, ex_date, ratio=ratio)


def pending(folder, rows, *actions, as_of=AS_OF, balance=None):
    past = read_transactions(history(folder, *rows), Symbols()) if rows is not None else None
    if balance is None:
        balance = {name: each.moved for name, each in past.items() if each.moved}
    return pending_bonus(actions, as_of, past, balance, SETTLEMENT)


def test_units_before_the_ex_day_times_the_ratio_rounded_down(folder):
    rows = [("NABIL", JANUARY, 100), ("NABIL", date(2026, 3, 1), 50), ("ADBL", JANUARY, 19)]
    units, findings = pending(folder, rows, bonus(0.125), bonus(0.1, symbol="ADBL"), bonus(0.1, symbol="NICA"))
    assert units == {"ADBL": 1, "NABIL": 12}
    found = finding(findings, OWNED)
    assert found.examples == ("1 ADBL", "12 NABIL")
    assert "not sold" in found.effect


@settings(deadline=None)
@given(held=st.integers(1, 10**6), percent=st.integers(1, 2000))
@example(held=100, percent=290)
def test_the_product_is_rounded_down_exactly(held, percent, tmp_path_factory):
    """A ratio such as 0.29 is no binary fraction; 100 units of it are 29, not 28."""
    folder = tmp_path_factory.mktemp("exact")
    units, _ = pending(folder, [("NABIL", JANUARY, held)], bonus(percent / 1000))
    assert units.get("NABIL", 0) == int(Fraction(held * percent, 1000))


@pytest.mark.parametrize(("booked", "counts"), [("2026-02-08", True), ("2026-02-11", True), ("2026-02-12", False)])
def test_trades_count_from_their_trade_date(folder, booked, counts):
    """A purchase on Monday, the eve of the ex day, is credited on Wednesday; one on the ex day on Thursday."""
    units, _ = pending(folder, [("NABIL", booked, 100)], bonus())
    assert units == ({"NABIL": 10} if counts else {})


@pytest.mark.parametrize(("booked", "counts"), [("2026-02-09", True), ("2026-02-10", False)])
def test_other_credits_count_from_their_day(folder, booked, counts):
    units, _ = pending(folder, [("NABIL", booked, 100, "INITIAL PUBLIC OFFERING 1")], bonus())
    assert units == ({"NABIL": 10} if counts else {})


def test_units_sold_on_or_after_the_ex_day_still_bring_their_bonus(folder):
    units, _ = pending(folder, [("NABIL", JANUARY, 100), ("NABIL", date(2026, 2, 12), -100, "ON-DR 1")], bonus())
    assert units == {"NABIL": 10}


def test_units_from_before_the_history_count_where_its_balances_tell_them(folder):
    units, _ = pending(folder, [("NABIL", JANUARY, 10, "ON-CR 1", "110.0")], bonus(), balance={"NABIL": 110})
    assert units == {"NABIL": 11}


@pytest.mark.parametrize("words", ["CA-Bonus 00001 B-10%-2025-26", "ca-bonus"])
def test_a_bonus_credit_delivers(folder, words):
    rows = [("NABIL", JANUARY, 100), ("NABIL", date(2026, 3, 9), 10, words)]
    assert pending(folder, rows, bonus()) == ({}, [])


@pytest.mark.parametrize("words", ["CA-Rights 00001 R-10%", "ON-CR 1 B-10%", "CA-Merger"])
def test_no_other_credit_does(folder, words):
    rows = [("NABIL", JANUARY, 100), ("NABIL", date(2026, 3, 9), 10, words)]
    assert pending(folder, rows, bonus())[0] == {"NABIL": 10}


def test_a_credit_from_before_the_ex_day_or_after_the_day_asked_for_delivers_nothing(folder):
    early = [("NABIL", JANUARY, 90), ("NABIL", in_january(9), 10, "CA-Bonus 1")]
    assert pending(folder, early, bonus())[0] == {"NABIL": 10}
    late = [("NABIL", JANUARY, 100), ("NABIL", AS_OF + timedelta(1), 10, "CA-Bonus 1")]
    assert pending(folder, late, bonus(), balance={"NABIL": 100})[0] == {"NABIL": 10}


def test_a_credit_delivers_the_bonus_whose_units_it_matches_else_the_oldest(folder):
    both = bonus(0.1), bonus(0.2, ex_date=date(2026, 2, 20))
    for credited, left in ((20, 10), (10, 20), (15, 20)):
        rows = [("NABIL", JANUARY, 100), ("NABIL", date(2026, 3, 1), credited, "CA-Bonus 1")]
        assert pending(folder, rows, *both)[0] == {"NABIL": left}


@pytest.mark.parametrize(
    "action", [bonus(kind="right"), bonus(kind="cash"), bonus(ex_date=AS_OF + timedelta(1)), bonus(0.001)]
)
def test_what_gives_no_units_yet_is_nothing(folder, action):
    assert pending(folder, [("NABIL", JANUARY, 100)], action) == ({}, [])


def test_a_bonus_goes_ex_on_the_day_itself(folder):
    assert pending(folder, [("NABIL", JANUARY, 100)], bonus(ex_date=AS_OF))[0] == {"NABIL": 10}


def test_a_bonus_that_never_came_is_not_reckoned_with_for_ever(folder):
    rows = [("NABIL", date(2024, 1, 1), 100)]
    units, findings = pending(folder, rows, bonus(ex_date=date(2025, 3, 9)), bonus(0.2))
    assert units == {"NABIL": 20}
    assert finding(findings, "bonuses of more than 365 days ago that the history shows no credit for").rows == 1


def test_units_that_the_balance_may_hold_already_are_not_counted_twice(folder):
    units, findings = pending(folder, [("NABIL", JANUARY, 100)], bonus(), balance={"NABIL": 110})
    assert units == {}
    assert len(findings) == 1
    assert findings[0].severity == "warning"
    assert pending(folder, [("NABIL", JANUARY, 100)], bonus(), balance={"NABIL": 105})[0] == {"NABIL": 10}


def test_without_a_history_recent_bonuses_of_holdings_are_named(folder):
    actions = [bonus(), bonus(symbol="ADBL", ex_date=AS_OF - timedelta(181)), bonus(symbol="NICA")]
    units, findings = pending(folder, None, *actions, balance={"NABIL": 100, "ADBL": 5})
    assert units == {}
    found = finding(findings, "holdings that went ex a bonus in the last 180 days")
    assert (found.severity, found.examples) == ("warning", ("NABIL",))
    assert "--transactions" in found.effect


def test_the_order_of_actions_does_not_matter(folder):
    actions = [bonus(0.1), bonus(0.3, ex_date=EX - timedelta(30)), bonus(0.2, ex_date=EX + timedelta(5))]
    rows = [("NABIL", JANUARY - timedelta(300), 100), ("NABIL", date(2026, 3, 1), 20, "CA-Bonus")]
    assert pending(folder, rows, *actions) == pending(folder, rows, *actions[::-1])


def test_holdings_alone_say_nothing_about_bonuses_nobody_announced(folder):
    assert rules_of(pending(folder, None, balance={"NABIL": 1})[1]) == set()
    assert holdings(folder, NABIL=1).exists()
