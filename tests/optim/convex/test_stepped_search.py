"""The search of stepped programmes: feasible, never worse than rounding, and never below the bound that it proves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from stepped_problems import everything, program_of

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex import by_cvxpy, stepped_admm, stepped_search
from portfolio_opt.optim.convex.stepped import SteppedProgram, envelope
from portfolio_opt.optim.convex.stepped_term import SteppedTerm
from portfolio_opt.optim.solution import Solution, Status

seeds = st.integers(0, 2**32 - 1)


def convex(program):
    return by_cvxpy.solve(program, ["CLARABEL"])


def near(rng, program):
    """A point and prices as a convex solver might return them, or not."""
    return rng.uniform(-0.5, 1.5, len(program.linear)), rng.normal(size=len(program.row_lower)) * 0.3


def check_bound(bound, program, rng):
    """No feasible point is below the bound, whatever it is computed from."""
    _, values = everything(program)
    answer = convex(envelope(program))
    guess = rng.normal(size=program.loadings.shape[1]), rng.normal(size=len(program.row_lower)) * 0.5
    for factors, prices in (guess, (answer.x @ program.loadings, answer.multipliers)):
        assert bound(program, factors, prices) <= values.min() + 1e-9


@settings(max_examples=60, deadline=None)
@given(seed=seeds, curved=st.booleans())
def test_the_bound_is_below_every_feasible_point_whatever_it_is_computed_from(seed, curved):
    rng = np.random.default_rng(seed)
    check_bound(SteppedProgram.lower_bound, program_of(rng, curved=curved), rng)


def dearest_rate(program, factors, prices):
    """The trap: one rate for every size, here that of small changes; large ones cost less than that."""
    term = program.term
    share = np.array([1, 1, 2, 1, 2])
    constant = term.constant + (term.slope - term.slope * share) * term.base[:, None]
    return replace(program, term=replace(term, slope=term.slope * share, constant=constant)).lower_bound(
        factors, prices
    )


def without_the_rows(program, factors, prices):
    """The rows' limits forgotten, their prices not."""
    zero = np.zeros(len(prices))
    return replace(program, row_lower=zero - 9.0, row_upper=zero).lower_bound(factors, prices)


@pytest.mark.parametrize("broken", [dearest_rate, without_the_rows])
def test_the_check_of_the_bound_finds_a_broken_one(broken):
    rng = np.random.default_rng(3)

    def every_case():
        for _ in range(100):
            check_bound(broken, program_of(rng), rng)

    with pytest.raises(AssertionError):
        every_case()


def check_search(search, program, rng):
    """Feasible, priced right, and between the best of all points and the bound; never worse than the point rounded."""
    points, values = everything(program)
    x, prices = near(rng, program)
    found = search(program, x, prices, rng=rng)
    assert found.status in (Status.OPTIMAL, Status.LOCAL)
    assert program.residual(found.x) <= 1e-11
    assert found.objective == pytest.approx(program.objective(found.x), abs=1e-12)
    assert np.abs(points - found.x).max(1).min() <= 1e-9  # it is one of the listed points
    assert values.min() - 1e-9 <= found.objective
    assert found.objective - found.gap <= values.min() + 1e-9
    bound = program.lower_bound(x @ program.loadings, found.multipliers)  # the same by the other code
    assert found.gap == pytest.approx(max(found.objective - bound, 0), abs=1e-9)
    rounded = program.term.nearest(x)
    if program.residual(rounded) == 0:
        assert found.objective <= program.objective(rounded) + 1e-9


@settings(max_examples=60, deadline=None)
@given(seed=seeds, curved=st.booleans(), tight=st.sampled_from([0.0, 0.3, 1.0]))
def test_the_search_is_feasible_no_worse_than_rounding_and_never_below_the_best(seed, curved, tight):
    rng = np.random.default_rng(seed)
    check_search(stepped_search.search, program_of(rng, curved=curved, tight=tight), rng)


def only_rounds(program, near, multipliers, rng):  # noqa: ARG001  called as the search is
    x = program.term.nearest(near)
    value = program.objective(x)
    return Solution(x, Status.LOCAL, value, program.residual(x), np.inf, multipliers)


def ignores_the_rows(program, near, multipliers, rng):
    free = replace(program, row_lower=np.full(len(multipliers), -np.inf), row_upper=np.full(len(multipliers), np.inf))
    return stepped_search.search(free, near, 0 * multipliers, rng=rng)


def claims_to_be_best(program, near, multipliers, rng):
    return replace(stepped_search.search(program, near, multipliers, kicks=0, rng=rng), gap=0.0)


@pytest.mark.parametrize("broken", [only_rounds, ignores_the_rows, claims_to_be_best])
def test_the_check_of_the_search_finds_a_broken_one(broken):
    rng = np.random.default_rng(6)

    def every_case():
        for _ in range(60):
            check_search(broken, program_of(rng, tight=0.3), rng)

    with pytest.raises(AssertionError):
        every_case()


