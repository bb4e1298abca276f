"""Newton on the small dual: the best point, or a proof that there is none; and checks that notice when a solver gives neither."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from constructed_programs import in_units, infeasible, known_optima, known_optimum, permuted, seeds, unbounded
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex import by_cvxpy
from portfolio_opt.optim.convex.certificates import proves_infeasible, proves_unbounded
from portfolio_opt.optim.convex.newton_dual import FEASIBLE, TOLERANCE, solve
from portfolio_opt.optim.convex.path import solve_path
from portfolio_opt.optim.convex.separable import SeparableProgram, eigen_split
from portfolio_opt.optim.solution import Status

SAME = 1e-8  # relative to the size of the objective's terms


def size(program, w):
    """What the objective's terms add up to without their signs, or a millionth of what they can across the box."""
    terms = w @ program.curvature_times(w) / 2 + np.abs(program.linear * w).sum() + np.abs(program.cost(w)).sum()
    slopes = np.abs(program.linear) + np.abs(program.slopes[:, [0, -1]]).sum(1)
    curvature = program.diagonal + (program.loadings**2).sum(1)
    return float(max(terms, 1e-6 * (slopes + curvature * width(program)) @ width(program)))


def width(program):
    with np.errstate(invalid="ignore"):
        across = program.upper - program.lower
    return np.where(np.isfinite(across), across, 0.0)


def relative_violation(program, w):
    """Largest violation relative to what is summed, without the 1 + of residual(), or to a tiny part of what can be."""
    value = program.rows @ w
    across = np.abs(program.rows) @ np.maximum(np.abs(w), 1e-4 * width(program)) + 1e-300
    row = np.maximum(program.row_lower - value, value - program.row_upper) / across
    return float(np.concatenate([row, program.lower - w, w - program.upper]).max(initial=0.0))


# ---- the checks, each for any solver -------------------------------------------------------------------------------


def check_known(solve, known):
    """Solved to the optimum it was built from, feasible, and proved by figures that can be recomputed."""
    program, found = known.program, solve(known.program)
    best, terms = program.objective(known.w), size(program, known.w)
    assert found.status is Status.OPTIMAL
    assert relative_violation(program, found.x) <= FEASIBLE
    assert found.residual == pytest.approx(program.residual(found.x), rel=1e-6, abs=1e-14)
    assert abs(found.objective - best) <= SAME * terms
    assert found.objective == pytest.approx(program.objective(found.x), rel=1e-9, abs=1e-12 * terms)
    bound = program.lower_bound(found.x, found.multipliers)
    if program.diagonal.min() > 0 or np.isfinite(program.upper - program.lower).all():
        assert found.objective - bound <= found.gap + 1e-10 * (
            terms + np.abs(found.multipliers) @ np.abs(program.rows) @ np.abs(found.x)
        )


def check_units(solve, known, money, weight):
    """Counting in other units changes nothing but the units."""
    other = in_units(known, money, weight)
    one, two = solve(known.program), solve(other.program)
    assert one.status is two.status is Status.OPTIMAL
    assert abs(two.objective / money - one.objective) <= SAME * size(known.program, one.x)
    assert two.x / weight == pytest.approx(one.x, abs=1e-6)


def check_order(solve, known, order):
    """Names in another order get the same weights."""
    one, two = solve(known.program), solve(permuted(known.program, order))
    assert one.status is two.status is Status.OPTIMAL
    assert abs(two.objective - one.objective) <= SAME * size(known.program, one.x)
    assert two.x == pytest.approx(one.x[order], abs=1e-6)


def check_infeasible(solve, program):
    """Called infeasible, with prices for which the box gives less than the rows ask."""
    found = solve(program)
    assert found.status is Status.INFEASIBLE
    c = found.certificate @ program.rows
    c = np.where(np.abs(c) <= 1e-11 * np.abs(found.certificate) @ np.abs(program.rows), 0.0, c)
    up, down = np.clip(found.certificate, 0, None), np.clip(-found.certificate, 0, None)
    most = up[up > 0] @ program.row_upper[up > 0] - down[down > 0] @ program.row_lower[down > 0]
    assert np.where(c > 0, program.lower, program.upper)[c != 0] @ c[c != 0] > most
    assert proves_infeasible(program, found.certificate)


def check_unbounded(solve, program):
    """Called unbounded, and from the feasible point returned the objective falls along the direction, linearly and for ever."""
    found = solve(program)
    assert found.status is Status.UNBOUNDED
    assert relative_violation(program, found.x) <= FEASIBLE
    far, further = (found.x + t * found.certificate for t in (1e3, 2e3))
    assert relative_violation(program, further) <= 1e-6
    assert program.objective(further) < program.objective(far) - 1 < program.objective(found.x) - 2
    assert proves_unbounded(program, found.certificate)


