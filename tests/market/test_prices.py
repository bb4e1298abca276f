"""Ticks, bands and limit prices by their definitions."""

from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from portfolio_opt.market.money import MILLION, paisa, rupees
from portfolio_opt.market.prices import around, limit_price, order_step, price_band, round_down, round_up
from portfolio_opt.market.rules import rulebook

NOW = rulebook().on(date(2026, 9, 1))
eras = st.sampled_from([rulebook().on(day) for day in (date(2021, 7, 17), date(2021, 7, 18), date(2026, 4, 20))])
instruments = st.sampled_from(["equity", "mutual_fund", "promoter_share", "debenture"])
prices = st.integers(1, 100_000_00)
closes = st.integers(10_00, 100_000_00)  # on the tick and off it: averages and adjusted closes lie between
ticks = st.sampled_from([1, 10, 100])
widths = st.integers(0, 200_000)
sides = st.sampled_from(["BUY", "SELL"])


@given(price=prices, tick=ticks)
def test_rounding_goes_to_the_nearest_tick_on_its_side(price, tick):
    below, above = round_down(price, tick), round_up(price, tick)
    assert below % tick == above % tick == 0
    assert below <= price < below + tick
    assert above - tick < price <= above
    assert (below == above) == (price % tick == 0)


@given(reference=closes, width=widths, tick=ticks)
@example(reference=333_30, width=150_000, tick=10)
def test_a_band_is_rounded_inward_and_not_a_tick_too_far(reference, width, tick):
    low, high = around(reference, width, tick)
    lowest, highest = (reference * (1 + Fraction(sign * width, MILLION)) for sign in (-1, 1))
    assert low % tick == high % tick == 0
    assert low - tick < lowest <= low
    assert high <= highest < high + tick


@given(rules=eras, instrument=instruments, close=closes)
def test_band_and_step_are_the_days_widths_around_their_reference(rules, instrument, close):
    tick = rules.tick_of(instrument)
    assert price_band(rules, instrument, close) == around(close, rules.price_band, tick)
    assert order_step(rules, instrument, close) == around(close, rules.order_step, tick)


@given(rules=eras, instrument=instruments, several=st.lists(closes, max_size=6), side=sides, margin=widths)
def test_an_array_of_prices_is_treated_like_its_elements(rules, instrument, several, side, margin):
    array = np.array(several, dtype=np.int64)
    for rule in (price_band, order_step):
        low, high = rule(rules, instrument, array)
        assert list(zip(low.tolist(), high.tolist(), strict=True)) == [rule(rules, instrument, p) for p in several]
    limits = limit_price(rules, instrument, side, array, margin)
    assert limits.tolist() == [limit_price(rules, instrument, side, p, margin) for p in several]


@given(rules=eras, instrument=instruments, side=sides, close=prices, margin=st.integers(0, 400_000))
@example(rules=NOW, instrument="equity", side="BUY", close=333_30, margin=400_000)
@example(rules=rulebook().on(date(2021, 7, 17)), instrument="equity", side="BUY", close=5_90, margin=0)
def test_a_limit_price_is_on_the_tick_and_inside_the_band(rules, instrument, side, close, margin):
    low, high = price_band(rules, instrument, close)
    assume(low <= high)  # below a few ticks the band may hold no tick at all
    limit = limit_price(rules, instrument, side, close, margin)
    assert type(limit) is int
    assert limit % rules.tick_of(instrument) == 0
    assert low <= limit <= high


@given(rules=eras, instrument=instruments, close=closes, margin=st.integers(0, 400_000))
def test_a_limit_price_is_the_worst_price_within_margin_and_band(rules, instrument, close, margin):
    tick = rules.tick_of(instrument)
    low, high = price_band(rules, instrument, close)
    most = min(close * (1 + Fraction(margin, MILLION)), high)
    least = max(close * (1 - Fraction(margin, MILLION)), low)
    buy, sell = (limit_price(rules, instrument, side, close, margin) for side in ("BUY", "SELL"))
    assert buy <= most < buy + tick
    assert sell - tick < least <= sell


@pytest.mark.parametrize(
    ("side", "margin", "limit"), [("BUY", 0, "333.30"), ("BUY", 20_000, "339.90"), ("SELL", 20_000, "326.70")]
)
def test_limit_prices_worked(side, margin, limit):
    assert rupees(limit_price(NOW, "equity", side, paisa("333.30"), margin)) == limit


def test_the_step_is_narrower_than_the_band():
    assert [rupees(edge) for edge in order_step(NOW, "equity", paisa("333.30"))] == ["323.40", "343.20"]
