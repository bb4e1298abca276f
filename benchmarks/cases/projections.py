"""Projections against their numpy formulas, and projected gradient against scipy's solver for the same problem."""

from collections.abc import Callable

from timing import compare  # first: one BLAS thread

# ruff: isort: split
import cvxpy as cp
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from portfolio_opt.optim.convex.intersections import turnover_capped_simplex
from portfolio_opt.optim.convex.projected_gradient import projected_gradient
from portfolio_opt.optim.convex.projections import capped_simplex, simplex, turnover

Array = NDArray[np.float64]
ROWS, NAMES = 1000, 250


def sorted_simplex(v: Array) -> Array:
    """The usual formula (Duchi et al. 2008): sort, find how many names stay positive, subtract their shift."""
    largest = np.sort(v, axis=1)[:, ::-1]
    shifts = np.cumsum(largest, axis=1)
    shifts -= 1
    shifts /= np.arange(1, v.shape[1] + 1)
    names = np.count_nonzero(largest > shifts, axis=1)
    return np.maximum(v - np.take_along_axis(shifts, names[:, None] - 1, 1), 0)


def sorted_capped_simplex(v: Array, cap: Array) -> Array:
    """The shift where the clipped sum, linear between the sorted knots v and v - cap, is 1; row by row."""
    out = np.empty_like(v)
    for row, x in enumerate(v):
        knots = np.concatenate([x, x - cap])
        order = np.argsort(-knots)
        moving = np.cumsum(np.repeat([1, -1], len(x))[order])
        held = np.concatenate([[0.0], np.cumsum(moving[:-1] * -np.diff(knots[order]))])
        out[row] = np.clip(x - np.interp(1.0, held, knots[order]), 0, cap)
    return out


def sorted_turnover(v: Array, held: Array, limit: float) -> Array:
    """The simplex formula on the sizes of the trades."""
    away = v - held
    sizes = np.abs(away)
    near = limit * sorted_simplex(sizes / limit) * np.sign(away)
    return np.where(sizes.sum(1, keepdims=True) <= limit, v, held + near)


def by_cvxpy(v: Array, held: Array, cap: Array, limit: float) -> Array:
    """The nearest point of a budget, caps and a turnover limit, to one vector."""
    w = cp.Variable(len(v))
    limits = [w >= 0, w <= cap, cp.sum(w) == 1, cp.norm1(w - held) <= limit]
    cp.Problem(cp.Minimize(cp.sum_squares(w - v)), limits).solve(solver=cp.CLARABEL)
    return w.value


def same_point(case: str, ours: Callable[[], Array], peer_name: str, peer: Callable[[], Array], runs: int) -> None:
    """Compare two ways to the same points, which are also how exact they are."""
    compare(case, ours, peer_name, peer, f"largest difference {np.abs(ours() - peer()).max():.1e}", runs)


def simplex_case(quick: bool) -> None:
    v = np.random.default_rng(0).normal(size=(ROWS, NAMES))
    runs = 51 if quick else 301
    same_point(f"projection-{ROWS}x{NAMES}", lambda: simplex()(v), "numpy sort", lambda: sorted_simplex(v), runs)


def near_case(quick: bool) -> None:
    """Weights after a small gradient step: what projected gradient asks for."""
    rng = np.random.default_rng(1)
    v = rng.dirichlet(np.ones(NAMES), ROWS) + rng.normal(size=(ROWS, NAMES)) / NAMES
    runs = 51 if quick else 301
    same_point(f"projection-near-{ROWS}x{NAMES}", lambda: simplex()(v), "numpy sort", lambda: sorted_simplex(v), runs)


def capped_case(quick: bool) -> None:
    v, cap = np.random.default_rng(2).normal(size=(ROWS, NAMES)), np.full(NAMES, 0.05)
    same_point(
        f"projection-caps-{ROWS}x{NAMES}",
        lambda: capped_simplex(np.zeros(NAMES), cap)(v),
        "numpy sort",
        lambda: sorted_capped_simplex(v, cap),
        5 if quick else 21,
    )


def turnover_case(quick: bool) -> None:
    rng = np.random.default_rng(3)
    held = rng.dirichlet(np.ones(NAMES))
    v = held + rng.normal(size=(ROWS, NAMES)) / NAMES
    same_point(
        f"projection-turnover-{ROWS}x{NAMES}",
        lambda: turnover(held, 0.3)(v),
        "numpy sort",
        lambda: sorted_turnover(v, held, 0.3),
        51 if quick else 301,
    )


def rebalance_case(quick: bool) -> None:
    rng = np.random.default_rng(5)
    held, cap = rng.dirichlet(np.ones(NAMES)), np.full(NAMES, 0.05)
    v = held + rng.normal(size=NAMES) / NAMES
    same_point(
        f"projection-turnover-caps-{NAMES}",
        lambda: turnover_capped_simplex(np.zeros(NAMES), cap, held, 0.3)(v),
        "cvxpy Clarabel",
        lambda: by_cvxpy(v, held, cap, 0.3),
        5 if quick else 21,
    )


def gradient_case(quick: bool) -> None:
    rng = np.random.default_rng(4)
    returns = rng.normal(size=(2 * NAMES, NAMES)) * 0.1
    covariance, mean = returns.T @ returns / len(returns), rng.normal(size=NAMES) * 0.01
    cap, equal = np.full(NAMES, 0.1), np.full(NAMES, 1 / NAMES)

    def objective(w: Array) -> tuple[float, Array]:
        risk = covariance @ w
        return float(w @ risk / 2 - mean @ w), risk - mean

    budget = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    rest = {"bounds": [(0, c) for c in cap], "constraints": [budget], "options": {"ftol": 1e-12}}

    def ours() -> object:
        return projected_gradient(objective, capped_simplex(np.zeros(NAMES), cap), equal)

    def peer() -> object:
        return minimize(objective, equal, jac=True, method="SLSQP", **rest)

    found = ours()
    accuracy = f"gap {found.gap:.1e}, objective less the peer's {found.objective - peer().fun:.1e}"
    compare(f"projected-gradient-{NAMES}", ours, "scipy SLSQP", peer, accuracy, 1 if quick else 5)


CASES: dict[str, Callable[[bool], None]] = {
    "projection-1000x250": simplex_case,
    "projection-near-1000x250": near_case,
    "projection-caps-1000x250": capped_case,
    "projection-turnover-1000x250": turnover_case,
    "projection-turnover-caps-250": rebalance_case,
    "projected-gradient-250": gradient_case,
}
