"""Inner loops over stepped terms, compiled: convex hulls, exact moves of one variable and of two, repair of rows.

A `State` is a point with everything that one-variable moves need, kept up to date in O(k + q) a move.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

DEAREST = 1e12  # price of a violation above which no objective is worth it
MOST_REPAIRS = 200  # moves until the rows hold; more are not worth the time of another start
MOST_PAIRED = 400  # variables that are tried two by two to repair rows
PASSES = 50
FINE = 1e3  # a move that gains less than this part of the tolerance is noise


class Arrays(NamedTuple):
    """A stepped programme, its rows turned so that a variable's entries lie together, its limits a hair wider than stated.

    A variable's empty pieces, those with first > last, come last.
    """

    loadings: Matrix  # (n, k)
    own: Vector  # (n,) |F_i|²
    diagonal: Vector
    linear: Vector
    columns: Matrix  # (n, q) rows transposed
    row_lower: Vector
    row_upper: Vector
    first: Matrix
    last: Matrix
    constant: Matrix
    slope: Matrix
    base: Vector
    step: Vector


class State(NamedTuple):
    """x (n,), its term (n,), F'x (k,) and A x (q,); changed in place."""

    x: Vector
    term: Vector
    factors: Vector
    activity: Vector


@njit(cache=True)
def hulls(first: Matrix, last: Matrix, constant: Matrix, slope: Matrix) -> tuple[Matrix, Matrix, Vector, Vector]:
    """Kinks (n, J), slopes (n, J + 1), lower and upper ends of the largest convex functions below the terms."""
    n, pieces = first.shape
    at, value = np.empty((n, 2 * pieces)), np.empty((n, 2 * pieces))
    size = np.zeros(n, np.int64)
    widest = 1
    for i in range(n):
        count = 0
        for p in range(pieces):
            if first[i, p] > last[i, p]:
                break
            for end in range(2):
                x = first[i, p] if end == 0 else last[i, p]
                v = constant[i, p] + slope[i, p] * x
                k = count  # insert in order of x, then of value
                while k > 0 and (at[i, k - 1] > x or (at[i, k - 1] == x and value[i, k - 1] > v)):
                    at[i, k], value[i, k] = at[i, k - 1], value[i, k - 1]
                    k -= 1
                at[i, k], value[i, k] = x, v
                count += 1
        top = 0  # the lower hull is at[i, :top + 1]
        for k in range(1, count):
            x, v = at[i, k], value[i, k]
            if x == at[i, top]:
                continue
            while top > 0 and (value[i, top] - value[i, top - 1]) * (x - at[i, top]) >= (v - value[i, top]) * (
                at[i, top] - at[i, top - 1]
            ):
                top -= 1
            top += 1
            at[i, top], value[i, top] = x, v
        size[i] = top + 1
        widest = max(widest, size[i])
    inner = max(widest - 2, 1)
    kinks, slopes = np.empty((n, inner)), np.zeros((n, inner + 1))
    lower, upper = np.empty(n), np.empty(n)
    for i in range(n):
        lower[i], upper[i] = at[i, 0], at[i, size[i] - 1]
        for j in range(inner + 1):
            k = min(j, size[i] - 2)
            if size[i] > 1:
                slopes[i, j] = (value[i, k + 1] - value[i, k]) / (at[i, k + 1] - at[i, k])
                if j > 0 and slopes[i, j] < slopes[i, j - 1]:
                    slopes[i, j] = slopes[i, j - 1]  # equal but for rounding
            if j < inner:
                kinks[i, j] = at[i, min(j + 1, size[i] - 1)]
    return kinks, slopes, lower, upper


@njit(cache=True, inline="always")
def _lowest_on(p: Arrays, i: int, piece: int, h: float, s: float, low: float, high: float) -> tuple[float, float]:
    """Minimiser of h/2 x² + s x + term on one piece between low and high, and its value; infinite where there is no point."""
    first, last = p.first[i, piece], p.last[i, piece]
    if first > last or first > high or last < low:
        return 0.0, np.inf
    slope = s + p.slope[i, piece]
    base, step = p.base[i], p.step[i]
    if step > 0.0 and first < last:
        if low > first:
            first = base + step * np.ceil((low - base) / step)
        if high < last:
            last = base + step * np.floor((high - base) / step)
        if first > last:
            return 0.0, np.inf
    else:
        first, last = max(first, low), min(last, high)
    if h * first + slope >= 0.0:
        x = first
    elif h * last + slope <= 0.0:
        x = last
    else:
        x = -slope / h
        if step > 0.0:
            x = base + step * np.rint((x - base) / step)
        x = min(max(x, first), last)
    return x, h / 2 * x * x + slope * x + p.constant[i, piece]


