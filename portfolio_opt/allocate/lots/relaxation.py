"""The convex reading of the decision: fractional shares, and costs bounded from below or taken from the last answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ingest.universe import TRADED
from ...market.charges import charges, commission_rate
from ...market.money import MILLION
from ...optim.convex import batch
from ...optim.convex.batch import BatchSolution, SeparableBatch
from ...optim.convex.separable import SeparableProgram
from ...optim.solution import Solution
from ..book import Book, Reach, Terms, book_of, floor_of, terms_of
from ..bounds import Bounds
from ..problem import Problem
from .pieces import ROUNDED, hulls_of

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

MOST_KINKS = 3  # of a hull: one at what is held, one where a sale reaches young units, and one to spare


def cheapest_rate(terms: Terms, book: Book, limits: Reach) -> Matrix:
    """(B, N) charges per rupee, from below: no order within the bounds pays a smaller share.

    Slab rates fall with size, so the rate at the largest order is the lowest reachable.
    """
    rules, day = terms.rules, terms.day
    units = np.maximum(limits.upper - book.held, book.held - limits.lower)
    amount = np.maximum(units, 1) * np.maximum(day.buy_limit, day.sell_limit)
    rate = commission_rate(rules, TRADED, amount) + rules.sebon_fee[TRADED]
    return np.asarray(rate / MILLION + max(rules.dp_charge - ROUNDED, 0) / amount)


def rate_at(terms: Terms, book: Book, value: Matrix) -> Matrix:
    """(B, N) charges per rupee of a trade of `value` paisa; one that is smaller or not there pays the rate of a plausible one."""
    amount = np.maximum(value, PLAUSIBLE_TRADE * book.wealth[:, None]).astype(np.int64)
    return np.asarray(charges(terms.rules, TRADED, amount).total / amount)


PLAUSIBLE_TRADE = 0.01  # of wealth: a dearer guess would keep a name out that an earlier pass happened to leave out


def sale_rates(terms: Terms, book: Book, rate: Matrix) -> tuple[Matrix, Matrix]:
    """(B, N) charges and tax per rupee of a holding sold, for units young and old, at charges of `rate` per rupee.

    Charges lower the taxed gain. Old units never cost more than young ones here, which keeps the cost convex and below the truth.
    """
    price = terms.day.sell_limit.astype(float)
    average = np.divide(book.total_cost, book.held, out=np.zeros(book.held.shape), where=book.held > 0)
    gain = np.clip(1 - average / price, 0, None)
    short, long = ((ppm / MILLION)[:, None] for ppm in book.tax_rates(terms.rules))
    young, old = (tax * gain + (1 - tax) * rate for tax in (short, long))
    scale = price / terms.day.close
    return young * scale, np.minimum(young, old) * scale


def programs(
    terms: Terms, book: Book, limits: Reach, rate: Matrix, least: Vector, most: Vector, turnover_price: float = 0.0
) -> SeparableBatch:
    """The separable programmes in weights of wealth, at the given charges per rupee.

    least, most: (B,) shares of wealth between which an account is invested; turnover_price: of what is bought and sold, a year
    """
    unit = book.unit
    now, long = book.held * unit, book.held_long * unit
    young, old = sale_rates(terms, book, rate)
    day, members, wealth = terms.day, terms.day.sectors.inside, book.wealth[:, None]
    return SeparableBatch(
        loadings=terms.beliefs.loadings,
        diagonal=terms.beliefs.specific,
        linear=terms.beliefs.mean[None].copy(),
        kinks=np.stack([now - long, now], axis=2),
        slopes=np.stack([-young, -old, rate * day.buy_limit / day.close], axis=2) / terms.holding_period
        + turnover_price * np.array([-1.0, -1.0, 1.0]),
        origin=now,
        lower=limits.lower * unit,
        upper=limits.upper * unit,
        rows=np.vstack([np.ones(len(day.close)), members]),
        row_lower=np.column_stack([least, np.zeros((len(book), len(members)))]),
        row_upper=np.column_stack([most, limits.sector_cap / wealth]),
        risk_aversion=book.risk_aversion,
    )


def program(problem: Problem, limits: Bounds, rate: Vector, invested: tuple[float, float]) -> SeparableProgram:
    """The programme of one account at charges of `rate` (N,) per rupee, invested between two shares of wealth."""
    least, most = (np.array([share]) for share in invested)
    return programs(terms_of(problem), book_of(problem), limits.reach, rate[None], least, most).program(0)


def investable(terms: Terms, book: Book, limits: Reach, costs: Vector) -> Vector:
    """(B,) share of wealth that ends up in priced shares: all but the floor, what is outside and costs, as far as reachable.

    costs: (B,) share of wealth that trading takes
    """
    wealth = book.wealth
    wanted = 1 - (floor_of(terms.limits, wealth) + book.outside) / wealth - costs
    least, most = _room(terms, limits.lower * book.unit, limits.upper * book.unit, limits.sector_cap / wealth[:, None])
    return np.minimum(np.maximum(wanted, least), most)


def _room(terms: Terms, lower: Matrix, upper: Matrix, sector_cap: Matrix) -> tuple[Vector, Vector]:
    """(B,) the least and the most that can be invested inside a box (B, N) and under sector caps (B, S)."""
    sectors = terms.day.sectors
    in_sectors = np.minimum(sector_cap, upper @ sectors.inside.T)
    return lower.sum(1), upper[:, sectors.member < 0].sum(1) + in_sectors.sum(1)


@dataclass(frozen=True)
class Relaxed:
    """Convex answers near which whole shares are looked for.

    programs, answer: what was solved last, its points, and its multipliers of what is invested and of the sectors
    costs: (B,) share of wealth that trading takes; turnover_price: (B,) a year, of a unit of wealth bought or sold
    """

    programs: SeparableBatch
    answer: BatchSolution
    costs: Vector
    turnover_price: Vector

    def rows(self, chosen: Ints) -> "Relaxed":
        """Those of some accounts."""
        return Relaxed(
            self.programs.rows_of(chosen), self.answer.rows_of(chosen), self.costs[chosen], self.turnover_price[chosen]
        )


def relax(terms: Terms, book: Book, limits: Reach) -> Relaxed:
    """The answers for the largest convex costs below the true ones, as jumpy as those are.

    A first answer, with charges from below, tells what trading takes and what a rupee of cash is worth; that also prices the
    costs of the second, for what is paid in charges is not invested.
    """
    share = investable(terms, book, limits, np.zeros(len(book)))
    rate = cheapest_rate(terms, book, limits)
    first = batch.solve(programs(terms, book, limits, rate, share, share), cores=1)
    costs = _costs(terms, book, first.x)
    share = investable(terms, book, limits, costs)
    free = np.zeros(len(book))

    def priced(turnover_price: Vector, start: BatchSolution) -> tuple[SeparableBatch, BatchSolution]:
        hulls = _hulls(terms, book, limits, share, first.multipliers[:, 0], turnover_price)
        return hulls, _finite(batch.solve(hulls, cores=1, start=start), hulls)

    hulls, answer = priced(free, first)
    price = free
    if terms.limits.max_turnover < 1:
        price = _turnover_price(terms, book, answer, priced)
        hulls, answer = priced(price, answer)
    return Relaxed(hulls, answer, _costs(terms, book, answer.x), price)


def _turnover_price(
    terms: Terms,
    book: Book,
    answer: BatchSolution,
    priced: Callable[[Vector, BatchSolution], tuple[Any, BatchSolution]],
) -> Vector:
    """(B,) the least prices found of what is bought and sold at which the answers keep the turnover, 0 where they do anyway."""
    now, most = book.held * book.unit, 2 * terms.limits.max_turnover
    low, high = np.zeros(len(book)), np.full(len(book), np.inf)
    price = np.zeros(len(book))
    for _ in range(PRICINGS):
        over = np.abs(answer.x - now).sum(1) > most
        low, high = np.where(over, price, low), np.where(over, high, price)
        if ((high - low <= PRICE_CLOSE) | (low > DEAREST)).all():
            break
        price = np.where(np.isfinite(high), (low + high) / 2, np.maximum(4 * low, FIRST_PRICE))
        _, answer = priced(price, answer)
    return np.where(np.isfinite(high), high, low)


PRICINGS = 16
FIRST_PRICE, DEAREST = 0.01, 10.0  # a year
PRICE_CLOSE = 1e-5  # a year: a turnover that much cheaper or dearer is worth less than a basis point


def _hulls(
    terms: Terms, book: Book, limits: Reach, share: Vector, cash_price: Vector, turnover_price: Vector
) -> SeparableBatch:
    """The programmes whose costs are the convex hulls of the pieces."""
    money = 1 + np.clip(cash_price, 0, None) * terms.holding_period
    odd_price = np.clip(cash_price, 0, None)
    kinks, slopes, lower, upper = hulls_of(terms, book, limits, odd_price, turnover_price / money, MOST_KINKS)
    rows = np.vstack([np.ones(book.held.shape[1]), terms.day.sectors.inside])
    sectors = np.maximum(limits.sector_cap / book.wealth[:, None], lower @ rows[1:].T)
    least, most = _room(terms, lower, upper, sectors)
    share = np.minimum(np.maximum(share, least), most)
    return SeparableBatch(
        loadings=terms.beliefs.loadings,
        diagonal=terms.beliefs.specific,
        linear=terms.beliefs.mean[None].copy(),
        kinks=kinks,
        slopes=slopes * money[:, None, None],
        origin=np.clip(book.held * book.unit, lower, upper),
        lower=lower,
        upper=upper,
        rows=rows,
        row_lower=np.column_stack([share, np.zeros(sectors.shape)]),
        row_upper=np.column_stack([share, sectors]),
        risk_aversion=book.risk_aversion,
    )


def _finite(answer: BatchSolution, programs: SeparableBatch) -> BatchSolution:
    """The answers, what is held and no prices where there is none: the search begins there, and no bound is the worse for it."""
    found = np.isfinite(np.column_stack([answer.x, answer.multipliers])).all(1, keepdims=True)
    return replace(
        answer,
        x=np.where(found, answer.x, programs.origin),
        multipliers=np.where(found, answer.multipliers, 0.0),
    )


def solution_of(answers: BatchSolution, b: int) -> Solution:
    """The answer of one account by itself."""
    steps, gap = int(answers.iterations[b]), float(answers.gap[b])
    return Solution(
        x=answers.x[b],
        status=answers.status[b],
        objective=float(answers.objective[b]),
        residual=float(answers.residual[b]),
        gap=gap,
        multipliers=answers.multipliers[b],
        trail=(f"newton: {steps} steps, gap {gap:.1e}",),
        iterations=steps,
    )


def _costs(terms: Terms, book: Book, w: Matrix) -> Vector:
    """(B,) share of wealth that reaching w takes at limit prices: charges, tax, and the way from the close to the limit."""
    day, wealth = terms.day, book.wealth[:, None]
    trades = np.where(np.isfinite(w), w - book.held * book.unit, 0.0)
    rate = rate_at(terms, book, np.abs(trades) * wealth)
    bought, sold = np.clip(trades, 0, None), np.clip(-trades, 0, None)
    slip = bought * (day.buy_limit / day.close - 1) + sold * (1 - day.sell_limit / day.close)
    young, _ = sale_rates(terms, book, rate)
    return np.asarray((slip + rate * bought + young * sold).sum(1))
