"""Each limit allows and refuses what its sentence says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from situations import KINDS, situation

from portfolio_opt.allocate.statement.cash_limits import CashFloor, FullyInvested
from portfolio_opt.allocate.statement.count_limits import BoardLot, MaxNames, MinNames, MinPosition
from portfolio_opt.allocate.statement.soft import Soft
from portfolio_opt.allocate.statement.trade_limits import (
    Forbidden,
    Locked,
    MaxParticipation,
    MaxTurnover,
    NoYoungGain,
    Tradable,
)
from portfolio_opt.allocate.statement.variance import MaxTrackingError
from portfolio_opt.allocate.statement.weight_limits import GroupLimit, MaxSector, MaxWeight, SectorLimit
from portfolio_opt.errors import InvalidInput
from portfolio_opt.market.orders import sale

SEEDS = st.integers(0, 10**6)


def broken_by(limit, state, weights):
    return float(limit.violation(state, np.asarray(weights, dtype=float)[None])[0])


def test_weights_of_names_sectors_and_groups():
    state = situation(0, "nothing held")  # sectors Hydro Power, Commercial Banks, none, and again
    w = [0.3, 0.1, 0.0, 0.2, 0.1, 0.15]
    assert broken_by(MaxWeight(0.25), state, w) == pytest.approx(0.05)
    assert broken_by(MaxWeight(0.15), state, w) == pytest.approx(0.15 + 0.05)
    assert broken_by(MaxWeight({"NAME3": 0.05, "NAME5": 0.5, "ABSENT": 0.1}), state, w) == pytest.approx(0.15)
    assert broken_by(SectorLimit("Hydro Power", 0.4), state, w) == pytest.approx(0.1)
    assert broken_by(SectorLimit("Commercial Banks", 1.0, 0.3), state, w) == pytest.approx(0.1)
    assert broken_by(SectorLimit("Tea", 0.4), state, w) == 0
    assert broken_by(MaxSector(0.1), state, w) == pytest.approx(0.4 + 0.1)  # names without a sector belong to none
    group = GroupLimit(((1.0, "Hydro Power"), (-2.0, "NAME1")), upper=0.1)
    assert broken_by(group, state, w) == pytest.approx(0.5 - 0.2 - 0.1)
    assert "at most 10% in Hydro Power - 2 * NAME1" in group.in_words()
    assert "in energy" in GroupLimit(group.terms, upper=0.1, name="energy").in_words()


def test_cash_counts_what_is_never_traded():
    state = situation(0, "something outside")
    outside = state.outside_value / state.wealth
    w = np.full(len(state.unit), (0.9 - outside) / len(state.unit))  # leaves a tenth in cash
    assert broken_by(CashFloor(0.1), state, w) == pytest.approx(0, abs=1e-15)
    assert broken_by(CashFloor(0.15), state, w) == pytest.approx(0.05)
    assert broken_by(FullyInvested(), state, w) == pytest.approx(0.1)
    assert broken_by(FullyInvested(0.1), state, w) == pytest.approx(0, abs=1e-15)
    borrowed = w * (1.1 - outside) / (0.9 - outside)
    assert broken_by(CashFloor(), state, borrowed) == broken_by(FullyInvested(), state, borrowed) == pytest.approx(0.1)


def test_participation_is_of_the_order_at_its_limit_price():
    state = situation(3)
    k = int(np.argmax(state.day.turnover))
    most = int(0.1 * state.day.turnover[k]) // int(state.day.buy_limit[k])
    units = state.held.copy()
    units[k] += most
    assert broken_by(MaxParticipation(0.1), state, units * state.unit) == 0
    units[k] += 10
    excess = (most + 10) * state.day.buy_limit[k] / state.day.turnover[k] - 0.1
    assert broken_by(MaxParticipation(0.1), state, units * state.unit) == pytest.approx(excess)


def test_what_does_not_trade_stays():
    state = situation(4)
    now = state.held * state.unit
    assert broken_by(Tradable(), state, now) == 0
    still, shut = ~state.day.can_sell, ~state.day.can_buy
    assert broken_by(Tradable(), state, now * 0) == pytest.approx(now[still].sum())
    assert broken_by(Tradable(), state, now + 0.01) == pytest.approx(0.01 * shut.sum())
    names = tuple(state.day.symbols[:2].tolist())
    assert broken_by(Forbidden((*names, "ABSENT")), state, now + 0.01) == pytest.approx(0.02)
    assert broken_by(Forbidden(names), state, now * 0) == 0
    locked = Locked({names[0]: int(state.held[0]) - 1, "ABSENT": 5, names[1]: 10**9})
    assert broken_by(locked, state, now) == 0
    assert broken_by(locked, state, now * 0) == pytest.approx(now[0] - state.unit[0] + now[1])


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=st.sampled_from(KINDS), part=st.floats(0, 1))
def test_no_young_gain_means_that_no_sale_is_taxed_at_the_short_rate(seed, kind, part):
    state = situation(seed, kind)
    limit = NoYoungGain()
    least = np.ceil(np.clip(limit.rows(state).lower, 0, None) / state.unit - 1e-6)
    units = np.rint(least + (state.held - least) * part).astype(np.int64)
    assert broken_by(limit, state, units * state.unit) == pytest.approx(0, abs=1e-12)
    sold = state.held - units
    got = sale(
        state.rules,
        state.account.investor,
        "equity",
        sold,
        state.day.sell_limit,
        held=state.held,
        held_long=state.held_long,
        total_cost=state.total_cost,
    )
    young = sold > state.held_long
    assert (got.gain[young] <= 0).all()
    one_more = np.maximum(units - 1, 0)
    at_least = (one_more < least) & (units == least)
    if at_least.any():
        assert broken_by(limit, state, np.where(at_least, one_more, units) * state.unit) > 0


def test_names_and_positions():
    state = situation(0, "nothing held")
    w = np.array([0.3, 0.02, 0.4 * state.unit[2], 0.2, 0.0, 0.0])
    assert broken_by(MaxNames(2), state, w) == 1  # less than half a share is no holding
    assert broken_by(MaxNames(3), state, w) == 0
    assert MaxNames(2).relaxed(0.5) == MaxNames(3)
    assert broken_by(MinNames(5), state, w) == 2
    assert broken_by(MinNames(3), state, w) == broken_by(MinNames(1), state, w) == 0
    assert MinNames(5).relaxed(1.5) == MinNames(3)
    assert MinNames(0).relaxed(1) is None
    assert broken_by(MinPosition(0.05), state, w) == pytest.approx(0.03)
    assert MinPosition(0.0).relaxed(0.1) is None


def test_the_board_takes_lots_and_whole_holdings():
    state = situation(2)
    k = int(np.argmax(state.held))
    held = int(state.held[k])
    assert held > 30

    def orders(units):
        now = state.held * state.unit
        now[k] = units * state.unit[k]
        return broken_by(BoardLot(), state, now)

    assert [orders(held + more) for more in (0, 9, 10, 13, 13.5)] == [0, 1, 0, 0, 1]
    assert [orders(held - less) for less in (9, 10, held - 9, held - 10, held)] == [1, 0, 1, 0, 0]


def test_a_soft_limit_costs_its_price():
    state = situation(0, "nothing held")
    w = np.array([[0.3, 0.1, 0, 0, 0, 0]])
    assert Soft(MaxWeight(0.1), 3.0).value(state, w)[0] == pytest.approx(0.6)
    assert (ExpectedNothing - Soft(MaxNames(1), 0.5)).value(state, w)[0] == pytest.approx(-0.5)


ExpectedNothing = 0.0 * Soft(MaxWeight(1.0), 1.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaxWeight(5), "did you mean 0.05?"),
        (lambda: MaxWeight({"NABIL": 25}), "weight of NABIL is 25, but it is a fraction"),
        (lambda: MaxWeight(-0.1), "from 0 to 1"),
        (lambda: MaxWeight(float("nan")), "from 0 to 1"),
        (lambda: SectorLimit("Finance", 0.1, 0.2), "at least 20% and at most 10%"),
        (lambda: GroupLimit((), upper=0.1), "at least one term"),
        (lambda: GroupLimit(((1.0, "NABIL"),)), "neither a lower nor an upper"),
        (lambda: GroupLimit(((1.0, "NABIL"), (1.0, "EBL")), upper=30), "NABIL + EBL is 30"),
        (lambda: MaxSector(35), "did you mean 0.35?"),
        (lambda: CashFloor(10), "did you mean 0.1?"),
        (lambda: FullyInvested(-0.1), "from 0 to 1"),
        (lambda: MaxTurnover(20), "did you mean 0.2?"),
        (lambda: MaxParticipation(10), "did you mean 0.1?"),
        (lambda: MaxTrackingError({}, 0.0), "positive"),
        (lambda: MaxNames(0), "whole number"),
        (lambda: MaxNames(2.5), "whole number"),
        (lambda: MinNames(-1), "whole number"),
        (lambda: MinPosition(3), "did you mean 0.03?"),
        (lambda: Locked({"NABIL": -1}), "NABIL: -1 locked units"),
        (lambda: Soft(MaxWeight(0.1), -1.0), "positive"),
    ],
)
def test_wrong_figures_are_refused(make, message):
    with pytest.raises(InvalidInput) as refusal:
        make()
    assert message in str(refusal.value)
