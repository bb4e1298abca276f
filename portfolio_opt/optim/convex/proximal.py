"""Proximal maps: the point that trades a function's value against the distance from a given point, each exact.

prox(v, penalty) = argmin over x of  g(x) + penalty/2 |x - v|²
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ...errors import InvalidInput, NoSolution
from .stepped_term import SteppedTerm

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

CONSISTENT = 1e-9  # relative residual of the least-squares point above which equations contradict each other


class Prox(Protocol):
    def __call__(self, v: Vector, penalty: float, /) -> Vector: ...


def stepped(term: SteppedTerm) -> Prox:
    """Of a term of linear pieces with jumps on a grid, which is not convex: of several minimisers, the first piece's."""

    def prox(v: Vector, penalty: float) -> Vector:
        return term.least(np.full(len(v), penalty), -penalty * v)[0]

    return prox


def indicator(project: Callable[[Vector], Vector]) -> Prox:
    """Of a set, 0 inside and infinite outside: the projection onto it, whatever the penalty."""
    return lambda v, penalty: project(v)  # noqa: ARG005  the name is part of the protocol's reading


def affine(matrix: Matrix, value: Vector) -> Prox:
    """Of {x : matrix x = value}; rows may repeat each other.

    matrix: (p, n); value: (p,)
    Raises NoSolution where the rows contradict each other.
    """
    _finite("matrix", matrix, 2)
    _finite("value", value, 1)
    if matrix.shape[0] != value.size:
        raise InvalidInput(f"value has shape {value.shape}, not {(matrix.shape[0],)}")
    inverse = np.linalg.pinv(matrix)
    base = inverse @ value
    if np.abs(matrix @ base - value).max(initial=0.0) > CONSISTENT * (1 + np.abs(value).max(initial=0.0)):
        raise NoSolution("no point satisfies all rows of matrix: some contradict each other; drop one of those")

    def project(v: Vector) -> Vector:
        once = v - inverse @ (matrix @ v - value)
        return once - inverse @ (matrix @ once - value)  # the second time takes away the first one's rounding

    return indicator(project)


def l1(weight: Vector | float) -> Prox:
    """Of sum(weight * |x|): everything moves towards 0 by weight / penalty and stops there. weight: not negative."""
    if not np.isfinite(weight).all() or np.any(np.asarray(weight) < 0):
        raise InvalidInput("weight must be finite and not negative")
    return lambda v, penalty: np.sign(v) * np.maximum(np.abs(v) - weight / penalty, 0.0)


def quadratic(loadings: Matrix, diagonal: Vector, linear: Vector, rows: Matrix | None = None) -> Prox:
    """Of 1/2 |F'x|² + 1/2 d x² - m'x; with rows A, the argmin of that plus penalty/2 |(x, A x) - v|², v of n + q elements.

    One factorisation of k + q numbers a penalty, kept while the penalty stays.
    loadings F: (n, k); diagonal d: (n,) not negative; linear m: (n,); rows A: (q, n)
    """
    for name, array, axes in (("loadings", loadings, 2), ("diagonal", diagonal, 1), ("linear", linear, 1)):
        _finite(name, array, axes)
        if len(array) != len(linear):
            raise InvalidInput(f"{name} has shape {array.shape}, but linear has {len(linear)} elements")
    if (diagonal < 0).any():
        raise InvalidInput("diagonal holds a negative value")
    n = len(linear)
    A = np.zeros((0, n)) if rows is None else rows
    _finite("rows", A, 2)
    if A.shape[1] != n:
        raise InvalidInput(f"rows has shape {A.shape}, but linear has {n} elements")
    kept: dict[float, Callable[[Vector], Vector]] = {}

    def prox(v: Vector, penalty: float) -> Vector:
        if penalty not in kept:
            kept.clear()
            kept[penalty] = _inverse(diagonal + penalty, np.hstack([loadings, np.sqrt(penalty) * A.T]))
        return kept[penalty](linear + penalty * (v[:n] + v[n:] @ A))

    return prox


def _inverse(diagonal: Vector, factors: Matrix) -> Callable[[Vector], Vector]:
    """The map b -> (diagonal + factors factors')^-1 b."""
    scaled = factors / diagonal[:, None]
    small = cho_factor(np.eye(factors.shape[1]) + factors.T @ scaled)

    def solve(b: Vector) -> Vector:
        return b / diagonal - scaled @ cho_solve(small, scaled.T @ b)

    return solve


def _finite(name: str, array: Matrix | Vector, axes: int) -> None:
    if array.ndim != axes:
        raise InvalidInput(f"{name} has shape {array.shape}, but it needs {axes} axes")
    if not np.isfinite(array).all():
        raise InvalidInput(f"{name} holds a value that is not finite")
