"""How findings and messages may name the symbols of an account's files."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..csv_table import Row
from ..fields import scrip
from ..findings import Finding
from ..panel import Panel


class Symbols:
    """Symbols that may be shown, and where the others stand.

    What neither the holdings nor the prices know may be a client code or a name in a shifted column: it is never shown, but
    named by the line where it first stands.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.known = set(known)
        self._places: dict[str, str] = {}

    def read(self, row: Row, column: str) -> str:
        """The symbol in a row of an account file. Raises InvalidInput for what can be none."""
        name = row.read(column, scrip)
        self._places.setdefault(name, f"the symbol in line {row.line} of {row.file}")
        return name

    def named(self, name: str) -> str:
        """A symbol as it may be shown."""
        return name if name in self.known else self._places.get(name, name)

    def named_in(self, found: Finding) -> Finding:
        """A finding as it may be shown."""
        cases = found.cases
        if cases is not None:
            cases = replace(cases, symbol=np.array([self.named(name) for name in cases.symbol.tolist()], dtype=np.str_))
        return replace(found, examples=tuple(map(self.named, found.examples)), cases=cases)


def known_to(panel: Panel | None) -> set[str]:
    """Every symbol that prices, labels or corporate actions name; none without a panel."""
    if panel is None:
        return set()
    return {*panel.symbols.tolist(), *panel.known_symbols, *(action.symbol for action in panel.actions)}
