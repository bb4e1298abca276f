"""Sources merged into a store: only the days they touch are decided anew, and the folder changes whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...files import clear_drafts, locked, replace_folder
from ..companies import UNKNOWN_COMPANY, under_symbols
from ..csv_table import Row
from ..gather import Gathered
from ..merge import DERIVED, OUTRANKED, Merged, merge, on_saturday
from ..quotes import NO_ROWS, NUMBERS, Quotes, joined, row_key
from ..tables import TABLES, Disagreement, merged
from .encode import file_of, quarantine_file, table_file
from .manifest import MANIFEST, FileEntry, Manifest, is_store, read_manifest, require_store
from .partition import folds, last_days, price_files, price_files_of, zones_around
from .read import QUARANTINE, read_price_file, read_quarantine, table_rows


@dataclass(frozen=True)
class Update:
    """What an ingest changed.

    changed: rows that are new or now read otherwise; aside, reason: all rows of the days it touched that are set aside
    alike: rows that repeated another source's; conflicts: of prices, as the kept and the left Quotes, row beside row
    tables: disagreements of the small tables, by table
    """

    manifest: Manifest
    changed: int
    aside: Quotes
    reason: NDArray[np.object_]
    alike: int
    conflicts: tuple[Quotes, Quotes] | None
    tables: Mapping[str, list[Disagreement]]


def update(folder: Path, gathered: Gathered) -> Update:
    """Merge what was gathered into the store, whole or not at all; the store is made where there is none.

    Raises InvalidInput where the folder holds anything else, EnvironmentTrouble if the disk refuses or another run is writing.
    """
    require_store(folder)
    with locked(folder):
        clear_drafts(folder.resolve())  # a killed run may have left the store itself there
        require_store(folder)
        held = read_manifest(folder) if is_store(folder) else Manifest()
        tables, apart = _merged_tables(folder, held, gathered.tables)
        files: dict[str, tuple[bytes, FileEntry]] = {
            file_of(name): table_file(name, rows) for name, rows in tables.items()
        }
        change = _joined_rows(folder, held, gathered, tables.get("sectors"))
        files |= change.files
        entries = {name: entry for name, entry in held.files.items() if name not in change.gone}
        entries |= {name: entry for name, (_, entry) in files.items()}
        sources = {source.key: source for source in (*gathered.files, *held.sources)}
        manifest = Manifest(entries, tuple(sources[key] for key in sorted(sources)))
        new = {name: content for name, (content, entry) in files.items() if held.files.get(name) != entry}
        if new or manifest.sources != held.sources or change.gone:
            kept = [name for name in entries if name not in new]
            replace_folder(folder, new | {MANIFEST: manifest.to_bytes()}, kept)
        return Update(manifest, change.changed, change.aside, change.reason, change.alike, change.conflicts, apart)


@dataclass(frozen=True)
class _Change:
    """The price files that change, those that go, and what there is to say of the rows."""

    files: Mapping[str, tuple[bytes, FileEntry]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    changed: int = 0
    aside: Quotes = NO_ROWS
    reason: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, object))
    alike: int = 0
    conflicts: tuple[Quotes, Quotes] | None = None


def _merged_tables(
    folder: Path, held: Manifest, brought: Mapping[str, list[Row]]
) -> tuple[dict[str, list[Row]], dict[str, list[Disagreement]]]:
    """The tables that the sources speak of, each with what the store had and what they bring."""
    tables, apart = {}, {}
    for name, rows in sorted(brought.items()):
        if rows:
            before = [] if TABLES[name].stated else table_rows(folder, held, name)
            tables[name], apart[name] = merged(TABLES[name], [*before, *rows])
    return tables, apart


def _joined_rows(folder: Path, held: Manifest, gathered: Gathered, labels: list[Row] | None) -> _Change:
    """The price files after the new rows have joined.

    Only days on which rows come, and the sessions after them, are decided anew: nothing else can change.
    """
    aside, why = read_quarantine(folder, held)
    new, new_why, waiting = _arrivals(folder, held, gathered, labels, aside, why)
    if new is None:
        return _Change()
    aside, why = aside.rows(~waiting), why[~waiting]
    touched = np.unique(new.day)
    newest = max(int(touched[-1]), int(aside.day.max(initial=touched[-1])), *last_days(held))
    loaded = zones_around(held, touched) | {name for name in price_files(held) if folds(name, newest)}
    parts = [read_price_file(folder, held, name) for name in sorted(loaded)]
    rows = joined([*parts, aside, new])
    came = np.zeros(len(rows), bool)
    came[len(rows) - len(new) :] = True
    why = np.concatenate([*(np.full(len(part), "", object) for part in parts), why, new_why])
    days = np.unique(rows.day)
    days = days[~on_saturday(days)]
    again = _and_the_next(days, touched)
    around = np.union1d(again, _the_last(days, again))
    decided = np.isin(rows.day, again)
    before = np.flatnonzero(decided & ~came & (why == ""))
    seen = np.flatnonzero(np.isin(rows.day, around))
    outcome = merge(rows.rows(seen), np.where(np.isin(why[seen], DERIVED), "", why[seen]))
    kept_now, aside_now = np.isin(outcome.quotes.day, again), np.isin(outcome.aside.day, again)
    quotes = joined([rows.rows(~decided & (why == "")), outcome.quotes.rows(kept_now)])
    quarantine = joined([rows.rows(~decided & (why != "")), outcome.aside.rows(aside_now)])
    reasons = np.concatenate([why[~decided & (why != "")], np.array(outcome.reason, object)[aside_now]])
    files, gone = price_files_of(quotes, newest, again, loaded)
    if len(quarantine):
        files[QUARANTINE] = quarantine_file(quarantine, reasons)
    else:
        gone |= {QUARANTINE} & held.files.keys()
    return _Change(
        files,
        frozenset(gone),
        _count_changed(rows.rows(before), outcome.quotes.rows(kept_now)),
        outcome.aside.rows(aside_now),
        np.array(outcome.reason, object)[aside_now],
        outcome.alike,
        _conflicts(outcome, aside_now),
    )


def _arrivals(
    folder: Path, held: Manifest, gathered: Gathered, labels: list[Row] | None, aside: Quotes, why: NDArray[np.object_]
) -> tuple[Quotes | None, NDArray[np.object_], NDArray[np.bool_]]:
    """The rows that come, under symbols as far as these are known; with them, rows that waited for a symbol in the store.

    The third: which of the rows set aside have now arrived.
    """
    waiting = (why == UNKNOWN_COMPANY) & (labels is not None)
    parts, reasons = [], []
    if gathered.quotes is not None:
        parts.append(gathered.quotes)
        reasons.append(gathered.reason)
    if waiting.any():
        parts.append(aside.rows(waiting))
        reasons.append(why[waiting])
    if not parts:
        return None, np.empty(0, object), waiting
    new, reason = joined(parts), np.concatenate(reasons)
    unknown = reason == UNKNOWN_COMPANY
    if unknown.any():
        new, reason = under_symbols(new, reason, labels or table_rows(folder, held, "sectors"))
    return new, reason, waiting


def _and_the_next(days: NDArray[np.int64], touched: NDArray[np.int64]) -> NDArray[np.int64]:
    """The touched days, and of all days the one after each."""
    after = np.searchsorted(days, touched, side="right")
    return np.union1d(touched, days[after[after < len(days)]])


def _the_last(days: NDArray[np.int64], again: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of all days the one before each."""
    before = np.searchsorted(days, again) - 1
    return days[before[before >= 0]]


def _count_changed(before: Quotes, after: Quotes) -> int:
    """Rows that were not there before, to the figure."""
    both = joined([before, after])
    columns = np.column_stack([row_key(both), *(getattr(both, name) for name in NUMBERS)])
    known = {row.tobytes() for row in columns[: len(before)]}
    return sum(row.tobytes() not in known for row in columns[len(before) :])


def _conflicts(outcome: Merged, counted: NDArray[np.bool_]) -> tuple[Quotes, Quotes] | None:
    left = np.flatnonzero(counted & (np.array(outcome.reason, object) == OUTRANKED))
    if not len(left):
        return None
    rows = outcome.aside.rows(left)
    at = np.searchsorted(row_key(outcome.quotes), row_key(rows))  # both stand under one set of names
    return outcome.quotes.rows(at), rows
