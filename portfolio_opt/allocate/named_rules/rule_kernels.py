"""The inner loops of the rules, compiled: a look at a covariance, coordinate descent, and the splits of HRP."""

import numpy as np
from numpy.typing import NDArray

from ...optim.convex.kernels import compiled

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
TILE = 32  # rows and columns that are mirrored at a time, so that both stay in the cache


@compiled
def largest_and_asymmetry(C: Matrix) -> tuple[float, float]:
    """(largest size of an entry, largest difference of two mirrored ones); infinite where an entry is not finite."""
    n = len(C)
    largest, apart, total = 0.0, 0.0, 0.0
    for a in range(0, n, TILE):
        for b in range(0, a + 1, TILE):
            for i in range(a, min(a + TILE, n)):
                for j in range(b, min(b + TILE, i + 1)):
                    here, there = C[i, j], C[j, i]
                    largest = max(largest, abs(here))
                    apart = max(apart, abs(here - there))
                    total += abs(here) + abs(there)  # NaN and infinity stay in a sum
    return (largest if np.isfinite(total) else np.inf), apart


@compiled
def scaled_to_correlations(C: Matrix, inverse: Vector, diagonal: float, out: Matrix) -> None:
    """Write C scaled by inverse (n,) on both sides, with this diagonal, into the lower triangle of out."""
    n = len(C)
    for i in range(n):
        for j in range(i):
            out[i, j] = C[i, j] * inverse[i] * inverse[j]
        out[i, i] = diagonal


@compiled
def penalised_sweeps(
    C: Matrix, m: Vector, lower: Vector, upper: Vector, group: NDArray[np.int64], caps: Vector,
    w: Vector, prices: Vector, penalty: float, rounds: int, sweeps: int,
) -> None:  # fmt: skip
    """Coordinate descent on 1/2 w'Cw - m'w over the box, with the budget and the group caps by multipliers and a penalty.

    Moves w (n,) and prices (1 + G,) towards the answer: where to begin, not the end. A name at rest costs no pass over C.
    """
    n, G = len(w), len(caps)
    slope = -m.copy()
    held, total = np.zeros(G), 0.0
    for i in range(n):
        if w[i] != 0.0:
            slope += w[i] * C[i]
            total += w[i]
            if G:
                held[group[i]] += w[i]
    for _ in range(rounds):
        for _ in range(sweeps):
            for i in range(n):
                s = slope[i] + prices[0] + penalty * (total - 1.0)
                c = C[i, i] + penalty
                if G:
                    over = prices[1 + group[i]] + penalty * (held[group[i]] - caps[group[i]])
                    if over > 0.0:
                        s += over
                        c += penalty
                if c <= 0.0:
                    continue
                step = min(max(w[i] - s / c, lower[i]), upper[i]) - w[i]
                if step != 0.0:
                    w[i] += step
                    row = C[i]
                    for j in range(n):
                        slope[j] += step * row[j]
                    total += step
                    if G:
                        held[group[i]] += step
        prices[0] += penalty * (total - 1.0)
        for g in range(G):
            prices[1 + g] = max(0.0, prices[1 + g] + penalty * (held[g] - caps[g]))


@compiled
def risk_budget_sweep(C: Matrix, b: Vector, y: Vector, Cy: Vector) -> float:
    """One round of exact minimisation of 1/2 y'Cy - sum b log y over one name after another; keeps Cy up to date.

    Returns the largest relative step. Each name's minimiser is the positive root of C_ii y² + r y - b = 0.
    """
    n, largest = len(y), 0.0
    for i in range(n):
        r = Cy[i] - C[i, i] * y[i]
        new = _positive_root(C[i, i], r, b[i])
        step = new - y[i]
        largest = max(largest, abs(step) / new)
        y[i] = new
        row = C[i]
        for j in range(n):
            Cy[j] += step * row[j]
    return largest


@compiled
def factor_risk_budget_sweep(F: Matrix, s: Vector, b: Vector, y: Vector, f: Vector) -> float:
    """As risk_budget_sweep, for C = F F' + diag(s), with f = F'y kept up to date: a pass costs n k."""
    n, k = F.shape
    largest = 0.0
    for i in range(n):
        own, pull = s[i], 0.0
        for j in range(k):
            own += F[i, j] * F[i, j]
            pull += F[i, j] * f[j]
        r = pull + s[i] * y[i] - own * y[i]
        new = _positive_root(own, r, b[i])
        step = new - y[i]
        largest = max(largest, abs(step) / new)
        y[i] = new
        for j in range(k):
            f[j] += step * F[i, j]
    return largest


@compiled
def _positive_root(c: float, r: float, b: float) -> float:
    root = np.sqrt(r * r + 4.0 * c * b)
    return 2.0 * b / (r + root) if r > 0.0 else (root - r) / (2.0 * c)


@compiled
def correlation_distances(C: Matrix, inverse: Vector) -> Vector:
    """(n (n - 1) / 2,) sqrt((1 - correlation) / 2) of each pair, row by row; inverse: (n,) one over the volatilities."""
    n = len(C)
    out = np.empty(n * (n - 1) // 2)
    for i in range(n):
        place = i * n - i * (i + 1) // 2 - i - 1
        scale = 0.5 * inverse[i]
        for j in range(i + 1, n):
            out[place + j] = np.sqrt(min(max(0.5 - scale * inverse[j] * C[i, j], 0.0), 1.0))
    return out


@compiled
def bisected(C: Matrix, order: NDArray[np.int64]) -> Vector:
    """(n,) weights by recursive bisection of the names in this order, each half weighed by one over its variance.

    The variance of a half is that of its inverse-variance portfolio.
    """
    n = len(order)
    near = np.empty((n, n))
    for a in range(n):
        row = C[order[a]]
        for b in range(n):
            near[a, b] = row[order[b]]
    inverse = np.empty(n)
    for a in range(n):
        inverse[a] = 1.0 / near[a, a]
    w = np.ones(n)
    first, last = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
    first[0], last[0], open_parts = 0, n, 1
    while open_parts:
        open_parts -= 1
        a, c = first[open_parts], last[open_parts]
        if c - a < 2:
            continue
        b = a + (c - a) // 2
        left, right = _half_variance(near, inverse, a, b), _half_variance(near, inverse, b, c)
        share = 1.0 - left / (left + right) if left + right > 0.0 else 0.5
        w[a:b] *= share
        w[b:c] *= 1.0 - share
        first[open_parts], last[open_parts] = a, b
        first[open_parts + 1], last[open_parts + 1] = b, c
        open_parts += 2
    out = np.empty(n)
    for a in range(n):
        out[order[a]] = w[a]
    return out


@compiled
def _half_variance(near: Matrix, inverse: Vector, a: int, b: int) -> float:
    total, variance = 0.0, 0.0
    for i in range(a, b):
        total += inverse[i]
        row = near[i]
        inner = 0.0
        for j in range(a, b):
            inner += row[j] * inverse[j]
        variance += inverse[i] * inner
    return max(variance, 0.0) / (total * total)
