"""MeroShare's My Wacc Report: what the units cost."""

from dataclasses import dataclass
from pathlib import Path

from ...errors import InvalidInput
from ..csv_table import read_table
from ..fields import money, units
from ..private import without_account_number
from .once import refuse_twice, refuse_two_owners
from .symbols import Symbols

REQUIRED = frozenset({"wacc calculated quantity", "wacc rate", "total cost of capital"})
SYMBOL = ("scrip", "scrip name")
OPTIONAL = frozenset({"s.n", *SYMBOL, "last modification date"})
PERSONAL = frozenset({"demat"})


@dataclass(frozen=True)
class Cost:
    """Units whose cost is known, and that cost in paisa, buy charges included."""

    units: int
    total: int


def read_wacc(path: Path, symbols: Symbols) -> dict[str, Cost]:
    """My Wacc Report by symbol. Raises InvalidInput for a symbol that stands twice, as when two accounts share a file."""
    costs: dict[str, Cost] = {}
    seen: set[str] = set()
    rows = list(read_table(path, REQUIRED, OPTIONAL, PERSONAL))
    column = next((c for c in SYMBOL if c in rows[0].cells), None)
    if column is None:
        name = without_account_number(path.name)
        raise InvalidInput(f"{name}: no column Scrip or Scrip Name; export the WACC report again")
    for row in rows:
        name = symbols.read(row, column)
        refuse_twice(row, name, symbols, seen)
        cost = Cost(row.read("wacc calculated quantity", units), row.read("total cost of capital", money))
        rate = row.read("wacc rate", money)
        if (
            abs(cost.total - rate * cost.units) > cost.units + 100
        ):  # the printed rate is rounded to the paisa or coarser
            row.refuse("rate × quantity is not the total cost; columns may have shifted: export the report again")
        costs[name] = cost
    refuse_two_owners(rows, "demat")
    return costs
