"""Total returns that an estimate may use: adjusted, dividends in, and no move that is not a return."""

import numpy as np
from numpy.typing import NDArray

from ..ingest.corporate.bands import FIRST_SESSIONS, LONG_HALT, furthest_moves
from ..ingest.panel import Panel


def total_returns(panel: Panel) -> NDArray[np.float64]:
    """Log total return of each session, (T, N): 0 on a session without a trade, NaN where there is no return to speak of.

    The return since the last trade stands on the day of the next one. NaN stands before the sixteenth trade of a listing,
    after the last trade, on moves beyond the day's price band that no action explains, and across long halts.
    """
    rows, columns = np.nonzero(panel.traded.T)[::-1]  # by symbol, then by day
    price = panel.close[rows, columns] * panel.adjustment[rows, columns]
    paid_so_far = np.nan_to_num(panel.dividend * panel.adjustment).cumsum(0)[rows, columns]
    days = panel.dates[rows].astype(int)
    same = np.diff(columns) == 0
    rise = price[1:] / price[:-1]
    paid = np.where(same, np.diff(paid_so_far), 0.0)  # since the last trade, on whichever day it went ex
    furthest = furthest_moves(panel.dates)[rows[1:]]
    usable = same & (np.abs(rise - 1) <= furthest) & (np.diff(days) <= LONG_HALT)
    returns = np.where(panel.traded, np.nan, 0.0)
    returns[rows[1:], columns[1:]] = np.where(usable, np.log((price[1:] + paid) / price[:-1]), np.nan)
    trades = panel.traded.cumsum(0)
    alive = (trades > np.where(_listed_inside(panel), FIRST_SESSIONS, 1)) & (panel.traded[::-1].cumsum(0)[::-1] > 0)
    returns[~alive] = np.nan
    return returns


def _listed_inside(panel: Panel) -> NDArray[np.bool_]:
    """Symbols whose first trade the panel shows happening, rather than finding them already listed."""
    return np.asarray(panel.traded.argmax(0) > FIRST_SESSIONS)
