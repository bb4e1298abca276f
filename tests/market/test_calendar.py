"""Sessions: the observed ones, else the trading week less closures and holidays; and days counted in sessions."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.market.calendar import LONGEST_CLOSURE, Calendar, Holidays
from portfolio_opt.market.rules import rulebook

PLAIN = Calendar()
BOOK = rulebook()
ONE_DAY = timedelta(days=1)
days = st.dates(date(2021, 1, 1), date(2027, 12, 31))
archives = st.sets(st.dates(date(2024, 2, 1), date(2024, 6, 30)), min_size=1)  # any days: the archive is believed
whole_archives = archives.filter(lambda observed: longest_gap(observed) <= LONGEST_CLOSURE)
near_the_archive = st.dates(date(2024, 1, 1), date(2024, 7, 31))
REAL = Path(__file__).parents[3] / "shared" / "data" / "nepse" / "prices.parquet"


def longest_gap(observed) -> int:
    """Days of the longest way from one session to the next."""
    return max((after - before).days for before, after in pairwise([min(observed), *sorted(observed)]))


@st.composite
def calendars(draw):
    """Calendars of every make: with or without an archive, with closures and special sessions by a user's word."""
    told = draw(st.dictionaries(near_the_archive, st.booleans(), max_size=40))
    closed, opened = ({day: "" for day, shut in told.items() if shut == kind} for kind in (True, False))
    return Calendar(draw(st.one_of(st.just(frozenset()), archives)), Holidays(closed, opened))


def days_after(day: date, until: date) -> list[date]:
    return [day + ONE_DAY * k for k in range(1, (until - day).days + 1)]


@given(day=days)
def test_without_an_archive_a_session_is_a_trading_weekday_that_is_no_closure(day):
    assert PLAIN.is_session(day) == (day.weekday() in BOOK.weekdays(day) and day not in BOOK.closures)


@given(observed=whole_archives, day=near_the_archive)
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


