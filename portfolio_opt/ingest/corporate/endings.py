"""What happened to names that stopped trading, as far as the data of that day tell: no guess at a loss."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..findings import Finding, about
from ..panel import Panel
from ..universe import LISTED_SESSIONS, TRADED_SESSIONS, sessions_since_trade
from .actions import Action

ENDED_TOGETHER = 10  # symbols; the largest wave of mergers that halted names in one week was smaller
TOGETHER = 5  # sessions


class Cause(Enum):
    """Why a name has no newer price; the value is the rest of a sentence."""

    MERGED = "merged into {successor} at {ratio:g} units for each"
    SOURCE_ENDED = "its source ended on or about {end}, with many others: neither a delisting nor a loss"
    RARE = "halted, delisted or only rare: it has paused as long before"
    STOPPED = "halted or delisted, not known which"


@dataclass(frozen=True)
class Ending:
    """A name that stopped trading.

    last_trade: its newest session; merger: the user's merger action, where there is one
    source_end: the session on or about which its source ended, where that is the cause
    """

    symbol: str
    last_trade: date
    cause: Cause
    merger: Action | None = None
    source_end: date | None = None

    def in_words(self) -> str:
        """A sentence for reports."""
        successor, ratio = (self.merger.successor, self.merger.ratio) if self.merger else ("", 0.0)
        what = self.cause.value.format(successor=successor, ratio=ratio, end=self.source_end)
        return f"{self.symbol} last traded on {self.last_trade}: {what}."


def endings(panel: Panel) -> tuple[Ending, ...]:
    """Every symbol that traded but not in the last 5 sessions of the panel, sorted, with what is known of it by then.

    A name whose merger the user gave has merged. One that has paused as long before may only be rare. Where ten of the
    others traded last within five sessions, their source ended, and with it that of names too rare to trade every week.
    """
    silent = sessions_since_trade(panel)
    stopped = np.flatnonzero(panel.traded.any(0) & (silent >= LISTED_SESSIONS)).tolist()
    mergers = {action.symbol: action for action in panel.actions if action.kind == "merger"}
    last = len(panel.dates) - 1 - silent
    pause = {column: _longest_pause(panel.traded[:, column]) for column in stopped}
    gone = [k for k in stopped if silent[k] > pause[k] and str(panel.symbols[k]) not in mergers]
    ends = _ends_together(np.sort(last[gone]))

    def ending(column: int) -> Ending:
        name, end = str(panel.symbols[column]), int(last[column])
        found = Ending(name, panel.day(end), Cause.STOPPED)
        if name in mergers:
            return replace(found, cause=Cause.MERGED, merger=mergers[name])
        if column not in gone:
            return replace(found, cause=Cause.RARE)
        common = next(
            (at for at in ends if 0 <= at - end <= max(TOGETHER - 1, min(pause[column], TRADED_SESSIONS))), None
        )
        return found if common is None else replace(found, cause=Cause.SOURCE_ENDED, source_end=panel.day(common))

    return tuple(ending(column) for column in stopped)


def ended_holdings(symbols: Collection[str], panel: Panel) -> list[Finding]:
    """What became of held symbols that no longer trade, as of the panel's last session."""
    said = [ending.in_words().rstrip(".") for ending in endings(panel) if ending.symbol in symbols]
    return [about("holdings that no longer trade", said, "kept at the last close", "warning")] if said else []


def _ends_together(last: NDArray[np.int64]) -> list[int]:
    """Sessions with which a source ended, given the sorted last sessions of names: the newest of each crowd."""
    crowd = np.arange(1, len(last) + 1) - np.searchsorted(last, last - TOGETHER + 1)
    found: list[int] = []
    for end in last[crowd >= ENDED_TOGETHER].tolist():
        if found and end - found[-1] < TOGETHER:
            found.pop()
        found.append(end)
    return found


def _longest_pause(traded: NDArray[np.bool_]) -> int:
    """Most sessions from one trade of a name to the next."""
    return int(np.diff(np.flatnonzero(traded)).max(initial=0))


def ending_findings(panel: Panel) -> list[Finding]:
    """The names that stopped trading before the panel's end, by what became of them; none of them leaves the panel."""
    by_cause: dict[Cause, list[str]] = {cause: [] for cause in Cause}
    for ending in sorted(endings(panel), key=lambda ending: ending.last_trade, reverse=True):
        by_cause[ending.cause].append(f"{ending.symbol} after {ending.last_trade}")
    return [
        about(f"symbols that {words}", by_cause[cause], "kept to their last trade")
        for cause, words in CAUSES.items()
        if by_cause[cause]
    ]


CAUSES = {
    Cause.MERGED: "merged into another, as the file of mergers says",
    Cause.SOURCE_ENDED: "stop with their source, which is neither a delisting nor a loss",
    Cause.RARE: "have paused, and have paused as long before",
    Cause.STOPPED: "were halted or delisted, which of the two is not known",
}
