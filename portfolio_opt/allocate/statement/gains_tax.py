"""Capital gains tax of the sales that lead from what is held to a portfolio."""

from dataclasses import dataclass

import numpy as np

from ...ingest.universe import TRADED
from ...market.money import MILLION
from ...market.orders import sale
from ..problem import Situation
from .shares import Ints, between_whole_shares
from .term import Matrix, Measure, Separable, Vector

ROUNDED = 1.5  # paisa that rounding commission, fee and removed cost can take from a gain
HALF_A_PAISA = 0.5


@dataclass(frozen=True)
class CapitalGainsTax(Measure):
    """The tax withheld from the sales, a year of the holding period: gain over average cost, after charges, oldest units first.

    Exact for whole shares; every name is sold in one order at its limit price, and a loss pays nothing. The convex bound takes
    the highest charges off the gain: max(0, a R(s) - c) of s units sold, where R counts old units at the long rate first, then
    young ones at the short rate; a is the gain of a unit after charges that grow with it, c what the flat ones can save.
    """

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        def tax(name: Ints, units: Ints) -> Ints:
            held = situation.held[name]
            sold = np.clip(held - units, 0, held)
            got = sale(
                situation.rules,
                situation.account.investor,
                TRADED,
                sold,
                situation.day.sell_limit[name],
                held=held,
                held_long=situation.held_long[name],
                total_cost=situation.total_cost[name],
            )
            return np.asarray(got.tax)

        total = between_whole_shares(situation, weights, tax).sum(-1)
        return np.asarray(total / situation.wealth / situation.holding_period)

    def separable(self, situation: Situation) -> Separable:
        long, short = _rates(situation)
        gain = _gain(situation)
        free = np.minimum(_untaxed(situation, gain, long, short), situation.held)
        old = np.maximum(situation.held_long, free)
        kinks = (situation.held - np.stack([old, free])).T * situation.unit[:, None]
        per_weight = gain / situation.day.close
        slopes = np.stack([-short * per_weight, -long * per_weight, np.zeros(len(gain))], axis=1)
        now = situation.held * situation.unit
        return Separable.kinked(now, kinks, slopes / situation.holding_period, exact=False)

    def in_words(self) -> str:
        return "capital gains tax on what is sold, share of wealth a year"


def _rates(situation: Situation) -> tuple[Vector, Vector]:
    """(N,) tax rates of the units sold first and of the rest, not falling, so that the tax is convex in the units.

    Where old units are taxed higher than young ones, both get the rate of selling everything: no sale pays a lower one.
    """
    rates = situation.rules.capital_gains_tax[situation.account.investor]
    long, short = rates.long / MILLION, rates.short / MILLION
    share_long = situation.held_long / np.maximum(situation.held, 1)
    mixed = long * share_long + short * (1 - share_long)
    return np.minimum(mixed, long), np.where(long > short, mixed, short)


def _gain(situation: Situation) -> Vector:
    """(N,) paisa of gain that a unit sold has left after the highest charges that grow with the amount; 0 where it has none."""
    rules, price = situation.rules, situation.day.sell_limit
    rate = (max(rules.commission[TRADED].rates) + rules.sebon_fee[TRADED]) / MILLION
    average = situation.total_cost / np.maximum(situation.held, 1)
    return np.asarray(np.clip(price * (1 - rate) - average, 0, None) * (situation.held > 0))


def _untaxed(situation: Situation, gain: Vector, long: Vector, short: Vector) -> Vector:
    """(N,) units that flat charges and rounding may let go without tax; infinite where no sale is taxed."""
    rules = situation.rules
    share_long = situation.held_long / np.maximum(situation.held, 1)
    flat = rules.dp_charge + rules.commission_minimum + ROUNDED
    spared = flat * (long * share_long + short * (1 - share_long)) + HALF_A_PAISA
    with np.errstate(divide="ignore", invalid="ignore"):
        old = spared / (gain * long)
        young = situation.held_long + (spared - gain * long * situation.held_long) / (gain * short)
        free = np.where(old <= situation.held_long, old, young)
    return np.asarray(np.where(gain * short > 0, free, np.inf))
