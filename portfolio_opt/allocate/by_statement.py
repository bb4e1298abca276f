"""A decision that is stated freely: solved as far as a solver takes it, searched over whole shares, and accounted for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, NoSolution
from .lots.statement_search import Searched, StatementSearch
from .mandate_limits import broken_in_words
from .plain import statement_of
from .plan import Certificate, LimitState
from .problem import Problem
from .solvers.answer import Answer, LimitPrice
from .solvers.names_room import has_portfolio, require_portfolio
from .solvers.stepped_ranges import STEPPED
from .solvers.table import ORDER, SOLVERS, solve
from .statement.as_far_as_today import AsFarAsToday, as_far_as_today
from .statement.cash_limits import CashFloor, FullyInvested
from .statement.catalogue import amount_in_words
from .statement.least_violation import least_violation
from .statement.term import Limit, Measure, Objective, Statement
from .statement.trade_limits import Locked, MaxParticipation, Tradable

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Broken = Sequence[tuple[Limit, float]]  # limits and by how much each is broken

TODAY = (MaxParticipation, Tradable, Locked)  # what the day, not the wish, takes away
STUCK = 1e-9  # in the unit of a limit
HAIR = 1e-9  # room beyond what a limit is broken by, for the rounding of floats
WORTH_SAYING_BP = 0.05


@dataclass(frozen=True)
class Stated:
    """What is decided: the (N,) units, of which statement, and why.

    most_cash: share of wealth that may stay idle; limits, certificate, notes: as in Plan
    """

    units: Ints
    statement: Statement
    most_cash: float
    limits: tuple[LimitState, ...]
    certificate: Certificate
    notes: tuple[str, ...]

    def worth_bp(self, problem: Problem, i: int) -> float:
        """Basis points of wealth a year by which the objective would be lower without the order in name i, cash aside."""
        without = self.units.copy()
        without[i] = problem.held[i]
        both = np.stack([self.units, without]) * problem.unit
        values = self.statement.objective.value(problem, both)
        return float(values[0] - values[1]) * 1e4


def decide_statement(problem: Problem, why: str) -> Stated:
    """The whole-share holdings for a problem with an objective or limits of its own. why: it is not a plain one.

    Raises NoSolution, with the smallest change, when no portfolio meets the limits however deep the market is.
    """
    wish = statement_of(problem)
    full = for_today(wish)
    solved, measures, limits = readable(full)
    start = starting_point(full)
    answer, least = start.answer, start.least
    now = problem.held * problem.unit
    near = answer.weights if answer else now
    search = StatementSearch(
        problem, full, [amount_broken(least, limit) for limit in full.limits], _idle_price(full, near)
    )
    plan = search.best_near(near, now)
    proof = _beside(solved, plan, problem) if answer else None
    if proof is not None:
        closer = search.best_near(proof.weights)
        if closer.score > plan.score:
            plan, proof = closer, _beside(solved, closer, problem)
    certificate = Certificate(
        utility=plan.utility,
        unchanged=search.found(problem.held).utility,
        bound=proof.bound if proof and not measures else None,
        residual=proof.residual if proof else 0.0,
        gap=max(proof.gap, 0.0) if proof else 0.0,
        trail=(*(answer.trail if answer else ()), f"whole-share search of the statement, as {why}"),
    )
    broken = [f"today’s holdings: {words}" for words in broken_in_words(problem.further, problem, now)]
    left = [*(each.in_words() for each in measures), *(each.in_words() for each in limits)]
    notes = [f"{words}: left to the search over whole shares, as no solver takes it beside the rest" for words in left]
    return Stated(
        plan.units,
        full,
        search.most_cash,
        tuple(_states(_beside_statement(full, plan, problem), proof) if proof else ())
        or tuple(reached(full, plan.units)),
        certificate,
        (*broken, *_unmet(plan, wish, full, [*(limit for limit, _ in least), *start.unreachable]), *notes),
    )


def _idle_price(statement: Statement, weights: Vector) -> float:
    """The most that moving a unit of wealth from a name to cash adds to the objective at the margin, 0 where nothing does."""
    held = np.flatnonzero(weights > SOME)
    without = np.repeat(weights[None], len(held) + 1, axis=0)
    without[np.arange(len(held)), held] -= SOME
    values = statement.objective.value(statement.situation, without)
    return float(np.max((values[:-1] - values[-1]) / SOME, initial=0.0))


SOME = 1e-3  # of wealth


def for_today(statement: Statement) -> Statement:
    """The statement with limits on weights as far as today's market lets them be met."""
    return as_far_as_today(statement, [limit for limit in statement.limits if isinstance(limit, TODAY)])


