"""Views on some names, blended with what the market implies for all (Black and Litterman 1992)."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...forecast.beliefs import Beliefs
from .risk import Risk, check_semidefinite, per_name, read_risk

if TYPE_CHECKING:
    import pandas as pd

    from .risk import Covariance

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
SINGULAR = 1e-12  # relative: views with no more independent information than this repeat or contradict one another


@dataclass(frozen=True)
class View:
    """That the names in `of`, so weighted, return `value` a year: {"A": 1} is absolute, {"A": 1, "B": -1} relative.

    of: weights by label, or by position where the covariance has no labels
    confidence: from 0 (ignore the view) to 1 (certain), by Idzorek's rule; or variance: of the view's error, per year
    With neither, the view is as uncertain as the prior's own mean in its direction (He and Litterman 1999).
    """

    of: Mapping[Hashable, float]
    value: float
    confidence: float | None = None
    variance: float | None = None

    def __post_init__(self) -> None:
        if not self.of or not any(self.of.values()):
            raise InvalidInput("a view weighs no name; say which names it is about")
        if not np.isfinite([self.value, *self.of.values()]).all():
            raise InvalidInput(f"the view on {', '.join(map(str, self.of))} holds a value that is not finite")
        if self.confidence is not None and self.variance is not None:
            raise InvalidInput(f"the view on {', '.join(map(str, self.of))} has a confidence and a variance; give one")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise InvalidInput(f"a view's confidence is {self.confidence:g}, but it is a fraction from 0 to 1")
        if self.variance is not None and not 0 <= self.variance < np.inf:
            raise InvalidInput(f"a view's variance is {self.variance:g}, but it must be finite and not negative")


@dataclass(frozen=True)
class Posterior:
    """What is expected once the views are heard.

    mean, standard_error: pandas Series by name, per year: of returns, and of that mean; prior: the mean before the views
    view_variance: (V,) of each view that was used; beliefs: the beliefs handed in with the new mean and standard error, else None
    """

    mean: pd.Series[float]
    standard_error: pd.Series[float]
    prior: pd.Series[float]
    view_variance: Vector
    beliefs: Beliefs | None
    _mean_covariance: tuple[Risk, float, Matrix, Matrix]

    @cached_property
    def covariance(self) -> pd.DataFrame:
        """Of returns, (N, N): C plus the covariance of the posterior mean, as He and Litterman add it."""
        import pandas as pd

        risk, tau, V, correction = self._mean_covariance
        both = (1 + tau) * risk.matrix() - correction @ V.T
        return pd.DataFrame((both + both.T) / 2, index=risk.index(), columns=risk.index())


def black_litterman(
    covariance: Covariance,
    views: Sequence[View],
    *,
    market_weights: object = None,
    prior: object = None,
    risk_aversion: float = 2.5,
    tau: float = 0.05,
) -> Posterior:
    """Posterior mean and covariance of returns, for prior mean pi with covariance tau C and views P mu = q with errors Omega:

    mean = pi + tau C P' (P tau C P' + Omega)^-1 (q - P pi),  covariance = C + tau C - tau C P' (P tau C P' + Omega)^-1 P tau C

    market_weights: sum to 1, whose implied pi = risk_aversion C w is the prior; or prior: pi itself; with Beliefs and neither,
        pi is their mean. Both are aligned by label
    Beliefs stay in factor form: only as many numbers as there are names and views are computed until `.covariance` is asked for.
    """
    risk = read_risk(covariance)
    if not (0 < tau < np.inf and 0 < risk_aversion < np.inf):
        raise InvalidInput(f"tau is {tau:g} and risk_aversion {risk_aversion:g}, but both must be positive")
    check_semidefinite(risk)
    pi = _prior(covariance, risk, market_weights, prior, risk_aversion)
    used = [view for view in views if view.confidence != 0]
    P = _picks(risk, used)
    q = np.array([view.value for view in used])
    V = tau * np.array([risk.times(row) for row in P]).reshape(len(used), len(risk)).T
    of_views = P @ V
    omega = np.array([_variance(view, own) for view, own in zip(used, np.diagonal(of_views), strict=True)])
    correction = V @ _inverse(of_views + np.diag(omega))
    mean = pi + correction @ (q - P @ pi)
    error = np.sqrt(np.maximum(tau * risk.variances() - (correction * V).sum(1), 0.0))
    return _posterior(covariance, risk, mean, error, pi, omega, (risk, tau, V, correction))


def _posterior(
    covariance: Covariance,
    risk: Risk,
    mean: Vector,
    error: Vector,
    pi: Vector,
    omega: Vector,
    parts: tuple[Risk, float, Matrix, Matrix],
) -> Posterior:
    import pandas as pd

    index = risk.index()
    beliefs = None
    if isinstance(covariance, Beliefs):
        origin = f"{covariance.origin}; {len(omega)} views blended in by Black-Litterman"
        beliefs = replace(covariance, mean=mean.copy(), standard_error=error.copy(), origin=origin)
    return Posterior(
        mean=pd.Series(mean, index=index, name="mean"),
        standard_error=pd.Series(error, index=index, name="standard_error"),
        prior=pd.Series(pi, index=index, name="prior"),
        view_variance=omega,
        beliefs=beliefs,
        _mean_covariance=parts,
    )


def _prior(covariance: Covariance, risk: Risk, market_weights: object, prior: object, risk_aversion: float) -> Vector:
    if market_weights is not None and prior is not None:
        raise InvalidInput("market_weights and prior are both given; give the one the prior mean comes from")
    if prior is not None:
        return per_name("prior", prior, risk)
    if market_weights is not None:
        w = per_name("market_weights", market_weights, risk)
        if abs(w.sum() - 1) > 1e-6:
            raise InvalidInput(f"market_weights sum to {w.sum():.6g}, but they must sum to 1; divide them by their sum")
        return risk_aversion * risk.times(w)
    if isinstance(covariance, Beliefs):
        return covariance.mean
    raise InvalidInput("neither market_weights nor prior is given; give what the prior mean comes from")


def _picks(risk: Risk, views: Sequence[View]) -> Matrix:
    """(V, N) the weights of each view."""
    labels = tuple(range(len(risk))) if risk.labels is None else risk.labels
    place = {label: k for k, label in enumerate(labels)}
    P = np.zeros((len(views), len(risk)))
    for row, view in zip(P, views, strict=True):
        for label, weight in view.of.items():
            if label not in place:
                near = difflib.get_close_matches(str(label), [str(each) for each in labels], 1)
                guess = f"; did you mean {near[0]}?" if near else "; leave it out or add it to the covariance"
                raise InvalidInput(f"a view is about {label}, which the covariance does not know{guess}")
            row[place[label]] = weight
    return P


def _variance(view: View, of_prior: float) -> float:
    """Of the view's error. Idzorek: with confidence c it moves the mean c of the way that certainty would (Walters 2014)."""
    if view.variance is not None:
        return view.variance
    if view.confidence is None:
        return of_prior
    return of_prior * (1 - view.confidence) / view.confidence


def _inverse(G: Matrix) -> Matrix:
    size = np.sqrt(np.diagonal(G))
    if not size.all() or (len(G) and np.linalg.cond(G / np.outer(size, size)) > 1 / SINGULAR):
        raise InvalidInput(
            "views held with certainty repeat or contradict one another, or are about names without risk: leave one out or "
            "lower its confidence"
        )
    return np.asarray(np.linalg.inv(G))
