"""What no plan of a front exceeds: for weighings of the aims, the best answer in fractional shares and a bound on every plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, NoSolution
from ..book import book_of, floor_of, terms_of
from ..by_statement import Start, loosened, readable, without_steps
from ..lots.utility_bound import utility_bounds
from ..lots.whole import Effort, choose, money, utilities
from ..plain import plain
from ..problem import Problem
from ..solvers.table import solve
from ..statement.cash_limits import FullyInvested
from ..statement.term import Measure, Objective, Statement
from . import scalar
from .aims import AIMS, Aim, values_of
from .front import Relaxation

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

WEIGHINGS = {2: 25, 3: 15, 4: 15, 5: 15}  # by the number of aims
COSTS = 0.01  # of wealth: plans of the front cost so much more than others at most, and invest that much less
NODES, ENOUGH = 16, 1e-4  # of the bound on whole shares, see utility_bounds


@dataclass(frozen=True)
class Relaxed:
    """relaxation: what no plan exceeds; starts: (S, N) weights near which plans are looked for"""

    relaxation: Relaxation
    starts: Matrix


def relaxed(
    problem: Problem,
    full: Statement,
    start: Start,
    aims: Sequence[Aim],
    values: Matrix,
    idle: float,
    late: Callable[[], bool],
) -> Relaxed | None:
    """Answers to weighings of the aims, as many as there is time for; None where no solver takes any.

    values: (P, K) of some plans, which tell how far the aims range; idle: share of wealth that plans may leave in cash beyond
        what is allowed, for want of a lot
    """
    width = np.ptp(values, axis=0)
    shares = scalar.lattice(len(aims), WEIGHINGS[len(aims)])
    weights = _outside_in(scalar.scaled(shares, width) / scalar.RANGE_WORTH)
    if {aim.name for aim in aims} == {"return", "volatility"} and all(AIMS[aim.name] == aim for aim in aims):
        utility = plain(replace(full, objective=weighed([aim.objective for aim in aims], np.ones(2))))
        if isinstance(utility, Problem):
            return _by_appetite(utility, aims, weights, idle)
    convex = without_steps(Statement(problem, Objective(()), readable(full)[0].limits))
    limits = tuple(
        FullyInvested(min(each.cash + idle + COSTS, 1.0)) if isinstance(each, FullyInvested) else each
        for each in loosened(convex, start.least).limits
    )
    return _by_solver(Statement(problem, Objective(()), limits), aims, weights, late)


def _by_appetite(problem: Problem, aims: Sequence[Aim], weights: Matrix, idle: float) -> Relaxed:
    """For the plain utility: whole shares for every appetite for risk at once, with bounds that know each charge."""
    order = [[aim.name for aim in aims].index(name) for name in ("return", "volatility")]
    aversion = np.clip(2 * weights[:, order[1]] / weights[:, order[0]], 1e-6, 1e6)
    terms, one = terms_of(problem), book_of(problem)
    book = replace(one.rows(np.zeros(len(weights), dtype=np.int64)), risk_aversion=aversion)
    choice = choose(terms, book, Effort(), np.full(len(weights), ENOUGH / 10))
    paid = money(terms, book, choice.units)
    known = utilities(terms, book, choice.units, paid)
    kept = np.minimum(book.cash + paid.cash, floor_of(terms.limits, book.wealth))
    least = (choice.units * book.unit).sum(1).min() - idle - COSTS
    bounds = utility_bounds(
        terms, book, choice.units, kept, choice.relaxed, known, np.full(len(weights), ENOUGH), NODES,
        np.full(len(weights), max(least, 0.0)),
    )  # fmt: skip
    per_return = weights[:, order[0]]
    reached = values_of(aims, problem, np.clip(choice.relaxed.answer.x, 0, None))
    return Relaxed(Relaxation(weights, reached, bounds * per_return), choice.units * problem.unit)


def _by_solver(statement: Statement, aims: Sequence[Aim], weights: Matrix, late: Callable[[], bool]) -> Relaxed | None:
    rows: list[Vector] = []
    reached, bounds, starts = [], [], []
    for row in weights:
        if late() and rows:
            break
        objective = weighed([aim.objective for aim in aims], row)
        try:
            answer = solve(replace(statement, objective=objective), quick=True)
        except (InvalidInput, NoSolution):
            continue
        taken = [(each.measure, each.value - each.gap) for each in answer.measures]
        rows.append(row)
        bounds.append(answer.bound)
        starts.append(answer.weights)
        reached.append([_taken(aim.objective, taken) for aim in aims])
    if not rows:
        return None
    return Relaxed(Relaxation(np.array(rows), np.array(reached), np.array(bounds)), np.array(starts))


def _taken(objective: Objective, taken: Sequence[tuple[Measure, float]]) -> float:
    """What a solver took an objective for. Every weighing holds every measure."""
    return sum(
        weight * next(value for other, value in taken if other == measure) for weight, measure in objective.terms
    )


def weighed(objectives: Sequence[Objective], weights: Sequence[float] | Vector) -> Objective:
    """The weighed sum, each measure once."""
    terms: dict[Measure, float] = {}
    for weight, objective in zip(weights, objectives, strict=True):
        for own, measure in objective.terms:
            terms[measure] = terms.get(measure, 0.0) + float(weight) * own
    return Objective(tuple((weight, measure) for measure, weight in terms.items()))


def _outside_in(rows: Matrix) -> Matrix:
    """The ends first, then what lies between: where time is short, what there is covers the whole."""
    order: list[int] = []
    step = len(rows)
    while step:
        order += [k for k in [*range(0, len(rows), step), len(rows) - 1] if k not in order]
        step //= 2
    return rows[order]
