"""The exact front: every corner meets its first-order conditions, and between corners nothing else is needed."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.convex import critical_line as module
from portfolio_opt.optim.convex.critical_line import (
    EXACT,
    FactorCovariance,
    FrontProgram,
    critical_line,
    fully_invested,
)
from portfolio_opt.optim.solution import Status

seeds = st.integers(0, 2**32 - 1)


def covariance_of(rng, n, rank=None):
    root = rng.normal(size=(n, n if rank is None else rank)) * 0.2
    return root @ root.T


def random_program(rng, n=8, rows=0, rank=None, tight=False):
    """A programme with a budget, `rows` other rows, and a known feasible point."""
    inside = rng.dirichlet(np.ones(n))
    a = rng.integers(-1, 2, (rows, n)).astype(float)
    slack = 0.0 if tight else 0.1
    return FrontProgram(
        rng.normal(size=n),
        covariance_of(rng, n, rank),
        np.maximum(inside - rng.random(n), 0.0) * rng.integers(0, 2, n),
        np.minimum(inside + rng.random(n), 1.0),
        np.vstack([np.ones(n), a]),
        np.append(inside.sum(), np.where(rng.random(rows) < 0.3, -np.inf, a @ inside - slack * rng.random(rows))),
        np.append(inside.sum(), a @ inside + slack * rng.random(rows)),
    )


def worst_violation(program, appetite, w, multipliers):
    """The first-order conditions, said one by one; independent of the package's own check."""
    risk = program.covariance_times(w)
    slope = risk - appetite * program.mean + multipliers @ program.rows
    size = (
        (np.abs(program.covariance_times(np.eye(len(w)))) @ np.maximum(-program.lower, program.upper)).max()
        + appetite * np.abs(program.mean).max()
        + 1e-300
    )
    wrong = [0.0, (program.lower - w).max(), (w - program.upper).max()]
    for i in range(len(w)):
        if w[i] > program.lower[i] + 1e-10:  # it could be sold: that must not pay
            wrong.append(slope[i] / size)
        if w[i] < program.upper[i] - 1e-10:  # it could be bought
            wrong.append(-slope[i] / size)
    for row, low, high, price in zip(program.rows, program.row_lower, program.row_upper, multipliers, strict=True):
        value = row @ w
        wrong += [low - value, value - high]
        if value < high - 1e-10:
            wrong.append(price / size)
        if value > low + 1e-10:
            wrong.append(-price / size)
    return max(wrong)


def assert_exact(front):
    assert front.status is Status.OPTIMAL
    assert front.exact
    assert front.appetite[-1] == 0
    for corner in zip(front.appetite, front.weights, front.multipliers, strict=True):
        assert worst_violation(front.program, *corner) <= EXACT
    steps = zip(front.appetite, front.appetite[1:], front.weights, front.weights[1:], strict=False)
    for k, (high, low, first, last) in enumerate(steps):  # linear in between, so the middle is optimal too
        prices = (front.multipliers[k] + front.multipliers[k + 1]) / 2
        assert worst_violation(front.program, (high + low) / 2, (first + last) / 2, prices) <= EXACT
    beyond = front.appetite[0] * 100 + 100  # the first corner stays best for every larger appetite
    assert best_value(front.program, beyond) >= value(front.program, beyond, front.weights[0]) - 1e-6 * beyond
    assert (np.diff(front.mean) <= 1e-12).all()
    assert (np.diff(front.variance) <= 1e-12).all()
    assert_convex(front)
    program = front.program
    assert (front.weights >= program.lower).all()
    assert (front.weights <= program.upper).all()
    values = front.weights @ program.rows.T
    assert (values >= program.row_lower - 1e-12).all()
    assert (values <= program.row_upper + 1e-12).all()


def assert_convex(front):
    """Variance per unit of mean given up falls along the front."""
    mean, variance = -front.mean, front.variance
    moved = np.flatnonzero(np.diff(mean) > 1e-9)
    price = np.diff(variance)[moved] / np.diff(mean)[moved]
    assert (np.diff(price) >= -1e-6 * (1 + np.abs(price).max(initial=0.0))).all()