@dataclass(frozen=True)
class Start:
    """Where the search for whole shares begins.

    answer: a solver's, None where none takes any of the statement; least: by how much limits must be broken today for there to be
    one; unreachable: limits that had to be left out for it
    """

    answer: Answer | None
    least: Broken
    unreachable: tuple[Limit, ...] = ()

    @property
    def trail(self) -> tuple[str, ...]:
        return self.answer.trail if self.answer else ()


def starting_point(full: Statement) -> Start:
    """A solver's answer to the statement as far as solvers take it.

    Raises NoSolution, with the smallest change, where it is not the day alone that leaves no room.
    """
    solved, _, _ = readable(full)
    require_portfolio(replace(full, limits=_deep(full.limits)))
    return Start(*_solved(solved))


def amount_broken(broken: Broken, limit: Limit) -> float:
    return sum(amount for each, amount in broken if each is limit)


def readable(statement: Statement) -> tuple[Statement, tuple[Measure, ...], tuple[Limit, ...]]:
    """The statement as far as one solver takes it, and the measures and limits that are left to the search.

    As few as possible are left: first limits that are not convex, which leaves every bound one, then measures that are not.
    """
    situation = statement.situation

    def convex(objective: Objective, limits: tuple[Limit, ...]) -> bool:
        return SOLVERS["cvxpy"].why_not(Statement(situation, objective, limits)) is None

    def taken(trial: Statement) -> bool:
        return any(SOLVERS[name].why_not(trial) is None for name in ORDER)

    terms, limits = statement.objective.terms, statement.limits
    if not taken(statement):
        limits = tuple(limit for limit in limits if convex(Objective(()), (limit,)))
        if not taken(replace(statement, limits=limits)):
            terms = tuple(term for term in terms if convex(Objective((term,)), ()))
    measures = tuple(measure for _, measure in statement.objective.terms if all(measure is not m for _, m in terms))
    left = tuple(limit for limit in statement.limits if all(limit is not each for each in limits))
    return Statement(situation, Objective(terms), limits), measures, left


