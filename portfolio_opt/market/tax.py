"""Capital gains tax on a sale: average cost, holding days first in first out, every scrip on its own."""

from typing import Any

import numpy as np

from .money import MILLION, Money, share_of
from .rules import DayRules, Investor


def cost_removed(total_cost: Money, units_held: Money, units_sold: Money) -> Any:
    """The cost that leaves with a sale: the average cost of what is held, half a paisa rounded up. Selling nothing removes 0."""
    return share_of(
        total_cost, units_sold, np.maximum(units_held, 1) if isinstance(units_held, np.ndarray) else max(units_held, 1)
    )


def capital_gains_tax(rules: DayRules, investor: Investor, gain: Money, units_short: Money, units_long: Money) -> Any:
    """Tax withheld from a sale, rounded once; a loss pays nothing and offsets nothing.

    gain: paisa, proceeds after sell charges less the cost removed
    units_short, units_long: units sold that were held at most, or more than, the long-term threshold
    Source: rules.toml, table capital_gains_tax; the gain of a sale of mixed age is split by units.
    """
    rates = rules.capital_gains_tax[investor]
    common = int(np.gcd.reduce([rates.short, rates.long, MILLION]))
    weighted = units_short * (rates.short // common) + units_long * (rates.long // common)
    units = units_short + units_long
    if isinstance(gain, np.ndarray) or isinstance(units, np.ndarray):
        return share_of(np.maximum(gain, 0), weighted, np.maximum(units, 1) * (MILLION // common))
    return share_of(max(gain, 0), weighted, max(units, 1) * (MILLION // common))
