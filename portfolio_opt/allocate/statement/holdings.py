"""What a portfolio is like beside its risk and return: how much is traded, how concentrated it is, how fast it can be left."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem import Situation
from .fraction import percent, require_fraction
from .term import Expression, Matrix, Measure, Separable, Vector


@dataclass(frozen=True)
class Turnover(Measure):
    """sum |w - w0| / 2: half of all that is bought and sold, the one-way turnover that is quoted; replacing everything is 1."""

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        return np.asarray(np.abs(weights - situation.held * situation.unit).sum(-1) / 2)

    def separable(self, situation: Situation) -> Separable:
        now = situation.held * situation.unit
        return Separable.kinked(now, now[:, None], np.tile([-0.5, 0.5], (len(now), 1)), exact=True)

    def in_words(self) -> str:
        return "one-way turnover: half of all bought and sold, share of wealth"


@dataclass(frozen=True)
class Concentration(Measure):
    """sum w²: 1 for all in one name, 1/n for n equal ones; cash does not count."""

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        return np.asarray((weights**2).sum(-1))

    def separable(self, situation: Situation) -> Separable:
        n = len(situation.unit)
        return Separable.smooth(n, diagonal=np.full(n, 2.0))

    def in_words(self) -> str:
        return "concentration: sum of squared weights"


@dataclass(frozen=True)
class DaysToExit(Measure):
    """Sessions until the last share is sold, at `participation` of each name's median turnover a session, all names at once.

    A name of which participation is less than a unit is sold at one unit a session.
    """

    participation: float = 0.1

    def __post_init__(self) -> None:
        require_fraction("participation", self.participation, least=1e-6)

    def sessions(self, situation: Situation) -> Vector:
        """(N,) sessions it takes to sell a weight of 1."""
        day = situation.day
        return np.asarray(situation.wealth / np.maximum(self.participation * day.turnover, day.close))

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        return np.asarray((weights * self.sessions(situation)).max(-1, initial=0.0))

    def expression(self, situation: Situation, w: Any) -> Expression:
        import cvxpy as cp

        return Expression(cp.maximum(cp.max(cp.multiply(self.sessions(situation), w)), 0))

    def in_words(self) -> str:
        return f"sessions until everything is sold, at {percent(self.participation)} of each name's turnover"
