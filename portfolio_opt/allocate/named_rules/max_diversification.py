"""The portfolio whose names' volatilities sum to the most for its own (Choueifaty and Coignard 2008)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .limits import read_limits
from .ratio import best_ratio
from .result import RuleWeights, labelled
from .risk import check_semidefinite, read_risk

if TYPE_CHECKING:
    from .risk import Covariance


def max_diversification(
    covariance: Covariance,
    *,
    max_weight: object = 1.0,
    min_weight: object = 0.0,
    groups: object = None,
    max_group: object = None,
) -> RuleWeights:
    """The long-only, fully invested w with the largest diversification ratio w'sigma / sqrt(w'Cw). Objective: the ratio.

    sigma: (N,) volatilities of the names. Covariance and limits as in min_variance.
    """
    risk = read_risk(covariance)
    limits = read_limits(risk, max_weight, min_weight, groups, max_group)
    check_semidefinite(risk)
    found = best_ratio(risk, np.sqrt(risk.variances()), limits)
    return labelled(risk, limits, found.w, found.ratio, found.gap, found.ratio, found.trail)
