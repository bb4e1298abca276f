"""A limit that may be broken at a price."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem import Situation
from .fraction import require_positive
from .linear_limit import LinearLimit
from .term import Expression, Limit, Matrix, Measure, Separable, Vector


@dataclass(frozen=True)
class Soft(Measure):
    """price × the limit's violation, to be subtracted from an objective instead of listing the limit.

    price: utility a year for each unit of violation; that of a convex limit is convex, that of another is bounded from below by
    what its implied constraints are broken by
    """

    limit: Limit
    price: float

    def __post_init__(self) -> None:
        require_positive("the price of a soft limit", self.price)

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        return self.price * self.limit.violation(situation, weights)

    def expression(self, situation: Situation, w: Any) -> Expression | None:
        found = self.limit.constraints(situation, w)
        if found is None:
            return None
        import cvxpy as cp

        constraints, exact = found
        return Expression(self.price * sum((_excess(each) for each in constraints), cp.Constant(0)), exact)

    def separable(self, situation: Situation) -> Separable | None:
        """A kink at either end of a box; None where the limit has rows, of which one name alone does not know."""
        if not isinstance(self.limit, LinearLimit) or len((r := self.limit.rows(situation)).row_lower):
            return None
        below, above = self.limit.per_weight(situation)
        low, high = np.isfinite(r.lower), np.isfinite(r.upper)
        lower = np.where(low, r.lower, np.where(high, r.upper, 0.0))
        upper = np.where(high, r.upper, lower)
        slopes = self.price * np.stack([-below * low, 0 * below, above * high], axis=1)
        middle = np.clip(0.0, lower, upper)
        return Separable.kinked(middle, np.stack([lower, upper], axis=1), slopes, exact=True)

    def in_words(self) -> str:
        return f"{self.price:g} a year for each unit beyond: {self.limit.in_words()}"


def _excess(constraint: Any) -> Any:
    """By how much a cvxpy constraint is broken, summed over its parts: a convex term."""
    import cvxpy as cp

    if isinstance(constraint, cp.constraints.Inequality):
        return cp.sum(cp.pos(constraint.expr))
    return cp.sum(cp.abs(constraint.expr))
