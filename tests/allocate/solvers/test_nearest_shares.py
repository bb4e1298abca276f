"""The nearest whole shares to target weights, against every legal plan there is."""

import numpy as np
import pytest
from every_plan import a_problem, every_plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.solvers import nearest_shares as module
from portfolio_opt.allocate.solvers.nearest_shares import nearest_shares
from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.solution import Status

GAP = 1e-6


def faults(seed):
    """What is wrong with the nearest plan, in words."""
    problem = a_problem(seed)
    limits = bounds(problem, problem.wealth)
    target = np.random.default_rng(seed).dirichlet(np.ones(3))
    answer = nearest_shares(problem, limits, target, GAP, seconds=10.0)
    w = every_plan(problem, limits).units * problem.unit
    if not len(w):
        return [] if answer.status is Status.INFEASIBLE else [f"{answer.status}, but there is no plan"]
    truth = float((np.abs(w - target).sum(1) + 1 - w.sum(1)).min())
    found = []
    if not truth - 1e-12 <= -answer.utility <= truth + GAP:
        found.append(f"distance {-answer.utility}, but {truth} is possible")
    if -answer.bound > truth or answer.status is not Status.OPTIMAL:
        found.append(f"{answer.status}, no nearer than {-answer.bound}, but {truth} is possible")
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_no_plan_is_nearer(seed):
    assert faults(seed) == []


def test_a_distance_of_one_side_is_seen(monkeypatch):
    """Broken: a name below its target counts as at it."""
    rows = module._DistanceModel.rows

    def broken(self):
        every = rows(self)
        below = slice(len(every.lower) - len(self.target), None)
        every.lower[below] = -np.inf
        return every

    monkeypatch.setattr(module._DistanceModel, "rows", broken)
    assert any(faults(seed) for seed in range(10))


def test_targets_are_checked():
    problem = a_problem(0)
    limits = bounds(problem, problem.wealth)
    for target in (np.ones(2), np.array([0.5, 0.5, np.nan]), np.array([0.5, 0.7, -0.2])):
        with pytest.raises(InvalidInput, match="target needs 3 weights"):
            nearest_shares(problem, limits, target)
