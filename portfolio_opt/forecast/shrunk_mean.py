"""Expected returns, shrunk towards the average name by how much of their spread is only noise (empirical Bayes)."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# What the whole market is expected to return before its own history is looked at: a few percent of interest and a few of
# premium. Five years of a market this volatile measure its average to ± 9 points, so this weighs more than they do.
PRIOR_MARKET = 0.10
PRIOR_MARKET_ERROR = 0.05


def shrunk_mean(
    returns: NDArray[np.float64],
    volatility: Vector,
    market_beta: Vector,
    market_variance: float,
    per_year: float,
    market_names: NDArray[np.bool_] | None = None,
) -> tuple[Vector, Vector]:
    """Expected return and its standard error per year, (N,) each.

    returns: (T, N) log return of a session, NaN where there is none; volatility: (N,) per year
    market_beta, market_variance: (N,) sensitivity to the average name, and that average's variance per year
    market_names: (N,) who makes up the average and the spread around it, by default all; no other name changes any but its own
    Each name's average return is pulled towards the average of all names; the pull is total where the averages differ no more
    than chance makes them (James and Stein 1961; Morris 1983), as two to five years of prices often do. The average of all
    names is itself pulled towards PRIOR_MARKET.
    """
    years = (~np.isnan(returns)).sum(0) / per_year
    known = years > 0
    centre, centre_error = PRIOR_MARKET, PRIOR_MARKET_ERROR
    deviation, noise, spread = np.zeros(len(years)), np.full(len(years), np.inf), 0.0
    peers = known if market_names is None else known & market_names
    if peers.any():
        average = np.nansum(returns[:, known], 0) / years[known] + volatility[known] ** 2 / 2
        own_variance = np.maximum(volatility**2 - market_beta**2 * market_variance, 1e-6)[known]
        noise[known] = own_variance / years[known]
        among = peers[known]
        weight = among / noise[known] / np.sum(among / noise[known])
        seen_centre = float(weight @ average)
        deviation[known] = average - seen_centre
        spread = max(float(weight @ (deviation[known] ** 2 - noise[known])), 0.0)  # of the true means
        seen_error = market_variance / float(years[peers].max())
        trust = PRIOR_MARKET_ERROR**2 / (PRIOR_MARKET_ERROR**2 + seen_error)
        centre += trust * (seen_centre - PRIOR_MARKET)
        centre_error *= np.sqrt(1 - trust)
    keep = spread / (spread + noise)
    return centre + keep * deviation, np.sqrt((1 - keep) * spread + centre_error**2)
