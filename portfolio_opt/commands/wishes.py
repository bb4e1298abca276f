"""What the investor wants, from options, a mandate and Python alike: one set of limits, the stricter of any two."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from ..allocate.mandate_limits import limits_of
from ..allocate.problem import Limits, Problem
from ..allocate.statement.term import Limit
from ..allocate.statement.text import limits_from_text
from ..errors import InvalidInput
from ..ingest.fields import shown
from ..ingest.mandate import Mandate, nearest, require_known
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


def _known(limit: Any, known: set[str]) -> Limit:
    """The limit, if it is one and names nothing but what these prices know."""
    if not isinstance(limit, Limit):
        raise InvalidInput(f"a limit of further is a {type(limit).__name__}; give limits as objects or as text")
    _require_known(f"limit {limit.in_words()!r}", limit.named(), known)
    return limit


def _require_known(what: str, names: Iterable[str], known: set[str]) -> None:
    """Raises InvalidInput for a name that is not known: a slip would lift the limit."""
    for name in names:
        if name not in known:
            guess = f"; did you mean {nearest(name, known)!r}?" if known else ""
            raise InvalidInput(f"{what}: {shown(name)} is no symbol or sector of these prices{guess}")


def with_wishes(problem: Problem, further: Iterable[Limit | str], mandate: Mandate | None, panel: Panel) -> Problem:
    """The problem with further limits, some of them as text, and those of a mandate.

    Raises InvalidInput for a text that cannot be read and for a name or sector that the prices do not know.
    """
    symbols, sectors = {*panel.symbols.tolist(), *panel.known_symbols}, set(panel.sector.tolist()) - {""}
    wanted = [
        limit
        for each in further
        for limit in (
            limits_from_text(each, symbols, sectors) if isinstance(each, str) else (_known(each, {*symbols, *sectors}),)
        )
    ]
    own = problem.limits
    for names, known in ((own.weight_caps, symbols), (own.locked, symbols), (own.sector_caps, sectors)):
        _require_known("limits", names, known)
    if mandate is not None:
        require_known(mandate, panel)
        wanted += limits_of(mandate, problem, symbols, sectors)
    return replace(problem, further=(*problem.further, *wanted)) if wanted else problem
