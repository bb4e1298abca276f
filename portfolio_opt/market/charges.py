"""What a trade costs besides its price: brokerage, the regulator's fee and the depository's charge."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .money import Money, fraction_of, share_of
from .rules import CHARGED_AS, DayRules


@dataclass(frozen=True)
class Charges:
    """Charge lines of one order, or of an array of orders, each line rounded on its own. Paisa."""

    commission: Any
    sebon_fee: Any
    dp_charge: Any

    @property
    def total(self) -> Any:
        return self.commission + self.sebon_fee + self.dp_charge


def commission_rate(rules: DayRules, instrument: str, amount: Money) -> Any:
    """The brokerage rate in ppm that applies to the whole of `amount` (paisa)."""
    slabs = rules.commission[CHARGED_AS.get(instrument, instrument)]
    slab = np.searchsorted(slabs.up_to, amount, side="left")  # an amount equal to the slab's end is still inside
    return np.asarray(slabs.rates, dtype=np.int64)[slab]


def charges(rules: DayRules, instrument: str, amount: Money) -> Charges:
    """Charges on executed amounts of one instrument, the same for buying and selling; nothing on an amount of 0.

    amount: paisa, an int or an int64 array; each element is one order in one scrip on one day
    Source: NEPSE's flat slabs, rules.toml.
    """
    amount_ = np.asarray(amount, dtype=np.int64)
    traded = amount_ > 0
    commission = np.maximum(fraction_of(amount_, commission_rate(rules, instrument, amount_)), rules.commission_minimum)
    sebon = fraction_of(amount_, rules.sebon_fee[CHARGED_AS.get(instrument, instrument)])
    lines = (np.where(traded, commission, 0), sebon, np.where(traded, rules.dp_charge, 0))
    if amount_.ndim == 0:
        return Charges(*(int(line) for line in lines))
    return Charges(*lines)


def split_dp_charge(rules: DayRules, units: tuple[int, ...]) -> tuple[int, ...]:
    """One day's DP charge in one scrip divided over that day's trades by units; the parts add up to the charge exactly."""
    before = np.concatenate([[0], np.cumsum(units)])
    edges = [share_of(rules.dp_charge, int(edge), int(before[-1])) for edge in before]
    return tuple(high - low for low, high in pairwise(edges))
