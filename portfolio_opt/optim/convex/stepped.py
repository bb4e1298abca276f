"""A quadratic in factor form with a term of pieces, jumps and steps for each variable, and linear rows.

minimise  1/2 |F'x|² + sum_i [ 1/2 d_i x_i² - m_i x_i + term_i(x_i) ]  subject to  row_lower <= A x <= row_upper
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from .separable import SeparableProgram
from .stepped_term import SteppedTerm

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class SteppedProgram:
    """The programme above as data; the term's allowed points are the box.

    loadings F: (n, k); diagonal d: (n,) not negative; linear m: (n,); rows A: (q, n) with row_lower, row_upper: (q,), infinite
        where a side has no limit
    """

    loadings: Matrix
    diagonal: Vector
    linear: Vector
    term: SteppedTerm
    rows: Matrix
    row_lower: Vector
    row_upper: Vector

    def __post_init__(self) -> None:
        n, q = len(self.term.base), self.row_lower.size
        if self.loadings.ndim != 2:
            raise InvalidInput(f"loadings has shape {self.loadings.shape}, but it needs rows and columns")
        shapes = {
            "loadings": (n, self.loadings.shape[1]),
            "diagonal": (n,),
            "linear": (n,),
            "rows": (q, n),
            "row_lower": (q,),
            "row_upper": (q,),
        }
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value.shape != shape:
                raise InvalidInput(f"{name} has shape {value.shape}, not {shape}")
            open_ended = name.startswith("row_")  # an infinite side of a row is no limit
            if np.isnan(value).any() or not (open_ended or np.isfinite(value).all()):
                raise InvalidInput(f"{name} holds a value that is not finite")
        if (self.diagonal < 0).any():
            raise InvalidInput("diagonal holds a negative value")
        if (self.row_lower > self.row_upper).any():
            raise InvalidInput("row_lower lies above row_upper")

    def objective(self, x: Vector) -> float:
        """The value at x, infinite where the term does not allow it."""
        factors = x @ self.loadings
        smooth = factors @ factors / 2 + (self.diagonal * x / 2 - self.linear) @ x
        return float(smooth + self.term.value(x).sum())

    def residual(self, x: Vector) -> float:
        """Largest violation of a row, or distance to an allowed point, relative to 1 + the size of what is bounded."""
        value = self.rows @ x
        size = 1 + np.abs(self.rows) @ np.abs(x)
        row = np.maximum(self.row_lower - value, value - self.row_upper) / size
        off = np.abs(self.term.nearest(x) - x) / (1 + np.abs(x))
        return float(np.concatenate([row, off]).max(initial=0.0))  # NaN stays NaN

    def lower_bound(self, factors: Vector, multipliers: Vector) -> float:
        """A value that no feasible point is below, for any factors (k,) and any multipliers (q,) of the rows.

        The common quadratic is replaced by its tangent where F'x = factors, the rows by their price. What is left falls apart
        into one non-convex minimum for each variable, which is exact: jumps, steps and all.
        """
        up, down = np.clip(multipliers, 0, None), np.clip(-multipliers, 0, None)
        if np.isinf(self.row_upper[up > 0]).any() or np.isinf(self.row_lower[down > 0]).any():
            return -np.inf
        slope = self.loadings @ factors - self.linear + multipliers @ self.rows
        _, smallest = self.term.least(self.diagonal, slope)
        finite_up, finite_low = np.where(up > 0, self.row_upper, 0.0), np.where(down > 0, self.row_lower, 0.0)
        return float(smallest.sum() - factors @ factors / 2 - up @ finite_up + down @ finite_low)


def envelope(program: SteppedProgram) -> SeparableProgram:
    """The convex programme with each term replaced by the largest convex function below it: up to a constant, a lower bound."""
    from .stepped_kernels import hulls  # compiles: only where it is used

    term = program.term
    kinks, slopes, lower, upper = hulls(term.first, term.last, term.constant, term.slope)
    return SeparableProgram(
        loadings=program.loadings,
        diagonal=program.diagonal,
        linear=program.linear,
        kinks=kinks,
        slopes=slopes,
        origin=np.clip(0.0, lower, upper),
        lower=lower,
        upper=upper,
        rows=program.rows,
        row_lower=program.row_lower,
        row_upper=program.row_upper,
    )
