"""A user's own expected returns from a CSV file: fractions a year, one row a symbol."""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from . import fields
from .csv_table import Row, read_table
from .findings import Finding, about

LARGEST_RETURN = 1.0  # a year; a figure beyond it is a percentage more often than a hope


@dataclass(frozen=True)
class View:
    """expected_return: a year, before costs and tax; standard_error: of it, None where the user gives none. Fractions."""

    expected_return: float
    standard_error: float | None = None


def read_views(path: Path, known: Collection[str] | None = None) -> dict[str, View]:
    """The views of a CSV file with the columns symbol, expected_return and, as one likes, standard_error and note.

    known: every symbol there is, where that is known
    Raises InvalidInput naming the line for a percentage, an unknown symbol, or a symbol with two different views.
    """
    required = frozenset({"symbol", "expected_return"})
    return views_of(read_table(path, required, frozenset({"standard_error", "note"})), known)


def views_of(rows: Iterable[Row], known: Collection[str] | None = None) -> dict[str, View]:
    """The views of rows of the table of views. The note is for the user's own eyes and not kept."""
    views: dict[str, View] = {}
    for row in rows:
        symbol = row.read("symbol", fields.symbol)
        if known is not None and symbol not in known:
            row.refuse(f"{fields.shown(symbol)} is no symbol of these prices{_did_you_mean(symbol, known)}; correct it")
        error = row.cells.get("standard_error", "").strip()
        view = View(row.read("expected_return", _return), row.read("standard_error", _error) if error else None)
        if views.setdefault(symbol, view) != view:
            row.refuse(f"{symbol} has two different views; keep one of its rows")
    return views


def view_findings(views: Mapping[str, View], chosen_from: Collection[str]) -> list[Finding]:
    """The views that change nothing, as their names cannot be traded today and are not held."""
    idle = sorted(views.keys() - set(chosen_from))
    effect = "not used; a symbol that is halted, too thin or no ordinary share is not bought"
    return [about("views on names that cannot be chosen today", idle, effect, "warning")] if idle else []


def _did_you_mean(symbol: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(symbol, sorted(known), n=1, cutoff=0.0)
    return f"; did you mean {near[0]!r}?" if near else ""


def _fraction(text: str, what: str, fits: Callable[[Decimal], bool]) -> float:
    plain = text.strip()
    percent = plain.endswith("%")
    if plain in ("", "-"):
        raise ValueError(f"is empty; give {what}, or delete the row")
    value = fields.number(plain.removesuffix("%"))
    if percent or not fits(value):
        guess = f"; did you mean {value / 100:g}? correct it" if fits(value / 100) else "; correct it"
        raise ValueError(f"is {fields.shown(plain)}, but it is {what}{guess}")
    return float(value)


def _return(text: str) -> float:
    return _fraction(text, "a fraction a year above -1 and up to 1", lambda r: -1 < r <= LARGEST_RETURN)


def _error(text: str) -> float:
    return _fraction(text, "a fraction a year from 0 to 1", lambda e: 0 <= e <= LARGEST_RETURN)
