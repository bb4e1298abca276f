"""Moves that nothing explains, but that a bonus or right of another day, or of no known day, would explain."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from ..findings import EXAMPLES, Cases, Finding
from ..quotes import EPOCH, Quotes
from .actions import NO_DAY, Action
from .adjustment import Adjustment, reference_price
from .bands import furthest_moves

NEAR = 180  # calendar days between a move and the action that may explain it
UNADJUSTED = "unadjusted jumps that match a bonus or right of another day"


def unadjusted(quotes: Quotes, adjustment: Adjustment, actions: Iterable[Action]) -> list[Finding]:
    """The unexplained moves that an announced bonus or right of the symbol would bring inside the band, in one finding.

    actions: those of the exchange's days, and those without one under the day of their announcement, or NO_DAY
    A case's value is the number of days from the move to the nearest such action, NaN where none is known. Nothing is
    adjusted for it: a day that may lie in the future decides nothing here.
    """
    issues = defaultdict(list)
    for action in actions:
        if action.kind in ("bonus", "right"):
            issues[action.symbol].append(action)
    rows = np.flatnonzero(adjustment.unexplained)
    found, words = [], {}
    for row, furthest in zip(rows.tolist(), furthest_moves(quotes.day[rows]).tolist(), strict=True):
        reference = float(quotes.close[row - 1] * adjustment.factor[row])
        for action in sorted(issues[quotes.names[quotes.symbol[row]]], key=lambda one: _distance(quotes, row, one)):
            price = reference_price(reference, [action])
            elsewhere = not quotes.day[row - 1] < _number(action) <= quotes.day[row]  # else it is in the factor already
            near = _distance(quotes, row, action) <= NEAR
            if elsewhere and near and 0 < price != reference and abs(quotes.close[row] / price - 1) <= furthest:
                day = "no known day" if action.ex_date == NO_DAY else str(action.ex_date)
                words[row] = f"{quotes.where(row)}: a {action.kind} of {action.ratio:g}, {day}"
                found.append((row, np.nan if action.ex_date == NO_DAY else _number(action) - float(quotes.day[row])))
                break
    if not found:
        return []
    at = np.array([row for row, _ in found], dtype=np.int64)
    cases = Cases(
        np.array(quotes.names, dtype=np.str_)[quotes.symbol[at]],
        quotes.day[at],
        np.array([days for _, days in found]),
    )
    newest = tuple(words[row] for row in sorted(words, key=lambda row: (-quotes.day[row], row))[:EXAMPLES])
    effect = "not adjusted, left out of every return estimate; correct the ex day of the action"
    return [Finding(UNADJUSTED, len(found), effect, "warning", newest, cases)]


def _distance(quotes: Quotes, row: int, action: Action) -> int:
    """Days between a row and an action, NEAR for one without a day."""
    return NEAR if action.ex_date == NO_DAY else abs(int(quotes.day[row]) - _number(action))


def _number(action: Action) -> int:
    return (action.ex_date - EPOCH).days
