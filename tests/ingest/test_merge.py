"""Rows of any sources become one row a symbol and day; the rest is set aside with a reason, and the order never matters."""

import itertools
import random
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_sources import SYMBOLS, in_order, merged_plainly, merged_rows, plain, quotes_from, random_rows

from portfolio_opt.ingest.companies import company_key, symbols_by_company, under_symbols
from portfolio_opt.ingest.csv_table import Row
from portfolio_opt.ingest.merge import (
    COPY,
    COPY_SHARE,
    COPY_SYMBOLS,
    CURATED,
    DERIVED,
    LOOK_BACK,
    OUTRANKED,
    RANKS,
    SATURDAY,
    TWICE,
    on_saturday,
)
from portfolio_opt.ingest.quotes import EPOCH, NO_ROWS
from portfolio_opt.ingest.shapes.recognise import CSV_SHAPES, JSON_LISTS
from portfolio_opt.ingest.tables import TABLES, merged

MONDAY = (date(2025, 1, 6) - EPOCH).days
FRIDAY, SUNDAY = MONDAY + 4, MONDAY + 6
WEEKDAYS = [day for day in range(MONDAY, MONDAY + 20) if day % 7 != (FRIDAY + 1) % 7]
seeds = st.integers(0, 2**32 - 1)


def said(symbol, day, close=100.0, source="company CSV", **more):
    return {"symbol": symbol, "day": day, "source": source, "close": close, "volume": 10.0} | more


def page(day, source="today's price page", count=COPY_SYMBOLS, **more):
    return [said(symbol, day, 100.0 + k, source) | more for k, symbol in enumerate(SYMBOLS[:count])]


def outcome(*rows, reasons=None):
    return merged_rows(list(rows), reasons or [""] * len(rows))


def reasons_of(aside):
    return [reason for _, reason in aside]


# ---- of any rows


@given(seed=seeds)
@settings(max_examples=300, deadline=None)
def test_the_outcome_is_the_one_defined_row_by_row(seed):
    rows, reasons = random_rows(random.Random(seed))
    assert merged_rows(rows, reasons) == merged_plainly(rows, reasons)


@given(seed=seeds)
@settings(max_examples=150, deadline=None)
def test_the_order_of_the_rows_never_matters(seed):
    rows, reasons = random_rows(random.Random(seed))
    order = list(range(len(rows)))
    random.Random(seed + 1).shuffle(order)
    shuffled = merged_rows([rows[k] for k in order], [reasons[k] for k in order])
    assert shuffled == merged_rows(rows, reasons)


@given(seed=seeds)
@settings(max_examples=150, deadline=None)
def test_one_row_a_symbol_and_day_and_no_row_without_a_trace(seed):
    rows, reasons = random_rows(random.Random(seed))
    kept, aside, alike = merged_rows(rows, reasons)
    places = [(row["symbol"], row["day"]) for row in kept]
    assert len(set(places)) == len(places)
    assert len(kept) + len(aside) + alike == len(rows)
    here = {tuple(row.get(c) for c in ("symbol", "day", "close", "high", "low", "volume")) for row in kept}
    there = {tuple(row.get(c) for c in ("symbol", "day", "close", "high", "low", "volume")) for row, _ in aside}
    for row, reason in zip(rows, reasons, strict=True):
        key = tuple(row.get(c) for c in ("symbol", "day", "close", "high", "low", "volume"))
        assert key in here | there
        assert not (reason and row in kept and rows.count(row) == 1)
    assert all(reasons_of(aside))


@given(seed=seeds)
@settings(max_examples=150, deadline=None)
def test_merging_what_was_merged_changes_nothing(seed):
    rows, reasons = random_rows(random.Random(seed))
    kept, aside, _ = merged_rows(rows, reasons)
    own = [("" if reason in DERIVED else reason) for reason in reasons_of(aside)]
    again = merged_rows([*kept, *(row for row, _ in aside)], [""] * len(kept) + own)
    assert again == (kept, aside, 0)


@given(seed=seeds)
@settings(max_examples=150, deadline=None)
def test_merging_in_two_steps_is_merging_at_once(seed):
    rows, reasons = random_rows(random.Random(seed))
    cut = random.Random(seed + 1).randint(1, len(rows)) if rows else 0
    if not rows[:cut]:
        return
    kept, aside, _ = merged_rows(rows[:cut], reasons[:cut])
    own = [("" if reason in DERIVED else reason) for reason in reasons_of(aside)]
    both = merged_rows([*kept, *(r for r, _ in aside), *rows[cut:]], [""] * len(kept) + own + reasons[cut:])
    assert both[:2] == merged_rows(rows, reasons)[:2]


# ---- which of several readings stays


