"""One company's price history, a file a company: three shapes, the symbol in the file's or the folder's name."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...errors import InvalidInput
from ..fields import scrip, shown
from ..quotes import Quotes
from ..source import Content
from ..text_table import Kind, read_columns

COMPANY_CSV = (
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
NEPALSTOCK = (
    "s.n",
    "date",
    "total transactions",
    "total traded shares",
    "total traded amount",
    "max. price",
    "min. price",
    "close price",
)
LTP = ("date", "open", "high", "low", "ltp", "percent_change", "qty", "turnover")
COMMON_NAMES = ("prices", "dividend", "right-share")  # of files that every company's folder has
AGAIN = re.compile(r" ?\(\d+\)$")  # what a browser puts behind the name of a file that it has saved before
SPAN = re.compile(r"_\d{4}-\d{2}-\d{2}_\d{4}-\d{2}-\d{2}$")  # a download's first and last day behind the symbol


def history(source: str, columns: dict[str, str]) -> Callable[[Path, str], Content]:
    """A reader of one such shape. columns: the Quotes field to the header cell that holds it."""
    kinds: dict[str, Kind] = {cell: "number" for cell in columns.values()}
    kinds |= {columns["day"]: "day", columns["close"]: "price"}
    if "per_change" in columns:
        kinds[columns["per_change"]] = "change"

    def read(path: Path, text: str) -> Content:
        name = symbol_of(path)
        found = read_columns(path.name, text, kinds)
        rows = len(found[columns["day"]])
        absent = np.full(rows, np.nan)
        given = {field: found[cell] for field, cell in columns.items()}
        return Content(
            Quotes(
                names=(name,),
                symbol=np.zeros(rows, np.int64),
                sources=(source,),
                source=np.zeros(rows, np.int64),
                **{"open": absent, "per_change": absent} | given,
            )
        )

    return read


read_company_csv = history(
    "company CSV",
    {
        "day": "published_date",
        "open": "open",
        "high": "high",
        "low": "low",
        "close": "close",
        "volume": "traded_quantity",
        "turnover": "traded_amount",
        "per_change": "per_change",
    },
)
read_nepalstock = history(
    "nepalstock history",
    {
        "day": "date",
        "high": "max. price",
        "low": "min. price",
        "close": "close price",
        "volume": "total traded shares",
        "turnover": "total traded amount",
    },
)
read_ltp = history(
    "LTP history",
    {
        "day": "date",
        "open": "open",
        "high": "high",
        "low": "low",
        "close": "ltp",
        "volume": "qty",
        "turnover": "turnover",
        "per_change": "percent_change",
    },
)


def symbol_of(path: Path) -> str:
    """The symbol that a company's file belongs to: its name, without a span of days, or its folder's where that is common."""
    stem = SPAN.sub("", AGAIN.sub("", path.stem))
    if stem.lower() in COMMON_NAMES:
        stem = path.resolve().parent.name
    try:
        return scrip(stem)
    except ValueError:
        raise InvalidInput(
            f"{shown(path.name)}: a company's file is named after its symbol, like NABIL.csv; rename it"
        ) from None
