"""What is said of the days that orders are for, and that nothing is said where all is known."""

from datetime import date, timedelta

import pytest

from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.rules import rulebook
from portfolio_opt.report.session_words import session_warnings

BOOK = rulebook()
DAY = timedelta(days=1)


def said(as_of, trade_date, settles_on, today):
    return session_warnings(as_of, trade_date, settles_on, Calendar([as_of]), today)


def test_of_days_that_are_known_nothing_is_said():
    assert said(date(2026, 8, 12), date(2026, 8, 13), date(2026, 8, 17), date(2026, 8, 13)) == []


def test_orders_of_a_day_that_has_passed_are_said_to_be_history():
    days = date(2026, 8, 12), date(2026, 8, 13), date(2026, 8, 17)
    (warning,) = said(*days, date(2026, 8, 14))
    assert warning.startswith("These orders are for 2026-08-13, which has passed")


def test_days_beyond_the_known_closures_are_provisional():
    last = BOOK.closures_known_until
    (warning,) = said(last - DAY, last, last + 3 * DAY, last)
    assert warning.startswith(f"Provisional sessions: {last + 3 * DAY} to settle. Closures are known here from")


@pytest.mark.parametrize(("behind", "warned"), [(-1, False), (0, True), (30, True)])
def test_after_the_fiscal_year_turns_the_rules_are_to_be_checked(behind, warned):
    turn = date(BOOK.checked.year + (BOOK.checked.month >= 7), 7, 17)
    trade_date = turn + behind * DAY
    found = said(trade_date - DAY, trade_date, trade_date + 2 * DAY, trade_date)
    assert any("The rules were last checked" in words for words in found) == warned
