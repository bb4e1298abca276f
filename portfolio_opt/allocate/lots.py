"""From weights to whole shares: local search over legal quantities, scored with exact charges and tax.

A move changes one name, or two at once (one down, one up), to another legal quantity. Every score is the problem's own
utility with the money of `market/orders.py`; shortage of cash and excess over a sector cap are priced out of reach, and cash
left idle beyond the floor is charged what the convex answer says investing it is worth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ingest.universe import TRADED
from ..market.orders import purchase, sale
from .bounds import Bounds
from .problem import Problem

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

SHORTAGE_PRICE = 1000.0  # utility per unit of wealth: no gain outweighs a rupee that is not there
EXCESS_PRICE = 100.0
BROKEN_PRICE = 10.0  # utility: missing cash or a cap by one paisa is missing it
HALF_A_PAISA = 0.5  # sector values are whole paisa, but for the rounding of floats
SMALLEST_GAIN = 1e-9  # utility a year; below it a move is noise
STEPS = (0.0005, 0.002, 0.005, 0.01, 0.02, 0.05)  # sizes of tried changes, as shares of wealth
EACH = 3  # how many moves of one name take part in pairs
PAIRED = 60  # how many of the best moves down and up are tried together
MOST_MOVES = 2000


@dataclass(frozen=True)
class Money:
    """What holding `units` instead of what is held today costs and pays, arrays of one shape. Paisa.

    cash: what the trades bring or take; odd: the part of it from odd lots, whose book is thin, that no purchase may count on
    cost: charges and tax
    """

    cash: Ints
    odd: Ints
    cost: Ints


def money(problem: Problem, names: Ints, units: Ints) -> Money:
    """Exact money of moving the given names (indices) from today's units to `units`, each its own order at its limit price."""
    day = problem.day
    bought = np.clip(units - problem.held[names], 0, None)
    sold = np.clip(problem.held[names] - units, 0, None)
    amount, paid = purchase(problem.rules, TRADED, bought, day.buy_limit[names])
    got = sale(
        problem.rules,
        problem.account.investor,
        TRADED,
        sold,
        day.sell_limit[names],
        held=problem.held[names],
        held_long=problem.held_long[names],
        total_cost=problem.total_cost[names],
    )
    received = np.where(sold > 0, got.net_cash, 0)
    odd = np.where(sold < day.lot[names], np.maximum(received, 0), 0)
    return Money(received - amount - paid.total, odd, paid.total + np.where(sold > 0, got.charges.total + got.tax, 0))


def legal(problem: Problem, limits: Bounds, names: Ints, units: Ints) -> Ints:
    """The nearest quantity one may reach: orders of at least a board lot, no remainder below it, inside the bounds.

    A holding above its upper bound is sold by at least a lot; where no quantity fits, it stays as it is.
    """
    held, lot = problem.held[names], problem.day.lot[names]
    low, high = limits.lower[names], limits.upper[names]
    units = np.clip(units, low, high)
    bought, sold = units - held, held - units
    units = np.where((bought > 0) & (bought < lot), np.where(2 * bought >= lot, held + lot, held), units)
    units = np.where(
        (sold > 0) & (sold < lot),
        np.where((2 * sold >= np.minimum(lot, held)) | (held > high), held - lot, held),
        units,
    )
    remainder = (units < held) & (units < lot)
    units = np.where(remainder, np.where((2 * units < lot) | (held < 2 * lot) | (lot > high), 0, lot), units)
    fits = (units >= low) & (units <= high) & ((units >= held) | (held - units >= np.minimum(lot, held)))
    return np.asarray(np.where(fits, units, held))


