"""The search for whole shares, compiled: one account's quantities under its cash, turnover and sectors, at true charges.

Each name lies on one piece of `piece_kernels`, where its cost a year and the cash it uses are straight lines. Here are the moves
of one name and of two; `swap_kernels` has those in which all others answer.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

CASH, TURNOVER, SECTORS = 0, 1, 2  # rows: the first sector is row SECTORS
OWN, CURVE, LINEAR, UNIT, NOW = range(5)  # columns of Programme.names
FIRST, LAST, CONSTANT, SLOPE, USE, USE_SLOPE, SIDE = range(7)  # of Programme.pieces
SLACK = 1e-12  # by which a row may be exceeded: rounding
STEPS = 200  # of each inner loop, more are never needed


class Programme(NamedTuple):
    """Minimise |F'x|²/2 + sum_i curve_i x_i²/2 + linear_i x_i + cost_i(x_i) over whole shares x of the pieces, in weights.

    loadings: (n, k) F
    names: (n, 5) OWN |F_i|², CURVE, LINEAR, UNIT and NOW: weights of one share and of today's holding
    pieces: (n, P, 7) x is from FIRST to LAST, costs CONSTANT + SLOPE x and uses USE + USE_SLOPE x of cash; SIDE is 1 for a
        purchase, -1 for a sale and 0 for neither
    member, sizes: (n,) sector, -1 for none; how many pieces there are
    limits: (2 + S,) most cash used, most turnover (all that is bought and sold), most in each sector

    Numba counts references wherever a field is read: inner loops take the arrays themselves.
    """

    loadings: Matrix
    names: Matrix
    pieces: NDArray[np.float64]
    member: Ints
    sizes: Ints
    limits: Vector


class Point(NamedTuple):
    """Holdings x and the piece each lies on, (n,); F'x (k,), what the rows hold (2 + S,). Changed in place."""

    x: Vector
    piece: Ints
    factors: Vector
    held: Vector


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"}, inline="always")
def dot(a: Vector, b: Vector) -> float:
    total = 0.0
    for c in range(a.size):
        total += a[c] * b[c]
    return total


@njit(cache=True, nogil=True)
def empty_point(n: int, k: int, rows: int) -> Point:
    return Point(np.zeros(n), np.zeros(n, np.int64), np.zeros(k), np.zeros(rows))


@njit(cache=True, nogil=True)
def copy(source: Point, target: Point) -> None:
    target.x[:], target.piece[:] = source.x, source.piece
    target.factors[:], target.held[:] = source.factors, source.held


@njit(cache=True, nogil=True, inline="always")
def in_row(names: Matrix, pieces: NDArray[np.float64], row: int, i: int, q: int, x: float) -> float:
    """What a row that name i is in holds of x on piece q."""
    if row == CASH:
        return pieces[i, q, USE] + pieces[i, q, USE_SLOPE] * x
    if row == TURNOVER:
        return pieces[i, q, SIDE] * (x - names[i, NOW])
    return x


@njit(cache=True, nogil=True)
def put(p: Programme, s: Point, i: int, q: int, to: float) -> None:
    """Hold `to` of name i, on its piece q."""
    loadings, names, pieces, member, _, _ = p
    x, piece, factors, held = s
    old, change = piece[i], to - x[i]
    held[CASH] += in_row(names, pieces, CASH, i, q, to) - in_row(names, pieces, CASH, i, old, x[i])
    held[TURNOVER] += in_row(names, pieces, TURNOVER, i, q, to) - in_row(names, pieces, TURNOVER, i, old, x[i])
    if member[i] >= 0:
        held[SECTORS + member[i]] += change
    for c in range(factors.size):
        factors[c] += loadings[i, c] * change
    x[i], piece[i] = to, q


@njit(cache=True, nogil=True)
def count_up(p: Programme, s: Point) -> None:
    """Fill in factors and rows of x, each on its piece."""
    loadings, names, pieces, member, _, _ = p
    x, piece, factors, held = s
    factors[:], held[:] = 0.0, 0.0
    for i in range(x.size):
        held[CASH] += in_row(names, pieces, CASH, i, piece[i], x[i])
        held[TURNOVER] += in_row(names, pieces, TURNOVER, i, piece[i], x[i])
        if member[i] >= 0:
            held[SECTORS + member[i]] += x[i]
        if x[i] != 0.0:
            for c in range(factors.size):
                factors[c] += loadings[i, c] * x[i]


