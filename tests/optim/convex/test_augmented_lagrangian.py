"""The augmented Lagrangian: points that meet the first-order conditions, with the multipliers that prove it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex import augmented_lagrangian as module
from portfolio_opt.optim.convex.augmented_lagrangian import Rows, SmoothProgram, augmented_lagrangian
from portfolio_opt.optim.solution import Status

seeds = st.integers(0, 2**32 - 1)


def free(n):
    return {"lower": np.full(n, -np.inf), "upper": np.full(n, np.inf)}


def linear(A, b):
    return Rows(lambda x: A @ x - b, lambda _: A)


def known(seed, repeated=False):
    """A convex quadratic under rows and bounds, built backwards from a point and its multipliers."""
    rng = np.random.default_rng(seed)
    n, p, q = int(rng.integers(3, 8)), int(rng.integers(0, 3)), int(rng.integers(0, 4))
    F = rng.normal(size=(n, 2))
    H = F @ F.T + np.diag(rng.uniform(0.2, 1, n))
    E, G, x = rng.normal(size=(p, n)), rng.normal(size=(q, n)), rng.normal(size=n)
    if repeated and p:
        E = np.vstack([E, E[0] * 2])  # no longer independent: multipliers are not unique
    if repeated and q:
        G = np.vstack([G, G])
    binds = rng.integers(0, 2, len(G))
    prices = np.concatenate([rng.normal(size=len(E)), binds * rng.random(len(G))])
    place = rng.integers(-1, 2, n)
    place[: len(E) + len(G)] = 0
    lower = np.where(place < 0, x, x - rng.uniform(0.1, 1, n))
    upper = np.where(place > 0, x, x + rng.uniform(0.1, 1, n))
    m = H @ x + prices @ np.vstack([E, G]) + place * rng.random(n)
    program = SmoothProgram(
        value=lambda w: float(w @ H @ w / 2 - m @ w),
        gradient=lambda w: H @ w - m,
        lower=lower,
        upper=upper,
        equalities=linear(E, E @ x),
        inequalities=linear(G, G @ x + (1 - binds) * rng.uniform(0.1, 1, len(G))),
        convex=True,
    )
    independent = np.linalg.matrix_rank(np.vstack([E, G[binds > 0]])[:, place == 0]) == len(E) + binds.sum()
    return program, x, prices if independent else None


def check_conditions(program, found, tolerance=2e-6):
    """The first-order conditions, each computed from the functions as stated."""
    x, y = found.x, found.multipliers
    h, g = program.equalities.value(x), program.inequalities.value(x)
    price = y[h.size :]
    slope = program.gradient(x) + y[: h.size] @ program.equalities.jacobian(x)
    slope = slope + price @ program.inequalities.jacobian(x)
    size = 1 + np.abs(program.gradient(x)).max()
    assert (x >= program.lower).all()
    assert (x <= program.upper).all()
    steep_h, steep_g = (
        np.maximum(1, np.abs(rows.jacobian(x)).max(1)) for rows in (program.equalities, program.inequalities)
    )
    assert (np.abs(h) <= tolerance * steep_h).all()
    assert (g <= tolerance * steep_g).all()
    assert (price >= 0).all()
    assert np.abs(price * g).max(initial=0) <= tolerance * size
    assert slope[x > program.lower + tolerance].max(initial=0) <= tolerance * size  # nothing gains by going down
    assert slope[x < program.upper - tolerance].min(initial=0) >= -tolerance * size  # nor up
    assert np.abs(slope + found.bound_multipliers).max() <= tolerance * size


def check_known(solve, seed, repeated=False):
    program, x, prices = known(seed, repeated)
    found = solve(program, np.zeros(len(x)))
    check_conditions(program, found)
    best = program.value(x)
    assert found.status is (
        Status.OPTIMAL if found.gap <= module.GAP * (1 + abs(found.objective)) else Status.STATIONARY
    )
    assert found.gap <= 2e-5 * (1 + abs(best))
    assert found.x == pytest.approx(x, abs=1e-4)
    assert found.objective - found.gap <= best + 1e-9 * (1 + abs(best))
    assert found.objective <= best + found.gap + 1e-5
    if prices is not None:
        assert found.multipliers == pytest.approx(prices, rel=1e-2, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, repeated=st.booleans())
def test_a_problem_built_from_its_optimum_is_solved_to_it_with_its_multipliers(seed, repeated):
    check_known(augmented_lagrangian, seed, repeated)


def pure_penalty(program, start):
    """Without multipliers: only a penalty of 1000."""
    state = module._Rounds(program, start)
    state.penalty = 1e3
    state.minimise(1e-8)
    return module._report(program, state, Status.OPTIMAL, 1)


def forgets_the_inequalities(program, start):
    found = augmented_lagrangian(replace(program, inequalities=module.NONE), start)
    count = program.inequalities.value(start).size
    return replace(found, multipliers=np.concatenate([found.multipliers, np.zeros(count)]))


def turns_the_signs(program, start):
    found = augmented_lagrangian(program, start)
    return replace(found, multipliers=-found.multipliers)


@pytest.mark.parametrize("broken", [pure_penalty, forgets_the_inequalities, turns_the_signs])
def test_the_check_finds_a_broken_method(broken):

    def every_case():
        for seed in range(20):
            check_known(broken, seed)

    with pytest.raises(AssertionError):
        every_case()


def test_the_rosenbrock_function_in_a_disk_ends_at_its_corner():
    """min (1 - x)² + 100 (y - x²)² in x² + y² <= 2: the minimum (1, 1) lies on the circle and needs no price."""
    program = SmoothProgram(
        lambda x: float((1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2),
        rosenbrock_slope,
        **free(2),
        inequalities=Rows(lambda x: np.array([x @ x - 2]), lambda x: 2 * x[None]),
    )
    found = augmented_lagrangian(program, np.array([-1.2, 1.0]))
    check_conditions(program, found)
    assert found.status is Status.STATIONARY
    assert found.x == pytest.approx([1, 1], abs=1e-3)
    assert found.multipliers == pytest.approx([0], abs=1e-3)


def rosenbrock_slope(x):
    return np.array([-2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)])


def hock_schittkowski_71():
    """Problem 71 of Hock and Schittkowski (1981): published minimum 17.0140173 at (1, 4.7429994, 3.8211503, 1.3794082)."""
    return SmoothProgram(
        lambda x: float(x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]),
        lambda x: np.array([x[3] * (2 * x[0] + x[1] + x[2]), x[0] * x[3], x[0] * x[3] + 1, x[0] * (x[:3].sum())]),
        np.ones(4),
        np.full(4, 5.0),
        Rows(lambda x: np.array([x @ x - 40]), lambda x: 2 * x[None]),
        Rows(lambda x: np.array([25 - x.prod()]), lambda x: -(x.prod() / x)[None]),
    )


def test_hock_and_schittkowskis_problem_71_has_its_published_minimum_and_multipliers():
    """The multipliers -0.1614686 and 0.5522937 are those of Ipopt's documentation, which uses this example."""
    program = hock_schittkowski_71()
    found = augmented_lagrangian(program, np.array([1.0, 5.0, 5.0, 1.0]), tolerance=1e-8)
    check_conditions(program, found)
    assert found.status is Status.STATIONARY
    assert found.objective == pytest.approx(17.0140173, abs=1e-6)
    assert found.x == pytest.approx([1.0, 4.7429994, 3.8211503, 1.3794082], abs=1e-6)
    assert found.multipliers[0] == pytest.approx(0.1614686, abs=1e-5)
    assert found.multipliers[1] == pytest.approx(0.5522937, abs=1e-5)


