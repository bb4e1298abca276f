"""The inner loops of the search over supports, compiled: the small QP on a support, swaps of single names, kicks and crossover.

A support is a set of names that are all held. For one support, an appetite t and a bend b >= 0 its weights

    minimise  1/2 w'Cw + b/2 (mean'w)² - t mean'w   subject to   low <= w <= high,  sum(w) = 1

by a primal active set. For any b the weights have the least variance at their mean, and are best for the appetite t - b mean'w
without a bend. Over all supports a bend reaches the parts of the front that are not convex, which no appetite alone finds.
Data are scaled: the mean of C's diagonal and the spread of the means are 1. Nothing is checked here.
`Q`, `L`, `columns` and `side` are room for k names: (k, k), (k, k), (3, k) and (k,).
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Archive(NamedTuple):
    """For each of many evenly rising means (B,) the support with the smallest variance seen at no less than that mean.

    variances: (B,) infinite where there is none; supports: (B, k); appetites: (B,) for which its weights were best
    """

    means: Vector
    variances: Vector
    supports: Ints
    appetites: Vector


Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compiled once a machine, run without Python's lock; sums may be reordered, but NaN and infinity keep their meaning."""
    return cast(Function, njit(cache=True, nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")(function))


RIDGE = 1e-12  # of a name's variance, added to it in a step: a singular covariance then has a long step, not none
LEAST_VARIANCE = 1e-15  # of the mean variance: the same for a name without any
SLOPE_EXACT = 1e-13  # of the size of the terms: a name at a limit moves where that pays more than this
UNEVEN, REFINED = (
    100.0,
    4,
)  # levels by which the slopes of free names may differ; steps, at most, that only even them out
BETTER = 1e-13  # an objective smaller by less is the same
LEAVING = 12  # names of a support that are tried for leaving in one pass; all of them in small supports
ENTERING = 3  # names tried for the place of each
PASSES = 4  # over a support, at most, in one descent
NEAR, NEAR_MEANS = 16, 32  # appetites away, or means of the archive, from which a mate is taken
CROSSOVER = 0.3  # share of the children that mix two supports; the others swap some names at random
FAMILIAR = 0.5  # share of the names swapped in that are taken from supports of near appetites


@compiled
def _into_limits(w: Vector, k: int, low: float, high: float) -> None:
    """Clip w[:k] and change as few weights as it takes for the sum to be 1; those between the limits first."""
    total = 0.0
    for i in range(k):
        w[i] = min(max(w[i], low), high)
        total += w[i]
    for everyone in range(2):
        for i in range(k):
            if total == 1.0:
                return
            if everyone or low < w[i] < high:
                wanted = min(max(w[i] + (1.0 - total), low), high)
                total += wanted - w[i]
                w[i] = wanted


@compiled
def best_weights(
    C: Matrix,
    mean: Vector,
    appetite: float,
    bend: float,
    names: Ints,
    k: int,
    low: float,
    high: float,
    w: Vector,
    Q: Matrix,
    L: Matrix,
    columns: Matrix,
    side: Ints,
) -> float:
    """The smallest objective on names[:k]; w[:k] holds any start and then the weights. Needs k low <= 1 <= k high."""
    slope, step, target = columns[0], columns[1], columns[2]
    largest = 0.0
    for i in range(k):
        for j in range(k):
            Q[i, j] = C[names[i], names[j]] + bend * mean[names[i]] * mean[names[j]]
        largest = max(largest, abs(Q[i, i]), abs(appetite * mean[names[i]]))
    level = SLOPE_EXACT * largest
    _into_limits(w, k, low, high)
    for i in range(k):
        total = -appetite * mean[names[i]]
        for j in range(k):
            total += Q[i, j] * w[j]
        slope[i] = total
        side[i] = -1 if w[i] <= low else (1 if w[i] >= high else 0)
    refined = 0
    for _ in range(5 * k + 20):
        free = 0
        for i in range(k):
            free += side[i] == 0
        if free > 1:
            # what the others gain the first one loses: Cholesky of that curvature, row by row, and L x = -slope with it
            first = 0
            while side[first] != 0:
                first += 1
            for i in range(first + 1, k):
                if side[i] != 0:
                    continue
                x = slope[first] - slope[i]
                ridge = RIDGE * (Q[i, i] + Q[first, first]) + LEAST_VARIANCE
                for j in range(first + 1, i + 1):
                    if side[j] != 0:
                        continue
                    entry = (Q[i, j] - Q[i, first]) - (Q[first, j] - Q[first, first])
                    for f in range(first + 1, j):
                        if side[f] == 0:
                            entry -= L[i, f] * L[j, f]
                    if j < i:
                        L[i, j] = entry / L[j, j]
                        x -= L[i, j] * target[j]
                    else:
                        L[i, i] = np.sqrt(max(entry, 0.0) + ridge)
                        target[i] = x / L[i, i]
            step[first] = 0.0
            for i in range(k - 1, first, -1):
                if side[i] != 0:
                    continue
                x = target[i]
                for j in range(i + 1, k):
                    if side[j] == 0:
                        x -= L[j, i] * step[j]
                step[i] = x / L[i, i]
                step[first] -= step[i]
            share, blocked = 1.0, -1
            for i in range(k):
                if side[i] != 0:
                    continue
                x = step[i]
                if w[i] + x < low:
                    reach = (low - w[i]) / x
                elif w[i] + x > high:
                    reach = (high - w[i]) / x
                else:
                    continue
                if reach < share:
                    share, blocked = reach, i
            for j in range(k):
                if side[j] == 0:
                    x = share * step[j]
                    w[j] = min(max(w[j] + x, low), high)
                    for i in range(k):
                        slope[i] += Q[i, j] * x
            if blocked >= 0:
                side[blocked] = -1 if step[blocked] < 0.0 else 1
                w[blocked] = low if step[blocked] < 0.0 else high
                continue
        if free > 0:
            price = 0.0
            for i in range(k):
                if side[i] == 0:
                    price += slope[i]
            price /= free
            uneven = 0.0
            for i in range(k):
                if side[i] == 0:
                    uneven = max(uneven, abs(slope[i] - price))
            if uneven > UNEVEN * level and refined < REFINED:
                refined += 1
                continue
            moves, most = -1, level
            for i in range(k):
                gain = side[i] * (slope[i] - price)
                if gain > most:
                    moves, most = i, gain
            if moves < 0:
                break
            side[moves] = 0
        else:
            riser, faller = -1, -1
            for i in range(k):
                if side[i] < 0 and (riser < 0 or slope[i] < slope[riser]):
                    riser = i
                if side[i] > 0 and (faller < 0 or slope[i] > slope[faller]):
                    faller = i
            if riser < 0 or faller < 0 or slope[faller] - slope[riser] <= level:
                break
            side[riser] = side[faller] = 0
    value = 0.0
    for i in range(k):
        total = 0.0
        for j in range(k):
            total += Q[i, j] * w[j]
        value += w[i] * (total / 2 - appetite * mean[names[i]])
    return value


@compiled
def _rank_entering(
    C: Matrix,
    mean: Vector,
    appetite: float,
    bend: float,
    names: Ints,
    k: int,
    w: Vector,
    low: float,
    high: float,
    outside: Flags,
    y: Vector,
    gains: Vector,
    chosen: Ints,
) -> int:
    """Fill `chosen` with the names outside that promise most, beginning with the best; returns how many there are.

    A name's promise is the best objective on the line from w to that name alone, over the weights it may have.
    """
    n = len(mean)
    y[:] = 0.0
    for i in range(k):
        x, row = w[i], C[names[i]]
        for j in range(n):
            y[j] += x * row[j]
    risk, gain = 0.0, 0.0
    for i in range(k):
        risk += w[i] * y[names[i]]
        gain += w[i] * mean[names[i]]
    least = low if k > 0 else 1.0
    appetite -= bend * gain  # the bend holds the mean where it is, and that the other names can see to
    for j in range(n):
        slope = y[j] - risk - appetite * (mean[j] - gain)
        curvature = max(C[j, j] - 2.0 * y[j] + risk, LEAST_VARIANCE)
        x = min(max(-slope / curvature, least), high)
        gains[j] = x * (slope + x * curvature / 2)
    count = 0
    for j in range(n):
        if not outside[j]:
            continue
        place = count
        while place > 0 and gains[j] < gains[chosen[place - 1]]:
            place -= 1
        if place == len(chosen):
            continue
        count = min(count + 1, len(chosen))
        for other in range(count - 1, place, -1):
            chosen[other] = chosen[other - 1]
        chosen[place] = j
    return count


@compiled
def _record(mean: Vector, appetite: float, bend: float, names: Ints, w: Vector, value: float, archive: Archive) -> None:
    """Put a support into the archive if no other has so small a variance at a mean that is not below the same bin's."""
    here = 0.0
    for i in range(len(names)):
        here += w[i] * mean[names[i]]
    p = _bin(here, archive)
    variance = 2.0 * (value + appetite * here) - bend * here * here
    if p >= 0 and variance < archive.variances[p]:
        archive.variances[p] = variance
        archive.supports[p] = names
        archive.appetites[p] = appetite - bend * here


@compiled
def _bin(here: float, archive: Archive) -> int:
    """The last bin whose mean is not above `here`, -1 if all are."""
    count = len(archive.means)
    if count < 2 or not here >= archive.means[0]:
        return count - 1 if count and here >= archive.means[0] else -1
    return min(int((here - archive.means[0]) / (archive.means[1] - archive.means[0])), count - 1)


@compiled
def _descend(
    C: Matrix,
    mean: Vector,
    appetite: float,
    bend: float,
    low: float,
    high: float,
    names: Ints,
    w: Vector,
    value: float,
    archive: Archive,
    Q: Matrix,
    L: Matrix,
    columns: Matrix,
    side: Ints,
) -> tuple[float, int, bool]:
    """Swap single names as long as that pays: (objective, QPs solved, whether no swap tried pays any more).

    A name leaves, the others are weighed anew, and the names that would then promise most are tried in its place.
    """
    n, k = len(mean), len(names)
    outside = np.ones(n, np.bool_)
    for i in range(k):
        outside[names[i]] = False
    y, promise, chosen = np.empty(n), np.empty(n), np.empty(ENTERING, np.int64)
    rest, rest_w, trial, trial_w, best_w = np.empty(k, np.int64), np.empty(k), names.copy(), np.empty(k), np.empty(k)
    rest_high = max(high, 1.0 / (k - 1)) if k > 1 else high
    tried = min(k, LEAVING)
    solved, calm = 0, 0
    for turn in range(PASSES * tried):
        place = _lightest(w, turn % tried)  # the lightest names leave in turn
        m = 0
        for i in range(k):
            if i != place:
                rest[m], rest_w[m] = names[i], w[i]
                m += 1
        if m > 0:
            best_weights(C, mean, appetite, bend, rest, m, low, rest_high, rest_w, Q, L, columns, side)
            solved += 1
        count = _rank_entering(C, mean, appetite, bend, rest, m, rest_w, low, high, outside, y, promise, chosen)
        best, found = value, -1
        for c in range(count):
            trial[:], trial_w[:] = names, w
            trial[place] = chosen[c]
            trial_value = best_weights(C, mean, appetite, bend, trial, k, low, high, trial_w, Q, L, columns, side)
            solved += 1
            _record(mean, appetite, bend, trial, trial_w, trial_value, archive)
            if trial_value < best - BETTER:
                best, found = trial_value, chosen[c]
                best_w[:] = trial_w
        calm += 1
        if found >= 0:
            outside[names[place]], outside[found] = True, False
            names[place] = found
            value, calm = best, 0
            w[:] = best_w
        if calm == tried:
            return value, solved, True
    return value, solved, False


@compiled
def _lightest(w: Vector, place: int) -> int:
    """Which weight stands at this place when they are sorted, the lightest first."""
    for i in range(len(w)):
        lighter = 0
        for j in range(len(w)):
            lighter += w[j] < w[i] or (w[j] == w[i] and j < i)
        if lighter == place:
            return i
    return 0


@compiled
def _mate(a: int, supports: Ints, here: float, archive: Archive, rng: np.random.Generator) -> Ints:
    """A support that is best at a near appetite, or has a near mean in the archive."""
    if rng.random() < 0.5:
        p = _bin(here, archive) + int(rng.integers(-NEAR_MEANS, NEAR_MEANS + 1))
        if 0 <= p < len(archive.means) and archive.variances[p] < np.inf:
            return archive.supports[p]
    b = a + int(rng.integers(-NEAR, NEAR + 1))
    return supports[min(max(b, 0), len(supports) - 1)]


@compiled
def _child(
    a: int, supports: Ints, here: float, archive: Archive, n: int, rng: np.random.Generator, names: Ints
) -> None:
    """Change names, the best support at appetite a with mean `here`: mix it with another, or swap two or three names."""
    k = len(names)
    inside = np.zeros(n, np.bool_)
    for i in range(k):
        inside[names[i]] = True
    if rng.random() < CROSSOVER:
        mate = _mate(a, supports, here, archive, rng)
        kept = np.zeros(n, np.bool_)
        for j in range(k):
            kept[mate[j]] = True
        j, changed = 0, False
        for i in range(
            k
        ):  # names that only the first holds give way to names that only the mate holds, every other time
            if kept[names[i]]:
                continue
            while inside[mate[j]]:
                j += 1
            if rng.random() < 0.5:
                names[i] = mate[j]
                changed = True
            j += 1
        if changed:
            return
    for _ in range(rng.integers(2, 4)):
        new = int(rng.integers(0, n))
        if rng.random() < FAMILIAR:
            new = int(_mate(a, supports, here, archive, rng)[rng.integers(0, k)])
        if not inside[new]:
            i = int(rng.integers(0, k))
            inside[names[i]], inside[new] = False, True
            names[i] = new


@compiled
def visit(
    a: int,
    C: Matrix,
    mean: Vector,
    appetites: Vector,
    bends: Vector,
    low: float,
    high: float,
    supports: Ints,
    weights: Matrix,
    values: Vector,
    settled: Flags,
    archive: Archive,
    rng: np.random.Generator,
) -> int:
    """Try what is known nearby at appetite a, then improve the best support, or a child where it cannot be; returns QPs solved.

    supports, weights: (A, k) and values: (A,) hold the best support found for each appetite; settled: (A,) True where no swap
    tried improves it
    """
    k = supports.shape[1]
    Q, L, columns, side = np.empty((k, k)), np.empty((k, k)), np.empty((3, k)), np.empty(k, np.int64)
    appetite, bend, names, w = appetites[a], bends[a], np.empty(k, np.int64), np.empty(k)
    here, solved = 0.0, 0
    for i in range(k):
        here += weights[a, i] * mean[supports[a, i]]
    for source in range(3):
        if source < 2:
            b = a - 1 if source == 0 else a + 1
            if not 0 <= b < len(appetites):
                continue
            names[:], w[:] = supports[b], weights[b]
        else:
            p = _bin(here, archive) + int(rng.integers(-2, 3))
            if not (0 <= p < len(archive.means) and archive.variances[p] < np.inf):
                continue
            names[:], w[:] = archive.supports[p], 1.0 / k
        value = best_weights(C, mean, appetite, bend, names, k, low, high, w, Q, L, columns, side)
        solved += 1
        if value < values[a] - BETTER:
            supports[a], weights[a], values[a], settled[a] = names, w, value, False
    names[:], w[:] = supports[a], weights[a]
    value = values[a]
    child = settled[a]
    if child:
        _child(a, supports, here, archive, len(mean), rng, names)
        value = best_weights(C, mean, appetite, bend, names, k, low, high, w, Q, L, columns, side)
        solved += 1
    value, more, local_best = _descend(
        C, mean, appetite, bend, low, high, names, w, value, archive, Q, L, columns, side
    )
    if value < values[a] - BETTER:
        supports[a], weights[a], values[a] = names, w, value
        settled[a] = local_best
    elif not child:
        settled[a] = local_best
    return solved + more


@compiled
def trace(
    C: Matrix,
    mean: Vector,
    appetites: Vector,
    names: Ints,
    w: Vector,
    low: float,
    high: float,
    wanted: Vector,
    support: int,
    least: Vector,
    best: Ints,
    best_appetite: Vector,
) -> None:
    """Lay the front of one support, over rising appetites, under what is known at each wanted mean.

    Between two appetites the weights are taken on the line, which is feasible and, where no limit changes, optimal.
    wanted: (P,) rising means; least, best, best_appetite: (P,) smallest variance so far, its support and its appetite
    """
    k = len(names)
    Q, L, columns, side = np.empty((k, k)), np.empty((k, k)), np.empty((3, k)), np.empty(k, np.int64)
    before, before_mean, before_variance = np.empty(k), 0.0, 0.0
    for t in range(len(appetites)):
        best_weights(C, mean, appetites[t], 0.0, names, k, low, high, w, Q, L, columns, side)
        here, variance, between = 0.0, 0.0, 0.0
        for i in range(k):
            total = 0.0
            for j in range(k):
                total += C[names[i], names[j]] * w[j]
            here += mean[names[i]] * w[i]
            variance += w[i] * total
            if t > 0:
                between += before[i] * total
        if t > 0 and here > before_mean:
            for p in range(np.searchsorted(wanted, before_mean), len(wanted)):
                if wanted[p] > here:
                    break
                s = (wanted[p] - before_mean) / (here - before_mean)
                v = (1 - s) * (1 - s) * before_variance + 2 * s * (1 - s) * between + s * s * variance
                if v < least[p]:
                    least[p], best[p] = v, support
                    best_appetite[p] = (1 - s) * appetites[t - 1] + s * appetites[t]
        p = int(np.searchsorted(wanted, here, side="right")) - 1  # a front of one point counts too
        if p >= 0 and variance < least[p]:
            least[p], best[p], best_appetite[p] = variance, support, appetites[t]
        before[:], before_mean, before_variance = w, here, variance


@compiled
def weigh(
    C: Matrix,
    mean: Vector,
    appetites: Vector,
    bends: Vector,
    supports: Ints,
    weights: Matrix,
    values: Vector,
    low: float,
    high: float,
) -> None:
    """Fill weights (P, k), which hold any start, and values (P,) with the best of supports (P, k) at appetites and bends (P,)."""
    k = supports.shape[1]
    Q, L, columns, side = np.empty((k, k)), np.empty((k, k)), np.empty((3, k)), np.empty(k, np.int64)
    for p in range(len(appetites)):
        values[p] = best_weights(
            C, mean, appetites[p], bends[p], supports[p], k, low, high, weights[p], Q, L, columns, side
        )
