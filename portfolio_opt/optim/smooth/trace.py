"""One minimisation under way: what was evaluated, the best of it, the sizes that make 'small' mean something."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..solution import Status
from .function import SmoothFunction, Vector

EPS = float(np.finfo(float).eps)
PATIENCE = 50  # iterations without a better point after which a method is not expected to find one
PROBE = 1e-4  # length of the first step, which only looks, relative to the size of the start
FAR = 1e8  # a point so many times farther out than the start makes one ask whether the function falls for ever


class Stopped(Exception):
    """Ends a method from inside an evaluation. status: why, None where the point is good enough or nothing improves."""

    def __init__(self, status: Status | None):
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Point:
    """Where the function was evaluated. value: +inf outside the domain, and then the gradient is 0."""

    x: Vector
    value: float
    gradient: Vector


@dataclass(frozen=True)
class Limits:
    """When to stop. tolerance: of the residual, or of the gap relative to the objective where one is known."""

    tolerance: float
    iterations: int
    evaluations: int


class Trace:
    """Evaluates the function, counts, and keeps the best point; whatever ends a run early is raised as Stopped."""

    def __init__(self, function: SmoothFunction, start: Vector, lower: Vector, upper: Vector, limits: Limits):
        self.function, self.lower, self.upper, self.limits = function, lower, upper, limits
        self.evaluations = self.iterations = self.walls = 0
        self.certificate: Vector | None = None
        self._gradient_size = self.curvature = 0.0  # largest seen where f is no higher than at the start
        self._last_improved = 0
        self._far = FAR * (1 + float(np.abs(start).max(initial=0)))
        value, gradient = self._call(start)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise InvalidInput("start: the function or its gradient is not finite there; start where it is")
        self.start = self.best = self._last = Point(start.copy(), value, gradient)
        self._gradient_size = float(np.abs(gradient).max(initial=0))
        if self._gradient_size and limits.evaluations > 1:
            self._probe()

    def at(self, x: Vector) -> Point:
        """The function at x, counted and remembered. Raises Stopped at the limit, at NaN, and where f falls for ever."""
        x = np.clip(x, self.lower, self.upper)
        if self.evaluations >= self.limits.evaluations:
            raise Stopped(Status.EVALUATION_LIMIT)
        value, gradient = self._call(x)
        if value == np.inf:
            self.walls += 1
            return Point(x, value, np.zeros_like(x))
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise Stopped(Status.NOT_FINITE)
        point = Point(x, value, gradient)
        self._learn_sizes(point)
        self._keep_if_better(point)
        if self.best is point and np.abs(x).max() > self._far:
            self._far *= 1e4
            self.certificate = self.direction_of_endless_fall()
            if self.certificate is not None:
                raise Stopped(Status.UNBOUNDED)
        return point

    def iteration_done(self) -> None:
        """Raises Stopped when the allowed iterations are used up, or nothing has improved for a long time."""
        self.iterations += 1
        if self.iterations - self._last_improved > PATIENCE:
            raise Stopped(None)
        if self.iterations >= self.limits.iterations:
            raise Stopped(Status.ITERATION_LIMIT)

    def projected_gradient(self, point: Point) -> Vector:
        """(n,) the gradient, but 0 where only a bound keeps the variable from falling further."""
        held = ((point.x <= self.lower) & (point.gradient > 0)) | ((point.x >= self.upper) & (point.gradient < 0))
        return np.where(held, 0.0, point.gradient)

    def residual(self, point: Point) -> float:
        """Largest projected slope, relative to the largest slope seen, or to curvature seen times size of x if larger.

        The latter is what rounding of x alone does to a gradient, so a start at the minimum is recognised as one.
        """
        scale = max(self._gradient_size, self.curvature * float(np.abs(point.x).max(initial=0)))
        slope = float(np.abs(self.projected_gradient(point)).max(initial=0))
        return slope / scale if slope else 0.0

    def gap(self, point: Point) -> float:
        """f(x) is at most this far above the minimum; inf unless f is known to be convex, and strongly so or in a box.

        Convexity with modulus m gives f(y) >= f(x) + g'(y - x) + m/2 |y - x|²; the right side is minimised exactly,
        one variable at a time. Without bounds that is the familiar |g|²/2m; with m = 0, the Frank-Wolfe gap.
        """
        m, g = self.function.modulus, point.gradient
        if m is None:
            return np.inf
        sloped = g != 0
        g, low, high = g[sloped], (self.lower - point.x)[sloped], (self.upper - point.x)[sloped]
        with np.errstate(over="ignore"):
            move = np.clip(-g / m if m else -np.sign(g) * np.inf, low, high)
            fall = -g * move - (m / 2 * move**2 if m else 0.0)
        return float(fall.sum())

    def gap_is_closed(self, point: Point) -> bool:
        """Whether the gap is within tolerance of the objective, or of its fall since the start if that is larger."""
        return self.gap(point) <= self.limits.tolerance * max(abs(point.value), self.start.value - point.value)

    def solved(self, point: Point) -> bool:
        """Whether to stop here: proved to be best; or, where no proof can be had, without a slope."""
        if point.value > self.best.value + 4 * EPS * abs(self.best.value):
            return False
        if self.gap(point) < np.inf:
            return self.gap_is_closed(point)
        return self.residual(point) <= self.limits.tolerance

    def rounding(self, point: Point) -> float:
        """Differences of f below this cannot be told from rounding."""
        return 4 * EPS * max(abs(point.value), self.curvature * float(np.abs(point.x).max(initial=0)) ** 2)

    def plateau(self, x: Vector) -> float:
        """A finite height for a point outside the domain, above all that was seen: line searches turn back from it."""
        away = float(np.linalg.norm(x - self.best.x))
        return self.start.value + 10 * (self._gradient_size * away + self.start.value - self.best.value)

    def direction_of_endless_fall(self) -> Vector | None:
        """(n,) a direction along which f falls at least linearly over ten orders of magnitude; None where none is seen."""
        for d in (self.best.x - self.start.x, -self.best.gradient):
            d = np.where(((d < 0) & np.isfinite(self.lower)) | ((d > 0) & np.isfinite(self.upper)), 0.0, d)
            size = float(np.abs(d).max(initial=0))
            if size and self._falls_along(d / size):
                return np.asarray(d / size)
        return None

    def _falls_along(self, d: Vector) -> bool:
        """The mean slope from the best point to ever farther ones must stay negative and not flatten out."""
        reach = 1 + float(np.abs(self.best.x).max())
        slopes: list[float] = []
        for length in reach * 10.0 ** np.arange(0, 11, 2):
            if self.evaluations >= self.limits.evaluations:
                return False
            with np.errstate(all="ignore"):  # so far out, overflow is an answer
                value, _ = self._call(self.best.x + length * d)
            if value == -np.inf:
                return len(slopes) >= 2  # overflow after finite falls; alone it is an error of the function
            slopes.append((value - self.best.value) / length)
            if not (slopes[-1] < 0 and slopes[-1] <= 0.5 * slopes[0]):  # false for NaN, too
                return False
        return True

    def _call(self, x: Vector) -> tuple[float, Vector]:
        """Value and gradient, copied, since a function may fill the same array again and again."""
        self.evaluations += 1
        value, gradient = self.function.value_and_gradient(x.copy())
        if np.ndim(value) != 0:
            raise InvalidInput(f"value_and_gradient returned a value of shape {np.shape(value)}; it must be one number")
        g: NDArray[np.float64] = np.array(gradient, dtype=float)
        if g.shape != x.shape:
            raise InvalidInput(f"value_and_gradient returned a gradient of shape {g.shape}, but x has {x.shape}")
        return float(value), g

    def _probe(self) -> None:
        """A short step downhill: how fast the slope changes tells what slope is small, and how long a first step may be."""
        g, x = self.start.gradient, self.start.x
        step = PROBE * (1 + np.abs(x).max()) / np.abs(g).max()
        x = np.clip(x - step * g, self.lower, self.upper)
        value, gradient = self._call(x)
        if np.isfinite(value) and np.isfinite(gradient).all():
            point = Point(x, value, gradient)
            self._learn_curvature(point)
            self._keep_if_better(point)
            self._last = self.best

    def _learn_sizes(self, point: Point) -> None:
        """Only where f is no higher than at the start: a trial step too far sees slopes that say nothing of the way down."""
        if point.value > self.start.value:
            return
        self._gradient_size = max(self._gradient_size, float(np.abs(point.gradient).max(initial=0)))
        self._learn_curvature(point)
        self._last = point

    def _learn_curvature(self, point: Point) -> None:
        moved = float(np.abs(point.x - self._last.x).max(initial=0))
        if moved > 1e-8 * float(np.abs(point.x).max(initial=0)):  # shorter moves see rounding, not curvature
            bend = float(np.abs(point.gradient - self._last.gradient).max(initial=0))
            self.curvature = max(self.curvature, bend / moved)

    def _keep_if_better(self, point: Point) -> None:
        """Lower is better; among values that rounding cannot tell apart, the smaller slope."""
        noise = 4 * EPS * abs(self.best.value)
        flatter = np.abs(self.projected_gradient(point)).max(initial=0) < np.abs(
            self.projected_gradient(self.best)
        ).max(initial=0)
        if point.value < self.best.value - noise or (point.value <= self.best.value + noise and flatter):
            self.best = point
            self._last_improved = self.iterations
