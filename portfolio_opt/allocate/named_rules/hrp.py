"""Hierarchical risk parity: names that move together share what their branch of a tree is given (López de Prado 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, NoSolution
from .limits import read_limits
from .nearest import nearest_within
from .result import RuleWeights, labelled
from .risk import Risk, read_risk

if TYPE_CHECKING:
    from .risk import Covariance

Linkage = Literal["single", "complete", "average", "weighted", "centroid", "median", "ward"]


def hrp(
    covariance: Covariance,
    *,
    linkage: Linkage = "single",
    distance_of_distances: bool = False,
    max_weight: object = 1.0,
    min_weight: object = 0.0,
    groups: object = None,
    max_group: object = None,
) -> RuleWeights:
    """Long-only weights from a tree of the names, each split in two halves that share in inverse proportion to their variance.

    The tree joins names by d_ij = sqrt((1 - correlation_ij) / 2); its leaves, in order, are halved again and again, a half's
    variance being that of its inverse-variance portfolio.
    linkage: how scipy joins clusters; distance_of_distances: join by the Euclidean distance of columns of d, as in the
    article, rather than by d itself, as is common since
    Where the weights break a limit, the nearest ones that do not are returned. Objective: the variance w'Cw, which HRP does
    not minimise: there is no gap. The covariance is made dense, since a tree needs every pair.
    """
    if linkage not in get_args(Linkage):
        raise InvalidInput(f"linkage is {linkage!r}; choose one of {', '.join(get_args(Linkage))}")
    risk = read_risk(covariance)
    limits = read_limits(risk, max_weight, min_weight, groups, max_group)
    variances = risk.variances()
    if not variances.all():
        raise NoSolution(f"{risk.name(int(np.argmin(variances)))} has no risk, so it has no correlation: leave it out")
    w = _recipe(risk, 1 / np.sqrt(variances), linkage, distance_of_distances)
    trail: tuple[str, ...] = (f"tree by {linkage} linkage",)
    if limits.violation(w) > 1e-12:
        w, trail = nearest_within(w, limits), (*trail, "moved to the nearest weights within the limits")
    return labelled(risk, limits, w, float(w @ risk.times(w)), None, 1.0, trail)


def _recipe(risk: Risk, inverse: NDArray[np.float64], linkage: str, of_distances: bool) -> NDArray[np.float64]:
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import pdist, squareform

    from .rule_kernels import bisected, correlation_distances

    if len(risk) == 1:
        return np.ones(1)
    C = risk.matrix()
    distances = correlation_distances(C, inverse)
    if of_distances:
        distances = pdist(squareform(distances))
    tree = hierarchy.linkage(distances, linkage)
    return bisected(C, hierarchy.leaves_list(tree).astype(np.int64))
