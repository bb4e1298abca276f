# ruff: noqa: ARG002  (readings share one signature)
"""Every measure and limit of the catalogue is one quantity in all its readings, and bounds stay below it."""

from dataclasses import replace
from datetime import date

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from situations import KINDS, TRADE_DATE, portfolios, situation, with_rates

from portfolio_opt.allocate.statement.catalogue import LIMITS, MEASURES, LimitRow, MeasureRow
from portfolio_opt.allocate.statement.gains_tax import CapitalGainsTax
from portfolio_opt.allocate.statement.gap import gap
from portfolio_opt.allocate.statement.linear_limit import LinearLimit
from portfolio_opt.allocate.statement.soft import Soft
from portfolio_opt.allocate.statement.term import Expression, Limit, Measure
from portfolio_opt.allocate.statement.trading_cost import TradingCost
from portfolio_opt.allocate.statement.variance import Variance
from portfolio_opt.allocate.statement.weight_limits import MaxWeight
from portfolio_opt.market.rules import rulebook

TOLERANCE = 1e-9
SEEDS = st.integers(0, 10**6)
RATES = st.sampled_from([0, 50_000, 75_000, 100_000, 250_000])
DAYS = st.sampled_from([date(2012, 1, 2), date(2018, 1, 1), date(2022, 1, 3), TRADE_DATE])  # of different charges


def cvxpy_values(measure, state, weights):
    w = cp.Variable(weights.shape[1])
    read = measure.expression(state, w)
    assert read.term.is_convex()
    assert not read.constraints
    values = []
    for row in weights:
        w.value = row
        values.append(float(read.term.value))
    return np.array(values), read.exact


def check_measure(row, state, weights):
    """Raises AssertionError where readings of a measure part, or a bound lies above the truth."""
    measure = row.example(state)
    true = measure.value(state, weights)
    slack = TOLERANCE * (1 + np.abs(true))
    assert true.shape == (len(weights),)
    readings = []
    if row.expression != "none":
        readings.append((row.expression, *cvxpy_values(measure, state, weights)))
    parts = measure.separable(state)
    assert (parts is None) == (row.separable == "none")
    if parts is not None:
        assert (np.diff(parts.kinks) >= 0).all()
        assert (np.diff(parts.slopes) >= 0).all()
        readings.append((row.separable, parts.value(weights), parts.exact))
    for kind, values, exact in readings:
        assert exact == (kind == "exact")
        assert (values <= true + slack).all()
        if kind == "exact":
            assert (values >= true - slack).all()
    found = gap(measure, state, weights)
    assert (found is None) == (not readings)
    assert found is None or (found >= -slack).all()


def check_limit(row, state, weights):
    """Raises AssertionError where readings of a limit part, or an implied constraint cuts off what the limit allows."""
    limit = row.example(state)
    broken = limit.violation(state, weights)
    slack = TOLERANCE * (1 + np.abs(broken))
    assert broken.shape == (len(weights),)
    assert (broken >= 0).all()
    constraints, exact = limit.constraints(state, cp.Variable(weights.shape[1]))
    assert exact == (row.constraints == "exact")
    assert all(each.is_dcp() for each in constraints)
    excess, _ = cvxpy_values(Soft(limit, 1.0), state, weights)
    assert (excess <= broken + slack).all()
    if exact:
        assert (excess >= broken - slack).all()
    box = limit.rows(state)
    assert (box is not None) == row.rows
    if box is not None:
        value = weights @ box.rows.T
        inside = ((weights >= box.lower - TOLERANCE) & (weights <= box.upper + TOLERANCE)).all(1)
        inside &= ((value >= box.row_lower - TOLERANCE) & (value <= box.row_upper + TOLERANCE)).all(1)
        far = (broken == 0) | (broken > 1e-4)
        assert (inside == (broken == 0))[far].all()
    worst = float(broken.max())
    relaxed = limit.relaxed(worst)
    if relaxed is not None and all(0 < figure < 1 for figure in figures(relaxed)):
        assert (relaxed.violation(state, weights) <= TOLERANCE * (1 + worst)).all()


def figures(limit):
    """Fractions of a limit: one that has come to 0 or 1 was relaxed as far as it can be."""
    return [abs(value) for value in vars(limit).values() if isinstance(value, float)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MEASURES)
def test_readings_of_a_measure_agree(name, kind):
    for seed in range(5):
        state = situation(seed, kind)
        check_measure(MEASURES[name], state, portfolios(state, seed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LIMITS)
def test_readings_of_a_limit_agree(name, kind):
    for seed in range(5):
        state = situation(seed, kind)
        check_limit(LIMITS[name], state, portfolios(state, seed))


@settings(max_examples=300, deadline=None)
@given(seed=SEEDS, kind=st.sampled_from(KINDS), up_to=st.sampled_from([0.02, 0.2, 1.0]), day=DAYS)
def test_the_bound_of_trading_cost_never_exceeds_it(seed, kind, up_to, day):
    state = replace(situation(seed, kind), rules=rulebook().on(day))
    weights = np.minimum(portfolios(state, seed, 20), np.maximum(up_to, state.held * state.unit))
    found = gap(TradingCost(up_to), state, weights)
    assert (found >= -1e-14).all()
    assert found[0] == pytest.approx(0, abs=1e-14)  # what is held costs nothing in either reading


@settings(max_examples=300, deadline=None)
@given(seed=SEEDS, kind=st.sampled_from(KINDS), short=RATES, long=RATES, day=DAYS)
def test_the_bound_of_the_tax_never_exceeds_it(seed, kind, short, long, day):
    state = with_rates(replace(situation(seed, kind), rules=rulebook().on(day)), short, long)
    found = gap(CapitalGainsTax(), state, portfolios(state, seed, 20))
    assert (found >= -1e-14).all()
    assert found[0] == pytest.approx(0, abs=1e-14)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, short=RATES, long=RATES)
