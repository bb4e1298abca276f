"""The mean-variance front with exactly so many names, each with at least a floor: evolution picks names, algebra weights.

    minimise  variance w'Cw,  maximise  mean'w   over   exactly `names` of n weights in [floor, cap], the others 0,  sum(w) = 1

For a grid of appetites t for return a few supports (sets of names held) are kept, judged by 1/2 w'Cw - t mean'w at their best
weights, an exact small QP. They begin as the largest weights of the front without the limit on names; their children swap a name
for the one that promises most, mix two supports of near appetites, or change some names at random; and every appetite tries
what its neighbours found. At the end the whole front of every support that survived is laid under the others.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..convex.critical_line import Front, critical_line, fully_invested
from ..real_numbers import finite_number, real_array, real_number, whole_number

if TYPE_CHECKING:
    from .support_kernels import Archive  # compiles: only where it is used

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Supports = NDArray[np.int64]  # (..., names)

BEND = 100.0  # of the curvature of the front
APPETITES = 128  # of the grid along the front without the limit on names
STEEP_APPETITES = 16  # beyond it: forcing in names that the unlimited front leaves out takes a larger appetite
STEEPEST = 1e3  # of the largest appetite of the unlimited front
ARCHIVE = 1024  # means
ROUNDS = 30  # visits to every appetite, where neither rounds nor seconds are given
TIE = 1e-12  # relative: points are better only by more than this
ENDING = 1.5  # times the estimated duration of the end is set aside for it


@dataclass(frozen=True)
class NamesFront:
    """Mutually non-dominated portfolios from the smallest variance to the largest mean, all feasible; the last mean is exact.

    weights: (P, n) exactly `names` of them held; mean, variance: (P,) of the weights
    solved: small QPs, one for each support tried at an appetite; rounds: completed visits to every appetite
    trail: what was done, in order; out_of_time: True where `seconds` ended the search. No ending proves that there is no better.
    """

    weights: Matrix
    mean: Vector
    variance: Vector
    solved: int
    rounds: int
    trail: tuple[str, ...]
    out_of_time: bool


def names_front(
    mean: Vector,
    covariance: Matrix,
    names: int,
    floor: float,
    cap: float = 1.0,
    seconds: float | None = None,
    rounds: int | None = None,
    seed: int = 0,
    points: int = 2000,
) -> NamesFront:
    """The best front found; the same bytes for the same seed and rounds.

    mean: (n,); covariance: (n, n) positive semidefinite, of any rank; floor, cap: of each name held, as fractions of the
        portfolio; with floor 0 a name held may weigh nothing
    seconds: of this call, its end included; rounds: visits to every appetite; by default 30 rounds
    points: most portfolios returned, spread so that the hypervolume loses least

    Raises InvalidInput where a number is malformed, or no portfolio has so many names.
    """
    began = time.perf_counter()
    mean, covariance = real_array("mean", mean), np.ascontiguousarray(real_array("covariance", covariance))
    floor, cap = finite_number("floor", floor), min(finite_number("cap", cap), 1.0)
    names, points, seed = (
        whole_number("names", names, 1),
        whole_number("points", points, 2),
        whole_number("seed", seed, 0),
    )
    _check_limits(mean.size, names, floor, cap)
    unlimited = fully_invested(mean, covariance, 0.0, cap)  # checks mean and covariance
    if seconds is not None and not real_number("seconds", seconds) >= 0:
        raise InvalidInput(f"seconds is {seconds}, but it must be at least 0")
    if rounds is not None:
        rounds = whole_number("rounds", rounds, 0)
    elif seconds is None:
        rounds = ROUNDS
    problem = _scaled(mean, covariance, names, floor, cap)
    front = critical_line(unlimited)
    population, grid = _first_population(problem, front)
    deadline = None if seconds is None else began + seconds
    solved, done, out_of_time = _search(problem, population, np.random.default_rng(seed), deadline, rounds, points)
    supports, weights = _lower_envelope(problem, population, grid, points)
    weights, gain, risk = _non_dominated(mean, covariance, floor, cap, supports, weights)
    begun = "the front without a limit on names: " + ", ".join(front.trail)
    trail = (begun, f"{solved} small QPs in {done} rounds over {len(population.appetites)} appetites")
    return NamesFront(weights, gain, risk, solved, done, trail, out_of_time)


@dataclass(frozen=True)
class _Problem:
    """The problem in units in which the mean variance and the spread of the means are 1, and the largest mean is 0."""

    mean: Vector
    covariance: Matrix
    names: int
    floor: float
    cap: float


@dataclass(frozen=True)
class _Population:
    """The best support found for each appetite; the arrays change in place.

    appetites, bends: (A,) what the supports are judged by, along the front from the smallest variance
    supports, weights: (A, names); values: (A,) objectives
    settled: (A,) True where no swap tried improves the best one
    """

    appetites: Vector
    bends: Vector
    supports: Supports
    weights: Matrix
    values: Vector
    settled: NDArray[np.bool_]
    archive: "Archive"


def _check_limits(n: int, names: int, floor: float, cap: float) -> None:
    if names > n:
        raise InvalidInput(f"names is {names}, but there are only {n}: hold fewer")
    if floor < 0:
        raise InvalidInput(f"floor is {floor}, but weights are not negative: give at least 0")
    if floor > cap:
        raise InvalidInput(f"floor {floor} lies above cap {cap}: lower it, or raise the cap")
    if names * floor > 1 + TIE:
        raise InvalidInput(
            f"{names} names of at least {floor:.4%} need {names * floor:.4%}: lower the floor or hold fewer"
        )
    if names * cap < 1 - TIE:
        raise InvalidInput(
            f"{names} names of at most {cap:.4%} invest only {names * cap:.4%}: raise the cap or hold more"
        )


def _scaled(mean: Vector, covariance: Matrix, names: int, floor: float, cap: float) -> _Problem:
    risk = float(np.abs(np.diagonal(covariance)).mean()) or 1.0
    spread = float(np.ptp(mean)) or 1.0
    return _Problem((mean - mean.max()) / spread, covariance / risk, names, floor, cap)


def _first_population(problem: _Problem, front: Front) -> tuple[_Population, Vector]:
    """The names that weigh most where the number of names is not limited; and the appetites (T,) of those without a bend.

    Half of the population is judged without a bend; the other half is spread along what the first half found at once.
    """
    from . import support_kernels as kernel  # compiles: only where it is used

    C, m, k, limits = problem.covariance, problem.mean, problem.names, (problem.floor, problem.cap)
    grid, unlimited = _grid(problem, front)
    slopes = unlimited @ C - grid[:, None] * m
    first = np.ascontiguousarray(np.lexsort((slopes, -unlimited), axis=1)[:, :k])
    weights, values, straight = np.full(first.shape, 1 / k), np.empty(len(grid)), np.zeros(len(grid))
    kernel.weigh(C, m, grid, straight, first, weights, values, *limits)
    gain, risk = (weights * m[first]).sum(1), _variances(C, first, weights)
    gain, risk = np.maximum.accumulate(gain), np.maximum.accumulate(risk)
    width = gain[-1] - gain[0]
    bend = BEND * (risk[-1] - risk[0]) / width**2 if width > 0 else 0.0
    place = np.arange(len(grid), dtype=float)
    position = _spread(place, gain, risk, APPETITES)
    local, target = (np.interp(position, place, along) for along in (grid, gain))
    appetites = np.concatenate([grid, local + bend * target])
    order = np.argsort(np.concatenate([place, position]), kind="stable")
    supports = np.concatenate([first, first[np.round(position).astype(int)]])[order]
    appetites, bends = appetites[order], np.repeat([0.0, bend], [len(grid), APPETITES])[order]
    weights, values = np.full(supports.shape, 1 / k), np.empty(len(order))
    kernel.weigh(C, m, appetites, bends, supports, weights, values, *limits)
    top, fill = _largest_mean(m, C, k, *limits)
    means = np.linspace(gain[0], m[top] @ fill, ARCHIVE)
    archive = kernel.Archive(means, np.full(ARCHIVE, np.inf), np.zeros((ARCHIVE, k), dtype=np.int64), np.zeros(ARCHIVE))
    unsettled = np.zeros(len(order), dtype=bool)
    return _Population(appetites, bends, supports, weights, values, unsettled, archive), grid


def _grid(problem: _Problem, front: Front) -> tuple[Vector, Matrix]:
    """Rising appetites (A,) from 0, spread along the front without a limit on names and beyond, and its weights (A, n) there."""
    corners, weights = front.appetite[::-1], front.weights[::-1]
    if not len(corners):  # nothing to begin from: equal weights, and appetites on a scale of their own
        n = len(problem.mean)
        appetites = np.append(0.0, np.geomspace(1e-4, STEEPEST, APPETITES - 1))
        return appetites, np.full((APPETITES, n), 1 / n)
    corners = corners * (np.ptp(front.program.mean) or 1.0) / (float(front.program.variances().mean()) or 1.0)
    share = np.linspace(0, 1, 17)[:-1]
    dense = np.append((corners[:-1, None] + share * np.diff(corners)[:, None]).ravel(), corners[-1])
    at = _between(dense, corners, weights)
    variance = np.maximum(((at @ problem.covariance) * at).sum(1), 0)
    appetites = _spread(dense, at @ problem.mean, variance, APPETITES)
    steep = appetites[-1] * np.geomspace(1, STEEPEST, STEEP_APPETITES + 1)[1:] if appetites[-1] > 0 else np.zeros(0)
    appetites = np.unique(np.concatenate([[0.0], appetites, steep]))
    return appetites, _between(appetites, corners, weights)


def _between(appetites: Vector, corners: Vector, weights: Matrix) -> Matrix:
    """(A, n) weights at appetites (A,), linear between the rising corners (K,) with weights (K, n), constant beyond."""
    if len(corners) == 1:
        return np.repeat(weights, len(appetites), axis=0)
    last = np.clip(np.searchsorted(corners, appetites), 1, len(corners) - 1)
    width = corners[last] - corners[last - 1]
    share = np.clip((appetites - corners[last - 1]) / np.where(width > 0, width, 1.0), 0, 1)[:, None]
    return (1 - share) * weights[last - 1] + share * weights[last]


def _spread(parameter: Vector, mean: Vector, variance: Vector, count: int) -> Vector:
    """(count,) values of a parameter that rises along a front (K,): points there lose little of the hypervolume.

    Where a point stands for a step dm in mean and dv in variance it loses half of dm dv, least in total where sqrt(dm dv) is the
    same for all (Auger, Bader, Brockhoff and Zitzler 2009).
    """
    steps = np.sqrt(np.maximum(np.diff(mean), 0) * np.maximum(np.diff(variance), 0))
    moves = np.append(True, steps > 0)
    length = np.append(0.0, np.cumsum(steps))
    return np.interp(np.linspace(0, length[-1], count), length[moves], parameter[moves])


def _search(
    problem: _Problem,
    population: _Population,
    rng: np.random.Generator,
    deadline: float | None,
    rounds: int | None,
    points: int,
) -> tuple[int, int, bool]:
    """Improve the population, to and fro along the appetites: (QPs solved, completed rounds, whether time ran out)."""
    from . import support_kernels as kernel

    order = np.arange(len(population.appetites))
    began, solved, done = time.perf_counter(), 0, 0
    while rounds is None or done < rounds:
        at_end = points + len(_surviving(population)) * len(order)  # QPs
        for a in order if done % 2 == 0 else order[::-1]:
            now = time.perf_counter()
            ending = ENDING * at_end * (now - began) / solved if solved else 0.0
            if deadline is not None and now + ending >= deadline:
                return solved, done, True
            solved += kernel.visit(
                int(a),
                problem.covariance,
                problem.mean,
                population.appetites,
                population.bends,
                problem.floor,
                problem.cap,
                population.supports,
                population.weights,
                population.values,
                population.settled,
                population.archive,
                rng,
            )
        done += 1
    return solved, done, False


def _lower_envelope(problem: _Problem, population: _Population, grid: Vector, points: int) -> tuple[Supports, Matrix]:
    """Supports (P, names) and their weights (P, names) along the best of the fronts of all supports of the population."""
    from . import support_kernels as kernel

    C, m, limits = problem.covariance, problem.mean, (problem.floor, problem.cap)
    supports, straight = population.supports, population.bends == 0
    gain, risk = (population.weights * m[supports]).sum(1), _variances(C, supports, population.weights)
    gain, risk = np.maximum.accumulate(gain[straight]), np.maximum.accumulate(risk[straight])
    wanted = _spread(gain, gain, risk, max(points - 2, 1))
    supports = _surviving(population)
    least, best, appetite = np.full(len(wanted), np.inf), np.full(len(wanted), -1), np.zeros(len(wanted))
    for s, names in enumerate(supports):
        start = np.full(problem.names, 1 / problem.names)
        kernel.trace(C, m, grid, names, start, *limits, wanted, s, least, best, appetite)
    reached = best >= 0
    chosen = np.concatenate([population.supports[:1], supports[best[reached]]])  # the smallest variance first
    bend = population.bends.max()
    bends = np.append(0.0, np.full(reached.sum(), bend))
    appetites = np.append(0.0, appetite[reached] + bend * wanted[reached])
    weights, values = np.full(chosen.shape, 1 / problem.names), np.empty(len(chosen))
    kernel.weigh(C, m, appetites, bends, chosen, weights, values, *limits)
    return chosen, weights


def _surviving(population: _Population) -> Supports:
    """(S, names) the different supports of the population, and those of the archive that none at a larger mean beats."""
    variances = population.archive.variances
    beyond = np.minimum.accumulate(np.append(variances[1:], np.inf)[::-1])[::-1]
    found = np.concatenate([population.supports, population.archive.supports[variances < beyond]])
    return np.unique(np.sort(found, axis=1), axis=0)


def _variances(covariance: Matrix, supports: Supports, weights: Matrix) -> Vector:
    """(P,) w'Cw of weights (P, k) on supports (P, k)."""
    return np.einsum("pi,pij,pj->p", weights, covariance[supports[:, :, None], supports[:, None, :]], weights)


