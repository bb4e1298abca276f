"""MeroShare's purchase source: every acquisition with its rate, charges included, and where it came from."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Literal

from ...market.money import LARGEST, paisa
from ...market.rules import FACE_10
from ..csv_table import read_table
from ..fields import day, number, shown, units
from .movements import Movement, Settlement
from .symbols import Symbols

REQUIRED = frozenset({"scrip", "transaction date", "quantity", "rate", "purchase source"})
OPTIONAL = frozenset({"s.n"})
PERSONAL = frozenset({"demat", "client", "client name"})
MARKET, BONUS = "ON_MARKET", "BONUS"
KINDS: Mapping[str, Literal["trade", "bonus"]] = {MARKET: "trade", BONUS: "bonus"}


def read_purchases(
    path: Path, symbols: Symbols, instrument: Mapping[str, str], settlement: Settlement
) -> dict[str, list[Movement]]:
    """The purchase source by symbol: units with their day and their cost, rate × quantity.

    Bonus units without a rate cost their face value, 100 a unit or 10 for funds. A source that is not known is an acquisition
    like any other. Units bought on the market arrive when the trade settles.
    """
    found: dict[str, list[Movement]] = defaultdict(list)
    for row in read_table(path, REQUIRED, OPTIONAL, PERSONAL):
        name, count = symbols.read(row, "scrip"), row.read("quantity", units)
        if not count:
            row.refuse("quantity is 0, but a purchase has units; delete the row or export the file again")
        source = row.cells["purchase source"].strip().upper().replace(" ", "_").replace("-", "_")
        face = (10 if instrument.get(name) in FACE_10 else 100) if source == BONUS else 0
        cost = row.read("rate", partial(_cost, units=count, otherwise=face))
        when = row.read("transaction date", day)
        booked = settlement.of(when) if source == MARKET else when
        found[name].append(Movement(when, count, booked, cost, KINDS.get(source, "other")))
    return dict(found)


def _cost(rate: str, units: int, otherwise: int) -> int:
    """Paisa for units at a rate, or at another one where the file gives none. Raises ValueError."""
    value = number(rate) if rate.strip() else Decimal(0)
    if value < 0:
        raise ValueError(f"{shown(rate)} is below zero; correct it")
    cost = (value or otherwise) * units
    if cost * 100 > LARGEST:
        raise ValueError(f"{shown(rate)} makes these units cost more than any account holds; correct it")
    return paisa(cost)
