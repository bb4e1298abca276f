"""Sources merged into a store: only the days they touch are decided anew, and the folder changes whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...files import clear_drafts, locked, replace_folder
from ..companies import BY_NAME, of_named_companies, under_symbols
from ..csv_table import Row
from ..gather import Gathered
from ..merge import DERIVED, LOOK_BACK, OUTRANKED, Merged, merge, on_saturday
from ..quotes import NO_ROWS, NUMBERS, Quotes, joined, row_key
from ..tables import TABLES, Disagreement, merged
from .encode import file_of, quarantine_file, table_file
from .manifest import MANIFEST, FileEntry, Manifest, is_store, require_store, unchanged
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
        held = unchanged(folder) if is_store(folder) else Manifest()
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
    new, new_why, named = _arrivals(folder, held, gathered, labels, aside, why)
    aside, why = aside.rows(np.flatnonzero(why != BY_NAME)), why[why != BY_NAME]
    if not len(new) and not len(named):
        return _Change()
    touched = np.unique(np.concatenate([new.day, named.day]) if labels is not None else new.day)
    newest = max([int(days.max()) for days in (touched, aside.day, named.day) if len(days)] + last_days(held))
    loaded = zones_around(held, touched) | {name for name in price_files(held) if folds(name, newest)}
    before = joined([NO_ROWS, *(read_price_file(folder, held, name) for name in sorted(loaded))])
    standing = before
    if labels is not None:  # which symbols the named rows have is decided anew
        standing = before.rows(~of_named_companies(before))
        lasting = ~(of_named_companies(aside) & np.isin(why, DERIVED))
        aside, why = aside.rows(lasting), why[lasting]
    rows = joined([standing, aside, new])
    why = np.concatenate([np.full(len(standing), "", object), why, new_why])
    days = np.unique(rows.day)
    days = days[~on_saturday(days)]
    again = _and_the_next(days, touched)
    around = _the_last(days, again)
    decided = np.isin(rows.day, again)
    seen = np.flatnonzero(np.isin(rows.day, around))
    outcome = merge(rows.rows(seen), np.where(np.isin(why[seen], DERIVED), "", why[seen]))
    kept_now, aside_now = np.isin(outcome.quotes.day, again), np.isin(outcome.aside.day, again)
    quotes = joined([rows.rows(~decided & (why == "")), outcome.quotes.rows(kept_now)])
    quarantine = joined([rows.rows(~decided & (why != "")), outcome.aside.rows(aside_now), named])
    reasons = np.concatenate(
        [
            why[~decided & (why != "")],
            np.array(outcome.reason, object)[aside_now],
            np.full(len(named), BY_NAME, object),
        ]
    )
    came = gathered.quotes.day if gathered.quotes is not None else touched
    shown = named.rows(np.isin(named.day, np.union1d(again, came)))
    files, gone = price_files_of(quotes, newest, again, loaded)
    if len(quarantine):
        files[QUARANTINE] = quarantine_file(quarantine, reasons)
    else:
        gone |= {QUARANTINE} & held.files.keys()
    return _Change(
        files,
        frozenset(gone),
        _count_changed(before.rows(np.isin(before.day, again)), outcome.quotes.rows(kept_now)),
        joined([outcome.aside.rows(aside_now), shown]),
        np.concatenate([np.array(outcome.reason, object)[aside_now], np.full(len(shown), BY_NAME, object)]),
        outcome.alike,
        _conflicts(outcome, aside_now),
    )


def _arrivals(
    folder: Path, held: Manifest, gathered: Gathered, labels: list[Row] | None, aside: Quotes, why: NDArray[np.object_]
) -> tuple[Quotes, NDArray[np.object_], Quotes]:
    """The rows that come and why they must stay aside, and all rows under companies' names, those of the store too.

    Named rows come under the symbols that the labels give: the new ones, and all where the labels themselves change.
    """
    brought = gathered.quotes if gathered.quotes is not None else NO_ROWS
    by_name = gathered.reason == BY_NAME
    named = brought.rows(np.flatnonzero(by_name))
    before = aside.rows(np.flatnonzero(why == BY_NAME))
    everything = _distinct(joined([before, named]))
    if labels is None and len(named):
        derived = under_symbols(named, table_rows(folder, held, "sectors"))
    else:
        derived = under_symbols(everything, labels or ())
    new = joined([brought.rows(np.flatnonzero(~by_name)), derived])
    return new, np.concatenate([gathered.reason[~by_name], np.full(len(derived), "", object)]), everything


def _distinct(rows: Quotes) -> Quotes:
    """The rows without repetitions."""
    columns = np.column_stack(
        [row_key(rows), rows.source, *(np.nan_to_num(getattr(rows, n), nan=-np.inf) for n in NUMBERS)]
    )
    return rows.rows(np.sort(np.unique(columns, axis=0, return_index=True)[1])) if len(rows) else rows


def _and_the_next(days: NDArray[np.int64], touched: NDArray[np.int64]) -> NDArray[np.int64]:
    """The touched days, and of all days those after each that look back on it."""
    return _neighbours(days, touched, np.searchsorted(days, touched, side="right"), range(LOOK_BACK))


def _the_last(days: NDArray[np.int64], again: NDArray[np.int64]) -> NDArray[np.int64]:
    """The days, and of all days those before each that it looks back on."""
    return _neighbours(days, again, np.searchsorted(days, again), range(-LOOK_BACK, 0))


def _neighbours(
    days: NDArray[np.int64], of: NDArray[np.int64], at: NDArray[np.int64], steps: range
) -> NDArray[np.int64]:
    near = np.unique(np.add.outer(at, np.array(steps)))
    return np.union1d(of, days[near[(near >= 0) & (near < len(days))]])


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
