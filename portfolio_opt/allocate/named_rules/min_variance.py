"""The portfolio with the least variance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .limits import read_limits
from .quadratic import minimise
from .result import RuleWeights, labelled
from .risk import check_semidefinite, read_risk

if TYPE_CHECKING:
    from .risk import Covariance


def min_variance(
    covariance: Covariance,
    *,
    max_weight: object = 1.0,
    min_weight: object = 0.0,
    groups: object = None,
    max_group: object = None,
) -> RuleWeights:
    """The long-only, fully invested w with the smallest w'Cw. Objective: that variance, per year if C is.

    covariance: Beliefs, an (N, N) array, or a DataFrame with labels
    max_weight, min_weight: one number for all names, or one for each (by label where there are labels)
    groups: of each name; max_group: the largest weight of a group, one number or by group
    """
    risk = read_risk(covariance)
    limits = read_limits(risk, max_weight, min_weight, groups, max_group)
    check_semidefinite(risk)
    found = minimise(risk, np.zeros(len(risk)), limits)
    perfectly_correlated = float(found.w @ np.sqrt(risk.variances())) ** 2  # what the variance is summed from
    variance = max(2 * found.objective, 0.0)  # rounding may leave less than nothing
    return labelled(risk, limits, found.w, variance, 2 * found.gap, perfectly_correlated, found.trail)
