"""What a caller hands over as numbers, or one clear error that names the argument."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InvalidInput

REAL = "biuf"  # kinds of numpy's types: booleans, whole numbers and floats


def real_array(name: str, value: ArrayLike | None) -> NDArray[np.float64]:
    """`value` as float64 of any shape, NaN and infinities included; raises InvalidInput naming it where it holds no numbers."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInput(f"{name} must hold numbers: {error}") from None
    if array.dtype.kind not in REAL:
        raise InvalidInput(f"{name} must hold numbers, but it holds {_kind(array)}: convert it to floats")
    return array.astype(np.float64, copy=False)


def real_number(name: str, value: ArrayLike | None) -> float:
    """`value` as a float that is not NaN; raises InvalidInput naming it otherwise."""
    array = real_array(name, value)
    if array.ndim or np.isnan(array):
        raise InvalidInput(f"{name} is {value!r}, but it must be one number")
    return float(array)


def finite_number(name: str, value: ArrayLike | None) -> float:
    """`value` as a finite float; raises InvalidInput naming it otherwise."""
    number = real_number(name, value)
    if not np.isfinite(number):
        raise InvalidInput(f"{name} is {value!r}, but it must be finite")
    return number


def whole_number(name: str, value: ArrayLike | None, least: int) -> int:
    """`value` as an integer of at least `least`; raises InvalidInput naming it otherwise."""
    number = int(value) if isinstance(value, int | np.integer) else real_number(name, value)
    if not isinstance(number, int) and not number.is_integer():
        raise InvalidInput(f"{name} is {value!r}, but it must be a whole number")
    if number < least:
        raise InvalidInput(f"{name} is {value!r}, but it must be at least {least}")
    return int(number)


def tolerance_of(value: ArrayLike | None, least: float = 0.0) -> float:
    """`value` as a tolerance, finite and at least `least`; raises InvalidInput naming it otherwise."""
    number = finite_number("tolerance", value)
    if number < least:
        raise InvalidInput(f"tolerance is {value!r}, but it must be at least {least:g}")
    return number


def _kind(array: NDArray[np.generic]) -> str:
    return {"U": "text", "S": "bytes", "c": "complex numbers"}.get(array.dtype.kind, f"values of type {array.dtype}")
