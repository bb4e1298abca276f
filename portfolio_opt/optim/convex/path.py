"""One separable programme at a sequence of risk aversions: a frontier with costs, each point from the ones before it."""

from ...errors import InvalidInput
from ..real_numbers import real_array, tolerance_of, whole_number
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

    risk_aversions: at least one, each positive
    """
    aversions = real_array("risk_aversions", risk_aversions)
    if aversions.ndim != 1 or not aversions.size:
        raise InvalidInput(f"risk_aversions has shape {aversions.shape}, but it needs a list of at least one number")
    tolerance, max_iterations = tolerance_of(tolerance), whole_number("max_iterations", max_iterations, 0)
    shared = {name: getattr(program, name) for name in ("loadings", "diagonal", "rows")}
    own = {name: array[None] for name, array in vars(program).items() if name not in shared}
    batch = SeparableBatch(**shared, **own, risk_aversion=aversions)
    return _run(batch, len(batch), True, tolerance, max_iterations, 1)
