"""Mean and variance without costs: the whole front of appetites for return, exact, and the point of it that is asked for."""

import numpy as np
from numpy.typing import NDArray

from ...optim.solution import Status
from ..statement.term import Measure, Statement
from . import separable_sum
from .answer import Found
from .refusal import first_refused
from .smooth_pieces import row_prices

Vector = NDArray[np.float64]


def why_not(statement: Statement) -> str | None:
    """What of the statement is not a quadratic under a box and rows, naming it; None if all is."""

    def measure(_weight: float, each: Measure) -> str | None:
        reading = each.separable(statement.situation)
        kinked = reading is not None and np.diff(reading.slopes).any()
        return "has kinks, and the front is that of a quadratic without costs" if kinked else None

    return separable_sum.why_not(statement) or first_refused(statement, measure, lambda _limit: None)


def run(statement: Statement) -> Found:
    """The front at an appetite of 1, where its objective is the statement's. Raises NoSolution where the limits leave nothing."""
    from ...optim.convex.critical_line import FactorCovariance, FrontProgram, critical_line

    total = separable_sum.separable_sum(statement)
    p = total.program
    front = critical_line(
        FrontProgram(
            mean=p.linear - p.slopes[:, 0],
            covariance=FactorCovariance(p.loadings, p.diagonal),
            lower=p.lower,
            upper=p.upper,
            rows=p.rows,
            row_lower=p.row_lower,
            row_upper=p.row_upper,
        )
    )
    if front.status is Status.INFEASIBLE and front.certificate is not None:
        raise total.no_solution(front.certificate)
    if not len(front.weights):
        nothing = np.full(len(p.linear), np.nan)
        return Found(nothing, np.inf, total.taken(nothing), front.trail)
    w = np.clip(front.at_risk_aversion(1.0), p.lower, p.upper)
    trail = (
        *front.trail,
        f"a front of {len(front.weights)} corners, {'exact' if front.exact else 'exact only in part'}",
    )
    return total.found(w, row_prices(p, w), trail)
