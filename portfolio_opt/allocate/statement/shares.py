"""Money that is known for whole shares, read for any weight."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..problem import Situation
from .term import Matrix

Ints = NDArray[np.int64]


WHOLE = (
    1e-9  # of the number of shares: nearer to a whole number than this, a weight is one but for the rounding of floats
)
Money = Callable[[Ints, Ints], Ints]


def between_whole_shares(situation: Situation, weights: Matrix, money: Money) -> Matrix:
    """(B, N) paisa of weights (B, N): exactly `money` at whole shares, and the straight line from one share to the next between.

    A convex function that is below `money` at whole shares is then below this everywhere.
    money: places (M,) of names and the units (M,) one would hold of each, to paisa; asked only of what is traded
    """
    units = weights / situation.unit
    nearest = np.rint(units)
    is_whole = np.abs(units - nearest) <= WHOLE * (1 + np.abs(nearest))
    whole = np.where(is_whole, nearest, np.floor(units))
    part = np.where(is_whole, 0.0, units - whole)
    lower = whole.astype(np.int64)
    low = _of_trades(situation, lower, money)
    return low if not part.any() else np.asarray(low + part * (_of_trades(situation, lower + 1, money) - low))


def _of_trades(situation: Situation, units: Ints, money: Money) -> Matrix:
    paid = np.zeros(units.shape)
    row, name = np.nonzero(units != situation.held)
    paid[row, name] = money(name, units[row, name])
    return paid
