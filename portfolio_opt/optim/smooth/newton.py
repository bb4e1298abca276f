"""Newton's method, damped, and its matrix-free form; an indefinite Hessian still gives a direction that descends."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from .function import Matrix, Vector
from .trace import Point, Stopped, Trace

SUFFICIENT = 1e-4  # share of the fall foretold by the slope that a step must bring (Armijo 1966)
INDEFINITE = 1e-8  # curvature below this share of the largest counts as none


def newton(trace: Trace) -> None:
    """Newton's method with a line search; a stationary point that is a saddle is left along negative curvature.

    Where the Hessian is not positive definite, its eigenvalues are replaced by their sizes (Gill, Murray and Wright 1981, 4.4),
    so that the direction descends, fastest where the curvature is negative. Costs one factorisation, O(n³), an iteration.
    """
    point = trace.best
    while True:
        H = trace.function.dense_hessian(point.x)
        stationary = trace.solved(point)
        way_out = _negative_curvature(H, point.gradient) if stationary else None
        if stationary and way_out is None:
            raise Stopped(None)
        found = _search(trace, point, newton_step(H, point)) if way_out is None else _leave(trace, point, *way_out)
        if found is None:
            return
        point = found
        trace.iteration_done()


def newton_cg(trace: Trace) -> None:
    """Newton's method, its equations solved by conjugate gradients from Hessian-vector products alone.

    The inner solve is as accurate as the outer needs (Dembo, Eisenstat and Steihaug 1982) and ends at negative curvature,
    so a saddle is left as soon as its slope is not exactly zero. Scipy's Newton-CG judges by step length, not slope.
    """
    point = trace.best
    while not trace.solved(point):
        found = _search(trace, point, conjugate_step(trace, point))
        if found is None:
            return
        point = found
        trace.iteration_done()


def newton_step(H: Matrix, point: Point) -> Vector:
    """(n,) minus the inverse Hessian times the gradient, or its nearest descending relative if H is not positive definite."""
    try:
        step = -cho_solve(cho_factor(H, lower=True), point.gradient)
        if np.isfinite(step).all() and step @ point.gradient < 0:
            return np.asarray(step)
    except LinAlgError:
        pass
    sizes, V = eigh(H)
    sizes = np.abs(sizes)
    if sizes.max() == 0:
        return _as_long_as_x(-point.gradient, point.x)
    return np.asarray(-V @ ((V.T @ point.gradient) / np.maximum(sizes, INDEFINITE * sizes.max())))


def conjugate_step(trace: Trace, point: Point) -> Vector:
    """(n,) an approximate Newton step: conjugate gradients up to negative curvature or enough accuracy."""
    g = point.gradient
    step, left, d = np.zeros_like(g), g.copy(), -g
    enough = min(0.5, np.sqrt(trace.residual(point))) * np.linalg.norm(g)
    for _ in range(10 * g.size + 10):
        Hd = trace.function.curvature_along(point.x, d)
        bend, length = d @ Hd, left @ left
        if not np.isfinite(bend) or bend <= 1e-14 * np.linalg.norm(d) * np.linalg.norm(Hd):
            if step.any():
                return step
            return -g * length / -bend if bend < 0 else _as_long_as_x(-g, point.x)
        step = step + length / bend * d
        left = left + length / bend * Hd
        if np.linalg.norm(left) <= enough:
            break
        d = -left + (left @ left) / length * d
    return step


def _search(trace: Trace, point: Point, step: Vector) -> Point | None:
    """A point along the step with a lower value, or, where rounding hides that, with a smaller slope; None if there is none."""
    slope = float(point.gradient @ step)
    flat = 0.9 * np.abs(point.gradient).max()
    share = 1.0
    while share > 1e-18 and slope < 0:
        new = trace.at(point.x + share * step)
        rise = new.value - point.value
        if rise <= SUFFICIENT * share * slope:
            return new
        if rise <= trace.rounding(point) and np.abs(new.gradient).max() <= flat:
            return new
        curved = -slope * share**2 / (2 * (rise - slope * share)) if np.isfinite(rise) else 0.0
        share = float(np.clip(curved, 0.1 * share, 0.5 * share))  # the minimum of the parabola through what is known
    return None


def _negative_curvature(H: Matrix, gradient: Vector) -> tuple[Vector, float] | None:
    """The direction in which f bends down most, pointing downhill, and by how much; None where it bends down in none."""
    values, V = eigh(H)
    if values[0] >= -INDEFINITE * np.abs(values).max():
        return None
    return (-V[:, 0] if V[:, 0] @ gradient > 0 else V[:, 0]), float(-values[0])


def _leave(trace: Trace, point: Point, direction: Vector, bend: float) -> Point | None:
    length = 1 + float(np.abs(point.x).max())
    while length > 1e-10:
        new = trace.at(point.x + length * direction)
        if new.value < point.value - SUFFICIENT * bend * length**2:
            return new
        length /= 2
    return None


def _as_long_as_x(direction: Vector, x: Vector) -> Vector:
    return np.asarray(direction * (1 + np.abs(x).max()) / np.abs(direction).max())