def _largest_mean(mean: Vector, covariance: Matrix, names: int, floor: float, cap: float) -> tuple[Supports, Vector]:
    """The portfolio of the largest mean: the names with the largest means, the best filled first."""
    top = np.lexsort((np.diagonal(covariance), -mean))[:names]
    weights = np.full(names, floor)
    for place in range(names):
        weights[place] = min(cap, 1 - weights[:place].sum() - floor * (names - place - 1))
    return top, weights


def _non_dominated(
    mean: Vector, covariance: Matrix, floor: float, cap: float, supports: Supports, weights: Matrix
) -> tuple[Matrix, Vector, Vector]:
    """Weights (P, n), means and variances of those that no other dominates, the portfolio of the largest mean among them."""
    top, fill = _largest_mean(mean, covariance, supports.shape[1], floor, cap)
    supports, weights = np.vstack([supports, top]), np.vstack([_exact_sums(weights, floor, cap), fill])
    weights = _exact_sums(weights, floor, cap)
    gain, risk = (weights * mean[supports]).sum(1), np.maximum(_variances(covariance, supports, weights), 0.0)
    size = TIE * np.abs(gain).max(), TIE * risk.max()
    order = np.lexsort((-gain, risk))
    kept = [order[0]]
    for p in order[1:]:
        if gain[p] > gain[kept[-1]] + size[0]:
            if risk[p] <= risk[kept[-1]] + size[1]:
                kept.pop()
            kept.append(p)
    full = np.zeros((len(kept), len(mean)))
    full[np.arange(len(kept))[:, None], supports[kept]] = weights[kept]
    return full, gain[kept], risk[kept]


def _exact_sums(weights: Matrix, floor: float, cap: float) -> Matrix:
    """(P, k) the same weights but for rounding: in [floor, cap], and their sum is 1 to the last digits."""
    weights, row = np.clip(weights, floor, cap), np.arange(len(weights))
    for _ in range(2):
        roomiest = np.minimum(weights - floor, cap - weights).argmax(1)
        mended = weights[row, roomiest] + (1 - weights.sum(1))
        weights[row, roomiest] = np.clip(mended, floor, cap)
    return weights
