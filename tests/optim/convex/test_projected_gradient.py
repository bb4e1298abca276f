"""Projected gradient: with any method and set the answer satisfies the first-order conditions, and says how good it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from projection_sets import SETS, seeds

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex.intersections import intersection
from portfolio_opt.optim.convex.projected_gradient import METHODS, plain, projected_gradient, spectral
from portfolio_opt.optim.convex.projection import Projection
from portfolio_opt.optim.convex.projections import box, capped_simplex, halfspace, simplex, turnover
from portfolio_opt.optim.solution import Status
from portfolio_opt.optim.training.projected import by_rule
from portfolio_opt.optim.training.rules import RULES
from portfolio_opt.optim.training.schedules import constant

EVERY_METHOD = METHODS | {
    "sgd": by_rule(RULES["sgd"], constant(0.3)),
    "momentum": by_rule(RULES["momentum"], constant(0.3)),
    "nesterov": by_rule(RULES["nesterov"], constant(0.3)),
}


def bowl(rng, n, scale=1.0):
    """A convex quadratic with curvatures from 0.1 to 1, as an objective, with its matrix and linear term."""
    axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
    C, m = (axes * rng.uniform(0.1, 1, n)) @ axes.T * scale, rng.normal(size=n) * scale
    return (lambda w: (float(w @ C @ w / 2 - m @ w), C @ w - m)), C, m


def known_answer(rng, n):
    """A quadratic on the simplex, built backwards from its minimum: weights, a price for the sum, and one for each bound."""
    weights = rng.dirichlet(np.ones(n)) * (rng.random(n) < 0.6)
    weights = weights / weights.sum() if weights.sum() else np.eye(n)[0]
    push = np.where(weights > 0, 0.0, rng.random(n))
    _, C, _ = bowl(rng, n)
    m = C @ weights - rng.normal() - push  # so that the slope at the weights is price + push
    return (lambda w: (float(w @ C @ w / 2 - m @ w), C @ w - m)), weights


@pytest.mark.parametrize("method", EVERY_METHOD)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, n=st.integers(1, 12))
def test_a_problem_built_from_its_minimum_is_solved_to_it(method, seed, n):
    rng = np.random.default_rng(seed)
    objective, weights = known_answer(rng, n)
    solution = projected_gradient(objective, simplex(), rng.normal(size=n), EVERY_METHOD[method], tolerance=1e-10)
    assert solution.status is Status.OPTIMAL
    assert solution.residual <= 1e-14
    best = objective(weights)[0]
    assert solution.objective - solution.gap - 1e-14 <= best <= solution.objective + 1e-14 * (1 + abs(best))
    assert np.abs(solution.x - weights).max() <= np.sqrt(2 * solution.gap / 0.1) + 1e-12  # curvature is at least 0.1


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, n=st.integers(2, 12), scale=st.sampled_from([1e-8, 1.0, 1e8]))
def test_no_trade_improves_the_answer(method, seed, n, scale):
    """First-order conditions in words: what may be sold is worth at least what may be bought."""
    rng = np.random.default_rng(seed)
    cap = rng.uniform(1 / n, 3 / n, n)
    objective, _, _ = bowl(rng, n, scale)
    solution = projected_gradient(objective, capped_simplex(np.zeros(n), cap), np.zeros(n), METHODS[method])
    assert solution.status is Status.OPTIMAL
    slope = objective(solution.x)[1]
    can_sell, can_buy = solution.x > 1e-4, solution.x < cap - 1e-4
    if can_sell.any() and can_buy.any():
        assert slope[can_sell].max() <= slope[can_buy].min() + 1e-3 * scale


@pytest.mark.parametrize("name", [name for name in SETS if name not in ("halfspace", "group caps")])
@pytest.mark.parametrize("method", METHODS)
def test_every_bounded_set_is_searched_to_the_end_and_nothing_in_it_is_better(method, name):
    rng = np.random.default_rng(6)
    for _ in range(3):
        sample = SETS[name](rng, 7, 1.0)
        objective, _, _ = bowl(rng, 7)
        solution = projected_gradient(objective, sample.project, np.zeros(7), METHODS[method])
        assert solution.status is Status.OPTIMAL
        assert solution.objective <= min(objective(q)[0] for q in sample.feasible) + 1e-12


def test_the_methods_agree_on_an_intersection_too():
    rng = np.random.default_rng(9)
    n = 12
    project = intersection(capped_simplex(np.zeros(n), np.full(n, 0.2)), turnover(np.full(n, 1 / n), 0.4))
    objective, _, _ = bowl(rng, n)
    found = [projected_gradient(objective, project, np.zeros(n), method) for method in METHODS.values()]
    assert [solution.status for solution in found] == [Status.OPTIMAL] * 3
    assert np.ptp([solution.objective for solution in found]) <= 1e-8
    assert max(solution.residual for solution in found) <= 1e-11


@pytest.mark.parametrize("method", METHODS)
def test_where_the_set_has_no_end_a_point_at_rest_is_returned_without_a_claim(method):
    objective, C, m = bowl(np.random.default_rng(1), 6)
    solution = projected_gradient(objective, halfspace(np.ones(6), 1e6), np.zeros(6), METHODS[method])
    assert solution.status is Status.STATIONARY
    assert solution.gap == np.inf
    assert "at rest" in solution.trail[0]
    assert solution.x == pytest.approx(np.linalg.solve(C, m), abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_objective_that_falls_for_ever_is_unbounded_along_the_certificate(method):
    m = np.array([-1.0, 2.0])
    orthant = box(np.zeros(2), np.full(2, np.inf))
    solution = projected_gradient(lambda w: (float(m @ w), m), orthant, [1.0, 1.0], METHODS[method])
    assert solution.status is Status.UNBOUNDED
    assert m @ solution.certificate < 0
    assert solution.certificate[0] > 0
    assert solution.x[1] >= 0


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_at_the_iteration_limit_the_best_point_is_returned_with_its_gap(method):
    objective, weights = known_answer(np.random.default_rng(5), 20)
    solution = projected_gradient(objective, simplex(), np.eye(20)[3], EVERY_METHOD[method], iterations=2)
    assert solution.status is Status.ITERATION_LIMIT
    assert solution.iterations == 2
    assert "2 steps" in solution.trail[0]
    assert solution.objective < objective(np.eye(20)[3])[0]
    assert 0 < solution.objective - objective(weights)[0] <= solution.gap


def test_a_start_that_is_the_answer_takes_no_step():
    objective, weights = known_answer(np.random.default_rng(5), 5)
    assert projected_gradient(objective, simplex(), weights).iterations <= 1


def test_acceleration_pays_where_curvatures_differ():
    scales = np.logspace(0, 4, 60)
    target = np.random.default_rng(0).normal(size=60)

    def objective(w):
        return float(scales @ (w - target) ** 2 / 2), scales * (w - target)

    everywhere = box(np.full(60, -5.0), np.full(60, 5.0))
    steps = {name: projected_gradient(objective, everywhere, np.zeros(60), m).iterations for name, m in METHODS.items()}
    assert steps["accelerated"] * 3 < steps["plain"]
    assert steps["spectral"] * 3 < steps["plain"]


def test_rules_that_scale_each_coordinate_stop_short_and_the_gap_says_so():
    objective, weights = known_answer(np.random.default_rng(3), 8)
    solution = projected_gradient(
        objective, simplex(), np.zeros(8), by_rule(RULES["adam"], constant(0.01)), iterations=500
    )
    assert solution.status is Status.ITERATION_LIMIT
    assert solution.objective - objective(weights)[0] <= solution.gap


def test_a_rule_that_diverges_leaves_the_best_point_and_says_so():
    def objective(w):
        return float(500 * w @ w), 1000 * w

    everywhere = halfspace([1.0, 0.0], 1e308)
    with np.errstate(over="ignore"):
        solution = projected_gradient(objective, everywhere, [0.1, 0.2], by_rule(RULES["sgd"], constant(0.3)))
    assert solution.status is Status.NOT_FINITE
    assert solution.x.tolist() == [0.1, 0.2]
    assert "left the finite numbers" in solution.trail[0]


# ---- broken parts are found out ------------------------------------------------------------------------------------


def honest_and_broken(broken):
    objective, weights = known_answer(np.random.default_rng(5), 6)
    exact = simplex()
    return objective, objective(weights)[0], Projection(broken, exact.violation, exact.gap)


def test_the_handbook_s_rescaling_does_not_reach_the_minimum_and_the_gap_says_so():
    objective, best, project = honest_and_broken(
        lambda v: np.maximum(v, 1e-9) / np.maximum(v, 1e-9).sum(1, keepdims=True)
    )
    solution = projected_gradient(objective, project, np.ones(6), plain, iterations=2000)
    assert solution.status is not Status.OPTIMAL
    assert solution.gap > 1e-6
    assert solution.objective - solution.gap <= best


def test_a_projection_that_leaves_the_set_shows_in_the_residual():
    objective, _, project = honest_and_broken(lambda v: np.clip(v, 0, 1))
    assert projected_gradient(objective, project, np.zeros(6), spectral, iterations=50).residual > 0.01


def test_a_method_that_claims_to_move_but_does_not_is_not_certified():
    def asleep(_objective, _project, point):
        for _ in range(10):
            yield point

    objective, _ = known_answer(np.random.default_rng(5), 6)
    solution = projected_gradient(objective, simplex(), np.ones(6), asleep)
    assert solution.status is Status.INACCURATE
    assert solution.gap > 1e-3


def test_malformed_input_is_refused_by_name():
    objective, _ = known_answer(np.random.default_rng(5), 3)
    with pytest.raises(InvalidInput, match=r"^start holds"):
        projected_gradient(objective, simplex(), [np.nan, 0, 0])
    with pytest.raises(InvalidInput, match=r"^start has shape"):
        projected_gradient(objective, simplex(), np.zeros((2, 3)))
    with pytest.raises(InvalidInput, match=r"^start has shape"):
        projected_gradient(objective, box(np.zeros(3), np.ones(3)), np.zeros(2))
    with pytest.raises(InvalidInput, match=r"^objective returned shapes"):
        projected_gradient(lambda w: (0.0, w[:2]), simplex(), np.zeros(3))
    with pytest.raises(InvalidInput, match=r"^objective is not finite at the start"):
        projected_gradient(lambda w: (np.nan, w), simplex(), np.zeros(3))
    with pytest.raises(InvalidInput, match=r"^rule is lbfgs"):
        by_rule(RULES["lbfgs"], constant(1.0))


# ---- former bugs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objective", "options", "names"),
    [
        (lambda _: None, {}, "objective"),
        (lambda x: (None, x), {}, "objective's value"),
        (lambda _: (0.0, None), {}, "objective's slope"),
        (lambda x: (0.0, ["a"] * len(x)), {}, "objective's slope"),
        (lambda x: (float(x @ x), 2 * x), {"iterations": -1}, "iterations"),
        (lambda x: (float(x @ x), 2 * x), {"iterations": np.nan}, "iterations"),
        (lambda x: (float(x @ x), 2 * x), {"tolerance": np.nan}, "tolerance"),
        (lambda x: (float(x @ x), 2 * x), {"tolerance": -1}, "tolerance"),
    ],
)
def test_what_means_nothing_was_a_traceback(objective, options, names):
    with pytest.raises(InvalidInput, match=names):
        projected_gradient(objective, simplex(), np.ones(2), **options)
