"""Which file of a store a day is in: its month in the newest day's year, else its year."""

import numpy as np
from numpy.typing import NDArray

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
    """The files that hold the touched days or the sessions next to them."""
    names = price_files(held)
    if not names:
        return set()
    names.sort(key=lambda name: held.files[name].first)
    first = np.array([_number_of(held.files[name].first) for name in names])
    last = np.array([_number_of(held.files[name].last) for name in names])
    at = np.searchsorted(first, touched, side="right") - 1  # the file that begins on or before the day
    near = {*at.tolist(), *(at[touched <= first[np.maximum(at, 0)]] - 1).tolist()}
    near |= {*(at[(at < 0) | (touched >= last[np.maximum(at, 0)])] + 1).tolist()}
    return {names[k] for k in near if 0 <= k < len(names)}


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
