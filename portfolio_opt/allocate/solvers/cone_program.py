"""What a cone programme's multipliers prove, computed from nothing but its data.

minimise  1/2 x'Px + q'x + offset  subject to  b - Ax in K. For any y of the dual cone and any point x, every feasible z has

    1/2 z'Pz + q'z  >=  -b'y - 1/2 x'Px + (Px + q + A'y)'z

which bounds the optimum as far as z itself is bounded. Weights are, by 1; the helping variables that a cvxpy term brings are
taken to be at most REACH times as large as at x, and as 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

REACH = 10.0
REACH_OF_NO_POINT = 1e3  # of a variable, where there is no point to compare it with


@dataclass(frozen=True)
class ConeProgram:
    """The programme above. P: (m, m) symmetric, or None for none; A: (r, m), both sparse; q: (m,); b: (r,)"""

    P: Any | None
    q: Vector
    A: Any
    b: Vector
    offset: float

    def lower_bound(self, x: Vector, y: Vector) -> float:
        """What no feasible point is below. y: (r,) of the dual cone"""
        curved = np.zeros(len(x)) if self.P is None else self.P @ x
        slope = curved + self.q + self.A.T @ y
        return float(self.offset - self.b @ y - x @ curved / 2 - np.abs(slope) @ (REACH * (1 + np.abs(x))))

    def proves_infeasible(self, y: Vector) -> bool:
        """Whether y (r,) of the dual cone asks for what no z within reach can give: y'(b - Az) < 0."""
        length = float(np.abs(y).max(initial=0.0))
        if not length > 0:
            return False
        y = y / length
        return bool(self.b @ y + REACH_OF_NO_POINT * np.abs(self.A.T @ y).sum() < -MARGIN)


MARGIN = 1e-7  # by which a proof of infeasibility must hold, its largest multiplier being 1


def into_dual_cone(y: Vector, dims: Any) -> Vector:
    """The nearest point of the dual cone to y (r,), for a cone of equalities, inequalities and second-order cones.

    dims: cvxpy's cone sizes. NaN where the cone has other parts, of which nothing is proved here.
    """
    if dims.exp or dims.psd or dims.p3d:
        return np.full(len(y), np.nan)
    out = y.copy()
    at = dims.zero + dims.nonneg
    out[dims.zero : at] = np.clip(y[dims.zero : at], 0, None)
    for length in dims.soc:
        out[at : at + length] = _into_second_order_cone(y[at : at + length])
        at += length
    return out


def _into_second_order_cone(y: Vector) -> Vector:
    """Projection onto {(t, v): |v| <= t}, which is its own dual."""
    top, rest = float(y[0]), y[1:]
    length = float(np.linalg.norm(rest))
    if length <= top:
        return y
    if length <= -top:
        return np.zeros_like(y)
    middle = (top + length) / 2
    return np.concatenate([[middle], rest * (middle / length)])
