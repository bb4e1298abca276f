"""The rulebook's form, and each of its values on the last day of the old regime and the first day of the new one."""

from datetime import date, timedelta
from fractions import Fraction
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.market.money import paisa, ppm, rupees
from portfolio_opt.market.rules import INVESTORS, Rulebook, rulebook

BOOK = rulebook()
ROWS = [(name, row) for name, rows in BOOK.tables.items() for row in rows]
ONE_DAY = timedelta(days=1)
days = st.dates(BOOK.begins, date(2030, 1, 1))


def on(day: str):
    return BOOK.on(date.fromisoformat(day))


def percent(rate_ppm: int) -> Fraction:
    return Fraction(rate_ppm, 10_000)


def percents(text: str) -> list[Fraction]:
    return [Fraction(rate) for rate in text.split()]


# ---- form


@pytest.mark.parametrize("name", BOOK.tables)
def test_rows_are_contiguous(name):
    rows = BOOK.tables[name]
    assert BOOK.row(name, BOOK.begins) is rows[0]
    for row, successor in pairwise(rows):
        assert BOOK.row(name, successor["from"] - ONE_DAY) is row
        assert BOOK.row(name, successor["from"]) is successor
    assert BOOK.row(name, date.max) is rows[-1]


@given(day=days)
def test_every_day_has_exactly_the_newest_row_that_has_begun(day):
    for name, rows in BOOK.tables.items():
        begun = [row for row in rows if row["from"] <= day]
        assert BOOK.row(name, day) is max(begun, key=lambda row: row["from"])


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}-{row['from']}" for name, row in ROWS])
def test_every_row_says_since_when_how_surely_and_from_where(name, row):
    assert BOOK.begins <= row["from"] <= BOOK.checked
    assert row["status"] in ("known", "assumed")
    assert row["confidence"] in ("H", "M", "L")
    assert row["source"].strip()
    assert row["status"] == "known" or row is BOOK.tables[name][0], "only the first row may be carried back"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from = 2016-07-20", "from = 2009-12-31"),  # falls
        ("from = 2016-07-20", "from = 2010-01-01"),  # repeats
        ("begins = 2010-01-01", "begins = 2009-01-01"),  # leaves a gap at the start
        ('["500000", "0.33"]', '["50000", "0.33"]'),  # an empty slab
    ],
)
def test_a_table_with_a_hole_is_refused(old, new):
    text = files("portfolio_opt.market").joinpath("rules.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ValueError, match="rise"):
        Rulebook(text.replace(old, new, 1)).on(date(2026, 9, 1))


def test_before_the_rulebook_begins_there_are_no_rules():
    day = BOOK.begins - ONE_DAY
    with pytest.raises(InvalidInput, match="2009-12-31"):
        BOOK.on(day)
    with pytest.raises(InvalidInput, match="begins on 2010-01-01"):
        BOOK.weekdays(day)
    assert BOOK.on(BOOK.begins).day == BOOK.begins


# ---- assumed rows


def assumed_tables(day: str) -> set[str]:
    return {line.partition(" from ")[0] for line in on(day).assumed}


ASSUMED_UNTIL = [
    ("commission, equity", "2016-07-20"),
    ("board lot", "2018-01-01"),
    ("sebon fee, equity", "2020-01-01"),
    ("dp charge", "2020-07-01"),
    ("commission minimum", "2020-12-27"),
    ("commission, mutual fund", "2020-12-27"),
    ("commission, debenture", "2020-12-27"),
    ("commission, government bond", "2020-12-27"),
    ("sebon fee, mutual fund", "2020-12-27"),
    ("sebon fee, debenture", "2020-12-27"),
    ("sebon fee, government bond", "2020-12-27"),
]


@pytest.mark.parametrize(("table", "known_from"), ASSUMED_UNTIL)
def test_an_assumed_row_is_reported_until_the_known_one_begins(table, known_from):
    last_assumed = date.fromisoformat(known_from) - ONE_DAY
    for day in (BOOK.begins, last_assumed):
        (line,) = [line for line in BOOK.on(day).assumed if line.startswith(table + " from ")]
        assert f"from 2010-01-01 to {last_assumed}: " in line
    assert table not in assumed_tables(known_from)


def test_the_earliest_days_assume_every_listed_table_and_no_other():
    assert assumed_tables("2010-01-01") == {table for table, _ in ASSUMED_UNTIL}


@pytest.mark.parametrize("day", ["2020-12-27", "2024-05-14", "2026-07-17", "2026-09-01"])
def test_nothing_is_assumed_since_the_schedule_of_december_2020(day):
    assert on(day).assumed == ()


# ---- charges


@pytest.mark.parametrize(
    ("day", "rates"),
    [
        ("2016-07-19", "1.00 0.90 0.50 0.45 0.40"),  # sourced below 500,000, above it carried back
        ("2016-07-20", "0.60 0.55 0.50 0.45 0.40"),
        ("2020-12-26", "0.60 0.55 0.50 0.45 0.40"),
        ("2020-12-27", "0.40 0.37 0.34 0.30 0.27"),
        ("2024-05-13", "0.40 0.37 0.34 0.30 0.27"),
        ("2024-05-14", "0.36 0.33 0.31 0.27 0.24"),
        ("2026-09-01", "0.36 0.33 0.31 0.27 0.24"),
    ],
)
def test_equity_commission(day, rates):
    slabs = on(day).commission["equity"]
    assert [percent(rate) for rate in slabs.rates] == percents(rates)
    assert [rupees(end) for end in slabs.up_to[:-1]] == ["50,000.00", "500,000.00", "2,000,000.00", "10,000,000.00"]


@pytest.mark.parametrize(
    ("day", "instrument", "rates"),
    [
        ("2020-12-26", "mutual_fund", "0.30 0.12 0.10"),
        ("2020-12-27", "mutual_fund", "0.15 0.12 0.10"),
        ("2024-05-14", "mutual_fund", "0.15 0.12 0.10"),
        ("2020-12-27", "debenture", "0.10 0.05 0.02"),
        ("2024-05-14", "debenture", "0.10 0.05 0.02"),
        ("2020-12-27", "government_bond", "0.10 0.05 0.02"),
        ("2024-05-14", "government_bond", "0.10 0.05 0.02"),
    ],
)
def test_commission_of_other_instruments(day, instrument, rates):
    slabs = on(day).commission[instrument]
    assert [percent(rate) for rate in slabs.rates] == percents(rates)
    assert [rupees(end) for end in slabs.up_to[:-1]] == ["500,000.00", "5,000,000.00"]


@pytest.mark.parametrize("day", ["2020-12-27", "2024-05-14", "2026-09-01"])
def test_fees_besides_commission(day):
    rules = on(day)
    assert rules.commission_minimum == paisa("10.00")
    assert rules.dp_charge == paisa("25.00")
    assert {instrument: percent(rate) for instrument, rate in rules.sebon_fee.items()} == {
        "equity": Fraction("0.015"),
        "mutual_fund": Fraction("0.010"),
        "debenture": Fraction("0.010"),
        "government_bond": Fraction("0.005"),
    }


# ---- tax


@pytest.mark.parametrize(
    ("sale_date", "short", "long"),
    [
        ("2010-01-01", "5", "5"),
        ("2018-07-16", "5", "5"),
        ("2018-07-17", "7.5", "7.5"),
        ("2019-07-16", "7.5", "7.5"),
        ("2019-07-17", "5", "5"),
        ("2021-07-15", "5", "5"),
        ("2021-07-16", "7.5", "5"),
        ("2026-07-16", "7.5", "5"),
        ("2026-07-17", "10", "7.5"),
        ("2026-09-01", "10", "7.5"),
    ],
)
def test_capital_gains_tax(sale_date, short, long):
    taxes = on(sale_date).capital_gains_tax
    assert set(taxes) == set(INVESTORS)
    expected = {
        "individual": (short, long),
        "entity": ("10", "10"),
        "fund": ("0", "0"),
        "non-resident": ("25", "25"),
    }
    for investor, rates in taxes.items():
        assert (rates.short, rates.long) == tuple(ppm(rate) for rate in expected[investor])
        assert rates.long_after_days == 365


# ---- prices


@pytest.mark.parametrize(
    ("day", "tick"), [("2010-01-01", "1.00"), ("2021-07-17", "1.00"), ("2021-07-18", "0.10"), ("2026-09-01", "0.10")]
)
def test_tick(day, tick):
    rules = on(day)
    assert rules.tick_of("equity") == paisa(tick)
    assert rules.tick_of("mutual_fund") == paisa("0.01")
    assert rules.tick_of("promoter_share") == rules.tick_of("unknown") == rules.tick_of("equity")


@pytest.mark.parametrize(
    ("day", "band", "pre_open", "step"),
    [
        ("2021-07-17", "10", "5", "2"),
        ("2021-07-18", "10", "2", "2"),
        ("2026-04-17", "10", "2", "2"),
        ("2026-04-19", "10", "2", "2"),  # a Sunday without a session: the old rules hold to the last day
        ("2026-04-20", "15", "5", "3"),
        ("2026-09-01", "15", "5", "3"),
    ],
)
def test_bands(day, band, pre_open, step):
    rules = on(day)
    assert (rules.price_band, rules.pre_open_band, rules.order_step) == (ppm(band), ppm(pre_open), ppm(step))


@pytest.mark.parametrize("day", ["2018-01-01", "2026-09-01"])
def test_board_lot(day):
    rules = on(day)
    assert rules.lot_of("equity") == rules.lot_of("promoter_share") == 10
    assert rules.lot_of("mutual_fund") == 100


# ---- calendar

SUN_TO_THU, MON_TO_FRI, SUN_TO_FRI = {6, 0, 1, 2, 3}, {0, 1, 2, 3, 4}, {6, 0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("day", "week"),
    [
        ("2010-01-01", SUN_TO_THU),
        ("2022-05-12", SUN_TO_THU),
        ("2022-05-13", MON_TO_FRI),  # no session until 05-17: closures, not a gap between weeks
        ("2022-05-17", MON_TO_FRI),
        ("2022-06-17", MON_TO_FRI),
        ("2022-06-19", SUN_TO_FRI),
        ("2022-09-16", SUN_TO_FRI),
        ("2022-09-18", SUN_TO_THU),
        ("2026-04-09", SUN_TO_THU),
        ("2026-04-10", MON_TO_FRI),
        ("2026-09-01", MON_TO_FRI),
    ],
)
def test_trading_week(day, week):
    assert BOOK.weekdays(date.fromisoformat(day)) == week


@pytest.mark.parametrize(("day", "sessions"), [("2021-01-23", 3), ("2021-01-24", 2), ("2026-09-01", 2)])
def test_settlement(day, sessions):
    assert on(day).settlement_sessions == sessions


@pytest.mark.parametrize("day", sorted(BOOK.closures), ids=str)
def test_a_listed_closure_falls_on_a_weekday_of_the_trading_week(day):
    assert day.weekday() in BOOK.weekdays(day)
    assert day <= BOOK.closures_known_until <= BOOK.checked


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        ("2025-09-09", "2025-09-17", "unrest"),
        ("2025-09-29", "2025-10-06", "Dashain"),
        ("2025-10-20", "2025-10-23", "Tihar"),
    ],
)
def test_a_closure_of_many_days_leaves_no_trading_day_out(first, last, why):
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    span = [start + ONE_DAY * k for k in range((end - start).days + 1)]
    assert {day for day in span if day.weekday() in BOOK.weekdays(day)} <= BOOK.closures, why