def value(program, appetite, w):
    return w @ program.covariance_times(w) / 2 - appetite * program.mean @ w


def best_value(program, appetite):
    """Independent route: Clarabel through cvxpy."""
    import cvxpy as cp

    n = len(program.mean)
    w = cp.Variable(n)
    values, vectors = np.linalg.eigh(program.covariance_times(np.eye(n)))
    root = vectors * np.sqrt(np.clip(values, 0, None))
    limits = [w >= program.lower, w <= program.upper]
    for row, low, high in zip(program.rows, program.row_lower, program.row_upper, strict=True):
        limits += [row @ w >= low] if np.isfinite(low) else []
        limits += [row @ w <= high] if np.isfinite(high) else []
    scale = 1 + appetite
    problem = cp.Problem(cp.Minimize((cp.sum_squares(root.T @ w) / 2 - appetite * program.mean @ w) / scale), limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the last digits may be out of its reach
        problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return problem.value * scale


@settings(max_examples=25, deadline=None)
@given(seed=seeds, n=st.integers(2, 9), rows=st.integers(0, 3))
def test_the_front_is_that_of_single_solves(seed, n, rows):
    front = critical_line(random_program(np.random.default_rng(seed), n, rows))
    assert_exact(front)
    for appetite in (0.0, 0.03, 0.3, 3.0):
        w = front.at_risk_aversion(1 / appetite if appetite else np.inf)
        assert value(front.program, appetite, w) == pytest.approx(best_value(front.program, appetite), abs=1e-8)


@settings(max_examples=80, deadline=None)
@given(
    seed=seeds,
    n=st.integers(1, 14),
    rows=st.integers(0, 4),
    rank=st.integers(0, 14),
    tight=st.booleans(),
    ties=st.booleans(),
    twins=st.booleans(),
)
def test_ties_twins_singular_covariances_and_tight_rows(seed, n, rows, rank, tight, ties, twins):
    rng = np.random.default_rng(seed)
    program = random_program(rng, n, rows, rank, tight)
    if ties:
        program = replace(program, mean=np.round(program.mean))
    if twins:
        twin = np.arange(n) // 2 * 2
        program = replace(program, mean=program.mean[twin], covariance=program.covariance[np.ix_(twin, twin)])
    assert_exact(critical_line(program))


@settings(max_examples=20, deadline=None)
@given(seed=seeds, days=st.integers(2, 12))
def test_fewer_days_than_names(seed, days):
    daily = np.random.default_rng(seed).normal(size=(days, 20))
    assert_exact(critical_line(fully_invested(daily.mean(0), np.cov(daily.T), 0.0, 0.2)))


def test_caps_that_just_exhaust_the_budget_leave_one_portfolio():
    rng = np.random.default_rng(1)
    front = critical_line(fully_invested(rng.normal(size=10), covariance_of(rng, 10), 0.0, 0.1))
    assert_exact(front)
    assert front.weights == pytest.approx(np.full_like(front.weights, 0.1), abs=1e-15)


def test_caps_that_bind_at_the_start():
    rng = np.random.default_rng(2)
    front = critical_line(fully_invested(rng.normal(size=12), covariance_of(rng, 12), 0.0, 0.25))
    assert_exact(front)
    assert sorted(front.weights[0])[-4:] == [0.25] * 4  # four names at their caps are a whole portfolio


def test_one_and_two_names():
    one = critical_line(fully_invested(np.array([0.1]), np.array([[0.04]])))
    assert one.weights == pytest.approx(np.ones((1, 1)))
    two = critical_line(fully_invested(np.array([0.2, 0.1]), np.diag([0.04, 0.01])))
    assert two.weights == pytest.approx(np.array([[1.0, 0.0], [0.2, 0.8]]))  # by hand: variance 0.04 x² + 0.01 (1-x)²
    assert two.appetite == pytest.approx([0.4, 0.0])  # by hand: 0.04 - 0.2 t = 0 - 0.1 t


def test_equal_means_make_the_front_a_point():
    rng = np.random.default_rng(3)
    front = critical_line(fully_invested(np.full(9, 0.1), covariance_of(rng, 9)))
    assert_exact(front)
    assert len(front.weights) == 1


def test_lower_equal_to_upper_leaves_those_names_alone():
    rng = np.random.default_rng(4)
    fixed = np.where(np.arange(8) < 3, 0.1, 0.0)
    front = critical_line(
        fully_invested(rng.normal(size=8), covariance_of(rng, 8), fixed, np.where(fixed > 0, 0.1, 1.0))
    )
    assert_exact(front)
    assert (front.weights[:, :3] == 0.1).all()
    everything = np.full(8, 1 / 8)
    front = critical_line(fully_invested(rng.normal(size=8), covariance_of(rng, 8), everything, everything))
    assert_exact(front)


def test_no_rows_at_all():
    rng = np.random.default_rng(5)
    none = np.zeros((0, 6)), np.zeros(0), np.zeros(0)
    front = critical_line(FrontProgram(rng.normal(size=6), covariance_of(rng, 6), np.full(6, -1.0), np.ones(6), *none))
    assert_exact(front)
    assert front.weights[-1] == pytest.approx(np.zeros(6), abs=1e-12)


def test_the_published_example_of_bailey_and_lopez_de_prado():
    """Ten assets, long only: "An Open-Source Implementation of the Critical-Line Algorithm for Portfolio Optimization",
    Algorithms 6 (2013), tables 1 and 2: ten turning points, from the largest mean to the smallest variance."""
    mean = [1.175, 1.19, 0.396, 1.12, 0.346, 0.679, 0.089, 0.73, 0.481, 1.08]
    triangle = """0.40755159
        0.03175842 0.9063047
        0.05183923 0.03136385 0.19490901
        0.0566390 0.02687256 0.04408485 0.19528471
        0.0330226 0.01917172 0.03006772 0.02777345 0.34059105
        0.00827775 0.00934384 0.01322738 0.00526667 0.00777058 0.15983874
        0.02165938 0.02495043 0.03525971 0.01375808 0.0206784 0.02105575 0.68056711
        0.01332419 0.00761036 0.0115493 0.00780611 0.00736407 0.00518063 0.01377874 0.95526918
        0.0343476 0.02873984 0.04275135 0.02914176 0.02542657 0.01723229 0.03834814 0.00876977 0.31681584
        0.0224990 0.01336866 0.02057303 0.01640377 0.01284075 0.00723779 0.01926088 0.00761036 0.02153856 0.11034557"""
    covariance = np.zeros((10, 10))
    for i, line in enumerate(triangle.splitlines()):
        covariance[i, : i + 1] = covariance[: i + 1, i] = [float(x) for x in line.split()]
    front = critical_line(fully_invested(np.array(mean), covariance))
    assert_exact(front)
    assert front.mean[0] == pytest.approx(1.19)
    assert np.sqrt(front.variance[0]) == pytest.approx(0.952, abs=5e-4)
    assert front.mean[1] == pytest.approx(1.180, abs=6e-4)  # 64.9% and 35.1% in the two best names
    assert front.weights[1, :2] == pytest.approx([0.649, 0.351], abs=6e-4)


@pytest.mark.parametrize("n", [3, 30])
def test_factor_form_and_dense_form_have_the_same_front(n):
    rng = np.random.default_rng(6)
    factors = FactorCovariance(rng.normal(size=(n, 2)), rng.uniform(0.1, 1, n))
    program = fully_invested(rng.normal(size=n), factors, 0.0, 0.4)
    dense = replace(program, covariance=program.covariance_times(np.eye(n)))
    by_factors, by_matrix = critical_line(program), critical_line(dense)
    assert_exact(by_factors)
    assert by_factors.weights == pytest.approx(by_matrix.weights, abs=1e-10)
    assert by_factors.appetite == pytest.approx(by_matrix.appetite, rel=1e-10)


@pytest.mark.parametrize("mean_scale", [1e-6, 1.0, 1e5])
@pytest.mark.parametrize("risk_scale", [1e-8, 1.0, 1e6])
def test_scaling_changes_the_units_and_nothing_else(mean_scale, risk_scale):
    program = random_program(np.random.default_rng(7), 12, 2)
    plain = critical_line(program)
    scaled = critical_line(replace(program, mean=program.mean * mean_scale, covariance=program.covariance * risk_scale))
    assert scaled.weights == pytest.approx(plain.weights, abs=1e-9)
    assert scaled.appetite * mean_scale / risk_scale == pytest.approx(plain.appetite, rel=1e-9)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_the_order_of_names_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, 10, 2)
    order = rng.permutation(10)
    moved = FrontProgram(
        program.mean[order],
        program.covariance[np.ix_(order, order)],
        program.lower[order],
        program.upper[order],
        program.rows[:, order],
        program.row_lower,
        program.row_upper,
    )
    assert critical_line(moved).weights == pytest.approx(critical_line(program).weights[:, order], abs=1e-9)


