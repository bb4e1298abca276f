"""Paisa: reading, printing, and shares of amounts that are exact at any size."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portfolio_opt.market.money import LARGEST, fraction_of, paisa, paisa_from_price, ppm, rupees, share_of

amounts = st.integers(0, LARGEST)
units = st.integers(1, 10**9)


@st.composite
def shares(draw):
    """An amount and a part of a whole: 0 <= part <= whole, with exact halves and products beyond int64 among them."""
    whole = draw(units)
    return draw(amounts), draw(st.integers(0, whole)), whole


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


@given(share=shares())
@example(share=(1, 1, 2))
@example(share=(LARGEST, 10**9, 10**9))
def test_a_share_is_the_exact_quotient_rounded_half_up(share):
    amount, part, whole = share
    assert share_of(amount, part, whole) == half_up(Fraction(amount) * part / whole)


@given(rows=st.lists(shares(), min_size=1, max_size=6))
@example(rows=[(LARGEST, 10**9, 10**9), (1, 1, 2), (3, 1, 2)])
def test_shares_of_arrays_are_exact_where_the_product_leaves_int64(rows):
    amount, part, whole = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    exact = [half_up(Fraction(a) * p / w) for a, p, w in rows]
    found = share_of(amount, part, whole)
    assert found.dtype == np.int64
    assert found.tolist() == exact


@given(rows=st.lists(shares(), min_size=1, max_size=4), whole=st.just(10**9), part=st.integers(0, 10**9))
def test_an_array_may_meet_plain_numbers(rows, whole, part):
    amount = np.array([row[0] for row in rows], dtype=np.int64)
    assert share_of(amount, part, whole).tolist() == [share_of(int(a), part, whole) for a in amount]
    assert share_of(LARGEST, np.array([part]), whole).tolist() == [share_of(LARGEST, part, whole)]


@given(share=shares())
@example(share=(LARGEST, 10**9, 10**9))
def test_one_number_out_of_an_array_counts_as_a_number(share):
    amount, part, whole = share
    exact = share_of(amount, part, whole)
    assert share_of(np.int64(amount), part, whole) == exact
    assert share_of(amount, np.int64(part), np.int64(whole)) == exact
    assert share_of(np.array(amount), np.int64(part), whole) == exact


@given(share=shares())
def test_shares_of_a_part_and_the_rest_differ_from_the_amount_by_at_most_the_rounding(share):
    amount, part, whole = share
    assert share_of(amount, part, whole) + share_of(amount, whole - part, whole) - amount in (0, 1)


@given(amount=amounts, rate=st.integers(0, 1_000_000))
def test_a_fraction_is_a_share_of_a_million(amount, rate):
    assert fraction_of(amount, rate) == half_up(Fraction(amount * rate, 1_000_000))
    assert fraction_of(np.array([amount]), rate).tolist() == [fraction_of(amount, rate)]


@given(amount=st.integers(-LARGEST, LARGEST))
def test_what_is_printed_reads_back(amount):
    assert paisa(rupees(amount).replace(",", "")) == amount


@given(amount=st.decimals(0, 10**11, allow_nan=False, places=4))
def test_half_a_paisa_is_read_upward(amount):
    assert paisa(amount) == paisa(str(amount)) == half_up(Fraction(amount) * 100)


def test_a_long_tail_below_half_a_paisa_is_not_rounded_twice():
    assert paisa("0.004" + "9" * 40) == 0
    assert paisa("0.005") == 1


@pytest.mark.parametrize(
    "text", ["", "abc", "1,000", "nan", "inf", "-inf", "100000000000.01", "-100000000000.01", "1e999999", "-1e999999"]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match="is not an amount"):
        paisa(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (10438380, "104,383.80"),
        (0, "0.00"),
        (5, "0.05"),
        (-5, "-0.05"),
        (-475380, "-4,753.80"),
        (100000000, "1,000,000.00"),
    ],
)
def test_amounts_as_text(amount, text):
    assert rupees(amount) == text


@given(rate=st.integers(0, 1_000_000))
def test_a_percentage_is_read_exactly(rate):
    assert ppm(str(Decimal(rate) / 10_000)) == rate


def test_a_percentage_finer_than_a_millionth_is_refused():
    assert ppm("0.0001") == 1
    with pytest.raises(ValueError, match="finer than a millionth"):
        ppm("0.00001")


@given(prices=st.lists(st.integers(1, 10**9), max_size=5))
def test_prices_with_two_decimals_become_paisa_exactly(prices):
    assert paisa_from_price(np.array(prices, dtype=float) / 100).tolist() == prices


def test_an_absent_price_is_0_paisa():
    assert paisa_from_price(np.array([np.nan, 1.5])).tolist() == [0, 150]
