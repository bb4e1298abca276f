"""Every legal quantity of a name with what reaching it costs, as pieces of straight lines, compiled.

A piece is a range of holdings that one order reaches inside one slab of the charges and, for a sale, one age of the units sold:
there charges and tax are a constant and a slope. Sales lower the taxed gain by their charges: counted as a share of the charges
that the tax never gives back in full, so that a piece is never above the truth, and below it by little.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...optim.convex.stepped_kernels import hulls

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

MILLION = 1_000_000


class Prices(NamedTuple):
    """(N,) of one day: last close, worst prices of a purchase and a sale, board lot. Paisa and units."""

    close: Ints
    buy: Ints
    sell: Ints
    lot: Ints


class Tariff(NamedTuple):
    """Charges on an amount in slab s, above edges[s] and up to edges[s + 1]: at least fixed[s] + rate[s] × amount. Paisa."""

    edges: Vector
    fixed: Vector
    rate: Vector


class Pieces(NamedTuple):
    """(N, P) smallest and largest holding in weights, and its cost.

    Costs are shares of wealth a year, constant + slope × weight. After a name's last piece follows one with first > last.
    """

    first: NDArray[np.float64]
    last: NDArray[np.float64]
    constant: NDArray[np.float64]
    slope: NDArray[np.float64]


@njit(cache=True, nogil=True, inline="always")
def _put(pieces: Pieces, i: int, p: int, first: float, last: float, constant: float, slope: float) -> int:
    pieces.first[i, p], pieces.last[i, p] = first, last
    pieces.constant[i, p], pieces.slope[i, p] = constant, slope
    return p + 1


class Holder(NamedTuple):
    """What the pieces of one account depend on. held … upper: (N,) units; wealth: paisa; tax rates short and long: ppm

    odd_price: what a unit of wealth that the sale of an odd lot brings costs a year, as no purchase may use it
    """

    held: Ints
    held_long: Ints
    total_cost: Ints
    lower: Ints
    upper: Ints
    wealth: int
    short: int
    long: int
    odd_price: float


@njit(cache=True, nogil=True)
def fill(pieces: Pieces, count: Ints, prices: Prices, tariff: Tariff, of: Holder, per_year: float) -> None:
    """Fill in the (N, P) pieces of one account, and how many each name has, (N,)."""
    slabs = len(tariff.rate)
    W = float(of.wealth)
    rate_short, rate_long = of.short / MILLION, of.long / MILLION
    for i in range(of.held.size):
        have, lot, p = of.held[i], prices.lot[i], 0
        unit = prices.close[i] / W
        now = have * unit
        buy, sell = prices.buy[i], prices.sell[i]
        if of.lower[i] <= have <= of.upper[i]:
            p = _put(pieces, i, p, now, now, 0.0, 0.0)
        most = of.upper[i] - have
        if most >= lot:
            for s in range(slabs):
                least_units = max(int(tariff.edges[s] // buy) + 1, lot, of.lower[i] - have)
                most_units = most if s == slabs - 1 else min(most, int(tariff.edges[s + 1] // buy))
                if least_units <= most_units:
                    slope = per_year * tariff.rate[s] * buy / prices.close[i]
                    constant = per_year * tariff.fixed[s] / W - slope * now
                    p = _put(pieces, i, p, now + least_units * unit, now + most_units * unit, constant, slope)
                if least_units > most:
                    break
        if have > 0 and of.lower[i] < have:
            old = of.held_long[i]
            gain = sell - of.total_cost[i] / have
            for age in range(2):
                for s in range(slabs):
                    taxed = gain > tariff.rate[s] * sell  # charges lower the gain
                    kept = 1.0 - (max(rate_short, rate_long if old else 0.0) if taxed and age else rate_long * taxed)
                    tax = (rate_long if age == 0 else rate_short) * gain * taxed
                    before = 0.0 if age == 0 else (rate_long - rate_short) * gain * old * taxed
                    least_units = max(int(tariff.edges[s] // sell) + 1, 1 if age == 0 else old + 1)
                    most_units = old if age == 0 else have
                    if s < slabs - 1:
                        most_units = min(most_units, int(tariff.edges[s + 1] // sell))
                    if least_units > most_units:
                        continue
                    slope = -per_year * (kept * tariff.rate[s] * sell + tax) / prices.close[i]
                    constant = per_year * (kept * tariff.fixed[s] + before) / W - slope * now
                    if most_units == have and of.lower[i] <= 0:  # the whole holding
                        useless = of.odd_price * now if have < lot else 0.0
                        p = _put(pieces, i, p, 0.0, 0.0, constant + useless, 0.0)
                    least_units = max(least_units, lot, have - of.upper[i])
                    most_units = min(most_units, have - lot, have - of.lower[i])  # what stays is at least a lot
                    if least_units <= most_units:
                        p = _put(pieces, i, p, now - most_units * unit, now - least_units * unit, constant, slope)
        if p == 0:  # where no quantity fits, it stays as it is
            p = _put(pieces, i, p, now, now, 0.0, 0.0)
        count[i] = p
        if p < pieces.first.shape[-1]:
            _put(pieces, i, p, 1.0, 0.0, 0.0, 0.0)


@njit(cache=True, nogil=True)
def count(slabs: int) -> int:
    """Pieces a name: no trade, a purchase in each slab, a sale in each slab of old and of young units, the whole holding."""
    return 2 + 3 * slabs


@njit(cache=True, nogil=True)
def fill_hulls(
    prices: Prices,
    tariff: Tariff,
    held: Ints,
    held_long: Ints,
    total_cost: Ints,
    lower: Ints,
    upper: Ints,
    wealth: Ints,
    short: Ints,
    long: Ints,
    odd_price: Vector,
    turnover_price: Vector,
    per_year: float,
    kinks: NDArray[np.float64],
    slopes: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> None:
    """Fill in the largest convex costs below the pieces of every account. held … odd_price: as in Holder, with a leading axis

    turnover_price: (B,) a year, of a unit of wealth bought or sold
    kinks: (B, N, J); slopes: (B, N, J + 1); ends: (2, B, N) lower and upper. A hull with more kinks than J loses its inmost ones:
    it is then no longer below the pieces everywhere.
    """
    n, most = held.shape[1], kinks.shape[2]
    shape = (n, count(len(tariff.rate)))
    pieces, sizes = Pieces(np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)), np.empty(n, np.int64)
    for b in range(held.shape[0]):
        of = Holder(
            held[b], held_long[b], total_cost[b], lower[b], upper[b], wealth[b], short[b], long[b], odd_price[b]
        )
        fill(pieces, sizes, prices, tariff, of, per_year)
        if turnover_price[b] > 0.0:
            for i in range(n):
                now = held[b, i] * (prices.close[i] / wealth[b])
                for p in range(sizes[i]):
                    middle = (pieces.first[i, p] + pieces.last[i, p]) / 2
                    way = turnover_price[b] * (1.0 if middle > now else -1.0)
                    if middle != now:
                        pieces.slope[i, p] += way
                        pieces.constant[i, p] -= way * now
        at, rises, ends[0, b], ends[1, b] = hulls(*pieces)
        wide = at.shape[1]
        for i in range(n):
            for j in range(most):
                kinks[b, i, j] = at[i, min(j, wide - 1)]
            for j in range(most + 1):
                slopes[b, i, j] = rises[i, min(j, wide)]
