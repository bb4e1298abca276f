"""What a portfolio is expected to earn, and by how much that may be wrong."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from ...errors import InvalidInput
from ..problem import Situation
from .fraction import percent
from .term import Expression, Matrix, Measure, Objective, Separable, Vector


@dataclass(frozen=True)
class ExpectedReturn(Measure):
    """mean'w: the expected return of a year, before costs and tax. Cash earns nothing."""

    linear = True

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        return np.asarray(weights @ situation.beliefs.mean)

    def separable(self, situation: Situation) -> Separable:
        mean = situation.beliefs.mean
        return Separable.smooth(len(mean), linear=mean)

    def in_words(self) -> str:
        return "expected return, a year, before costs and tax"


@dataclass(frozen=True)
class EstimationError(Measure):
    """By how much the true expected return may fall short of the believed one, with standard errors e of the means.

    ellipsoid: z |e * w|, which the shortfall exceeds with probability 1 - confidence if the errors of names are independent
    box: z e'|w|, the same when all of them are wrong together; z is the normal quantile of `confidence`
    """

    confidence: float = 0.9
    shape: Literal["ellipsoid", "box"] = "ellipsoid"

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise InvalidInput(f"confidence is {self.confidence:g}, but it must be at least 0.5 and below 1")
        if self.shape not in ("ellipsoid", "box"):
            raise InvalidInput(f"shape is {self.shape!r}; choose ellipsoid or box")

    def _radius(self, situation: Situation) -> Vector:
        """(N,) shortfall of each mean alone."""
        return np.asarray(NormalDist().inv_cdf(self.confidence) * situation.beliefs.standard_error)

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        off = np.abs(weights) * self._radius(situation)
        return np.asarray(off.sum(-1) if self.shape == "box" else np.sqrt((off**2).sum(-1)))

    def expression(self, situation: Situation, w: Any) -> Expression | None:
        import cvxpy as cp

        if self.shape == "box":
            return super().expression(situation, w)
        return Expression(cp.norm(cp.multiply(self._radius(situation), w), 2))

    def separable(self, situation: Situation) -> Separable | None:
        if self.shape == "ellipsoid":
            return None
        radius = self._radius(situation)
        zero = np.zeros(len(radius))
        return Separable.kinked(zero, zero[:, None], np.stack([-radius, radius], axis=1), exact=True)

    def in_words(self) -> str:
        together = "all wrong together" if self.shape == "box" else "independent"
        return f"what the expected return may be short by at {percent(self.confidence)} confidence, errors {together}, a year"


@dataclass(frozen=True, init=False)
class RobustReturn(Objective):
    """The expected return that the truth exceeds with this confidence: ExpectedReturn() - EstimationError(confidence, shape)."""

    def __init__(self, confidence: float = 0.9, shape: Literal["ellipsoid", "box"] = "ellipsoid") -> None:
        super().__init__((ExpectedReturn() - EstimationError(confidence, shape)).terms)