def test_hock_and_schittkowskis_problem_6_and_7():
    """Minima 0 at (1, 1) and -sqrt(3) at (0, sqrt(3)), as published."""
    sixth = SmoothProgram(
        lambda x: float((1 - x[0]) ** 2),
        lambda x: np.array([-2 * (1 - x[0]), 0.0]),
        **free(2),
        equalities=Rows(lambda x: np.array([10 * (x[1] - x[0] ** 2)]), lambda x: np.array([[-20 * x[0], 10.0]])),
    )
    found = augmented_lagrangian(sixth, np.array([-1.2, 1.0]), tolerance=1e-8)
    assert found.status is Status.STATIONARY
    assert found.x == pytest.approx([1, 1], abs=1e-5)
    seventh = SmoothProgram(
        lambda x: float(np.log(1 + x[0] ** 2) - x[1]),
        lambda x: np.array([2 * x[0] / (1 + x[0] ** 2), -1.0]),
        **free(2),
        equalities=Rows(
            lambda x: np.array([(1 + x[0] ** 2) ** 2 + x[1] ** 2 - 4]),
            lambda x: np.array([[4 * x[0] * (1 + x[0] ** 2), 2 * x[1]]]),
        ),
    )
    found = augmented_lagrangian(seventh, np.array([2.0, 2.0]))
    check_conditions(seventh, found)
    assert found.objective == pytest.approx(-np.sqrt(3), abs=1e-6)
    assert found.multipliers[0] == pytest.approx(1 / (2 * np.sqrt(3)), abs=1e-4)