@njit(cache=True, nogil=True)
def objective(p: Programme, s: Point) -> float:
    names, pieces = p.names, p.pieces
    x, piece, factors, _ = s
    total = dot(factors, factors) / 2
    for i in range(x.size):
        q = piece[i]
        total += (names[i, CURVE] / 2 * x[i] + names[i, LINEAR] + pieces[i, q, SLOPE]) * x[i] + pieces[i, q, CONSTANT]
    return total


@njit(cache=True, nogil=True)
def excess(p: Programme, s: Point) -> tuple[float, int]:
    """The largest excess of a row, and which row: -1 where all hold."""
    limits, held = p.limits, s.held
    worst, row = SLACK, -1
    for r in range(held.size):
        if held[r] - limits[r] > worst:
            worst, row = held[r] - limits[r], r
    return worst, row


@njit(cache=True, nogil=True, inline="always")
def reach(
    names: Matrix,
    pieces: NDArray[np.float64],
    member: Ints,
    limits: Vector,
    x: Vector,
    piece: Ints,
    held: Vector,
    i: int,
    q: int,
    mended: int,
) -> tuple[float, float]:
    """Least and most of name i on piece q, all else unchanged: no row is pushed beyond its limit or further beyond it.

    mended: the row that has to hold then, -1 for none. Whole shares; least > most where there is none
    """
    low, high = pieces[i, q, FIRST], pieces[i, q, LAST]
    unit, now = names[i, UNIT], names[i, NOW]
    slack = limits[CASH] - held[CASH]
    room = in_row(names, pieces, CASH, i, piece[i], x[i]) + (slack if mended == CASH else max(slack, 0.0)) + SLACK
    if in_row(names, pieces, CASH, i, q, high) > room:
        if low == high:
            high = low - 1.0
        else:
            high = now + unit * np.floor(((room - pieces[i, q, USE]) / pieces[i, q, USE_SLOPE] - now) / unit + 1e-6)
    if member[i] >= 0:
        row = SECTORS + member[i]
        slack = limits[row] - held[row]
        most = x[i] + (slack if mended == row else max(slack, 0.0)) + SLACK
        if high > most:
            high = now + unit * np.floor((most - now) / unit + 1e-6)
    if limits[TURNOVER] < np.inf:
        slack = limits[TURNOVER] - held[TURNOVER]
        room = in_row(names, pieces, TURNOVER, i, piece[i], x[i]) + SLACK
        room += slack if mended == TURNOVER else max(slack, 0.0)
        if room < 0.0:
            high = low - 1.0
        elif pieces[i, q, SIDE] > 0.0:
            high = min(high, now + unit * np.floor(room / unit + 1e-6))
        elif pieces[i, q, SIDE] < 0.0:
            low = max(low, now - unit * np.floor(room / unit + 1e-6))
    return low, high


@njit(cache=True, nogil=True, inline="always")
def best_of(now: float, unit: float, h: float, g: float, low: float, high: float) -> float:
    """The whole shares between low and high, which are whole, that minimise h/2 x² + g x."""
    if h * low + g >= 0.0:
        return low
    if h * high + g <= 0.0:
        return high
    return min(max(now + unit * np.rint((-g / h - now) / unit), low), high)


@njit(cache=True, nogil=True, inline="always")
def answer(
    loadings: Matrix,
    names: Matrix,
    pieces: NDArray[np.float64],
    member: Ints,
    sizes: Ints,
    limits: Vector,
    x: Vector,
    piece: Ints,
    factors: Vector,
    held: Vector,
    i: int,
    mended: int,
) -> tuple[int, float, float]:
    """(piece, x, change of the objective) of the best that name i alone can do; the change is infinite where it can do none."""
    h = names[i, CURVE] + names[i, OWN]
    g = dot(loadings[i], factors) - names[i, OWN] * x[i] + names[i, LINEAR]
    old, before = piece[i], x[i]
    now = (h / 2 * before + g + pieces[i, old, SLOPE]) * before + pieces[i, old, CONSTANT]
    best_piece, best_x, best = old, before, np.inf
    for q in range(sizes[i]):
        low, high = reach(names, pieces, member, limits, x, piece, held, i, q, mended)
        if low <= high:
            slope = g + pieces[i, q, SLOPE]
            to = best_of(names[i, NOW], names[i, UNIT], h, slope, low, high)
            value = (h / 2 * to + slope) * to + pieces[i, q, CONSTANT]
            if value < best:
                best_piece, best_x, best = q, to, value
    return best_piece, best_x, best - now


