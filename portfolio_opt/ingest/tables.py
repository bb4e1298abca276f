"""The store's small tables beside the prices: their columns, and how rows of several sources become one table.

Whatever the order in which sources come, the table is the same: of rows that speak of the same thing those of the best source
stay, and of equal ones the greatest as text.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .csv_table import Row

Cells = Mapping[str, str]
Key = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One small table.

    subject: what a row speaks of; only the best source's rows about a subject stay
    identity: what tells two rows of one source about one subject apart, as two bonuses of one year; () where one row says all
    passed_over: columns that may stand in a file but are not kept
    stated: whether it is the user's own statement, so that a later file takes the place of an earlier one
    """

    columns: tuple[str, ...]
    required: frozenset[str]
    subject: Callable[[Cells], Key]
    identity: Callable[[Cells], Key] = lambda _: ()
    passed_over: frozenset[str] = frozenset()
    stated: bool = False


@dataclass(frozen=True)
class Disagreement:
    """Two sources that say different things of one subject: where, and what was kept and left."""

    subject: Key
    kept: Row
    left: Row


def _about(*columns: str) -> Callable[[Cells], Key]:
    return lambda cells: tuple(cells.get(column, "") for column in columns)


def _action(cells: Cells) -> Key:
    year = cells.get("fiscal_year") or cells.get("subscription_open") or cells.get("book_close") or cells.get("ex_date")
    return cells["symbol"], cells["type"], year or ""


TABLES: dict[str, Table] = {
    "sectors": Table(
        columns=("symbol", "name", "sector", "instrument_type", "source"),
        required=frozenset({"symbol", "sector", "instrument_type"}),
        subject=_about("symbol"),
        passed_over=frozenset({"status_2026_04", "n_rows_shared", "first_date", "last_date_shared"}),
    ),
    "corporate_actions": Table(
        columns=(
            "symbol",
            "type",
            "ratio",
            "pct_of_par",
            "amount_npr",
            "issue_price",
            "book_close",
            "ex_date",
            "verified",
            "subscription_open",
            "subscription_close",
            "fiscal_year",
            "announcement_date",
            "source",
        ),
        required=frozenset({"symbol", "type", "ratio", "amount_npr", "issue_price", "book_close", "ex_date"}),
        subject=_action,
        identity=_about("ratio", "pct_of_par", "amount_npr", "book_close", "ex_date"),
    ),
    "official_adjustments": Table(
        columns=("symbol", "last_cum_date", "kind", "pct", "prev_close", "adjusted_price", "factor", "reason"),
        required=frozenset({"symbol", "last_cum_date", "kind", "pct", "prev_close", "adjusted_price"}),
        subject=_about("symbol", "last_cum_date", "kind"),
    ),
    "mergers": Table(
        columns=("symbol", "successor", "ratio", "last_day", "first_day", "note"),
        required=frozenset({"symbol", "successor", "ratio", "last_day"}),
        subject=_about("symbol"),
        stated=True,
    ),
    "holidays": Table(
        columns=("date", "kind", "name", "note"),
        required=frozenset({"date"}),
        subject=_about("date"),
        identity=_about("kind", "name"),
        stated=True,
    ),
    "index": Table(
        columns=("index", "date", "open", "high", "low", "close", "turnover", "source"),
        required=frozenset({"index", "date", "close"}),
        subject=_about("index", "date"),
    ),
}
LISTS = {"sector codes": 1, "dividend list": 1, "right-share list": 1, "proposed dividends": 2, "securities list": 2}
CURATED = 3
SAID_BY_THE_WAY = ("name", "source", "verified", "announcement_date", "ex_date")


def merged(table: Table, rows: Iterable[Row]) -> tuple[list[Row], list[Disagreement]]:
    """The rows that stay, sorted, and what sources disagree on."""
    by_subject: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        by_subject[table.subject(row.cells)].append(row)
    kept: list[Row] = []
    apart: list[Disagreement] = []
    for subject, speaking in sorted(by_subject.items()):
        best = max(_rank(row) for row in speaking)
        stays: dict[Key, Row] = {}
        for row in sorted(speaking, key=lambda row: _text(table, row)):  # the greatest text comes last, and stays
            if _rank(row) == best:
                stays[table.identity(row.cells)] = row
        kept += stays.values()
        first = next(iter(stays.values()))
        apart += [
            Disagreement(subject, first, row)
            for row in speaking
            if all(_contradict(table, row, other) for other in stays.values())
        ]
    return sorted(kept, key=lambda row: _text(table, row)), apart


def refuse_twice(table: Table, rows: Iterable[Row]) -> None:
    """Raises InvalidInput where rows of one file speak twice of what one row says."""
    seen: set[tuple[Key, Key]] = set()
    for row in rows:
        about = table.subject(row.cells), table.identity(row.cells)
        if about in seen:
            row.refuse(f"{' '.join(about[0])} stands twice; keep one row")
        seen.add(about)


def _rank(row: Row) -> int:
    source = row.cells.get("source", "")
    return 0 if source.startswith("inferred") else LISTS.get(source, CURATED)


def _text(table: Table, row: Row) -> Key:
    return tuple(row.cells.get(column, "") for column in table.columns)


def _contradict(table: Table, one: Row, other: Row) -> bool:
    """Whether two rows state different things; what only one of them states is no contradiction."""
    for column in table.columns:
        a, b = one.cells.get(column, ""), other.cells.get(column, "")
        if a and b and a != b and column not in SAID_BY_THE_WAY and not _same_number(a, b):
            return True
    return False


def _same_number(a: str, b: str) -> bool:
    try:
        return abs(float(a) - float(b)) <= 1e-4 * max(abs(float(a)), abs(float(b)))
    except ValueError:
        return False
