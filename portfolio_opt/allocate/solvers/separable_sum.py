"""A statement as one separable programme to minimise: the negative objective, term by term, under all limits.

Quadratics stack. Piecewise-linear costs of several measures merge name by name: their kinks in one row, and at each the slope
rises by what the measure's own slope rises there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import NoSolution
from ...optim.convex.certificates import feasible_point
from ...optim.convex.separable import SeparableProgram
from ..statement.term import Limit, Measure, Objective, Separable, Statement
from .answer import Found, LimitPrice
from .conflict import irreducible, no_solution
from .limit_rows import LimitRows, limit_prices, stacked, used_by
from .refusal import first_refused

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

AT_BOUND = 1e-9  # a weight this near to a bound is at it


@dataclass(frozen=True)
class SeparableSum:
    """programme(w) + constant is the negative objective where every reading is exact, and else nowhere above it.

    readings: of the objective's measures; factors: the different loadings in it, each with what it costs
    """

    statement: Statement
    program: SeparableProgram
    constant: float
    limits: LimitRows
    readings: tuple[Separable, ...]
    factors: tuple[tuple[float, Matrix], ...]

    def value(self, w: Vector) -> float:
        return self.program.objective(w) + self.constant

    def priced(self, price: float, reading: Separable) -> "SeparableSum":
        """The same plus price × the reading: nowhere above what it was where the reading is not positive."""
        p = self.program
        factors = _different((*self.factors, (price, reading.loadings)))
        bent = ((1.0, p.kinks, p.slopes), (price, reading.kinks, reading.slopes))
        kinks, slopes = _merged(bent, len(p.origin))
        program = replace(
            p,
            loadings=_side_by_side(factors, len(p.origin)),
            diagonal=p.diagonal + price * reading.diagonal,
            linear=p.linear - price * reading.linear,
            kinks=kinks,
            slopes=slopes,
        )
        constant = self.constant + price * _at_rest(reading, p.origin)
        return replace(self, program=program, constant=constant, factors=factors)

    def found(self, w: Vector, multipliers: Vector, trail: tuple[str, ...], bound: float | None = None) -> Found:
        """The point with its bound and prices, computed from it and the rows' multipliers alone.

        bound: on the objective, if another one than that of the multipliers is known to hold
        """
        own = -(self.program.lower_bound(w, multipliers) + self.constant)
        return Found(
            weights=w,
            bound=own if bound is None else min(own, bound),
            taken=self.taken(w),
            trail=trail,
            prices=self.prices(w, multipliers),
        )

    def taken(self, w: Vector) -> tuple[float, ...]:
        return tuple(float(reading.value(w[None])[0]) for reading in self.readings)

    def prices(self, w: Vector, multipliers: Vector) -> tuple[LimitPrice, ...]:
        """What the limits cost at w: of rows their multipliers, of the box what one more unit beyond it would gain."""
        p = self.program
        slope = p.curvature_times(w) - p.linear + multipliers @ p.rows
        right = np.take_along_axis(p.slopes, (p.kinks <= (w + AT_BOUND)[:, None]).sum(1)[:, None], 1)[:, 0]
        left = np.take_along_axis(p.slopes, (p.kinks < (w - AT_BOUND)[:, None]).sum(1)[:, None], 1)[:, 0]
        above = np.where(w >= p.upper - AT_BOUND, np.clip(-slope - right, 0, None), 0.0)
        below = np.where(w <= p.lower + AT_BOUND, np.clip(slope + left, 0, None), 0.0)
        return limit_prices(self.statement.situation, self.limits, multipliers, above, below)

    def no_solution(self, certificate: Vector) -> NoSolution:
        """The refusal in the limits' words. certificate: (q,) prices of the rows that no point of the box can meet"""
        return no_solution(irreducible(used_by(self.limits, certificate), self.conflicting))

    def conflicting(self, limits: Sequence[Limit]) -> bool:
        return linear_conflict(replace(self.statement, limits=tuple(limits)))


def linear_conflict(statement: Statement) -> bool:
    """Whether the limits that are box and rows are proved to leave no portfolio."""
    try:
        sum_ = separable_sum(replace(statement, objective=Objective(())))
    except NoSolution:
        return True
    point, prices = feasible_point(sum_.program)
    return point is None and bool(prices.any())


