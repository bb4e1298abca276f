"""Text to columns of numbers, days and symbols: the fast way and the strict way are one reading, and it is the plain one."""

import csv
import math
from datetime import date

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_files import refusal

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest import fields
from portfolio_opt.ingest.quotes import EPOCH
from portfolio_opt.ingest.text_table import ABSENT, _read_plain, _read_strictly, header_of, read_columns

KINDS = {"price": "price", "number": "number", "day": "day", "symbol": "symbol"}
NAME = "table.csv"

digits = st.integers(0, 10**9).map(str)
thousands = st.integers(0, 10**9).map(lambda n: f'"{n:,}"')
lakhs = st.sampled_from(['"1,00,000"', '"12,34,56,789.5"', '"1,23,456.75"'])
decimals = st.tuples(st.integers(0, 10**9), st.integers(0, 9999)).map(lambda p: f"{p[0]}.{p[1]}")
odd_forms = st.sampled_from(["1.", ".5", "1e5", "2.5E3", "1e+02", "5e-07", "007", "1.0e0", "0", "0.0", "9e10"])
signed = st.tuples(st.sampled_from(["", "", "", "-", "+"]), st.one_of(digits, decimals, odd_forms)).map("".join)
blanks = st.sampled_from(["", "", "", " ", "  "])
numbers = st.one_of(st.tuples(blanks, signed, blanks).map("".join), thousands, lakhs)
absent = st.sampled_from(["", " ", "nan", "NaN", "NAN", " nan ", "-"])
days = st.dates(date(1990, 1, 1), date(2049, 12, 31)).map(str)
timed = days.map(lambda day: f"{day} 00:00:00")
symbols = st.sampled_from(
    ["NABIL", "nabil", " ADBL", "NA", "TRUE", "null", "=CMD", "NICAD85/86", '"A,B"', "nan", "10% X"]
)
not_numbers = (
    *(
        "abc",
        "inf",
        "-inf",
        "Infinity",
        "1e999",
        "0x10",
        "1_000",
        "१००",
        "1 0",
        "--1",
        "+-1",
        "1e",
        ".",
        "1.2.3",
        "1e1234",
    ),
    *("1,0", '"1,0"', '"12,34,5"', "None", '"', 'a"b', '"x"y', "1e005"),
)
not_days = ("18/08/2025", "2025-8-1", "2082-05-05", "2050-01-01", "1989-12-31", "2025-02-30")
hard = st.sampled_from([*not_numbers, *not_days])


other = st.just("x")


def tables(number=numbers, day=days, symbol=symbols, other=other):
    row = st.tuples(number, st.one_of(number, absent), day, symbol, other)
    return st.lists(row.map(",".join), min_size=1, max_size=8)


plain_tables = tables(number=signed)
all_tables = tables(day=st.one_of(days, timed))
spoilt_tables = st.tuples(all_tables, hard, st.integers(0, 4), st.integers(0, 7))


def text_of(rows, end="\n"):
    return "price,number,day,symbol,other\n" + "\n".join(rows) + end


def spoilt(rows, cell, column, at):
    cells = next(csv.reader([rows[at % len(rows)]]))
    quoted = [f'"{text}"' if "," in text else text for text in cells]
    quoted[column] = cell
    return [*rows[: at % len(rows)], ",".join(quoted), *rows[at % len(rows) + 1 :]]


def plainly(text):
    """The table read cell by cell."""

    def number(cell):
        return math.nan if cell.strip().lower() in ABSENT else float(fields.number(cell))

    rows = [row for row in csv.reader(text.splitlines()[1:]) if row]
    return {
        "price": [float(fields.number(row[0])) for row in rows],
        "number": [number(row[1]) for row in rows],
        "day": [(fields.day(row[2]) - EPOCH).days for row in rows],
        "symbol": [fields.symbol(row[3]) for row in rows],
    }


def as_lists(columns):
    names, at = columns["symbol"]
    return {name: columns[name].tolist() for name in ("price", "number", "day")} | {"symbol": [names[k] for k in at]}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k], equal_nan=k == "number") for k in a)


def strictly(text):
    return _read_strictly(NAME, text, header_of(text.split("\n")[0]), KINDS)


@given(rows=all_tables)
@settings(deadline=None)
def test_columns_are_what_a_plain_reading_of_every_cell_gives(rows):
    assert same(as_lists(read_columns(NAME, text_of(rows), KINDS)), plainly(text_of(rows)))


@given(rows=plain_tables)
@settings(deadline=None)
def test_the_fast_way_and_the_strict_way_give_the_same_columns(rows):
    text = text_of(rows)
    fast = _read_plain(text, header_of("price,number,day,symbol,other"), KINDS)
    assert same(as_lists(strictly(text)), plainly(text))
    assert fast is None or same(as_lists(fast), as_lists(strictly(text)))


