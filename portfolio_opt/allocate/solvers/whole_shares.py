"""The best whole shares of a plain statement with board lots, to a proved gap, by the mixed-integer programme.

Among what it chooses from are the portfolios that the account can pay for: beyond the statement's own limits, what is bought at
the buy limit prices, charges included, must leave the cash floor. Its bound is on those.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import InvalidInput, NoSolution
from ...optim.solution import Status
from ..bounds import Bounds, bounds
from ..plain import plain
from ..problem import Problem
from ..statement.cash_limits import FullyInvested
from ..statement.count_limits import BoardLot
from ..statement.returns import ExpectedReturn
from ..statement.term import Limit, Statement
from .answer import Found
from .conflict import irreducible, no_solution
from .limit_rows import stacked
from .mixed_integer import MOST_NAMES, solve_exactly
from .quantity_pieces import MOST_QUANTITIES
from .separable_sum import linear_conflict

GAP = 1e-6  # utility a year, a hundredth of a basis point of wealth
WIDEST = 0.1  # where the objective counts the utility for next to nothing
ROUNDING = 1e-9  # of a share


@dataclass(frozen=True)
class _Decision:
    """The statement as the programme takes it: its objective is `scale` times the problem's utility."""

    problem: Problem
    within: Bounds
    scale: float


def why_not(statement: Statement) -> str | None:
    """What of the statement is not plain, or too much, in words; None if nothing is."""
    for limit in statement.limits:
        if isinstance(limit, FullyInvested):
            return f"FullyInvested ({limit.in_words()}) cannot be met to the last rupee in whole shares"
    if not any(isinstance(limit, BoardLot) for limit in statement.limits):
        return "BoardLot is not among its limits, so that shares need not be whole"
    try:
        decision = _read(statement)
    except NoSolution:
        return None
    if isinstance(decision, str):
        return decision
    open_to = decision.within.upper - decision.within.lower
    if (open_to > 0).sum() > MOST_NAMES:
        return f"{(open_to > 0).sum()} names can be traded, more than {MOST_NAMES}"
    if (count := int((open_to + 1).sum())) > MOST_QUANTITIES:
        return f"its names can be held in {count:,} quantities, more than {MOST_QUANTITIES:,}"
    return None


def run(statement: Statement) -> Found:
    """The best legal whole shares. Raises NoSolution where no plan is within the limits and can be paid for."""
    decision = _read(statement)
    if isinstance(decision, str):
        raise InvalidInput(decision)
    problem, within = decision.problem, decision.within
    answer = solve_exactly(problem, within, min(GAP / decision.scale, WIDEST))
    if answer.status is Status.INFEASIBLE:
        if _conflicting(statement, statement.limits):
            raise no_solution(irreducible(statement.limits, lambda some: _conflicting(statement, some)))
        raise no_solution(statement.limits, " in whole shares that the cash pays for")
    stuck = np.flatnonzero((answer.units < within.lower) | (answer.units > within.upper))
    if len(stuck):  # a name of which no legal quantity is within the limits keeps what is held
        raise no_solution(statement.limits, f" in legal orders of {problem.day.symbols[stuck[0]]}")
    w = answer.units * problem.unit
    taken = tuple(float(each.value(problem, w[None])[0]) for _, each in statement.objective.terms)
    return Found(w, decision.scale * answer.bound, taken, answer.trail, near_enough=GAP)


def _conflicting(statement: Statement, limits: Sequence[Limit]) -> bool:
    return linear_conflict(replace(statement, limits=tuple(limits)))


def _read(statement: Statement) -> _Decision | str:
    """The decision as the programme takes it, or why it does not. Raises NoSolution where a name has no quantity left."""
    idle_allowed = replace(statement, limits=(*statement.limits, FullyInvested()))  # the programme does not ask for it
    problem = plain(idle_allowed)
    if isinstance(problem, str):
        return problem
    box, unit = stacked(statement).rows, problem.unit
    lower = np.ceil(box.lower / unit - ROUNDING).astype(np.int64)
    upper = np.floor(box.upper / unit + ROUNDING).astype(np.int64)
    within = bounds(problem, problem.wealth)
    most = problem.limits.caps_of_sectors(within.sectors)
    crossed = np.flatnonzero(lower > upper)
    if len(crossed):
        raise no_solution(statement.limits, f" in whole shares of {problem.day.symbols[crossed[0]]}")
    scale = sum(weight for weight, measure in statement.objective.terms if isinstance(measure, ExpectedReturn))
    exactly = replace(within, lower=lower, upper=upper, sector_cap=np.floor(most * problem.wealth + ROUNDING))
    return _Decision(problem, exactly, scale)
