"""The alternating direction method of multipliers: minimise f(x) + g(z) where M x = z, each function by its own proximal map.

Over-relaxed, with a penalty that balances the two residuals (Boyd, Parikh, Chu, Peleato, Eckstein 2011, sections 3.3 and 3.4).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..solution import Solution, Status
from .proximal import Prox

Vector = NDArray[np.float64]

TOLERANCE = 1e-9
GAP = 1e-6  # relative to 1 + the objective's size: a bound this near proves the answer
FEASIBLE = 1e-6  # relative: a larger primal residual is no answer, however low its objective
LIMIT = 5000
RELAXATION = 1.6
BALANCED = 5.0  # the penalty moves when one relative residual is this many times the other
EVERY = 10  # iterations between looks at the balance
SETTLED = 0.5  # of the iteration limit: afterwards the penalty stays, as convergence is proved for a fixed one


def same(x: Vector) -> Vector:
    return x


@dataclass(frozen=True)
class Split:
    """minimise f(x) + g(z) subject to M x = z.

    f_step(v, penalty): argmin f(x) + penalty/2 |M x - v|²; g_prox(v, penalty): argmin g(z) + penalty/2 |z - v|²
    value(z): the objective as an answer to the problem, infinite where z is none
    image, adjoint: the products with M and M', both the identity if absent
    bound(dual): a value that no answer is below, from the prices of M x = z; absent, nothing is certified
    convex: whether f and g both are; if not, small residuals prove no optimum and only the bound does
    """

    f_step: Prox
    g_prox: Prox
    value: Callable[[Vector], float]
    image: Callable[[Vector], Vector] = same
    adjoint: Callable[[Vector], Vector] = same
    bound: Callable[[Vector], float] | None = None
    convex: bool = True


@dataclass(frozen=True)
class SplitSolution(Solution):
    """x: the z of the best answer seen, or of the last iteration where all were infinite; multipliers: prices of M x = z.

    primal_residual: |M x - z|; dual_residual: |penalty M'(z - the one before)|, both relative; penalty: the last
    """

    primal_residual: float = np.inf
    dual_residual: float = np.inf
    penalty: float = 1.0


def admm(
    split: Split,
    start: Vector,
    prices: Vector | None = None,
    penalty: float = 1.0,
    relaxation: float = RELAXATION,
    tolerance: float = TOLERANCE,
    limit: int = LIMIT,
) -> SplitSolution:
    """The solution, from z = start and the prices of M x = z (0 if absent).

    Status: OPTIMAL where split.bound proves it to within GAP; else STATIONARY for a convex problem whose residuals are within
    tolerance and ITERATION_LIMIT where they are not; LOCAL for one that is not convex, and FAILED if no iteration's z was an
    answer to it.
    """
    _check(start, prices, penalty, relaxation, tolerance, limit)
    z = start.copy()
    u = np.zeros(len(z)) if prices is None else prices / penalty
    best, best_value = z, np.inf
    primal = dual = np.inf
    iterations = 0
    for iterations in range(1, limit + 1):
        x = split.f_step(z - u, penalty)
        image = split.image(x)
        relaxed = relaxation * image + (1 - relaxation) * z
        before, z = z, split.g_prox(relaxed + u, penalty)
        u = u + relaxed - z
        if not (np.isfinite(z).all() and np.isfinite(u).all()):
            break
        if not split.convex and (value := split.value(z)) < best_value:
            best, best_value = z, value
        primal, dual = _residuals(split, image, z, before, u, penalty)
        if max(primal, dual) <= tolerance:
            break
        if iterations % EVERY == 0 and iterations <= SETTLED * limit:
            factor = _balance(primal, dual)
            penalty, u = penalty * factor, u / factor
    if split.convex or np.isinf(best_value):
        best, best_value = z, split.value(z)
    return _solution(
        split, best, best_value, penalty * u, penalty, (primal, dual), max(primal, dual) <= tolerance, iterations
    )


def _check(
    start: Vector, prices: Vector | None, penalty: float, relaxation: float, tolerance: float, limit: int
) -> None:
    for name, vector in (("start", start), ("prices", prices)):
        if vector is not None and not (vector.shape == (start.size,) and np.isfinite(vector).all()):
            raise InvalidInput(f"{name} must be a finite vector of {start.size} elements")
    if not (np.isfinite(penalty) and penalty > 0):
        raise InvalidInput(f"penalty is {penalty}, but it must be finite and above 0")
    if not 0 < relaxation < 2:
        raise InvalidInput(f"relaxation is {relaxation}, but it must lie between 0 and 2")
    if not tolerance > 0:
        raise InvalidInput(f"tolerance is {tolerance}, but it must be above 0")
    if limit < 1:
        raise InvalidInput(f"limit is {limit}, but at least one iteration is needed")


def _residuals(
    split: Split, image: Vector, z: Vector, before: Vector, u: Vector, penalty: float
) -> tuple[float, float]:
    """Relative primal and dual residuals: how far M x is from z, and how far the slopes are from balance."""
    primal = np.linalg.norm(image - z) / (1 + max(np.linalg.norm(image), np.linalg.norm(z)))
    slope = np.linalg.norm(split.adjoint(penalty * u))
    dual = np.linalg.norm(split.adjoint(penalty * (z - before))) / (1 + slope)
    return float(primal), float(dual)


def _balance(primal: float, dual: float) -> float:
    """What the penalty is multiplied by: up where z is far from M x, down where it is near but still moves."""
    ratio = np.sqrt(max(primal, 1e-300) / max(dual, 1e-300))
    if 1 / BALANCED**0.5 < ratio < BALANCED**0.5:
        return 1.0
    return float(np.clip(ratio, 0.1, 10.0))


def _solution(
    split: Split,
    z: Vector,
    value: float,
    prices: Vector,
    penalty: float,
    residuals: tuple[float, float],
    converged: bool,
    iterations: int,
) -> SplitSolution:
    primal, dual = residuals
    gap = np.inf
    if split.bound is not None and np.isfinite(value):
        gap = max(value - split.bound(prices), 0.0)
    words = f"admm: {iterations} iterations, primal residual {primal:.1e}, dual residual {dual:.1e}, gap {gap:.1e}"
    if not np.isfinite(z).all() or np.isnan(value):
        status = Status.NOT_FINITE
    elif gap <= GAP * (1 + abs(value)) and (primal <= FEASIBLE or not split.convex):
        status = Status.OPTIMAL
    elif not split.convex:
        status = Status.LOCAL if np.isfinite(value) else Status.FAILED
        words += "; not convex: only the gap says how good this is"
    else:
        status = Status.STATIONARY if converged else Status.ITERATION_LIMIT
    return SplitSolution(
        x=z,
        status=status,
        objective=value,
        residual=primal,
        gap=gap,
        multipliers=prices,
        trail=(words,),
        iterations=iterations,
        primal_residual=primal,
        dual_residual=dual,
        penalty=penalty,
    )
