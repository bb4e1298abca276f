"""Price rows as sources state them: one row per symbol, day and source, checked number by number."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
from numpy.typing import NDArray

from .fields import FIRST_YEAR, LAST_YEAR

EPOCH = date(1970, 1, 1)
HIGHEST_PRICE = 1e7  # NPR per unit
MOST_A_DAY = 1e13  # units or NPR; more than all shares of the exchange are worth
PRICES = ("open", "high", "low", "close")
NUMBERS = (*PRICES, "volume", "turnover", "per_change")


@dataclass(frozen=True)
class Quotes:
    """Rows in any order.

    symbol: (R,) index into names; day: (R,) days since 1970-01-01
    open, high, low, close, volume, turnover: (R,) float64, NaN where the source has none
    per_change: (R,) the source's own percent change, NaN where it has none
    source: (R,) index into sources, the kinds of file the rows came from
    """

    names: tuple[str, ...]
    symbol: NDArray[np.int64]
    day: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    turnover: NDArray[np.float64]
    per_change: NDArray[np.float64]
    sources: tuple[str, ...]
    source: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.day)

    def rows(self, keep: NDArray[np.int64] | NDArray[np.bool_]) -> "Quotes":
        """The chosen rows, in that order."""
        if keep.dtype == np.bool_ and keep.all():
            return self
        columns = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name not in ("names", "sources")}
        return Quotes(names=self.names, sources=self.sources, **columns)

    def where(self, row: int) -> str:
        """A row in words, for messages."""
        return f"{self.names[self.symbol[row]]} on {day_of(self.day[row])}"


def day_of(days: float) -> str:
    """A day number as an ISO date."""
    return str(np.datetime64(int(days), "D"))


def joined(parts: Sequence[Quotes]) -> Quotes:
    """All rows of several Quotes under one sorted set of names and one of sources."""
    names = sorted({name for part in parts for name in part.names})
    sources = sorted({source for part in parts for source in part.sources})

    def under(known: list[str], own: tuple[str, ...], at: NDArray[np.int64]) -> NDArray[np.int64]:
        places = {name: k for k, name in enumerate(known)}
        return np.array([places[name] for name in own], dtype=np.int64)[at]

    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("day", *NUMBERS)}
    return Quotes(
        names=tuple(names),
        symbol=np.concatenate([under(names, part.names, part.symbol) for part in parts]),
        sources=tuple(sources),
        source=np.concatenate([under(sources, part.sources, part.source) for part in parts]),
        **columns,
    )


def ranked_days(quotes: Quotes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The days that have rows, rising, and (R,) the index of each row's day among them."""
    if not len(quotes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = int(quotes.day.min())
    seen = np.zeros(int(quotes.day.max()) - first + 1, bool)
    seen[quotes.day - first] = True
    return np.flatnonzero(seen) + first, (np.cumsum(seen) - 1)[quotes.day - first]


def row_key(quotes: Quotes) -> NDArray[np.int64]:
    """(R,) one number per symbol and day, rising with the symbol, then the day."""
    return (quotes.symbol << 20) + quotes.day + (1 << 19)


def impossible(quotes: Quotes) -> dict[int, str]:
    """Rows that no session can have made, each with what is wrong: a price that is no positive number, a day out of range."""
    wrong: dict[int, str] = {}
    for name in NUMBERS[:-1]:
        value = getattr(quotes, name)
        least = 0.0 if name != "close" else np.nextafter(0.0, 1.0)
        most = HIGHEST_PRICE if name in PRICES else MOST_A_DAY
        bad = (value < least) | (value > most) | (np.isnan(value) & (name == "close"))
        what = (
            f"a price is a positive number below {most:,.0f}"
            if name in PRICES
            else f"it lies between 0 and {most:,.0f}"
        )
        for row in np.flatnonzero(bad).tolist():
            wrong.setdefault(row, f"{name} is {value[row]:g}, but {what}")
    first, last = ((date(year, 1, 1) - EPOCH).days for year in (FIRST_YEAR, LAST_YEAR))
    for row in np.flatnonzero((quotes.day < first) | (quotes.day >= last)).tolist():
        wrong[row] = NOT_GREGORIAN
    return wrong


NOT_GREGORIAN = f"not a Gregorian day from {FIRST_YEAR} to {LAST_YEAR}; convert Bikram Sambat dates to AD"


_NO_INDICES, _NO_NUMBERS = np.empty(0, np.int64), np.empty(0)
NO_ROWS = Quotes(
    names=(),
    symbol=_NO_INDICES,
    day=_NO_INDICES,
    open=_NO_NUMBERS,
    high=_NO_NUMBERS,
    low=_NO_NUMBERS,
    close=_NO_NUMBERS,
    volume=_NO_NUMBERS,
    turnover=_NO_NUMBERS,
    per_change=_NO_NUMBERS,
    sources=(),
    source=_NO_INDICES,
)
