"""The solvers of a statement by name, what each takes, and which one `auto` chooses."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from ...errors import InvalidInput, NoSolution
from ...optim.solution import Status
from ..statement.least_violation import smallest_change
from ..statement.names import nearest
from ..statement.term import Objective, Statement
from ..statement.tighten import tightened
from . import admm, augmented_lagrangian, bundle, by_cvxpy, critical_line, fast, projected_gradient, whole_shares
from .answer import Answer, Found, checked
from .names_room import require_portfolio


@dataclass(frozen=True)
class Solver:
    """takes: what it takes, in words; why_not: why it cannot take a statement, naming the measure or limit, None if it can

    run: the solver itself; raises NoSolution where no portfolio meets the limits
    quick: the same with as good a bound, but a point that is only looked for nearby; None where there is no quicker way
    """

    takes: str
    why_not: Callable[[Statement], str | None]
    run: Callable[[Statement], Found]
    quick: Callable[[Statement], Found] | None = None


SOLVERS: dict[str, Solver] = {
    "fast": Solver(
        "separable measures under a box and linear rows, a limit of turnover and one of tracking error",
        fast.why_not,
        fast.run,
    ),
    "cvxpy": Solver("any convex statement", by_cvxpy.why_not, by_cvxpy.run),
    "projected-gradient": Solver(
        "separable measures under a box, a budget and caps on groups",
        projected_gradient.why_not,
        projected_gradient.run,
    ),
    "augmented-lagrangian": Solver(
        "separable measures under a box and linear rows", augmented_lagrangian.why_not, augmented_lagrangian.run
    ),
    "admm": Solver(
        "separable measures, linear limits, and limits on names, positions and lots",
        admm.why_not,
        admm.run,
        partial(admm.run, swaps=False),
    ),
    "mixed-integer": Solver(
        "return, variance, charges and tax under caps, a cash floor and board lots, of a few names",
        whole_shares.why_not,
        whole_shares.run,
    ),
    "critical-line": Solver("a quadratic without costs", critical_line.why_not, critical_line.run),
    "bundle": Solver("one risk over scenarios beside separable measures", bundle.why_not, bundle.run),
}
AUTO = "auto"
ORDER = (
    "fast",
    "bundle",
    "cvxpy",
    "mixed-integer",
    "admm",
)  # in which auto tries them: the quickest exact one that takes the statement


def solve(statement: Statement, solver: str = AUTO, quick: bool = False) -> Answer:
    """The best portfolio the solver finds, checked against the statement.

    solver: a name of SOLVERS, or auto, which takes the first of ORDER that can and says why; one whose point fails the check
    gives way to the next
    quick: whether the bound is what counts, and a point near it will do
    Raises InvalidInput where the solver cannot take the statement, naming the measure or limit and the solvers that can, and
    NoSolution where no portfolio meets the limits, naming those in conflict and the smallest change that makes room.
    """
    statement = _without_zeros(statement)
    try:
        return _auto(statement, quick) if solver == AUTO else _by_name(statement, solver, quick)
    except NoSolution as refusal:
        change = smallest_change(statement)
        if not change:
            require_portfolio(statement)
        raise (NoSolution(f"{refusal}; the smallest change: {change}") if change else refusal) from None


def _by_name(statement: Statement, solver: str, quick: bool) -> Answer:
    if solver not in SOLVERS:
        raise InvalidInput(f"there is no solver {solver!r}; did you mean {nearest(solver, [*SOLVERS, AUTO])}?")
    reason = SOLVERS[solver].why_not(statement)
    if reason:
        able = [name for name, each in SOLVERS.items() if name != solver and each.why_not(statement) is None]
        raise InvalidInput(
            f"{solver} cannot take this statement: {reason}; {_and(able)} can" if able else _nobody(reason)
        )
    return _run(statement, solver, "asked for by name", quick)


def _run(statement: Statement, solver: str, why: str, quick: bool) -> Answer:
    """What the solver finds for the statement's nearest convex reading, checked against the statement."""
    own = SOLVERS[solver]
    run = own.quick if quick and own.quick else own.run
    return checked(statement, run(tightened(statement)), solver, why)


def _auto(statement: Statement, quick: bool) -> Answer:
    reasons: list[str] = []
    failed: Answer | None = None
    trail: tuple[str, ...] = ()
    for name in ORDER:
        reason = SOLVERS[name].why_not(statement)
        if reason:
            reasons.append(f"{name} cannot: {reason}")
            continue
        why = "; ".join([f"{name} takes {SOLVERS[name].takes}", *reasons])
        answer = _run(statement, name, why, quick)
        trail = (*trail, *answer.trail)
        if answer.status is not Status.FAILED:
            return replace(answer, trail=trail)
        failed = failed or answer
        reasons.append(f"{name} failed its check")
    if failed is None:
        raise InvalidInput(f"no solver can take this statement: {'; '.join(reasons)}")
    raise NoSolution(f"no solver found a portfolio within the limits: {'; '.join(trail)}")


def _nobody(reason: str) -> str:
    return f"no solver can take this statement: {reason}"


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _without_zeros(statement: Statement) -> Statement:
    """The statement without the measures that do not count: a solver that cannot take them may still take the rest."""
    return replace(statement, objective=Objective(tuple(term for term in statement.objective.terms if term[0])))
