"""Ticks, the day's price band and the limit prices that fit both. Prices in paisa."""

from typing import Any

import numpy as np

from .money import MILLION, Money
from .rules import DayRules


def round_down(price: Money, tick: Money) -> Any:
    """The nearest price on the tick that is not above."""
    return price // tick * tick


def round_up(price: Money, tick: Money) -> Any:
    """The nearest price on the tick that is not below."""
    return -(-price // tick) * tick


def around(reference: Money, width_ppm: int, tick: int) -> tuple[Any, Any]:
    """Lowest and highest price on the tick within ± width of a reference price."""
    lowest = -(-(reference * (MILLION - width_ppm)) // MILLION)
    highest = reference * (MILLION + width_ppm) // MILLION
    return round_up(lowest, tick), round_down(highest, tick)


def price_band(rules: DayRules, instrument: str, previous_close: Money) -> tuple[Any, Any]:
    """Lowest and highest price of the day: the band around the previous close, rounded inward to the tick."""
    return around(previous_close, rules.price_band, rules.tick_of(instrument))


def order_step(rules: DayRules, instrument: str, last_trade: Money) -> tuple[Any, Any]:
    """Lowest and highest price one order of the continuous session may carry, on the tick; further away is worked in steps."""
    return around(last_trade, rules.order_step, rules.tick_of(instrument))


def limit_price(rules: DayRules, instrument: str, side: str, close: Money, margin_ppm: int) -> Any:
    """The worst price an order accepts: the close moved by `margin` against us, on the tick and inside the day's band.

    side: BUY or SELL; margin_ppm: how far beyond the close, in millionths
    """
    tick = rules.tick_of(instrument)
    low, high = price_band(rules, instrument, close)
    if side == "BUY":
        wanted = round_down(close * (MILLION + margin_ppm) // MILLION, tick)
    else:
        wanted = round_up(-(-(close * (MILLION - margin_ppm)) // MILLION), tick)
    limit = np.clip(wanted, low, high)
    return limit if isinstance(close, np.ndarray) else int(limit)
