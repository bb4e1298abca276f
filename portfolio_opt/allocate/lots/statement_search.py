"""Whole shares for any statement: a local search on true values, from the nearest legal shares to a solver's weights.

Objective and limits are asked for nothing but their true values, so a user's own ones take part as they are. One name at a time,
then two at a time, is moved to another legal quantity as long as that gains; money is exact at every step. Which two are worth
trying is told by what each does alone: money adds up exactly, the rest nearly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..book import Book, book_of, floor_of, reach, terms_of
from ..problem import Problem
from ..statement.cash_limits import FullyInvested
from ..statement.term import Limit, Statement, one_each
from .compiled_search import CompiledSearch, why_not
from .whole import BROKEN_PRICE, IDLE_PREMIUM, SHORTAGE_PRICE, WORTH_TYPING, money

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

BROKEN = 1e-9  # in the unit of a limit: less is the rounding of floats
VIOLATION_PRICE = 100.0  # utility for each unit of violation
PAIRS = 100  # that are tried at a time
MORE = 10  # times as many, once none of these gains
TOGETHER = 30  # of the best moves, as many of which as possible are made at once
MOST_MOVES = 400
PARTS = (0.002, 0.01, 0.03, 0.06, 0.1)  # of wealth that a name is moved by
CHARGED = 1.006  # a purchase with its charges
LEAST_GAIN = 1e-9
KICKS = 4  # rounds of forcing names out, as long as that gains
MOST_KICKED = 16  # names, the largest


@dataclass(frozen=True)
class Searched:
    """units: (N,) to hold; score: what was maximised; utility: the true objective; broken: limits that are, and by how much."""

    units: Ints
    score: float
    utility: float
    broken: tuple[tuple[Limit, float], ...]


@dataclass(frozen=True)
class Measured:
    """(B,) each. utility: the true objective; penalty: of broken limits; spare: paisa beyond the cash floor, without odd lots."""

    utility: Vector
    penalty: Vector
    spare: Vector

    def but(self, place: int) -> "Measured":
        """What is different from one of them."""
        here = (self.utility[place], self.penalty[place], self.spare[place])
        return Measured(self.utility - here[0], self.penalty - here[1], self.spare - here[2])


class StatementSearch:
    """The true score of whole-share holdings, and the search for the best.

    unavoidable: by how much each limit of the statement is broken whatever is done today; more than that is penalised
    idle_price: utility a year of a unit of wealth that stays in cash beyond what the limits allow
    """

    def __init__(self, problem: Problem, statement: Statement, unavoidable: Sequence[float], idle_price: float) -> None:
        self.problem, self.statement = problem, statement
        self.unavoidable = np.array(unavoidable)
        self.idle_price = idle_price + IDLE_PREMIUM
        self.terms, self.book = terms_of(problem), book_of(problem)
        limits = reach(self.terms, self.book, self.book.wealth)
        self.lower, self.upper = limits.lower[0], limits.upper[0]
        self.floor = int(floor_of(problem.limits, self.book.wealth)[0])
        self.compiled = None
        if why_not(problem, [statement.objective], statement.limits) is None:
            self.compiled = CompiledSearch(
                problem,
                (statement.objective,),
                statement.limits,
                self.lower,
                self.upper,
                self.idle_price,
                tuple(unavoidable),
            )
        self.most_cash = min((each.cash for each in statement.limits if isinstance(each, FullyInvested)), default=1.0)

    def measured(self, units: Ints) -> Measured:
        """Of (B, N) units. What a limit must be broken by whatever is done is not asked of the wealth after costs, too."""
        problem, statement = self.problem, self.statement
        paid = money(self.terms, _repeated(self.book, len(units)), units)
        weights, cash = units * problem.unit, problem.cash + paid.cash
        after = (units @ problem.day.close + problem.outside_value + cash) / problem.wealth
        penalty = np.zeros(len(units))
        for limit, least in zip(statement.limits, self.unavoidable, strict=True):
            if isinstance(limit, FullyInvested):
                continue  # what whole lots and charges leave idle has its price
            broken = one_each(limit, limit.violation(problem, weights), len(units)) - least
            if limit.of_wealth_after_costs and not least:
                broken = np.maximum(broken, limit.violation_after_costs(problem, weights, np.minimum(after, 1.0)))
            penalty += VIOLATION_PRICE * np.clip(broken, 0, None) + BROKEN_PRICE * (broken > BROKEN)
        utility = statement.objective.value(problem, weights)
        return Measured(utility, penalty, (cash - paid.odd - self.floor).astype(float))

    def scores(self, of: Measured) -> Vector:
        """(B,) what is maximised: the objective less the price of broken limits and of cash that is short or idle."""
        wealth = self.problem.wealth
        short = np.clip(-of.spare, 0, None)
        idle = np.clip((of.spare + self.floor) / wealth - max(self.most_cash, self.floor / wealth), 0, None)
        cash = SHORTAGE_PRICE * short / wealth + BROKEN_PRICE * (short > 0) + self.idle_price * idle
        return np.asarray(of.utility - of.penalty - cash)

    def found(self, units: Ints) -> Searched:
        measured, weights = self.measured(units[None]), units[None] * self.problem.unit
        paid = money(self.terms, self.book, units[None])
        worth = units @ self.problem.day.close + self.problem.outside_value + self.problem.cash + paid.cash
        after = np.minimum(worth / self.problem.wealth, 1.0)
        broken = []
        for limit, least in zip(self.statement.limits, self.unavoidable, strict=True):
            if not isinstance(limit, FullyInvested):
                amount = float(limit.violation(self.problem, weights)[0])
                if limit.of_wealth_after_costs and not least:
                    amount = max(amount, float(limit.violation_after_costs(self.problem, weights, after)[0]))
                broken.append((limit, amount))
        return Searched(
            units,
            float(self.scores(measured)[0]),
            float(measured.utility[0]),
            tuple(each for each in broken if each[1] > BROKEN),
        )

    def best_near(self, *weights: Vector) -> Searched:
        """The best plan found from the legal shares nearest to weights (N,) each; what is held, unless that pays."""
        unit = self.problem.unit
        starts = np.stack([self.legal(np.rint(each / unit).astype(np.int64)) for each in weights])
        unchanged = self.found(self.problem.held)
        best = self._compiled_climbs(starts) if self.compiled else max(map(self._climb, starts), key=_score_of)
        return best if best.score > unchanged.score + WORTH_TYPING else unchanged

    def _compiled_climbs(self, starts: Ints) -> Searched:
        """The best of climbs from the starts, and from the best so far with one name after another forced out."""
        assert self.compiled is not None
        best = max(map(self.found, self.compiled.climb_all(starts)), key=_score_of)
        for _ in range(KICKS):
            kicked = np.repeat(best.units[None], min(int((best.units > 0).sum()), MOST_KICKED), axis=0)
            held = np.argsort(-best.units * self.problem.unit, kind="stable")[: len(kicked)]
            kicked[np.arange(len(kicked)), held] = self.lower[held]
            if not len(kicked):
                break
            found = max(map(self.found, self.compiled.climb_all(kicked)), key=_score_of)
            if found.score <= best.score + LEAST_GAIN:
                break
            best = found
        return best

    def legal(self, units: Ints) -> Ints:
        """The nearest legal order of each name: none, at least a board lot, a whole holding, and no remainder below a lot."""
        held, lot = self.problem.held, self.problem.day.lot
        units = np.clip(units, self.lower, self.upper)
        change = units - held
        small = np.abs(change) < lot
        up = small & (change * 2 >= lot) & (held + lot <= self.upper)
        down = small & (-change * 2 >= lot) & (held - lot >= self.lower) & (held - lot >= lot)
        all_of_it = (units == 0) & (self.lower == 0)
        units = np.where(small & ~all_of_it, held + lot * up - lot * down, units)
        rest = (units < lot) & (units > 0) & (units < held)
        nothing_left = rest & (self.lower == 0) & (units * 2 < lot)
        return np.where(
            nothing_left, 0, np.where(rest & ~nothing_left, np.maximum(np.minimum(lot, held), self.lower), units)
        )

    def _climb(self, units: Ints) -> Searched:
        pairs = PAIRS
        for _ in range(MOST_MOVES):
            names, to = self._moves(units)
            trials = np.vstack([np.repeat(units[None], len(names), axis=0), units[None]])
            trials[np.arange(len(names)), names] = to
            alone = self.measured(trials)
            scores = self.scores(alone)
            here = float(scores[-1])
            both = self._pairs(alone, trials[:-1], names, to, pairs)
            trials, scores = np.vstack([trials, both]), np.append(scores, self.scores(self.measured(both)))
            ranked = np.argsort(-scores, kind="stable")[:TOGETHER]
            gaining = ranked[scores[ranked] > here + LEAST_GAIN]
            if len(gaining):
                together = _together(units, trials[gaining])
                units, pairs = together[int(np.argmax(self.scores(self.measured(together))))], PAIRS
            elif pairs == PAIRS:
                pairs *= MORE
            else:
                break
        return self.found(units)

    def _pairs(self, alone: Measured, trials: Ints, names: Ints, to: Ints, most: int) -> Ints:
        """(P, N) pairs of moves, the most promising ones as far as the moves alone tell.

        alone: of the trials (M, N), each of which moves one name, and then of no move; names, to: (M,) what each moves
        """
        change, count = alone.but(-1), len(trials)

        def added(each: Vector, base: Vector) -> Vector:
            return (each[:count, None] + each[None, :count] + base[-1]).ravel()

        utility, spare = added(change.utility, alone.utility), added(change.spare, alone.spare)
        penalty = np.clip(added(change.penalty, alone.penalty), 0, None)
        apart = ~(np.tri(count, dtype=bool) | (names[:, None] == names[None])).ravel()
        chosen = [
            _largest(np.where(apart, self.scores(Measured(utility, each, spare)), -np.inf), most // 2)
            for each in (penalty, 0 * penalty)  # two moves may mend what either breaks
        ]
        i, j = np.unravel_index(np.union1d(*chosen), (count, count))
        both = trials[i]
        both[np.arange(len(i)), names[j]] = to[j]
        return both

    def _moves(self, units: Ints) -> tuple[Ints, Ints]:
        """Legal other quantities of each name: none, what is held, the ends, a few shares, lots and parts of wealth away."""
        held, lot, unit = self.problem.held, self.problem.day.lot, self.problem.unit
        steps = [np.ones_like(lot), lot, 5 * lot, *(np.maximum((part / unit).astype(np.int64), 1) for part in PARTS)]
        wanted = [held, self.lower, self.upper, 0 * held, units + self._spare_units(units)]
        wanted += [units + sign * step for step in steps for sign in (1, -1)]
        names = np.tile(np.arange(len(units)), len(wanted))
        to = np.concatenate([self.legal(each) for each in wanted])
        moved = to != units[names]
        pairs = np.unique(np.stack([names, to])[:, moved], axis=1)
        return pairs[0], pairs[1]

    def _spare_units(self, units: Ints) -> Ints:
        """(N,) units of each name that the cash beyond the floor buys, or that must go where cash is short."""
        paid = money(self.terms, self.book, units[None])
        spare = self.problem.cash + int(paid.cash[0] - paid.odd[0]) - self.floor
        return np.floor(spare / (self.problem.day.buy_limit * CHARGED)).astype(np.int64)


def _score_of(found: Searched) -> float:
    return found.score


def _together(units: Ints, trials: Ints) -> Ints:
    """(K, N) the first trial, then with the second's changes too, and so on, each name moved by the first that moves it."""
    found = [trials[0]]
    moved = trials[0] != units
    for trial in trials[1:]:
        changed = trial != units
        if not (changed & moved).any():
            moved |= changed
            found.append(np.where(changed, trial, found[-1]))
    return np.stack(found)


def _largest(values: Vector, most: int) -> Ints:
    """Places of the largest finite values, `most` of them if there are as many."""
    best = np.argpartition(-values, most)[:most] if len(values) > most else np.arange(len(values))
    return best[np.isfinite(values[best])]


def _repeated(book: Book, times: int) -> Book:
    return book.rows(np.zeros(times, dtype=np.int64))