def why_not(statement: Statement) -> str | None:
    """What of the statement has no separable form, naming it; None if all has."""
    situation = statement.situation

    def measure(weight: float, each: Measure) -> str | None:
        reading = each.separable(situation)
        if reading is None:
            return "is not separable"
        if weight > 0 and not reading.exact:
            return "is added, but its separable form is only a bound from below"
        if weight > 0 and (reading.loadings.any() or reading.diagonal.any() or np.diff(reading.slopes).any()):
            return "is added, but its separable form is not linear"
        return "is not convex in its separable form" if (np.diff(reading.slopes) < 0).any() else None

    def limit(each: Limit) -> str | None:
        return "is neither a box nor linear rows" if each.rows(situation) is None else None

    return first_refused(statement, measure, limit)


def separable_sum(statement: Statement) -> SeparableSum:
    """The programme of a statement that `why_not` has nothing against; limits that are neither box nor rows are left out.

    Raises NoSolution where two limits leave no room.
    """
    situation = statement.situation
    terms = statement.objective.terms
    readings = tuple(reading for _, each in terms if (reading := each.separable(situation)) is not None)
    limits = stacked(statement)
    now = situation.held * situation.unit
    n = len(now)
    parts = list(zip((-weight for weight, _ in terms), readings, strict=True))
    factors = _different((cost, each.loadings) for cost, each in parts)
    kinks, slopes = _merged([(cost, each.kinks, each.slopes) for cost, each in parts], n)
    program = SeparableProgram(
        loadings=_side_by_side(factors, n),
        diagonal=sum((max(cost, 0.0) * each.diagonal for cost, each in parts), np.zeros(n)),
        linear=-sum((cost * each.linear for cost, each in parts), np.zeros(n)),
        kinks=kinks,
        slopes=slopes,
        origin=now,
        **vars(limits.rows),
    )
    constant = sum(cost * _at_rest(each, now) for cost, each in parts)
    return SeparableSum(statement, program, constant, limits, readings, factors)


def _at_rest(reading: Separable, origin: Vector) -> float:
    """What a reading counts at the origin (n,), where the programme's own costs are 0, quadratic and linear part aside."""
    flat = replace(reading, loadings=reading.loadings[:, :0], diagonal=0 * origin, linear=0 * origin)
    return float(flat.value(origin[None])[0])


def _different(factors: Iterable[tuple[float, Matrix]]) -> tuple[tuple[float, Matrix], ...]:
    """Loadings that count, those of one covariance once: every column is an unknown of the dual."""
    found: list[tuple[float, Matrix]] = []
    for cost, loadings in factors:
        if cost > 0 and loadings.shape[1]:
            same = next((j for j, (_, other) in enumerate(found) if np.array_equal(other, loadings)), len(found))
            found[same : same + 1] = [(cost + sum(own for own, _ in found[same : same + 1]), loadings)]
    return tuple(found)


def _side_by_side(factors: Sequence[tuple[float, Matrix]], n: int) -> Matrix:
    return np.hstack([np.zeros((n, 0)), *(np.sqrt(cost) * loadings for cost, loadings in factors)])


def _merged(parts: Sequence[tuple[float, Matrix, Matrix]], n: int) -> tuple[Matrix, Matrix]:
    """Kinks (n, J) and slopes (n, J + 1) of the sum of the weighed costs. parts: cost, kinks and slopes of each"""
    first = sum((cost * slopes[:, 0] for cost, _, slopes in parts), np.zeros(n))
    kinks = np.hstack([np.zeros((n, 0)), *(kinks for _, kinks, _ in parts)])
    jumps = np.hstack([np.zeros((n, 0)), *(cost * (slopes[:, 1:] - slopes[:, :-1]) for cost, _, slopes in parts)])
    bent = (jumps != 0).any(0)
    order = np.argsort(kinks[:, bent], axis=1, kind="stable")
    kinks, jumps = (np.take_along_axis(each[:, bent], order, 1) for each in (kinks, jumps))
    return kinks, first[:, None] + np.hstack([np.zeros((n, 1)), np.cumsum(jumps, axis=1)])
