"""A best vertex of a box with linear rows, or the proof that the box meets no point of the rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Sides = NDArray[np.int8]  # -1 at the lower side, +1 at the upper side, 0 between

ROUNDING = 1e-12


@dataclass(frozen=True)
class Vertex:
    """A point fixed by as many binding limits as it has coordinates, where sides say 0 the rest follows from the rows.

    x: (n,); sides: (n,) of the box; row_sides: (q,) of the rows; as many names are between their sides as rows bind
    """

    x: Vector
    sides: Sides
    row_sides: Sides


@dataclass(frozen=True)
class Refusal:
    """No point: the combination of the rows by `certificate` (q,) asks for more than the box can give; None: unproved."""

    certificate: Vector | None


def best_vertex(
    gain: Vector, lower: Vector, upper: Vector, rows: Matrix, row_lower: Vector, row_upper: Vector
) -> Vertex | Refusal:
    """A vertex of {lower <= x <= upper, row_lower <= rows x <= row_upper} with the largest gain'x.

    gain: (n,); lower, upper: (n,) finite; rows: (q, n); row_lower, row_upper: (q,), infinite where a side has no limit
    """
    alone = _row_out_of_reach(lower, upper, rows, row_lower, row_upper)
    if alone is not None:
        return Refusal(alone)
    if len(rows) == 1 and row_lower[0] == row_upper[0] and (rows[0] > 0).all():
        return _fill(gain, lower, upper, rows[0], float(row_upper[0]))
    return _by_simplex(gain, lower, upper, rows, row_lower, row_upper)


def _row_out_of_reach(lower: Vector, upper: Vector, rows: Matrix, low: Vector, high: Vector) -> Vector | None:
    """The certificate of a row, one without entries say, that no point of the box meets; None if there is no such row."""
    ends = rows * lower, rows * upper
    least, most = np.minimum(*ends).sum(1), np.maximum(*ends).sum(1)
    limits = np.where(np.isfinite(low), np.abs(low), 0.0) + np.where(np.isfinite(high), np.abs(high), 0.0)
    room = ROUNDING * (np.maximum(*map(np.abs, ends)).sum(1) + limits)
    off = np.where(least > high + room, 1.0, np.where(most < low - room, -1.0, 0.0))
    return np.where(np.arange(len(off)) == np.argmax(off != 0), off, 0.0) if off.any() else None


def shortfall(certificate: Vector, lower: Vector, upper: Vector, rows: Matrix, low: Vector, high: Vector) -> float:
    """By how much the box misses what the rows, combined by the certificate (q,), ask for; positive: no point exists.

    Every point of the rows has certificate'(rows x) <= the limits of the sides that the signs name; the box has it no smaller
    than sum_i min(slope_i lower_i, slope_i upper_i) with slope = certificate'rows.
    """
    slope = certificate @ rows
    up, down = certificate > 0, certificate < 0
    most = certificate[up] @ high[up] + certificate[down] @ low[down]
    return float(np.minimum(slope * lower, slope * upper).sum() - most)


def _fill(gain: Vector, lower: Vector, upper: Vector, row: Vector, total: float) -> Vertex | Refusal:
    """One budget: everything at its lower side, then the best gain for its share of the budget is filled first."""
    room = row * (upper - lower)
    left = total - row @ lower
    size = abs(total) + row @ np.maximum(np.abs(lower), np.abs(upper))
    if left < -ROUNDING * size:
        return Refusal(np.ones(1))
    if left > room.sum() + ROUNDING * size:
        return Refusal(-np.ones(1))
    order = np.argsort(-gain / row, kind="stable")
    filled = np.cumsum(room[order])
    last = min(int(np.searchsorted(filled, left)), len(order) - 1)
    sides = np.full(len(gain), -1, dtype=np.int8)
    sides[order[:last]] = 1
    x = np.where(sides > 0, upper, lower)
    name = order[last]
    sides[name] = 0
    x[name] = np.clip(lower[name] + (left - (filled[last - 1] if last else 0.0)) / row[name], lower[name], upper[name])
    return Vertex(x, sides, np.ones(1, dtype=np.int8))


def _by_simplex(
    gain: Vector, lower: Vector, upper: Vector, rows: Matrix, low: Vector, high: Vector
) -> Vertex | Refusal:
    from highspy import _core as highs  # only where the rows need it; its own Highs greets

    q, n = rows.shape
    row_size = np.abs(rows).max(1, initial=0.0)
    row_size[row_size == 0] = 1.0
    stated = rows, low, high
    rows, low, high = rows / row_size[:, None], low / row_size, high / row_size
    lp = highs.HighsLp()
    lp.num_col_, lp.num_row_ = n, q
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = -gain / (np.abs(gain).max(initial=0.0) or 1.0), lower, upper
    lp.row_lower_, lp.row_upper_ = low, high
    lp.a_matrix_.format_ = highs.MatrixFormat.kRowwise
    places = [np.flatnonzero(row) for row in rows]
    lp.a_matrix_.start_ = np.cumsum([0, *map(len, places)])
    lp.a_matrix_.index_ = np.concatenate([np.zeros(0, dtype=int), *places])
    lp.a_matrix_.value_ = rows[rows != 0]
    solver = highs._Highs()
    options: dict[str, bool | int | float | str] = {
        "output_flag": False,
        "presolve": "off",
        "threads": 1,
        "solver": "simplex",
    }
    tolerances = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    for option, value in (options | tolerances).items():
        solver.setOptionValue(option, value)
    solver.passModel(lp)
    solver.run()
    if solver.getModelStatus() != highs.HighsModelStatus.kOptimal:
        ray = np.array(solver.getDualRay()[2])  # type: ignore[attr-defined]
        return Refusal(_proof(ray / row_size if ray.shape == low.shape else ray, lower, upper, *stated))
    basis, solution = solver.getBasis(), solver.getSolution()
    x, values = np.asarray(solution.col_value), np.asarray(solution.row_value)
    basic = highs.HighsBasisStatus.kBasic
    between, loose = (np.array([s == basic for s in side], dtype=bool) for side in (basis.col_status, basis.row_status))
    sides = np.where(between, 0, np.where(upper - x < x - lower, 1, -1)).astype(np.int8)
    row_sides = np.where(loose, 0, np.where(high - values < values - low, 1, -1)).astype(np.int8)
    x = np.where(sides > 0, upper, np.where(sides < 0, lower, np.clip(x, lower, upper)))
    return Vertex(x, sides, row_sides)


def _proof(ray: Vector, lower: Vector, upper: Vector, rows: Matrix, low: Vector, high: Vector) -> Vector | None:
    """The ray, in our sign, if it proves anything when we compute it ourselves."""
    if ray.shape != low.shape or not np.isfinite(ray).all() or not ray.any():
        return None
    for certificate in (ray / np.abs(ray).max(), -ray / np.abs(ray).max()):
        certificate[np.abs(certificate) < ROUNDING] = 0.0
        if shortfall(certificate, lower, upper, rows, low, high) > 0:
            return certificate
    return None
