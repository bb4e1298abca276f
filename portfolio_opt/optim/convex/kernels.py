"""The inner loops of the separable solver, compiled: Newton on the small dual, and the certificate of its answer.

For prices y of the factors and v of the rows each variable has a closed form: with z = m - F y - A'v, the response

    w(z) = argmin  d/2 w² - z w + cost(w)  over its box  =  clip( max_j min((z - slope_j) / d, kink_j) )

and the dual is  D(y, v) = |y|²/2 + sum_i conjugate_i(z_i) + support(v),  convex, with gradient (y - F'w, side - A w) and
second derivative I + sum_i a_i a_i' w_i'(z_i), a_i being a variable's loadings and row entries.

Few variables are free at a time, so the second derivative at a point says little about a step away from it. Newton here uses
the mean of w' over the interval that the last step crossed: as steps shrink that becomes w' itself, and the end is exact.

All in one file, because numba's cache notices no change in another.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
Figures = tuple[float, float, float, float, float]
Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compiled once a machine, run without Python's lock; sums may be reordered, but NaN and infinity keep their meaning."""
    return cast(Function, njit(cache=True, nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")(function))


CONVERGED, LIMIT, RAY = 0, 1, 2
ROWS_MET = 1e-10  # relative violation of a row at which an answer is good; a few more steps then make it exact
MORE_STEPS, MANY_MORE = 3, 25  # at most; the many where a proximal term asks for exact prices
ROWS_EXACT, GAP_EXACT = 1e-12, 1e-22
SINGULAR, LIFTED = (
    1e-9,
    1e-4,
)  # of the curvature that a row has with all names free: a pivot below one becomes the other
SEARCHES = 60
FLAT = 0.4  # the line search ends where the slope has fallen to this share
FAR = 1e9  # steps: a dual that still falls there falls for ever
REACH = 0.5  # of the last step: half the interval over which responses are averaged
REACH_KEPT = 0.7  # of the last interval, at least, after a step that the line search cut below SHORT
PATIENCE = 25  # steps after which the intervals shrink faster in such a case, and after as many again slowly once more
SHORT = 0.3
BLOCK = 8  # names added to the curvature at a time
LANES = 16  # the short inner loops run over multiples of this, which is what makes them vectorise
AFAR = 1.4  # first breadth of the averaged responses where nothing is known
NEARBY = 0.01  # first breadth where the start is the answer to a similar programme
WEAK = 1e-7  # of the natural curvature: less own curvature than this needs a proximal term
LEVEL = 1e-9  # of the terms that a slope is summed from: less is none, for names that nothing bounds and nothing curves
RESOLUTION = 1e-6  # of what the terms come to across the box: a smaller size of them is not to be relative to
ROW_RESOLUTION = 1e-4  # the same for the terms of a row
LEAST_CHANGE = 1e-9  # of 1 / d: a smaller change of a name's weight leaves the curvature as it is


class Data(NamedTuple):
    """A programme, variables in the last axis of kinks (J, n) and slopes (J + 1, n).

    C: (n, P) loadings, then row entries of each name, then zeros up to a multiple of LANES; k: factors
    row_curvature: (q,) that each row has with all names free; row_floor (q,), floor: least sizes against which what is left of
        a row or of the gap is measured
    """

    C: Matrix
    k: int
    m: Vector
    d: Vector
    inverse: Vector
    kinks: Matrix
    slopes: Matrix
    lower: Vector
    upper: Vector
    row_lower: Vector
    row_upper: Vector
    equal: Mask
    row_curvature: Vector
    row_floor: Vector
    floor: float


class Point(NamedTuple):
    """Prices of factors and rows, the responses w to them, the sums C'w, and the dual's gradient; each (P,) but z and w.

    side: the limit that each row's price pays for; active: rows that have one; upward: whose price is on the positive side
    """

    prices: Vector
    z: Vector
    w: Vector
    sums: Vector
    gradient: Vector
    side: Vector
    active: Mask
    upward: Mask


class Curvature(NamedTuple):
    """H: (P, P) sum of c_i c_i' weight_i; L: factor of I + its y-block; V = H_vy L'^-1; S: what is left for the rows."""

    weight: Vector
    H: Matrix
    L: Matrix
    V: Matrix
    S: Matrix


@compiled
def side_by_side(F: Matrix, A: Matrix) -> Matrix:
    """C of Data."""
    n, k = F.shape
    q = len(A)
    C = np.zeros((n, (k + q + LANES - 1) // LANES * LANES))
    for i in range(n):
        for c in range(k):
            C[i, c] = F[i, c]
        for j in range(q):
            C[i, k + j] = A[j, i]
    return C


@compiled
def data_of(
    C: Matrix,
    k: int,
    m: Vector,
    d: Vector,
    kinks: Matrix,
    slopes: Matrix,
    lower: Vector,
    upper: Vector,
    row_lower: Vector,
    row_upper: Vector,
    scale: float,
) -> Data:
    """Data of a programme, its linear part and slopes over scale.

    A kink at which the slope does not change becomes its right neighbour.
    """
    n, count = kinks.shape
    q = len(row_lower)
    at, slope = np.empty((count, n)), np.empty((count + 1, n))
    inverse, curvature, row_floor, floor = np.empty(n), np.zeros(q), np.zeros(q), 0.0
    for i in range(n):
        inverse[i] = 1.0 / d[i]
        slope[count, i] = slopes[i, count] / scale
        right = np.inf
        for j in range(count - 1, -1, -1):
            slope[j, i] = slopes[i, j] / scale
            if slopes[i, j] < slopes[i, j + 1]:
                right = kinks[i, j]
            at[j, i] = right
        width = upper[i] - lower[i]
        if width > 0.0:
            for j in range(q):
                curvature[j] += C[i, k + j] * C[i, k + j] * inverse[i]
            if width < np.inf:
                floor += ((abs(m[i]) + abs(slopes[i, 0]) + abs(slopes[i, count])) / scale + d[i] * width) * width
                for j in range(q):
                    row_floor[j] += ROW_RESOLUTION * abs(C[i, k + j]) * width
    for j in range(q):
        if curvature[j] == 0.0:
            curvature[j] = 1.0
    equal = row_lower == row_upper
    return Data(
        C, k, m / scale, d, inverse, at, slope, lower, upper, row_lower, row_upper, equal,
        curvature, row_floor, RESOLUTION * floor,
    )  # fmt: skip


@compiled
def respond(data: Data, z: Vector, dz: Vector, t: float, w: Vector) -> None:
    """Fill w with the responses to z + t dz."""
    kinks, slopes, inverse, lower, upper = data.kinks, data.slopes, data.inverse, data.lower, data.upper
    count, n = kinks.shape
    for i in range(n):
        w[i] = (z[i] + t * dz[i] - slopes[count, i]) * inverse[i]
    for j in range(count):
        for i in range(n):
            w[i] = max(w[i], min((z[i] + t * dz[i] - slopes[j, i]) * inverse[i], kinks[j, i]))
    for i in range(n):
        w[i] = min(max(w[i], lower[i]), upper[i])


@compiled
def mark_free(data: Data, w: Vector, free: Mask) -> None:
    """Whether each response moves with its z."""
    kinks, lower, upper = data.kinks, data.lower, data.upper
    count, n = kinks.shape
    for i in range(n):
        free[i] = (w[i] > lower[i]) & (w[i] < upper[i])
    for j in range(count):
        for i in range(n):
            free[i] &= w[i] != kinks[j, i]


@compiled
def times(C: Matrix, prices: Vector, out: Vector) -> None:
    """out = C prices."""
    n, width = C.shape
    for i in range(n):
        total = 0.0
        for c in range(width):
            total += C[i, c] * prices[c]
        out[i] = total


@compiled
def move_to(C: Matrix, w: Vector, old: Vector, sums: Vector) -> None:
    """Overwrite the responses `old` by w; their sums follow, touching only names that changed."""
    n, width = C.shape
    for i in range(n):
        change = w[i] - old[i]
        if change != 0.0:
            for c in range(width):
                sums[c] += change * C[i, c]
            old[i] = w[i]


@compiled
def choose_sides(data: Data, point: Point) -> None:
    """The gradient of the dual, and which rows' prices may move and on which side of zero."""
    for c in range(data.k):
        point.gradient[c] = point.prices[c] - point.sums[c]
    for j in range(len(point.side)):
        price, value = point.prices[data.k + j], point.sums[data.k + j]
        point.active[j] = True
        if data.equal[j] or price > 0.0 or (price == 0.0 and value > data.row_upper[j]):
            point.side[j] = data.row_upper[j]
        elif price < 0.0 or value < data.row_lower[j]:
            point.side[j] = data.row_lower[j]
        else:
            point.active[j] = False
            point.side[j] = value
        off = point.side[j] - value
        point.gradient[data.k + j] = off
        point.upward[j] = price > 0.0 or (price == 0.0 and off < 0.0)


@compiled
def add_curvature(C: Matrix, used: int, H: Matrix, weight: Vector, names: Ints, count: int) -> None:
    """Add weight_i c_i c_i' of the first `count` names to the lower half of the first `used` rows of H."""
    width = C.shape[1]
    X, s = np.zeros((BLOCK, width)), np.zeros(BLOCK)
    for start in range(0, count, BLOCK):
        for b in range(BLOCK):
            s[b] = 0.0
            if start + b < count:
                i = names[start + b]
                s[b] = weight[i]
                for c in range(width):
                    X[b, c] = C[i, c]
        for r in range(used):
            s0, s1, s2, s3 = s[0] * X[0, r], s[1] * X[1, r], s[2] * X[2, r], s[3] * X[3, r]
            s4, s5, s6, s7 = s[4] * X[4, r], s[5] * X[5, r], s[6] * X[6, r], s[7] * X[7, r]
            for c in range((r // LANES + 1) * LANES):
                H[r, c] += (
                    s0 * X[0, c] + s1 * X[1, c] + s2 * X[2, c] + s3 * X[3, c]
                    + s4 * X[4, c] + s5 * X[5, c] + s6 * X[6, c] + s7 * X[7, c]
                )  # fmt: skip


@compiled
def reweigh(data: Data, curvature: Curvature, weight: Vector) -> None:
    """Bring H to new weights: by what changed, or from nothing where most did or where nothing is known yet."""
    n, used = len(weight), data.k + len(data.equal)
    change, names = np.empty(n), np.empty(n, np.int64)
    count, weighed = 0, 0
    for i in range(n):
        weighed += weight[i] != 0.0
        change[i] = weight[i] - curvature.weight[i]
        if abs(change[i]) > LEAST_CHANGE * data.inverse[i]:
            names[count] = i
            count += 1
    if 2 * count > weighed:
        curvature.H[:] = 0.0
        count = 0
        for i in range(n):
            if weight[i] != 0.0:
                names[count] = i
                count += 1
            curvature.weight[i] = weight[i]
        add_curvature(data.C, used, curvature.H, weight, names, count)
    else:
        for a in range(count):
            curvature.weight[names[a]] = weight[names[a]]
        add_curvature(data.C, used, curvature.H, change, names, count)


@compiled
def factorise(H: Matrix, L: Matrix) -> bool:
    """Cholesky factor L of I + the leading block of H; False where rounding has made that indefinite."""
    for r in range(len(L)):
        for c in range(r + 1):
            total = H[r, c]
            for e in range(c):
                total -= L[r, e] * L[c, e]
            if r > c:
                L[r, c] = total / L[c, c]
            else:
                if not total + 1.0 > 0.0:
                    return False
                L[r, r] = np.sqrt(total + 1.0)
    return True


@compiled
def eliminate_factors(curvature: Curvature, active: Mask) -> None:
    """V and S of the active rows."""
    H, L, V, S = curvature.H, curvature.L, curvature.V, curvature.S
    k = len(L)
    for j in range(len(active)):
        if active[j]:
            for c in range(k):
                total = H[k + j, c]
                for e in range(c):
                    total -= V[j, e] * L[c, e]
                V[j, c] = total / L[c, c]
            for o in range(j + 1):
                total = H[k + j, k + o]
                for c in range(k):
                    total -= V[j, c] * V[o, c]
                S[j, o] = total


@compiled
def forward(L: Matrix, b: Vector) -> None:
    """b := L^-1 b."""
    for r in range(len(b)):
        total = b[r]
        for c in range(r):
            total -= L[r, c] * b[c]
        b[r] = total / L[r, r]


@compiled
def backward(L: Matrix, b: Vector) -> None:
    """b := L'^-1 b."""
    for r in range(len(b) - 1, -1, -1):
        b[r] /= L[r, r]
        for c in range(r):
            b[c] -= L[r, c] * b[r]


@compiled
def solve_rows(S: Matrix, row_curvature: Vector, target: Vector, moving: Mask, step: Vector) -> None:
    """Solve S step = target over the `moving` rows, the other steps given; S (its lower half) is positive semidefinite.

    Prices of rows without free names move far, by a raised pivot: the line search stops them where a name becomes free.
    """
    q = len(step)
    rows = np.flatnonzero(moving)
    count = len(rows)
    M, rhs = np.empty((count, count)), np.empty(count)
    for a in range(count):
        j = rows[a]
        rhs[a] = target[j]
        for o in range(q):
            if not moving[o] and step[o] != 0.0:
                rhs[a] -= S[max(j, o), min(j, o)] * step[o]
        for b in range(a + 1):
            entry = S[j, rows[b]]
            for e in range(b):
                entry -= M[a, e] * M[b, e]
            if b < a:
                M[a, b] = entry / M[b, b]
            else:
                lifted = entry <= SINGULAR * row_curvature[j]
                M[a, a] = np.sqrt(LIFTED * row_curvature[j] if lifted else entry)
    forward(M, rhs)
    backward(M, rhs)
    for a in range(count):
        step[rows[a]] = rhs[a]


@compiled
def row_steps(data: Data, point: Point, S: Matrix, target: Vector, step: Vector) -> None:
    """The steps of the row prices that minimise the model step'S step/2 - target'step, each price kept on its side of zero.

    Prices that would cross zero are held there; one that the model would rather have back is released, a bounded number of times.
    """
    q = len(step)
    v, size = point.prices[data.k : data.k + q], data.row_curvature
    moving = point.active.copy()
    step[:] = 0.0
    for _ in range(3 * q + 3):
        solve_rows(S, size, target, moving, step)
        crossing = False
        for j in range(q):
            if moving[j] and not data.equal[j] and (v[j] + step[j] if point.upward[j] else -v[j] - step[j]) < 0.0:
                moving[j] = False
                step[j] = -v[j]
                crossing = True
        if crossing:
            continue
        strongest, released = 1e-12, -1
        for j in range(q):
            if point.active[j] and not moving[j]:
                pull, scale = target[j], abs(target[j])
                for o in range(q):
                    if point.active[o]:
                        part = S[max(j, o), min(j, o)] * step[o]
                        pull -= part
                        scale += abs(part)
                pull = pull if point.upward[j] else -pull
                if pull > strongest * scale:
                    strongest, released = pull / scale, j
        if released < 0:
            return
        moving[released] = True


@compiled
def direction(data: Data, point: Point, curvature: Curvature, step: Vector) -> None:
    """The Newton step of the prices for the curvature as weighed; the rows' prices stay on their side of zero."""
    if not factorise(curvature.H, curvature.L):  # rounding of many changes: weigh afresh
        weight = curvature.weight.copy()
        curvature.weight[:] = np.inf
        reweigh(data, curvature, weight)
        factorise(curvature.H, curvature.L)
    eliminate_factors(curvature, point.active)
    k, q = data.k, len(data.equal)
    L, V = curvature.L, curvature.V
    target = np.zeros(q)
    step_y, step_v = step[:k], step[k : k + q]
    for c in range(k):
        step_y[c] = -point.gradient[c]
    forward(L, step_y)
    for j in range(q):
        if point.active[j]:
            target[j] = -point.gradient[k + j]
            for c in range(k):
                target[j] -= V[j, c] * step_y[c]
    row_steps(data, point, curvature.S, target, step_v)
    for j in range(q):
        if step_v[j] != 0.0:
            for c in range(k):
                step_y[c] -= V[j, c] * step_v[j]
    backward(L, step_y)


@compiled
def slope_at(data: Data, z: Vector, dz: Vector, t: float, w: Vector, constant: float, quadratic: float) -> float:
    """Slope of the dual at t along a step; fills w with the responses there."""
    respond(data, z, dz, t, w)
    total = constant + t * quadratic
    for i in range(len(w)):
        total += w[i] * dz[i]
    return total


@compiled
def line_search(
    data: Data, z: Vector, dz: Vector, w: Vector, constant: float, quadratic: float, start: float, furthest: float
) -> float:
    """A step t at which the dual's slope, `start` < 0 at 0, has nearly vanished; w holds the responses there.

    The slope rises piecewise linearly: bracket its zero, then regula falsi with halving (Illinois).
    """
    low, slope_low = 0.0, start
    t = min(1.0, furthest)
    slope = slope_at(data, z, dz, t, w, constant, quadratic)
    near = -FLAT * start
    while slope < -near and t < furthest and t < FAR:
        low, slope_low = t, slope
        t = min(t * (4.0 if t < 100.0 else 100.0), furthest)
        slope = slope_at(data, z, dz, t, w, constant, quadratic)
    if slope <= near:
        return t
    high, slope_high = t, slope
    for _ in range(SEARCHES):
        t = low + (high - low) * slope_low / (slope_low - slope_high)
        if not low < t < high:
            t = (low + high) / 2
        slope = slope_at(data, z, dz, t, w, constant, quadratic)
        if abs(slope) <= near:
            break
        if slope < 0.0:
            low, slope_low = t, slope
            slope_high /= 2
        else:
            high, slope_high = t, slope
            slope_low /= 2
    return t


@compiled
def average_weights(
    data: Data, z: Vector, reach: Vector, above: Vector, below: Vector, free: Mask, weight: Vector
) -> None:
    """weight = the mean of w' over z ± reach, w' itself where reach is nothing."""
    respond(data, z, reach, 1.0, above)
    respond(data, z, reach, -1.0, below)
    for i in range(len(z)):
        if reach[i] > 1e-10 * abs(z[i]):
            weight[i] = min((above[i] - below[i]) / (2 * reach[i]), data.inverse[i])
        else:
            weight[i] = data.inverse[i] if free[i] else 0.0


@compiled
def row_violation(data: Data, point: Point, row_size: Vector) -> float:
    """Largest violation of an active row, relative to the size of what is summed; row_size is refreshed where it is small."""
    k, q = data.k, len(row_size)
    worst = 0.0
    for refresh in range(2):
        if refresh:
            row_size[:] = 0.0
            for i in range(len(point.w)):
                if point.w[i] != 0.0:
                    for j in range(q):
                        row_size[j] += abs(data.C[i, k + j] * point.w[i])
        worst = 0.0
        for j in range(q):
            if point.gradient[k + j] != 0.0:
                worst = max(worst, abs(point.gradient[k + j]) / (abs(point.side[j]) + row_size[j] + data.row_floor[j]))
        if worst == 0.0 or worst > 1e-6:
            return worst
    return worst


@compiled
def relative_gap(data: Data, point: Point) -> tuple[float, float]:
    """(primal less dual objective at the responses, the part that factor prices cause) over the size of the terms of both."""
    factor_gap, row_gap, size = 0.0, 0.0, data.floor
    for c in range(data.k):
        factor_gap += point.gradient[c] * point.gradient[c] / 2
        size += point.sums[c] * point.sums[c] / 2
    for j in range(len(point.side)):
        price = point.prices[data.k + j]
        row_gap += abs(price * point.gradient[data.k + j])
        size += abs(price * point.side[j])
    if factor_gap + row_gap == 0.0:
        return 0.0, 0.0
    for i in range(len(point.w)):
        size += abs(data.m[i] * point.w[i]) + data.d[i] * point.w[i] * point.w[i] / 2
    return (factor_gap + row_gap) / size, factor_gap / size


@compiled
def start_at(data: Data, y: Vector, v: Vector) -> Point:
    """The point at prices (y, v); a price for a side without limit is dropped."""
    n, width = data.C.shape
    k, q = data.k, len(v)
    point = Point(
        np.zeros(width), np.empty(n), np.zeros(n), np.zeros(width), np.zeros(width),
        np.empty(q), np.zeros(q, np.bool_), np.zeros(q, np.bool_),
    )  # fmt: skip
    point.prices[:k] = y
    for j in range(q):
        limit = data.row_upper[j] if v[j] > 0.0 else data.row_lower[j]
        point.prices[k + j] = v[j] if np.isfinite(limit) else 0.0
    times(data.C, point.prices, point.z)
    for i in range(n):
        point.z[i] = data.m[i] - point.z[i]
    w = np.empty(n)
    respond(data, point.z, point.z, 0.0, w)
    move_to(data.C, w, point.w, point.sums)
    return point


@compiled
def newton(
    data: Data, y: Vector, v: Vector, breadth: float, limit: int, tolerance: float, more: int
) -> tuple[int, int, Vector]:
    """Minimise the dual from prices (y, v), both overwritten. Returns (how it ended, steps, responses).

    breadth: of the first interval, as a share of how far the z lie apart: AFAR, or less from a start nearby
    tolerance: of the relative gap; once that is met, at most `more` steps follow to make the answer exact
    On a ray v becomes the direction in which the dual falls for ever.
    """
    n, width = data.C.shape
    k, q = data.k, len(v)
    point = start_at(data, y, v)
    prices, z, w = point.prices, point.z, point.w
    curvature = Curvature(
        np.full(n, np.inf), np.zeros((width, width)), np.zeros((k, k)), np.zeros((q, k)), np.zeros((q, q))
    )
    step, row_size = np.zeros(width), np.zeros(q)
    dz, trial, above, below, weight = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    free = np.empty(n, np.bool_)
    centre = z.mean()
    reach = np.full(n, breadth * np.abs(z - centre).mean())
    good, code, taken = 0, LIMIT, limit

    for count in range(limit + 1):
        choose_sides(data, point)
        worst = row_violation(data, point, row_size)
        if worst <= ROWS_MET:
            gap, factor_gap = relative_gap(data, point)
            if gap <= tolerance:
                good += 1
                if good > more or (worst <= ROWS_EXACT and factor_gap <= GAP_EXACT):
                    code, taken = CONVERGED, count
                    break
        if count == limit:
            break

        mark_free(data, w, free)
        average_weights(data, z, reach, above, below, free, weight)
        reweigh(data, curvature, weight)
        direction(data, point, curvature, step)

        times(data.C, step, dz)
        constant, quadratic, furthest = 0.0, 0.0, np.inf
        for c in range(k):
            constant += prices[c] * step[c]
            quadratic += step[c] * step[c]
        for j in range(q):
            constant += point.side[j] * step[k + j]
            if not data.equal[j] and prices[k + j] * step[k + j] < 0.0:
                furthest = min(furthest, -prices[k + j] / step[k + j])
        slope = constant
        for i in range(n):
            dz[i] = -dz[i]
            slope += w[i] * dz[i]
        if slope < 0.0:
            t = line_search(data, z, dz, trial, constant, quadratic, slope, furthest)
        else:  # only rounding can do that
            t = min(1.0, furthest)
            respond(data, z, dz, t, trial)
        if t >= FAR:
            v[:] = step[k : k + q]
            return RAY, count, w
        for c in range(k):
            prices[c] += t * step[c]
        for j in range(k, k + q):
            crossed = not data.equal[j - k] and prices[j] * step[j] < 0.0 and t >= -prices[j] / step[j]
            prices[j] = 0.0 if crossed else prices[j] + t * step[j]
        patient = (count // PATIENCE) % 2 == 0
        for i in range(n):
            moved = abs(t * dz[i])
            z[i] += t * dz[i]
            if t < SHORT:
                kept = REACH_KEPT * reach[i] if patient else np.sqrt(REACH * moved * reach[i])
                reach[i] = max(REACH * moved, kept)
            else:
                reach[i] = REACH * moved
        move_to(data.C, trial, w, point.sums)
    polish(data, point, curvature, row_size)
    y[:] = prices[:k]
    v[:] = prices[k : k + q]
    return code, taken, w


@compiled
def polish(data: Data, point: Point, curvature: Curvature, row_size: Vector) -> None:
    """Move the free names by the Newton step itself, not by their z, whose rounding a small d magnifies; kept where it helps."""
    n, width = data.C.shape
    free, weight, w = np.empty(n, np.bool_), np.empty(n), np.empty(n)
    step, dz = np.zeros(width), np.empty(n)
    choose_sides(data, point)
    for _ in range(3):
        before = row_violation(data, point, row_size)
        if before <= ROWS_EXACT:
            return
        mark_free(data, point.w, free)
        for i in range(n):
            weight[i] = data.inverse[i] if free[i] else 0.0
        reweigh(data, curvature, weight)
        direction(data, point, curvature, step)
        times(data.C, step, dz)
        for i in range(n):
            w[i] = point.w[i]
            if free[i]:
                w[i] = min(max(w[i] - dz[i] * data.inverse[i], data.lower[i]), data.upper[i])
        old = point.w.copy()
        move_to(data.C, w, point.w, point.sums)
        choose_sides(data, point)
        if not row_violation(data, point, row_size) < before:
            move_to(data.C, old, point.w, point.sums)
            choose_sides(data, point)
            return


@compiled
def natural_curvature(F: Matrix, m: Vector, slopes: Matrix, lower: Vector, upper: Vector) -> Vector:
    """(n,) the curvature that moves a name across its box with the slopes there are, or that the factors give it."""
    n, k = F.shape
    natural = np.empty(n)
    widest, most = 0.0, 0.0
    for i in range(n):
        width = upper[i] - lower[i]
        if width < np.inf:
            widest = max(widest, width)
    for i in range(n):
        factors = 0.0
        for c in range(k):
            factors += F[i, c] * F[i, c]
        slope = abs(m[i]) + max(abs(slopes[i, 0]), abs(slopes[i, -1]))
        width = upper[i] - lower[i]
        if not 0.0 < width < np.inf:
            width = widest if widest > 0.0 else 1.0
        natural[i] = max(slope / width, factors)
        most = max(most, natural[i])
    for i in range(n):
        if natural[i] == 0.0:
            natural[i] = most if most > 0.0 else 1.0
    return natural


@compiled
def solve_from(
    C: Matrix,
    k: int,
    m: Vector,
    d: Vector,
    kinks: Matrix,
    slopes: Matrix,
    lower: Vector,
    upper: Vector,
    row_lower: Vector,
    row_upper: Vector,
    point: Vector,
    v: Vector,
    breadth: float,
    limit: int,
    tolerance: float,
    more: int,
) -> tuple[int, int, Vector]:
    """newton() on a programme, C as of Data, from the factor prices of `point` and row prices v, which are overwritten."""
    y = np.zeros(C.shape[1])
    for i in range(len(m)):
        held = min(max(point[i], lower[i]), upper[i])
        if held != 0.0:
            for c in range(len(y)):
                y[c] += held * C[i, c]
    data = data_of(C, k, m, d, kinks, slopes, lower, upper, row_lower, row_upper, 1.0)
    return newton(data, y[:k], v, breadth, limit, tolerance, more)


@compiled
def solve_plainly(
    F: Matrix,
    A: Matrix,
    m: Vector,
    d: Vector,
    kinks: Matrix,
    slopes: Matrix,
    origin: Vector,
    lower: Vector,
    upper: Vector,
    row_lower: Vector,
    row_upper: Vector,
    point: Vector,
    v: Vector,
    breadth: float,
    limit: int,
    tolerance: float,
) -> tuple[bool, int, Vector, Figures, Vector]:
    """(whether Newton could be tried, steps, point, figures of certify(), prices that may prove that there is no answer).

    It is not tried where a name has next to no curvature of its own.
    """
    natural = natural_curvature(F, m, slopes, lower, upper)
    for i in range(len(d)):
        if d[i] <= WEAK * natural[i]:
            return False, 0, point, (np.nan, np.inf, np.inf, np.inf, np.nan), v
    C, k = side_by_side(F, A), F.shape[1]
    code, steps, w = solve_from(
        C, k, m, d, kinks, slopes, lower, upper, row_lower, row_upper, point, v, breadth, limit, tolerance, MORE_STEPS
    )
    ray = v.copy()
    if code == RAY:
        v[:] = 0.0
    return True, steps, w, certify(C, k, m, d, kinks, slopes, origin, lower, upper, row_lower, row_upper, w, v), ray


@compiled
def best_response(
    z: float, d: float, i: int, kinks: Matrix, slopes: Matrix, lower: float, upper: float, level: float, near: float
) -> float:
    """The minimiser of d/2 w² - z w + cost(w) for name i, also where d is 0: the one nearest to `near` where there are many.

    level: a slope not larger than that drives nothing to infinity
    """
    j = 0
    while j < kinks.shape[1] and z > slopes[i, j] + d * kinks[i, j]:
        j += 1
    left = z - slopes[i, j]
    floor = max(lower, kinks[i, j - 1]) if j > 0 else lower
    ceiling = min(upper, kinks[i, j]) if j < kinks.shape[1] else upper
    if d > 0.0:
        w = left / d
    elif left == 0.0 or (abs(left) <= level and np.isinf(ceiling if left > 0.0 else floor)):
        w = near
    else:
        w = np.inf if left > 0.0 else -np.inf
    return min(max(min(max(w, floor), ceiling), lower), upper)


@compiled
def cost_between(a: float, b: float, i: int, kinks: Matrix, slopes: Matrix) -> float:
    """cost(b) - cost(a) for name i."""
    total = slopes[i, 0] * (b - a)
    for j in range(kinks.shape[1]):
        total += (slopes[i, j + 1] - slopes[i, j]) * (max(b - kinks[i, j], 0.0) - max(a - kinks[i, j], 0.0))
    return total


@compiled
def certify(
    C: Matrix,
    k: int,
    m: Vector,
    d: Vector,
    kinks: Matrix,
    slopes: Matrix,
    origin: Vector,
    lower: Vector,
    upper: Vector,
    row_lower: Vector,
    row_upper: Vector,
    w: Vector,
    v: Vector,
) -> Figures:
    """(objective, residual, violation, gap, size of the objective's terms) at w with row prices v, from nothing else.

    residual: as the programme's; violation: the same, but of a row relative to its own terms alone, whatever the unit of weight
    Neither a row's size nor that of the terms is taken to be less than a small part of what they come to across the box; a name
    without one counts, in the rows, as going as far as the largest weight, its origin and its kinks.

    The gap is a sum of terms that are each at least 0: what a name loses against its best response to the prices, and what a
    price pays for more than the row uses. So nothing cancels, and gaps far below the rounding of the objective mean something.
    """
    n, width = C.shape
    q = len(v)
    prices, sums, across, strength = np.zeros(width), np.zeros(width), np.zeros(width), np.zeros(width)
    pull, terms = np.empty(n), np.empty(n)
    for i in range(n):
        if w[i] != 0.0:
            for c in range(width):
                sums[c] += C[i, c] * w[i]
                across[c] += abs(C[i, c] * w[i])
    prices[:k] = sums[:k]
    prices[k : k + q] = v
    for c in range(width):
        strength[c] = abs(prices[c])
    objective, gap, residual, violation, coarse = 0.0, 0.0, 0.0, 0.0, 0.0
    row_floor, largest = np.zeros(width), 0.0
    for i in range(n):
        largest = max(largest, abs(w[i]))
    for i in range(n):
        reach = upper[i] - lower[i]
        if reach == np.inf:  # as far as any name went, or as its own cost says
            reach = max(largest, abs(origin[i]))
            for j in range(kinks.shape[1]):
                reach = max(reach, abs(kinks[i, j]))
        for c in range(width):
            row_floor[c] += ROW_RESOLUTION * abs(C[i, c]) * reach
    for c in range(k):
        objective += sums[c] * sums[c] / 2
    size = objective
    for j in range(q):
        value = sums[k + j]
        off = max(row_lower[j] - value, value - row_upper[j])
        residual = max(residual, off / (1.0 + across[k + j]))
        if off > 0.0:
            violation = max(violation, off / max(across[k + j], row_floor[k + j]))
        if v[j] != 0.0:
            side = row_upper[j] if v[j] > 0.0 else row_lower[j]
            gap += max(v[j] * (side - value), 0.0)
            size += abs(v[j]) * across[k + j]
    for i in range(n):
        total, absolute, square = 0.0, 0.0, d[i]
        for c in range(width):
            total += C[i, c] * prices[c]
            absolute += abs(C[i, c]) * strength[c]
        for c in range(k):
            square += C[i, c] * C[i, c]
        pull[i] = m[i] - total
        terms[i] = abs(m[i]) + absolute
        across_box = upper[i] - lower[i]
        if across_box < np.inf:
            coarse += (terms[i] + abs(slopes[i, 0]) + abs(slopes[i, -1]) + square * across_box) * across_box
    for i in range(n):
        z = pull[i]
        best = best_response(z, d[i], i, kinks, slopes, lower[i], upper[i], LEVEL * terms[i], w[i])
        cost = cost_between(origin[i], w[i], i, kinks, slopes)
        objective += d[i] * w[i] * w[i] / 2 - m[i] * w[i] + cost
        size += d[i] * w[i] * w[i] / 2 + abs(m[i] * w[i]) + abs(cost)
        if np.isinf(best):
            gap = np.inf
        elif best != w[i]:
            lost = (w[i] - best) * (d[i] * (w[i] + best) / 2 - z) + cost_between(best, w[i], i, kinks, slopes)
            gap += max(lost, 0.0)
        outside = max(lower[i] - w[i], w[i] - upper[i]) / (1.0 + abs(w[i]))
        residual, violation = max(residual, outside), max(violation, outside)
    return objective, residual, violation, gap, max(size, RESOLUTION * coarse)


class Stack(NamedTuple):
    """Programmes that share loadings F, diagonal d and rows A; every other array has a leading axis of one or of all of them.

    scale: (B,) what multiplies the quadratic of each
    """

    F: Matrix
    A: Matrix
    d: Vector
    m: Matrix
    kinks: NDArray[np.float64]
    slopes: NDArray[np.float64]
    origin: Matrix
    lower: Matrix
    upper: Matrix
    row_lower: Matrix
    row_upper: Matrix
    scale: Vector


class Answers(NamedTuple):
    """What solve_stack fills in: points, row prices, (objective, residual, violation, gap, size of the terms), steps.

    Points and prices may hold answers to similar programmes to begin from.
    """

    w: Matrix
    v: Matrix
    figures: Matrix
    steps: NDArray[np.int64]


@compiled
def solve_stack(
    stack: Stack,
    C: Matrix,
    first: int,
    last: int,
    ordered: bool,
    started: bool,
    limit: int,
    tolerance: float,
    answers: Answers,
) -> None:
    """Solve programmes first to last - 1, each from its own origin, or from what is in answers if started. C: as of Data

    ordered: they are one programme at a sequence of scales, each started from the ones before: in 1/scale the path of the prices
    is piecewise linear, so that two answers foretell the third.
    """
    n, k = stack.F.shape
    q = len(stack.A)
    y, v, y_before, v_before = np.zeros(k), np.zeros(q), np.zeros(k), np.zeros(q)
    for b in range(first, last):
        scale = stack.scale[b]
        m, origin = stack.m[b % len(stack.m)], stack.origin[b % len(stack.origin)]
        kinks, slopes = stack.kinks[b % len(stack.kinks)], stack.slopes[b % len(stack.slopes)]
        lower, upper = stack.lower[b % len(stack.lower)], stack.upper[b % len(stack.upper)]
        row_lower, row_upper = stack.row_lower[b % len(stack.row_lower)], stack.row_upper[b % len(stack.row_upper)]
        data = data_of(C, k, m, stack.d, kinks, slopes, lower, upper, row_lower, row_upper, scale)
        breadth = AFAR
        if b == first or not ordered:
            y[:] = 0.0
            v[:] = 0.0
            if started:
                breadth = NEARBY
                for j in range(q):
                    now = answers.v[b, j] / scale
                    v[j] = (
                        now if data.equal[j] or (row_upper[j] < np.inf and now > 0.0) or row_lower[j] > -np.inf else 0.0
                    )
            for i in range(n):
                held = min(max(answers.w[b, i] if started else origin[i], lower[i]), upper[i])
                if held != 0.0:
                    for c in range(k):
                        y[c] += held * stack.F[i, c]
        else:
            breadth = NEARBY
            ahead = 0.0
            if b > first + 1 and stack.scale[b - 1] != stack.scale[b - 2]:
                ahead = (1 / scale - 1 / stack.scale[b - 1]) / (1 / stack.scale[b - 1] - 1 / stack.scale[b - 2])
            for c in range(k):
                y[c], y_before[c] = y[c] + ahead * (y[c] - y_before[c]), y[c]
            for j in range(q):
                now = v[j] + ahead * (v[j] - v_before[j])
                v_before[j] = v[j]
                v[j] = now if data.equal[j] or now * v[j] > 0.0 else 0.0
        code, taken, w = newton(data, y, v, breadth, limit, tolerance, MORE_STEPS)
        answers.steps[b] = taken
        answers.w[b] = w
        if code == RAY:
            v[:] = 0.0
        answers.v[b] = scale * v
        certify_answer(stack, C, b, answers)


@compiled
def certify_answer(stack: Stack, C: Matrix, b: int, answers: Answers) -> None:
    """Fill in the figures of answer b."""
    scale = stack.scale[b]
    objective, residual, violation, gap, size = certify(
        C, stack.F.shape[1], stack.m[b % len(stack.m)] / scale, stack.d, stack.kinks[b % len(stack.kinks)],
        stack.slopes[b % len(stack.slopes)] / scale, stack.origin[b % len(stack.origin)],
        stack.lower[b % len(stack.lower)], stack.upper[b % len(stack.upper)],
        stack.row_lower[b % len(stack.row_lower)], stack.row_upper[b % len(stack.row_upper)],
        answers.w[b], answers.v[b] / scale,
    )  # fmt: skip
    answers.figures[b, 0] = scale * objective
    answers.figures[b, 1] = residual
    answers.figures[b, 2] = violation
    answers.figures[b, 3] = scale * gap
    answers.figures[b, 4] = scale * size


@compiled
def certify_stack(stack: Stack, answers: Answers) -> None:
    """Fill in the figures of all answers."""
    C = side_by_side(stack.F, stack.A)
    for b in range(len(stack.scale)):
        certify_answer(stack, C, b, answers)
