"""A store's files back to rows, each checked against the manifest."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..csv_table import Row
from ..quotes import NO_ROWS, Quotes, row_key
from ..shapes import layout
from ..shapes.layout import quotes_of
from ..tables import TABLES
from .encode import file_of
from .manifest import Manifest, as_one, content_of
from .partition import PRICES, price_files

QUARANTINE = "quarantine.parquet"


@dataclass(frozen=True)
class StoreContent:
    """All of a store: its rows by symbol and day, the rows set aside with their reasons, and its small tables."""

    manifest: Manifest
    quotes: Quotes
    aside: Quotes
    reason: NDArray[np.object_]
    tables: Mapping[str, list[Row]]


def read_store(folder: Path) -> StoreContent:
    """The content of a store. Raises InvalidInput where files are not what the manifest says, or there are no prices."""
    return as_one(folder, lambda held: _read_all(folder, held))


def _read_all(folder: Path, held: Manifest) -> StoreContent:
    names = price_files(held)
    if not names:
        raise InvalidInput(f"{folder.name} holds no prices; give `portfolio-opt ingest` a source that has some")
    tables = [pq.read_table(pa.BufferReader(content_of(folder, held, name)), use_threads=False) for name in names]
    quotes = quotes_of(PRICES, pa.concat_tables(tables).unify_dictionaries())
    return StoreContent(
        held,
        quotes.rows(np.argsort(row_key(quotes), kind="stable")),
        *read_quarantine(folder, held),
        {name: rows for name in TABLES if (rows := table_rows(folder, held, name))},
    )


def read_price_file(folder: Path, held: Manifest, name: str) -> Quotes:
    table = pq.read_table(pa.BufferReader(content_of(folder, held, name)), use_threads=False)
    return quotes_of(name, table)


def read_quarantine(folder: Path, held: Manifest) -> tuple[Quotes, NDArray[np.object_]]:
    """The rows set aside and why."""
    if QUARANTINE not in held.files:
        return NO_ROWS, np.empty(0, object)
    table = pq.read_table(pa.BufferReader(content_of(folder, held, QUARANTINE)), use_threads=False)
    return quotes_of(QUARANTINE, table, strict=False), np.array(table["reason"].to_pylist(), object)


def table_rows(folder: Path, held: Manifest, name: str) -> list[Row]:
    """The rows of one of the small tables, none where the store has no such table."""
    file = file_of(name)
    if file not in held.files:
        return []
    content = content_of(folder, held, file)
    if name == "index":
        return layout.index_rows(file, pq.read_table(pa.BufferReader(content), use_threads=False))
    header, *lines = csv.reader(io.StringIO(content.decode(), newline=""))
    return [Row(file, at, dict(zip(header, cells, strict=True))) for at, cells in enumerate(lines, 2)]
