"""Beliefs refuse what is no belief, and speak of the symbols asked for in the order asked for."""

from datetime import date

import numpy as np
import pytest

from portfolio_opt.errors import InvalidInput
from portfolio_opt.forecast.beliefs import Beliefs


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    return {
        "as_of": date(2026, 8, 21),
        "horizon": 230,
        "symbols": np.array(["A", "B", "C", "D"]),
        "mean": rng.normal(size=4),
        "loadings": rng.normal(size=(4, 2)),
        "specific": rng.random(4) + 0.1,
        "standard_error": rng.random(4),
        "origin": "drawn",
    }


def test_variance_and_volatility_are_those_of_the_covariance(parts):
    beliefs = Beliefs(**parts)
    w = np.array([0.2, 0.5, 0.0, 0.3])
    covariance = beliefs.covariance()
    assert covariance == pytest.approx(parts["loadings"] @ parts["loadings"].T + np.diag(parts["specific"]))
    assert beliefs.variance(w) == pytest.approx(w @ covariance @ w)
    assert beliefs.volatility == pytest.approx(np.sqrt(np.diag(covariance)))


def test_some_of_the_symbols_in_another_order_keep_what_is_believed_of_each(parts):
    beliefs = Beliefs(**parts)
    some = beliefs.of(np.array(["D", "B"]))
    assert some.symbols.tolist() == ["D", "B"]
    assert some.mean == pytest.approx(beliefs.mean[[3, 1]])
    assert some.covariance() == pytest.approx(beliefs.covariance()[np.ix_([3, 1], [3, 1])])
    assert some.standard_error == pytest.approx(beliefs.standard_error[[3, 1]])
    assert (some.as_of, some.horizon, some.origin) == (beliefs.as_of, beliefs.horizon, beliefs.origin)


def test_symbols_that_nothing_is_believed_of_are_named(parts):
    with pytest.raises(InvalidInput, match="nothing about X, Y; estimate again"):
        Beliefs(**parts).of(np.array(["A", "X", "Y"]))


@pytest.mark.parametrize("name", ["mean", "loadings", "specific", "standard_error"])
def test_an_array_of_another_length_is_refused(parts, name):
    with pytest.raises(InvalidInput, match="need 4 rows"):
        Beliefs(**parts | {name: parts[name][:3]})


@pytest.mark.parametrize("name", ["mean", "loadings", "specific", "standard_error"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused_by_name(parts, name, value):
    parts[name].flat[0] = value
    with pytest.raises(InvalidInput, match=f"{name} holds a value that is not finite"):
        Beliefs(**parts)


@pytest.mark.parametrize(("name", "value"), [("specific", 0.0), ("specific", -1.0), ("standard_error", -0.1)])
def test_a_variance_that_is_none_is_refused(parts, name, value):
    parts[name][2] = value
    with pytest.raises(InvalidInput, match="must be positive"):
        Beliefs(**parts)


def test_beliefs_cannot_be_changed(parts):
    with pytest.raises(ValueError, match="read-only"):
        Beliefs(**parts).mean[0] = 1.0
