"""What limits that are not convex leave of each name's range: nothing or a position, whole shares, orders of at least a lot."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...optim.convex.separable import SeparableProgram
from ...optim.convex.stepped import SteppedProgram
from ...optim.convex.stepped_term import SteppedTerm
from ..problem import Situation
from ..statement.count_limits import HALF_A_SHARE, BoardLot, MaxNames, MinNames, MinPosition
from ..statement.term import Limit
from .conflict import no_solution

Vector = NDArray[np.float64]
Range = tuple[float, float]  # lowest and highest weight, both allowed

STEPPED = (MaxNames, MinNames, MinPosition, BoardLot)
COUNTED = MaxNames | MinNames | MinPosition  # which ask whether a name is held


@dataclass(frozen=True)
class Names:
    """How dust, below half a share and so no position, is read: none is held, or, for bounds, any amount may be.

    price: of each name that is held, added to the cost
    """

    dust: bool = False
    price: float = 0.0


def stepped_program(
    situation: Situation, limits: Sequence[Limit], program: SeparableProgram, names: Names
) -> SteppedProgram:
    """The separable programme with each name's range cut to what the limits allow, and cut again at its kinks.

    Raises NoSolution where a name has no weight left.
    """
    rows = [_pieces(situation, limits, program, i, names) for i in range(len(program.linear))]
    stuck = next((i for i, row in enumerate(rows) if not row), None)
    if stuck is not None:
        raise no_solution(limits, f" in {situation.day.symbols[stuck]}")
    width = max(len(row) for row in rows)
    nothing = (1.0, 0.0, 0.0, 0.0)  # low above high: an empty piece
    table = np.array([[*row, *[nothing] * (width - len(row))] for row in rows])
    whole = any(isinstance(limit, BoardLot) for limit in limits)
    low, high, constant, slope = np.moveaxis(table, 2, 0)
    step = situation.unit if whole else np.zeros(len(rows))
    return SteppedProgram(
        loadings=program.loadings,
        diagonal=program.diagonal,
        linear=program.linear,
        term=SteppedTerm(low, high, constant, slope, base=np.zeros(len(rows)), step=step),
        rows=program.rows,
        row_lower=program.row_lower,
        row_upper=program.row_upper,
    )


def around(situation: Situation, limits: Sequence[Limit], program: SeparableProgram, x: Vector) -> SeparableProgram:
    """The programme in which each name stays within the allowed range that holds x (N,), or is nearest to it."""
    boxes = []
    for i, w in enumerate(x):
        ranges = _ranges(situation, limits, program, i, Names())
        boxes.append(min(ranges, key=lambda ends: max(ends[0] - w, w - ends[1], 0.0)))
    lower, upper = np.array(boxes).T
    return replace(program, lower=lower, upper=upper)


def without(program: SeparableProgram, kept: NDArray[np.bool_]) -> SeparableProgram:
    """The programme in which names that are not kept hold nothing, or the least they can."""
    return replace(program, upper=np.where(kept, program.upper, np.maximum(program.lower, 0.0)))


def _pieces(
    situation: Situation, limits: Sequence[Limit], program: SeparableProgram, i: int, names: Names
) -> list[tuple[float, float, float, float]]:
    """(low, high, constant, slope) of every piece of one name."""
    kinks, slopes = program.kinks[i], program.slopes[i]
    counted = any(isinstance(limit, COUNTED) for limit in limits)
    found = []
    for low, high in _ranges(situation, limits, program, i, names):
        ends = np.unique(np.clip(np.concatenate([[low], kinks, [high]]), low, high))
        for a, b in pairwise(ends) if len(ends) > 1 else [(low, high)]:
            slope = float(slopes[int((kinks <= (a + b) / 2).sum())])
            held = counted and a >= HALF_A_SHARE * float(situation.unit[i])
            found.append((float(a), float(b), _cost(program, i, a) - slope * a + names.price * held, slope))
    return found


def _ranges(
    situation: Situation, limits: Sequence[Limit], program: SeparableProgram, i: int, names: Names
) -> list[Range]:
    """The weights of one name that the limits allow, grids aside."""
    ranges = [(float(program.lower[i]), float(program.upper[i]))]
    for limit in limits:
        ranges = _both(ranges, _allowed(situation, limit, i, names))
    return ranges


def _cost(program: SeparableProgram, i: int, w: float) -> float:
    def from_zero(at: float) -> float:
        jumps = np.diff(program.slopes[i])
        return float(program.slopes[i, 0] * at + jumps @ np.clip(at - program.kinks[i], 0, None))

    return from_zero(w) - from_zero(float(program.origin[i]))


def _allowed(situation: Situation, limit: Limit, i: int, names: Names) -> list[Range]:
    unit = float(situation.unit[i])
    dust = HALF_A_SHARE * unit
    if isinstance(limit, COUNTED):
        least = limit.limit if isinstance(limit, MinPosition) else 0.0
        return [(0.0, dust if names.dust else 0.0), (max(least, dust), np.inf)]
    if isinstance(limit, BoardLot):
        held, lot = int(situation.held[i]), int(situation.day.lot[i])
        ends = [(0, 0), (lot, held - lot), (held, held), (held + lot, np.inf)]
        return [(low * unit, high * unit) for low, high in ends if low <= high]
    return [(0.0, np.inf)]


def _both(ours: Sequence[Range], theirs: Sequence[Range]) -> list[Range]:
    """What two unions of ranges have in common."""
    pairs = ((max(a, c), min(b, d)) for a, b in ours for c, d in theirs)
    return sorted({(low, high) for low, high in pairs if low <= high})
