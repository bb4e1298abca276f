"""Whole shares for many accounts at once: the convex answers, the best legal quantities near them, and their exact money.

The search works on pieces (each a straight line inside one slab of the charges) that take a few paisa more cash than the truth;
what it finds is then priced to the paisa. Where cash falls short all the same, or a cap is missed relative to the wealth after
costs, the search runs again with that much less.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...ingest.universe import TRADED
from ...market.orders import purchase, sale
from ...market.rules import INVESTORS
from ..book import Book, Reach, Terms, floor_of, reach
from .pieces import HALF_A_PAISA, accounts_of, market_of, most_pieces
from .relaxation import Relaxed, relax

if TYPE_CHECKING:
    from .swap_kernels import Market

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

SHORTAGE_PRICE = 1000.0  # utility per unit of wealth: no gain outweighs a rupee that is not there
EXCESS_PRICE = 100.0
BROKEN_PRICE = 10.0  # utility: missing cash or a cap by one paisa is missing it
WORTH_TYPING = 1e-4  # utility a year, 1 bp of wealth: less is not worth an order list
IDLE_PREMIUM = 0.05  # a year: what leaving cash idle beyond the floor costs on top, as everything is to be invested
ROUNDS = 8
DEARER = 1.05  # caps are relative to wealth after costs, which may be so much more than those of the convex answer
SPARE = 3e-4  # of wealth: so much more room under a cap than was counted on, and larger orders are looked for
CLOSER = 1.02  # a rupee missing makes that much less be spent


@dataclass(frozen=True)
class Effort:
    """How hard is searched.

    paired: moves that are looked at in pairs; tries: of the pairs, those made to see what they change
    rounds: of exact exchanges of two names
    """

    paired: int = 40
    tries: int = 4
    rounds: int = 2


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


def choose(terms: Terms, book: Book, effort: Effort, near: Vector, relaxed: Relaxed | None = None) -> Choice:
    """The best whole-share holdings found for every account.

    near: (B,) utility a year below its bound at which a plan is looked for no further
    relaxed: the convex answers, where they are known already
    """
    wealth = book.wealth
    limits = reach(terms, book, wealth)
    relaxed = relax(terms, book, limits) if relaxed is None else relaxed
    idle_price = np.abs(relaxed.answer.multipliers[:, 0]) + IDLE_PREMIUM
    market = market_of(terms)
    best = book.held.copy()
    unchanged, _, _ = _judged(terms, book, idle_price, limits, best)
    score = unchanged + WORTH_TYPING
    counted = (wealth * (1 - DEARER * relaxed.costs)).astype(np.int64)
    spendable = (book.cash - floor_of(terms.limits, wealth)) / wealth
    todo = np.arange(len(book))
    for _ in range(ROUNDS):
        some = book.rows(todo)
        limits = reach(terms, some, counted[todo])
        units = _search(
            terms, market, some, limits, relaxed, todo, spendable[todo], idle_price[todo], effort, near[todo]
        )
        now, spare, after = _judged(terms, some, idle_price[todo], limits, units)
        truly = reach(terms, some, np.minimum(after, wealth[todo]))
        admitted = _admits(terms, some, truly, units)
        paid = (spare >= 0) | (units <= some.held).all(1)  # short of the floor it already was, or sells towards it
        better = admitted & paid & (now > score[todo])
        best[todo[better]], score[todo[better]] = units[better], now[better]
        again = ~(admitted & paid) | _held_back(terms, some, limits, truly, units)
        counted[todo] = np.where(admitted, after, np.minimum(counted[todo], after))
        spendable[todo] += np.minimum(spare, 0) / wealth[todo] * CLOSER
        todo = todo[again]
        if not len(todo):
            break
    return Choice(best, score, relaxed)


def _search(
    terms: Terms,
    market: "Market",
    book: Book,
    limits: Reach,
    relaxed: Relaxed,
    rows: Ints,
    spendable: Vector,
    idle_price: Vector,
    effort: Effort,
    near: Vector,
) -> Ints:
    """(B, N) units: the best found that use at most `spendable` of cash, where cash left over costs idle_price."""
    from . import swap_kernels  # compiles: only where it is used

    answer = relaxed.answer
    accounts = accounts_of(
        terms, book, limits, spendable, answer.multipliers[rows], relaxed.turnover_price[rows], idle_price
    )
    units = np.empty(book.held.shape, dtype=np.int64)
    swap_kernels.search_book(
        market, accounts, answer.x[rows], effort.paired, effort.tries, effort.rounds, near,
        most_pieces(market), units,
    )  # fmt: skip
    return units


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
    for place in np.unique(book.investor[account[~up]]):
        kind, down = INVESTORS[place], ~up & (book.investor[account] == place)
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
    in_sectors = (units * book.close) @ terms.day.sectors.inside.T
    excess = np.clip(in_sectors - limits.sector_cap, 0, None).sum(1)
    excess += np.clip(units - limits.upper, 0, None) @ book.close
    penalty = (idle_price * spare + SHORTAGE_PRICE * shortage + EXCESS_PRICE * excess) / wealth
    penalty += BROKEN_PRICE * ((shortage > 0) * 1.0 + (excess > HALF_A_PAISA))
    after = units @ book.close + book.outside + book.cash + paid.cash
    return utilities(terms, book, units, paid) - penalty, spare - paid.odd, after


def _admits(terms: Terms, book: Book, limits: Reach, units: Ints) -> NDArray[np.bool_]:
    """(B,) whether holdings of `units` keep every upper bound, every sector cap and the turnover."""
    in_sectors = (units * terms.day.close) @ terms.day.sectors.inside.T
    turned = np.abs(units - book.held) @ terms.day.close <= 2 * terms.limits.max_turnover * book.wealth
    turned |= terms.limits.max_turnover >= 1
    return np.asarray(turned & (units <= limits.upper).all(1) & (in_sectors <= limits.sector_cap + HALF_A_PAISA).all(1))


def _held_back(terms: Terms, book: Book, counted: Reach, truly: Reach, units: Ints) -> NDArray[np.bool_]:
    """(B,) whether a cap that the plan has reached has more room than was counted on."""
    wealth = book.wealth
    wider = (truly.upper - counted.upper) * book.unit * (units >= counted.upper)
    inside = (units * book.close) @ terms.day.sectors.inside.T
    full = inside > counted.sector_cap - SPARE * wealth[:, None]
    return np.asarray(wider.sum(1) + ((truly.sector_cap - counted.sector_cap) * full).sum(1) / wealth > SPARE)
