"""The inner loops of the projections, compiled by numba: each finds the one number by which a row is shifted.

All subtract the shift before they look for its last digits, so that sums are exact to rounding however far the row lay
from the set. Rows are contiguous float64; nothing is checked here.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
EPS = 2.220446049250313e-16
FAST = {"reassoc", "contract", "nsz", "nnan", "ninf"}  # sums may be reordered, so that they run in parallel lanes
ROUNDING = 1e-14  # relative: what a sum of many terms is off by


@njit(cache=True, fastmath=FAST)
def _largest(v: Array) -> float:
    top = v[0]
    for i in range(len(v)):
        top = max(top, v[i])
    return top


@njit(cache=True, fastmath=FAST)
def _above(w: Array, level: float) -> tuple[float, float]:
    """Sum and number of the entries above the level."""
    held, names = 0.0, 0.0
    for i in range(len(w)):
        held += w[i] if w[i] > level else 0.0
        names += 1.0 if w[i] > level else 0.0
    return held, names


@njit(cache=True, fastmath=FAST)
def simplex(rows: Array, total: float) -> Array:
    """Nearest points of {w >= 0, sum(w) = total}: Newton's method on the convex, piecewise linear sum (Michelot 1986)."""
    count, n = rows.shape
    out = np.empty_like(rows)
    for r in range(count):
        v, w = rows[r], out[r]
        top, held = _largest(v), 0.0
        for i in range(n):
            w[i] = v[i] - top
            held += w[i]
        level = max((held - total) / n, -total)  # both lie below the shift, and from below Newton only rises
        while True:
            held, names = _above(w, level)
            higher = (held - total) / names
            if not higher > level:
                break
            level = higher
        for i in range(n):
            w[i] = max(w[i] - level, 0.0)
    return out


@njit(cache=True, fastmath=FAST)
def _above_weighted(knots: Array, squares: Array, level: float) -> tuple[float, float]:
    held, names = 0.0, 0.0
    for i in range(len(knots)):
        held += squares[i] * knots[i] if knots[i] > level else 0.0
        names += squares[i] if knots[i] > level else 0.0
    return held, names


@njit(cache=True, fastmath=FAST)
def weighted_ball(rows: Array, centre: Array, weights: Array, radius: float) -> Array:
    """Nearest points of {sum(weights * |w - centre|) <= radius}: the way from the centre shrinks by one multiple of the
    weights, down to none."""
    count, n = rows.shape
    out = np.empty_like(rows)
    squares, knots = weights**2, np.empty(n)  # knots: the multiple at which a name reaches its centre, less the largest
    for r in range(count):
        v, w = rows[r], out[r]
        norm = 0.0
        for i in range(n):
            away = abs(v[i] - centre[i])
            norm += weights[i] * away
            knots[i] = away / weights[i]
        if norm <= radius:
            w[:] = v
            continue
        top = _largest(knots)
        level = -top  # no shrinking: below the answer, since the norm is too large
        for i in range(n):
            knots[i] -= top
            level = max(level, knots[i] - radius / squares[i])  # below it too: one name alone would use the radius
        while True:
            held, names = _above_weighted(knots, squares, level)
            higher = (held - radius) / names
            if not higher > level:
                break
            level = higher
        for i in range(n):
            w[i] = weights[i] * max(knots[i] - level, 0.0)
        for _ in range(2):  # weights that differ in size magnify the level's rounding: what is left of it is taken back
            norm, square = 0.0, 0.0
            for i in range(n):
                norm += weights[i] * w[i]
                square += squares[i] * (w[i] > 0.0)
            if abs(norm - radius) <= ROUNDING * radius:
                break
            back = (norm - radius) / square
            for i in range(n):
                w[i] = max(w[i] - weights[i] * back * (w[i] > 0.0), 0.0)
        for i in range(n):
            w[i] = centre[i] + np.copysign(w[i], v[i] - centre[i])
    return out


