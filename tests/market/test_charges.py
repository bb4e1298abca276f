"""Charges by their definition: flat slabs, one rounding per line, and a DP charge that divides without loss."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portfolio_opt.market.charges import charges, commission_rate, split_dp_charge
from portfolio_opt.market.money import paisa, rupees
from portfolio_opt.market.rules import CHARGED_AS, rulebook

NOW = rulebook().on(date(2026, 9, 1))
ERAS = [
    rulebook().on(day) for day in (date(2012, 1, 3), date(2016, 7, 20), date(2020, 12, 27), date(2024, 5, 14), NOW.day)
]
INSTRUMENTS = [*NOW.commission, *CHARGED_AS]
NEAR_A_SLAB = st.sampled_from([50_000_00, 500_000_00, 2_000_000_00, 5_000_000_00, 10_000_000_00])

eras = st.sampled_from(ERAS)
instruments = st.sampled_from(INSTRUMENTS)
amounts = (
    st.integers(0, 1_000_000_00) | st.integers(0, 10**13) | st.builds(int.__add__, NEAR_A_SLAB, st.integers(-200, 200))
)


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


@given(rules=eras, instrument=instruments, amount=amounts.filter(bool))
@example(rules=NOW, instrument="equity", amount=50_000_00)
@example(rules=NOW, instrument="equity", amount=50_000_01)
def test_each_line_is_its_rate_on_the_whole_amount_rounded_on_its_own(rules, instrument, amount):
    rows = rules.commission[CHARGED_AS.get(instrument, instrument)]
    rate = next(rate for end, rate in zip(rows.up_to, rows.rates, strict=True) if amount <= end)
    fee = rules.sebon_fee[CHARGED_AS.get(instrument, instrument)]
    paid = charges(rules, instrument, amount)
    assert commission_rate(rules, instrument, amount) == rate
    assert paid.commission == max(half_up(Fraction(amount * rate, 1_000_000)), rules.commission_minimum)
    assert paid.sebon_fee == half_up(Fraction(amount * fee, 1_000_000))
    assert paid.dp_charge == rules.dp_charge
    assert paid.total == paid.commission + paid.sebon_fee + paid.dp_charge


@given(rules=eras, instrument=instruments, several=st.lists(amounts, max_size=8))
def test_an_array_is_charged_like_its_elements(rules, instrument, several):
    together = charges(rules, instrument, np.array(several, dtype=np.int64))
    alone = [charges(rules, instrument, amount) for amount in several]
    for line in ("commission", "sebon_fee", "dp_charge", "total"):
        assert getattr(together, line).tolist() == [getattr(paid, line) for paid in alone]


@given(rules=eras, instrument=instruments, amount=amounts)
def test_charges_are_whole_paisa_and_never_negative(rules, instrument, amount):
    paid = charges(rules, instrument, amount)
    for line in (paid.commission, paid.sebon_fee, paid.dp_charge):
        assert type(line) is int
        assert line >= 0


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_nothing_traded_costs_nothing(instrument):
    assert charges(NOW, instrument, 0).total == 0
    assert charges(NOW, instrument, np.array([0, 1])).total.tolist() == [0, 35_00]


def test_commission_falls_where_the_next_slab_begins():
    assert rupees(charges(NOW, "equity", paisa("50000")).commission) == "180.00"
    assert rupees(charges(NOW, "equity", paisa("50001")).commission) == "165.00"


@pytest.mark.parametrize("end", NOW.commission["equity"].up_to[:-1])
def test_every_slab_of_equity_ends_in_a_downward_jump(end):
    assert charges(NOW, "equity", end + 1).commission < charges(NOW, "equity", end).commission


def test_commission_is_not_progressive():
    """The published example of a broker: 0.31% of all of 620,000, where marginal slabs would charge 2,037.00."""
    assert rupees(charges(NOW, "equity", paisa("620000")).commission) == "1,922.00"


@given(slab=st.integers(0, 4), a=st.integers(1, 10**13), b=st.integers(1, 10**13))
def test_within_a_slab_a_larger_trade_never_costs_less(slab, a, b):
    rows = NOW.commission["equity"]
    floor_ = rows.up_to[slab - 1] if slab else 0
    smaller, larger = sorted(floor_ + 1 + x % (min(rows.up_to[slab], 10**13) - floor_) for x in (a, b))
    assert charges(NOW, "equity", smaller).total <= charges(NOW, "equity", larger).total


def test_the_minimum_binds_up_to_2777_78_but_for_rounding():
    assert charges(NOW, "equity", paisa("2777.78")).commission == paisa("10.00")
    assert charges(NOW, "equity", paisa("2779.16")).commission == paisa("10.00")
    assert charges(NOW, "equity", paisa("2779.17")).commission == paisa("10.01")


traded_units = st.lists(st.integers(1, 10**7), min_size=1, max_size=8).map(tuple)


@given(units=traded_units, dp_charge=st.integers(0, 100_00))
@example(units=(100, 20), dp_charge=25_00)
@example(units=(1, 5), dp_charge=99_99)
def test_the_parts_of_a_dp_charge_add_up_and_follow_the_units(units, dp_charge):
    parts = split_dp_charge(replace(NOW, dp_charge=dp_charge), units)
    assert sum(parts) == dp_charge
    for k in range(len(units)):
        assert sum(parts[: k + 1]) == half_up(Fraction(dp_charge * sum(units[: k + 1]), sum(units)))
        assert parts[k] >= 0
        assert abs(parts[k] - Fraction(dp_charge * units[k], sum(units))) <= 1


def test_a_single_trade_bears_the_whole_dp_charge():
    assert split_dp_charge(NOW, (7,)) == (25_00,)
    assert [rupees(part) for part in split_dp_charge(NOW, (1, 1, 1))] == ["8.33", "8.34", "8.33"]
