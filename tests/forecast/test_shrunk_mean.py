"""Expected returns: noise is shrunk away, a signal that is there survives, and the error says which it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.forecast.shrunk_mean import PRIOR_MARKET, PRIOR_MARKET_ERROR, shrunk_mean

PER_YEAR = 230.0
N, T = 60, 1150
SPECIFIC, MARKET = 0.35, 0.20  # volatility a year


def drawn(rng, spread, sessions=T, names=N):
    """Returns of names whose true means differ by `spread`, with the arguments an estimate would pass along."""
    true = 0.10 + spread * rng.normal(size=names)
    volatility = np.full(names, np.hypot(SPECIFIC, MARKET))
    shocks = rng.normal(size=(sessions, names)) * SPECIFIC + rng.normal(size=(sessions, 1)) * MARKET
    returns = (true - volatility**2 / 2) / PER_YEAR + shocks / np.sqrt(PER_YEAR)
    return true, returns, (volatility, np.ones(names), MARKET**2, PER_YEAR)


@pytest.mark.parametrize("seed", range(5))
def test_pure_noise_shrinks_to_nearly_one_value(seed):
    _, returns, rest = drawn(np.random.default_rng(seed), spread=0.0)
    mean, _ = shrunk_mean(returns, *rest)
    raw = returns.mean(0) * PER_YEAR
    assert raw.std() > 0.1  # five years of noise look like opportunities
    assert mean.std() < 0.35 * raw.std()


def test_over_many_samples_noise_keeps_a_small_part_of_its_spread():
    parts = []
    for seed in range(40):
        _, returns, rest = drawn(np.random.default_rng(seed), spread=0.0)
        parts.append(shrunk_mean(returns, *rest)[0].std() / (returns.mean(0) * PER_YEAR).std())
    assert np.median(parts) < 0.15


@pytest.mark.parametrize("seed", range(5))
def test_a_strong_signal_survives(seed):
    true, returns, rest = drawn(np.random.default_rng(seed), spread=0.6)
    mean, _ = shrunk_mean(returns, *rest)
    assert np.corrcoef(mean, true)[0, 1] > 0.9
    assert 0.8 < mean.std() / true.std() < 1.2


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3])
def test_shrinking_is_nearer_to_the_truth_than_the_averages_themselves(spread):
    raw_error = shrunk_error = 0.0
    for seed in range(20):
        true, returns, rest = drawn(np.random.default_rng(seed), spread)
        mean, _ = shrunk_mean(returns, *rest)
        raw = returns.mean(0) * PER_YEAR + rest[0] ** 2 / 2
        raw_error += ((raw - true) ** 2).mean()
        shrunk_error += ((mean - true) ** 2).mean()
    assert shrunk_error < raw_error


@pytest.mark.parametrize("spread", [0.0, 0.2, 0.6])
def test_the_standard_error_is_about_as_large_as_the_errors_made(spread):
    """Names deviate from their estimates as the error says, the uncertainty of the market's own level aside."""
    ratios = []
    for seed in range(20):
        true, returns, rest = drawn(np.random.default_rng(seed), spread)
        mean, error = shrunk_mean(returns, *rest)
        level = PRIOR_MARKET_ERROR * np.sqrt(1 - PRIOR_MARKET_ERROR**2 / (PRIOR_MARKET_ERROR**2 + MARKET**2 / 5))
        apart = (mean - true) - (mean - true).mean()
        ratios.append(apart.var() / max((error**2 - level**2).mean(), 1e-3))
    assert np.median(ratios) < 3
    assert np.median(ratios) > 0.3 or not spread  # without a spread the estimate can be exact


def test_the_average_name_is_pulled_towards_the_prior_by_how_little_the_market_shows():
    quiet = shrunk_mean(np.zeros((T, N)), np.full(N, 1e-6), np.ones(N), 1e-9, PER_YEAR)[0]
    wild = shrunk_mean(np.zeros((T, N)), np.full(N, 1e-6), np.ones(N), 100.0, PER_YEAR)[0]
    assert quiet == pytest.approx(np.zeros(N), abs=1e-6)
    assert wild == pytest.approx(np.full(N, PRIOR_MARKET), abs=1e-4)


def test_a_name_without_history_gets_the_average_and_a_larger_error():
    _, returns, rest = drawn(np.random.default_rng(0), spread=0.6)
    full, _ = shrunk_mean(returns, *rest)
    returns[:, 0] = np.nan
    mean, error = shrunk_mean(returns, *rest)
    assert mean[0] == pytest.approx(full.mean(), abs=0.15)
    assert error[0] > error[1:].max()


def test_without_any_history_everything_is_the_prior():
    mean, error = shrunk_mean(np.full((T, 3), np.nan), np.full(3, 0.3), np.ones(3), 0.04, PER_YEAR)
    assert mean == pytest.approx(np.full(3, PRIOR_MARKET))
    assert error == pytest.approx(np.full(3, PRIOR_MARKET_ERROR))


@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0.0, 0.1, 1.0]), missing=st.sampled_from([0.0, 0.5]))
def test_every_estimate_lies_between_its_average_and_the_common_value(seed, spread, missing):
    rng = np.random.default_rng(seed)
    _, returns, rest = drawn(rng, spread, sessions=60, names=6)
    returns[rng.random(returns.shape) < missing] = np.nan
    mean, error = shrunk_mean(returns, *rest)
    centre = shrunk_mean(
        np.column_stack([returns, np.full(60, np.nan)]),
        *[np.append(x, x[:1]) if isinstance(x, np.ndarray) else x for x in rest],
    )[0][-1]  # what a name without history gets
    years = (~np.isnan(returns)).sum(0) / PER_YEAR
    raw = np.nansum(returns, 0) / years + rest[0] ** 2 / 2
    noise = SPECIFIC**2 / years
    seen_centre = (raw / noise).sum() / (1 / noise).sum()
    kept = (mean - centre) / (raw - seen_centre)
    assert (kept >= -1e-9).all()
    assert (kept <= 1 + 1e-9).all()
    assert np.isfinite(error).all()
    assert (error > 0).all()
