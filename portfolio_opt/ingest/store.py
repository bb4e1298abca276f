"""The store layout: prices.parquet beside sectors.csv and corporate_actions.csv."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import InvalidInput
from .fields import symbol
from .quotes import Quotes

NUMBERS = ("open", "high", "low", "close", "volume", "turnover")


def read_store(path: Path) -> Quotes:
    """The price rows of a long Parquet file. Raises InvalidInput unless columns and types are those of the layout."""
    name = path.name
    try:
        schema = pq.read_schema(path)
        wanted = ["symbol", "date", *NUMBERS, *(["per_change"] if "per_change" in schema.names else [])]
        absent = [column for column in wanted if column not in schema.names]
        if absent:
            raise InvalidInput(
                f"{name}: no column {absent[0]!r} but {', '.join(schema.names)[:200]}; write all columns"
            )
        table = pq.read_table(path, columns=wanted, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(f"{name} is not a readable Parquet file ({type(error).__name__}); make it again") from None
    _check_types(name, table.schema)
    if not table.num_rows:
        raise InvalidInput(f"{name} has no rows; fetch the prices again")
    for column in ("symbol", "date", "close"):
        if count := table[column].null_count:
            row = table[column].is_null().index(True).as_py() + 1
            raise InvalidInput(f"{name}, row {row}: no {column} ({count} rows without one); complete or delete them")
    symbols = pc.dictionary_encode(pc.cast(table["symbol"], pa.string())).combine_chunks()
    spelt = np.array([_symbol(name, text) for text in symbols.dictionary.to_pylist()])
    names, same = np.unique(spelt, return_inverse=True)  # "nabil" and "NABIL" are one symbol
    numbers = {column: _floats(table[column]) for column in NUMBERS}
    rows = table.num_rows
    return Quotes(
        names=tuple(names.tolist()),
        symbol=same[symbols.indices.to_numpy()].astype(np.int64),
        day=pc.cast(table["date"], pa.int32()).to_numpy().astype(np.int64),
        per_change=_floats(table["per_change"]) if "per_change" in wanted else np.full(rows, np.nan),
        **numbers,
    )


def _check_types(name: str, schema: pa.Schema) -> None:
    text = schema.field("symbol").type
    if pa.types.is_dictionary(text):
        text = text.value_type
    if not (pa.types.is_string(text) or pa.types.is_large_string(text)):
        raise InvalidInput(f"{name}: symbol is {text}, but symbols are text; write it as a string column")
    if not pa.types.is_date32(schema.field("date").type):
        raise InvalidInput(f"{name}: date is {schema.field('date').type}; write it as date32, Gregorian")
    for column in schema.names:
        kind = schema.field(column).type
        if column not in ("symbol", "date") and not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise InvalidInput(f"{name}: {column} is {kind}, but it holds numbers; write it as double")


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.cast(column, pa.float64(), safe=False), float("nan")).to_numpy())


def _symbol(name: str, text: str) -> str:
    try:
        return symbol(text)
    except ValueError as error:
        raise InvalidInput(f"{name}: symbol {error}") from None
