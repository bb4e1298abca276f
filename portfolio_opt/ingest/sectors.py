"""Which sector and kind of instrument a symbol is: from sectors.csv, or from the symbol alone where there is none."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import InvalidInput
from .csv_table import Row
from .fields import symbol

INSTRUMENTS = frozenset(
    {"equity", "promoter_share", "preference_share", "debenture", "government_bond", "mutual_fund", "unknown"}
)
ALIASES = {
    "hydropower": "Hydro Power",
    "hydropower index": "Hydro Power",
    "non-life insurance": "Non Life Insurance",
    "non life": "Non Life Insurance",
    "development bank limited": "Development Banks",
    "development bank": "Development Banks",
    "commercial bank": "Commercial Banks",
    "banking": "Commercial Banks",
    "trading": "Tradings",
    "manufacturing and processing": "Manufacturing And Processing",
    "hotels and tourism": "Hotels And Tourism",
}


@dataclass(frozen=True)
class Labels:
    """What is known of symbols beside their prices, by symbol. status_2026_04 is never read: it is look-ahead."""

    sector: Mapping[str, str]
    instrument: Mapping[str, str]


def labels_of(rows: Iterable[Row]) -> Labels:
    """The labels of rows of the sectors table. Raises InvalidInput for an unknown instrument or a symbol that stands twice."""
    sector: dict[str, str] = {}
    instrument: dict[str, str] = {}
    for row in rows:
        name = row.read("symbol", symbol)
        kind = row.cells["instrument_type"].strip()
        if name in instrument:
            raise InvalidInput(f"{row.file}, line {row.line}: {name} stands twice; keep one row")
        if kind not in INSTRUMENTS:
            known = ", ".join(sorted(INSTRUMENTS))
            raise InvalidInput(f"{row.file}, line {row.line}: instrument_type is {kind[:40]!r}; choose one of {known}")
        sector[name] = canonical(row.cells["sector"])
        instrument[name] = kind
    return Labels(sector, instrument)


def canonical(sector: str) -> str:
    """A sector under the exchange's own name, whichever way a source spells it."""
    given = " ".join(sector.split())
    return ALIASES.get(given.lower(), given)


def labels_from_symbols(symbols: Iterable[str]) -> Labels:
    """Instruments read off the symbols: digits mark a debenture or bond, P or PO behind another symbol a promoter share."""
    names = set(symbols)

    def kind(name: str) -> str:
        if re.search(r"[\d/%]", name):
            return "debenture"
        if name.endswith("PO") or (name.endswith("P") and name[:-1] in names):
            return "promoter_share"
        return "equity"

    return Labels({}, {name: kind(name) for name in names})
