"""The layout's own files: long Parquet tables of prices, of rows set aside and of indices, and small CSV tables."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...errors import InvalidInput
from ..companies import COMPANY_SOURCES
from ..csv_table import Row, read_table
from ..fields import symbol
from ..quotes import NUMBERS, Quotes
from ..source import Content
from ..tables import TABLES

PRICE_COLUMNS = ("symbol", "date", *NUMBERS[:-1])
CURATED = "price table"  # the source of rows that name none


def read_price_table(path: Path) -> Content:
    """The rows of a long Parquet file of prices. Raises InvalidInput unless columns and types are those of the layout."""
    quotes = quotes_of(path.name, _read(path))
    sources = tuple(CURATED if source in COMPANY_SOURCES else source for source in quotes.sources)
    return Content(replace(quotes, sources=sources))  # another store's rows of named companies have their symbols


def read_set_aside(path: Path) -> Content:
    """A table of rows that were set aside elsewhere, with the reason: they stay aside, so nothing of it is kept."""
    return Content(unused=f"{_read(path).num_rows:,} rows that were set aside before")


def read_index(path: Path) -> Content:
    """The rows of a long Parquet file of indices."""
    table = _read(path)
    for column in ("date", "open", "high", "low", "close", "turnover"):
        kind = table.schema.field(column).type if column in table.column_names else pa.float64()
        number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        if not (pa.types.is_date32(kind) if column == "date" else number):
            raise InvalidInput(f"{path.name}: {column} is {kind}; write days as date32 and numbers as double")
    return Content(tables={"index": tuple(index_rows(path.name, table))})


def index_rows(name: str, table: pa.Table) -> list[Row]:
    """The rows of a table of indices as text, empty where a cell is."""
    return [
        Row(name, at, {key: "" if value is None else str(value) for key, value in record.items()})
        for at, record in enumerate(table.to_pylist(), 1)
    ]


def small_table(name: str) -> Callable[[Path, str], Content]:
    """A reader of one of the layout's CSV tables."""
    table = TABLES[name]

    def read(path: Path, _text: str) -> Content:
        rows = read_table(path, table.required, frozenset(table.columns) | table.passed_over)
        kept = tuple(
            Row(row.file, row.line, {cell: row.cells[cell] for cell in table.columns if cell in row.cells})
            for row in rows
        )
        return Content(tables={name: kept})

    return read


def read_derived(path: Path, _text: str) -> Content:
    """implied_adjustments.csv: what the percent changes of the prices say, so it says nothing new."""
    with path.open("rb") as file:
        return Content(unused=f"{sum(1 for _ in file) - 1:,} factors that the percent changes of the prices imply")


def columns_of(path: Path) -> set[str]:
    """The columns of a Parquet file. Raises InvalidInput for one that is damaged."""
    try:
        return set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def quotes_of(name: str, table: pa.Table, *, strict: bool = True) -> Quotes:
    """Price rows of a long table. strict: whether every close must be there and every symbol be one."""
    absent = [column for column in PRICE_COLUMNS if column not in table.column_names]
    if absent:
        raise InvalidInput(
            f"{name}: no column {absent[0]!r} but {', '.join(table.column_names)[:200]}; write all columns"
        )
    _check_types(name, table.schema)
    if not table.num_rows:
        raise InvalidInput(f"{name} has no rows; fetch the prices again")
    for column in ("symbol", "date", "close") if strict else ():
        if count := table[column].null_count:
            row = table[column].is_null().index(True).as_py() + 1
            raise InvalidInput(f"{name}, row {row}: no {column} ({count} rows without one); complete or delete them")
    texts, at = _coded(table["symbol"])
    names, same = np.unique([_symbol(name, text) if strict else text for text in texts], return_inverse=True)
    sources: tuple[str, ...] = (CURATED,)
    source = np.zeros(table.num_rows, np.int64)
    if "source" in table.column_names:
        texts, source = _coded(table["source"])
        sources = tuple(text or CURATED for text in texts)
    numbers = {
        column: _floats(table[column]) if column in table.column_names else np.full(table.num_rows, np.nan)
        for column in NUMBERS
    }
    numbers["per_change"][np.isinf(numbers["per_change"])] = np.nan  # measured from a price of 0
    return Quotes(
        names=tuple(names.tolist()),
        symbol=same[at].astype(np.int64),
        day=pc.cast(table["date"], pa.int32()).to_numpy().astype(np.int64),
        sources=sources,
        source=source,
        **numbers,
    )


def _read(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path, use_threads=False)
        table.validate(full=True)  # texts that are none, too
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    return table


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    return InvalidInput(f"{path.name} is not a readable Parquet file ({type(error).__name__}); make it again")


def _check_types(name: str, schema: pa.Schema) -> None:
    for column in ("symbol", "source"):
        if column in schema.names and not _is_text(schema.field(column).type):
            kind = schema.field(column).type
            raise InvalidInput(f"{name}: {column} is {kind}, but symbols and sources are text; write a string column")
    if not pa.types.is_date32(schema.field("date").type):
        raise InvalidInput(f"{name}: date is {schema.field('date').type}; write it as date32, Gregorian")
    for column in NUMBERS:
        if column in schema.names:
            kind = schema.field(column).type
            if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
                raise InvalidInput(f"{name}: {column} is {kind}, but it holds numbers; write it as double")


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _coded(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """A text column as its values and an index into them."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        combined = combined.chunk(0)
    indices = pc.fill_null(combined.indices, len(combined.dictionary)) if combined.null_count else combined.indices
    texts = [str(text) for text in combined.dictionary.to_pylist()] + ([""] if combined.null_count else [])
    return texts, np.asarray(indices.to_numpy(zero_copy_only=False)).astype(np.int64)


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(pc.fill_null(pc.cast(column, pa.float64(), safe=False), float("nan")).to_numpy())


def _symbol(name: str, text: str) -> str:
    try:
        return symbol(text)
    except ValueError as error:
        raise InvalidInput(f"{name}: symbol {error}") from None
