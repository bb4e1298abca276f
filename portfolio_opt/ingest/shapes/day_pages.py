"""All companies on one day, a file a day: pages saved from the web, the day in the file's name."""

import re
from datetime import date
from pathlib import Path

import numpy as np

from ...errors import InvalidInput
from ..fields import shown
from ..quotes import EPOCH, Quotes
from ..source import Content
from ..text_table import Columns, Kind, read_columns

TODAY_PRICE = (
    "s.no",
    "symbol",
    "conf.",
    "open",
    "high",
    "low",
    "close",
    "vwap",
    "vol",
    "prev. close",
    "turnover",
    "trans.",
    "diff",
    "range",
    "diff %",
    "range %",
    "vwap %",
    "120 days",
    "180 days",
    "52 weeks high",
    "52 weeks low",
)
LTP_COLUMNS = ("ltp", "close - ltp", "close - ltp %")  # since 2025
OLD_TODAY_PRICE = (
    "s.n",
    "traded companies",
    "no. of transaction",
    "max price",
    "min price",
    "closing price",
    "traded shares",
    "amount",
    "previous closing",
    "difference rs.",
)
DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4})[-_]?(\d{2})[-_]?(\d{2})(?!\d)")
FOOT = re.compile(r'"?total [^,]*,', re.IGNORECASE)  # of the old page: totals, two cells each
LONGEST_NAME = 200


def read_today_price(path: Path, text: str) -> Content:
    """The page of a day as CSV, with 21 columns or, since 2025, 23 and more."""
    numbers = ("open", "high", "low", "vol", "prev. close", "turnover")
    kinds: dict[str, Kind] = {"symbol": "symbol", "close": "price", **dict.fromkeys(numbers, "number")}
    found = read_columns(path.name, text, kinds)
    names, at = found["symbol"]
    return Content(_day(path, "today's price page", names, at, found, volume="vol", previous="prev. close"))


def read_old_today_price(path: Path, text: str) -> Content:
    """The old page: company names instead of symbols, totals at the foot, no open."""
    lines = text.split("\n")
    while lines and (not lines[-1].strip() or FOOT.match(lines[-1])):
        lines.pop()
    kinds: dict[str, Kind] = {
        "traded companies": "text",
        "closing price": "price",
        **dict.fromkeys(("max price", "min price", "traded shares", "amount", "previous closing"), "number"),
    }
    found = read_columns(path.name, "\n".join(lines), kinds)
    encoded = found["traded companies"].dictionary_encode()
    names = tuple(" ".join(name.split()) for name in encoded.dictionary.to_pylist())
    for name in names:
        if not name or not name.isprintable() or len(name) > LONGEST_NAME:
            raise InvalidInput(f"{path.name}: {shown(name)} names no company; save the page again")
    columns = {"high": "max price", "low": "min price", "close": "closing price", "turnover": "amount"}
    found |= {field: found[cell] for field, cell in columns.items()} | {"open": np.full(len(encoded), np.nan)}
    at = np.asarray(encoded.indices.to_numpy(), dtype=np.int64)
    quotes = _day(path, "old today's price page", names, at, found, volume="traded shares", previous="previous closing")
    return Content(quotes, companies=True)


def percent_change(close: np.ndarray, previous: np.ndarray) -> np.ndarray:
    """The change that a source states by giving the previous close it measures from, in percent; NaN where it gives none."""
    out = np.full(len(close), np.nan)
    return np.asarray(np.divide(close, previous, out=out, where=previous > 0)) * 100 - np.where(previous > 0, 100, 0)


def _day(
    path: Path, source: str, names: tuple[str, ...], at: np.ndarray, found: Columns, *, volume: str, previous: str
) -> Quotes:
    rows = len(at)
    return Quotes(
        names=names,
        symbol=at,
        day=np.full(rows, (day_in_name(path) - EPOCH).days),
        open=found["open"],
        high=found["high"],
        low=found["low"],
        close=found["close"],
        volume=found[volume],
        turnover=found["turnover"],
        per_change=percent_change(found["close"], found[previous]),
        sources=(source,),
        source=np.zeros(rows, np.int64),
    )


def day_in_name(path: Path) -> date:
    """The one Gregorian day in a file's name. Raises InvalidInput where there is none, or more than one."""
    days = {found.groups() for found in DAY_IN_NAME.finditer(path.stem)}
    try:
        (parts,) = days
        day = date(*map(int, parts))
        if not 1990 <= day.year < 2050:
            raise ValueError
    except ValueError:
        raise InvalidInput(
            f"{path.name}: the page states no day, so its file's name must, like 2025_08_20.csv; rename it"
        ) from None
    return day
