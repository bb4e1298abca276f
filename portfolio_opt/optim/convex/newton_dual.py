"""The separable programme by Newton on its small dual: one unknown for each factor and row, whatever the number of variables.

For fixed prices of the factors and rows each variable has a closed form, so what is left to minimise is a smooth, piecewise
quadratic function of a few numbers; it ends at machine precision in some ten steps. Variables without curvature of their own
get some from a proximal term that fades away. The answer is certified from nothing but the point and its row prices.
"""

from dataclasses import replace

import numpy as np

from ...errors import InvalidInput
from ..real_numbers import tolerance_of, whole_number
from ..solution import Solution, Status
from .certificates import cleaned, falling_direction, feasible_point, proves_infeasible
from .separable import SeparableProgram, Vector

FEASIBLE = 1e-9
TOLERANCE = 1e-9
STEPS = 500
STEPS_AT_A_TIME = 100  # a run that needs more is helped by a proximal term


def solve(
    program: SeparableProgram,
    start: Solution | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = STEPS,
) -> Solution:
    """The minimiser, exact to rounding as a rule, or a certificate that there is none.

    start: the answer to a similar programme, from whose point and multipliers to begin
    tolerance: of the gap, relative to the size of the objective's terms; rows are met to 1e-9 relative to theirs
    max_iterations: Newton steps in all; after them the best feasible point comes back as ITERATION_LIMIT
    The certificate of INFEASIBLE passes certificates.proves_infeasible(), which says what it forgives as rounding.
    """
    from . import kernels  # numba takes half a second to import: only where it is used

    point, v, breadth = program.origin, np.zeros(len(program.row_lower)), kernels.AFAR
    if type(tolerance) is not float or not 0 <= tolerance < np.inf:  # the common case is quick
        tolerance = tolerance_of(tolerance)
    if type(max_iterations) is not int or max_iterations < 0:
        max_iterations = whole_number("max_iterations", max_iterations, 0)
    if start is not None:
        _check_start(program, start)
    if start is not None and np.isfinite(start.x).all() and np.isfinite(start.multipliers).all():
        point, v, breadth = start.x, start.multipliers.copy(), kernels.NEARBY
    p = _contiguous(program)
    tried, steps, w, figures, ray = kernels.solve_plainly(
        p.loadings, p.rows, p.linear, p.diagonal, p.kinks, p.slopes, p.origin, p.lower, p.upper, p.row_lower, p.row_upper,
        np.ascontiguousarray(point, np.float64), v, breadth, min(max_iterations, STEPS_AT_A_TIME), tolerance,
    )  # fmt: skip
    if not tried:
        return _solve_in_its_unit(p, start, tolerance, max_iterations, 0)
    found = _solution(w, v, figures, steps, tolerance)
    if found.status is Status.OPTIMAL:
        return found
    if proves_infeasible(p, ray):
        return _infeasible(p, found, ray)
    return _solve_in_its_unit(p, found, tolerance, max_iterations, steps)


def _check_start(program: SeparableProgram, start: Solution) -> None:
    """Raises InvalidInput where the start is not of this programme's shape."""
    for name, size in (("x", len(program.linear)), ("multipliers", len(program.row_lower))):
        if np.shape(getattr(start, name)) != (size,):
            raise InvalidInput(
                f"start has {name} of shape {np.shape(getattr(start, name))}, not {(size,)}: give the answer to a programme "
                "with as many variables and rows"
            )


def _solve_in_its_unit(
    program: SeparableProgram, start: Solution | None, tolerance: float, max_iterations: int, steps: int
) -> Solution:
    """As _solve_patiently(), the weights counted in a unit near their size: a power of 2, so that nothing is rounded."""
    unit = _unit(program)
    if 1 / NEAR_ONE <= unit <= NEAR_ONE:
        return _solve_patiently(program, start, tolerance, max_iterations, steps)
    inside = replace(start, x=start.x / unit, multipliers=start.multipliers * unit) if start is not None else None
    found = _solve_patiently(_counted_in(program, unit), inside, tolerance, max_iterations, steps)
    again = _certified(program, found.x * unit, found.multipliers / unit, found.iterations, tolerance)
    return replace(found, x=again.x, residual=again.residual, multipliers=again.multipliers, trail=again.trail)


