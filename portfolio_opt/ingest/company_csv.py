"""A folder with one CSV per company, the symbol in the file's name."""

import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ..errors import InvalidInput
from .csv_table import read_text
from .fields import day, shown, symbol
from .quotes import EPOCH, Quotes

HEADER = (
    "published_date",
    "open",
    "high",
    "low",
    "close",
    "per_change",
    "traded_quantity",
    "traded_amount",
    "status",
)
NUMBERS = HEADER[1:8]
ABSENT = ("", "nan", "-")
PLAIN_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?$"


def is_company_csv(path: Path) -> bool:
    """Whether a file has this shape, by its header alone."""
    with path.open("rb") as file:
        return file.readline(500).decode("utf-8-sig", "replace").strip().split(",") == list(HEADER)


def read_companies(paths: list[Path]) -> Quotes:
    """The price rows of all files. Raises InvalidInput naming file and row for anything that cannot be read with certainty."""
    tables = [_read_one(path) for path in paths]
    names = tuple(_symbol(path) for path in paths)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"two files name the symbol {twice}; keep one")

    def joined(column: str) -> np.ndarray:
        return np.concatenate([table[column] for table in tables])

    return Quotes(
        names=names,
        symbol=np.repeat(np.arange(len(names)), [len(table["day"]) for table in tables]),
        day=joined("day"),
        open=joined("open"),
        high=joined("high"),
        low=joined("low"),
        close=joined("close"),
        volume=joined("traded_quantity"),
        turnover=joined("traded_amount"),
        per_change=joined("per_change"),
    )


def _read_one(path: Path) -> dict[str, np.ndarray]:
    rows = [(line, row) for line, row in enumerate(read_text(path).splitlines(), 1) if row.strip()]
    lines = [line for line, _ in rows][1:]
    if not lines:
        raise InvalidInput(f"{path.name} has a header but no rows; fetch it again or delete the file")
    try:
        table = pacsv.read_csv(
            io.BytesIO("\n".join(row for _, row in rows).encode()),
            read_options=pacsv.ReadOptions(use_threads=False),
            parse_options=pacsv.ParseOptions(newlines_in_values=False),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in HEADER}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise InvalidInput(f"{path.name}, {_place(str(error), lines)}; correct the row: nothing was read") from None
    if tuple(table.column_names) != HEADER:
        raise InvalidInput(f"{path.name}: the header is not {','.join(HEADER)}; export it again")
    if table.num_rows != len(lines):
        raise InvalidInput(f"{path.name}: a quotation mark is left open and swallows rows; correct the file")
    columns = {name: _numbers(path, name, table[name], lines) for name in NUMBERS}
    columns["day"] = _days(path, table["published_date"], lines)
    return columns


def _place(message: str, lines: list[int]) -> str:
    """Line and counts out of a parser's message, without the row's own text."""
    found = re.search(r"Row #(\d+): (Expected \d+ columns, got \d+)", message)
    return f"line {lines[int(found[1]) - 2]}: {found[2].lower()}" if found else "a row that cannot be split into fields"


def _numbers(path: Path, name: str, column: pa.ChunkedArray, lines: list[int]) -> np.ndarray:
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    absent = pc.is_in(texts, pa.array(ABSENT if name != "close" else (), pa.string()))
    readable = pc.or_(absent, pc.match_substring_regex(texts, PLAIN_NUMBER))
    bad = pc.index(readable, False).as_py()
    if bad >= 0:
        found = shown(column[bad].as_py())
        raise InvalidInput(
            f"{path.name}, line {lines[bad]}: {name} is {found}, not a number; correct or delete the row"
        )
    values = pc.cast(pc.if_else(absent, None, texts), pa.float64())
    return np.asarray(pc.fill_null(values, float("nan")).to_numpy())


def _days(path: Path, column: pa.ChunkedArray, lines: list[int]) -> np.ndarray:
    encoded = pc.dictionary_encode(column).combine_chunks()
    days = []
    for text in encoded.dictionary.to_pylist():
        try:
            days.append((day(text) - EPOCH).days)
        except ValueError as error:
            line = lines[pc.index(column, text).as_py()]
            raise InvalidInput(f"{path.name}, line {line}: published_date {error}") from None
    return np.array(days, dtype=np.int64)[encoded.indices.to_numpy()]


def _symbol(path: Path) -> str:
    try:
        return symbol(path.stem)
    except ValueError:
        raise InvalidInput(
            f"{shown(path.name)}: a company file is named after its symbol, like NABIL.csv; rename it"
        ) from None
