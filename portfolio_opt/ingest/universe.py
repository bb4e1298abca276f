"""Which names an investor can choose from: listed, ordinary shares, and traded enough, as of a panel's last session."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .last_moves import last_moves
from .panel import Panel

TRADED = "equity"  # the one instrument that orders are made for
LISTED_SESSIONS = 5  # a name without a trade for so long is halted, merged or delisted, for all one can know
TRADED_SESSIONS = 120
TRADED_SHARE = 0.8
TURNOVER_SESSIONS = 60
LEAST_TURNOVER = 100_000.0  # NPR a session
KINDS = {"promoter_share": "promoter share, for promoters only", "unknown": "kind of instrument unknown"}


@dataclass(frozen=True)
class Universe:
    """Each symbol of a panel, and the first reason why it is not to be chosen.

    symbols: (N,) text; why_not: one per symbol, "" where nothing speaks against it
    """

    symbols: NDArray[np.str_]
    why_not: tuple[str, ...]

    @property
    def included(self) -> NDArray[np.bool_]:
        """(N,) whether a symbol is in."""
        return np.array([not reason for reason in self.why_not])

    @property
    def members(self) -> tuple[str, ...]:
        """The symbols that are in, sorted."""
        return tuple(self.symbols[self.included].tolist())


def universe(panel: Panel, least_turnover: float = LEAST_TURNOVER, least_share: float = TRADED_SHARE) -> Universe:
    """Who is in as of the panel's last session, by nothing but prices and trades up to it and the kind of instrument.

    A member is an equity that traded within the last 5 sessions, on `least_share` of the last 120 (a session before its
    listing counts as one without a trade), and turns over at the median at least `least_turnover` NPR in the last 60. Its
    last close can be a session's own: no slip of a digit, and not beyond the day's band with nothing to explain it.
    """
    sessions = min(TRADED_SESSIONS, len(panel.dates))
    never = ~panel.traded.any(0)
    since_trade, since_listing = sessions_since_trade(panel), len(panel.dates) - panel.traded.argmax(0)
    moves = last_moves(panel)
    thin = traded_share(panel, sessions) < least_share
    reasons = np.full(len(panel.symbols), "", dtype=object)
    for fails, reason in (
        (median_turnover(panel) < least_turnover, f"turns over less than NPR {least_turnover:,.0f} a session"),
        (thin, f"traded on less than {least_share:.0%} of the last {sessions} sessions"),
        (thin & (since_listing < least_share * sessions), "listed too short a time ago"),
        (moves.jumped, "its last close left the day's price band, and no action explains it"),
        (moves.slipped, "its last close is about ten or a hundred times off the close before it, a digit's slip"),
        (
            since_trade >= LISTED_SESSIONS,
            f"no trade in the last {LISTED_SESSIONS} sessions (halted, merged or delisted)",
        ),
        (panel.instrument != TRADED, _kinds(panel)),
        (never, "no price"),
    ):  # a later reason weighs more
        reasons[fails] = reason if isinstance(reason, str) else reason[fails]
    return Universe(panel.symbols, tuple(reasons.tolist()))


def median_turnover(panel: Panel, sessions: int = TURNOVER_SESSIONS) -> NDArray[np.float64]:
    """(N,) median NPR a session over the last sessions; a session without a trade counts as 0."""
    return np.asarray(np.median(panel.turnover[-sessions:], axis=0))


def traded_share(panel: Panel, sessions: int = TRADED_SESSIONS) -> NDArray[np.float64]:
    """(N,) share of the last sessions with a trade; sessions before a listing count as without."""
    return np.asarray(panel.traded[-sessions:].sum(0) / sessions)


def sessions_since_trade(panel: Panel) -> NDArray[np.int64]:
    """(N,) sessions since the last trade, 0 for one that traded on the last session."""
    return np.asarray(len(panel.dates) - 1 - panel.last_close()[1])


def _kinds(panel: Panel) -> NDArray[np.object_]:
    kinds = panel.instrument.tolist()
    return np.array([KINDS.get(kind, f"{kind.replace('_', ' ')}, not traded here") for kind in kinds], dtype=object)