NEAR_ONE = 1e4


def _unit(program: SeparableProgram) -> float:
    """The middle size of the programme's finite bounds, kinks, origins and row limits, as a power of 2; 1 if all are 0."""
    sides = np.concatenate([program.row_lower, program.row_upper])
    row_size = np.abs(program.rows).max(1, initial=0.0)
    row_size[row_size == 0] = 1.0
    sizes = np.abs(
        np.concatenate(
            [program.lower, program.upper, program.kinks.ravel(), program.origin, sides / np.tile(row_size, 2)]
        )
    )
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return float(2.0 ** np.round(np.log2(np.median(sizes)))) if sizes.size else 1.0


def _counted_in(program: SeparableProgram, unit: float) -> SeparableProgram:
    """The programme in weights / unit."""
    shorter = {
        name: getattr(program, name) / unit for name in ("kinks", "origin", "lower", "upper", "row_lower", "row_upper")
    }
    steeper = {name: getattr(program, name) * unit for name in ("loadings", "linear", "slopes")}
    return replace(program, diagonal=program.diagonal * unit**2, **shorter, **steeper)


def _solve_patiently(
    program: SeparableProgram, start: Solution | None, tolerance: float, max_iterations: int, steps: int
) -> Solution:
    """As solve(), where plain Newton has no answer: is there one at all, and if so, proximal step by step towards it."""
    point, prices = feasible_point(program)
    if point is None and prices.any():
        return _infeasible(program, _certified(program, _middle(program), 0 * prices, steps, tolerance), prices)
    anywhere = start if point is None else _certified(program, point, 0 * prices, steps, tolerance)
    if anywhere is not None and anywhere.status is Status.OPTIMAL:
        return anywhere  # nothing slopes there
    direction = falling_direction(program)
    if direction is not None and anywhere is not None and point is not None:
        return replace(anywhere, status=Status.UNBOUNDED, gap=np.inf, certificate=direction)
    best = _proximal(program, start, tolerance, max_iterations, steps)
    return best if best.status is Status.OPTIMAL else _repaired(program, best, point, tolerance)


def _proximal(
    program: SeparableProgram, start: Solution | None, tolerance: float, max_iterations: int, steps: int
) -> Solution:
    """Newton with a term share·curvature/2 |w - centre|² that pulls each name to the last answer; the share falls as it helps."""
    from . import kernels

    natural = kernels.natural_curvature(program.loadings, program.linear, program.slopes, program.lower, program.upper)
    known = start is not None and np.isfinite(start.x).all() and np.isfinite(start.multipliers).all()
    centre, v = (
        (start.x, start.multipliers)
        if start is not None and known
        else (_middle(program), np.zeros(len(program.row_lower)))
    )
    v = np.where(np.isfinite(v), v, 0.0)
    best = _certified(program, centre, v, steps, tolerance)
    share, breadth = FIRST_SHARE, kernels.AFAR
    while steps < max_iterations and best.status is not Status.OPTIMAL:
        extra = np.maximum(share * natural - program.diagonal, 0.0)
        limit = min(max_iterations - steps, STEPS_AT_A_TIME)
        w, v, taken = _newton(program, program.diagonal + extra, program.linear + extra * centre, centre, v.copy(), breadth,
                              1e-3 * tolerance, limit)  # fmt: skip
        steps += max(taken, 1)
        now = _certified(program, w, v, steps, tolerance)
        if now.residual <= FEASIBLE:
            centre, breadth = w, kernels.NEARBY
            share = max(share * SHARE_FALLS, LEAST_SHARE)
        else:
            v, breadth = best.multipliers, kernels.AFAR
            share = min(share * 100, 1e3)
        if now.status is Status.OPTIMAL or _rank(now) < _rank(best):
            best = now
    return replace(best, iterations=steps)


FIRST_SHARE, SHARE_FALLS, LEAST_SHARE = 1e-2, 0.1, 1e-6


