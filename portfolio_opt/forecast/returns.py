"""Total returns that an estimate may use: adjusted, dividends in, and no move that is not a return."""

import numpy as np
from numpy.typing import NDArray

from ..ingest.corporate.bands import FIRST_SESSIONS, LONG_HALT, furthest_moves
from ..ingest.last_moves import listed_inside
from ..ingest.panel import Panel

ROUNDING = 1e-9


def total_returns(panel: Panel) -> NDArray[np.float64]:
    """Log total return of each session, (T, N): 0 on a session without a trade, NaN where there is no return to speak of.

    The return since the last trade stands on the day of the next one. NaN stands before the sixteenth trade of a listing,
    after the last trade, on moves beyond the day's price band that no action explains, across long halts, and where a row
    takes the jump of the row before back, with its factor.
    """
    rows, columns = np.nonzero(panel.traded.T)[::-1]  # by symbol, then by day
    adjustment = panel.adjustment[rows, columns]
    price = panel.close[rows, columns] * adjustment
    paid_so_far = np.nan_to_num(panel.dividend * panel.adjustment).cumsum(0)[rows, columns]
    days = panel.dates[rows].astype(int)
    same = np.diff(columns) == 0
    rise = price[1:] / price[:-1]
    paid = np.where(same, np.diff(paid_so_far), 0.0)  # since the last trade, on whichever day it went ex
    furthest = furthest_moves(panel.dates)[rows[1:]]
    usable = same & ~_taken_back(adjustment, columns) & (np.abs(rise - 1) <= furthest) & (np.diff(days) <= LONG_HALT)
    returns = np.where(panel.traded, np.nan, 0.0)
    returns[rows[1:], columns[1:]] = np.where(usable, np.log((price[1:] + paid) / price[:-1]), np.nan)
    trades = panel.traded.cumsum(0)
    alive = (trades > np.where(listed_inside(panel), FIRST_SESSIONS, 1)) & (panel.traded[::-1].cumsum(0)[::-1] > 0)
    returns[~alive] = np.nan
    return returns


def _taken_back(adjustment: NDArray[np.float64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of all trades but the first, those whose adjustment is again that of the trade before last, after another between."""
    changed = np.abs(adjustment[1:] / adjustment[:-1] - 1) > ROUNDING
    again = (columns[2:] == columns[:-2]) & (np.abs(adjustment[2:] / adjustment[:-2] - 1) <= ROUNDING)
    return np.asarray(changed & np.concatenate([[False], again])[: len(changed)])
