"""Tax on gains and the cost that leaves with a sale, by their definitions."""

from datetime import date, timedelta
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from portfolio_opt.market.account import Lot, Position
from portfolio_opt.market.money import LARGEST, fraction_of, paisa, rupees
from portfolio_opt.market.rules import INVESTORS, rulebook
from portfolio_opt.market.tax import capital_gains_tax, cost_removed

SALE_DATES = [date(2018, 7, 16), date(2018, 7, 17), date(2019, 7, 17), date(2021, 7, 16), date(2026, 7, 17)]
NOW = rulebook().on(SALE_DATES[-1])

eras = st.sampled_from([rulebook().on(day) for day in SALE_DATES])
investors = st.sampled_from(INVESTORS)
gains = st.integers(-LARGEST, LARGEST)
units = st.integers(0, 10**9)


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


@given(rules=eras, investor=investors, gain=gains, short=units, long=units)
@example(rules=NOW, investor="individual", gain=paisa("29307.50"), short=50, long=100)
def test_tax_is_the_gain_split_by_units_and_rounded_once(rules, investor, gain, short, long):
    assume(short + long > 0)
    rates = rules.capital_gains_tax[investor]
    exact = Fraction(max(gain, 0) * (short * rates.short + long * rates.long), (short + long) * 1_000_000)
    assert capital_gains_tax(rules, investor, gain, short, long) == half_up(exact)


@given(rules=eras, investor=investors, sales=st.lists(st.tuples(gains, units, units), max_size=6))
@example(rules=NOW, investor="individual", sales=[(LARGEST, 10**9, 10**9), (-1, 1, 0), (0, 0, 0)])
def test_an_array_of_sales_is_taxed_like_its_elements(rules, investor, sales):
    gain, short, long = (np.array([row[k] for row in sales], dtype=np.int64) for k in range(3))
    together = capital_gains_tax(rules, investor, gain, short, long)
    assert together.tolist() == [capital_gains_tax(rules, investor, *row) for row in sales]


@given(rules=eras, investor=investors, loss=st.integers(-LARGEST, 0), short=units, long=units)
def test_a_loss_pays_no_tax(rules, investor, loss, short, long):
    assert capital_gains_tax(rules, investor, loss, short, long) == 0


@given(rules=eras, investor=investors, a=gains, b=gains, short=units, long=units)
def test_a_larger_gain_never_pays_less(rules, investor, a, b, short, long):
    smaller, larger = (capital_gains_tax(rules, investor, gain, short, long) for gain in sorted((a, b)))
    assert smaller <= larger


@given(rules=eras, investor=investors, gain=st.integers(0, LARGEST), short=units, long=units)
def test_tax_lies_between_the_long_and_the_short_rate(rules, investor, gain, short, long):
    assume(short + long > 0)
    rates = rules.capital_gains_tax[investor]
    tax = capital_gains_tax(rules, investor, gain, short, long)
    assert fraction_of(gain, rates.long) <= tax <= fraction_of(gain, rates.short)


@given(gain=st.integers(0, LARGEST), sold=st.integers(1, 10**9), one_more=st.integers(1, 10**9))
def test_more_old_units_never_pay_more(gain, sold, one_more):
    long = one_more % sold
    assert capital_gains_tax(NOW, "individual", gain, sold - long - 1, long + 1) <= capital_gains_tax(
        NOW, "individual", gain, sold - long, long
    )


def test_a_loss_in_one_scrip_reduces_no_other_tax():
    tax = capital_gains_tax(NOW, "individual", np.array([100_00, -100_00]), np.array([10, 10]), np.array([0, 0]))
    assert tax.tolist() == [10_00, 0]


@pytest.mark.parametrize(
    ("days", "long"), [(0, False), (364, False), (365, False), (366, True), (367, True), (5000, True)]
)
@pytest.mark.parametrize("sale_date", [date(2024, 3, 1), date(2026, 9, 1)])  # with and without a 29 February between
def test_365_days_are_short_and_366_long(sale_date, days, long):
    long_after = rulebook().on(sale_date).capital_gains_tax["individual"].long_after_days
    position = Position("ABC", (Lot("ABC", 10, 1_000_00, sale_date - timedelta(days=days)),))
    assert position.units_long(sale_date, long_after) == (10 if long else 0)


def test_units_of_unknown_age_are_short():
    position = Position("ABC", (Lot("ABC", 10, 1_000_00, date(2000, 1, 1)), Lot("ABC", 5, 1_000_00)))
    assert position.units_long(date(2026, 9, 1), 365) == 10


costs = st.integers(0, LARGEST)


@given(cost=costs, held=st.integers(1, 10**9), sold=st.integers(0, 10**9))
def test_the_cost_removed_is_the_average_cost_of_what_is_sold(cost, held, sold):
    sold %= held + 1
    removed = cost_removed(cost, held, sold)
    assert removed == half_up(Fraction(cost * sold, held))
    assert 0 <= removed <= cost
    assert cost_removed(np.array([cost]), np.array([held]), np.array([sold])).tolist() == [removed]
    assert cost_removed(cost, held, np.array([sold, 0])).tolist() == [removed, 0]


@given(cost=costs, held=st.integers(0, 10**9))
def test_selling_all_removes_all_and_selling_nothing_removes_nothing(cost, held):
    assume(held or not cost)
    assert cost_removed(cost, held, held) == cost
    assert cost_removed(cost, held, 0) == 0


def test_selling_in_two_steps_keeps_the_cost_per_share():
    cost = paisa("100407.00")
    left = cost - cost_removed(cost, 200, 150)
    assert rupees(left) == "25,101.75"
    assert left - cost_removed(left, 50, 50) == 0
