"""One account a file: a symbol, or an owner, that should stand once."""

from collections.abc import Iterable

from ..csv_table import Row
from .symbols import Symbols


def refuse_twice(row: Row, name: str, symbols: Symbols, seen: set[str]) -> None:
    """Raises InvalidInput if a symbol was seen before; else it is seen now."""
    if name in seen:
        row.refuse(f"{symbols.named(name)} stands twice; keep one row a symbol (one account a file)")
    seen.add(name)


def refuse_two_owners(rows: Iterable[Row], column: str) -> None:
    """Raises InvalidInput, naming nobody, if a personal column changes from one row to the next."""
    first: str | None = None
    for row in rows:
        owner = " ".join(row.cells.get(column, "").split()).casefold()
        if first is not None and owner != first:
            row.refuse(f"another {column} than in the rows above; keep the rows of one account a file")
        first = owner
