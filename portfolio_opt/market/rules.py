"""The rulebook: dated, sourced rows read from rules.toml, and the rules of one day taken from them."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from ..errors import InvalidInput
from .money import LARGEST, paisa, ppm

Investor = Literal["individual", "entity", "fund", "non-resident"]
INVESTORS: tuple[Investor, ...] = ("individual", "entity", "fund", "non-resident")

# What an instrument is charged and quoted as, where it has no rows of its own.
CHARGED_AS = {"promoter_share": "equity", "preference_share": "equity", "unknown": "equity"}
QUOTED_AS = CHARGED_AS | {"debenture": "equity", "government_bond": "equity"}
FACE_10 = frozenset({"mutual_fund"})


@dataclass(frozen=True)
class Slabs:
    """A commission schedule: the slab an amount falls in gives the rate on the whole of it."""

    up_to: tuple[int, ...]  # paisa, rising; the last slab has no end
    rates: tuple[int, ...]  # ppm, one per slab


@dataclass(frozen=True)
class TaxRates:
    """Capital gains tax of one investor kind on one sale date, in ppm of the gain."""

    short: int
    long: int
    long_after_days: int


@dataclass(frozen=True)
class DayRules:
    """The exchange's rules on one day. Rates in ppm, money in paisa, keyed by instrument where they differ.

    assumed: one line per rule whose value on this day is carried back from its earliest known day
    """

    day: date
    commission: Mapping[str, Slabs]
    commission_minimum: int
    sebon_fee: Mapping[str, int]
    dp_charge: int
    capital_gains_tax: Mapping[Investor, TaxRates]
    tick: Mapping[str, int]
    lots: Mapping[str, int]
    price_band: int
    pre_open_band: int
    order_step: int
    settlement_sessions: int
    assumed: tuple[str, ...]

    def tick_of(self, instrument: str) -> int:
        """The price step of an instrument, in paisa."""
        return self.tick[QUOTED_AS.get(instrument, instrument)]

    def lot_of(self, instrument: str) -> int:
        """The smallest order of the normal board, in units."""
        return self.lots["face_10" if instrument in FACE_10 else "face_100"]


class Rulebook:
    """All dated rows. `on(day)` gives the rules of a day; rows of one table are contiguous from `begins` on."""

    def __init__(self, text: str) -> None:
        table = tomllib.loads(text)
        self.begins: date = table.pop("begins")
        self.checked: date = table.pop("checked")
        closures = table.pop("closures")
        self.closures = frozenset[date](closures["days"])
        self.closures_known_from: date = closures["known_from"]
        self.closures_known_until: date = closures["known_until"]
        self.tables = dict(_tables(table))
        for name, rows in self.tables.items():
            days = [row["from"] for row in rows]
            if days != sorted(set(days)) or days[0] != self.begins:
                raise ValueError(f"rules.toml: rows of {name} must begin on {self.begins} and rise by date")

    def row(self, table: str, day: date) -> Mapping[str, Any]:
        """The row of a table that holds on a day. Raises InvalidInput before the rulebook begins."""
        if day < self.begins:
            raise InvalidInput(
                f"the rulebook begins on {self.begins}; there are no rules for {day}: choose a later day"
            )
        return next(row for row in reversed(self.tables[table]) if row["from"] <= day)

    def on(self, day: date) -> DayRules:
        """The rules of one day."""
        rows = {name: self.row(name, day) for name in self.tables}

        def by_instrument(table: str) -> dict[str, Mapping[str, Any]]:
            return {name.partition(".")[2]: row for name, row in rows.items() if name.startswith(table + ".")}

        tax = rows["capital_gains_tax"]
        after = tax["long_after_days"]
        gains_tax = {kind: TaxRates(ppm(tax[key]), ppm(tax[key]), after) for kind, key in _FLAT_TAX.items()}
        gains_tax["individual"] = TaxRates(ppm(tax["individual_short"]), ppm(tax["individual_long"]), after)
        return DayRules(
            day=day,
            commission={name: _slabs(row["slabs"]) for name, row in by_instrument("commission").items()},
            commission_minimum=paisa(rows["commission_minimum"]["rupees"]),
            sebon_fee={name: ppm(row["percent"]) for name, row in by_instrument("sebon_fee").items()},
            dp_charge=paisa(rows["dp_charge"]["rupees"]),
            capital_gains_tax=gains_tax,
            tick={name: paisa(row["rupees"]) for name, row in by_instrument("tick").items()},
            lots={face: rows["board_lot"][face] for face in ("face_100", "face_10")},
            price_band=ppm(rows["price_band"]["percent"]),
            pre_open_band=ppm(rows["pre_open_band"]["percent"]),
            order_step=ppm(rows["order_step"]["percent"]),
            settlement_sessions=rows["settlement"]["sessions"],
            assumed=tuple(self._assumption(name, row) for name, row in rows.items() if row["status"] == "assumed"),
        )

    def weekdays(self, day: date) -> frozenset[int]:
        """The trading week that holds on a day, Monday is 0."""
        return frozenset(_WEEKDAYS.index(name) for name in self.row("trading_week", day)["days"])

    def _assumption(self, table: str, row: Mapping[str, Any]) -> str:
        later = next((r["from"] for r in self.tables[table] if r["from"] > row["from"]), None)
        until = f" to {later - timedelta(days=1)}" if later else ""
        return f"{table.replace('_', ' ').replace('.', ', ')} from {row['from']}{until}: {row['source']}"


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FLAT_TAX: dict[Investor, str] = {"entity": "entity", "fund": "fund", "non-resident": "non_resident"}


def _tables(node: Mapping[str, Any], prefix: str = "") -> Sequence[tuple[str, list[Mapping[str, Any]]]]:
    """Every table of rows by its dotted name: commission.equity, tick.mutual_fund, settlement."""
    found: list[tuple[str, list[Mapping[str, Any]]]] = []
    for key, value in node.items():
        if isinstance(value, list):
            found.append((prefix + key, value))
        else:
            found.extend(_tables(value, f"{prefix}{key}."))
    return found


def _slabs(rows: Sequence[tuple[str, str]]) -> Slabs:
    ends = [LARGEST * 1000 if end == "inf" else paisa(end) for end, _ in rows]
    if not np.all(np.diff(ends) > 0):
        raise ValueError("rules.toml: slabs must rise")
    return Slabs(up_to=tuple(ends), rates=tuple(ppm(rate) for _, rate in rows))


@cache
def rulebook() -> Rulebook:
    """The shipped rulebook."""
    return Rulebook(files(__package__).joinpath("rules.toml").read_text(encoding="utf-8"))
