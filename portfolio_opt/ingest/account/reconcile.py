"""Where the files of one account disagree on units: one finding a pair of files, with symbols; nothing is guessed from it."""

from collections.abc import Mapping
from itertools import combinations

from ..findings import Finding, about
from .costs import Known
from .files import BOOK, HISTORY, PURCHASES, WACC, Files

Units = Mapping[str, int]
TOLD_BY_COSTS = (WACC, PURCHASES)


def disagreements(files: Files, balance: Units, known: Mapping[str, Known]) -> list[Finding]:
    """Symbols of which two files leave other units, each pair of files once.

    known: costs in use; that their file covers other units than the balance is told with the costs
    Two files that differ because only one of them differs from the balance are told once, with the balance.
    """
    claims = _claims(files, balance)
    found = []
    for file, units in claims.items():
        told = {name for name, each in known.items() if each.file == file}
        names = sorted(name for name in units.keys() - told if file != WACC and units[name] != balance.get(name, 0))
        found.append(_differ("balance", file, names))
    for (one, units), (other, others) in combinations(claims.items(), 2):
        names = [
            name
            for name in sorted(units.keys() & others.keys())
            if units[name] != others[name] and balance.get(name, 0) not in (units[name], others[name])
        ]
        if (one, other) != TOLD_BY_COSTS:
            found.append(_differ(one, other, names))
    broken = sorted(name for name, past in (files.history or {}).items() if not past.whole)
    effect = "rows may be missing; export the whole history again"
    rule = "symbols whose printed balances in the transaction history do not follow from its rows"
    return [finding for finding in (*found, about(rule, broken, effect, "warning")) if finding.rows]


def _claims(files: Files, balance: Units) -> dict[str, Units]:
    """File to the units that it leaves by symbol. Of a symbol that it does not name, or cannot count, it claims nothing.

    A history without printed balances is compared with the balance by its units' ages, a purchase source only where a file
    tells the sales or where it has fewer units than are held.
    """
    history = {name: past.last_balance for name, past in (files.history or {}).items()}
    moved = {name: past.moved for name, past in (files.history or {}).items() if name not in balance}
    bought = {name: files.bought(name).units for name in files.purchases or {}}
    traded = {name: sum(m.units for m in trades) for name, trades in (files.trades or {}).items()}
    return {
        WACC: {name: cost.units for name, cost in (files.wacc or {}).items() if cost.units},
        PURCHASES: {
            name: units
            for name, units in bought.items()
            if files.sales(name) is not None or units < balance.get(name, 0)
        },
        HISTORY: moved | {name: units for name, units in history.items() if units is not None},
        BOOK: traded,
    }


def _differ(one: str, other: str, names: list[str]) -> Finding:
    rule = f"symbols with other units in the {one} than in the {other}"
    if BOOK in (one, other):
        why = "a trade book has no bonus, right or public offering units, and its last trades may not be settled"
        return about(rule, names, f"{why}; the balance is used")
    return about(rule, names, "the balance is used; check both files", "warning")
