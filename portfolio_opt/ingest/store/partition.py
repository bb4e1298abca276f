"""Which file of a store a day is in: its month in the newest day's year, else its year."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..merge import LOOK_BACK
from ..quotes import Quotes, day_of, row_key
from .encode import price_file
from .manifest import FileEntry, Manifest

PRICES = "prices.parquet"


def _zone(day: int, newest: int) -> str:
    """The file of a day: its month in the newest day's year, else its year."""
    text = day_of(day)
    return f"{PRICES}/{text[:7] if text[:4] == day_of(newest)[:4] else text[:4]}.parquet"


def price_files(held: Manifest) -> list[str]:
    return sorted(name for name in held.files if name.startswith(PRICES))


def folds(name: str, newest: int) -> bool:
    """Whether a file of a month belongs into its year's, now that a later year has begun."""
    zone = name.removeprefix(f"{PRICES}/").removesuffix(".parquet")
    return len(zone) > 4 and zone[:4] != day_of(newest)[:4]


def last_days(held: Manifest) -> list[int]:
    return [_number_of(held.files[name].last) for name in price_files(held)]


def _number_of(day: str) -> int:
    return int(np.datetime64(day, "D").astype(int))


def zones_around(held: Manifest, touched: NDArray[np.int64]) -> set[str]:
    """The files that hold the touched days and at least LOOK_BACK sessions before and after each."""
    names = sorted(price_files(held), key=lambda name: held.files[name].first)
    first = np.array([_number_of(held.files[name].first) for name in names], dtype=np.int64)
    days = [held.files[name].days for name in names]
    found: set[str] = set()
    for at in np.unique(np.searchsorted(first, touched, side="right") - 1).tolist():  # begins on or before the day
        found |= {*names[max(at, 0) : at + 1], *_some(names, days, range(at - 1, -1, -1))}
        found |= {*_some(names, days, range(at + 1, len(names)))}
    return found


def _some(names: list[str], days: list[int], order: range) -> Iterator[str]:
    """Files in an order until they hold LOOK_BACK sessions together."""
    sessions = 0
    for at in order:
        if sessions >= LOOK_BACK:
            return
        sessions += days[at]
        yield names[at]


def price_files_of(
    quotes: Quotes, newest: int, again: NDArray[np.int64], loaded: set[str]
) -> tuple[dict[str, tuple[bytes, FileEntry]], set[str]]:
    """The files that hold days decided anew, and the loaded files that are no more."""
    quotes = quotes.rows(np.argsort(row_key(quotes), kind="stable"))
    days, at = np.unique(quotes.day, return_inverse=True)
    zones = np.array([_zone(int(day), newest) for day in days], dtype=np.str_)
    changed = {_zone(int(day), newest) for day in again} | {
        _zone_of_old(name) for name in loaded if folds(name, newest)
    }
    row_zone = zones[at] if len(days) else np.empty(0, np.str_)
    files = {}
    for name in sorted(changed):
        rows = quotes.rows(row_zone == name)
        if len(rows):
            files[name] = price_file(rows)
    gone = {name for name in loaded if folds(name, newest) or (name in changed and name not in files)}
    return files, gone


def _zone_of_old(name: str) -> str:
    zone = name.removeprefix(f"{PRICES}/")
    return f"{PRICES}/{zone[:4]}.parquet"
