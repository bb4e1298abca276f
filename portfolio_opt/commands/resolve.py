"""Options from a TOML file and the command line to one checked set of values."""

import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..ingest import fields
from ..ingest.csv_table import read_text
from ..market.rules import INVESTORS
from .options import Option

LONGEST_TEXT = 200
NEPAL = timezone(timedelta(hours=5, minutes=45))


def resolve(table: Sequence[Option], given: Mapping[str, Any], config: Path | None = None) -> dict[str, Any]:
    """Every option's value: the default, unless the configuration file or, above it, the caller gives one.

    given: text from a command line, or Python values from a caller; config: a TOML file whose keys are option names
    Raises InvalidInput naming the option, what was found, and the nearest valid name for an unknown key.
    """
    options = {option.name: option for option in table}
    values = {option.name: option.default for option in table}
    for where, source in ((config.name if config else "", _read_config(config)), ("", given)):
        for key, value in source.items():
            if key not in options:
                raise InvalidInput(f"{where + ': ' if where else ''}{unknown(key, options)}")
            if value is not None:
                values[key] = _parse(options[key], value, where)
    return values


def unknown(key: str, known: Mapping[str, Any]) -> str:
    """That a key is unknown, and the nearest known one."""
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.0)
    return f"unknown option {fields.shown(key)}; did you mean {near[0]!r}?"


def read_now(text: str | None) -> datetime:
    """The time that stands for the clock: ISO 8601, Nepal time where it names no zone; the clock itself without one."""
    if text is None:
        return datetime.now(NEPAL).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(text)
        if not fields.FIRST_YEAR <= moment.year < fields.LAST_YEAR:
            raise ValueError
    except ValueError:
        raise InvalidInput(f"--now is {fields.shown(text)}; write it like 2026-08-23T09:00") from None
    return moment.replace(tzinfo=NEPAL) if moment.tzinfo is None else moment.astimezone(NEPAL)


def _read_config(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path.name} is not TOML that can be read: {str(error)[:200]}") from None


def _parse(option: Option, value: Any, where: str) -> Any:
    name = f"{where}: {option.name}" if where else option.name
    try:
        if where and option.kind in NUMBERS and isinstance(value, str):
            raise ValueError(f"is the text {fields.shown(value)}, but it is a number; write it without quotes")
        return PARSERS[option.kind](value)
    except ValueError as error:
        raise InvalidInput(f"{name} {error}") from None


def _text(value: Any) -> str:
    if isinstance(value, (str, Path)):
        return str(value)
    raise ValueError(f"is {value!r}, but it is a text; write it in quotes")


def _short_text(value: Any) -> str:
    text = " ".join(_text(value).split())
    if not text.isprintable() or not 0 < len(text) <= LONGEST_TEXT:
        raise ValueError(f"is {fields.shown(text)}, but it is a text of 1 to {LONGEST_TEXT} printable characters")
    return text


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError(f"is {value!r}, but it is a number")
    try:
        return fields.number(str(value))
    except ValueError as error:
        raise ValueError(str(error)) from None


def _number_in_config(parse: Callable[[Decimal], Any]) -> Callable[[Any], Any]:
    return lambda value: parse(_decimal(value))


def _fraction(value: Decimal) -> float:
    if not 0 <= value <= 1:
        guess = f"; did you mean {value / 100:g}?" if 1 < value <= 100 else ""
        raise ValueError(f"is {value:g}, but it is a fraction from 0 to 1{guess}")
    return float(value)


def _positive(value: Decimal) -> float:
    if not 0 < value < 1_000_000:
        raise ValueError(f"is {value:g}, but it is a positive number below a million")
    return float(value)


def _count(value: Decimal) -> int:
    if value < 0 or value != int(value):
        raise ValueError(f"is {value:g}, but it is a whole number of at least 0")
    return int(value)


def _money(value: Decimal) -> int:
    if value < 0:
        raise ValueError(f"is {value:f}, but it is an amount of at least 0")
    return fields.money(str(value))


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return fields.day(_text(value))


def _dated_money(value: Any) -> tuple[tuple[date, int], ...]:
    if isinstance(value, str):
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        if any(not equals for _, equals, _ in parts):
            raise ValueError(f"is {fields.shown(value)}; write it like 2026-08-24=50000")
        value = {key.strip(): amount for key, _, amount in parts}
    if not isinstance(value, Mapping):
        raise ValueError(f"is {value!r}; write it as a table of days and amounts")
    return tuple(sorted((_day(key), _money(_decimal(amount))) for key, amount in value.items()))


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part for part in value.split(";") if part.strip()]
    if not isinstance(value, (list, tuple)) or len(value) > MOST_TEXTS:
        raise ValueError(f"is {fields.shown(str(value))}, but it is a list of at most {MOST_TEXTS} texts")
    return tuple(_short_text(each) for each in value)


MOST_TEXTS = 100


def _symbols(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"is {value!r}, but it is a list of symbols")
    return tuple(sorted({fields.symbol(item) for item in value}))


def _investor(value: Any) -> str:
    if value not in INVESTORS:
        raise ValueError(f"is {value!r}; choose one of {', '.join(INVESTORS)}")
    return str(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is {value!r}, but it is true or false")
    return value


NUMBERS = ("money", "fraction", "positive", "count")
PARSERS: dict[str, Callable[[Any], Any]] = {
    "text": _short_text,
    "path": lambda value: Path(_text(value)),
    "money": _number_in_config(_money),
    "dated_money": _dated_money,
    "investor": _investor,
    "day": _day,
    "fraction": _number_in_config(_fraction),
    "positive": _number_in_config(_positive),
    "count": _number_in_config(_count),
    "symbols": _symbols,
    "texts": _texts,
    "flag": _flag,
}
