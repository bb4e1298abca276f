"""What sets have in common: the nearest point agrees with an independent solver, and that there is none is proved."""

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from projection_sets import SETS, seeds

from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.convex.intersections import intersection, nearest_common_point, turnover_capped_simplex
from portfolio_opt.optim.convex.projection import Projection
from portfolio_opt.optim.convex.projections import (
    box,
    capped_simplex,
    group_caps,
    halfspace,
    sector_capped_simplex,
    simplex,
    turnover,
)
from portfolio_opt.optim.solution import Status


def three_sets(rng, n):
    """Sets around one common point: their projections, and their limits for cvxpy."""
    common = rng.dirichlet(np.ones(n))
    lower, upper = common - rng.random(n) * 0.2, common + rng.random(n) * 0.2
    held = common + rng.normal(size=n) * 0.1
    limit = np.abs(common - held).sum() * (1 + rng.random())
    normal = rng.normal(size=n)
    most = float(normal @ common + rng.random() * 0.05)
    sets = [simplex(), box(lower, upper), turnover(held, limit), halfspace(normal, most)]
    limits = [
        lambda w: [w >= 0, cp.sum(w) == 1],
        lambda w: [w >= lower, w <= upper],
        lambda w: [cp.norm1(w - held) <= limit],
        lambda w: [normal @ w <= most],
    ]
    chosen = rng.choice(4, 3, replace=False)
    return [sets[i] for i in chosen], [limits[i] for i in chosen]


def by_cvxpy(v, limits):
    w = cp.Variable(len(v))
    constraints = [constraint for limit in limits for constraint in limit(w)]
    cp.Problem(cp.Minimize(cp.sum_squares(w - v)), constraints).solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    return w.value


@settings(max_examples=25, deadline=None)
@given(seed=seeds, n=st.integers(2, 8))
def test_the_nearest_common_point_is_cvxpy_s(seed, n):
    rng = np.random.default_rng(seed)
    sets, limits = three_sets(rng, n)
    v = rng.normal(size=n) * 0.3 + 1 / n
    solution = nearest_common_point(v, *sets)
    assert solution.status is Status.OPTIMAL
    assert solution.residual <= 1e-11
    assert solution.gap <= 1e-9
    assert np.abs(solution.x - by_cvxpy(v, limits)).max() <= 1e-6
    assert solution.objective == pytest.approx(((solution.x - v) ** 2).sum() / 2)


@pytest.mark.parametrize("name", SETS)
def test_each_set_s_own_projection_is_cvxpy_s(name):
    rng = np.random.default_rng(8)
    for _ in range(3):
        sample = SETS[name](rng, 6, 1.0)
        v = rng.normal(size=6) * 2
        assert np.abs(sample.project(v) - by_cvxpy(v, [sample.limits])).max() <= 1e-6


@settings(max_examples=30, deadline=None)
@given(seed=seeds, n=st.integers(2, 12))
def test_sector_caps_by_rounds_are_the_exact_ones(seed, n):
    rng = np.random.default_rng(seed)
    common = rng.dirichlet(np.ones(n))
    lower, upper = np.zeros(n), common + rng.random(n) * 0.3
    sector = rng.integers(0, 3, n)
    caps = np.bincount(sector, common, 3) + rng.random(3) * 0.1
    exact = sector_capped_simplex(lower, upper, sector, caps)
    v = rng.normal(size=(4, n)) * 0.5
    by_rounds = intersection(capped_simplex(lower, upper), group_caps(sector, caps))
    assert np.abs(by_rounds(v) - exact(v)).max() <= 1e-8


@settings(max_examples=15, deadline=None)
@given(seed=seeds, n=st.integers(2, 8))
def test_turnover_and_caps_by_rounds_are_the_exact_ones(seed, n):
    rng = np.random.default_rng(seed)
    inside, cap = rng.dirichlet(np.ones(n)), rng.random(n) * 0.3
    held, upper = rng.dirichlet(np.ones(n)), inside + cap
    limit = np.abs(inside - held).sum() + 0.05
    exact = turnover_capped_simplex(np.zeros(n), upper, held, limit)
    v = held + rng.normal(size=(3, n)) * 0.3
    by_rounds = intersection(capped_simplex(np.zeros(n), upper), turnover(held, limit))
    assert np.abs(by_rounds(v) - exact(v)).max() <= 1e-8


def test_the_least_turnover_is_the_border_between_an_answer_and_none():
    lower, upper, held = np.zeros(4), np.full(4, 0.4), np.array([0.7, 0.3, 0.0, 0.0])
    weights = np.array([1.0, 1.0, 3.0, 2.0])
    least = 0.3 + 0.1 + 0.2 * 2.0  # sell 0.3; buy 0.1 where it costs 1, the rest where it costs 2
    p = turnover_capped_simplex(lower, upper, held, least * (1 + 1e-9), weights=weights)(np.array([0.0, 0, 1, 0]))
    assert p == pytest.approx([0.4, 0.4, 0.0, 0.2], abs=1e-8)
    with pytest.raises(NoSolution, match=r"takes a turnover of 0\.8, but the limit is 0\.79"):
        turnover_capped_simplex(lower, upper, held, 0.79, weights=weights)


