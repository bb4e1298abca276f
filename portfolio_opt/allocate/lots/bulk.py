"""Decisions of many accounts under the same terms: every order with its exact money, and what each account gains and may lose."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...optim.solution import Status
from ..book import Book, Terms, floor_of
from .relaxation import Relaxed
from .utility_bound import utility_bounds
from .whole import Effort, Trades, choose, money, trades_of, utilities

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

NEAR = 1e-4  # utility a year, a basis point: no account among thousands is searched closer
NEAR_RUPEES = 100_00  # paisa a year, likewise, but no more than
NEAR_AT_MOST = 5e-4
LITTLE = Effort(paired=24, tries=2, rounds=0)
MORE = Effort(paired=24, tries=2, rounds=1)
COARSE = 400_000_00  # paisa of wealth: above it, shares are so fine that moves of two or three names find hardly more
ALMOST = 1.3  # times what is near enough: a little more is enough
NODES = 16
HOPEFUL = 4.0  # times what is near enough: a bound that is further off is not worth more work


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
    enough = np.clip(NEAR_RUPEES / book.wealth, NEAR, NEAR_AT_MOST)
    choice = choose(terms, book, LITTLE, enough / 2)
    units, score, relaxed = choice.units, choice.score, choice.relaxed
    bound, loss = _bounds(terms, book, units, relaxed, enough, 0)
    worth_more = (book.wealth < COARSE) | (loss < ALMOST * enough)
    if len(far := np.flatnonzero(~(loss <= enough) & worth_more)):
        some, near = book.rows(far), relaxed.rows(far)
        again = choose(terms, some, MORE, enough[far] / 2, near)
        better = again.score > score[far]
        units[far[better]] = again.units[better]
        bound[far], loss[far] = _bounds(terms, some, units[far], near, enough[far], 0)
    if len(far := np.flatnonzero((loss > enough) & (loss < HOPEFUL * enough))):
        bound[far], _ = _bounds(terms, book.rows(far), units[far], relaxed.rows(far), enough[far], NODES)
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


def _bounds(
    terms: Terms, book: Book, units: Ints, relaxed: Relaxed, enough: Vector, nodes: int
) -> tuple[Vector, Vector]:
    """(B,) bounds on plans that invest as much, and by how much the plan is below them at most."""
    paid = money(terms, book, units)
    kept, known = (
        np.minimum(book.cash + paid.cash, floor_of(terms.limits, book.wealth)),
        utilities(terms, book, units, paid),
    )
    bound = utility_bounds(terms, book, units, kept, relaxed, known, enough, nodes)
    return bound, bound - known


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
