"""Solving the separable programme: the answer is the best there is, proved here, and a solver that lies is found out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from separable_problems import known_optima, one_sided_slopes, program_of, programs, seeds

from portfolio_opt.optim.convex import by_cvxpy
from portfolio_opt.optim.convex.by_cvxpy import FEASIBLE, GAP, SOLVERS, solve
from portfolio_opt.optim.solution import Status

SMALL = 1e-4


@settings(max_examples=60, deadline=None)
@given(known=known_optima())
def test_a_problem_built_from_its_optimum_is_solved_to_it(known):
    solution = solve(known.program)
    best = known.program.objective(known.w)
    assert solution.status is Status.OPTIMAL
    assert solution.objective == pytest.approx(known.program.objective(solution.x))
    assert abs(solution.objective - best) <= 2e-6 * (1 + abs(best))
    if known.program.diagonal.min() > 0:  # then there is but one optimum, and this is how sharp it is
        apart = ((solution.x - known.w) ** 2 @ known.program.diagonal) / 2
        assert apart <= 2e-6 * (1 + abs(best))


@settings(max_examples=60, deadline=None)
@given(known=known_optima(), solver=st.sampled_from(SOLVERS))
def test_whatever_the_solver_returns_its_certificate_holds(known, solver):
    solution = solve(known.program, [solver])
    if solution.status is Status.FAILED:
        return
    best = known.program.objective(known.w)
    assert solution.residual == known.program.residual(solution.x) <= FEASIBLE
    assert solution.objective - solution.gap <= best + 1e-9 * (1 + abs(best))
    assert (solution.status is Status.OPTIMAL) == (solution.gap <= GAP)


@settings(max_examples=40, deadline=None)
@given(case=programs(names=(2, 6)), seed=seeds)
def test_no_feasible_point_is_better_than_the_certificate_allows(case, seed):
    program, points = case
    solution = solve(program)
    assert solution.status is not Status.FAILED
    best_seen = min(program.objective(point) for point in points)
    assert solution.objective <= best_seen + solution.gap + 1e-5 * (1 + abs(best_seen))
    towards = points[0] - solution.x
    for step in np.random.default_rng(seed).random(5):
        assert program.objective(solution.x + step * towards) >= solution.objective - solution.gap - 1e-5


@settings(max_examples=40, deadline=None)
@given(seed=seeds, n=st.integers(2, 10), twins=st.booleans(), room=st.sampled_from([1.0, 1.001, 2.0]))
def test_no_exchange_between_two_names_improves_a_fully_invested_answer(seed, n, twins, room):
    """With one budget row, optimal means: what a sold name gives up is at least what a bought name brings."""
    rng = np.random.default_rng(seed)
    start = rng.dirichlet(np.ones(n))
    program = replace(
        program_of(rng, start[None], q=1, twins=twins),
        rows=np.ones((1, n)),
        row_lower=np.ones(1),
        row_upper=np.ones(1),
        lower=np.zeros(n),
        upper=np.full(n, min(room / n, 1.0)),  # room 1: every name at its cap is the only feasible point
    )
    solution = solve(program)
    assert solution.status is Status.OPTIMAL
    assert solution.x.sum() == pytest.approx(1, abs=1e-5)
    # one-sided slopes a little away from the answer, as a solver stops a little away from a kink
    base = program.curvature_times(solution.x) - program.linear
    saved = base + one_sided_slopes(program, solution.x - SMALL)[0]
    spent = base + one_sided_slopes(program, solution.x + SMALL)[1]
    can_sell, can_buy = solution.x > program.lower + 2 * SMALL, solution.x < program.upper - 2 * SMALL
    tolerance = 10 * np.sqrt(GAP)  # a gap of g allows a slope of sqrt(g) and more where curvature is 1
    for i in np.flatnonzero(can_sell):
        for j in np.flatnonzero(can_buy):
            assert saved[i] <= spent[j] + tolerance


@settings(max_examples=20, deadline=None)
@given(seed=seeds, n=st.integers(2, 8))
def test_without_risk_the_optimum_is_that_of_the_linear_programme(seed, n):
    """Independent route: HiGHS on the linear programme with one variable for each piece of each cost."""
    rng = np.random.default_rng(seed)
    program = replace(
        program_of(rng, rng.dirichlet(np.ones(n), 2), q=2, kinks=2),
        loadings=np.zeros((n, 0)),
        diagonal=np.zeros(n),
        row_lower=np.full(2, -10.0),
    )
    edges = np.column_stack([program.lower, np.clip(program.kinks.T, program.lower, program.upper).T, program.upper])
    lengths = np.diff(edges)  # convex costs fill their pieces from the left
    prices = (program.slopes - program.linear[:, None]).ravel()
    rows = np.repeat(program.rows, 3, axis=1)
    base = program.rows @ program.lower
    capped = np.isfinite(program.row_upper)
    lp = linprog(
        prices,
        A_ub=np.vstack([rows[capped], -rows]),
        b_ub=np.concatenate([(program.row_upper - base)[capped], base - program.row_lower]),
        bounds=np.column_stack([np.zeros(3 * n), lengths.ravel()]),
        method="highs",
    )
    assert lp.status == 0
    solution = solve(program)
    assert solution.objective == pytest.approx(lp.fun + program.objective(program.lower), abs=1e-5)


def test_twins_share_the_weight_or_at_least_lose_nothing():
    rng = np.random.default_rng(5)
    program = replace(
        program_of(rng, rng.dirichlet(np.ones(6), 1), q=1, twins=True),
        rows=np.ones((1, 6)),
        row_lower=np.ones(1),
        row_upper=np.ones(1),
        lower=np.zeros(6),
        upper=np.ones(6),
    )
    solution = solve(program)
    swapped = solution.x[[3, 4, 5, 0, 1, 2]]
    assert program.objective(swapped) == pytest.approx(solution.objective, abs=1e-9)
    assert program.objective((solution.x + swapped) / 2) >= solution.objective - solution.gap - 1e-9


@pytest.mark.parametrize("exponent", [-4, -2, 0, 2, 3])
def test_scaling_the_objective_scales_the_optimum_and_never_breaks_the_certificate(exponent):
    rng = np.random.default_rng(11)
    plain = program_of(rng, rng.dirichlet(np.ones(8), 2), q=1)
    factor = 10.0**exponent
    scaled = replace(
        plain,
        loadings=plain.loadings * np.sqrt(factor),
        diagonal=plain.diagonal * factor,
        linear=plain.linear * factor,
        slopes=plain.slopes * factor,
    )
    exact, found = solve(plain), solve(scaled)
    assert found.status is not Status.FAILED
    assert found.objective - found.gap <= exact.objective * factor + 1e-9
    assert found.objective >= (exact.objective - exact.gap) * factor - 1e-6 * factor


def test_multipliers_are_the_price_of_one_more_unit_of_the_row():
    rng = np.random.default_rng(2)
    n, step = 6, 1e-3
    start = replace(
        program_of(rng, rng.dirichlet(np.ones(n), 1), q=1),
        rows=np.ones((1, n)),
        lower=np.zeros(n),
        upper=np.ones(n),
        row_lower=np.ones(1),
        row_upper=np.ones(1),
    )
    more = replace(start, row_lower=np.full(1, 1 + step), row_upper=np.full(1, 1 + step))
    price = (solve(start).objective - solve(more).objective) / step
    assert solve(start).multipliers[0] == pytest.approx(price, abs=0.02)


# ---- a solver that lies -------------------------------------------------------------------------------------------


@pytest.fixture
def program():
    rng = np.random.default_rng(7)
    return replace(
        program_of(rng, rng.dirichlet(np.ones(5), 1), q=1),
        rows=np.ones((1, 5)),
        row_lower=np.ones(1),
        row_upper=np.ones(1),
        lower=np.zeros(5),
        upper=np.ones(5),
    )


def lies(program):
    """What a solver may claim to be optimal, and what the trail says of it."""
    honest = solve(program)
    worse = np.roll(honest.x, 1)
    no_price = np.zeros(1)
    return {
        "another point": ((worse, honest.multipliers), "gap"),
        "weights that sum to 3.19": ((np.full(5, 3.19 / 5), honest.multipliers), "residual"),
        "NaN weights": ((np.full(5, np.nan), honest.multipliers), "residual nan"),
        "one NaN weight": ((np.where(np.arange(5) == 2, np.nan, honest.x), honest.multipliers), "residual nan"),
        "infinite weights": ((np.full(5, np.inf), honest.multipliers), "residual"),
        "NaN prices": ((honest.x, np.full(1, np.nan)), "gap inf"),
        "infinite prices": ((honest.x, np.full(1, np.inf)), "gap inf"),
        "wrong prices": ((honest.x, no_price + 50), "gap"),
        "a word": ("SolverError", "SolverError"),
    }


LIES = ("another point", "weights that sum to 3.19", "NaN weights", "one NaN weight", "infinite weights")
LIES += ("NaN prices", "infinite prices", "wrong prices", "a word")


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_solver_is_found_out_and_the_next_one_asked(monkeypatch, program, lie):
    told, in_trail = lies(program)[lie]
    honest, run = solve(program), by_cvxpy._run
    monkeypatch.setattr(by_cvxpy, "_run", lambda p, name: told if name == "LIAR" else run(p, name))
    solution = solve(program, ["LIAR", *SOLVERS])
    assert solution.status is Status.OPTIMAL
    assert solution.x == pytest.approx(honest.x, abs=1e-6)
    assert len(solution.trail) == 2
    assert solution.trail[0].startswith("LIAR: ")
    assert in_trail in solution.trail[0]
    assert solution.trail[1].startswith(SOLVERS[0])


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie not in ("another point", "wrong prices")])
def test_when_all_solvers_lie_there_is_no_answer(monkeypatch, program, lie):
    told, _ = lies(program)[lie]
    monkeypatch.setattr(by_cvxpy, "_run", lambda *_: told)
    solution = solve(program)
    assert len(solution.trail) == len(SOLVERS)
    if "prices" in lie:  # the point is good, but nothing proves it
        assert solution.status is Status.INACCURATE
        assert solution.gap == np.inf
    else:
        assert solution.status is Status.FAILED
        assert np.isnan(solution.x).all()
        assert solution.gap == solution.residual == np.inf


def test_of_several_inaccurate_answers_the_one_with_the_smallest_gap_is_kept_with_the_whole_trail(monkeypatch, program):
    honest = solve(program)
    equal = np.full(5, 0.2)
    told = {
        "FAR": (np.eye(5)[int(np.argmin(honest.x))], honest.multipliers),
        "UNPROVED": (honest.x, np.full(1, np.nan)),
        "NEAR": (honest.x * 0.99 + equal * 0.01, honest.multipliers),
        "MIDDLE": (equal, honest.multipliers),
    }
    monkeypatch.setattr(by_cvxpy, "_run", lambda _, name: told[name])
    solution = solve(program, list(told))
    assert solution.status is Status.INACCURATE
    assert solution.x == pytest.approx(told["NEAR"][0])
    assert [line.split(":")[0] for line in solution.trail] == list(told)


def test_a_point_a_hair_outside_its_box_is_put_back(monkeypatch, program):
    honest = solve(program)
    outside = np.where(honest.x < 1e-6, -1e-9, honest.x)
    monkeypatch.setattr(by_cvxpy, "_run", lambda *_: (outside, honest.multipliers))
    solution = solve(program)
    assert (solution.x >= program.lower).all()
    assert (solution.x <= program.upper).all()


def test_an_infeasible_programme_has_no_answer():
    rng = np.random.default_rng(1)
    n = 3
    program = replace(
        program_of(rng, rng.random((1, n)), q=1),
        rows=np.ones((1, n)),
        lower=np.zeros(n),
        upper=np.full(n, 0.1),
        row_lower=np.ones(1),
        row_upper=np.ones(1),
    )
    assert solve(program).status is Status.FAILED


def test_a_solver_that_is_not_installed_is_a_line_in_the_trail(program):
    solution = solve(program, ["NO_SUCH_SOLVER", "CLARABEL"])
    assert solution.status is Status.OPTIMAL
    assert solution.trail[0] == "NO_SUCH_SOLVER: SolverError"


def test_every_status_tells_the_reader_what_to_do():
    for status in Status:
        assert len(status.value.split()) > 5