# ---- ours passes them ----------------------------------------------------------------------------------------------


@settings(max_examples=250, deadline=None)
@given(known=known_optima())
def test_a_problem_built_from_its_optimum_is_solved_to_it(known):
    check_known(solve, known)


@settings(max_examples=20, deadline=None)
@given(known=known_optima(names=(100, 500)))
def test_so_is_a_large_one(known):
    check_known(solve, known)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(known=known_optima(names=(2, 200)))
def test_so_are_thousands(known):
    check_known(solve, known)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, n=st.integers(2, 40), flat=st.sampled_from([0.0, 0.5, 1.0]))
def test_without_a_box_it_is_solved_all_the_same(seed, n, flat):
    check_known(solve, known_optimum(seed, n, k=min(n, 4), flat=flat, open_ended=True))


@settings(max_examples=60, deadline=None)
@given(known=known_optima(flat=(0.0,), scaled=False), money=st.integers(-8, 8), weight=st.integers(-8, 8))
def test_units_leave_the_answer_alone(known, money, weight):
    check_units(solve, known, 10.0**money, 10.0**weight)


@settings(max_examples=60, deadline=None)
@given(known=known_optima(flat=(0.0,), scaled=False), seed=seeds)
def test_the_order_of_names_leaves_the_answer_alone(known, seed):
    check_order(solve, known, np.random.default_rng(seed).permutation(len(known.w)))


@settings(max_examples=40, deadline=None)
@given(known=known_optima(names=(2, 30), scaled=False))
def test_cvxpy_agrees(known):
    ours, theirs = solve(known.program), by_cvxpy.solve(known.program)
    assert ours.status is Status.OPTIMAL
    assert ours.objective <= theirs.objective + 1e-7 * (1 + size(known.program, ours.x))
    # theirs may stop earlier, by as much as its own certificate admits
    assert theirs.objective <= ours.objective + 1e-7 * (1 + size(known.program, ours.x)) + theirs.gap


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    n=st.integers(2, 60),
    shortfall=st.sampled_from([1e-6, 1e-3, 1.0]),
    flat=st.sampled_from([0.0, 1.0]),
    open_ended=st.booleans(),
)
def test_an_infeasible_problem_comes_back_with_its_proof(seed, n, shortfall, flat, open_ended):
    check_infeasible(solve, infeasible(seed, n, shortfall, flat=flat, open_ended=open_ended))


@settings(max_examples=60, deadline=None)
@given(seed=seeds, n=st.integers(4, 40))
def test_an_unbounded_problem_comes_back_with_its_direction(seed, n):
    check_unbounded(solve, unbounded(seed, n))


# ---- and a broken solver does not ----------------------------------------------------------------------------------


def nudged(program):
    found = solve(program)
    x = found.x.copy()
    x[0] += 1e-3 * (1 + abs(x[0]))
    return replace(found, x=x, objective=program.objective(x))


def without_rows(program):
    free = replace(program, row_lower=np.full(len(program.rows), -np.inf), row_upper=np.full(len(program.rows), np.inf))
    return solve(free)


def without_prices(program):
    found = solve(program)
    return replace(found, multipliers=0 * found.multipliers)


def without_costs(program):
    return solve(replace(program, slopes=0 * program.slopes))


def boastful(program):
    """Says that the middle of the box is optimal."""
    x = np.clip(program.origin, program.lower, program.upper)
    return replace(solve(program), x=x, status=Status.OPTIMAL, objective=program.objective(x), certificate=None)


def unit_bound(program):
    """Stops where slopes are small in absolute terms."""
    loose = np.abs(program.linear).max() < 1e-3
    return boastful(program) if loose else solve(program)


def first_name_first(program):
    """Gives the first name another linear term."""
    linear = program.linear.copy()
    linear[0] += 1.0
    return solve(replace(program, linear=linear))


def wrong_certificate(program):
    found = solve(program)
    return found if found.certificate is None else replace(found, certificate=-found.certificate)


BROKEN_SOLVERS = (nudged, without_rows, without_prices, without_costs, boastful)


@pytest.mark.parametrize("broken", BROKEN_SOLVERS)
def test_a_broken_solver_fails_the_check_of_known_optima(broken):
    known = known_optimum(8, 30, q=3)
    assert np.abs(known.multipliers).max() > 0.1
    check_known(solve, known)
    with pytest.raises(AssertionError):
        check_known(broken, known)


