"""Split over blocks, a problem has the same optimum as in one piece."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex.consensus import Block, consensus, sharing
from portfolio_opt.optim.convex.projections import box, capped_simplex
from portfolio_opt.optim.convex.proximal import indicator, quadratic
from portfolio_opt.optim.solution import Status

seeds = st.integers(0, 2**32 - 1)


def least_squares(X, y):
    prox = quadratic(X.T, np.zeros(X.shape[1]), X.T @ y)
    return Block(prox, lambda x: float(((X @ x - y) ** 2).sum() / 2))


def check_consensus(solve, rng):
    """Observations spread over blocks: the pooled least-squares answer, though no block alone determines it."""
    n, count = 5, int(rng.integers(2, 6))
    data = [(rng.normal(size=(3, n)), rng.normal(size=3)) for _ in range(count)]
    found = solve([least_squares(X, y) for X, y in data], np.zeros(n))
    X, y = np.vstack([X for X, _ in data]), np.concatenate([y for _, y in data])
    direct = np.linalg.lstsq(X, y)[0]
    best = ((X @ direct - y) ** 2).sum() / 2
    assert found.status is Status.STATIONARY
    assert found.x == pytest.approx(direct, abs=1e-5)
    assert found.objective == pytest.approx(best, abs=1e-6 * (1 + best))
    slopes = found.multipliers.reshape(count, n)
    assert np.abs(slopes.sum(0)).max() <= 1e-5 * (1 + np.abs(slopes).max())


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_blocks_of_observations_agree_on_the_pooled_answer(seed):
    check_consensus(lambda blocks, z: consensus(blocks, z, limit=50000), np.random.default_rng(seed))


def leaves_one_out(blocks, start):
    return consensus(blocks[1:], start, limit=50000)


def averages_once(blocks, start):
    return consensus(blocks, start, limit=1)


@pytest.mark.parametrize("broken", [leaves_one_out, averages_once])
def test_the_check_of_consensus_finds_a_broken_one(broken):
    with pytest.raises((AssertionError, ValueError)):
        check_consensus(broken, np.random.default_rng(2))


def hinge(scenarios, threshold):
    """sum over scenarios of max(0, threshold - r'x), as a block: its proximal map is a small box-constrained dual."""

    def prox(v, penalty):
        G = scenarios @ scenarios.T / penalty
        gap = threshold - scenarios @ v
        a = np.zeros(len(scenarios))
        for _ in range(500):  # coordinate ascent on 0 <= a <= 1
            before = a.copy()
            for s in range(len(a)):
                a[s] = np.clip(a[s] + (gap[s] - G[s] @ a) / G[s, s], 0, 1)
            if np.abs(a - before).max() < 1e-14:
                break
        return v + scenarios.T @ a / penalty

    return Block(prox, lambda x: float(np.maximum(threshold - scenarios @ x, 0).sum()))


def test_scenario_blocks_under_shared_limits_reach_the_linear_programmes_optimum():
    """Independent route: HiGHS on all scenarios at once."""
    rng = np.random.default_rng(8)
    n, count, each, threshold = 4, 3, 6, 0.3
    scenarios = rng.normal(0.2, 1, size=(count, each, n))
    limits = capped_simplex(np.zeros(n), np.full(n, 0.6))
    common = Block(indicator(limits), lambda _: 0.0)
    blocks = [hinge(block, threshold) for block in scenarios]
    found = consensus(blocks, np.full(n, 1 / n), common, limit=20000, tolerance=1e-10)
    R = scenarios.reshape(-1, n)
    lp = linprog(
        np.concatenate([np.zeros(n), np.ones(len(R))]),
        A_ub=np.hstack([-R, -np.eye(len(R))]),
        b_ub=np.full(len(R), -threshold),
        A_eq=np.concatenate([np.ones(n), np.zeros(len(R))])[None],
        b_eq=[1.0],
        bounds=[(0, 0.6)] * n + [(0, None)] * len(R),
    )
    assert found.objective == pytest.approx(lp.fun, abs=1e-6 * (1 + lp.fun))
    assert found.x.sum() == pytest.approx(1)
    assert (found.x <= 0.6 + 1e-12).all()


def shared_limit(rng, count=6, n=3):
    """Accounts with their own risk and return, and the direct answer under one limit on what all hold together."""
    F, d = rng.normal(size=(count, n, 2)), rng.uniform(0.2, 1, (count, n))
    m = rng.normal(0.5, 1, size=(count, n))
    cap = np.abs(rng.normal(size=n)) * 0.3
    blocks = []
    for f, e, c in zip(F, d, m, strict=True):
        value = lambda x, f=f, e=e, c=c: float(((f.T @ x) ** 2).sum() / 2 + (e * x / 2 - c) @ x)  # noqa: E731
        blocks.append(Block(quadratic(f, e, c), value))
    H = np.zeros((count * n, count * n))
    for b in range(count):
        H[b * n : (b + 1) * n, b * n : (b + 1) * n] = F[b] @ F[b].T + np.diag(d[b])
    total = Block(indicator(box(np.full(n, -np.inf), cap)), lambda _: 0.0)
    return blocks, total, H, m, cap


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_accounts_that_share_a_limit_satisfy_the_conditions_of_the_whole_problem(seed):
    rng = np.random.default_rng(seed)
    blocks, total, H, m, cap = shared_limit(rng)
    count, n = m.shape
    found = sharing(blocks, np.zeros((count, n)), total, limit=50000)
    x, price = found.x.reshape(count, n), found.multipliers
    assert (x.sum(0) <= cap + 1e-7).all()
    assert (price >= -1e-6).all()
    assert np.abs(price * (cap - x.sum(0))).max() <= 1e-5
    slope = (H @ found.x).reshape(count, n) - m + price
    assert np.abs(slope).max() <= 1e-5


def test_the_shared_limits_optimum_is_that_of_one_quadratic_programme():
    import cvxpy as cp

    blocks, total, H, m, cap = shared_limit(np.random.default_rng(4))
    x = cp.Variable(m.size)
    sums = np.tile(np.eye(m.shape[1]), m.shape[0])
    direct = cp.Problem(cp.Minimize(cp.quad_form(x, H) / 2 - m.ravel() @ x), [sums @ x <= cap])
    direct.solve(solver="CLARABEL")
    found = sharing(blocks, np.zeros(m.shape), total, limit=50000)
    assert found.objective == pytest.approx(direct.value, abs=1e-6 * (1 + abs(direct.value)))


def test_blocks_spread_over_workers_give_the_same_answer():
    rng = np.random.default_rng(6)
    blocks = [least_squares(rng.normal(size=(4, 3)), rng.normal(size=4)) for _ in range(4)]
    with ThreadPoolExecutor(2) as workers:
        spread = consensus(blocks, np.zeros(3), spread=workers.map)
    assert (spread.x == consensus(blocks, np.zeros(3)).x).all()


def test_no_block_and_wrong_shapes_are_refused_by_name():
    block = least_squares(np.eye(2), np.zeros(2))
    with pytest.raises(InvalidInput, match=r"^blocks is empty"):
        consensus([], np.zeros(2))
    with pytest.raises(InvalidInput, match=r"^start has shape"):
        consensus([block], np.zeros((1, 2)))
    with pytest.raises(InvalidInput, match=r"^start has shape"):
        sharing([block], np.zeros(2), block)
    with pytest.raises(InvalidInput, match=r"^start "):
        consensus([block], np.full(2, np.nan))
