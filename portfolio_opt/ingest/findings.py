"""What was set aside or noticed while reading, with its effect; never silent, never fatal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["note", "warning"]


@dataclass(frozen=True)
class Finding:
    """One rule that data met.

    rule: short name; rows: how many rows, or names, it concerns; effect: what was done about it
    severity: a note needs no action, a warning may
    examples: a few of them in words, never a personal column
    """

    rule: str
    rows: int
    effect: str
    severity: Severity = "note"
    examples: tuple[str, ...] = ()

    def in_words(self) -> str:
        """The finding as one sentence."""
        some = (
            f" ({', '.join(self.examples)}{', …' if self.rows > len(self.examples) else ''})" if self.examples else ""
        )
        return f"{self.rule}: {self.rows:,}{some}; {self.effect}"


def about(rule: str, names: Sequence[str], effect: str, severity: Severity = "note") -> Finding:
    """A finding about some symbols, the first five as examples."""
    return Finding(rule, len(names), effect, severity, tuple(names[:5]))
