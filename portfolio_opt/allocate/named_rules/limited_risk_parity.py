"""Risk parity where a limit binds: the same programme within the limits, and what the limits push, as its proof."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import NoSolution
from .limits import Limited
from .nearest import nearest_within
from .quadratic import minimise
from .risk import Risk

Vector = NDArray[np.float64]
STEPS = 300
KEPT = 0.1  # of a weight at least stays in one step: logarithms need weights above zero
SMALL = 1e-9  # of an equal weight: the least that a name starts from
DONE = 1e-15  # fall that a step promises at which there is nothing left to gain
HALVINGS = 40


@dataclass(frozen=True)
class Push:
    """What the limits push at a point.

    shift: (N,) that they add to C y for y = w / volatility; slack: what is lost where a limit that pushes does not bind
    """

    shift: Vector
    slack: float


def within_limits(risk: Risk, b: Vector, limits: Limited, near: Vector) -> tuple[Vector, Push, int]:
    """(the minimiser of log volatility - sum b log w within the limits, what they push, steps).

    Each step minimises a convex quadratic that has the function's slope and at least its curvature on the portfolios around,
    by the solver of the other rules, and goes as far along it as the function falls.
    """
    w = _inside(limits, near)
    prices = np.zeros(1 + len(limits.group_cap))
    for steps in range(STEPS):  # noqa: B007 - the count is part of the answer
        risk_times = risk.times(w)
        variance = float(w @ risk_times)
        slope, own = risk_times / variance - b / w, b / w**2
        curved = _curved(risk, variance, own)
        room = replace(limits, lower=np.maximum(limits.lower, KEPT * w))
        model = minimise(curved, curved.times(w) - slope, room)
        step, prices = model.w - w, model.prices
        promise = float(slope @ step)
        share = _share(risk, b, w, step, promise)
        if share == 0.0:
            break
        w = w + share * step
        if promise > -DONE:
            break
    return w, pushed(risk, b, limits, w, prices), steps


def pushed(risk: Risk, b: Vector, limits: Limited, w: Vector, prices: Vector) -> Push:
    """Multipliers, none of the wrong sign, of lower_i sum y <= y_i <= upper_i sum y and of the groups' caps relative to sum y.

    prices: (1 + G,) of the budget and the groups at the last step; what is left of the slope at a limit is its multiplier.
    """
    risk_times = risk.times(w)
    variance = float(w @ risk_times)
    of_group = np.maximum(prices[1:], 0.0)
    by_group = of_group[limits.group] if len(of_group) else np.zeros(len(w))
    left = -(risk_times / variance - b / w + prices[0] + by_group)
    near = 1e-9 * np.maximum(w, 1 / len(w))
    capped = np.where(w >= limits.upper - near, np.maximum(left, 0.0), 0.0)
    floored = np.where(w <= limits.lower + near, np.maximum(-left, 0.0), 0.0)
    level = float(capped @ limits.upper - floored @ limits.lower + of_group @ limits.group_cap)
    slack = float(
        capped @ (limits.upper - w)
        + floored @ (w - limits.lower)
        + of_group @ (limits.group_cap - limits.group_sums(w))
    )
    return Push((capped - floored + by_group - level) * np.sqrt(variance), max(slack, 0.0))


def _inside(limits: Limited, near: Vector) -> Vector:
    """The nearest portfolio in which every name has some weight."""
    some = np.minimum(np.maximum(limits.lower, SMALL / len(near)), limits.upper)
    some = np.where(some > 0, some, 0.0)
    raised = replace(limits, lower=some)
    if not some.all() or raised.lower.sum() > 1 or (raised.group_sums(some) > limits.group_cap).any():
        raise NoSolution(
            "a limit leaves a name without weight, so it can carry no share of the risk: leave such names out"
        )
    return nearest_within(near, raised)


def _curved(risk: Risk, variance: float, own: Vector) -> Risk:
    """C / variance + diag(own)."""
    if risk.dense is None:
        return Risk(None, None, risk.loadings / np.sqrt(variance), risk.specific / variance + own)
    dense = risk.dense / variance
    dense[np.diag_indices_from(dense)] += own
    return Risk(None, dense, risk.loadings, risk.specific)


def _share(risk: Risk, b: Vector, w: Vector, step: Vector, promise: float) -> float:
    """How much of the step to take: the first of 1, 1/2, … at which the function falls by a hundredth of the promise."""
    across, along = float(w @ risk.times(step)), float(step @ risk.times(step))
    variance = float(w @ risk.times(w))
    share = 1.0
    for _ in range(HALVINGS):
        change = 0.5 * np.log1p((2 * share * across + share**2 * along) / variance) - b @ np.log1p(share * step / w)
        if change <= 0.01 * share * promise + 1e-16:
            return share
        share /= 2
    return 0.0
