"""The legal quantities of every account and name as pieces, each with what reaching it costs."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...ingest.universe import TRADED
from ...market.money import MILLION
from ...market.rules import DayRules
from ..book import Book, Reach, Terms

if TYPE_CHECKING:
    from .piece_kernels import Prices, Tariff
    from .swap_kernels import Accounts, Market

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Array = NDArray[np.float64]

HALF_A_PAISA = 0.5  # sector values are whole paisa, but for the rounding of floats
ROUNDED = 3  # paisa: what rounding commission, fee and tax to whole paisa can spare an order at most


def prices_of(terms: Terms) -> "Prices":
    from .piece_kernels import Prices

    return Prices(terms.day.close, terms.day.buy_limit, terms.day.sell_limit, terms.day.lot)


def tariff_of(rules: DayRules) -> "Tariff":
    """What an order of an equity is charged at least: the minimum commission binds up to an amount, then slab after slab."""
    from .piece_kernels import Tariff

    edges, fixed, rate = charges_of(rules)
    return Tariff(edges, np.maximum(fixed - ROUNDED, fixed - rules.dp_charge), rate)


def charges_of(rules: DayRules) -> tuple[Vector, Vector, Vector]:
    """Charges on an amount of an equity before rounding: edges (S + 1,) of slabs, paisa, and in each a fixed part and a rate."""
    slabs, fee = rules.commission[TRADED], rules.sebon_fee[TRADED] / MILLION
    smallest = rules.commission_minimum * MILLION / slabs.rates[0]
    rates, flat = np.array(slabs.rates, dtype=float) / MILLION + fee, float(rules.dp_charge)
    edges = np.array([0.0, smallest, *(float(edge) for edge in slabs.up_to), np.inf])
    return edges, np.array([flat + rules.commission_minimum, *np.full(len(rates), flat)]), np.array([fee, *rates])


def market_of(terms: Terms) -> "Market":
    """What the search needs to know of the terms."""
    from .swap_kernels import Market  # compiles: only where it is used

    beliefs = terms.beliefs
    return Market(
        np.ascontiguousarray(beliefs.loadings), np.ascontiguousarray(beliefs.specific), np.ascontiguousarray(beliefs.mean),
        terms.day.sectors.member, prices_of(terms), tariff_of(terms.rules), 1 / terms.holding_period,
    )  # fmt: skip


def accounts_of(
    terms: Terms,
    book: Book,
    limits: Reach,
    spendable: Vector,
    multipliers: Matrix,
    turnover_price: Vector,
    idle_price: Vector,
) -> "Accounts":
    """The accounts of a book as the search and the bound take them.

    spendable: (B,) share of wealth that may be used at most; multipliers: (B, 1 + S) of what is invested, where cash left over
    costs nothing, and of the sectors; turnover_price: (B,) of what is bought and sold; idle_price: (B,) what cash does cost
    """
    from .swap_kernels import Accounts  # compiles: only where it is used

    wealth, sectors = book.wealth, np.clip(multipliers[:, 1:], 0.0, None)
    short, long = book.tax_rates(terms.rules)
    most = 2 * terms.limits.max_turnover if terms.limits.max_turnover < 1 else np.inf
    turnover = np.full(len(book), most)
    return Accounts(
        held=book.held,
        held_long=book.held_long,
        total_cost=book.total_cost,
        lower=limits.lower,
        upper=limits.upper,
        wealth=wealth,
        short=short,
        long=long,
        aversion=book.risk_aversion,
        limits=np.column_stack([spendable, turnover, (limits.sector_cap + HALF_A_PAISA) / wealth[:, None]]),
        prices=np.column_stack([multipliers[:, 0] + idle_price, turnover_price, sectors]),
        idle_price=idle_price,
    )


def most_pieces(market: "Market") -> int:
    """That one name can have."""
    from . import piece_kernels  # compiles: only where it is used

    return piece_kernels.count(len(market.tariff.rate))


def hulls_of(
    terms: Terms, book: Book, limits: Reach, odd_price: Vector, turnover_price: Vector, most_kinks: int
) -> tuple[Array, Array, Matrix, Matrix]:
    """The largest convex costs below the pieces: kinks (B, N, J), slopes (B, N, J + 1), lower and upper ends (B, N).

    odd_price: (B,) what the cash that an odd lot brings costs a year, as no purchase may use it
    turnover_price: (B,) a year, of a unit of wealth bought or sold
    """
    from . import piece_kernels  # compiles: only where it is used

    shape = book.held.shape
    kinks, slopes, ends = np.empty((*shape, most_kinks)), np.empty((*shape, most_kinks + 1)), np.empty((2, *shape))
    short, long = book.tax_rates(terms.rules)
    piece_kernels.fill_hulls(
        prices_of(terms), tariff_of(terms.rules), book.held, book.held_long, book.total_cost, limits.lower, limits.upper,
        book.wealth, short, long, odd_price, turnover_price, 1 / terms.holding_period, kinks, slopes, ends,
    )  # fmt: skip
    return kinks, slopes, ends[0], ends[1]
