"""The quasi-Newton and trust-region methods, run by scipy and judged here."""

import warnings
from typing import Any

import numpy as np
from scipy.optimize import Bounds, minimize

from .function import Matrix, Vector
from .trace import Stopped, Trace

ENDLESS = 10**9  # scipy's own limits are off: it is stopped from here


def bfgs(trace: Trace) -> None:
    """BFGS: an n x n estimate of the inverse Hessian, learnt from gradients. For up to some thousand variables."""
    options: dict[str, Any] = {"gtol": 0.0, "maxiter": ENDLESS}
    if trace.curvature:
        options["hess_inv0"] = np.eye(trace.start.x.size) * _size(trace) / trace.curvature
    _run_until_idle(trace, "BFGS", options)


def lbfgs(trace: Trace) -> None:
    """L-BFGS-B: the last ten steps stand in for the Hessian; box constraints (Byrd, Lu, Nocedal and Zhu 1995)."""
    options = {"gtol": 0.0, "ftol": 0.0, "maxiter": ENDLESS, "maxfun": ENDLESS, "maxls": 50}
    _run_until_idle(trace, "L-BFGS-B", options, bounds=Bounds(trace.lower, trace.upper))


def trust_region(trace: Trace) -> None:
    """Newton's method within a radius that grows and shrinks with its success (Moré and Sorensen 1983); needs a Hessian."""
    size = _size(trace)

    def hessian(x: Vector) -> Matrix:
        return trace.function.dense_hessian(x) / size

    reach = 1 + float(np.abs(trace.start.x).max())
    options = {"gtol": 0.0, "maxiter": ENDLESS, "initial_trust_radius": reach, "max_trust_radius": 1e12 * reach}
    _run_until_idle(trace, "trust-exact", options, hess=hessian)


def _run_until_idle(trace: Trace, method: str, options: dict[str, Any], **more: Any) -> None:
    """Run scipy's method from the best point until a round brings nothing: what it learnt may have gone stale.

    It sees the objective less its start and divided by the first slope, so that its fixed first step suits any scale.
    """
    base, size = trace.start.value, _size(trace)

    def scaled(x: Vector) -> tuple[float, Vector]:
        point = trace.at(x)
        if point.value == np.inf:
            return (trace.plateau(x) - base) / size, point.gradient
        if trace.solved(point):
            raise Stopped(None)
        return (point.value - base) / size, point.gradient / size

    def after_each(_x: Vector) -> None:
        trace.iteration_done()

    if trace.solved(trace.best):
        return
    while True:
        before = trace.best
        with warnings.catch_warnings():
            # its line search warns when rounding ends it; the verdict is ours
            warnings.filterwarnings("ignore", message="The line search algorithm did not converge")
            warnings.filterwarnings("ignore", message="Rounding errors prevent the line search")
            minimize(scaled, before.x, jac=True, method=method, callback=after_each, options=options, **more)
        if before.value - trace.best.value <= trace.rounding(before):
            return


def _size(trace: Trace) -> float:
    return float(np.abs(trace.start.gradient).max()) or 1.0