def test_more_names_than_pivots_are_expected_for():
    rng = np.random.default_rng(8)
    n = 120
    sectors = (np.arange(n) % 6 == np.arange(6)[:, None]).astype(float)
    program = FrontProgram(
        rng.normal(size=n),
        covariance_of(rng, n),
        np.zeros(n),
        np.full(n, 0.05),
        np.vstack([np.ones(n), sectors]),
        np.append(1.0, np.full(6, 0.05)),
        np.append(1.0, np.full(6, 0.3)),
    )
    front = critical_line(program)
    assert_exact(front)
    assert front.pivots >= n / 2


# ---- questions asked of a front -----------------------------------------------------------------------------------


@pytest.fixture
def front():
    return critical_line(random_program(np.random.default_rng(9), 9, 1))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_asked_for_a_mean_it_has_that_mean_and_the_smallest_variance(front, share):
    wanted = front.mean[-1] + share * (front.mean[0] - front.mean[-1])
    w = front.at_return(wanted)
    assert w @ front.program.mean == pytest.approx(wanted, abs=1e-12)
    program = front.program
    with_mean = replace(
        program,
        mean=np.zeros_like(program.mean),
        rows=np.vstack([program.rows, program.mean]),
        row_lower=np.append(program.row_lower, wanted - 1e-9),
        row_upper=np.append(program.row_upper, wanted + 1e-9),
    )
    assert value(with_mean, 0.0, w) == pytest.approx(best_value(with_mean, 0.0), abs=1e-7)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_asked_for_a_volatility_it_has_it_to_the_last_digit(front, share):
    ends = np.sqrt(front.variance[[-1, 0]])
    wanted = ends[0] + share * (ends[1] - ends[0])
    w = front.at_volatility(wanted)
    assert np.sqrt(w @ front.program.covariance_times(w)) == pytest.approx(wanted, rel=1e-9)
    assert front.at_return(w @ front.program.mean) == pytest.approx(w, abs=1e-6)


