"""A value that no plan of legal quantities is below, compiled: the dual of the search's programme, climbed and branched.

Priced by multipliers for the rows, and with the common part of the risk replaced by its tangent, the decision falls apart into
one problem a name, whose minimum over its pieces is exact. Tangent and prices are moved along the dual's slope, measured by its
curvature where names lie inside their pieces, by steps that the distance to a known plan allows (Polyak 1987, section 5.3).
What is left of the gap comes from names torn between two pieces: either side is bounded by itself.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .search_kernels import (
    CASH,
    CONSTANT,
    CURVE,
    FIRST,
    LAST,
    LINEAR,
    NOW,
    SECTORS,
    SIDE,
    SLOPE,
    TURNOVER,
    UNIT,
    USE,
    USE_SLOPE,
    Ints,
    Matrix,
    Programme,
    Vector,
    dot,
)
from .swap_kernels import FREE, Accounts, Market, backward, cholesky, empty_lines, forward, programme_of

EVERY_PIECE = (1 << 62) - 1
COSTS_CURVE = 0.02  # of the dual in the price of costs, which comes from charges that jump
FIRST_STEP, FIRST_COSTS_STEP = 3e-4, 3e-3  # of the prices of cash and of costs
LINE_STEPS = 8
STALE = 3  # steps without a better bound, after which they are halved


class Dual(NamedTuple):
    """Where the bound is taken. Changed in place.

    tangent: (k,) of F'x; prices: (2 + S + 1,) of the rows, that of cash below 0 where investing less is priced, and of costs
    x: (n,) the names' own minima; slope: (k + 2 + S + 1,) of the bound in tangent and prices
    allowed: (n,) bits of the pieces each name may lie on
    """

    tangent: Vector
    prices: Vector
    x: Vector
    slope: Vector
    allowed: Ints


@njit(cache=True, nogil=True)
def _copy(source: Dual, target: Dual) -> None:
    target.tangent[:], target.prices[:], target.x[:] = source.tangent, source.prices, source.x
    target.slope[:], target.allowed[:] = source.slope, source.allowed


@njit(cache=True, nogil=True, inline="always")
def _least_on(
    names: Matrix, pieces: NDArray[np.float64], i: int, q: int, g: float, cash: float, turnover: float
) -> tuple[float, float]:
    """(value, x) of the least of name i on piece q at the slope g, parts of shares allowed, and prices of cash and turnover."""
    turned = turnover * pieces[i, q, SIDE]
    slope = g + pieces[i, q, SLOPE] + cash * pieces[i, q, USE_SLOPE] + turned
    x = min(max(-slope / names[i, CURVE], pieces[i, q, FIRST]), pieces[i, q, LAST])
    constant = pieces[i, q, CONSTANT] + cash * pieces[i, q, USE] - turned * names[i, NOW]
    return (names[i, CURVE] / 2 * x + slope) * x + constant, x


@njit(cache=True, nogil=True, inline="always")
def _cash_prices(prices: Vector) -> tuple[float, float]:
    """Of cash used, and of what is invested: a price of costs is on both."""
    costs = prices[prices.size - 1]
    return max(prices[CASH], 0.0) + costs, max(-prices[CASH], 0.0) + costs


@njit(cache=True, nogil=True)
def bound_at(p: Programme, invested: float, d: Dual) -> float:
    """The objective that no point within the rows is below which invests at least `invested`; x and slope follow."""
    loadings, names, pieces, member, sizes, limits = p
    tangent, prices, x, slopes, allowed = d
    n, k = loadings.shape
    costs, turnover = prices.size - 1, prices[TURNOVER]
    cash, idle = _cash_prices(prices)
    total = -dot(tangent, tangent) / 2 - cash * limits[CASH] + idle * invested
    for c in range(k):
        slopes[c] = -tangent[c]
    for r in range(TURNOVER, costs):
        slopes[k + r] = 0.0
        if prices[r] > 0.0 or r >= SECTORS:
            total -= prices[r] * limits[r]
            slopes[k + r] = -limits[r]
    used, held = 0.0, 0.0
    for i in range(n):
        g = dot(loadings[i], tangent) + names[i, LINEAR] - idle
        if member[i] >= 0:
            g += prices[SECTORS + member[i]]
        best, on = np.inf, 0
        for q in range(sizes[i]):
            if (allowed[i] >> q) & 1:
                value, to = _least_on(names, pieces, i, q, g, cash, turnover)
                if value < best:
                    best, on, x[i] = value, q, to
        total += best
        used += pieces[i, on, USE] + pieces[i, on, USE_SLOPE] * x[i]
        held += x[i]
        if turnover > 0.0:
            slopes[k + TURNOVER] += pieces[i, on, SIDE] * (x[i] - names[i, NOW])
        if x[i] != 0.0:
            for c in range(k):
                slopes[c] += loadings[i, c] * x[i]
            if member[i] >= 0:
                slopes[k + SECTORS + member[i]] += x[i]
    slopes[k + CASH] = used - limits[CASH] if prices[CASH] > 0.0 else held - invested
    slopes[k + costs] = used - limits[CASH] - held + invested
    return total


@njit(cache=True, nogil=True)
def _curvature(p: Programme, d: Dual) -> Matrix:
    """The root of the dual's curvature where names lie inside their pieces."""
    loadings, names, pieces, member, sizes, _ = p
    x, rows = d.x, d.prices.size
    k = loadings.shape[1]
    entries, root = np.zeros(k + rows), np.zeros((k + rows, k + rows))
    for i in range(x.size):
        inside, half = False, names[i, UNIT] / 2
        for q in range(sizes[i]):
            inside = inside or pieces[i, q, FIRST] + half < x[i] < pieces[i, q, LAST] - half
        if not inside:
            continue
        entries[:k] = loadings[i]
        entries[k + CASH] = 1.0
        if member[i] >= 0:
            entries[k + SECTORS + member[i]] = 1.0
        for c in range(k + rows):
            if entries[c] != 0.0:
                for e in range(c + 1):
                    root[c, e] += entries[c] * entries[e] / names[i, CURVE]
        if member[i] >= 0:
            entries[k + SECTORS + member[i]] = 0.0
    for c in range(k + rows):
        root[c, c] += 1.0 if c < k else root[k + CASH, k + CASH] / 50 + FREE
    root[k + rows - 1, k + rows - 1] = COSTS_CURVE
    cholesky(root)
    return root


