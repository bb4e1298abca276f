import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_markets import as_frame, beliefs, best_trade, covariances, limits_for, meets, symbols

from portfolio_opt.allocate.named_rules import dense_quadratic
from portfolio_opt.allocate.named_rules.equal_weight import equal_weight
from portfolio_opt.allocate.named_rules.limits import read_limits
from portfolio_opt.allocate.named_rules.min_variance import min_variance
from portfolio_opt.allocate.named_rules.quadratic import certified, minimise
from portfolio_opt.allocate.named_rules.risk import read_risk
from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.solution import Status


def size(C, w):
    return float(w @ np.sqrt(np.diag(C))) ** 2 + 1e-300


@settings(deadline=None, max_examples=150)
@given(data=st.data(), C=covariances())
def test_no_trade_within_the_limits_lowers_the_variance(data, C):
    limits = data.draw(limits_for(len(C)))
    found = min_variance(C, **limits)
    w = found.weights.to_numpy()
    assert meets(w, **limits)
    assert found.status is Status.OPTIMAL
    w = np.where(w < 1e-10, 0.0, w)  # what could be sold of it changes nothing
    assert best_trade(w, C @ w, **limits) <= 1e-6 * np.sqrt(size(C, w) * np.diag(C).max()) + 1e-300
    assert found.objective == pytest.approx(w @ C @ w, rel=1e-9, abs=1e-12 * size(C, w))


@given(C=covariances(least=3, singular=False))
def test_the_check_sees_a_portfolio_that_is_not_the_best(C):
    w = np.full(len(C), 1 / len(C))
    slope = C @ w
    if np.ptp(slope) > 1e-3 * slope.max():
        assert best_trade(w, slope) > 1e-6 * np.sqrt(size(C, w) * np.diag(C).max())
        risk = read_risk(C)
        limits = read_limits(risk, 1.0, 0.0, None, None)
        best = min_variance(C).objective
        gap = 2 * certified(risk, np.zeros(len(C)), limits, w, np.zeros(1), ()).gap
        assert w @ C @ w - gap <= best < w @ C @ w  # the certificate holds, and is not zero


@settings(deadline=None)
@given(data=st.data(), n=st.integers(1, 30), seed=st.integers(0, 1000))
def test_factor_form_and_dense_form_agree(data, n, seed):
    limits = data.draw(limits_for(n))
    b = beliefs(n, seed)
    sparse, dense = min_variance(b, **limits), min_variance(as_frame(b.covariance()), **limits)
    assert sparse.weights.index.tolist() == symbols(n)
    assert sparse.status is dense.status is Status.OPTIMAL
    np.testing.assert_allclose(sparse.weights, dense.weights, atol=1e-8)


def test_agrees_with_clarabel_at_200_names():
    import cvxpy as cp

    b = beliefs(200, 3)
    C, sector = b.covariance(), np.arange(200) % 12
    found = min_variance(C, max_weight=0.03, groups=sector.tolist(), max_group=0.12)
    w = cp.Variable(200)
    limits = [cp.sum(w) == 1, w >= 0, w <= 0.03, *(cp.sum(w[sector == s]) <= 0.12 for s in range(12))]
    cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(C))), limits).solve(solver="CLARABEL")
    assert found.objective <= w.value @ C @ w.value * (1 + 1e-9)
    np.testing.assert_allclose(found.weights, w.value, atol=1e-5)


def test_two_names_have_the_textbook_weights():
    a, b, rho = 0.2, 0.3, 0.25
    C = np.array([[a * a, rho * a * b], [rho * a * b, b * b]])
    first = (b * b - rho * a * b) / (a * a + b * b - 2 * rho * a * b)
    np.testing.assert_allclose(min_variance(C).weights, [first, 1 - first], rtol=1e-12)


