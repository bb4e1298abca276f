"""The whole-share decision to a proved gap: a mixed-integer programme solved again and again with closer tangents.

The pieces' costs err by at most a few paisa, taken where that helps a plan, and squares held up by tangents err low: so every
bound of HiGHS bounds every whole-share plan. What it proposes is scored with exact money, and tangents are added where it was
proposed. A proposal that only those few paisa allowed becomes a piece of its own, whose money is exact.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...optim.solution import Status
from ..bounds import Bounds
from ..problem import Problem
from .quantity_pieces import Paid, Pieces, Quantities, paid_for, pieces, table_of
from .tangent_model import BP, Found, Model, Tangents, minimise, stacked

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

MOST_NAMES = 30  # that can be traded: more take longer than anyone waits
LEAST_ERROR = 2.0  # paisa: each of commission, fee and tax is rounded on its own
SAME = 1e-12  # utility: what the rounding of floats may put a plan above its bound
SLOPE_ROUNDS = 30  # of the linear programme, before whole shares are asked for


@dataclass(frozen=True)
class ExactAnswer:
    """The best whole-share plan found and what no plan can exceed. Utilities are a year, as fractions of wealth.

    units: (N,) to hold; those of today where no legal plan was found, and utility is then minus infinity
    utility: the problem's own, with exact charges and tax, less the price of idle cash; bound: of every legal plan
    trail: one line a round
    """

    units: Ints
    utility: float
    bound: float
    status: Status
    trail: tuple[str, ...]

    @property
    def gap_bp(self) -> float:
        """At most so many basis points of wealth a year are missing; infinite where no plan was found."""
        return (self.bound - self.utility) * BP if self.utility > -np.inf else np.inf


def solve_exactly(
    problem: Problem,
    limits: Bounds,
    gap: float = 1e-5,
    seconds: float = 60.0,
    start: Ints | None = None,
    *,
    idle_price: float = 0.0,
) -> ExactAnswer:
    """The best legal whole-share plan within `gap`, or the best found in `seconds` with its proved gap.

    gap: utility a year, as a fraction of wealth; start: (N,) units of a plan to begin from
    idle_price: utility a year per rupee of cash left beyond the floor
    Status is OPTIMAL within the gap, INACCURATE beyond it, INFEASIBLE where no legal plan keeps the caps and pays for itself.
    Raises InvalidInput for accounts with more reachable quantities than a table can hold.
    """
    require_positive(gap, seconds)
    table = table_of(problem, limits)

    def model(chosen_from: Pieces) -> Model:
        return Model(problem, limits, idle_price, chosen_from)

    def score(units: Ints, paid: Paid) -> float:
        return _utility(problem, units, paid, idle_price)

    squares = len(problem.held) + problem.beliefs.loadings.shape[1]
    rounds = Rounds(problem, limits, table, model, score, gap)
    rounds.tangents = Tangents(rounds.model, low_enough=gap / 8 / problem.risk_aversion / squares)
    return rounds.run(seconds, start)


def require_positive(gap: float, seconds: float) -> None:
    if not 0 < gap < 1 or not seconds > 0:
        raise InvalidInput(f"gap is {gap:g} and seconds {seconds:g}; choose a gap between 0 and 1 and a positive time")


def exact_utility(problem: Problem, limits: Bounds, units: Ints, idle_price: float = 0.0) -> float:
    """What `solve_exactly` maximises, for (N,) units: utility less the price of idle cash; -inf if not legal."""
    paid = paid_for(problem, limits, table_of(problem, limits), units)
    return -np.inf if paid is None else _utility(problem, units, paid, idle_price)


def _utility(problem: Problem, units: Ints, paid: Paid, idle_price: float) -> float:
    w = units * problem.unit
    price = (paid.cost / problem.holding_period + idle_price * paid.idle) / problem.wealth
    return float(problem.beliefs.mean @ w - problem.risk_aversion / 2 * problem.beliefs.variance(w) - price)


class Rounds:
    """The best plan and the least bound so far, and the programme they come from.

    model: the programme on given pieces; score: of a legal plan, what the programme maximises, by exact money
    """

    def __init__(
        self,
        problem: Problem,
        limits: Bounds,
        table: Sequence[Quantities],
        model: Callable[[Pieces], Model],
        score: Callable[[Ints, Paid], float],
        gap: float,
    ) -> None:
        self.problem, self.limits, self.table, self.model_of, self.score, self.gap = (
            problem, limits, table, model, score, gap,
        )  # fmt: skip
        self.error = max(LEAST_ERROR, gap * problem.wealth / 10 / len(table))
        self.exact = np.zeros((0, len(table)), dtype=np.int64)
        self.model = self._model()
        self.tangents = Tangents(self.model, low_enough=np.inf, first=0)
        self.units, self.utility, self.bound = problem.held, -np.inf, np.inf
        self.trail: list[str] = []
        self.stuck = False

    def _model(self) -> Model:
        return self.model_of(pieces(self.problem, self.table, self.error, self.exact))

    def run(self, seconds: float, start: Ints | None) -> ExactAnswer:
        """Rounds until the gap is closed or the time is up, from today's holdings and from `start`."""
        deadline = time.perf_counter() + seconds
        self.consider(self.problem.held)
        if start is not None:
            self.consider(start)
        self.slope(deadline)
        while self.open and time.perf_counter() < deadline:
            self.step(deadline)
        return self.answer()

    @property
    def open(self) -> bool:
        """Whether more rounds can help."""
        return not self.stuck and self.bound > -np.inf and self.bound - self.utility > self.gap

    def consider(self, units: Ints) -> bool:
        """Take a plan if it is legal and the best so far; whether it is legal, by exact money."""
        paid = paid_for(self.problem, self.limits, self.table, units)
        if paid is not None and (found := self.score(units, paid)) > self.utility:
            self.units, self.utility = units.copy(), found
        return paid is not None

    def slope(self, deadline: float) -> None:
        """Place tangents by the linear programme, which knows neither whole shares nor single pieces, and is fast."""
        for _ in range(SLOPE_ROUNDS):
            found = self._solve(False, deadline)
            if not self.open or not len(found.points) or not self.tangents.touch(self.model, found.points[-1]):
                break
        self.trail.append(f"linear programme: no more than {self.bound * BP:.3f} bp")

    def step(self, deadline: float) -> None:
        """One mixed-integer programme: a bound, and proposals to score, to place tangents at, or to give exact money."""
        found = self._solve(True, deadline)
        plans = [np.rint(x[self.model.units]).astype(np.int64) for x in found.points]
        unpaid = [units for units in plans if not self.consider(units)]
        closer = [self.tangents.touch(self.model, x) for x in found.points]
        self.trail.append(
            f"{self.tangents.size} tangents: utility {self.utility * BP:.3f} bp, no more than {self.bound * BP:.3f} bp"
        )
        if unpaid or not any(closer):
            known, self.exact = self.exact, np.unique(np.vstack([self.exact, *(unpaid or plans[-1:])]), axis=0)
            self.stuck = self.stuck or len(self.exact) == len(known)
            self.model = self._model()

    def _solve(self, whole: bool, deadline: float) -> Found:
        start = self.model.point(self.units) if whole and self.utility > -np.inf else None
        rows = stacked(self.model.rows(), self.tangents.rows(self.model))
        found = minimise(self.model, rows, whole, self.gap / 4, deadline, start)
        self.stuck = found.bound == -np.inf < self.utility  # HiGHS denies a plan that we hold: its word is not taken
        self.bound = self.bound if self.stuck else min(self.bound, found.bound)
        return found

    def answer(self) -> ExactAnswer:
        """What was found."""
        if self.utility == -np.inf:
            status = Status.INFEASIBLE if self.bound == -np.inf else Status.FAILED
            return ExactAnswer(self.problem.held, -np.inf, self.bound, status, tuple(self.trail))
        certified = -SAME <= self.bound - self.utility <= self.gap
        status = Status.OPTIMAL if certified else Status.INACCURATE
        return ExactAnswer(self.units, self.utility, self.bound, status, tuple(self.trail))
