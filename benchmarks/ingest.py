"""What reading, checking and keeping prices costs beside plain pandas, in one run: `python benchmarks/ingest.py [--quick]`.

Runs on the shared real data where they are, else on the sample market; one JSON line a case, medians of paired runs.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import timing
import numpy as np
import pandas as pd

from portfolio_opt.commands.ingest import run as ingest
from portfolio_opt.ingest.gather import gather
from portfolio_opt.ingest.merge import merge
from portfolio_opt.ingest.prices import read_frame, set_aside_findings
from portfolio_opt.ingest.validation import RULES, Market, findings_of
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.rules import rulebook

ROOT = Path(__file__).parent.parent
REAL = ROOT.parent / "shared" / "data" / "nepse"
RUNS = 3 if "--quick" in sys.argv else 7
COMPANY = ["published_date", "open", "high", "low", "close", "per_change", "traded_quantity", "traded_amount", "status"]
NUMBERS = COMPANY[1:8]


def company_files(prices: pd.DataFrame, folder: Path) -> list[Path]:
    """The prices as hundreds of company files, in the shape found in the wild."""
    folder.mkdir()
    names = dict(
        zip(["date", "volume", "turnover"], ["published_date", "traded_quantity", "traded_amount"], strict=True)
    )
    for symbol, rows in prices.rename(columns=names).assign(status=0).groupby("symbol", observed=True):
        rows[COMPANY].to_csv(folder / f"{str(symbol).replace('/', '-')}.csv", index=False)
    return sorted(folder.iterdir())


def pandas_companies(files: list[Path]) -> pd.DataFrame:
    """The loop that people write, with the checks that ours makes: header, numbers, days, positive prices, duplicates."""
    frames = []
    for path in files:
        frame = pd.read_csv(path)
        if list(frame.columns) != COMPANY:
            raise ValueError(path.name)
        frame["published_date"] = pd.to_datetime(frame["published_date"], format="%Y-%m-%d")
        for column in NUMBERS:
            frame[column] = pd.to_numeric(frame[column])
        if not frame["published_date"].between("1990-01-01", "2049-12-31").all():
            raise ValueError(path.name)
        for column in ("open", "high", "low", "close"):
            if (frame[column] < 0).any() or (frame[column] > 1e7).any() or np.isinf(frame[column]).any():
                raise ValueError(path.name)
        if frame["close"].isna().any() or not (frame["close"] > 0).all():
            raise ValueError(path.name)
        for column in ("traded_quantity", "traded_amount"):
            if (frame[column] < 0).any() or (frame[column] > 1e13).any():
                raise ValueError(path.name)
        frame = frame.drop_duplicates()
        if frame["published_date"].duplicated().any():
            raise ValueError(path.name)
        frame["symbol"] = path.stem
        frames.append(frame)
    rows = pd.concat(frames).sort_values(["symbol", "published_date"], ignore_index=True)
    rows = rows[rows["published_date"].dt.day_of_week != 5]
    reading = ["close", "high", "low", "traded_quantity"]
    same = rows.groupby("symbol")[reading].diff().eq(0).all(axis=1)
    by_day = same.groupby(rows["published_date"]).agg(["sum", "size"])
    copied = by_day.index[(by_day["sum"] == by_day["size"]) & (by_day["sum"] >= 5)]
    return rows[~rows["published_date"].isin(copied)]


def pandas_checks(rows: pd.DataFrame, index_days: pd.DatetimeIndex) -> dict[str, int]:
    """The rules of merge.py and validation.py in pandas, on rows sorted by symbol and day with symbol and source as categories.

    Written to be fast: symbols are compared as codes, every shift is made once, and no group is looped over.
    """
    code, day = rows["symbol"].cat.codes, rows["date"]
    first = code != code.shift()
    previous = rows["close"].shift().mask(first)
    gap = day.diff().dt.days.mask(first)
    low, high = rows["low"], rows["high"]
    swapped = high < low
    mean = (rows["turnover"] / rows["volume"]).where((rows["volume"] > 0) & (rows["turnover"] > 0))
    ratio = rows["close"] / previous
    power = np.log10(ratio).round()
    run_lengths = ((rows["close"] != previous).cumsum()).value_counts()
    known = day.isin(index_days)
    book = rulebook()
    eras = [(pd.Timestamp(era["from"]), book.weekdays(era["from"])) for era in book.tables["trading_week"]]
    days = pd.Series(day.unique()).sort_values(ignore_index=True)
    era = np.searchsorted([start for start, _ in eras], days, side="right") - 1
    odd = days[[weekday not in eras[k][1] for k, weekday in zip(era, days.dt.day_of_week, strict=True)]]
    bands = [(pd.Timestamp(row["from"]), float(row["percent"]) / 100 + 0.006) for row in book.tables["price_band"]]
    widths = np.array([width for _, width in bands])
    band = pd.Series(widths[np.searchsorted([start for start, _ in bands], day, side="right") - 1])
    found = {
        "identical or conflicting duplicates": rows.duplicated(["symbol", "date"]),
        "rows on a Saturday": day.dt.day_of_week == 5,
        "rows of a day that repeats an earlier session": pandas_copies(rows, code, days),
        "high below low": swapped,
        "close outside the day's low and high": ((rows["close"] > high * 1.001) | (rows["close"] < low * 0.999))
        & ~swapped,
        "open outside the day's low and high": ((rows["open"] > high * 1.001) | (rows["open"] < low * 0.999))
        & ~swapped,
        "high and low further apart than the day's band allows": high / low > (1 + band) / (1 - band),
        "turnover that does not fit volume and price": (mean > high * 1.02) | (mean < low * 0.98),
        "units without turnover": (rows["volume"] > 0) & ~(rows["turnover"] > 0),
        "prices without units": ~(rows["volume"] > 0),
        "closes ten or a hundred times off the last one": (
            ((ratio / 10**power - 1).abs() <= 0.12) & (power.abs() >= 1) & (gap <= 30)
        ),
        "runs of 10 or more rows with one close": run_lengths >= 10,
        "gaps of 30 days or more": gap >= 30,
        "rows on a day outside the trading week": day.isin(odd) & ~known,
        "rows of a day more than 100 days after any other": day.isin(days[days.diff().dt.days > 100]),
        "rows on a day when the exchange was shut": day.isin(pd.to_datetime(sorted(book.closures))),
        "rows on a day that the index does not know": ~known & day.between(index_days.min(), index_days.max()),
    }
    return {rule: int(met.sum()) for rule, met in found.items() if met.any()}


def pandas_copies(rows: pd.DataFrame, code: pd.Series, days: pd.Series) -> pd.Series:
    """Rows of a source's day most of whose symbols repeat one of the five sessions before, reading for reading."""
    at = pd.Series(np.searchsorted(days, rows["date"]))
    group = rows["source"].cat.codes.astype("int64") * len(days) + at
    copied = pd.Series(False, index=rows.index)
    near, alike = {}, {}
    for step in range(1, 6):
        back = at - at.shift(step)
        near[step] = ((code == code.shift(step)) & (back <= 5), back)
        alike[step] = near[step][0].copy()
        for column in ("close", "high", "low", "volume"):
            alike[step] &= rows[column] == rows[column].shift(step)
    for lag in range(1, 6):
        same = pd.concat([group[alike[step] & (near[step][1] == lag)] for step in alike]).value_counts()
        stood = pd.concat([group[mask & (back == lag)] for mask, back in near.values()]).value_counts()
        both = pd.DataFrame({"same": same, "stood": stood}).fillna(0)
        copied |= group.isin(both.index[(both["same"] >= 5) & (both["same"] >= 0.5 * both["stood"])])
    return copied


