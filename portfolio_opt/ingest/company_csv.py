"""A folder with one CSV per company, the symbol in the file's name."""

import io
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
    text = read_text(path)
    try:
        table = pacsv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pacsv.ReadOptions(use_threads=False),
            parse_options=pacsv.ParseOptions(newlines_in_values=False),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in HEADER}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        detail = str(error).split(":", 1)[-1].split(": ")[0].strip() if "Row #" not in str(error) else _row(str(error))
        raise InvalidInput(f"{path.name}: {detail}; correct the row: nothing was read") from None
    if tuple(table.column_names) != HEADER:
        raise InvalidInput(f"{path.name}: the header is not {','.join(HEADER)}; export it again")
    if not table.num_rows:
        raise InvalidInput(f"{path.name} has a header but no rows; fetch it again or delete the file")
    columns = {name: _numbers(path, name, table[name]) for name in NUMBERS}
    columns["day"] = _days(path, table["published_date"])
    return columns


def _row(message: str) -> str:
    """The row number and the counts out of a parser's message, without the row's own text."""
    place = message[message.index("Row #") :].split(":")
    return f"row {place[0].removeprefix('Row #')}: {place[1].strip().lower()}"


def _numbers(path: Path, name: str, column: pa.ChunkedArray) -> np.ndarray:
    texts = column.to_pandas().str.strip()
    absent = texts.isin(["", "nan", "-"]) if name != "close" else texts != texts
    try:
        return np.asarray(texts.where(~absent, "nan").astype("float64"), dtype=np.float64)
    except ValueError:
        for line, text in enumerate(texts, start=2):
            if text not in ("", "nan", "-"):
                try:
                    float(text)
                except ValueError:
                    raise InvalidInput(f"{path.name}, line {line}: {name} is {shown(text)}, not a number") from None
        raise InvalidInput(f"{path.name}: {name} is empty in some row; correct or delete the row") from None


def _days(path: Path, column: pa.ChunkedArray) -> np.ndarray:
    encoded = pc.dictionary_encode(column).combine_chunks()
    days = []
    for text in encoded.dictionary.to_pylist():
        try:
            days.append((day(text) - EPOCH).days)
        except ValueError as error:
            line = column.to_pylist().index(text) + 2
            raise InvalidInput(f"{path.name}, line {line}: published_date {error}") from None
    return np.array(days, dtype=np.int64)[encoded.indices.to_numpy()]


def _symbol(path: Path) -> str:
    try:
        return symbol(path.stem)
    except ValueError:
        raise InvalidInput(f"{shown(path.name)}: a company file is named after its symbol, like NABIL.csv") from None