class Search:
    """Local search from one starting point; `units` is the best found so far."""

    def __init__(self, problem: Problem, limits: Bounds, idle_price: float, start: Ints) -> None:
        self.problem, self.limits, self.idle_price = problem, limits, idle_price
        self.everyone = np.arange(len(problem.held))
        self.units = legal(problem, limits, self.everyone, start)
        self.moves = 0

    def score(self, units: Ints) -> float:
        """Utility a year, less the price of idle cash, missing cash and sector excess."""
        p = self.problem
        w = units * self.problem.unit
        trade = money(p, self.everyone, units)
        utility = (
            p.beliefs.mean @ w
            - w @ self.problem.priced_covariance @ w / 2
            - trade.cost.sum() / p.wealth / p.holding_period
        )
        return float(
            utility
            - self._penalty(
                float(p.cash + trade.cash.sum() - p.floor),
                float(trade.odd.sum()),
                self._excess(self._sector_values(units)),
            )
        )

    def run(self) -> "Search":
        """Improve until no single move and no pair does."""
        for self.moves in range(MOST_MOVES):
            if not self._improve():
                break
        return self

    def _sector_values(self, units: Ints) -> Vector:
        worth = (units * self.problem.day.close).astype(float)
        inside = self.limits.member >= 0
        totals = np.bincount(self.limits.member[inside], worth[inside], minlength=len(self.limits.sectors))
        return totals.astype(float)

    def _excess(self, sector_values: Vector) -> Vector:
        return np.asarray(np.clip(sector_values - self.limits.sector_cap, 0, None).sum(-1))

    def _penalty(self, idle: Vector | float, odd: Vector | float, excess: Vector) -> Vector:
        """idle: paisa of cash beyond the floor; odd: how much of it may never come; excess: paisa above sector caps."""
        shortage = np.clip(np.subtract(odd, idle), 0, None)
        short, above = shortage > 0, np.asarray(excess) > HALF_A_PAISA
        by_size = (
            self.idle_price * np.asarray(idle) + SHORTAGE_PRICE * shortage + EXCESS_PRICE * excess
        ) / self.problem.wealth
        return np.asarray(by_size + BROKEN_PRICE * (short * 1.0 + above))

    def _improve(self) -> bool:
        p = self.problem
        names, units = self._candidates()
        if not len(names):
            return False
        now = money(p, self.everyone, self.units)
        idle, odd = float(p.cash + now.cash.sum() - p.floor), float(now.odd.sum())
        then = money(p, names, units)
        change = (units - self.units[names]) * self.problem.unit[names]
        w = self.units * self.problem.unit
        slope = p.beliefs.mean - self.problem.priced_covariance @ w
        own = change * slope[names] - change**2 * self.problem.priced_covariance[names, names] / 2
        own -= (then.cost - now.cost[names]) / p.wealth / p.holding_period
        cash = (then.cash - now.cash[names]).astype(float)
        odd_cash = (then.odd - now.odd[names]).astype(float)
        values = self._sector_values(self.units)
        worth = change * p.wealth
        base = self._penalty(idle, odd, self._excess(values))
        gain = own - (self._penalty(idle + cash, odd + odd_cash, self._excess_after(values, names, worth)) - base)
        best = int(np.argmax(gain))
        pair = self._best_pair(names, change, own, idle + cash, odd + odd_cash, worth, idle, odd, values, base)
        if pair is not None and pair[0] > max(gain[best], SMALLEST_GAIN):
            self.units = self.units.copy()
            for k in pair[1:]:
                self.units[names[k]] = units[k]
            return True
        if gain[best] <= SMALLEST_GAIN:
            return False
        self.units = self.units.copy()
        self.units[names[best]] = units[best]
        return True

    def _excess_after(self, values: Vector, names: Ints, worth: Vector) -> Vector:
        """Total sector excess after one name's value changes by `worth`."""
        member = self.limits.member[names]
        total = float(np.clip(values - self.limits.sector_cap, 0, None).sum())
        inside = member >= 0
        at = np.where(inside, member, 0)
        if not len(values):
            return np.zeros(len(names))
        before = np.clip(values[at] - self.limits.sector_cap[at], 0, None)
        after = np.clip(values[at] + worth - self.limits.sector_cap[at], 0, None)
        return np.asarray(total + np.where(inside, after - before, 0.0))

    def _best_pair(
        self,
        names: Ints,
        change: Vector,
        own: Vector,
        idle_after: Vector,
        odd_after: Vector,
        worth: Vector,
        idle: float,
        odd: float,
        values: Vector,
        base: Vector,
    ) -> tuple[float, int, int] | None:
        """The best move down together with a move up: its gain and the two candidates, if any."""
        priced = own - self.idle_price * (idle_after - idle) / self.problem.wealth
        down, up = (_best_of_each(np.flatnonzero(side), names, priced) for side in (change < 0, change > 0))
        if not len(down) or not len(up):
            return None
        d, u = (grid.ravel() for grid in np.meshgrid(down, up, indexing="ij"))
        apart = names[d] != names[u]
        d, u = d[apart], u[apart]
        if not len(d):
            return None
        crossed = change[d] * change[u] * self.problem.priced_covariance[names[d], names[u]]
        member = self.limits.member
        same = (member[names[d]] == member[names[u]]) & (member[names[d]] >= 0)
        total = float(np.clip(values - self.limits.sector_cap, 0, None).sum())
        apart_excess = (
            self._excess_after(values, names[d], worth[d]) + self._excess_after(values, names[u], worth[u]) - total
        )
        joint_excess = self._excess_after(values, names[d], worth[d] + worth[u])
        excess = np.where(same, joint_excess, apart_excess)
        idle_both, odd_both = idle_after[d] + idle_after[u] - idle, odd_after[d] + odd_after[u] - odd
        gain = own[d] + own[u] - crossed - (self._penalty(idle_both, odd_both, excess) - base)
        best = int(np.argmax(gain))
        return float(gain[best]), int(d[best]), int(u[best])

    def _candidates(self) -> tuple[Ints, Ints]:
        """Names (indices) and the legal quantities tried for them, other than the present one."""
        p = self.problem
        n = len(self.units)
        steps = [np.maximum((share / self.problem.unit).astype(np.int64), 1) for share in STEPS]
        steps += [np.ones(n, dtype=np.int64), p.day.lot]
        targets = [self.units + sign * step for step in steps for sign in (1, -1)]
        targets += [p.held, np.zeros(n, dtype=np.int64), self.limits.lower, self.limits.upper]
        names = np.tile(self.everyone, len(targets))
        units = legal(p, self.limits, names, np.concatenate(targets))
        keep = (units != self.units[names]) & (units >= self.limits.lower[names]) & (units <= self.limits.upper[names])
        key = np.unique(names[keep] * (int(units.max(initial=0)) + 1) + units[keep])
        return key // (int(units.max(initial=0)) + 1), key % (int(units.max(initial=0)) + 1)


