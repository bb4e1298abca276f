# ruff: noqa: ARG002  (readings share one signature)
"""Objectives add up like formulas, and a user's own measure or limit is one class."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import pytest
from situations import portfolios, situation

from portfolio_opt.allocate.statement.cash_limits import CashFloor
from portfolio_opt.allocate.statement.gains_tax import CapitalGainsTax
from portfolio_opt.allocate.statement.gap import gap
from portfolio_opt.allocate.statement.returns import ExpectedReturn
from portfolio_opt.allocate.statement.soft import Soft
from portfolio_opt.allocate.statement.term import Limit, Measure, Objective, Separable, Statement
from portfolio_opt.allocate.statement.tighten import tightened
from portfolio_opt.allocate.statement.trade_limits import MaxTurnover
from portfolio_opt.allocate.statement.trading_cost import TradingCost
from portfolio_opt.allocate.statement.variance import Variance
from portfolio_opt.allocate.statement.weight_limits import MaxSector, MaxWeight


@dataclass(frozen=True)
class Entropy(Measure):
    """sum w log w, with nothing but a value."""

    def value(self, situation, weights):
        return (weights * np.log(np.maximum(weights, 1e-300))).sum(-1)

    def in_words(self):
        return "negative entropy of the weights"


@dataclass(frozen=True)
class Tilt(Measure):
    """A linear score, with arrays: the cvxpy term follows."""

    score: float
    linear = True

    def value(self, situation, weights):
        return self.score * weights[:, 0]

    def separable(self, situation):
        n = len(situation.unit)
        return Separable.smooth(n, linear=self.score * np.eye(n)[0])

    def in_words(self):
        return "tilt to the first name"


@dataclass(frozen=True)
class EvenPairs(Limit):
    """The first two names weigh the same."""

    def violation(self, situation, weights):
        return np.abs(weights[:, 0] - weights[:, 1])

    def constraints(self, situation, w):
        return [w[0] == w[1]], True

    def in_words(self):
        return "the first two names weigh the same"


@dataclass(frozen=True)
class Even(Limit):
    """An even number of names."""

    def violation(self, situation, weights):
        return (weights > 0).sum(-1) % 2.0

    def in_words(self):
        return "an even number of names"


def test_objectives_add_up_like_formulas():
    state, weights = situation(1), portfolios(situation(1), 1)
    mean, variance = ExpectedReturn().value(state, weights), Variance().value(state, weights)
    cost = TradingCost().value(state, weights)
    objective = ExpectedReturn() - 5 * Variance() - TradingCost()
    assert isinstance(objective, Objective)
    assert objective.value(state, weights) == pytest.approx(mean - 5 * variance - cost)
    assert (2 * objective).value(state, weights) == pytest.approx(2 * (mean - 5 * variance - cost))
    assert (-objective).value(state, weights) == pytest.approx(-(mean - 5 * variance - cost))
    assert (-Variance()).value(state, weights) == pytest.approx(-variance)
    assert (objective - (ExpectedReturn() - Variance())).value(state, weights) == pytest.approx(-4 * variance - cost)
    assert (Variance() * 3 + ExpectedReturn()).value(state, weights) == pytest.approx(3 * variance + mean)
    assert ExpectedReturn() == ExpectedReturn()
    assert (ExpectedReturn() - 5 * Variance()).terms == ((1.0, ExpectedReturn()), (-5.0, Variance()))


@pytest.mark.parametrize(
    "formula",
    [
        lambda: Variance() - 5,
        lambda: 5 - Variance(),
        lambda: ExpectedReturn() + "cost",
        lambda: Variance() * Variance(),
        lambda: (Variance() - TradingCost()) + MaxWeight(0.1),
    ],
)
def test_a_mistyped_formula_is_a_type_error(formula):
    with pytest.raises(TypeError):
        formula()


def test_an_own_measure_takes_part():
    state, weights = situation(1), portfolios(situation(1), 1)
    objective = ExpectedReturn() - 0.1 * Entropy() + Tilt(0.3)
    by_hand = weights @ state.beliefs.mean - 0.1 * Entropy().value(state, weights) + 0.3 * weights[:, 0]
    assert objective.value(state, weights) == pytest.approx(by_hand)
    w = cp.Variable(weights.shape[1])
    assert Entropy().expression(state, w) is Entropy().separable(state) is gap(Entropy(), state, weights) is None
    w.value = weights[3]
    assert Tilt(0.3).expression(state, w).term.value == pytest.approx(0.3 * weights[3, 0])
    assert gap(Tilt(0.3), state, weights) == pytest.approx(np.zeros(len(weights)))


def test_an_own_limit_takes_part():
    state, weights = situation(1), portfolios(situation(1), 1)
    w = cp.Variable(weights.shape[1])
    w.value = weights[3]
    soft = Soft(EvenPairs(), 2.0)
    assert soft.expression(state, w).term.value == pytest.approx(soft.value(state, weights)[3])
    assert gap(soft, state, weights) == pytest.approx(np.zeros(len(weights)), abs=1e-12)
    assert Soft(Even(), 2.0).expression(state, w) is Even().rows(state) is Even().relaxed(1) is None
    assert Soft(Even(), 2.0).value(state, weights) == pytest.approx(2 * Even().violation(state, weights))


def test_costs_are_bounded_up_to_the_largest_weight_of_each_name():
    state = situation(2)
    limits = (MaxWeight(0.6), MaxWeight({"NAME1": 0.1}), MaxSector(0.4), CashFloor(0.7))
    near = tightened(Statement(state, -TradingCost(), limits))
    ((_, cost),) = near.objective.terms
    w = cp.Variable(len(state.unit))
    constraints = [each for limit in limits for each in limit.constraints(state, w)[0]]
    for i, symbol in enumerate(state.day.symbols.tolist()):
        largest = cp.Problem(cp.Maximize(w[i]), [w >= 0, *constraints]).solve(solver=cp.CLARABEL)
        assert cost.up_to[symbol] == pytest.approx(largest, abs=1e-7)


def test_the_convex_reading_of_a_statement_bounds_every_portfolio():
    """Maximised with costs from below, no portfolio within the limits is better in truth."""
    compared = moved = 0
    for seed in range(6):
        state = situation(seed)
        objective = ExpectedReturn() - 5 * Variance() - TradingCost() - CapitalGainsTax() + Tilt(0.05)
        limits = (MaxWeight(0.6), MaxSector(0.8), CashFloor(0.02), MaxTurnover(0.5))
        stated = Statement(state, objective, limits)
        w = cp.Variable(len(state.unit))
        terms = [weight * measure.expression(state, w).term for weight, measure in stated.objective.terms]
        constraints = [each for limit in stated.limits for each in limit.constraints(state, w)[0]]
        near = tightened(stated)
        assert near.objective.value(state, portfolios(state, seed)) == pytest.approx(
            objective.value(state, portfolios(state, seed))
        )
        closer = [weight * measure.expression(state, w).term for weight, measure in near.objective.terms]
        bound = cp.Problem(cp.Maximize(sum(terms)), [w >= 0, *constraints]).solve(solver=cp.CLARABEL)
        weights = portfolios(state, seed, 60)
        allowed = sum(limit.violation(state, weights) for limit in limits) == 0
        tighter = cp.Problem(cp.Maximize(sum(closer)), [w >= 0, *constraints]).solve(solver=cp.CLARABEL)
        if np.isfinite(bound):
            best = objective.value(state, weights[allowed]).max(initial=-np.inf)
            assert best <= tighter + 1e-7
            assert tighter <= bound + 1e-7
            compared += 1
            moved += tighter < bound - 1e-5
    assert compared >= 3
    assert moved
