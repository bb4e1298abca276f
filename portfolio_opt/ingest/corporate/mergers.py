"""Mergers that the user states: whose units became whose, at which ratio, and what that makes of a holding."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import numpy as np

from ...market.account import Account, Lot
from ..csv_table import Row
from ..fields import day, number, symbol
from ..findings import Finding
from ..quotes import EPOCH, Quotes
from .actions import Action

HIGHEST_RATIO = 20  # units of the successor for one


def mergers_of(rows: Iterable[Row], quotes: Quotes) -> list[Action]:
    """The merger actions of rows of the table of mergers, one per symbol; a successor may itself merge later.

    An action's ex_date is the first day on which a unit counts as the successor's: first_day, else the day after last_day.
    quotes: the prices, sorted by symbol and day
    Raises InvalidInput for a row that cannot be one, a symbol that stands twice, a circle, and a trade after last_day.
    """
    found: dict[str, Action] = {}
    last_trades = _last_trades(quotes)
    for row in rows:
        action, last_day = _merger(row)
        if action.symbol in found:
            row.refuse(f"{action.symbol} stands twice; keep one row")
        traded = last_trades.get(action.symbol, last_day)
        if traded > last_day:
            row.refuse(f"{action.symbol} traded on {traded}, after last_day {last_day}; correct it")
        found[action.symbol] = action
        _refuse_circle(row, action.symbol, found)
    return list(found.values())


def _merger(row: Row) -> tuple[Action, date]:
    name, successor = row.read("symbol", symbol), row.read("successor", symbol)
    if name == successor:
        row.refuse(f"{name} cannot merge into itself; correct the successor")
    ratio = row.read("ratio", lambda text: float(number(text)))
    if not 1 / HIGHEST_RATIO <= ratio <= HIGHEST_RATIO:
        row.refuse(
            f"{ratio:g} units of {successor} for one of {name} is beyond belief; correct it (0.9 is 90 new units for 100 old)"
        )
    last_day = row.read("last_day", day)
    first_day = last_day + timedelta(days=1)
    if row.cells.get("first_day", "").strip():
        first_day = row.read("first_day", day)
        if first_day <= last_day:
            row.refuse(f"first_day {first_day} is not after last_day {last_day}; correct it")
    return Action(name, "merger", first_day, ratio=ratio, successor=successor), last_day


def _refuse_circle(row: Row, start: str, mergers: dict[str, Action]) -> None:
    chain = [start]
    while chain[-1] in mergers:
        chain.append(mergers[chain[-1]].successor)
        if chain[-1] == start:
            row.refuse(f"{' into '.join(chain)} runs in a circle; correct a successor")


def _last_trades(quotes: Quotes) -> dict[str, date]:
    """The newest day of each symbol, of quotes sorted by symbol and day."""
    if not len(quotes):
        return {}
    ends = np.flatnonzero(np.append(quotes.symbol[1:] != quotes.symbol[:-1], True))
    return {quotes.names[quotes.symbol[end]]: EPOCH + timedelta(days=int(quotes.day[end])) for end in ends}


def in_successors(account: Account, actions: Iterable[Action], day: date) -> tuple[Account, list[Finding]]:
    """The account as it stands on `day`, units of a merged symbol as units of its successor, and what to say of them.

    Fractions of a unit are dropped, once per holding and merger; the cost is carried whole, and holding days run on.
    """
    merged = {action.symbol: action for action in actions if action.kind == "merger" and action.ex_date <= day}
    lots, pending, said = list(account.lots), dict(account.pending), {}
    while names := sorted(({lot.symbol for lot in lots} | pending.keys()) & merged.keys()):
        for name in names:
            merger = merged[name]
            old = [lot for lot in lots if lot.symbol == name]
            new = _swapped(old, merger)
            lots = [lot for lot in lots if lot.symbol != name] + new
            waiting = int(pending.pop(name, 0) * _ratio(merger))
            if waiting:
                pending[merger.successor] = pending.get(merger.successor, 0) + waiting
            before, after = sum(lot.units for lot in old), sum(lot.units for lot in new)
            said[name] = f"{name}: {before:,} units into {after:,} of {merger.successor}"
    if not said:
        return account, []
    effect = "counted as the successor's units, with the cost and age of the old ones"
    found = Finding("holdings of merged symbols", len(said), effect, "warning", tuple(said.values()))
    quoted = {name: price for name, price in account.quoted.items() if name not in said}
    return replace(account, lots=tuple(lots), pending=pending, quoted=quoted), [found]


def _ratio(merger: Action) -> Fraction:
    """The ratio as it was written: 0.29 is 29 for 100, not a little less."""
    return Fraction(str(merger.ratio))


def _swapped(lots: Sequence[Lot], merger: Action) -> list[Lot]:
    """The lots of one holding in the successor's units: their sum is rounded down, not each."""
    found: list[Lot] = []
    old, given, carried = 0, 0, 0
    for lot in lots:
        old += lot.units
        units = int(old * _ratio(merger)) - given
        carried += lot.cost
        if units:
            found.append(replace(lot, symbol=merger.successor, units=units, cost=carried))
            given, carried = given + units, 0
    if found and carried:
        found[-1] = replace(found[-1], cost=found[-1].cost + carried)
    return found