def day_page(prices: pd.DataFrame, folder: Path) -> Path:
    """The next session as a page of the day: the last one's rows, every price a little higher."""
    last = prices[prices["date"] == prices["date"].max()]
    day = Calendar(prices["date"].unique()).next_session(prices["date"].max())
    page = pd.DataFrame(
        {"S.No": range(1, len(last) + 1), "Symbol": last["symbol"].astype(str).to_numpy(), "Conf.": "-"}
    )
    for column in ("Open", "High", "Low", "Close"):
        page[column] = (last[column.lower()].fillna(last["close"]) * 1.01).round(2).to_numpy()
    page["VWAP"] = page["Close"]
    page["Vol"], page["Prev. Close"] = last["volume"].to_numpy() + 1, last["close"].to_numpy()
    page["Turnover"] = (page["Vol"] * page["Close"]).round(2)
    rest = [
        "Trans.",
        "Diff",
        "Range",
        "Diff %",
        "Range %",
        "VWAP %",
        "120 Days",
        "180 Days",
        "52 Weeks High",
        "52 Weeks Low",
    ]
    page[rest] = 0
    path = folder / f"{day}.csv"
    page.to_csv(path, index=False)
    return path


def main() -> None:
    real = REAL.exists()
    folder = REAL if real else ROOT / "data" / "sample_market"
    prices = pd.read_parquet(folder / "prices.parquet")
    sources: list[Any] = [
        folder / n for n in ("prices.parquet", "sectors.csv", "corporate_actions.csv", "index.parquet")
    ]
    what = "the shared NEPSE history" if real else "the sample market"
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        store = work / "store"
        ingest(sources, {"store": store})
        first = timing.seconds(lambda: read_frame(store))

        frame = read_frame(store)
        plain = prices.pivot(index="date", columns="symbol", values="close")
        shared = plain.set_axis(pd.DatetimeIndex(plain.index), axis=0).reindex(frame.index)[list(frame.columns)]
        apart = int((~np.isclose(frame, shared, rtol=0, atol=0, equal_nan=True)).sum())
        timing.compare(
            "store-to-matrix",
            lambda: read_frame(store).to_numpy().sum(),
            "pandas.read_parquet + pivot",
            lambda: (
                pd.read_parquet(folder / "prices.parquet", columns=["symbol", "date", "close"])
                .pivot(index="date", columns="symbol", values="close")
                .to_numpy()
                .sum()
            ),
            f"{len(prices):,} rows of {what}; {apart} cells differ (a copied day set aside); the first read took {first:.3f} s",
            runs=RUNS,
        )

        gathered = gather([folder / "prices.parquet"])
        raw, reason = gathered.quotes, gathered.reason
        assert raw is not None
        market_days = pd.DatetimeIndex(pd.read_parquet(store / "index.parquet")["date"])
        index_days = market_days.to_numpy().astype("datetime64[D]").astype(np.int64)
        rows = prices.sort_values(["symbol", "date"], ignore_index=True)
        rows["date"] = pd.to_datetime(rows["date"])
        for column in ("open", "high", "low"):
            rows[column] = rows[column].where(rows[column] != 0)
        for column in ("symbol", "source"):
            rows[column] = rows[column].astype("category") if column in rows else pd.Categorical(["all"] * len(rows))

        def check() -> dict[str, int]:
            outcome = merge(raw, reason)
            found = {rule.rule: rule.rows for rule in findings_of(Market(raw, index_days))}
            aside = {
                rule.rule: rule.rows for rule in set_aside_findings(outcome.aside, np.array(outcome.reason, object))
            }
            return found | aside

        ours, theirs = check(), pandas_checks(rows, market_days)
        timing.compare(
            "validate",
            check,
            "the same rules in pandas, on sorted rows with categories",
            lambda: pandas_checks(rows, market_days),
            f"{len(RULES) + 3} rules over {len(rows):,} rows in memory find the same, rule by rule"
            if ours == theirs
            else f"different: {ours} against {theirs}",
            runs=RUNS,
        )

        files = company_files(prices, work / "companies")

        def import_companies() -> int:
            gathered = gather(files)
            assert gathered.quotes is not None
            return len(merge(gathered.quotes, gathered.reason).quotes)

        kept, peer = import_companies(), len(pandas_companies(files))
        assert kept == peer
        timing.compare(
            "csv-import",
            import_companies,
            "a pandas.read_csv loop with the same checks",
            lambda: pandas_companies(files),
            f"{len(files)} files; {kept:,} rows and {peer:,}",
            runs=RUNS,
        )

        page = day_page(prices, work)
        copies = [shutil.copytree(store, work / f"copy{k}") for k in range(RUNS + 1)]
        taken = iter(copies)
        fresh = (work / f"again{k}" for k in range(99))
        timing.compare(
            "append-day",
            lambda: ingest([page], {"store": next(taken)}),
            "the store made again from the company files and the page",
            lambda: ingest([work / "companies", page, *sources[1:]], {"store": next(fresh)}),
            f"one page of {len(pd.read_csv(page))} rows to {len(prices):,}",
            runs=RUNS,
        )
        copies = [shutil.copytree(store, work / f"other{k}") for k in range(RUNS + 1)]
        taken = iter(copies)
        timing.compare(
            "append-day",
            lambda: ingest([page], {"store": next(taken)}),
            "the store made again from prices.parquet and the page",
            lambda: ingest([*sources, page], {"store": next(fresh)}),
            "the same page",
            runs=RUNS,
        )


if __name__ == "__main__":
    main()