@given(calendar=calendars(), day=near_the_archive, steps=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_sessions_add_up(calendar, day, steps):
    first, second = steps
    middle = calendar.add_sessions(day, first)
    end = calendar.add_sessions(day, first + second)
    assert calendar.add_sessions(middle, second) == end
    assert calendar.sessions_between(day, middle) == first
    assert calendar.sessions_between(middle, end) == second
    assert calendar.sessions_between(end, day) == 0


@given(calendar=calendars(), one=near_the_archive, other=near_the_archive, count=st.integers(0, 40))
def test_a_later_day_never_leads_to_an_earlier_one(calendar, one, other, count):
    first, second = sorted((one, other))
    assert calendar.add_sessions(first, count) <= calendar.add_sessions(second, count)
    assert calendar.add_sessions(first, count) < calendar.add_sessions(first, count + 1)


@given(calendar=calendars(), day=near_the_archive)
def test_a_day_is_a_session_in_every_way_of_asking_or_in_none(calendar, day):
    before, session = day - ONE_DAY, calendar.is_session(day)
    assert (calendar.sessions_between(before, day) == 1) == session
    assert (calendar.next_session(before) == day) == session
    assert (calendar.first_session(day) == day) == session


def test_sessions_are_counted_forward():
    with pytest.raises(InvalidInput, match="counted forward, not -1"):
        PLAIN.add_sessions(date(2026, 8, 21), -1)


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


@given(before=archives, after=archives, apart=st.integers(LONGEST_CLOSURE + 1, 900), day=st.integers(-100, 1300))
def test_an_archive_with_a_hole_says_of_it_what_no_archive_would_and_elsewhere_what_its_parts_say(
    before, after, apart, day
):
    """Of a hole and of its edges alike, in every way of asking."""
    before = {d.replace(year=2018) for d in before if d != date(2024, 2, 29)} or {date(2018, 2, 1)}
    moved = max(before) + apart * ONE_DAY - min(after)
    after = {d + moved for d in after}
    whole, early, late = Calendar(before | after), Calendar(before), Calendar(after)
    asked = date(2018, 1, 1) + day * ONE_DAY
    part = early if asked <= max(before) else late
    assert whole.is_session(asked) == part.is_session(asked)
    assert whole.is_provisional(asked) == part.is_provisional(asked)
    assert whole.is_provisional(max(before) + ONE_DAY)
    assert whole.is_provisional(min(after) - ONE_DAY)
    assert_passes_exactly(whole, asked, 40)


def test_the_longest_closure_so_far_is_no_hole():
    calendar = Calendar([date(2020, 3, 22), date(2020, 6, 29), date(2020, 6, 30)])
    assert calendar.next_session(date(2020, 3, 22)) == date(2020, 6, 29)
    assert calendar.first_session(date(2020, 3, 23)) == date(2020, 6, 29)
    assert calendar.sessions_between(date(2020, 3, 22), date(2020, 6, 30)) == 2
    assert not calendar.is_provisional(date(2020, 5, 1))


@pytest.mark.parametrize("apart", [LONGEST_CLOSURE, LONGEST_CLOSURE + 1])
def test_what_lasts_longer_than_any_closure_did_is_a_hole(apart):
    before = date(2019, 1, 1)
    calendar = Calendar([before, before + apart * ONE_DAY])
    hole = apart > LONGEST_CLOSURE
    assert calendar.is_provisional(before + ONE_DAY) == hole
    assert calendar.is_session(before + ONE_DAY) == hole
    assert calendar.next_session(before) == (before + ONE_DAY if hole else before + apart * ONE_DAY)


def test_no_session_for_too_long_is_refused_and_the_day_named():
    closed = dict.fromkeys(days_after(FRIDAY, FRIDAY + 300 * ONE_DAY), "")
    with pytest.raises(InvalidInput, match=f"no session in the {LONGEST_CLOSURE} days after {FRIDAY}"):
        Calendar([FRIDAY], Holidays(closed)).next_session(FRIDAY)


def test_before_the_rulebook_begins_there_is_no_trading_week():
    with pytest.raises(InvalidInput, match="begins on 2010-01-01"):
        PLAIN.is_session(BOOK.begins - ONE_DAY)


# ---- a user's holidays


FRIDAY = date(2026, 8, 21)  # the last day of the shipped closures; all later ones are provisional
MONDAY, TUESDAY, SUNDAY = date(2026, 8, 24), date(2026, 8, 25), date(2026, 8, 30)


def told(closed=(), opened=(), observed=(FRIDAY,)):
    return Calendar(observed, Holidays(dict.fromkeys(closed, ""), dict.fromkeys(opened, "")))


def test_a_holiday_moves_the_next_session_and_the_settlement():
    assert Calendar([FRIDAY]).next_session(FRIDAY) == MONDAY
    calendar = told(closed=[MONDAY])
    assert calendar.next_session(FRIDAY) == TUESDAY
    assert calendar.add_sessions(TUESDAY, 2) == date(2026, 8, 27)
    assert told(closed=[MONDAY, date(2026, 8, 26)]).add_sessions(TUESDAY, 2) == date(2026, 8, 28)


def test_a_special_session_is_one_although_its_weekday_is_free():
    assert not PLAIN.is_session(SUNDAY)
    assert told(opened=[SUNDAY]).is_session(SUNDAY)
    assert told(opened=[SUNDAY]).next_session(date(2026, 8, 28)) == SUNDAY


def test_a_day_with_a_holiday_file_is_as_provisional_as_without():
    calendar = told(closed=[MONDAY], opened=[SUNDAY])
    assert [calendar.is_provisional(day) for day in (FRIDAY, MONDAY, TUESDAY, SUNDAY)] == [False, True, True, True]


def test_prices_and_the_rulebooks_list_are_believed_before_the_file():
    session, closure = date(2026, 7, 1), date(2026, 5, 1)
    assert session not in BOOK.closures
    assert closure in BOOK.closures
    calendar = told(closed=[session, FRIDAY], opened=[closure])
    assert calendar.is_session(session)
    assert calendar.is_session(FRIDAY)
    assert not calendar.is_session(closure)
    assert calendar.contradicted() == [closure, session, FRIDAY]


@given(observed=archives, day=near_the_archive, shut=st.booleans())
def test_a_file_decides_exactly_the_days_that_are_provisional(observed, day, shut):
    calendar = told([day] if shut else [], [] if shut else [day], observed)
    unaided = Calendar(observed)
    if unaided.is_provisional(day):
        assert calendar.is_session(day) != shut
        assert calendar.contradicted() == []
    else:
        assert calendar.is_session(day) == unaided.is_session(day)
        assert (calendar.contradicted() == [day]) == (unaided.is_session(day) == shut)


def test_a_file_without_days_says_nothing_of_any():
    assert Holidays().until is None
    assert told([MONDAY], [SUNDAY]).holidays.until == SUNDAY


# ---- counted sessions


def daily(start, count, step=1):
    return [start + step * ONE_DAY * k for k in range(count)]


def test_a_year_is_counted_when_no_session_of_it_can_lie_outside_the_archive():
    observed = [day for day in daily(date(2025, 1, 1), 500) if PLAIN.is_session(day)]
    assert observed[0] == date(2025, 1, 1)
    assert observed[-1] > date(2026, 1, 1)
    assert Calendar(observed).sessions_in(2025) == 225, "what the shared notes say of 2025"
    assert Calendar(observed).sessions_in(2026) is None
    assert Calendar(observed).sessions_in(2024) is None
    assert Calendar(observed[1:]).sessions_in(2025) is None, "the first of January was a session"
    assert Calendar(observed).sessions_by_year() == {2025: 225}
    assert Calendar().sessions_by_year() == {}


def test_holidays_at_its_end_complete_a_year():
    observed = [day for day in daily(date(2026, 1, 1), 362) if PLAIN.is_session(day)]
    assert observed[-1] == date(2026, 12, 28)
    assert Calendar(observed).sessions_in(2026) is None
    rest = dict.fromkeys((date(2026, 12, 29), date(2026, 12, 30), date(2026, 12, 31)), "")
    assert Calendar(observed, Holidays(rest)).sessions_in(2026) == len(observed)


def test_a_year_before_the_rulebook_is_not_counted():
    assert Calendar(daily(date(2009, 6, 1), 400)).sessions_by_year() == {}


def test_sessions_a_year_are_counted():
    every_other_day = Calendar(daily(date(2020, 1, 1), 400, step=2))  # for 2.2 years
    assert every_other_day.sessions_per_year() == pytest.approx(365.25 / 2)


def test_only_the_last_five_years_are_counted():
    first = daily(date(2010, 1, 1), 2000)
    weekly = daily(first[-1] + 7 * ONE_DAY, 299, step=7)  # 5.7 years
    assert Calendar([*first, *weekly]).sessions_per_year() == pytest.approx(365.25 / 7, rel=0.005)


def trading_days(first, last):
    return [day for day in days_after(first - ONE_DAY, last) if PLAIN.is_session(day)]


STRAY = {"a slip of the pen": date(2045, 5, 5), "one newer day": date(2024, 1, 10), "one older day": date(2011, 3, 1)}


@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY.keys())
def test_a_stray_day_far_from_the_archive_changes_no_count(stray):
    observed = trading_days(date(2014, 1, 1), date(2023, 8, 21))
    clean, dirty = Calendar(observed), Calendar([*observed, stray])
    assert list(clean.sessions_by_year()) == list(range(2014, 2023))
    assert dirty.sessions_by_year() == clean.sessions_by_year()
    assert dirty.sessions_per_year() == clean.sessions_per_year()


