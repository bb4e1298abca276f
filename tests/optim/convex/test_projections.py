"""Projections are what their definition says, for one vector and for many, whatever the scale; and broken ones are found out."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from projection_sets import CHECKS, SETS, cases, seeds

from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.convex import projections_torch
from portfolio_opt.optim.convex.intersections import turnover_capped_simplex
from portfolio_opt.optim.convex.projections import (
    box,
    capped_simplex,
    group_caps,
    halfspace,
    l1_ball,
    sector_capped_simplex,
    simplex,
    turnover,
)

ON_TENSORS = [name for name in SETS if name not in ("sector caps", "turnover and caps")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", SETS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_projection_is_what_its_definition_says(name, check, data):
    sample, v = data.draw(cases(SETS[name]))
    check(sample, sample.project, v)


@pytest.mark.parametrize("name", SETS)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=seeds)
def test_no_feasible_point_beats_the_gap_and_at_the_projection_it_closes(name, data, seed):
    sample, v = data.draw(cases(SETS[name]))
    slope = np.random.default_rng(seed).normal(size=v.shape)
    bound = sample.project.gap(v, slope)
    for q in sample.feasible:
        rounding = 1e-13 * (np.abs(slope) * (np.abs(v) + np.abs(q) + sample.size)).sum(-1)
        assert ((slope * (v - q)).sum(-1) <= bound + rounding).all()
    p = sample.project(v)
    towards = p - v  # the slope of the distance: its gap is 0 at the nearest point only
    closed = sample.project.gap(p, towards)
    size = (np.abs(v) + np.abs(p) + sample.size).max() * (np.abs(p) + sample.size).max() * v.shape[1]
    if name not in ("halfspace", "group caps"):  # where the set has no end, the direction must fit to the last digit
        assert np.abs(closed).max() <= 1e-13 * size


def test_the_gap_of_an_unbounded_set_is_finite_along_its_normal_only():
    project = halfspace([1.0, 2.0], 3.0)
    w = np.zeros((1, 2))
    assert project.gap(w, np.array([[-2.0, -4.0]])) == pytest.approx([6.0])
    assert project.gap(w, np.array([[2.0, 4.0]])) == np.inf
    assert project.gap(w, np.array([[-2.0, -4.1]])) == np.inf
    capped = group_caps([0, 0, 1], [3.0, np.inf])
    assert capped.gap(np.zeros((1, 3)), np.array([[-2.0, -2.0, 0.0]])) == pytest.approx([6.0])
    assert capped.gap(np.zeros((1, 3)), np.array([[-2.0, -2.0, -1.0]])) == np.inf
    free = box([0.0, -np.inf], [np.inf, 1.0])
    assert free.gap(np.array([[2.0, 0.0]]), np.array([[1.0, 0.0]])) == pytest.approx([2.0])
    assert free.gap(np.array([[2.0, 0.0]]), np.array([[-1.0, 0.0]])) == np.inf


@pytest.mark.parametrize("name", ON_TENSORS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_on_tensors_it_is_the_same_point(name, data):
    sample, v = data.draw(cases(SETS[name]))
    point = sample.on_tensors(torch.tensor(v)).numpy()
    assert np.abs(point - sample.project(v)).max() <= 1e-12 * (np.abs(v).max() + sample.size)
    assert sample.project.violation(point).max() <= 1e-14
    single = sample.on_tensors(torch.tensor(v[0])).numpy()
    assert np.abs(single - point[0]).max() <= 1e-14 * (np.abs(v).max() + sample.size)


@pytest.mark.parametrize("name", ON_TENSORS)
def test_on_tensors_it_has_the_projection_s_derivative(name):
    rng = np.random.default_rng(4)
    sample = SETS[name](rng, 6, 1.0)
    torch.autograd.gradcheck(sample.on_tensors, torch.tensor(rng.normal(size=(4, 6)) * 2).requires_grad_())


def test_any_projection_serves_tensors_but_not_their_derivatives():
    project = projections_torch.by_numpy(sector_capped_simplex(np.zeros(3), np.ones(3), [0, 0, 1], [0.5, 1.0]))
    weights = torch.tensor([[3.0, 1.0, 0.0]], dtype=torch.float32, requires_grad=True)
    with torch.no_grad():
        point = project(weights)
    assert point.dtype == torch.float32
    assert point.tolist() == [[0.5, 0.0, 0.5]]
    with pytest.raises(RuntimeError, match="no derivative"):
        project(weights)


def test_a_published_example():
    """Duchi et al. (2008): subtract (sum of the rho largest - 1)/rho; by hand: of (0.9, 0.5, -0.1) the two largest, 0.2."""
    assert simplex()([0.9, 0.5, -0.1]) == pytest.approx([0.7, 0.3, 0.0], abs=1e-15)


def test_the_whole_simplex_result_equals_the_sort_based_formula():
    v = np.random.default_rng(0).normal(size=(200, 37))
    largest = -np.sort(-v, axis=1)
    shifts = (np.cumsum(largest, axis=1) - 1) / np.arange(1, 38)
    names = (largest > shifts).sum(1)
    assert np.abs(simplex()(v) - np.maximum(v - shifts[np.arange(200), names - 1][:, None], 0)).max() <= 1e-12


def test_lists_integers_and_transposed_rows_are_read_as_numbers_and_left_alone():
    v = np.arange(12.0).reshape(4, 3).T
    before = v.copy()
    for project in (simplex(), capped_simplex(np.zeros(4), np.ones(4)), l1_ball(1, 4), box(np.zeros(4), np.ones(4))):
        assert project(v).shape == (3, 4)
        assert project([1, 2, 3, 4]).shape == (4,)
        assert not np.shares_memory(project(v), v)
    assert (v == before).all()
    assert simplex()(np.zeros((0, 3))).shape == (0, 3)


def test_stating_a_set_loads_neither_numba_nor_torch():
    code = (
        "import sys; from portfolio_opt.optim.convex import intersections, projected_gradient, projections; "
        "projections.simplex(); print('numba' in sys.modules, 'torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False False\n"
    )


# ---- the handbook's ------------------------------------------------------------------------------------------------


def clip_and_rescale(weights):
    weights = np.maximum(weights, 0)
    return weights / weights.sum(-1, keepdims=True)


def test_the_handbook_s_clip_and_rescale_is_no_projection():
    v = np.array([0.9, 0.6, 0.1, -0.2])
    assert np.linalg.norm(clip_and_rescale(v) - v) == pytest.approx(0.454, abs=5e-4)
    assert np.linalg.norm(simplex()(v) - v) == pytest.approx(0.418, abs=5e-4)
    with np.errstate(invalid="ignore"):
        assert np.isnan(clip_and_rescale(np.array([-1.0, 0.0]))).all()
    assert simplex()([-1.0, 0.0]).tolist() == [0.0, 1.0]


# ---- broken projections are found out ------------------------------------------------------------------------------


def first_row_s_shift(v):
    rows = np.atleast_2d(v)
    shift = (rows[0] - simplex()(rows[0])).max()
    return np.maximum(rows - shift, 0).reshape(np.shape(v))


BROKEN = {
    "clip and rescale": (clip_and_rescale, "check_nearest"),
    "clipped only": (lambda v: np.clip(v, 0, 1), "check_feasible"),
    "shifted only": (lambda v: v - (v.sum(-1, keepdims=True) - 1) / v.shape[-1], "check_feasible"),
    "sums to a little more": (lambda v: simplex()(v) * (1 + 1e-12), "check_feasible"),
    "the best name takes all": (lambda v: np.eye(v.shape[-1])[np.argmax(v, -1)], "check_nearest"),
    "the centre, always": (lambda v: np.full_like(v, 1 / v.shape[-1]), "check_nearest"),
    "half way from the centre": (lambda v: (simplex()(v) + 1 / v.shape[-1]) / 2, "check_idempotent"),
    "steeper than it should": (lambda v: simplex()(3 * v), "check_nonexpansive"),
    "every row by the first row's shift": (first_row_s_shift, "check_batched_is_rowwise"),
    "moves the feasible": (lambda v: simplex()(v + 0.1 * np.arange(v.shape[-1])), "check_feasible_points_stay"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_projection_fails_the_check_meant_for_it(name):
    broken, meant = BROKEN[name]
    check = next(check for check in CHECKS if check.__name__ == meant)
    rng = np.random.default_rng(1)
    sample = SETS["simplex"](rng, 5, 1.0)
    v = np.vstack([rng.dirichlet(np.ones(5), 4), rng.normal(size=(4, 5)), np.abs(rng.normal(size=(4, 5)))])
    check(sample, sample.project, v)
    with pytest.raises(AssertionError):
        check(sample, broken, v)


def test_every_check_has_a_broken_projection():
    assert {meant for _, meant in BROKEN.values()} == {check.__name__ for check in CHECKS}


# ---- what is refused -----------------------------------------------------------------------------------------------

ZERO, ONE = np.zeros(3), np.ones(3)
REFUSED = {
    "v of another size": (lambda: capped_simplex(ZERO, ONE)([1.0, 2.0]), r"^v has shape \(2,\)"),
    "v with three axes": (lambda: simplex()(np.zeros((2, 2, 2))), r"^v has shape"),
    "v of no size": (lambda: simplex()([]), r"^v has shape"),
    "v a number": (lambda: simplex()(1.0), r"^v has shape"),
    "v with NaN": (lambda: simplex()([1.0, np.nan]), r"^v holds a value that is not finite"),
    "v infinite": (lambda: box(ZERO, ONE)([1.0, np.inf, 0.0]), r"^v holds a value that is not finite"),
    "v of words": (lambda: simplex()(["a", "b"]), r"^v must hold numbers"),
    "lower with NaN": (lambda: box([np.nan, 0.0, 0.0], ONE), r"^lower holds"),
    "upper infinite": (lambda: capped_simplex(ZERO, [1.0, np.inf, 1.0]), r"^upper holds"),
    "upper of another size": (lambda: box(ZERO, np.ones(2)), r"^upper has shape"),
    "lower above upper": (lambda: box(ONE, ZERO), r"^lower lies above upper at position 0"),
    "a box of no point": (lambda: box([np.inf, 0, 0], [np.inf, 1, 1]), r"^lower may be -inf"),
    "total not positive": (lambda: simplex(0.0), r"^total is"),
    "total NaN": (lambda: capped_simplex(ZERO, ONE, np.nan), r"^total is"),
    "radius negative": (lambda: l1_ball(-1.0, 3), r"^radius is"),
    "limit of turnover 0": (lambda: turnover(ZERO, 0.0), r"^limit is"),
    "limit infinite": (lambda: halfspace(ONE, np.inf), r"^limit is"),
    "weights not positive": (lambda: turnover(ZERO, 1.0, ZERO), r"^weights must be positive"),
    "held a matrix": (lambda: turnover(np.zeros((2, 2)), 1.0), r"^held has shape"),
    "normal of 0": (lambda: halfspace(ZERO, 1.0), r"^normal is 0"),
    "group out of range": (lambda: group_caps([0, 2], [1.0, 1.0]), r"^group must hold whole numbers from 0 to 1"),
    "sector a fraction": (lambda: sector_capped_simplex(ZERO, ONE, [0, 0.5, 1], [1, 1]), r"^sector must hold"),
    "cap NaN": (lambda: group_caps([0, 0], [np.nan]), r"^cap holds"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_input_is_refused_by_name(case):
    call, words = REFUSED[case]
    with pytest.raises(InvalidInput, match=words):
        call()


def no_turnover():
    return turnover_capped_simplex(ZERO, ONE, np.array([2.0, 0, 0]), 0.5)


NO_POINT = {
    "too little turnover": (no_turnover, "takes a turnover of 1, but the limit is 0.5: raise it"),
    "caps too small": (lambda: capped_simplex(ZERO, np.full(3, 0.1)), "at most 0.3 of the 1 asked for: raise a cap"),
    "lower bounds too large": (lambda: capped_simplex(ONE, 2 * ONE), "the lower bounds alone sum to 3"),
    "sector caps too small": (lambda: sector_capped_simplex(ZERO, ONE, [0, 0, 1], [0.4, 0.5]), "at most 0.9"),
    "a negative cap on no name": (lambda: group_caps([0, 0], [1.0, -1.0]), "group 1 has no name"),
    "a sector's lower bounds": (lambda: sector_capped_simplex(ONE / 4, ONE, [0, 0, 1], [0.4, 1]), "sector 0 is capped"),
}


@pytest.mark.parametrize("case", NO_POINT)
def test_a_set_without_points_is_no_solution_in_words(case):
    call, words = NO_POINT[case]
    with pytest.raises(NoSolution, match=words):
        call()


def test_on_tensors_too_a_set_without_points_is_no_solution():
    with pytest.raises(NoSolution, match="the limits allow a sum of at most"):
        projections_torch.capped_simplex(torch.zeros(3), torch.full((3,), 0.1))


def test_caps_that_exhaust_the_total_but_for_rounding_leave_one_point():
    upper = np.full(7, 1 / 7)  # seven sevenths are not 1 in floating point
    p = capped_simplex(np.zeros(7), upper)(np.random.default_rng(0).normal(size=(5, 7)))
    assert np.abs(p - upper).max() <= 1e-15


# ---- former bugs ---------------------------------------------------------------------------------------------------


def test_a_turnover_limit_with_costs_of_all_sizes_was_missed():
    held, cost = np.array([0, -0.5, -0.5, 0, 0, 0]), np.array([1, 0.01, 0.1, 10, 1e3, 1e-3])
    w = turnover(held, 0.5, cost)([-0.01, -0.01, 0.01, 0, -0.01, 0.005])
    assert cost @ np.abs(w - held) == pytest.approx(0.5, rel=1e-13)


def test_rounding_in_a_sector_forced_to_nothing_was_a_violation_of_1():
    project = sector_capped_simplex(np.zeros(4), np.ones(4), [0, 0, 1, 1], [1, 0], 1.0)
    w = np.array([[0.5, 0.5, 3e-30, 0]])
    assert project.violation(w)[0] <= 1e-12
    assert capped_simplex(np.zeros(2), np.array([0.5, 0]), 0.0).violation(np.array([[2e-40, 0]]))[0] <= 1e-12
    assert group_caps([0, 1], [0, 1]).violation(np.array([[1e-30, 1.0]]))[0] <= 1e-12
    assert halfspace([0, 1.0], 0.0).violation(np.array([[1.0, 1e-30]]))[0] <= 1e-12


def test_a_violation_that_is_one_is_still_seen():
    assert sector_capped_simplex(np.zeros(2), np.ones(2), [0, 1], [1, 0]).violation(np.array([[1, 1e-6]]))[0] > 1e-7


def test_the_gap_was_infinite_at_a_halfspace_projection():
    project = halfspace([-1e4, 0, 1e4, 1e4], 0.0)
    v = np.array([[1.3575592101028628, 1.2062393156330677, 1.0664925134718637, 0.30893348959947275]])
    w = project(v)
    assert project.gap(w, w - v)[0] == pytest.approx(0, abs=1e-12)
    assert project.gap(w, np.array([[0, 1.0, 0, 0]]))[0] == np.inf


THREE = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: projections_torch.simplex()(torch.tensor([np.nan, 1.0])), "v"),
        (lambda: projections_torch.simplex()(torch.tensor([1, 2])), "v"),
        (lambda: projections_torch.simplex()([1.0, 2.0]), "v"),
        (lambda: projections_torch.simplex()(torch.zeros(0)), "v"),
        (lambda: projections_torch.box(torch.ones(3), torch.zeros(3)), "lower"),
        (lambda: projections_torch.box(torch.full((3,), np.nan), torch.ones(3)), "lower"),
        (lambda: projections_torch.capped_simplex(torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 1])), "lower"),
        (lambda: projections_torch.capped_simplex(torch.zeros(3), torch.full((3,), np.inf)), "upper"),
        (lambda: projections_torch.capped_simplex(torch.zeros(2), torch.ones(2))(THREE), "v"),
        (lambda: projections_torch.halfspace(torch.zeros(3), -1.0), "normal"),
        (lambda: projections_torch.halfspace(torch.ones(3), "x"), "limit"),
        (lambda: projections_torch.turnover(torch.zeros(3), 0.5, -torch.ones(3)), "weights"),
        (lambda: projections_torch.turnover(torch.zeros(3), 0.5, torch.tensor([0.0, 1, 1])), "weights"),
        (lambda: projections_torch.group_caps(torch.tensor([0, 5, 0]), torch.tensor([1.0])), "group"),
        (lambda: projections_torch.l1_ball(-1.0), "radius"),
        (lambda: l1_ball(1.0, -1), "size"),
        (lambda: l1_ball("a", 2), "radius"),
        (lambda: simplex()(["a", "b"]), "v"),
        (lambda: simplex(None), "total"),
        (lambda: capped_simplex(np.zeros(2), np.ones(2), "x"), "total"),
        (lambda: halfspace(np.ones(2), "x"), "limit"),
    ],
)
def test_what_states_no_set_was_taken(call, names):
    with pytest.raises(InvalidInput, match=f"^{names} "):
        call()


def test_a_group_without_names_was_capped_below_nothing():
    with pytest.raises(NoSolution, match="group 1"):
        projections_torch.group_caps(torch.tensor([0, 0, 0]), torch.tensor([1.0, -1.0]))


def test_single_precision_far_from_the_set_was_answered_outside_it():
    far = torch.tensor([1e8, 0, 1e8], dtype=torch.float32)
    for project in (projections_torch.simplex(), projections_torch.capped_simplex(torch.zeros(3), torch.ones(3))):
        assert project(far).tolist() == [0.5, 0, 0.5]
        assert project(far).dtype == torch.float32