def test_a_solver_that_depends_on_units_fails_the_check_of_units():
    with pytest.raises(AssertionError):
        check_units(unit_bound, known_optimum(3, 20), 1e-8, 1.0)


def test_a_solver_that_depends_on_the_order_fails_the_check_of_order():
    with pytest.raises(AssertionError):
        check_order(first_name_first, known_optimum(3, 20), np.arange(20)[::-1])


@pytest.mark.parametrize("broken", [boastful, without_rows, wrong_certificate])
def test_a_broken_solver_fails_the_check_of_infeasible_problems(broken):
    with pytest.raises(AssertionError):
        check_infeasible(broken, infeasible(1, 10, 1e-3))


@pytest.mark.parametrize("broken", [boastful, wrong_certificate])
def test_a_broken_solver_fails_the_check_of_unbounded_problems(broken):
    with pytest.raises(AssertionError):
        check_unbounded(broken, unbounded(1, 10))


# ---- how it ends ---------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(known=known_optima(names=(5, 60), scaled=False), steps=st.integers(0, 4))
def test_the_iteration_limit_returns_a_feasible_point_and_says_so(known, steps):
    found = solve(known.program, max_iterations=steps)
    assert found.status in (Status.OPTIMAL, Status.ITERATION_LIMIT)
    assert found.iterations <= steps
    assert found.residual <= FEASIBLE
    best = known.program.objective(known.w)
    assert found.objective - found.gap <= best + SAME * (1 + size(known.program, known.w))


def test_a_start_nearby_saves_steps():
    program = known_optimum(5, 300, k=10, q=4).program
    cold = solve(program)
    near = replace(program, linear=program.linear * 1.001)
    warm = solve(near, start=cold)
    assert warm.status is Status.OPTIMAL
    assert warm.objective == pytest.approx(solve(near).objective, rel=1e-10)
    assert warm.iterations < solve(near).iterations
    assert solve(program, start=cold).iterations <= 2


@settings(max_examples=20, deadline=None)
@given(seed=seeds, n=st.integers(2, 30), rank=st.integers(1, 40))
def test_a_dense_quadratic_is_split_exactly_and_solved(seed, n, rank):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, rank)) * 10.0 ** rng.integers(-3, 3, (n, 1))
    dense = root @ root.T
    loadings, diagonal = eigen_split(dense)
    scale = np.sqrt(np.diag(dense))
    assert (loadings @ loadings.T + np.diag(diagonal)) / np.outer(scale, scale) == pytest.approx(
        dense / np.outer(scale, scale), abs=1e-8
    )
    program = replace(known_optimum(seed, n).program, loadings=loadings, diagonal=diagonal)
    found = solve(program)
    assert found.status in (Status.OPTIMAL, Status.INFEASIBLE)
    if found.status is Status.OPTIMAL:
        assert found.gap <= TOLERANCE * (
            size(program, found.x) + np.abs(found.multipliers) @ np.abs(program.rows) @ np.abs(found.x)
        )


