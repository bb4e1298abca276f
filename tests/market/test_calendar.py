"""Sessions: the observed ones, else the trading week less closures; and days counted in sessions."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.rules import rulebook

PLAIN = Calendar()
BOOK = rulebook()
ONE_DAY = timedelta(days=1)
days = st.dates(date(2021, 1, 1), date(2027, 12, 31))
archives = st.sets(st.dates(date(2024, 2, 1), date(2024, 6, 30)), min_size=1)  # any days: the archive is believed
near_the_archive = st.dates(date(2024, 1, 1), date(2024, 7, 31))


def days_after(day: date, until: date) -> list[date]:
    return [day + ONE_DAY * k for k in range(1, (until - day).days + 1)]


@given(day=days)
def test_without_an_archive_a_session_is_a_trading_weekday_that_is_no_closure(day):
    assert PLAIN.is_session(day) == (day.weekday() in BOOK.weekdays(day) and day not in BOOK.closures)


@given(observed=archives, day=near_the_archive)
def test_an_archive_decides_between_its_first_and_last_session(observed, day):
    calendar = Calendar(observed)
    if min(observed) <= day <= max(observed):
        assert calendar.is_session(day) == (day in observed)
    else:
        assert calendar.is_session(day) == PLAIN.is_session(day)


def test_an_observed_session_outside_the_trading_week_counts():
    special_friday = date(2012, 2, 17)
    assert not PLAIN.is_session(special_friday)
    assert Calendar([date(2012, 2, 16), special_friday, date(2012, 2, 21)]).is_session(special_friday)


def assert_passes_exactly(calendar: Calendar, day: date, count: int) -> None:
    end = calendar.add_sessions(day, count)
    passed = [d for d in days_after(day, end) if calendar.is_session(d)]
    assert len(passed) == count == calendar.sessions_between(day, end)
    assert end == (passed[-1] if count else day)


@given(day=days, count=st.integers(0, 30))
def test_adding_sessions_passes_exactly_that_many(day, count):
    assert_passes_exactly(PLAIN, day, count)


@given(observed=archives, day=near_the_archive, count=st.integers(0, 30))
def test_adding_sessions_passes_exactly_that_many_observed_ones(observed, day, count):
    assert_passes_exactly(Calendar(observed), day, count)


@given(day=days, steps=st.tuples(st.integers(0, 15), st.integers(0, 15)))
def test_sessions_add_up(day, steps):
    first, second = steps
    middle = PLAIN.add_sessions(day, first)
    end = PLAIN.add_sessions(day, first + second)
    assert PLAIN.add_sessions(middle, second) == end
    assert PLAIN.sessions_between(day, middle) + PLAIN.sessions_between(middle, end) == PLAIN.sessions_between(day, end)


@given(day=days)
def test_next_and_first_session_are_the_nearest_ones(day):
    first, following = PLAIN.first_session(day), PLAIN.next_session(day)
    assert day <= first <= following > day
    assert PLAIN.is_session(first)
    assert PLAIN.is_session(following)
    assert (first == day) == PLAIN.is_session(day)
    assert not any(PLAIN.is_session(d) for d in days_after(day, following - ONE_DAY))


@pytest.mark.parametrize(
    ("trade", "settles", "why"),
    [
        ("2022-05-11", "2022-05-17", "Wed, then Thu, Tue: Friday and Monday of the first short week were closed"),
        ("2022-05-12", "2022-05-18", "Thu, then Tue, Wed"),
        ("2022-05-19", "2022-05-23", "Thu, then Fri, Mon: Friday trades, Sunday does not"),
        ("2022-06-16", "2022-06-19", "Thu, then Fri, Sun: the six-day week begins"),
        ("2022-06-17", "2022-06-20", "Fri, then Sun, Mon"),
        ("2022-09-15", "2022-09-18", "Thu, then Fri, Sun: the last Friday"),
        ("2022-09-22", "2022-09-26", "Thu, then Sun, Mon: Friday is free again"),
        ("2026-04-08", "2026-04-10", "Wed, then Thu, Fri: the first Friday"),
        ("2026-04-09", "2026-04-13", "Thu, then Fri, Mon: Sunday is free"),
        ("2026-04-10", "2026-04-15", "Fri, then Mon, Wed: new year's day between"),
        ("2025-09-08", "2025-09-21", "Mon, then Thu 18, Sun 21: unrest"),
        ("2025-09-28", "2025-10-08", "Sun, then Tue 7, Wed 8: Dashain"),
        ("2026-04-12", "2026-04-15", "a day without a session counts from where it stands"),
    ],
)
def test_t_plus_2_across_changes_of_the_week_and_holidays(trade, settles, why):
    day = date.fromisoformat(trade)
    assert BOOK.on(day).settlement_sessions == 2
    assert PLAIN.add_sessions(day, 2) == date.fromisoformat(settles), why


def test_the_last_t_plus_3_trade_settles_with_the_first_t_plus_2_trade():
    for trade in (date(2021, 1, 21), date(2021, 1, 24)):
        assert PLAIN.add_sessions(trade, BOOK.on(trade).settlement_sessions) == date(2021, 1, 26)


def test_days_after_the_known_closures_are_provisional():
    known = BOOK.closures_known_until
    assert not PLAIN.is_provisional(known)
    assert PLAIN.is_provisional(known + ONE_DAY)
    later = Calendar([known, known + 10 * ONE_DAY])
    assert not later.is_provisional(known + 10 * ONE_DAY)
    assert later.is_provisional(known + 11 * ONE_DAY)
    assert Calendar([date(2020, 1, 1)]).is_provisional(known + ONE_DAY)


def test_a_hole_in_the_archive_is_refused_and_the_day_named():
    broken = Calendar([date(2019, 1, 1), date(2021, 1, 1)])
    with pytest.raises(InvalidInput, match="no session in the 200 days"):
        broken.first_session(date(2020, 1, 1))
    with pytest.raises(InvalidInput, match="no session in the 200 days"):
        broken.next_session(date(2019, 1, 1))


def test_the_longest_closure_so_far_is_no_hole():
    calendar = Calendar([date(2020, 3, 22), date(2020, 6, 29), date(2020, 6, 30)])
    assert calendar.next_session(date(2020, 3, 22)) == date(2020, 6, 29)
    assert calendar.first_session(date(2020, 3, 23)) == date(2020, 6, 29)
    assert calendar.sessions_between(date(2020, 3, 22), date(2020, 6, 30)) == 2


def test_before_the_rulebook_begins_there_is_no_trading_week():
    with pytest.raises(InvalidInput, match="begins on 2010-01-01"):
        PLAIN.is_session(BOOK.begins - ONE_DAY)
