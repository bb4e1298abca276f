"""What a solver hands over, and what becomes of it once everything about it is computed again from the statement."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...optim.solution import Status
from ..statement.term import Limit, Measure, Statement

Vector = NDArray[np.float64]

FEASIBLE = 1e-6  # in the unit of each limit
GAP = 1e-6  # of the size of the objective's terms


@dataclass(frozen=True)
class MeasureValue:
    """One measure at the answer. weight: in the objective; value: the true one; gap: by how much the solver took it for less."""

    weight: float
    measure: Measure
    value: float
    gap: float


@dataclass(frozen=True)
class LimitPrice:
    """A limit that costs something. price: what the objective gains for each unit of room more, at the margin

    names: (N,) what one unit of weight more is worth in each name that its box holds back: positive at a cap, negative at a floor
    """

    limit: Limit
    price: float
    names: Vector


@dataclass(frozen=True)
class Found:
    """A solver's point and the proof it offers.

    weights: (N,); bound: no portfolio within the limits has a larger objective
    taken: what the solver took each measure of the objective for, at the weights; prices: of limits, where it knows them
    local: whether only the neighbourhood was searched; near_enough: gap of the objective that was asked for, beyond GAP
    """

    weights: Vector
    bound: float
    taken: tuple[float, ...]
    trail: tuple[str, ...]
    prices: tuple[LimitPrice, ...] = ()
    local: bool = False
    near_enough: float = 0.0


@dataclass(frozen=True)
class Answer:
    """The portfolio that was found and how good it is.

    weights: (N,) of wealth, the rest is cash; objective: the true one, to be maximised; bound: no portfolio within the limits
    has a larger one; residual: the largest violation of a limit, in its unit
    solver, why: which one it was, and why that one; trail: what ran and what was found, in order
    measures: in the order of the objective; prices: of the limits that cost something, dearest first, where they are known
    """

    weights: Vector
    status: Status
    objective: float
    bound: float
    residual: float
    solver: str
    why: str
    trail: tuple[str, ...]
    measures: tuple[MeasureValue, ...]
    prices: tuple[LimitPrice, ...]

    @property
    def gap(self) -> float:
        """The objective is at most this far below the best."""
        return self.bound - self.objective


def checked(statement: Statement, found: Found, solver: str, why: str) -> Answer:
    """The point with its true value, violations and status, none of which the solver is asked about.

    Status: FAILED where a limit is broken, or where the point is better than the bound, which then bounds nothing; OPTIMAL within
    GAP of the bound, or within the gap that was asked for; else LOCAL or INACCURATE.
    """
    w = found.weights
    objective, residual = np.nan, np.inf
    measures: tuple[MeasureValue, ...] = ()
    if np.isfinite(w).all():
        measures = tuple(_measures(statement, found))
        objective = float(sum(each.weight * each.value for each in measures))
        residual = violation(statement, w)
    tolerance = GAP * size(statement, w)
    status, trail = Status.INACCURATE, found.trail
    if not residual <= FEASIBLE:
        status = Status.FAILED
        trail = (*trail, f"{solver}: its point breaks a limit by {residual:.1e}")
    elif not objective <= found.bound + tolerance:
        status = Status.FAILED
        trail = (*trail, f"{solver}: its point, {objective:.9g}, is better than its bound, {found.bound:.9g}")
    elif found.bound - objective <= max(tolerance, found.near_enough):
        status = Status.OPTIMAL
    elif found.local:
        status = Status.LOCAL
    bound = max(found.bound, objective) if status is not Status.FAILED else np.inf
    prices = tuple(sorted(found.prices, key=lambda each: -each.price))
    return Answer(w, status, objective, bound, residual, solver, why, trail, measures, prices)


def _measures(statement: Statement, found: Found) -> list[MeasureValue]:
    terms = zip(statement.objective.terms, found.taken, strict=True)
    rows = []
    for (weight, measure), taken in terms:
        value = float(measure.value(statement.situation, found.weights[None])[0])
        gap = value - taken
        rows.append(MeasureValue(weight, measure, value, gap if abs(gap) > ROUNDING * (1 + abs(value)) else 0.0))
    return rows


ROUNDING = 1e-12


def violation(statement: Statement, w: Vector) -> float:
    """The largest violation of a limit at w (N,), in its unit; that no weight is below 0 or above 1 is one of them."""
    broken = [float(limit.violation(statement.situation, w[None])[0]) for limit in statement.limits]
    return float(np.max([*broken, *(-w), *(w - 1), 0.0]))  # NaN stays NaN


def size(statement: Statement, w: Vector) -> float:
    """Of the objective's terms, each without its sign: the larger of that at w and that of equal weights."""
    n = len(w)
    points = np.vstack([np.where(np.isfinite(w), w, 0.0), np.full(n, 1 / n)])
    terms = statement.objective.terms
    values = [np.abs(weight * measure.value(statement.situation, points)) for weight, measure in terms]
    return float(np.sum(values, axis=0).max()) if values else 0.0
