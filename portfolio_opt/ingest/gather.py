"""Source files of any mix to rows that can be merged: read, checked file by file, each with its name, hash and span."""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from .companies import BY_NAME
from .csv_table import Row
from .fields import shown, symbol
from .findings import Finding, about, about_rows
from .merge import TWICE
from .quotes import NOT_GREGORIAN, NUMBERS, PRICES, Quotes, day_of, impossible, joined, row_key
from .shapes.company_history import AGAIN, COMMON_NAMES
from .shapes.recognise import read_source
from .source import Content
from .tables import TABLES, refuse_twice

READERS = 4  # the parser waits for threads of its own, so a few more than there are processors keep these busy


@dataclass(frozen=True)
class SourceFile:
    """Where rows came from: the file's name (never its path), shape, hash, row count, first and last day, and its licence."""

    file: str
    shape: str
    sha256: str
    rows: int
    first: str
    last: str
    licence: str

    @property
    def key(self) -> tuple[str, str]:
        """What makes it another file: its content, or a name that says another symbol or day."""
        return self.sha256, self.file


@dataclass(frozen=True)
class Gathered:
    """All that a set of files brings.

    quotes: price rows under sorted names, None where no file has any; reason: (R,) why a row must stay aside, "" for none
    """

    files: tuple[SourceFile, ...]
    quotes: Quotes | None
    reason: NDArray[np.object_]
    tables: Mapping[str, list[Row]]
    findings: tuple[Finding, ...]


def gather(paths: Iterable[Path], *, set_aside: bool = False, licence: str = "not stated") -> Gathered:
    """The content of files of any known shapes.

    set_aside: whether impossible rows, and rows that stand twice in one file with different figures, are set aside with their
        reason instead of refusing the file
    Raises InvalidInput naming file and row for what cannot be read with certainty.
    """
    files: list[SourceFile] = []
    parts: list[Quotes] = []
    named: list[str] = []
    unsure: list[bool] = []
    tables: dict[str, list[Row]] = defaultdict(list)
    unused: dict[str, list[str]] = defaultdict(list)
    for path, shape, content in _read_ahead(paths):
        for name, rows in content.tables.items():
            told = [_under_columns(row, TABLES[name].columns) for row in rows]
            refuse_twice(TABLES[name], told)
            tables[name] += told
        if content.quotes:
            parts.append(content.quotes)
            named.append(path.name)
            unsure.append(content.companies)
        if content.unused:
            unused[shape].append(f"{path.name}: {content.unused}")
        files.append(_record(path, shape, content.rows, content.quotes, licence))
    twins = _same_content_under_other_names(files)
    findings = [
        Finding(f"{shape} files with content that serves nothing here", len(said), "not used", "note", tuple(said[:3]))
        for shape, said in sorted(unused.items())
    ]
    if twins:
        effect = "read as they are named; delete the one that is named wrongly"
        findings.append(about("files of one content under different names", twins, effect, "warning"))
    if not parts:
        return Gathered(tuple(files), None, np.empty(0, object), tables, tuple(findings))
    quotes, reason, found = _checked(parts, named, unsure, set_aside)
    return Gathered(tuple(files), quotes, reason, tables, (*findings, *found))


def _read_ahead(paths: Iterable[Path]) -> Iterator[tuple[Path, str, Content]]:
    """Each file with its shape and content, in order; the next few are read meanwhile, on threads of their own."""
    ahead: deque[tuple[Path, Future[tuple[str, Content]]]] = deque()
    with ThreadPoolExecutor(READERS) as pool:
        for path in paths:
            ahead.append((path, pool.submit(read_source, path)))
            if len(ahead) > 2 * READERS:
                first, read = ahead.popleft()
                yield first, *read.result()
        for path, read in ahead:
            yield path, *read.result()


def _same_content_under_other_names(files: Iterable[SourceFile]) -> list[str]:
    by_content: dict[str, set[str]] = defaultdict(set)
    for file in files:
        by_content[file.sha256].add(file.file)
    return sorted(" and ".join(sorted(names)) for names in by_content.values() if len(names) > 1)


def _under_columns(row: Row, columns: Sequence[str]) -> Row:
    """A row of a table under the table's columns: one spelling of a symbol, and no sign that cannot be shown."""
    cells = {column: row.cells.get(column, "").strip() for column in columns}
    for column, cell in cells.items():
        if not cell.isprintable():
            row.refuse(f"{column} is {shown(cell)}, with a sign that cannot be shown; correct it")
    if "symbol" in cells:
        cells["symbol"] = row.read("symbol", symbol)
    return replace(row, cells=cells)


