"""A stepped programme by ADMM: the quadratic and the rows' values on one side, steps, jumps and the rows' limits on the other.

With terms that are not convex this is a heuristic. It starts at the convex answer with its prices, and what it ends at is moved
to the rows and improved by the search, which also bounds what was lost.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..solution import Solution, Status
from .admm import Split, SplitSolution, admm
from .proximal import quadratic, stepped
from .stepped import SteppedProgram, envelope
from .stepped_search import KICKS, TOLERANCE, Convex, search

Vector = NDArray[np.float64]

ITERATIONS = 50
ROWS_MET = 1e-9


def solve(
    program: SteppedProgram,
    convex: Convex,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
    kicks: int = KICKS,
    rng: np.random.Generator | None = None,
) -> Solution:
    """The better of ADMM's point and the convex answer's, both improved by the search, with its gap and status."""
    answer = convex(envelope(program))
    if answer.status is Status.INFEASIBLE or not np.isfinite(answer.x).all():
        return answer
    split = split_admm(program, answer.x, answer.multipliers, iterations)
    points = ((), (split.x[: len(program.linear)],))
    both = [search(program, answer.x, answer.multipliers, starts, tolerance, kicks, rng) for starts in points]
    found = min(both, key=lambda solution: (solution.status is Status.FAILED, solution.objective))
    return replace(found, trail=answer.trail + split.trail + found.trail, iterations=split.iterations)


def split_admm(program: SteppedProgram, near: Vector, multipliers: Vector, iterations: int) -> SplitSolution:
    """ADMM on z = (x, A x) from a convex answer and its multipliers; the bound is that of the search."""
    n, A = len(program.linear), program.rows
    term = stepped(program.term)

    def to_limits(v: Vector, penalty: float) -> Vector:
        return np.concatenate([term(v[:n], penalty), np.clip(v[n:], program.row_lower, program.row_upper)])

    def value(z: Vector) -> float:
        return program.objective(z[:n]) if program.residual(z[:n]) <= ROWS_MET else np.inf

    factors = near @ program.loadings
    bound = program.lower_bound(factors, multipliers)
    slope = program.loadings @ factors + program.diagonal * near - program.linear + multipliers @ A
    split = Split(
        f_step=quadratic(program.loadings, program.diagonal, program.linear, A),
        g_prox=to_limits,
        value=value,
        image=lambda x: np.concatenate([x, A @ x]),
        adjoint=lambda y: y[:n] + y[n:] @ A,
        bound=lambda _: bound,
        convex=False,
    )
    start, prices = np.concatenate([near, A @ near]), np.concatenate([-slope, multipliers])
    curvature = float((program.diagonal + np.einsum("ij,ij->i", program.loadings, program.loadings)).mean())
    return admm(split, start, prices, max(curvature, 1e-6), limit=iterations)
