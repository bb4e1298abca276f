"""A front: the plans found, what each is worth, and how good the whole is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...optim.evolve.domination import hypervolume, non_dominated
from ..problem import Problem
from .aims import Aim, figures_of

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

MARGIN = 0.05  # of the range, by which the reference point of a hypervolume lies beyond the worst
CERTIFIED = (
    5e-4  # of wealth a year, or of the range of the first aim where it is no share: a point this near to a bound
)


@dataclass(frozen=True)
class Relaxation:
    """What no plan can exceed. values: (R, K) of the best fractional portfolios at weights (R, K) of the aims, costs from below

    bounds: (R,) no plan's weighed values sum to more
    """

    weights: Matrix
    values: Matrix
    bounds: Vector


@dataclass(frozen=True)
class Front:
    """Whole-share plans, mutually non-dominated and sorted by the first aim, best first.

    units: (P, N); values: (P, K) of the aims' objectives, each to be made large; engine, why, trail: how they were found
    rounds: of the search; ended: why it stopped; relaxation: None where no solver takes the aims
    """

    problem: Problem
    aims: tuple[Aim, ...]
    units: Ints
    values: Matrix
    engine: str
    why: str
    trail: tuple[str, ...]
    rounds: int
    ended: str
    relaxation: Relaxation | None

    def __len__(self) -> int:
        return len(self.units)

    @property
    def weights(self) -> Matrix:
        """(P, N) of wealth."""
        return np.asarray(self.units * self.problem.unit)

    @property
    def figures(self) -> Matrix:
        """(P, K) the values as one reads them."""
        return figures_of(self.aims, self.values)

    @property
    def reference(self) -> Vector:
        """(K,) the point, a little worse than all of the front, from which its hypervolume is measured."""
        width = np.ptp(self.values, axis=0)
        return np.asarray(self.values.min(0) - MARGIN * np.where(width > 0, width, 1e-9))

    @property
    def hypervolume(self) -> float:
        return hypervolume(-self.values, -self.reference)

    @property
    def of_relaxation(self) -> float | None:
        """The hypervolume as a share of that of the fractional front."""
        if self.relaxation is None:
            return None
        return self.hypervolume / hypervolume(-np.vstack([self.relaxation.values, self.values]), -self.reference)

    @property
    def short_of_bound(self) -> Vector | None:
        """(P,) by how much each point is at most below what no plan exceeds, in the first aim, where that shows best."""
        if self.relaxation is None:
            return None
        weights = self.relaxation.weights / self.relaxation.weights[:, :1]
        bounds = self.relaxation.bounds / self.relaxation.weights[:, 0]
        return np.asarray(np.clip((bounds[:, None] - weights @ self.values.T).min(0), 0, None))

    @property
    def certified(self) -> float | None:
        """The share of points within CERTIFIED of a bound."""
        short = self.short_of_bound
        return None if short is None else float((short <= CERTIFIED).mean())

    def weights_on(self, symbols: Sequence[str]) -> Matrix:
        """(P, M) the weights of other symbols' order; 0 where this front knows none."""
        column = {symbol: k for k, symbol in enumerate(self.problem.day.symbols.tolist())}
        at = np.array([column.get(symbol, -1) for symbol in symbols], dtype=np.int64)
        return np.asarray(np.where(at >= 0, self.weights[:, at], 0.0))


def merged(fronts: Sequence[Front]) -> Front:
    """The front of several of one problem and the same aims: what none of their plans dominates.

    Raises InvalidInput for fronts of different problems or aims.
    """
    first = fronts[0]
    for other in fronts[1:]:
        if other.aims != first.aims or not _same_problem(other.problem, first.problem):
            raise InvalidInput(
                "fronts of different problems or aims cannot be merged; search for them from the same inputs"
            )
    units, values = best_first(np.vstack([f.units for f in fronts]), np.vstack([f.values for f in fronts]))
    trail = tuple(dict.fromkeys(words for front in fronts for words in front.trail))
    return replace(first, units=units, values=values, trail=trail, ended=f"merged from {len(fronts)} fronts")


def _same_problem(one: Problem, other: Problem) -> bool:
    same = np.array_equal(one.held, other.held) and np.array_equal(one.day.close, other.day.close)
    return same and one.wealth == other.wealth and bool(np.array_equal(one.beliefs.mean, other.beliefs.mean))


def best_first(units: Ints, values: Matrix) -> tuple[Ints, Matrix]:
    """The non-dominated rows, sorted by the first aim, best first."""
    kept = np.flatnonzero(non_dominated(-values))
    order = kept[np.lexsort((*values[kept].T[:0:-1], -values[kept, 0]))]
    return units[order], values[order]