def test_where_no_multipliers_exist_the_point_is_near_and_the_status_honest():
    """min x with x² = 0: the only feasible point has a vanishing row slope, so that no multiplier satisfies the conditions."""
    program = SmoothProgram(
        lambda x: float(x[0]),
        lambda _: np.ones(1),
        np.array([-5.0]),
        np.array([5.0]),
        Rows(lambda x: x**2, lambda x: 2 * x[None]),
    )
    found = augmented_lagrangian(program, np.ones(1))
    assert found.x == pytest.approx([0], abs=1e-3)
    assert found.status in (Status.STATIONARY, Status.ITERATION_LIMIT)
    if found.status is Status.STATIONARY:
        check_conditions(program, found)


def test_linear_rows_that_contradict_each_other_are_infeasible_and_the_certificate_proves_it():
    A, b = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, -1.0]]), np.array([1.0, 2.0, 0.0])
    program = SmoothProgram(
        lambda x: float(x @ x), lambda x: 2 * x, np.full(2, -9.0), np.full(2, 9.0), linear(A, b), convex=True
    )
    found = augmented_lagrangian(program, np.zeros(2))
    assert found.status is Status.INFEASIBLE
    pull = found.certificate
    combination = pull @ A
    least = np.minimum(combination * program.lower, combination * program.upper).sum() - pull @ b
    assert least > 0  # no point of the box makes this combination of the rows vanish


def test_a_stationary_point_of_the_violation_is_recognised():
    """x² + 1 <= 0 cannot be; its violation is stationary at 0."""
    program = SmoothProgram(
        lambda x: float(x[0]),
        lambda _: np.ones(1),
        **free(1),
        inequalities=Rows(lambda x: x**2 + 1, lambda x: 2 * x[None]),
    )
    found = augmented_lagrangian(program, np.array([3.0]))
    assert found.status is Status.INFEASIBLE
    assert found.feasibility == pytest.approx(1, abs=1e-3)


def test_without_rows_the_box_alone_is_minimised_over():
    program = SmoothProgram(
        lambda x: float(x.sum()), lambda _: np.ones(3), np.arange(3.0), np.full(3, 9.0), convex=True
    )
    found = augmented_lagrangian(program, np.full(3, 5.0))
    assert found.status is Status.OPTIMAL
    assert found.x == pytest.approx(np.arange(3.0))
    assert found.bound_multipliers == pytest.approx(-np.ones(3))


def test_the_round_limit_is_kept_and_said():
    found = augmented_lagrangian(hock_schittkowski_71(), np.array([1.0, 5.0, 5.0, 1.0]), rounds=1)
    assert found.status is Status.ITERATION_LIMIT
    assert found.iterations == 1
    assert found.feasibility > 1e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_function_that_stops_being_finite_on_the_way_ends_the_run(bad):
    calls = []

    def value(x):
        calls.append(1)
        return bad if len(calls) > 4 else float(x @ x)

    with np.errstate(all="ignore"):
        found = augmented_lagrangian(SmoothProgram(value, lambda x: 2 * x, **free(2)), np.array([3.0, -4.0]))
    assert found.status is Status.NOT_FINITE


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("lower", lambda p: replace(p, lower=np.array([np.nan, 0, 0, 0]))),
        ("lower", lambda p: replace(p, lower=np.full(4, 6.0))),
        ("upper", lambda p: replace(p, upper=np.ones(3))),
        ("start", lambda p: augmented_lagrangian(p, np.full(4, np.nan))),
        ("start", lambda p: augmented_lagrangian(p, np.ones(3))),
        ("tolerance", lambda p: augmented_lagrangian(p, np.ones(4), tolerance=0)),
        ("rounds", lambda p: augmented_lagrangian(p, np.ones(4), rounds=0)),
        ("value", lambda p: augmented_lagrangian(replace(p, value=lambda _: np.nan), np.ones(4))),
        ("gradient", lambda p: augmented_lagrangian(replace(p, gradient=lambda _: np.ones(3)), np.ones(4))),
        ("equalities", lambda p: augmented_lagrangian(replace(p, equalities=nothing_finite()), np.ones(4))),
        ("equalities' jacobian", lambda p: augmented_lagrangian(replace(p, equalities=wrong_shape()), np.ones(4))),
        ("inequalities", lambda p: augmented_lagrangian(replace(p, inequalities=nothing_finite()), np.ones(4))),
    ],
)
def test_a_bad_argument_is_refused_by_name(name, make):
    with pytest.raises(InvalidInput, match=rf"^{name} "):
        make(hock_schittkowski_71())


