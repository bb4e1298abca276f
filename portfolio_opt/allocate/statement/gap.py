"""How far a convex reading lies below the measure it stands for."""

import numpy as np

from ..problem import Situation
from .term import Matrix, Measure, Vector


def gap(measure: Measure, situation: Situation, weights: Matrix) -> Vector | None:
    """(B,) true value less the convex reading of portfolios (B, N): not negative, and 0 where the reading is exact.

    None where the measure has no convex reading.
    """
    parts = measure.separable(situation)
    if parts is not None:
        return measure.value(situation, weights) - parts.value(weights)
    read = _by_cvxpy(measure, situation, weights)
    return None if read is None else measure.value(situation, weights) - read


def _by_cvxpy(measure: Measure, situation: Situation, weights: Matrix) -> Vector | None:
    """(B,) the expression's value at each portfolio; helping variables take their best values."""
    import cvxpy as cp

    w = cp.Variable(weights.shape[1])
    found = measure.expression(situation, w)
    if found is None:
        return None
    values = np.empty(len(weights))
    for k, row in enumerate(weights):
        w.value = row
        if found.constraints:
            values[k] = cp.Problem(cp.Minimize(found.term), [w == row, *found.constraints]).solve()
        else:
            values[k] = float(found.term.value)
    return values
