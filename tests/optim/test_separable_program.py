"""The separable programme: its value, its violation and its lower bound are what their definitions say."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from separable_problems import known_optima, program_of, programs, seeds

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex.separable import SeparableProgram


def objective_by_loops(program, w):
    """The programme's first line, term by term; the cost is the integral of its slope from the origin."""
    total = 0.0
    for k in range(program.loadings.shape[1]):
        total += sum(program.loadings[i, k] * w[i] for i in range(len(w))) ** 2 / 2
    for i in range(len(w)):
        total += program.diagonal[i] * w[i] ** 2 / 2 - program.linear[i] * w[i]
        low, high = sorted((program.origin[i], w[i]))
        edges = [low, *(kink for kink in program.kinks[i] if low < kink < high), high]
        area = 0.0
        for a, b in pairwise(edges):
            area += (b - a) * program.slopes[i, int((program.kinks[i] < (a + b) / 2).sum())]
        total += area if w[i] >= program.origin[i] else -area
    return total


@given(case=programs(), seed=seeds)
def test_the_objective_is_risk_less_return_plus_the_integral_of_the_cost_slopes(case, seed):
    program, points = case
    w = np.random.default_rng(seed).normal(size=points.shape[1])
    assert program.objective(w) == pytest.approx(objective_by_loops(program, w), rel=1e-9, abs=1e-9)


@given(case=programs())
def test_the_cost_is_zero_at_the_origin(case):
    program, _ = case
    assert program.cost(program.origin) == pytest.approx(np.zeros(len(program.origin)), abs=1e-12)


@settings(max_examples=300)
@given(case=programs(), seed=seeds, size=st.sampled_from([0.0, 1.0, 100.0]))
def test_the_lower_bound_is_below_every_feasible_point_whatever_it_is_computed_from(case, seed, size):
    program, points = case
    rng = np.random.default_rng(seed)
    mixtures = rng.dirichlet(np.ones(len(points)), 3) @ points
    w, multipliers = rng.normal(size=points.shape[1]) * size, rng.normal(size=len(program.row_lower)) * size
    bound = program.lower_bound(w, multipliers)
    for feasible in (*points, *mixtures):
        objective = program.objective(feasible)
        assert bound <= objective + 1e-9 * (1 + abs(bound) + abs(objective) + size**2)


@settings(max_examples=200)
@given(known=known_optima())
def test_at_the_optimum_with_its_prices_the_lower_bound_is_the_objective(known):
    bound, objective = known.program.lower_bound(known.w, known.multipliers), known.program.objective(known.w)
    assert bound == pytest.approx(objective, rel=1e-9, abs=1e-9)


def test_a_price_on_a_side_without_limit_bounds_nothing():
    rng = np.random.default_rng(1)
    program = replace(program_of(rng, rng.random((1, 3)), q=1), row_upper=np.array([np.inf]))
    assert program.lower_bound(np.zeros(3), np.array([1.0])) == -np.inf
    assert program.lower_bound(np.zeros(3), np.array([0.0])) > -np.inf


@given(case=programs(), seed=seeds)
def test_the_residual_is_the_largest_violation_relative_to_its_scale(case, seed):
    program, points = case
    w = points[0] + np.random.default_rng(seed).normal(size=points.shape[1]) * 0.5
    violations = [0.0]
    for i, x in enumerate(w):
        violations += [v / (1 + abs(x)) for v in (program.lower[i] - x, x - program.upper[i])]
    for row, low, high in zip(program.rows, program.row_lower, program.row_upper, strict=True):
        value, scale = row @ w, 1 + sum(abs(a * x) for a, x in zip(row, w, strict=True))
        violations += [(low - value) / scale, (value - high) / scale]
    assert program.residual(w) == pytest.approx(max(violations), rel=1e-12, abs=1e-15)


@given(case=programs())
def test_a_feasible_point_has_no_residual(case):
    program, points = case
    for point in points:
        assert program.residual(point) <= 1e-14


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_residual_of_a_point_that_is_no_number_is_not_small(value):
    rng = np.random.default_rng(1)
    program = program_of(rng, rng.random((1, 3)))
    with np.errstate(invalid="ignore"):
        assert not program.residual(np.array([0.5, value, 0.5])) <= 1.0


@given(case=programs(), seed=seeds)
def test_the_curvature_is_the_factor_matrix_plus_the_diagonal(case, seed):
    program, points = case
    w = np.random.default_rng(seed).normal(size=points.shape[1])
    matrix = program.loadings @ program.loadings.T + np.diag(program.diagonal)
    assert program.curvature_times(w) == pytest.approx(matrix @ w, rel=1e-12, abs=1e-12)


# ---- what is refused ----------------------------------------------------------------------------------------------


@pytest.fixture
def parts():
    rng = np.random.default_rng(3)
    return dict(vars(program_of(rng, rng.random((2, 4)), q=2, kinks=2)))


