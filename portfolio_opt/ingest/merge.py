"""Price rows of any mix of sources to one row a symbol and day, and everything else set aside with its reason.

The outcome depends on the rows alone, not on the order in which they came: of the distinct readings of a symbol's day the
one of the fullest kind of source stays, of equal ones that with the greater volume, which was taken later in the day.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .companies import of_named_companies
from .quotes import Quotes, ranked_days, row_key

Flags = NDArray[np.bool_]

# How full and how settled a kind of source is; what a curated price table names as its own sources ranks above all.
RANKS = {
    "floor sheet": 1,
    "old today's price page": 2,
    "today's price list": 3,
    "LTP history": 4,
    "nepalstock history": 5,
    "today's price page": 6,
    "official price list": 7,
    "company CSV": 8,
}
CURATED = 9

SATURDAY = "a Saturday, when the exchange is shut"
COPY = "its source repeats an earlier session to the unit: a page fetched twice, or too early"
OUTRANKED = "another source says otherwise"
DERIVED = (SATURDAY, COPY, OUTRANKED)  # found anew whenever rows join
TWICE = "stands twice in its file with different figures"
COPY_SYMBOLS = 5  # so few symbols that repeat a session to the unit are no chance
COPY_SHARE = (
    0.5  # of a source's symbols that stand on both days; 99 true sessions in 100 repeat at most 0.015 of theirs
)
LOOK_BACK = 5  # sessions: a page a week old is still taken for one

READING = ("close", "high", "low", "volume")  # what every source states: rows that agree on it are one reading
ORDER = ("volume", "turnover", "close", "high", "low", "open", "per_change")


@dataclass(frozen=True)
class Merged:
    """Rows by symbol and day, one each, and the rows set aside with their reasons.

    alike: how many rows repeated another source's reading and were dropped
    """

    quotes: Quotes
    aside: Quotes
    reason: tuple[str, ...]
    alike: int


def merge(rows: Quotes, reason: NDArray[np.object_]) -> Merged:
    """One row a symbol and day.

    rows: under sorted names; reason: (R,) why a row must stay aside whatever else is there, "" for none
    """
    key = row_key(rows)
    if not (key[1:] >= key[:-1]).all():
        order = np.argsort(key, kind="stable")
        rows, reason, key = rows.rows(order), reason[order], key[order]
    alike = np.zeros(len(rows), bool)
    shared = _in_groups(key)
    if len(shared):
        alike[shared] = _repeats(rows.rows(shared), reason[shared])
        rows, reason, key = rows.rows(~alike), reason[~alike], key[~alike]
    aside = np.asarray(reason != "")
    why = reason.copy()

    def set_aside(found: NDArray[np.int64], because: str) -> None:
        why[found[~aside[found]]] = because
        aside[found] = True

    weekdays = np.flatnonzero(~on_saturday(rows.day))  # a Saturday's rows copy a neighbour: nothing is a copy of them
    copies = weekdays[_copies(rows.rows(~on_saturday(rows.day)), ~aside[weekdays])]
    set_aside(np.flatnonzero(on_saturday(rows.day)), SATURDAY)
    set_aside(copies, COPY)
    free = np.flatnonzero(~aside)
    contested = free[_in_groups(key[free])]
    set_aside(contested[_outranked(rows.rows(contested))], OUTRANKED)
    return Merged(rows.rows(~aside), rows.rows(np.flatnonzero(aside)), tuple(why[aside].tolist()), int(alike.sum()))


def on_saturday(days: NDArray[np.int64]) -> Flags:
    """Which of the days, counted from 1970-01-01, a Thursday, are Saturdays."""
    return np.asarray((days + 3) % 7 == 5)


def rank(sources: tuple[str, ...]) -> NDArray[np.int64]:
    """The rank of each kind of source."""
    return np.array([RANKS.get(source, CURATED) for source in sources], dtype=np.int64)


def _in_groups(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where, in sorted keys, a key stands that stands more than once."""
    same = key[1:] == key[:-1]
    if not same.any():
        return np.empty(0, np.int64)
    return np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))


def _reading(rows: Quotes) -> list[NDArray[np.float64]]:
    return [np.nan_to_num(getattr(rows, name), nan=-1.0) for name in READING]


def _repeats(rows: Quotes, reason: NDArray[np.object_]) -> Flags:
    """Rows whose reading a better row of the same symbol and day states too; a row without a reason is the better one.

    A row that names its company makes none but its like superfluous: labels may take it to another symbol later.
    """
    reading, key = _reading(rows), row_key(rows)
    passing = of_named_companies(rows) & (reason == "")
    reasons = np.unique(reason.astype(str), return_inverse=True)[1]  # none sorts first
    order = np.lexsort([*_preference(rows), passing, reasons, *reading, key])
    repeats = np.zeros(len(rows), bool)
    for compared in (~passing, reason == ""):
        among = order[compared[order]]
        same = np.diff(key[among]) == 0
        for column in reading:
            same &= np.diff(column[among]) == 0
        repeats[among[1:][same]] = True
    return repeats


def _outranked(rows: Quotes) -> Flags:
    """All rows of a symbol and day but the best."""
    order = np.lexsort([*_preference(rows), row_key(rows)])
    worse = np.zeros(len(rows), bool)
    worse[order[1:]] = np.diff(row_key(rows)[order]) == 0
    return worse


def _preference(rows: Quotes) -> list[NDArray[Any]]:
    """Sort keys, the last one first to count, that put the best row first; equal in all of them is only the same row."""
    columns = [np.nan_to_num(-getattr(rows, name), nan=np.inf) for name in reversed(ORDER)]
    return [rows.source, *columns, -rank(rows.sources)[rows.source]]


def _copies(rows: Quotes, counted: Flags) -> Flags:
    """Rows of a source's day that repeats an earlier session: most of the symbols that stand on both, reading for reading.

    The sessions before are those before among all days, and any source's reading of them counts: so a page saved before the
    day's session, which still shows the last one, is found by what other sources say of that one.
    """
    days, at = ranked_days(rows)
    stood = [np.zeros(len(rows), bool) for _ in range(LOOK_BACK)]
    same = [np.zeros(len(rows), bool) for _ in range(LOOK_BACK)]
    reading = _reading(rows)
    step, found = 1, True
    while found:  # an earlier session's rows of a symbol stand a few places up: as many as there are readings between
        back = at[step:] - at[:-step]
        near = (rows.symbol[step:] == rows.symbol[:-step]) & (back <= LOOK_BACK)
        alike = near.copy()
        for column in reading:
            alike &= column[step:] == column[:-step]
        for lag in range(LOOK_BACK):
            stood[lag][step:] |= near & (back == lag + 1)
            same[lag][step:] |= alike & (back == lag + 1)
        step, found = step + 1, bool(near.any())
    group = rows.source * len(days) + at
    copied = np.zeros(len(rows.sources) * len(days), bool)
    for on_both, repeats in zip(stood, same, strict=True):
        compared = np.bincount(group[counted & on_both], minlength=len(copied))
        repeated = np.bincount(group[counted & repeats], minlength=len(copied))
        copied |= (repeated >= COPY_SYMBOLS) & (repeated >= COPY_SHARE * compared)
    return copied[group]
