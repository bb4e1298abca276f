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
    """Every row of a finding: symbols and days, and the value that met the rule (NaN where a row alone says it)."""

    symbol: NDArray[np.str_]
    day: NDArray[np.int64]
    value: NDArray[np.float64]

    def listed(self) -> list[dict[str, Any]]:
        """The cases as plain records, a value only where there is one."""
        rows = zip(self.symbol.tolist(), self.day.tolist(), self.value.tolist(), strict=True)
        return [
            {"symbol": symbol, "date": day_of(day)} | ({} if value != value else {"value": round(value, 6)})
            for symbol, day, value in rows
        ]


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
    return Finding(rule, len(names), effect, severity, tuple(names[:5]))


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
    cases = Cases(
        np.array(quotes.names, dtype=np.str_)[quotes.symbol[rows]],
        quotes.day[rows],
        np.full(len(rows), np.nan) if value is None else value,
    )
    return Finding(rule, len(rows), effect, severity, tuple(quotes.where(int(row)) for row in newest), cases)
