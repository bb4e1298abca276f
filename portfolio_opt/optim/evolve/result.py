"""What a search over several objectives returns, and how it ended."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray


class Ending(Enum):
    """Why a search stopped. No ending claims that the points are the best there are. The text tells the reader what to do."""

    GENERATIONS = "all generations ran: no better point was seen, which is no proof that there is none"
    EVALUATIONS = "another generation would exceed the allowed evaluations: allow more to go on"
    TIME = "the allowed time is over: continue from the checkpoint, or allow more"
    EXHAUSTED = "no new genome could be made: the box or the repair leaves too few"
    NO_FEASIBLE = (
        "no genome seen meets the limits; given is the one that misses them least: loosen limits, or start near"
    )
    NOTHING_FINITE = "the objectives were not finite at any genome seen: mend them, or narrow the box"


@dataclass(frozen=True)
class ParetoSet:
    """Mutually non-dominated points, sorted by their objectives.

    X: (k, n) genomes; F: (k, m) objective values; exact: (k,) marks those given as exact
    violation: (k,) 0, but for NO_FEASIBLE, where the one least violating genome is given; NOTHING_FINITE gives no point
    evaluations: genomes evaluated, given ones included; refused: of these, how many had a value that is not finite
    duplicates: genomes made and thrown away because they were there already
    hypervolume: what the points dominate, up to `reference` (m,); 0 with a reference of NaN where no point is feasible
    """

    X: NDArray[np.float64]
    F: NDArray[np.float64]
    exact: NDArray[np.bool_]
    violation: NDArray[np.float64]
    ending: Ending
    generations: int
    evaluations: int
    refused: int
    duplicates: int
    hypervolume: float
    reference: NDArray[np.float64]


@dataclass(frozen=True)
class Progress:
    """Where a search stands after a generation. seconds: since this call began"""

    generation: int
    evaluations: int
    hypervolume: float
    seconds: float