def test_a_plain_table_is_read_the_fast_way():
    """Else the test above would compare the strict way with itself."""
    text = text_of(["1.5,,2025-01-05,NABIL,x", "2000,-,2025-01-06,adbl,x", "7,nan,2025-01-06,nabil,x"])
    fast = _read_plain(text, header_of("price,number,day,symbol,other"), KINDS)
    assert same(as_lists(fast), plainly(text))
    assert fast["symbol"][0] == ("NABIL", "ADBL")


@given(drawn=spoilt_tables)
@settings(max_examples=300, deadline=None)
def test_both_ways_refuse_the_same_tables(drawn):
    """What the fast way reads the strict way reads too, and alike; what the strict way refuses nobody reads."""
    text = text_of(spoilt(*drawn))
    try:
        slow = as_lists(strictly(text))
    except InvalidInput:
        assert _read_plain(text, header_of("price,number,day,symbol,other"), KINDS) is None
        refusal(read_columns, NAME, text, KINDS)
    else:
        assert same(as_lists(read_columns(NAME, text, KINDS)), slow)


@given(drawn=spoilt_tables)
@settings(max_examples=200, deadline=None)
def test_nothing_is_read_that_a_plain_reading_refuses(drawn):
    text = text_of(spoilt(*drawn))
    assume('"' not in drawn[1])  # of quotation marks the plain reading here knows too little
    try:
        expected = plainly(text)
    except (ValueError, IndexError):
        refusal(read_columns, NAME, text, KINDS)
    else:
        width = {len(row) for row in csv.reader(text.splitlines())}
        if width == {5}:
            assert same(as_lists(read_columns(NAME, text, KINDS)), expected)
        else:
            assert "expected 5 columns" in refusal(read_columns, NAME, text, KINDS)


@given(rows=plain_tables, blank=st.sampled_from(["", "  ", "\t"]), at=st.integers(0, 8))
@settings(deadline=None)
def test_blank_lines_are_passed_over_and_counted(rows, blank, at):
    at = min(at, len(rows))
    with_blank = [*rows[:at], blank, *rows[at:]]
    assert same(as_lists(read_columns(NAME, text_of(with_blank), KINDS)), plainly(text_of(rows)))
    message = refusal(read_columns, NAME, text_of([*with_blank, "abc,,2025-01-05,NABIL,x"]), KINDS)
    assert message.startswith(f"{NAME}, line {len(with_blank) + 2}: price ")


@given(rows=plain_tables, end=st.sampled_from(["", "\n", "\n\n", "\n \n"]))
@settings(deadline=None)
def test_the_last_line_end_does_not_matter(rows, end):
    assert same(as_lists(read_columns(NAME, text_of(rows, end), KINDS)), plainly(text_of(rows)))


def test_columns_that_are_not_wanted_may_hold_anything():
    rows = ['1,2,2025-01-05,A,"x, ""y"""', "1,2,2025-01-05,A,\x1b", "1,2,2025-01-05,A,Ω"]
    assert as_lists(read_columns(NAME, text_of(rows), KINDS))["price"] == [1, 1, 1]


@pytest.mark.parametrize("length", [10_000, 200_000, 3_000_000])
@pytest.mark.parametrize("letter", ["x", '"', ",", "1"])
def test_a_line_of_any_length_is_read_or_refused_at_once(letter, length):
    rows = ["1,2,2025-01-05,A,x", f"1,2,2025-01-05,A,{letter * length}"]
    if letter in "x1" and length < 100_000:
        assert as_lists(read_columns(NAME, text_of(rows), KINDS))["price"] == [1, 1]
    else:
        try:
            read_columns(NAME, text_of(rows), KINDS)
        except InvalidInput:
            refusal(read_columns, NAME, text_of(rows), KINDS)


def test_many_rows_beyond_one_block_of_the_parser_are_all_read():
    rows = [f"{k},{k / 7:.6f},2025-01-05,S{k % 50},{'x' * 100}" for k in range(40_000)]
    columns = read_columns(NAME, text_of(rows), KINDS)
    assert columns["price"].tolist() == list(range(40_000))
    rows[30_000] = rows[30_000].replace("2025-01-05", "2025-13-05")
    assert f"{NAME}, line 30002: day " in refusal(read_columns, NAME, text_of(rows), KINDS)


@pytest.mark.parametrize("cell", [*not_numbers, *not_days, "1e-300", "1e-310", "-0", "1e5 ", "\x1f1", "\u00a01"])
@pytest.mark.parametrize("column", range(4))
def test_a_hard_cell_in_a_plain_table_is_one_thing_both_ways(cell, column):
    text = text_of(spoilt(["1.5,2,2025-01-05,NABIL,x", "1.5,2,2025-01-05,NABIL,x"], cell, column, 1))
    fast = _read_plain(text, header_of("price,number,day,symbol,other"), KINDS)
    try:
        slow = as_lists(strictly(text))
    except InvalidInput:
        assert fast is None
    else:
        assert fast is None or same(as_lists(fast), slow)