def nothing_finite():
    return Rows(lambda _: np.array([np.inf]), lambda _: np.ones((1, 4)))


def wrong_shape():
    return Rows(lambda _: np.zeros(2), lambda _: np.ones((1, 4)))


# ---- former bugs ---------------------------------------------------------------------------------------------------


def smallest_square(rows=(), **changes):
    """The point nearest to the origin, in a box of ±10 unless said otherwise."""
    program = SmoothProgram(
        value=lambda x: float(x @ x),
        gradient=lambda x: 2 * x,
        lower=np.full(2, -10.0),
        upper=np.full(2, 10.0),
        convex=True,
        **dict(rows),
    )
    return replace(program, **changes)


@pytest.mark.parametrize("scale", [1e-12, 1e-8, 1e-4, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("bound", [10.0, np.inf])
def test_a_row_in_a_small_unit_was_taken_as_met(scale, bound):
    sum_is_one = linear(scale * np.ones((1, 2)), scale * np.ones(1))
    program = smallest_square(equalities=sum_is_one, lower=np.full(2, -bound), upper=np.full(2, bound))
    found = augmented_lagrangian(program, np.zeros(2))
    assert found.x == pytest.approx([0.5, 0.5], abs=1e-6)
    assert found.status is (Status.OPTIMAL if np.isfinite(bound) or found.gap < 1e-6 else Status.STATIONARY)


def test_the_gap_counts_what_a_point_gains_by_missing_a_row():
    """At the origin the square is 0, below the optimum 1/2: the price of the row says so, and that was cut off."""
    program = smallest_square(equalities=linear(np.ones((1, 2)), np.ones(1)))
    x, prices = np.zeros(2), -np.ones(1)
    slope = program.gradient(x) + prices @ program.equalities.jacobian(x)
    gap = module._gap(program, x, slope, prices, program.equalities.value(x))
    assert gap >= 0.5


def test_a_fall_without_end_never_came_back():
    program = SmoothProgram(
        value=lambda x: float(x[0]), gradient=lambda _: np.array([1.0, 0.0]), **free(2), convex=True
    )
    found = augmented_lagrangian(program, np.zeros(2))
    assert found.status is Status.UNBOUNDED
    assert program.gradient(found.x) @ found.certificate < 0


def test_a_function_that_only_its_rows_hold_back_is_not_called_unbounded():
    program = SmoothProgram(
        value=lambda x: -float(x[0] ** 3),
        gradient=lambda x: np.array([-3 * x[0] ** 2, 0.0]),
        **free(2),
        inequalities=linear(np.array([[1.0, 0.0]]), np.ones(1)),
    )
    assert augmented_lagrangian(program, np.full(2, 0.5)).status is not Status.UNBOUNDED


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: augmented_lagrangian(smallest_square(), ["a", "b"]), "start"),
        (lambda: augmented_lagrangian(smallest_square(), np.zeros(2), tolerance=np.nan), "tolerance"),
        (lambda: augmented_lagrangian(smallest_square(), np.zeros(2), rounds=np.nan), "rounds"),
        (lambda: augmented_lagrangian(smallest_square(value=lambda _: None), np.zeros(2)), "value"),
        (lambda: augmented_lagrangian(smallest_square(gradient=lambda _: None), np.zeros(2)), "gradient"),
        (lambda: smallest_square(lower=np.zeros(0), upper=np.zeros(0)), "lower"),
        (lambda: smallest_square(lower=["a", "b"]), "lower"),
        (lambda: smallest_square(lower=np.full(2, np.inf), upper=np.full(2, np.inf)), "lower"),
    ],
)
def test_what_is_no_number_was_a_traceback(call, names):
    with pytest.raises(InvalidInput, match=names):
        call()


def test_a_start_given_as_a_list_is_a_start():
    assert augmented_lagrangian(smallest_square(), [1, 1]).x == pytest.approx([0, 0], abs=1e-6)
