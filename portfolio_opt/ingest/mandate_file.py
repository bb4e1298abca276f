"""A mandate's TOML file to a Mandate: every key known, every value of its kind, or the file is refused."""

import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from . import fields
from .csv_table import read_text
from .mandate import Locked, Mandate, nearest
from .private import without_account_number
from .sectors import INSTRUMENTS, canonical

LONGEST_TEXT = 200
LARGEST_FILE = 1_000_000  # characters
MOST_ENTRIES = 2_000  # of a list or table


def read_mandate(path: Path) -> Mandate:
    """The mandate of a TOML file; docs/mandate.toml is a template.

    Raises InvalidInput naming file and key for an unknown key (with the nearest valid one), a value of the wrong kind, a
    percentage, and figures that exclude each other.
    """
    text, name = read_text(path), without_account_number(path.name)
    if len(text) > LARGEST_FILE:
        raise InvalidInput(f"{name} is longer than a mandate can be; give the right file")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is not TOML that can be read: {_one_line(str(error))}; correct it") from None
    try:
        return mandate_of(table)
    except InvalidInput as error:
        raise InvalidInput(f"{name}: {error}") from None


def mandate_of(table: Mapping[str, Any]) -> Mandate:
    """The mandate of a table of its fields. Raises as `read_mandate`."""
    values = {}
    for key, value in table.items():
        if key not in READERS:
            raise InvalidInput(f"unknown key {fields.shown(key)}; did you mean {nearest(key, READERS)!r}? correct it")
        try:
            values[key] = READERS[key](value)
        except ValueError as error:
            raise InvalidInput(f"{key} {error}") from None
    return Mandate(**values)


# Each reader of a value raises ValueError saying what was found and what it is to be.


def _plain_number(value: Any) -> Decimal:
    if isinstance(value, str):
        percent = value.strip().removesuffix("%")
        if percent != value.strip() and fields.NUMBER.fullmatch(percent):
            raise ValueError(
                f"is {fields.shown(value)}; did you mean {fields.number(percent) / 100:g}? write a fraction"
            )
        raise ValueError(f"is the text {fields.shown(value)}, but it is a number; write it without quotes")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"is {_shown(value)}, but it is a number; correct it")
    return fields.number(str(value))


def _fraction(value: Any) -> float:
    figure = _plain_number(value)
    if not 0 <= figure <= 1:
        guess = f"; did you mean {figure / 100:g}? correct it" if 1 < figure <= 100 else "; correct it"
        raise ValueError(f"is {figure:g}, but it is a fraction from 0 to 1{guess}")
    return float(figure)


def _positive_fraction(value: Any) -> float:
    if (fraction := _fraction(value)) == 0:
        raise ValueError("is 0, which allows nothing; choose a larger fraction, or delete the key")
    return fraction


def _count(value: Any) -> int:
    figure = _plain_number(value)
    if figure != figure.to_integral_value() or not 1 <= figure <= fields.MOST_UNITS:
        raise ValueError(f"is {figure:g}, but it is a whole number of at least 1; correct it")
    return int(figure)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is {_shown(value)}, but it is a text; write it in quotes")
    text = " ".join(value.split())
    if not text or len(text) > LONGEST_TEXT or not text.isprintable():
        raise ValueError(f"is {fields.shown(text)}, but it is a text of 1 to {LONGEST_TEXT} characters; write another")
    return text


def _symbol(value: Any) -> str:
    return fields.symbol(_text(value))


def _instrument(value: Any) -> str:
    kind = _text(value)
    if kind not in INSTRUMENTS:
        raise ValueError(f"holds {fields.shown(kind)}; did you mean {nearest(kind, INSTRUMENTS)!r}? choose one")
    return kind


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return fields.day(value.isoformat())
    return fields.day(_text(value))


def _sector(value: Any) -> str:
    return canonical(_text(value))


def _some(entry: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        if not (found := _list(entry)(value)):
            raise ValueError("is empty, which allows nothing; name at least one, or delete the key to allow all")
        return found

    return read


def _list(entry: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > MOST_ENTRIES:
            raise ValueError(f'is {_shown(value)}, but it is a list of texts; write it like ["A", "B"]')
        return tuple(dict.fromkeys(entry(each) for each in value))

    return read


def _table(key: Callable[[Any], str], entry: Callable[[Any], Any]) -> Callable[[Any], Mapping[str, Any]]:
    def read(value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or len(value) > MOST_ENTRIES:
            raise ValueError(f"is {_shown(value)}, but it is a table; write one line a name, like NABIL = 0.05")
        found: dict[str, Any] = {}
        for name, figure in value.items():
            symbol = key(name)
            try:
                figure = entry(figure)
            except ValueError as error:
                raise ValueError(f"of {fields.shown(name)} {error}") from None
            if found.setdefault(symbol, figure) != figure:
                raise ValueError(f"holds {fields.shown(symbol)} twice; keep one line")
        return found

    return read


def _locked(value: Any) -> Locked:
    if not isinstance(value, Mapping):
        return Locked(_count(value))
    for key in value:
        if key not in ("units", "until"):
            raise ValueError(
                f"holds {fields.shown(key)}; did you mean {nearest(key, ('units', 'until'))!r}? correct it"
            )
    if "units" not in value:
        raise ValueError("has no units; write it like {units = 1000, until = 2027-01-15}")
    return Locked(_count(value["units"]), _day(value["until"]) if "until" in value else None)


READERS: Mapping[str, Callable[[Any], Any]] = {
    "name": _text,
    "max_weight": _positive_fraction,
    "max_sector": _positive_fraction,
    "min_position": _fraction,
    "cash_floor": _fraction,
    "cash_ceiling": _fraction,
    "min_listed": _fraction,
    "max_of_company": _positive_fraction,
    "min_names": _count,
    "max_names": _count,
    "instruments": _some(_instrument),
    "sectors": _some(_sector),
    "forbidden": _list(_symbol),
    "limits": _list(_text),
    "weight_caps": _table(_symbol, _fraction),
    "sector_caps": _table(_sector, _fraction),
    "listed_units": _table(_symbol, _count),
    "locked": _table(_symbol, _locked),
}


def _shown(value: Any) -> str:
    """A value of the wrong kind as it may be quoted."""
    return fields.shown(value) if isinstance(value, str) else f"a {KINDS.get(type(value), 'day or time')}"


KINDS = {dict: "table", list: "list", bool: "truth value", int: "number", float: "number"}


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_TEXT].encode("ascii", "backslashreplace").decode()
