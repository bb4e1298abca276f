"""What is said of limits that leave no room, or that are broken already, against every portfolio and every sale there is."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_markets import RULES, random_problem, written

from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.problem import Limits
from portfolio_opt.allocate.why import least_change, room
from portfolio_opt.allocate.why.conflict import find_conflict, require_room
from portfolio_opt.allocate.why.least_change import least_changes
from portfolio_opt.allocate.why.repair import breaches
from portfolio_opt.errors import NoSolution
from portfolio_opt.market.orders import sale

SEEDS = st.integers(0, 10**6)
EPS = 1e-7
FOUR = (100_00, 200_00, 300_00, 400_00)


# ---- room


def has_room(problem, whole_lots=True, today=False, **moved):
    """Whether weights exist that invest all but the floor: each set of names that may be held is tried, and summed by hand."""
    day, limits = problem.day, replace(problem.limits, **moved)
    now = problem.held * problem.unit
    locked = np.where(day.can_buy | day.can_sell, 0, now)
    if today:
        locked = bounds(problem, problem.wealth).lower * problem.unit
    may_stay = np.where(problem.held < day.lot, now, locked)
    most = np.maximum(np.minimum(np.where(day.can_buy, 1, now), np.maximum(limits.max_weight, may_stay)), locked)
    if today:
        bought = np.where(day.can_buy, limits.max_participation * day.turnover / problem.wealth, 0)
        most = np.minimum(most, now + bought)
    lot = np.where(problem.held > 0, np.minimum(problem.held, day.lot), day.lot) * problem.unit
    needed = max(1 - limits.cash_floor - problem.outside_value / problem.wealth, locked.sum())
    for chosen in product((False, True), repeat=len(now)) if whole_lots else [(True,) * len(now)]:
        least = np.maximum(np.where(chosen, lot if whole_lots else 0, 0), locked)
        top = np.where(chosen, most, 0)
        if (least > top + EPS).any():
            continue
        low, high = least[day.sector == ""].sum(), top[day.sector == ""].sum()
        fits = True
        for sector in set(day.sector.tolist()) - {""}:
            inside = day.sector == sector
            in_sector = min(top[inside].sum(), max(limits.max_sector, locked[inside].sum()))
            fits &= least[inside].sum() <= in_sector + EPS
            low, high = low + least[inside].sum(), high + in_sector
        if fits and low <= needed + EPS and high >= needed - EPS:
            return True
    return False


@settings(max_examples=120, deadline=None)
@given(seed=SEEDS, today=st.booleans())
def test_a_conflict_is_found_exactly_where_there_is_no_room(seed, today):
    problem = random_problem(seed)
    assert (find_conflict(problem, today) is None) == has_room(problem, today=today)


@settings(max_examples=120, deadline=None)
@given(seed=SEEDS, today=st.booleans())
def test_each_change_makes_room_and_one_percent_less_does_not(seed, today):
    problem = random_problem(seed)
    found = find_conflict(problem, today)
    assume(found is not None)
    for change in found.alone:
        assert change.now < change.least <= change.to + EPS <= change.now + 1.01 * (change.least - change.now) + 2 * EPS
        assert has_room(problem, today=today, **{change.limit: change.to})
        assert not has_room(problem, today=today, **{change.limit: change.now + 0.99 * (change.to - change.now)})
    caps = ("max_weight", "max_sector", *(("max_participation",) if today else ()))
    for limit in set(caps) - {change.limit for change in found.alone}:
        assert not has_room(problem, today=today, **{limit: 1.0})
    for change in found.in_fractions:
        assert has_room(problem, False, today, **{change.limit: change.to})
        assert not has_room(problem, False, today, **{change.limit: change.now + 0.99 * (change.to - change.now)})


def check_joint(problem, found):
    assert has_room(problem, **{change.limit: change.to for change in found})
    now, spent = problem.limits, 0.99 * sum(change.to - change.now for change in found)
    for part in np.linspace(0, 1, 101):
        weight, sector = now.max_weight + part * spent, now.max_sector + (1 - part) * spent
        assert not has_room(problem, max_weight=min(weight, 1.0), max_sector=min(sector, 1.0))


@settings(max_examples=120, deadline=None)
@given(seed=SEEDS)
def test_the_joint_change_makes_room_and_no_split_of_one_percent_less_does(seed):
    problem = random_problem(seed)
    found = least_changes(problem, ("max_weight", "max_sector"))
    assume(found)
    check_joint(problem, found)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_the_joint_change_by_halving_is_the_least_as_well(seed):
    problem = random_problem(seed)
    assume(least_changes(problem, ("max_weight", "max_sector")))
    try:
        found = least_change._jointly(room.places(problem, False), problem.limits, ["max_sector"], False)
    except room.TakesTooLong:
        return  # where one cap trades for the other point by point
    check_joint(problem, found)


@settings(max_examples=120, deadline=None)
@given(seed=SEEDS)
def test_both_caps_move_only_where_neither_alone_makes_room(seed):
    problem = random_problem(seed)
    found = find_conflict(problem)
    assume(found is not None)
    neither = not has_room(problem, max_weight=1.0) and not has_room(problem, max_sector=1.0)
    assert bool(found.together) <= neither
    assert bool(found.together) >= (neither and has_room(problem, max_weight=1.0, max_sector=1.0))


@settings(max_examples=120, deadline=None)
@given(seed=SEEDS)
def test_require_room_refuses_what_no_fraction_of_shares_can_meet(seed):
    problem = random_problem(seed)
    if not (problem.day.can_buy | problem.day.can_sell).any():
        return
    if has_room(problem, whole_lots=False):
        require_room(problem)
    else:
        with pytest.raises(NoSolution, match="uninvested"):
            require_room(problem)


def test_four_names_under_a_cap_of_a_tenth():
    problem = written(FOUR, 1_000_000_00)
    with pytest.raises(NoSolution) as refusal:
        require_room(problem)
    assert str(refusal.value) == (
        "no portfolio satisfies all limits: 4 names that can be traded, at most 10.0% in each and 35.0% in a sector, leave 60.0% "
        "uninvested; raise max_weight from 10.0% to 25.0%, or hold 60.0% cash (cash_floor = 0.600)"
    )
    for changed in ({"max_weight": 0.25}, {"cash_floor": 0.6}):
        require_room(replace(problem, limits=Limits(**changed)))


def test_neither_cap_alone_makes_room_in_one_sector():
    found = find_conflict(written(FOUR, 1_000_000_00, sector=["Hydro Power"] * 4))
    assert "raise max_weight from 10.0% to 25.0% and max_sector from 35.0% to 100.0%, or hold 65.0% cash" in found.words


def test_a_board_lot_that_is_dearer_than_its_cap_moves_the_cap_further():
    found = find_conflict(written((100_00, 100_00, 100_00, 300_00), 10_000_00))
    assert "raise max_weight from 10.0% to 30.0%, as board lots are whole (25.0% were they not)" in found.words


def test_ten_million_rupees_in_a_market_that_trades_five():
    problem = written(
        (500_00, 500_00), 10_000_000_00, limits=Limits(max_weight=1.0, max_sector=1.0), turnover=2_500_000_00
    )
    assert find_conflict(problem) is None
    found = find_conflict(problem, today=True)
    assert found.uninvested == pytest.approx(0.95)
    assert [change.limit for change in found.alone] == ["cash_floor"]
    assert "orders of at most 10.0% of a day's turnover, leave 95.0% uninvested; hold 95.0% cash" in found.words
    deeper = find_conflict(replace(problem, day=replace(problem.day, turnover=problem.day.turnover * 4)), today=True)
    assert "raise max_participation from 10.0% to 50.0%" in deeper.words


def test_a_search_that_takes_too_long_says_that_lots_are_not_counted(monkeypatch):
    least = room.RoomProgram.least

    def no_time(self, movable):
        if self.integer:
            raise room.TakesTooLong
        return least(self, movable)

    monkeypatch.setattr(room.RoomProgram, "least", no_time)
    assert find_conflict(written(FOUR, 1_000_000_00)).words.endswith("(not counting whole board lots)")


# ---- repair


def sold_for(problem, i, units):
    day = problem.day
    return sale(
        RULES,
        problem.account.investor,
        "equity",
        int(units),
        int(day.sell_limit[i]),
        held=int(problem.held[i]),
        held_long=int(problem.held_long[i]),
        total_cost=int(problem.total_cost[i]),
    )


def legal_sales(problem, i):
    held, lot = int(problem.held[i]), int(problem.day.lot[i])
    most = int(problem.limits.max_participation * problem.day.turnover[i]) // int(problem.day.sell_limit[i])
    if not problem.day.can_sell[i] or held < lot:
        return []
    return [n for n in range(lot, min(held, most) + 1) if n == held or held - n >= lot]


def index(problem, symbol):
    return problem.day.symbols.tolist().index(symbol)


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS)
def test_every_broken_limit_is_named_and_no_other(seed):
    problem = random_problem(seed)
    wealth, value, limits = problem.wealth, problem.held * problem.day.close, problem.limits
    broken = {("max_weight", f"NAME{i}") for i in np.flatnonzero(value > limits.max_weight * wealth)}
    for sector in set(problem.day.sector.tolist()) - {""}:
        if value[problem.day.sector == sector].sum() > limits.max_sector * wealth:
            broken.add(("max_sector", sector))
    if problem.cash < limits.cash_floor * wealth:
        broken.add(("cash_floor", "cash"))
    found = breaches(problem)
    assert {(each.limit, each.where) for each in found} == broken
    for each in found:
        assert each.excess == pytest.approx(abs(each.now - each.allowed) * wealth, abs=2)


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS)
def test_repairs_are_legal_and_leave_only_what_cannot_be_sold(seed):
    problem = random_problem(seed, rich=False)
    found = breaches(problem)
    units = {}
    for each in found:
        for one in each.sales:
            assert one.units in legal_sales(problem, index(problem, one.symbol))
            units[one.symbol] = one.units
    sold = np.array([units.get(symbol, 0) for symbol in problem.day.symbols.tolist()])
    left = (problem.held - sold) * problem.day.close
    for each in found:
        if each.limit == "cash_floor":
            cash = problem.cash + sum(sold_for(problem, i, n).net_cash for i, n in enumerate(sold) if n)
            short, inside = problem.floor - cash, np.ones(len(sold), dtype=bool)
        elif each.limit == "max_sector":
            inside = problem.day.sector == each.where
            short = left[inside].sum() - problem.limits.max_sector * problem.wealth
        else:
            inside = problem.day.symbols == each.where
            short = left[inside].sum() - problem.limits.max_weight * problem.wealth
        if not each.left:
            assert short <= 0
        else:
            more = [n for i in np.flatnonzero(inside) for n in legal_sales(problem, i) if n > sold[i]]
            assert not more or each.limit == "cash_floor"
            assert each.why


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS)
def test_no_single_sale_repairs_a_broken_limit_for_less(seed):
    problem = random_problem(seed, rich=False)
    first = next(iter(breaches(problem)), None)
    assume(first is not None)
    assume(not first.left)
    rates = [one.cost_per_rupee for one in first.sales]
    assert rates == sorted(rates)
    cost = sum(one.charges + one.tax for one in first.sales)
    true = [sold_for(problem, index(problem, one.symbol), one.units) for one in first.sales]
    assert cost == sum(got.charges.total + got.tax for got in true)
    for i in range(len(problem.held)):
        if first.limit == "max_sector" and problem.day.sector[i] != first.where:
            continue
        if first.limit == "max_weight" and problem.day.symbols[i] != first.where:
            continue
        for n in legal_sales(problem, i):
            got = sold_for(problem, i, n)
            removed = got.net_cash if first.limit == "cash_floor" else n * int(problem.day.close[i])
            if removed >= first.excess:
                assert cost <= got.charges.total + got.tax


def test_old_units_with_little_gain_are_sold_before_young_ones_with_much():
    problem = written(
        (100_00, 100_00),
        100_000_00,
        lots=[(0, 500, 500 * 20_00, 30), (1, 500, 500 * 95_00, 800)],
        limits=Limits(max_weight=0.5, max_sector=0.3),
        sector=["Hydro Power"] * 2,
    )
    (breach,) = breaches(problem)
    assert [one.symbol for one in breach.sales] == ["NAME1"]
    assert breach.words.startswith(
        "Hydro Power is 50.0% of wealth, above max_sector of 30.0% by NPR 40,000.00; selling 400 NAME1"
    )


def test_the_old_units_of_two_names_go_before_the_young_ones_of_either():
    each = [(i, n, n * 20_00, age) for i in (0, 1) for n, age in ((200, 800), (300, 30))]
    problem = written(
        (100_00, 100_00), 0, lots=each, limits=Limits(max_weight=1.0, max_sector=0.6), sector=["Hydro Power"] * 2
    )
    (breach,) = breaches(problem)
    assert {one.symbol: one.units for one in breach.sales} == {"NAME0": 200, "NAME1": 200}
    cost = sum(one.charges + one.tax for one in breach.sales)
    costs = [
        {0: 0}
        | {n: sold_for(problem, i, n).charges.total + sold_for(problem, i, n).tax for n in legal_sales(problem, i)}
        for i in (0, 1)
    ]
    enough = (
        one + two for n, one in costs[0].items() for m, two in costs[1].items() if (n + m) * 100_00 >= breach.excess
    )
    assert cost == min(enough)


def test_what_is_halted_stays_and_the_words_say_why():
    problem = written(
        (100_00, 100_00), 10_000_00, lots=[(0, 500, 500 * 90_00, 30)], can_sell=[False, True], can_buy=[False, True]
    )
    weight = breaches(problem)[0]
    assert not weight.sales
    assert weight.left == weight.excess
    assert "stays today: NAME0: is halted" in weight.words
