"""One separable programme at a sequence of risk aversions: a frontier with costs, each point from the ones before it."""

import numpy as np

from . import newton_dual
from .batch import BatchSolution, SeparableBatch, _run
from .separable import SeparableProgram, Vector


def solve_path(
    program: SeparableProgram,
    risk_aversions: Vector,
    tolerance: float = newton_dual.TOLERANCE,
    max_iterations: int = newton_dual.STEPS,
) -> BatchSolution:
    """The minimisers with the quadratic multiplied by each risk aversion in turn; sorted ones are the quickest.

    Between changes of the active names and rows, prices over risk aversion move linearly in 1 / risk aversion: the last two
    points foretell the next, and Newton needs two or three steps.
    """
    shared = {name: getattr(program, name) for name in ("loadings", "diagonal", "rows")}
    own = {name: array[None] for name, array in vars(program).items() if name not in shared}
    batch = SeparableBatch(**shared, **own, risk_aversion=np.asarray(risk_aversions, dtype=float))
    return _run(batch, len(batch), True, tolerance, max_iterations, 1)
