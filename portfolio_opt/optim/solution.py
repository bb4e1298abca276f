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
    FAILED = "no solver returned a feasible point: check the limits and the scale of the data"


@dataclass(frozen=True)
class Solution:
    """A point with its certificate.

    x: (n,); status; objective: at x
    residual: largest violation of a constraint, relative to its scale; gap: the objective is at most this far above the optimum
    multipliers: (rows,) price of one more unit of each linear row, positive where its upper side binds
    trail: which solvers ran and what was found, in order
    """

    x: NDArray[np.float64]
    status: Status
    objective: float
    residual: float
    gap: float
    multipliers: NDArray[np.float64]
    trail: tuple[str, ...]
