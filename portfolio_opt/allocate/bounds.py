"""Limits as bounds on whole shares and on sectors: what can be reached today, and what is only reported."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NoSolution
from .problem import Problem

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Bounds:
    """Reachable holdings of an account today.

    lower, upper: (N,) units; cap: (N,) units that max_weight alone allows
    sectors: names, in order; member: (N,) index of a name's sector, -1 where it is unknown; sector_cap: (S,) paisa
    notes: limits that today's holdings or the market's depth keep from being met, in words
    """

    lower: Ints
    upper: Ints
    cap: Ints
    sectors: tuple[str, ...]
    member: Ints
    sector_cap: Vector
    notes: tuple[str, ...]

    def admit(self, units: Ints, close: Ints) -> bool:
        """Whether holdings of `units` keep every upper bound and, at these closes, every sector cap."""
        worth = units * close
        in_sectors = np.array([worth[self.member == k].sum() for k in range(len(self.sectors))])
        return bool((units <= self.upper).all() and (in_sectors <= self.sector_cap).all())


def bounds(problem: Problem, wealth: int) -> Bounds:
    """Bounds that hold the caps relative to `wealth` (paisa, after costs).

    What is within its cap before the trades is never sold because their costs shrink the wealth a little; what is bought stays
    within the cap after costs. A holding above a cap that cannot be sold far enough today (halted, thin, not an equity) keeps
    what cannot be sold, and the notes say so: that is no infeasibility.
    """
    day, held, limits = problem.day, problem.held, problem.limits
    tradable_today = (limits.max_participation * day.turnover).astype(np.int64)
    most_bought = np.where(day.can_buy, tradable_today // day.buy_limit, 0)
    most_sold = np.where(day.can_sell, np.minimum(held, tradable_today // day.sell_limit), 0)
    most_sold = np.where(most_sold < held, np.minimum(most_sold, held - day.lot), held)  # what stays is at least a lot
    most_sold = np.where(most_sold >= np.minimum(day.lot, held), most_sold, 0)
    cap = np.floor(limits.max_weight * wealth / day.close).astype(np.int64)
    least = held - most_sold
    keep = np.where(held * day.close <= limits.max_weight * problem.wealth, held, 0)
    stays = np.where(held < day.lot, held, least)  # nothing forces the sale of an odd lot
    upper = np.maximum(np.maximum(np.minimum(cap, held + most_bought), keep), stays)
    stuck = stays > cap
    notes = [
        f"{day.symbols[i]} stays above the cap of {limits.max_weight:.1%}, at {stays[i] * day.close[i] / wealth:.1%} or more: "
        + _why_stuck(problem, int(i))
        for i in np.flatnonzero(stuck)
    ]
    sectors = tuple(sorted(set(day.sector.tolist()) - {""}))
    member = np.array([sectors.index(s) if s else -1 for s in day.sector.tolist()], dtype=np.int64)

    def of_sectors(units: Ints) -> Vector:
        return np.array([(units * day.close)[member == k].sum() for k in range(len(sectors))], dtype=float)

    locked = of_sectors(stays)
    caps = np.floor(limits.max_sector * wealth)
    notes += [
        f"{sectors[k]} stays above the sector cap of {limits.max_sector:.1%}: what is held beyond it cannot be sold today"
        for k in np.flatnonzero(locked > caps)
    ]
    now = of_sectors(held)
    kept = np.where(now <= limits.max_sector * problem.wealth, now, 0.0)
    return Bounds(least, upper, cap, sectors, member, np.maximum(np.maximum(locked, kept), caps), tuple(notes))


def _why_stuck(problem: Problem, i: int) -> str:
    if not problem.day.can_sell[i]:
        return problem.day.why_not[i]
    if problem.held[i] < problem.day.lot[i]:
        return "an odd lot, whose book is thin, so nothing forces its sale"
    return "to sell more today would exceed its share of a day's turnover"


def require_room(problem: Problem) -> None:
    """Raises NoSolution when the caps, whatever the market's depth, leave more uninvested than the cash floor asks for.

    The message names the limits in conflict and, for each alone, the smallest change that makes room.
    """
    limits = problem.limits
    needed = 1 - limits.cash_floor - _fixed_share(problem)
    names = int((problem.day.can_buy | problem.day.can_sell).sum())
    if names == 0 and problem.cash > problem.floor and not problem.held.any():
        raise NoSolution("no name can be bought today: check that the prices hold shares that trade")
    room = _room(problem, limits.max_weight, limits.max_sector)
    if room >= needed - ROUNDING:
        return
    ways = []
    if (cap := _smallest(lambda c: _room(problem, c, limits.max_sector), limits.max_weight, needed)) is not None:
        ways.append(f"raise max_weight from {limits.max_weight:.1%} to {cap:.1%}")
    if (cap := _smallest(lambda c: _room(problem, limits.max_weight, c), limits.max_sector, needed)) is not None:
        ways.append(f"raise max_sector from {limits.max_sector:.1%} to {cap:.1%}")
    ways.append(f"hold cash with cash_floor = {np.ceil((1 - _fixed_share(problem) - room) * 1000) / 1000:.3f}")
    raise NoSolution(
        f"no portfolio satisfies all limits: {names} names that can be traded, at most {limits.max_weight:.1%} in each and "
        f"{limits.max_sector:.1%} in a sector, leave {needed - room:.1%} uninvested; {', or '.join(ways)}"
    )


ROUNDING = 1e-9


def _fixed_share(problem: Problem) -> float:
    """Share of wealth in holdings that can be neither bought nor sold."""
    day = problem.day
    still = ~day.can_buy & ~day.can_sell
    return (int((problem.held * day.close)[still].sum()) + problem.outside_value) / problem.wealth


def _room(problem: Problem, max_weight: float, max_sector: float) -> float:
    """Largest share of wealth that fits under the caps in names that can be traded."""
    day = problem.day
    weight = problem.held * problem.unit
    most = np.where(day.can_buy, max_weight, np.where(day.can_sell, np.minimum(weight, max_weight), 0.0))
    most = np.where(problem.held < day.lot, np.maximum(most, weight), most)  # an odd lot may stay
    fixed = np.where(day.can_buy | day.can_sell, 0.0, weight)
    room = float(most[day.sector == ""].sum())
    for sector in sorted(set(day.sector.tolist()) - {""}):
        inside = day.sector == sector
        room += min(max(max_sector - float(fixed[inside].sum()), 0.0), float(most[inside].sum()))
    return room


def _smallest(room: Callable[[float], float], start: float, needed: float) -> float | None:
    """The smallest cap, to a tenth of a percent upwards, that makes enough room; None if even 100% does not."""
    if room(1.0) < needed - ROUNDING:
        return None
    low, high = start, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if room(middle) >= needed - ROUNDING else (middle, high)
    return float(np.ceil(high * 1000 - 1e-6) / 1000)
