"""Source files of any mix into the price store, with an account of what came, what was set aside and what sources disagree on."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..ingest.findings import Finding, about
from ..ingest.gather import gather, label, sha256_of
from ..ingest.prices import check_tables, set_aside_findings
from ..ingest.quotes import Quotes, day_of
from ..ingest.shapes.recognise import STATED_SHAPES, passed_over, source_files
from ..ingest.store.manifest import Manifest, is_store, read_manifest, require_store
from ..ingest.store.update import Update, update
from ..ingest.tables import Disagreement
from ..ingest.validation import DAY_RULES, Market, findings_of
from ..report.run_record import digest
from .options import INGEST
from .progress import progress
from .resolve import resolve

SCHEMA = "portfolio_opt.ingest/1"
PRICE_FILES = "prices.parquet/"


def run(sources: Sequence[str | Path], given: Mapping[str, Any], config: Path | None = None) -> dict[str, Any]:
    """The `ingest` command: merge files and folders of files into the store, whole or not at all.

    sources: files, or folders whose data files are read at any depth; given: option values by name
    A file that the store has read before, to the byte, is not read again, unless it is the user's own statement (mergers,
    holidays), of which the last one given counts. Raises InvalidInput for what cannot be read with
    certainty, EnvironmentTrouble where the disk refuses or another run is writing; the store is then as it was.
    """
    options = resolve(INGEST, given, config)
    store = options["store"]
    if store is None:
        raise InvalidInput("no store: give --store DIR")
    require_store(store)
    held = read_manifest(store) if is_store(store) else Manifest()
    files = list(_files(sources, store))
    known = {source.key for source in held.sources if source.shape not in STATED_SHAPES}
    new = [path for path in files if (sha256_of(path), label(path)) not in known]
    gathered = gather(progress(new, "files"), set_aside=not options["strict"], licence=options["licence"])
    check_tables(gathered.tables)
    change = update(store, gathered)
    findings = [*gathered.findings, *set_aside_findings(change.aside, change.reason)]
    if gathered.quotes is not None:
        findings += findings_of(Market(gathered.quotes), DAY_RULES)
    if others := [name for source in map(Path, sources) if source.is_dir() for name in passed_over(source, store)]:
        findings.append(about("files in the folders without a data file's ending", others, "passed over"))
    return _document(change, findings, len(files), len(new))


def _files(sources: Sequence[str | Path], store: Path) -> Iterator[Path]:
    """Every data file of the sources once. Raises InvalidInput for a source that is missing or has none."""
    seen: set[Path] = set()
    for source in map(Path, sources):
        if not source.exists():
            raise InvalidInput(f"{source} does not exist; give the path of a file or a folder")
        if not (source.is_file() or source.is_dir()):
            raise InvalidInput(f"{source} is no plain file; save its content and give the path of that file")
        own = store.resolve()
        if own in (source.resolve(), *source.resolve().parents):
            raise InvalidInput(f"{source} is part of the store itself; give its sources")
        every = [path for path in source_files(source) if own not in path.resolve().parents]
        found = [path for path in every if path.resolve() not in seen]
        if not every:
            raise InvalidInput(f"{source} holds no data file; give a folder with CSV, JSON or Parquet files")
        seen |= {path.resolve() for path in found}
        yield from found


def _document(change: Update, findings: Sequence[Finding], files: int, new: int) -> dict[str, Any]:
    manifest = change.manifest
    prices = [entry for name, entry in sorted(manifest.files.items()) if name.startswith(PRICE_FILES)]
    document = {
        "schema": SCHEMA,
        "rows": sum(entry.rows for entry in prices),
        "rows_new_or_changed": change.changed,
        "rows_stated_alike_by_several_sources": change.alike,
        "files_given": files,
        "files_new": new,
        "tables": {
            name.partition(".")[0]: entry.rows
            for name, entry in manifest.files.items()
            if not name.startswith(PRICE_FILES)
        },
        "sources": dict(sorted(Counter(source.shape for source in manifest.sources).items())),
        "findings": [finding.as_record() for finding in findings],
        "conflicts": list(_conflicts(change.conflicts)) if change.conflicts else [],
        "table_conflicts": [_table_conflict(table, apart) for table, found in change.tables.items() for apart in found],
        "data_hash": manifest.data_hash,
    }
    if prices:
        document |= {"first": min(entry.first for entry in prices), "last": max(entry.last for entry in prices)}
    return {"run_id": digest(repr(sorted(document.items())))[:12]} | document


def _conflicts(pair: tuple[Quotes, Quotes]) -> Iterator[dict[str, Any]]:
    """Both readings of each symbol's day that sources state differently, the newest first."""
    kept, left = pair
    for row in sorted(range(len(kept)), key=lambda row: (-int(kept.day[row]), kept.names[kept.symbol[row]])):
        yield {
            "symbol": kept.names[kept.symbol[row]],
            "date": day_of(kept.day[row]),
            "kept": _reading(kept, row),
            "left": _reading(left, row),
        }


def _reading(quotes: Quotes, row: int) -> dict[str, Any]:
    figures = {name: float(getattr(quotes, name)[row]) for name in ("close", "high", "low", "volume")}
    stated = {name: value for name, value in figures.items() if value == value}
    return {"source": quotes.sources[quotes.source[row]]} | stated


def _table_conflict(table: str, apart: Disagreement) -> dict[str, Any]:
    def stated(cells: Mapping[str, str]) -> dict[str, str]:
        return {column: text for column, text in cells.items() if text}

    return {
        "table": table,
        "about": " ".join(apart.subject),
        "kept": stated(apart.kept.cells),
        "left": stated(apart.left.cells),
    }
