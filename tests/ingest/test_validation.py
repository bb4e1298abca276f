"""Each rule of validation: the smallest market that meets it, and one just outside; nothing else is found in either."""

import itertools
import random
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_sources import plain, quotes_from, random_rows
from small_files import sessions

from portfolio_opt.ingest.findings import Cases, about
from portfolio_opt.ingest.merge import merge
from portfolio_opt.ingest.prices import read_prices
from portfolio_opt.ingest.quotes import EPOCH
from portfolio_opt.ingest.validation import DAY_RULES, GAP_DAYS, RULES, STALE_ROWS, Market, findings_of
from portfolio_opt.market.calendar import LONGEST_CLOSURE
from portfolio_opt.market.rules import rulebook

BOOK = rulebook()
DAYS = [(day - EPOCH).days for day in sessions(60, date(2024, 2, 4)) if day not in BOOK.closures]
MONDAY = (date(2024, 2, 5) - EPOCH).days
FRIDAY = (date(2024, 2, 9) - EPOCH).days
FRIDAY_SESSION = (date(2022, 7, 1) - EPOCH).days  # the exchange traded on Fridays in that summer
LATER = DAYS[0] + LONGEST_CLOSURE
SHUT = min((day - EPOCH).days for day in BOOK.closures if day.weekday() in (6, 0, 1, 2, 3))


def traded(day=DAYS[0], close=100.0, symbol="NABIL", **figures):
    """A row that hangs together, but for what is given."""
    row = dict(symbol=symbol, day=day, source="x", open=close, high=close, low=close, close=close, volume=10.0)
    row = row | {"turnover": 10 * close} | figures
    return {name: value for name, value in row.items() if value is not None}


def series(*closes, days=DAYS, symbol="NABIL"):
    return [traded(day, float(close), symbol) for day, close in zip(days, closes, strict=False)]


def market(rows, index=None):
    rows = sorted(rows, key=lambda row: (row["symbol"], row["day"]))
    return Market(quotes_from(rows), None if index is None else np.array(index, dtype=np.int64))


