import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_markets import beliefs, best_trade, covariances, limits_for, meets, symbols

from portfolio_opt.allocate.named_rules.limited_risk_parity import Push
from portfolio_opt.allocate.named_rules.risk import read_risk
from portfolio_opt.allocate.named_rules.risk_parity import certified_parity, risk_parity
from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.solution import Status


def shares(C, w):
    return w * (C @ w) / (w @ C @ w)


@settings(deadline=None)
@given(C=covariances(singular=False))
def test_every_name_carries_the_same_share_of_the_variance(C):
    found = risk_parity(C)
    assert found.status is Status.OPTIMAL
    assert meets(found.weights.to_numpy())
    np.testing.assert_allclose(shares(C, found.weights.to_numpy()), 1 / len(C), rtol=1e-8)


@settings(deadline=None)
@given(C=covariances(least=2, singular=False), seed=st.integers(0, 10**6))
def test_shares_equal_the_budgets_given(C, seed):
    budgets = np.random.default_rng(seed).uniform(0.05, 1, len(C))
    found = risk_parity(C, budgets)
    np.testing.assert_allclose(shares(C, found.weights.to_numpy()), budgets / budgets.sum(), rtol=1e-8)


@given(C=covariances(least=3, singular=False))
def test_the_check_sees_weights_by_inverse_volatility(C):
    """Right only where all correlations are the same; the certificate must not pass them."""
    w = 1 / np.sqrt(np.diag(C))
    w /= w.sum()
    n = len(C)
    off = np.abs(shares(C, w) * n - 1).max()
    best = risk_parity(C).objective
    value, gap = certified_parity(read_risk(C), np.full(n, 1 / n), w, Push(np.zeros(n), 0.0))
    assert value >= best - 1e-12
    if (C @ w > 0).all():
        assert value - best <= gap + 1e-12
        assert gap > 1e-9 or off < 1e-3
        assert off > 1e-12 or gap < 1e-12


@settings(deadline=None)
@given(data=st.data(), C=covariances(least=2, singular=False))
def test_where_limits_bind_no_trade_within_them_helps(data, C):
    """The slope of log volatility - mean of log w: limits make shares unequal, but the programme stays the same."""
    n = len(C)
    limits = data.draw(limits_for(n))
    found = risk_parity(C, **limits)
    w = found.weights.to_numpy()
    assert meets(w, **limits)
    assert found.status is Status.OPTIMAL
    slope = C @ w / (w @ C @ w) - 1 / n / w
    assert best_trade(w, slope, **limits) <= 1e-4
    assert found.objective == pytest.approx(np.log(w @ C @ w) / 2 - np.log(w).mean(), abs=1e-9)
    assert found.objective >= risk_parity(C).objective - 1e-9


def test_the_gap_with_limits_agrees_with_clarabel():
    import cvxpy as cp

    C = beliefs(15, 6).covariance() * 10
    groups = [k % 3 for k in range(15)]
    found = risk_parity(C, max_weight=0.09, min_weight=0.05, groups=groups, max_group={"0": 0.33})
    y = cp.Variable(15)
    total = cp.sum(y)
    inside = [y <= 0.09 * total, y >= 0.05 * total, cp.sum(y[np.array(groups) == 0]) <= 0.33 * total]
    cp.Problem(cp.Minimize(cp.quad_form(y, cp.psd_wrap(C)) / 2 - cp.sum(cp.log(y)) / 15), inside).solve(
        solver="CLARABEL"
    )
    w = y.value / y.value.sum()
    np.testing.assert_allclose(found.weights, w, atol=1e-5)
    assert 0 <= found.gap < 1e-12


@settings(deadline=None)
@given(data=st.data(), n=st.integers(1, 20), seed=st.integers(0, 1000))
def test_factor_form_and_dense_form_agree(data, n, seed):
    limits = data.draw(limits_for(n))
    b = beliefs(n, seed)
    sparse, dense = risk_parity(b, **limits), risk_parity(b.covariance(), **limits)
    assert sparse.weights.index.tolist() == symbols(n)
    assert sparse.status is dense.status is Status.OPTIMAL
    np.testing.assert_allclose(sparse.weights.to_numpy(), dense.weights.to_numpy(), atol=1e-7)


def test_two_names_are_weighed_by_inverse_volatility():
    for rho in (-0.5, 0.0, 0.9):
        C = np.array([[0.04, rho * 0.06], [rho * 0.06, 0.09]])
        np.testing.assert_allclose(risk_parity(C).weights, [0.6, 0.4], rtol=1e-9)


def test_the_published_example_of_three_names():
    """Roncalli 2013, Introduction to Risk Parity and Budgeting: volatilities 30, 20, 15%, correlations 80, 50, 30%."""
    spread = np.array([0.30, 0.20, 0.15])
    correlation = np.array([[1, 0.8, 0.5], [0.8, 1, 0.3], [0.5, 0.3, 1]])
    w = risk_parity(correlation * np.outer(spread, spread)).weights.to_numpy()
    np.testing.assert_allclose(w, [0.1969, 0.3244, 0.4787], atol=5e-5)


def test_a_name_without_risk_and_a_hedge_without_risk_are_refused():
    with pytest.raises(NoSolution, match="row 1 has no risk"):
        risk_parity(np.diag([0.04, 0.0]))
    with pytest.raises(NoSolution, match="some long-only portfolio has no risk"):
        risk_parity(np.array([[1.0, -1.0], [-1.0, 1.0]]))


def test_budgets_must_be_positive_and_caps_must_leave_room():
    with pytest.raises(InvalidInput, match="budget of row 1 is 0"):
        risk_parity(np.eye(2), [1, 0])
    with pytest.raises(NoSolution, match="leaves a name without weight"):
        risk_parity(np.eye(3), max_weight=[1, 1, 0])


def test_duplicates_share_alike():
    C = beliefs(6, 1).covariance()
    C[1], C[:, 1] = C[0], C[:, 0]
    C[1, 1] = C[0, 1] = C[1, 0] = C[0, 0]
    w = risk_parity(C).weights.to_numpy()
    assert w[0] == pytest.approx(w[1], rel=1e-9)
    np.testing.assert_allclose(shares(C, w), 1 / 6, rtol=1e-8)
