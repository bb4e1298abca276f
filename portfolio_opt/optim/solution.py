"""What every solver returns: the point, and the proof of how good it is."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray


class Status(Enum):
    """How a solve ended. The text tells the reader what to do."""

    OPTIMAL = "certified: feasible and within tolerance of the best"
    INACCURATE = (
        "feasible, but the gap to the best is larger than asked for: use with the stated gap, or loosen the limits"
    )
    ITERATION_LIMIT = (
        "the best point found within the iteration limit: allow more iterations, or use it with the stated gap"
    )
    EVALUATION_LIMIT = "the best point found within the allowed evaluations: allow more, or use it with the stated gap"
    STATIONARY = (
        "the slope vanishes here within tolerance: the best nearby, and the best of all if the function is convex"
    )
    NOT_FINITE = (
        "the function returned NaN or an infinite value: the best finite point before that; mend or bound the function"
    )
    LOCAL = "feasible, and no move tried improves it, but the problem is not convex: the best may be below by the stated gap"
    INFEASIBLE = "no point meets all limits, as the certificate shows: loosen one of those it names"
    UNBOUNDED = "the objective falls without end along the certificate: bound the variables, or add a limit"
    FAILED = "no solver returned a feasible point: check the limits and the scale of the data"


@dataclass(frozen=True)
class Solution:
    """A point with its certificate.

    x: (n,); status; objective: at x
    residual: largest violation of a constraint, relative to its scale; gap: the objective is at most this far above the optimum
    multipliers: (rows,) price of one more unit of each linear row, positive where its upper side binds
    trail: which solvers ran and what was found, in order; iterations: of the method that found x
    evaluations: of a smooth function, line searches included; its residual is the slope left, relative to the slopes seen
    certificate: of INFEASIBLE, (rows,) multipliers whose combination of the rows no point of the box can meet, but for rounding
        where a variable has no bound (convex.certificates.proves_infeasible); of UNBOUNDED, (n,) a direction in which the
        objective falls for ever; else None
    """

    x: NDArray[np.float64]
    status: Status
    objective: float
    residual: float
    gap: float
    multipliers: NDArray[np.float64]
    trail: tuple[str, ...] = ()
    iterations: int = 0
    certificate: NDArray[np.float64] | None = None
    evaluations: int = 0
