"""Limits as bounds on whole shares and on sectors: what can be reached today, and what is only reported."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .book import Reach, book_of, reach, terms_of
from .problem import Problem

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Bounds:
    """Reachable holdings of an account today.

    lower, upper: (N,) units; cap: (N,) units that its weight alone allows
    sectors: names, in order; member: (N,) index of a name's sector, -1 where it is unknown; sector_cap: (S,) paisa
    notes: limits that today's holdings or the market's depth keep from being met, in words; reach: the same as a book of one
    """

    lower: Ints
    upper: Ints
    cap: Ints
    sectors: tuple[str, ...]
    member: Ints
    sector_cap: Vector
    notes: tuple[str, ...]
    reach: Reach


def bounds(problem: Problem, wealth: int) -> Bounds:
    """The account's reach with caps relative to `wealth` (paisa, after costs), and in words what keeps a cap from being met."""
    day, limits = problem.day, problem.limits
    reached = reach(terms_of(problem), book_of(problem), np.array([wealth]))
    sectors = day.sectors
    most, most_inside = limits.name_caps(day.symbols.tolist()), limits.caps_of_sectors(sectors.names)
    stays, cap, sector_cap = reached.stays[0], reached.cap[0], reached.sector_cap[0]
    notes = [
        f"{day.symbols[i]} stays above the cap of {most[i]:.1%}, at {stays[i] * day.close[i] / wealth:.1%} or more: "
        + _why_stuck(problem, int(i))
        for i in np.flatnonzero(stays > cap)
    ]
    notes += [
        f"{sectors.names[k]} stays above the sector cap of {most_inside[k]:.1%}: what is held beyond it cannot be sold today"
        for k in np.flatnonzero((stays * day.close) @ sectors.inside.T > np.floor(most_inside * wealth))
    ]
    return Bounds(
        reached.lower[0], reached.upper[0], cap, sectors.names, sectors.member, sector_cap, tuple(notes), reached
    )


def _why_stuck(problem: Problem, i: int) -> str:
    if not problem.day.can_sell[i]:
        return problem.day.why_not[i]
    if problem.limits.locked.get(str(problem.day.symbols[i])):
        return "the mandate keeps some of it from being sold"
    if problem.held[i] < problem.day.lot[i]:
        return "an odd lot, whose book is thin, so nothing forces its sale"
    return "to sell more today would exceed its share of a day's turnover"
