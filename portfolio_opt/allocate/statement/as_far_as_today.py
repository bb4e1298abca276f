"""A limit whose sides give way exactly where today's market keeps them from being met: a name that cannot be sold keeps its own.

The rest of the limit stays as it is: one unsellable holding above a cap does not let others above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problem import Situation
from .linear_limit import LinearLimit
from .term import Limit, Matrix, Rows, Statement, Vector
from .weight_limits import GroupLimit, MaxSector, MaxWeight, SectorLimit

ON_WEIGHTS = (MaxWeight, MaxSector, SectorLimit, GroupLimit)
HAIR = 1e-12


@dataclass(frozen=True)
class AsFarAsToday(LinearLimit):
    """limit, between the weights that today lets one reach, least and most (N,), and relaxed by so much more."""

    limit: LinearLimit
    least: tuple[float, ...]
    most: tuple[float, ...]
    more: float = 0.0

    @property
    def of_wealth_after_costs(self) -> bool:  # type: ignore[override]
        return self.limit.of_wealth_after_costs

    def rows(self, situation: Situation) -> Rows:
        own = self.limit.rows(situation)
        within = self._within(own)
        looser: Any = self.limit.relaxed(self.more) if self.more else None
        if looser is None:
            return within
        moved = looser.rows(situation)
        return Rows(
            _shifted(within.lower, own.lower, moved.lower), _shifted(within.upper, own.upper, moved.upper), own.rows,
            _shifted(within.row_lower, own.row_lower, moved.row_lower),
            _shifted(within.row_upper, own.row_upper, moved.row_upper),
        )  # fmt: skip

    def _within(self, own: Rows) -> Rows:
        """The sides moved to what today's box reaches, where they lie beyond it."""
        least, most = np.array(self.least), np.array(self.most)
        up, down = np.clip(own.rows, 0, None), np.clip(own.rows, None, 0)
        lowest, highest = up @ least + down @ most, up @ most + down @ least
        return Rows(
            np.minimum(own.lower, most), np.maximum(own.upper, least), own.rows,
            np.minimum(own.row_lower, highest), np.maximum(own.row_upper, lowest),
        )  # fmt: skip

    def stuck_rows(self, situation: Situation) -> NDArray[np.bool_]:
        """(Q,) which rows give way."""
        own, now = self.limit.rows(situation), self.rows(situation)
        return np.asarray((now.row_upper > own.row_upper + HAIR) | (now.row_lower < own.row_lower - HAIR))

    def violation_after_costs(self, situation: Situation, weights: Matrix, after: Vector) -> Vector:
        """Sides are shares of what is left, but what gives way stays where today keeps it."""
        own, least, most = self.limit.rows(situation), np.array(self.least), np.array(self.most)
        up, down = np.clip(own.rows, 0, None), np.clip(own.rows, None, 0)
        lowest, highest = up @ least + down @ most, up @ most + down @ least
        left, value = after[:, None], weights @ own.rows.T
        over = np.clip(weights - np.maximum(_of(own.upper, left), least), 0, None).sum(1)
        over += np.clip(np.minimum(own.lower, most) - weights, 0, None).sum(1)
        beyond = np.maximum(
            np.minimum(own.row_lower, highest) - value, value - np.maximum(_of(own.row_upper, left), lowest)
        )
        return np.asarray(over + np.clip(beyond, 0, None).sum(1))

    def relaxed(self, amount: float) -> "AsFarAsToday | None":
        return None if self.limit.relaxed(self.more + amount) is None else replace(self, more=self.more + amount)

    def named(self) -> tuple[str, ...]:
        return self.limit.named()

    def in_words(self) -> str:
        looser = self.limit.relaxed(self.more) if self.more else None
        return (looser or self.limit).in_words()


def _shifted(side: Vector, before: Vector, after: Vector) -> Vector:
    """A side moved by as much as the limit's own one moves; an infinite one stays."""
    there = np.isfinite(before)
    return side + np.subtract(after, before, out=np.zeros(len(side)), where=there)


def _of(side: Vector, left: Matrix) -> Matrix:
    """(B, any) a side as a share of what is left, (B, 1), of wealth."""
    return np.asarray(np.where(side > 0, side * left, side))


def as_far_as_today(statement: Statement, today: Sequence[Limit]) -> Statement:
    """The statement with limits on weights that ask for no more than today's market lets one reach. today: its limits"""
    situation = statement.situation
    n = len(situation.unit)
    least, most = np.zeros(n), np.ones(n)
    for limit in today:
        rows = limit.rows(situation)
        if rows is not None:
            least, most = np.maximum(least, rows.lower), np.minimum(most, rows.upper)
    most = np.maximum(most, least)

    def reachable(limit: Limit) -> Limit:
        if not isinstance(limit, ON_WEIGHTS):
            return limit
        own = limit.rows(situation)
        now = AsFarAsToday(limit, tuple(least.tolist()), tuple(most.tolist()))
        other = now.rows(situation)
        sides = ("lower", "upper", "row_lower", "row_upper")
        same = all(np.array_equal(getattr(own, side), getattr(other, side)) for side in sides)
        return limit if same else now

    return replace(statement, limits=tuple(reachable(limit) for limit in statement.limits))
