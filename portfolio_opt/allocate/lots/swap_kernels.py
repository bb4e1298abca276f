"""Moves of names to other pieces when all others answer, compiled; and the whole search for every account of a book.

Near a point at which the names inside their pieces are balanced, what moving other names changes is known to second order: the
names inside answer by one linear system in the factors and the rows that are full. In coordinates in which that system is the
identity, two moves change what each changes alone, plus the product of their pushes: all pairs are looked at, the best are made,
and what the true objective says counts.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .piece_kernels import Holder, Pieces, Prices, Tariff, fill
from .search_kernels import (
    CASH,
    CONSTANT,
    CURVE,
    FIRST,
    LAST,
    LINEAR,
    NOW,
    OWN,
    SECTORS,
    SIDE,
    SLOPE,
    STEPS,
    TURNOVER,
    UNIT,
    USE,
    USE_SLOPE,
    Ints,
    Matrix,
    Point,
    Programme,
    Vector,
    balance,
    best_of,
    copy,
    descend,
    dot,
    empty_point,
    excess,
    exchange,
    leaving,
    objective,
    priced,
    put,
    repair,
    settle,
    smallest,
)

TIGHT = 2e-3  # a row with less room than this share of wealth holds back what fills it
FREE = 1e-9  # of a row that no name inside its piece can fill: moves along it are dear, not forbidden
FORCED = 8  # names that are opened or closed by two: all pairs are made to see what they change
ROUNDING = 6.0  # paisa: what an order can cost more than its piece says, as each of its charges is rounded


class Model(NamedTuple):
    """What moves to other pieces change, to second order, when the names inside their pieces answer them.

    inside: names strictly inside their pieces; root: (m, m) lower triangle, of the factors and the full rows
    row: (2 + S,) place of a row among the full ones, -1 if it has room
    name, piece, to, alone: (M,) of each move: which name goes where, and what this alone changes; the most promising first
    push: (M, m) of each move: two together change what each changes alone, plus push · push
    """

    inside: Ints
    root: Matrix
    row: Ints
    name: Ints
    piece: Ints
    to: Vector
    alone: Vector
    push: Matrix


@njit(cache=True, nogil=True, inline="always")
def _entry(pieces: NDArray[np.float64], member: Ints, r: int, i: int, q: int) -> float:
    """What row r holds of one more of name i on piece q."""
    if r == CASH:
        return pieces[i, q, USE_SLOPE]
    if r == TURNOVER:
        return pieces[i, q, SIDE]
    return 1.0 if member[i] == r - SECTORS else 0.0


@njit(cache=True, nogil=True)
def cholesky(a: Matrix) -> None:
    """The lower triangle of a becomes its root."""
    for i in range(a.shape[0]):
        for j in range(i + 1):
            total = a[i, j]
            for c in range(j):
                total -= a[i, c] * a[j, c]
            a[i, j] = np.sqrt(max(total, 1e-300)) if i == j else total / a[j, j]


@njit(cache=True, nogil=True)
def forward(root: Matrix, v: Vector) -> None:
    for i in range(v.size):
        total = v[i]
        for c in range(i):
            total -= root[i, c] * v[c]
        v[i] = total / root[i, i]


@njit(cache=True, nogil=True)
def backward(root: Matrix, v: Vector) -> None:
    for i in range(v.size - 1, -1, -1):
        total = v[i]
        for c in range(i + 1, v.size):
            total -= root[c, i] * v[c]
        v[i] = total / root[i, i]


@njit(cache=True, nogil=True)
def _inside(p: Programme, s: Point) -> Ints:
    names, pieces, x, piece = p.names, p.pieces, s.x, s.piece
    found, size = np.empty(x.size, np.int64), 0
    for i in range(x.size):
        half = names[i, UNIT] / 2
        if pieces[i, piece[i], FIRST] + half < x[i] < pieces[i, piece[i], LAST] - half:
            found[size] = i
            size += 1
    return found[:size]


@njit(cache=True, nogil=True)
def _full_rows(p: Programme, s: Point) -> tuple[Ints, int]:
    limits, held = p.limits, s.held
    row, size = np.full(held.size, -1), 0
    for r in range(held.size):
        if r == CASH or limits[r] - held[r] < TIGHT:
            row[r] = size
            size += 1
    return row, size


@njit(cache=True, nogil=True)
def model(p: Programme, s: Point, prices: Vector, most: int) -> Model:
    """The model at s with its `most` most promising moves. prices: of the rows, for those that no name inside its piece tells."""
    loadings, names, pieces, member, sizes, _ = p
    x, piece, factors, _ = s
    n, k = loadings.shape
    row, full = _full_rows(p, s)
    inside = _inside(p, s)
    m = k + full
    root, entries = np.zeros((m, m)), np.zeros(m)
    shift = np.zeros(full)
    for i in inside:
        q = piece[i]
        slope = dot(loadings[i], factors) + names[i, CURVE] * x[i] + names[i, LINEAR] + pieces[i, q, SLOPE]
        for c in range(k):
            entries[c] = loadings[i, c]
        for r in range(row.size):
            if row[r] >= 0:
                entries[k + row[r]] = _entry(pieces, member, r, i, q)
                slope += prices[r] * entries[k + row[r]]
        for c in range(m):
            for d in range(c + 1):
                root[c, d] += entries[c] * entries[d] / names[i, CURVE]
        for r in range(full):
            shift[r] -= entries[k + r] * slope / names[i, CURVE]
    for r in range(full):
        root[k + r, k + r] += FREE
    normal = root[k:, k:].copy()
    for c in range(k):
        root[c, c] += 1.0
    cholesky(normal)
    forward(normal, shift)
    backward(normal, shift)
    cholesky(root)
    across = np.zeros((m, m))  # the root's inverse, transposed
    for c in range(m):
        across[c, c] = 1.0
        forward(root, across[c])
    own = np.zeros(row.size)  # prices told by the names inside
    for r in range(row.size):
        if row[r] >= 0:
            own[r] = max(prices[r] + shift[row[r]], 0.0)
    size = 0
    for i in range(n):
        size += sizes[i] - 1
    name, on, to, change, alone = (
        np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size), np.empty(size), np.empty(size),
    )  # fmt: skip
    pushes = np.zeros((n, m))
    place = 0
    for i in range(n):
        if sizes[i] == 1:
            continue
        old, before = piece[i], x[i]
        for c in range(k):
            for d in range(c, m):
                pushes[i, d] += loadings[i, c] * across[c, d]
        for r in range(row.size):
            if row[r] >= 0:
                entry = _entry(pieces, member, r, i, old)
                if r == CASH and entry == 0.0:
                    entry = 1.0
                for d in range(k + row[r], m):
                    pushes[i, d] += entry * across[k + row[r], d]
        bend = dot(pushes[i], pushes[i])
        g = dot(loadings[i], factors) + names[i, LINEAR]
        if member[i] >= 0:
            g += own[SECTORS + member[i]]
        h = names[i, CURVE]
        constant, slope, _ = priced(names, pieces, own, i, old, h, g)
        now = (h / 2 * before + slope) * before + constant
        for q in range(sizes[i]):
            if q == old:
                continue
            constant, slope, _ = priced(names, pieces, own, i, q, h, g)
            low, high = pieces[i, q, FIRST], pieces[i, q, LAST]
            x_q = best_of(names[i, NOW], names[i, UNIT], h + bend, slope - bend * before, low, high)
            step = x_q - before
            name[place], on[place], to[place], change[place] = i, q, x_q, step
            alone[place] = (h / 2 * x_q + slope) * x_q + constant - now + bend / 2 * step * step
            place += 1
    order = smallest(alone[:place], most)
    push = np.empty((order.size, m))
    for a in range(order.size):
        for c in range(m):
            push[a, c] = pushes[name[order[a]], c] * change[order[a]]
    return Model(inside, root, row, name[order], on[order], to[order], alone[order], push)


@njit(cache=True, nogil=True)
def make(p: Programme, s: Point, m: Model, a: int, b: int) -> None:
    """Make moves a and b (-1 for none), and let the names inside their pieces answer as the model has it."""
    loadings, names, pieces, member, _, _ = p
    inside, root, row, name, on, to, _, push = m
    x, piece, _, _ = s
    k = loadings.shape[1]
    pull = push[a].copy()
    other = -1
    if b >= 0:
        pull += push[b]
        other = name[b]
    backward(root, pull)
    for i in inside:
        if i == name[a] or i == other:
            continue
        q = piece[i]
        wanted = dot(loadings[i], pull[:k])
        for r in range(row.size):
            if row[r] >= 0:
                wanted += _entry(pieces, member, r, i, q) * pull[k + row[r]]
        wanted = x[i] - names[i, UNIT] * np.rint(wanted / names[i, CURVE] / names[i, UNIT])
        put(p, s, i, q, min(max(wanted, pieces[i, q, FIRST]), pieces[i, q, LAST]))
    put(p, s, name[a], on[a], to[a])
    if b >= 0:
        put(p, s, other, on[b], to[b])


@njit(cache=True, nogil=True)
def _best_pairs(m: Model, most: int, least_gain: float) -> tuple[Ints, Ints]:
    """The moves and pairs of moves that lower the objective most by the model: at most so many, the second is -1 for one move."""
    name, alone, push = m.name, m.alone, m.push
    first, second, falls = np.full(most, -1), np.full(most, -1), np.full(most, -least_gain)
    count = 0
    for a in range(name.size):
        for b in range(-1, a):
            fall = alone[a]
            if b >= 0:
                if name[a] == name[b]:
                    continue
                fall += alone[b] + dot(push[a], push[b])
            if fall < falls[most - 1]:
                t = most - 1
                while t > 0 and falls[t - 1] > fall:
                    falls[t], first[t], second[t] = falls[t - 1], first[t - 1], second[t - 1]
                    t -= 1
                falls[t], first[t], second[t] = fall, a, b
                count = min(count + 1, most)
    return first[:count], second[:count]


@njit(cache=True, nogil=True)
def swap(
    p: Programme, s: Point, trial: Point, prices: Vector, paired: int, tries: int, least_gain: float, enough: float
) -> None:
    """Move one name or two to other pieces as long as the objective falls, no further than to `enough`.

    paired: moves that are looked at in pairs; tries: how many of them are made to see what they change; trial: scratch
    """
    value = objective(p, s)
    for _ in range(STEPS):
        if value <= enough:
            break
        m = model(p, s, prices, paired)
        first, second = _best_pairs(m, tries, least_gain)
        better = False
        for t in range(first.size):
            copy(s, trial)
            make(p, trial, m, first[t], second[t])
            if not repair(p, trial, m.name[first[t]], m.name[second[t]] if second[t] >= 0 else -1):
                continue
            balance(p, trial, least_gain)
            if objective(p, trial) < value - least_gain:
                descend(p, trial, least_gain)
                copy(trial, s)
                value = objective(p, s)
                better = True
                break
        if not better:
            break


@njit(cache=True, nogil=True)
def _turned(p: Programme, s: Point, i: int) -> tuple[int, float]:
    """(piece, x): name i sold whole where it is held and may be, else bought by the least that may be; (-1, 0) for neither."""
    pieces, sizes, held = p.pieces, p.sizes, s.x[i] > 0.0
    for q in range(sizes[i]):
        if (held and pieces[i, q, FIRST] == 0.0) or (not held and pieces[i, q, FIRST] > 0.0):
            return q, pieces[i, q, FIRST]
    return -1, 0.0


@njit(cache=True, nogil=True)
def force(p: Programme, s: Point, trial: Point, tried: Ints, least_gain: float) -> bool:
    """Open or close every tried name, and every two of them, make room by the cheapest moves of others, let all answer; once."""
    value, gained = objective(p, s), False
    for a in range(tried.size):
        for b in range(-1, a):
            i, j = tried[a], -1
            q, to = _turned(p, s, i)
            if q < 0:
                break
            copy(s, trial)
            put(p, trial, i, q, to)
            if b >= 0:
                j = tried[b]
                q, to = _turned(p, s, j)
                if q < 0:
                    continue
                put(p, trial, j, q, to)
            if not repair(p, trial, i, j):
                continue
            descend(p, trial, least_gain)
            balance(p, trial, least_gain)
            now = objective(p, trial)
            if now < value - least_gain:
                copy(trial, s)
                value, gained = now, True
    return gained


@njit(cache=True, nogil=True)
def search(
    p: Programme,
    near: Vector,
    prices: Vector,
    s: Point,
    trial: Point,
    paired: int,
    tries: int,
    rounds: int,
    tolerance: float,
) -> tuple[float, float]:
    """s becomes the best point found; its objective, and a value that no point within the rows is below.

    near: (n,) of a convex answer; prices: (2 + S,) of its rows. A limit that cannot be reached is moved to where it can
    rounds: of exact exchanges of two names, which swaps follow, where these alone end further than `tolerance` from the bound
    """
    least_gain = tolerance / 1e3
    costs = np.empty(near.size)
    bound = leaving(p, near, prices, costs)
    settle(p, s, near, prices)
    for _ in range(p.limits.size):
        if repair(p, s, -1, -1):
            break
        over, row = excess(p, s)
        p.limits[row] += over  # no single move comes closer: so far can be reached today
    descend(p, s, least_gain)
    balance(p, s, least_gain)
    enough = bound + tolerance
    swap(p, s, trial, prices, paired, tries, least_gain, enough)
    tried = smallest(costs, paired)
    for _ in range(rounds):
        if objective(p, s) <= enough:
            break
        gained = force(p, s, trial, tried[:FORCED], least_gain)
        if not exchange(p, s, prices, tried, least_gain) and not gained:
            break
        swap(p, s, trial, prices, paired, tries, least_gain, enough)
    return objective(p, s), bound


class Market(NamedTuple):
    """What the accounts of a book share. member: (N,) sector, -1 for none; per_year: 1 / years that a trade stays"""

    loadings: Matrix
    specific: Vector
    mean: Vector
    member: Ints
    prices: Prices
    tariff: Tariff
    per_year: float


class Accounts(NamedTuple):
    """B accounts. held … upper: (B, N) units; wealth: (B,) paisa; tax rates short and long: (B,) ppm

    limits, prices: (B, 2 + S) of the rows; idle_price: (B,) a year of a unit of wealth left in cash
    """

    held: Ints
    held_long: Ints
    total_cost: Ints
    lower: Ints
    upper: Ints
    wealth: Ints
    short: Ints
    long: Ints
    aversion: Vector
    limits: Matrix
    prices: Matrix
    idle_price: Vector


class Lines(NamedTuple):
    """Scratch: the pieces that `fill` finds, and the arrays of a Programme."""

    found: Pieces
    sizes: Ints
    names: Matrix
    pieces: NDArray[np.float64]


@njit(cache=True, nogil=True)
def empty_lines(n: int, most_pieces: int) -> Lines:
    shape = (n, most_pieces)
    found = Pieces(np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape))
    return Lines(found, np.empty(n, np.int64), np.empty((n, 5)), np.empty((n, most_pieces, 7)))


@njit(cache=True, nogil=True)
def programme_of(market: Market, accounts: Accounts, b: int, rounding: float, lines: Lines) -> Programme:
    """The programme of account b. rounding: paisa that an order may cost more than its piece says"""
    a = accounts
    wealth, idle_price, aversion = a.wealth[b], a.idle_price[b], a.aversion[b]
    of = Holder(a.held[b], a.held_long[b], a.total_cost[b], a.lower[b], a.upper[b], wealth, a.short[b], a.long[b], 0.0)
    found, sizes, names, pieces = lines
    fill(found, sizes, market.prices, market.tariff, of, market.per_year)
    close, buy, sell, lot = market.prices
    first, last, constant, slope = found
    held = of.held
    for i in range(held.size):
        unit = close[i] / wealth
        now = held[i] * unit
        names[i, OWN] = aversion * dot(market.loadings[i], market.loadings[i])
        names[i, CURVE], names[i, LINEAR] = aversion * market.specific[i], -market.mean[i]
        names[i, UNIT], names[i, NOW] = unit, now
        for q in range(sizes[i]):
            middle = (first[i, q] + last[i, q]) / 2
            side = 1.0 if middle > now + unit / 2 else (-1.0 if middle < now - unit / 2 else 0.0)
            spent = (buy[i] if side > 0.0 else sell[i]) / close[i] * abs(side)
            use = constant[i, q] / market.per_year - spent * now + abs(side) * rounding / wealth
            use_slope = slope[i, q] / market.per_year + spent
            pieces[i, q, FIRST], pieces[i, q, LAST], pieces[i, q, SIDE] = first[i, q], last[i, q], side
            pieces[i, q, CONSTANT] = constant[i, q] - idle_price * use
            pieces[i, q, SLOPE] = slope[i, q] - idle_price * use_slope
            if side < 0.0 and held[i] < lot[i]:  # an odd lot: no purchase counts on its cash
                use, use_slope = max(use, 0.0), 0.0
            pieces[i, q, USE], pieces[i, q, USE_SLOPE] = use, use_slope
    return Programme(market.loadings * np.sqrt(aversion), names, pieces, market.member, sizes, a.limits[b].copy())


@njit(cache=True, nogil=True)
def search_book(
    market: Market,
    accounts: Accounts,
    near: Matrix,
    paired: int,
    tries: int,
    rounds: int,
    tolerance: Vector,
    most_pieces: int,
    units: Ints,
) -> None:
    """Fill in the (B, N) units of the best plan found for every account.

    near: (B, N) weights of a convex answer; tolerance: (B,) utility a year; the others are those of `search`
    """
    n, k = market.loadings.shape
    lines, rows = empty_lines(n, most_pieces), accounts.limits.shape[1]
    for b in range(len(units)):
        p = programme_of(market, accounts, b, ROUNDING, lines)
        kept = np.flatnonzero((p.sizes > 1) | (p.pieces[:, 0, FIRST] < p.pieces[:, 0, LAST]) | (p.names[:, NOW] > 0.0))
        s, trial = empty_point(kept.size, k, rows), empty_point(kept.size, k, rows)
        few = Programme(p.loadings[kept], p.names[kept], p.pieces[kept], p.member[kept], p.sizes[kept], p.limits)
        search(few, near[b][kept], accounts.prices[b], s, trial, paired, tries, rounds, tolerance[b])
        units[b] = 0
        for a in range(kept.size):
            units[b, kept[a]] = np.int64(np.rint(s.x[a] / few.names[a, UNIT]))
