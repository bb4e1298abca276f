"""Our parts inside pymoo's own `minimize`, and the traps of pymoo that they are for."""

from dataclasses import replace

import numpy as np
import pytest
from pareto_problems import small_portfolio, zdt
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.callback import Callback, CallbackCollection
from pymoo.core.duplicate import DefaultDuplicateElimination
from pymoo.core.population import Population
from pymoo.optimize import minimize

from portfolio_opt.optim.evolve.pymoo_native import (
    Callbacks,
    HashedDuplicates,
    NativeProblem,
    NativeRepair,
    NativeSampling,
)


def search(problem, generations=10, start=None, **more):
    algorithm = NSGA2(
        pop_size=20,
        sampling=NativeSampling(np.zeros((0, problem.lower.size)) if start is None else start),
        repair=NativeRepair(problem),
        eliminate_duplicates=HashedDuplicates(problem),
    )
    return minimize(NativeProblem(problem), algorithm, ("n_gen", generations), seed=1, **more)


def test_pymoo_searches_our_problem_with_our_repair_written_back():
    problem = small_portfolio()
    found = search(problem, start=np.full((1, 6), 1.0))
    assert found.X.sum(1) == pytest.approx(np.ones(len(found.X)))
    assert np.allclose(found.F, problem.objectives(found.X))
    assert found.pop.get("X").sum(1) == pytest.approx(np.ones(20))


def test_rows_that_are_not_finite_become_infeasible_and_are_counted():
    plain = zdt(1, 4)
    problem = NativeProblem(
        replace(plain, objectives=lambda X: np.where(X[:, 1:2] > 0.5, -np.inf, plain.objectives(X)))
    )
    found = minimize(problem, NSGA2(pop_size=20), ("n_gen", 10), seed=1)
    assert problem.refused > 0
    assert (found.X[:, 1] <= 0.5).all()


def test_limits_reach_pymoo_and_its_result_without_a_feasible_point_is_none():
    problem = replace(zdt(1, 4), violations=lambda X: 0.5 + X[:, 0])
    assert search(problem).X is None


@pytest.mark.parametrize("seed", range(5))
def test_hashing_finds_the_duplicates_that_all_distances_find(seed):
    rng = np.random.default_rng(seed)
    pop, other = (Population.new("X", rng.integers(0, 3, (30, 4)) / 2) for _ in range(2))
    ours, theirs = HashedDuplicates(zdt(1, 4)), DefaultDuplicateElimination()
    assert {tuple(x) for x in ours.do(pop, other).get("X")} == {tuple(x) for x in theirs.do(pop, other).get("X")}
    assert len(ours.do(pop, other)) == len(theirs.do(pop, other))
    assert len(ours.do(pop)) == len(theirs.do(pop))


class Counting(Callback):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def notify(self, _algorithm):
        self.calls += 1


def test_trap_callbacks_in_pymoos_collection_are_never_notified_and_in_ours_are():
    first, second, lost = Counting(), Counting(), Counting()
    search(zdt(1, 4), generations=5, callback=Callbacks(first, second), copy_algorithm=False)
    assert (first.calls, second.calls) == (5, 5)
    search(zdt(1, 4), generations=5, callback=CallbackCollection(lost), copy_algorithm=False)
    assert lost.calls == 0


def test_trap_save_history_copies_the_problem_every_generation():
    plain, copies = zdt(1, 4), []

    class Watched:
        def __call__(self, X):
            return plain.objectives(X)

        def __deepcopy__(self, _memo):
            copies.append(1)
            return self

    search(replace(plain, objectives=Watched()), generations=5, save_history=True)
    assert len(copies) >= 5
