"""What rules are handed: labels that align or are refused, and values that cannot be used."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_markets import as_frame, beliefs, symbols

from portfolio_opt.allocate.named_rules.limits import read_limits
from portfolio_opt.allocate.named_rules.max_sharpe import max_sharpe
from portfolio_opt.allocate.named_rules.min_variance import min_variance
from portfolio_opt.allocate.named_rules.risk import read_risk
from portfolio_opt.errors import InvalidInput


@given(seed=st.integers(0, 1000))
def test_names_in_another_order_are_aligned_by_label(seed):
    b = beliefs(6, seed)
    C, mean = as_frame(b.covariance()), pd.Series(np.abs(b.mean) + 0.01, symbols(6))
    order = np.random.default_rng(seed).permutation(6)
    names = [symbols(6)[k] for k in order]
    plain = max_sharpe(C, mean, max_weight=0.4)
    for other in (
        max_sharpe(C, mean[names], max_weight=0.4),
        max_sharpe(C.loc[names, names], mean, max_weight=0.4),
        max_sharpe(C.loc[names], mean.to_dict(), max_weight=dict.fromkeys(names, 0.4)),
    ):
        np.testing.assert_allclose(other.weights[plain.weights.index], plain.weights, atol=1e-9)


def test_without_alignment_the_answer_would_be_another():
    b = beliefs(6, 1)
    mean = np.abs(b.mean) + 0.01
    right, wrong = max_sharpe(b.covariance(), mean).weights, max_sharpe(b.covariance(), mean[::-1].copy()).weights
    assert np.abs(right - wrong).max() > 0.01


@pytest.mark.parametrize(
    ("mean", "said"),
    [
        (pd.Series([0.1, 0.2], ["A", "B"]), r"mean lacks \(C\)"),
        (pd.Series([0.1, 0.2, 0.3, 0.4], list("ABCD")), r"outside the covariance \(D\)"),
        (pd.Series([0.1, 0.2, 0.3], list("ABX")), r"mean lacks \(C\)"),
        (pd.Series([0.1, 0.2, 0.3], list("ABB")), "names B twice"),
        ([0.1, 0.2], "2 values for 3 names"),
        ([0.1, 0.2, np.nan], "mean of C is nan"),
        (["a", "b", "c"], "no number"),
    ],
)
def test_a_mean_that_does_not_fit_is_refused(mean, said):
    with pytest.raises(InvalidInput, match=said):
        max_sharpe(pd.DataFrame(np.eye(3), list("ABC"), list("ABC")), mean)


def test_a_labelled_mean_cannot_be_aligned_with_a_bare_matrix():
    with pytest.raises(InvalidInput, match="cannot be aligned"):
        max_sharpe(np.eye(3), pd.Series([0.1, 0.2, 0.3], list("ABC")))
    assert max_sharpe(np.eye(3), pd.Series([0.1, 0.1, 0.1])).weights.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("covariance", "said"),
    [
        (np.ones((2, 3)), r"shape \(2, 3\)"),
        (np.zeros((0, 0)), "shape"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "row 0 holds a value that is not finite"),
        (np.array([[1.0, 0.0], [0.0, np.inf]]), "row 1 holds a value that is not finite"),
        (np.array([[1.0, 0.5], [0.4, 1.0]]), "not symmetric"),
        (np.array([[1.0, 0.0], [0.0, -1.0]]), "row 1 the negative variance"),
        (pd.DataFrame(np.eye(2), ["A", "B"], ["A", "C"]), "different names"),
        (pd.DataFrame(np.eye(2), ["A", "A"], ["A", "A"]), "names A twice"),
        (pd.DataFrame([["x", 0], [0, 1]], ["A", "B"], ["A", "B"]), "no number"),
        ([[1.0]], "a list: give Beliefs"),
    ],
)
def test_a_covariance_that_cannot_be_read_is_refused(covariance, said):
    with pytest.raises(InvalidInput, match=said):
        min_variance(covariance)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_weight": 5}, r"max_weight is 5.*did you mean 0\.05"),
        ({"min_weight": -0.1}, "min_weight is -0.1"),
        ({"max_weight": {"A": 0.5}}, r"max_weight lacks \(B, C\)"),
        ({"max_weight": 0.4, "min_weight": [0.5, 0, 0]}, "min_weight is 0.5 where max_weight is 0.4"),
        ({"max_group": 0.5}, "groups is not given"),
        ({"groups": ["x", "x", "y"]}, "without max_group"),
        ({"groups": ["x", "x", "y"], "max_group": {"z": 0.5}}, "'z', which no name belongs to; the groups are x, y"),
        ({"groups": ["x", "x", "y"], "max_group": 40}, r"did you mean 0\.4"),
        ({"groups": ["x", "x", "y"], "max_group": "much"}, "no number"),
    ],
)
def test_limits_that_cannot_be_read_are_refused(limits, said):
    with pytest.raises(InvalidInput, match=said):
        min_variance(pd.DataFrame(np.eye(3), list("ABC"), list("ABC")), **limits)


@given(seed=st.integers(0, 10**6))
def test_the_greedy_best_portfolio_is_the_linear_programmes(seed):
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 12))
    groups = [0, 1, *rng.integers(0, 3, n - 2).tolist()]  # at least two, so that one cap leaves room for the whole
    limits = read_limits(read_risk(np.eye(n)), np.full(n, 0.6), np.full(n, 0.2 / n), groups, {groups[0]: 0.7})
    gain = rng.normal(size=n).round(1)  # with ties
    rows, _, upper = limits.rows()
    bounds = list(zip(limits.lower, limits.upper, strict=True))
    best = linprog(-gain, rows[1:], upper[1:], rows[:1], upper[:1], bounds)
    if best.status == 0:
        w = limits.best_for(gain)
        assert limits.violation(w) < 1e-12
        assert abs(gain @ w + best.fun) < 1e-9