def test_every_kind_of_file_with_prices_has_a_rank():
    shapes = {shape.name for shape in CSV_SHAPES} | {name for name, _, _ in JSON_LISTS}
    assert RANKS.keys() <= shapes
    priced = {"history", "page", "sheet", "price list", "company CSV"}
    assert {
        shape for shape in shapes if any(word in shape for word in priced) and "proposed" not in shape
    } == RANKS.keys()
    assert max(RANKS.values()) < CURATED
    assert len(set(RANKS.values())) == len(RANKS)


@pytest.mark.parametrize(("low", "high"), list(itertools.combinations(["a table's own source", *RANKS], 2)))
def test_the_fuller_kind_of_source_stays_whatever_its_figures(low, high):
    rank = {name: RANKS.get(name, CURATED) for name in (low, high)}
    low, high = sorted((low, high), key=rank.__getitem__)
    kept, aside, _ = outcome(said("AA", MONDAY, 100.0, high, volume=1.0), said("AA", MONDAY, 200.0, low, volume=9.0))
    assert [(row["source"], row["close"]) for row in kept] == [(high, 100.0)]
    assert reasons_of(aside) == [OUTRANKED]


def test_of_one_kind_the_greater_volume_stays():
    kept, aside, _ = outcome(
        said("AA", MONDAY, 100.0, volume=10.0),
        said("AA", MONDAY, 99.0, volume=11.0),
        said("AA", MONDAY, 101.0, volume=9.0),
    )
    assert [row["close"] for row in kept] == [99.0]
    assert reasons_of(aside) == [OUTRANKED] * 2


def test_a_stated_figure_is_more_than_none():
    full = said("AA", MONDAY, high=101.0, low=99.0, turnover=1000.0, open=100.0)
    kept, aside, alike = outcome(said("AA", MONDAY, high=101.0, low=99.0), full)
    assert (kept, aside, alike) == ([full], [], 1)


def test_a_row_that_must_stay_aside_contests_nothing():
    kept, aside, alike = outcome(
        said("AA", MONDAY, 100.0, "floor sheet"), said("AA", MONDAY, 200.0, "curated"), reasons=["", TWICE]
    )
    assert [row["close"] for row in kept] == [100.0]
    assert reasons_of(aside) == [TWICE]
    kept, aside, alike = outcome(
        said("AA", MONDAY, 100.0, "floor sheet"), said("AA", MONDAY, 100.0, "curated"), reasons=["", TWICE]
    )
    assert [row["source"] for row in kept] == ["floor sheet"]
    assert (aside, alike) == ([], 1)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_reason_of_equal_rows_does_not_depend_on_their_order(order):
    """A row with an impossible close in one file, and in a pair that contradicts itself in another, once had either reason."""
    rows = [said("AA", MONDAY, 0.0, source) for source in ("company CSV", "company CSV", "floor sheet")]
    reasons = [TWICE, "close is 0", TWICE]
    assert outcome(*(rows[k] for k in order), reasons=[reasons[k] for k in order]) == outcome(*rows, reasons=reasons)
    assert reasons_of(outcome(*rows, reasons=reasons)[1]) == ["close is 0"]


def test_a_row_named_by_its_company_makes_no_other_superfluous():
    """Labels may give it another symbol later, and the other row would then be lost."""
    named = said("AA", MONDAY, source="old today's price page")
    sheet, doubtful = said("AA", MONDAY, source="floor sheet"), said("AA", MONDAY, source="curated")
    assert outcome(named, sheet) == ([sheet], [], 1)
    assert outcome(named, doubtful, reasons=["", TWICE]) == ([named], [(doubtful, TWICE)], 0)
    assert outcome(named, sheet, doubtful, reasons=["", "", TWICE]) == ([sheet], [], 2)
    assert outcome(named, named) == ([named], [], 1)


# ---- Saturdays and pages fetched twice, or late


@pytest.mark.parametrize("days", [0, 4, 5, -2, 11_000, 20_000, 29_000])
def test_a_saturday_is_one(days):
    (flag,) = on_saturday(np.array([days]))
    assert flag == ((EPOCH + timedelta(days=days)).weekday() == 5)


def test_a_saturdays_rows_are_set_aside_and_nothing_is_a_copy_of_them():
    thursday, saturday = page(FRIDAY - 1, volume=5.0), page(FRIDAY + 1)
    sunday = page(SUNDAY)
    kept, aside, _ = outcome(*thursday, *saturday, *sunday)
    assert kept == in_order([*thursday, *sunday])
    assert reasons_of(aside) == [SATURDAY] * COPY_SYMBOLS


def test_a_page_fetched_twice_is_set_aside_but_the_first():
    first, *later = (page(MONDAY + k) for k in range(3))
    kept, aside, _ = outcome(*first, *itertools.chain(*later))
    assert kept == in_order(first)
    assert reasons_of(aside) == [COPY] * 2 * COPY_SYMBOLS


