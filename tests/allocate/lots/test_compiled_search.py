"""Compiled climbs: what they score is the true score, every measure and limit of the catalogue that they know among it."""

from dataclasses import replace

import numpy as np
import pytest
from every_plan import a_problem, every_plan
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.lots.compiled_search import CompiledSearch, why_not
from portfolio_opt.allocate.lots.statement_search import StatementSearch
from portfolio_opt.allocate.plain import statement_of, tidied
from portfolio_opt.allocate.problem import Limits
from portfolio_opt.allocate.statement.catalogue import LIMITS, MEASURES
from portfolio_opt.allocate.statement.gains_tax import CapitalGainsTax
from portfolio_opt.allocate.statement.path_risk import CVaR, MaxDrawdown
from portfolio_opt.allocate.statement.returns import ExpectedReturn
from portfolio_opt.allocate.statement.trading_cost import TradingCost
from portfolio_opt.allocate.statement.variance import Variance

COSTS = TradingCost() + CapitalGainsTax()
ROUNDED = 5e-5  # utility: some paisa that are rounded up, of NPR 50,000


def with_paths(problem, steps=1):
    paths = np.random.default_rng(0).normal(0.01, [0.02, 0.2, 0.3], (60, steps, 3))
    return replace(problem, beliefs=replace(problem.beliefs, scenarios=paths))


def search_of(problem, objective, further=()):
    problem = tidied(replace(problem, objective=objective, further=tuple(further)))
    statement = statement_of(problem)
    return StatementSearch(problem, statement, [0.0] * len(statement.limits), 0.05)


def known_measures():
    problem = with_paths(a_problem(1), 2)
    examples = {name: row.example(problem) for name, row in MEASURES.items()}
    return [name for name, each in examples.items() if why_not(problem, [1.0 * each], []) is None]


def test_every_measure_but_soft_and_rooted_ones_is_known():
    assert set(MEASURES) - set(known_measures()) == {
        "EstimationError", "Soft", "Soft, orders", "Soft, a group", "Soft, not convex",
    }  # fmt: skip


@pytest.mark.parametrize("name", known_measures())
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_score_of_a_climb_is_the_true_one(name, seed):
    problem = with_paths(a_problem(seed), 3 if name == "MaxDrawdown" else 1)
    search = search_of(problem, ExpectedReturn() - 0.7 * MEASURES[name].example(problem) - COSTS)
    units = search.compiled.climb_all(np.stack([problem.held, search.legal(problem.held * 0)]))
    weights = np.ones((2, 1))
    again, scores = search.compiled.climb(weights, np.full((2, 1), -np.inf), units)
    for plan, score in zip(again, scores, strict=True):
        true = search.found(plan)
        if not true.broken and score > -1:
            assert score == pytest.approx(true.score, abs=ROUNDED)


@pytest.mark.parametrize("name", [name for name, row in LIMITS.items() if name != "MaxTrackingError"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_what_a_climb_takes_for_allowed_breaks_nothing(name, seed):
    problem = replace(a_problem(seed), limits=Limits(1.0, 1.0, 0.0, 1.0))
    search = search_of(problem, ExpectedReturn() - 2 * Variance() - COSTS, [LIMITS[name].example(problem)])
    units, scores = search.compiled.climb(np.ones((1, 1)), np.full((1, 1), -np.inf), problem.held[None])
    if scores[0] > -1:  # no penalty
        true = search.found(units[0])
        assert not true.broken
        assert true.score == pytest.approx(scores[0], abs=ROUNDED)


@pytest.mark.parametrize("risk", [CVaR(0.9), MaxDrawdown(0.5)], ids=["CVaR", "drawdown"])
def test_a_climb_over_paths_is_near_the_best_of_all_plans(risk):
    losses = []
    for seed in range(20):
        problem = replace(
            with_paths(a_problem(seed), 3 if isinstance(risk, MaxDrawdown) else 1), limits=Limits(0.7, 1.0, 0.0, 1.0)
        )
        search = search_of(problem, ExpectedReturn() - 2 * risk - COSTS)
        plans = every_plan(search.problem, bounds(search.problem, problem.wealth))
        if not len(plans.units):
            continue
        scores = search.scores(search.measured(plans.units))
        found = search.best_near(problem.held * problem.unit, np.full(3, 1 / 3))
        assert found.score <= max(scores.max(), search.found(problem.held).score) + 1e-9
        losses.append((scores.max() - found.score) * 1e4)
    losses = np.array(losses)
    assert len(losses) >= 10
    assert np.mean(losses <= 5) >= 0.85


def test_floors_are_kept_where_they_can_be():
    problem = replace(a_problem(3), limits=Limits(1.0, 1.0, 0.0, 1.0))
    statement = statement_of(problem)
    search = StatementSearch(problem, statement, [0.0] * len(statement.limits), 0.05)
    both = CompiledSearch(
        problem, (1.0 * ExpectedReturn(), -1.0 * Variance()), statement.limits, search.lower, search.upper, 0.0,
        (0.0,) * len(statement.limits),
    )  # fmt: skip
    free, _ = both.climb(np.array([[1.0, 0.0]]), np.full((1, 2), -np.inf), problem.held[None])
    risk = Variance().value(problem, free * problem.unit)[0]
    held, _ = both.climb(np.array([[1.0, 0.0]]), np.array([[-np.inf, -risk * 0.8]]), free)
    assert Variance().value(problem, held * problem.unit)[0] <= risk * 0.8 * (1 + 1e-6)
