"""A folder of prices, in any layout known here, to one Panel."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from .actions import Action, adjust, read_actions
from .company_csv import HEADER, is_company_csv, read_companies
from .findings import Finding
from .panel import Panel, labels
from .quotes import Quotes, clean
from .sectors import Labels, labels_from_symbols, read_sectors
from .store import read_store

OTHER_SHAPE = "has another header, is empty or is not UTF-8 text"
FUND_PRICE = 30.0  # NPR; an unlabelled symbol below is rather a fund of face value 10 than a share


def read_prices(folder: str | Path) -> Panel:
    """The Panel of a price folder: our store layout (prices.parquet), or one CSV per company.

    sectors.csv and corporate_actions.csv beside the prices are used where they exist. What was set aside stands in
    `panel.findings`. Raises InvalidInput, naming file and row, for anything that cannot be read with certainty.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder; give the folder that holds prices.parquet or company CSV files")
    store = folder / "prices.parquet"
    companies = [] if store.exists() else _company_files(folder)
    source = store.name if store.exists() else folder.name
    raw = read_store(store) if store.exists() else read_companies(companies)
    quotes, findings = clean(raw, source)
    known, found = _labels(folder, quotes)
    findings += found
    actions: list[Action] = []
    used = [store] if store.exists() else companies
    for extra in ("sectors.csv", "corporate_actions.csv"):
        if (folder / extra).exists():
            used.append(folder / extra)
    if (folder / "corporate_actions.csv").exists():
        actions, found = read_actions(folder / "corporate_actions.csv")
        findings += found
    adjustment = adjust(quotes, actions, dict(known.instrument))
    findings += adjustment.findings
    return _panel(quotes, adjustment.factor, adjustment.dividend, known, actions, findings, _hash(used))


def _company_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv" and path.is_file())
    files = [path for path in files if path.name not in _BESIDE]
    strange = [path.name for path in files if not is_company_csv(path)]
    if len(strange) < len(files) and strange:
        raise InvalidInput(f"{strange[0]} among the company files {OTHER_SHAPE}; mend or move it away")
    if strange or not files:
        other = f" ({strange[0]} {OTHER_SHAPE})" if strange else ""
        raise InvalidInput(
            f"{folder} holds neither prices.parquet nor CSV files with {','.join(HEADER)}{other}; give another"
        )
    return files


_BESIDE = ("sectors.csv", "corporate_actions.csv", "implied_adjustments.csv", "official_adjustments.csv")


def _labels(folder: Path, quotes: Quotes) -> tuple[Labels, list[Finding]]:
    if (folder / "sectors.csv").exists():
        known = read_sectors(folder / "sectors.csv")
        absent = sorted(set(quotes.names) - set(known.instrument))
        note = Finding("symbols without a row in sectors.csv", len(absent), "never bought", "note", tuple(absent[:3]))
        return known, [note] if absent else []
    read = labels_from_symbols(quotes.names)
    symbols, first = np.unique(quotes.symbol, return_index=True)  # the first close, which no later row can change
    low = {quotes.names[s] for s, close in zip(symbols, quotes.close[first], strict=True) if close < FUND_PRICE}
    small = {name for name in low if read.instrument[name] == "equity"}
    instrument = {name: "unknown" if name in small else kind for name, kind in read.instrument.items()}
    other = sorted(name for name, kind in instrument.items() if kind != "equity")
    return Labels({}, instrument), [
        Finding(
            "no sectors.csv",
            len(quotes.names),
            "sectors are unknown, so sector caps cannot bind; kinds of instrument are read off the symbols",
            "warning",
        ),
        *(
            [Finding("symbols that look like no ordinary share", len(other), "never bought", "note", tuple(other[:5]))]
            if other
            else []
        ),
    ]


def _panel(
    quotes: Quotes,
    factor: NDArray[np.float64],
    dividend: NDArray[np.float64],
    known: Labels,
    actions: list[Action],
    findings: list[Finding],
    data_hash: str,
) -> Panel:
    days, row = np.unique(quotes.day, return_inverse=True)
    order = sorted({quotes.names[s] for s in np.unique(quotes.symbol)})
    column = np.searchsorted(order, np.array(quotes.names))[quotes.symbol]
    shape = (len(days), len(order))

    def wide(values: NDArray[np.float64], empty: float) -> NDArray[np.float64]:
        matrix = np.full(shape, empty)
        matrix[row, column] = values
        return matrix

    kept = set(order)
    return Panel(
        dates=days.astype("datetime64[D]"),
        symbols=np.array(order, dtype=np.str_),
        open=wide(quotes.open, np.nan),
        high=wide(quotes.high, np.nan),
        low=wide(quotes.low, np.nan),
        close=wide(quotes.close, np.nan),
        volume=wide(np.nan_to_num(quotes.volume), 0.0),
        turnover=wide(np.nan_to_num(quotes.turnover), 0.0),
        adjustment=np.asarray(np.cumprod(1 / wide(factor, 1.0), axis=0), dtype=np.float64),
        dividend=wide(dividend, 0.0),
        traded=wide(np.ones(len(quotes.day)), 0.0) > 0,
        announced=tuple(
            (a.symbol, a.ex_date, a.announced) for a in actions if a.kind in ("bonus", "right") and a.symbol in kept
        ),
        known_symbols=frozenset(known.instrument),
        data_hash=data_hash,
        findings=tuple(findings),
        **labels(order, known.sector, known.instrument),
    )


def _hash(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
