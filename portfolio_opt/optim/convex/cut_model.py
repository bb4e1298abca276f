"""Minimising a few cuts plus separable costs under linear rows, compiled: the master problem of the bundle.

minimise   max_k g_k'w + 1/2 |F'w|² + sum_i [ 1/2 D_i w_i² - linear_i w_i + cost_i(w_i) ]
subject to row_lower <= A w <= row_upper,  w in a box

Each cost is cut into pieces of constant slope: w_i = lower_i + the sum of its pieces x_p in [0, length_p]. An interior point
method (Mehrotra 1992) eliminates the pieces name by name: each step factorises one matrix of the size cuts + rows + factors.

Everything that must stay positive stands in one array, `room`, with its price beside it in `price`: pieces above 0, pieces below
their length, the cuts below their maximum t, and the walls, which are the finite sides of the rows.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

BOUNDARY = 0.995  # of the way to it in one step
STABLE, TINY = 1e-12, 1e-150
ENOUGH = 1e-15  # of the right side: refined no further
SUMS = {"reassoc", "contract"}  # sums in any order, so that they use the whole width of the processor


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def _cholesky(matrix: Matrix, factor: Matrix) -> None:
    """Lower triangle of a factor of the matrix, each diagonal entry a little larger: rows may be dependent."""
    for a in range(len(matrix)):
        row = factor[a]
        for b in range(a):
            other, total = factor[b], matrix[a, b]
            for j in range(b):
                total -= row[j] * other[j]
            row[b] = total / other[b]
        total = matrix[a, a] * (1 + STABLE)
        for j in range(a):
            total -= row[j] * row[j]
        row[a] = np.sqrt(max(total, 0.1 * STABLE * matrix[a, a])) + TINY


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def _dot(x: Vector, y: Vector, count: int) -> float:
    """Of the first `count` entries."""
    total = 0.0
    for i in range(count):
        total += x[i] * y[i]
    return total


@njit(cache=True, error_model="numpy")
def _subtract(x: Vector, times: float, y: Vector, count: int) -> None:
    """x -= times * y in the first `count` entries."""
    for i in range(count):
        x[i] -= times * y[i]


@njit(cache=True, error_model="numpy")
def _back_and_forth(factor: Matrix, x: Vector) -> None:
    size = len(x)
    for a in range(size):
        x[a] = (x[a] - _dot(factor[a], x, a)) / factor[a, a]
    for a in range(size - 1, -1, -1):
        x[a] /= factor[a, a]
        _subtract(x, x[a], factor[a], a)


@njit(cache=True, error_model="numpy")
def _solve(matrix: Matrix, factor: Matrix, x: Vector, rest: Vector, step: Vector) -> None:
    """x becomes the solution for the right side x, refined with the matrix itself while that helps."""
    size, off, enough = len(x), np.inf, ENOUGH * np.abs(x).max()
    rest[:] = x
    x[:] = 0.0
    for _ in range(4):
        step[:] = rest
        _back_and_forth(factor, step)
        for a in range(size):
            rest[a] -= matrix[a, a] * step[a] + _dot(matrix[a], step, a)
            _subtract(rest, step[a], matrix[a], a)
        now = np.abs(rest).max()
        if not now < 0.5 * off:
            break
        off = now
        for a in range(size):
            x[a] += step[a]
        if off <= enough:
            break


@njit(cache=True, error_model="numpy")
def _reach(value: Vector, change: Vector, step: float) -> float:
    """The largest step, at most `step`, that keeps value + step * change from falling below 0."""
    for p in range(len(value)):
        if value[p] + step * change[p] < 0:
            step = -value[p] / change[p]
    return step


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def _mean_product(room: Vector, price: Vector, step: float, room_change: Vector, price_change: Vector) -> float:
    total = 0.0
    for p in range(len(room)):
        total += (room[p] + step * room_change[p]) * (price[p] + step * price_change[p])
    return total / len(room)


@njit(cache=True, error_model="numpy")
def _move(value: Vector, step: float, change: Vector) -> None:
    for p in range(len(value)):
        value[p] += step * change[p]


@njit(cache=True, error_model="numpy")
def _sum_rows(rows: Matrix, y: Vector, out: Vector) -> None:
    """out = y rows."""
    for i in range(len(out)):
        out[i] = 0.0
    for a in range(len(y)):
        row, x = rows[a], y[a]
        for i in range(len(out)):
            out[i] += x * row[i]


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def _row_sums(rows: Matrix, w: Vector, out: Vector) -> None:
    """out = rows w."""
    for a in range(len(out)):
        row, total = rows[a], 0.0
        for i in range(len(w)):
            total += row[i] * w[i]
        out[a] = total


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def _gram(rows: Matrix, share: Vector, scaled: Vector, out: Matrix) -> None:
    """Lower triangle of rows diag(share) rows', four entries at a time."""
    n = len(share)
    for a in range(len(rows)):
        row = rows[a]
        for i in range(n):
            scaled[i] = row[i] * share[i]
        fours = (a + 1) // 4 * 4
        for b in range(0, fours, 4):
            first, second, third, fourth = rows[b], rows[b + 1], rows[b + 2], rows[b + 3]
            s1 = s2 = s3 = s4 = 0.0
            for i in range(n):
                s1 += scaled[i] * first[i]
                s2 += scaled[i] * second[i]
                s3 += scaled[i] * third[i]
                s4 += scaled[i] * fourth[i]
            out[a, b], out[a, b + 1], out[a, b + 2], out[a, b + 3] = s1, s2, s3, s4
        for b in range(fours, a + 1):
            out[a, b] = _dot(scaled, rows[b], n)


