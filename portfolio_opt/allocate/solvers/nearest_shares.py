"""Target weights to the nearest legal whole shares: charges, lots and caps as they are, to a proved gap."""

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..bounds import Bounds
from ..problem import Problem
from .mixed_integer import ExactAnswer, Rounds, require_positive
from .quantity_pieces import Paid, Pieces, table_of
from .tangent_model import BP, Model, Rows, stacked

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]


def nearest_shares(
    problem: Problem, limits: Bounds, target: Vector, gap: float = 1e-5, seconds: float = 60.0
) -> ExactAnswer:
    """The legal whole shares nearest to target weights: they minimise  Σ |w - target| + (1 - Σ w)  over legal plans.

    w are weights at the last close; 1 - Σ w is what is left in cash, paid in charges and tax, or held outside.
    target: (N,) of wealth; gap: how far from the nearest, as a fraction of wealth. What is believed of the names has no part.
    The answer's utility and bound are minus that distance. Raises InvalidInput as `solve_exactly` does.
    """
    require_positive(gap, seconds)
    if target.shape != problem.held.shape or not (np.isfinite(target).all() and (target >= 0).all()):
        raise InvalidInput(
            f"target needs {len(problem.held)} weights that are finite and at least 0, one for each symbol"
        )

    def model(chosen_from: Pieces) -> Model:
        return _DistanceModel(problem, limits, target, chosen_from)

    def score(units: Ints, _: Paid) -> float:
        w = units * problem.unit
        return -float(np.abs(w - target).sum() + 1 - w.sum())

    return Rounds(problem, limits, table_of(problem, limits), model, score, gap).run(seconds, None)


class _DistanceModel(Model):
    """The same plans, at the distance from the target. Further columns: how far each name is from it, in bp."""

    def __init__(self, problem: Problem, limits: Bounds, target: Vector, chosen_from: Pieces) -> None:
        super().__init__(problem, limits, 0.0, chosen_from)
        self.target = target
        self.away = self.columns + np.arange(len(target))
        self.columns += len(target)

    def cost(self) -> tuple[Vector, float]:
        cost = np.zeros(self.columns)
        cost[self.away] = 1
        cost[self.units] = -BP * self.problem.unit
        return cost, BP

    def rows(self) -> Rows:
        """Those of every plan, and away >= ±(w - target)."""
        n = len(self.target)
        blocks = [super().rows()]
        for sign in (1, -1):
            matrix = np.zeros((n, self.columns))
            matrix[np.arange(n), self.away] = 1
            matrix[np.arange(n), self.units] = -sign * BP * self.problem.unit
            blocks.append(Rows(matrix, -sign * BP * self.target, np.full(n, np.inf)))
        return stacked(*blocks)

    def point(self, units: Ints) -> Vector:
        x = super().point(units)
        x[self.away] = np.abs(units * self.problem.unit - self.target) * BP
        return x
