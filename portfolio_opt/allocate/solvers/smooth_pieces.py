"""A separable programme without kinks: one variable for what each piece of a name's range, between two kinks, holds.

As slopes do not fall along a range, filling an earlier piece first is never dearer, so  w = lower + S x  with 0 <= x <= length
and a cost of slope'x  has the same least value. The quadratic stays as smooth as it was.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...optim.convex.separable import SeparableProgram

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SmoothPieces:
    """name: (M,) whose piece it is; length, slope: (M,); rows (q, M) of x with row_lower, row_upper: (q,)"""

    program: SeparableProgram
    name: Ints
    length: Vector
    slope: Vector
    rows: Matrix
    row_lower: Vector
    row_upper: Vector

    def weights(self, x: Vector) -> Vector:
        """(N,) of what the pieces hold, (M,)."""
        p = self.program
        return np.clip(p.lower + np.bincount(self.name, x, len(p.lower)), p.lower, p.upper)

    def objective(self, x: Vector) -> tuple[float, Vector]:
        """The programme's, up to a constant, and its slope (M,)."""
        p = self.program
        w = p.lower + np.bincount(self.name, x, len(p.lower))
        curved = p.curvature_times(w)
        return float(w @ curved / 2 - p.linear @ w + self.slope @ x), self.slopes_at(w, curved)

    def slopes_at(self, w: Vector, curved: Vector | None = None) -> Vector:
        """(M,) slope of the objective in each piece at weights w (N,), whatever the pieces hold."""
        steep = (self.program.curvature_times(w) if curved is None else curved) - self.program.linear
        return np.asarray(steep[self.name] + self.slope)

    def filled(self, w: Vector) -> Vector:
        """(M,) what the pieces hold at weights w, the cheapest first."""
        first = np.searchsorted(self.name, self.name)
        before = np.cumsum(self.length) - self.length
        return np.clip(w[self.name] - self.program.lower[self.name] - (before - before[first]), 0, self.length)


def smooth_pieces(program: SeparableProgram) -> SmoothPieces:
    """The same programme in pieces."""
    kinks = np.clip(program.kinks.T, program.lower, program.upper)
    length = np.diff(np.vstack([program.lower, kinks, program.upper]), axis=0).T
    name, piece = np.nonzero(length > 0)
    start = program.rows @ program.lower
    return SmoothPieces(
        program=program,
        name=name,
        length=length[name, piece],
        slope=program.slopes[name, piece],
        rows=program.rows[:, name],
        row_lower=program.row_lower - start,
        row_upper=program.row_upper - start,
    )


def row_prices(program: SeparableProgram, w: Vector) -> Vector:
    """(q,) prices of the rows that fit w best: those of the linear programme in the slopes there, the best tangent bound."""
    from scipy.optimize import linprog  # a quarter of a second to import: only for solvers that find no prices

    pieces = smooth_pieces(program)
    prices = np.zeros(len(program.row_lower))
    if not len(prices) or not len(pieces.name):
        return prices
    slope = pieces.slopes_at(w)
    scale = float(np.abs(slope).max()) or 1.0
    capped, floored = np.isfinite(pieces.row_upper), np.isfinite(pieces.row_lower)
    found = linprog(
        slope / scale,
        A_ub=np.vstack([pieces.rows[capped], -pieces.rows[floored]]),
        b_ub=np.concatenate([pieces.row_upper[capped], -pieces.row_lower[floored]]),
        bounds=np.column_stack([np.zeros(len(slope)), pieces.length]),
        method="highs",
    )
    if found.status != 0:
        return prices
    marginals = np.clip(-found.ineqlin.marginals, 0, None) * scale
    prices[capped] += marginals[: capped.sum()]
    prices[floored] -= marginals[capped.sum() :]
    return prices
