"""Scalarisations: weights of aims and floors under them, for which a climb looks for the best plan."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

RANGE_WORTH = 0.05  # utility of the whole range of an aim: well below what a broken limit costs
LITTLE = 1e-3  # weight of the other aims where one counts, so that ties are broken


def lattice(aims: int, count: int) -> Matrix:
    """(at least `count`, K) weights that sum to 1, evenly spread (Das and Dennis 1998)."""
    parts = 1
    while _points(aims, parts) < count:
        parts += 1
    rows = []
    for bars in combinations(range(parts + aims - 1), aims - 1):
        edges = (-1, *bars, parts + aims - 1)
        rows.append([edges[k + 1] - edges[k] - 1 for k in range(aims)])
    return np.array(rows[::-1], dtype=float) / parts


def _points(aims: int, parts: int) -> int:
    total = 1
    for k in range(1, aims):
        total = total * (parts + k) // k
    return total


def scaled(shares: Matrix, width: Vector) -> Matrix:
    """(B, K) weights of aims whose ranges are `width`, of shares that sum to 1; none is quite left out."""
    shares = np.maximum(shares, LITTLE)
    return np.asarray(shares / shares.sum(1, keepdims=True) * RANGE_WORTH / np.where(width > 0, width, 1.0))


def no_floors(count: int, aims: int) -> Matrix:
    return np.full((count, aims), -np.inf)


def above(values: Matrix, aim: int, width: Vector) -> tuple[Matrix, Matrix]:
    """Weights and floors, (B, K) each, of the plans that are best in one aim and in the others no worse than values (B, K)."""
    shares = np.zeros_like(values)
    shares[:, aim] = 1.0
    floors = values.copy()
    floors[:, aim] = -np.inf
    return scaled(shares, width), floors
