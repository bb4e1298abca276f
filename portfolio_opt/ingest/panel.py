"""The Panel: every price, by day and symbol, read-only and validated once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..market.rules import rulebook
from .corporate.actions import Action
from .findings import Finding

Matrix = NDArray[np.float64]

FRAMES = ("open", "high", "low", "close", "volume", "turnover", "adjustment", "dividend", "traded")


@dataclass(frozen=True)
class Panel:
    """Prices and volumes of N symbols over T sessions.

    dates: (T,) datetime64[D], rising; symbols: (N,) text, sorted
    open, high, low, close: (T, N) raw NPR per unit, NaN where the symbol did not trade that day
    volume, turnover: (T, N) units and NPR, 0 where it did not trade
    adjustment: (T, N) factor that makes close × adjustment a price series without bonus and right jumps. It grows
        forward from 1, so that later actions change no earlier value
    dividend: (T, N) NPR per unit going ex that day, before tax; cash that the exchange itself adjusts for is not here
    traded: (T, N) whether the symbol traded
    sector, instrument: (N,) text, empty or "unknown" where no file tells; board_lot: (N,) units
    actions: the bonus, right and merger actions of its symbols, those of the future too if they are announced
    known_symbols: every symbol a label file names, with or without prices
    known_until: nothing later may be asked for; data_hash: of the files read; findings: what was set aside
    """

    dates: NDArray[np.datetime64]
    symbols: NDArray[np.str_]
    open: Matrix
    high: Matrix
    low: Matrix
    close: Matrix
    volume: Matrix
    turnover: Matrix
    adjustment: Matrix
    dividend: Matrix
    traded: NDArray[np.bool_]
    sector: NDArray[np.str_]
    instrument: NDArray[np.str_]
    board_lot: NDArray[np.int64]
    actions: tuple[Action, ...] = ()
    known_symbols: frozenset[str] = frozenset()
    known_until: date | None = None
    data_hash: str = ""
    findings: tuple[Finding, ...] = field(default=())

    def __post_init__(self) -> None:
        shape = (len(self.dates), len(self.symbols))
        if 0 in shape:
            raise InvalidInput("the prices hold no session or no symbol; check the folder")
        if not (np.diff(self.dates).astype(int) > 0).all() or not (self.symbols[1:] > self.symbols[:-1]).all():
            raise InvalidInput("panel: dates must rise and symbols must be sorted and differ")
        for name in FRAMES:
            if getattr(self, name).shape != shape:
                raise InvalidInput(f"panel: {name} has shape {getattr(self, name).shape}, not {shape}")
        if not ((self.close > 0) & np.isfinite(self.close))[self.traded].all():
            raise InvalidInput("panel: a traded day needs a positive, finite close")
        if not ((self.adjustment > 0) & np.isfinite(self.adjustment)).all():
            raise InvalidInput("panel: every adjustment must be a positive, finite factor")
        for name in ("volume", "turnover"):
            if not ((getattr(self, name) >= 0) & np.isfinite(getattr(self, name))).all():
                raise InvalidInput(f"panel: {name} must be finite and at least 0")
        for column in fields(self):
            value = getattr(self, column.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def last_date(self) -> date:
        """The newest session."""
        return self.day(-1)

    def day(self, t: int) -> date:
        """The session at row t."""
        found: date = self.dates[t].astype(object)
        return found

    def sessions(self) -> list[date]:
        """All sessions as dates."""
        return list(self.dates.astype(object))

    def column(self, symbol: str) -> int | None:
        """Where a symbol stands, or None."""
        at = int(np.searchsorted(self.symbols, symbol))
        return at if at < len(self.symbols) and self.symbols[at] == symbol else None

    def until(self, day: date) -> Self:
        """The panel as it was known after the close of `day`: its own memory, and no way to ask for a later day."""
        if self.known_until is not None and day > self.known_until:
            raise InvalidInput(
                f"{day} lies after {self.known_until}, the last day this panel may know: that is look-ahead"
            )
        rows = int(np.searchsorted(self.dates, np.datetime64(day), side="right"))
        if rows == 0:
            raise InvalidInput(f"the prices begin on {self.day(0)}, after {day}: choose a later day")
        frames = {name: getattr(self, name)[:rows].copy() for name in FRAMES}
        known = tuple(action for action in self.actions if action.known_from <= day)
        return replace(self, dates=self.dates[:rows].copy(), actions=known, known_until=day, **frames)

    def frame(self, name: str) -> pd.DataFrame:
        """One of the matrices as a DataFrame, sessions × symbols."""
        if name not in FRAMES:
            raise InvalidInput(f"panel has no frame {name!r}; it has {', '.join(FRAMES)}")
        return pd.DataFrame(getattr(self, name).copy(), index=pd.DatetimeIndex(self.dates), columns=list(self.symbols))

    def last_close(self) -> tuple[Matrix, NDArray[np.int64]]:
        """The newest close of every symbol and the row it is from; NaN and -1 for one that never traded."""
        rows = np.where(self.traded.any(0), len(self.dates) - 1 - self.traded[::-1].argmax(0), -1)
        return np.where(rows >= 0, self.close[rows, np.arange(len(self.symbols))], np.nan), rows

    @classmethod
    def from_frames(
        cls,
        *,
        close: pd.DataFrame,
        volume: pd.DataFrame | None = None,
        turnover: pd.DataFrame | None = None,
        adjustment: pd.DataFrame | None = None,
        dividend: pd.DataFrame | None = None,
        open: pd.DataFrame | None = None,
        high: pd.DataFrame | None = None,
        low: pd.DataFrame | None = None,
        sector: Mapping[str, str] | None = None,
        instrument: Mapping[str, str] | None = None,
    ) -> Self:
        """A Panel from a quant's own frames, dates × symbols; a missing close means that the symbol did not trade.

        Absent prices default to the close, turnover to close × volume, adjustment to 1, sector to "", instrument to equity.
        """
        close = _tidy(close).sort_index().sort_index(axis=1)
        traded = close.notna().to_numpy()
        prices = close.to_numpy(float, copy=True)

        def like_close(frame: pd.DataFrame | None, default: Any, absent: float = np.nan) -> Matrix:
            if frame is not None:
                default = _tidy(frame).reindex(index=close.index, columns=close.columns).to_numpy(float)
            return np.where(np.isnan(default), absent, np.broadcast_to(default, prices.shape))

        volumes = like_close(volume, 0.0, absent=0.0)
        symbols = [str(symbol) for symbol in close.columns]
        return cls(
            dates=np.asarray(close.index.to_numpy().astype("datetime64[D]")),
            symbols=np.array(symbols, dtype=np.str_),
            open=like_close(open, prices),
            high=like_close(high, prices),
            low=like_close(low, prices),
            close=prices,
            volume=volumes,
            turnover=like_close(turnover, np.where(volumes > 0, prices, 0.0) * volumes, absent=0.0),
            adjustment=like_close(adjustment, 1.0),
            dividend=like_close(dividend, 0.0, absent=0.0),
            traded=traded,
            **labels(symbols, sector or {}, instrument or dict.fromkeys(symbols, "equity")),
        )


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame under local days and text symbols, so that frames meet whatever kind of dates their makers use."""
    if frame.index.inferred_type in ("string", "integer", "floating"):
        raise InvalidInput(
            f"panel: a frame's index must hold dates, not {frame.index.inferred_type} values; convert it"
        )
    days = pd.DatetimeIndex(frame.index).tz_localize(None).normalize()
    if days.has_duplicates or frame.columns.has_duplicates:
        raise InvalidInput("panel: a frame has a day or a symbol twice; keep one")
    return frame.set_axis(days, axis=0).rename(columns=str)


def labels(symbols: Sequence[str], sector: Mapping[str, str], instrument: Mapping[str, str]) -> dict[str, Any]:
    """The per-symbol arrays of a Panel from what is known by symbol."""
    rules = rulebook().on(rulebook().checked)
    kinds = np.array([instrument.get(symbol, "unknown") for symbol in symbols], dtype=np.str_)
    return {
        "sector": np.array([sector.get(symbol, "") for symbol in symbols], dtype=np.str_),
        "instrument": kinds,
        "board_lot": np.array([rules.lot_of(kind) for kind in kinds], dtype=np.int64),
    }
