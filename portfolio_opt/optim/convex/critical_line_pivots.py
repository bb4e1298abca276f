"""The pivots of the critical line, compiled.

For one appetite t, w minimises 1/2 w'Cw - t m'w in a box under linear rows. With the free names and the binding rows fixed,
weights w and row prices v are linear in t:

    | C_ff  A_f' | | w_f |   | t m_f - C_fb w_b |          slope = C w - t m + A'v  is 0 at free names,
    | A_f    0   | |  v  | = | limit - A_b w_b  |          >= 0 at a lower side, <= 0 at an upper one

`inverse` is that of the matrix on the left, kept up to date by one row and column a pivot; as a preconditioner of one step of
refinement at every corner it need not be exact, so rounding does not add up from corner to corner.
An index below n is a name, n + r is row r.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]
Sides = NDArray[np.int8]
Flags = NDArray[np.bool_]

NOTHING = 1e-12  # a rate this small is none: data are scaled to 1
SINGULAR = 1e-11  # a pivot that cancels to this part of its terms is zero
TURNS = 4  # of one index at one appetite, after which it rests until the appetite has moved: rounding must not cycle
DONE, PIVOT_LIMIT, LOST = 0, 1, 2


@njit(cache=True)
def _curvature_times(w: Vector, dense: Matrix, loadings: Matrix, specific: Vector, out: Vector) -> None:
    """out = C w, from the names that are held."""
    n = len(w)
    out[:] = 0.0
    if dense.shape[0]:
        for i in range(n):
            if w[i] != 0.0:
                x = w[i]
                row = dense[i]
                for j in range(n):
                    out[j] += x * row[j]
        return
    k = loadings.shape[1]
    factor = np.zeros(k)
    for i in range(n):
        if w[i] != 0.0:
            for f in range(k):
                factor[f] += w[i] * loadings[i, f]
            out[i] = specific[i] * w[i]
    for i in range(n):
        total = 0.0
        for f in range(k):
            total += loadings[i, f] * factor[f]
        out[i] += total


@njit(cache=True)
def _column(
    j: int, active: Ints, m: int, n: int, dense: Matrix, loadings: Matrix, specific: Vector, rows: Matrix, out: Vector
) -> float:
    """The matrix's entries between j and the active indices; returns the one on its diagonal."""
    if j >= n:
        for a in range(m):
            out[a] = rows[j - n, active[a]] if active[a] < n else 0.0
        return 0.0
    if dense.shape[0]:
        for a in range(m):
            out[a] = dense[j, active[a]] if active[a] < n else rows[active[a] - n, j]
        return dense[j, j]
    for a in range(m):
        i = active[a]
        if i >= n:
            out[a] = rows[i - n, j]
            continue
        total = 0.0
        for f in range(loadings.shape[1]):
            total += loadings[j, f] * loadings[i, f]
        out[a] = total
    own = specific[j]
    for f in range(loadings.shape[1]):
        own += loadings[j, f] ** 2
    return own


@njit(cache=True)
def _apply(inverse: Matrix, m: int, x: Vector, out: Vector) -> None:
    for a in range(m):
        total = 0.0
        row = inverse[a]
        for b in range(m):
            total += row[b] * x[b]
        out[a] = total


@njit(cache=True)
def _add(
    j: int,
    active: Ints,
    m: int,
    inverse: Matrix,
    n: int,
    dense: Matrix,
    loadings: Matrix,
    specific: Vector,
    rows: Matrix,
    column: Vector,
    image: Vector,
) -> bool:
    """Index j joins the active ones; False, and nothing changed, where it depends on them."""
    own = _column(j, active, m, n, dense, loadings, specific, rows, column)
    _apply(inverse, m, column, image)
    pivot, terms = own, abs(own)
    for a in range(m):
        pivot -= column[a] * image[a]
        terms += abs(column[a] * image[a])
    if abs(pivot) <= SINGULAR * terms:
        return False
    for a in range(m):
        x = image[a] / pivot
        for b in range(m):
            inverse[a, b] += x * image[b]
        inverse[a, m] = -x
        inverse[m, a] = -x
    inverse[m, m] = 1 / pivot
    active[m] = j
    return True


@njit(cache=True)
def _drop(place: int, active: Ints, m: int, inverse: Matrix, column: Vector) -> bool:
    """The active index at `place` leaves, the last one takes its place; False where the rest would be dependent."""
    pivot, largest = inverse[place, place], 0.0
    for a in range(m):
        column[a] = inverse[a, place]
        largest = max(largest, abs(column[a]))
    if abs(pivot) <= SINGULAR * largest:
        return False
    for a in range(m):
        x = column[a] / pivot
        for b in range(m):
            inverse[a, b] -= x * column[b]
    last = m - 1
    if place != last:
        for b in range(m):
            inverse[place, b] = inverse[last, b]
        for a in range(m):
            inverse[a, place] = inverse[a, last]
        inverse[place, place] = inverse[last, last]
        active[place] = active[last]
    return True


