"""A smooth function and what is known of it: the one form in which every method takes its problem."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class SmoothFunction:
    """f from R^n to R with its derivatives. +inf says that a point lies outside the domain; NaN is an error of the function.

    value_and_gradient: x (n,) -> f(x) and its gradient (n,)
    hessian: x -> (n, n); hessian_vector: x, v -> (n,) the Hessian at x times v; either may be missing
    modulus: the largest known m >= 0 for which f(x) - m/2 |x|² is convex; None where f is not known to be convex
    """

    value_and_gradient: Callable[[Vector], tuple[float, Vector]]
    hessian: Callable[[Vector], Matrix] | None = None
    hessian_vector: Callable[[Vector, Vector], Vector] | None = None
    modulus: float | None = None

    def __post_init__(self) -> None:
        if self.modulus is not None and not 0 <= self.modulus < np.inf:
            raise InvalidInput(f"modulus is {self.modulus!r}, but it is a number of at least 0, or None where unknown")

    def curvature_along(self, x: Vector, v: Vector) -> Vector:
        """(n,) the Hessian at x times v. Raises InvalidInput if the function has no second derivatives."""
        if self.hessian_vector is not None:
            return np.asarray(self.hessian_vector(x, v), dtype=float)
        return np.asarray(self.dense_hessian(x) @ v)

    def dense_hessian(self, x: Vector) -> Matrix:
        """(n, n) the Hessian at x, made symmetric. Raises InvalidInput if it is missing or is no finite square matrix."""
        if self.hessian is not None:
            H = np.asarray(self.hessian(x), dtype=float)
        elif self.hessian_vector is not None:
            H = np.array([self.hessian_vector(x, unit) for unit in np.eye(x.size)])
        else:
            raise InvalidInput("hessian and hessian_vector are both missing, but this method needs one of them")
        if H.shape != (x.size, x.size):
            raise InvalidInput(f"hessian returned shape {H.shape}, but x has {x.size} entries")
        if not np.isfinite(H).all():
            raise InvalidInput("hessian returned a value that is not finite where f and its gradient are")
        return (H + H.T) / 2


def check_derivatives(function: SmoothFunction, x: Vector, rng: np.random.Generator, tolerance: float = 1e-5) -> None:
    """Raises InvalidInput naming the derivative that disagrees with differences of what it is the derivative of.

    Compared along five random directions, each with the best of several step lengths: too long a step sees the next
    derivative, too short a one sees rounding.
    """
    x = np.asarray(x, dtype=float)
    steps = (1 + np.abs(x).max()) * 10.0 ** -np.arange(2, 8)
    second = function.hessian is not None or function.hessian_vector is not None
    for _ in range(5):
        d = rng.normal(size=x.size)
        d /= np.linalg.norm(d)
        around = [(function.value_and_gradient(x + h * d), function.value_and_gradient(x - h * d)) for h in steps]
        slope = np.atleast_1d(np.dot(function.value_and_gradient(x)[1], d))
        _require_agreement(
            "gradient",
            slope,
            [np.atleast_1d((up[0] - down[0]) / (2 * h)) for h, (up, down) in zip(steps, around, strict=True)],
            tolerance,
        )
        if second:
            _require_agreement(
                "hessian_vector" if function.hessian_vector is not None else "hessian",
                function.curvature_along(x, d),
                [(np.asarray(up[1]) - down[1]) / (2 * h) for h, (up, down) in zip(steps, around, strict=True)],
                tolerance,
            )


def _require_agreement(name: str, told: Vector, differences: list[Vector], tolerance: float) -> None:
    size = max(float(np.linalg.norm(told)), min(float(np.linalg.norm(seen)) for seen in differences))
    error = min(float(np.linalg.norm(told - seen)) for seen in differences)
    if not error <= tolerance * size:
        raise InvalidInput(
            f"{name} differs from finite differences by {error / size if size else np.nan:.1e} of its size: "
            "check its sign, its factors and its indices"
        )
