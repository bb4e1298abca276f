"""The portfolio within the limits that is nearest to given weights: how a recipe that knows no limits keeps to them."""

import numpy as np
from numpy.typing import NDArray

from .limits import Limited
from .quadratic import minimise
from .risk import Risk

Vector = NDArray[np.float64]


def nearest_within(target: Vector, limits: Limited) -> Vector:
    """(N,) the minimiser of |w - target|² within the limits."""
    n = len(target)
    return minimise(Risk(None, None, np.zeros((n, 0)), np.ones(n)), target, limits).w
