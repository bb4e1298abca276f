"""Holdings that have no prices: kept as they are, unless the symbol is one slip away from a known one at a like price."""

from collections.abc import Collection, Iterable

import numpy as np

from ..errors import InvalidInput
from ..market.account import Account
from .findings import Finding, about
from .panel import Panel

LIKE_PRICE = 0.15  # a file price this close to the known symbol's last close makes a slip of the pen likely


def refuse_misspelt(account: Account, panel: Panel, known: Collection[str], accepted: Iterable[str]) -> None:
    """Raises InvalidInput for a held symbol without prices that is one slip away from a symbol with a like price.

    known: symbols that exist although they have no prices; accepted: symbols the user confirmed
    """
    closes, _ = panel.last_close()
    fine = {*known, *accepted, *panel.symbols.tolist()}
    for name in sorted(account.quoted.keys() - fine):
        quoted = account.quoted[name] / 100
        for column in np.flatnonzero(np.abs(quoted / closes - 1) <= LIKE_PRICE):
            meant = str(panel.symbols[column])
            if one_slip(name, meant):
                raise InvalidInput(
                    f"holdings: {name!r} has no prices; did you mean {meant!r} (its last close {closes[column]:,.2f} is near "
                    f"the file's {quoted:,.2f})? correct the symbol, or accept it with unpriced = [{name!r}] in the configuration"
                )


def price_disagreements(account: Account, panel: Panel) -> list[Finding]:
    """Held symbols whose price in the holdings file is far from the last close, as when the two are of different days."""
    closes = dict(zip(panel.symbols.tolist(), panel.last_close()[0].tolist(), strict=True))
    apart = [
        name
        for name, quoted in sorted(account.quoted.items())
        if name in closes and abs(quoted / 100 / closes[name] - 1) > LIKE_PRICE
    ]
    effect = "valued at the last close; check that both files are of the same day"
    found = about(
        f"holdings whose file price is more than {LIKE_PRICE:.0%} from the last close", apart, effect, "warning"
    )
    return [found] if apart else []


def one_slip(a: str, b: str) -> bool:
    """Whether one letter added, dropped, changed, or two neighbours swapped, turns a into b."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    head = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[head:], b[head:]
    swapped = rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:]
    return swapped or rest_a[1:] == rest_b[1:] or rest_a[1:] == rest_b or rest_a == rest_b[1:]
