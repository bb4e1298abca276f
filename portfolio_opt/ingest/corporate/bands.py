"""How far a price can move in a session; what lies beyond is no return, whatever caused it, and a digit's worth is a slip."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...market.money import MILLION
from ...market.rules import rulebook

SLACK = 0.006  # a move this much beyond the band may still be rounding, of prices or of the exchange's reference
LONG_HALT = 30  # calendar days without a trade, after which the band says nothing about the next price
FIRST_SESSIONS = 15  # trades in which a new listing runs from its issue price to its market price, band after band


def furthest_moves(days: NDArray[Any]) -> NDArray[np.float64]:
    """The largest rise or fall that is a session's own, on each of some days: the day's price band and a little slack.

    days: days since 1970-01-01, as numbers or as datetime64[D]
    """
    book = rulebook()
    starts = [row["from"] for row in book.tables["price_band"]]
    widths = [book.on(start).price_band / MILLION + SLACK for start in starts]
    number = np.asarray(days).astype(np.int64)
    furthest = np.full(number.shape, widths[0])
    for start, width in zip(starts[1:], widths[1:], strict=True):
        furthest[number >= np.datetime64(start).astype(np.int64)] = width
    return furthest


def scale_slips(ratio: NDArray[np.float64], furthest: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which ratios of a close to the one before are ten, a hundred, a tenth and so on, but for a session's own move."""
    with np.errstate(invalid="ignore"):
        power = np.rint(np.log10(ratio))
        return (power != 0) & (np.abs(ratio / 10.0**power - 1) <= furthest)
