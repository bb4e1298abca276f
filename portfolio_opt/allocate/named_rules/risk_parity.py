"""The portfolio in which every name carries its given share of the variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, NoSolution
from .limited_risk_parity import Push, within_limits
from .limits import read_limits
from .quadratic import minimise
from .result import RuleWeights, labelled
from .risk import Risk, check_semidefinite, per_name, read_risk

if TYPE_CHECKING:
    from .risk import Covariance

Vector = NDArray[np.float64]
ROUNDS = 5000  # of coordinate descent; some twenty as a rule
STILL = 1e-12  # largest relative step of a round at which it has ended
ROUNDING = 1e-12  # of the whole: a smaller violation of a limit is none
NO_RISK = 1e-12  # of the largest variance: less is none
TOO_LARGE = 1e5  # times the start: a scale that suggests there is no minimiser


def risk_parity(
    covariance: Covariance,
    budgets: object = None,
    *,
    max_weight: object = 1.0,
    min_weight: object = 0.0,
    groups: object = None,
    max_group: object = None,
) -> RuleWeights:
    """The long-only, fully invested w whose shares of the variance w_i (Cw)_i / w'Cw equal the budgets.

    budgets: positive, one for each name (by label where there are labels), scaled to sum to 1; None: equal shares
    It is y / sum y for the minimiser of 1/2 y'Cy - sum b_i log y_i (Spinu 2013), found one name at a time
    (Griveau-Billion, Richard and Roncalli 2013). Limits turn that programme into the one with y kept within the same limits
    relative to sum y (Richard and Roncalli 2019): where one binds the shares can no longer all equal their budgets.
    Objective: log volatility - sum b_i log w_i, which does not depend on y's scale. Raises NoSolution for a name without risk.
    """
    risk = read_risk(covariance)
    b = _read_budgets(risk, budgets)
    limits = read_limits(risk, max_weight, min_weight, groups, max_group)
    check_semidefinite(risk)
    y, rounds = _descended(risk, b)
    w = y / y.sum()
    trail: tuple[str, ...] = (f"coordinate descent: {rounds} rounds",)
    push = Push(np.zeros(len(risk)), 0.0)
    if limits.violation(w) > ROUNDING:
        w, push, steps = within_limits(risk, b, limits, w)
        trail = (*trail, f"limits bind: {steps} quadratic steps within them")
    value, gap = certified_parity(risk, b, w, push)
    return labelled(risk, limits, w, value, gap, 1.0, trail)


def certified_parity(risk: Risk, b: Vector, w: Vector, push: Push) -> tuple[float, float]:
    """(objective, gap). push: of the limits, nothing where none binds.

    With y = w / volatility and s = C y + push.shift, weak duality leaves
    sum [ y_i s_i - b_i - b_i log(y_i s_i / b_i) ] + push.slack: each term is zero where y_i s_i, the name's share of the
    variance plus what its limits push, equals its budget.
    """
    risk_times = risk.times(w)
    volatility = float(np.sqrt(w @ risk_times))
    value = float(np.log(volatility) - b @ np.log(w))
    share = w / volatility * (risk_times / volatility + push.shift)
    if (share <= 0).any():
        return value, np.inf
    off = share / b - 1
    return value, max(float(b @ (off - np.log1p(off))), 0.0) + push.slack


def _read_budgets(risk: Risk, budgets: object) -> Vector:
    n = len(risk)
    b = np.full(n, 1 / n) if budgets is None else per_name("budgets", budgets, risk)
    if (b <= 0).any():
        k = int(np.argmin(b))
        raise InvalidInput(
            f"the risk budget of {risk.name(k)} is {b[k]:g}, but budgets must be positive; leave the name out instead"
        )
    return np.asarray(b / b.sum())


def _descended(risk: Risk, b: Vector) -> tuple[Vector, int]:
    """(the minimiser y (N,) of 1/2 y'Cy - sum b log y, rounds)."""
    variances = risk.variances()
    if not variances.all():
        name = risk.name(int(np.argmin(variances)))
        raise NoSolution(f"{name} has no risk, so no weight gives it a share of the risk: leave it out")
    y = np.sqrt(b / variances)
    y *= _scale(risk, y)
    descent = _Descent(risk, b, y)
    largest = float(y.max())
    for rounds in range(1, ROUNDS + 1):
        if descent.round() <= STILL:
            return y, rounds
        if y.max() > TOO_LARGE * largest:
            _check_bounded(risk)
            largest = float(y.max())
        if rounds % 10 == 0:
            y *= _scale(risk, y)
            descent.refresh()
    _check_bounded(risk)
    return y, ROUNDS


def _check_bounded(risk: Risk) -> None:
    """Refuse a covariance by which some long-only portfolio has no risk: scaling that up would lower the function for ever."""
    anything = read_limits(risk, 1.0, 0.0, None, None)
    least = minimise(risk, np.zeros(len(risk)), anything)
    if 2 * least.objective <= NO_RISK * float(risk.variances().max()):
        raise NoSolution(
            "the covariance is singular and some long-only portfolio has no risk, so none shares its risk out as told: shrink "
            "the covariance"
        )


def _scale(risk: Risk, y: Vector) -> float:
    """What to multiply y by for the best of its multiples: y'Cy becomes sum b = 1."""
    variance = float(y @ risk.times(y))
    return 1 / float(np.sqrt(variance)) if variance > 0 else 1.0


@dataclass
class _Descent:
    """Rounds of coordinate descent on y (N,), in place."""

    risk: Risk
    b: Vector
    y: Vector

    def __post_init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Drop the rounding that a running product gathers."""
        self.product = self.y @ self.risk.loadings if self.risk.dense is None else self.risk.times(self.y)

    def round(self) -> float:
        from . import rule_kernels as kernels

        if self.risk.dense is None:
            F = np.ascontiguousarray(self.risk.loadings)
            return kernels.factor_risk_budget_sweep(F, self.risk.specific, self.b, self.y, self.product)
        return kernels.risk_budget_sweep(self.risk.dense, self.b, self.y, self.product)
