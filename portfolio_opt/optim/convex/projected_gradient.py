"""Projected gradient: step against the slope, put the point back into the set, repeat until the gap proves it good.

One entry, several methods. A method yields feasible points one after another; the entry judges them. The methods here search
for their step length; a training rule of `training/` serves as a method too (`training.projected.by_rule`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InvalidInput
from ..real_numbers import real_array, tolerance_of, whole_number
from ..solution import Solution, Status
from .projection import Projection, points

Vector = NDArray[np.float64]
Objective = Callable[[Vector], tuple[float, Vector]]  # (n,) -> the value, and its slope (n,)
SLACK = 1e-14  # a relative change of the value below this is rounding
ENDLESS = 1e15  # a fall this many times the first step's, or the value at the start, has no end


@dataclass(frozen=True)
class Iterate:
    """A feasible point with the objective's value and slope there."""

    x: Vector
    value: float
    slope: Vector


Method = Callable[[Objective, Projection, Iterate], Iterator[Iterate]]


def evaluate(objective: Objective, x: Vector) -> Iterate:
    """The objective at x; raises InvalidInput where it does not return a number and a slope of x's shape."""
    returned = objective(x)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise InvalidInput(f"objective returned {type(returned).__name__}, but it must return the value and the slope")
    value, slope = returned
    number = value if type(value) is float else real_array("objective's value", value)
    if type(slope) is not np.ndarray or slope.dtype != np.float64:
        slope = real_array("objective's slope", slope)
    if np.ndim(number) or slope.shape != x.shape:
        raise InvalidInput(f"objective returned shapes {np.shape(number)} and {slope.shape}, not () and {x.shape}")
    return Iterate(x, float(number), slope)


def plain(objective: Objective, project: Projection, point: Iterate) -> Iterator[Iterate]:
    """Gradient projection (Goldstein 1964), the step halved until the value falls as its quadratic model promises."""
    step = _first_step(point)
    while True:
        following, step = _descend(objective, project, point, step)
        if (following.x == point.x).all():
            return  # at rest
        yield following
        point, step = following, step * 1.5


def accelerated(objective: Objective, project: Projection, point: Iterate) -> Iterator[Iterate]:
    """Nesterov's method in the form of FISTA (Beck and Teboulle 2009), restarted whenever the momentum points uphill
    (O'Donoghue and Candès 2015). Its step may not grow under way, so plain steps, each twice the last, come first."""
    step, weight, ahead, growing = _first_step(point), 1.0, point, True
    while True:
        following, fitting = _descend(objective, project, ahead, step)
        yield following
        moved = following.x - point.x
        growing = growing and fitting == step
        restart = growing or (ahead.x - following.x) @ moved > 0
        step = 2 * fitting if growing else fitting
        next_weight = 1.0 if restart else (1 + np.sqrt(1 + 4 * weight**2)) / 2
        momentum = 0.0 if restart else (weight - 1) / next_weight
        point, weight = following, next_weight
        ahead = evaluate(objective, point.x + momentum * moved) if momentum > 0 else point


def spectral(objective: Objective, project: Projection, point: Iterate) -> Iterator[Iterate]:
    """Barzilai and Borwein's step lengths with a line search that forgives ten steps (SPG, Birgin et al. 2000)."""
    step, recent = _first_step(point), [point.value]
    while True:
        direction = project(point.x - step * point.slope) - point.x
        if not direction.any():
            return  # at rest
        # what a projection guarantees is free of the rounding that blurs the product near the end
        promised = min(float(point.slope @ direction), -float(direction @ direction) / step)
        reach = 1.0
        ceiling = max(recent) + SLACK * abs(point.value)
        while True:
            following = evaluate(objective, point.x + reach * direction)
            if following.value <= ceiling + 1e-4 * reach * promised:
                break
            reach = _shorter(reach, promised, following.value - point.value)
            if reach < 1e-12:
                return  # no step along a falling slope lowers the value: it is rounding that moves it
        moved, bent = following.x - point.x, following.slope - point.slope
        curvature = float(moved @ bent)
        step = float(np.clip(moved @ moved / curvature, 1e-12 * step, 1e12 * step)) if curvature > 0 else 10 * step
        recent = [*recent[-9:], following.value]
        yield following
        point = following


METHODS: dict[str, Method] = {"plain": plain, "accelerated": accelerated, "spectral": spectral}


