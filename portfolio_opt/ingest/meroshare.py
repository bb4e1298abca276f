"""The three MeroShare exports: what is held, what it cost, and when it came. Personal columns are read past, never kept."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ..errors import InvalidInput
from ..market.account import Account, Lot
from ..market.money import share_of
from ..market.rules import Investor
from .csv_table import Row, read_table
from .fields import day, money, shown, symbol, units
from .findings import Finding, about

HOLDINGS = (
    frozenset({"scrip", "current balance"}),
    frozenset(
        {
            "s.n",
            "last closing price",
            "value as of last closing price",
            "last transaction price (ltp)",
            "value as of ltp",
        }
    ),
)
WACC = (
    frozenset({"wacc calculated quantity", "wacc rate", "total cost of capital"}),
    frozenset({"s.n", "demat", "scrip", "scrip name", "last modification date"}),
)
TRANSACTIONS = (
    frozenset({"scrip", "transaction date", "credit quantity", "debit quantity", "history description"}),
    frozenset({"s.n", "balance after transaction"}),
)
BOUGHT_BEFORE = re.compile(r"CA-Rearrangement.*\bPUR (\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class Held:
    """A row of My Shares Values: units, and the price the file gives (paisa), if any."""

    units: int
    price: int | None


@dataclass(frozen=True)
class Cost:
    """A row of My Wacc Report: units whose cost is calculated, and that cost in paisa."""

    units: int
    total: int


@dataclass(frozen=True)
class Movement:
    """A row of Transaction History: units that came (positive) or went (negative) on a day."""

    day: date
    units: int


def read_account(
    holdings: str | Path | None = None,
    wacc: str | Path | None = None,
    transactions: str | Path | None = None,
    *,
    cash: int = 0,
    unsettled_cash: tuple[tuple[date, int], ...] = (),
    investor: Investor = "individual",
) -> tuple[Account, list[Finding]]:
    """An Account from MeroShare exports, each optional, with what the files left open.

    cash, unsettled_cash: paisa, free today and by the day it settles
    Without a WACC report the cost is unknown and taken as zero, which makes the tax estimate an upper bound; without a
    transaction history every sale counts as short-term. Raises InvalidInput naming file and line.
    """
    held = read_holdings(Path(holdings)) if holdings else {}
    costs = read_wacc(Path(wacc)) if wacc else None
    history = read_transactions(Path(transactions)) if transactions else None
    findings = [*_cost_findings(held, costs), *_age_findings(held, history)]
    lots: list[Lot] = []
    for name, row in held.items():
        ages, _ = _remaining(history.get(name, []), row.units) if history is not None else ([], 0)
        lots += _lots(name, row.units, _total_cost(row.units, (costs or {}).get(name)), ages)
    account = Account(
        lots=tuple(lots),
        settled_cash=cash,
        unsettled_cash=tuple(sorted(unsettled_cash)),
        investor=investor,
        quoted={name: row.price for name, row in held.items() if row.price},
        cost_known=costs is not None or not held,
        ages_known=history is not None or not held,
    )
    return account, findings


def read_holdings(path: Path) -> dict[str, Held]:
    """My Shares Values by symbol; balances of 0 are left out. Raises InvalidInput for a symbol that stands twice."""
    held: dict[str, Held] = {}
    seen: set[str] = set()
    for row in read_table(path, *HOLDINGS):
        name = row.read("scrip", symbol)
        _refuse_twice(row, name, seen)
        prices = [
            row.read(column, money)
            for column in ("last closing price", "last transaction price (ltp)")
            if row.cells.get(column)
        ]
        balance = row.read("current balance", units)
        if balance:
            held[name] = Held(balance, next((price for price in prices if price), None))
    return held


def read_wacc(path: Path) -> dict[str, Cost]:
    """My Wacc Report by symbol. Raises InvalidInput for a symbol that stands twice, as when two accounts share a file."""
    costs: dict[str, Cost] = {}
    seen: set[str] = set()
    for row in read_table(path, *WACC):
        column = next((c for c in ("scrip", "scrip name") if c in row.cells), None)
        if column is None:
            raise InvalidInput(f"{row.file}: no column Scrip or Scrip Name; export the WACC report again")
        name = row.read(column, symbol)
        _refuse_twice(row, name, seen)
        cost = Cost(row.read("wacc calculated quantity", units), row.read("total cost of capital", money))
        rate = row.read("wacc rate", money)
        if (
            abs(cost.total - rate * cost.units) > cost.units + 100
        ):  # the printed rate is rounded to the paisa or coarser
            raise InvalidInput(
                f"{row.file}, line {row.line}: {name}: rate × quantity is not the total cost; columns may have shifted: "
                "export the report again"
            )
        costs[name] = cost
    return costs


def read_transactions(path: Path) -> dict[str, list[Movement]]:
    """Transaction History by symbol, in the order in which units moved, a day's credits before its debits.

    The day of a credit is the day that counts for its age: an earlier one where a rearrangement tells when it was bought.
    """
    movements: dict[str, list[tuple[date, Movement]]] = defaultdict(list)
    for row in read_table(path, *TRANSACTIONS):
        came, went = row.read("credit quantity", units), row.read("debit quantity", units)
        if bool(came) == bool(went):
            raise InvalidInput(f"{row.file}, line {row.line}: a row credits or debits units, not both and not neither")
        moved_on = row.read("transaction date", day)
        since = (row.read("history description", _bought_before) if came else None) or moved_on
        movements[row.read("scrip", symbol)].append((moved_on, Movement(since, came or -went)))
    ordered = {name: sorted(rows, key=lambda row: (row[0], -row[1].units)) for name, rows in movements.items()}
    return {name: [movement for _, movement in rows] for name, rows in ordered.items()}


def _bought_before(description: str) -> date | None:
    found = BOUGHT_BEFORE.search(description)
    return day(found[1]) if found else None


def _refuse_twice(row: Row, name: str, seen: set[str]) -> None:
    if name in seen:
        raise InvalidInput(
            f"{row.file}, line {row.line}: {shown(name)} stands twice; keep one row a symbol (one account a file)"
        )
    seen.add(name)


def _remaining(movements: Iterable[Movement], balance: int) -> tuple[list[Movement], int]:
    """What is left first in, first out, cut or filled to the balance; and the units the history does not explain.

    More units left than held: the oldest are dropped, as sales take them first. Fewer: the rest has no known age.
    """
    left: list[Movement] = []
    for movement in movements:
        left.append(movement)
        if movement.units < 0:
            left = _without_oldest(left[:-1], -movement.units)
    surplus = sum(m.units for m in left) - balance
    return _without_oldest(left, max(surplus, 0)), -surplus


def _without_oldest(lots: list[Movement], units_sold: int) -> list[Movement]:
    kept = []
    for lot in sorted(lots, key=lambda m: m.day):
        gone = min(lot.units, units_sold)
        units_sold -= gone
        if lot.units > gone:
            kept.append(Movement(lot.day, lot.units - gone))
    return kept


def _total_cost(balance: int, cost: Cost | None) -> int:
    """The cost of a balance: the report's total, or its average where fewer units are left than it covers."""
    if cost is None or not cost.units:
        return 0
    return int(share_of(cost.total, min(balance, cost.units), cost.units))


