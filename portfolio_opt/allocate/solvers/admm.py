"""Limits that are not convex, name by name or by their number: ADMM and a search from the answer of the convex envelope.

Everything the search finds is a portfolio within the limits; how much better another could be is bounded by the prices of the
envelope. That at most K names are held is put as the row  sum w_i / upper_i <= K  to the envelope, and its price to each name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...errors import NoSolution
from ...optim.convex import newton_dual
from ...optim.convex.certificates import feasible_point
from ...optim.convex.separable import SeparableProgram
from ...optim.convex.stepped import envelope
from ...optim.solution import Solution, Status
from ..statement.count_limits import HALF_A_SHARE, BoardLot, MaxNames
from ..statement.term import Limit, Statement
from . import separable_sum
from .answer import FEASIBLE, Found, violation
from .conflict import irreducible, no_solution
from .separable_sum import SeparableSum
from .stepped_ranges import STEPPED, Names, around, stepped_program, without

Vector = NDArray[np.float64]

STEEPER = (1.0, 1.5, 2.5, 5.0, 20.0)  # times the envelope's price of a name, until few enough are held
SWAPS = 8  # outsiders tried in place of each name


def why_not(statement: Statement) -> str | None:
    """What of the statement is neither separable nor a limit on names, positions or lots, naming it; None if all is."""
    convex = tuple(limit for limit in statement.limits if not isinstance(limit, STEPPED))
    return separable_sum.why_not(replace(statement, limits=convex))


def run(statement: Statement) -> Found:
    """The best portfolio found, with a bound on any other. Raises NoSolution where there is proved to be none."""
    total = separable_sum.separable_sum(statement)
    if _conflicting(statement, statement.limits):
        raise no_solution(irreducible(statement.limits, lambda some: _conflicting(statement, some)))
    answer = newton_dual.solve(_relaxed(total))
    bound = -(_least(total, answer) + total.constant)
    best, trail = None, list(answer.trail)
    for found in _tries(total, answer):
        if not np.isfinite(found.x).all() or violation(statement, found.x) > FEASIBLE:
            continue
        if best is None or found.objective < best.objective:
            best = found
    if best is None:
        nothing = np.full(len(answer.x), np.nan)
        return Found(
            nothing, bound, total.taken(nothing), (*trail, "admm: no portfolio on the steps was found within the rows")
        )
    return Found(best.x, bound, total.taken(best.x), (*trail, *best.trail[-2:]), local=True)


def _most_names(limits: Sequence[Limit]) -> int | None:
    return min((limit.limit for limit in limits if isinstance(limit, MaxNames)), default=None)


def _relaxed(total: SeparableSum) -> SeparableProgram:
    """The convex envelope, the number of names as a row at the end."""
    limits, situation = total.statement.limits, total.statement.situation
    hull = envelope(stepped_program(situation, limits, total.program, Names(dust=True)))
    most = _most_names(limits)
    if most is None:
        return hull
    if _must(total).sum() > most:
        raise no_solution(limits)
    room = np.maximum(hull.upper, HALF_A_SHARE * situation.unit)
    row = 1 / room
    dust = HALF_A_SHARE * float(situation.unit @ row)  # names below half a share do not count
    return replace(
        hull,
        rows=np.vstack([hull.rows, row]),
        row_lower=np.append(hull.row_lower, -np.inf),
        row_upper=np.append(hull.row_upper, most + dust),
    )


def _least(total: SeparableSum, answer: Solution) -> float:
    """What no portfolio within the limits is below, jumps and steps of each name taken exactly."""
    limits, q = total.statement.limits, len(total.program.rows)
    most = _most_names(limits)
    prices = answer.multipliers[:q]
    factors = answer.x @ total.program.loadings
    price = 0.0 if most is None else _price_of_a_name(answer, q)
    least = -np.inf
    for each in (0.0, price) if price > 0 else (0.0,):
        names = Names(dust=True, price=each)
        bounding = stepped_program(total.statement.situation, limits, total.program, names)
        least = max(least, bounding.lower_bound(factors, prices) - each * (most or 0))
    return least


def _price_of_a_name(answer: Solution, q: int) -> float:
    return max(float(answer.multipliers[q]), 0.0)


def _tries(total: SeparableSum, answer: Solution) -> Iterator[Solution]:
    """Portfolios near the envelope's answer."""
    most = _most_names(total.statement.limits)
    if most is None:
        yield _settled(total, np.ones(len(answer.x), dtype=bool))
        return
    best: Solution | None = None
    for kept in _sets(total, answer, most):
        found = _settled(total, kept)
        if found.status is not Status.FAILED and (best is None or found.objective < best.objective):
            best = found
            yield found
    for found in _swapped(total, answer, best) if best is not None else ():
        yield found


