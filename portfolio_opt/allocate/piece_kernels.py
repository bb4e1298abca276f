"""Every legal quantity of a name with what reaching it costs, as pieces of straight lines, compiled; and the bound they give.

A piece is a range of holdings that one order reaches inside one slab of the charges and, for a sale, one age of the units sold:
there charges and tax are a constant and a slope. Sales lower the taxed gain by their charges: counted as a share of the charges
that the tax never gives back in full, so that a piece is never above the truth, and below it by little.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

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
    """(B, N, P) for B accounts: smallest and largest holding in weights (first > last where a piece is empty), and its cost.

    Costs are shares of wealth a year, constant + slope × weight. Empty pieces come last.
    """

    first: NDArray[np.float64]
    last: NDArray[np.float64]
    constant: NDArray[np.float64]
    slope: NDArray[np.float64]


@njit(cache=True, nogil=True, inline="always")
def _put(pieces: Pieces, b: int, i: int, p: int, first: float, last: float, constant: float, slope: float) -> int:
    pieces.first[b, i, p], pieces.last[b, i, p] = first, last
    pieces.constant[b, i, p], pieces.slope[b, i, p] = constant, slope
    return p + 1


@njit(cache=True, nogil=True)
def fill(
    pieces: Pieces,
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
    per_year: float,
) -> None:
    """Fill in the pieces of every account and name, those that are not empty first.

    held … upper: (B, N); wealth, tax rates short and long in ppm: (B,)
    odd_price: (B,) what a unit of wealth that the sale of an odd lot brings costs a year, as no purchase may use it
    """
    slabs = len(tariff.rate)
    for b in range(held.shape[0]):
        W = float(wealth[b])
        rate_short, rate_long = short[b] / MILLION, long[b] / MILLION
        for i in range(held.shape[1]):
            have, lot, p = held[b, i], prices.lot[i], 0
            unit = prices.close[i] / W
            now = have * unit
            buy, sell = prices.buy[i], prices.sell[i]
            if lower[b, i] <= have <= upper[b, i]:
                p = _put(pieces, b, i, p, now, now, 0.0, 0.0)
            most = upper[b, i] - have
            if most >= lot:
                for s in range(slabs):
                    least_units = max(int(tariff.edges[s] // buy) + 1, lot, lower[b, i] - have)
                    most_units = most if s == slabs - 1 else min(most, int(tariff.edges[s + 1] // buy))
                    if least_units <= most_units:
                        slope = per_year * tariff.rate[s] * buy / prices.close[i]
                        constant = per_year * tariff.fixed[s] / W - slope * now
                        p = _put(pieces, b, i, p, now + least_units * unit, now + most_units * unit, constant, slope)
            if have > 0 and lower[b, i] < have:
                old = held_long[b, i]
                gain = max(sell - total_cost[b, i] / have, 0.0)
                kept = 1.0 - (max(rate_short, rate_long) if gain > 0.0 else 0.0)
                for age in range(2):
                    tax = (rate_long if age == 0 else rate_short) * gain
                    before = 0.0 if age == 0 else (rate_long - rate_short) * gain * old
                    for s in range(slabs):
                        least_units = max(int(tariff.edges[s] // sell) + 1, 1 if age == 0 else old + 1)
                        most_units = old if age == 0 else have
                        if s < slabs - 1:
                            most_units = min(most_units, int(tariff.edges[s + 1] // sell))
                        if least_units > most_units:
                            continue
                        slope = -per_year * (kept * tariff.rate[s] * sell + tax) / prices.close[i]
                        constant = per_year * (kept * tariff.fixed[s] + before) / W - slope * now
                        if most_units == have and lower[b, i] <= 0:  # the whole holding
                            useless = odd_price[b] * now if have < lot else 0.0
                            p = _put(pieces, b, i, p, 0.0, 0.0, constant + useless, 0.0)
                        least_units = max(least_units, lot, have - upper[b, i])
                        most_units = min(most_units, have - lot, have - lower[b, i])  # what stays is at least a lot
                        if least_units <= most_units:
                            p = _put(
                                pieces, b, i, p, now - most_units * unit, now - least_units * unit, constant, slope
                            )
            if p == 0:  # where no quantity fits, it stays as it is
                p = _put(pieces, b, i, p, now, now, 0.0, 0.0)
            while p < pieces.first.shape[2]:
                p = _put(pieces, b, i, p, 1.0, 0.0, 0.0, 0.0)


def count(slabs: int) -> int:
    """Pieces a name: no trade, a purchase in each slab, a sale in each slab of old and of young units, the whole holding."""
    return 2 + 3 * slabs


@njit(cache=True, nogil=True)
def bound(
    pieces: Pieces,
    prices: Prices,
    loadings: Matrix,
    specific: Vector,
    mean: Vector,
    held: Ints,
    wealth: Ints,
    spendable: Vector,
    invested: Vector,
    aversion: Vector,
    member: Ints,
    sector_cap: Matrix,
    near: Matrix,
    cash_price: Vector,
    invest_price: Vector,
    sector_price: Matrix,
    per_year: float,
    out: Vector,
) -> None:
    """Fill out (B,) with a utility that no plan of legal quantities exceeds which keeps the sector caps, spends at most
    `spendable` (share of wealth) and what it sells but for odd lots, and invests at least `invested`.

    near: (B, N) weights where the tangent of the common risk touches; cash_price, invest_price: (B,), sector_price: (B, S): any
    that are not negative give a bound. member: (N,) sector of a name, -1 for none; sector_cap: (B, S) share of wealth
    """
    n, k = loadings.shape
    factors = np.empty(k)
    for b in range(held.shape[0]):
        a = aversion[b]
        factors[:] = 0.0
        for i in range(n):
            if near[b, i] != 0.0:
                for c in range(k):
                    factors[c] += near[b, i] * loadings[i, c]
        cash, invest = cash_price[b], invest_price[b]
        money = 1.0 + cash / per_year  # of a rupee of cost: what it takes from the year, and from cash
        total = -cash * spendable[b] + invest * invested[b]
        for c in range(k):
            total -= a * factors[c] * factors[c] / 2
        for j in range(sector_cap.shape[1]):
            total -= sector_price[b, j] * sector_cap[b, j]
        for i in range(n):
            gradient = -mean[i] - invest
            for c in range(k):
                gradient += a * loadings[i, c] * factors[c]
            if member[i] >= 0:
                gradient += sector_price[b, member[i]]
            curvature = a * specific[i]
            now = held[b, i] * (prices.close[i] / wealth[b])
            odd = held[b, i] < prices.lot[i]
            best = np.inf
            for p in range(pieces.first.shape[2]):
                low, high = pieces.first[b, i, p], pieces.last[b, i, p]
                if low > high:
                    break
                spent = 0.0 if low == now else (prices.buy[i] if low > now else prices.sell[i]) / prices.close[i]
                slope = gradient + money * pieces.slope[b, i, p] + cash * spent
                x = min(max(-slope / curvature, low), high)
                value = (curvature / 2 * x + slope) * x + money * pieces.constant[b, i, p] - cash * spent * now
                if odd and high < now:  # an odd lot is sold: x is 0, and no purchase counts on its cash
                    value = pieces.constant[b, i, p]
                best = min(best, value)
            total += best
        out[b] = -total
