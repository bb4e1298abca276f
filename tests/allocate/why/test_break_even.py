"""Break-even returns, months to repay, the best single trade and the worth of limits, against their definitions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_markets import RULES, TRADE_DATE, random_problem, written

from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.decide import decide
from portfolio_opt.allocate.lots.relaxation import program
from portfolio_opt.allocate.problem import Limits
from portfolio_opt.allocate.why.break_even import break_evens
from portfolio_opt.allocate.why.explain import limit_states
from portfolio_opt.allocate.why.limit_worth import room_of_participation, worth_of_caps
from portfolio_opt.allocate.why.single_trade import best_single_trade, why_no_trade
from portfolio_opt.market.orders import purchase, sale
from portfolio_opt.optim.convex.by_cvxpy import solve

SEEDS = st.integers(0, 10**6)
ROOMY = Limits(1.0, 1.0, 0.0, 1.0)


def order(problem, i, change):
    """(amount received, charges and tax) of one order, in paisa."""
    day = problem.day
    if change >= 0:
        amount, paid = purchase(RULES, "equity", change, int(day.buy_limit[i]))
        return -amount, paid.total
    got = sale(
        RULES,
        problem.account.investor,
        "equity",
        -change,
        int(day.sell_limit[i]),
        held=int(problem.held[i]),
        held_long=int(problem.held_long[i]),
        total_cost=int(problem.total_cost[i]),
    )
    return got.amount, got.charges.total + got.tax


def utility(problem, units, cash_price=0.0):
    """Of holding `units`, after exact charges and tax, with the money of orders worth cash_price a year."""
    w = units * problem.unit
    moved = [order(problem, i, int(n - h)) for i, (n, h) in enumerate(zip(units, problem.held, strict=True))]
    received, cost = (sum(parts) for parts in zip(*moved, strict=True))
    risk = problem.risk_aversion / 2 * w @ problem.beliefs.covariance() @ w
    return problem.beliefs.mean @ w - risk + (cash_price * received - cost / problem.holding_period) / problem.wealth


def with_mean(problem, i, value):
    mean = problem.beliefs.mean.copy()
    mean[i] = value
    return replace(problem, beliefs=replace(problem.beliefs, mean=mean))


def some_plan(problem, seed):
    rng = np.random.default_rng(seed)
    room = (0.3 * problem.wealth / problem.day.close).astype(np.int64)
    units = np.where(
        rng.random(len(room)) < 0.5, rng.integers(0, problem.held + 1), problem.held + rng.integers(0, room + 1)
    )
    return np.where(rng.random(len(room)) < 0.2, problem.held, units)


# ---- break-even


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, cash_price=st.sampled_from([0.0, 0.05, -0.02]))
def test_at_the_break_even_return_leaving_the_trade_out_is_as_good(seed, cash_price):
    problem = random_problem(seed)
    units = some_plan(problem, seed)
    for each in break_evens(problem, units, cash_price):
        i = problem.day.symbols.tolist().index(each.symbol)
        without = units.copy()
        without[i] = problem.held[i]

        def gained(mean, i=i, without=without):
            changed = with_mean(problem, i, mean)
            return utility(changed, units, cash_price) - utility(changed, without, cash_price)

        d = abs(units[i] - problem.held[i]) * problem.unit[i]
        assert abs(gained(each.at)) <= 1e-12 * (1 + abs(each.at))
        better, worse = (0.01, -0.01) if each.side == "BUY" else (-0.01, 0.01)
        assert gained(each.at + better) == pytest.approx(0.01 * d, abs=1e-12)
        assert gained(each.at + worse) == pytest.approx(-0.01 * d, abs=1e-12)
        true_gain = gained(each.believed) + each.cost / problem.wealth / problem.holding_period
        assert each.gain == pytest.approx(true_gain * problem.wealth, abs=1e-6 * problem.wealth)
        assert each.cost == order(problem, i, int(units[i] - problem.held[i]))[1]


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS)
def test_a_trade_is_worth_it_when_it_repays_within_the_holding_period(seed):
    problem = random_problem(seed)
    for each in break_evens(problem, some_plan(problem, seed)):
        if each.months is None:
            assert each.gain <= 0
            assert "never repays" in each.words
        else:
            assert each.gain * each.months / 12 == pytest.approx(each.cost)
        beyond = each.believed - each.at if each.side == "BUY" else each.at - each.believed
        assume(abs(beyond) > 1e-9)
        assert each.worth_it == (beyond > 0)


def test_the_largest_trades_come_first_and_no_more_than_asked_for():
    problem = random_problem(4, most_names=5)
    units = problem.held + np.arange(len(problem.held)) * 10 + 10
    found = break_evens(problem, units, most=2)
    amounts = {
        str(s): int(n) for s, n in zip(problem.day.symbols, (units - problem.held) * problem.day.buy_limit, strict=True)
    }
    assert [each.symbol for each in found] == sorted(amounts, key=amounts.get, reverse=True)[:2]


def test_words_of_a_purchase_and_of_a_sale():
    problem = written((100_00, 200_00), 50_000_00, lots=[(0, 300, 300 * 90_00, 400)], limits=ROOMY)
    problem = replace(problem, beliefs=replace(problem.beliefs, mean=np.array([-0.05, 0.9])))
    sold, bought = sorted(break_evens(problem, np.array([0, 200])), key=lambda each: each.symbol)
    assert sold.words.startswith("selling 300 NAME0 pays as long as NAME0 returns less than")
    assert "of charges and tax in" in sold.words
    assert bought.words.startswith("buying 200 NAME1 pays as long as NAME1 returns more than")
    assert "(90.0% is expected); it repays NPR" in bought.words


def test_a_plan_carries_the_break_evens_of_its_largest_orders_beside_their_reasons():
    lots = [(0, 300, 300 * 90_00, 400)]
    problem = written((100_00, 200_00, 300_00), 50_000_00, lots=lots, limits=ROOMY)
    plan = decide(problem, TRADE_DATE)
    assert plan.orders
    largest = sorted(plan.orders, key=lambda order: -order.amount)[:5]
    found = [(each.symbol, each.side, each.units) for each in plan.break_evens]
    assert found == [(order.symbol, order.side, order.quantity) for order in largest]
    assert [each.cost for each in plan.break_evens] == [order.charges.total + order.tax for order in largest]
    assert not any("pays as long as" in order.reason for order in plan.orders)


# ---- the best single trade


def legal_trades(problem):
    """Every single purchase, alone or paid by one sale, in steps of a lot, as changes of units."""
    limits, day, held = bounds(problem, problem.wealth), problem.day, problem.held
    n = len(held)
    sales = [np.zeros(n, dtype=np.int64)]
    for i in range(n):
        most = held[i] - limits.lower[i]
        if held[i] >= 10:
            sizes = {s for s in (*range(10, most + 1, 10), most) if s >= 10 and (s == held[i] or held[i] - s >= 10)}
            sales += [np.eye(n, dtype=np.int64)[i] * -s for s in sorted(sizes)]
    for sold in sales:
        for j in np.flatnonzero(day.can_buy & (sold == 0)):
            for size in range(10, int(limits.upper[j] - held[j]) + 1, 10):
                change = sold.copy()
                change[j] = size
                moved = [order(problem, k, int(change[k])) for k in np.flatnonzero(change)]
                cost = sum(each[1] for each in moved)
                if problem.cash - problem.floor + sum(each[0] for each in moved) < cost:
                    break
                units = held + change
                after = problem.wealth + sum(each[0] for each in moved) - cost + int(change @ day.close)
                value, before = units * day.close, held * day.close
                inside = (day.sector == day.sector[j]) & (day.sector != "")
                if value[j] > problem.limits.max_weight * after:
                    break
                if value[inside].sum() <= max(problem.limits.max_sector * after, before[inside].sum()):
                    yield change, cost


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS)
def test_the_single_trade_is_legal_with_true_figures_and_near_the_best_there_is(seed):
    problem = random_problem(seed, most_names=3, rich=False)
    assume(problem.wealth < 50_000_00)
    now = utility(problem, problem.held)
    all_of_them = [(utility(problem, problem.held + change) - now, cost) for change, cost in legal_trades(problem)]
    found = best_single_trade(problem)
    if found is None:
        assert not all_of_them or problem.cash < problem.floor
        return
    symbols = problem.day.symbols.tolist()
    units = problem.held.copy()
    units[symbols.index(found.bought)] += found.units_bought
    if found.sold:
        units[symbols.index(found.sold)] -= found.units_sold
    moved = [order(problem, k, int(units[k] - problem.held[k])) for k in range(len(units))]
    assert found.cost == sum(each[1] for each in moved)
    assert found.net == pytest.approx(utility(problem, units) - now, abs=1e-12)
    assert found.gain == pytest.approx(
        (found.net + found.cost / problem.wealth / problem.holding_period) * problem.wealth, rel=1e-6, abs=1e-3
    )
    assert problem.cash + sum(each[0] - each[1] for each in moved) >= problem.floor
    limits = bounds(problem, problem.wealth)
    assert (units <= np.maximum(limits.upper, problem.held)).all()
    assert (units >= limits.lower).all()
    j, value, before = symbols.index(found.bought), units * problem.day.close, problem.held * problem.day.close
    after = int(value.sum()) + problem.outside_value + problem.cash + sum(each[0] - each[1] for each in moved)
    assert value[j] <= problem.limits.max_weight * after
    inside = (problem.day.sector == problem.day.sector[j]) & (problem.day.sector != "")
    assert value[inside].sum() <= max(problem.limits.max_sector * after, before[inside].sum())
    if all_of_them:
        best = max(net for net, _ in all_of_them)
        assert found.net >= best - max(0.1 * abs(best), 1e-4)


def test_words_where_nothing_is_worth_its_cost():
    problem = written((100_00, 100_00), 0, lots=[(0, 500, 500 * 20_00, 30)], limits=ROOMY)
    same = replace(problem.beliefs, mean=np.array([0.10, 0.13]), loadings=np.zeros((2, 1)), specific=np.full(2, 1e-6))
    problem = replace(problem, beliefs=same)
    words = why_no_trade(problem)
    assert words.startswith("the best single trade, selling")
    assert "NAME0 for" in words
    assert "would add NPR" in words
    assert "-" in words.split(":")[1]
    halted = replace(problem, day=replace(problem.day, can_buy=np.array([False, False])))
    assert why_no_trade(halted) == "no purchase of a board lot fits into the limits, the day's turnover and the cash"


# ---- what one more unit of a limit is worth


def capped_case(seed):
    """A convex programme whose caps of names and sectors bind, with its bounds and charges."""
    rng = np.random.default_rng(seed)
    n = 8
    close = np.full(n, 100_00)
    lots = [(int(i), 200, 200 * 80_00, 100) for i in rng.choice(n, 3, replace=False)]
    problem = written(
        close,
        10_000_000,
        lots=lots,
        sector=["Hydro Power"] * 4 + ["Commercial Banks"] * 4,
        limits=Limits(0.2, 0.55, 0.05, 1.0),
        seed=seed,
    )
    limits = bounds(problem, problem.wealth)
    return problem, limits, program(problem, limits, rng.uniform(0.003, 0.02, n), (0.9, 0.9))


def slope_of(moved, size=2e-4):
    """(one-sided up, one-sided down) derivatives of the maximum as the programme that moved(size) gives is solved again."""
    best = {step: -solve(moved(step)).objective for step in (-size, 0.0, size)}
    return (best[size] - best[0.0]) / size, (best[0.0] - best[-size]) / size


def agree(worth, up, down):
    """Within 1% of the derivative, where there is one; curvature and the solver's accuracy aside."""
    if abs(up - down) > 0.02 * abs(up) + 1e-5:
        return down >= worth - 1e-4 and worth >= up - 1e-4  # a kink: the price lies between the two sides
    return worth == pytest.approx((up + down) / 2, rel=0.01, abs=2e-5)


