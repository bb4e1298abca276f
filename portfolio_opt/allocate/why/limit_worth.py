"""What one more unit of a limit is worth, read from a certified convex answer."""

import numpy as np
from numpy.typing import NDArray

from ...optim.convex.separable import SeparableProgram
from ...optim.solution import Solution
from ..problem import Problem

Vector = NDArray[np.float64]


def worth_of_caps(program: SeparableProgram, answer: Solution) -> Vector:
    """(N,) what one more unit of each upper bound adds to the maximum of the programme: its slope upwards, costs and rows paid.

    answer: its solution. The worth of one more unit of a row is the row's multiplier; both are one-sided derivatives.
    """
    n = len(answer.x)
    pieces = (program.kinks <= answer.x[:, None] + ON_A_KINK).sum(1)
    slope = program.linear - program.curvature_times(answer.x) - program.slopes[np.arange(n), pieces]
    return np.asarray(np.clip(slope - answer.multipliers @ program.rows, 0.0, None))


ON_A_KINK = 1e-9


def room_of_participation(problem: Problem) -> Vector:
    """(N,) weight by which the upper bound of a name bought moves per unit of max_participation."""
    day = problem.day
    return np.asarray(day.turnover / day.buy_limit * problem.unit)
