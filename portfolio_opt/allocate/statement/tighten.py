"""A statement whose convex reading is as near to the truth as its own limits allow."""

from dataclasses import replace

import numpy as np

from .term import Objective, Statement, Vector
from .trading_cost import TradingCost


def tightened(statement: Statement) -> Statement:
    """The same statement, its trading costs bounded for the weights that its limits allow each name.

    Charges fall with the size of an order, so what may be held at most says how small a share of an order they can be.
    """
    symbols = statement.situation.day.symbols.tolist()
    up_to = dict(zip(symbols, _largest(statement).tolist(), strict=True))
    terms = tuple(
        (weight, replace(measure, up_to=up_to) if type(measure) is TradingCost and measure.up_to == 1 else measure)
        for weight, measure in statement.objective.terms
    )
    return replace(statement, objective=Objective(terms))


def _largest(statement: Statement) -> Vector:
    """(N,) weight that no name exceeds within the limits, as no weight is negative."""
    upper = np.ones(len(statement.situation.unit))
    for limit in statement.limits:
        rows = limit.rows(statement.situation)
        if rows is None:
            continue
        upper = np.minimum(upper, rows.upper)
        for row, most in zip(rows.rows, rows.row_upper, strict=True):
            inside = row > 0
            if (row >= 0).all() and np.isfinite(most):  # what the others weigh only takes room
                upper[inside] = np.minimum(upper[inside], most / row[inside])
    return np.clip(upper, 0, 1)
