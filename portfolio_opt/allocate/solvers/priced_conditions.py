"""Convex conditions beside box and rows, each met by its price: the separable programme stays one.

The programme plus t × (measure - room) is nowhere above its own value where the measure is within its room, so its least value
bounds the best portfolio there, for any t >= 0. As t rises the measure of its best point falls, and the price is looked for at
which it is the room. Between a point beyond the room and one within it lies one that uses it up, as the measure is convex; where
the measure jumps at the best price, that is the best point, and else the two come together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import NoSolution
from ...optim.convex import newton_dual
from ...optim.solution import Status
from ..problem import Situation
from ..statement.holdings import Turnover
from ..statement.names import benchmark_weights
from ..statement.term import Limit, Objective, Separable, Statement
from ..statement.trade_limits import MaxTurnover
from ..statement.variance import MaxTrackingError, TrackingError
from .answer import LimitPrice, size
from .limit_rows import WORTHLESS
from .separable_sum import SeparableSum, separable_sum

Vector = NDArray[np.float64]

PRICED = (MaxTurnover, MaxTrackingError)
TOLERANCE = 1e-11  # of the size of the objective's terms
LEAST_SIZE = 1e-3  # also where the objective is empty
ROUNDING = 1e-12  # in the unit of a limit
PROVED = 1e-12  # by which the least of a measure must exceed its room to prove that there is no way
STEPS = 80
BEYOND = 1.5  # times the step to where the room should be used up, so that it lies between


@dataclass(frozen=True)
class Condition:
    """measure(w) <= room. centre: (N,) where the measure is 0; per_unit: room gained for each unit by which the limit is relaxed

    reading: the separable one of measure - room
    """

    limit: Limit
    measure: Callable[[Vector], float]
    centre: Vector
    room: float
    per_unit: float
    reading: Separable

    @classmethod
    def of(cls, situation: Situation, limit: MaxTurnover | MaxTrackingError) -> "Condition":
        if isinstance(limit, MaxTurnover):
            centre, room, per_unit = situation.held * situation.unit, limit.limit, 1.0
            reading = Turnover().separable(situation)

            def measure(w: Vector) -> float:
                return float(np.abs(w - centre).sum() / 2)
        else:
            centre = benchmark_weights(situation, limit.benchmark)
            room, per_unit = limit.limit**2, 2 * limit.limit
            reading = TrackingError(limit.benchmark).separable(situation)

            def measure(w: Vector) -> float:
                return situation.beliefs.variance(w - centre)

        return cls(limit, measure, centre, room, per_unit, replace(reading, constant=reading.constant - room))

    def excess(self, w: Vector) -> float:
        """What the measure of w (N,) lies beyond the room, negative within it."""
        excess = self.measure(w) - self.room
        return excess if excess > ROUNDING * self.per_unit else min(excess, 0.0)


def conditions(statement: Statement) -> tuple[Condition, ...]:
    """The limits of the statement that are met by a price."""
    return tuple(Condition.of(statement.situation, limit) for limit in statement.limits if isinstance(limit, PRICED))


@dataclass(frozen=True)
class Best:
    """The best point found of a programme under conditions, w (N,), which meets them.

    least: the programme is nowhere below within the conditions, as total, which holds their prices, proves with multipliers
    of the rows; prices: of the conditions, in order; solves: programmes it took
    tightest: (N,) where the first condition's measure is least, if that was asked; fall: of that measure near its price, for
    each unit of price, 0 where it is not known
    """

    w: Vector
    least: float
    total: SeparableSum
    multipliers: Vector
    prices: tuple[float, ...]
    trail: tuple[str, ...]
    solves: int = 1
    tightest: Vector | None = None
    fall: float = 0.0

    def limit_prices(self, under: Sequence[Condition]) -> tuple[LimitPrice, ...]:
        nowhere = np.zeros(len(self.w))
        worth = ((each.limit, price * each.per_unit) for each, price in zip(under, self.prices, strict=True))
        return tuple(LimitPrice(limit, price, nowhere) for limit, price in worth if price > WORTHLESS)


def best(total: SeparableSum, under: Sequence[Condition], like: Best | None = None) -> Best:
    """The least of the programme under the conditions. Raises NoSolution where they and the rows are proved to conflict.

    like: the answer for another objective under the same conditions, from whose prices to begin
    """
    if not under:
        solution = newton_dual.solve(total.program)
        if solution.status is Status.INFEASIBLE and solution.certificate is not None:
            raise total.no_solution(solution.certificate)
        least = solution.objective - solution.gap + total.constant
        return Best(solution.x, least, total, solution.multipliers, (), solution.trail)
    return _Search(total, under, like).run()


@dataclass(frozen=True)
class _Point:
    """A point of the programme without the condition's price. value: there; excess: beyond the room; price: it is best at"""

    w: Vector
    value: float
    excess: float
    price: float


