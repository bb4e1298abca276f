"""The augmented Lagrangian: rows priced and penalised, box-constrained minimisations between."""

import numpy as np
from numpy.typing import NDArray

from ...optim.solution import Status
from ..statement.term import Statement
from . import separable_sum
from .answer import Found
from .conflict import irreducible, no_solution
from .smooth_pieces import row_prices, smooth_pieces

Vector = NDArray[np.float64]

TOLERANCE = 1e-9

why_not = separable_sum.why_not


def run(statement: Statement) -> Found:
    """The best portfolio of a separable statement, to first order. Raises NoSolution where it is proved that there is none."""
    from ...optim.convex.augmented_lagrangian import Rows, SmoothProgram, augmented_lagrangian

    total = separable_sum.separable_sum(statement)
    pieces = smooth_pieces(total.program)
    equal = pieces.row_lower == pieces.row_upper
    capped, floored = np.isfinite(pieces.row_upper) & ~equal, np.isfinite(pieces.row_lower) & ~equal
    A = np.vstack([pieces.rows[capped], -pieces.rows[floored]])
    b = np.concatenate([pieces.row_upper[capped], -pieces.row_lower[floored]])
    A_equal, b_equal = pieces.rows[equal], pieces.row_upper[equal]
    if not len(pieces.name):
        return total.found(total.program.lower, np.zeros(len(pieces.rows)), ("nothing can move",))
    program = SmoothProgram(
        value=lambda x: pieces.objective(x)[0],
        gradient=lambda x: pieces.objective(x)[1],
        lower=np.zeros(len(pieces.length)),
        upper=pieces.length,
        equalities=Rows(lambda x: A_equal @ x - b_equal, lambda _: A_equal),
        inequalities=Rows(lambda x: A @ x - b, lambda _: A),
        convex=True,
    )
    start = pieces.filled(np.clip(total.program.origin, total.program.lower, total.program.upper))
    solution = augmented_lagrangian(program, start, tolerance=TOLERANCE)
    if solution.status is Status.INFEASIBLE and total.conflicting(statement.limits):
        raise no_solution(irreducible(statement.limits, total.conflicting))
    w = pieces.weights(solution.x)
    return total.found(w, row_prices(total.program, w), solution.trail)
