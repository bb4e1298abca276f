"""Euclidean projections: the point of a set nearest to a given one, each exact, for one vector or for every row of many.

A factory states the set and returns a `Projection`; the sets here are the limits portfolios have. What is not here is an
intersection of these: `intersections.py`. The same sets on torch tensors: `projections_torch.py`.
"""

from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike

from ...errors import InvalidInput, NoSolution
from ..real_numbers import finite_number, whole_number
from .projection import ROUNDING, Array, Projection, bounds, positive, relative, vector


@cache
def kernels() -> ModuleType:
    """The compiled loops."""
    from . import projection_kernels  # numba takes half a second to import: only when the first point is projected

    return projection_kernels


def box(lower: ArrayLike, upper: ArrayLike) -> Projection:
    """Projection onto {w : lower <= w <= upper}: each entry clipped.

    lower, upper: (n,); -inf and +inf stand for no limit
    """
    low, high = bounds(lower, upper, infinite=True)

    def gap(w: Array, slope: Array) -> Array:
        ends = np.where(slope > 0, low, high)
        with np.errstate(invalid="ignore"):  # 0 times an absent limit
            return np.where(slope == 0, 0.0, slope * (w - ends)).sum(-1)

    return Projection(lambda v: np.clip(v, low, high), lambda w: outside(w, low, high), gap, low.size)


def simplex(total: float = 1.0) -> Projection:
    """Projection onto {w : w >= 0, sum(w) = total}, of any size n.

    The nearest point is v less one constant, and 0 where that is negative; the constant is found exactly, in a few passes
    over the row (Michelot 1986).

    total: what the weights sum to, positive
    """
    budget = positive("total", total)

    def violation(w: Array) -> Array:
        return np.maximum(outside(w, 0.0, np.inf), off_total(w, budget))

    def gap(w: Array, slope: Array) -> Array:
        return (slope * w).sum(-1) - budget * slope.min(-1)

    return Projection(lambda v: kernels().simplex(v, budget), violation, gap)


def capped_simplex(lower: ArrayLike, upper: ArrayLike, total: float = 1.0) -> Projection:
    """Projection onto {w : lower <= w <= upper, sum(w) = total}.

    The nearest point is v less one constant, clipped; the clipped sum is piecewise linear in the constant, which Newton's
    method, bracketed, finds exactly (Brucker 1984 states the problem as a knapsack).

    lower, upper: (n,) smallest and largest weight per name, finite
    Raises NoSolution where the bounds do not leave room for `total`.
    """
    low, _ = bounds(lower, upper)
    return sector_capped_simplex(lower, upper, np.zeros(low.size, dtype=np.int64), [np.inf], total)


def sector_capped_simplex(
    lower: ArrayLike, upper: ArrayLike, sector: ArrayLike, cap: ArrayLike, total: float = 1.0
) -> Projection:
    """Projection onto {w : lower <= w <= upper, sum(w) = total, the sum over each sector <= its cap}.

    Exact, because sectors do not overlap: one constant for all, a second one in each sector that is at its cap.

    lower, upper: (n,) finite; sector: (n,) number of each name's sector, from 0; cap: (sectors,), +inf for none
    Raises NoSolution where bounds and caps do not leave room for `total`.
    """
    low, high = bounds(lower, upper)
    caps = vector("cap", cap, infinite=True)
    group = groups("sector", sector, low.size, caps.size)
    budget = finite_number("total", total)
    least, most = np.bincount(group, low, caps.size), np.bincount(group, high, caps.size)
    size = np.abs(low).sum() + np.abs(high).sum() + abs(budget)
    for g in np.flatnonzero(least > caps + ROUNDING * size):
        raise NoSolution(
            f"sector {g} is capped at {caps[g]:g}, but its lower bounds sum to {least[g]:g}: change either"
        )
    room = np.minimum(most, caps).sum()
    if budget > room + ROUNDING * size:
        raise NoSolution(
            f"the limits allow a sum of at most {room:g} of the {budget:g} asked for: raise a cap or upper bound"
        )
    if budget < low.sum() - ROUNDING * size:
        raise NoSolution(f"the lower bounds alone sum to {low.sum():g}, more than the {budget:g} asked for: lower one")

    order = np.argsort(group, kind="stable")  # sectors side by side, as the kernel wants them
    back = np.argsort(order)
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=caps.size))])
    in_place = bool((order == np.arange(low.size)).all())

    def nearest(v: Array) -> Array:
        if in_place:
            return kernels().capped_groups(v, low, high, starts, caps, budget)
        return kernels().capped_groups(v[:, order], low[order], high[order], starts, caps, budget)[:, back]

    def violation(w: Array) -> Array:
        within = np.maximum(outside(w, low, high, size), off_total(w, budget, size))
        return np.maximum(within, over_caps(w, group, caps, size))

    def gap(w: Array, slope: Array) -> Array:
        cheapest = np.argsort(slope, -1, kind="stable")  # filled in this order, the least that slope'q can be
        least_slope = np.empty(len(w))
        for row, best in enumerate(cheapest):
            filled = _fill(high[best] - low[best], group[best], caps - least, budget - low.sum())
            least_slope[row] = slope[row] @ low + slope[row, best] @ filled
        return (slope * w).sum(-1) - least_slope

    return Projection(nearest, violation, gap, low.size)