@njit(cache=True)
def start(
    sides: Sides, row_sides: Sides, n: int, dense: Matrix, loadings: Matrix, specific: Vector, rows: Matrix
) -> tuple[Ints, int, Matrix]:
    """Active indices, their number and the inverse of a vertex: free names between their sides, rows that bind."""
    q = len(row_sides)
    active = np.empty(n + q, dtype=np.int64)
    m = 0
    for i in range(n):
        if sides[i] == 0:
            active[m] = i
            m += 1
    for r in range(q):
        if row_sides[r] != 0:
            active[m] = n + r
            m += 1
    matrix = np.zeros((m, m))
    column = np.empty(n + q)
    for a in range(m):
        matrix[a, a] = _column(active[a], active, a, n, dense, loadings, specific, rows, column)
        for b in range(a):
            matrix[a, b] = matrix[b, a] = column[b]
    inverse = np.empty((n + q, n + q))
    if m:
        inverse[:m, :m] = np.linalg.inv(matrix)
    return active, m, inverse


@njit(cache=True)
def _slopes(
    w: Vector,
    appetite: float,
    gain: Vector,
    price: Vector,
    dense: Matrix,
    loadings: Matrix,
    specific: Vector,
    rows: Matrix,
    out: Vector,
) -> None:
    """out = C w - t m + A'v."""
    _curvature_times(w, dense, loadings, specific, out)
    for i in range(len(w)):
        out[i] -= appetite * gain[i]
    for r in range(len(price)):
        if price[r] != 0.0:
            for i in range(len(w)):
                out[i] += price[r] * rows[r, i]


@njit(cache=True)
def _row_values(w: Vector, rows: Matrix, out: Vector) -> None:
    for r in range(len(out)):
        total = 0.0
        for i in range(len(w)):
            total += rows[r, i] * w[i]
        out[r] = total


@njit(cache=True)
def _correct(
    active: Ints,
    m: int,
    n: int,
    inverse: Matrix,
    slope: Vector,
    value: Vector,
    wanted: Vector,
    w: Vector,
    price: Vector,
    rest: Vector,
    step: Vector,
) -> float:
    """One Newton step on the active equations; returns how far they were from holding."""
    worst = 0.0
    for a in range(m):
        i = active[a]
        rest[a] = slope[i] if i < n else value[i - n] - wanted[i - n]
        worst = max(worst, abs(rest[a]))
    _apply(inverse, m, rest, step)
    for a in range(m):
        i = active[a]
        if i < n:
            w[i] -= step[a]
        else:
            price[i - n] -= step[a]
    return worst