@njit(cache=True)
def lowest(p: Arrays, i: int, h: float, s: float, low: float, high: float) -> tuple[float, float]:
    """Minimiser of h/2 x² + s x + term_i(x) between low and high, and its value; infinite where there is no point."""
    best_x, best = 0.0, np.inf
    for piece in range(p.first.shape[1]):
        if p.first[i, piece] > p.last[i, piece]:
            break
        x, value = _lowest_on(p, i, piece, h, s, low, high)
        if value < best:
            best_x, best = x, value
    return best_x, best


@njit(cache=True, fastmath={"reassoc", "contract"})
def _dot(a: Vector, b: Vector) -> float:
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@njit(cache=True)
def slope_at(p: Arrays, s: State, i: int) -> float:
    """The slope for which the objective along x_i is (d_i + own_i)/2 x² + slope x + term_i(x), up to a constant."""
    return _dot(p.loadings[i], s.factors) - p.own[i] * s.x[i] - p.linear[i]


@njit(cache=True)
def room(p: Arrays, s: State, i: int) -> tuple[float, float]:
    """The range of x_i, all else unchanged, in which every row keeps its limits; empty where a row breaks them without x_i."""
    low, high = -np.inf, np.inf
    for r in range(p.row_lower.size):
        a = p.columns[i, r]
        if a == 0.0:
            if s.activity[r] < p.row_lower[r] or s.activity[r] > p.row_upper[r]:
                return np.inf, -np.inf
            continue
        down, up = (p.row_lower[r] - s.activity[r]) / a, (p.row_upper[r] - s.activity[r]) / a
        if a < 0.0:
            down, up = up, down
        low, high = max(low, s.x[i] + down), min(high, s.x[i] + up)
    return low, high


@njit(cache=True)
def put(p: Arrays, s: State, i: int, x: float, term: float) -> None:
    """Set x_i and its term; factors and rows follow."""
    change = x - s.x[i]
    s.x[i], s.term[i] = x, term
    for k in range(s.factors.size):
        s.factors[k] += p.loadings[i, k] * change
    for r in range(s.activity.size):
        s.activity[r] += p.columns[i, r] * change


@njit(cache=True)
def copy(source: State, target: State) -> None:
    target.x[:], target.term[:] = source.x, source.term
    target.factors[:], target.activity[:] = source.factors, source.activity


@njit(cache=True)
def objective(p: Arrays, s: State) -> float:
    total = _dot(s.factors, s.factors) / 2
    for i in range(s.x.size):
        total += (p.diagonal[i] / 2 * s.x[i] - p.linear[i]) * s.x[i] + s.term[i]
    return total


@njit(cache=True)
def priced(p: Arrays, factors: Vector, prices: Vector) -> tuple[float, Vector]:
    """A value that no point within the rows is below, and (n,) what leaving its best piece costs each variable at least.

    The value is the sum of the variables' own minima at the prices, under the tangent. A variable that costs more than the gap
    between this value and a known point's stays on its best piece in every better point.
    """
    total = -_dot(factors, factors) / 2
    for r in range(prices.size):
        if prices[r] != 0.0:
            total -= prices[r] * (p.row_upper[r] if prices[r] > 0.0 else p.row_lower[r])
    costs = np.zeros(p.linear.size)
    for i in range(p.linear.size):
        slope = _dot(p.loadings[i], factors) - p.linear[i] + _dot(p.columns[i], prices)
        best, second, several = np.inf, np.inf, False
        for piece in range(p.first.shape[1]):
            if p.first[i, piece] > p.last[i, piece]:
                break
            _, value = _lowest_on(p, i, piece, p.diagonal[i], slope, -np.inf, np.inf)
            if value < best:
                best, second, several = value, best, p.first[i, piece] < p.last[i, piece]
            elif value < second:
                second = value
        total += best
        costs[i] = 0.0 if several else second - best
    return total, costs


