"""The largest gain'w / volatility within the limits: one search along the frontier for two rules."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import NoSolution
from .limits import Limited
from .quadratic import Minimum, minimise
from .risk import Risk

Vector = NDArray[np.float64]
STEPS = 100
MET = 1e-14  # relative size of the two terms' difference at which they are equal
DOUBLINGS = 60


@dataclass(frozen=True)
class BestRatio:
    """w: (N,); ratio: gain'w / sqrt(w'Cw); gap: no portfolio within the limits has a larger ratio by more; trail."""

    w: Vector
    ratio: float
    gap: float
    trail: tuple[str, ...]


def best_ratio(risk: Risk, gain: Vector, limits: Limited) -> BestRatio:
    """The portfolio with the largest ratio, for a gain that some portfolio within the limits has above zero.

    The best portfolio also minimises w'Cw / 2 - t gain'w for the t at which t gain'w = w'Cw. The difference of the two sides
    is piecewise linear in t along the frontier, negative before the best and positive after it, so the secant within a
    bracket ends exactly once it is on the right piece.
    """
    least = minimise(risk, np.zeros(len(risk)), limits)
    lowest = 2 * (least.objective - least.gap)
    if lowest <= 1e-12 * float(risk.variances().max()):
        raise NoSolution(
            "a portfolio within the limits has no risk at all, so its ratio has no bound: the covariance is singular there; "
            "shrink it, or use min_variance"
        )
    found, steps = _balanced(risk, gain, limits, least)
    return certified_ratio(risk, gain, limits, found.w, lowest, (f"secant: {steps} frontier portfolios", *found.trail))


def certified_ratio(
    risk: Risk, gain: Vector, limits: Limited, w: Vector, lowest: float, trail: tuple[str, ...]
) -> BestRatio:
    """The point with its gap; lowest: a variance that no portfolio within the limits is below.

    With slope g of the volatility at w, any v has sqrt(v'Cv) >= g'v. So gain'v - ratio sqrt(v'Cv) is at most the largest
    (gain - ratio g)'v, a linear programme, and dividing by the least volatility bounds how far v's ratio is above.
    """
    risk_times = risk.times(w)
    volatility = float(np.sqrt(w @ risk_times))
    ratio = float(gain @ w) / volatility
    tilt = gain - ratio * risk_times / volatility
    above = max(float(tilt @ (limits.best_for(tilt) - w)), 0.0)
    return BestRatio(w, ratio, above / float(np.sqrt(lowest)), trail)


def _balanced(risk: Risk, gain: Vector, limits: Limited, least: Minimum) -> tuple[Minimum, int]:
    """The frontier portfolio at which t gain'w = w'Cw, and how many were looked at."""
    search = _Search(risk, gain, limits, least)
    variance, reward = float(least.w @ least.risk_times), float(gain @ least.w)
    best = limits.best_for(gain)
    t = variance / reward if reward > 0 else float(best @ risk.times(best)) / float(gain @ best)
    low_t, low = 0.0, -variance
    value = search.at(t)
    while value < 0 and not search.done and search.steps < DOUBLINGS:
        low_t, low = t, value
        t *= 2
        value = search.at(t)
    high_t, high, kept = t, value, 0
    while not search.done and search.steps < STEPS:
        t = (low_t * high - high_t * low) / (high - low)
        if not low_t < t < high_t:
            break
        value = search.at(t)
        if value < 0:
            low_t, low = t, value
            high, kept = (high / 2, -1) if kept == -1 else (high, -1)  # Illinois: an end that stays put counts for half
        else:
            high_t, high = t, value
            low, kept = (low / 2, 1) if kept == 1 else (low, 1)
    return search.nearest, search.steps


class _Search:
    """Frontier portfolios looked at so far. nearest: the one that balances best; off: how far, relative to its variance."""

    def __init__(self, risk: Risk, gain: Vector, limits: Limited, least: Minimum) -> None:
        self.risk, self.gain, self.limits = risk, gain, limits
        self.nearest = self.last = least
        self.off, self.steps = np.inf, 1

    def at(self, t: float) -> float:
        """t gain'w - w'Cw of the frontier portfolio at t."""
        self.last = minimise(self.risk, t * self.gain, self.limits, self.last)
        variance = float(self.last.w @ self.last.risk_times)
        value = t * float(self.gain @ self.last.w) - variance
        self.steps += 1
        if abs(value) < self.off * variance:
            self.nearest, self.off = self.last, abs(value) / variance
        return value

    @property
    def done(self) -> bool:
        return self.off <= MET
