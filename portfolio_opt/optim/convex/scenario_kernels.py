"""Passes over scenarios, compiled: sums in float64 whatever the scenarios are stored in."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]
Block = NDArray[np.float32] | NDArray[np.float64]


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def times(block: Block, w: Vector, out: Vector) -> None:
    """out = block w, for float32 blocks without a float64 copy."""
    rows, n = block.shape
    for s in range(rows):
        row = block[s]
        total = 0.0
        for i in range(n):
            total += np.float64(row[i]) * w[i]
        out[s] = total


@njit(cache=True)
def add_rows(block: Block, places: Ints, weights: Vector, out: Vector) -> None:
    """out += sum over k of weights[k] * block[places[k]]."""
    for k in range(len(places)):
        row, x = block[places[k]], weights[k]
        for i in range(len(out)):
            out[i] += x * np.float64(row[i])


@njit(cache=True)
def deepest_falls(steps: Vector, length: int, fall: Vector, first: Ints, last: Ints) -> None:
    """The largest fall from a peak of each path's running sum, which starts at 0: its size and the days [first, last) of it."""
    for s in range(len(fall)):
        total, peak, peak_day = 0.0, 0.0, 0
        fall[s], first[s], last[s] = 0.0, 0, 0
        for day in range(length):
            total += steps[s * length + day]
            if total > peak:
                peak, peak_day = total, day + 1
            if peak - total > fall[s]:
                fall[s], first[s], last[s] = peak - total, peak_day, day + 1


@njit(cache=True)
def reaches(block: Block, out: Vector) -> bool:
    """out[s] = the largest |entry| of row s; False if one is not finite."""
    for s in range(len(block)):
        row, largest, total = block[s], 0.0, 0.0
        for i in range(len(row)):
            x = abs(np.float64(row[i]))
            total += x
            largest = max(largest, x)
        if not np.isfinite(total):
            return False
        out[s] = largest
    return True


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def times_some(block: Block, places: Ints, w: Vector, out: Vector) -> None:
    """out[k] = block[places[k]] w."""
    for k in range(len(places)):
        row, total = block[places[k]], 0.0
        for i in range(len(w)):
            total += np.float64(row[i]) * w[i]
        out[k] = total


@njit(cache=True)
def near(losses: Vector, reach: Vector, moved: float, low: float, high: float, places: Ints) -> tuple[int, int]:
    """Rows whose loss may lie in [low, high] after weights moved by `moved` in sum; how many, and how many lie surely above."""
    count, above = 0, 0
    for s in range(len(losses)):
        margin = reach[s] * moved
        if losses[s] - margin > high:
            above += 1
        elif losses[s] + margin >= low:
            places[count] = s
            count += 1
    return count, above
