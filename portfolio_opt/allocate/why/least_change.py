"""The least change of the limits that makes room: of one alone, or of several with the least total."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..problem import Limits, Problem
from .room import CAPS, ROUNDING, Places, RoomProgram, TakesTooLong, places

SHOWN = 0.01  # a change is rounded up by at most this share of itself
FINEST = 8  # decimals
NEAR = 0.004  # the total of a joint change is at most this share above the least, before it is rounded
MOST_ASKED = 150  # programmes that a joint change may take


@dataclass(frozen=True)
class Change:
    """One limit moved, as fractions. least: where room begins; to: that, rounded up to `digits` by at most 1% of the change."""

    limit: str
    now: float
    least: float
    digits: int

    @property
    def to(self) -> float:
        scale = 10**self.digits
        return float(min(np.ceil((self.least - ROUNDING / 10) * scale), scale) / scale)

    @property
    def words(self) -> str:
        to = f"{self.to * 100:.{self.digits - 2}f}%"
        if self.limit == "cash_floor":
            return f"hold {to} cash (cash_floor = {self.to:.{self.digits}f})"
        return f"raise {self.limit} from {self.now:.1%} to {to}"


def least_changes(
    problem: Problem, movable: Sequence[str], whole_lots: bool = True, today: bool = False
) -> tuple[Change, ...] | None:
    """The changes of the movable limits, of least total, that make room: () if none is needed, None if even 100% does not."""
    at = places(problem, today)
    fractions = _least(at, problem.limits, movable, False, today)
    if fractions is None or not whole_lots:
        return fractions
    if _has_room(at, _moved(problem.limits, fractions), True, today):
        return fractions  # lots take nothing away from it
    if len(movable) == 1 and movable[0] in CAPS:
        return _by_halving(at, problem.limits, movable[0], today)
    try:
        return _least(at, problem.limits, movable, True, today)
    except TakesTooLong:
        if "max_weight" not in movable:
            raise
        return _jointly(at, problem.limits, [name for name in movable if name != "max_weight"], today)


def _by_halving(at: Places, limits: Limits, cap: str, today: bool) -> tuple[Change, ...] | None:
    """The least change of one cap for whole lots: more of a cap never takes room away, so halving finds where it begins."""
    now = float(vars(limits)[cap])
    digits, top = 3, 1000

    def with_cap(to: float) -> Limits:
        moved: dict[str, Any] = {cap: to}
        return replace(limits, **moved)

    if not _has_room(at, with_cap(1.0), True, today):
        return None
    while True:
        low = int(now * 10**digits)  # at top / 10**digits there is room, at low there is none
        while top - low > 1:
            middle = (low + top) // 2
            enough = _has_room(at, with_cap(middle / 10**digits), True, today)
            low, top = (low, middle) if enough else (middle, top)
        to = top / 10**digits
        if 10.0**-digits <= SHOWN * (to - now) or digits == FINEST:
            return (Change(cap, now, to, digits),)
        digits, top = digits + 1, top * 10


def _jointly(at: Places, limits: Limits, others: Sequence[str], today: bool) -> tuple[Change, ...] | None:
    """The changes of max_weight and the others of least total for whole lots, within NEAR.

    For where one programme in all of them takes too long. What the others must move falls as max_weight rises, so between two
    values of it the total is at least that of the lower one and of the others at the upper one: intervals that this bound does
    not rule out are halved. Raises TakesTooLong.
    """

    def of_others(max_weight: float) -> float:
        least = RoomProgram(at, replace(limits, max_weight=max_weight), True, today).least(others)
        return np.inf if least is None else sum(least.values())

    now = limits.max_weight
    at_most = of_others(1.0)
    if not np.isfinite(at_most):
        return None
    best = min((of_others(now), now), (1 - now + at_most, 1.0))
    open_intervals = [(at_most, now, 1.0, at_most)]  # bound, from, to, what the others move at its end
    for _ in range(MOST_ASKED):
        bound, low, high, at_high = heapq.heappop(open_intervals)
        if bound >= best[0] * (1 - NEAR):
            break
        middle = (low + high) / 2
        at_middle = of_others(middle)
        best = min(best, (middle - now + at_middle, middle))
        heapq.heappush(open_intervals, (low - now + at_middle, low, middle, at_middle))
        heapq.heappush(open_intervals, (middle - now + at_high, middle, high, at_high))
    else:
        raise TakesTooLong
    first = Change("max_weight", now, best[1], _digits(max(best[1] - now, ROUNDING), SHOWN / 2))
    rest = _least(at, replace(limits, max_weight=first.to), others, True, today, SHOWN / 2) or ()
    return (*([first] if best[1] > now else []), *rest)


def _least(
    at: Places, limits: Limits, movable: Sequence[str], whole_lots: bool, today: bool, shown: float = SHOWN
) -> tuple[Change, ...] | None:
    now = vars(limits)
    least = RoomProgram(at, limits, whole_lots, today).least(movable)
    if least is None:
        return None
    by = {name: size for name, size in least.items() if size > ROUNDING / 10}
    for finer in range(1 + FINEST - 3):
        changes = tuple(
            Change(name, now[name], now[name] + size, min(_digits(size, shown) + finer, FINEST))
            for name, size in by.items()
        )
        if not whole_lots or _has_room(at, _moved(limits, changes), True, today):
            break  # else less to be invested no longer buys the lot that fitted: the floor is stated more exactly
    return changes


def _moved(limits: Limits, changes: Sequence[Change]) -> Limits | None:
    """The limits after the changes; None if they would leave nothing to invest."""
    shown: dict[str, Any] = {change.limit: change.to for change in changes}
    return None if shown.get("cash_floor") == 1 else replace(limits, **shown)


def _has_room(at: Places, limits: Limits | None, whole_lots: bool, today: bool) -> bool:
    return limits is None or RoomProgram(at, limits, whole_lots, today).least(()) is not None


def _digits(by: float, shown: float) -> int:
    """Decimals of a fraction that moves by so much: a tenth of a percent, or finer where that is more than `shown` of it."""
    return max(3, -int(np.floor(np.log10(shown * by))))
