"""Limits that are a box and linear rows: one definition, from which every reading follows."""

from abc import abstractmethod
from typing import Any

import numpy as np

from ..problem import Situation
from .term import Limit, Matrix, Rows, Vector


class LinearLimit(Limit):
    """A limit that says what it is by `rows`; its violation is the sum of all that lies beyond box and rows."""

    @abstractmethod
    def rows(self, situation: Situation) -> Rows:
        """Box and rows, in which a unit of violation is one of the limit's own."""

    def per_weight(self, situation: Situation) -> tuple[Vector, Vector]:
        """(N,) each: units of the violation that a unit of weight below and above the box is; 1 where weights are limited."""
        one = np.ones(len(situation.unit))
        return one, one

    def violation(self, situation: Situation, weights: Matrix) -> Vector:
        r = self.rows(situation)
        below, above = self.per_weight(situation)
        outside = np.clip(r.lower - weights, 0, None) @ below + np.clip(weights - r.upper, 0, None) @ above
        value = weights @ r.rows.T
        return np.asarray(outside + np.clip(np.maximum(r.row_lower - value, value - r.row_upper), 0, None).sum(-1))

    def constraints(self, situation: Situation, w: Any) -> tuple[list[Any], bool]:
        import cvxpy as cp

        r = self.rows(situation)
        below, above = self.per_weight(situation)
        sides = [
            (w, r.lower, below, -1),
            (w, r.upper, above, 1),
            (r.rows @ w, r.row_lower, np.ones(len(r.row_lower)), -1),
            (r.rows @ w, r.row_upper, np.ones(len(r.row_upper)), 1),
        ]
        found = []
        for value, end, unit, sign in sides:
            there = np.flatnonzero(np.isfinite(end))
            if len(there):
                found.append(cp.multiply(sign * unit[there], value[there] - end[there]) <= 0)
        return found, True
