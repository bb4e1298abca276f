"""Corporate actions as they were announced."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ...errors import InvalidInput
from ..csv_table import Row
from ..fields import day, number, shown, symbol
from ..findings import Finding

HIGHEST_ISSUE_PRICE = 100_000  # NPR per unit
NO_DAY = date.min  # stands for the ex day of an action of which no day at all is known


@dataclass(frozen=True)
class Action:
    """One announced action.

    kind: bonus (ratio = new units per unit), right (ratio new units per unit at issue_price), cash (amount per unit) or
        merger (from ex_date on a unit is ratio units of the successor)
    announced: the day it became known, None where no file tells; then it counts as known from its ex day on
    """

    symbol: str
    kind: str
    ex_date: date
    ratio: float = 0.0
    issue_price: float = 0.0
    amount: float = 0.0
    announced: date | None = None
    successor: str = ""

    @property
    def known_from(self) -> date:
        """The first day on which one may reckon with it."""
        return self.announced or self.ex_date


def actions_of(rows: Iterable[Row]) -> tuple[list[Action], list[Finding]]:
    """The actions of rows of the table of corporate actions that say enough to be used; the others are counted in findings."""
    actions = []
    unused = {_UNDATED: 0, _UNPRICED: 0}
    for row in rows:
        action = _action(row)
        if isinstance(action, Action):
            actions.append(action)
        else:
            unused[action] += 1
    return actions, [Finding(rule, rows, "not used", "note") for rule, rows in unused.items() if rows]


def undated_of(rows: Iterable[Row]) -> list[Action]:
    """The bonus and right shares that `actions_of` leaves out for want of an ex day: no factor may rest on them.

    Their ex day here is that of the announcement, or else the first of the subscription, or else NO_DAY.
    """
    found = []
    for row in rows:
        if row.cells["type"] != "cash" and not (row.cells["ex_date"].strip() or row.cells["book_close"].strip()):
            known = [row.read(name, _optional_day) for name in _HINTS if name in row.cells]
            action = _on(next((when for when in known if when), NO_DAY), row)
            found += [action] if isinstance(action, Action) else []
    return found


_HINTS = ("announcement_date", "subscription_open")
_UNDATED = "corporate actions without an ex day or book close"
_UNPRICED = "right shares without an issue price"


def _action(row: Row) -> Action | str:
    """The action of a row, or what it lacks to be one."""
    kind = row.cells["type"]
    if kind not in ("bonus", "right", "cash"):
        raise InvalidInput(f"{row.file}, line {row.line}: type is {shown(kind)}; choose bonus, right or cash")
    when = row.read("ex_date", _optional_day) or row.read("book_close", _optional_day)
    return _UNDATED if when is None else _on(when, row)


def _on(when: date, row: Row) -> Action | str:
    """The action of a row whose ex day is known, or what else it lacks."""
    kind, name = row.cells["type"], row.read("symbol", symbol)
    amount = row.read("amount_npr" if kind == "cash" else "ratio", lambda text: float(number(text)))
    if not 0 <= amount < 10_000 or (kind != "cash" and amount > 20):
        raise InvalidInput(f"{row.file}, line {row.line}: a {kind} of {amount:g} per unit is beyond belief; correct it")
    if kind == "cash":
        return Action(name, kind, when, amount=amount, announced=_announced(row))
    if kind == "right" and not row.cells["issue_price"].strip():
        return _UNPRICED
    price = row.read("issue_price", lambda text: float(number(text))) if kind == "right" else 0.0
    if not 0 <= price < HIGHEST_ISSUE_PRICE:
        raise InvalidInput(f"{row.file}, line {row.line}: an issue price of {price:g} is beyond belief; correct it")
    return Action(name, kind, when, ratio=amount, issue_price=price, announced=_announced(row))


def _announced(row: Row) -> date | None:
    return row.read("announcement_date", _optional_day) if "announcement_date" in row.cells else None


def _optional_day(text: str) -> date | None:
    return day(text) if text.strip() else None
