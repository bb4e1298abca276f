"""A CSV file of numbers to columns, strictly and fast: every cell is a number, a day or a symbol, or the file is refused."""

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ..errors import InvalidInput
from .csv_table import header_name
from .fields import FIRST_YEAR, LAST_YEAR, day, shown, symbol
from .quotes import EPOCH

# A price is a number that may not be absent; a change is a figure the source divided for, by nothing where it is infinite.
Kind = Literal["price", "number", "change", "day", "symbol", "text"]
Columns = dict[str, Any]

ABSENT = ("", "nan", "-")
INFINITE = ("inf", "-inf", "infinity", "-infinity")
NUMBER = r"^[+-]?((\d+|\d{1,3}(,\d{2,3})*,\d{3})\.?\d*|\.\d+)(e[+-]?\d{1,2})?$"
FIRST_DAY, LAST_DAY = ((EPOCH.replace(year=year) - EPOCH).days for year in (FIRST_YEAR, LAST_YEAR))
ARROW = {kind: pa.float64() for kind in ("price", "number", "change")} | {
    "day": pa.date32(),
    "symbol": pa.string(),
    "text": pa.string(),
}


def header_of(line: str) -> list[str]:
    """The cells of a header line in the form they are compared in; none for a line that is no row of a table."""
    try:
        return [header_name(cell) for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def read_columns(name: str, text: str, kinds: Mapping[str, Kind]) -> Columns:
    """The wanted columns of CSV text whose first line is its header.

    kinds: header cells, in the form of `header_of`, to what they hold; other columns are passed over
    Gives (R,) arrays: float64 with NaN where a number is absent, days since 1970 as int64; a symbol column as its names and
    (R,) indices into them; text as an Arrow array. Raises InvalidInput naming line and column of the first cell that cannot
    be read with certainty.
    """
    header = header_of(text.split("\n", 1)[0])
    columns = _read_plain(text, header, kinds)
    return columns if columns is not None else _read_strictly(name, text, header, kinds)


def _table(text: str, header: list[str], types: Mapping[str, pa.DataType]) -> pa.Table:
    return pacsv.read_csv(
        io.BytesIO(text.encode()),
        read_options=pacsv.ReadOptions(use_threads=False, column_names=header, skip_rows=1),
        parse_options=pacsv.ParseOptions(newlines_in_values=False),
        convert_options=pacsv.ConvertOptions(
            column_types=dict(types),
            include_columns=list(types),
            null_values=list(ABSENT),
            strings_can_be_null=False,
            check_utf8=False,  # it was text before
        ),
    )


def _read_plain(text: str, header: list[str], kinds: Mapping[str, Kind]) -> Columns | None:
    """The columns of a file without anything unusual in it; None where a cell needs a closer look."""
    body = text.find("\n") + 1
    if any(
        text.find(sign, body) >= 0 for sign in '"eE'
    ):  # of quotes and exponents the parser takes more than is certain
        return None
    try:
        table = _table(text, header, {column: ARROW[kind] for column, kind in kinds.items()})
    except pa.ArrowInvalid:
        return None
    if not table.num_rows or table.num_rows != text.rstrip("\n").count("\n"):
        return None
    columns: Columns = {}
    for column, kind in kinds.items():
        values = table[column].combine_chunks()
        if kind in ("price", "number", "change"):
            numbers = values.to_numpy(zero_copy_only=False)
            if np.count_nonzero(~np.isfinite(numbers)) != (0 if kind == "price" else values.null_count):
                return None
            columns[column] = numbers
        elif kind == "day":
            if values.null_count:
                return None
            columns[column] = values.cast(pa.int32()).to_numpy().astype(np.int64)
            if columns[column].min() < FIRST_DAY or columns[column].max() >= LAST_DAY:
                return None
        elif kind == "symbol":
            try:
                columns[column] = _symbols(values)
            except ValueError:
                return None
        else:
            columns[column] = values
    return columns


def _read_strictly(name: str, text: str, header: list[str], kinds: Mapping[str, Kind]) -> Columns:
    lines = [(line, row) for line, row in enumerate(text.splitlines(), 1) if row.strip()][1:]
    if not lines:
        raise InvalidInput(f"{name} has a header but no rows; fetch it again or delete the file")
    for line, row in lines:
        if trouble := _misfit(row, len(header)):
            raise InvalidInput(f"{name}, line {line}: {trouble}; correct the row: nothing was read")
    plain = "\n".join(["", *(row for _, row in lines)])
    try:
        table = _table(plain, header, dict.fromkeys(kinds, pa.string()))
    except pa.ArrowInvalid:
        raise InvalidInput(f"{name}: a row cannot be split into fields; correct the file: nothing was read") from None
    if table.num_rows != len(lines):
        raise InvalidInput(f"{name}: a quotation mark is left open and swallows rows; correct the file")
    columns: Columns = {}
    for column, kind in kinds.items():
        values = table[column].combine_chunks()
        try:
            columns[column] = _STRICT[kind](values)
        except _Unreadable as bad:
            raise InvalidInput(f"{name}, line {lines[bad.row][0]}: {column} {bad}") from None
    return columns


def _misfit(row: str, count: int) -> str:
    """What keeps a line from being one row of `count` fields, or nothing."""
    if '"' not in row:
        found = row.count(",") + 1
    else:
        try:
            found = len(next(csv.reader([row], strict=True)))
        except csv.Error:
            return "a quotation mark is left open or misplaced"
    return "" if found == count else f"expected {count} columns, got {found}"


class _Unreadable(ValueError):
    def __init__(self, row: int, why: str) -> None:
        super().__init__(why)
        self.row = row


def _numbers(values: pa.StringArray, may_be: tuple[str, ...]) -> np.ndarray:
    """Numbers, NaN for the texts that stand for none."""
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    absent = pc.is_in(texts, pa.array(may_be, pa.string()))
    readable = pc.or_(absent, pc.match_substring_regex(texts, NUMBER))
    bad = pc.index(readable, False).as_py()
    if bad >= 0:
        raise _Unreadable(bad, f"is {shown(values[bad].as_py())}, not a number; correct or delete the row")
    plain = pc.replace_substring(pc.if_else(absent, None, texts), ",", "")
    plain = pc.replace_substring_regex(plain, r"^\+", "")
    return np.asarray(pc.fill_null(pc.cast(plain, pa.float64()), float("nan")).to_numpy(zero_copy_only=False))


def _days(values: pa.StringArray) -> np.ndarray:
    encoded = pc.dictionary_encode(values)
    days = []
    for text in encoded.dictionary.to_pylist():
        try:
            days.append((day(text) - EPOCH).days)
        except ValueError as error:
            raise _Unreadable(pc.index(values, text).as_py(), str(error)) from None
    return np.array(days, dtype=np.int64)[encoded.indices.to_numpy()]


def _symbols(values: pa.StringArray) -> tuple[tuple[str, ...], np.ndarray]:
    encoded = pc.dictionary_encode(values)
    names: dict[str, int] = {}
    place = []
    for text in encoded.dictionary.to_pylist():
        try:
            place.append(names.setdefault(symbol(text), len(names)))
        except ValueError as error:
            raise _Unreadable(pc.index(values, text).as_py(), str(error)) from None
    return tuple(names), np.array(place, dtype=np.int64)[encoded.indices.to_numpy()]


_STRICT: dict[str, Callable[[pa.StringArray], Any]] = {
    "price": lambda values: _numbers(values, ()),
    "number": lambda values: _numbers(values, ABSENT),
    "change": lambda values: _numbers(values, (*ABSENT, *INFINITE)),
    "day": _days,
    "symbol": _symbols,
    "text": lambda values: values,
}