@njit(cache=True)
def settle(p: Arrays, s: State, prices: Vector, tie: float) -> None:
    """Move every variable in turn to its best allowed point at the prices, with A x tied to where it began.

    What one variable's rounding moves in F'x and A x, the next ones make good.
    """
    began = s.activity.copy()
    for i in range(s.x.size):
        slope, h = slope_at(p, s, i), p.diagonal[i] + p.own[i]
        for r in range(prices.size):
            a = p.columns[i, r]
            slope += a * (prices[r] + tie * (s.activity[r] - began[r] - a * s.x[i]))
            h += tie * a * a
        x, value = lowest(p, i, h, slope, -np.inf, np.inf)
        put(p, s, i, x, value - (h / 2 * x + slope) * x)


@njit(cache=True)
def violation(p: Arrays, s: State) -> tuple[float, int]:
    """The largest violation of a row, and which."""
    worst, where = 0.0, -1
    for r in range(s.activity.size):
        over = max(p.row_lower[r] - s.activity[r], s.activity[r] - p.row_upper[r])
        if over > worst:
            worst, where = over, r
    return worst, where


@njit(cache=True)
def _change(p: Arrays, s: State, i: int, low: float, high: float, push: float) -> tuple[float, float, float]:
    """Best point of x_i between low and high with `push` added to the slope, what it changes the objective by, its term."""
    slope, h = slope_at(p, s, i), p.diagonal[i] + p.own[i]
    x, value = lowest(p, i, h, slope + push, low, high)
    if value == np.inf:
        return s.x[i], np.inf, s.term[i]
    term = value - (h / 2 * x + slope + push) * x
    now = (h / 2 * s.x[i] + slope) * s.x[i] + s.term[i]
    return x, value - push * x - now, term


@njit(cache=True)
def repair(p: Arrays, s: State, names: Ints, locked: int, moves: int) -> bool:
    """Move single variables, the cheapest first, until every row keeps its limits; False where `moves` moves do not do."""
    price = 1.0
    for _ in range(moves):
        over, row = violation(p, s)
        if row < 0:
            return True
        chosen, best, best_x, best_term = -1, np.inf, 0.0, 0.0
        for i in names:  # one move that puts this row right
            if i == locked or p.columns[i, row] == 0.0:
                continue
            low, high = _room_to_mend(p, s, i, row)
            x, change, term = _change(p, s, i, low, high, 0.0)
            if change < best:
                chosen, best, best_x, best_term = i, change, x, term
        if chosen < 0:  # the move that does most for its cost
            sign = 1.0 if s.activity[row] > p.row_upper[row] else -1.0
            for i in names:
                a = p.columns[i, row]
                if i == locked or a == 0.0:
                    continue
                low, high = _room_to_mend(p, s, i, -1)
                away = sign * over / a
                low, high = max(low, s.x[i] - max(away, 0.0)), min(high, s.x[i] - min(away, 0.0))
                x, change, term = _change(p, s, i, low, high, sign * price * a)
                change += sign * price * a * (x - s.x[i])
                if x != s.x[i] and change < min(best, 0.0):
                    chosen, best, best_x, best_term = i, change, x, term
        if chosen >= 0:
            put(p, s, chosen, best_x, best_term)
        elif price < DEAREST:
            price *= 100.0
        else:
            return names.size <= MOST_PAIRED and _repair_by_two(p, s, names, locked)
    return violation(p, s)[1] < 0