@njit(cache=True)
def trace(
    gain: Vector,
    dense: Matrix,
    loadings: Matrix,
    specific: Vector,
    lower: Vector,
    upper: Vector,
    rows: Matrix,
    row_lower: Vector,
    row_upper: Vector,
    w: Vector,
    sides: Sides,
    row_sides: Sides,
    held: Flags,
    active: Ints,
    m: int,
    inverse: Matrix,
    limit: int,
) -> tuple[Vector, Matrix, Matrix, int, int, int]:
    """Corners from an infinite appetite down to 0, starting at w, which is best for every large appetite.

    held: (n + q,) True where a name stays at its side, or a row stays binding; the last arrays, from w on, change in place
    Returns (appetites, weights, prices) a corner, the new m, pivots used, and DONE, PIVOT_LIMIT or LOST.
    """
    n, q = len(gain), len(row_lower)
    rate, price, price_rate = np.zeros(n), np.zeros(q), np.zeros(q)
    slope, slope_rate, value, value_rate = np.empty(n), np.empty(n), np.empty(q), np.empty(q)
    wanted, nought = np.zeros(q), np.zeros(q)
    column, image = np.empty(n + q), np.empty(n + q)
    blocked, turns = np.zeros(n + q, dtype=np.bool_), np.zeros(n + q, dtype=np.int64)
    room = 4 * (n + q) + 8
    appetites, weights, prices = np.empty(room), np.empty((room, n)), np.empty((room, q))
    corners, pivots, appetite = 0, 0, np.inf

    # the part of slopes and prices that does not grow with the appetite
    _curvature_times(w, dense, loadings, specific, slope)
    _row_values(w, rows, value)
    for r in range(q):
        wanted[r] = row_upper[r] if row_sides[r] > 0 else row_lower[r]
    for a in range(m):
        column[a] = slope[active[a]] if active[a] < n else 0.0
    _apply(inverse, m, column, image)
    for a in range(m):
        if active[a] >= n:
            price[active[a] - n] = -image[a]
    _slopes(w, 0.0, gain, price, dense, loadings, specific, rows, slope)

    fresh = True
    while True:
        if fresh:  # how everything moves with the appetite, for the present active indices
            rate[:] = 0.0
            price_rate[:] = 0.0
            for a in range(m):
                column[a] = gain[active[a]] if active[a] < n else 0.0
            _apply(inverse, m, column, image)
            for a in range(m):
                if active[a] < n:
                    rate[active[a]] = image[a]
                else:
                    price_rate[active[a] - n] = image[a]
            for _ in range(3):
                _slopes(rate, 1.0, gain, price_rate, dense, loadings, specific, rows, slope_rate)
                _row_values(rate, rows, value_rate)
                worst = 0.0
                for a in range(m):
                    i = active[a]
                    worst = max(worst, abs(slope_rate[i]) if i < n else abs(value_rate[i - n]))
                if worst <= 1e-14:
                    break
                _correct(active, m, n, inverse, slope_rate, value_rate, nought, rate, price_rate, column, image)
            blocked[:] = False
            fresh = False

        # the first limit met, or price that turns, as the appetite falls; the lowest index among equals
        nearest, event, side = np.inf, -1, 0
        for j in range(n + q):
            if blocked[j] or turns[j] == TURNS:
                continue
            is_name = j < n
            r = j - n
            now = sides[j] if is_name else row_sides[r]
            if now == 0:  # between its sides: where does it go
                speed = rate[j] if is_name else value_rate[r]
                if abs(speed) <= NOTHING or appetite == np.inf:
                    continue
                at = w[j] if is_name else value[r]
                towards = -1 if speed > 0 else 1
                if speed > 0:
                    distance = (at - (lower[j] if is_name else row_lower[r])) / speed
                else:
                    distance = (at - (upper[j] if is_name else row_upper[r])) / speed
            elif held[j]:
                continue
            else:  # at a side: does its price turn
                speed = slope_rate[j] if is_name else -price_rate[r]
                if now * speed >= -NOTHING:
                    continue
                at = slope[j] if is_name else -price[r]
                towards = 0
                distance = at / speed
            if appetite == np.inf:
                distance = distance if distance < 0 else 0.0  # price + t * speed = 0 at t = -distance
                if distance < -NOTHING and (event < 0 or distance < nearest * (1 + 1e-14)):
                    nearest, event, side = distance, j, towards
                continue
            distance = max(distance, 0.0)
            if event < 0 or distance < nearest - 1e-14 * appetite:
                nearest, event, side = distance, j, towards

        if appetite == np.inf:
            appetite = -nearest if event >= 0 else 0.0
            for r in range(q):
                price[r] += appetite * price_rate[r]
            _slopes(w, appetite, gain, price, dense, loadings, specific, rows, slope)
        elif event < 0 or nearest >= appetite - NOTHING:
            for i in range(n):
                w[i] -= appetite * rate[i]
            for r in range(q):
                price[r] -= appetite * price_rate[r]
            appetite, event = 0.0, -1
        else:
            # the pivot first: where it is impossible the index cannot meet its limit before the active ones change
            if side == 0 and (sides[event] if event < n else row_sides[event - n]) != 0:
                if event < n:
                    possible = _add(event, active, m, inverse, n, dense, loadings, specific, rows, column, image)
                else:
                    place = 0
                    while active[place] != event:
                        place += 1
                    possible = _drop(place, active, m, inverse, column)
                change = 1 if event < n else -1
            elif event < n:
                place = 0
                while active[place] != event:
                    place += 1
                possible = _drop(place, active, m, inverse, column)
                change = -1
            else:
                possible = _add(event, active, m, inverse, n, dense, loadings, specific, rows, column, image)
                change = 1
            if not possible:
                blocked[event] = True
                continue
            m += change
            for i in range(n):
                w[i] -= nearest * rate[i]
            for r in range(q):
                price[r] -= nearest * price_rate[r]
            appetite -= nearest
            if event < n:
                sides[event] = side
                if side != 0:
                    w[event] = lower[event] if side < 0 else upper[event]
            else:
                row_sides[event - n] = side
                if side != 0:
                    wanted[event - n] = row_lower[event - n] if side < 0 else row_upper[event - n]
                else:
                    price[event - n] = 0.0
            if nearest > 1e-14 * appetite:
                turns[:] = 0
            turns[event] += 1
            pivots += 1
            fresh = True

        for _ in range(3):
            _slopes(w, appetite, gain, price, dense, loadings, specific, rows, slope)
            _row_values(w, rows, value)
            worst = 0.0
            for a in range(m):
                i = active[a]
                worst = max(worst, abs(slope[i]) if i < n else abs(value[i - n] - wanted[i - n]))
            if worst <= 1e-15 * (1 + appetite):
                break
            _correct(active, m, n, inverse, slope, value, wanted, w, price, column, image)
        if not worst <= 1e-8 * (1 + appetite):
            return appetites[:corners], weights[:corners], prices[:corners], m, pivots, LOST

        if corners == 0 or appetite < appetites[corners - 1] * (1 - 1e-14):
            if corners == room:
                room *= 2
                appetites = np.concatenate((appetites, np.empty(corners)))
                weights = np.concatenate((weights, np.empty((corners, n))))
                prices = np.concatenate((prices, np.empty((corners, q))))
            appetites[corners] = appetite
            for i in range(n):
                weights[corners, i] = min(max(w[i], lower[i]), upper[i])
            for r in range(q):
                prices[corners, r] = price[r]
            corners += 1
        if appetite == 0.0:
            return appetites[:corners], weights[:corners], prices[:corners], m, pivots, DONE
        if pivots >= limit:
            return appetites[:corners], weights[:corners], prices[:corners], m, pivots, PIVOT_LIMIT