def test_more_volatility_than_the_front_has_is_not_used(front):
    assert front.at_volatility(100.0) == pytest.approx(front.weights[0])


def test_questions_outside_the_front_are_answered_with_its_range(front):
    with pytest.raises(NoSolution, match="runs from"):
        front.at_return(front.mean[0] + 0.1)
    with pytest.raises(NoSolution, match="runs from"):
        front.at_return(front.mean[-1] - 0.1)
    with pytest.raises(NoSolution, match="smallest"):
        front.at_volatility(np.sqrt(front.variance[-1]) * 0.9)
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(InvalidInput, match="risk_aversion"):
            front.at_risk_aversion(wrong)


# ---- what it does when it cannot -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pivot_limit", [0, 1, 5])
def test_when_pivots_run_out_the_rest_is_a_certified_sweep_and_says_so(pivot_limit):
    program = random_program(np.random.default_rng(10), 10, 2)
    front, exact = critical_line(program, pivot_limit), critical_line(program)
    assert front.status is Status.INACCURATE
    assert not front.exact
    assert "single optima" in front.trail[-1]
    for appetite, w, gap in zip(front.appetite, front.weights, front.gap, strict=True):
        best = value(program, appetite, exact.at_risk_aversion(1 / appetite if appetite else np.inf))
        assert value(program, appetite, w) - best <= gap + 1e-9 * (1 + appetite)
        assert gap <= 1e-5 * (1 + appetite)