@njit(cache=True, error_model="numpy")
def minimise(
    both: Matrix,
    cuts: int,
    low: Vector,
    high: Vector,
    wall: Ints,
    inward: Vector,
    name: Ints,
    length: Vector,
    slope: Vector,
    lower: Vector,
    linear: Vector,
    curvature: Vector,
    start: Vector,
    exactness: float,
    limit: int,
) -> tuple[Vector, Vector, int]:
    """(w, multipliers, steps): the minimiser, and multipliers of cuts, rows and factors in that order.

    both: (K + q + k, n) K = `cuts` cuts, rows A, factors F' below each other; low, high: (q,) of the rows
    wall, inward: (B,) row and direction into the feasible side, +1 or -1, of the finite sides of rows that are no equations
    name, length, slope: (P,) of the pieces, names ascending, lengths positive; lower, linear, curvature D, start: (n,)
    exactness: of the average complementarity; residuals go to 1e-10; data scaled so that objectives are about 1
    """
    q, n, pieces, walls, size = len(low), len(linear), len(name), len(wall), len(both)
    first_cut, first_wall, all_room = 2 * pieces, 2 * pieces + cuts, 2 * pieces + cuts + walls
    w, t, y, v = lower.copy(), -np.inf, np.zeros(size), np.zeros(q)
    room, price = np.empty(all_room), np.empty(all_room)
    value, pull = np.empty(size), np.empty(n)

    taken = np.zeros(n)
    for p in range(pieces):
        i = name[p]
        room[p] = min(max(start[i] - lower[i] - taken[i], 0.05 * length[p]), 0.95 * length[p])
        room[pieces + p] = length[p] - room[p]
        price[p], price[pieces + p] = 0.01 / max(room[p], 1e-3), 0.01 / max(room[pieces + p], 1e-3)
        taken[i] += length[p]
        w[i] += room[p]
    _row_sums(both, w, value)
    for k in range(cuts):
        t = max(t, value[k] + 0.1)
    for k in range(cuts):
        room[first_cut + k], y[k], price[first_cut + k] = t - value[k], 1.0 / cuts, 1.0 / cuts
    for r in range(q):
        middle = 0.05 * min(high[r] - low[r], 2.0)
        v[r] = min(max(value[cuts + r], low[r] + middle), high[r] - middle)
    for b in range(walls):
        room[first_wall + b] = v[wall[b]] - low[wall[b]] if inward[b] > 0 else high[wall[b]] - v[wall[b]]
        price[first_wall + b] = 0.1
    for f in range(cuts + q, size):
        y[f] = value[f]

    room_change, price_change, rest_pairs = np.zeros(all_room), np.zeros(all_room), np.empty(all_room)
    theta, rest = np.empty(pieces), np.empty(pieces)
    total, sigma, share, scaled = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    dx, dw, dy, dv, border, primal = (
        np.empty(pieces),
        np.empty(n),
        np.empty(size),
        np.zeros(q),
        np.empty(size),
        np.empty(size),
    )
    loose, row_rest, row_pull = np.zeros(q), np.zeros(q), np.zeros(q)
    matrix, factor, left, change = np.empty((size, size)), np.empty((size, size)), np.empty(size), np.empty(size)
    steps, last_worst = 0, np.inf
    while steps < limit:
        # how far the first-order conditions are from holding
        mu = _mean_product(room, price, 0.0, room_change, price_change)
        _sum_rows(both, y, pull)
        _row_sums(both, w, value)
        worst, rest_t = 0.0, 1.0
        for p in range(pieces):
            i = name[p]
            rest[p] = slope[p] - linear[i] + curvature[i] * w[i] + pull[i] - price[p] + price[pieces + p]
            worst = max(worst, abs(rest[p]))
        for k in range(cuts):
            primal[k] = value[k] - t + room[first_cut + k]
            rest_t -= y[k]
        for r in range(q):
            primal[cuts + r] = value[cuts + r] - v[r]
            row_rest[r] = -y[cuts + r] if low[r] < high[r] else 0.0
        for b in range(walls):
            row_rest[wall[b]] -= inward[b] * price[first_wall + b]
        for f in range(cuts + q, size):
            primal[f] = value[f] - y[f]
        for a in range(size):
            worst = max(worst, abs(primal[a]))
        for r in range(q):
            worst = max(worst, abs(row_rest[r]))
        stalled, last_worst = worst > 0.5 * last_worst, worst
        if (mu <= exactness and (worst <= 1e-10 or stalled)) or not np.isfinite(worst + mu):
            break
        steps += 1

        # the matrix of both directions
        for i in range(n):
            sigma[i] = 0.0
        for p in range(pieces):
            theta[p] = price[p] / room[p] + price[pieces + p] / room[pieces + p]
            sigma[name[p]] += 1 / theta[p]
        for i in range(n):
            share[i] = sigma[i] / (1 + curvature[i] * sigma[i])
        _gram(both, share, scaled, matrix)
        for k in range(cuts):
            matrix[k, k] += room[first_cut + k] / y[k]
        for r in range(q):
            loose[r] = 0.0
        for b in range(walls):
            loose[wall[b]] += price[first_wall + b] / room[first_wall + b]
        for r in range(q):
            loose[r] = 1 / loose[r] if low[r] < high[r] else 0.0
            matrix[cuts + r, cuts + r] += loose[r]
        for f in range(cuts + q, size):
            matrix[f, f] += 1.0
        _cholesky(matrix, factor)
        for a in range(size):
            border[a] = 1.0 if a < cuts else 0.0
        _solve(matrix, factor, border, left, change)
        cut_border = 0.0
        for k in range(cuts):
            cut_border += border[k]

        # first straight to the solution, then with what that step taught about centrality and curvature
        step = 0.0
        for corrected in range(2):
            target = 0.0
            if corrected:
                after = _mean_product(room, price, step, room_change, price_change)
                target = max(mu * min(1.0, max(after / mu, 0.0)) ** 3, 0.1 * exactness)  # nearer, only digits are lost
            for p in range(all_room):
                second = room_change[p] * price_change[p] if corrected else 0.0
                rest_pairs[p] = target - room[p] * price[p] - second
            for i in range(n):
                total[i] = 0.0
            for p in range(pieces):
                dx[p] = -rest[p] + rest_pairs[p] / room[p] - rest_pairs[pieces + p] / room[pieces + p]
                total[name[p]] += dx[p] / theta[p]
            for i in range(n):
                total[i] /= 1 + curvature[i] * sigma[i]
            _row_sums(both, total, dy)
            for k in range(cuts):
                dy[k] += rest_pairs[first_cut + k] / y[k]
            for r in range(q):
                row_pull[r] = -row_rest[r]
            for b in range(walls):
                row_pull[wall[b]] += inward[b] * rest_pairs[first_wall + b] / room[first_wall + b]
            for r in range(q):
                dy[cuts + r] -= row_pull[r] * loose[r]
            for a in range(size):
                dy[a] += primal[a]
            _solve(matrix, factor, dy, left, change)
            dt = -rest_t
            for k in range(cuts):
                dt += dy[k]
            dt /= cut_border
            _move(dy, -dt, border)
            _sum_rows(both, dy, pull)
            for i in range(n):
                dw[i] = total[i] - share[i] * pull[i]
            for p in range(pieces):
                i = name[p]
                dx[p] = (dx[p] - curvature[i] * dw[i] - pull[i]) / theta[p]
                room_change[p], room_change[pieces + p] = dx[p], -dx[p]
            for k in range(cuts):
                room_change[first_cut + k] = (rest_pairs[first_cut + k] - room[first_cut + k] * dy[k]) / y[k]
            for r in range(q):
                dv[r] = (row_pull[r] + dy[cuts + r]) * loose[r]
            for b in range(walls):
                room_change[first_wall + b] = inward[b] * dv[wall[b]]
            for p in range(all_room):
                price_change[p] = (rest_pairs[p] - price[p] * room_change[p]) / room[p]
            step = _reach(price, price_change, _reach(room, room_change, 1.0 / BOUNDARY))
            step = min(1.0, BOUNDARY * step) if corrected else min(1.0, step)
        _move(room, step, room_change)
        _move(price, step, price_change)
        _move(w, step, dw)
        _move(y, step, dy)
        _move(v, step, dv)
        t += step * dt
    return w, y, steps
