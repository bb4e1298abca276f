"""Limits that are not convex: how many names, how small a position, and which orders the board takes.

A name counts as held from half a share on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..problem import Situation
from .fraction import percent, require_fraction
from .term import Limit, Matrix, Vector

HALF_A_SHARE = 0.5
WHOLE = 1e-6  # of a share: a weight this near to a whole number of shares is one


@dataclass(frozen=True)
class MaxNames(Limit):
    """At most `limit` names are held. Implied by it: as no weight is above 1, the weights add up to at most `limit`."""

    limit: int

    def __post_init__(self) -> None:
        if self.limit != int(self.limit) or self.limit < 1:
            raise InvalidInput(f"the largest number of names is {self.limit:g}, but it is a whole number of at least 1")

    def violation(self, situation: Situation, weights: Matrix) -> Vector:
        return np.clip(_is_held(situation, weights).sum(-1) - float(self.limit), 0, None)

    def constraints(self, situation: Situation, w: Any) -> tuple[list[Any], bool]:
        import cvxpy as cp

        return [cp.sum(w) <= self.limit], False

    def relaxed(self, amount: float) -> "MaxNames":
        return MaxNames(self.limit + int(np.ceil(amount)))

    def in_words(self) -> str:
        return f"at most {self.limit} name{'s' * (self.limit != 1)}"


@dataclass(frozen=True)
class MinNames(Limit):
    """At least `limit` names are held. As half a share is enough of each, nothing convex is implied by it alone."""

    limit: int

    def __post_init__(self) -> None:
        if self.limit != int(self.limit) or self.limit < 0:
            raise InvalidInput(f"the least number of names is {self.limit:g}, but it is a whole number of at least 0")

    def violation(self, situation: Situation, weights: Matrix) -> Vector:
        return np.clip(float(self.limit) - _is_held(situation, weights).sum(-1), 0, None)

    def constraints(self, situation: Situation, w: Any) -> tuple[list[Any], bool]:
        return [], False

    def relaxed(self, amount: float) -> "MinNames | None":
        return MinNames(max(self.limit - int(np.ceil(amount)), 0)) if self.limit else None

    def in_words(self) -> str:
        return f"at least {self.limit} name{'s' * (self.limit != 1)}"


@dataclass(frozen=True)
class MinPosition(Limit):
    """A name weighs nothing or at least `limit`. Its convex hull is that weights are not negative."""

    limit: float

    def __post_init__(self) -> None:
        require_fraction("the smallest position", self.limit)

    def violation(self, situation: Situation, weights: Matrix) -> Vector:
        short = np.clip(self.limit - weights, 0, None)
        return np.asarray(np.where(_is_held(situation, weights), short, 0.0).sum(-1))

    def constraints(self, situation: Situation, w: Any) -> tuple[list[Any], bool]:
        return [w >= 0], False

    def relaxed(self, amount: float) -> "MinPosition | None":
        return MinPosition(max(self.limit - amount, 0.0)) if self.limit else None

    def in_words(self) -> str:
        return f"positions of at least {percent(self.limit)}"


@dataclass(frozen=True)
class BoardLot(Limit):
    """Orders are whole shares, of at least a board lot or a whole holding, and leave nothing or at least a lot of what is sold.

    Counted in orders that break it. Its convex hull is that weights are not negative.
    """

    def violation(self, situation: Situation, weights: Matrix) -> Vector:
        lot, held = situation.day.lot, situation.held
        units = weights / situation.unit
        order = np.abs(units - held)
        part = np.abs(units - np.rint(units)) > WHOLE
        sold, all_sold = units < held, np.abs(units) <= WHOLE
        too_small = (order > WHOLE) & (order < lot - WHOLE) & ~all_sold
        residue = sold & (order > WHOLE) & (units < lot - WHOLE) & ~all_sold
        return np.asarray((part | too_small | residue).sum(-1).astype(float))

    def constraints(self, situation: Situation, w: Any) -> tuple[list[Any], bool]:
        return [w >= 0], False

    def in_words(self) -> str:
        return "orders of whole shares and at least a board lot"


def _is_held(situation: Situation, weights: Matrix) -> NDArray[np.bool_]:
    """(B, N) whether a name is held."""
    return np.asarray(weights >= HALF_A_SHARE * situation.unit)