ARRAYS = tuple(SeparableProgram.__dataclass_fields__)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_value_that_is_no_number_is_refused_by_name(parts, name):
    broken = parts[name].copy()
    broken.flat[0] = np.nan
    with pytest.raises(InvalidInput, match=rf"^{name} holds a value that is not finite"):
        SeparableProgram(**parts | {name: broken})


NO_LIMIT = {"lower": -np.inf, "upper": np.inf, "row_lower": -np.inf, "row_upper": np.inf}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("value", [-np.inf, np.inf])
def test_an_infinite_value_is_refused_by_name_unless_it_means_no_limit(parts, name, value):
    broken = parts[name].copy()
    broken.flat[-1] = value
    if NO_LIMIT.get(name) == value:
        SeparableProgram(**parts | {name: broken})
        return
    with pytest.raises(InvalidInput, match=rf"^{name} holds a value that is not finite"):
        SeparableProgram(**parts | {name: broken})


@pytest.mark.parametrize("name", ["loadings", "diagonal", "kinks", "slopes", "origin", "lower", "upper", "rows"])
def test_a_missing_row_is_refused_by_name(parts, name):
    with pytest.raises(InvalidInput, match=rf"^{name} has shape"):
        SeparableProgram(**parts | {name: parts[name][:-1]})


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_with_another_number_of_axes_is_refused_by_name(parts, name):
    wrong = parts[name].ravel() if parts[name].ndim == 2 else parts[name][:, None]
    with pytest.raises(InvalidInput, match=rf"^{name} has shape"):
        SeparableProgram(**parts | {name: wrong})


@pytest.mark.parametrize(("low", "high"), [("lower", "upper"), ("row_lower", "row_upper")])
def test_a_lower_side_above_its_upper_side_is_refused_by_name(parts, low, high):
    parts |= {low: np.zeros(len(parts[low])), high: np.array([1.0] * (len(parts[low]) - 1) + [-1.0])}
    with pytest.raises(InvalidInput, match=rf"^{low} lies above {high}"):
        SeparableProgram(**parts)


def test_a_negative_variance_is_refused_by_name(parts):
    with pytest.raises(InvalidInput, match=r"^diagonal holds a negative value"):
        SeparableProgram(**parts | {"diagonal": parts["diagonal"] - 10})


@pytest.mark.parametrize("name", ["kinks", "slopes"])
def test_a_cost_that_is_not_convex_is_refused_by_name(parts, name):
    with pytest.raises(InvalidInput, match=rf"{name} must .*not convex"):
        SeparableProgram(**parts | {name: -np.sort(np.abs(parts[name]) + np.arange(parts[name].shape[1]), axis=1)})


PARTS = {
    "loadings": np.ones((3, 1)),
    "diagonal": np.ones(3),
    "linear": np.zeros(3),
    "kinks": np.zeros((3, 1)),
    "slopes": np.tile([-1.0, 1.0], (3, 1)),
    "origin": np.zeros(3),
    "lower": np.zeros(3),
    "upper": np.ones(3),
    "rows": np.ones((1, 3)),
    "row_lower": np.ones(1),
    "row_upper": np.ones(1),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("wrong", ["text", "complex", "object", "none", "ragged"])
def test_what_holds_no_numbers_was_a_traceback(name, wrong):
    array = PARTS[name]
    value = {
        "text": array.astype(str),
        "complex": array + 1j,
        "object": array.astype(object),
        "none": None,
        "ragged": [[1.0], [1.0, 2.0]],
    }[wrong]
    with pytest.raises(InvalidInput, match=f"^{name} must hold"):
        SeparableProgram(**{**PARTS, name: value})


@pytest.mark.parametrize("name", PARTS)
def test_lists_and_whole_numbers_were_a_traceback(name):
    as_list = SeparableProgram(**{**PARTS, name: PARTS[name].astype(int).tolist()})
    assert getattr(as_list, name).dtype == np.float64
    assert (getattr(as_list, name) == PARTS[name]).all()


@pytest.mark.parametrize("name", set(PARTS) - {"rows", "row_lower", "row_upper", "loadings", "kinks", "slopes"})
def test_a_vector_of_the_wrong_length_was_blamed_on_another(name):
    with pytest.raises(InvalidInput, match=f"^{name} has shape"):
        SeparableProgram(**{**PARTS, name: np.ones(4)})


@pytest.mark.parametrize("name", ["kinks", "slopes"])
def test_kinks_and_slopes_shared_one_complaint(name):
    falling = {"kinks": np.array([[1.0, 0.0]] * 3), "slopes": np.array([[0.0, 1.0, 2.0]] * 3)}
    if name == "slopes":
        falling = {"kinks": np.zeros((3, 2)), "slopes": np.array([[2.0, 1.0, 0.0]] * 3)}
    with pytest.raises(InvalidInput, match=f"^{name} must"):
        SeparableProgram(**{**PARTS, **falling})
