"""A stepped term: its value, its nearest points, its minima and its envelope are what their definitions say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stepped_problems import allowed, program_of, term_of, value_at

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex.proximal import stepped
from portfolio_opt.optim.convex.stepped import envelope
from portfolio_opt.optim.convex.stepped_term import SteppedTerm

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_the_value_is_the_least_piece_that_holds_the_point_and_infinite_elsewhere(seed):
    rng = np.random.default_rng(seed)
    term = term_of(rng, 3)
    for x in np.vstack([term.nearest(rng.uniform(-1, 2, 3)), rng.uniform(-1, 2, 3), term.base + term.step / 2]):
        expected = [value_at(term, i, x[i]) for i in range(3)]
        assert term.value(x) == pytest.approx(np.array(expected), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, steps=st.sampled_from([0.25, 0.125]))
def test_the_nearest_point_is_allowed_and_none_allowed_is_nearer(seed, steps):
    rng = np.random.default_rng(seed)
    term = term_of(rng, 3, steps)
    x = rng.uniform(-2, 3, 3)
    near = term.nearest(x)
    for i in range(3):
        distances = [abs(point - x[i]) for point in allowed(term, i)]
        assert abs(near[i] - x[i]) == pytest.approx(min(distances), abs=1e-12)
    assert np.isfinite(term.value(near)).all()


def check_prox(prox, term, v, penalty):
    """No allowed point is better than the proximal point: the definition."""
    x = prox(v, penalty)
    for i in range(len(v)):
        reached = value_at(term, i, x[i]) + penalty / 2 * (x[i] - v[i]) ** 2
        best = min(value_at(term, i, p) + penalty / 2 * (p - v[i]) ** 2 for p in allowed(term, i))
        assert reached == pytest.approx(best, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(seed=seeds, penalty=st.sampled_from([1e-3, 0.3, 1.0, 30.0, 1e6]))
def test_no_allowed_point_is_better_than_the_proximal_point(seed, penalty):
    rng = np.random.default_rng(seed)
    term = term_of(rng, 3)
    check_prox(stepped(term), term, rng.uniform(-1.5, 2.5, 3), penalty)


BROKEN = {
    "rounds without pricing": lambda term: lambda v, _: term.nearest(v),
    "forgets the jumps": lambda term: stepped(replace(term, constant=np.zeros_like(term.constant))),
    "forgets the steps": lambda term: stepped(replace(term, step=np.zeros_like(term.step))),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_check_of_the_proximal_point_finds_a_broken_one(broken):
    rng = np.random.default_rng(4)
    term = term_of(rng, 3)

    def every_case():
        for _ in range(50):
            check_prox(BROKEN[broken](term), term, rng.uniform(-1.5, 2.5, 3), 1.0)

    with pytest.raises(AssertionError):
        every_case()


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_without_steps_the_minimum_is_below_every_point_of_a_fine_grid(seed):
    rng = np.random.default_rng(seed)
    term = replace(term_of(rng, 2), step=np.zeros(2))
    curvature, slope = rng.uniform(0, 2, 2) * rng.integers(0, 2, 2), rng.normal(size=2)
    x, least = term.least(curvature, slope)
    assert curvature / 2 * x**2 + slope * x + term.value(x) == pytest.approx(least, abs=1e-12)
    for i in range(2):
        for p in allowed(term, i, fine=1 / 64):
            assert least[i] <= curvature[i] / 2 * p**2 + slope[i] * p + value_at(term, i, p) + 1e-9


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_the_envelope_is_convex_below_the_term_and_touches_it_at_its_ends(seed):
    """Below at every allowed point, and every linear function below the term is below the envelope: so it is the largest."""
    rng = np.random.default_rng(seed)
    program = program_of(rng, 3)
    convex, term = envelope(program), program.term
    assert (np.diff(convex.slopes) >= 0).all()
    for i in range(3):
        points = np.array(allowed(term, i))
        values = np.array([value_at(term, i, p) for p in points])
        below = np.array([convex.cost(np.full(3, p))[i] for p in points])
        offset = values[0] - below[0]  # the envelope is known up to a constant, and touches at the first point
        assert (below + offset <= values + 1e-12).all()
        assert convex.lower[i] == points[0]
        assert convex.upper[i] == points[-1]
        for slope in rng.normal(size=5):
            assert (values - slope * points).min() == pytest.approx((below + offset - slope * points).min(), abs=1e-9)


def test_a_single_allowed_point_is_a_fixed_variable():
    point = np.full((2, 1), 0.3)
    term = SteppedTerm(point, point, np.zeros((2, 1)), np.zeros((2, 1)), np.zeros(2), np.ones(2))
    assert term.least(np.ones(2), np.ones(2))[0] == pytest.approx([0.3, 0.3])
    assert term.nearest(np.array([5.0, -5.0])) == pytest.approx([0.3, 0.3])


# ---- what is refused ----------------------------------------------------------------------------------------------

FIELDS = ("low", "high", "constant", "slope", "base", "step")


@pytest.fixture
def parts():
    term = term_of(np.random.default_rng(1), 3)
    return {name: getattr(term, name) for name in FIELDS}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused_by_name(parts, name, value):
    broken = parts[name].copy()
    broken.flat[0] = value
    with pytest.raises(InvalidInput, match=rf"^{name} holds a value that is not finite"):
        SteppedTerm(**parts | {name: broken})


@pytest.mark.parametrize("name", FIELDS)
def test_a_wrong_shape_is_refused_by_name(parts, name):
    with pytest.raises(InvalidInput, match=rf"^{'high' if name == 'low' else name} has shape"):
        SteppedTerm(**parts | {name: parts[name][:-1]})


def test_a_variable_without_any_value_is_refused(parts):
    low = parts["low"].copy()
    low[1] = parts["high"][1] + 1
    with pytest.raises(InvalidInput, match=r"^low lies above high in every piece of variable 1"):
        SteppedTerm(**parts | {"low": low})


def test_pieces_between_two_grid_points_are_empty():
    low, high = np.array([[0.1, 0.0]]), np.array([[0.4, 1.0]])
    term = SteppedTerm(low, high, np.array([[-5.0, 0.0]]), np.zeros((1, 2)), np.zeros(1), np.full(1, 0.5))
    assert term.least(np.zeros(1), np.ones(1)) == (np.zeros(1), np.zeros(1))


def test_a_negative_step_and_no_variables_are_refused(parts):
    with pytest.raises(InvalidInput, match=r"^step holds a negative"):
        SteppedTerm(**parts | {"step": -parts["step"]})
    with pytest.raises(InvalidInput, match=r"^low has no rows"):
        SteppedTerm(*(np.zeros((0, 1)) for _ in range(4)), np.zeros(0), np.zeros(0))