@njit(cache=True, fastmath=FAST)
def _clipped(x: Array, lower: Array, upper: Array, shift: float) -> tuple[float, float, float]:
    """Sum of clip(x - shift), the sum of its magnitudes, and how many names lie strictly between their bounds."""
    held, size, moving = 0.0, 0.0, 0.0
    for i in range(len(x)):
        w = x[i] - shift
        moving += 1.0 if (w > lower[i]) & (w < upper[i]) else 0.0
        w = min(max(w, lower[i]), upper[i])
        held += w
        size += abs(w)
    return held, size, moving


@njit(cache=True, fastmath=FAST)
def _ends(x: Array, lower: Array, upper: Array) -> tuple[float, float, float]:
    """The shift that puts every name at its upper bound, the one that puts all at their lower bounds, and the sum."""
    low, high, held = x[0] - upper[0], x[0] - lower[0], 0.0
    for i in range(len(x)):
        low = min(low, x[i] - upper[i])
        high = max(high, x[i] - lower[i])
        held += x[i]
    return low, high, held


@njit(cache=True)
def _shift(x: Array, lower: Array, upper: Array, starts: Ints, caps: Array, total: float) -> float:
    """The shift at which the clipped row, no group of it counted above its cap, sums to `total`.

    Newton's method on the falling, piecewise linear sum, kept between two shifts known to lie around the answer; where
    it would leave them, their middle is tried instead.
    """
    low, high, held = _ends(x, lower, upper)
    shift = min(max((held - total) / len(x), low), high)
    while True:
        held, size, moving = 0.0, abs(total), 0.0
        for g in range(len(caps)):
            a, b = starts[g], starts[g + 1]
            sum_g, size_g, moving_g = _clipped(x[a:b], lower[a:b], upper[a:b], shift)
            held += min(sum_g, caps[g])
            size += size_g
            moving += moving_g if sum_g < caps[g] else 0.0
        excess = held - total
        if abs(excess) <= EPS * size:
            return shift
        if excess > 0:
            low = shift
        else:
            high = shift
        following = shift + excess / moving if moving > 0 else low
        if not low < following < high:
            following = low + (high - low) / 2
        if not low < following < high:  # no number is left between them
            return shift
        shift = following


@njit(cache=True)
def capped_groups(rows: Array, lower: Array, upper: Array, starts: Ints, caps: Array, total: float) -> Array:
    """Nearest points of {lower <= w <= upper, sum(w) = total, sum of names starts[g] to starts[g + 1] <= caps[g]}."""
    out = rows.copy()
    whole, no_cap = np.zeros(2, np.int64), np.full(1, np.inf)
    for r in range(len(out)):
        x = out[r]
        for _ in range(2):  # the second shift is the first one's rounding error
            x -= _shift(x, lower, upper, starts, caps, total)
        for g in range(len(caps)):
            a, b = starts[g], starts[g + 1]
            if caps[g] < np.inf and _clipped(x[a:b], lower[a:b], upper[a:b], 0.0)[0] > caps[g]:
                whole[1] = b - a
                for _ in range(2):
                    x[a:b] -= _shift(x[a:b], lower[a:b], upper[a:b], whole, no_cap, caps[g])
        for i in range(len(x)):
            x[i] = min(max(x[i], lower[i]), upper[i])
    return out


@njit(cache=True, fastmath=FAST)
def _traded(
    x: Array, held: Array, cost: Array, lower: Array, upper: Array, shift: float, price: float, out: Array
) -> tuple[float, float, float, float, float, float]:
    """Fill `out` with the row shifted, drawn to `held` by price times cost, and clipped.

    Returns its sum, the sum of its magnitudes, its trades' cost, and over the names that move freely: how many, the sum of
    signed costs, the sum of squared costs.
    """
    total, size, spent, moving, tilt, square = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(x)):
        away = x[i] - shift - held[i]
        near = max(abs(away) - price * cost[i], 0.0)
        w = held[i] + np.copysign(near, away)
        free = 1.0 if (near > 0.0) & (w > lower[i]) & (w < upper[i]) else 0.0
        w = min(max(w, lower[i]), upper[i])
        out[i] = w
        total += w
        size += abs(w)
        spent += cost[i] * abs(w - held[i])
        moving += free
        tilt += free * np.copysign(cost[i], away)
        square += free * cost[i] * cost[i]
    return total, size, spent, moving, tilt, square


