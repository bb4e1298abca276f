"""What the last close of each name is worth: whether it can be a session's own, or looks like a slip of the pen."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from .corporate.bands import FIRST_SESSIONS, LONG_HALT, furthest_moves, scale_slips
from .panel import Panel

Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class LastMoves:
    """The last close of each of a panel's symbols against the close before, both adjusted.

    row, before: (N,) the sessions of the last two trades, -1 where there is none
    slipped: (N,) about ten or a hundred times the close before, or a tenth or hundredth of it
    jumped: (N,) otherwise beyond the day's price band, and nothing explains it
    Neither is said after a long halt, nor of a close that is back where it was before the last jump; a jump not of the first
    sessions of a listing.
    """

    row: Rows
    before: Rows
    slipped: Flags
    jumped: Flags


def last_moves(panel: Panel) -> LastMoves:
    """The last moves, by nothing but prices up to the panel's last session."""
    _, row = panel.last_close()
    before = _trade_before(panel, row)
    earlier = _trade_before(panel, before)
    last, second, third = (_level(panel, rows) for rows in (row, before, earlier))
    furthest = furthest_moves(panel.dates)[row]
    back = (np.abs(last / third - 1) <= furthest) & (np.abs(second / third - 1) > furthest)
    soon = (panel.dates[row] - panel.dates[before]).astype(np.int64) <= LONG_HALT
    doubtful = (before >= 0) & soon & ~back
    slipped = doubtful & scale_slips(last / second, furthest)
    settled = ~listed_inside(panel) | (panel.traded.sum(0) > FIRST_SESSIONS)
    return LastMoves(row, before, slipped, doubtful & ~slipped & settled & (np.abs(last / second - 1) > furthest))


def listed_inside(panel: Panel) -> Flags:
    """(N,) symbols whose first trade the panel shows happening, rather than finding them already listed."""
    return np.asarray(panel.traded.argmax(0) > FIRST_SESSIONS)


def refuse_slips(symbols: Iterable[str], panel: Panel) -> None:
    """Raises InvalidInput for a symbol whose last close is about ten or a hundred times off the one before it."""
    moves = last_moves(panel)
    for symbol, column in _columns(symbols, panel, moves.slipped):
        raise InvalidInput(
            f"{symbol} is held, and {_closes(panel, moves, column)}: a digit too many or too few; correct or delete the row"
        )


def jump_warnings(symbols: Iterable[str], panel: Panel) -> list[str]:
    """A sentence for each symbol whose last close left the day's price band with nothing explaining it."""
    moves = last_moves(panel)
    return [
        f"{symbol} is held, and {_closes(panel, moves, column)}: beyond the day's price band, and no action explains it. "
        "Check the row."
        for symbol, column in _columns(symbols, panel, moves.jumped)
    ]


def _closes(panel: Panel, moves: LastMoves, column: int) -> str:
    row, before = int(moves.row[column]), int(moves.before[column])
    close = panel.close[:, column]
    return f"its last close, {close[row]:,.2f} on {panel.day(row)}, follows {close[before]:,.2f} on {panel.day(before)}"


def _columns(symbols: Iterable[str], panel: Panel, met: Flags) -> list[tuple[str, int]]:
    wanted = set(symbols)
    return [(name, k) for k, name in enumerate(panel.symbols.tolist()) if met[k] and name in wanted]


def _trade_before(panel: Panel, rows: Rows) -> Rows:
    """(N,) the session of each symbol's last trade before a session, -1 where there is none."""
    earlier = panel.traded & (np.arange(len(panel.dates))[:, None] < rows)
    return np.where(earlier.any(0), len(earlier) - 1 - earlier[::-1].argmax(0), -1)


def _level(panel: Panel, rows: Rows) -> NDArray[np.float64]:
    """(N,) adjusted closes, NaN where there is none."""
    columns = np.arange(len(rows))
    return np.where(rows >= 0, panel.close[rows, columns] * panel.adjustment[rows, columns], np.nan)