# rule: (rows, positions of those that meet it, what about them), and rows just outside; index days where the rule asks for them
CASES = {
    "high below low": (
        ([traded(high=99.0, low=101.0, close=100.0, open=None)], [0], [99 / 101]),
        [[traded(high=100.0, low=100.0)], [traded(high=None, low=101.0)], [traded(high=99.0, low=None)]],
    ),
    "close outside the day's low and high": (
        ([traded(close=100.11, high=100.0, low=99.0, open=99.0, turnover=995.0)], [0], [100.11]),
        [[traded(close=100.09, high=100.0, low=99.0, open=99.0)], [traded(close=98.91, high=100.0, low=99.0, open=99.0)]],
    ),
    "open outside the day's low and high": (
        ([traded(open=98.8, high=101.0, low=99.0)], [0], [98.8]),
        [[traded(open=98.95, high=101.0, low=99.0)], [traded(open=101.1, high=101.0, low=99.0)], [traded(open=None)]],
    ),
    "high and low further apart than the day's band allows": (
        ([traded(low=90.0, high=112.0, open=None)], [0], [112 / 90]),
        [
            [traded(low=90.0, high=111.0, open=None)],  # from 10% down to 10% up, and rounding
            [traded(low=None, high=200.0, open=None)],
            [traded(low=1.0, high=None, open=None)],
        ],
    ),
    "turnover that does not fit volume and price": (
        ([traded(turnover=1031.0, high=101.0, low=99.0)], [0], [103.1]),
        [
            [traded(turnover=1030.0, high=101.0, low=99.0)],
            [traded(turnover=970.3, high=101.0, low=99.0)],
            [traded(turnover=5000.0, high=None, low=None, open=None)],
        ],
    ),
    "units without turnover": (
        ([traded(turnover=0.0), traded(DAYS[1], 101.0, turnover=None)], [0, 1], None),
        [[traded(turnover=1000.0)]],
    ),
    "prices without units": (
        ([traded(volume=0.0, turnover=0.0), traded(DAYS[1], 101.0, volume=None)], [0, 1], None),
        [[traded(volume=1.0, turnover=100.0)]],
    ),
    "closes ten or a hundred times off the last one": (
        (series(100, 1110, 100, 9, 1000), [1, 2, 3, 4], [11.1, 100 / 1110, 0.09, 1000 / 9]),
        [
            series(100, 870),
            series(100, 1130),
            series(100, 8600),
            series(100, 11.3),
            series(100, 50, 25),
            series(100, 1000, days=(DAYS[0], DAYS[0] + GAP_DAYS + 1)),  # after a long halt anything may be
            [traded(close=100.0, symbol="ADBL"), traded(DAYS[1], 1000.0)],
        ],
    ),
    f"runs of {STALE_ROWS} or more rows with one close": (
        (series(99, *[100] * STALE_ROWS, 101), [STALE_ROWS], [STALE_ROWS]),
        [
            series(99, *[100] * (STALE_ROWS - 1), 101),
            series(*[100] * 5, symbol="ADBL") + series(*[100] * 5, days=DAYS[5:]),
            series(*[100, 100, 101] * 5),
        ],
    ),
    f"gaps of {GAP_DAYS} days or more": (
        (series(100, 101, days=(DAYS[0], DAYS[0] + GAP_DAYS)), [1], [GAP_DAYS]),
        [
            series(100, 101, days=(DAYS[0], DAYS[0] + GAP_DAYS - 1)),
            [traded(), traded(DAYS[0] + 99, symbol="OTHER")],
        ],
    ),
    "rows on a day outside the trading week": (
        ([traded(FRIDAY)], [0], None),
        [[traded(FRIDAY - 1)], [traded(FRIDAY + 2)], [traded(FRIDAY_SESSION)], ([traded(FRIDAY)], [FRIDAY])],
    ),
    f"rows of a day more than {LONGEST_CLOSURE} days after any other": (
        ([traded(), traded(LATER + 1, 101.0, "ADBL")], [0], None),
        [
            [traded(), traded(LATER, 101.0, "ADBL")],
            [traded(), traded(DAYS[20], 101.0, "ADBL"), traded(LATER + 1, 101.0, "THIRD")],
            [traded(LATER + 1)],
        ],
    ),
    "rows on a day when the exchange was shut": (
        ([traded(SHUT)], [0], None),
        [[traded(SHUT - 7)], [traded(SHUT + 7)]],
    ),
    "rows on a day that the index does not know": (
        (series(100, 101, 102), [1], None, [DAYS[0], DAYS[2]]),
        [
            (series(100, 101, 102), DAYS[:3]),
            (series(100, 101, 102), [DAYS[1]]),  # before and after its time an index says nothing
            series(100, 101, 102),
        ],
    ),
}  # fmt: skip


def found_in(rows, index=None):
    return {finding.rule: finding for finding in findings_of(market(rows, index))}


