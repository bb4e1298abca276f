"""How much of a symbol trades, and how reliably: as of a panel's last session."""

import numpy as np
from numpy.typing import NDArray

from ..ingest.panel import Panel

TURNOVER_SESSIONS = 60
TRADED_SESSIONS = 120


def median_turnover(panel: Panel, sessions: int = TURNOVER_SESSIONS) -> NDArray[np.float64]:
    """(N,) median NPR a session over the last sessions; a session without a trade counts as 0."""
    return np.asarray(np.median(panel.turnover[-sessions:], axis=0))


def traded_share(panel: Panel, sessions: int = TRADED_SESSIONS) -> NDArray[np.float64]:
    """(N,) share of the last sessions with a trade; sessions before a listing count as without."""
    return np.asarray(panel.traded[-sessions:].sum(0) / sessions)


def sessions_since_trade(panel: Panel) -> NDArray[np.int64]:
    """(N,) sessions since the last trade, 0 for one that traded on the last session."""
    return np.asarray(len(panel.dates) - 1 - panel.last_close()[1])
