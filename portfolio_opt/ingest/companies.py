"""Companies' full names, as some pages give them, to symbols."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .csv_table import Row
from .quotes import Quotes, joined

UNKNOWN_COMPANY = "no symbol is known for this company's name"
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


def under_symbols(
    rows: Quotes, reason: NDArray[np.object_], labels: Sequence[Row]
) -> tuple[Quotes, NDArray[np.object_]]:
    """Rows that wait for their company's symbol, put under it as far as the labels tell; all others as they are."""
    unknown = reason == UNKNOWN_COMPANY
    if not unknown.any():
        return rows, reason
    symbols = symbols_by_company(labels)
    known = {k: symbols.get(company_key(rows.names[k])) for k in np.unique(rows.symbol[unknown]).tolist()}
    found = unknown & np.isin(rows.symbol, [k for k, symbol in known.items() if symbol])
    names = tuple(known.get(k) or name for k, name in enumerate(rows.names))
    return (
        joined([rows.rows(~found), replace(rows.rows(found), names=names)]),
        np.concatenate([reason[~found], np.full(found.sum(), "", object)]),
    )