def _best_of_each(candidates: Ints, names: Ints, value: Vector) -> Ints:
    """The PAIRED best candidates, no more than EACH of one name."""
    ranked = candidates[np.lexsort((-value[candidates], names[candidates]))]
    starts = np.flatnonzero(np.diff(names[ranked], prepend=-1))
    place = np.arange(len(ranked)) - np.repeat(starts, np.diff(np.append(starts, len(ranked))))
    few = ranked[place < EACH]
    return few[np.argsort(-value[few], kind="stable")[:PAIRED]]


def whole_shares(
    problem: Problem, limits: Bounds, target: Vector, invest_price: float, rng: np.random.Generator
) -> Ints:
    """(N,) units to hold: the best whole-share answer found from the convex target and from today's holdings.

    target: (N,) weights of the convex answer; invest_price: its price of one more unit invested, per year
    Both starts are improved, then kicked: a few names are put elsewhere and the search runs again, because flat charges and lots
    leave many places that no single move improves. Leaving everything as it is wins unless a plan gains WORTH_TYPING.
    """
    idle_price = abs(invest_price) + IDLE_PREMIUM
    near = np.rint(target * problem.wealth / problem.day.close).astype(np.int64)
    starts = [Search(problem, limits, idle_price, start).run() for start in (problem.held, near)]
    best = max(starts, key=lambda search: search.score(search.units))
    score = best.score(best.units)
    quiet = 0
    while quiet < QUIET_KICKS:
        kicked = Search(problem, limits, idle_price, _kicked(problem, best.units, near, rng)).run()
        gained = kicked.score(kicked.units) - score
        quiet = 0 if gained > SMALL_GAIN else quiet + 1
        if gained > SMALLEST_GAIN:
            best, score = kicked, score + gained
    unchanged = legal(problem, limits, best.everyone, problem.held)
    return unchanged if best.score(unchanged) > score - WORTH_TYPING else best.units


QUIET_KICKS = 60  # kicks in a row without a gain of SMALL_GAIN end the search
SMALL_GAIN = 1e-6
WORTH_TYPING = 1e-4  # utility a year, 1 bp of wealth: less is not worth an order list
IDLE_PREMIUM = 0.05  # a year: what leaving cash idle beyond the floor costs on top, as everything is to be invested


def _kicked(problem: Problem, units: Ints, near: Ints, rng: np.random.Generator) -> Ints:
    """The units with one to four names put back, sold out, or moved around the convex answer."""
    likely = np.flatnonzero((units > 0) | (near > 0) | (rng.random(len(units)) < 0.05))
    moved = units.copy()
    for i in rng.choice(likely, min(int(rng.integers(1, 5)), len(likely)), replace=False):
        moved[i] = rng.choice([problem.held[i], 0, int(near[i] * rng.uniform(0.5, 1.5))])
    return moved