def test_a_page_saved_before_the_session_is_known_by_what_others_say_of_the_last_one():
    histories = [*page(MONDAY, "company CSV"), *page(MONDAY + 1, "company CSV", volume=7.0)]
    early = page(MONDAY + 1)  # as of Monday still
    kept, aside, _ = outcome(*histories, *early)
    assert kept == in_order(histories)
    assert reasons_of(aside) == [COPY] * COPY_SYMBOLS


@pytest.mark.parametrize("back", range(1, LOOK_BACK + 3))
def test_a_copy_of_any_of_the_last_sessions_is_one_and_of_an_older_one_is_none(back):
    between = [page(day, volume=float(k + 1)) for k, day in enumerate(WEEKDAYS[1:back])]
    saturday = page(FRIDAY + 1, volume=99.0)  # no session, so it does not count
    last = page(WEEKDAYS[back])
    others = [*page(MONDAY), *itertools.chain(*between)]
    kept, aside, _ = outcome(*others, *saturday, *last)
    if back <= LOOK_BACK:
        assert kept == in_order(others)
        assert aside == in_order([*((row, SATURDAY) for row in saturday), *((row, COPY) for row in last)])
    else:
        assert kept == in_order([*others, *last])


@pytest.mark.parametrize("count", [4, 5, 6, 9, 10, 11, 12])
@pytest.mark.parametrize("same", [4, 5, 6])
def test_a_copy_repeats_at_least_half_of_the_symbols_that_stand_on_both_days(same, count):
    before, day = page(MONDAY, count=count), page(MONDAY + 1, count=count)
    day = [row | ({} if k < same else {"close": 1.0 + k}) for k, row in enumerate(day)]
    kept, aside, _ = outcome(*before, *day)
    copied = min(same, count) >= COPY_SYMBOLS and min(same, count) >= COPY_SHARE * count
    assert kept == in_order(before if copied else [*before, *day])
    assert aside == (in_order((row, COPY) for row in day) if copied else [])


def test_symbols_that_repeat_different_sessions_make_no_copy():
    monday, tuesday = page(MONDAY, count=8), page(MONDAY + 1, count=8, volume=7.0)
    mixed = [row | {"day": MONDAY + 2} for row in (*monday[:4], *tuesday[4:])]
    rows = [*monday, *tuesday, *mixed]
    assert outcome(*rows)[:2] == (in_order(rows), [])


@pytest.mark.parametrize("figure", ["close", "high", "low", "volume"])
def test_a_symbol_repeats_a_session_only_where_all_its_figures_do(figure):
    rows = [*page(MONDAY, high=200.0, low=1.0), *page(MONDAY + 1, count=COPY_SYMBOLS + 1, high=200.0, low=1.0)]
    rows[-2] = rows[-2] | {figure: 50.0}
    assert outcome(*rows)[:2] == (in_order(rows), [])


def test_so_few_symbols_may_repeat_a_day_by_chance():
    rows = [*page(MONDAY, count=COPY_SYMBOLS - 1), *page(MONDAY + 1, count=COPY_SYMBOLS - 1)]
    assert outcome(*rows)[:2] == (in_order(rows), [])


def test_a_symbol_that_did_not_stand_on_the_day_before_speaks_neither_for_nor_against_a_copy():
    rows = [*page(MONDAY), *page(MONDAY + 1, count=COPY_SYMBOLS + 1)]
    kept, aside, _ = outcome(*rows)
    assert kept == in_order(page(MONDAY))
    assert len(aside) == COPY_SYMBOLS + 1


def test_an_open_or_a_turnover_makes_no_difference_between_copies():
    kept, aside, _ = outcome(*page(MONDAY, open=99.0), *page(MONDAY + 1, turnover=5.0))
    assert {row["day"] for row in kept} == {MONDAY}
    assert reasons_of(aside) == [COPY] * COPY_SYMBOLS


# ---- companies' names


LABELS = [
    {"symbol": "NABIL", "name": "Nabil Bank Limited", "instrument_type": "equity"},
    {"symbol": "NABILP", "name": "NABIL Bank Ltd.", "instrument_type": "promoter_share"},
    {"symbol": "D88", "name": "10% Prime Debenture 2088", "instrument_type": "debenture"},
    {"symbol": "X", "name": "", "instrument_type": "equity"},
]


def labels(*cells):
    return [Row("sectors.csv", k, each) for k, each in enumerate(cells, 2)]


@pytest.mark.parametrize(
    "spelling", ["Nabil Bank Ltd", "NABIL BANK LIMITED.", "Nabil Bank Co. Ltd.", "nabil-bank, limited"]
)
def test_spellings_of_a_companys_name_meet(spelling):
    assert symbols_by_company(labels(*LABELS))[company_key(spelling)] == "NABIL"


