"""Limits that are not convex, name by name or by their number: ADMM and a search from the answer of the convex envelope.

Everything the search finds is a portfolio within the limits; how much better another could be is bounded by the prices of the
envelope. That at most K names are held is put as the row  sum w_i / upper_i <= K  to the envelope, and its price to each name.
That at least L are held implies that all weigh at least the L smallest positions, and what the L-th cheapest position costs is
credited to each name that is held. Names that are only held for their number have one share, or the smallest position.
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
from ..statement.count_limits import HALF_A_SHARE, BoardLot, MaxNames, MinNames, MinPosition
from ..statement.term import Limit, Statement
from . import separable_sum
from .answer import FEASIBLE, Found, violation
from .conflict import irreducible, no_solution
from .separable_sum import SeparableSum
from .stepped_ranges import STEPPED, Names, around, stepped_program, without

Vector = NDArray[np.float64]

STEEPER = (1.0, 1.5, 2.5, 5.0, 20.0)  # times the envelope's price of a name, until few enough are held
NEARLY = 1 + 1e-9
SWAPS = 8  # outsiders tried in place of each name


def why_not(statement: Statement) -> str | None:
    """What of the statement is neither separable nor a limit on names, positions or lots, naming it; None if all is."""
    convex = tuple(limit for limit in statement.limits if not isinstance(limit, STEPPED))
    return separable_sum.why_not(replace(statement, limits=convex))


def run(statement: Statement, swaps: bool = True) -> Found:
    """The best portfolio found, with a bound on any other. Raises NoSolution where there is proved to be none.

    swaps: whether names are exchanged one by one, too, as long as that gains
    """
    if _conflicting(statement, statement.limits):
        raise no_solution(irreducible(statement.limits, lambda some: _conflicting(statement, some)))
    total = _implied(separable_sum.separable_sum(statement))
    answer = newton_dual.solve(_relaxed(total))
    bound = -(_least(total, answer) + total.constant)
    best, trail = None, list(answer.trail)
    for found in _tries(total, answer, swaps):
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


def _fewest_names(limits: Sequence[Limit]) -> int:
    return max((limit.limit for limit in limits if isinstance(limit, MinNames)), default=0)


def _smallest(total: SeparableSum, shares: float) -> Vector:
    """(N,) the least that a name weighs if it is held, a share of it counting as held from `shares` on."""
    least = max((limit.limit for limit in total.statement.limits if isinstance(limit, MinPosition)), default=0.0)
    return np.maximum(np.maximum(shares * total.statement.situation.unit, least), total.program.lower)


def _implied(total: SeparableSum) -> SeparableSum:
    """With the row that the least number of names implies: together they weigh no less than as many of the smallest.

    Raises NoSolution where fewer can be held.
    """
    limits, program = total.statement.limits, total.program
    fewest, most = _fewest_names(limits), _most_names(limits)
    if not fewest:
        return total
    smallest = _smallest(total, HALF_A_SHARE)
    able = np.sort(smallest[smallest <= program.upper])
    if len(able) < fewest or (most is not None and most < fewest):
        raise no_solution(limits)
    program = replace(
        program,
        rows=np.vstack([program.rows, np.ones(len(smallest))]),
        row_lower=np.append(program.row_lower, able[:fewest].sum()),
        row_upper=np.append(program.row_upper, np.inf),
    )
    return replace(total, program=program)


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
    most, fewest = _most_names(limits), _fewest_names(limits)
    prices = answer.multipliers[:q]
    factors = answer.x @ total.program.loadings
    charged = [(0.0, 0)]
    if most is not None and _price_of_a_name(answer, q) > 0:
        charged.append((_price_of_a_name(answer, q), most))
    if fewest and (credit := float(np.sort(_cost_of_holding(total, answer))[fewest - 1])) > 0:
        charged.append((-credit, fewest))
    least = -np.inf
    for price, count in charged:
        names = Names(dust=True, price=price)
        bounding = stepped_program(total.statement.situation, limits, total.program, names)
        least = max(least, bounding.lower_bound(factors, prices) - price * count)
    return least


def _cost_of_holding(total: SeparableSum, at: Solution) -> Vector:
    """(N,) what it costs at a point to hold each name that is not held, all else unchanged; infinite where it cannot be."""
    p, smallest = total.program, _smallest(total, HALF_A_SHARE)
    right = np.take_along_axis(p.slopes, (p.kinks <= at.x[:, None]).sum(1)[:, None], 1)[:, 0]
    slope = p.curvature_times(at.x) - p.linear + right + at.multipliers[: len(p.rows)] @ p.rows
    more = np.clip(smallest - at.x, 0, None)
    cost = np.clip(more * (slope + p.diagonal * more / 2), 0, None)
    return np.where(smallest > p.upper, np.inf, np.where(_held(total, at), 0.0, cost))


def _price_of_a_name(answer: Solution, q: int) -> float:
    return max(float(answer.multipliers[q]), 0.0)


def _tries(total: SeparableSum, answer: Solution, swaps: bool) -> Iterator[Solution]:
    """Portfolios near the envelope's answer."""
    most = _most_names(total.statement.limits)
    every = np.ones(len(answer.x), dtype=bool)
    best: Solution | None = None
    for kept in [every] if most is None else _sets(total, answer, most):
        found = _settled(total, kept)
        if found.status is not Status.FAILED and (best is None or found.objective < best.objective):
            best = found
            yield found
    if swaps and best is not None and (most is not None or _fewest_names(total.statement.limits)):
        yield from _swapped(total, answer, best)


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
    """One name after another exchanged for an outsider, as long as that gains; if many may be held, of the smallest only."""
    program = total.program
    kept = _held(total, best)
    small = best.x <= _smallest(total, 1.0) * NEARLY if _most_names(total.statement.limits) is None else kept
    for out in np.flatnonzero(kept & small & ~_must(total)):
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
    """The best portfolio found of the names that are kept; where they are too few, with the cheapest of the others."""
    found = _settled_in(total, without(total.program, kept), price)
    fewest, held = _fewest_names(total.statement.limits), _held(total, found)
    if found.status is Status.FAILED or held.sum() >= fewest:
        return found
    cost = np.where(kept, _cost_of_holding(total, found), np.inf)
    forced = np.argsort(np.argsort(cost, kind="stable")) < fewest  # what is held costs nothing
    program = without(total.program, kept)
    lower = np.where(forced, np.minimum(_smallest(total, 1.0), program.upper), program.lower)
    again = _settled_in(total, replace(program, lower=lower), price)
    return again if _held(total, again).sum() >= fewest else replace(again, status=Status.FAILED)


def _settled_in(total: SeparableSum, convex: SeparableProgram, price: float) -> Solution:
    """The best portfolio found of a programme's box; where shares need not be whole, the best on its pieces."""
    from ...optim.convex import stepped_admm

    limits, situation = total.statement.limits, total.statement.situation
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
        program = _relaxed(_implied(separable_sum.separable_sum(replace(statement, limits=tuple(limits)))))
    except NoSolution:
        return True
    point, prices = feasible_point(program)
    return point is None and bool(prices.any())
