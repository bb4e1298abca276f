"""Decisions of many accounts under the same terms: every order with its exact money, and what each account gains and may lose."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..optim.solution import Status
from .book import Book, Terms, floor_of
from .utility_bound import utility_bounds
from .whole import Effort, Trades, choose, money, near_enough, trades_of, utilities

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

NEAR_RUPEES = 100_00  # paisa a year: of an account among thousands, nobody would look for less
LITTLE = Effort(kicks=0, candidates=40, tried=8, aim=0.5, near_rupees=NEAR_RUPEES)
MORE = Effort(kicks=10, candidates=80, tried=16, aim=0.5, near_rupees=NEAR_RUPEES)
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


def decide_book(terms: Terms, book: Book, seed: int = 0) -> Decisions:
    """The decision of every account by itself: the same whatever others stand in the book.

    All cash of the book is settled.
    """
    draws = np.random.default_rng(seed).random(MORE.kicks)
    choice = choose(terms, book, draws, LITTLE)
    units, score, answer = choice.units, choice.score, choice.relaxed.answer
    kept = np.minimum(book.cash + money(terms, book, units).cash, floor_of(terms.limits, book.wealth))
    near, prices = answer.x, answer.multipliers
    bound = utility_bounds(terms, book, units, kept, near, prices)
    for effort in (None, MORE):
        loss = bound - utilities(terms, book, units, money(terms, book, units))
        far = np.flatnonzero(~(loss <= near_enough(book, MORE)))
        if not len(far):
            break
        some = book.rows(far)
        if effort is not None:
            again = choose(terms, some, draws, effort)
            better = again.score > score[far]
            units[far[better]], score[far[better]] = again.units[better], again.score[better]
        cash = some.cash + money(terms, some, units[far]).cash
        kept = np.minimum(cash, floor_of(terms.limits, some.wealth))
        bound[far] = utility_bounds(terms, some, units[far], kept, near[far], prices[far], BOUNDS_TRIED)
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
        solved=np.array([status is Status.OPTIMAL for status in answer.status]),
    )


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
