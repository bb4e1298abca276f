"""Which genomes are new: by hashing, so that the cost grows with the number of genomes, not with its square."""

import numpy as np
from numpy.typing import NDArray

from .problem import Matrix, Vector

DECIMALS = 12  # genomes that agree to this many decimals of the width of the box are one


def keys(X: Matrix, lower: Vector, upper: Vector) -> list[bytes]:
    """One key for each genome, equal where the rounded genomes are."""
    width = np.where(upper > lower, upper - lower, 1.0)
    rounded = np.round((X - lower) / width, DECIMALS) + 0.0  # a negative zero becomes the positive one
    return [row.tobytes() for row in rounded]


def first_of_each(names: list[bytes], known: set[bytes]) -> NDArray[np.bool_]:
    """(B,) True at the first appearance of a key that is not known yet."""
    seen = set(known)
    fresh = np.zeros(len(names), dtype=bool)
    for i, name in enumerate(names):
        fresh[i] = name not in seen
        seen.add(name)
    return fresh
