"""The same weight in every name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .limits import read_limits
from .nearest import nearest_within
from .result import RuleWeights, labelled
from .risk import read_risk

if TYPE_CHECKING:
    from .risk import Covariance


def equal_weight(
    covariance: Covariance,
    *,
    max_weight: object = 1.0,
    min_weight: object = 0.0,
    groups: object = None,
    max_group: object = None,
) -> RuleWeights:
    """1/N in each of the covariance's N names, or the nearest weights within the limits.

    Objective: the variance w'Cw, which is not minimised: there is no gap. Covariance and limits as in min_variance.
    """
    risk = read_risk(covariance)
    limits = read_limits(risk, max_weight, min_weight, groups, max_group)
    w = np.full(len(risk), 1 / len(risk))
    trail = ("1/N",)
    if limits.violation(w) > 1e-12:
        w, trail = nearest_within(w, limits), ("nearest to 1/N within the limits",)
    return labelled(risk, limits, w, float(w @ risk.times(w)), None, 1.0, trail)