@njit(cache=True, nogil=True, inline="always")
def priced(
    names: Matrix, pieces: NDArray[np.float64], prices: Vector, i: int, q: int, h: float, g: float
) -> tuple[float, float, float]:
    """(constant, slope, x) on piece q at prices of cash and turnover: h/2 x² + slope x + constant is least at whole shares x."""
    turned = prices[TURNOVER] * pieces[i, q, SIDE]
    slope = g + pieces[i, q, SLOPE] + prices[CASH] * pieces[i, q, USE_SLOPE] + turned
    constant = pieces[i, q, CONSTANT] + prices[CASH] * pieces[i, q, USE] - turned * names[i, NOW]
    return constant, slope, best_of(names[i, NOW], names[i, UNIT], h, slope, pieces[i, q, FIRST], pieces[i, q, LAST])


@njit(cache=True, nogil=True)
def settle(p: Programme, s: Point, near: Vector, prices: Vector) -> None:
    """Put every name in turn at its best whole shares at the prices, what is invested tied to that of `near`.

    What one name's rounding moves, the next ones make good.
    """
    loadings, names, pieces, member, sizes, _ = p
    x, piece, factors, _ = s
    x[:], factors[:] = near, 0.0
    tie = 0.0
    for i in range(near.size):
        tie += (names[i, CURVE] + names[i, OWN]) / near.size
        if near[i] != 0.0:
            for c in range(factors.size):
                factors[c] += loadings[i, c] * near[i]
    drift = 0.0
    for i in range(near.size):
        h = names[i, CURVE] + names[i, OWN] + tie
        g = dot(loadings[i], factors) + names[i, LINEAR] - names[i, OWN] * near[i] + tie * (drift - near[i])
        if member[i] >= 0:
            g += prices[SECTORS + member[i]]
        best = np.inf
        for q in range(sizes[i]):
            constant, slope, to = priced(names, pieces, prices, i, q, h, g)
            value = (h / 2 * to + slope) * to + constant
            if value < best:
                best, piece[i], x[i] = value, q, to
        change = x[i] - near[i]
        drift += change
        for c in range(factors.size):
            factors[c] += loadings[i, c] * change
    count_up(p, s)


@njit(cache=True, nogil=True)
def leaving(p: Programme, near: Vector, prices: Vector, costs: Vector) -> float:
    """A value that no point within the rows is below; costs (n,) becomes what leaving its best piece costs each name at least.

    near: where the tangent of the common risk touches; prices: any that are not negative
    """
    loadings, names, pieces, member, sizes, limits = p
    factors = np.zeros(loadings.shape[1])
    for i in range(near.size):
        if near[i] != 0.0:
            for c in range(factors.size):
                factors[c] += loadings[i, c] * near[i]
    total = -dot(factors, factors) / 2
    for r in range(prices.size):
        if prices[r] > 0.0:
            total -= prices[r] * limits[r]
    for i in range(near.size):
        h, g = names[i, CURVE], dot(loadings[i], factors) + names[i, LINEAR]
        if member[i] >= 0:
            g += prices[SECTORS + member[i]]
        best, second, wide = np.inf, np.inf, False
        for q in range(sizes[i]):
            constant, slope, _ = priced(names, pieces, prices, i, q, h, g)
            to = min(max(-slope / h, pieces[i, q, FIRST]), pieces[i, q, LAST])  # a part of a share may be better
            value = (h / 2 * to + slope) * to + constant
            if value < best:
                best, second, wide = value, best, pieces[i, q, FIRST] < pieces[i, q, LAST]
            elif value < second:
                second = value
        total += best
        costs[i] = 0.0 if wide else second - best
    return total


@njit(cache=True, nogil=True)
def repair(p: Programme, s: Point, locked: int, other: int) -> bool:
    """Move single names, the cheapest first, until every row holds. locked, other: names that stay where they are."""
    loadings, names, pieces, member, sizes, limits = p
    x, piece, factors, held = s
    for _ in range(STEPS):
        _, row = excess(p, s)
        if row < 0:
            return True
        name, on, to, least, mends = -1, 0, 0.0, np.inf, False
        for i in range(x.size):
            if i in (locked, other) or (row >= SECTORS and member[i] != row - SECTORS):
                continue
            if row != TURNOVER and x[i] == 0.0:
                continue
            q, best, change = answer(loadings, names, pieces, member, sizes, limits, x, piece, factors, held, i, row)
            if change < np.inf:
                if not mends or change < least:
                    name, on, to, least, mends = i, q, best, change, True
            elif not mends:
                q, best, change = _lessened(
                    loadings, names, pieces, member, sizes, limits, x, piece, factors, held, i, row
                )
                if change < least:
                    name, on, to, least = i, q, best, change
        if name < 0:
            return False
        put(p, s, name, on, to)
    return False


