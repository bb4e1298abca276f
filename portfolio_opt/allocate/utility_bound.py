"""An upper bound on the utility of every whole-share plan, with the charges as jumpy as they are.

Priced by multipliers for cash and sectors, and with the common part of the risk replaced by its tangent, the decision falls apart
into one problem a name: a quadratic, plus charges and tax that jump from slab to slab. Those are linear on each piece, so each
name's minimum is exact, the smallest over its pieces. Fractions of shares above the board lot make it a bound.
"""

import numpy as np
from numpy.typing import NDArray

from .book import Book, Terms, reach
from .pieces import pieces_of, prices_of

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def utility_bounds(
    terms: Terms, book: Book, units: Ints, kept: Ints, near: Matrix, multipliers: Matrix, tries: int = 0
) -> Vector:
    """(B,) the least of the bounds we can prove on the utility a year of plans that invest as much as `units` and keep as much.

    They hold for every whole-share plan within the caps of today's wealth, which costs only shrink.
    units: (B, N) the plan; kept: (B,) paisa of cash that stays at least; near, multipliers: of a convex answer near it,
        (B, N) and (B, 1 + S): any give a bound; tries: further multipliers of what is invested that are tried
    """
    from . import piece_kernels  # compiles: only where it is used

    limits = reach(terms, book, book.wealth)
    pieces, wealth = pieces_of(terms, book, limits), book.wealth
    plan = units * book.unit
    invested, spendable = plan.sum(1), (book.cash - kept) / wealth

    sector_price = np.ascontiguousarray(np.clip(multipliers[:, 1:], 0.0, None))
    prices = np.maximum(
        np.column_stack([multipliers[:, 0], -multipliers[:, 0]]), 0.0
    )  # of cash, and of what is invested

    def proved(at: Matrix, prices: Matrix) -> Vector:
        out = np.empty(len(book))
        piece_kernels.bound(
            pieces, prices_of(terms), terms.beliefs.loadings, terms.beliefs.specific,
            terms.beliefs.mean, book.held, wealth, spendable, invested, book.risk_aversion,
            terms.day.sectors.member, limits.sector_cap / wealth[:, None], np.ascontiguousarray(at), prices[:, 0].copy(),
            prices[:, 1].copy(), sector_price, 1 / terms.holding_period, out,
        )  # fmt: skip
        return out

    least = np.minimum(proved(near, prices), proved(plan, prices))
    step = np.full(len(book), FIRST_STEP)
    for _ in range(tries):  # the bound is convex in the prices
        improved = np.zeros(len(book), dtype=bool)
        for direction in DIRECTIONS:
            moved = np.maximum(prices + step[:, None] * direction, 0.0)
            found = proved(plan, moved)
            closer = found < least
            least, prices = np.where(closer, found, least), np.where(closer[:, None], moved, prices)
            improved |= closer
        step = np.where(improved, step, step / 3)
    return least


FIRST_STEP = 0.003
DIRECTIONS = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [10.0, 10.0]])
