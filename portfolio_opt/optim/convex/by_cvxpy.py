"""The separable programme through cvxpy: one solver after another until our own certificate is satisfied."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..solution import Solution, Status
from .separable import SeparableProgram

SOLVERS = ("CLARABEL", "OSQP", "SCS")
FEASIBLE = 1e-6
GAP = 1e-6


def solve(program: SeparableProgram, solvers: Sequence[str] = SOLVERS) -> Solution:
    """The minimiser, certified here: a solver's own status is not believed, its point and multipliers are checked.

    The first solver whose point is feasible to 1e-6 and within 1e-6 of the certified lower bound wins; else the best feasible
    point is returned as INACCURATE, and FAILED where there is none.
    """
    best: Solution | None = None
    trail: list[str] = []
    for name in solvers:
        found = _run(program, name)
        if isinstance(found, str):
            trail.append(f"{name}: {found}")
            continue
        w, multipliers = found
        w = np.clip(w, program.lower, program.upper)
        objective, residual = program.objective(w), program.residual(w)
        gap = max(objective - program.lower_bound(w, multipliers), 0.0) if np.isfinite(multipliers).all() else np.inf
        trail.append(f"{name}: residual {residual:.1e}, gap {gap:.1e}")
        if not residual <= FEASIBLE:  # NaN is no point either
            continue
        status = Status.OPTIMAL if gap <= GAP else Status.INACCURATE
        solution = Solution(w, status, objective, residual, gap, multipliers, tuple(trail))
        if status is Status.OPTIMAL:
            return solution
        if best is None or gap < best.gap:
            best = solution
    if best is not None:
        return Solution(**{**vars(best), "trail": tuple(trail)})
    nothing = np.full(len(program.linear), np.nan)
    return Solution(nothing, Status.FAILED, np.nan, np.inf, np.inf, np.zeros(len(program.row_lower)), tuple(trail))


def _run(program: SeparableProgram, solver: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | str:
    """The solver's point and row multipliers, or why there are none."""
    import cvxpy as cp  # takes half a second to import: only where it is used

    w = cp.Variable(len(program.linear))
    jumps = np.diff(program.slopes)
    objective = (
        cp.sum_squares(program.loadings.T @ w) / 2 + cp.sum_squares(cp.multiply(np.sqrt(program.diagonal), w)) / 2
    )
    objective += (program.slopes[:, 0] - program.linear) @ w
    for k in range(jumps.shape[1]):
        objective += jumps[:, k] @ cp.pos(w - program.kinks[:, k])
    value = program.rows @ w
    floored, capped = np.isfinite(program.row_lower), np.isfinite(program.row_upper)
    above = [value[floored] >= program.row_lower[floored]] if floored.any() else []
    below = [value[capped] <= program.row_upper[capped]] if capped.any() else []
    held, bounded = np.isfinite(program.lower), np.isfinite(program.upper)
    box = [w[held] >= program.lower[held]] if held.any() else []
    box += [w[bounded] <= program.upper[bounded]] if bounded.any() else []
    problem = cp.Problem(cp.Minimize(objective), [*box, *above, *below])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "solution may be inaccurate": our certificate decides that
            problem.solve(solver=solver)
    except (cp.SolverError, ArithmeticError, ValueError) as error:
        return f"{type(error).__name__}"
    if w.value is None or not np.isfinite(w.value).all():
        return f"no point ({problem.status})"
    multipliers = np.zeros(len(program.row_lower))
    if above:
        multipliers[floored] -= _dual(above[0], int(floored.sum()))
    if below:
        multipliers[capped] += _dual(below[0], int(capped.sum()))
    return np.asarray(w.value, dtype=float), multipliers


def _dual(constraint: object, size: int) -> NDArray[np.float64]:
    value = getattr(constraint, "dual_value", None)
    if value is None or not np.isfinite(value).all():
        return np.zeros(size)
    return np.clip(np.asarray(value, dtype=float).reshape(size), 0.0, None)
