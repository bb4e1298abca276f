"""Accounts as arrays, one row each, and the holdings each can reach today: one decision, or a broker's hundred thousand."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..forecast.beliefs import Beliefs
from ..market.rules import INVESTORS, DayRules
from .problem import Limits, Problem
from .trading_day import TradingDay

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Terms:
    """What all accounts of a book share. beliefs: about day.symbols, in that order; holding_period: years a trade stays."""

    beliefs: Beliefs
    day: TradingDay
    rules: DayRules
    limits: Limits
    holding_period: float = 1.0


def terms_of(problem: Problem) -> Terms:
    return Terms(problem.beliefs, problem.day, problem.rules, problem.limits, problem.holding_period)


@dataclass(frozen=True)
class Book:
    """What B accounts hold of the day's N symbols. Units and paisa.

    held, held_long, total_cost: (B, N) units, units older than the long-term threshold, paisa paid for the units held
    cash, outside: (B,) paisa; outside is wealth that is never traded; investor: (B,) place in INVESTORS
    risk_aversion: (B,); close: (N,) paisa
    """

    held: Ints
    held_long: Ints
    total_cost: Ints
    cash: Ints
    outside: Ints
    investor: Ints
    risk_aversion: Vector
    close: Ints

    def __len__(self) -> int:
        return len(self.cash)

    @property
    def wealth(self) -> Ints:
        """(B,) paisa of everything."""
        return np.asarray(self.held @ self.close + self.outside + self.cash)

    def tax_rates(self, rules: DayRules) -> tuple[Ints, Ints]:
        """(B,) ppm of the gain on young and on old units."""
        rates = [rules.capital_gains_tax[kind] for kind in INVESTORS]
        short, long = np.array([r.short for r in rates]), np.array([r.long for r in rates])
        return short[self.investor], long[self.investor]

    @property
    def unit(self) -> Matrix:
        """(B, N) share of wealth that one unit is, at the last close."""
        return np.asarray(self.close / self.wealth[:, None])

    def rows(self, chosen: Ints) -> "Book":
        """Some of the accounts."""
        own = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name != "close"}
        return Book(**own, close=self.close)


def book_of(problem: Problem) -> Book:
    """The problem's account as a book of one."""
    return Book(
        held=problem.held[None],
        held_long=problem.held_long[None],
        total_cost=problem.total_cost[None],
        cash=np.array([problem.cash]),
        outside=np.array([problem.outside_value]),
        investor=np.array([INVESTORS.index(problem.account.investor)]),
        risk_aversion=np.array([problem.risk_aversion]),
        close=problem.day.close,
    )


@dataclass(frozen=True)
class Reach:
    """Holdings that can be reached today, (B, N) units: lower, upper, and the cap that its weight alone allows.

    stays: what cannot be, or is not forced to be, sold; sector_cap: (B, S) paisa
    """

    lower: Ints
    upper: Ints
    cap: Ints
    stays: Ints
    sector_cap: Matrix


def reach(terms: Terms, book: Book, wealth: Ints) -> Reach:
    """The reachable holdings, with caps relative to `wealth` ((B,) paisa, after costs).

    What is within its cap before the trades is never sold because their costs shrink the wealth a little; what is bought stays
    within the cap after costs. A holding above a cap that cannot be sold far enough today (halted, thin, not an equity) keeps
    what cannot be sold: that is no infeasibility.
    """
    day, limits = terms.day, terms.limits
    held, now = book.held, book.wealth[:, None]
    tradable_today = (limits.max_participation * day.turnover).astype(np.int64)
    most_bought = np.where(day.can_buy, tradable_today // day.buy_limit, 0)
    locked = np.array([limits.locked.get(symbol, 0) for symbol in day.symbols.tolist()], dtype=np.int64)
    free = np.maximum(held - locked, 0)
    most_sold = np.where(day.can_sell, np.minimum(free, tradable_today // day.sell_limit), 0)
    most_sold = np.where(most_sold < held, np.minimum(most_sold, held - day.lot), held)  # what stays is at least a lot
    most_sold = np.where(most_sold >= np.minimum(day.lot, held), most_sold, 0)
    most = limits.name_caps(day.symbols.tolist())
    cap = np.floor(most * wealth[:, None] / day.close).astype(np.int64)
    lower = held - most_sold
    keep = np.where(held * day.close <= most * now, held, 0)
    stays = np.where(held < day.lot, held, lower)  # nothing forces the sale of an odd lot
    upper = np.maximum(np.maximum(np.minimum(cap, held + most_bought), keep), stays)
    sectors = day.sectors
    most_inside = limits.caps_of_sectors(sectors.names)

    def in_sectors(units: Ints) -> Matrix:
        return np.asarray((units * day.close) @ sectors.inside.T)

    caps = np.floor(most_inside * wealth[:, None])
    before = in_sectors(held)
    kept = np.where(before <= most_inside * now, before, 0.0)
    return Reach(lower, upper, cap, stays, np.maximum(np.maximum(in_sectors(stays), kept), caps))


def floor_of(limits: Limits, wealth: Ints) -> Ints:
    """(B,) paisa of cash that must stay."""
    return np.ceil(limits.cash_floor * wealth).astype(np.int64)
