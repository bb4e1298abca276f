"""Holdings by symbol, oldest lot first, and what an account refuses to be."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.market.account import Account, Lot
from portfolio_opt.market.rules import INVESTORS

days = st.dates(date(2026, 1, 1), date(2026, 1, 31))  # few, so that days coincide
lots = st.builds(
    Lot,
    symbol=st.sampled_from(["NABIL", "NICAD85/86", "NA", "=cmd"]),
    units=st.integers(1, 10**6),
    cost=st.integers(0, 10**12),
    acquired=st.none() | days,
)
holdings = st.lists(lots, max_size=12).map(tuple)


@given(lots=holdings)
def test_positions_hold_every_lot_once_by_symbol(lots):
    positions = Account(lots=lots).positions()
    assert list(positions) == sorted({lot.symbol for lot in lots})
    for symbol, position in positions.items():
        own = [lot for lot in lots if lot.symbol == symbol]
        assert position.symbol == symbol
        assert sorted(map(repr, position.lots)) == sorted(map(repr, own))
        assert position.units == sum(lot.units for lot in own)
        assert position.cost == sum(lot.cost for lot in own)


@given(lots=holdings)
def test_lots_come_oldest_first_and_those_of_unknown_age_last(lots):
    for position in Account(lots=lots).positions().values():
        known = [lot.acquired for lot in position.lots if lot.acquired is not None]
        assert known == sorted(known)
        assert all(lot.acquired is None for lot in position.lots[len(known) :])


@given(lots=holdings, day=days, long_after=st.integers(0, 31))
def test_long_units_are_those_acquired_before_the_threshold(lots, day, long_after):
    for position in Account(lots=lots).positions().values():
        threshold = day - timedelta(days=long_after)
        old = [lot.units for lot in position.lots if lot.acquired is not None and lot.acquired < threshold]
        assert position.units_long(day, long_after) == sum(old)


def test_an_account_may_be_empty():
    account = Account()
    assert account.positions() == {}
    assert account.settled_cash == 0


@pytest.mark.parametrize(("units", "cost"), [(0, 100), (-5, 100), (5, -1)])
def test_a_lot_needs_units_and_a_cost(units, cost):
    with pytest.raises(InvalidInput, match=rf"ABC: .*not {units} and {cost}"):
        Lot("ABC", units, cost)


def test_a_lot_may_have_cost_nothing():
    assert Lot("ABC", 1, 0).cost == 0


@pytest.mark.parametrize("investor", INVESTORS)
def test_every_kind_of_investor_can_hold_an_account(investor):
    assert Account(investor=investor).investor == investor


def test_an_unknown_investor_is_refused_with_the_choice():
    with pytest.raises(InvalidInput, match="investor is 'bank'; choose one of individual, entity, fund, non-resident"):
        Account(investor="bank")


def test_negative_cash_is_refused():
    with pytest.raises(InvalidInput, match=r"cash is NPR -0\.01; give an amount of at least 0"):
        Account(settled_cash=-1)
    with pytest.raises(InvalidInput, match=r"cash is NPR -1,000\.00"):
        Account(unsettled_cash=((date(2026, 9, 3), 5), (date(2026, 9, 4), -1_000_00)))
