"""A folder of prices, in any layout known here, to one Panel."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InvalidInput
from .companies import BY_NAME, under_symbols
from .corporate.actions import actions_of, undated_of
from .corporate.adjustment import adjust
from .corporate.mergers import mergers_of
from .corporate.official import official_of
from .corporate.unadjusted import unadjusted
from .csv_table import Row
from .fields import day, number, shown
from .findings import Finding, Severity, about, about_rows
from .gather import gather
from .holidays import FILE as HOLIDAYS
from .holidays import holidays_of
from .merge import COPY, OUTRANKED, SATURDAY, TWICE, merge
from .panel import Panel, labels
from .quotes import EPOCH, NO_ROWS, Quotes, joined
from .sectors import Labels, labels_from_symbols, labels_of
from .shapes.recognise import SUFFIXES, source_files
from .store.manifest import is_store, read_manifest
from .store.read import read_store
from .store.wide import FRAMES, keep, kept, place_of, wide_of
from .tables import TABLES, merged
from .validation import Market, findings_of

FUND_PRICE = 30.0  # NPR; an unlabelled symbol below is rather a fund of face value 10 than a share
BESIDE = ("sectors.csv", "corporate_actions.csv", "official_adjustments.csv", "mergers.csv", "index.parquet")  # layout
WITHOUT_PRICES = ("quarantine.parquet", "implied_adjustments.csv")  # of the layout too, and of no use here
PAR, FUND_PAR = 100, 10


@dataclass(frozen=True)
class Data:
    """What a folder holds, before any of it is judged: one row a symbol and day, the small tables, and what was set aside.

    store: the folder itself, where it is a store and can keep the matrices for later readers
    """

    quotes: Quotes
    tables: Mapping[str, Sequence[Row]]
    findings: tuple[Finding, ...]
    data_hash: str
    store: Path | None = None


def read_prices(folder: str | Path) -> Panel:
    """The Panel of a price folder: our store, the layout with prices.parquet, or files of any shape that `ingest` knows.

    What was set aside or noticed stands in `panel.findings`. Raises InvalidInput, naming file and row, for anything that cannot
    be read with certainty.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder; give the folder that holds prices.parquet or company CSV files")
    return panel_of(read_data(folder))


def read_frame(folder: str | Path, name: str = "close") -> pd.DataFrame:
    """One raw price matrix, sessions × symbols, read-only; of a store that was read before it is only mapped from disk.

    name: open, high, low, close, volume or turnover; prices are NaN, volume and turnover 0, where a symbol did not trade
    """
    if name not in FRAMES:
        raise InvalidInput(f"there is no frame {shown(name)}; choose one of {', '.join(FRAMES)}")
    folder = Path(folder)
    wide = kept(folder, read_manifest(folder).data_hash, name) if is_store(folder) else None
    if wide is None:
        data = read_data(folder)
        wide = wide_of(data.quotes, place_of(data.quotes))
        if data.store:
            keep(data.store, data.data_hash, wide)
    return pd.DataFrame(wide.frames[name], index=pd.DatetimeIndex(wide.dates), columns=wide.symbols, copy=False)


def read_data(folder: Path) -> Data:
    """The content of a folder of prices: a store, the layout, or files of any known shape at any depth."""
    if is_store(folder):
        held = read_store(folder)
        findings = set_aside_findings(held.aside, held.reason)
        return Data(held.quotes, held.tables, tuple(findings), held.manifest.data_hash, folder)
    layout = (folder / "prices.parquet").exists()
    if (folder / "prices.parquet").is_dir():
        raise InvalidInput(f"{folder.name} is a price store without its manifest.json; make it again from its sources")
    files = [folder / name for name in ("prices.parquet", *BESIDE)] if layout else list(source_files(folder))
    files = [path for path in files if path.exists() and (layout or path.name != HOLIDAYS)]
    if not files:
        raise InvalidInput(f"{folder} holds no file of prices; give the folder that holds prices.parquet or CSV files")
    beside = _not_read(folder, files) if layout else []
    gathered = gather(files)
    if gathered.quotes is None:
        raise InvalidInput(f"{folder} holds {len(files)} files but no prices; give another folder")
    tables, apart = {}, []
    for name, rows in gathered.tables.items():
        tables[name], disagreements = merged(TABLES[name], rows)
        words = [" ".join(disagreement.subject) for disagreement in disagreements]
        if words:
            apart.append(about(f"rows of {name} that files state differently", words, "the fuller list is believed"))
    by_name = gathered.reason == BY_NAME
    named = gathered.quotes.rows(np.flatnonzero(by_name))
    derived = under_symbols(named, tables.get("sectors", ()))
    outcome = merge(
        joined([gathered.quotes.rows(~by_name), derived]),
        np.concatenate([gathered.reason[~by_name], np.full(len(derived), "", object)]),
    )
    aside = joined([outcome.aside, named])
    reason = np.concatenate([np.array(outcome.reason, object), np.full(len(named), BY_NAME, object)])
    findings = [*gathered.findings, *beside, *apart, *set_aside_findings(aside, reason)]
    if not len(outcome.quotes):
        raise InvalidInput(f"{folder.name}: no price row is left after setting ghost days aside; check the dates")
    return Data(outcome.quotes, tables, tuple(findings), _hash(folder, files))


def _not_read(folder: Path, files: Sequence[Path]) -> list[Finding]:
    """That data files lie beside prices.parquet which only `ingest` would read."""
    known = {path.name for path in files} | {HOLIDAYS, *WITHOUT_PRICES}
    others = sorted(
        shown(path.name) for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name not in known
    )
    effect = "not read: what lies beside prices.parquet is read by `portfolio-opt ingest` only"
    return [about("other data files in the folder", others, effect, "warning")] if others else []


