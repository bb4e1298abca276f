"""The portfolio with the largest expected return above the risk-free rate for its volatility."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, NoSolution
from ...forecast.beliefs import Beliefs
from .limits import read_limits
from .ratio import best_ratio
from .result import RuleWeights, labelled
from .risk import Risk, check_semidefinite, per_name, read_risk

if TYPE_CHECKING:
    from .risk import Covariance


def max_sharpe(
    covariance: Covariance,
    mean: object = None,
    *,
    risk_free: float = 0.0,
    max_weight: object = 1.0,
    min_weight: object = 0.0,
    groups: object = None,
    max_group: object = None,
) -> RuleWeights:
    """The long-only, fully invested w with the largest Sharpe ratio (mean'w - risk_free) / sqrt(w'Cw). Objective: the ratio.

    covariance: Beliefs, whose mean is used, an (N, N) array, or a DataFrame with labels; mean: (N,), aligned by label
    risk_free: per year, as the mean; the limits as in min_variance
    Raises NoSolution where no portfolio within the limits expects more than the risk-free rate.
    """
    risk = read_risk(covariance)
    excess = read_mean(covariance, mean, risk) - risk_free
    limits = read_limits(risk, max_weight, min_weight, groups, max_group)
    check_semidefinite(risk)
    most = float(excess @ limits.best_for(excess))
    if most <= 0:
        raise NoSolution(
            f"no portfolio within the limits expects more than the risk-free rate: the best expects {most + risk_free:.4g} "
            f"against {risk_free:.4g}; lower risk_free, loosen the limits, hold cash, or use min_variance"
        )
    found = best_ratio(risk, excess, limits)
    return labelled(risk, limits, found.w, found.ratio, found.gap, found.ratio, found.trail)


def read_mean(covariance: Covariance, mean: object, risk: Risk) -> NDArray[np.float64]:
    """(N,) the expected returns, in the covariance's order."""
    if mean is not None:
        return per_name("mean", mean, risk)
    if isinstance(covariance, Beliefs):
        return covariance.mean
    raise InvalidInput("mean is not given; give the expected return of each name beside the covariance")
