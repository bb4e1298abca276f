"""Turnover and tracking error limited by their prices: the answers of the fast solver against those of cvxpy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from situations import KINDS, portfolios, situation

from portfolio_opt.allocate.solvers import priced_conditions
from portfolio_opt.allocate.solvers.answer import violation
from portfolio_opt.allocate.solvers.priced_conditions import Condition
from portfolio_opt.allocate.solvers.table import solve
from portfolio_opt.allocate.statement.cash_limits import CashFloor, FullyInvested
from portfolio_opt.allocate.statement.holdings import Concentration, Turnover
from portfolio_opt.allocate.statement.returns import ExpectedReturn
from portfolio_opt.allocate.statement.term import Statement
from portfolio_opt.allocate.statement.trade_limits import MaxTurnover
from portfolio_opt.allocate.statement.variance import MaxTrackingError, TrackingError, Variance
from portfolio_opt.allocate.statement.weight_limits import MaxSector, MaxWeight
from portfolio_opt.errors import NoSolution
from portfolio_opt.optim.solution import Status

SEEDS = st.integers(0, 10**6)
SAME = 1e-7
OBJECTIVES = (
    ExpectedReturn() - 2.5 * Variance(),
    ExpectedReturn() - 2.5 * Variance() - 0.02 * Turnover(),
    1.0 * ExpectedReturn(),  # the best point jumps as the price rises
    0.3 * ExpectedReturn() - 4 * TrackingError({"NAME0": 0.5}) - 0.1 * Concentration(),
)


def a_statement(seed, kind):
    """Limits of turnover, of tracking error or of both beside linear ones: loose, tight, impossible, and no turnover at all."""
    rng = np.random.default_rng(seed)
    state = situation(seed, kind)
    linear = [
        (MaxWeight(float(rng.uniform(0.3, 0.9))), CashFloor(0.05)),
        (MaxWeight(0.6), MaxSector(0.6), FullyInvested(0.5)),
        (CashFloor(0.0),),
    ][rng.integers(3)]
    symbols = state.day.symbols.tolist()
    benchmark = dict(zip(symbols, (rng.dirichlet(np.ones(len(symbols))) * 0.9).tolist(), strict=True))
    turnover = MaxTurnover(float(rng.choice([0, 0.01, 0.05, 0.2, 0.5, 1])))
    error = MaxTrackingError(benchmark, float(rng.choice([0.005, 0.02, 0.05, 0.1, 0.3])))
    curved = [(turnover,), (error,), (turnover, error)][rng.integers(3)]
    return Statement(state, OBJECTIVES[rng.integers(len(OBJECTIVES))], (*linear, *curved))


def outcome(statement, solver):
    try:
        return solve(statement, solver)
    except NoSolution as refusal:
        return str(refusal)


def faults(statement):
    """What is wrong with the fast answer, in words."""
    answer, reference = outcome(statement, "fast"), outcome(statement, "cvxpy")
    if isinstance(answer, str) or isinstance(reference, str):
        return [] if answer == reference else [f"{answer} but {reference}"]
    found = []
    if answer.status is not Status.OPTIMAL or answer.gap > 1e-9:
        found.append(f"{answer.status} with a gap of {answer.gap}")
    if violation(statement, answer.weights) > 1e-9:
        found.append(f"breaks a limit by {violation(statement, answer.weights)}")
    if abs(answer.objective - reference.objective) > SAME:
        found.append(f"objective {answer.objective}, but it can be {reference.objective}")
    return found


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=st.sampled_from(KINDS))
def test_the_answer_is_that_of_cvxpy(seed, kind):
    assert faults(a_statement(seed, kind)) == []


@pytest.mark.slow
def test_the_answer_is_that_of_cvxpy_in_many_situations():
    assert [fault for seed in range(500) for fault in faults(a_statement(seed, KINDS[seed % len(KINDS)]))] == []


def too_low(limit):
    """A condition whose reading is more than the measure: its bound cuts off what is allowed."""
    right = Condition.of

    def broken(state, each):
        found = right(state, each)
        return (
            replace(found, reading=replace(found.reading, constant=found.reading.constant + 1e-3))
            if isinstance(each, limit)
            else found
        )

    return broken


@pytest.mark.parametrize("limit", [MaxTurnover, MaxTrackingError])
def test_a_reading_beyond_the_measure_is_seen(monkeypatch, limit):
    monkeypatch.setattr(priced_conditions.Condition, "of", too_low(limit))
    assert any(faults(a_statement(seed, "usual")) for seed in range(12))


def test_a_price_that_is_not_the_best_is_seen(monkeypatch):
    monkeypatch.setattr(priced_conditions, "STEPS", 1)
    assert any(faults(a_statement(seed, "usual")) for seed in range(12))


@pytest.mark.parametrize("limit", [MaxTurnover(0.1), MaxTrackingError({"NAME0": 0.4, "NAME1": 0.4}, 0.08)])
@pytest.mark.parametrize("objective", OBJECTIVES[:3])
def test_the_price_is_what_more_room_gains(limit, objective):
    compared = 0
    for seed in range(6):
        statement = Statement(situation(seed), objective, (MaxWeight(0.6), CashFloor(0.0), limit))
        try:
            answer = solve(statement, "fast")
        except NoSolution:
            continue
        looser = replace(statement, limits=(*statement.limits[:2], limit.relaxed(1e-6)))
        gained = (solve(looser, "fast").objective - answer.objective) / 1e-6
        price = next((each.price for each in answer.prices if each.limit is limit), 0.0)
        assert price == pytest.approx(gained, abs=1e-3)
        compared += price > 0
    assert compared


def test_a_limit_that_does_not_bind_changes_nothing():
    state = situation(1)
    free = Statement(state, OBJECTIVES[0], (MaxWeight(0.5), CashFloor(0.05)))
    loose = replace(free, limits=(*free.limits, MaxTurnover(1.0), MaxTrackingError({}, 5.0)))
    answer, other = solve(free, "fast"), solve(loose, "fast")
    assert (answer.weights == other.weights).all()
    assert all(each.limit in free.limits for each in other.prices)


def test_without_turnover_everything_stays():
    state = situation(4)
    answer = solve(Statement(state, OBJECTIVES[0], (CashFloor(0.0), MaxTurnover(0.0))), "fast")
    assert (answer.weights == state.held * state.unit).all()
    assert answer.status is Status.OPTIMAL


def test_a_jump_is_met_between_its_ends():
    """Of a return without risk the best portfolio is all or nothing for every price; the limit is used up all the same."""
    state = situation(6)
    answer = solve(Statement(state, 1.0 * ExpectedReturn(), (CashFloor(0.0), MaxTurnover(0.123))), "fast")
    assert Turnover().value(state, answer.weights[None])[0] == pytest.approx(0.123, abs=1e-12)
    assert answer.gap <= 1e-12


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, kind=st.sampled_from(KINDS))
def test_no_portfolio_within_the_limits_exceeds_the_bound(seed, kind):
    statement = a_statement(seed, kind)
    answer = outcome(statement, "fast")
    others = portfolios(statement.situation, seed, 40)
    within = np.array([violation(statement, w) <= 1e-12 for w in others])
    assert not (isinstance(answer, str) and within.any())
    if not isinstance(answer, str):
        assert (statement.objective.value(statement.situation, others)[within] <= answer.bound + 1e-12).all()
