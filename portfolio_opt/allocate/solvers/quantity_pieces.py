"""What each name can be brought to today, and its exact cost cut into pieces that are straight lines.

The cost of every quantity comes from `market/orders.py`, so no rule of charges or tax is modelled twice: where the minimum
commission ends, a slab begins, units turn young or a loss turns into a gain, the line ends by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...ingest.universe import TRADED
from ...market.orders import purchase, sale
from ..bounds import Bounds
from ..problem import Problem

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

MOST_QUANTITIES = 2_000_000  # over all names
HALF_A_PAISA = 0.5  # sector values are whole paisa


@dataclass(frozen=True)
class Quantities:
    """What one name can be brought to today, rising, (Q,) units, with the exact money of each. Paisa.

    cash: what the order brings or takes; odd: the part of it from an odd lot, that no purchase may count on
    cost: charges and tax; price: of the order
    """

    units: Ints
    cash: Ints
    odd: Ints
    cost: Ints
    price: Ints


def quantities(problem: Problem, limits: Bounds, i: int) -> Quantities:
    """Every legal quantity of name i: orders of at least a board lot, no remainder below it, inside the bounds.

    A whole holding below a lot may be sold. Where no quantity fits, the holding stays as it is.
    """
    day, held, lot = problem.day, int(problem.held[i]), int(problem.day.lot[i])
    u = np.arange(limits.lower[i], limits.upper[i] + 1)
    sold = held - u
    units = u[(sold == 0) | (-sold >= lot) | ((sold >= min(lot, held)) & (sold > 0) & ((u == 0) | (u >= lot)))]
    units = units if len(units) else np.array([held])
    bought, sold = np.clip(units - held, 0, None), np.clip(held - units, 0, None)
    buy, sell = int(day.buy_limit[i]), int(day.sell_limit[i])
    amount, paid = purchase(problem.rules, TRADED, bought, buy)
    investor, long, cost = problem.account.investor, int(problem.held_long[i]), int(problem.total_cost[i])
    got = sale(problem.rules, investor, TRADED, sold, sell, held=held, held_long=long, total_cost=cost)
    received = np.where(sold > 0, got.net_cash, 0)
    return Quantities(
        units=units,
        cash=received - amount - paid.total,
        odd=np.where(sold < lot, np.maximum(received, 0), 0),
        cost=paid.total + np.where(sold > 0, got.charges.total + got.tax, 0),
        price=np.where(bought > 0, buy, sell),
    )


def table_of(problem: Problem, limits: Bounds) -> list[Quantities]:
    """Every legal quantity of every name. Raises InvalidInput where they are more than a table can hold."""
    if (count := int((limits.upper - limits.lower + 1).sum())) > MOST_QUANTITIES:
        raise InvalidInput(
            f"exact whole shares are for small accounts: this one can hold its names in {count:,} quantities, more than "
            f"{MOST_QUANTITIES:,}; use the search instead, or fewer names"
        )
    return [quantities(problem, limits, i) for i in range(len(problem.held))]


@dataclass(frozen=True)
class Paid:
    """The money of a legal plan, in paisa. cost: charges and tax; idle: cash beyond the floor, that of odd lots included."""

    cost: int
    idle: int


def paid_for(problem: Problem, limits: Bounds, table: Sequence[Quantities], units: Ints) -> Paid | None:
    """The exact money of (N,) units; None where a quantity is not legal, cash falls short or a sector exceeds its cap."""
    chosen = [(name, int(np.searchsorted(name.units, u))) for name, u in zip(table, units, strict=True)]
    if any(k == len(name.units) or name.units[k] != u for (name, k), u in zip(chosen, units, strict=True)):
        return None
    cash, odd, cost = (sum(int(getattr(name, kind)[k]) for name, k in chosen) for kind in ("cash", "odd", "cost"))
    idle = problem.cash + cash - problem.floor
    worth = units * problem.day.close
    excess = any(worth[limits.member == k].sum() > cap + HALF_A_PAISA for k, cap in enumerate(limits.sector_cap))
    return None if idle < odd or excess else Paid(cost, idle)


@dataclass(frozen=True)
class Pieces:
    """Ranges of quantities, (P,) each: low … high units of a name, of which one range is chosen.

    cash: paisa in before costs at `low`; price: paisa out per unit more
    cost: charges and tax at `low`; slope: per unit more; error: the line's, paisa; odd: paisa no purchase may count on
    """

    name: Ints
    low: Ints
    high: Ints
    cash: Vector
    price: Vector
    cost: Vector
    slope: Vector
    error: Vector
    odd: Vector


def pieces(problem: Problem, table: Sequence[Quantities], error: float, exact: Ints) -> Pieces:
    """Every quantity of every name, in ranges on which the cost is a line within `error` paisa.

    exact: (M, N) units; each becomes a range of its own, whose money is exact, as is that of no trade
    """
    rows = [
        (i, *row)
        for i, each in enumerate(table)
        for row in _pieces_of(each, error, np.append(exact[:, i], problem.held[i]))
    ]
    name, low, high, *rest = (np.array(column) for column in zip(*rows, strict=True))
    return Pieces(name, low, high, *(column.astype(float) for column in rest))


def _pieces_of(name: Quantities, error: float, exact: Ints) -> list[tuple[float, ...]]:
    alone = np.isin(name.units, exact)
    breaks = np.flatnonzero((np.diff(name.units) > 1) | alone[1:] | alone[:-1]) + 1
    found: list[tuple[float, ...]] = []
    for a, end in pairwise([0, *breaks.tolist(), len(name.units)]):
        while a < end:
            count, slope, left, shift = _line(name.cost[a:end], error)
            cash, cost = float(name.cash[a] + name.cost[a]), float(name.cost[a]) + shift
            last = a + count - 1
            found.append((name.units[a], name.units[last], cash, name.price[a], cost, slope, left, name.odd[a]))
            a += count
    return found


def _line(cost: Ints, error: float) -> tuple[int, float, float, float]:
    """The longest beginning of `cost` that a line follows within `error`: length, slope, error, and its start over cost[0]."""
    if len(cost) == 1:
        return 1, 0.0, 0.0, 0.0
    step = np.arange(1, len(cost))
    rise = (cost[1:] - cost[0]).astype(float)
    least = np.maximum.accumulate((rise - error) / step)
    most = np.minimum.accumulate((rise + error) / step)
    count = 1 + int(np.argmax(np.append(least > most, True)))
    if count == 1:
        return 1, 0.0, 0.0, 0.0
    slope = float(least[count - 2] + most[count - 2]) / 2
    left = cost[:count] - cost[0] - slope * np.arange(count)
    return count, slope, float(np.ptp(left)) / 2, float(left.max() + left.min()) / 2