def _lots(name: str, balance: int, total_cost: int, ages: list[Movement]) -> list[Lot]:
    """Lots that share the total cost by units, exactly; units without an age last."""
    parts = [(m.units, m.day) for m in ages]
    unexplained = balance - sum(m.units for m in ages)
    days: list[tuple[int, date | None]] = [*parts, *([(unexplained, None)] if unexplained else [])]
    lots = []
    before = 0
    for count, acquired in days:
        cost = share_of(total_cost, before + count, balance) - share_of(total_cost, before, balance)
        lots.append(Lot(name, count, int(cost), acquired))
        before += count
    return lots


def _cost_findings(held: Mapping[str, Held], costs: Mapping[str, Cost] | None) -> list[Finding]:
    if costs is None:
        effect = "tax is estimated as if they had cost nothing, its upper bound; give --wacc"
        return [Finding("holdings without a cost, no WACC report given", len(held), effect, "warning")] if held else []
    none = sorted(name for name in held if not costs.get(name, Cost(0, 0)).units)
    below = sorted(name for name in held if 0 < costs.get(name, Cost(0, 0)).units < held[name].units)
    above = sorted(name for name in held if name in costs and costs[name].units > held[name].units)
    gone = sorted(name for name in costs if name not in held)
    free = "tax is estimated as if these units had cost nothing, its upper bound"
    found = [
        about("holdings without a WACC", none, free, "warning"),
        about(
            "holdings with fewer units in the WACC report than in the balance",
            below,
            f"{free}; calculate their WACC before selling",
            "warning",
        ),
        about("holdings with more units in the WACC report than in the balance", above, "the average cost is used"),
        about("WACC rows of symbols that are not held", gone, "not used"),
    ]
    return [finding for finding in found if finding.rows]


def _age_findings(held: Mapping[str, Held], history: Mapping[str, list[Movement]] | None) -> list[Finding]:
    if history is None:
        effect = "every sale is treated as short-term; give --transactions"
        return (
            [Finding("holdings without acquisition days, no transaction history given", len(held), effect, "warning")]
            if held
            else []
        )
    short = {name: _remaining(history.get(name, []), row.units)[1] for name, row in held.items()}
    fewer = sorted(name for name, missing in short.items() if missing > 0)
    more = sorted(name for name, missing in short.items() if missing < 0)
    found = [
        about(
            "holdings that the transaction history does not fully explain",
            fewer,
            "the rest counts as short-term",
            "warning",
        ),
        about("holdings with fewer units than the history leaves", more, "the oldest units count as sold", "warning"),
    ]
    return [finding for finding in found if finding.rows]
