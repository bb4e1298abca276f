"""Projected gradient on box, budget and caps of groups that do not overlap: every iterate is a portfolio within the limits.

Cash between the two sides of the budget is one more variable, so that a budget with a lowest and a highest sum is an equality;
the pieces of kinked costs are variables of their own. What is left is a capped simplex, onto which the projection is exact.
"""

import numpy as np
from numpy.typing import NDArray

from ...optim.convex.projection import Projection
from ...optim.convex.projections import box, sector_capped_simplex
from ..statement.term import Limit, Statement
from . import separable_sum
from .answer import Found
from .conflict import irreducible, no_solution
from .refusal import first_refused
from .smooth_pieces import SmoothPieces, row_prices, smooth_pieces

Vector = NDArray[np.float64]

TOLERANCE = 1e-13
ITERATIONS = 20_000


def why_not(statement: Statement) -> str | None:
    """What of the statement is not separable, or no box, budget or cap of a group, naming it; None if all is."""
    taken = np.zeros(len(statement.situation.unit), dtype=bool)

    def limit(each: Limit) -> str | None:
        rows = each.rows(statement.situation)
        for row, low in zip(rows.rows, rows.row_lower, strict=True) if rows is not None else ():
            if (row == 1).all() or not row.any():
                continue
            inside = row == 1
            if not (inside | (row == 0)).all() or low > 0:
                return "is neither a budget nor a cap on a group"
            if (taken & inside).any():
                return "is on names that another group holds too"
            taken[inside] = True
        return None

    return separable_sum.why_not(statement) or first_refused(statement, lambda _weight, _measure: None, limit)


def run(statement: Statement) -> Found:
    """The best portfolio, by spectral projected gradient. Raises NoSolution where the limits leave none."""
    from ...optim.convex.projected_gradient import projected_gradient

    total = separable_sum.separable_sum(statement)
    if total.conflicting(statement.limits):
        raise no_solution(irreducible(statement.limits, total.conflicting))
    pieces = smooth_pieces(total.program)
    count = len(pieces.name)
    if not count:  # every weight is fixed
        return total.found(total.program.lower, np.zeros(len(pieces.rows)), ("nothing can move",))
    project = _within(pieces)

    def objective(x: Vector) -> tuple[float, Vector]:
        value, slope = pieces.objective(x[:count])
        return value, np.append(slope, np.zeros(len(x) - count))

    start = pieces.filled(np.clip(total.program.origin, total.program.lower, total.program.upper))
    size = project.size or count
    solution = projected_gradient(
        objective, project, np.append(start, np.zeros(size - count)), tolerance=TOLERANCE, iterations=ITERATIONS
    )
    w = pieces.weights(solution.x[:count])
    return total.found(w, row_prices(total.program, w), solution.trail)


def _within(pieces: SmoothPieces) -> Projection:
    """Projection onto what the pieces (M,), and one cash variable after them where there is a budget, may be."""
    every = (pieces.program.rows == 1).all(1)
    if not every.any() and not len(pieces.rows):
        return box(np.zeros(len(pieces.length)), pieces.length)
    least = pieces.row_lower[every].max(initial=0.0)
    most = pieces.row_upper[every].min(initial=float(pieces.length.sum()))
    sector, cap = np.zeros(len(pieces.length) + 1, dtype=np.int64), [np.inf]
    for row, upper in zip(pieces.rows[~every], pieces.row_upper[~every], strict=True):
        if row.any():
            sector[:-1][row > 0] = len(cap)
            cap.append(float(upper))
    nothing = np.zeros(len(sector))
    return sector_capped_simplex(nothing, np.append(pieces.length, max(most - least, 0.0)), sector, cap, float(most))
