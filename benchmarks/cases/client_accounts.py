"""Random accounts of a broker's clients: a table as the `accounts` command reads it."""

from datetime import timedelta

import numpy as np
import pandas as pd

from portfolio_opt import Panel

SMALLEST, LARGEST = 20_000, 20_000_000  # NPR of wealth, log-uniform between


def client_table(panel: Panel, symbols: list[str], count: int, seed: int) -> pd.DataFrame:
    """(rows) lots of up to 20 names, bought within three years at half to one and a half of today's price, and cash."""
    rng = np.random.default_rng(seed)
    close, _ = panel.last_close()
    price = close[np.searchsorted(panel.symbols, symbols)]
    wealth = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST), count))
    names = rng.integers(0, 21, count)
    owner = np.repeat(np.arange(count), names)
    share = rng.exponential(size=len(owner))
    share /= np.maximum(np.bincount(owner, share, count), 1e-12)[owner]
    held = np.where(rng.random(count) < 0.4, 1.0, rng.uniform(0.5, 1.0, count))  # of wealth, in shares
    at = np.concatenate([rng.choice(len(symbols), k, replace=False) for k in names])
    units = np.floor(share * (held * wealth)[owner] / price[at]).astype(int)
    frame = pd.DataFrame(
        {
            "account": owner,
            "symbol": np.array(symbols)[at],
            "units": units,
            "cost": np.round(units * price[at] * rng.uniform(0.5, 1.5, len(at)), 2),
            "acquired": np.array(panel.last_date, "datetime64[D]") - rng.integers(0, 1100, len(at)),
        }
    )
    frame = frame[frame["units"] > 0]
    value = np.bincount(frame["account"], frame["units"] * price[np.searchsorted(symbols, frame["symbol"])], count)
    bare = np.setdiff1d(np.arange(count), frame["account"])
    empty = pd.DataFrame({"account": bare, "symbol": "", "units": 0, "cost": 0.0, "acquired": pd.NaT})
    table = pd.concat([frame, empty], ignore_index=True).sort_values("account", kind="stable")
    cash = np.round(np.maximum(wealth - value, 0.0), 2)
    kinds = np.array(["individual"] * 8 + ["entity", "fund"])[rng.integers(0, 10, count)]
    aversion = rng.choice([1.0, 2.0, 4.0, 8.0], count)
    own = table["account"].to_numpy()
    table["cash"], table["investor"], table["risk_aversion"] = cash[own], kinds[own], aversion[own]
    table["account"] = [f"C{k:06d}" for k in own]
    table["acquired"] = pd.to_datetime(table["acquired"]).dt.date
    return table


def last_day(panel: Panel) -> str:
    """A clock two days after the newest session: not stale."""
    return (panel.last_date + timedelta(days=2)).isoformat() + "T09:00"