@njit(cache=True, nogil=True, inline="always")
def _lessened(
    loadings: Matrix,
    names: Matrix,
    pieces: NDArray[np.float64],
    member: Ints,
    sizes: Ints,
    limits: Vector,
    x: Vector,
    piece: Ints,
    factors: Vector,
    held: Vector,
    i: int,
    row: int,
) -> tuple[int, float, float]:
    """(piece, x, change of the objective for each unit less in the row) of the move of name i that lessens it most cheaply."""
    h = names[i, CURVE] + names[i, OWN]
    g = dot(loadings[i], factors) - names[i, OWN] * x[i] + names[i, LINEAR]
    old, before = piece[i], x[i]
    now = (h / 2 * before + g + pieces[i, old, SLOPE]) * before + pieces[i, old, CONSTANT]
    own = in_row(names, pieces, row, i, old, before)
    best_piece, best_x, best = old, before, np.inf
    for q in range(sizes[i]):
        low, high = reach(names, pieces, member, limits, x, piece, held, i, q, -1)
        if low <= high:
            to = high if row == TURNOVER and pieces[i, q, SIDE] < 0.0 else low
            less = own - in_row(names, pieces, row, i, q, to)
            value = (h / 2 * to + g + pieces[i, q, SLOPE]) * to + pieces[i, q, CONSTANT] - now
            if less > SLACK and value < best * less:
                best_piece, best_x, best = q, to, value / less
    return best_piece, best_x, best


@njit(cache=True, nogil=True)
def descend(p: Programme, s: Point, least_gain: float) -> None:
    """Let every name take its best answer in turn, once."""
    loadings, names, pieces, member, sizes, limits = p
    x, piece, factors, held = s
    for i in range(x.size):
        if sizes[i] > 1 or pieces[i, 0, FIRST] < pieces[i, 0, LAST]:
            q, to, change = answer(loadings, names, pieces, member, sizes, limits, x, piece, factors, held, i, -1)
            if change < -least_gain:
                put(p, s, i, q, to)


@njit(cache=True, nogil=True)
def balance(p: Programme, s: Point, least_gain: float) -> None:
    """Shift cash between two names within their pieces, always the two that gain most by it, until none gain."""
    loadings, names, pieces, member, _, limits = p
    x, piece, factors, held = s
    active, size = np.empty(x.size, np.int64), 0
    for i in range(x.size):
        if pieces[i, piece[i], FIRST] < pieces[i, piece[i], LAST]:
            active[size] = i
            size += 1
    worth = np.empty(size)  # of one more unit of cash put into the name
    barred = np.zeros(size, np.bool_)
    for _ in range(STEPS):
        for a in range(size):
            i = active[a]
            q = piece[i]
            slope = dot(loadings[i], factors) + names[i, CURVE] * x[i] + names[i, LINEAR] + pieces[i, q, SLOPE]
            worth[a] = -slope / pieces[i, q, USE_SLOPE]
        up, down, most = -1, -1, 0.0
        for a in range(size):
            i = active[a]
            if barred[a] or x[i] > pieces[i, piece[i], LAST] - names[i, UNIT] / 2:
                continue
            row = SECTORS + member[i]
            full = member[i] >= 0 and limits[row] - held[row] < names[i, UNIT]
            for b in range(size):
                if b == a or barred[b] or worth[a] - worth[b] <= most:
                    continue
                j = active[b]
                if x[j] > pieces[j, piece[j], FIRST] + names[j, UNIT] / 2 and (not full or member[j] == member[i]):
                    up, down, most = a, b, worth[a] - worth[b]
        if up < 0:
            break
        if not _shift(p, s, active[up], active[down], most, least_gain):
            barred[up if names[active[up], UNIT] > names[active[down], UNIT] else down] = True