class _Search:
    """For the price of the first condition, between the nearest prices whose points lie beyond its room and within it.

    proofs: the answers at every price that was tried; last: the latest of them, under the other conditions alone
    """

    def __init__(self, total: SeparableSum, under: Sequence[Condition], like: Best | None) -> None:
        self.total, self.condition, self.others, self.like = total, under[0], under[1:], like
        self.tightest = None if like is None else like.tightest
        self.proofs: list[Best] = []
        self.last: Best | None = None
        self.solves = 0

    def run(self) -> Best:
        """The best point between the two, once the gap is closed."""
        beyond, within = self._bracket()
        if beyond.excess <= 0:
            return self._answer(beyond, 0.0)
        tolerance = TOLERANCE * max(size(self.total.statement, beyond.w), LEAST_SIZE)
        found = within
        for step in range(STEPS):
            found = min(found, within, self._between(beyond, within), key=lambda point: point.value)
            price = _next_price(beyond, within, smooth=step % 2 == 1)
            if found.value - self._proof.least <= tolerance or not beyond.price < price < within.price:
                break
            now = self._visit(price)
            beyond, within = (now, within) if now.excess > 0 else (beyond, now)
        return self._answer(found, (beyond.excess - within.excess) / (within.price - beyond.price))

    def _bracket(self) -> tuple[_Point, _Point]:
        """Points beyond the room and within it; the first is within as well where no price is needed."""
        points = [] if self.like is None or not self.like.prices[0] else self._near(self.like)
        below, above = [each for each in points if each.excess > 0], [each for each in points if each.excess <= 0]
        beyond = max(below, key=lambda point: point.price) if below else self._visit(0.0)
        if above:
            return beyond, min(above, key=lambda point: point.price)
        return beyond, self._all_price() if beyond.excess > 0 else beyond

    def _near(self, like: Best) -> list[_Point]:
        """The points at an earlier price, and a little beyond where the room is used up if the measure falls as it did then."""
        first = self._visit(like.prices[0])
        other = like.prices[0] + BEYOND * first.excess / like.fall if like.fall > 0 else 0.0
        return [first, self._visit(other)] if other > 0 else [first]

    def _visit(self, price: float) -> _Point:
        """The best point at a price."""
        total = self.total.priced(price, self.condition.reading) if price else self.total
        now = best(total, self.others, self.last)
        self.last, self.solves = now, self.solves + now.solves
        self.proofs.append(replace(now, prices=(price, *now.prices)))
        return self._point(now.w, price)

    def _all_price(self) -> _Point:
        """The point that counts the condition alone."""
        centre = self.condition.centre
        if self.tightest is None and self.total.program.residual(centre) <= 0 and _meets(centre, self.others):
            self.tightest = centre
        if self.tightest is None:
            nothing = separable_sum(replace(self.total.statement, objective=Objective(())))
            least = best(nothing.priced(1.0, self.condition.reading), self.others)
            self.tightest, self.solves = least.w, self.solves + least.solves
            if least.least > PROVED:
                raise NoSolution("no portfolio meets the limits")
        return self._point(self.tightest, np.inf)

    def _between(self, beyond: _Point, within: _Point) -> _Point:
        """The point between the two that uses the room up, or a little less."""
        share = beyond.excess / (beyond.excess - min(within.excess, 0.0))
        return self._point(beyond.w + share * (within.w - beyond.w), np.nan)

    def _point(self, w: Vector, price: float) -> _Point:
        return _Point(w, self.total.value(w), self.condition.excess(w), price)

    @property
    def _proof(self) -> Best:
        return max(self.proofs, key=lambda each: each.least)

    def _answer(self, found: _Point, fall: float) -> Best:
        proof = self._proof
        line = f"price of {self.condition.limit.in_words()}: {proof.prices[0]:.6g} after {self.solves} programmes"
        return replace(
            proof,
            w=found.w,
            trail=(*proof.trail, line) if fall else proof.trail,
            solves=self.solves,
            tightest=self.tightest,
            fall=fall,
        )


def _meets(w: Vector, under: Sequence[Condition]) -> bool:
    return all(each.excess(w) <= 0 for each in under)


def _next_price(beyond: _Point, within: _Point, *, smooth: bool) -> float:
    """Where both points are equally good, or, if smooth, where the room is used up if the measure falls evenly between them.

    The first is quick where the measure jumps, the second where it does not.
    """
    fall = beyond.excess - within.excess
    if smooth and np.isfinite(within.price):
        return beyond.price + (within.price - beyond.price) * beyond.excess / fall
    return (within.value - beyond.value) / fall
