"""What the units of a balance cost: the WACC report, else the purchase source, else the trade book."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...market.money import share_of
from ..findings import Finding, about
from .files import BOOK, PURCHASES, WACC, Files
from .wacc import Cost

FREE = "tax is estimated as if these units had cost nothing, its upper bound"


@dataclass(frozen=True)
class Known:
    """The cost of one symbol and the file that tells it."""

    file: str
    cost: Cost

    def of(self, balance: int) -> int:
        """Paisa of a balance: the whole cost, or its average where fewer units are left than it covers."""
        return int(share_of(self.cost.total, min(balance, self.cost.units), self.cost.units))


def known_costs(files: Files, balance: Mapping[str, int]) -> dict[str, Known]:
    """The cost of every symbol held of which a file tells it."""
    known = {}
    for name in balance:
        told = (
            Known(WACC, (files.wacc or {}).get(name, Cost(0, 0))),
            Known(PURCHASES, files.bought(name)),
            Known(BOOK, files.traded(name)),
        )
        first = next((each for each in told if each.cost.units), None)
        if first:
            known[name] = first
    return known


def cost_findings(files: Files, balance: Mapping[str, int], known: Mapping[str, Known]) -> list[Finding]:
    """Holdings whose cost is open or covers other units, and costs on which two files disagree."""
    if not files.tell_costs:
        effect = "tax is estimated as if they had cost nothing, its upper bound; give --wacc"
        rule = "holdings without a cost, no WACC report given"
        return [Finding(rule, len(balance), effect, "warning")] if balance else []
    what = "a WACC" if files.purchases is None and files.trades is None else "a cost in any file"
    found = [about(f"holdings without {what}", sorted(balance.keys() - known.keys()), FREE, "warning")]
    for file in (WACC, PURCHASES, BOOK):
        units = {name: each.cost.units for name, each in known.items() if each.file == file}
        advice = "; calculate their WACC before selling" if file == WACC else ""
        below = sorted(name for name in units if units[name] < balance[name])
        above = sorted(name for name in units if units[name] > balance[name])
        rule = f"units in the {file} than in the balance"
        found.append(about(f"holdings with fewer {rule}", below, FREE + advice, "warning"))
        found.append(about(f"holdings with more {rule}", above, "the average cost is used"))
        if files.wacc is not None and file != WACC:
            found.append(about("holdings without a WACC", sorted(units), f"their cost is the {file}'s"))
    found += [
        about("WACC rows of symbols that are not held", sorted((files.wacc or {}).keys() - balance.keys()), "not used"),
        *_purchase_findings(files),
    ]
    return [finding for finding in found if finding.rows]


def _purchase_findings(files: Files) -> list[Finding]:
    purchases = files.purchases or {}
    free = sorted(name for name, rows in purchases.items() if not all(row.cost for row in rows))
    units, cost = [], []
    for name in sorted((files.wacc or {}).keys() & purchases.keys()):
        reported, bought = (files.wacc or {})[name], files.bought(name)
        if not (reported.units and bought.units):
            continue
        if reported.units != bought.units:
            units.append(name)
        like = int(share_of(bought.total, reported.units, bought.units))
        if abs(like - reported.total) > reported.units + 100:  # both print rates rounded to the paisa or coarser
            cost.append(name)
    used = "the WACC report is used; check both files"
    return [
        about("symbols with purchases without a rate", free, "they count as free", "warning"),
        about(f"symbols with other units in the {WACC} than in the {PURCHASES}", units, used, "warning"),
        about(f"symbols with another average cost in the {WACC} than in the {PURCHASES}", cost, used, "warning"),
    ]