@pytest.mark.parametrize(
    "breakage",
    [
        lambda a, w, p: (a, np.roll(w, 1, axis=1), p),
        lambda a, w, p: (a, w + 1e-6, p),
        lambda a, w, p: (a * 1.01, w, p),
        lambda a, w, p: (a, w, -p),
        lambda a, w, p: (a, w, p * 0),
    ],
    ids=["other weights", "budget missed", "other appetite", "prices turned", "no prices"],
)
def test_corners_that_are_wrong_are_found_out(monkeypatch, breakage):
    """Both by the package's check, which then sweeps, and by the one of these tests."""
    program = random_program(np.random.default_rng(11), 8, 1)
    right = module._pivot
    broken = []

    def wrong(*arguments):
        *corners, pivots, ending = right(*arguments)
        broken.extend(zip(*breakage(*corners), strict=True))
        return *breakage(*corners), pivots, ending

    monkeypatch.setattr(module, "_pivot", wrong)
    front = critical_line(program)
    assert front.status is Status.INACCURATE
    assert not front.exact
    assert max(worst_violation(program, *corner) for corner in broken) > EXACT


@pytest.mark.parametrize(("low", "high", "upper"), [(1.0, 1.0, 0.1), (2.0, np.inf, 0.3)], ids=["budget", "inequality"])
def test_limits_that_nothing_meets_are_refused_with_a_proof(low, high, upper):
    program = replace(
        fully_invested(np.arange(5.0), np.eye(5), 0.0, upper), row_lower=np.array([low]), row_upper=np.array([high])
    )
    front = critical_line(program)
    assert front.status is Status.INFEASIBLE
    slope = front.certificate @ program.rows  # a combination of the rows that asks for more than the box has
    least = np.minimum(slope * program.lower, slope * program.upper).sum()
    assert least > (front.certificate * np.where(front.certificate > 0, program.row_upper, program.row_lower)).sum()
    with pytest.raises(NoSolution, match="no portfolio"):
        front.at_return(0.1)


# ---- what is refused ----------------------------------------------------------------------------------------------


FINITE = ("mean", "covariance", "lower", "upper", "rows")


@pytest.mark.parametrize(
    ("name", "bad"),
    [(name, np.nan) for name in (*FINITE, "row_lower", "row_upper")] + [(name, np.inf) for name in FINITE],
)
def test_a_value_that_is_no_number_is_refused_by_name(name, bad):
    program = random_program(np.random.default_rng(12), 4, 1)
    broken = getattr(program, name).copy()
    broken.flat[0] = bad
    with pytest.raises(InvalidInput, match=f"^{name} "):
        replace(program, **{name: broken})


@pytest.mark.parametrize("name", ["mean", "covariance", "lower", "upper", "rows", "row_upper"])
def test_another_shape_is_refused_by_name(name):
    program = random_program(np.random.default_rng(12), 4, 1)
    with pytest.raises(InvalidInput, match="has shape"):
        replace(program, **{name: getattr(program, name)[:-1]})


def test_what_is_no_covariance_is_refused():
    with pytest.raises(InvalidInput, match="covariance is not positive semidefinite"):
        fully_invested(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(InvalidInput, match="covariance is not symmetric"):
        fully_invested(np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]]))
    with pytest.raises(InvalidInput, match="specific"):
        fully_invested(np.zeros(2), FactorCovariance(np.ones((2, 1)), np.array([1.0, -1.0])))
    with pytest.raises(InvalidInput, match="loadings"):
        fully_invested(np.zeros(2), FactorCovariance(np.ones((3, 1)), np.ones(2)))


def test_sides_that_cross_are_refused():
    with pytest.raises(InvalidInput, match="lower lies above upper"):
        fully_invested(np.zeros(2), np.eye(2), 0.6, 0.5)


