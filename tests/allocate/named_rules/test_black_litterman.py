import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_markets import as_frame, beliefs

from portfolio_opt.allocate.named_rules.black_litterman import View, black_litterman
from portfolio_opt.errors import InvalidInput

COUNTRIES = ["Australia", "Canada", "France", "Germany", "Japan", "UK", "USA"]
BELOW = [
    [0.488],
    [0.478, 0.664],
    [0.515, 0.655, 0.861],
    [0.439, 0.310, 0.355, 0.354],
    [0.512, 0.608, 0.783, 0.777, 0.405],
    [0.491, 0.779, 0.668, 0.653, 0.306, 0.652],
]
VOLATILITY = np.array([16.0, 20.3, 24.8, 27.1, 21.0, 20.0, 18.7]) / 100
WEIGHT = np.array([1.6, 2.2, 5.2, 5.5, 11.6, 12.4, 61.5]) / 100


def seven_countries():
    correlation = np.eye(7)
    for i, row in enumerate(BELOW, start=1):
        correlation[i, : len(row)] = correlation[: len(row), i] = row
    C = correlation * np.outer(VOLATILITY, VOLATILITY)
    return pd.DataFrame(C, index=COUNTRIES, columns=COUNTRIES)


def test_the_seven_countries_of_he_and_litterman():
    """He and Litterman 1999, The Intuition Behind Black-Litterman Model Portfolios, tables 1, 2 and 4."""
    europe = View({"Germany": 1.0, "France": -0.295, "UK": -0.705}, 0.05)
    found = black_litterman(seven_countries(), [europe], market_weights=pd.Series(WEIGHT, COUNTRIES))
    np.testing.assert_allclose(found.prior * 100, [3.9, 6.9, 8.4, 9.0, 4.3, 6.8, 7.6], atol=0.051)
    np.testing.assert_allclose(found.mean * 100, [4.3, 7.6, 9.3, 11.0, 4.5, 7.0, 8.1], atol=0.051)
    assert found.view_variance[0] / 0.05 == pytest.approx(0.021, abs=5e-4)
    best = np.linalg.solve(2.5 * found.covariance, found.mean) * 100
    np.testing.assert_allclose(best, [1.5, 2.1, -4.0, 35.4, 11.0, -9.5, 58.6], atol=0.11)


def textbook(C, pi, P, q, omega, tau):
    """Black and Litterman 1992 in the form with inverses."""
    precision = np.linalg.inv(tau * C) + P.T @ np.linalg.inv(omega) @ P
    M = np.linalg.inv(precision)
    return M @ (np.linalg.inv(tau * C) @ pi + P.T @ np.linalg.inv(omega) @ q), C + M


@settings(deadline=None)
@given(n=st.integers(2, 12), seed=st.integers(0, 10**6), count=st.integers(0, 4), tau=st.floats(0.01, 1.0))
def test_mean_and_covariance_are_the_textbooks(n, seed, count, tau):
    rng = np.random.default_rng(seed)
    b = beliefs(n, seed % 1000)
    P, q, omega = rng.normal(size=(count, n)), rng.normal(0.1, 0.1, count), rng.uniform(0.001, 0.1, count)
    labels = b.symbols.tolist()
    views = [View(dict(zip(labels, row, strict=True)), v, variance=o) for row, v, o in zip(P, q, omega, strict=True)]
    mean, covariance = textbook(b.covariance(), b.mean, P, q, np.diag(omega), tau)
    for found in (
        black_litterman(b, views, tau=tau),
        black_litterman(as_frame(b.covariance()), views, prior=b.mean, tau=tau),
    ):
        np.testing.assert_allclose(found.mean, mean, atol=1e-9)
        np.testing.assert_allclose(found.covariance, covariance, atol=1e-9)
        np.testing.assert_allclose(found.standard_error**2, np.diag(covariance - b.covariance()), atol=1e-9)


@pytest.mark.parametrize("confidence", [0.0, 0.25, 0.5, 1.0])
def test_confidence_moves_the_mean_that_share_of_the_way_to_certainty(confidence):
    """Idzorek 2005, in Walters' closed form: for one view, along the view."""
    C = seven_countries()
    one = {"Germany": 1.0, "UK": -1.0}
    pick = np.array([one.get(name, 0.0) for name in COUNTRIES])
    found = black_litterman(C, [View(one, 0.06, confidence=confidence)], market_weights=WEIGHT)
    before, after = pick @ found.prior, pick @ found.mean
    assert after == pytest.approx(before + confidence * (0.06 - before), abs=1e-12)


def test_a_certain_absolute_view_is_the_mean_and_a_certain_relative_one_the_difference():
    found = black_litterman(
        seven_countries(),
        [View({"Japan": 1.0}, 0.10, confidence=1), View({"USA": 1.0, "UK": -1.0}, 0.02, variance=0.0)],
        market_weights=WEIGHT,
    )
    assert found.mean["Japan"] == pytest.approx(0.10, abs=1e-12)
    assert found.mean["USA"] - found.mean["UK"] == pytest.approx(0.02, abs=1e-12)
    assert found.standard_error["Japan"] == pytest.approx(0.0, abs=1e-8)


def test_without_views_the_prior_stays():
    found = black_litterman(seven_countries(), [], market_weights=WEIGHT)
    np.testing.assert_array_equal(found.mean, found.prior)
    np.testing.assert_allclose(found.covariance, seven_countries() * 1.05, rtol=1e-12)


def test_beliefs_come_back_as_beliefs():
    b = beliefs(5)
    found = black_litterman(b, [View({"S1": 1.0, "S2": -1.0}, 0.3, confidence=0.5)])
    assert found.beliefs is not None
    np.testing.assert_array_equal(found.beliefs.mean, found.mean)
    np.testing.assert_array_equal(found.beliefs.standard_error, found.standard_error)
    assert "1 views blended in" in found.beliefs.origin
    np.testing.assert_array_equal(found.beliefs.loadings, b.loadings)


def test_views_that_cannot_be_used_are_refused():
    C = seven_countries()
    with pytest.raises(InvalidInput, match=r"about Germny.*did you mean Germany"):
        black_litterman(C, [View({"Germny": 1.0}, 0.1)], market_weights=WEIGHT)
    certain = [View({"Japan": 1.0}, 0.1, confidence=1), View({"Japan": 2.0}, 0.3, confidence=1)]
    with pytest.raises(InvalidInput, match="repeat or contradict"):
        black_litterman(C, certain, market_weights=WEIGHT)
    with pytest.raises(InvalidInput, match="confidence is 50"):
        View({"Japan": 1.0}, 0.1, confidence=50)
    with pytest.raises(InvalidInput, match="give one"):
        View({"Japan": 1.0}, 0.1, confidence=0.5, variance=0.1)
    with pytest.raises(InvalidInput, match="weighs no name"):
        View({"Japan": 0.0}, 0.1)
    with pytest.raises(InvalidInput, match="sum to 2"):
        black_litterman(C, [], market_weights=WEIGHT * 2)
    with pytest.raises(InvalidInput, match="neither"):
        black_litterman(C, [])
    with pytest.raises(InvalidInput, match="both given"):
        black_litterman(C, [], market_weights=WEIGHT, prior=WEIGHT)
    with pytest.raises(InvalidInput, match="must be positive"):
        black_litterman(C, [], market_weights=WEIGHT, tau=0)
