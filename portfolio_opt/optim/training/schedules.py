"""How large a step is at each step of training: plain functions from the step's number, counted from 0, to the rate.

A schedule is counted in whatever its caller counts, epochs or batches. `rules.set_rate` hands the rate to an optimizer.
"""

import math
from collections.abc import Callable

from ...errors import InvalidInput

Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """The same rate for ever."""
    _check(rate=rate)
    return lambda _: rate


def step_decay(rate: float, every: int, factor: float = 0.1) -> Schedule:
    """The rate times `factor` once more after every `every` steps."""
    _check(rate=rate, every=every, factor=factor)
    return lambda step: rate * factor ** (step // every)


def exponential(rate: float, decay: float) -> Schedule:
    """rate * exp(-decay * step): torch's ExponentialLR with gamma = exp(-decay)."""
    _check(rate=rate, decay=decay)
    return lambda step: rate * math.exp(-decay * step)


def cosine(rate: float, steps: int, lowest: float = 0.0) -> Schedule:
    """Half a cosine wave from `rate` down to `lowest`, reached after `steps` and kept (torch's climbs back from there)."""
    _check(rate=rate, steps=steps)
    if not 0 <= lowest <= rate:
        raise InvalidInput(f"lowest is {lowest!r}, but it must lie from 0 to the rate, {rate!r}")
    return lambda step: lowest + (rate - lowest) * (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2


def warmed_up(schedule: Schedule, steps: int) -> Schedule:
    """A straight rise over `steps` to the rate the schedule starts with, then the schedule from its beginning.

    The first step already trains, at 1/steps of the rate; the last of the rise is at the full rate.
    """
    _check(steps=steps)
    return lambda step: schedule(0) * (step + 1) / steps if step < steps else schedule(step - steps)


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step_decay,
    "exponential": exponential,
    "cosine": cosine,
}


def _check(**numbers: float) -> None:
    for name, value in numbers.items():
        if not 0 < value < math.inf:
            raise InvalidInput(f"{name} is {value!r}, but it must be a positive, finite number")
