"""The mixed-integer row of the solver table, against every whole-share plan there is."""

from dataclasses import replace

import numpy as np
import pytest
from every_plan import a_problem, every_plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.solvers import whole_shares
from portfolio_opt.allocate.solvers.answer import FEASIBLE, violation
from portfolio_opt.allocate.solvers.table import solve
from portfolio_opt.allocate.statement.cash_limits import CashFloor, FullyInvested
from portfolio_opt.allocate.statement.count_limits import BoardLot, MinNames
from portfolio_opt.allocate.statement.gains_tax import CapitalGainsTax
from portfolio_opt.allocate.statement.returns import ExpectedReturn
from portfolio_opt.allocate.statement.term import Statement
from portfolio_opt.allocate.statement.trade_limits import MaxParticipation, Tradable
from portfolio_opt.allocate.statement.trading_cost import TradingCost
from portfolio_opt.allocate.statement.variance import Variance
from portfolio_opt.allocate.statement.weight_limits import MaxSector, MaxWeight
from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.solution import Status

MOST_UNITS = 60  # of a name, in the small accounts


def stated(problem, scale=2.0):
    """The problem as a statement of whole shares; its objective is `scale` times the utility."""
    limits = problem.limits
    return Statement(
        problem,
        scale
        * (ExpectedReturn() - problem.risk_aversion / 2 * Variance() - 1.0 * TradingCost() - 1.0 * CapitalGainsTax()),
        (
            MaxWeight(limits.max_weight),
            MaxSector(limits.max_sector),
            CashFloor(limits.cash_floor),
            MaxParticipation(0.2),
            Tradable(),
            BoardLot(),
        ),
    )


def best_of_all(statement):
    """The best objective of all plans that can be paid for and keep the limits, or None where there is none."""
    problem = statement.situation
    reached = bounds(problem, problem.wealth)
    anything = replace(
        reached,
        lower=0 * problem.held,
        upper=np.minimum((1 / problem.unit).astype(np.int64), MOST_UNITS),
        sector_cap=np.full(len(reached.sectors), np.inf),
    )
    weights = every_plan(problem, anything).units * problem.unit
    within = sum(limit.violation(problem, weights) for limit in statement.limits) <= 1e-9
    return statement.objective.value(problem, weights[within]).max() if within.any() else None


def faults(statement):
    best = best_of_all(statement)
    try:
        answer = solve(statement)
    except NoSolution as refusal:
        return [] if best is None else [str(refusal)]
    found = []
    if best is None or not best - 2e-6 <= answer.objective <= best + 1e-9 <= answer.bound + 2e-9:
        found.append(f"{answer.objective} of at most {answer.bound}, but the best is {best}")
    if answer.solver != "mixed-integer" or answer.status is not Status.OPTIMAL:
        found.append(f"{answer.status} of {answer.solver}")
    if violation(statement, answer.weights) > FEASIBLE:
        found.append(f"breaks a limit by {violation(statement, answer.weights)}")
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.3, 1.0, 2.0]))
def test_the_answer_is_the_best_of_all_plans(seed, scale):
    assert faults(stated(a_problem(seed, 3), scale)) == []


def test_a_wrong_reading_is_seen(monkeypatch):
    """The statement's own limits are asked, and not what of a problem's can be reached."""
    right = whole_shares._read

    def loose(statement):
        decision = right(statement)
        upper = np.minimum(decision.within.upper + 10, MOST_UNITS)
        return replace(decision, within=replace(decision.within, upper=upper))

    monkeypatch.setattr(whole_shares, "_read", loose)
    assert any(faults(stated(a_problem(seed, 3))) for seed in range(8))


def test_what_it_cannot_take_is_said():
    statement = stated(a_problem(0, 3))

    def why_not(*limits, objective=None):
        return whole_shares.why_not(replace(statement, limits=limits, objective=objective or statement.objective))

    assert whole_shares.why_not(statement) is None
    assert "BoardLot is not among its limits" in why_not(*statement.limits[:-1])
    assert "FullyInvested" in why_not(*statement.limits, FullyInvested(0.1))
    assert "at least 2 names" in why_not(*statement.limits, MinNames(2))
    assert "Variance" in why_not(*statement.limits, objective=1.0 * ExpectedReturn())
    many = replace(stated(a_problem(0, 40, 300_000_000)), limits=(MaxWeight(0.5), CashFloor(), BoardLot()))
    assert whole_shares.why_not(many) == "40 names can be traded, more than 30"
    with pytest.raises(InvalidInput, match="mixed-integer cannot take this statement: 40 names can be traded"):
        solve(many, "mixed-integer")
    rich = replace(stated(a_problem(0, 3, 10**13)), limits=(CashFloor(), BoardLot()))
    rich = replace(rich, situation=replace(rich.situation, day=replace(rich.situation.day, close=np.full(3, 10_000))))
    assert "quantities, more than 2,000,000" in whole_shares.why_not(rich)


@pytest.mark.slow
def test_thirty_names_are_answered_to_a_hundredth_of_a_basis_point():
    for seed in range(5):
        answer = solve(stated(a_problem(seed, 30, 200_000_000, max_weight=0.15)))
        assert answer.status is Status.OPTIMAL
        assert answer.gap <= 2e-6
