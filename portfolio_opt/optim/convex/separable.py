"""A quadratic in factor form with a convex piecewise-linear cost for each variable, a box, and linear rows.

minimise  1/2 |F'w|² + sum_i [ 1/2 d_i w_i² - m_i w_i + cost_i(w_i) ]
subject to  lower <= w <= upper,  row_lower <= A w <= row_upper
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..real_numbers import real_array

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class SeparableProgram:
    """The programme above as data; what is not yet an array of float64 becomes one.

    loadings F: (n, k); diagonal d: (n,) not negative; linear m: (n,)
    kinks: (n, J) rising along a row; slopes: (n, J + 1) of the cost left of, between and right of its kinks, not falling
    origin: (n,) where each cost is 0; lower, upper: (n,); rows A: (q, n) with row_lower, row_upper: (q,); a limit that is
        infinite is none
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
        arrays = self.__dict__
        for name, array in arrays.items():
            if type(array) is not np.ndarray or array.dtype is not FLOAT:
                object.__setattr__(self, name, real_array(name, array))
        n, q, j = self.linear.size, self.row_lower.size, self.kinks.shape[-1] if self.kinks.ndim == 2 else 0
        for name, shape in self._shapes(n, q, j).items():
            array = arrays[name]
            if array.shape != shape:
                raise InvalidInput(self._misshapen())
            if not math.isfinite(np.vdot(array, array)) and not _means_no_limit(
                name, array
            ):  # the sum is a quick first look
                raise InvalidInput(f"{name} holds a value that is not finite")
        if n and self.diagonal.min() < 0:
            raise InvalidInput("diagonal holds a negative value")
        for low, high in (("lower", "upper"), ("row_lower", "row_upper")):
            if (arrays[low] > arrays[high]).any():
                raise InvalidInput(f"{low} lies above {high}")
        for name, wanted in (("slopes", "not fall"), ("kinks", "rise")):
            array = getattr(self, name)
            if array.shape[1] > 1 and (array[:, 1:] < array[:, :-1]).any():
                raise InvalidInput(f"{name} must {wanted} along a row: the cost is not convex")

    def _shapes(self, n: int, q: int, j: int) -> dict[str, tuple[int, ...]]:
        return {
            "linear": (n,),
            "loadings": (n, self.loadings.shape[-1] if self.loadings.ndim else 0),
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

    def _misshapen(self) -> str:
        """What to say of the first array whose shape does not fit the names, rows and kinks that most of the others have."""
        arrays = vars(self)
        by_name = ("linear", "loadings", "diagonal", "kinks", "slopes", "origin", "lower", "upper")
        n = _most_common([arrays[name].shape[0] for name in by_name if arrays[name].ndim])
        q = _most_common([arrays[name].shape[0] for name in ("row_lower", "row_upper", "rows") if arrays[name].ndim])
        j = self.kinks.shape[1] if self.kinks.ndim == 2 else self.slopes.shape[-1] - 1 if self.slopes.ndim else 0
        wrong = {name: shape for name, shape in self._shapes(n, q, j).items() if arrays[name].shape != shape}
        name, shape = next(iter(wrong.items()))
        if len(shape) == 2 and arrays[name].ndim != 2:
            return f"{name} has shape {arrays[name].shape}, but it needs rows and columns"
        return f"{name} has shape {arrays[name].shape}, not {shape}"

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

        The factor part of the quadratic is replaced by its tangent at w, which lies below it, and the rows by their price; what
        is left falls apart into one minimum per variable, attained where the slope is zero, at an end of its box or at a kink.
        """
        up, down = np.clip(multipliers, 0, None), np.clip(-multipliers, 0, None)
        if np.isinf(self.row_upper[up > 0]).any() or np.isinf(self.row_lower[down > 0]).any():
            return -np.inf
        factors = w @ self.loadings
        pull = self.linear - self.loadings @ factors - multipliers @ self.rows
        edges = np.vstack([self.lower, np.clip(self.kinks.T, self.lower, self.upper), self.upper])
        left = pull - self.slopes.T
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            flat = np.where(left == 0, 0.0, left / self.diagonal)  # of each piece, where its slope is zero
        points = np.clip(flat, edges[:-1], edges[1:])
        if not np.isfinite(points).all():  # NaN prices, or without curvature nothing stops a fall
            return -np.inf
        smallest = (points * (self.diagonal * points / 2 - pull) + self._cost_from_zero(points)).min(0, initial=np.inf)
        finite_up, finite_low = np.where(up > 0, self.row_upper, 0.0), np.where(down > 0, self.row_lower, 0.0)
        least = (smallest - self._cost_from_zero(self.origin)).sum()
        return float(least - factors @ factors / 2 - up @ finite_up + down @ finite_low)


def _means_no_limit(name: str, array: Vector) -> bool:
    """Whether what is not finite in the array is a side of a row or a bound that has no limit."""
    no_limit = NO_LIMIT.get(name)
    if no_limit is None:
        return bool(np.isfinite(array).all())  # only the sum of squares is infinite
    return not math.isnan(array @ array) and bool((array != -no_limit).all())


def _most_common(counts: list[int]) -> int:
    return max(counts, key=counts.count, default=0)


FLOAT = np.dtype(np.float64)
NO_LIMIT = {"lower": -np.inf, "upper": np.inf, "row_lower": -np.inf, "row_upper": np.inf}


def eigen_split(quadratic: Matrix) -> tuple[Matrix, Vector]:
    """(loadings F, diagonal d) with F F' + diag(d) equal to a dense positive semidefinite matrix.

    Scaled to a unit diagonal, the smallest eigenvalue goes to the diagonal and the rest into loadings.
    """
    if quadratic.ndim != 2 or quadratic.shape[0] != quadratic.shape[1]:
        raise InvalidInput(f"quadratic has shape {quadratic.shape}, but it needs as many rows as columns")
    if not np.isfinite(quadratic).all():
        raise InvalidInput("quadratic holds a value that is not finite")
    size = np.sqrt(np.abs(np.diag(quadratic)))
    scale = np.where(size > 0, size, 1.0)
    unit = quadratic / np.outer(scale, scale)
    if np.abs(unit - unit.T).max(initial=0.0) > SYMMETRIC:
        raise InvalidInput("quadratic is not symmetric")
    values, vectors = np.linalg.eigh((unit + unit.T) / 2)
    smallest = values.min(initial=np.inf)
    if smallest < -SYMMETRIC * max(values.max(initial=0.0), 1.0):
        raise InvalidInput(
            f"quadratic is not positive semidefinite: its correlations have the eigenvalue {smallest:.3g}"
        )
    specific = max(smallest, 0.0) if smallest > SYMMETRIC else 0.0
    excess = values - specific
    kept = excess > SYMMETRIC**2 * values.max(initial=1.0)
    return vectors[:, kept] * np.sqrt(excess[kept]) * scale[:, None], specific * np.where(size > 0, size, 0.0) ** 2


SYMMETRIC = 1e-9  # relative rounding that a computed covariance may show
