"""Limits on cash: what stays, and what may stay. Cash is what names and never-traded holdings leave of wealth, before costs."""

from dataclasses import dataclass

import numpy as np

from ..problem import Situation
from .fraction import percent, require_fraction
from .linear_limit import LinearLimit
from .term import Rows


@dataclass(frozen=True)
class CashFloor(LinearLimit):
    """At least `limit` of wealth stays in cash; 0: nothing is borrowed."""

    limit: float = 0.0

    def __post_init__(self) -> None:
        require_fraction("the cash floor", self.limit)

    def rows(self, situation: Situation) -> Rows:
        return Rows.of(np.ones((1, len(situation.unit))), upper=_inside(situation) - self.limit)

    def relaxed(self, amount: float) -> "CashFloor | None":
        return CashFloor(max(self.limit - amount, 0.0)) if self.limit else None

    def in_words(self) -> str:
        return f"at least {percent(self.limit)} in cash"


@dataclass(frozen=True)
class FullyInvested(LinearLimit):
    """At most `cash` of wealth stays in cash, and nothing is borrowed."""

    cash: float = 0.0

    def __post_init__(self) -> None:
        require_fraction("the most that stays in cash", self.cash)

    def rows(self, situation: Situation) -> Rows:
        inside = _inside(situation)
        return Rows.of(np.ones((1, len(situation.unit))), lower=inside - self.cash, upper=inside)

    def relaxed(self, amount: float) -> "FullyInvested":
        return FullyInvested(min(self.cash + amount, 1.0))

    def in_words(self) -> str:
        return f"at most {percent(self.cash)} left in cash" if self.cash else "everything invested"


def _inside(situation: Situation) -> float:
    """Share of wealth that is not in holdings that are never traded."""
    return 1 - situation.outside_value / situation.wealth
