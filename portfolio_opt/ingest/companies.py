"""Companies' full names, as some pages give them, to symbols."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .csv_table import Row
from .quotes import Quotes, joined

BY_NAME = "under its company's name: read under a symbol as far as a list of securities gives one"
COMPANY_SOURCES = ("old today's price page",)  # the kinds of source that name companies instead of symbols
FORMS = re.compile(r"\b(limited|ltd|company|comapany|co|pvt|public)\b\.?")
KINDS = ("equity", "mutual_fund", "preference_share", "promoter_share", "debenture", "government_bond", "unknown")


def company_key(name: str) -> str:
    """A company's name without its legal form, punctuation and case, so that spellings of one name meet."""
    words = re.sub(r"[^a-z0-9%.]+", " ", name.casefold())
    return re.sub(r"[^a-z0-9%]", "", FORMS.sub("", words))


def symbols_by_company(labels: Iterable[Row]) -> dict[str, str]:
    """Symbols by company key, from rows of the sectors table; of several of one name the ordinary share, then the first."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in labels:
        if key := company_key(row.cells.get("name", "")):
            kind = row.cells["instrument_type"]
            found[key].append((KINDS.index(kind) if kind in KINDS else len(KINDS), row.cells["symbol"]))
    return {key: min(candidates)[1] for key, candidates in found.items()}


def of_named_companies(rows: Quotes) -> NDArray[np.bool_]:
    """Which rows come from a source that names companies: the symbols they stand under may change with the labels."""
    return np.isin(rows.source, [k for k, source in enumerate(rows.sources) if source in COMPANY_SOURCES])


def under_symbols(named: Quotes, labels: Sequence[Row]) -> Quotes:
    """Rows under companies' full names put under their symbols, as far as the labels tell; the others are left out."""
    symbols = symbols_by_company(labels)
    known = {k: symbols.get(company_key(name)) for k, name in enumerate(named.names)}
    found = np.isin(named.symbol, [k for k, symbol in known.items() if symbol])
    rows = named.rows(np.flatnonzero(found))
    return joined([replace(rows, names=tuple(known.get(k) or name for k, name in enumerate(named.names)))])
