"""minimise 1/2 w'Cw - m'w within the limits, certified by its slope alone: what most rules come down to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import NoSolution
from ...optim.convex.newton_dual import solve as solve_factors
from ...optim.convex.separable import SeparableProgram
from .limits import Limited
from .risk import Risk

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Minimum:
    """The point with its proof.

    w: (N,); risk_times: (N,) C w; objective; gap: no portfolio within the limits is lower by more
    prices: (1 + G,) of the budget and the group caps; trail: what was done
    """

    w: Vector
    risk_times: Vector
    objective: float
    gap: float
    prices: Vector
    trail: tuple[str, ...]


def minimise(risk: Risk, linear: Vector, limits: Limited, start: Minimum | None = None) -> Minimum:
    """The minimiser. start: the answer to a similar question, from which to begin."""
    if risk.dense is not None:
        from .dense_quadratic import minimise_dense

        w, prices, trail = minimise_dense(
            risk.dense, linear, limits, None if start is None else (start.w, start.prices)
        )
    else:
        w, prices, trail = _by_factors(risk, linear, limits)
    return certified(risk, linear, limits, w, prices, trail)


def certified(
    risk: Risk, linear: Vector, limits: Limited, w: Vector, prices: Vector, trail: tuple[str, ...]
) -> Minimum:
    """The point with its gap: how far the objective could fall along its slope to the best vertex of the limits.

    The objective is convex, so no point within the limits lies below its tangent: f(v) >= f(w) + slope'(v - w).
    """
    risk_times = risk.times(w)
    slope = risk_times - linear
    gap = max(float(slope @ (w - limits.best_for(-slope))), 0.0)
    return Minimum(w, risk_times, float(w @ (risk_times / 2 - linear)), gap, prices, trail)


def _by_factors(risk: Risk, linear: Vector, limits: Limited) -> tuple[Vector, Vector, tuple[str, ...]]:
    n = len(risk)
    rows, row_lower, row_upper = limits.rows()
    found = solve_factors(
        SeparableProgram(
            loadings=risk.loadings, diagonal=risk.specific, linear=linear, kinks=np.zeros((n, 0)), slopes=np.zeros((n, 1)),
            origin=np.zeros(n), lower=limits.lower, upper=limits.upper, rows=rows, row_lower=row_lower, row_upper=row_upper,
        )
    )  # fmt: skip
    if not np.isfinite(found.x).all():
        raise NoSolution(f"no portfolio was found within the limits: {found.status.value}")
    return found.x, found.multipliers, found.trail
