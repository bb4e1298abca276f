"""Whole shares for statements of known measures and limits, by compiled climbs at true values: one decision, or a front."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...market.money import MILLION
from ..problem import Situation
from ..statement.as_far_as_today import AsFarAsToday
from ..statement.cash_limits import CashFloor, FullyInvested
from ..statement.count_limits import BoardLot, MaxNames, MinNames, MinPosition
from ..statement.gains_tax import CapitalGainsTax
from ..statement.holdings import DaysToExit, Turnover
from ..statement.path_risk import CVaR, MaxDrawdown, SemiVariance, averaged, path_gains
from ..statement.term import Limit, Measure, Objective
from ..statement.trade_limits import MaxTurnover
from ..statement.trading_cost import TradingCost
from ..statement.variance import TrackingError, Variance
from .pieces import charges_of

if TYPE_CHECKING:
    from .statement_kernels import Bounds, Measures, Names

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

ON_PATHS = (CVaR, MaxDrawdown, SemiVariance)
WHOLE = 1e-6  # of a share
NOT_ROWS = (MaxTurnover, MaxNames, MinNames, MinPosition, BoardLot)  # that the search knows all the same


def why_not(situation: Situation, objectives: Sequence[Objective], limits: Sequence[Limit]) -> str | None:
    """What of a statement the compiled search does not know, naming it; None if it knows all."""
    for measure in _measures(objectives):
        known = isinstance(measure, (TradingCost, CapitalGainsTax, Turnover, DaysToExit, *ON_PATHS))
        if not known and not _is_smooth(measure, situation):
            return measure.in_words()
    steps = {type(each).scenario_steps > 1 for each in _measures(objectives) if isinstance(each, ON_PATHS)}
    if len(steps) > 1:
        return "risks over whole paths beside risks at their ends"
    for limit in limits:
        if not isinstance(limit, NOT_ROWS) and limit.rows(situation) is None:
            return limit.in_words()
    return None


def _is_smooth(measure: Measure, situation: Situation) -> bool:
    """Whether it is a quadratic in the believed covariance without kinks, but for bends that no weight above 0 reaches."""
    reading = measure.separable(situation)
    if reading is None or not reading.exact:
        return False
    bent = (np.diff(reading.slopes) != 0) & (reading.kinks > 0)
    return not bent.any() and (isinstance(measure, Variance | TrackingError) or not reading.loadings.any())


def _measures(objectives: Sequence[Objective]) -> list[Measure]:
    """Every different measure of the objectives."""
    found: list[Measure] = []
    for objective in objectives:
        found += [measure for weight, measure in objective.terms if weight and measure not in found]
    return found


@dataclass(frozen=True)
class CompiledSearch:
    """Climbs over whole-share holdings of one problem, for K objectives that are all to be made large.

    lower, upper: (N,) units that can be reached today; idle_price: utility a year of a unit of wealth idle beyond what is
    allowed; more than most_idle of it is a broken limit
    unavoidable: by how much each limit is broken whatever is done today
    """

    situation: Situation
    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...]
    lower: Ints
    upper: Ints
    idle_price: float
    unavoidable: tuple[float, ...]
    most_idle: float = np.inf

    def climb(self, weights: Matrix, floors: Matrix, starts: Ints) -> tuple[Ints, Vector]:
        """The holdings (B, N) at which climbs from `starts` (B, N) end, and their scores (B,).

        weights: (B, K) of the objectives; floors: (B, K) below which they are penalised, -inf for none
        """
        from . import statement_kernels  # compiles: only where it is used

        units, scores = np.ascontiguousarray(starts, dtype=np.int64).copy(), np.empty(len(starts))
        weights, floors = (np.ascontiguousarray(each, dtype=float) for each in (weights, floors))

        def run(b: int) -> None:
            scores[b], _ = statement_kernels.climb(
                self._names, self._arrays, self._bounds, self._coefficients, weights[b], floors[b], units[b]
            )

        if len(units) == 1:
            run(0)
        else:
            with ThreadPoolExecutor(min(len(units), os.cpu_count() or 1)) as pool:
                list(pool.map(run, range(len(units))))
        return units, scores

    def climb_all(self, starts: Ints) -> Ints:
        """The holdings (B, N) at which climbs of the first objective alone end."""
        weights = np.zeros((len(starts), len(self.objectives)))
        weights[:, 0] = 1.0
        return self.climb(weights, np.full(weights.shape, -np.inf), starts)[0]

    @cached_property
    def _coefficients(self) -> Matrix:
        """(K, M) of each objective on each measure."""
        measures = _measures(self.objectives)
        table = np.zeros((len(self.objectives), len(measures)))
        for k, objective in enumerate(self.objectives):
            for weight, measure in objective.terms:
                if weight:
                    table[k, measures.index(measure)] += weight
        return table

    @cached_property
    def _names(self) -> "Names":
        from .statement_kernels import Names

        s, day = self.situation, self.situation.day
        caps, most, least = np.ones(len(s.unit)), np.full(len(s.unit), np.inf), np.zeros(len(s.unit))
        for limit, give in zip(self.limits, self.unavoidable, strict=True):
            rows = limit.rows(s)
            if rows is not None:
                least = np.maximum(least, rows.lower - give)
                if limit.of_wealth_after_costs:
                    caps = np.minimum(caps, rows.upper + give)
                else:
                    most = np.minimum(most, rows.upper + give)
        lower = np.maximum(self.lower, np.ceil(least / s.unit - WHOLE).astype(np.int64))
        upper = np.minimum(self.upper, np.floor(np.minimum(most / s.unit, self.upper) + WHOLE).astype(np.int64))
        lower = np.minimum(lower, self.upper)
        upper = np.maximum(upper, lower)
        whole = [day.close, day.buy_limit, day.sell_limit, day.lot, s.held, s.held_long, s.total_cost, lower, upper]
        parts = np.column_stack([s.unit, s.held * s.unit, np.maximum(caps, lower * s.unit)])
        return Names(np.column_stack(whole).astype(np.int64), parts, s.beliefs.covariance())

    @cached_property
    def _arrays(self) -> "Measures":
        from . import statement_kernels as k

        s, measures = self.situation, _measures(self.objectives)
        n, m = len(s.unit), len(measures)
        kind, figure = np.zeros(m, dtype=np.int64), np.zeros(m)
        quadratic, constant, linear, curve = np.zeros(m), np.zeros(m), np.zeros((m, n)), np.zeros((m, n))
        gains = np.zeros((n, 0, 0))
        if any(isinstance(each, ON_PATHS) for each in measures):
            gains = np.ascontiguousarray(path_gains(s).transpose(2, 0, 1))
        paths = gains.shape[1]
        for j, measure in enumerate(measures):
            match measure:
                case TradingCost():
                    kind[j] = k.COST
                case CapitalGainsTax():
                    kind[j] = k.TAX
                case Turnover():
                    kind[j] = k.TURNOVER
                case CVaR(level=level):
                    kind[j], figure[j] = k.TAIL, averaged(level, paths)
                case MaxDrawdown(level=level):
                    kind[j], figure[j] = k.FALL, averaged(level, paths)
                case SemiVariance(target=target):
                    kind[j], figure[j] = k.SHORTFALL, target
                case DaysToExit():
                    kind[j], linear[j] = k.EXIT, measure.sessions(s)
                case _:
                    reading = measure.separable(s)
                    assert reading is not None
                    kind[j], constant[j] = k.SMOOTH, reading.constant
                    if isinstance(measure, Variance | TrackingError):
                        quadratic[j], linear[j] = 1.0, reading.linear
                    else:
                        above = (np.diff(reading.slopes) * (reading.kinks <= 0)).sum(1)
                        linear[j], curve[j] = reading.linear + reading.slopes[:, 0] + above, reading.diagonal
        return k.Measures(kind, figure, quadratic, constant, linear, curve, gains)

    @cached_property
    def _bounds(self) -> "Bounds":
        from .statement_kernels import Bounds

        s, limits, n = self.situation, self.limits, len(self.situation.unit)
        rows, lower, upper, after = [np.zeros((0, n))], [np.zeros(0)], [np.zeros(0)], [np.zeros(0, dtype=bool)]
        for limit, least in zip(limits, self.unavoidable, strict=True):
            own = limit.rows(s)
            if own is not None and len(own.rows) and not isinstance(limit, CashFloor | FullyInvested):
                rows.append(own.rows)
                lower.append(own.row_lower - least)
                upper.append(own.row_upper + least)
                stuck = limit.stuck_rows(s) if isinstance(limit, AsFarAsToday) else np.zeros(len(own.rows), dtype=bool)
                after.append(~stuck if limit.of_wealth_after_costs else np.zeros(len(own.rows), dtype=bool))
        rules = s.rules
        rates = rules.capital_gains_tax[s.account.investor]
        floor = max((each.limit for each in limits if isinstance(each, CashFloor)), default=0.0)
        figures = [
            s.cash / s.wealth,
            s.outside_value / s.wealth,
            np.ceil(floor * s.wealth) / s.wealth,
            self.most_cash,
            self.idle_price,
            self.most_idle,
            self._figure(MaxTurnover, min, np.inf, 1),
            self._figure(MaxNames, min, np.inf, 1),
            self._figure(MinNames, max, 0.0, -1),
            self._figure(MinPosition, max, 0.0, 0),
            1 / s.holding_period,
            float(s.wealth),
        ]
        edges, fixed, rate = charges_of(rules)
        return Bounds(
            np.ascontiguousarray(np.vstack(rows)), np.concatenate(lower), np.concatenate(upper), np.concatenate(after),
            np.array(figures), edges, fixed, rate, np.array([rates.short, rates.long]) / MILLION,
        )  # fmt: skip

    @property
    def most_cash(self) -> float:
        """Share of wealth that may stay in cash at no price, the cash floor aside."""
        pairs = zip(self.limits, self.unavoidable, strict=True)
        return min((each.cash + least for each, least in pairs if isinstance(each, FullyInvested)), default=1.0)

    def _figure(self, kind: type, stricter: object, otherwise: float, give: int) -> float:
        """Of the strictest limit of a kind, with what it must give way today. give: 1 upwards, -1 downwards, 0 not"""
        found = [
            vars(limit)["limit"] + give * least
            for limit, least in zip(self.limits, self.unavoidable, strict=True)
            if isinstance(limit, kind)
        ]
        return float(min(found) if stricter is min else max(found)) if found else otherwise
