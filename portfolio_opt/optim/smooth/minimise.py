"""One call for every method, one verdict for all: computed here from the point, whatever the method thinks of it."""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from ...errors import InvalidInput
from ..solution import Solution, Status
from .by_scipy import bfgs, lbfgs, trust_region
from .function import SmoothFunction, Vector
from .newton import newton, newton_cg
from .trace import Limits, Stopped, Trace

METHODS: MappingProxyType[str, Callable[[Trace], None]] = MappingProxyType(
    {"newton": newton, "trust-region": trust_region, "newton-cg": newton_cg, "bfgs": bfgs, "l-bfgs": lbfgs}
)
WITH_HESSIAN = ("newton", "trust-region", "newton-cg")
WITH_BOX = ("l-bfgs",)


def minimise(
    function: SmoothFunction,
    start: ArrayLike,
    method: str = "l-bfgs",
    *,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
    max_evaluations: int = 10_000,
) -> Solution:
    """The lowest point that `method`, one of METHODS, finds from `start`.

    start: (n,), moved into the box if outside; lower, upper: one number or (n,), infinite where open; only l-bfgs knows a box
    tolerance: of the residual (see Trace.residual), or, where the function's `modulus` gives a finite gap, of that gap
        relative to the objective or its fall; max_evaluations: of value and gradient, line searches included

    Status: OPTIMAL where the gap proves it; STATIONARY where the slope vanishes but nothing proves more; else why the best
    point is not known to be either. The gap is inf unless `modulus` is given. Raises InvalidInput naming the bad argument.
    """
    x, low, high = _checked(start, lower, upper)
    _require_method(function, method, bounded=bool(np.isfinite(low).any() or np.isfinite(high).any()))
    for name, limit in (("max_iterations", max_iterations), ("max_evaluations", max_evaluations)):
        if not limit >= 1:
            raise InvalidInput(f"{name} is {limit!r}, but it must be at least 1")
    if not 0 < tolerance < 1:
        raise InvalidInput(f"tolerance is {tolerance!r}, but it is a share between 0 and 1, such as 1e-8")
    trace = Trace(function, np.clip(x, low, high), low, high, Limits(tolerance, max_iterations, max_evaluations))
    return verdict(trace, run(trace, METHODS[method]), method)


def run(trace: Trace, method: Callable[[Trace], None]) -> Status | None:
    """Why the method ended; None if by itself."""
    try:
        method(trace)
    except Stopped as stop:
        return stop.status
    return None


def verdict(trace: Trace, ended: Status | None, method: str) -> Solution:
    """The best point of the trace, with what can be said of it."""
    point = trace.best
    residual, gap = trace.residual(point), trace.gap(point)
    remarks = f", {trace.walls} times outside the domain" if trace.walls else ""
    if trace.gap_is_closed(point):
        status = Status.OPTIMAL
    elif residual <= trace.limits.tolerance and ended is not Status.UNBOUNDED:
        status = Status.STATIONARY
    else:
        if trace.certificate is None and ended is not Status.EVALUATION_LIMIT:
            trace.certificate = trace.direction_of_endless_fall()
        status = _why_not(trace, ended)
        if status is Status.INACCURATE:
            remarks += ", no step lowers the objective: check the gradient, or ask for less"
    return Solution(
        x=point.x,
        status=status,
        objective=point.value,
        residual=residual,
        gap=gap,
        multipliers=np.empty(0),
        trail=(
            f"{method}: {trace.iterations} iterations, {trace.evaluations} evaluations, residual {residual:.1e}{remarks}",
        ),
        iterations=trace.iterations,
        evaluations=trace.evaluations,
        certificate=trace.certificate if status is Status.UNBOUNDED else None,
    )


def _why_not(trace: Trace, ended: Status | None) -> Status:
    if trace.certificate is not None:
        return Status.UNBOUNDED
    if ended is not None:
        return ended
    return Status.NOT_FINITE if trace.walls else Status.INACCURATE


def _checked(start: ArrayLike, lower: ArrayLike | None, upper: ArrayLike | None) -> tuple[Vector, Vector, Vector]:
    x = _numbers("start", start)
    if x.ndim != 1 or x.size == 0:
        raise InvalidInput(f"start has shape {x.shape}, but it must be a vector with at least one entry")
    if not np.isfinite(x).all():
        raise InvalidInput("start holds a value that is not finite")
    sides = []
    for name, side, free in (("lower", lower, -np.inf), ("upper", upper, np.inf)):
        bound = _numbers(name, free if side is None else side)
        if bound.shape not in ((), x.shape):
            raise InvalidInput(f"{name} has shape {bound.shape}, but start has {x.shape}")
        if np.isnan(bound).any() or (bound == -free).any():
            raise InvalidInput(f"{name} holds NaN, or an infinity of the wrong sign")
        sides.append(np.broadcast_to(bound, x.shape).astype(float))
    if (sides[0] > sides[1]).any():
        i = int(np.argmax(sides[0] > sides[1]))
        raise InvalidInput(f"lower lies above upper at entry {i}: {sides[0][i]:g} > {sides[1][i]:g}")
    return x, sides[0], sides[1]


def _numbers(name: str, values: ArrayLike) -> Vector:
    try:
        return np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} must hold numbers") from None


def _require_method(function: SmoothFunction, method: str, bounded: bool) -> None:
    if method not in METHODS:
        raise InvalidInput(f"method is {method!r}, but it is one of {', '.join(METHODS)}")
    if method in WITH_HESSIAN and function.hessian is None and function.hessian_vector is None:
        raise InvalidInput(f"function has neither hessian nor hessian_vector, but method {method!r} needs one of them")
    if bounded and method not in WITH_BOX:
        raise InvalidInput(f"lower and upper are not known to method {method!r}; use {WITH_BOX[0]!r}")
