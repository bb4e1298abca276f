"""What a file about a person must not let out: account numbers, client codes and names, wherever in the file they stand."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from .fields import ACCOUNT_NUMBER, shown

ABOUT_A_PERSON = re.compile(r"\b(name|holder|client|demat|boid|bo id|account|address|phone|mobile|e-?mail|pan)\b")
PLAIN = re.compile(r"(?!.*\d{5})(?!.*[^\W\d_]{4})[\w.,:/+-]*")  # one word, at most 4 digits or 3 letters in a row
ABOUT_A_SHARE = re.compile(r"\b(scrip|symbol|company|report|file)\b")
SHORT_NUMBER = re.compile(r"[\d.,-]{0,7}")  # could as well be a quantity


@dataclass(frozen=True)
class Privacy:
    """The personal texts that a file shows in its preamble and its personal columns.

    texts: folded; strict: whether a cell that is no plain number, day or code may be quoted in a message at all
    """

    texts: frozenset[str]
    strict: bool

    @classmethod
    def of(cls, preamble: Iterable[Sequence[str]], rows: Sequence[Mapping[str, str]], columns: frozenset[str]) -> Self:
        """What is personal in a file: preamble: its lines above the header; columns: the personal ones among its rows' cells."""
        found = [row[column] for row in rows for column in columns & row.keys()]
        for line in preamble:
            label, *values = [part for cell in line for part in cell.split(":", 1) if part.strip()] or [""]
            if ABOUT_A_PERSON.search(label.lower()) and not ABOUT_A_SHARE.search(label.lower()):
                found += values
        return cls(frozenset(folded for text in found if not SHORT_NUMBER.fullmatch(folded := _folded(text))), True)

    def knows(self, cell: str) -> bool:
        """Whether a cell is one of the personal texts."""
        return _folded(cell) in self.texts

    def without(self, cell: str, message: str) -> str:
        """A message about a cell, without the cell if it may be personal."""
        hidden = self.strict and not PLAIN.fullmatch(cell.strip())
        return message.replace(shown(cell), "(not shown)") if hidden else message


PUBLIC = Privacy(frozenset(), False)


def without_account_number(path: str) -> str:
    """The name or path of a file as messages may show it."""
    return ACCOUNT_NUMBER.sub("…", path)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
