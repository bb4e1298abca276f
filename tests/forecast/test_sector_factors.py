"""The covariance: always one, whatever the data lack, and the right one where the data follow the model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.forecast.risk.sector_factors import SMALLEST_SECTOR, SPAN, sector_factors

seeds = st.integers(0, 2**32 - 1)


def covariance_of(loadings, specific):
    return loadings @ loadings.T + np.diag(specific)


@st.composite
def any_returns(draw):
    """(returns, sectors): few sessions, names without history, flat names, one sector, none, or many."""
    rng = np.random.default_rng(draw(seeds))
    sessions, names = draw(st.integers(SPAN, 60)), draw(st.integers(1, 12))
    returns = rng.normal(0, draw(st.sampled_from([0.0, 1e-6, 0.02, 1.0])), (sessions, names))
    returns[rng.random(returns.shape) < draw(st.sampled_from([0.0, 0.1, 0.9]))] = np.nan
    returns[:, rng.random(names) < draw(st.sampled_from([0.0, 0.5, 1.0]))] = draw(st.sampled_from([np.nan, 0.0]))
    late = rng.integers(0, sessions, names) * draw(st.booleans())
    for k, start in enumerate(late):
        returns[:start, k] = np.nan
    sector = rng.choice(draw(st.sampled_from([[""], ["Banks"], ["Banks", "Hydro", ""]])), names).tolist()
    return returns, sector


@given(case=any_returns())
def test_the_covariance_is_positive_definite_whatever_the_data(case):
    loadings, specific = sector_factors(*case)
    assert np.isfinite(loadings).all()
    assert np.isfinite(specific).all()
    assert (specific > 0).all()
    assert np.linalg.eigvalsh(covariance_of(loadings, specific)).min() > 0


@given(case=any_returns(), seed=seeds)
def test_the_order_of_names_does_not_matter(case, seed):
    returns, sector = case
    order = np.random.default_rng(seed).permutation(len(sector))
    plain = covariance_of(*sector_factors(returns, sector))
    turned = covariance_of(*sector_factors(returns[:, order], [sector[k] for k in order]))
    assert turned == pytest.approx(plain[np.ix_(order, order)], rel=1e-6, abs=1e-9 * np.abs(plain).max())


def test_a_sector_has_its_own_factor_only_from_four_names_on():
    returns = np.random.default_rng(0).normal(0, 0.01, (100, 2 * SMALLEST_SECTOR - 1))
    sector = ["Banks"] * SMALLEST_SECTOR + ["Hydro"] * (SMALLEST_SECTOR - 1)
    assert sector_factors(returns, sector)[0].shape[1] == 2  # the market and the banks


def planted(rng, sessions=480, sectors=4, per_sector=30):
    """(returns, sectors, true covariance a session) of market, sector and specific parts."""
    n = sectors * per_sector
    beta = rng.uniform(0.7, 1.3, n)
    own = rng.uniform(0.01, 0.03, n)
    group = np.repeat(np.arange(sectors), per_sector)
    returns = beta * rng.normal(0, 0.012, (sessions, 1)) + rng.normal(0, 0.008, (sessions, sectors))[:, group]
    returns += rng.normal(0, 1, (sessions, n)) * own
    same = group[:, None] == group
    return returns, [f"Sector {k}" for k in group], 0.012**2 * np.outer(beta, beta) + 0.008**2 * same + np.diag(own**2)


def variance_of_the_least_risky(covariance, truth):
    """True variance of the portfolio of least variance under a covariance: what an optimiser makes of it is what counts."""
    w = np.linalg.solve(covariance, np.ones(len(truth)))
    w /= w.sum()
    return w @ truth @ w


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_factor_model_is_recovered(seed):
    returns, sector, truth = planted(np.random.default_rng(seed))
    found = covariance_of(*sector_factors(returns, sector))
    assert np.linalg.norm(found - truth) < 0.3 * np.linalg.norm(truth)
    assert np.diag(found) == pytest.approx(np.diag(truth), rel=0.7)
    assert variance_of_the_least_risky(found, truth) < 1.5 * variance_of_the_least_risky(truth, truth)


@pytest.mark.parametrize("seed", range(5))
def test_with_few_sessions_the_factor_model_beats_the_sample_covariance(seed):
    returns, sector, truth = planted(np.random.default_rng(seed), sessions=150)
    found = covariance_of(*sector_factors(returns, sector))
    assert variance_of_the_least_risky(found, truth) < 0.5 * variance_of_the_least_risky(np.cov(returns.T), truth)


def test_a_lag_of_a_day_in_following_the_market_does_not_hide_the_beta():
    rng = np.random.default_rng(3)
    market = rng.normal(0, 0.012, 481)
    returns = market[1:, None] + rng.normal(0, 0.01, (480, 20))
    returns[:, 0] = market[:-1] + rng.normal(0, 0.01, 480)  # a thin name follows tomorrow
    found = covariance_of(*sector_factors(returns, [""] * 20))
    beta = found[0, 1:].mean() / found[1:, 1:][~np.eye(19, dtype=bool)].mean()
    assert beta > 0.65
    assert np.cov(returns.T)[0, 1:].mean() / np.cov(returns.T)[1, 2:].mean() < 0.2  # single sessions do hide it


def test_a_short_history_leans_on_its_peers():
    rng = np.random.default_rng(4)
    returns = rng.normal(0, 0.02, (480, 1)) + rng.normal(0, 0.02, (480, 15))
    returns[:-20, 0] = np.nan
    returns[-20:, 0] = 0.0  # twenty still sessions
    loadings, specific = sector_factors(returns, [""] * 15)
    peers = np.median(specific[1:])
    assert 0.6 * peers < specific[0] < peers
    assert 0.4 < loadings[0, 0] / loadings[1:, 0].mean() < 1.2  # though it did not follow the market at all


def test_betas_are_shrunk_by_the_noise_they_have_and_no_more():
    """Overlapping spans once counted as a fifth of what they are worth, and every beta became 1."""
    error = spread = 0.0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        beta = rng.uniform(0.7, 1.3, 60)
        beta /= beta.mean()
        returns = beta * rng.normal(0, 0.012, (480, 1)) + rng.normal(0, 0.02, (480, 60))
        loadings, _ = sector_factors(returns, [""] * 60)
        error += ((loadings[:, 0] / loadings[:, 0].mean() - beta) ** 2).mean()
        spread += ((1 - beta) ** 2).mean()
    assert error < 0.6 * spread