@njit(cache=True, nogil=True)
def _shift(p: Programme, s: Point, i: int, j: int, worth: float, least_gain: float) -> bool:
    """Move cash from j to i, both within their pieces; False where whole shares do not allow what gains."""
    loadings, names, pieces, member, _, limits = p
    x, piece, factors, held = s
    qi, qj = piece[i], piece[j]
    ki, kj = pieces[i, qi, USE_SLOPE], pieces[j, qj, USE_SLOPE]
    hi, hj = names[i, CURVE] + names[i, OWN], names[j, CURVE] + names[j, OWN]
    unit_i, unit_j = names[i, UNIT], names[j, UNIT]
    cross = dot(loadings[i], loadings[j])
    spare = max(limits[CASH] - held[CASH], 0.0)
    cash = worth / (hi / (ki * ki) + hj / (kj * kj) - 2 * cross / (ki * kj))
    cash = min(cash, (pieces[i, qi, LAST] - x[i]) * ki, (x[j] - pieces[j, qj, FIRST]) * kj + spare)
    more = max(unit_i * np.rint(cash / ki / unit_i), unit_i)
    less = unit_j * np.ceil(max(more * ki - spare, 0.0) / kj / unit_j - 1e-9)
    to_i, to_j = x[i] + more, x[j] - less
    if to_i > pieces[i, qi, LAST] + unit_i / 2 or to_j < pieces[j, qj, FIRST] - unit_j / 2:
        return False
    if member[i] >= 0:
        row = SECTORS + member[i]
        if held[row] + more - (less if member[j] == member[i] else 0.0) > limits[row] + SLACK:
            return False
    turned = pieces[i, qi, SIDE] * more - pieces[j, qj, SIDE] * less
    if turned > 0.0 and held[TURNOVER] + turned > limits[TURNOVER] + SLACK:
        return False
    gi = dot(loadings[i], factors) + names[i, CURVE] * x[i] + names[i, LINEAR] + pieces[i, qi, SLOPE]
    gj = dot(loadings[j], factors) + names[j, CURVE] * x[j] + names[j, LINEAR] + pieces[j, qj, SLOPE]
    change = gi * more - gj * less + hi * more * more / 2 + hj * less * less / 2 - cross * more * less
    if change >= -least_gain:
        return False
    put(p, s, i, qi, to_i)
    put(p, s, j, qj, to_j)
    return True


@njit(cache=True, nogil=True)
def exchange(p: Programme, s: Point, prices: Vector, tried: Ints, least_gain: float) -> bool:
    """Move every tried name to each of its pieces, and a share or more up and down, with the best answer of another; once."""
    loadings, names, pieces, member, sizes, limits = p
    x, piece, factors, held = s
    gained = False
    for i in tried:
        for q in range(sizes[i]):
            for side in range(2):
                old, before = piece[i], x[i]
                if side == 1 and q != old:
                    break
                low, high = pieces[i, q, FIRST], pieces[i, q, LAST]
                if q == old and side == 0:
                    high = before - names[i, UNIT]
                elif q == old:
                    low = before + names[i, UNIT]
                if low > high + names[i, UNIT] / 2:
                    continue
                h = names[i, CURVE] + names[i, OWN]
                g = dot(loadings[i], factors) - names[i, OWN] * before + names[i, LINEAR]
                sector = prices[SECTORS + member[i]] if member[i] >= 0 else 0.0
                _, slope, _ = priced(names, pieces, prices, i, q, h, g + sector)
                to = best_of(names[i, NOW], names[i, UNIT], h, slope, low, high)
                change = (h / 2 * to + g + pieces[i, q, SLOPE]) * to + pieces[i, q, CONSTANT]
                change -= (h / 2 * before + g + pieces[i, old, SLOPE]) * before + pieces[i, old, CONSTANT]
                put(p, s, i, q, to)
                chosen, best, best_q, best_x = -1, -least_gain - change, 0, 0.0
                for j in tried:
                    if j != i:
                        qj, xj, more = answer(
                            loadings, names, pieces, member, sizes, limits, x, piece, factors, held, j, CASH
                        )
                        if more < best and _holds(names, pieces, member, limits, x, piece, held, j, qj, xj):
                            chosen, best, best_q, best_x = j, more, qj, xj
                if chosen >= 0:
                    put(p, s, chosen, best_q, best_x)
                    gained = True
                else:
                    put(p, s, i, old, before)
    return gained


@njit(cache=True, nogil=True, inline="always")
def _holds(
    names: Matrix,
    pieces: NDArray[np.float64],
    member: Ints,
    limits: Vector,
    x: Vector,
    piece: Ints,
    held: Vector,
    j: int,
    q: int,
    to: float,
) -> bool:
    """Whether every row holds once name j has moved."""
    for r in range(held.size):
        after = held[r]
        if r < SECTORS or member[j] == r - SECTORS:
            after += in_row(names, pieces, r, j, q, to) - in_row(names, pieces, r, j, piece[j], x[j])
        if after > limits[r] + SLACK:
            return False
    return True


@njit(cache=True, nogil=True)
def smallest(values: Vector, most: int) -> Ints:
    """Where the smallest finite values are, rising, at most so many."""
    chosen, count = np.empty(most, np.int64), 0
    for i in range(values.size):
        if values[i] == np.inf or (count == most and values[i] >= values[chosen[most - 1]]):
            continue
        place = min(count, most - 1)
        while place > 0 and values[chosen[place - 1]] > values[i]:
            chosen[place] = chosen[place - 1]
            place -= 1
        chosen[place] = i
        count = min(count + 1, most)
    return chosen[:count]
