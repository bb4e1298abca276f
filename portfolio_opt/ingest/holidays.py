"""A user's holiday file: days on which the exchange will be shut, or open on a weekend, for days that no price covers yet."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from ..errors import InvalidInput
from ..market.calendar import Calendar, Holidays
from . import fields
from .csv_table import Row, read_table
from .findings import Finding, about

FILE = "holidays.csv"
KINDS = ("closed", "open")
LONGEST_NAME = 80
JOINERS = str.maketrans("", "", "\u200c\u200d")  # invisible, and part of how Devanagari is spelt


def holiday_file(given: Path | None, prices: Path) -> Path | None:
    """The holiday file that counts: the given one, else holidays.csv beside the prices, where there is one."""
    beside = prices / FILE
    return given or (beside if beside.exists() else None)


def read_holidays(path: Path) -> Holidays:
    """The days of a CSV file with the column date and, as one likes, kind (closed or open, default closed), name, note."""
    return holidays_of(read_table(path, frozenset({"date"}), frozenset({"kind", "name", "note"})))


def holidays_of(rows: Iterable[Row]) -> Holidays:
    """The days of rows of the table of holidays.

    A day may stand more than once: its names are put together. The note is for the user's own eyes and not kept.
    Raises InvalidInput naming the line for a date that is no AD date, an unknown kind, or a day both closed and open.
    """
    kinds: dict[date, str] = {}
    names: defaultdict[date, list[str]] = defaultdict(list)
    for row in rows:
        cells = {"kind": "", "name": ""} | dict(row.cells)
        day = row.read("date", fields.day)
        kind = row.read("kind", _kind) if cells["kind"] else KINDS[0]
        if kinds.setdefault(day, kind) != kind:
            raise InvalidInput(f"{row.file}, line {row.line}: {day} is both closed and open; delete one of its rows")
        if cells["name"].strip():
            names[day].append(row.read("name", _name))
    closed, opened = ([day for day in sorted(kinds) if kinds[day] == kind] for kind in KINDS)
    return Holidays(_named(closed, names), _named(opened, names))


def holiday_findings(calendar: Calendar) -> list[Finding]:
    """What a calendar's holiday file is taken to say, and a warning of the days on which the prices know better."""
    found, holidays = [], calendar.holidays
    if holidays.until:
        ahead = [day for day in sorted({*holidays.closed, *holidays.opened}) if calendar.is_provisional(day)]
        words = [" ".join((str(day), holidays.name(day))).strip() for day in ahead]
        effect = f"the last is {holidays.until}; later days follow the trading week, as if there were no holiday"
        found.append(about("days from the holiday file that no price covers yet", words, effect))
    if wrong := calendar.contradicted():
        effect = "the prices are believed; correct the holiday file"
        found.append(
            about("days of the holiday file that the prices contradict", [str(day) for day in wrong], effect, "warning")
        )
    return found


def _named(days: Sequence[date], names: Mapping[date, Sequence[str]]) -> dict[date, str]:
    return {day: ", ".join(dict.fromkeys(names.get(day, ()))) for day in days}


def _kind(text: str) -> str:
    kind = text.strip().lower() or KINDS[0]
    if kind not in KINDS:
        raise ValueError(f"{fields.shown(text)} is neither closed nor open; write one of them, or nothing for closed")
    return kind


def _name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > LONGEST_NAME or not name.translate(JOINERS).isprintable():
        raise ValueError(
            f"{fields.shown(text)} is not a name of at most {LONGEST_NAME} characters; write a shorter one"
        )
    return name
