"""What one source file brings: price rows, rows of the store's tables, or only knowledge about the market."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .csv_table import Row
from .quotes import Quotes


@dataclass(frozen=True)
class Content:
    """The content of one file.

    quotes: its price rows; companies: whether they name companies in full, because the file has no symbols
    tables: rows of the store's tables by the table's name, under that table's columns
    unused: what was read but serves nothing here, in words
    """

    quotes: Quotes | None = None
    companies: bool = False
    tables: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    unused: str = ""

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return (len(self.quotes) if self.quotes else 0) + sum(len(rows) for rows in self.tables.values())
