"""Projections onto what several sets have in common, with a bound on how far the answer is from the nearest point."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from ...errors import InvalidInput, NoSolution
from ..solution import Solution, Status
from .projection import ROUNDING, Array, Projection, bounds, points, vector
from .projections import capped_simplex, kernels, turnover

ACCURACY = 1e-12  # of the point, relative to its largest entry
ROUNDS = 20_000


def intersection(*sets: Projection, accuracy: float = ACCURACY, rounds: int = ROUNDS) -> Projection:
    """Projection onto what all sets have in common, by Dykstra's method (Boyle and Dykstra 1986).

    Feasible to `accuracy`, relative to the largest entry of the point. Prefer `sector_capped_simplex` or
    `turnover_capped_simplex` where they fit: they are exact and need no rounds.
    Calling it raises NoSolution where the sets have no point in common, or none was found within the rounds.
    """
    size = _common_size(sets)

    def nearest(v: Array) -> Array:
        found = _dykstra(v, sets, accuracy, rounds)
        if found.disjoint.any():
            raise NoSolution(f"the {len(sets)} sets have no point in common: loosen one of them")
        if not found.done.all():
            worst = violation(found.x).max()
            raise NoSolution(
                f"no common point of the {len(sets)} sets was found in {rounds} rounds (the nearest violates them by "
                f"{worst:.1e}, relative): they hardly meet or not at all; loosen one, or allow more rounds"
            )
        return found.x

    def violation(w: Array) -> Array:
        return reduce(np.maximum, [project.violation(w) for project in sets])

    def gap(w: Array, slope: Array) -> Array:
        """Bounded by one projection from w against the slope: its normals price the sets, the rest is a move of little."""
        step = _step(np.maximum(np.abs(w).max(-1, keepdims=True), 1e-300), slope)
        found = _dykstra(w - step * slope, sets, accuracy, rounds)
        rest = w - step * slope - found.normals.sum(0)  # -step * slope = normals + (rest - w)
        least = reduce(np.minimum, [project.gap(np.zeros_like(w), w - rest) for project in sets])
        return (slope * w).sum(-1) + (found.support + least) / step[:, 0]

    return Projection(nearest, violation, gap, size)


def turnover_capped_simplex(
    lower: ArrayLike,
    upper: ArrayLike,
    held: ArrayLike,
    limit: float,
    total: float = 1.0,
    weights: ArrayLike | None = None,
) -> Projection:
    """Projection onto {w : lower <= w <= upper, sum(w) = total, sum(weights * |w - held|) <= limit}: a rebalance's limits.

    Exact without rounds: the nearest point is v shifted, drawn towards `held` by a price on trading, and clipped; shift and
    price are found by Newton's method, one within the other.

    lower, upper: (n,) finite; held: (n,); limit: positive; weights: (n,) positive, 1 each if absent
    Raises NoSolution where `total` cannot be reached, or not with so little trading.
    """
    inside = capped_simplex(lower, upper, total)
    low, high = bounds(lower, upper)
    around = turnover(vector("held", held, low.size), limit, weights)
    centre = vector("held", held)
    cost = np.ones(low.size) if weights is None else vector("weights", weights)
    least = _least_turnover(low, high, centre, cost, total)
    if least > limit + ROUNDING * (cost @ (np.abs(centre) + np.abs(low) + np.abs(high))):
        raise NoSolution(
            f"to meet the bounds and the total takes a turnover of {least:g}, but the limit is {limit:g}: raise it"
        )

    size = float(np.abs([low, high, centre]).max())

    def nearest(v: Array) -> Array:
        return kernels().turnover_capped(v, centre, cost, low, high, float(total), float(limit))

    def violation(w: Array) -> Array:
        return np.maximum(inside.violation(w), around.violation(w))

    def gap(w: Array, slope: Array) -> Array:
        """Bounded by one projection from w against the slope: its normal prices the set, the rest is a move of little."""
        step = _step(size, slope)
        start = w - step * slope
        p = nearest(start)
        least = inside.gap(np.zeros_like(w), w - p)
        return (slope * w).sum(-1) + (((start - p) * p).sum(-1) + least) / step[:, 0]

    return Projection(nearest, violation, gap, low.size)


def _least_turnover(low: Array, high: Array, held: Array, cost: Array, total: float) -> float:
    """Of reaching the bounds, then the total by the names that are cheapest to trade."""
    start = np.clip(held, low, high)
    missing = total - start.sum()
    room = high - start if missing > 0 else start - low
    back = (
        held > high if missing > 0 else held < low
    )  # a name already moved cannot be moved back for more than its bound
    room = np.where(back, 0.0, room)
    cheapest = np.argsort(cost, kind="stable")
    taken = np.diff(np.minimum(np.cumsum(room[cheapest]), abs(missing)), prepend=0.0)
    return float(cost @ np.abs(start - held) + cost[cheapest] @ taken)


def _step(size: Array | float, slope: Array) -> Array:
    """(B, 1) how far to step against the slope to move by about that size."""
    steepest = np.abs(slope).max(-1, keepdims=True)
    return size / np.where(steepest > 0, steepest, 1.0)


def nearest_common_point(v: ArrayLike, *sets: Projection, accuracy: float = ACCURACY, rounds: int = ROUNDS) -> Solution:
    """The point of all sets nearest to v (n,), with its certificate; the objective is |x - v|²/2.

    At the iteration limit, or where the sets do not meet, x is the last point of the last set and `residual` what it violates
    of the others. The certificate of INFEASIBLE is (sets, n), a normal for each set: the most that each normal times a point
    of its set can be, summed, is less than what their sum times a point of one of the sets is at least.
    """
    size = _common_size(sets)
    start = points("v", v, size)
    if start.ndim != 1:
        raise InvalidInput(f"v has shape {start.shape}, but one vector is asked for")
    found = _dykstra(start[None], sets, accuracy, rounds)
    x = found.x[0]
    residual = max(float(project.violation(found.x)[0]) for project in sets)
    gap = max(float(found.support[0] - found.normals[:, 0].sum(0) @ x), 0.0)
    status, certificate = Status.OPTIMAL if found.done[0] else Status.ITERATION_LIMIT, None
    if found.disjoint[0]:
        status, gap, certificate = Status.INFEASIBLE, np.inf, found.normals[:, 0]
    trail = (f"Dykstra: {found.rounds} rounds over {len(sets)} sets",)
    objective = float((x - start) @ (x - start)) / 2
    return Solution(x, status, objective, residual, gap, np.zeros(0), trail, found.rounds, certificate)


@dataclass
class _Found:
    """x: (B, n) of the last set; normals: (sets, B, n) whose sum is v - x; support: (B,) the largest their sum's product
    with a common point can be; done, disjoint: (B,)"""

    x: Array
    normals: Array
    support: Array
    done: Array
    disjoint: Array
    rounds: int


def _dykstra(v: Array, sets: tuple[Projection, ...], accuracy: float, rounds: int) -> _Found:
    """Project onto each set in turn, each time giving back first what the set took last: that is its normal.

    A row is done when all sets agree on its point. It is given up when the normals prove that there is no common point: the
    largest their sum can reach, set by set, is less than the least it reaches in one of the sets.
    """
    found = _Found(
        v.copy(), np.zeros((len(sets), *v.shape)), np.zeros(len(v)), np.zeros(len(v), bool), np.zeros(len(v), bool), 0
    )
    active = np.arange(len(v))
    x, normals = v.copy(), found.normals.copy()
    own = np.empty_like(normals)  # each set's latest point
    while active.size and found.rounds < rounds:
        found.rounds += 1
        for i, project in enumerate(sets):
            back = x + normals[i]
            x = own[i] = project.nearest(back)
            normals[i] = back - x
        apart = np.abs(own - x).max((0, 2))
        done = apart <= accuracy * np.abs(own).max((0, 2))
        support = np.einsum("ibn,ibn->b", normals, own)
        disjoint = np.zeros_like(done)
        if found.rounds % 10 == 0:
            total, scale = normals.sum(0), np.einsum("ibn,ibn->b", np.abs(normals), np.abs(own))
            least = reduce(np.maximum, [-project.gap(np.zeros_like(x), total) for project in sets])
            disjoint = ~done & (least - support > 1e-9 * scale)
        over = done | disjoint
        if over.any() or found.rounds == rounds:
            found.x[active], found.normals[:, active], found.support[active] = x, normals, support
            found.done[active], found.disjoint[active] = done, disjoint
            active, x, normals, own = active[~over], x[~over], normals[:, ~over], own[:, ~over]
    return found


def _common_size(sets: tuple[Projection, ...]) -> int | None:
    if not sets:
        raise InvalidInput("sets is empty: name at least one set")
    sizes = {project.size for project in sets if project.size is not None}
    if len(sizes) > 1:
        raise InvalidInput(f"sets are of different sizes, {sorted(sizes)}: they have no point in common")
    return next(iter(sizes), None)