def _sets(total: SeparableSum, answer: Solution, most: int) -> Iterator[NDArray[np.bool_]]:
    """Names to hold: the largest of the envelope, and those that are left when each costs more and more."""
    order = np.argsort(-np.where(_must(total), np.inf, answer.x), kind="stable")
    largest = np.zeros(len(order), dtype=bool)
    largest[order[:most]] = True
    yield largest
    price = _price_of_a_name(answer, len(total.program.rows))
    for factor in STEEPER if price > 0 else ():
        kept = _held(total, _settled(total, np.ones(len(order), dtype=bool), factor * price))
        if kept.sum() <= most:
            yield kept | (largest & (np.cumsum(largest & ~kept) <= most - kept.sum()))
            return


def _swapped(total: SeparableSum, answer: Solution, best: Solution) -> Iterator[Solution]:
    """One name after another exchanged for an outsider, as long as that gains."""
    program = total.program
    kept = _held(total, best)
    for out in np.flatnonzero(kept & ~_must(total)):
        slope = program.curvature_times(best.x) - program.linear + program.slopes[:, -1]
        slope = slope + answer.multipliers[: len(program.rows)] @ program.rows
        outsiders = np.flatnonzero(~kept & (program.upper > 0))
        for into in outsiders[np.argsort(slope[outsiders], kind="stable")][:SWAPS]:
            trial = kept.copy()
            trial[[out, into]] = False, True
            found = _settled(total, trial)
            if found.status is not Status.FAILED and found.objective < best.objective:
                best, kept = found, trial
                yield found
                break


def _must(total: SeparableSum) -> NDArray[np.bool_]:
    """Names that cannot be sold off."""
    return np.asarray(total.program.lower >= HALF_A_SHARE * total.statement.situation.unit)


def _held(total: SeparableSum, found: Solution) -> NDArray[np.bool_]:
    return np.asarray(found.x >= HALF_A_SHARE * total.statement.situation.unit)


def _settled(total: SeparableSum, kept: NDArray[np.bool_], price: float = 0.0) -> Solution:
    """The best portfolio found of the names that are kept; where shares need not be whole, the best on its pieces."""
    from ...optim.convex import stepped_admm

    limits, situation = total.statement.limits, total.statement.situation
    convex = without(total.program, kept)
    program = stepped_program(situation, limits, convex, Names(price=price))
    found = stepped_admm.solve(program, newton_dual.solve)
    if found.status is Status.FAILED or any(isinstance(limit, BoardLot) for limit in limits):
        return found
    polished = newton_dual.solve(around(situation, limits, convex, found.x))
    better = polished.residual <= found.residual + FEASIBLE and polished.objective < found.objective
    return replace(polished, trail=(*found.trail, *polished.trail)) if better else found


def _conflicting(statement: Statement, limits: Sequence[Limit]) -> bool:
    """Whether even the convex envelope of the limits is proved to hold no portfolio."""
    try:
        program = _relaxed(separable_sum.separable_sum(replace(statement, limits=tuple(limits))))
    except NoSolution:
        return True
    point, prices = feasible_point(program)
    return point is None and bool(prices.any())
