"""The money of whole-share orders. What a decision computed here is what a fill pays: both sides call these functions."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np

from .charges import Charges, charges
from .money import Money
from .rules import DayRules, Investor
from .tax import capital_gains_tax, cost_removed

Side = Literal["BUY", "SELL"]


@dataclass(frozen=True)
class Order:
    """One limit order, valid for its day, with the money it moves if it fills whole at its limit. Prices and money in paisa.

    board: NORMAL, or ODD for a whole holding below the board lot
    net_cash: what enters (sale) or leaves (purchase, negative) the account when it settles
    """

    symbol: str
    side: Side
    quantity: int
    limit_price: int
    board: Literal["NORMAL", "ODD"]
    place_on: date
    band_low: int
    band_high: int
    amount: int
    charges: Charges
    tax: int
    net_cash: int
    reason: str


@dataclass(frozen=True)
class Sale:
    """What selling brings, as int or as int64 arrays of alternatives. Paisa; gain may be negative."""

    amount: Any
    charges: Charges
    gain: Any
    tax: Any

    @property
    def net_cash(self) -> Any:
        return self.amount - self.charges.total - self.tax


def purchase(rules: DayRules, instrument: str, units: Money, price: Money) -> tuple[Any, Charges]:
    """Amount and charges of buying units at a price; the two together are what is paid."""
    amount = units * price
    return amount, charges(rules, instrument, amount)


def sale(
    rules: DayRules,
    investor: Investor,
    instrument: str,
    units: Money,
    price: Money,
    *,
    held: Money,
    held_long: Money,
    total_cost: Money,
) -> Sale:
    """What selling `units` of a holding brings: charges, gain over average cost, and tax by age, oldest units first.

    held, held_long: units of the holding, and how many of them are older than the long-term threshold
    total_cost: paisa paid for the whole holding
    """
    amount = units * price
    paid = charges(rules, instrument, amount)
    gain = amount - paid.total - cost_removed(total_cost, held, units)
    units_long = (
        min(units, held_long) if isinstance(units, int) and isinstance(held_long, int) else np.minimum(units, held_long)
    )
    tax = capital_gains_tax(rules, investor, gain, units - units_long, units_long)
    return Sale(amount, paid, gain, tax)
