"""Price folders and exports small enough to read, written the way users have them, and what every refusal must be."""

import re
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.quotes import EPOCH, Quotes

ROOT = Path(__file__).parents[2]
SAMPLE_MARKET = ROOT / "data" / "sample_market"
SAMPLE_ACCOUNTS = ROOT / "data" / "sample_accounts"

DEMAT, HOLDER = "1301120000123456", "SITA SHARMA"
WHAT_TO_DO = re.compile(
    r"\b(check|choose|complete|convert|correct|delete|export|fetch|give|keep|make|mend|move|rename|save|write)\b"
)
SECONDS = 5

NUMBERS = ("open", "high", "low", "close", "volume", "turnover", "per_change")
COMPANY_HEADER = "published_date,open,high,low,close,per_change,traded_quantity,traded_amount,status"
COMPANY_ORDER = ("open", "high", "low", "close", "per_change", "volume", "turnover")


def refusal(read, *arguments, **options):
    """The message of a refusal: one line, soon, saying what to do, and never a personal column."""
    start = time.perf_counter()
    with pytest.raises(InvalidInput) as caught:
        read(*arguments, **options)
    message = str(caught.value)
    assert time.perf_counter() - start < SECONDS
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    assert WHAT_TO_DO.search(message), message
    assert DEMAT not in message
    assert HOLDER not in message
    return message


def finding(findings, rule):
    """The one finding of a rule."""
    (found,) = [each for each in findings if each.rule == rule]
    return found


def rules_of(findings):
    return {each.rule for each in findings}


def sessions(count, start=date(2025, 1, 5)):
    """The first `count` days from Sunday to Thursday."""
    days = (start + timedelta(days=k) for k in range(2 * count + 7))
    return [day for day in days if day.weekday() not in (4, 5)][:count]


def traded(symbol, day, close=100.0, **other):
    """A price row that hangs together, but for what is given otherwise."""
    return {
        "symbol": symbol,
        "date": day,
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": 1000.0,
        "turnover": 1000.0 * close,
        "per_change": None,
    } | other


def write_store(folder, rows, **columns):
    """prices.parquet of the rows; whole columns may be given otherwise, or as None to leave them out."""
    folder.mkdir(parents=True, exist_ok=True)
    table = {
        "symbol": pa.array([row["symbol"] for row in rows], pa.large_string()),
        "date": pa.array([row["date"] for row in rows], pa.date32()),
        **{name: pa.array([row[name] for row in rows], pa.float64()) for name in NUMBERS},
    } | columns
    table = {name: column for name, column in table.items() if column is not None}
    pq.write_table(pa.table(table), folder / "prices.parquet")
    return folder


def company_line(row):
    cells = ["" if row[name] is None else format(row[name], ".17g") for name in COMPANY_ORDER]
    return ",".join([str(row["date"]), *cells, "1"])


def write_companies(folder, rows):
    """One CSV per company of the rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for symbol in {row["symbol"] for row in rows}:
        lines = [company_line(row) for row in rows if row["symbol"] == symbol]
        (folder / f"{symbol}.csv").write_text("\n".join([COMPANY_HEADER, *lines]) + "\n", encoding="utf-8")
    return folder


LAYOUTS = (write_store, write_companies)


def quotes_of(**series):
    """Sorted quotes of symbols, each a list of (day, close) or (day, close, percent change)."""
    names = tuple(sorted(series))
    rows = [(k, *row) for k, name in enumerate(names) for row in series[name]]
    close = np.array([row[2] for row in rows], dtype=float)
    return Quotes(
        names=names,
        symbol=np.array([row[0] for row in rows], dtype=np.int64),
        day=np.array([(row[1] - EPOCH).days for row in rows], dtype=np.int64),
        open=close,
        high=close,
        low=close,
        close=close,
        volume=np.full(len(rows), 1000.0),
        turnover=1000 * close,
        per_change=np.array([row[3] if len(row) > 3 else np.nan for row in rows], dtype=float),
    )
