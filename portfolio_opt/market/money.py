"""Rupees as whole paisa: exact reading, half-up rounding, and products of whole numbers that never overflow.

A rate is a whole number of millionths (ppm): 0.36% is 3,600. Every function serves an int and an int64 array alike.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from numpy.typing import NDArray

Money = int | NDArray[np.int64]

MILLION = 1_000_000
LARGEST = 10**13  # paisa; NPR 100 billion, beyond any account here and far inside int64


def paisa(rupees: str | int | Decimal) -> int:
    """The amount in paisa, half a paisa rounded up. Raises ValueError for what is not a finite amount below NPR 100 billion."""
    try:
        amount = Decimal(rupees)
    except InvalidOperation:
        raise ValueError(f"{rupees!r} is not an amount of rupees") from None
    if not amount.is_finite() or abs(amount) > LARGEST // 100:
        raise ValueError(f"{rupees!r} is not an amount below NPR 100 billion")
    return int(amount.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP") * 100)


def paisa_from_price(price: NDArray[np.float64]) -> NDArray[np.int64]:
    """Prices in rupees as whole paisa; a price that is absent (NaN) becomes 0."""
    return np.rint(np.where(np.isnan(price), 0.0, price) * 100).astype(np.int64)


def rupees(amount: int) -> str:
    """The amount as text with two decimals and thousands separated: 10438380 is 104,383.80."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(int(amount)), 100)
    return f"{sign}{whole:,}.{rest:02d}"


def ppm(percent: str) -> int:
    """A percentage as millionths: "0.36" is 3600. Raises ValueError for what is not a whole number of millionths."""
    rate = Decimal(percent) * 10_000
    if rate != int(rate):
        raise ValueError(f"{percent!r} percent is finer than a millionth")
    return int(rate)


def share_of(amount: Money, part: Money, whole: Money) -> Any:
    """amount × part / whole, half rounded up, exact at any size. Whole numbers, amount and part not negative, whole positive.

    Python's integers take over where the product would leave int64.
    """
    if isinstance(amount, int) and isinstance(part, int) and isinstance(whole, int):
        return (2 * amount * part + whole) // (2 * whole)
    largest = 2.0 * np.max(amount, initial=0) * np.max(part, initial=0) + np.max(whole, initial=0)
    if largest < 2.0**62:
        return (2 * np.asarray(amount) * part + whole) // (2 * np.asarray(whole))
    a, p, w = (np.asarray(number).astype(object) for number in (amount, part, whole))
    return np.asarray((2 * a * p + w) // (2 * w)).astype(np.int64)[()]  # [()]: one number stays a number


def fraction_of(amount: Money, rate_ppm: Money) -> Any:
    """amount × rate, half a paisa rounded up. amount not negative, rate in millionths."""
    return share_of(amount, rate_ppm, MILLION)
