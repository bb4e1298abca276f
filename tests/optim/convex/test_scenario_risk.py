"""CVaR, worst case and drawdown by their definitions, and what a bundle makes of them against the whole linear programme."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex import bundle
from portfolio_opt.optim.convex.bundle import ScenarioSolution, least_risk
from portfolio_opt.optim.convex.risk_oracle import EveryRow, NearRows
from portfolio_opt.optim.convex.scenario_risk import CVaR, Drawdown, ScenarioProgram, Scenarios, WorstCase
from portfolio_opt.optim.convex.separable import SeparableProgram
from portfolio_opt.optim.solution import Status

seeds = st.integers(0, 2**32 - 1)


def rest_of(rng, n, cap=0.6, cost=0.002, mean=0.0, **changed):
    """Fully invested, one more row, costs of trading away from equal weights."""
    held = np.full(n, 1 / n)
    parts = {
        "loadings": np.zeros((n, 0)),
        "diagonal": np.zeros(n),
        "linear": mean * rng.normal(size=n),
        "kinks": held[:, None],
        "slopes": np.tile([-cost, 2 * cost], (n, 1)),
        "origin": held,
        "lower": np.zeros(n),
        "upper": np.full(n, max(cap, 1.5 / n)),
        "rows": np.vstack([np.ones(n), np.arange(n) % 2 == 0]),
        "row_lower": np.array([1.0, -np.inf]),
        "row_upper": np.array([1.0, 0.8]),
    }
    return SeparableProgram(**parts | changed)


def by_definition(losses, alpha):
    """CVaR as a minimum over the threshold (Rockafellar and Uryasev 2000), which is at one of the losses."""
    return min(t + np.clip(losses - t, 0, None).sum() / ((1 - alpha) * len(losses)) for t in losses)


def drawdown_by_definition(earned, length, alpha):
    falls = []
    for path in earned.reshape(-1, length):
        level = np.append(0.0, np.cumsum(path))
        falls.append(max(level[a] - level[b] for a in range(len(level)) for b in range(a, len(level))))
    return by_definition(np.array(falls), alpha)


def by_linear_programme(scenarios, rest, alpha, length=None):
    """The least objective by HiGHS on the full LP; with a length, of the paths' drawdowns."""
    count, n = scenarios.shape
    paths = count if length is None else count // length
    pieces = 2  # w = lower + pieces, each with its slope
    edges = np.column_stack([rest.lower, np.clip(rest.kinks, rest.lower[:, None], rest.upper[:, None]), rest.upper])
    width = np.diff(edges)
    size = pieces * n + 1 + paths + (0 if length is None else count)
    cost = np.zeros(size)
    cost[: pieces * n] = (rest.slopes - rest.linear[:, None]).ravel()
    cost[pieces * n] = 1.0
    cost[pieces * n + 1 : pieces * n + 1 + paths] = 1 / ((1 - alpha) * paths)
    spread = np.repeat(np.eye(n), pieces, axis=1)
    rows, limits = [], []
    for s in range(count):
        if length is None:  # excess_s >= loss_s - t
            row = np.zeros(size)
            row[: pieces * n] = -scenarios[s] @ spread
            row[pieces * n], row[pieces * n + 1 + s] = -1, -1
            rows.append(row)
            limits.append(scenarios[s] @ rest.lower)
            continue
        # depth_s >= depth_(s-1) - return, depth >= 0, excess of the path >= depth - t
        row = np.zeros(size)
        row[: pieces * n] = -scenarios[s] @ spread
        row[pieces * n + 1 + paths + s] = -1
        if s % length:
            row[pieces * n + 1 + paths + s - 1] = 1
        rows.append(row)
        limits.append(scenarios[s] @ rest.lower)
        row = np.zeros(size)
        row[pieces * n + 1 + paths + s], row[pieces * n], row[pieces * n + 1 + s // length] = 1, -1, -1
        rows.append(row)
        limits.append(0.0)
    value = rest.rows @ spread
    base = rest.rows @ rest.lower
    equal = rest.row_lower == rest.row_upper
    pad = np.zeros((len(value), size - pieces * n))
    every = np.hstack([value, pad])
    capped, floored = ~equal & np.isfinite(rest.row_upper), ~equal & np.isfinite(rest.row_lower)
    bounds = [(0, x) for x in width.ravel()] + [(None, None)] + [(0, None)] * (size - pieces * n - 1)
    found = linprog(
        cost,
        A_ub=np.vstack([rows, every[capped], -every[floored]]),
        b_ub=np.concatenate([limits, (rest.row_upper - base)[capped], (base - rest.row_lower)[floored]]),
        A_eq=every[equal] if equal.any() else None,
        b_eq=(rest.row_upper - base)[equal] if equal.any() else None,
        bounds=bounds,
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert found.status == 0
    return found.fun + rest.cost(rest.lower).sum() - rest.linear @ rest.lower


def assert_certified(solution, program, best):
    """Feasible, its objective as said, never below the best by more than rounding, and the gap an honest bound."""
    x, rest = solution.x, program.rest
    size = (
        abs(solution.risk) + np.abs(rest.linear) @ np.abs(x) + np.abs(rest.cost(x)).sum() + x @ rest.curvature_times(x)
    )
    size = max(size, 1e-4 * np.abs(x).sum() * max(np.abs(block).max() for block in program.scenarios.blocks))
    assert solution.status is Status.OPTIMAL
    assert program.rest.residual(solution.x) == solution.residual <= 1e-9
    assert solution.objective - best >= -1e-8 * size
    assert solution.objective - solution.gap <= best + 1e-9 * size
    assert solution.relative_gap <= 1e-6
    assert solution.objective - best <= 1.1e-6 * size


# ---- the measures -------------------------------------------------------------------------------------------------


@given(
    seed=seeds, count=st.integers(1, 30), alpha=st.sampled_from([0.0, 0.1, 0.5, 0.77, 0.95, 0.999]), ties=st.booleans()
)
@settings(max_examples=100, deadline=None)
def test_cvar_is_the_minimum_over_thresholds_and_its_cut_is_below_it_everywhere(seed, count, alpha, ties):
    rng = np.random.default_rng(seed)
    scenarios = rng.normal(size=(count, 4))
    scenarios = np.round(scenarios) if ties else scenarios
    program = ScenarioProgram(Scenarios(scenarios), CVaR(alpha), rest_of(rng, 4))
    for look in (EveryRow(program), NearRows(program.scenarios, CVaR(alpha).losses_averaged(count))):
        w = rng.normal(size=4)
        for step in (1.0, 0.1, 0.01, 0.001):
            w = w + step * rng.normal(size=4)
            risk, cut = look(w)
            assert risk == pytest.approx(by_definition(-scenarios @ w, alpha), abs=1e-12)
            for other in (w + 0.1 * rng.normal(size=4), rng.normal(size=4)):
                assert cut @ other <= by_definition(-scenarios @ other, alpha) + 1e-12
            beyond = np.sort(-scenarios @ w)[::-1][: int(np.ceil((1 - alpha) * count - 1e-12)) or 1]
            assert look.threshold == pytest.approx(beyond[-1], abs=1e-12)


@given(seed=seeds, paths=st.integers(1, 6), length=st.integers(1, 7), alpha=st.sampled_from([0.0, 0.5, 0.9]))
@settings(max_examples=60, deadline=None)
def test_drawdown_is_the_largest_fall_from_a_peak(seed, paths, length, alpha):
    rng = np.random.default_rng(seed)
    scenarios = rng.normal(size=(paths * length, 3))
    look = EveryRow(ScenarioProgram(Scenarios(scenarios), Drawdown(length, alpha), rest_of(rng, 3)))
    w, other = rng.normal(size=(2, 3))
    risk, cut = look(w)
    assert risk == pytest.approx(drawdown_by_definition(scenarios @ w, length, alpha), abs=1e-12)
    assert cut @ other <= drawdown_by_definition(scenarios @ other, length, alpha) + 1e-12


def test_the_worst_case_is_the_largest_loss():
    rng = np.random.default_rng(1)
    scenarios = rng.normal(size=(20, 3))
    w = rng.normal(size=3)
    risk, _ = EveryRow(ScenarioProgram(Scenarios(scenarios), WorstCase(), rest_of(rng, 3)))(w)
    assert risk == pytest.approx((-scenarios @ w).max())


def test_scenarios_that_cannot_matter_are_not_multiplied_and_nothing_changes():
    rng = np.random.default_rng(2)
    scenarios = Scenarios(rng.normal(size=(5000, 20)))
    program = ScenarioProgram(scenarios, CVaR(0.9), rest_of(rng, 20))
    every, near = EveryRow(program), NearRows(scenarios, 500.0)
    w = np.full(20, 0.05)
    for step in 0.3 ** np.arange(12):
        w = w + 0.02 * step * rng.normal(size=20)
        for ours, truth in zip(near(w), every(w), strict=True):
            assert ours == pytest.approx(truth, abs=1e-14)
        assert near.threshold == pytest.approx(every.threshold, abs=1e-14)
    assert near.rows < every.rows / 2


# ---- the whole solve ----------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    seed=seeds,
    count=st.sampled_from([1, 2, 7, 40, 150]),
    alpha=st.sampled_from([0.0, 0.33, 0.9, 0.999999]),
    twins=st.booleans(),
    ties=st.booleans(),
    mean=st.sampled_from([0.0, 0.01]),
)
def test_the_least_cvar_is_that_of_the_linear_programme(seed, count, alpha, twins, ties, mean):
    rng = np.random.default_rng(seed)
    scenarios = rng.normal(size=(count, 6)) * 0.02
    scenarios = np.round(scenarios, 2) if ties else scenarios
    if twins:  # the same scenario twice, the same name twice
        scenarios = np.vstack([scenarios, scenarios])[:, [0, 0, 2, 2, 4, 5]]
    program = ScenarioProgram(Scenarios(scenarios), CVaR(alpha), rest_of(rng, 6, mean=mean))
    mass = max(1 - alpha, 1 / len(scenarios))  # below one scenario it is the worst case
    assert_certified(least_risk(program), program, by_linear_programme(scenarios, program.rest, 1 - mass))


@settings(max_examples=15, deadline=None)
@given(seed=seeds, paths=st.integers(1, 8), length=st.integers(1, 8), alpha=st.sampled_from([0.0, 0.6]))
def test_the_least_drawdown_is_that_of_the_linear_programme(seed, paths, length, alpha):
    rng = np.random.default_rng(seed)
    scenarios = rng.normal(size=(paths * length, 5)) * 0.02
    program = ScenarioProgram(Scenarios(scenarios), Drawdown(length, alpha), rest_of(rng, 5))
    mass = max(1 - alpha, 1 / paths)
    assert_certified(least_risk(program), program, by_linear_programme(scenarios, program.rest, 1 - mass, length))


def test_the_least_worst_case_is_that_of_the_linear_programme():
    rng = np.random.default_rng(3)
    scenarios = rng.normal(size=(60, 7)) * 0.02
    program = ScenarioProgram(Scenarios(scenarios), WorstCase(), rest_of(rng, 7))
    assert_certified(least_risk(program), program, by_linear_programme(scenarios, program.rest, 1 - 1 / 60))


def test_many_scenarios_caps_costs_and_sector_rows_together():
    rng = np.random.default_rng(4)
    n, sectors = 40, 5
    scenarios = rng.standard_t(4, size=(600, n)) * 0.01 + rng.normal(size=(600, 1)) * 0.01
    rest = rest_of(rng, n, cap=0.1)
    rest = replace(
        rest,
        rows=np.vstack([np.ones(n), np.arange(n) % sectors == np.arange(sectors)[:, None]]),
        row_lower=np.append(1.0, np.full(sectors, 0.05)),
        row_upper=np.append(1.0, np.full(sectors, 0.25)),
    )
    program = ScenarioProgram(Scenarios(scenarios), CVaR(0.95), rest)
    assert_certified(least_risk(program), program, by_linear_programme(scenarios, rest, 0.95))


def test_a_quadratic_beside_the_risk():
    """Independent route: Clarabel through cvxpy."""
    import cvxpy as cp

    rng = np.random.default_rng(5)
    scenarios = rng.normal(size=(200, 8)) * 0.02
    rest = rest_of(rng, 8, loadings=rng.normal(size=(8, 2)) * 0.1, diagonal=rng.random(8) * 0.1)
    w = cp.Variable(8)
    cost = cp.sum(cp.maximum(-0.002 * (w - 1 / 8), 0.004 * (w - 1 / 8)))
    square = cp.sum_squares(rest.loadings.T @ w) + cp.sum_squares(cp.multiply(np.sqrt(rest.diagonal), w))
    limits = [w >= 0, w <= rest.upper, cp.sum(w) == 1, rest.rows[1] @ w <= 0.8]
    risk = cp.sum_largest(-scenarios @ w, 20) / 20
    best = cp.Problem(cp.Minimize(risk + cost + square / 2), limits).solve(solver=cp.CLARABEL, tol_gap_rel=1e-10)
    program = ScenarioProgram(Scenarios(scenarios), CVaR(0.9), rest)
    assert_certified(least_risk(program), program, best)


def test_a_sketch_of_many_scenarios_only_shows_where_to_start(monkeypatch):
    rng = np.random.default_rng(6)
    scenarios = rng.normal(size=(4000, 10)) * 0.02
    program = ScenarioProgram(Scenarios(scenarios), CVaR(0.95), rest_of(rng, 10))
    plain = least_risk(program)
    monkeypatch.setattr(bundle, "THIN_ROWS", 1000)
    sketched = least_risk(program)
    assert sketched.relative_gap <= 1e-6
    assert abs(sketched.objective - plain.objective) <= plain.gap + sketched.gap


def test_blocks_float32_and_files_are_the_same_scenarios(tmp_path):
    rng = np.random.default_rng(7)
    stored = (rng.normal(size=(900, 8)) * 0.02).astype(np.float32)
    np.save(tmp_path / "scenarios.npy", stored)
    rest = rest_of(rng, 8)
    exact = least_risk(ScenarioProgram(Scenarios(stored.astype(float)), CVaR(0.9), rest))
    on_disk = np.load(tmp_path / "scenarios.npy", mmap_mode="r")
    for blocks in (stored, [stored[:100], stored[100:101], stored[101:]], on_disk, [on_disk[:450], on_disk[450:]]):
        found = least_risk(ScenarioProgram(Scenarios(blocks), CVaR(0.9), rest))
        assert found.status is Status.OPTIMAL
        risk = by_definition(-stored.astype(float) @ found.x, 0.9)  # of the numbers as stored, summed in float64
        assert found.risk == pytest.approx(risk, rel=1e-13)
        assert found.objective - found.gap <= exact.objective
        assert exact.objective - exact.gap <= found.objective


def test_scenarios_are_not_copied():
    stored = np.random.default_rng(8).normal(size=(50, 3))
    assert Scenarios(stored).blocks[0] is stored
    assert np.shares_memory(Scenarios(stored).thinned(4).blocks[0], stored)


@given(seed=seeds, factor=st.sampled_from([1e-6, 1e-2, 1e3]))
@settings(max_examples=15, deadline=None)
def test_scaling_and_order_change_nothing_but_the_units(seed, factor):
    rng = np.random.default_rng(seed)
    scenarios = rng.normal(size=(80, 6)) * 0.02
    rest = rest_of(rng, 6, mean=0.01)
    plain = least_risk(ScenarioProgram(Scenarios(scenarios), CVaR(0.9), rest))
    scaled_rest = replace(rest, linear=rest.linear * factor, slopes=rest.slopes * factor)
    scaled = least_risk(ScenarioProgram(Scenarios(scenarios * factor), CVaR(0.9), scaled_rest))
    assert scaled.status is Status.OPTIMAL
    assert abs(scaled.objective / factor - plain.objective) <= 1.1 * (scaled.gap / factor + plain.gap) + 1e-12
    order = rng.permutation(6)
    moved = {name: getattr(rest, name)[order] for name in ("linear", "kinks", "slopes", "origin", "lower", "upper")}
    moved_rest = replace(rest, rows=rest.rows[:, order], loadings=rest.loadings[order], **moved)
    shuffled = scenarios[rng.permutation(80)][:, order]
    turned = least_risk(ScenarioProgram(Scenarios(shuffled), CVaR(0.9), moved_rest))
    assert abs(turned.objective - plain.objective) <= turned.gap + plain.gap + 1e-12


# ---- certificates --------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(seed=seeds, size=st.sampled_from([0.0, 1.0, 30.0]))
def test_whatever_the_small_problem_returns_the_bound_is_below_every_feasible_point(seed, size):
    rng = np.random.default_rng(seed)
    scenarios = rng.normal(size=(50, 5)) * 0.02
    program = ScenarioProgram(Scenarios(scenarios), CVaR(0.8), rest_of(rng, 5))
    look = EveryRow(program)
    model = bundle.CutModel(program.rest, 1.0)
    for _ in range(3):
        model.add(look(rng.normal(size=5))[1])
    multipliers = size * rng.normal(size=2) * [1, 0] + size * rng.random(2) * [0, 1]
    below = model.lower_bound(rng.normal(size=5), rng.dirichlet(np.ones(3)), multipliers)
    for w in rng.dirichlet(np.ones(5), 30):
        if program.rest.residual(w) <= 1e-12:
            assert below <= look(w)[0] + program.rest.objective(w) + 1e-12 * (1 + size)


@pytest.mark.parametrize(
    "breakage",
    [
        lambda risk, cut: (0.9 * risk, cut),
        lambda risk, cut: (risk, 1.1 * cut),
        lambda risk, cut: (risk, -cut),
    ],
    ids=["risk too small", "cut too steep", "cut turned"],
)
def test_a_broken_risk_is_seen_by_these_tests(monkeypatch, breakage):
    rng = np.random.default_rng(9)
    scenarios = rng.normal(size=(100, 6)) * 0.02
    program = ScenarioProgram(Scenarios(scenarios), CVaR(0.9), rest_of(rng, 6))
    best = by_linear_programme(scenarios, program.rest, 0.9)
    assert_certified(least_risk(program), program, best)
    right = NearRows.__call__
    monkeypatch.setattr(NearRows, "__call__", lambda self, w: breakage(*right(self, w)))
    with pytest.raises(AssertionError):
        assert_certified(least_risk(program, step_limit=100), program, best)


@pytest.mark.parametrize(
    "breakage",
    [
        lambda w, share, prices: (np.roll(w, 1), share, prices),
        lambda w, share, prices: (w, share, 0 * prices),
        lambda w, share, prices: (w, np.roll(share, 1), prices),
    ],
    ids=["another point", "no prices", "other shares"],
)
def test_a_small_problem_solved_wrongly_is_never_certified(monkeypatch, breakage):
    rng = np.random.default_rng(10)
    scenarios = rng.normal(size=(100, 6)) * 0.02
    program = ScenarioProgram(Scenarios(scenarios), CVaR(0.9), rest_of(rng, 6))
    best = by_linear_programme(scenarios, program.rest, 0.9)
    right = bundle.CutModel.minimise
    monkeypatch.setattr(bundle.CutModel, "minimise", lambda self, *given: breakage(*right(self, *given)))
    solution = least_risk(program, step_limit=60)
    assert solution.residual <= 1e-9
    assert solution.objective >= best - 1e-12
    assert solution.objective - solution.gap <= best + 1e-12
    if solution.objective - best > 1.1e-6 * solution.risk:
        assert solution.status is Status.ITERATION_LIMIT


@pytest.mark.parametrize("step_limit", [1, 2, 5])
def test_out_of_steps_the_best_feasible_point_comes_back_and_says_so(step_limit):
    rng = np.random.default_rng(11)
    scenarios = rng.normal(size=(300, 12)) * 0.02
    program = ScenarioProgram(Scenarios(scenarios), CVaR(0.9), rest_of(rng, 12, cap=0.2))
    solution = least_risk(program, step_limit=step_limit)
    best = by_linear_programme(scenarios, program.rest, 0.9)
    assert solution.status is Status.ITERATION_LIMIT
    assert solution.residual <= 1e-9
    assert solution.objective - solution.gap <= best <= solution.objective
    assert solution.iterations == step_limit


@pytest.mark.parametrize("low", [0.9, np.nextafter(0.8, 1.0) + 1e-6])
def test_rows_that_nothing_meets_are_refused_with_a_proof(low):
    rng = np.random.default_rng(12)
    rest = rest_of(rng, 6, cap=0.3)
    rest = replace(  # all even names below 0.8 and above `low` at once
        rest,
        rows=np.vstack([rest.rows, rest.rows[1]]),
        row_lower=np.append(rest.row_lower, low),
        row_upper=np.append(rest.row_upper, np.inf),
    )
    solution = least_risk(ScenarioProgram(Scenarios(rng.normal(size=(20, 6))), CVaR(0.9), rest))
    assert isinstance(solution, ScenarioSolution)
    assert solution.status is Status.INFEASIBLE
    slope = solution.certificate @ rest.rows
    least = np.minimum(slope * rest.lower, slope * rest.upper).sum()
    sides = np.where(solution.certificate > 0, rest.row_upper, rest.row_lower)
    assert least > (solution.certificate * np.where(solution.certificate != 0, sides, 0)).sum()


# ---- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [-0.1, 1.0, 1.5, np.nan])
def test_alpha_outside_its_range_is_refused(alpha):
    with pytest.raises(InvalidInput, match=r"^alpha is"):
        CVaR(alpha)
    with pytest.raises(InvalidInput, match=r"^alpha is"):
        Drawdown(5, alpha)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scenarios_that_are_no_numbers_are_refused(bad, dtype):
    scenarios = np.zeros((10, 3), dtype)
    scenarios[7, 1] = bad
    with pytest.raises(InvalidInput, match=r"^scenarios holds a value that is not finite"):
        Scenarios(scenarios)


@pytest.mark.parametrize(
    "blocks",
    [[], [np.zeros((3, 2)), np.zeros((3, 4))], np.zeros(3), np.zeros((0, 3)), np.zeros((3, 2), int)],
    ids=["none", "widths", "axes", "empty", "integers"],
)
def test_scenarios_of_another_shape_or_type_are_refused(blocks):
    with pytest.raises(InvalidInput, match=r"^scenarios h"):
        Scenarios(blocks)


def test_parts_that_do_not_fit_are_refused():
    rng = np.random.default_rng(13)
    scenarios = Scenarios(rng.normal(size=(10, 3)))
    with pytest.raises(InvalidInput, match=r"^scenarios has 3 columns"):
        ScenarioProgram(scenarios, CVaR(0.9), rest_of(rng, 4))
    with pytest.raises(InvalidInput, match="no whole number of paths"):
        ScenarioProgram(scenarios, Drawdown(3), rest_of(rng, 3))
    with pytest.raises(InvalidInput, match=r"^length is"):
        Drawdown(0)
    with pytest.raises(InvalidInput, match=r"^upper holds"):
        ScenarioProgram(scenarios, CVaR(0.9), rest_of(rng, 3, upper=np.full(3, np.inf)))
    program = ScenarioProgram(scenarios, CVaR(0.9), rest_of(rng, 3))
    with pytest.raises(InvalidInput, match=r"^tolerance is"):
        least_risk(program, tolerance=0.0)
    with pytest.raises(InvalidInput, match=r"^step_limit is"):
        least_risk(program, step_limit=0)
    with pytest.raises(InvalidInput, match=r"^start has shape"):
        least_risk(program, start=np.zeros(2))


def test_a_start_is_used_and_made_feasible():
    rng = np.random.default_rng(14)
    scenarios = rng.normal(size=(100, 6)) * 0.02
    program = ScenarioProgram(Scenarios(scenarios), CVaR(0.9), rest_of(rng, 6))
    first = least_risk(program)
    again = least_risk(program, start=first.x)
    assert again.iterations <= first.iterations
    anywhere = least_risk(program, start=np.full(6, 5.0))
    assert anywhere.status is Status.OPTIMAL


# ---- former bugs ---------------------------------------------------------------------------------------------------


def least_loss(earned, lower, upper, rows=(), row_lower=(), row_upper=(), **parts):
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
    rest = SeparableProgram(**{**plain, **parts, **{name: np.array(side, float) for name, side in sides.items()}})
    return least_risk(ScenarioProgram(Scenarios(np.array(earned, float)), WorstCase(), rest), step_limit=60)


def test_a_row_that_asks_for_all_the_box_can_give_stopped_the_descent():
    found = least_loss(
        [[1, 0.5, 0.2]],
        [0, 0, 0],
        [1, 0.5, 0.5],
        [[0, 1, 1]],
        [1],
        [1],
        slopes=np.array([[0.1], [0], [0]]),
        origin=np.array([0.5, 0, 0]),
    )
    assert found.status is Status.OPTIMAL
    assert found.x == pytest.approx([1, 0.5, 0.5], abs=1e-5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_row_that_fixes_one_name_stopped_the_descent(sign):
    found = least_loss([[1, 0.5]], [0, 0], [1, 0.5], [[0, sign]], [sign * 0.5], [sign * 0.5], origin=np.array([0.5, 0]))
    assert found.status is Status.OPTIMAL
    assert found.x == pytest.approx([1, 0.5], abs=1e-5)


@pytest.mark.parametrize(
    ("rows", "low", "high", "point"),
    [
        ([[1, 0]], [1], [1], None),
        ([[1, 1]], [2], [2], [1, 1]),
        ([[1, 1], [1, -1]], [1, 0], [1, 0], [0.5, 0.5]),
        ([[1, 0], [0, 1], [1, 1]], [0, 0, -np.inf], [0, 0, 1], [0, 0]),
    ],
)
def test_rows_that_leave_one_point_were_divided_by(rows, low, high, point):
    found = least_loss([[1, 2], [2, 1]], [0, 0], [1, 1], rows, low, high)
    assert found.status is Status.OPTIMAL
    if point is not None:
        assert found.x == pytest.approx(point, abs=1e-12)


def test_a_least_loss_of_nothing_was_measured_against_nothing():
    found = least_loss([[1.0], [-1.0]], [0], [1], origin=np.array([0.5]))
    assert found.status is Status.OPTIMAL
    assert found.x == pytest.approx([0], abs=1e-6)


def test_a_row_without_entries_that_asks_for_something_has_a_certificate():
    found = least_loss([[1, 2]], [0, 0], [1, 1], [[1, 1], [0, 0]], [0, -0.5], [1, -0.5])
    assert found.status is Status.INFEASIBLE
    assert found.certificate[0] == 0
    assert found.certificate[1] * -0.5 < 0


def test_rows_that_only_together_leave_no_room_stopped_the_descent():
    """The first name is at -1, so the rows ask for a sum of the others of at most and of at least 0.5."""
    found = least_loss(
        [[0.44, -1.02, 0.44]],
        [-1, -0.5, 0],
        [-1, 0, 1.5],
        [[1, 1, 1], [0, 1, 1]],
        [-np.inf, 0.5],
        [-0.5, 1.5],
    )
    assert found.status is Status.OPTIMAL
    assert found.x == pytest.approx([-1, -0.5, 1], abs=1e-5)


def test_a_row_narrower_than_can_be_seen_was_turned_inside_out():
    found = least_loss([[1, 2, 3]], [0, 0, 0], [1, 1, 1], [[1, 1, 1]], [1.5 - 1e-9], [1.5 + 1e-9])
    assert found.status is Status.OPTIMAL
    assert found.x.sum() == pytest.approx(1.5, abs=1e-8)
