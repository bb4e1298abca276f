"""Risk over scenarios: what is bought today and held along each path.

Held shares make a path's value linear in the weights, compounding included: with growth G_it of one rupee in name i up to step t,
wealth is 1 + sum_i w_i (G_it - 1) of today's, cash staying what it is. Losses, shortfalls and falls from a peak are therefore
exact and convex; all are shares of today's wealth, over the beliefs' horizon.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..problem import Situation
from .fraction import percent
from .term import Expression, Matrix, Measure, Vector

AT_ONCE = 2**22  # values of wealth along paths that are in memory together


def path_gains(situation: Situation) -> NDArray[np.float64]:
    """(S, L, N) gain of a rupee in each name up to each step of each path: G - 1."""
    returns = _scenarios(situation)
    return returns if returns.shape[1] == 1 else np.asarray(np.cumprod(1 + returns, axis=1) - 1)


def final_gains(situation: Situation) -> Matrix:
    """(S, N) gain of a rupee in each name over each whole path."""
    returns = _scenarios(situation)
    return np.asarray(returns[:, 0] if returns.shape[1] == 1 else np.prod(1 + returns, axis=1) - 1)


@dataclass(frozen=True)
class CVaR(Measure):
    """The mean loss over the worst (1 - level) of the paths, at least one path, the last one counted in part."""

    scenario_steps = 1

    level: float = 0.95

    def __post_init__(self) -> None:
        _require_level(self.level)

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        return worst_mean(-weights @ final_gains(situation).T, self.level)

    def expression(self, situation: Situation, w: Any) -> Expression:
        import cvxpy as cp

        gains = final_gains(situation)
        count = averaged(self.level, len(gains))
        return Expression(cp.sum_largest(-gains @ w, count) / count)

    def in_words(self) -> str:
        return f"mean loss of the worst {percent(1 - self.level)} of scenarios (CVaR), share of wealth over the horizon"


@dataclass(frozen=True)
class SemiVariance(Measure):
    """The mean over paths of the squared shortfall of the gain below `target`."""

    scenario_steps = 1

    target: float = 0.0

    def __post_init__(self) -> None:
        if not abs(self.target) <= 1:
            raise InvalidInput(f"target is {self.target:g}, but it is a return as a fraction, from -1 to 1")

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        short = np.clip(self.target - weights @ final_gains(situation).T, 0, None)
        return np.asarray((short**2).mean(-1))

    def expression(self, situation: Situation, w: Any) -> Expression:
        import cvxpy as cp

        gains = final_gains(situation)
        return Expression(cp.sum_squares(cp.pos(self.target - gains @ w)) / len(gains))

    def in_words(self) -> str:
        return f"mean squared shortfall below a return of {percent(self.target)} over the horizon (semi-variance)"


@dataclass(frozen=True)
class MaxDrawdown(Measure):
    """The largest fall of wealth from its peak so far, today counted as a peak, averaged over the worst (1 - level) of the paths.

    The fall is a share of today's wealth; as a share of the peak it would not be convex. level 0: the mean over all paths
    """

    scenario_steps = 12

    level: float = 0.0

    def __post_init__(self) -> None:
        _require_level(self.level)

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        gains = path_gains(situation)
        paths, steps, n = gains.shape
        falls = np.empty((paths, len(weights)))
        together = max(AT_ONCE // (paths * steps), 1)
        for start in range(0, len(weights), together):
            path = (gains.reshape(paths * steps, n) @ weights[start : start + together].T).reshape(paths, steps, -1)
            peak = np.maximum(np.maximum.accumulate(path, axis=1), 0)
            falls[:, start : start + together] = (peak - path).max(1)
        return worst_mean(falls.T, self.level)

    def expression(self, situation: Situation, w: Any) -> Expression:
        import cvxpy as cp

        gains = path_gains(situation)
        paths, steps, n = gains.shape
        value = cp.reshape(gains.reshape(paths * steps, n) @ w, (paths, steps), order="C")
        value = cp.hstack([np.zeros((paths, 1)), value])  # today
        fall = cp.max(cp.cummax(value, axis=1) - value, axis=1)
        count = averaged(self.level, paths)
        return Expression(cp.sum_largest(fall, count) / count)

    def in_words(self) -> str:
        over = "all" if self.level == 0 else f"the worst {percent(1 - self.level)} of"
        return f"largest fall from a peak, mean over {over} scenarios, share of today's wealth"


def averaged(level: float, paths: int) -> float:
    """How many of the worst paths are averaged."""
    return max((1 - level) * paths, 1.0)


def worst_mean(losses: Matrix, level: float) -> Vector:
    """(B,) the mean of the worst (1 - level) of the losses (B, S) of each row."""
    paths = losses.shape[-1]
    count = averaged(level, paths)
    whole = min(int(np.ceil(count - 1e-9)), paths)
    worst = np.sort(np.partition(losses, paths - whole, axis=-1)[:, paths - whole :], axis=-1)
    return np.asarray((worst[:, 1:].sum(-1) + (count - (whole - 1)) * worst[:, 0]) / count)


def _scenarios(situation: Situation) -> NDArray[np.float64]:
    if situation.beliefs.scenarios is None:
        raise InvalidInput("the beliefs hold no scenarios, which risk over paths is measured on; add scenarios to them")
    return situation.beliefs.scenarios


def _require_level(level: float) -> None:
    if not 0 <= level < 1:
        raise InvalidInput(f"level is {level:g}, but it must be at least 0 and below 1")
