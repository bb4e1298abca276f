"""Write the sample market and the sample accounts: python data/make_sample_market.py [--seed 7] [--out data].

The same seed gives the same bytes. Everything written is synthetic and says so.
"""

import argparse
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sample_clients import write_clients
from sample_companies import ISSUE_PRICE, MERGED, Action, actions, companies
from sample_exports import write_accounts
from sample_prices import Market, index_levels, simulate

NOTE = {"note": "Synthetic sample market: invented companies, simulated prices. Not data of the Nepal Stock Exchange."}
SOURCE = "synthetic"
PRICE_COLUMNS = ("open", "high", "low", "close", "volume", "turnover", "per_change")
PRICE_SCHEMA = pa.schema(
    [
        ("symbol", pa.large_string()),
        ("date", pa.date32()),
        *((name, pa.float64()) for name in PRICE_COLUMNS),
        ("source", pa.dictionary(pa.int8(), pa.string())),
    ],
    metadata=NOTE,
)
INDEX_SCHEMA = pa.schema(
    [
        ("index", pa.large_string()),
        ("date", pa.date32()),
        *((name, pa.float64()) for name in ("open", "high", "low", "close", "turnover")),
        ("source", pa.large_string()),
    ],
    metadata=NOTE,
)
SMALLEST_IMPLIED_ADJUSTMENT = 0.005


def main() -> None:
    """Simulate and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder that gets the sample folders")
    options = parser.parse_args()
    for_companies, for_actions, for_prices, for_clients = np.random.default_rng(options.seed).spawn(4)
    listed = companies(for_companies)
    market = simulate(listed, actions(listed, for_actions), for_prices)
    write_market(market, options.out / "sample_market")
    write_accounts(market, options.out / "sample_accounts")
    write_clients(market, options.out / "sample_clients", for_clients)


def write_market(market: Market, folder: Path) -> None:
    """The five files of the store."""
    folder.mkdir(parents=True, exist_ok=True)
    prices = price_rows(market)
    _write_parquet(prices, PRICE_SCHEMA, folder / "prices.parquet")
    _write_parquet(index_rows(market), INDEX_SCHEMA, folder / "index.parquet")
    _write_csv(sector_rows(market, prices), folder / "sectors.csv")
    _write_csv(action_rows(market), folder / "corporate_actions.csv")
    _write_csv(implied_rows(prices), folder / "implied_adjustments.csv")


def price_rows(market: Market) -> pd.DataFrame:
    """One row per symbol and traded day, sorted. A series' first row has no percent change."""
    column, row = np.nonzero(market.traded.T)
    first = np.diff(column, prepend=-1) > 0

    def taken(values: np.ndarray, unit: int) -> np.ndarray:
        return values[row, column] / unit

    change = np.round(100 * (taken(market.close, 1) / taken(market.reference, 1) - 1), 2)
    return pd.DataFrame(
        {
            "symbol": np.array([company.symbol for company in market.companies])[column],
            "date": np.array(market.sessions, dtype="datetime64[D]").astype(object)[row],
            **{name: taken(getattr(market, name), 100) for name in ("open", "high", "low", "close")},
            "volume": taken(market.volume, 1),
            "turnover": taken(market.turnover, 100),
            "per_change": np.where(first, np.nan, change + 0.0),
            "source": SOURCE,
        }
    )


def index_rows(market: Market) -> pd.DataFrame:
    """The index on every session. It carries the name the store's layout expects."""
    turnover = np.where(market.traded, market.turnover, 0).sum(axis=1) / 100
    levels = {name: np.round(level, 2) for name, level in index_levels(market).items()}
    return pd.DataFrame({"index": "NEPSE", "date": market.sessions, **levels, "turnover": turnover, "source": SOURCE})


def sector_rows(market: Market, prices: pd.DataFrame) -> pd.DataFrame:
    """Name, sector and kind of every symbol, and the days it traded."""
    traded = prices.groupby("symbol")["date"].agg(["size", "min", "max"])
    return pd.DataFrame(
        {
            "symbol": company.symbol,
            "name": company.name,
            "sector": company.sector,
            "instrument_type": company.instrument,
            "status_2026_04": "delisted" if company.symbol == MERGED else "active",
            "source": SOURCE,
            "n_rows_shared": traded.loc[company.symbol, "size"],
            "first_date": traded.loc[company.symbol, "min"],
            "last_date_shared": traded.loc[company.symbol, "max"],
        }
        for company in market.companies
    )


def action_rows(market: Market) -> pd.DataFrame:
    """The announced actions, by symbol and ex day."""
    rows = [
        _action_row(action, market.sessions[t], market.companies[j].instrument)
        for action, (t, j) in zip(market.actions, market.ex_rows, strict=True)
        if action.published
    ]
    return pd.DataFrame(rows).sort_values(["symbol", "ex_date", "type"])


def _action_row(action: Action, ex_date: date, instrument: str) -> dict[str, object]:
    """Cells as the store fills them: a right is known by its subscription, bonus and cash by their book close."""
    right, cash = action.kind == "right", action.kind == "cash"
    par = 10 if instrument == "mutual_fund" else 100
    opens = ex_date + timedelta(26)
    return {
        "symbol": action.symbol,
        "type": action.kind,
        "ratio": None if cash else action.amount,
        "pct_of_par": None if right else round(100 * action.amount / (par if cash else 1), 4),
        "amount_npr": action.amount if cash else None,
        "issue_price": float(ISSUE_PRICE) if right else None,
        "book_close": None if right else action.book_close,
        "ex_date": ex_date,
        "verified": None if cash else "per_change",
        "subscription_open": opens if right else None,
        "subscription_close": opens + timedelta(21) if right else None,
        "fiscal_year": None if right else fiscal_year_before(action.book_close),
        "announcement_date": None if right else action.announced,
        "source": SOURCE,
    }


def fiscal_year_before(day: date) -> str:
    """The Bikram Sambat fiscal year that ended last, in mid-July: 2079/2080 ended in July 2023."""
    ended = day.year if (day.month, day.day) >= (7, 17) else day.year - 1
    return f"{ended + 56}/{ended + 57}"


def implied_rows(prices: pd.DataFrame) -> pd.DataFrame:
    """The days on which the percent change was measured from something else than the last close."""
    rows = prices.assign(prev_close=prices.groupby("symbol")["close"].shift())
    factor = rows["close"] / (1 + rows["per_change"] / 100) / rows["prev_close"]
    rows["implied_factor"] = factor.round(5)
    shown = ["symbol", "date", "prev_close", "close", "per_change", "implied_factor"]
    return rows.loc[(factor - 1).abs() > SMALLEST_IMPLIED_ADJUSTMENT, shown]


def _write_parquet(rows: pd.DataFrame, schema: pa.Schema, path: Path) -> None:
    table = pa.Table.from_pandas(rows, schema=schema, preserve_index=False).replace_schema_metadata(NOTE)
    pq.write_table(table, path, compression="zstd", compression_level=15)


def _write_csv(rows: pd.DataFrame, path: Path) -> None:
    rows.to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
