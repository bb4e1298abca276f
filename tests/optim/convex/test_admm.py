"""ADMM reaches the optimum that a problem was built from, with its prices; what it cannot prove it does not claim."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex.admm import Split, admm
from portfolio_opt.optim.convex.proximal import l1, quadratic
from portfolio_opt.optim.solution import Status

seeds = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Known:
    split: Split
    x: np.ndarray
    prices: np.ndarray  # of the rows
    posed: float  # least singular value of the rows that bind, over the names inside their box: near 0, prices are not unique


def known(seed, scale=1.0):
    """A quadratic in a box with rows, built backwards: the point and its prices first, then the linear term."""
    rng = np.random.default_rng(seed)
    n, k, q = int(rng.integers(2, 8)), int(rng.integers(0, 3)), int(rng.integers(0, 4))
    F, d, A = rng.normal(size=(n, k)) * scale, rng.uniform(0.1, 1, n) * scale**2, rng.normal(size=(q, n))
    x = rng.normal(size=n)
    place, side = rng.integers(-1, 2, n), rng.integers(-1, 2, q)
    lower = np.where(place < 0, x, x - rng.uniform(0.1, 1, n))
    upper = np.where(place > 0, x, x + rng.uniform(0.1, 1, n))
    row_lower = np.where(side < 0, A @ x, A @ x - rng.uniform(0.1, 1, q))
    row_upper = np.where(side > 0, A @ x, A @ x + rng.uniform(0.1, 1, q))
    prices, push = side * rng.random(q) * scale**2, place * rng.random(n) * scale**2
    m = F @ (F.T @ x) + d * x + A.T @ prices + push

    def value(z):
        w = z[:n]
        return float(((F.T @ w) ** 2).sum() / 2 + (d * w / 2 - m) @ w)

    def bound(dual):
        """The smallest of f(x) + dual'(x, A x), less the largest dual'z within the limits."""
        slope = m - dual[:n] - A.T @ dual[n:]
        w = np.linalg.solve(F @ F.T + np.diag(d), slope)
        low, high = np.concatenate([lower, row_lower]), np.concatenate([upper, row_upper])
        return float(-slope @ w / 2 - np.maximum(dual * low, dual * high).sum())

    split = Split(
        f_step=quadratic(F, d, m, A),
        g_prox=lambda v, _: np.clip(v, np.concatenate([lower, row_lower]), np.concatenate([upper, row_upper])),
        value=value,
        image=lambda w: np.concatenate([w, A @ w]),
        adjoint=lambda y: y[:n] + y[n:] @ A,
        bound=bound,
    )
    binding = A[side != 0][:, place == 0]
    short = len(binding) > binding.shape[1]
    posed = 0.0 if short else float(np.linalg.svd(binding, compute_uv=False).min(initial=np.inf))
    return Known(split, x, prices, posed)


def check_admm(solve, problem):
    found = solve(problem.split, np.zeros(len(problem.x) + len(problem.prices)))
    best = problem.split.value(problem.x)
    assert found.status is Status.OPTIMAL
    assert found.x[: len(problem.x)] == pytest.approx(
        problem.x, abs=1e-4
    )  # flat directions leave x looser than the value
    assert found.objective == pytest.approx(best, abs=1e-6 * (1 + abs(best)))
    assert found.objective - found.gap <= best + 1e-7 * (1 + abs(best))
    assert found.primal_residual <= 1e-6
    return found


@settings(max_examples=40, deadline=None)
@given(seed=seeds, penalty=st.sampled_from([1e-3, 1.0, 1e3]), scale=st.sampled_from([0.3, 1.0, 3.0]))
def test_a_problem_built_from_its_optimum_is_solved_to_it_whatever_the_first_penalty(seed, penalty, scale):
    problem = known(seed, scale)
    assume(problem.posed > 0.05)
    check_admm(lambda split, z: admm(split, z, penalty=penalty, limit=20000), problem)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, penalty=st.sampled_from([1e-3, 1.0, 1e3]), scale=st.sampled_from([0.3, 1.0, 3.0]))
def test_what_is_claimed_holds_also_where_rows_nearly_depend_on_each_other(seed, penalty, scale):
    problem = known(seed, scale)
    found = admm(problem.split, np.zeros(len(problem.x) + len(problem.prices)), penalty=penalty)
    best = problem.split.value(problem.x)
    assert found.objective - found.gap <= best + 1e-7 * (1 + abs(best))
    if found.status is Status.OPTIMAL:
        assert found.objective == pytest.approx(best, abs=2e-6 * (1 + abs(best)))


def forgets_the_penalty(split, start):
    return admm(replace(split, f_step=lambda v, _: split.f_step(v, 1.0)), start)


def stops_early(split, start):
    return admm(split, start, limit=5)


def claims_everything(split, start):
    return replace(admm(split, start, limit=5), status=Status.OPTIMAL)


def moves_the_penalty_only(monkeypatch):
    """The prices are not rescaled with the penalty: what the balance gives is then applied to one of them."""
    from portfolio_opt.optim.convex import admm as module

    class Half(float):
        def __rtruediv__(self, other):
            return other

    monkeypatch.setattr(module, "EVERY", 1)
    monkeypatch.setattr(module, "_balance", lambda *_: Half(1.5))


@pytest.mark.parametrize("broken", [forgets_the_penalty, stops_early, claims_everything])
def test_the_check_finds_a_broken_method(broken):

    def every_case():
        for seed in range(20):
            check_admm(broken, known(seed))

    with pytest.raises(AssertionError):
        every_case()


def test_the_check_finds_prices_that_do_not_follow_the_penalty(monkeypatch):
    moves_the_penalty_only(monkeypatch)

    def every_case():
        for seed in range(20):
            check_admm(lambda split, z: admm(split, z, limit=200), known(seed))

    with pytest.raises(AssertionError):
        every_case()


def test_the_lasso_has_its_first_order_conditions():
    """|slope| <= weight where x is 0, slope = -weight sign(x) elsewhere: the definition (Tibshirani 1996)."""
    rng = np.random.default_rng(3)
    X, y, weight = rng.normal(size=(30, 8)), rng.normal(size=30), 4.0
    split = Split(
        quadratic(X.T, np.zeros(8), X.T @ y),
        l1(weight),
        lambda x: float(((X @ x - y) ** 2).sum() / 2 + weight * np.abs(x).sum()),
    )
    found = admm(split, np.zeros(8), tolerance=1e-10)
    slope = X.T @ (X @ found.x - y)
    assert found.status is Status.STATIONARY  # nothing was given that proves more
    assert found.gap == np.inf
    assert (np.abs(slope) <= weight + 1e-6).all()
    moved = found.x != 0
    assert moved.any()
    assert not moved.all()
    assert slope[moved] == pytest.approx(-weight * np.sign(found.x[moved]), abs=1e-6)


def test_over_relaxation_and_the_moving_penalty_each_save_iterations():
    problems = [known(seed) for seed in range(12)]
    start = [np.zeros(len(p.x) + len(p.prices)) for p in problems]

    def total(**options):
        return sum(admm(p.split, z, limit=50000, **options).iterations for p, z in zip(problems, start, strict=True))

    assert total(penalty=1e2) < 50 * total()
    assert total(relaxation=1.6) < total(relaxation=1.0)


def test_a_warm_start_at_the_answer_ends_at_once():
    problem = known(5)
    cold = check_admm(admm, problem)
    warm = admm(problem.split, cold.x, cold.multipliers, penalty=cold.penalty)
    assert warm.iterations <= 5 < cold.iterations


def test_the_iteration_limit_is_kept_and_said():
    found = admm(replace(known(5).split, bound=None), np.zeros(len(known(5).x) + len(known(5).prices)), limit=3)
    assert found.status is Status.ITERATION_LIMIT
    assert found.iterations == 3


def test_what_is_not_convex_is_said_and_its_best_point_kept():
    """Two points allowed, the nearer one dearer; the last iteration need not be the best."""

    def to_ends(v, _):
        return np.where(v >= 0.45, 1.0, 0.0)

    split = Split(
        quadratic(np.zeros((1, 0)), np.ones(1), np.array([0.4])),
        to_ends,
        lambda z: float(z[0] ** 2 / 2 - 0.4 * z[0]) if z[0] in (0.0, 1.0) else np.inf,
        convex=False,
        bound=lambda _: -0.08,
    )
    found = admm(split, np.ones(1), limit=50)
    assert found.status is Status.LOCAL
    assert found.objective in (0.0, pytest.approx(0.1))
    assert found.gap == pytest.approx(found.objective + 0.08)
    assert "not convex" in found.trail[0]


def test_a_map_that_returns_no_number_ends_the_run():
    found = admm(Split(lambda v, _: v * np.nan, lambda v, _: v, lambda z: float(z.sum())), np.ones(2))
    assert found.status is Status.NOT_FINITE
    assert found.iterations == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start", np.full(2, np.nan)),
        ("prices", np.zeros(3)),
        ("prices", np.full(2, np.inf)),
        ("penalty", 0.0),
        ("penalty", np.inf),
        ("relaxation", 2.0),
        ("tolerance", -1.0),
        ("limit", 0),
    ],
)
def test_a_bad_argument_is_refused_by_name(name, value):
    split = Split(lambda v, _: v, lambda v, _: v, lambda _: 0.0)
    with pytest.raises(InvalidInput, match=rf"^{name} "):
        admm(split, **{"start": np.zeros(2)} | {name: value})