@njit(cache=True)
def _repair_by_two(p: Arrays, s: State, names: Ints, locked: int) -> bool:
    """Put one variable a step aside so that another can make the rows hold: the cheapest such pair, if there is one."""
    chosen, partner, best = -1, -1, np.inf
    x, term, partner_x, partner_term = 0.0, 0.0, 0.0, 0.0
    for i in names:
        old_x, old_term = s.x[i], s.term[i]
        reach = 1e-12 * (1.0 + abs(old_x))
        for side in range(2):
            low, high = (-np.inf, old_x - reach) if side == 0 else (old_x + reach, np.inf)
            near, value = lowest(
                p, i, DEAREST, -DEAREST * old_x, low, high
            )  # the term counts for nothing beside distance
            if i == locked or value == np.inf:
                continue
            near, change, near_term = _change(p, s, i, near, near, 0.0)
            put(p, s, i, near, near_term)
            for j in names:
                if j in (i, locked):
                    continue
                low, high = room(p, s, j)
                answer, more, answer_term = _change(p, s, j, low, high, 0.0)
                if change + more < best:
                    chosen, partner, best = i, j, change + more
                    x, term, partner_x, partner_term = near, near_term, answer, answer_term
            put(p, s, i, old_x, old_term)
    if chosen < 0:
        return False
    put(p, s, chosen, x, term)
    put(p, s, partner, partner_x, partner_term)
    return violation(p, s)[1] < 0


@njit(cache=True)
def _room_to_mend(p: Arrays, s: State, i: int, row: int) -> tuple[float, float]:
    """As `room`, but of the rows that break their limits now only `row` has to keep them, and the others must not get worse."""
    low, high = -np.inf, np.inf
    for r in range(p.row_lower.size):
        a = p.columns[i, r]
        if a == 0.0:
            continue
        least, most = p.row_lower[r], p.row_upper[r]
        if r != row:
            least, most = min(least, s.activity[r]), max(most, s.activity[r])
        down, up = (least - s.activity[r]) / a, (most - s.activity[r]) / a
        if a < 0.0:
            down, up = up, down
        low, high = max(low, s.x[i] + down), min(high, s.x[i] + up)
    return low, high


@njit(cache=True)
def descend(p: Arrays, s: State, names: Ints, locked: int, least_gain: float, passes: int) -> float:
    """Exact moves of one variable at a time within the rows until none gains; the total gain."""
    total = 0.0
    for _ in range(passes):
        gained = 0.0
        for i in names:
            if i == locked:
                continue
            low, high = room(p, s, i)
            x, change, term = _change(p, s, i, low, high, 0.0)
            if change < -least_gain:
                put(p, s, i, x, term)
                gained -= change
        total += gained
        if gained <= least_gain:
            break
    return total


@njit(cache=True)
def options(p: Arrays, s: State, prices: Vector, names: Ints) -> tuple[Vector, Vector, Vector]:
    """For each of the names its best point below and its best above the present one, rows priced: points, terms, losses.

    Three vectors of twice as many elements, the downward moves first; the loss is infinite where there is no such point.
    """
    m = names.size
    points, terms, losses = np.zeros(2 * m), np.zeros(2 * m), np.full(2 * m, np.inf)
    for k in range(m):
        i = names[k]
        push = _dot(p.columns[i], prices)
        reach = 1e-12 * (1.0 + abs(s.x[i]))
        for side in range(2):
            low, high = (-np.inf, s.x[i] - reach) if side == 0 else (s.x[i] + reach, np.inf)
            x, change, term = _change(p, s, i, low, high, push)
            points[side * m + k], terms[side * m + k] = x, term
            losses[side * m + k] = change + push * (x - s.x[i])
    return points, terms, losses


@njit(cache=True)
def exchange(p: Arrays, s: State, prices: Vector, names: Ints, tried: int, least_gain: float, enough: float) -> float:
    """For the `tried` most promising moves of one variable: make it with the best answer of another; the total gain.

    Ends early once `enough` is gained.
    """
    points, terms, losses = options(p, s, prices, names)
    total = 0.0
    for k in np.argsort(losses)[:tried]:
        if losses[k] == np.inf or total >= enough:
            break
        i = names[k % names.size]
        old_x, old_term = s.x[i], s.term[i]
        if points[k] == old_x:
            continue
        first = _change(p, s, i, points[k], points[k], 0.0)[1]
        if first == np.inf:
            continue
        put(p, s, i, points[k], terms[k])
        chosen, best, best_x, best_term = -1, np.inf, 0.0, 0.0
        for j in names:
            if j == i:
                continue
            low, high = room(p, s, j)
            x, change, term = _change(p, s, j, low, high, 0.0)
            if change < best:
                chosen, best, best_x, best_term = j, change, x, term
        if first + best < -least_gain:
            put(p, s, chosen, best_x, best_term)
            total -= first + best
        else:
            put(p, s, i, old_x, old_term)
    return total


