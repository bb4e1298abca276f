"""Functions of one variable each, of linear pieces with jumps, on a grid: step sizes, fixed costs, rates that fall in steps."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

NEAR_GRID = 1e-6  # of a step: an end that misses its grid point by less is meant to be on it
TOUCH = 1e-9  # a point that misses an allowed one by less, relative to 1 + its size, is that one


@dataclass(frozen=True)
class SteppedTerm:
    """term_i(x) is the least constant_ip + slope_ip x over the pieces p whose range holds x; other x are not allowed.

    low, high, constant, slope: (n, P) finite; a piece with low > high is empty. A piece of length 0 is one allowed point; a
        longer one holds those of its points that are base_i + step_i * integer, or all of them where the step is 0
    base, step: (n,) steps not negative
    first, last: (n, P) the smallest and largest allowed point of each piece, first > last where there is none
    """

    low: Matrix
    high: Matrix
    constant: Matrix
    slope: Matrix
    base: Vector
    step: Vector
    first: Matrix = field(init=False, repr=False)
    last: Matrix = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.low.ndim != 2:
            raise InvalidInput(f"low has shape {self.low.shape}, but it needs a row a variable and a column a piece")
        n, pieces = self.low.shape
        for name in ("low", "high", "constant", "slope", "base", "step"):
            shape = (n,) if name in ("base", "step") else (n, pieces)
            value = getattr(self, name)
            if value.shape != shape:
                raise InvalidInput(f"{name} has shape {value.shape}, not {shape}")
            if not np.isfinite(value).all():
                raise InvalidInput(f"{name} holds a value that is not finite")
            object.__setattr__(self, name, np.require(value, np.float64, ("C", "W")))  # one layout: compiled once
        if (self.step < 0).any():
            raise InvalidInput("step holds a negative value")
        if not n:
            raise InvalidInput("low has no rows: at least one variable is needed")
        self._put_empty_pieces_last()
        first, last = self._ends()
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "last", last)
        alone = ~(first <= last).any(1)
        if alone.any():
            raise InvalidInput(
                f"low lies above high in every piece of variable {int(np.argmax(alone))}: it has no value"
            )

    def _put_empty_pieces_last(self) -> None:
        """Put pieces in which no point is allowed last: the inner loops end at the first of them."""
        first, last = self._ends()
        order = np.argsort(first > last, axis=1, kind="stable")
        for name in ("low", "high", "constant", "slope"):
            object.__setattr__(self, name, np.take_along_axis(getattr(self, name), order, 1))

    def _ends(self) -> tuple[Matrix, Matrix]:
        """The pieces' ends moved inwards to the grid; every grid point is computed by one formula, so equal ones are equal."""
        base = self.base[:, None]
        step = np.where(self.step > 0, self.step, 1.0)[:, None]
        gridded = (self.step > 0)[:, None] & (self.low < self.high)
        up = base + step * np.ceil((self.low - base) / step - NEAR_GRID)
        down = base + step * np.floor((self.high - base) / step + NEAR_GRID)
        return np.where(gridded, up, self.low), np.where(gridded, down, self.high)

    def on_grid(self, x: Matrix) -> Matrix:
        """(n, P) points moved to the nearest allowed point of their piece, for (n, P) points; meaningless in empty pieces."""
        x = np.clip(x, self.first, np.maximum(self.first, self.last))
        step = np.where(self.step > 0, self.step, 1.0)[:, None]
        base = self.base[:, None]
        inside = (self.step > 0)[:, None] & (x > self.first) & (x < self.last)
        return np.where(inside, np.clip(base + step * np.rint((x - base) / step), self.first, self.last), x)

    def nearest(self, x: Vector) -> Vector:
        """(n,) the allowed point nearest to each x."""
        points = self.on_grid(np.broadcast_to(x[:, None], self.low.shape))
        far = np.where(self.first <= self.last, np.abs(points - x[:, None]), np.inf)
        return np.take_along_axis(points, far.argmin(1)[:, None], 1)[:, 0]

    def value(self, x: Vector) -> Vector:
        """(n,) the term at x; infinite where x is not allowed."""
        points = self.on_grid(np.broadcast_to(x[:, None], self.low.shape))
        here = (self.first <= self.last) & (np.abs(points - x[:, None]) <= TOUCH * (1 + np.abs(x))[:, None])
        return np.where(here, self.constant + self.slope * points, np.inf).min(1)

    def least(self, curvature: Vector, slope: Vector) -> tuple[Vector, Vector]:
        """(n,) minimisers of curvature/2 x² + slope x + term(x), and their values.

        On each piece that is a parabola: its lowest grid point is the one nearest to where its slope vanishes. The least of the
        pieces' minima is exact. curvature: (n,) not negative
        """
        h, s = curvature[:, None], slope[:, None] + self.slope
        flat = np.where(s > 0, -np.inf, np.inf)
        with np.errstate(over="ignore"):  # an infinite centre is beyond the end of its piece, like any far one
            centre = np.divide(-s, h, out=flat, where=h > 0)
        x = self.on_grid(centre)
        values = np.where(self.first <= self.last, h / 2 * x**2 + s * x + self.constant, np.inf)
        best = values.argmin(1)[:, None]
        return np.take_along_axis(x, best, 1)[:, 0], np.take_along_axis(values, best, 1)[:, 0]
