"""The separable solver: Newton on the small dual, exact to rounding."""

from ...optim.convex import newton_dual
from ...optim.solution import Status
from ..statement.term import Statement
from . import separable_sum
from .answer import Found

why_not = separable_sum.why_not


def run(statement: Statement) -> Found:
    """The best portfolio of a statement whose measures and limits are separable. Raises NoSolution where there is none."""
    total = separable_sum.separable_sum(statement)
    solution = newton_dual.solve(total.program)
    if solution.status is Status.INFEASIBLE and solution.certificate is not None:
        raise total.no_solution(solution.certificate)
    return total.found(solution.x, solution.multipliers, solution.trail)
