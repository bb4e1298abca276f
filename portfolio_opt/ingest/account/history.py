"""MeroShare's Transaction History: when units came and went, and the balance after each."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Literal

from ..csv_table import read_table
from ..fields import day, units
from .movements import Movement, in_order
from .symbols import Symbols

REQUIRED = frozenset({"scrip", "transaction date", "credit quantity", "debit quantity", "history description"})
BALANCE = "balance after transaction"
OPTIONAL = frozenset({"s.n", BALANCE})
BOUGHT_BEFORE = re.compile(r"CA-Rearrangement.*\bPUR (\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class History:
    """The rows of one symbol: what moved, in order, and what its printed balances say.

    opening: units before the first row, 0 where the file leaves it open; last_balance: after the newest row, None likewise
    whole: whether every printed balance follows from the one before it
    """

    movements: tuple[Movement, ...]
    opening: int = 0
    last_balance: int | None = None
    whole: bool = True

    @property
    def moved(self) -> int:
        """Units that came less units that went."""
        return sum(movement.units for movement in self.movements)


def read_transactions(path: Path, symbols: Symbols) -> dict[str, History]:
    """Transaction History by symbol.

    The day of a credit is the day that counts for its age: an earlier one where a rearrangement tells when it was bought.
    Unknown descriptions are credits and debits like any other.
    """
    moved: dict[str, list[tuple[Movement, int | None]]] = defaultdict(list)
    for row in read_table(path, REQUIRED, OPTIONAL, personal=frozenset()):
        came, went = row.read("credit quantity", units), row.read("debit quantity", units)
        if bool(came) == bool(went):
            row.refuse("a row credits or debits units, not both and not neither; correct it or export the file again")
        booked = row.read("transaction date", day)
        since = (row.read("history description", _bought_before) if came else None) or booked
        after = row.read(BALANCE, units) if row.cells.get(BALANCE, "-").strip() not in ("", "-") else None
        movement = Movement(since, came or -went, booked, kind=_kind(row.cells["history description"]))
        moved[symbols.read(row, "scrip")].append((movement, after))
    return {name: _history(rows) for name, rows in moved.items()}


def _history(rows: Sequence[tuple[Movement, int | None]]) -> History:
    """One symbol's history; the order of its rows in the file, and so of a day's rows, tells nothing.

    Each row leads from the balance before it to the one after it. A day's rows form one path, which starts at the one balance
    that is left once more often than it is reached, and ends at the one that is reached once more often than it is left.
    """
    at: int | None = None
    opening, whole = None, True
    for _, of_day in groupby(sorted(rows, key=lambda row: row[0].booked), key=lambda row: row[0].booked):
        day_rows = list(of_day)
        reached = Counter(after for _, after in day_rows if after is not None)
        if reached.total() < len(day_rows):
            at, opening = None, opening or 0
            continue
        left = Counter(after - movement.units for movement, after in day_rows if after is not None)
        ends, starts = list((reached - left).elements()), list((left - reached).elements())
        begins_there = at is None or (starts == [at] if starts else at in reached)
        whole = whole and len(ends) <= 1 and begins_there
        opening = starts[0] if opening is None and len(starts) == 1 else opening or 0
        at = ends[0] if len(ends) == 1 else at if not ends else None
    return History(tuple(in_order(movement for movement, _ in rows)), max(opening or 0, 0), at, whole)


def _kind(description: str) -> Literal["trade", "bonus", "other"]:
    words = description.strip().upper()
    return "trade" if words.startswith(("ON-CR", "ON-DR")) else "bonus" if words.startswith("CA-BONUS") else "other"


def _bought_before(description: str) -> date | None:
    found = BOUGHT_BEFORE.search(description)
    return day(found[1]) if found else None
