"""Every method of the table on every function: the known minimiser, or an honest word on why not."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_functions import SUITE, beale, bowl, rosenbrock, trigonometric

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.smooth.function import SmoothFunction, check_derivatives
from portfolio_opt.optim.smooth.minimise import METHODS, WITH_HESSIAN, minimise
from portfolio_opt.optim.smooth.newton import newton_step
from portfolio_opt.optim.smooth.trace import Point
from portfolio_opt.optim.solution import Status

EPS = np.finfo(float).eps
every_method = pytest.mark.parametrize("method", METHODS)


def counted(function):
    """The function with a list that grows by one at every call."""
    calls = []

    def value_and_gradient(x):
        calls.append(x.copy())
        return function.value_and_gradient(x)

    return replace(function, value_and_gradient=value_and_gradient), calls


@every_method
@pytest.mark.parametrize("name", SUITE)
def test_the_published_minimisers_are_found(method, name):
    known = SUITE[name]
    function, calls = counted(known.function)
    solution = minimise(function, known.start, method)
    assert solution.status is Status.STATIONARY
    assert solution.objective == pytest.approx(known.least, abs=1e-8)
    assert solution.x == pytest.approx(known.minimiser, abs=0.1 if name == "powell singular" else 1e-5)
    assert solution.objective == function.value_and_gradient(solution.x)[0]
    assert solution.evaluations == len(calls) - 1
    assert solution.gap == np.inf  # nothing is known of convexity


@every_method
@pytest.mark.parametrize("n", [2, 10])
def test_the_trigonometric_function_falls_to_one_of_its_two_published_levels(method, n):
    """Moré, Garbow and Hillstrom give 0; a local minimum of 2.79506e-5 is known for n = 10."""
    known = trigonometric(n)
    solution = minimise(known.function, known.start, method, tolerance=1e-9)
    assert solution.status is Status.STATIONARY
    assert min(abs(solution.objective), abs(solution.objective - 2.79506e-5)) < 1e-9


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(list(METHODS)),
    n=st.integers(1, 12),
    condition=st.integers(0, 10),
    height=st.integers(-8, 8),
    width=st.integers(-8, 8),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_gap_of_a_strongly_convex_quadratic_holds_at_any_scale(method, n, condition, height, width, seed):
    known = bowl(n, 10.0**condition, 10.0**height, 10.0**width, np.random.default_rng(seed))
    solution = minimise(known.function, known.start, method)
    at_start = known.function.value_and_gradient(known.start)[0]
    noise = 100 * EPS * at_start
    assert solution.objective <= solution.gap + noise  # the least value is 0
    if method in WITH_HESSIAN or condition <= 4:
        assert solution.status is Status.OPTIMAL
        assert solution.gap <= 1e-8 * at_start
        slack = (
            2 * solution.gap * 10.0 ** (condition - height)
        )  # modulus/2 times the squared distance is at most the gap
        assert ((solution.x - known.minimiser) ** 2).sum() <= slack + (1e3 * n * EPS * 10.0 ** (condition + width)) ** 2
    else:
        assert solution.status is not Status.UNBOUNDED  # ten remembered steps may take more than a thousand iterations
        assert solution.objective <= 1e-4 * at_start


@settings(max_examples=30, deadline=None)
@given(method=st.sampled_from(list(METHODS)), exponent=st.integers(-8, 8))
def test_the_unit_of_the_objective_changes_nothing(method, exponent):
    known, factor = beale(), 2.0 ** (3 * exponent)

    def scaled(x):
        value, gradient = known.function.value_and_gradient(x)
        return factor * value, factor * gradient

    function = SmoothFunction(scaled, lambda x: factor * known.function.hessian(x))
    plain, other = minimise(known.function, known.start, method), minimise(function, known.start, method)
    assert other.x == pytest.approx(plain.x, abs=1e-6)
    assert other.status is plain.status


def test_all_methods_agree_on_a_logistic_regression():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6))
    y = (rng.random(200) < 1 / (1 + np.exp(-X @ rng.normal(size=6)))).astype(float)
    ridge = 1e-3

    def value_and_gradient(w):
        z = X @ w
        p = 1 / (1 + np.exp(-z))
        return (np.logaddexp(0, z) - y * z).mean() + ridge / 2 * w @ w, X.T @ (p - y) / len(y) + ridge * w

    def hessian(w):
        p = 1 / (1 + np.exp(-X @ w))
        return (X.T * (p * (1 - p))) @ X / len(y) + ridge * np.eye(6)

    function = SmoothFunction(value_and_gradient, hessian, modulus=ridge)
    found = [minimise(function, np.zeros(6), method, tolerance=1e-10) for method in METHODS]
    assert {solution.status for solution in found} == {Status.OPTIMAL}
    for solution in found[1:]:
        assert solution.x == pytest.approx(found[0].x, abs=1e-4)
        assert abs(solution.objective - found[0].objective) <= max(solution.gap, found[0].gap) + 1e-15


@pytest.mark.parametrize("method", ["newton", "trust-region"])
def test_newton_converges_quadratically_near_the_optimum(method):
    """Steps are cut off by the iteration limit, so each error can be seen: the next is at most a constant times its square."""
    known = rosenbrock(2)
    start = np.array([1.05, 1.1])
    cut_off = [minimise(known.function, start, method, tolerance=1e-14, max_iterations=k) for k in range(1, 8)]
    errors = [np.abs(solution.x - known.minimiser).max() for solution in cut_off]
    assert errors[0] > 1e-3
    assert errors[4] < 1e-12
    assert all(after <= 20 * before**2 + 1e-12 for before, after in pairwise(errors))


def test_newton_solves_a_quadratic_in_one_step():
    known = bowl(20, 1e6, 1.0, 1.0, np.random.default_rng(1))
    assert minimise(known.function, known.start, "newton").iterations == 1


# ---- curvature that bends the wrong way ------------------------------------------------------------------------------


SADDLE = SmoothFunction(  # x² + y⁴/4 - y²/2: saddle at 0, minima at y = ±1 with value -1/4
    lambda x: (x[0] ** 2 + x[1] ** 4 / 4 - x[1] ** 2 / 2, np.array([2 * x[0], x[1] ** 3 - x[1]])),
    lambda x: np.diag([2, 3 * x[1] ** 2 - 1]),
)


@every_method
def test_a_saddle_is_left_once_the_slope_is_not_quite_zero(method):
    solution = minimise(SADDLE, [1.0, 1e-3], method)
    assert solution.status is Status.STATIONARY
    assert solution.objective == pytest.approx(-0.25, abs=1e-10)


@pytest.mark.parametrize("start", [[0.0, 0.0], [1.0, 0.0]])
def test_newton_leaves_even_the_exact_saddle(start):
    solution = minimise(SADDLE, start, "newton")
    assert solution.status is Status.STATIONARY
    assert solution.objective == pytest.approx(-0.25, abs=1e-12)


def test_handbook_trap_an_indefinite_hessian_sends_plain_newton_uphill_and_ours_down():
    x = np.array([0.5, 0.1])
    plain = x - np.linalg.solve(SADDLE.hessian(x), SADDLE.value_and_gradient(x)[1])
    assert SADDLE.value_and_gradient(plain)[0] > SADDLE.value_and_gradient(np.array([0, 0.1]))[0]  # to the saddle
    assert plain == pytest.approx([0, 0], abs=0.01)
    for method in WITH_HESSIAN:
        assert minimise(SADDLE, x, method).objective == pytest.approx(-0.25, abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 8), seed=st.integers(0, 2**32 - 1))
def test_the_newton_step_descends_whatever_the_hessian(n, seed):
    rng = np.random.default_rng(seed)
    H, g = rng.normal(size=(n, n)), rng.normal(size=n)
    point = Point(np.zeros(n), 0.0, g)
    assert g @ newton_step(H + H.T, point) < 0
    assert g @ newton_step(np.zeros((n, n)), point) < 0
    B = H @ H.T + np.eye(n)
    assert B @ newton_step(B, point) == pytest.approx(-g, abs=1e-8)


@pytest.mark.parametrize("method", ["newton", "newton-cg"])
def test_a_large_constant_does_not_hide_the_last_digits_of_the_minimiser(method):
    """1e6 + exp x - x: differences of f are lost below 1e-10, that is 1e-5 in x; the slope still leads on."""
    function = SmoothFunction(lambda x: (1e6 + (np.exp(x) - x).sum(), np.exp(x) - 1), lambda x: np.diag(np.exp(x)))
    solution = minimise(function, [1.0, 2.0], method, tolerance=1e-12)
    assert solution.status is Status.STATIONARY
    assert solution.x == pytest.approx([0, 0], abs=1e-11)


# ---- the box ----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 10), seed=st.integers(0, 2**32 - 1), scale=st.integers(-6, 6))
def test_in_a_box_no_variable_that_may_move_would_gain_by_it(n, seed, scale):
    rng = np.random.default_rng(seed)
    known = bowl(n, 100.0, 1.0, 10.0**scale, rng)
    lower = known.minimiser + rng.choice([-np.inf, -1, 0, 0.5], n) * 10.0**scale
    upper = np.maximum(lower, known.minimiser + rng.choice([np.inf, 1, 0, -0.5], n) * 10.0**scale)
    solution = minimise(known.function, known.start, lower=lower, upper=upper, tolerance=1e-10)
    assert (solution.x >= lower).all()
    assert (solution.x <= upper).all()
    slope = known.function.value_and_gradient(solution.x)[1]
    size = max(np.abs(known.function.value_and_gradient(np.clip(known.start, lower, upper))[1]).max(), 10.0**scale)
    assert (slope[solution.x < upper] >= -1e-3 * size).all()  # nothing gained by rising
    assert (slope[solution.x > lower] <= 1e-3 * size).all()  # nor by falling
    assert solution.status in (Status.OPTIMAL, Status.STATIONARY)
    other = np.clip(known.minimiser + rng.normal(size=n) * 10.0**scale, lower, upper)
    assert solution.objective - solution.gap <= known.function.value_and_gradient(other)[0] * (1 + 1e-9)


def test_convexity_alone_gives_a_gap_in_a_finite_box():
    function = SmoothFunction(lambda x: (x.sum(), np.ones(3)), modulus=0.0)
    solution = minimise(function, [0.5, 0.5, 0.5], lower=0, upper=[1, 2, 3])
    assert solution.status is Status.OPTIMAL
    assert solution.gap == 0
    assert (solution.x == 0).all()


def test_a_slope_that_only_a_bound_holds_back_is_no_residual():
    function = SmoothFunction(lambda x: (np.sin(x).sum(), np.cos(x)))  # falls towards 0 from [0, 1], convexity unknown
    solution = minimise(function, [0.7, 0.3], lower=0, upper=1)
    assert (solution.x == 0).all()
    assert solution.status is Status.STATIONARY
    assert solution.residual == 0


def test_fixed_variables_stay_and_a_start_outside_is_moved_in():
    known = bowl(3, 10, 1, 1, np.random.default_rng(0))
    solution = minimise(known.function, [9.0, 9, 9], lower=[-5, 2, -5], upper=[5, 2, 5])
    assert solution.x[1] == 2
    assert solution.status is Status.OPTIMAL


# ---- functions that misbehave -------------------------------------------------------------------------------------------


@every_method
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["value", "gradient"])
def test_after_a_value_that_is_not_finite_the_best_finite_point_is_kept(method, bad, where):
    known = rosenbrock(4)
    calls = []

    def value_and_gradient(x):
        value, gradient = known.function.value_and_gradient(x)
        calls.append(value)
        if len(calls) > 9:
            return (bad, gradient) if where == "value" else (value, gradient * bad)
        return value, gradient

    with np.errstate(invalid="ignore"):
        solution = minimise(replace(known.function, value_and_gradient=value_and_gradient), known.start, method)
    assert solution.status is Status.NOT_FINITE
    assert np.isfinite(solution.x).all()
    assert solution.objective == min(calls[:9])
    assert solution.residual > 1e-8


@every_method
def test_a_wall_of_infinity_is_stepped_back_from(method):
    """x - log x, infinite left of 0, started where the first steps leave the domain."""

    def value_and_gradient(x):
        if (x <= 0).any():
            return np.inf, np.full_like(x, np.nan)
        return (x - np.log(x)).sum(), 1 - 1 / x

    function = SmoothFunction(value_and_gradient, lambda x: np.diag(1 / x**2))
    solution = minimise(function, [30.0, 5.0, 2.0], method)
    assert solution.status is Status.STATIONARY
    assert solution.x == pytest.approx(np.ones(3), abs=1e-6)


@every_method
@pytest.mark.parametrize("kind", ["linear", "cubic", "concave"])
def test_an_objective_without_end_is_recognised_with_a_direction(method, kind):
    value, slope, bend = {
        "linear": (lambda x: x, lambda x: np.ones_like(x), lambda x: 0 * x),
        "cubic": (lambda x: x**3, lambda x: 3 * x**2, lambda x: 6 * x),
        "concave": (lambda x: -(x**2), lambda x: -2 * x, lambda x: -2 + 0 * x),
    }[kind]
    function = SmoothFunction(lambda x: (value(x).sum(), slope(x)), lambda x: np.diag(bend(x)))
    with np.errstate(over="ignore", invalid="ignore"):
        solution = minimise(function, [-1.0, -2.0], method)
    assert solution.status is Status.UNBOUNDED
    values = [value(solution.x + t * solution.certificate).sum() for t in (0, 1e3, 1e6)]
    assert values[0] > values[1] > values[2]


def test_a_function_that_only_approaches_its_infimum_is_not_called_unbounded():
    function = SmoothFunction(lambda x: (np.exp(-x).sum(), -np.exp(-x)), lambda x: np.diag(np.exp(-x)))
    for method in METHODS:
        assert minimise(function, [0.0], method).status is Status.STATIONARY
        assert minimise(function, [0.0], method, max_iterations=1).status is Status.ITERATION_LIMIT


@every_method
def test_limits_are_kept_and_named(method):
    known = rosenbrock(10)
    few, calls = counted(known.function)
    solution = minimise(few, known.start, method, max_evaluations=7)
    assert solution.status is Status.EVALUATION_LIMIT
    assert solution.evaluations == len(calls) == 7
    solution = minimise(known.function, known.start, method, max_iterations=4)
    assert solution.status is Status.ITERATION_LIMIT
    assert solution.iterations == 4
    assert solution.objective < known.function.value_and_gradient(known.start)[0]
    assert minimise(known.function, known.start, method, max_evaluations=1).x == pytest.approx(known.start)


@every_method
def test_a_start_at_the_minimum_is_recognised(method):
    known = rosenbrock(4)
    assert minimise(known.function, np.ones(4), method).status is Status.STATIONARY
    nearly = minimise(known.function, np.ones(4) + 1e-13, method)
    assert nearly.status is Status.STATIONARY
    assert nearly.evaluations < 20


def test_a_gradient_array_that_is_filled_again_and_again_does_no_harm():
    known, shared = rosenbrock(4), np.empty(4)

    def value_and_gradient(x):
        value, shared[:] = known.function.value_and_gradient(x)
        x[:] = np.nan  # nor does a function that overwrites its argument
        return value, shared

    for method in ("l-bfgs", "bfgs"):
        solution = minimise(SmoothFunction(value_and_gradient), known.start, method)
        assert solution.x == pytest.approx(np.ones(4), abs=1e-5)


# ---- what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"start": [np.nan, 1.0]}, "start"),
        ({"start": [[1.0, 2.0]]}, "start"),
        ({"start": []}, "start"),
        ({"start": ["a", "b"]}, "start"),
        ({"lower": [0.0, 2.0], "upper": [1.0, 1.0]}, "lower lies above upper at entry 1"),
        ({"lower": [0.0, 0.0, 0.0]}, "lower"),
        ({"upper": np.nan}, "upper"),
        ({"upper": -np.inf}, "upper"),
        ({"method": "adam"}, "method"),
        ({"method": "bfgs", "lower": 0.0}, "lower and upper"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"max_evaluations": 0}, "max_evaluations"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, named):
    with pytest.raises(InvalidInput, match=named):
        minimise(**{"function": beale().function, "start": [1.0, 1.0], **arguments})


@pytest.mark.parametrize(
    ("function", "method", "named"),
    [
        (SmoothFunction(lambda x: (x, x)), "bfgs", "value of shape"),
        (SmoothFunction(lambda x: (x @ x, x[:1])), "bfgs", "gradient of shape"),
        (SmoothFunction(lambda x: (np.nan, x)), "bfgs", "start"),
        (SmoothFunction(lambda x: (x @ x, 2 * x)), "newton", "hessian"),
        (SmoothFunction(lambda x: (x @ x, 2 * x), lambda _: np.eye(3)), "newton", "hessian returned shape"),
        (SmoothFunction(lambda x: (x @ x, 2 * x), lambda _: np.full((2, 2), np.nan)), "newton", "hessian"),
    ],
)
def test_functions_of_the_wrong_form_are_refused_by_name(function, method, named):
    with pytest.raises(InvalidInput, match=named):
        minimise(function, [1.0, 1.0], method)


def test_a_negative_modulus_is_refused():
    with pytest.raises(InvalidInput, match="modulus"):
        SmoothFunction(lambda x: (x @ x, 2 * x), modulus=-1.0)


# ---- broken derivatives are caught -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SUITE, "trigonometric"])
def test_true_derivatives_pass_the_check(name):
    known = trigonometric(5) if name == "trigonometric" else SUITE[name]
    rng = np.random.default_rng(0)
    check_derivatives(known.function, known.start + rng.normal(size=known.start.size) / 10, rng)


def with_gradient_times(factor, function):
    def value_and_gradient(x):
        value, gradient = function.value_and_gradient(x)
        return value, factor * gradient

    return replace(function, value_and_gradient=value_and_gradient)


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (lambda f: with_gradient_times(-1.0, f), "gradient"),
        (lambda f: with_gradient_times(0.5, f), "gradient"),
        (lambda f: replace(f, hessian=lambda x: f.hessian(x) * 1.01), "hessian"),
        (lambda f: replace(f, hessian=lambda x: np.diag(np.diag(f.hessian(x)))), "hessian"),
        (lambda f: replace(f, hessian_vector=lambda x, v: f.hessian(x) @ v + v), "hessian_vector"),
    ],
)
def test_wrong_derivatives_fail_the_check(broken, named):
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInput, match=named):
        check_derivatives(broken(rosenbrock(4).function), rng.normal(size=4), rng)


@every_method
def test_a_gradient_of_the_wrong_sign_never_ends_in_success(method):
    known = bowl(4, 10, 1, 1, np.random.default_rng(0))
    wrong = with_gradient_times(-1.0, replace(known.function, modulus=None))
    solution = minimise(wrong, known.start, method)
    assert solution.status is Status.INACCURATE
    assert "check the gradient" in solution.trail[0]