def test_from_the_convex_answer_small_problems_are_nearly_always_solved_to_the_best_of_all_points():
    rng = np.random.default_rng(11)
    lost = []
    for _ in range(30):
        program = program_of(rng, n=5, factors=2)
        found = stepped_search.solve(program, convex, rng=rng)
        lost.append(found.objective - everything(program)[1].min())
        assert lost[-1] <= found.gap + 1e-9
    assert np.mean(np.array(lost) <= 1e-9) >= 0.95


def mixed_integer_optimum(program):
    """By HiGHS: one share and one count of steps for each piece, of which exactly one is chosen."""
    term = program.term
    n, pieces = term.low.shape
    m = n * pieces
    cost, link = np.zeros(3 * m), []  # of each piece: x, whether chosen, how many steps
    cost[:m] = (term.slope - program.linear[:, None]).ravel()
    cost[m : 2 * m] = term.constant.ravel()
    eye, zero = np.eye(m), np.zeros((m, m))
    link.append(LinearConstraint(np.hstack([eye, -np.diag(term.low.ravel()), zero]), 0, np.inf))
    link.append(LinearConstraint(np.hstack([eye, -np.diag(term.high.ravel()), zero]), -np.inf, 0))
    base, step = np.repeat(term.base, pieces), np.repeat(term.step, pieces)
    link.append(LinearConstraint(np.hstack([eye, -np.diag(base), -np.diag(step)]), 0, 0))
    one = np.repeat(np.eye(n), pieces, axis=1)
    link.append(LinearConstraint(np.hstack([0 * one, one, 0 * one]), 1, 1))
    rows = np.repeat(program.rows, pieces, axis=1)
    link.append(LinearConstraint(np.hstack([rows, 0 * rows, 0 * rows]), program.row_lower, program.row_upper))
    kinds = np.concatenate([np.zeros(m), np.ones(2 * m)])
    chosen = np.where((term.low <= term.high).ravel(), 1.0, 0.0)
    bounds = Bounds(
        np.concatenate([np.full(m, -9), np.zeros(m), np.full(m, -99)]),
        np.concatenate([np.full(m, 9), chosen, np.full(m, 99)]),
    )
    result = milp(cost, constraints=link, bounds=bounds, integrality=kinds)
    assert result.status == 0
    return result.fun


def test_without_curvature_the_search_agrees_with_a_mixed_integer_solver():
    rng = np.random.default_rng(21)
    missed = 0
    for _ in range(25):
        program = program_of(rng, n=6, curved=False)
        best = mixed_integer_optimum(program)
        found = stepped_search.solve(program, convex, rng=rng)
        assert found.status is not Status.FAILED
        assert found.objective - found.gap - 1e-6 <= best <= found.objective + 1e-6
        missed += found.objective > best + 1e-6
    assert missed <= 1


def test_admm_is_never_worse_than_the_search_alone_and_says_that_it_proves_nothing():
    rng = np.random.default_rng(31)
    for _ in range(15):
        program = program_of(rng, n=5)
        answer = convex(envelope(program))
        with_admm = stepped_admm.solve(program, lambda _, answer=answer: answer, rng=np.random.default_rng(1))
        alone = stepped_search.solve(program, lambda _, answer=answer: answer, rng=np.random.default_rng(1))
        assert with_admm.objective <= alone.objective + 1e-12
        assert any("not convex" in line or "gap" in line for line in with_admm.trail)
        split = stepped_admm.split_admm(program, answer.x, answer.multipliers, 30)
        assert split.status in (Status.LOCAL, Status.FAILED, Status.OPTIMAL)
        if split.status is not Status.FAILED:
            best = everything(program)[1].min()
            assert split.objective - split.gap - 1e-9 <= best <= split.objective + 1e-9


def test_a_large_programme_with_small_steps_comes_within_a_hundredth_of_a_percent_of_the_bound():
    rng = np.random.default_rng(5)
    n, groups = 300, 6
    member = rng.integers(0, groups, n)
    base, step = np.zeros(n), rng.uniform(1e-4, 2e-3, n)
    low, high, constant, slope = (np.zeros((n, 3)) for _ in range(4))
    low[:, 1], high[:, 1], low[:, 2], high[:, 2] = step, 0.005, 0.005, 0.05  # the cheaper rate holds for all of it
    constant[:, 1:], slope[:, 1], slope[:, 2] = 2e-6, 0.0036, 0.0031
    program = SteppedProgram(
        loadings=np.column_stack([rng.normal(0.3, 0.05, n), rng.normal(size=(n, 9)) * 0.1]),
        diagonal=rng.uniform(0.1, 0.5, n),
        linear=rng.normal(0.12, 0.02, n),
        term=SteppedTerm(low, high, constant, slope, base, step),
        rows=np.vstack([np.ones(n), (member == np.arange(groups)[:, None]) * 1.0]),
        row_lower=np.concatenate([[0.99], np.zeros(groups)]),
        row_upper=np.concatenate([[1.0], np.full(groups, 0.2)]),
    )
    found = stepped_search.solve(program, convex, tolerance=1e-4, kicks=20)
    assert found.status is Status.OPTIMAL
    assert found.gap <= 1e-4
    assert found.residual <= 1e-11
    assert np.isfinite(program.term.value(found.x)).all()


