"""A quadratic in factor form with a convex piecewise-linear cost for each variable, a box, and linear rows.

minimise  1/2 |F'w|² + sum_i [ 1/2 d_i w_i² - m_i w_i + cost_i(w_i) ]
subject to  lower <= w <= upper,  row_lower <= A w <= row_upper
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class SeparableProgram:
    """The programme above as data.

    loadings F: (n, k); diagonal d: (n,) positive; linear m: (n,)
    kinks: (n, J) rising along a row; slopes: (n, J + 1) of the cost left of, between and right of its kinks, not falling
    origin: (n,) where each cost is 0; lower, upper: (n,) finite; rows A: (q, n) with row_lower, row_upper: (q,), infinite
        where a side has no limit
    """

    loadings: Matrix
    diagonal: Vector
    linear: Vector
    kinks: Matrix
    slopes: Matrix
    origin: Vector
    lower: Vector
    upper: Vector
    rows: Matrix
    row_lower: Vector
    row_upper: Vector

    def __post_init__(self) -> None:
        for name in ("loadings", "kinks"):
            if getattr(self, name).ndim != 2:
                raise InvalidInput(f"{name} has shape {getattr(self, name).shape}, but it needs rows and columns")
        n, q, j = self.linear.size, self.row_lower.size, self.kinks.shape[1]
        shapes = {
            "linear": (n,),
            "loadings": (n, self.loadings.shape[1]),
            "diagonal": (n,),
            "kinks": (n, j),
            "slopes": (n, j + 1),
            "origin": (n,),
            "lower": (n,),
            "upper": (n,),
            "rows": (q, n),
            "row_lower": (q,),
            "row_upper": (q,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise InvalidInput(f"{name} has shape {getattr(self, name).shape}, not {shape}")
            open_ended = name.startswith("row_")  # an infinite side of a row is no limit
            if np.isnan(getattr(self, name)).any() or not (open_ended or np.isfinite(getattr(self, name)).all()):
                raise InvalidInput(f"{name} holds a value that is not finite")
        if (self.diagonal < 0).any():
            raise InvalidInput("diagonal holds a negative value")
        for low, high in (("lower", "upper"), ("row_lower", "row_upper")):
            if (getattr(self, low) > getattr(self, high)).any():
                raise InvalidInput(f"{low} lies above {high}")
        if (np.diff(self.slopes) < 0).any() or (np.diff(self.kinks) < 0).any():
            raise InvalidInput("kinks must rise and slopes must not fall along a row: the cost is not convex")

    def cost(self, w: Vector) -> Vector:
        """(n,) the piecewise-linear cost of each variable."""
        return self._cost_from_zero(w) - self._cost_from_zero(self.origin)

    def _cost_from_zero(self, w: Matrix) -> Matrix:
        """Up to a constant, for (..., n) points."""
        beyond = np.clip(w[..., None] - self.kinks, 0, None)
        return np.asarray(self.slopes[:, 0] * w + (np.diff(self.slopes) * beyond).sum(-1))

    def curvature_times(self, w: Vector) -> Vector:
        """(n,) the quadratic's matrix times w."""
        return np.asarray(self.loadings @ (w @ self.loadings) + self.diagonal * w)

    def objective(self, w: Vector) -> float:
        return float(w @ self.curvature_times(w) / 2 - self.linear @ w + self.cost(w).sum())

    def residual(self, w: Vector) -> float:
        """Largest violation of a bound or row, relative to 1 + the size of what is bounded."""
        value = self.rows @ w
        size = 1 + np.abs(self.rows) @ np.abs(w)
        box = np.maximum(self.lower - w, w - self.upper) / (1 + np.abs(w))
        row = np.maximum(self.row_lower - value, value - self.row_upper) / size
        return float(np.concatenate([box, row]).max(initial=0.0))  # NaN stays NaN

    def lower_bound(self, w: Vector, multipliers: Vector) -> float:
        """A value that no feasible point is below, for any w and any multipliers of the rows.

        The quadratic is replaced by its tangent at w, which lies below it, and the rows by their price; what is left falls apart
        into one piecewise-linear minimum per variable, attained at an end of its box or at a kink.
        """
        up, down = np.clip(multipliers, 0, None), np.clip(-multipliers, 0, None)
        if np.isinf(self.row_upper[up > 0]).any() or np.isinf(self.row_lower[down > 0]).any():
            return -np.inf
        tangent = self.curvature_times(w)
        slope = tangent - self.linear + multipliers @ self.rows
        ends = np.vstack([self.lower, self.upper, np.clip(self.kinks.T, self.lower, self.upper)])
        smallest = (slope * ends + self._cost_from_zero(ends)).min(0) - self._cost_from_zero(self.origin)
        finite_up, finite_low = np.where(up > 0, self.row_upper, 0.0), np.where(down > 0, self.row_lower, 0.0)
        return float(smallest.sum() - w @ tangent / 2 - up @ finite_up + down @ finite_low)
