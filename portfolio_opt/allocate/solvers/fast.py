"""The separable solver: Newton on the small dual, exact to rounding; turnover and tracking error are limited by a price."""

from collections.abc import Sequence
from dataclasses import replace

from ...errors import NoSolution
from ..statement.term import Limit, Objective, Statement
from . import separable_sum
from .answer import Found
from .conflict import irreducible, no_solution
from .priced_conditions import PRICED, best, conditions


def why_not(statement: Statement) -> str | None:
    """What of the statement is neither separable nor the one limit of turnover or of tracking error; None if all is."""
    for kind in PRICED:
        if sum(isinstance(limit, kind) for limit in statement.limits) > 1:
            return f"it has more than one {kind.__name__}"
    return separable_sum.why_not(_linear(statement))


def run(statement: Statement) -> Found:
    """The best portfolio of a statement whose measures and limits are separable. Raises NoSolution where there is none."""
    under = conditions(statement)
    try:
        answer = best(separable_sum.separable_sum(statement), under)
    except NoSolution:
        if not under:
            raise
        raise no_solution(irreducible(statement.limits, lambda some: _conflicting(statement, some))) from None
    found = answer.total.found(answer.w, answer.multipliers, answer.trail, -answer.least)
    return replace(found, prices=(*found.prices, *answer.limit_prices(under)))


def _linear(statement: Statement) -> Statement:
    return replace(statement, limits=tuple(limit for limit in statement.limits if not isinstance(limit, PRICED)))


def _conflicting(statement: Statement, limits: Sequence[Limit]) -> bool:
    """Whether limits are proved to leave no portfolio."""
    alone = replace(statement, objective=Objective(()), limits=tuple(limits))
    try:
        best(separable_sum.separable_sum(alone), conditions(alone))
    except NoSolution:
        return True
    return False