def check_tables(tables: Mapping[str, Sequence[Row]]) -> None:
    """Raises InvalidInput, naming file and line, for a row of a small table that cannot be what it says it is."""
    rows = {name: merged(TABLES[name], brought)[0] for name, brought in tables.items()}
    told = list(_with_amounts(rows.get("corporate_actions", ()), labels_of(rows.get("sectors", ()))))
    actions_of(told)
    undated_of(told)
    official_of(rows.get("official_adjustments", ()))
    mergers_of(rows.get("mergers", ()), NO_ROWS)  # whether the prices agree is seen when they are read
    holidays_of(rows.get("holidays", ()))
    for row in rows.get("index", ()):
        row.read("date", day)
        row.read("close", number)


def panel_of(data: Data) -> Panel:
    """The Panel of a folder's content: labels, adjustments, and what the rules of validation find."""
    quotes = data.quotes
    known, findings = _labels(data.tables.get("sectors", ()), quotes)
    told = list(_with_amounts(data.tables.get("corporate_actions", ()), known))
    actions, found = actions_of(told)
    mergers = mergers_of(data.tables.get("mergers", ()), quotes)
    official = official_of(data.tables.get("official_adjustments", ()))
    adjustment = adjust(quotes, actions, dict(known.instrument), official)
    found += [*adjustment.findings, *unadjusted(quotes, adjustment, [*actions, *undated_of(told)])]
    findings += [*found, *findings_of(Market(quotes, _index_days(data)))]
    place = place_of(quotes)
    wide = wide_of(quotes, place)
    traded = np.zeros((len(place.dates), len(place.symbols)), bool)
    traded[place.row, place.column] = True
    symbols = place.symbols.tolist()
    kept_symbols = set(symbols)
    return Panel(
        dates=wide.dates,
        symbols=wide.symbols,
        open=wide.frames["open"],
        high=wide.frames["high"],
        low=wide.frames["low"],
        close=wide.frames["close"],
        volume=wide.frames["volume"],
        turnover=wide.frames["turnover"],
        adjustment=np.asarray(np.cumprod(1 / place.matrix(adjustment.factor, 1.0), axis=0), dtype=np.float64),
        dividend=place.matrix(adjustment.dividend, 0.0),
        traded=traded,
        actions=(*(action for action in actions if action.kind != "cash" and action.symbol in kept_symbols), *mergers),
        known_symbols=frozenset(known.instrument),
        data_hash=data.data_hash,
        findings=(*data.findings, *findings),
        **labels(symbols, known.sector, known.instrument),
    )


def set_aside_findings(aside: Quotes, reason: NDArray[np.object_]) -> list[Finding]:
    """One finding per reason for which rows were set aside."""
    found = []
    for text in sorted(set(reason.tolist())):
        rule, severity = ASIDE.get(text, ("rows that cannot be right", "warning"))
        effect = "set aside" if text in ASIDE else f"set aside: {text}"
        effect = BY_NAME.partition(": ")[2] if text == BY_NAME else effect
        found.append(about_rows(rule, aside, np.flatnonzero(reason == text), effect, severity))
    return found


ASIDE: dict[str, tuple[str, Severity]] = {
    SATURDAY: ("rows on a Saturday", "note"),
    COPY: ("rows of a day that repeats an earlier session", "warning"),
    OUTRANKED: ("rows that another source states otherwise", "note"),
    TWICE: ("rows that stand twice in their file with different figures", "warning"),
    BY_NAME: ("rows that name companies in full", "note"),
}


def _labels(rows: Sequence[Row], quotes: Quotes) -> tuple[Labels, list[Finding]]:
    symbols, first = np.unique(quotes.symbol, return_index=True)
    names = tuple(quotes.names[s] for s in symbols)  # of rows that are kept
    if rows:
        known = labels_of(rows)
        absent = sorted(set(names) - set(known.instrument))
        note = Finding("symbols without a row in sectors.csv", len(absent), "never bought", "note", tuple(absent[:3]))
        return known, [note] if absent else []
    read = labels_from_symbols(names)
    opening = quotes.close[first]  # which no later row can change
    low = {name for name, close in zip(names, opening, strict=True) if close < FUND_PRICE}
    small = {name for name in low if read.instrument[name] == "equity"}
    instrument = {name: "unknown" if name in small else kind for name, kind in read.instrument.items()}
    other = sorted(name for name, kind in instrument.items() if kind != "equity")
    found = [
        Finding(
            "no sectors.csv",
            len(names),
            "sectors are unknown, so sector caps cannot bind; kinds of instrument are read off the symbols",
            "warning",
        )
    ]
    if other:
        found.append(
            Finding("symbols that look like no ordinary share", len(other), "never bought", "note", tuple(other[:5]))
        )
    return Labels({}, instrument), found


def _with_amounts(rows: Sequence[Row], known: Labels) -> Iterator[Row]:
    """Rows of corporate actions; a cash dividend of which only the percent is known gets its amount from the par value."""
    for row in rows:
        cells = row.cells
        if cells["type"] == "cash" and not cells["amount_npr"].strip() and cells.get("pct_of_par", "").strip():
            par = FUND_PAR if known.instrument.get(cells["symbol"]) == "mutual_fund" else PAR
            amount = row.read("pct_of_par", number) * par / 100
            row = replace(row, cells={**cells, "amount_npr": f"{amount:f}"})
        yield row


def _index_days(data: Data) -> NDArray[np.int64] | None:
    days = sorted({row.read("date", day) for row in data.tables.get("index", ()) if row.cells["index"] == "NEPSE"})
    return np.array([(each - EPOCH).days for each in days], dtype=np.int64) if days else None


def _hash(folder: Path, files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