@pytest.mark.parametrize("C", [np.zeros((4, 4)), np.ones((5, 5)), np.full((1, 1), 0.04), np.diag([0.0, 0.1, 0.1])])
def test_covariances_without_information_still_have_an_answer(C):
    found = min_variance(C)
    w = found.weights.to_numpy()
    assert found.status is Status.OPTIMAL
    assert meets(w)
    assert w @ C @ w == pytest.approx(C.min(), abs=1e-12)


def test_a_thousand_names_with_fewer_days_and_every_name_twice():
    rng = np.random.default_rng(0)
    r = rng.normal(size=(120, 500)) * rng.uniform(0.1, 0.4, 500) + rng.normal(size=(120, 1)) * 0.1
    C = np.cov(np.hstack([r, r]).T)
    found = min_variance(C, max_weight=0.05)
    assert found.status is Status.OPTIMAL
    assert meets(found.weights.to_numpy(), 0.05)
    assert found.objective <= equal_weight(C).objective


@pytest.mark.parametrize("route", ["_proximal", "_interior"])
def test_each_way_out_ends_at_the_same_point(monkeypatch, route):
    """Where guesses go round in circles, the next way answers; here each is made to."""
    C = beliefs(40, 1).covariance()
    limits = {"max_weight": 0.1, "groups": [k % 4 for k in range(40)], "max_group": 0.3}
    plain = min_variance(C, **limits)
    tried = dense_quadratic._corrected

    def only_with_extra(q, w, prices, extra, pull):
        return tried(q, w, prices, extra, pull) if extra else (None, 0)

    monkeypatch.setattr(dense_quadratic, "_corrected", only_with_extra)
    if route == "_interior":
        monkeypatch.setattr(dense_quadratic, "_proximal", lambda *_: None)
    found = min_variance(C, **limits)
    np.testing.assert_allclose(found.weights, plain.weights, atol=1e-8)
    assert found.trail != plain.trail


def test_a_warm_start_changes_nothing_but_the_time():
    risk = read_risk(beliefs(30, 2).covariance())
    limits = read_limits(risk, 0.2, 0.0, None, None)
    first = minimise(risk, np.zeros(30), limits)
    gain = 0.1 * np.linspace(-1, 1, 30)
    cold, warm = minimise(risk, gain, limits), minimise(risk, gain, limits, first)
    np.testing.assert_allclose(cold.w, warm.w, atol=1e-12)


def test_caps_that_cannot_take_the_whole_say_what_they_can():
    with pytest.raises(NoSolution, match=r"at most 40\.00%"):
        min_variance(np.eye(4), max_weight=0.1)
    with pytest.raises(NoSolution, match=r"at most 80\.00%"):
        min_variance(np.eye(4), groups=["a", "a", "b", "b"], max_group=0.4)
    with pytest.raises(NoSolution, match="lower min_weight"):
        min_variance(np.eye(4), min_weight=0.3)
    with pytest.raises(NoSolution, match="floors of names in a"):
        min_variance(np.eye(4), min_weight=0.2, groups=["a", "a", "b", "b"], max_group={"a": 0.3})


@pytest.mark.parametrize("n", [4, 600])
def test_a_covariance_with_a_negative_eigenvalue_is_refused(n):
    correlation = np.full((n, n), -0.6)  # three names cannot all move against one another that much
    np.fill_diagonal(correlation, 1.0)
    with pytest.raises(InvalidInput, match="not positive semidefinite"):
        min_variance(correlation * 0.04)


@settings(deadline=None)
@given(data=st.data(), n=st.integers(1, 12))
def test_equal_weight_is_one_over_n_or_the_nearest_to_it(data, n):
    limits = data.draw(limits_for(n))
    w = equal_weight(np.eye(n), **limits).weights.to_numpy()
    assert meets(w, **limits)
    assert best_trade(w, w - 1 / n, **limits) <= 1e-9
    np.testing.assert_allclose(equal_weight(np.eye(n)).weights, 1 / n, rtol=1e-15)
