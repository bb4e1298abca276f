"""Price rows as matrices, sessions × symbols; a store keeps them beside its files, so that the next reader only maps them."""

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..quotes import Quotes, ranked_days

FRAMES = ("open", "high", "low", "close", "volume", "turnover")
PREFIX = "wide-"
DIGESTS = "digests.json"  # of the arrays beside it
KEPT = re.compile(PREFIX + r"(draft-)?[0-9a-f]{8,16}(/[a-z]+\.(npy|json))?")


def is_kept(name: str) -> bool:
    """Whether a path within a store is that of matrices it keeps, or of a draft of them."""
    return KEPT.fullmatch(name) is not None


@dataclass(frozen=True)
class Wide:
    """Matrices of T sessions by N symbols.

    dates: (T,) datetime64[D], rising; symbols: (N,) text, sorted
    frames: open, high, low, close with NaN, volume and turnover with 0 where the symbol did not trade or none is stated
    """

    dates: NDArray[np.datetime64]
    symbols: NDArray[np.str_]
    frames: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Place:
    """Where sorted rows stand in matrices: dates (T,), symbols (N,), and row and column of each price row."""

    dates: NDArray[np.datetime64]
    symbols: NDArray[np.str_]
    row: NDArray[np.int64]
    column: NDArray[np.int64]

    def matrix(self, values: NDArray[np.float64], empty: float) -> NDArray[np.float64]:
        """(T, N) with the rows' values in their places."""
        flat = np.full(len(self.dates) * len(self.symbols), empty)
        flat[self.row * len(self.symbols) + self.column] = values
        return flat.reshape(len(self.dates), len(self.symbols))


def place_of(quotes: Quotes) -> Place:
    """The place of rows that stand by symbol and day."""
    days, row = ranked_days(quotes)
    used = np.bincount(quotes.symbol, minlength=len(quotes.names)) > 0
    return Place(
        dates=days.astype("datetime64[D]"),
        symbols=np.array([name for name, here in zip(quotes.names, used, strict=True) if here], dtype=np.str_),
        row=row,
        column=(np.cumsum(used) - 1)[quotes.symbol],
    )


def wide_of(quotes: Quotes, place: Place) -> Wide:
    """The matrices of price rows."""
    frames = {
        name: place.matrix(np.nan_to_num(getattr(quotes, name)), 0.0)
        if name in ("volume", "turnover")
        else place.matrix(getattr(quotes, name), np.nan)
        for name in FRAMES
    }
    return Wide(place.dates, place.symbols, frames)


def kept(folder: Path, data_hash: str, name: str) -> Wide | None:
    """One matrix that a store keeps for the data of this hash, mapped from disk; None unless it is as it was written."""
    inner = folder / f"{PREFIX}{data_hash[:16]}"
    try:
        written = json.loads((inner / DIGESTS).read_bytes())
        if any(_digest(inner / f"{part}.npy") != written[part] for part in ("dates", "symbols", name)):
            return None
        dates, symbols = (np.load(inner / f"{part}.npy", allow_pickle=False) for part in ("dates", "symbols"))
        frame = np.load(inner / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, KeyError, TypeError, RecursionError):
        return None
    return Wide(dates, symbols, {name: frame})


def keep(folder: Path, data_hash: str, wide: Wide) -> None:
    """Keep matrices in a store for later readers; a store that cannot be written to is left as it is."""
    inner = folder / f"{PREFIX}{data_hash[:16]}"
    draft = folder / f"{PREFIX}draft-{secrets.token_hex(4)}"
    with contextlib.suppress(OSError):
        draft.mkdir()
        try:
            arrays = {"dates": wide.dates, "symbols": wide.symbols, **wide.frames}
            for name, array in arrays.items():
                np.save(draft / f"{name}.npy", array, allow_pickle=False)
            digests = {name: _digest(draft / f"{name}.npy") for name in arrays}
            (draft / DIGESTS).write_text(json.dumps(digests, indent=1), encoding="utf-8")
            shutil.rmtree(inner, ignore_errors=True)
            os.rename(draft, inner)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
