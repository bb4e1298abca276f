"""Whole shares for many accounts at once: the convex answers, the best legal quantities near them, and their exact money.

The search works on pieces (each a straight line inside one slab of the charges) under a row for what is invested; what it finds
is then priced to the paisa. Where cash falls short, or is left over, or a cap is missed relative to the wealth after costs, the
row moves by that much and the search runs again. The best plan by exact money counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ingest.universe import TRADED
from ..market.orders import purchase, sale
from ..market.rules import INVESTORS
from ..optim.convex.batch import BatchSolution
from .book import Book, Reach, Terms, floor_of, reach, sectors_of
from .pieces import pieces_of
from .relaxation import Relaxed, relax

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

SHORTAGE_PRICE = 1000.0  # utility per unit of wealth: no gain outweighs a rupee that is not there
EXCESS_PRICE = 100.0
BROKEN_PRICE = 10.0  # utility: missing cash or a cap by one paisa is missing it
HALF_A_PAISA = 0.5  # sector values are whole paisa, but for the rounding of floats
WORTH_TYPING = 1e-4  # utility a year, 1 bp of wealth: less is not worth an order list
IDLE_PREMIUM = 0.05  # a year: what leaving cash idle beyond the floor costs on top, as everything is to be invested
ROUNDS = 5
MOST_ROUNDS = 12  # for accounts without a legal plan so far
SPARE = 5e-4  # of wealth: less cash than this beyond the floor is not tried to be spent better
CLOSER = 1.02  # a rupee missing or spare moves the row by so much: limits lie beyond the close, and trades are charged


@dataclass(frozen=True)
class Effort:
    """How hard is searched.

    kicks: forced moves; candidates: names moved in pairs; tried: of their moves that are answered
    aim: part of what counts as near enough, at which a plan is looked for no further
    near_rupees: paisa a year by which a plan may be below the best and still be near enough, besides 1 bp of wealth
    """

    kicks: int = 100
    candidates: int = 200
    tried: int = 24
    aim: float = 0.2
    near_rupees: int = 0


@dataclass(frozen=True)
class Money:
    """What holding other units than today brings and costs, (B,) paisa.

    cash: what the trades bring or take; odd: the part of it from odd lots, whose book is thin, that no purchase may count on
    cost: charges and tax
    """

    cash: Ints
    odd: Ints
    cost: Ints


@dataclass(frozen=True)
class Choice:
    """The holdings chosen, (B, N) units, their score (what the search maximised), and what they were searched near."""

    units: Ints
    score: Vector
    relaxed: Relaxed


def near_enough(book: Book, effort: Effort) -> Vector:
    """(B,) utility a year that a plan may be below the best and still be as good."""
    return np.maximum(WORTH_TYPING, effort.near_rupees / book.wealth)


def choose(terms: Terms, book: Book, draws: Vector, effort: Effort) -> Choice:
    """The best whole-share holdings found for every account. draws: uniform in [0, 1), of which effort.kicks are used."""
    wealth = book.wealth
    relaxed = relax(terms, book, reach(terms, book, wealth))
    answer = relaxed.answer
    idle_price = np.abs(answer.multipliers[:, 0]) + IDLE_PREMIUM
    best = book.held.copy()
    unchanged, _, _ = _judged(terms, book, idle_price, reach(terms, book, wealth), best)
    score = unchanged + WORTH_TYPING
    counted, budget, current = (wealth * (1 - relaxed.costs)).astype(np.int64), relaxed.share.copy(), book.held.copy()
    found = np.zeros(len(book), dtype=bool)
    for turn in range(MOST_ROUNDS):
        todo = np.flatnonzero((budget > -np.inf) & ~(found & (turn >= ROUNDS)))
        if not len(todo):
            break
        some = book.rows(todo)
        limits = reach(terms, some, counted[todo])
        current[todo] = _search(
            terms, some, limits, answer, todo, budget[todo], idle_price[todo], current[todo], draws, effort
        )
        now, spare, after = _judged(terms, some, idle_price[todo], limits, current[todo])
        admitted = _admits(terms, reach(terms, some, np.minimum(after, wealth[todo])), current[todo])
        paid = (spare >= 0) | (current[todo] <= some.held).all(
            1
        )  # short of the floor it already was, or sells towards it
        legal = admitted & paid
        found[todo] |= legal
        better = legal & (now > score[todo])
        best[todo[better]], score[todo[better]] = current[todo[better]], now[better]
        counted[todo] = np.where(admitted, counted[todo], np.minimum(counted[todo], after))
        moves = spare / wealth[todo] * np.where(spare < 0, CLOSER, 1 / CLOSER)
        content = admitted & (moves >= 0) & (moves < SPARE)
        invested = (current[todo] * some.unit).sum(1)
        budget[todo] = np.where(content, -np.inf, invested + moves)
    return Choice(best, score, relaxed)


def _search(
    terms: Terms,
    book: Book,
    limits: Reach,
    answer: BatchSolution,
    rows: Ints,
    budget: Vector,
    idle_price: Vector,
    current: Ints,
    draws: Vector,
    effort: Effort,
) -> Ints:
    """(B, N) units: the best points of the pieces with at most `budget` invested, where cash left over costs idle_price."""
    from ..optim.convex import stepped_kernels  # compiles: only where it is used

    unit, sectors = book.unit, sectors_of(terms.day)
    count, n = book.held.shape
    invested = np.vstack([np.ones(n), sectors.inside])
    prices = np.clip(answer.multipliers[rows], 0.0, None)
    prices[:, 0] = answer.multipliers[rows, 0] + idle_price
    money_price = 1 + np.clip(answer.multipliers[rows, :1, None], 0.0, None) * terms.holding_period
    pieces = pieces_of(terms, book, limits, prices[:, 0] / money_price[:, 0, 0])
    near = answer.x[rows]
    stack = stepped_kernels.SteppedStack(
        loadings=np.ascontiguousarray(terms.beliefs.loadings),
        diagonal=np.ascontiguousarray(terms.beliefs.specific),
        scale=book.risk_aversion,
        linear=np.ascontiguousarray(terms.beliefs.mean),
        extra=idle_price,
        columns=np.ascontiguousarray(invested.T),
        row_lower=np.full((count, len(invested)), -np.inf),
        row_upper=np.column_stack([budget, (limits.sector_cap + HALF_A_PAISA) / book.wealth[:, None]]),
        first=pieces.first,
        last=pieces.last,
        constant=pieces.constant * money_price,
        slope=pieces.slope * money_price,
        base=book.held * unit,
        step=unit,
    )
    x, value, bound = np.empty((count, n)), np.empty(count), np.empty(count)
    starts = np.stack([near, current * unit], axis=1)
    stepped_kernels.search_stack(
        stack, 0, count, starts, prices, draws[: effort.kicks], effort.candidates, effort.tried,
        effort.aim * near_enough(book, effort), x, value, bound,
    )  # fmt: skip
    return np.where(np.isfinite(value)[:, None], np.rint(x / unit).astype(np.int64), current)


@dataclass(frozen=True)
class Trades:
    """Every order of a book, (M,) each, by account, then by name. Paisa.

    account, name: places in the book and the day; change: units bought, or sold (negative); net_cash: in, or out (negative)
    """

    account: Ints
    name: Ints
    change: Ints
    price: Ints
    amount: Ints
    commission: Ints
    sebon_fee: Ints
    dp_charge: Ints
    tax: Ints
    net_cash: Ints

    @property
    def cost(self) -> Ints:
        return np.asarray(self.commission + self.sebon_fee + self.dp_charge + self.tax)


def trades_of(terms: Terms, book: Book, units: Ints) -> Trades:
    """The orders that bring every account to `units`, each at its limit price with its exact charges and tax."""
    account, name = np.nonzero(units != book.held)
    day, change = terms.day, units[account, name] - book.held[account, name]
    price = np.where(change > 0, day.buy_limit[name], day.sell_limit[name])
    lines = np.zeros((6, len(account)), dtype=np.int64)  # amount, commission, SEBON fee, DP charge, tax, net cash
    up = change > 0
    amount, paid = purchase(terms.rules, TRADED, change[up], price[up])
    lines[:, up] = amount, paid.commission, paid.sebon_fee, paid.dp_charge, 0 * amount, -amount - paid.total
    for place, kind in enumerate(INVESTORS):
        down = ~up & (book.investor[account] == place)
        b, i = account[down], name[down]
        got = sale(
            terms.rules, kind, TRADED, -change[down], price[down],
            held=book.held[b, i], held_long=book.held_long[b, i], total_cost=book.total_cost[b, i],
        )  # fmt: skip
        paid = got.charges
        lines[:, down] = got.amount, paid.commission, paid.sebon_fee, paid.dp_charge, got.tax, got.net_cash
    return Trades(account, name, change, price, *lines)


def money(terms: Terms, book: Book, units: Ints) -> Money:
    """Exact money of every account moving to `units`, each name its own order at its limit price."""
    trades = trades_of(terms, book, units)
    odd = (trades.change < 0) & (-trades.change < terms.day.lot[trades.name])

    def by_account(paisa: Ints) -> Ints:
        totals = np.zeros(len(book), dtype=np.int64)
        np.add.at(totals, trades.account, paisa)
        return totals

    return Money(
        cash=by_account(trades.net_cash),
        odd=by_account(np.where(odd, np.maximum(trades.net_cash, 0), 0)),
        cost=by_account(trades.cost),
    )


def utilities(terms: Terms, book: Book, units: Ints, paid: Money) -> Vector:
    """(B,) expected return less the price of risk and of what is paid, a year."""
    w = units * book.unit
    beliefs = terms.beliefs
    risk = ((w @ beliefs.loadings) ** 2).sum(1) + w**2 @ beliefs.specific
    return np.asarray(w @ beliefs.mean - book.risk_aversion / 2 * risk - paid.cost / book.wealth / terms.holding_period)


def _judged(terms: Terms, book: Book, idle_price: Vector, limits: Reach, units: Ints) -> tuple[Vector, Ints, Ints]:
    """(score, spare cash, wealth after), each (B,): the score is utility less the price of cash idle or missing and of excess."""
    paid, wealth = money(terms, book, units), book.wealth
    spare = book.cash + paid.cash - floor_of(terms.limits, wealth)
    shortage = np.clip(paid.odd - spare, 0, None)
    in_sectors = (units * book.close) @ sectors_of(terms.day).inside.T
    excess = np.clip(in_sectors - limits.sector_cap, 0, None).sum(1)
    excess += np.clip(units - limits.upper, 0, None) @ book.close
    penalty = (idle_price * spare + SHORTAGE_PRICE * shortage + EXCESS_PRICE * excess) / wealth
    penalty += BROKEN_PRICE * ((shortage > 0) * 1.0 + (excess > HALF_A_PAISA))
    after = units @ book.close + book.outside + book.cash + paid.cash
    return utilities(terms, book, units, paid) - penalty, spare - paid.odd, after


def _admits(terms: Terms, limits: Reach, units: Ints) -> NDArray[np.bool_]:
    """(B,) whether holdings of `units` keep every upper bound and every sector cap."""
    in_sectors = (units * terms.day.close) @ sectors_of(terms.day).inside.T
    return np.asarray((units <= limits.upper).all(1) & (in_sectors <= limits.sector_cap + HALF_A_PAISA).all(1))