def projected_gradient(
    objective: Objective,
    project: Projection,
    start: ArrayLike,
    method: Method = spectral,
    tolerance: float = 1e-9,
    iterations: int = 10_000,
) -> Solution:
    """The minimum of a smooth convex function over the set, with the gap that proves it.

    objective: (n,) -> value and slope (n,), asked at points of the set only, or (`accelerated`) between and just past two
    start: (n,), projected first
    tolerance: on the gap, relative to the value and to what was gained since the start
    Where the set has no end in the slope's direction the gap is infinite: a point at rest is returned as STATIONARY, and the
    trail says so. Of a function that is not convex, the gap only says how far the point is from stationary.
    Raises InvalidInput for a start that is not finite, or an objective that is not finite there.
    """
    tolerance, iterations = tolerance_of(tolerance), whole_number("iterations", iterations, 0)
    begin = points("start", start, project.size)
    if begin.ndim != 1:
        raise InvalidInput(f"start has shape {begin.shape}, but one vector is asked for")
    first = evaluate(objective, project(begin))
    if not _finite(first):
        raise InvalidInput("objective is not finite at the start, once projected: start elsewhere, or check its data")

    best, gap, count, first_fall = first, np.inf, 0, 0.0
    status, why = Status.ITERATION_LIMIT, ""
    for count, point in enumerate(chain([first], islice(method(objective, project, first), iterations))):  # noqa: B007
        if not _finite(point):
            status, why = Status.NOT_FINITE, "; it then left the finite numbers"
            break
        if point.value <= best.value + SLACK * abs(best.value):
            best, gap = point, float(project.gap(point.x[None], point.slope[None])[0])
        fall = first.value - best.value
        first_fall = first_fall or fall
        if gap <= tolerance * max(abs(best.value), fall):
            status = Status.OPTIMAL
            break
        if gap == np.inf and fall > ENDLESS * max(abs(first.value), first_fall):
            status = Status.UNBOUNDED
            break
        if gap == np.inf and _local_gap(project, best, first) <= tolerance * max(abs(best.value), fall):
            status, why = Status.STATIONARY, "; at rest, but the set has no end, so no gap bounds what lies far away"
            break
    else:
        if count < iterations:
            status, why = Status.INACCURATE, "; no step from there lowers the value beyond rounding"

    moved = best.x - first.x
    return Solution(
        best.x,
        status,
        best.value,
        residual=float(project.violation(best.x[None])[0]),
        gap=max(gap, 0.0),
        multipliers=np.zeros(0),
        trail=(f"projected gradient, {method.__name__}: {count} steps{why}",),
        iterations=count,
        certificate=moved / np.linalg.norm(moved) if status is Status.UNBOUNDED else None,
    )


def _finite(point: Iterate) -> bool:
    return bool(np.isfinite(point.value) and np.isfinite(point.slope).all())


def _local_gap(project: Projection, point: Iterate, first: Iterate) -> float:
    """How much lower the value can be at points no farther off than the start or the origin: x+ = project(x - t slope) has
    (x - t slope - x+)'(q - x+) <= 0 for all q of the set, so slope'(x+ - q) <= |x - x+| |x+ - q| / t."""
    step = _first_step(first)
    move = point.x - project(point.x - step * point.slope)
    length = float(np.linalg.norm(move))
    reach = max(float(np.linalg.norm(point.x)), float(np.linalg.norm(point.x - first.x))) + length
    return float(point.slope @ move) + length * reach / step


def _first_step(point: Iterate) -> float:
    """A step that moves the point by about its own size, or by 1 from the origin."""
    size, steepest = float(np.abs(point.x).max()), float(np.abs(point.slope).max())
    return (size or 1.0) / (steepest or 1.0)


def _descend(objective: Objective, project: Projection, point: Iterate, step: float) -> tuple[Iterate, float]:
    """The projected step from the point and its length, halved until the value is below the quadratic model of that length."""
    for _ in range(100):
        following = evaluate(objective, project(point.x - step * point.slope))
        move = following.x - point.x
        model = point.value + float(point.slope @ move) + float(move @ move) / (2 * step)
        if following.value <= model + SLACK * abs(point.value):
            break
        step /= 2
    return following, step


def _shorter(reach: float, promised: float, change: float) -> float:
    """Where the parabola through the value, its slope and the change at `reach` is lowest, between a tenth and a half of it."""
    bend = change - reach * promised
    lowest = -promised * reach**2 / (2 * bend) if 0 < bend < np.inf else 0.1 * reach
    return float(np.clip(lowest, 0.1 * reach, 0.5 * reach))
