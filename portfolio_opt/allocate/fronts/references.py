"""What a front is looked at beside: doing nothing, equal weights, and the market's own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..problem import Problem

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """weights: (N,) of wealth, in fractions of shares; words: what it is"""

    name: str
    weights: Vector
    words: str


def references(problem: Problem) -> list[Reference]:
    """Portfolios that need no forecast; to reach one takes charges and tax like any other, but no limit is kept but cash."""
    day = problem.day
    found = [Reference("today", problem.held * problem.unit, "doing nothing")]
    free = 1 - problem.limits.cash_floor - problem.outside_value / problem.wealth
    buyable = day.can_buy.astype(float)
    if buyable.any():
        found.append(
            Reference("equal weight", free * buyable / buyable.sum(), "the same in every name that can be bought")
        )
        turned = buyable * day.turnover
        if turned.sum() > 0:
            words = "every name that can be bought by its turnover, as prices tell no market value"
            found.append(Reference("index-like", free * turned / turned.sum(), words))
    return found


def unreached(values: NDArray[np.float64]) -> list[int]:
    """Places of points (P, K) that no weighted sum of the aims takes: those inside the convex hull of the front."""
    from scipy.optimize import linprog

    count, aims = values.shape
    width = np.ptp(values, axis=0)
    scaled = (values - values.min(0)) / np.where(width > 0, width, 1.0)
    inside = []
    for p in range(count):
        # weights that sum to 1 and at which p is ahead of every other by the most there is
        others = np.delete(scaled, p, axis=0) - scaled[p]
        found = linprog(
            np.append(np.zeros(aims), -1.0),
            A_ub=np.hstack([others, np.ones((count - 1, 1))]), b_ub=np.zeros(count - 1),
            A_eq=np.append(np.ones(aims), 0.0)[None], b_eq=[1.0],
            bounds=[(0, 1)] * aims + [(-1, 1)],
        )  # fmt: skip
        if found.status == 0 and -found.fun < -BEHIND:
            inside.append(p)
    return inside


BEHIND = 5e-3  # of the ranges: less far inside is not worth a word
