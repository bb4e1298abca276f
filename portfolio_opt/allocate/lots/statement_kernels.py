"""The search over whole shares for a statement of known measures, compiled: one climb at true values.

Several objectives, each a sum of measures to be made large, are weighed, and what any of them misses of a floor is penalised: the
weighted sum, the ε-constraint and the single decision are the same climb. A move changes one, two or three names. What a move
gains is foretold from above, since risks are convex and what trading costs is known name by name; only moves that may gain are
worked out in full, the most promising first.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

SMOOTH, COST, TAX, TURNOVER, TAIL, SHORTFALL, FALL, EXIT = range(8)  # kinds of measures
CLOSE, BUY, SELL, LOT, HELD, OLD, PAID, LOWER, UPPER = range(9)  # columns of Names.whole
UNIT, NOW, CAP = range(3)  # columns of Names.parts
SLACK = 2.0  # paisa that rounding each line of an order can add at most
VIOLATION_PRICE = 100.0  # utility for each unit by which a limit is broken
BROKEN_PRICE = 10.0  # utility: a limit broken by a hair is broken
BROKEN = 1e-10
LEAST_GAIN = 1e-9
MOST_STEPS = 400
TRIED = 24  # moves worked out in full before a climb ends
DOWNS, UPS = 24, 24  # names and sizes that are paired
SIZES = 10
COUNTS = 8  # times that what is left after costs, which caps are shares of, is counted anew
AFTER_SPARE = 2e-4  # of wealth that may be left beyond what was counted on
HAIR = 2e-6  # of wealth: what a repair may cost
THIRD = 0.002  # of wealth: less left over is not worth a third order


class Names(NamedTuple):
    """whole: (N, 9) close, worst purchase and sale price, board lot, units held, of them old, paisa paid for them, lower, upper

    parts: (N, 3) weight of a share, of today's holding, and the largest weight of what is left after costs
    covariance: (N, N)
    """

    whole: Ints
    parts: Matrix
    covariance: Matrix


class Measures(NamedTuple):
    """(M,) measures. kind: one of the above; figure: what the kind needs: scenarios averaged, the target

    SMOOTH is  quadratic w'Cw + sum_i [ curve_i w_i²/2 + linear_i w_i ] + constant;  EXIT the largest linear_i w_i
    gains: (N, S, L) of a rupee in each name along each path
    """

    kind: Ints
    figure: Vector
    quadratic: Vector
    constant: Vector
    linear: Matrix
    curve: Matrix
    gains: NDArray[np.float64]


class Bounds(NamedTuple):
    """What holds a portfolio in. Shares of wealth.

    rows: (Q, N) with row_lower, row_upper (Q,), and after (Q,) whether a row is of the wealth after costs, too
    figures: cash today, outside wealth, cash floor, most cash, price of idle cash beyond it and most of it, most turnover, most
        names, fewest names, smallest position, years^-1 that costs are spread over, wealth in paisa
    edges, fixed, rate: of the charges on an amount, slab by slab; tax: of the gain on young and on old units
    """

    rows: Matrix
    row_lower: Vector
    row_upper: Vector
    after: NDArray[np.bool_]
    figures: Vector
    edges: Vector
    fixed: Vector
    rate: Vector
    tax: Vector


(
    CASH,
    OUTSIDE,
    FLOOR,
    MOST_CASH,
    IDLE,
    MOST_IDLE,
    MOST_TURNOVER,
    MOST_NAMES,
    FEWEST_NAMES,
    SMALLEST,
    PER_YEAR,
    WEALTH,
) = range(12)
# of an order, and summed over the orders of a plan
FLOW, CHARGES, TAXES, ODD, TURNED, INSIDE, COUNT, SMALL = range(8)


class State(NamedTuple):
    """units (N,), w (N,), Cw (N,), A w (Q,), what each path is worth (S, L), sums (8,), orders (N, 4): changed in place."""

    units: Ints
    w: Vector
    cw: Vector
    held: Vector
    paths: Matrix
    sums: Vector
    orders: Matrix


@njit(cache=True, nogil=True)
def _order(whole: Ints, b: Bounds, i: int, to: int, out: Vector) -> None:
    """Fill in what cash the order leading to `to` units brings, its charges and tax, and the cash of an odd lot."""
    out[:] = 0.0
    change = to - whole[i, HELD]
    if change == 0:
        return
    price = whole[i, BUY] if change > 0 else whole[i, SELL]
    amount = float(abs(change)) * price
    slab = 0
    while amount > b.edges[slab + 1]:
        slab += 1
    fee = b.fixed[slab] + b.rate[slab] * amount + SLACK
    wealth = b.figures[WEALTH]
    out[CHARGES] = fee / wealth
    if change > 0:
        out[FLOW] = -(amount + fee) / wealth
        return
    sold = -change
    gain = amount - fee - whole[i, PAID] * (sold / whole[i, HELD])
    tax = 0.0
    if gain > 0:
        old = min(sold, whole[i, OLD])
        tax = gain * (b.tax[0] * (sold - old) + b.tax[1] * old) / sold + SLACK
    out[TAXES] = tax / wealth
    out[FLOW] = (amount - fee - tax) / wealth
    if sold < whole[i, LOT] and out[FLOW] > 0:
        out[ODD] = out[FLOW]


@njit(cache=True, nogil=True)
def legal(whole: Ints, i: int, units: int) -> int:
    """The nearest quantity that one order may lead to: none, at least a board lot, a whole holding, no remainder below a lot."""
    held, lot, lower, upper = whole[i, HELD], whole[i, LOT], whole[i, LOWER], whole[i, UPPER]
    units = min(max(units, lower), upper)
    change = units - held
    if change == 0:
        return units
    if units == 0 and lower <= 0:
        return 0
    if change > 0:
        if change >= lot:
            return units
        return held + lot if 2 * change >= lot and held + lot <= upper else held
    if -change < lot:
        units = held - lot if -2 * change >= lot and held - lot >= lower else held
        if units == held:
            return held
    if units < lot:  # what is left is at least a lot, or nothing
        if lower <= 0 and 2 * units < lot:
            return 0
        if held - lot >= lot and lot >= lower:
            return lot
        return held if held <= upper else 0 if lower <= 0 else held
    return units


@njit(cache=True, nogil=True)
def _worst_mean(values: Vector, count: float, scratch: Vector) -> float:
    """The mean of the `count` largest values, the last one counted in part."""
    n = values.size
    whole = min(int(np.ceil(count - 1e-9)), n)
    scratch[:] = values
    low, high, k = 0, n - 1, n - whole  # quickselect: scratch[k:] become the largest
    while low < high:
        pivot = scratch[(low + high) // 2]
        a, z = low, high
        while a <= z:
            while scratch[a] < pivot:
                a += 1
            while scratch[z] > pivot:
                z -= 1
            if a <= z:
                scratch[a], scratch[z] = scratch[z], scratch[a]
                a += 1
                z -= 1
        if k <= z:
            high = z
        elif k >= a:
            low = a
        else:
            break
    total = 0.0
    for s in range(k + 1, n):
        total += scratch[s]
    return (total + (count - (whole - 1)) * scratch[k]) / count


@njit(cache=True, nogil=True)
def _of_paths(kind: int, figure: float, paths: Matrix, losses: Vector, scratch: Vector) -> float:
    """A risk over paths. paths: (S, L) gains of the portfolio; losses, scratch: (S,) work space"""
    count, steps = paths.shape
    if kind == SHORTFALL:
        total = 0.0
        for s in range(count):
            short = figure - paths[s, steps - 1]
            if short > 0:
                total += short * short
        return total / count
    for s in range(count):
        if kind == TAIL:
            losses[s] = -paths[s, steps - 1]
        else:
            peak, fall = 0.0, 0.0
            for t in range(steps):
                peak = max(peak, paths[s, t])
                fall = max(fall, peak - paths[s, t])
            losses[s] = fall
    return _worst_mean(losses, figure, scratch)


@njit(cache=True, nogil=True)
def _after(b: Bounds, sums: Vector) -> float:
    """What is left of wealth after costs."""
    return float(sums[INSIDE] + b.figures[OUTSIDE] + b.figures[CASH] + sums[FLOW])


@njit(cache=True, nogil=True)
def _penalty(b: Bounds, held: Vector, sums: Vector, over_caps: float, after: float) -> float:
    """The price of what is broken. over_caps: by how much caps of names are, in sum; after: wealth that caps are shares of"""
    f = b.figures
    broken, pieces = over_caps, 1.0 if over_caps > BROKEN else 0.0
    for q in range(held.size):
        over = held[q] - b.row_upper[q] * (after if b.after[q] and b.row_upper[q] > 0 else 1.0)
        over = max(over, b.row_lower[q] - held[q])
        if over > BROKEN:
            broken += over
            pieces += 1.0
    for over in (
        sums[TURNED] / 2 - f[MOST_TURNOVER],
        sums[COUNT] - f[MOST_NAMES],
        f[FEWEST_NAMES] - sums[COUNT],
        sums[SMALL],
    ):
        if over > BROKEN:
            broken += over
            pieces += 1.0
    spare = f[CASH] + sums[FLOW] - sums[ODD] - f[FLOOR]
    idle = max(spare + f[FLOOR] - max(f[MOST_CASH], f[FLOOR]), 0.0)
    if idle > f[MOST_IDLE] + BROKEN:
        broken += idle - f[MOST_IDLE]
        pieces += 1.0
    total = VIOLATION_PRICE * broken + BROKEN_PRICE * pieces + f[IDLE] * idle
    if spare < 0:
        total += 10 * VIOLATION_PRICE * -spare + BROKEN_PRICE
    return total


@njit(cache=True, nogil=True)
def _over_caps(parts: Matrix, w: Vector, after: float) -> float:
    total = 0.0
    for i in range(w.size):
        if w[i] > parts[i, CAP] * after + BROKEN:
            total += w[i] - parts[i, CAP] * after
    return total


@njit(cache=True, nogil=True)
def _values(m: Measures, b: Bounds, s: State, out: Vector, losses: Vector, scratch: Vector) -> None:
    """Fill in every measure of the state."""
    w = s.w
    variance = 0.0
    for i in range(w.size):
        variance += w[i] * s.cw[i]
    for j in range(m.kind.size):
        kind = m.kind[j]
        if kind == SMOOTH:
            total = m.quadratic[j] * variance + m.constant[j]
            for i in range(w.size):
                total += (m.linear[j, i] + m.curve[j, i] / 2 * w[i]) * w[i]
            out[j] = total
        elif kind == COST:
            out[j] = s.sums[CHARGES] * b.figures[PER_YEAR]
        elif kind == TAX:
            out[j] = s.sums[TAXES] * b.figures[PER_YEAR]
        elif kind == TURNOVER:
            out[j] = s.sums[TURNED] / 2
        elif kind == EXIT:
            out[j] = 0.0
            for i in range(w.size):
                out[j] = max(out[j], m.linear[j, i] * w[i])
        else:
            out[j] = _of_paths(kind, m.figure[j], s.paths, losses, scratch)


@njit(cache=True, nogil=True)
def _total(objectives: Matrix, weights: Vector, floors: Vector, values: Vector) -> float:
    """The weighed objectives, less the price of what they miss of their floors."""
    total = 0.0
    for k in range(weights.size):
        value = 0.0
        for j in range(values.size):
            value += objectives[k, j] * values[j]
        total += weights[k] * value
        if value < floors[k]:
            total -= VIOLATION_PRICE * (floors[k] - value)
    return total


@njit(cache=True, nogil=True)
def _count_up(names: Names, m: Measures, b: Bounds, s: State) -> None:
    """Fill in all that follows from the units."""
    whole, parts = names.whole, names.parts
    s.cw[:], s.held[:], s.paths[:], s.sums[:] = 0.0, 0.0, 0.0, 0.0
    for i in range(s.units.size):
        s.w[i] = s.units[i] * parts[i, UNIT]
        _order(whole, b, i, s.units[i], s.orders[i])
        for c in range(4):
            s.sums[c] += s.orders[i, c]
        s.sums[TURNED] += abs(s.w[i] - parts[i, NOW])
        if s.units[i] > 0:
            s.sums[INSIDE] += s.w[i]
            s.sums[COUNT] += 1
            s.sums[SMALL] += max(b.figures[SMALLEST] - s.w[i], 0.0)
            s.cw[:] += s.w[i] * names.covariance[i]
            s.held[:] += s.w[i] * b.rows[:, i]
            if m.gains.size:
                s.paths[:] += s.w[i] * m.gains[i]


@njit(cache=True, nogil=True)
def _score(
    names: Names, m: Measures, b: Bounds, s: State, objectives: Matrix, weights: Vector, floors: Vector,
    after: float, values: Vector, losses: Vector, scratch: Vector,
) -> float:  # fmt: skip
    _values(m, b, s, values, losses, scratch)
    over = _over_caps(names.parts, s.w, after)
    return _total(objectives, weights, floors, values) - _penalty(b, s.held, s.sums, over, after)


@njit(cache=True, nogil=True)
def _put(names: Names, m: Measures, b: Bounds, s: State, i: int, to: int, order: Vector) -> None:
    """Hold `to` units of name i."""
    parts, whole = names.parts, names.whole
    old, new = s.w[i], to * parts[i, UNIT]
    change = new - old
    _order(whole, b, i, to, order)
    for c in range(4):
        s.sums[c] += order[c] - s.orders[i, c]
        s.orders[i, c] = order[c]
    s.sums[TURNED] += abs(new - parts[i, NOW]) - abs(old - parts[i, NOW])
    s.sums[INSIDE] += change
    smallest = b.figures[SMALLEST]
    s.sums[COUNT] += (1.0 if to > 0 else 0.0) - (1.0 if s.units[i] > 0 else 0.0)
    s.sums[SMALL] += (max(smallest - new, 0.0) if to > 0 else 0.0) - (
        max(smallest - old, 0.0) if s.units[i] > 0 else 0.0
    )
    covariance, gains = names.covariance[i], m.gains
    for j in range(s.cw.size):
        s.cw[j] += change * covariance[j]
    for q in range(s.held.size):
        s.held[q] += change * b.rows[q, i]
    if gains.size:
        for p in range(s.paths.shape[0]):
            for t in range(s.paths.shape[1]):
                s.paths[p, t] += change * gains[i, p, t]
    s.w[i], s.units[i] = new, to


@njit(cache=True, nogil=True)
def _slopes(
    names: Names, m: Measures, s: State, objectives: Matrix, weights: Vector, floors: Vector, values: Vector,
    slope: Vector, curve: Vector, price: Vector, losses: Vector, scratch: Vector,
) -> None:  # fmt: skip
    """Fill in what a unit of weight more gains before costs (N,), the curvature of that, and what a unit of each measure does."""
    price[:] = 0.0
    for k in range(weights.size):
        value = 0.0
        for j in range(values.size):
            value += objectives[k, j] * values[j]
        steep = weights[k] + (VIOLATION_PRICE if value < floors[k] else 0.0)
        for j in range(values.size):
            price[j] += steep * objectives[k, j]
    slope[:], curve[:] = 0.0, 0.0
    n = slope.size
    for j in range(values.size):
        if price[j] == 0.0:
            continue
        kind = m.kind[j]
        if kind == SMOOTH:
            for i in range(n):
                slope[i] += price[j] * (2 * m.quadratic[j] * s.cw[i] + m.linear[j, i] + m.curve[j, i] * s.w[i])
                curve[i] += price[j] * (2 * m.quadratic[j] * names.covariance[i, i] + m.curve[j, i])
        elif kind == EXIT:
            for i in range(n):
                if m.linear[j, i] * s.w[i] >= values[j] - 1e-12:
                    slope[i] += price[j] * m.linear[j, i]
        elif kind not in (COST, TAX, TURNOVER):
            _path_slopes(kind, m.figure[j], price[j], m.gains, s.paths, slope, losses, scratch)


@njit(cache=True, nogil=True)
def _path_slopes(
    kind: int, figure: float, price: float, gains: NDArray[np.float64], paths: Matrix, slope: Vector,
    losses: Vector, scratch: Vector,
) -> None:  # fmt: skip
    """Add price times a subgradient of a risk over paths."""
    count, steps = paths.shape
    last = steps - 1
    worst = -np.inf
    if kind != SHORTFALL:
        _of_paths(kind, figure, paths, losses, scratch)
        whole = min(int(np.ceil(figure - 1e-9)), count)
        worst = scratch[count - whole]  # the least of those averaged
    for s in range(count):
        if kind == SHORTFALL:
            share = -2 * max(figure - paths[s, last], 0.0) / count
            if share != 0.0:
                for i in range(slope.size):
                    slope[i] += price * share * gains[i, s, last]
            continue
        if losses[s] < worst:
            continue
        if kind == TAIL:
            for i in range(slope.size):
                slope[i] -= price / figure * gains[i, s, last]
            continue
        peak, at, best, top, low = 0.0, -1, 0.0, -1, -1
        for t in range(steps):
            if paths[s, t] > peak:
                peak, at = paths[s, t], t
            if peak - paths[s, t] > best:
                best, top, low = peak - paths[s, t], at, t
        if low >= 0:
            for i in range(slope.size):
                fall = (gains[i, s, top] if top >= 0 else 0.0) - gains[i, s, low]
                slope[i] += price / figure * fall


@njit(cache=True, nogil=True)
def _drive(names: Names, b: Bounds, s: State, after: float, slope: Vector, driven: Vector) -> None:
    """Fill in the slopes with what a unit of weight more does to broken rows, caps and positions: for ranking alone."""
    driven[:] = slope
    for q in range(s.held.size):
        push = 0.0
        if s.held[q] > b.row_upper[q] * (after if b.after[q] and b.row_upper[q] > 0 else 1.0) + BROKEN:
            push = -VIOLATION_PRICE
        elif s.held[q] < b.row_lower[q] - BROKEN:
            push = VIOLATION_PRICE
        if push != 0.0:
            for i in range(driven.size):
                driven[i] += push * b.rows[q, i]
    smallest = b.figures[SMALLEST]
    for i in range(driven.size):
        if s.w[i] > names.parts[i, CAP] * after + BROKEN:
            driven[i] -= VIOLATION_PRICE
        if s.units[i] > 0 and s.w[i] < smallest - BROKEN:
            driven[i] += VIOLATION_PRICE


@njit(cache=True, nogil=True)
def _foretold(
    names: Names, b: Bounds, s: State, slope: Vector, curve: Vector, cost_price: float, tax_price: float,
    turnover_price: float, i: int, to: int, order: Vector,
) -> float:  # fmt: skip
    """What holding `to` units of name i gains, cash and limits aside, from above."""
    parts = names.parts
    change = to * parts[i, UNIT] - s.w[i]
    _order(names.whole, b, i, to, order)
    gain = (slope[i] + min(curve[i], 0.0) / 2 * change) * change
    gain += cost_price * (order[CHARGES] - s.orders[i, CHARGES]) + tax_price * (order[TAXES] - s.orders[i, TAXES])
    turned = abs(to * parts[i, UNIT] - parts[i, NOW]) - abs(s.w[i] - parts[i, NOW])
    return gain + turnover_price * turned / 2


@njit(cache=True, nogil=True)
def _keep_best(best: Vector, moves: Ints, gain: float, i: int, to: int, j: int, tj: int, k: int, tk: int) -> None:
    """Insert a move among the best, which are sorted, if it is one of them."""
    last = best.size - 1
    if gain <= best[last]:
        return
    p = last
    while p > 0 and best[p - 1] < gain:
        best[p] = best[p - 1]
        moves[p] = moves[p - 1]
        p -= 1
    best[p] = gain
    moves[p, 0], moves[p, 1], moves[p, 2] = i, to, j
    moves[p, 3], moves[p, 4], moves[p, 5] = tj, k, tk


@njit(cache=True, nogil=True)
def _penalty_after(
    names: Names,
    b: Bounds,
    s: State,
    after: float,
    over: float,
    move: Ints,
    flows: Vector,
    touched: Vector,
    sums: Vector,
) -> float:
    """The penalties after a move whose orders bring flows (3 pairs) of cash and, of it, odd lots'.

    over: of caps of names, before the move; touched (Q,), sums (8,): work space
    """
    parts, f = names.parts, b.figures
    touched[:] = s.held
    sums[:] = s.sums
    for c in range(0, 6, 2):
        i = move[c]
        if i < 0:
            break
        to = move[c + 1]
        new, old = to * parts[i, UNIT], s.w[i]
        change = new - old
        for q in range(touched.size):
            touched[q] += change * b.rows[q, i]
        sums[TURNED] += abs(new - parts[i, NOW]) - abs(old - parts[i, NOW])
        sums[INSIDE] += change
        sums[COUNT] += (1.0 if to > 0 else 0.0) - (1.0 if s.units[i] > 0 else 0.0)
        sums[SMALL] += (max(f[SMALLEST] - new, 0.0) if to > 0 else 0.0) - (
            max(f[SMALLEST] - old, 0.0) if s.units[i] > 0 else 0.0
        )
        sums[FLOW] += flows[c] - s.orders[i, FLOW]
        sums[ODD] += flows[c + 1] - s.orders[i, ODD]
        over += max(new - parts[i, CAP] * after, 0.0) - max(old - parts[i, CAP] * after, 0.0)
    return _penalty(b, touched, sums, over, after)


@njit(cache=True, nogil=True)
def climb(
    names: Names, m: Measures, b: Bounds, objectives: Matrix, weights: Vector, floors: Vector, units: Ints
) -> tuple[float, int]:
    """Move `units` (N,), changed in place, to where no move that was tried gains more; the score there, and steps made."""
    n, q, measures = units.size, b.rows.shape[0], m.kind.size
    whole, parts = names.whole, names.parts
    count, steps = m.gains.shape[1], m.gains.shape[2]
    for i in range(n):
        units[i] = legal(whole, i, units[i])
    s = State(units, np.zeros(n), np.zeros(n), np.zeros(q), np.zeros((count, steps)), np.zeros(8), np.zeros((n, 4)))
    t = State(
        units.copy(), np.zeros(n), np.zeros(n), np.zeros(q), np.zeros((count, steps)), np.zeros(8), np.zeros((n, 4))
    )
    losses, scratch = np.zeros(count), np.zeros(count)
    values, trial_values, price = np.zeros(measures), np.zeros(measures), np.zeros(measures)
    slope, curve, order, second, third = np.zeros(n), np.zeros(n), np.zeros(4), np.zeros(4), np.zeros(4)
    touched, sums, flows, driven = np.zeros(q), np.zeros(8), np.zeros(6), np.zeros(n)
    best, moves, move = np.zeros(TRIED), np.zeros((TRIED, 6), np.int64), np.zeros(6, np.int64)
    down, downs, down_worth = np.zeros((n * SIZES, 2), np.int64), 0, np.zeros(n * SIZES)
    up_name, up_worth = np.zeros(n, np.int64), np.zeros(n)
    _count_up(names, m, b, s)
    after = min(_after(b, s.sums), 1.0) - HAIR
    score = _score(names, m, b, s, objectives, weights, floors, after, values, losses, scratch)
    made, counted = 0, 0
    for _ in range(MOST_STEPS):
        _slopes(names, m, s, objectives, weights, floors, values, slope, curve, price, losses, scratch)
        cost_price, tax_price, turnover_price = 0.0, 0.0, 0.0
        for j in range(measures):
            if m.kind[j] == COST:
                cost_price += price[j] * b.figures[PER_YEAR]
            elif m.kind[j] == TAX:
                tax_price += price[j] * b.figures[PER_YEAR]
            elif m.kind[j] == TURNOVER:
                turnover_price += price[j]
        f = b.figures
        spare = f[CASH] + s.sums[FLOW] - s.sums[ODD] - f[FLOOR]
        over = _over_caps(parts, s.w, after)
        penalty = _penalty(b, s.held, s.sums, over, after)
        best[:] = LEAST_GAIN
        moves[:] = -1
        _drive(names, b, s, after, slope, driven)
        # what a unit of cash is worth in the best name that still takes some
        cash_worth = 0.0
        ups = 0
        for i in range(n):
            if whole[i, UPPER] > units[i] and s.w[i] < parts[i, CAP] * after - parts[i, UNIT]:
                up_name[ups], up_worth[ups] = i, driven[i] + (cost_price * b.rate[-1])
                cash_worth = max(cash_worth, slope[i] + (cost_price * b.rate[-1]))
                ups += 1
        ranked = np.argsort(-up_worth[:ups])
        # one name down, by several sizes; each by itself is a move
        downs = 0
        for i in range(n):
            if units[i] > whole[i, LOWER]:
                room = units[i] - whole[i, LOWER]
                before = -1
                for size in range(SIZES):
                    to = _smaller(whole, i, units[i], room, size, parts[i, UNIT], parts[i, CAP] * after)
                    to = legal(whole, i, to)
                    if to >= units[i] or to == before:
                        continue
                    before = to
                    gain = _foretold(names, b, s, slope, curve, cost_price, tax_price, turnover_price, i, to, order)
                    down[downs, 0], down[downs, 1] = i, to
                    pushed = (driven[i] - slope[i]) * (to * parts[i, UNIT] - s.w[i])
                    down_worth[downs] = gain + pushed + cash_worth * (order[FLOW] - s.orders[i, FLOW])
                    downs += 1
                    move[:] = -1
                    move[0], move[1] = i, to
                    flows[0], flows[1] = order[FLOW], order[ODD]
                    gain += penalty - _penalty_after(names, b, s, after, over, move, flows, touched, sums)
                    _keep_best(best, moves, gain, i, to, -1, 0, -1, 0)
        sellers = np.argsort(-down_worth[:downs])[:DOWNS]
        # one name up, from the cash there is
        for r in range(min(ups, UPS)):
            i = up_name[ranked[r]]
            for size in range(5):
                to = _affordable(whole, b, i, units[i], spare, s.orders[i, FLOW])
                if size == 1:
                    to = units[i] + whole[i, LOT]
                elif size == 2:
                    to = (units[i] + to) // 2
                elif size == 3:
                    to = units[i] + 1
                elif size == 4:
                    to = units[i] + max((to - units[i]) // 8, 1)
                to = legal(whole, i, min(to, int((parts[i, CAP] * after) / parts[i, UNIT])))
                if to <= units[i]:
                    continue
                gain = _foretold(names, b, s, slope, curve, cost_price, tax_price, turnover_price, i, to, order)
                move[:] = -1
                move[0], move[1] = i, to
                flows[0], flows[1] = order[FLOW], order[ODD]
                gain += penalty - _penalty_after(names, b, s, after, over, move, flows, touched, sums)
                _keep_best(best, moves, gain, i, to, -1, 0, -1, 0)
        # one down, one up with what it brings, and a third with what is left
        for a in range(sellers.size):
            i, to_i = down[sellers[a], 0], down[sellers[a], 1]
            gain_i = _foretold(names, b, s, slope, curve, cost_price, tax_price, turnover_price, i, to_i, order)
            brought = spare + (order[FLOW] - order[ODD]) - (s.orders[i, FLOW] - s.orders[i, ODD])
            change_i = to_i * parts[i, UNIT] - s.w[i]
            for r in range(min(ups, UPS)):
                j = up_name[ranked[r]]
                if j == i:
                    continue
                most = int((parts[j, CAP] * after) / parts[j, UNIT])
                to_j = legal(whole, j, min(_affordable(whole, b, j, units[j], brought, s.orders[j, FLOW]), most))
                if to_j <= units[j]:
                    continue
                gain = gain_i + _foretold(
                    names, b, s, slope, curve, cost_price, tax_price, turnover_price, j, to_j, second
                )
                change_j = to_j * parts[j, UNIT] - s.w[j]
                for each in range(measures):
                    if m.kind[each] == SMOOTH:
                        gain += 2 * price[each] * m.quadratic[each] * change_i * change_j * names.covariance[i, j]
                move[:] = -1
                move[0], move[1], move[2], move[3] = i, to_i, j, to_j
                flows[0], flows[1], flows[2], flows[3] = order[FLOW], order[ODD], second[FLOW], second[ODD]
                left = brought + second[FLOW] - s.orders[j, FLOW]
                alone = gain + penalty - _penalty_after(names, b, s, after, over, move, flows, touched, sums)
                _keep_best(best, moves, alone, i, to_i, j, to_j, -1, 0)
                for third_rank in range(min(ups, 4) if left > THIRD else 0):
                    k = up_name[ranked[third_rank]]
                    if k in (i, j):
                        continue
                    most = int((parts[k, CAP] * after) / parts[k, UNIT])
                    to_k = legal(whole, k, min(_affordable(whole, b, k, units[k], left, s.orders[k, FLOW]), most))
                    if to_k <= units[k]:
                        continue
                    more = gain + _foretold(
                        names, b, s, slope, curve, cost_price, tax_price, turnover_price, k, to_k, third
                    )
                    change_k = to_k * parts[k, UNIT] - s.w[k]
                    for each in range(measures):
                        if m.kind[each] == SMOOTH:
                            crossed = change_i * names.covariance[i, k] + change_j * names.covariance[j, k]
                            more += 2 * price[each] * m.quadratic[each] * crossed * change_k
                    move[4], move[5], flows[4], flows[5] = k, to_k, third[FLOW], third[ODD]
                    more += penalty - _penalty_after(names, b, s, after, over, move, flows, touched, sums)
                    _keep_best(best, moves, more, i, to_i, j, to_j, k, to_k)
                    move[4] = -1
        chosen, reached = -1, score + LEAST_GAIN
        for c in range(TRIED):
            if moves[c, 0] < 0 or (chosen >= 0 and best[c] <= reached - score):
                break
            _copy(s, t)
            for d in range(0, 6, 2):
                if moves[c, d] >= 0:
                    _put(names, m, b, t, moves[c, d], moves[c, d + 1], order)
            found = _score(names, m, b, t, objectives, weights, floors, after, trial_values, losses, scratch)
            if found > reached:
                chosen, reached = c, found
        if chosen < 0:
            left = min(_after(b, s.sums), 1.0)
            if counted == COUNTS or (after <= left <= after + (AFTER_SPARE if counted < COUNTS - 2 else 1.0)):
                break
            after = left - HAIR
            score = _score(names, m, b, s, objectives, weights, floors, after, values, losses, scratch)
            counted += 1
            continue
        for d in range(0, 6, 2):
            if moves[chosen, d] >= 0:
                _put(names, m, b, s, moves[chosen, d], moves[chosen, d + 1], order)
        score = _score(names, m, b, s, objectives, weights, floors, after, values, losses, scratch)
        made += 1
    return score, made


@njit(cache=True, nogil=True)
def _smaller(whole: Ints, i: int, now: int, room: int, size: int, unit: float, cap: float) -> int:
    """A smaller holding: all that can be sold, parts of it, a lot less, what is held today, or the cap."""
    if size == 0:
        return now - room
    if size == 1:
        return whole[i, HELD]
    if size == 2:
        return now - whole[i, LOT]
    if size == 3:
        return int(cap / unit)
    if size == 4:
        return now - 1
    part = (0.75, 0.5, 0.25, 0.1, 0.03)[size - 5]
    return now - int(part * room)


@njit(cache=True, nogil=True)
def _affordable(whole: Ints, b: Bounds, i: int, now: int, spare: float, flow: float) -> int:
    """The largest holding that `spare` cash pays for, beside what the present order of the name brings, `flow`."""
    have, wealth = whole[i, HELD], b.figures[WEALTH]
    paisa = (spare - flow) * wealth
    if paisa <= 0:
        return now + int(max(spare, 0.0) * wealth / whole[i, SELL]) if now < have else now
    bought = int(paisa / (whole[i, BUY] * (1 + b.rate[-1])))
    for _ in range(4):
        amount = float(bought) * whole[i, BUY]
        slab = 0
        while amount > b.edges[slab + 1]:
            slab += 1
        missing = amount + b.fixed[slab] + b.rate[slab] * amount + SLACK - paisa
        if missing <= 0 or bought <= 0:
            break
        bought -= max(int(np.ceil(missing / whole[i, BUY])), 1)
    return have + max(bought, 0)


@njit(cache=True, nogil=True)
def _copy(source: State, target: State) -> None:
    target.units[:], target.w[:], target.cw[:], target.held[:] = source.units, source.w, source.cw, source.held
    target.paths[:], target.sums[:], target.orders[:] = source.paths, source.sums, source.orders
