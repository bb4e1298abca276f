"""Bikram Sambat dates beside Gregorian ones: known days, every day in turn, and none where nobody knows."""

import re
from collections import Counter
from datetime import date, timedelta
from itertools import groupby

import pytest

from portfolio_opt.report.bikram_sambat import LAST_YEAR, bikram_sambat

LAST_DAY = date(2027, 4, 13)
ONE_DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2018-07-17", "Shrawan 1, 2075"),  # fiscal years as the Finance Acts have them
        ("2019-07-17", "Shrawan 1, 2076"),
        ("2021-01-24", "Magh 11, 2077"),  # the notice that brought T+2
        ("2021-07-16", "Shrawan 1, 2078"),
        ("2025-04-14", "Baishakh 1, 2082"),
        ("2025-07-17", "Shrawan 1, 2082"),
        ("2026-04-14", "Baishakh 1, 2083"),
        ("2026-07-17", "Shrawan 1, 2083"),
        ("2026-10-18", "Kartik 1, 2083"),  # tables older than the almanac of 2083 say the 17th
        ("2027-01-15", "Magh 1, 2083"),
    ],
)
def test_known_days(day, words):
    assert bikram_sambat(day) == bikram_sambat(date.fromisoformat(day)) == words


def test_months_are_counted_day_by_day_and_follow_each_other():
    first = date(2010, 1, 15)  # the first of a month
    written = [bikram_sambat(first + ONE_DAY * k) for k in range((LAST_DAY - first).days + 1)]
    days = [re.fullmatch(r"([A-Z][a-z]+) (\d+), (\d{4})", words).groups() for words in written]
    months = [(key, [int(number) for _, number, _ in run]) for key, run in groupby(days, lambda day: (day[2], day[0]))]
    assert all(numbers == list(range(1, len(numbers) + 1)) for _, numbers in months)
    assert {len(numbers) for _, numbers in months} == {29, 30, 31, 32}
    years = [year for (year, _), _ in months]
    assert years == sorted(years)
    assert Counter(years) == Counter({"2066": 3} | {str(year): 12 for year in range(2067, LAST_YEAR + 1)})


@pytest.mark.parametrize("day", [LAST_DAY + ONE_DAY, date(2027, 7, 1), date(1900, 1, 1), date.min, date.max])
def test_where_no_almanac_has_fixed_the_day_there_is_none(day):
    assert bikram_sambat(LAST_DAY) == f"Chaitra 30, {LAST_YEAR}"
    assert bikram_sambat(day) == ""
