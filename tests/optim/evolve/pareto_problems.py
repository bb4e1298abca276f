"""Problems with known fronts. Zitzler, Deb and Thiele 2000 (ZDT), Deb, Thiele, Laumanns and Zitzler 2002 (DTLZ)."""

import numpy as np

from portfolio_opt.optim.evolve.problem import ParetoProblem


def zdt(number, n=30):
    def objectives(X):
        f, g = X[:, 0], 1 + 9 * X[:, 1:].mean(1)
        shape = {
            1: lambda: 1 - np.sqrt(f / g),
            2: lambda: 1 - (f / g) ** 2,
            3: lambda: 1 - np.sqrt(f / g) - f / g * np.sin(10 * np.pi * f),
        }[number]()
        return np.column_stack([f, g * shape])

    return ParetoProblem(np.zeros(n), np.ones(n), 2, objectives)


def dtlz2(n=12, m=3):
    def objectives(X):
        g = ((X[:, m - 1 :] - 0.5) ** 2).sum(1)
        F = np.repeat((1 + g)[:, None], m, axis=1)
        for j in range(m):
            F[:, j] *= np.cos(X[:, : m - 1 - j] * np.pi / 2).prod(1)
            if j:
                F[:, j] *= np.sin(X[:, m - 1 - j] * np.pi / 2)
        return F

    return ParetoProblem(np.zeros(n), np.ones(n), m, objectives)


def onto_simplex(X):
    """Weights that sum to one: plain scaling, good enough for a genome that has no other meaning."""
    X = np.maximum(X, 1e-12)
    return X / X.sum(1, keepdims=True)


def small_portfolio(n=6, seed=0):
    """Return against variance on the simplex, kept there by the repair."""
    rng = np.random.default_rng(seed)
    mean, A = rng.normal(0.1, 0.1, n), rng.normal(size=(n, n)) / 10
    C = A @ A.T + np.eye(n) / 100

    def objectives(X):
        return np.column_stack([-X @ mean, np.einsum("bi,ij,bj->b", X, C, X)])

    return ParetoProblem(np.zeros(n), np.ones(n), 2, objectives, repair=onto_simplex)


def dominates(a, b):
    return (a <= b).all() and (a < b).any()