def _deep(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """Those of the wish, which hold however deep the market is."""
    return tuple(each for each in limits if not isinstance(each, TODAY))


def _solved(statement: Statement) -> tuple[Answer | None, Broken, tuple[Limit, ...]]:
    """A solver's answer, by how much limits must be broken today for there to be one, and those it had to be found without.

    Raises NoSolution where it is not the day alone that leaves no room.
    """
    try:
        return solve(statement, quick=True), (), ()
    except InvalidInput:
        return None, (), ()
    except NoSolution:
        plainer = without_steps(statement)
        solve(replace(plainer, limits=_deep(plainer.limits)), quick=True)  # raises in the words of the wish
    least = least_violation(statement)
    looser = loosened(statement, least)
    try:
        return solve(looser, quick=True), least, ()
    except NoSolution:  # not in one session, or only the search finds it
        steps = tuple(each for each in statement.limits if isinstance(each, STEPPED))
        return solve(without_steps(looser), quick=True), least, () if has_portfolio(looser) else steps


def without_steps(statement: Statement) -> Statement:
    """The statement without limits on numbers of names, sizes of positions and lots."""
    return replace(statement, limits=tuple(each for each in statement.limits if not isinstance(each, STEPPED)))


def loosened(statement: Statement, broken: Broken) -> Statement:
    """The statement with so much more room in each of these limits."""

    def looser(limit: Limit) -> Limit:
        amount = amount_broken(broken, limit)
        return (limit.relaxed(amount * (1 + HAIR) + HAIR) or limit) if amount > 0 else limit

    return replace(statement, limits=tuple(looser(limit) for limit in statement.limits))


def _beside(statement: Statement, plan: Searched, problem: Problem) -> Answer | None:
    """The solver's answer that invests as much as the plan, under limits as loose as the plan needs them; None if it has none."""
    try:
        return solve(_beside_statement(statement, plan, problem), quick=True)
    except (NoSolution, InvalidInput):
        return None


def _beside_statement(statement: Statement, plan: Searched, problem: Problem) -> Statement:
    """The statement of plans that invest as much, under limits as loose as this one needs them."""
    invested = float(plan.units @ problem.unit)
    cash = 1 - problem.outside_value / problem.wealth - invested
    kept = tuple(each for each in statement.limits if not isinstance(each, CashFloor | FullyInvested))
    beside = replace(statement, limits=(*kept, CashFloor(max(cash - HAIR, 0.0)), FullyInvested(min(cash + HAIR, 1.0))))
    return loosened(beside, plan.broken)


def _states(statement: Statement, proof: Answer) -> list[LimitState]:
    """The limits that cost something, dearest first. statement: what the proof answers"""
    found: list[LimitState] = []
    for each in proof.prices:
        if isinstance(each.limit, CashFloor | FullyInvested | Tradable) or not _is_one_of(each.limit, statement.limits):
            continue
        worth = each.price * 100
        if worth > SURELY_BP:  # where limits leave hardly any room, a price holds for less than a point
            worth = min(worth, _worth_of_a_point(statement, proof, each))
        if worth < WORTH_SAYING_BP:
            continue
        at = [str(statement.situation.day.symbols[i]) for i in np.argsort(-np.abs(each.names)) if each.names[i]][:NAMED]
        where = f" ({', '.join(at)})" if at else ""
        words = f"{each.limit.in_words()} binds{where}; one more point is worth {worth:.1f} bp a year"
        found.append(LimitState(type(each.limit).__name__, ", ".join(at), words, worth))
    return sorted(found, key=lambda state: -(state.worth_bp or 0.0))


def _worth_of_a_point(statement: Statement, proof: Answer, priced: LimitPrice) -> float:
    """Basis points a year by which the bound rises with one point more of a limit; infinite where that cannot be told."""
    looser = priced.limit.relaxed(0.01)
    if looser is None:
        return np.inf
    limits = tuple(looser if each is priced.limit else each for each in statement.limits)
    try:
        return max(solve(replace(statement, limits=limits), quick=True).bound - proof.bound, 0.0) * 1e4
    except (NoSolution, InvalidInput):
        return np.inf


def _is_one_of(limit: Limit, limits: Sequence[Limit]) -> bool:
    return any(limit is each for each in limits)


SURELY_BP = 5.0
NAMED = 3
AT_LIMIT = 0.02  # of a limit: what is nearer has reached it


def reached(statement: Statement, units: Ints) -> list[LimitState]:
    """The limits that a plan has reached, for where no solver tells what they cost."""
    problem = statement.situation
    found = []
    w = units * problem.unit
    for limit in statement.limits:
        rows = None if isinstance(limit, CashFloor | FullyInvested | Tradable) else limit.rows(problem)
        if rows is None:
            continue
        at = [str(problem.day.symbols[i]) for i in np.flatnonzero((w > 0) & (w >= rows.upper * (1 - AT_LIMIT)))]
        if at or (rows.rows @ w >= rows.row_upper * (1 - AT_LIMIT)).any():
            by = f" by {', '.join(at[:NAMED])}{' and others' if len(at) > NAMED else ''}" if at else ""
            words = f"{limit.in_words()}: reached{by}; no solver tells what more of it is worth"
            found.append(LimitState(type(limit).__name__, ", ".join(at[:NAMED]), words, None))
    return found


def _unmet(plan: Searched, wish: Statement, full: Statement, unreachable: Sequence[Limit]) -> list[str]:
    """What of the limits cannot be met today, and what whole lots miss."""
    said = []
    now = plan.units[None] * wish.situation.unit
    for limit, for_now in zip(wish.limits, full.limits, strict=True):
        stuck = 0.0 if for_now is limit else float(limit.violation(wish.situation, now)[0])
        if stuck > STUCK:
            why = "today’s market does not let it be met in one session"
            said.append(f"{limit.in_words()}: missed by {amount_in_words(limit, stuck)}, as {why}")
    for limit, amount in plan.broken:
        if isinstance(limit, AsFarAsToday):
            limit = limit.limit
        why = (
            "today’s market does not let it be met in one session"
            if any(limit is each for each in unreachable)
            else "whole lots miss it"
        )
        said.append(f"{limit.in_words()}: missed by {amount_in_words(limit, amount)}, as {why}")
    return said