def test_a_year_that_touches_a_hole_is_not_whole():
    observed = [
        *trading_days(date(2014, 1, 1), date(2017, 11, 30)),
        *trading_days(date(2019, 4, 1), date(2021, 12, 31)),
    ]
    calendar = Calendar(observed)
    by_hand = Counter(day.year for day in observed)
    assert calendar.sessions_by_year() == {year: by_hand[year] for year in (2014, 2015, 2016, 2020, 2021)}
    assert [calendar.sessions_in(year) for year in (2017, 2018, 2019)] == [None] * 3


def test_a_hole_is_neither_sessions_nor_time():
    """Five years are gathered from both sides of the hole."""
    every_other_day = daily(date(2016, 1, 1), 700, step=2)
    weekly = daily(every_other_day[-1] + 500 * ONE_DAY, 160, step=7)  # for 3.05 years
    days_left = 5 * 365.25 - 7 * 159
    expected = (159 + days_left / 2) / 5
    assert Calendar([*every_other_day, *weekly]).sessions_per_year() == pytest.approx(expected, abs=0.5)


def test_a_closure_lowers_the_count():
    without_april = Calendar(day for day in daily(date(2024, 1, 1), 731) if day.month != 4)
    assert without_april.sessions_per_year() == pytest.approx(365.25 - 30, abs=1)