def test_an_exchange_leaves_no_row_broken_that_its_second_variable_is_not_in():
    """Once: the answer of the second variable was judged by its own rows only, and the first one's row stayed broken."""
    rng = np.random.default_rng(129)
    program = program_of(rng, curved=False, tight=0.0)
    found = stepped_search.search(program, *near(rng, program), kicks=0)
    assert found.status is Status.LOCAL
    assert found.residual <= 1e-11


def test_several_rows_broken_at_once_are_mended_one_after_another():
    """Once: a move had to mend all of them together, which no single one could."""
    n = 12
    member = np.arange(n) % 4
    low, high = np.zeros((n, 1)), np.ones((n, 1))
    program = SteppedProgram(
        loadings=np.zeros((n, 0)),
        diagonal=np.ones(n),
        linear=np.ones(n),
        term=SteppedTerm(low, high, 0 * low, 0 * low, np.zeros(n), np.full(n, 0.25)),
        rows=(member == np.arange(4)[:, None]) * 1.0,
        row_lower=np.full(4, -np.inf),
        row_upper=np.full(4, 1.0),
    )
    found = stepped_search.search(program, np.ones(n), np.zeros(4))
    assert found.residual <= 1e-11
    assert found.objective == pytest.approx(-3.25)  # each group holds a half and two quarters


def test_rows_that_no_allowed_point_meets_are_said_to_be_unmet():
    rng = np.random.default_rng(1)
    program = program_of(rng)
    between = program.term.base.sum() + 1e-3  # every step is at least a quarter
    tight = replace(
        program,
        rows=np.ones((1, 4)),
        row_lower=np.array([between]),
        row_upper=np.array([between + 1e-3]),
    )
    found = stepped_search.solve(tight, convex)
    assert found.status is Status.FAILED
    assert found.gap == np.inf


def test_arrays_of_another_layout_give_the_same_answer():
    program = program_of(np.random.default_rng(9), n=6)
    frozen = {}
    for name in ("loadings", "diagonal", "linear", "rows"):
        frozen[name] = np.asfortranarray(getattr(program, name))
        frozen[name].setflags(write=False)
    first, second = (stepped_search.solve(p, convex) for p in (program, replace(program, **frozen)))
    assert (first.x == second.x).all()


def test_the_same_draws_give_the_same_answer():
    program = program_of(np.random.default_rng(9), n=6)
    first, second = (stepped_search.solve(program, convex, rng=np.random.default_rng(5)) for _ in range(2))
    assert (first.x == second.x).all()


def test_a_problem_without_rows_and_without_factors_is_solved_exactly():
    rng = np.random.default_rng(2)
    program = program_of(rng, factors=0, rows=1)
    free = replace(program, rows=np.zeros((0, 4)), row_lower=np.zeros(0), row_upper=np.zeros(0))
    found = stepped_search.search(free, np.zeros(4), np.zeros(0))
    assert found.status is Status.OPTIMAL
    assert found.gap <= 1e-12


# ---- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["loadings", "diagonal", "linear", "rows", "row_lower", "row_upper"])
def test_what_is_no_number_is_refused_by_name(name):
    program = program_of(np.random.default_rng(1))
    broken = getattr(program, name).copy()
    broken.flat[0] = np.nan
    with pytest.raises(InvalidInput, match=rf"^{name} holds a value that is not finite"):
        replace_part(program, name, broken)


@pytest.mark.parametrize("name", ["loadings", "diagonal", "linear", "rows", "row_upper"])
def test_a_wrong_shape_is_refused_by_name(name):
    program = program_of(np.random.default_rng(1))
    with pytest.raises(InvalidInput, match=rf"^{name} has shape"):
        replace_part(program, name, getattr(program, name)[:-1])


def replace_part(program, name, value):
    parts = {field: getattr(program, field) for field in SteppedProgram.__dataclass_fields__}
    return SteppedProgram(**parts | {name: value})


def test_contradicting_sides_and_a_negative_diagonal_are_refused():
    program = program_of(np.random.default_rng(1))
    with pytest.raises(InvalidInput, match=r"^row_lower lies above row_upper"):
        replace_part(program, "row_lower", program.row_upper + 1)
    with pytest.raises(InvalidInput, match=r"^diagonal holds a negative"):
        replace_part(program, "diagonal", program.diagonal - 9)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("near", np.zeros(3)),
        ("near", np.full(4, np.nan)),
        ("multipliers", np.zeros(5)),
        ("starts", (np.full(4, np.inf),)),
        ("tolerance", 0.0),
        ("tolerance", np.nan),
        ("kicks", -1),
    ],
)
def test_a_bad_argument_of_the_search_is_refused_by_name(name, value):
    program = program_of(np.random.default_rng(1))
    arguments = {"near": np.zeros(4), "multipliers": np.zeros(2)} | {name: value}
    with pytest.raises(InvalidInput, match=rf"^{name} "):
        stepped_search.search(program, **arguments)
