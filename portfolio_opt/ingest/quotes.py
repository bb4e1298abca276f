"""Price rows as they came, before they are a Panel: columns of one length, checked, duplicates and ghost days set aside."""

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from .fields import FIRST_YEAR, LAST_YEAR
from .findings import Finding

EPOCH = date(1970, 1, 1)
SATURDAY = 5
HIGHEST_PRICE = 1e7  # NPR per unit
MOST_A_DAY = 1e13  # units or NPR; more than all shares of the exchange are worth
STALE_DAY_SYMBOLS = 5  # a day that repeats at least so many symbols, and all of them, is a copy


@dataclass(frozen=True)
class Quotes:
    """One row per symbol and day, in any order.

    symbol: (R,) index into names; day: (R,) days since 1970-01-01
    open, high, low, close, volume, turnover: (R,) float64, NaN where the source has none
    per_change: (R,) the source's own percent change, NaN where it has none
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

    def rows(self, keep: NDArray[np.int64] | NDArray[np.bool_]) -> "Quotes":
        """The chosen rows, in that order."""
        columns = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name != "names"}
        return Quotes(names=self.names, **columns)

    def where(self, row: int) -> str:
        """A row in words, for messages."""
        return f"{self.names[self.symbol[row]]} on {np.datetime64(int(self.day[row]), 'D')}"


def clean(quotes: Quotes, source: str) -> tuple[Quotes, list[Finding]]:
    """Rows sorted by symbol and day, without identical duplicates, ghost Saturdays and repeated days.

    Raises InvalidInput for a price that is no positive number and for two different rows of one symbol and day.
    """
    _refuse_bad_numbers(quotes, source)
    findings: list[Finding] = []
    quotes, found = _without_duplicates(quotes.rows(np.lexsort((quotes.day, quotes.symbol))), source)
    findings += found
    for rule in (_ghost_saturdays, _repeated_days):
        bad, finding = rule(quotes)
        if bad.any():
            findings.append(finding)
            quotes = quotes.rows(~bad)
    if not len(quotes.day):
        raise InvalidInput(f"{source}: no price row is left after setting ghost days aside; check the dates")
    quotes, found = _absent_where_zero(quotes)
    return quotes, findings + found + _inconsistencies(quotes)


def _refuse_bad_numbers(quotes: Quotes, source: str) -> None:
    for name in ("close", "open", "high", "low"):
        value = getattr(quotes, name)
        bad = np.isinf(value) | (value > HIGHEST_PRICE)
        bad |= ~(value > 0) if name == "close" else value < 0
        if bad.any():
            row = int(np.argmax(bad))
            raise InvalidInput(
                f"{source}: {quotes.where(row)}: {name} is {value[row]:g}, but a price is a positive number below "
                f"{HIGHEST_PRICE:,.0f}; correct or delete the row"
            )
    for name in ("volume", "turnover"):
        value = getattr(quotes, name)
        bad = (value > MOST_A_DAY) | (value < 0)
        if bad.any():
            row = int(np.argmax(bad))
            raise InvalidInput(f"{source}: {quotes.where(row)}: {name} is {value[row]:g}; correct or delete the row")
    first, last = ((date(year, 1, 1) - EPOCH).days for year in (FIRST_YEAR, LAST_YEAR))
    bad = (quotes.day < first) | (quotes.day >= last)
    if bad.any():
        raise InvalidInput(
            f"{source}: {quotes.where(int(np.argmax(bad)))}: not a Gregorian day from {FIRST_YEAR} to {LAST_YEAR}; "
            "convert Bikram Sambat dates to AD"
        )


def _without_duplicates(quotes: Quotes, source: str) -> tuple[Quotes, list[Finding]]:
    same_key = (np.diff(quotes.symbol) == 0) & (np.diff(quotes.day) == 0)
    if not same_key.any():
        return quotes, []
    later = np.flatnonzero(same_key) + 1
    for name in ("open", "high", "low", "close", "volume", "turnover"):
        value = getattr(quotes, name)
        differs = ~np.isclose(value[later], value[later - 1], rtol=1e-12, equal_nan=True)
        if differs.any():
            row = int(later[np.argmax(differs)])
            raise InvalidInput(
                f"{source}: {quotes.where(row)} stands twice, with {name} {value[row - 1]:g} and {value[row]:g}; "
                "delete the wrong row"
            )
    keep = np.ones(len(quotes.day), bool)
    keep[later] = False
    kept = np.maximum.accumulate(np.where(keep, np.arange(len(keep)), 0))
    change = quotes.per_change.copy()
    doubtful = later[~np.isclose(change[later], change[later - 1], equal_nan=True)]
    change[kept[doubtful]] = np.nan  # copies that disagree on the percent change tell nothing about it
    quotes = replace(quotes, per_change=change)
    examples = tuple(quotes.where(int(row)) for row in later[:3])
    return quotes.rows(keep), [Finding("identical duplicate rows", len(later), "kept once", "note", examples)]


def _ghost_saturdays(quotes: Quotes) -> tuple[NDArray[np.bool_], Finding]:
    bad = (quotes.day + 3) % 7 == SATURDAY  # 1970-01-01 was a Thursday, weekday 3
    days = sorted({EPOCH + timedelta(days=int(d)) for d in quotes.day[bad]})
    examples = tuple(str(day) for day in days[:3])
    return bad, Finding("rows on a Saturday", int(bad.sum()), "set aside: the exchange is shut", "note", examples)


def _repeated_days(quotes: Quotes) -> tuple[NDArray[np.bool_], Finding]:
    """Days on which every symbol repeats its previous row to the unit: a page fetched twice."""
    same = np.zeros(len(quotes.day), bool)
    same[1:] = (np.diff(quotes.symbol) == 0) & (np.diff(quotes.close) == 0) & (np.diff(quotes.volume) == 0)
    days, at = np.unique(quotes.day, return_inverse=True)
    repeated = np.bincount(at, weights=same, minlength=len(days))
    copies = (repeated == np.bincount(at, minlength=len(days))) & (repeated >= STALE_DAY_SYMBOLS)
    examples = tuple(str(EPOCH + timedelta(days=int(day))) for day in days[copies][:3])
    bad = copies[at]
    return bad, Finding("rows of a day that repeats the day before", int(bad.sum()), "set aside", "warning", examples)


def _absent_where_zero(quotes: Quotes) -> tuple[Quotes, list[Finding]]:
    columns: dict[str, Any] = {}
    findings = []
    for name in ("open", "high", "low"):
        value = getattr(quotes, name)
        zero = value == 0
        columns[name] = np.where(zero, np.nan, value)
        if zero.any():
            example = (quotes.where(int(np.argmax(zero))),)
            findings.append(Finding(f"{name} of 0", int(zero.sum()), "read as absent", "note", example))
    return replace(quotes, **columns), findings


def _inconsistencies(quotes: Quotes) -> list[Finding]:
    """Rows whose figures contradict each other; the close is used as it stands."""
    outside = (quotes.close > quotes.high * 1.001) | (quotes.close < quotes.low * 0.999)
    mean_price = np.divide(
        quotes.turnover, quotes.volume, out=np.full_like(quotes.volume, np.nan), where=quotes.volume > 0
    )
    off = (mean_price > quotes.high * 1.02) | ((mean_price < quotes.low * 0.98) & (mean_price > 0))
    found = [
        ("close outside the day's low and high", outside, "the close is used"),
        ("turnover that does not fit volume and price", off, "used for liquidity as it stands"),
    ]
    return [
        Finding(rule, int(bad.sum()), effect, "note", (quotes.where(int(np.flatnonzero(bad)[-1])),))
        for rule, bad, effect in found
        if bad.any()
    ]