def test_many_rows_are_as_one_by_one():
    rng = np.random.default_rng(2)
    sets, _ = three_sets(rng, 6)
    project = intersection(*sets)
    v = rng.normal(size=(5, 6)) * np.logspace(-2, 1, 5)[:, None]
    assert np.abs(project(v) - np.array([project(row) for row in v])).max() <= 1e-14
    assert project(v[0]).shape == (6,)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, n=st.integers(2, 6))
def test_no_common_point_beats_the_gap(seed, n):
    rng = np.random.default_rng(seed)
    sets, _ = three_sets(rng, n)
    project = intersection(*sets)
    try:
        w, q = project(rng.normal(size=n)), project(rng.normal(size=(10, n)))
    except NoSolution as error:
        if "hardly meet" not in str(error):  # no nearest point is claimed where sets touch in little more than a point
            raise
        reject()
    slope = rng.normal(size=n)
    assert (slope @ (w - q).T).max() <= project.gap(w[None], slope[None])[0] + 1e-9
    assert project.gap(w[None], np.zeros((1, n)))[0] == pytest.approx(0, abs=1e-9)


def test_the_certificate_does_not_hold_for_a_set_that_lies():
    """A box that projects onto its corner is no projection: the gap it leads to cannot close."""
    honest, v = box(np.zeros(2), np.ones(2)), np.array([0.9, 0.2])
    liar = Projection(lambda rows: np.round(honest.nearest(rows)), honest.violation, honest.gap, 2)
    told = nearest_common_point(v, liar, simplex(), rounds=300)
    assert (
        told.status is Status.ITERATION_LIMIT
        or np.abs(told.x - nearest_common_point(v, honest, simplex()).x).max() > 0.01
    )
    assert np.abs(told.x - by_cvxpy(v, [lambda w: [w >= 0, w <= 1, cp.sum(w) == 1]])).max() > 0.01


APART = {
    "a budget over the caps": (simplex(), box(np.zeros(4), np.full(4, 0.2))),
    "turnover too small to reach": (simplex(), turnover(np.full(4, 2.0), 0.5)),
    "three sets, any two of which meet": (
        box(np.zeros(4), np.ones(4)),
        halfspace([1.0, 1.0, 0, 0], 0.1),
        halfspace([-1.0, -1.0, 0, 0], -0.3),
    ),
    "two half spaces": (halfspace(np.ones(4), 1.0), halfspace(-np.ones(4), -1.5)),
}


@pytest.mark.parametrize("case", APART)
def test_sets_that_do_not_meet_are_no_solution_and_the_certificate_separates_them(case):
    sets, v = APART[case], np.array([0.5, -0.3, 0.9, 0.1])
    with pytest.raises(NoSolution, match="no point in common"):
        intersection(*sets)(v)
    solution = nearest_common_point(v, *sets)
    assert solution.status is Status.INFEASIBLE
    assert solution.residual > 1e-3
    normals, origin = solution.certificate, np.zeros((1, 4))
    most = sum(project.gap(origin, -normal[None])[0] for project, normal in zip(sets, normals, strict=True))
    least = max(-project.gap(origin, normals.sum(0)[None])[0] for project in sets)
    assert most < least  # of the sum of normals times a common point


def test_one_row_s_refusal_does_not_depend_on_the_others():
    project = intersection(simplex(), box(np.zeros(3), np.full(3, 0.2)))
    with pytest.raises(NoSolution):
        project(np.random.default_rng(0).normal(size=(5, 3)))


def test_at_the_iteration_limit_the_last_point_is_returned_and_the_projection_refuses():
    sets = (simplex(), turnover(np.full(30, 0.05), 0.9), box(np.zeros(30), np.full(30, 0.04)))
    v = np.random.default_rng(3).normal(size=30)
    solution = nearest_common_point(v, *sets, rounds=2)
    assert solution.status is Status.ITERATION_LIMIT
    assert solution.iterations == 2
    assert 1e-6 < solution.residual < np.inf
    with pytest.raises(NoSolution, match="in 2 rounds"):
        intersection(*sets, rounds=2)(v)


def test_malformed_input_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"^sets is empty"):
        intersection()
    with pytest.raises(InvalidInput, match=r"^sets are of different sizes"):
        intersection(box(np.zeros(2), np.ones(2)), box(np.zeros(3), np.ones(3)))
    with pytest.raises(InvalidInput, match=r"^v holds"):
        nearest_common_point([np.nan, 1.0], simplex())
    with pytest.raises(InvalidInput, match=r"^v has shape"):
        nearest_common_point(np.zeros((2, 2)), simplex())