def test_bounds_are_close(seed, short, long):
    """The whole sale of a holding costs what the bound says, but for rounding; its tax but for what slabs differ in."""
    state = with_rates(situation(seed), short, long)
    weights = np.tile(state.held * state.unit, (len(state.unit), 1)) * (1 - np.eye(len(state.unit)))
    paisa = state.wealth * state.holding_period
    amount = state.held * state.day.sell_limit
    assert (gap(TradingCost(), state, weights) * paisa <= 2 + 1e-6).all()
    most = 0.25 * (0.0012 * amount + 40_00) + 2  # highest rate of tax on the spread of slabs, and on the flat charges
    assert (gap(CapitalGainsTax(), state, weights) * paisa <= most).all()


@pytest.mark.parametrize("name", [name for name, row in MEASURES.items() if row.expression != "none"])
def test_a_solver_minimises_what_the_expression_says(name):
    state = situation(2)
    measure = MEASURES[name].example(state)
    w = cp.Variable(len(state.unit))
    read = measure.expression(state, w)
    problem = cp.Problem(cp.Minimize(read.term), [w >= 0, cp.sum(w) == 0.9, *read.constraints])
    least = problem.solve(solver=cp.CLARABEL)
    weights = np.clip(w.value, 0, None)[None]
    true = measure.value(state, weights) if read.exact else measure.value(state, weights) - gap(measure, state, weights)
    assert least == pytest.approx(true[0], rel=1e-5, abs=1e-6)
    others = portfolios(state, 2)
    others = 0.9 * (others + 0.01) / (others + 0.01).sum(1, keepdims=True)
    values = measure.value(state, others) - (0 if read.exact else gap(measure, state, others))
    assert (values >= least - 1e-6 * (1 + abs(least))).all()


@pytest.mark.parametrize("name", [*MEASURES, *LIMITS])
def test_a_population_is_valued_row_by_row(name):
    state = situation(3)
    weights = portfolios(state, 4)
    each = (MEASURES | LIMITS)[name].example(state)
    value = each.value if isinstance(each, Measure) else each.violation
    alone = np.concatenate([value(state, row[None]) for row in weights])
    assert value(state, weights) == pytest.approx(alone, rel=1e-12, abs=1e-15)
    assert value(state, weights[:0]).shape == (0,)


def test_every_class_has_a_row_and_words():
    def kinds(parent):
        return set().union(*({kind} | kinds(kind) for kind in parent.__subclasses__()))

    state = situation(0)
    examples = [row.example(state) for row in (*MEASURES.values(), *LIMITS.values())]
    ours = {kind for kind in kinds(Measure) | kinds(Limit) if kind.__module__.startswith("portfolio_opt")}
    assert ours - {LinearLimit} == {type(each) for each in examples}
    assert all(each.in_words() for each in examples)
    assert all(each.value(state, portfolios(state, 0)).any() for each in examples if isinstance(each, Measure))


# ---- the checks above notice what is broken ------------------------------------------------------------------------


class WrongVariance(Variance):
    def value(self, situation, weights):
        return super().value(situation, weights) * (1 + 1e-6)


class SteepCost(TradingCost):
    def separable(self, situation):
        parts = super().separable(situation)
        parts.slopes[:] *= 1.01
        return parts


class FirstYoung(CapitalGainsTax):
    def separable(self, situation):
        parts = super().separable(situation)
        parts.slopes[:, 1] = parts.slopes[:, 0]
        parts.slopes[:, 2] = parts.slopes[:, 0]
        return parts


class Overconfident(TradingCost):
    def expression(self, situation, w):
        return Expression(super().expression(situation, w).term, exact=True)


class WrongCap(MaxWeight):
    def constraints(self, situation, w):
        return [w <= self.limit + 1e-6], True


class CutsOff(MaxWeight):
    def constraints(self, situation, w):
        return [w <= self.limit / 2], False


@pytest.mark.parametrize(
    "row",
    [
        MeasureRow(lambda _: WrongVariance(), "", "exact", "exact"),
        MeasureRow(lambda _: SteepCost(), "", "bound", "bound"),
        MeasureRow(lambda _: FirstYoung(), "", "bound", "bound"),
        MeasureRow(lambda _: Overconfident(), "", "bound", "bound"),
        LimitRow(lambda _: WrongCap(0.1), "", "exact", True),
        LimitRow(lambda _: CutsOff(0.1), "", "bound", True),
    ],
    ids=lambda row: type(row.example(None)).__name__,
)
def test_the_checks_notice_a_broken_reading(row):
    check = check_measure if isinstance(row, MeasureRow) else check_limit

    def check_several():
        for seed in range(20):
            state = situation(seed)
            check(row, state, portfolios(state, seed))

    with pytest.raises(AssertionError):
        check_several()