def _rank(found: Solution) -> tuple[bool, float, float]:
    return found.residual > FEASIBLE, found.gap, found.objective


def _repaired(program: SeparableProgram, best: Solution, point: Vector | None, tolerance: float) -> Solution:
    """The best feasible point there is near what the iteration limit left: itself, the nearest one, or any."""
    candidates = [best]
    if best.residual > FEASIBLE:
        pull = np.maximum(program.diagonal, 1e-3 * program.diagonal.max(initial=0.0))
        pull = np.where(pull > 0, pull, 1.0)
        plain = replace(
            program,
            loadings=np.zeros((len(best.x), 0)),
            kinks=np.zeros((len(best.x), 0)),
            slopes=np.zeros((len(best.x), 1)),
        )
        w, *_ = _newton(plain, pull, pull * best.x, best.x, 0 * best.multipliers, 1.0, 1e-6, STEPS_AT_A_TIME)
        candidates.append(_certified(program, w, best.multipliers, best.iterations, tolerance))
        if point is not None:
            candidates.append(_certified(program, point, best.multipliers, best.iterations, tolerance))
    feasible = [each for each in candidates if each.residual <= FEASIBLE]
    if not feasible:
        return replace(best, status=Status.FAILED, gap=np.inf)
    kept = min(feasible, key=lambda each: each.objective)
    return kept if kept.status is Status.OPTIMAL else replace(kept, status=Status.ITERATION_LIMIT)


def _newton(
    program: SeparableProgram,
    diagonal: Vector,
    linear: Vector,
    point: Vector,
    v: Vector,
    breadth: float,
    tolerance: float,
    limit: int,
) -> tuple[Vector, Vector, int]:
    """(w, row prices, steps) of the programme with this diagonal and linear part."""
    from . import kernels

    C = kernels.side_by_side(program.loadings, program.rows)
    code, steps, w = kernels.solve_from(
        C, program.loadings.shape[1], linear, diagonal, program.kinks, program.slopes, program.lower, program.upper,
        program.row_lower, program.row_upper, point, v, breadth, limit, tolerance, kernels.MANY_MORE,
    )  # fmt: skip
    return w, 0 * v if code == kernels.RAY else v, steps


def _certified(program: SeparableProgram, w: Vector, v: Vector, steps: int, tolerance: float) -> Solution:
    """The point with its certificate, computed from the programme, the point and its row prices alone."""
    from . import kernels

    C = kernels.side_by_side(program.loadings, program.rows)
    figures = kernels.certify(
        C, program.loadings.shape[1], program.linear, program.diagonal, program.kinks, program.slopes, program.origin,
        program.lower, program.upper, program.row_lower, program.row_upper, w, v,
    )  # fmt: skip
    return _solution(w, v, figures, steps, tolerance)


def _solution(
    w: Vector, v: Vector, figures: tuple[float, float, float, float, float], steps: int, tolerance: float
) -> Solution:
    objective, residual, violation, gap, size = figures
    return Solution(
        x=w,
        status=Status.OPTIMAL if violation <= FEASIBLE and gap <= tolerance * size else Status.INACCURATE,
        objective=objective,
        residual=residual,
        gap=gap,
        multipliers=v,
        trail=(f"newton: {steps} steps, residual {residual:.1e}, gap {gap:.1e}",),
        iterations=steps,
    )


def _contiguous(program: SeparableProgram) -> SeparableProgram:
    """The programme with its arrays as the kernels take them."""
    arrays = vars(program)
    if all(array.flags.c_contiguous and array.dtype == np.float64 for array in arrays.values()):
        return program
    return SeparableProgram(**{name: np.ascontiguousarray(array, np.float64) for name, array in arrays.items()})


def _infeasible(program: SeparableProgram, found: Solution, prices: Vector) -> Solution:
    return replace(found, status=Status.INFEASIBLE, gap=np.inf, certificate=cleaned(program, prices))


def _middle(program: SeparableProgram) -> Vector:
    """The origin, brought into the box."""
    return np.clip(program.origin, program.lower, program.upper)