def test_names_that_tell_debentures_apart_stay_apart():
    assert len({company_key(name) for name in ("10% Prime 2088", "10.5% Prime 2088", "10% Prime 2089", "Prime")}) == 4
    assert "" not in symbols_by_company(labels(*LABELS))


@given(order=st.permutations(LABELS))
@settings(deadline=None)
def test_rows_under_names_come_under_their_symbols_and_only_these(order):
    rows = [said("Nabil Bank Limited", MONDAY), said("Nobody Ltd.", MONDAY), said("NABIL Bank Co.", MONDAY + 1, 7.0)]
    found = under_symbols(quotes_from(rows), labels(*order))
    assert in_order(plain(found)) == in_order(rows[k] | {"symbol": "NABIL"} for k in (0, 2))
    assert len(under_symbols(quotes_from(rows), [])) == 0
    assert len(under_symbols(NO_ROWS, labels(*order))) == 0


def test_of_two_symbols_of_one_name_the_ordinary_share_has_the_rows():
    row = said("Nabil Bank Ltd", MONDAY)
    assert plain(under_symbols(quotes_from([row]), labels(LABELS[1])))[0]["symbol"] == "NABILP"
    assert plain(under_symbols(quotes_from([row]), labels(*LABELS[:2])))[0]["symbol"] == "NABIL"


# ---- small tables

KEYS = ("symbol", "type", "fiscal_year", "ratio", "book_close", "verified", "source")
CHOICES = {
    "symbol": ["AA", "BB"],
    "type": ["bonus", "cash"],
    "fiscal_year": ["", "2080/2081"],
    "ratio": ["0.1", "0.10", "0.2"],
    "book_close": ["", "2024-01-01"],
    "verified": ["", "yes"],
    "source": ["", "list", "dividend list", "proposed dividends", "inferred_from_name"],
}
action_rows = st.lists(st.fixed_dictionaries({key: st.sampled_from(CHOICES[key]) for key in KEYS}), max_size=8)


def cells_of(rows):
    return [dict(row.cells) for row in rows]


def action_table(cells):
    return [Row("corporate_actions.csv", k, each) for k, each in enumerate(cells, 2)]


@given(cells=action_rows, seed=seeds)
@settings(deadline=None)
def test_a_table_is_the_same_whatever_the_order_and_the_steps(cells, seed):
    table = TABLES["corporate_actions"]
    whole, _ = merged(table, action_table(cells))
    shuffled = random.Random(seed).sample(cells, len(cells))
    assert cells_of(merged(table, action_table(shuffled))[0]) == cells_of(whole)
    half, _ = merged(table, action_table(cells[: len(cells) // 2]))
    assert cells_of(merged(table, [*half, *action_table(cells[len(cells) // 2 :])])[0]) == cells_of(whole)
    assert cells_of(merged(table, whole)[0]) == cells_of(whole)


@given(cells=action_rows)
@settings(deadline=None)
def test_a_table_holds_only_rows_that_came_and_of_a_subject_only_the_best_sources(cells):
    table = TABLES["corporate_actions"]
    kept, apart = merged(table, action_table(cells))
    rank = {"inferred_from_name": 0, "dividend list": 1, "proposed dividends": 2, "list": 3, "": 3}
    assert all(row in cells for row in cells_of(kept))
    assert {table.subject(row.cells) for row in kept} == {table.subject(row) for row in cells}
    for row in kept:
        rivals = [other for other in cells if table.subject(other) == table.subject(row.cells)]
        assert rank[row.cells["source"]] == max(rank[other["source"]] for other in rivals)
    for each in apart:
        assert table.subject(each.kept.cells) == table.subject(each.left.cells) == each.subject
        assert each.left.cells not in cells_of(kept)
        assert float(each.kept.cells["ratio"]) != float(each.left.cells["ratio"]) or (
            each.kept.cells["book_close"] != each.left.cells["book_close"]
        )


def test_what_only_one_source_states_is_no_conflict():
    base = {"symbol": "AA", "type": "cash", "fiscal_year": "2080/2081", "pct_of_par": "10"}
    rows = action_table([base | {"source": "dividend list"}, base | {"book_close": "2024-01-01", "pct_of_par": "10.0"}])
    kept, apart = merged(TABLES["corporate_actions"], rows)
    assert cells_of(kept) == [rows[1].cells]
    assert apart == []


def test_two_bonuses_of_one_year_both_stay_where_one_source_lists_both():
    base = {"symbol": "KBL", "type": "bonus", "fiscal_year": "2075/2076", "book_close": "2019-04-20", "source": "list"}
    rows = action_table([base | {"ratio": "0.1275"}, base | {"ratio": "0.085"}])
    assert len(merged(TABLES["corporate_actions"], rows)[0]) == 2
