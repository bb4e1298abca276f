"""What a projection is: the nearest point of a set, and the two figures that certify an answer in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InvalidInput
from ..real_numbers import real_array

Array = NDArray[np.float64]
ROUNDING = 1e-12  # a relative difference this small is the rounding of the inputs, not a contradiction


@dataclass(frozen=True)
class Projection:
    """A closed convex set, called as `project(v)`: the Euclidean projection of (n,), or of every row of (B, n).

    nearest: (B, n) finite rows -> (B, n) their nearest points of the set
    violation: (B, n) -> (B,) largest violation of a constraint, relative to the terms it is the sum of
    gap: points w (B, n) and slopes (B, n) -> (B,) the largest slope'(w - q) over all q of the set, infinite where there is
        none. At the slope of a convex function this is the Frank-Wolfe gap: the function at w is at most so far above its
        minimum over the set.
    size: n, or None where any will do
    """

    nearest: Callable[[Array], Array]
    violation: Callable[[Array], Array]
    gap: Callable[[Array, Array], Array]
    size: int | None = None

    def __call__(self, v: ArrayLike, /) -> Array:
        """The nearest point to v, or to each of its rows. Raises InvalidInput unless v is finite and of the set's size."""
        rows = points("v", v, self.size)
        return self.nearest(np.atleast_2d(rows)).reshape(rows.shape)


def points(name: str, value: ArrayLike, size: int | None) -> Array:
    """`value` as contiguous finite float64 of shape (n,) or (B, n); raises InvalidInput naming it otherwise."""
    array = np.ascontiguousarray(real_array(name, value)) if np.ndim(value) else real_array(name, value)
    if (
        array.ndim not in (1, 2)
        or array.shape[-1] != (array.shape[-1] if size is None else size)
        or not array.shape[-1]
    ):
        wanted = "n" if size is None else size
        raise InvalidInput(
            f"{name} has shape {array.shape}, but it must be ({wanted},), or (rows, {wanted}) for many at once"
        )
    if not np.isfinite(array).all():
        raise InvalidInput(f"{name} holds a value that is not finite")
    return array


def vector(name: str, value: ArrayLike, size: int | None = None, *, infinite: bool = False) -> Array:
    """`value` as its own read-only float64 (n,), finite unless `infinite` sides are allowed; raises InvalidInput naming it."""
    array = real_array(name, value).copy()
    if array.ndim != 1 or not array.size or (size is not None and array.size != size):
        raise InvalidInput(f"{name} has shape {array.shape}, not {('n',) if size is None else (size,)}")
    if np.isnan(array).any() or not (infinite or np.isfinite(array).all()):
        raise InvalidInput(f"{name} holds a value that is not finite")
    array.setflags(write=False)
    return array


def positive(name: str, value: float) -> float:
    """`value` as a float; raises InvalidInput naming it unless it is a positive, finite number."""
    number = real_array(name, value)
    if number.ndim or not 0 < number < np.inf:
        raise InvalidInput(f"{name} is {value!r}, but it must be a positive, finite number")
    return float(number)


def bounds(lower: ArrayLike, upper: ArrayLike, *, infinite: bool = False) -> tuple[Array, Array]:
    """Both bounds as (n,); raises InvalidInput unless every lower is at most its upper."""
    low = vector("lower", lower, infinite=infinite)
    high = vector("upper", upper, low.size, infinite=infinite)
    if (low > high).any():
        i = int(np.argmax(low > high))
        raise InvalidInput(f"lower lies above upper at position {i}: {low[i]:g} > {high[i]:g}")
    if (low == np.inf).any() or (high == -np.inf).any():
        raise InvalidInput("lower may be -inf and upper +inf, for no limit; the other infinities leave no point")
    return low, high


def relative(excess: Array, size: Array | float) -> Array:
    """max(excess, 0) over the size of the terms; 0 where there is no excess."""
    over = np.maximum(excess, 0.0)
    return np.divide(over, size, out=np.zeros_like(over), where=over > 0)
