"""The best whole-share plan with a proof, for accounts that can trade few names."""

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...optim.solution import Status
from ..book import book_of, terms_of
from ..bounds import bounds
from ..problem import Problem
from ..solvers.mixed_integer import MOST_NAMES, ExactAnswer, exact_utility, solve_exactly
from .whole import money

Ints = NDArray[np.int64]

GAP = 1e-5  # utility a year: 0.1 bp of wealth
TRIES = 4  # of caps that are relative to the wealth after the costs of the plan itself


def exact_choice(problem: Problem, units: Ints, idle_price: float) -> ExactAnswer:
    """The best legal whole-share plan, proved to within GAP or as far as a minute suffices.

    units: (N,) of a plan to begin with; idle_price: utility a year of a unit of wealth left in cash beyond the floor
    Caps hold relative to the wealth after the costs of the plan; the bound is of plans under the same caps.
    Raises InvalidInput where more than MOST_NAMES can be traded.
    """
    limits = bounds(problem, after_costs(problem, units))
    traded = int((limits.upper > limits.lower).sum())
    if traded > MOST_NAMES:
        raise InvalidInput(
            f"an exact decision takes up to {MOST_NAMES} names, but {traded} can be traded here: forbid some of them, or leave "
            "out --exact and read in the report how much a better plan could add at most"
        )
    for _ in range(TRIES):
        found = solve_exactly(problem, limits, GAP, start=units, idle_price=idle_price)
        own = bounds(problem, after_costs(problem, found.units))
        if found.status is Status.INFEASIBLE or exact_utility(problem, own, found.units, idle_price) > -np.inf:
            break
        limits = own
    return found


def after_costs(problem: Problem, units: Ints) -> int:
    """Paisa of wealth that holding `units` leaves after charges, tax and the way to the limit prices; at most today's."""
    cash = problem.cash + int(money(terms_of(problem), book_of(problem), units[None]).cash[0])
    return min(int(units @ problem.day.close) + problem.outside_value + cash, problem.wealth)