def _fill(width: Array, group: Array, group_room: Array, room: float) -> Array:
    """(n,) what each takes, first come first served: at most its width, what its group has left, and what all have left."""
    taken = width.copy()
    for g in np.flatnonzero(np.isfinite(group_room)):
        here = group == g
        taken[here] = np.diff(np.minimum(np.cumsum(width[here]), group_room[g]), prepend=0.0)
    return np.diff(np.minimum(np.cumsum(taken), room), prepend=0.0)


def group_caps(group: ArrayLike, cap: ArrayLike) -> Projection:
    """Projection onto {w : the sum over each group <= its cap}; groups do not overlap, and weights may be negative.

    A group above its cap gives up the excess in equal parts.

    group: (n,) number of each name's group, from 0; cap: (groups,), +inf for none
    Raises NoSolution where a group without names is capped below 0.
    """
    caps = vector("cap", cap, infinite=True)
    member = groups("group", group, None, caps.size)
    for g in np.flatnonzero((np.bincount(member, minlength=caps.size) == 0) & (caps < 0)):
        raise NoSolution(f"group {g} has no name, but its cap, {caps[g]:g}, asks for a negative sum: drop the cap")
    names = np.maximum(np.bincount(member, minlength=caps.size), 1)
    indicator = (member[:, None] == np.arange(caps.size)).astype(np.float64)

    def nearest(v: Array) -> Array:
        excess = np.maximum(v @ indicator - caps, 0.0)
        w = v - (excess / names)[:, member]
        left = np.where(
            excess > 0, w @ indicator - np.where(excess > 0, caps, 0.0), 0.0
        )  # the first one's rounding error
        return w - (left / names)[:, member]

    def gap(w: Array, slope: Array) -> Array:
        price = np.minimum(slope @ indicator / names, 0.0) * np.isfinite(caps)
        bound = price @ np.where(np.isfinite(caps), caps, 0.0)
        return unless_unbounded((slope * w).sum(-1) - bound, slope - price[:, member], slope)

    return Projection(nearest, lambda w: over_caps(w, member, caps), gap, member.size)


def halfspace(normal: ArrayLike, limit: float) -> Projection:
    """Projection onto {w : normal'w <= limit}: the excess is taken back along the normal.

    normal: (n,) not all 0
    """
    a = vector("normal", normal)
    b = finite_number("limit", limit)
    if not a.any():
        raise InvalidInput("normal is 0 throughout: it limits nothing")
    unit = a / np.abs(a).max()  # its square neither overflows nor vanishes
    bound, square = b / np.abs(a).max(), float(unit @ unit)

    def nearest(v: Array) -> Array:
        excess = np.maximum(v @ unit - bound, 0.0)
        w = v - excess[:, None] / square * unit
        left = np.where(excess > 0, w @ unit - bound, 0.0)  # the first one's rounding error
        return w - left[:, None] / square * unit

    def violation(w: Array) -> Array:
        return relative(w @ unit - bound, np.maximum(np.abs(w) @ np.abs(unit) + abs(bound), _least(w)))

    def gap(w: Array, slope: Array) -> Array:
        price = np.minimum(slope @ unit / square, 0.0)
        return unless_unbounded((slope * w).sum(-1) - price * bound, slope - price[:, None] * unit, slope)

    return Projection(nearest, violation, gap, a.size)


