"""Limits that today's holdings already break, and the sales that repair them, cheapest first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...ingest.universe import TRADED
from ...market.money import rupees
from ...market.orders import Sale, sale
from ..bounds import bounds
from ..problem import Problem

Ints = NDArray[np.int64]
Worth = Callable[[int, int], int]  # paisa of an excess that selling so many units of a name (index) removes


@dataclass(frozen=True)
class RepairSale:
    """One sale. units: of one order; removes: paisa of the excess; charges, tax: paisa.

    A name that an earlier repair sells as well stays one order: all but `units` is then what this repair adds.
    """

    symbol: str
    units: int
    removes: int
    charges: int
    tax: int

    @property
    def cost_per_rupee(self) -> float:
        """Charges and tax for each rupee of the excess that goes."""
        return (self.charges + self.tax) / self.removes


@dataclass(frozen=True)
class Breach:
    """A limit that the holdings break. Paisa; shares of wealth at the last close.

    limit: max_weight, max_sector or cash_floor; where: the name or sector, or "cash"; now, allowed: shares of wealth
    excess: above the cap, or below the floor; removed_before: by the sales of breaches listed earlier
    sales: that remove the rest, cheapest first; left: what no sale of today removes, and why
    """

    limit: str
    where: str
    now: float
    allowed: float
    excess: int
    removed_before: int
    sales: tuple[RepairSale, ...]
    left: int
    why: str

    @property
    def words(self) -> str:
        side = "below" if self.limit == "cash_floor" else "above"
        said = [
            f"{self.where} is {self.now:.1%} of wealth, {side} {self.limit} of {self.allowed:.1%} by NPR {rupees(self.excess)}"
        ]
        if self.removed_before:
            said.append(f"sales named before take NPR {rupees(self.removed_before)} of that")
        if self.sales:
            listed = ", then ".join(_in_words(each) for each in self.sales[:LISTED])
            more = len(self.sales) - LISTED
            listed += f" and {more} more name{'s' if more > 1 else ''}" if more > 0 else ""
            costs = sum(each.charges + each.tax for each in self.sales)
            all_of_it = "repairs it" if not self.left else "repairs part of it"
            said.append(f"selling {listed} {all_of_it} for NPR {rupees(costs)}")
        if self.left:
            said.append(f"NPR {rupees(self.left)} of it stays today: {self.why}")
        return "; ".join(said)


LISTED = 5  # sales in words; the data hold all


def _in_words(each: RepairSale) -> str:
    return (
        f"{each.units:,} {each.symbol} (charges NPR {rupees(each.charges)}, tax NPR {rupees(each.tax)}: "
        f"{each.cost_per_rupee * 100:.2f} paisa a rupee removed)"
    )


def breaches(problem: Problem) -> tuple[Breach, ...]:
    """Every limit that today's holdings break, names first, then sectors, then cash, each with its cheapest repair.

    Sales are legal orders of today at their limit prices: of a board lot or more, no remainder below one, within the day's
    turnover. Caps are of the wealth before the sales.
    """
    search = _Repairs(problem)
    day, limits, wealth = problem.day, problem.limits, problem.wealth
    value = problem.held * day.close

    def removed(i: int, units: int) -> int:
        return units * int(day.close[i])

    def raised(i: int, units: int) -> int:
        return int(search.sale(i, units).net_cash) if units else 0

    caps, sectors = limits.name_caps(day.symbols.tolist()), day.sectors
    for i in np.flatnonzero(value > caps * wealth):
        search.repair("max_weight", str(day.symbols[i]), int(value[i]), float(caps[i]), [int(i)], removed)
    for k, cap in enumerate(limits.caps_of_sectors(sectors.names)):
        inside = np.flatnonzero(sectors.member == k)
        if (total := int(value[inside].sum())) > cap * wealth:
            search.repair("max_sector", sectors.names[k], total, float(cap), inside.tolist(), removed)
    if problem.cash < problem.floor:
        search.repair("cash_floor", "cash", problem.cash, limits.cash_floor, range(len(value)), raised)
    return tuple(search.found)


class _Repairs:
    """The sales chosen so far, and the breaches they repair."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        held, lot = problem.held, problem.day.lot
        self.most = np.where(held >= lot, held - bounds(problem, problem.wealth).lower, 0)  # an odd lot may not fill
        self.sold: Ints = np.zeros(len(held), dtype=np.int64)
        self.costs: dict[tuple[int, int], tuple[int, int]] = {(int(i), 0): (0, 0) for i in range(len(held))}
        self.found: list[Breach] = []

    def sale(self, i: int, units: int) -> Sale:
        p = self.problem
        return sale(
            p.rules,
            p.account.investor,
            TRADED,
            units,
            int(p.day.sell_limit[i]),
            held=int(p.held[i]),
            held_long=int(p.held_long[i]),
            total_cost=int(p.total_cost[i]),
        )

    def cost(self, i: int, units: int) -> tuple[int, int]:
        """Charges and tax of one order."""
        if (i, units) not in self.costs:
            got = self.sale(i, units)
            self.costs[i, units] = int(got.charges.total), int(got.tax)
        return self.costs[i, units]

    def repair(self, limit: str, where: str, now: int, allowed: float, names: Sequence[int], worth: Worth) -> None:
        """Adds the breach, and its sales to those chosen."""
        p = self.problem
        excess = p.floor - now if limit == "cash_floor" else now - int(allowed * p.wealth)
        before = min(sum(worth(i, int(self.sold[i])) for i in names), excess)
        start = self.sold
        step_by_step = self._greedy(excess - before, names, worth)
        one_name = [self._greedy(excess - before, [i], worth) for i in names]
        enough = [sold for sold in (step_by_step, *one_name) if self._gone(sold, names, worth) >= excess]
        self.sold = min(enough, key=lambda sold: self._costs(sold, names)) if enough else step_by_step
        sales = [self._repair_sale(i, int(start[i]), excess - before, worth) for i in names if self.sold[i] > start[i]]
        left = max(excess - self._gone(self.sold, names, worth), 0)
        self.found.append(
            Breach(
                limit=limit,
                where=where,
                now=now / p.wealth,
                allowed=allowed,
                excess=excess,
                removed_before=before,
                sales=tuple(sorted(sales, key=lambda each: (each.cost_per_rupee, each.symbol))),
                left=left,
                why=self._why(names) if left else "",
            )
        )

    def _gone(self, sold: Ints, names: Sequence[int], worth: Worth) -> int:
        return sum(worth(i, int(sold[i])) for i in names)

    def _costs(self, sold: Ints, names: Sequence[int]) -> int:
        return sum(sum(self.cost(i, int(sold[i]))) for i in names)

    def _greedy(self, rest: int, names: Sequence[int], worth: Worth) -> Ints:
        """Units sold when each step is the one that costs least for a rupee of the rest, until nothing is left or can be sold."""
        sold = self.sold.copy()
        while rest > 0:
            steps = [(i, units) for i in names for units in self._sizes(i, int(sold[i]), rest, worth)]
            if not steps:
                break
            i, units = min(steps, key=lambda step: self._rate(step[0], int(sold[step[0]]), step[1], rest, worth))
            rest -= worth(i, units) - worth(i, int(sold[i]))
            sold[i] = units
        return sold

    def _rate(self, i: int, before: int, units: int, rest: int, worth: Worth) -> float:
        removed = min(worth(i, units) - worth(i, before), rest)
        return (sum(self.cost(i, units)) - sum(self.cost(i, before))) / removed

    def _sizes(self, i: int, before: int, rest: int, worth: Worth) -> list[int]:
        """Legal orders worth trying: what is needed, the units old enough for the lower tax, a little more at a lower rate."""
        most, done = int(self.most[i]), worth(i, before)
        low, high = before, most
        while low < high:  # the fewest units that remove the rest, or all
            middle = (low + high) // 2
            low, high = (low, middle) if worth(i, middle) - done >= rest else (middle + 1, high)
        needed = (low, min(int(self.problem.held_long[i]), low))
        beyond = (
            up_to // int(self.problem.day.sell_limit[i]) + 1 for up_to in self.problem.rules.commission[TRADED].up_to
        )
        sizes = {self._legal(i, units) for units in (*needed, *(units for units in beyond if low < units <= most))}
        return [units for units in sizes if units > before and worth(i, units) > done]

    def _legal(self, i: int, units: int) -> int:
        """The smallest legal order of at least so many units, or the largest there is; 0 if there is none."""
        held, lot, most = int(self.problem.held[i]), int(self.problem.day.lot[i]), int(self.most[i])
        units = min(max(units, lot), most)
        if 0 < held - units < lot:
            units = held if most >= held else held - lot
        return units if lot <= units <= most else 0

    def _repair_sale(self, i: int, before: int, rest: int, worth: Worth) -> RepairSale:
        units = int(self.sold[i])
        charges, tax = (after - first for after, first in zip(self.cost(i, units), self.cost(i, before), strict=True))
        removes = min(worth(i, units) - worth(i, before), rest)
        return RepairSale(str(self.problem.day.symbols[i]), units, removes, charges, tax)

    def _why(self, names: Sequence[int]) -> str:
        """Why no more of the names can be sold today."""
        day, held = self.problem.day, self.problem.held
        reasons = []
        for i in names:
            if not held[i] or self.sold[i] == held[i]:
                continue
            if not day.can_sell[i]:
                reasons.append(f"{day.symbols[i]}: {day.why_not[i] or 'cannot be sold'}")
            elif held[i] < day.lot[i]:
                reasons.append(f"{day.symbols[i]}: an odd lot, whose book is thin")
            else:
                reasons.append(f"{day.symbols[i]}: to sell more would exceed its share of a day's turnover")
        return ", ".join(reasons) or "nothing more can be sold"
