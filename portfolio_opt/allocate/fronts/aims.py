"""What a front trades off: aims by name, each an objective that is made large, and how its value is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..problem import Situation
from ..statement.gains_tax import CapitalGainsTax
from ..statement.holdings import Concentration, DaysToExit, Turnover
from ..statement.names import nearest
from ..statement.path_risk import CVaR, MaxDrawdown
from ..statement.returns import ExpectedReturn
from ..statement.term import Measure, Objective
from ..statement.trading_cost import TradingCost
from ..statement.variance import Variance

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

FEWEST, MOST = 2, 5  # aims of one front


@dataclass(frozen=True)
class Aim:
    """One axis of a front.

    objective: what is made large; smallest: whether its negative is what one reads, a cost or a risk to be made small
    unit: share (of wealth), sessions, or plain; root: whether its root is read, as of a variance
    """

    name: str
    objective: Objective
    words: str
    unit: Literal["share", "sessions", "plain"] = "share"
    smallest: bool = False
    root: bool = False

    def read(self, values: Vector) -> Vector:
        """The figures one reads, of values of the objective."""
        figures = -values if self.smallest else values
        return np.asarray(np.sqrt(np.clip(figures, 0, None)) if self.root else figures) + 0.0

    def of(self, figures: Vector) -> Vector:
        """The values of the objective, of figures as one reads them."""
        figures = np.asarray(figures, dtype=float)
        values = figures**2 if self.root else figures
        return np.asarray(-values if self.smallest else values)


COSTS = TradingCost() + CapitalGainsTax()
AIMS = {
    aim.name: aim
    for aim in (
        Aim("return", ExpectedReturn() - COSTS, "expected return after charges and tax, a year"),
        Aim("gross-return", 1.0 * ExpectedReturn(), "expected return before costs, a year"),
        Aim("volatility", -Variance(), "volatility, a year", smallest=True, root=True),
        Aim("cvar", -CVaR(), "mean loss of the worst 5% of scenarios, over the horizon", smallest=True),
        Aim("drawdown", -MaxDrawdown(), "largest fall from a peak, mean over scenarios", smallest=True),
        Aim("cost", -COSTS, "charges and tax, a year of the holding period", smallest=True),
        Aim("tax", -CapitalGainsTax(), "capital gains tax, a year of the holding period", smallest=True),
        Aim("turnover", -Turnover(), "one-way turnover", smallest=True),
        Aim(
            "days-to-exit",
            -DaysToExit(),
            "sessions until everything is sold at a tenth of the turnover",
            "sessions",
            True,
        ),
        Aim("concentration", -Concentration(), "concentration: sum of squared weights", "plain", True),
    )
}
AIMS["variance"] = AIMS["volatility"]  # the same order of plans, read as its root


def aims_of(wanted: Sequence["str | Measure | Objective | Aim"]) -> tuple[Aim, ...]:
    """Two to five aims: names of AIMS, or objectives of one's own, which are made large.

    Raises InvalidInput for a name that is none, with the nearest, for too few or too many, and for two that are the same.
    """
    found: list[Aim] = []
    for each in wanted:
        if isinstance(each, str):
            if each not in AIMS:
                raise InvalidInput(f"there is no objective {each[:60]!r}; did you mean {nearest(each, AIMS)!r}?")
            each = AIMS[each]
        elif isinstance(each, Measure | Objective):
            objective = 1.0 * each
            each = Aim(_words(objective), objective, _words(objective), "plain")
        elif not isinstance(each, Aim):
            raise InvalidInput(f"an objective is a {type(each).__name__}; give a name, a measure or a sum of measures")
        if any(each.objective == other.objective for other in found):
            raise InvalidInput(f"the objective {each.name} is there twice; a front needs different ones")
        found.append(each)
    if not FEWEST <= len(found) <= MOST:
        raise InvalidInput(f"{len(found)} objectives; a front trades off {FEWEST} to {MOST}")
    return tuple(found)


def values_of(aims: Sequence[Aim], situation: Situation, weights: Matrix) -> Matrix:
    """(B, K) the objectives of portfolios (B, N). Raises InvalidInput naming a measure that gives no finite number for one."""
    return np.column_stack([aim.objective.value(situation, weights) for aim in aims])


def figures_of(aims: Sequence[Aim], values: Matrix) -> Matrix:
    """(B, K) the same as one reads them."""
    return np.column_stack([aim.read(values[:, k]) for k, aim in enumerate(aims)])


def _words(objective: Objective) -> str:
    return " ".join(f"{weight:+g} {type(measure).__name__}" for weight, measure in objective.terms).removeprefix("+1 ")
