"""Units that come and go: who is left first in, first out, and what the rest cost on average."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ...market.calendar import Calendar
from ...market.tax import cost_removed
from .wacc import Cost


@dataclass(frozen=True)
class Movement:
    """Units of one symbol that came (positive) or went (negative).

    day: counts for their age: the trade date where a file tells it, else the day of the credit
    booked: when they entered or left the account; cost: paisa paid for them, buy charges included, where the file tells
    """

    day: date
    units: int
    booked: date
    cost: int = 0
    kind: Literal["trade", "bonus", "other"] = "other"


Movements = Mapping[str, Sequence[Movement]]


class Settlement:
    """Days on which trades reach the account, by the rules of the trade date; before these begin, the trade date itself."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self._known: dict[date, date] = {}

    def of(self, traded: date) -> date:
        """The day on which a trade settles."""
        if traded < self.calendar.book.begins:
            return traded
        if traded not in self._known:
            sessions = int(self.calendar.book.row("settlement", traded)["sessions"])
            self._known[traded] = self.calendar.add_sessions(traded, sessions)
        return self._known[traded]


def in_order(movements: Iterable[Movement]) -> list[Movement]:
    """By the day of booking, a day's credits before its debits; the order in which they were given does not matter."""
    return sorted(movements, key=lambda m: (m.booked, m.units < 0, m.day, m.units, m.cost))


def remaining(movements: Iterable[Movement], balance: int) -> tuple[list[Movement], int]:
    """What is left first in, first out, cut to the balance; and the units of the balance that no movement explains.

    More units left than held: the oldest are dropped, as sales take them first, and the number is negative.
    """
    left: list[Movement] = []
    for movement in in_order(movements):
        if movement.units > 0:
            left.append(movement)
        else:
            left = _without_oldest(left, -movement.units)
    surplus = sum(m.units for m in left) - balance
    return _without_oldest(left, max(surplus, 0)), -surplus


def _without_oldest(lots: list[Movement], gone: int) -> list[Movement]:
    kept = []
    for lot in sorted(lots, key=lambda m: m.day):
        taken = min(lot.units, gone)
        gone -= taken
        if lot.units > taken:
            kept.append(
                Movement(lot.day, lot.units - taken, lot.booked, lot.cost - cost_removed(lot.cost, lot.units, taken))
            )
    return kept


@dataclass(frozen=True)
class Average:
    """Purchases and sales of one symbol, at average cost.

    left: units and cost after the last of them; oversold: units sold that no purchase explains
    """

    left: Cost
    oversold: int


def average_cost(movements: Iterable[Movement]) -> Average:
    """Each purchase adds its cost, each sale removes the average of what is there."""
    units = cost = oversold = 0
    for movement in in_order(movements):
        if movement.units > 0:
            units, cost = units + movement.units, cost + movement.cost
        else:
            gone = min(-movement.units, units)
            oversold += -movement.units - gone
            units, cost = units - gone, cost - int(cost_removed(cost, units, gone))
    return Average(Cost(units, cost), oversold)