@pytest.mark.parametrize("sessions", [1, 2, 10])
def test_a_very_short_archive_does_not_claim_more_sessions_than_a_month_would_have(sessions):
    assert Calendar(daily(date(2024, 1, 1), sessions)).sessions_per_year() == (sessions - 1) * 12


def test_without_an_archive_no_number_of_sessions_is_assumed():
    with pytest.raises(InvalidInput, match="counted from an archive"):
        PLAIN.sessions_per_year()


# ---- the real archive


@pytest.fixture(scope="module")
def real():
    if not REAL.exists():
        pytest.skip("the shared real data is not here")
    return Calendar(pq.read_table(REAL, columns=["date"])["date"].to_pylist())


def test_the_real_archive_has_as_many_sessions_as_its_notes_say(real):
    published = "2011 230, 2012 231, 2013 231, 2014 229, 2015 217, 2016 232, 2017 230, 2018 240, 2019 245, 2020 184, "
    published += "2021 239, 2022 242, 2023 227, 2024 232"
    counted = ", ".join(f"{year} {count}" for year, count in real.sessions_by_year().items() if year > 2010)
    assert counted == published
    assert 217 < real.sessions_per_year() < 245


def test_the_trading_weeks_are_the_weekdays_that_each_era_traded_on(real):
    rows = BOOK.tables["trading_week"]
    ends = [row["from"] for row in rows[1:]] + [date.max]
    for row, end in zip(rows, ends, strict=True):
        seen = Counter(day.weekday() for day in real.observed if row["from"] <= day < end)
        week = BOOK.weekdays(row["from"])
        outside = sum(count for weekday, count in seen.items() if weekday not in week)
        assert outside <= 2, "two Fridays of 2010 and 2011"
        assert not seen or all(seen[weekday] >= 4 for weekday in week), row["from"]


def test_the_rulebooks_closures_agree_with_the_archive_where_both_speak(real):
    both = [day for day in days_after(date(2024, 12, 31), real.observed[-1]) if day >= BOOK.closures_known_from]
    assert len(both) > 200
    assert [day for day in both if PLAIN.is_session(day) != real.is_session(day)] == []


def test_settlement_counts_the_archives_own_sessions_across_eras_and_closures(real):
    at = {day: k for k, day in enumerate(real.observed)}
    for day in real.observed[:-3]:
        sessions = BOOK.on(day).settlement_sessions
        assert sessions == (2 if day >= date(2021, 1, 24) else 3)
        assert real.add_sessions(day, sessions) == real.observed[at[day] + sessions]
    longest = sorted(pairwise(real.observed), key=lambda pair: pair[0] - pair[1])[:10]
    for before, after in longest:
        assert real.next_session(before) == real.first_session(before + ONE_DAY) == after
        assert real.sessions_between(before, after) == 1


@pytest.mark.parametrize(
    ("trade", "settles", "why"),
    [
        ("2015-04-23", "2015-05-26", "T+3 over the earthquake: 24, 25, 26 May"),
        ("2020-03-22", "2020-06-29", "T+3 over the COVID closure: 12 and 13 May, 29 June"),
        ("2021-01-21", "2021-01-26", "the last T+3"),
        ("2021-01-24", "2021-01-26", "the first T+2"),
        ("2022-05-12", "2022-05-18", "the two-day weekend begins"),
        ("2022-06-17", "2022-06-20", "the six-day week begins"),
        ("2022-09-16", "2022-09-20", "Sunday to Thursday again: 18, then 20 after Constitution Day"),
        ("2024-10-09", "2024-10-16", "Dashain: 15, 16 October"),
    ],
)
def test_a_trade_of_the_archive_settles(real, trade, settles, why):
    day = date.fromisoformat(trade)
    assert real.add_sessions(day, BOOK.on(day).settlement_sessions) == date.fromisoformat(settles), why


@pytest.mark.parametrize("stray", [date(2026, 3, 18), date(2045, 5, 5)])
def test_a_stray_day_behind_the_real_archive_changes_no_count(real, stray):
    dirty = Calendar([*real.observed, stray])
    assert dirty.sessions_by_year() == real.sessions_by_year()
    assert dirty.sessions_per_year() == real.sessions_per_year()
    assert dirty.next_session(real.observed[-1]) == real.next_session(real.observed[-1]) < stray