def _record(path: Path, shape: str, rows: int, quotes: Quotes | None, licence: str) -> SourceFile:
    span = (day_of(quotes.day.min()), day_of(quotes.day.max())) if quotes else ("", "")
    return SourceFile(label(path), shape, sha256_of(path), rows, *span, licence)


def sha256_of(path: Path) -> str:
    """The hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def label(path: Path) -> str:
    """How a file is named without its path: with its folder where the folder says the symbol, as in NABIL/prices.csv."""
    named_by_folder = AGAIN.sub("", path.stem).lower() in COMMON_NAMES and path.suffix.lower() in (".csv", ".txt")
    return f"{path.resolve().parent.name}/{path.name}" if named_by_folder else path.name


def _checked(
    parts: list[Quotes], named: list[str], unsure: list[bool], set_aside: bool
) -> tuple[Quotes, NDArray[np.object_], list[Finding]]:
    """All rows joined; within a file, equal rows once."""
    quotes = joined(parts)
    lengths = [len(part) for part in parts]
    file = np.repeat(np.arange(len(parts)), lengths)
    reason = np.full(len(quotes), "", dtype=object)
    reason[np.repeat(unsure, lengths)] = BY_NAME
    for row, what in impossible(quotes).items():
        if not set_aside or what == NOT_GREGORIAN:  # then no day of the file can be believed
            raise InvalidInput(f"{named[file[row]]}: {quotes.where(row)}: {what}; {_REMEDY}")
        reason[row] = what
    quotes, found = _absent_where_zero(quotes)
    repeated, change = _repeated(quotes, file, reason, named, set_aside)
    quotes = replace(quotes, per_change=change)
    findings = [*found]
    if repeated.any():
        findings.append(about_rows("identical duplicate rows", quotes, np.flatnonzero(repeated), "kept once"))
        quotes, reason = quotes.rows(~repeated), reason[~repeated]
    return quotes, reason, findings


_REMEDY = "correct or delete the row; `portfolio-opt ingest` without --strict sets it aside"


def _repeated(
    quotes: Quotes, file: NDArray[np.int64], reason: NDArray[np.object_], named: list[str], set_aside: bool
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Rows that repeat an earlier one of their file to the figure, and percent changes, absent where copies differ on them.

    Rows of one file, symbol and day with different figures are refused, or get their reason.
    """
    key = row_key(quotes)
    in_order = bool((key[1:] > key[:-1]).all())  # then no row can stand twice
    order = np.arange(0) if in_order else np.lexsort((file, key))
    same = (np.diff(key[order]) == 0) & (np.diff(file[order]) == 0)
    change = quotes.per_change
    repeated = np.zeros(len(quotes), bool)
    if not same.any():
        return repeated, change
    change = change.copy()
    later, before = order[1:][same], order[:-1][same]
    differs = np.zeros(len(later), bool)
    for name in NUMBERS[:-1]:
        value = getattr(quotes, name)
        apart = ~np.isclose(value[later], value[before], rtol=1e-12, atol=0, equal_nan=True)
        if apart.any() and not set_aside:
            row, other = later[np.argmax(apart)], before[np.argmax(apart)]
            raise InvalidInput(
                f"{named[file[row]]}: {quotes.where(int(row))} stands twice, with {name} {value[other]:g} and {value[row]:g}; "
                "delete the wrong row; `portfolio-opt ingest` without --strict sets both aside"
            )
        differs |= apart
    group = np.cumsum(np.append(True, ~same))  # one number per file, symbol and day, in the order
    bad = np.isin(group, group[1:][same][differs])
    reason[order[bad]] = TWICE
    repeated[later] = True
    repeated[order[bad]] = False
    first = order[np.searchsorted(group, group[1:][same])]
    doubtful = ~np.isclose(change[later], change[first], equal_nan=True)
    change[first[doubtful]] = np.nan
    return repeated, change


def _absent_where_zero(quotes: Quotes) -> tuple[Quotes, list[Finding]]:
    columns: dict[str, Any] = {}
    findings = []
    for name in PRICES[:-1]:
        value = getattr(quotes, name)
        zero = value == 0
        if zero.any():
            columns[name] = np.where(zero, np.nan, value)
            findings.append(about_rows(f"{name} of 0", quotes, np.flatnonzero(zero), "read as absent"))
    return replace(quotes, **columns), findings
