"""MeroShare's My Shares Values: what is held, at which price the file last saw it."""

from dataclasses import dataclass
from pathlib import Path

from ..csv_table import read_table
from ..fields import money, units
from .once import refuse_twice
from .symbols import Symbols

REQUIRED = frozenset({"scrip", "current balance"})
PRICES = ("last closing price", "last transaction price (ltp)")
OPTIONAL = frozenset({"s.n", *PRICES, "value as of last closing price", "value as of ltp"})


@dataclass(frozen=True)
class Held:
    """A row of My Shares Values: units, and the price the file gives (paisa), if any."""

    units: int
    price: int | None


def read_holdings(path: Path, symbols: Symbols) -> dict[str, Held]:
    """My Shares Values by symbol; balances of 0 are left out, but known. Raises InvalidInput for a symbol that stands twice."""
    held: dict[str, Held] = {}
    seen: set[str] = set()
    for row in read_table(path, REQUIRED, OPTIONAL, personal=frozenset()):
        name = symbols.read(row, "scrip")
        refuse_twice(row, name, symbols, seen)
        prices = [row.read(column, money) for column in PRICES if row.cells.get(column)]
        balance = row.read("current balance", units)
        if balance:
            held[name] = Held(balance, next((price for price in prices if price), None))
    symbols.known |= seen
    return held