@njit(cache=True)
def kicks(
    p: Arrays, s: State, prices: Vector, names: Ints, draws: Vector, tried: int, least_gain: float, enough: float
) -> float:
    """Force one likely move after another, let the others answer, and keep what gains; until `enough` is gained in all.

    draws: uniform in [0, 1), one a kick
    """
    best = State(s.x.copy(), s.term.copy(), s.factors.copy(), s.activity.copy())
    before = objective(p, s)
    total = 0.0
    points, terms, losses = options(p, s, prices, names)
    order = np.argsort(losses)
    likely = 0
    while likely < order.size and losses[order[likely]] < np.inf:
        likely += 1
    for draw in draws:
        if total >= enough or likely == 0:
            break
        k = order[int(draw * draw * likely)]
        i = names[k % names.size]
        put(p, s, i, points[k], terms[k])
        if repair(p, s, names, i, 20):
            descend(p, s, names, i, least_gain, 5)
            exchange(p, s, prices, names, tried, least_gain, np.inf)
            descend(p, s, names, -1, least_gain, 5)
        gain = before - objective(p, s)
        if gain > least_gain and violation(p, s)[1] < 0:
            total, before = total + gain, before - gain
            copy(s, best)
            points, terms, losses = options(p, s, prices, names)
            order = np.argsort(losses)
        else:
            copy(best, s)
    return total


@njit(cache=True)
def _candidates(costs: Vector, gap: float, most: int) -> Ints:
    """The variables that a better point may move off their piece, the cheapest first, no more than `most`."""
    order = np.argsort(costs)
    count = 0
    while count < min(most, costs.size) and costs[order[count]] <= gap:
        count += 1
    return order[: max(count, min(costs.size, 2))]


@njit(cache=True)
def search(
    p: Arrays, starts: Matrix, prices: Vector, draws: Vector, most: int, tried: int, tolerance: float
) -> tuple[Vector, float, float]:
    """The best point found, its value (infinite where none keeps the rows), and a value that no such point is below.

    starts: (m, n) the first is settled at the prices, the others are moved to the rows as they are
    """
    n, q = p.columns.shape
    everyone = np.arange(n)
    factors = np.zeros(p.loadings.shape[1])
    best = State(starts[0].copy(), np.zeros(n), factors.copy(), np.zeros(q))
    best_value, bound = np.inf, -np.inf
    costs = np.zeros(n)
    for m in range(starts.shape[0]):
        s = State(np.zeros(n), np.zeros(n), factors.copy(), np.zeros(q))
        for i in range(n):
            term = 0.0 if m == 0 else lowest(p, i, 0.0, 0.0, starts[m, i], starts[m, i])[1]
            put(p, s, i, starts[m, i], term)
        if m == 0:
            bound, costs = priced(p, s.factors, prices)
            settle(p, s, prices, (p.own + p.diagonal).mean())
        nearby = _candidates(costs, np.inf, most)
        if not repair(p, s, nearby, -1, MOST_REPAIRS) and not repair(p, s, everyone, -1, MOST_REPAIRS):
            continue
        descend(p, s, nearby, -1, tolerance / FINE, PASSES)
        value = objective(p, s)
        if value < best_value:
            best_value = value
            copy(s, best)
        if best_value - bound <= tolerance:
            break
    if best_value == np.inf:
        return best.x, best_value, bound
    for _ in range(PASSES):
        if best_value - bound <= tolerance:
            break
        names = _candidates(costs, best_value - bound, most)
        gained = exchange(p, best, prices, names, tried, tolerance / FINE, best_value - bound - tolerance)
        gained += descend(p, best, everyone, -1, tolerance / FINE, PASSES)
        best_value = objective(p, best)
        if gained <= tolerance / FINE:
            break
    if best_value - bound > tolerance and draws.size > 0:
        names = _candidates(costs, best_value - bound, most)
        exchange(p, best, prices, names, 2 * names.size, tolerance / FINE, best_value - bound - tolerance)
        best_value = objective(p, best)
        kicks(p, best, prices, names, draws, tried, tolerance / FINE, best_value - bound - tolerance)
        best_value = objective(p, best)
    return best.x, best_value, bound
