"""Proximal maps: no point trades value against distance better, found by brute force and by first-order conditions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.convex.projections import box, halfspace
from portfolio_opt.optim.convex.proximal import affine, indicator, l1, quadratic

seeds = st.integers(0, 2**32 - 1)
penalties = st.sampled_from([1e-2, 1.0, 50.0])

L, D, M = np.array([[1.0, 0.5], [0.2, -1.0]]), np.array([0.3, 0.0]), np.array([0.4, -0.2])
A, B = np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([0.5, 1.0])  # the second row repeats the first

FUNCTIONS = {
    "l1": (l1(np.array([0.7, 0.2])), lambda x: np.abs(x) @ np.array([0.7, 0.2])),
    "quadratic": (quadratic(L, D, M), lambda x: ((x @ L) ** 2).sum(-1) / 2 + (D * x * x).sum(-1) / 2 - x @ M),
    "box": (indicator(box([-0.5, 0.1], [0.2, 0.4])), lambda x: inside((x >= [-0.5, 0.1]) & (x <= [0.2, 0.4]))),
    "halfspace": (indicator(halfspace([1.0, 2.0], 0.5)), lambda x: inside((x @ [1.0, 2.0] <= 0.5 + 1e-9)[..., None])),
    "affine": (affine(A, B), lambda x: inside(np.abs(x @ A.T - B) <= 1e-9)),
}


def inside(where):
    return np.where(where.all(-1), 0.0, np.inf)


def check_prox(prox, function, v, penalty, rng):
    """No point of a cloud around it, nor of a grid, has a smaller sum of function and distance."""
    x = prox(v, penalty)

    def reached(points):
        return function(points) + penalty / 2 * ((points - v) ** 2).sum(-1)

    grid = np.stack(np.meshgrid(np.linspace(-2, 2, 41), np.linspace(-2, 2, 41)), -1).reshape(-1, 2)
    cloud = x + rng.normal(size=(500, 2)) * 10.0 ** rng.uniform(-6, 0, (500, 1))
    line = cloud - (cloud @ A[0] - B[0])[:, None] / 2  # points of the affine set
    best = reached(x[None])[0]
    assert np.isfinite(best)
    assert best <= reached(np.vstack([grid, cloud, line])).min() + 1e-9 * (1 + penalty)


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=40, deadline=None)
@given(seed=seeds, penalty=penalties)
def test_no_point_is_better_than_the_proximal_point(name, seed, penalty):
    rng = np.random.default_rng(seed)
    prox, function = FUNCTIONS[name]
    check_prox(prox, function, rng.uniform(-2, 2, 2), penalty, rng)


BROKEN = {
    "l1": lambda v, _: np.sign(v) * np.maximum(np.abs(v) - 0.7, 0),  # forgets the penalty
    "quadratic": lambda v, penalty: np.linalg.solve(L @ L.T + np.diag(D) + np.eye(2), M + penalty * v),
    "box": lambda v, _: np.clip(v, -0.5, 0.4),
    "halfspace": lambda v, _: v - max(v @ [1.0, 2.0] - 0.5, 0) * np.array([0.0, 0.5]),  # feasible, not nearest
    "affine": lambda v, _: np.array([0.5 - v[1], v[1]]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_check_finds_a_broken_proximal_map(name):
    rng = np.random.default_rng(1)

    def every_case():
        for _ in range(30):
            check_prox(BROKEN[name], FUNCTIONS[name][1], rng.uniform(-2, 2, 2), 5.0, rng)

    with pytest.raises(AssertionError):
        every_case()


@settings(max_examples=40, deadline=None)
@given(seed=seeds, penalty=penalties)
def test_a_quadratic_with_rows_solves_its_normal_equations(seed, penalty):
    rng = np.random.default_rng(seed)
    F, d, m, rows = rng.normal(size=(6, 2)), rng.uniform(0, 1, 6), rng.normal(size=6), rng.normal(size=(3, 6))
    prox, v = quadratic(F, d, m, rows), rng.normal(size=9)
    for rho in (penalty, 2 * penalty, penalty):  # the factorisation follows the penalty
        x = prox(v, rho)
        slope = F @ (F.T @ x) + d * x - m + rho * (x - v[:6]) + rho * rows.T @ (rows @ x - v[6:])
        assert np.abs(slope).max() <= 1e-9 * (1 + rho)


def test_contradicting_rows_have_no_projection():
    with pytest.raises(NoSolution, match="contradict"):
        affine(A, np.array([0.5, 1.5]))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: l1(-1.0), "weight"),
        (lambda: l1(np.array([1.0, np.nan])), "weight"),
        (lambda: affine(A, np.array([np.inf, 1.0])), "value"),
        (lambda: affine(A, np.zeros(3)), "value"),
        (lambda: affine(A[0], B), "matrix"),
        (lambda: quadratic(L, -D, M), "diagonal"),
        (lambda: quadratic(L, D, np.full(2, np.nan)), "linear"),
        (lambda: quadratic(L[:1], D, M), "loadings"),
        (lambda: quadratic(L, D, M, np.zeros((1, 3))), "rows"),
    ],
)
def test_a_bad_argument_is_refused_by_name(make, name):
    with pytest.raises(InvalidInput, match=rf"^{name} "):
        make()
