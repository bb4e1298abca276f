"""What was set aside or noticed while reading, with its effect; never silent, never fatal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .quotes import Quotes, day_of

Severity = Literal["note", "warning"]
EXAMPLES = 3


@dataclass(frozen=True)
class Cases:
    """Every row of a finding: its symbol, its day, and the value that met the rule, as far as there are such.

    day: (C,) days since 1970, value: (C,) figures; None where the rule is about names, or where a row alone says it
    """

    symbol: NDArray[np.str_]
    day: NDArray[np.int64] | None = None
    value: NDArray[np.float64] | None = None

    def listed(self) -> list[dict[str, Any]]:
        """The cases as plain records."""
        records: list[dict[str, Any]] = [{"symbol": symbol} for symbol in self.symbol.tolist()]
        for record, day in zip(records, [] if self.day is None else self.day.tolist(), strict=False):
            record["date"] = day_of(day)
        for record, value in zip(records, [] if self.value is None else self.value.tolist(), strict=False):
            if value == value:
                record["value"] = round(value, 6)
        return records


@dataclass(frozen=True)
class Finding:
    """One rule that data met.

    rule: short name; rows: how many rows, or names, it concerns; effect: what was done about it
    severity: a note needs no action, a warning may
    examples: a few of them in words, never a personal column
    cases: all of them, where the rule is about price rows
    """

    rule: str
    rows: int
    effect: str
    severity: Severity = "note"
    examples: tuple[str, ...] = ()
    cases: Cases | None = field(default=None, repr=False, compare=False)

    def in_words(self) -> str:
        """The finding as one sentence."""
        some = (
            f" ({', '.join(self.examples)}{', …' if self.rows > len(self.examples) else ''})" if self.examples else ""
        )
        return f"{self.rule}: {self.rows:,}{some}; {self.effect}"

    def as_record(self) -> dict[str, Any]:
        """The finding as plain values, every case with it."""
        record: dict[str, Any] = {
            "rule": self.rule,
            "rows": self.rows,
            "effect": self.effect,
            "severity": self.severity,
            "examples": list(self.examples),
        }
        return record | ({"cases": self.cases.listed()} if self.cases else {})


def about(rule: str, names: Sequence[str], effect: str, severity: Severity = "note") -> Finding:
    """A finding about some symbols, the first five as examples."""
    return Finding(rule, len(names), effect, severity, tuple(names[:5]), Cases(np.array(names, dtype=np.str_)))


def about_rows(
    rule: str,
    quotes: Quotes,
    rows: NDArray[np.int64],
    effect: str,
    severity: Severity = "note",
    value: NDArray[np.float64] | None = None,
) -> Finding:
    """A finding about price rows, the newest as examples. value: (len(rows),) what met the rule"""
    days = quotes.day[rows]
    if len(rows) > EXAMPLES:  # sorting all of them for three would cost more than finding them
        days = np.where(days >= np.partition(days, -EXAMPLES)[-EXAMPLES], days, -1)
    among = np.flatnonzero(days >= 0) if len(rows) > EXAMPLES else np.arange(len(rows))
    newest = rows[among[np.argsort(-days[among], kind="stable")][:EXAMPLES]]
    cases = Cases(np.array(quotes.names, dtype=np.str_)[quotes.symbol[rows]], quotes.day[rows], value)
    return Finding(rule, len(rows), effect, severity, tuple(quotes.where(int(row)) for row in newest), cases)