@njit(cache=True)
def _traded_to_total(
    x: Array, held: Array, cost: Array, lower: Array, upper: Array, total: float, shift: float, price: float, out: Array
) -> tuple[float, float, float, float, float]:
    """Shift until the row sums to `total`, as `_shift` does; returns the shift and _traded's last four."""
    low, high = np.inf, -np.inf
    for i in range(len(x)):
        low = min(low, x[i] - upper[i] - price * cost[i])
        high = max(high, x[i] - lower[i] + price * cost[i])
    shift = min(max(shift, low), high)
    while True:
        here, size, spent, moving, tilt, square = _traded(x, held, cost, lower, upper, shift, price, out)
        excess = here - total
        if excess > 0:
            low = shift
        else:
            high = shift
        following = shift + excess / moving if moving > 0 else low
        if not low < following < high:
            following = low + (high - low) / 2
        if abs(excess) <= EPS * (size + abs(total)) or not low < following < high:
            return shift, spent, moving, tilt, square
        shift = following


@njit(cache=True)
def turnover_capped(
    rows: Array, held: Array, cost: Array, lower: Array, upper: Array, total: float, limit: float
) -> Array:
    """Nearest points of {lower <= w <= upper, sum(w) = total, sum(cost * |w - held|) <= limit}.

    Newton's method, bracketed, on the price at which trades cost just `limit`; within it, the same on the shift.
    """
    out = np.empty_like(rows)
    for r in range(len(rows)):
        x, w = rows[r].copy(), out[r]
        shift, spent, moving, tilt, square = _traded_to_total(
            x, held, cost, lower, upper, total, np.mean(x) - total / len(x), 0.0, w
        )
        scale = limit + np.sum(cost * (np.abs(held) + np.abs(w)))
        low, high, price = 0.0, np.inf, 0.0
        while spent > limit + EPS * scale or (price > 0 and spent < limit - EPS * scale):
            if spent > limit:
                low = price
            else:
                high = price
            bend = square - tilt * tilt / moving if moving > 0 else 0.0
            following = price + (spent - limit) / bend if bend > 1e-9 * square else low
            if not low < following < high:
                following = low + (high - low) / 2 if high < np.inf else 2 * low + np.max(np.abs(x - shift - held))
            if not low < following < high or following > 1e12 * (np.max(np.abs(x)) + scale):
                break  # no number is left between them
            price = following
            shift, spent, moving, tilt, square = _traded_to_total(x, held, cost, lower, upper, total, shift, price, w)
        x -= shift
        shift = _traded_to_total(x, held, cost, lower, upper, total, 0.0, price, w)[0]
        _settle(x, held, cost, lower, upper, total, limit, shift, price, w)
    return out


@njit(cache=True)
def _settle(
    x: Array, held: Array, cost: Array, lower: Array, upper: Array, total: float, limit: float, shift: float,
    price: float, w: Array,
) -> None:  # fmt: skip
    """Take the rounding of shift and price out of the weights themselves, along the two directions they move in."""
    here, _, spent, moving, tilt, square = _traded(x, held, cost, lower, upper, shift, price, w)
    over, dear = here - total, spent - limit if price > 0 else 0.0
    det = moving * square - tilt * tilt
    if price > 0 and det > 1e-9 * moving * square:
        step, per_cost = (square * over - tilt * dear) / det, (moving * dear - tilt * over) / det
    else:
        step, per_cost = over / max(moving, 1.0), 0.0
    for i in range(len(x)):
        away = x[i] - shift - held[i]
        if abs(away) > price * cost[i] and lower[i] < w[i] < upper[i]:
            w[i] = min(max(w[i] - step - per_cost * np.copysign(cost[i], away), lower[i]), upper[i])