def test_every_rule_of_the_table_has_a_case():
    assert [rule.name for rule in RULES] == list(CASES)
    assert len({rule.find for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.find.__name__)
def test_the_smallest_market_that_meets_a_rule(rule):
    (rows, positions, values, *index), _ = CASES[rule.name]
    found = found_in(rows, *index)
    assert list(found) == [rule.name]
    finding = found[rule.name]
    assert (finding.rows, finding.severity, finding.effect) == (len(positions), rule.severity, rule.effect)
    expected = sorted(rows, key=lambda row: (row["symbol"], row["day"]))
    assert finding.cases.symbol.tolist() == [expected[k]["symbol"] for k in positions]
    assert finding.cases.day.tolist() == [expected[k]["day"] for k in positions]
    if values is None:
        assert finding.cases.value is None
        assert all(case.keys() == {"symbol", "date"} for case in finding.cases.listed())
    else:
        assert finding.cases.value == pytest.approx(values)
    newest = max(positions, key=lambda k: expected[k]["day"])
    day = EPOCH + timedelta(days=expected[newest]["day"])
    assert finding.examples[0] == f"{expected[newest]['symbol']} on {day}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.find.__name__)
def test_a_market_just_outside_a_rule(rule):
    for case in CASES[rule.name][1]:
        rows, index = case if isinstance(case, tuple) else (case, None)
        assert rule.name not in found_in(rows, index), case


def test_rows_that_hang_together_meet_no_rule():
    assert found_in(series(100, 101, 102)) == {}


def plainly(rows):
    """Which rows of a market meet the rules that look back, symbol by symbol."""
    slips, stale, gaps = set(), set(), set()
    for name in {row["symbol"] for row in rows}:
        own = sorted((row for row in rows if row["symbol"] == name), key=lambda row: row["day"])
        run = 1
        for k, row in enumerate(own):
            last = k + 1 == len(own) or own[k + 1]["close"] != row["close"]
            if last and run >= STALE_ROWS:
                stale.add((name, row["day"]))
            run = 1 if last else run + 1
            if not k:
                continue
            days, ratio = row["day"] - own[k - 1]["day"], row["close"] / own[k - 1]["close"]
            if days >= GAP_DAYS:
                gaps.add((name, row["day"]))
            power = round(np.log10(ratio))
            if power and abs(ratio / 10.0**power - 1) <= 0.12 and days <= GAP_DAYS:
                slips.add((name, row["day"]))
    return slips, stale, gaps


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_rules_that_look_back_find_what_a_symbol_by_symbol_reading_finds(seed):
    rng = random.Random(seed)
    rows = [
        traded(day, rng.choice((1.0, 10.0, 9.5, 100.0, 1000.0)) if rng.random() < 0.3 else 100.0, symbol)
        for symbol in ("AA", "BB", "CC")
        for day in sorted(rng.sample(range(DAYS[0], DAYS[0] + rng.choice((40, 400))), 25))
    ]
    found = found_in(rows)
    names = (
        "closes ten or a hundred times off the last one",
        *(name for name in CASES if name.startswith(("runs", "gaps"))),
    )
    for name, expected in zip(names, plainly(rows), strict=True):
        cases = found[name].cases if name in found else None
        here = set(zip(cases.symbol.tolist(), cases.day.tolist(), strict=True)) if cases else set()
        assert here == expected, name


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_no_rule_fails_or_changes_a_row_on_any_merged_rows(seed):
    rows, reasons = random_rows(random.Random(seed))
    kept = merge(quotes_from(rows), np.array(reasons, dtype=object)).quotes
    before = plain(kept)
    for index in (None, [], sorted({row["day"] for row in rows})):
        for finding in findings_of(Market(kept, None if index is None else np.array(index, dtype=np.int64))):
            assert 0 < finding.rows == len(finding.cases.day) <= len(kept)
    assert plain(kept) == before


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_the_rules_about_days_need_neither_order_nor_one_row_a_day(seed):
    rng = random.Random(seed)
    rows, _ = random_rows(rng, date(2022, 7, 1), steps=(1, 1, 3, 200))
    found = findings_of(Market(quotes_from(rows)), DAY_RULES)
    again = findings_of(Market(quotes_from(rng.sample(rows, len(rows)))), DAY_RULES)
    assert [(each.rule, sorted(map(str, each.cases.listed()))) for each in found] == [
        (each.rule, sorted(map(str, each.cases.listed()))) for each in again
    ]
    days = sorted({row["day"] for row in rows})
    alone = {day for before, day in itertools.pairwise(days) if day - before > LONGEST_CLOSURE}
    far = [each.cases.day.tolist() for each in found if "days after any other" in each.rule]
    assert set(itertools.chain(*far)) == alone


def test_a_finding_about_names_has_all_of_them_as_cases():
    names = ["AA", "BB", "CC", "DD", "EE", "FF"]
    found = about("names", names, "kept")
    assert (found.rows, found.examples) == (6, tuple(names[:5]))
    assert found.as_record()["cases"] == [{"symbol": name} for name in names]


def test_a_case_has_a_day_and_a_value_only_where_there_is_one():
    cases = Cases(np.array(["AA", "BB"]), np.array([MONDAY, MONDAY]), np.array([1.5, np.nan]))
    day = {"date": "2024-02-05"}
    assert cases.listed() == [{"symbol": "AA"} | day | {"value": 1.5}, {"symbol": "BB"} | day]
    assert Cases(cases.symbol, cases.day).listed() == [{"symbol": "AA"} | day, {"symbol": "BB"} | day]


def test_what_the_rules_find_stands_in_the_panel(tmp_path):
    (tmp_path / "NABIL.csv").write_text(
        "published_date,open,high,low,close,per_change,traded_quantity,traded_amount,status\n2024-02-09,1,2,3,2.5,0,0,0,0\n"
    )
    rules = [finding.rule for finding in read_prices(tmp_path).findings]
    assert [name for name in CASES if name in rules] == [
        "high below low",
        "prices without units",
        "rows on a day outside the trading week",
    ]
