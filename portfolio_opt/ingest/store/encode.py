"""Rows to the bytes of the store's files; the same rows always give the same bytes."""

import csv
import hashlib
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..csv_table import Row
from ..quotes import NUMBERS, Quotes, day_of, row_key
from ..tables import TABLES
from .manifest import FileEntry


def price_file(quotes: Quotes, **more: pa.Array) -> tuple[bytes, FileEntry]:
    """A Parquet file of price rows, in the columns of the layout, and its entry in the manifest."""
    sources, source = np.unique(np.array(quotes.sources, dtype=object)[quotes.source], return_inverse=True)
    table = pa.table(
        {
            "symbol": pa.array(np.array(quotes.names, dtype=object)[quotes.symbol], pa.string()),
            "date": pa.array(quotes.day.astype(np.int32), pa.int32()).cast(pa.date32()),
            **{name: pa.array(getattr(quotes, name), from_pandas=True) for name in NUMBERS},
            "source": pa.DictionaryArray.from_arrays(
                pa.array(source.astype(np.int32)), pa.array(sources.tolist(), pa.string())
            ),
            **more,
        }
    )
    span = day_of(quotes.day.min()), day_of(quotes.day.max())
    return parquet_bytes(table, *span, days=len(np.unique(quotes.day)))


def quarantine_file(rows: Quotes, reasons: NDArray[np.object_]) -> tuple[bytes, FileEntry]:
    columns = [np.nan_to_num(getattr(rows, name), nan=-np.inf) for name in NUMBERS]
    order = np.lexsort([*columns, rows.source, reasons.astype(str), row_key(rows)])
    return price_file(rows.rows(order), reason=pa.array(reasons[order], pa.string()))


def table_file(name: str, rows: list[Row]) -> tuple[bytes, FileEntry]:
    """A small table as the file the store keeps it in."""
    columns = TABLES[name].columns
    cells = [[row.cells.get(column, "") for column in columns] for row in rows]
    if name != "index":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *cells])
        content = text.getvalue().encode()
        return content, FileEntry(hashlib.sha256(content).hexdigest(), len(rows))
    texts = {column: [row[k] for row in cells] for k, column in enumerate(columns)}
    kinds = {"index": pa.string(), "date": pa.date32(), "source": pa.string()}
    return parquet_bytes(
        pa.table(
            {
                column: pa.array([value or None for value in values], pa.string()).cast(kinds.get(column, pa.float64()))
                for column, values in texts.items()
            }
        ),
        min(texts["date"]),
        max(texts["date"]),
    )


def parquet_bytes(table: pa.Table, first: str, last: str, days: int = 0) -> tuple[bytes, FileEntry]:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    content = sink.getvalue()
    return content, FileEntry(hashlib.sha256(content).hexdigest(), table.num_rows, first, last, days)


def file_of(name: str) -> str:
    return f"{name}.parquet" if name == "index" else f"{name}.csv"
