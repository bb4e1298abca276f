"""Decisions of many accounts under the same terms: every order with its exact money, and what each account gains and may lose."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..optim.solution import Status
from .book import Book, Terms, floor_of
from .utility_bound import utility_bounds
from .whole import Effort, Trades, choose, money, trades_of, utilities

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

NEAR = 5e-5  # utility a year, half a basis point: no account among thousands is searched closer
NEAR_RUPEES = 50_00  # paisa a year, likewise
LITTLE = Effort(paired=24, tries=2, rounds=0, near=NEAR, near_rupees=NEAR_RUPEES)
MORE = Effort(paired=48, tries=4, rounds=2, near=NEAR, near_rupees=NEAR_RUPEES)
BOUNDS_TRIED = 8


@dataclass(frozen=True)
class Decisions:
    """What becomes of B accounts.

    trades: all orders; later: (M,) purchases that wait until sales have settled
    wealth, cash_after: (B,) paisa; gain: (B,) utility a year more than leaving all as it is; loss: (B,) at most so much less a
    year than the best plan that invests as much; solved: (B,) whether the convex answer is certified
    """

    trades: Trades
    later: NDArray[np.bool_]
    wealth: Ints
    cash_after: Ints
    gain: Vector
    loss: Vector
    solved: NDArray[np.bool_]


def decide_book(terms: Terms, book: Book) -> Decisions:
    """The decision of every account by itself: the same whatever others stand in the book.

    All cash of the book is settled.
    """
    choice = choose(terms, book, LITTLE)
    units, score, relaxed = choice.units, choice.score, choice.relaxed
    near, prices = relaxed.answer.x, relaxed.answer.multipliers
    bound = _bounds(terms, book, units, near, prices, 0)
    near_enough = MORE.tolerance(book)
    for effort in (None, MORE):
        loss = bound - utilities(terms, book, units, money(terms, book, units))
        far = np.flatnonzero(~(loss <= near_enough))
        if not len(far):
            break
        some = book.rows(far)
        if effort is not None:
            again = choose(terms, some, effort, relaxed.rows(far))
            better = again.score > score[far]
            units[far[better]], score[far[better]] = again.units[better], again.score[better]
        bound[far] = _bounds(terms, some, units[far], near[far], prices[far], BOUNDS_TRIED)
    trades, paid = trades_of(terms, book, units), money(terms, book, units)
    reached = utilities(terms, book, units, paid)
    unchanged = utilities(terms, book, book.held, money(terms, book, book.held))
    return Decisions(
        trades=trades,
        later=_later(terms, book, trades),
        wealth=book.wealth,
        cash_after=book.cash + paid.cash,
        gain=reached - unchanged,
        loss=bound - reached,
        solved=np.array([status is Status.OPTIMAL for status in relaxed.answer.status]),
    )


def _bounds(terms: Terms, book: Book, units: Ints, near: Matrix, prices: Matrix, tries: int) -> Vector:
    kept = np.minimum(book.cash + money(terms, book, units).cash, floor_of(terms.limits, book.wealth))
    return utility_bounds(terms, book, units, kept, near, prices, tries)


def _later(terms: Terms, book: Book, trades: Trades) -> NDArray[np.bool_]:
    """(M,) which purchases wait for the sales to settle: the dearest are placed first, as far as settled cash pays for them."""
    later = np.zeros(len(trades.change), dtype=bool)
    bought = np.flatnonzero(trades.change > 0)
    dearest = bought[np.lexsort((trades.name[bought], trades.net_cash[bought], trades.account[bought]))]
    room = book.cash - floor_of(terms.limits, book.wealth)
    odd = (trades.change < 0) & (-trades.change < terms.day.lot[trades.name]) & (trades.net_cash < 0)
    np.add.at(room, trades.account[odd], trades.net_cash[odd])  # an odd lot that loses money when it fills
    left = room.tolist()
    for order, account, cost in zip(
        dearest.tolist(), trades.account[dearest].tolist(), (-trades.net_cash[dearest]).tolist(), strict=True
    ):
        if cost <= left[account]:
            left[account] -= cost
        else:
            later[order] = True
    return later
