"""What trading takes: brokerage in slabs, the regulator's fee and the depository's flat charge."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...ingest.universe import TRADED
from ...market.charges import charges
from ...market.money import MILLION
from ...market.rules import DayRules
from ..problem import Situation
from .fraction import require_fraction
from .names import by_symbol
from .shares import Ints, between_whole_shares
from .term import Matrix, Measure, Separable, Vector

ROUNDED = 1  # paisa that rounding commission and fee can spare


@dataclass(frozen=True)
class TradingCost(Measure):
    """The charges of the trades from what is held, each name one order at its limit price, a year of the holding period.

    Exact for whole shares. As the charge of a slab applies to the whole amount and the flat part to the first share, the curve
    jumps; the convex bound is the steepest line on either side of today's holding that stays below it.
    up_to: weight that no name exceeds, or one by symbol; the bound holds up to there, and the smaller it is the better the bound
    """

    up_to: float | Mapping[str, float] = 1.0

    def __post_init__(self) -> None:
        for figure in self.up_to.values() if isinstance(self.up_to, Mapping) else (self.up_to,):
            require_fraction("up_to", figure)

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        day = situation.day

        def paid(name: Ints, units: Ints) -> Ints:
            trade = units - situation.held[name]
            amount = np.abs(trade) * np.where(trade > 0, day.buy_limit[name], day.sell_limit[name])
            return np.asarray(charges(situation.rules, TRADED, amount).total)

        total = between_whole_shares(situation, weights, paid).sum(-1)
        return np.asarray(total / situation.wealth / situation.holding_period)

    def separable(self, situation: Situation) -> Separable:
        day = situation.day
        up_to = by_symbol(situation, self.up_to, 1.0) if isinstance(self.up_to, Mapping) else self.up_to
        bought = np.maximum(np.ceil(up_to / situation.unit) - situation.held, 1)
        buy = least_rate(situation.rules, bought * day.buy_limit) * day.buy_limit / day.close
        sell = least_rate(situation.rules, np.maximum(situation.held, 1) * day.sell_limit) * day.sell_limit / day.close
        now = situation.held * situation.unit
        slopes = np.stack([-sell, buy], axis=1) / situation.holding_period
        return Separable.kinked(now, now[:, None], slopes, exact=False)

    def in_words(self) -> str:
        return "trading cost: commission, SEBON fee and DP charge, share of wealth a year"


def least_rate(rules: DayRules, most: Vector) -> Vector:
    """(N,) the smallest share of its amount that any order of up to `most` paisa pays."""
    slabs, fee = rules.commission[TRADED], rules.sebon_fee[TRADED] / MILLION
    flat = max(rules.dp_charge - ROUNDED, 0)
    least = np.full(len(most), np.inf)
    start = 0
    for end, rate in zip(slabs.up_to, slabs.rates, strict=True):
        largest = np.minimum(end, most)  # within a slab the share falls with the amount
        share = np.maximum(rate / MILLION, rules.commission_minimum / largest) + fee + flat / largest
        least = np.where(most > start, np.minimum(least, share), least)
        start = end
    return least
