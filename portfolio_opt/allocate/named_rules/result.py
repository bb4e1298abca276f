"""What every rule returns: weights by name, and how good they are by our own arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...optim.solution import Status
from .limits import Limited
from .risk import Risk

if TYPE_CHECKING:
    import pandas as pd

Vector = NDArray[np.float64]
FEASIBLE = 1e-9  # violation of a limit, as a fraction of wealth, that rounding may leave
CLOSE = 1e-9  # relative to the objective: a smaller gap certifies the answer


@dataclass(frozen=True)
class RuleWeights:
    """Weights as a pandas Series by name, summing to 1, with the proof of how good they are.

    status: its text says what to do; objective: of the rule's own measure, as the rule's docstring says
    residual: largest violation of a limit; gap: the objective is at most this far from the best that any portfolio within
        the limits has, None where the rule is a recipe that optimises nothing
    trail: what was done, in order
    """

    weights: pd.Series[float]
    status: Status
    objective: float
    residual: float
    gap: float | None
    trail: tuple[str, ...] = ()


def labelled(
    risk: Risk,
    limits: Limited,
    w: Vector,
    objective: float,
    gap: float | None,
    size: float,
    trail: tuple[str, ...],
    close: float = CLOSE,
) -> RuleWeights:
    """The result of w (N,). size: of the objective's terms; close: relative to it, a gap that certifies the answer."""
    import pandas as pd  # a second to import: only where it is used

    residual = limits.violation(w)
    good = residual <= FEASIBLE and (gap is None or gap <= close * size)
    return RuleWeights(
        weights=pd.Series(w, index=risk.index(), name="weight"),
        status=Status.OPTIMAL if good else Status.INACCURATE,
        objective=objective,
        residual=residual,
        gap=gap,
        trail=trail,
    )
