"""Whether numbers of names and sizes of positions leave room beside linear limits, exactly, and what would make some.

A mixed-integer programme answers: a name is held or not, and what is held weighs at least the smallest position.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from ...errors import NoSolution
from ..statement.count_limits import HALF_A_SHARE, MaxNames, MinNames, MinPosition
from ..statement.least_violation import SAID
from ..statement.term import Limit, Objective, Statement
from .conflict import irreducible, no_solution
from .separable_sum import separable_sum

COUNTED = (MaxNames, MinNames, MinPosition)
FARTHEST = 64.0  # names, or times the whole: as far as a limit is relaxed
LONGEST = 2.0  # seconds for one question; a limit about which it is too short is not offered
TIGHTEST = 1e-7
NO_ROOM = 2  # milp's status


def require_portfolio(statement: Statement) -> None:
    """Raises NoSolution where limits on names and positions are proved to leave no room beside linear ones, with what would.

    Limits of other kinds are left out.
    """
    limits = _linear_and_counted(statement)
    if not any(isinstance(limit, COUNTED) for limit in limits) or _room(statement, limits) is not False:
        return
    fewest = irreducible(limits, lambda some: _room(statement, some) is False)
    changes = [(limit, _least(statement, limits, limit)) for limit in fewest]
    words = [f"{looser.in_words()} instead of {limit.in_words()}" for limit, looser in changes if looser is not None]
    refusal = no_solution(fewest)
    raise NoSolution(f"{refusal}; enough alone is {'; or '.join(words)}") if words else refusal


def has_portfolio(statement: Statement) -> bool:
    """Whether limits on names and positions are proved to leave room beside linear ones; limits of other kinds are left out."""
    return bool(_room(statement, _linear_and_counted(statement)))


def _linear_and_counted(statement: Statement) -> list[Limit]:
    return [
        each for each in statement.limits if isinstance(each, COUNTED) or each.rows(statement.situation) is not None
    ]


def _least(statement: Statement, limits: Sequence[Limit], movable: Limit) -> Limit | None:
    """The limit as it would have to be for there to be room, to SAID of its unit; None where it alone cannot make any."""

    def enough(steps: int) -> bool:
        looser = movable.relaxed(steps * SAID)
        return looser is not None and bool(_room(statement, [looser if each is movable else each for each in limits]))

    most = round(FARTHEST / SAID)
    if not enough(most):
        return None
    low, high = 0, 1
    while not enough(high):
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return movable.relaxed(high * SAID)


def _room(statement: Statement, limits: Sequence[Limit]) -> bool | None:
    """Whether there is a portfolio within the limits; None where that took too long to tell."""
    try:
        p = separable_sum(replace(statement, objective=Objective(()), limits=tuple(limits))).program
    except NoSolution:
        return False
    n, unit = len(p.upper), statement.situation.unit
    smallest = max((limit.limit for limit in limits if isinstance(limit, MinPosition)), default=0.0)
    most = min((limit.limit for limit in limits if isinstance(limit, MaxNames)), default=n)
    fewest = max((limit.limit for limit in limits if isinstance(limit, MinNames)), default=0)
    least, each = np.maximum(smallest, HALF_A_SHARE * unit), np.eye(n)
    held = p.lower >= HALF_A_SHARE * unit
    found = milp(
        np.zeros(2 * n),  # weights, then whether each is held
        integrality=np.repeat([0, 1], n),
        bounds=Bounds(np.append(p.lower, held), np.append(p.upper, np.ones(n))),
        constraints=[
            LinearConstraint(np.hstack([p.rows, 0 * p.rows]), p.row_lower - TIGHTEST, p.row_upper + TIGHTEST),
            LinearConstraint(np.hstack([each, -np.diag(least)]), 0, np.inf),
            LinearConstraint(np.hstack([each, -np.diag(np.maximum(p.upper, 0))]), -np.inf, 0),
            LinearConstraint(np.repeat([0.0, 1.0], n)[None], fewest, most),
        ],
        options={"time_limit": LONGEST},
    )
    return True if found.x is not None else False if found.status == NO_ROOM else None