def turnover(held: ArrayLike, limit: float, weights: ArrayLike | None = None) -> Projection:
    """Projection onto {w : sum(weights * |w - held|) <= limit}: each trade shrinks by a multiple of its weight, down to none.

    The multiple is found exactly by Newton's method on a convex, piecewise linear sum.

    held: (n,) the centre; limit: positive; weights: (n,) positive, 1 each if absent
    """
    centre = vector("held", held)
    radius = positive("limit", limit)
    cost = np.ones(centre.size) if weights is None else vector("weights", weights, centre.size)
    if (cost <= 0).any():
        raise InvalidInput("weights must be positive")

    def violation(w: Array) -> Array:
        size = (np.abs(w) + np.abs(centre)) @ cost + radius
        return relative(np.abs(w - centre) @ cost - radius, size)

    def gap(w: Array, slope: Array) -> Array:
        return (slope * (w - centre)).sum(-1) + radius * (np.abs(slope) / cost).max(-1)

    return Projection(lambda v: kernels().weighted_ball(v, centre, cost, radius), violation, gap, centre.size)


def l1_ball(radius: float, size: int) -> Projection:
    """Projection onto {w of the given size : sum(|w|) <= radius} (Duchi et al. 2008)."""
    return turnover(np.zeros(whole_number("size", size, 1)), positive("radius", radius))


# ---- what the sets have in common ---------------------------------------------------------------------------------


def groups(name: str, value: ArrayLike, size: int | None, count: int) -> Array:
    """(n,) group numbers as integers; raises InvalidInput unless they are whole and lie from 0 to count - 1."""
    numbers = vector(name, value, size)
    if (numbers != np.round(numbers)).any() or (numbers < 0).any() or (numbers >= count).any():
        raise InvalidInput(f"{name} must hold whole numbers from 0 to {count - 1}, one for each entry of cap")
    return numbers.astype(np.int64)


def outside(w: Array, low: Array | float, high: Array | float, size: float = 0.0) -> Array:
    """(B,) how far the worst entry lies outside its bounds, relative to the larger of it and the row's largest entry."""
    beyond = np.maximum(low - w, w - high).max(-1)
    return relative(beyond, np.maximum(np.abs(w).max(-1) + np.maximum(beyond, 0.0), RESOLUTION * size))


def off_total(w: Array, total: float, size: float = 0.0) -> Array:
    """(B,) how far the sum is from the total, relative to the sum of magnitudes."""
    return relative(np.abs(w.sum(-1) - total), np.maximum(np.abs(w).sum(-1) + abs(total), RESOLUTION * size))


def over_caps(w: Array, group: Array, caps: Array, size: float = 0.0) -> Array:
    """(B,) the worst excess of a group's sum over its cap, relative to its sum of magnitudes and the cap."""
    indicator = (group[:, None] == np.arange(caps.size)).astype(np.float64)
    terms = np.abs(w) @ indicator + np.where(np.isfinite(caps), np.abs(caps), 0.0)
    return relative(w @ indicator - caps, np.maximum(terms, _least(w, size)[:, None])).max(-1)


def _least(w: Array, size: float = 0.0) -> Array:
    """(B,) the least that counts as the size of a sum: a small part of the row's largest entry, or of the set's size."""
    return np.asarray(RESOLUTION * np.maximum(np.abs(w).max(-1), size))


RESOLUTION = 1e-4


def unless_unbounded(gap: Array, free: Array, slope: Array) -> Array:
    """The gap, but infinite where a part of the slope beyond rounding points where the set has no end.

    A slope that is the difference of two points near each other carries more rounding than others; 1e-12 of it is forgiven.
    """
    return np.where(np.abs(free).max(-1) > ROUNDING * free.shape[-1] * np.abs(slope).max(-1), np.inf, gap)