@njit(cache=True, nogil=True)
def _line(p: Programme, invested: float, d: Dual, r: int, step: float) -> float:
    """The largest bound found along one price, at which d is left; the sign of the slope says which way it lies."""
    k = p.loadings.shape[1]
    best, best_at = bound_at(p, invested, d), d.prices[r]
    sign = 1.0 if d.slope[k + r] > 0.0 else -1.0
    near, far, shut = best_at, best_at, False
    for _ in range(LINE_STEPS):
        at = (near + far) / 2 if shut else near + sign * step
        if r != CASH and at < 0.0:
            at, far, shut = 0.0, 0.0, True
        d.prices[r] = at
        now = bound_at(p, invested, d)
        if now > best:
            best, best_at = now, at
        if sign * d.slope[k + r] > 0.0:
            near = at
            step *= 3.0
        else:
            far, shut = at, True
        if near == far:
            break
    d.prices[r] = best_at
    return bound_at(p, invested, d)


@njit(cache=True, nogil=True)
def climb(p: Programme, invested: float, known: float, enough: float, steps: int, d: Dual) -> float:
    """The largest bound found from d on, at which d is left; it stops at `enough`. known: objective of a plan to be compared"""
    k, rows = p.loadings.shape[1], d.prices.size
    best = bound_at(p, invested, d)
    if best < enough:
        best = _line(p, invested, d, CASH, FIRST_STEP)
    if best < enough:
        best = _line(p, invested, d, rows - 1, FIRST_COSTS_STEP)
    if best >= enough:
        return best
    root, way = _curvature(p, d), np.empty(k + rows)
    keep = Dual(d.tangent.copy(), d.prices.copy(), d.x.copy(), d.slope.copy(), d.allowed.copy())
    now, share, stale = best, 1.0, 0
    for _ in range(steps):
        way[:] = d.slope
        for r in range(rows):
            if r != CASH and d.prices[r] <= 0.0 and way[k + r] < 0.0:
                way[k + r] = 0.0  # no price falls below 0
        forward(root, way)
        size = dot(way, way)
        if size == 0.0:
            break
        backward(root, way)
        step = share * max(known - now, 0.0) / size
        for c in range(k):
            d.tangent[c] += step * way[c]
        for r in range(rows):
            d.prices[r] += step * way[k + r]
            if r != CASH:
                d.prices[r] = max(d.prices[r], 0.0)
        now = bound_at(p, invested, d)
        stale += 1
        if now > best:
            best, stale = now, 0
            _copy(d, keep)
            if best >= enough:
                break
        elif stale == STALE:
            share, stale, now = share / 2, 0, best
            _copy(keep, d)
    _copy(keep, d)
    return best


