"""What the investor wants, from options, a mandate and Python alike: one set of limits, the stricter of any two."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from ..allocate.mandate_limits import limits_of
from ..allocate.problem import Limits, Problem
from ..allocate.statement.term import Limit
from ..allocate.statement.text import limits_from_text
from ..ingest.mandate import Mandate, require_known
from ..ingest.panel import Panel

PLAIN = ("max_weight", "max_sector", "cash_floor", "max_participation")
FORBIDDEN = "forbidden by the configuration"


def plain_limits(asked: Mapping[str, Any], mandate: Mandate | None = None) -> Limits:
    """Caps and cash floor: what is asked for, else the mandate's, else the default; where both are given, the stricter.

    asked: by the names of Limits, and whatever else; None, or no such name, where nothing is asked for
    """
    found = {field.name: asked[field.name] for field in fields(Limits) if asked.get(field.name) is not None}
    for name in PLAIN:
        if (allowed := getattr(mandate, name, None)) is not None:
            stricter = max if name == "cash_floor" else min
            found[name] = stricter(found.get(name, allowed), allowed)
    return Limits(**found)


def not_bought(forbidden: Iterable[str], mandate: Mandate | None, panel: Panel) -> dict[str, str]:
    """Symbols that are not to be bought, and why."""
    return {**(mandate.excluded(panel) if mandate else {}), **dict.fromkeys(forbidden, FORBIDDEN)}


def with_wishes(problem: Problem, further: Iterable[Limit | str], mandate: Mandate | None, panel: Panel) -> Problem:
    """The problem with further limits, some of them as text, and those of a mandate.

    Raises InvalidInput for a text that cannot be read and for a name or sector that the prices do not know.
    """
    symbols, sectors = {*panel.symbols.tolist(), *panel.known_symbols}, set(panel.sector.tolist()) - {""}
    wanted = [
        limit
        for each in further
        for limit in (limits_from_text(each, symbols, sectors) if isinstance(each, str) else (each,))
    ]
    if mandate is not None:
        require_known(mandate, panel)
        wanted += limits_of(mandate, problem, symbols, sectors)
    return replace(problem, further=(*problem.further, *wanted)) if wanted else problem