@pytest.mark.parametrize(
    ("quadratic", "complaint"),
    [
        (np.ones((2, 3)), "quadratic has shape"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "quadratic holds a value that is not finite"),
        (np.array([[1.0, 0.5], [0.4, 1.0]]), "quadratic is not symmetric"),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), "quadratic is not positive semidefinite"),
        (np.array([[-1.0]]), "quadratic is not positive semidefinite"),
    ],
)
def test_a_dense_quadratic_that_is_none_is_refused(quadratic, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        eigen_split(quadratic)


@pytest.mark.parametrize("shape", [(0, 0, 0, 0), (3, 0, 0, 0), (3, 0, 0, 2), (1, 1, 1, 1), (4, 2, 0, 0)])
def test_nothing_missing_is_missed(shape):
    n, k, q, kinks = shape
    check = known_optimum(1, n, k=k, q=q, kinks=kinks) if n else None
    if check is not None:
        check_known(solve, check)
    else:
        empty = {
            name: np.zeros(0) for name in ("diagonal", "linear", "origin", "lower", "upper", "row_lower", "row_upper")
        }
        program = SeparableProgram(
            loadings=np.zeros((0, 0)), kinks=np.zeros((0, 0)), slopes=np.zeros((0, 1)), rows=np.zeros((0, 0)), **empty
        )
        assert solve(program).objective == 0


def test_numba_is_imported_only_where_it_is_used():
    code = "import sys, portfolio_opt.optim.convex.newton_dual, portfolio_opt.optim.convex.batch; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ---- former bugs ---------------------------------------------------------------------------------------------------


def program_of(lower, upper, rows=(), row_lower=(), row_upper=(), **parts):
    n = len(lower)
    plain = {
        "loadings": np.zeros((n, 0)),
        "diagonal": np.zeros(n),
        "linear": np.zeros(n),
        "kinks": np.zeros((n, 0)),
        "slopes": np.zeros((n, 1)),
        "origin": np.zeros(n),
        "rows": np.reshape(np.array(rows, dtype=float), (-1, n)),
    }
    sides = {"lower": lower, "upper": upper, "row_lower": row_lower, "row_upper": row_upper}
    return SeparableProgram(**{**plain, **parts, **{name: np.array(side, float) for name, side in sides.items()}})


def test_a_certificate_had_slopes_of_rounding_where_nothing_is_bounded():
    everywhere = np.full(2, np.inf)
    program = program_of(
        -everywhere,
        everywhere,
        [[1, -1], [-1, 1]],
        [-np.inf, -np.inf],
        [-0.5, -0.5],
        diagonal=np.array([0.9, 0.5]),
        loadings=np.eye(2),
    )
    found = solve(program)
    assert found.status is Status.INFEASIBLE
    assert (found.certificate @ program.rows == 0).all()
    assert (found.certificate > 0).all()
    assert found.certificate @ program.row_upper < 0


@pytest.mark.parametrize("name", ["x", "multipliers"])
@pytest.mark.parametrize("size", [0, 1, 50])
def test_a_start_of_another_shape_was_read_past_its_end(name, size):
    program = known_optimum(1, 6, q=2).program
    with pytest.raises(InvalidInput, match=f"start has {name}"):
        solve(program, start=replace(solve(program), **{name: np.zeros(size)}))


@pytest.mark.parametrize("unit", [1.0, 1e7, 1e8])
def test_weights_in_a_small_unit_without_box_or_curvature_ran_out_of_steps(unit):
    everywhere = np.full(3, np.inf)
    program = program_of(
        -everywhere,
        everywhere,
        [[1, 1, 1]],
        [0],
        [0],
        diagonal=np.array([0.5, 0, 0]) / unit**2,
        loadings=np.array([[-1.0], [-0.15], [-0.9]]) / unit,
        linear=np.array([0, 1, 2.0]) / unit,
        kinks=np.array([[0.5], [-0.5], [-0.25]]) * unit,
        slopes=np.array([[0.5, 1], [0, 1], [0, 0.5]]) / unit,
    )
    assert solve(program).status in (Status.OPTIMAL, Status.UNBOUNDED)


@pytest.mark.parametrize("unit", [1.0, 1e7, 1e8])
def test_two_names_in_a_small_unit_are_solved_like_any(unit):
    everywhere = np.full(2, np.inf)
    program = program_of(
        -everywhere,
        everywhere,
        diagonal=np.array([1.0, 0]) / unit**2,
        loadings=np.array([[1.0], [-2]]) / unit,
        linear=np.array([1.0, -1]) / unit,
        kinks=np.array([[0.0], [0.5]]) * unit,
        slopes=np.array([[-1, 1], [-1.5, 1]]) / unit,
    )
    assert solve(program).status is Status.OPTIMAL


def test_an_exact_answer_near_nothing_was_measured_against_itself():
    """The best point is 0, but for 1e-27; beside that, a row that misses by 1e-31 seemed far off."""
    program = program_of(
        [0, -np.inf],
        [np.inf, 0.5],
        [[0, -1e-4], [-1e-5, 0]],
        [0, 0],
        [0, np.inf],
        loadings=np.array([[0.0, -1, 1], [2, 0, -2]]),
        linear=np.array([-3.0, 1]),
        kinks=np.array([[0, 0.5, 0.5], [-0.5, -0.25, 0.5]]),
        slopes=np.array([[-1, -1, 0.5, 1], [-1, -0.5, 0, 0.5]]),
        origin=np.array([0, -0.25]),
    )
    assert solve(program).status is Status.OPTIMAL


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"tolerance": np.nan}, "tolerance"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"tolerance": "small"}, "tolerance"),
        ({"max_iterations": -1}, "max_iterations"),
        ({"max_iterations": 1.5}, "max_iterations"),
    ],
)
def test_options_that_mean_nothing_were_taken(options, names):
    with pytest.raises(InvalidInput, match=names):
        solve(known_optimum(1, 4).program, **options)


@pytest.mark.parametrize("aversions", [[], ["a"], [[1.0, 2.0]], None, 1.0])
def test_a_path_of_nothing_was_a_traceback(aversions):
    with pytest.raises(InvalidInput, match="risk_aversions"):
        solve_path(known_optimum(1, 4).program, aversions)