@njit(cache=True, nogil=True)
def _torn(p: Programme, d: Dual) -> tuple[int, int]:
    """The name most torn between two pieces, -1 for none, and the better one: half way between them costs it most."""
    loadings, names, pieces, member, sizes, _ = p
    tangent, prices, x, _, allowed = d
    cash, idle = _cash_prices(prices)
    most, name, piece = 0.0, -1, 0
    for i in range(x.size):
        g = dot(loadings[i], tangent) + names[i, LINEAR] - idle
        if member[i] >= 0:
            g += prices[SECTORS + member[i]]
        best, on, at, second, second_at = np.inf, 0, 0.0, np.inf, 0.0
        for q in range(sizes[i]):
            if (allowed[i] >> q) & 1:
                value, to = _least_on(names, pieces, i, q, g, cash, prices[TURNOVER])
                if value < best:
                    second, second_at = best, at
                    best, on, at = value, q, to
                elif value < second:
                    second, second_at = value, to
        if second < np.inf:
            between = names[i, CURVE] * (at - second_at) ** 2 / 8 - (second - best)
            if between > most:
                most, name, piece = between, i, on
    return name, piece


@njit(cache=True, nogil=True)
def branch(p: Programme, invested: float, known: float, enough: float, steps: int, nodes: int, d: Dual) -> float:
    """As `climb`; then, up to `nodes` times, the name most torn where the bound is least is held to one piece, or to the rest."""
    best = climb(p, invested, known, enough, steps, d)
    if best >= enough or nodes == 0:
        return best
    bounds = np.full(nodes + 1, np.inf)
    tangents, prices = np.empty((nodes + 1, d.tangent.size)), np.empty((nodes + 1, d.prices.size))
    masks = np.empty((nodes + 1, d.x.size), np.int64)
    bounds[0] = best
    tangents[0], prices[0], masks[0] = d.tangent, d.prices, d.allowed
    for size in range(1, nodes + 1):
        least = np.argmin(bounds[:size])
        if bounds[least] >= enough:
            break
        d.tangent[:], d.prices[:], d.allowed[:] = tangents[least], prices[least], masks[least]
        name, piece = _torn(p, d)
        if name < 0:
            break
        bounds[size], tangents[size], prices[size], masks[size] = bounds[least], d.tangent, d.prices, d.allowed
        masks[size, name] = 1 << piece
        masks[least, name] &= ~(1 << piece)
        for side in (size, least):
            d.tangent[:], d.prices[:], d.allowed[:] = tangents[side], prices[side], masks[side]
            bounds[side] = max(climb(p, invested, known, enough, steps, d), bounds[side])
            tangents[side], prices[side] = d.tangent, d.prices
    return bounds.min()


@njit(cache=True, nogil=True)
def bound_book(
    market: Market,
    accounts: Accounts,
    plan: Matrix,
    known: Vector,
    enough: Vector,
    steps: int,
    nodes: int,
    most_pieces: int,
    out: Vector,
) -> None:
    """Fill in (B,) a utility that no plan exceeds which uses at most its account's cash row and invests as much as `plan`.

    plan: (B, N) weights; known: (B,) utility of the plan; enough: (B,) by which the bound may exceed it and need not be closer
    """
    n, k = market.loadings.shape
    scratch = empty_lines(n, most_pieces)
    rows = accounts.limits.shape[1]
    d = Dual(np.empty(k), np.empty(rows + 1), np.zeros(n), np.zeros(k + rows + 1), np.empty(n, np.int64))
    for b in range(len(out)):
        p = programme_of(market, accounts, b, 0.0, scratch)
        d.tangent[:] = 0.0
        for i in range(n):
            if plan[b, i] != 0.0:
                for c in range(k):
                    d.tangent[c] += p.loadings[i, c] * plan[b, i]
        d.prices[:rows], d.prices[rows], d.allowed[:] = accounts.prices[b], 0.0, EVERY_PIECE
        out[b] = -branch(p, plan[b].sum(), -known[b], -known[b] - enough[b], steps, nodes, d)
