"""Risk by covariance, of a portfolio and of its difference from a benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...forecast.beliefs import Beliefs
from ..problem import Situation
from .fraction import percent, require_positive
from .names import benchmark_weights
from .term import Limit, Matrix, Measure, Separable, Vector

ROOT_TWO = np.sqrt(2.0)


@dataclass(frozen=True)
class Variance(Measure):
    """w'Cw, of a year."""

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        return _variance(situation.beliefs, weights)

    def separable(self, situation: Situation) -> Separable:
        beliefs = situation.beliefs
        return Separable.smooth(len(beliefs.mean), loadings=ROOT_TWO * beliefs.loadings, diagonal=2 * beliefs.specific)

    def in_words(self) -> str:
        return "variance of the return, a year"


@dataclass(frozen=True)
class TrackingError(Measure):
    """(w - b)'C(w - b), of a year: the square of the tracking error that is quoted, so that a quadratic solver can take it.

    benchmark: weights b by symbol; what they leave of 1 is cash
    """

    benchmark: Mapping[str, float]

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        return _variance(situation.beliefs, weights - benchmark_weights(situation, self.benchmark))

    def separable(self, situation: Situation) -> Separable:
        beliefs = situation.beliefs
        b = benchmark_weights(situation, self.benchmark)
        covered = beliefs.loadings @ (b @ beliefs.loadings) + beliefs.specific * b
        return Separable.smooth(
            len(b),
            loadings=ROOT_TWO * beliefs.loadings,
            diagonal=2 * beliefs.specific,
            linear=-2 * covered,
            constant=float(b @ covered),
        )

    def in_words(self) -> str:
        return "squared tracking error, a year"


@dataclass(frozen=True)
class MaxTrackingError(Limit):
    """The root of (w - b)'C(w - b) is at most `limit` a year."""

    benchmark: Mapping[str, float]
    limit: float

    def __post_init__(self) -> None:
        require_positive("the limit of the tracking error", self.limit)

    def violation(self, situation: Situation, weights: Matrix) -> Vector:
        error = np.sqrt(TrackingError(self.benchmark).value(situation, weights))
        return np.asarray(np.clip(error - self.limit, 0, None))

    def constraints(self, situation: Situation, w: Any) -> tuple[list[Any], bool]:
        import cvxpy as cp

        beliefs = situation.beliefs
        active = w - benchmark_weights(situation, self.benchmark)
        parts = cp.hstack([beliefs.loadings.T @ active, cp.multiply(np.sqrt(beliefs.specific), active)])
        return [cp.norm(parts, 2) <= self.limit], True

    def relaxed(self, amount: float) -> "MaxTrackingError":
        return MaxTrackingError(self.benchmark, self.limit + amount)

    def in_words(self) -> str:
        return f"a tracking error of at most {percent(self.limit)} a year"


def _variance(beliefs: Beliefs, weights: Matrix) -> Vector:
    """(B,) w'Cw of weights (B, N)."""
    return np.asarray(((weights @ beliefs.loadings) ** 2).sum(-1) + weights**2 @ beliefs.specific)
