"""Panels written by hand or drawn, for the tests of what is estimated from them."""

from datetime import date

import numpy as np
import pandas as pd

from portfolio_opt.ingest.panel import Panel

FIRST = date(2024, 1, 1)  # the band is 10% from here to 2026-04-19


def panel_of(closes, *, start=FIRST, days=None, **frames):
    """A Panel of daily sessions from columns of closes, None where there was no trade; other frames as columns likewise."""
    length = len(next(iter(closes.values())))
    index = pd.DatetimeIndex(days) if days is not None else pd.date_range(start, periods=length)

    def frame(columns):
        return pd.DataFrame({name: pd.Series(values, index, dtype=float) for name, values in columns.items()})

    labels = {name: frames.pop(name) for name in ("sector", "instrument") if name in frames}
    return Panel.from_frames(
        close=frame(closes), **{name: frame(columns) for name, columns in frames.items()}, **labels
    )


def walk(rng, sessions, names, *, step=0.015, missing=0.0):
    """(sessions, names) prices of a random walk inside the band, NaN where a name did not trade."""
    moves = np.clip(rng.normal(0, step, (sessions, names)), -0.08, 0.08)
    prices = 300 * np.exp(moves.cumsum(0))
    return np.where(rng.random((sessions, names)) < missing, np.nan, prices)


def drawn_panel(rng, symbols, *, sessions=150, missing=0.0, sector=None, start=FIRST):
    """A panel of random walks for the given symbols, as many sessions as asked for."""
    prices = walk(rng, sessions, len(symbols), missing=missing)
    index = pd.date_range(start, periods=sessions)
    close = pd.DataFrame(prices, index=index, columns=symbols)
    volume = pd.DataFrame(rng.integers(100, 10_000, prices.shape), index=index, columns=symbols).astype(float)
    return Panel.from_frames(close=close, volume=volume.where(close.notna()), sector=sector)
