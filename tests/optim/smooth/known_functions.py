"""Functions with known minimisers. Numbers and starts: Moré, Garbow and Hillstrom, ACM TOMS 7 (1981) 17-41."""

from dataclasses import dataclass

import numpy as np

from portfolio_opt.optim.smooth.function import SmoothFunction


@dataclass(frozen=True)
class Known:
    function: SmoothFunction
    start: np.ndarray
    minimiser: np.ndarray
    least: float = 0.0


def sum_of_squares(residuals, jacobian, bends):
    """f = sum r_i², its gradient 2J'r and its Hessian 2J'J + 2 sum r_i H_i; bends: x, r -> sum r_i H_i."""

    def value_and_gradient(x):
        r, J = residuals(x), jacobian(x)
        return float(r @ r), 2 * J.T @ r

    def hessian(x):
        J = jacobian(x)
        return 2 * J.T @ J + 2 * bends(x, residuals(x))

    return SmoothFunction(value_and_gradient, hessian)


def rosenbrock(n):
    """Extended Rosenbrock, number 21: pairs 10 (x2 - x1²), 1 - x1."""
    odd, even = np.arange(0, n, 2), np.arange(1, n, 2)

    def residuals(x):
        return np.concatenate([10 * (x[even] - x[odd] ** 2), 1 - x[odd]])

    def jacobian(x):
        J = np.zeros((n, n))
        rows = np.arange(n // 2)
        J[rows, even], J[rows, odd], J[rows + n // 2, odd] = 10, -20 * x[odd], -1
        return J

    def bends(_x, r):
        H = np.zeros((n, n))
        H[odd, odd] = -20 * r[: n // 2]
        return H

    return Known(sum_of_squares(residuals, jacobian, bends), np.tile([-1.2, 1.0], n // 2), np.ones(n))


def powell_singular():
    """Number 13: the Hessian is singular at the minimiser, so Newton's method is only linear there."""
    root5, root10 = np.sqrt(5), np.sqrt(10)

    def residuals(x):
        return np.array([x[0] + 10 * x[1], root5 * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, root10 * (x[0] - x[3]) ** 2])

    def jacobian(x):
        a, b = 2 * (x[1] - 2 * x[2]), 2 * root10 * (x[0] - x[3])
        return np.array([[1, 10, 0, 0], [0, 0, root5, -root5], [0, a, -2 * a, 0], [b, 0, 0, -b]])

    def bends(_x, r):
        H = np.zeros((4, 4))
        H[1:3, 1:3] = 2 * r[2] * np.array([[1, -2], [-2, 4]])
        H[np.ix_([0, 3], [0, 3])] = 2 * root10 * r[3] * np.array([[1, -1], [-1, 1]])
        return H

    return Known(sum_of_squares(residuals, jacobian, bends), np.array([3.0, -1, 0, 1]), np.zeros(4))


def beale():
    """Number 5: y_i - x1 (1 - x2^i) with y = 1.5, 2.25, 2.625."""
    y, i = np.array([1.5, 2.25, 2.625]), np.arange(1, 4)

    def residuals(x):
        return y - x[0] * (1 - x[1] ** i)

    def jacobian(x):
        return np.column_stack([x[1] ** i - 1, x[0] * i * x[1] ** (i - 1)])

    def bends(x, r):
        cross = r @ (i * x[1] ** (i - 1))
        return np.array([[0, cross], [cross, r[1:] @ (x[0] * i[1:] * (i[1:] - 1) * x[1] ** (i[1:] - 2))]])

    return Known(sum_of_squares(residuals, jacobian, bends), np.array([1.0, 1]), np.array([3, 0.5]))


def trigonometric(n):
    """Number 26: n - sum_j cos x_j + i (1 - cos x_i) - sin x_i; least 0, at 0 among others, so only the value is checked."""
    i = np.arange(1, n + 1)

    def residuals(x):
        return n - np.cos(x).sum() + i * (1 - np.cos(x)) - np.sin(x)

    def jacobian(x):
        return np.sin(x)[None, :] + np.diag(i * np.sin(x) - np.cos(x))

    def bends(x, r):
        return np.diag(r.sum() * np.cos(x) + r * (i * np.cos(x) + np.sin(x)))

    return Known(sum_of_squares(residuals, jacobian, bends), np.full(n, 1 / n), np.zeros(n))


def bowl(n, condition, height, width, rng):
    """A strongly convex quadratic with curvatures from height/condition to height and its minimiser about `width` away."""
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    curvatures = np.geomspace(height / condition, height, n) if n > 1 else np.array([height])
    minimiser = rng.normal(size=n) * width

    def product(v):
        return Q @ (curvatures * (Q.T @ v))

    def value_and_gradient(x):
        g = product(x - minimiser)
        return 0.5 * (x - minimiser) @ g, g

    function = SmoothFunction(
        value_and_gradient,
        lambda _x: (Q * curvatures) @ Q.T,
        lambda _x, v: product(v),
        modulus=curvatures[0] * (1 - 1e-9),
    )
    return Known(function, np.zeros(n), minimiser)


SUITE = {
    "rosenbrock 2": rosenbrock(2),
    "rosenbrock 10": rosenbrock(10),
    "rosenbrock 100": rosenbrock(100),
    "powell singular": powell_singular(),
    "beale": beale(),
}
