import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rule_markets import beliefs, best_trade, covariances, limits_for, meets

from portfolio_opt.allocate.named_rules import ratio
from portfolio_opt.allocate.named_rules.limits import read_limits
from portfolio_opt.allocate.named_rules.max_diversification import max_diversification
from portfolio_opt.allocate.named_rules.max_sharpe import max_sharpe
from portfolio_opt.allocate.named_rules.risk import read_risk
from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.solution import Status


def fall_of_ratio(C, gain, w, limits):
    """What the best trade adds to the logarithm of gain'w / volatility, per unit moved."""
    return best_trade(w, C @ w / (w @ C @ w) - gain / (gain @ w), **limits)


@settings(deadline=None, max_examples=150)
@given(data=st.data(), C=covariances(singular=False), seed=st.integers(0, 10**6))
def test_no_trade_within_the_limits_raises_the_sharpe_ratio(data, C, seed):
    n = len(C)
    limits = data.draw(limits_for(n))
    mean = np.random.default_rng(seed).normal(0.02, 0.1, n)
    best = read_limits(read_risk(C), *(limits.get(k, d) for k, d in DEFAULTS.items())).best_for(mean)
    assume(mean @ best > 1e-3)
    found = max_sharpe(C, mean, **limits)
    w = found.weights.to_numpy()
    assert meets(w, **limits)
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(mean @ w / np.sqrt(w @ C @ w), rel=1e-10)
    assert fall_of_ratio(C, mean, w, limits) <= 1e-5 * (np.abs(mean).max() / (mean @ w) + 10)
    assert mean @ best / np.sqrt(best @ C @ best) <= found.objective * (1 + 1e-9)


DEFAULTS = {"max_weight": 1.0, "min_weight": 0.0, "groups": None, "max_group": None}


def test_the_check_sees_a_portfolio_that_is_not_the_best():
    b = beliefs(20, 1)
    C, w = b.covariance(), np.full(20, 0.05)
    assert fall_of_ratio(C, b.mean, w, {}) > 0.1
    risk = read_risk(C)
    limits = read_limits(risk, 1.0, 0.0, None, None)
    poor = ratio.certified_ratio(risk, b.mean, limits, w, 1e-4, ())
    assert poor.ratio < max_sharpe(b).objective <= poor.ratio + poor.gap


def test_without_limits_that_bind_it_is_the_tangency_portfolio():
    C = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.16]])
    mean = np.array([0.08, 0.12, 0.15])
    tangency = np.linalg.solve(C, mean - 0.02)
    assert (tangency > 0).all()
    np.testing.assert_allclose(max_sharpe(C, mean, risk_free=0.02).weights, tangency / tangency.sum(), rtol=1e-9)


@settings(deadline=None)
@given(data=st.data(), n=st.integers(2, 25), seed=st.integers(0, 1000))
def test_factor_form_and_dense_form_agree(data, n, seed):
    limits = data.draw(limits_for(n))
    b = beliefs(n, seed)
    assume(b.mean.min() > 0)
    for sparse, dense in (
        (max_sharpe(b, **limits), max_sharpe(b.covariance(), b.mean, **limits)),
        (max_diversification(b, **limits), max_diversification(b.covariance(), **limits)),
    ):
        assert sparse.status is dense.status is Status.OPTIMAL
        np.testing.assert_allclose(sparse.weights, dense.weights.to_numpy(), atol=1e-7)


@settings(deadline=None)
@given(data=st.data(), C=covariances(singular=False))
def test_no_trade_within_the_limits_diversifies_more(data, C):
    limits = data.draw(limits_for(len(C)))
    found = max_diversification(C, **limits)
    w, spread = found.weights.to_numpy(), np.sqrt(np.diag(C))
    assert meets(w, **limits)
    assert found.status is Status.OPTIMAL
    assert found.objective >= 1 - 1e-12
    assert fall_of_ratio(C, spread, w, limits) <= 1e-5 * (spread.max() / (spread @ w) + 10)


def test_held_names_are_equally_correlated_with_the_most_diversified_portfolio():
    """Choueifaty and Coignard 2008: and names left out are more correlated with it."""
    C = beliefs(30, 4).covariance()
    w = max_diversification(C).weights.to_numpy()
    correlation = C @ w / np.sqrt(np.diag(C) * (w @ C @ w))
    held = w > 1e-12
    assert np.ptp(correlation[held]) < 1e-9
    assert correlation[~held].min() >= correlation[held].max() - 1e-9


def test_where_nothing_beats_the_risk_free_rate_it_says_so():
    with pytest.raises(NoSolution, match="no portfolio within the limits expects more than the risk-free rate"):
        max_sharpe(np.eye(3) * 0.04, [-0.01, -0.02, -0.03])
    with pytest.raises(NoSolution, match="risk-free"):
        max_sharpe(np.eye(3) * 0.04, [0.01, 0.02, 0.03], risk_free=0.05)
    with pytest.raises(NoSolution, match="risk-free"):  # the cap forces money into the losers
        max_sharpe(np.eye(3) * 0.04, [0.01, -0.05, -0.05], max_weight=0.4)


def test_a_portfolio_without_risk_has_no_largest_ratio():
    C = np.array([[1.0, -1.0], [-1.0, 1.0]])
    with pytest.raises(NoSolution, match="no risk at all"):
        max_sharpe(C, [0.1, 0.2])


def test_one_name_and_ties():
    assert max_sharpe(np.full((1, 1), 0.04), [0.1]).weights.tolist() == [1.0]
    np.testing.assert_allclose(max_sharpe(np.eye(4) * 0.04, [0.1] * 4).weights, 0.25, rtol=1e-12)
    twice = np.full((2, 2), 0.04)
    assert max_sharpe(twice, [0.1, 0.1]).objective == pytest.approx(0.5)


def test_a_thousand_names():
    rng = np.random.default_rng(0)
    r = rng.normal(size=(1500, 1000)) * rng.uniform(0.1, 0.4, 1000) + rng.normal(size=(1500, 1)) * 0.1
    found = max_sharpe(np.cov(r.T), rng.normal(0.05, 0.05, 1000), max_weight=0.02)
    assert found.status is Status.OPTIMAL
    assert found.gap < 1e-9 * found.objective


def test_a_mean_is_needed_beside_a_matrix():
    with pytest.raises(InvalidInput, match="mean is not given"):
        max_sharpe(np.eye(3))