# ---- former bugs ---------------------------------------------------------------------------------------------------


def front_of_six(seed, means=1.0, rows=1.0):
    """Six uncorrelated names under a budget and one more row, with means and rows in other units."""
    rng = np.random.default_rng(seed)
    mean, tilt = rng.normal(size=6), rng.normal(size=6)
    program = FrontProgram(
        mean=means * mean,
        covariance=np.eye(6),
        lower=np.zeros(6),
        upper=np.ones(6),
        rows=rows * np.vstack([np.ones(6), tilt]),
        row_lower=rows * np.array([1, -np.inf]),
        row_upper=rows * np.array([1, 0.5]),
    )
    return critical_line(program)


@pytest.mark.parametrize("unit", [1e-12, 1e-9, 1e-6, 1e6])
@pytest.mark.parametrize("counted", ["means", "rows"])
def test_small_means_were_ignored_and_small_rows_taken_as_met(counted, unit):
    for seed in range(20):
        one, other = front_of_six(seed), front_of_six(seed, **{counted: unit})
        assert other.status is one.status is Status.OPTIMAL
        assert other.weights == pytest.approx(one.weights, abs=1e-7)


def test_a_budget_in_a_small_unit_is_met():
    one = critical_line(fully_invested(np.array([1.0, 2.0]), np.eye(2)))
    small = FrontProgram(
        np.array([1.0, 2.0]),
        np.eye(2),
        np.zeros(2),
        np.ones(2),
        np.full((1, 2), 1e-9),
        np.full(1, 1e-9),
        np.full(1, 1e-9),
    )
    assert critical_line(small).weights == pytest.approx(one.weights, abs=1e-9)


def test_a_sweep_keeps_only_points_that_meet_the_limits(monkeypatch):
    monkeypatch.setattr(module, "_by_piqp", lambda _, grid: (np.ones((len(grid), 2)), np.zeros((len(grid), 1))))
    front = critical_line(fully_invested(np.array([1.0, 2.0]), np.eye(2)), pivot_limit=0)
    assert front.weights.sum(1) == pytest.approx(np.ones(len(front.weights)), abs=1e-7)


@pytest.mark.parametrize("limit", [-0.5, 0.5])
def test_a_row_without_entries_that_asks_for_something_has_a_certificate(limit):
    rows = np.vstack([np.ones(3), np.zeros(3)])
    sides = np.array([1.0, limit])
    front = critical_line(FrontProgram(np.arange(3.0), np.eye(3), np.zeros(3), np.ones(3), rows, sides, sides))
    assert front.status is Status.INFEASIBLE
    assert front.certificate[0] == 0
    assert front.certificate @ sides < 0


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"row_lower": np.array([np.inf]), "row_upper": np.array([np.inf])}, "row_lower"),
        ({"row_lower": np.array([-np.inf]), "row_upper": np.array([-np.inf])}, "row_upper"),
        ({"mean": ["a", "b", "c"]}, "mean"),
        ({"covariance": None}, "covariance"),
        ({"covariance": np.eye(3) * 1j}, "covariance"),
    ],
)
def test_what_holds_no_numbers_was_a_traceback(change, names):
    parts = {
        "mean": np.arange(3.0),
        "covariance": np.eye(3),
        "lower": np.zeros(3),
        "upper": np.ones(3),
        "rows": np.ones((1, 3)),
        "row_lower": np.ones(1),
        "row_upper": np.ones(1),
    }
    with pytest.raises(InvalidInput, match=f"^{names} "):
        FrontProgram(**{**parts, **change})


@pytest.mark.parametrize("kind", [list, np.float32, int])
def test_lists_and_other_numbers_were_a_traceback(kind):
    mean, covariance = np.array([1.0, 2.0, 3.0]), np.eye(3)
    as_given = (lambda a: a.tolist()) if kind is list else (lambda a: a.astype(kind))
    one = critical_line(fully_invested(mean, covariance))
    other = critical_line(fully_invested(as_given(mean), as_given(covariance)))
    assert other.weights == pytest.approx(one.weights, abs=1e-12)
