"""Money that is known for whole shares, read for any weight."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..problem import Situation
from .term import Matrix

Ints = NDArray[np.int64]


def between_whole_shares(situation: Situation, weights: Matrix, money: Callable[[Ints], Ints]) -> Matrix:
    """(B, N) paisa of weights (B, N): exactly `money` at whole shares, and the straight line from one share to the next between.

    A convex function that is below `money` at whole shares is then below this everywhere.
    money: (B, N) units of a holding to paisa
    """
    units = weights / situation.unit
    whole = np.floor(units)
    part = units - whole
    lower = whole.astype(np.int64)
    low = money(lower)
    if not part.any():
        return low.astype(float)
    return np.asarray(low + part * (money(lower + 1) - low))
