"""Estimates: from what was known, about what was asked, and the same for the same market under other names."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hand_made_panels import drawn_panel, panel_of
from hypothesis import given, settings
from hypothesis import strategies as st

import portfolio_opt
from portfolio_opt.errors import InvalidInput
from portfolio_opt.forecast.estimate import FEWEST_SESSIONS, estimate
from portfolio_opt.ingest.corporate.actions import Action
from portfolio_opt.ingest.panel import FRAMES

SAMPLE = Path(__file__).parents[2] / "data" / "sample_market"
ARRAYS = ("symbols", "mean", "loadings", "specific", "standard_error")


@pytest.fixture(scope="module")
def sample():
    return portfolio_opt.read_prices(SAMPLE)


def assert_identical(one, other):
    for name in ARRAYS:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert (one.as_of, one.horizon, one.origin) == (other.as_of, other.horizon, other.origin)


def with_another_future(panel, day, rng):
    """The panel with every number after `day` made up."""
    later = panel.dates > np.datetime64(day)
    frames = {name: getattr(panel, name).copy() for name in FRAMES}
    shape = frames["close"][later].shape
    traded = rng.random(shape) < 0.7
    frames["traded"][later] = traded
    for name in ("open", "high", "low", "close"):
        frames[name][later] = np.where(traded, rng.uniform(1, 5000, shape), np.nan)
    for name in ("volume", "turnover", "dividend"):
        frames[name][later] = np.where(traded, rng.uniform(0, 1e7, shape), 0.0)
    frames["adjustment"][later] = rng.uniform(0.1, 10, shape)
    soon, told = day + timedelta(days=3), day + timedelta(days=1)
    invented = tuple(Action(str(symbol), "bonus", soon, ratio=0.5, announced=told) for symbol in panel.symbols)
    return replace(panel, actions=(*panel.actions, *invented), **frames)


@pytest.mark.parametrize("day", [date(2021, 6, 15), date(2024, 6, 4), date(2026, 8, 20)])
def test_no_later_price_changes_a_bit_of_the_beliefs(sample, day):
    rng = np.random.default_rng(1)
    plain, changed = estimate(sample, as_of=day), estimate(with_another_future(sample, day, rng), as_of=day)
    assert_identical(plain, changed)
    assert_identical(plain, estimate(sample.until(day)))
    assert plain.as_of == day


def test_a_panel_that_ends_refuses_a_later_day(sample):
    with pytest.raises(InvalidInput, match="look-ahead"):
        estimate(sample.until(date(2024, 6, 4)), as_of=date(2024, 6, 5))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), missing=st.sampled_from([0.0, 0.3]), labelled=st.booleans())
def test_names_carry_no_information(seed, missing, labelled):
    """The same market under permuted symbols gives the same beliefs, permuted."""
    rng = np.random.default_rng(seed)
    names = [f"N{k:02d}" for k in range(12)]
    renamed = [str(name) for name in rng.permutation(names)]
    sector = {name: ("Banks", "Hydro", "")[k % 3] for k, name in enumerate(names)} if labelled else {}
    panel = drawn_panel(np.random.default_rng(seed), names, missing=missing, sector=sector)
    other = drawn_panel(
        np.random.default_rng(seed),
        renamed,
        missing=missing,
        sector={renamed[names.index(name)]: label for name, label in sector.items()},
    )
    one, two = estimate(panel, names), estimate(other, names).of(np.array(renamed))
    assert two.mean == pytest.approx(one.mean, abs=1e-9)
    assert two.standard_error == pytest.approx(one.standard_error, abs=1e-9)
    assert two.covariance() == pytest.approx(one.covariance(), abs=1e-9)


def test_what_is_asked_about_does_not_change_what_is_believed_of_it(sample):
    everything = estimate(sample)
    some = everything.symbols[[3, 17, 40]]
    asked = estimate(sample, some.tolist())
    assert asked.mean == pytest.approx(everything.of(some).mean)
    assert asked.covariance() == pytest.approx(everything.of(some).covariance())


def test_by_default_it_is_about_every_equity_that_traded_in_the_last_twenty_sessions(sample):
    fresh = sample.traded[-20:].any(0) & (sample.instrument == "equity")
    assert estimate(sample).symbols.tolist() == sample.symbols[fresh].tolist()


@pytest.mark.parametrize("symbol", ["XSPRING", "XMAPLE86", "XTIN", "XEGRET"])
def test_funds_debentures_halted_and_young_names_can_be_asked_about(sample, symbol):
    beliefs = estimate(sample, [symbol])
    assert beliefs.symbols.tolist() == [symbol]
    assert beliefs.specific[0] > 0


def test_the_sample_market_gives_beliefs_of_a_sane_size(sample):
    beliefs = estimate(sample)
    assert 200 < beliefs.horizon < 260
    assert (np.abs(beliefs.mean) < 1).all()
    assert ((beliefs.volatility > 0.05) & (beliefs.volatility < 1.5)).all()
    assert (beliefs.standard_error > 0).all()
    assert np.linalg.eigvalsh(beliefs.covariance()).min() > 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), names=st.integers(1, 8), missing=st.sampled_from([0.0, 0.5, 0.9]))
def test_the_covariance_is_positive_definite_with_the_fewest_sessions(seed, names, missing):
    rng = np.random.default_rng(seed)
    symbols = [f"N{k}" for k in range(names)]
    panel = drawn_panel(rng, symbols, sessions=FEWEST_SESSIONS, missing=missing)
    try:
        beliefs = estimate(panel)
    except InvalidInput:
        assert not panel.traded[-20:].any()
        return
    assert (beliefs.specific > 0).all()
    assert np.linalg.eigvalsh(beliefs.covariance()).min() > 0


def test_a_market_that_never_moved_is_believed_not_to_move():
    beliefs = estimate(panel_of({"A": [100] * 70, "B": [None] * 69 + [50]}))
    assert beliefs.volatility == pytest.approx([0, 0], abs=1e-2)
    assert np.isfinite(beliefs.mean).all()


def test_too_few_sessions_are_refused_with_the_number_needed():
    panel = drawn_panel(np.random.default_rng(0), ["A", "B"], sessions=FEWEST_SESSIONS - 1)
    with pytest.raises(InvalidInput, match="59 sessions of prices; a risk estimate needs at least 60"):
        estimate(panel)


def test_unknown_symbols_are_named(sample):
    with pytest.raises(InvalidInput, match="no prices for NABIL, NICA: leave these symbols out"):
        estimate(sample, ["NABIL", "XALDER", "NICA"])


def test_a_symbol_that_had_not_traded_yet_is_unknown(sample):
    with pytest.raises(InvalidInput, match="no prices for XEGRET"):
        estimate(sample, ["XEGRET"], as_of=date(2024, 4, 18))


def test_a_day_before_the_prices_begin_is_refused(sample):
    with pytest.raises(InvalidInput, match="begin on 2020-08-02"):
        estimate(sample, as_of=date(2020, 1, 1))


def test_a_market_without_equities_is_refused():
    panel = panel_of({"A": [100] * 70}, instrument={"A": "debenture"})
    with pytest.raises(InvalidInput, match="no equity traded"):
        estimate(panel)


def test_what_is_believed_of_a_name_does_not_depend_on_which_others_are_asked_for(sample):
    day = sample.last_date
    shares = sample.symbols[(sample.instrument == "equity") & sample.traded[-20:].any(0)].tolist()[:3]
    others = sample.symbols[(sample.instrument != "equity") & sample.traded.any(0)].tolist()
    assert others
    few, many = estimate(sample, shares, day), estimate(sample, [*shares, *others], day)
    at = np.isin(many.symbols, shares)
    for name in ("mean", "specific", "standard_error"):
        assert getattr(few, name) == pytest.approx(getattr(many, name)[at], rel=1e-12)
    assert few.covariance() == pytest.approx(many.covariance()[np.ix_(at, at)], rel=1e-12)
