"""An upper bound on the utility of every whole-share plan, with the charges as jumpy as they are.

Caps are relative to the wealth after costs. As no plan that invests as much costs less than what it has to sell and to buy, the
caps of the wealth that this leaves are those of the bound; see `bound_kernels` for how it is found.
"""

import numpy as np
from numpy.typing import NDArray

from ..book import Book, Reach, Terms, reach
from .pieces import accounts_of, market_of, most_pieces
from .relaxation import Relaxed, cheapest_rate, sale_rates

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

STEPS = 8  # along the slope of the dual, for each bound


def utility_bounds(
    terms: Terms,
    book: Book,
    units: Ints,
    kept: Ints,
    relaxed: Relaxed,
    known: Vector,
    enough: Vector,
    nodes: int = 0,
    invested: Vector | None = None,
) -> Vector:
    """(B,) the least of the bounds we can prove on the utility a year of plans that invest as much as `units` and keep as much.

    units: (B, N) a plan; kept: (B,) paisa of cash that stays at least; relaxed: convex answers, any give a bound
    known: (B,) utility of the plan; enough: (B,) by how much the bound may exceed it and need not be closer
    nodes: how often a name is held to either side of its pieces, where the bound is not close enough
    invested: (B,) share of wealth that plans invest at least, by default as much as `units`
    """
    from . import bound_kernels  # compiles: only where it is used

    plan, wealth = units * book.unit, book.wealth
    if invested is not None:
        plan = plan * (invested / np.maximum(plan.sum(1), 1e-12))[:, None]
    limits = reach(terms, book, wealth)
    least = least_costs(terms, book, limits, plan.sum(1))
    limits = reach(terms, book, np.ceil(wealth * (1 - least)).astype(np.int64))
    market, out = market_of(terms), np.empty(len(book))
    spendable = (book.cash - kept) / wealth
    accounts = accounts_of(
        terms, book, limits, spendable, relaxed.answer.multipliers, relaxed.turnover_price, np.zeros(len(book))
    )
    bound_kernels.bound_book(market, accounts, plan, known, enough, STEPS, nodes, most_pieces(market), out)
    return out


def least_costs(terms: Terms, book: Book, limits: Reach, invested: Vector) -> Vector:
    """(B,) share of wealth that no plan within `limits` costs less than which invests at least `invested`.

    What is held above a bound is sold; what that and today's holdings lack is bought. Both at limit prices and the lowest rates.
    """
    day, now = terms.day, book.held * book.unit
    rate = cheapest_rate(terms, book, limits)
    _, sold_at = sale_rates(terms, book, rate)
    sold = np.clip(now - limits.upper * book.unit, 0, None)
    bought = np.clip(invested - now.sum(1) + sold.sum(1), 0, None)
    bought_at = day.buy_limit / day.close - 1 + rate * day.buy_limit / day.close
    cheapest = bought_at[:, day.can_buy].min(1, initial=1.0)
    return np.asarray((sold * (1 - day.sell_limit / day.close + sold_at)).sum(1) + bought * cheapest)
