"""Figures that are fractions of a whole: 0.05 and never 5."""

from ...errors import InvalidInput


def require_fraction(what: str, value: float, *, least: float = 0.0, most: float = 1.0) -> None:
    """Raises InvalidInput unless `value` lies between `least` and `most`; a percentage is recognised."""
    if not least <= value <= most:
        guess = f"; did you mean {value / 100:g}?" if most < value <= 100 * most else ""
        raise InvalidInput(f"{what} is {value:g}, but it is a fraction of the whole from {least:g} to {most:g}{guess}")


def require_positive(what: str, value: float) -> None:
    """Raises InvalidInput unless `value` is positive and finite."""
    if not 0 < value < float("inf"):
        raise InvalidInput(f"{what} is {value:g}, but it must be a positive number")


def percent(value: float) -> str:
    """A fraction as text: 0.25 is 25%, 0.0125 is 1.25%."""
    return f"{100 * value:.4g}%"