@pytest.mark.parametrize("seed", range(6))
def test_the_worth_of_a_name_s_cap_is_the_slope_of_the_maximum(seed):
    _, _, case = capped_case(seed)
    answer = solve(case)
    worth = worth_of_caps(case, answer)
    at_cap = np.flatnonzero(answer.x > case.upper - 1e-7)
    assert len(at_cap)
    for i in at_cap:
        step = np.eye(len(case.upper))[i]
        up, down = slope_of(lambda size, step=step: replace(case, upper=case.upper + size * step))
        assert agree(worth[i], up, down)
    assert (worth[answer.x < case.upper - 1e-4] <= 1e-5).all()


@pytest.mark.parametrize("seed", range(6))
def test_the_worth_of_a_sector_and_of_the_cash_floor_is_the_slope_of_the_maximum(seed):
    problem, limits, case = capped_case(seed)
    answer = solve(case)
    units = np.rint(answer.x / problem.unit).astype(np.int64)
    states = limit_states(problem, limits, case, answer, 0.0, units, problem.floor)
    for state in states:
        if state.limit == "max_sector":
            row = 1 + limits.sectors.index(state.where)
        elif state.limit == "cash_floor":
            row = 0
        else:
            continue
        step = np.eye(len(case.row_upper))[row]
        lower_step = step * (row == 0)
        up, down = slope_of(
            lambda size, step=step, lower_step=lower_step: replace(
                case, row_upper=case.row_upper + size * step, row_lower=case.row_lower + size * lower_step
            )
        )
        assert agree(state.worth_bp / 100, up, down)
    assert any(state.limit == "cash_floor" for state in states)


def test_one_more_point_of_participation_opens_that_much_room():
    problem = replace(written((100_00,) * 3, 10**10, turnover=10**9), limits=Limits(1.0, 1.0, 0.0, 0.10))
    more = replace(problem, limits=Limits(1.0, 1.0, 0.0, 0.11))
    opened = (bounds(more, problem.wealth).upper - bounds(problem, problem.wealth).upper) * problem.unit
    assert opened == pytest.approx(room_of_participation(problem) * 0.01, rel=1e-3)
