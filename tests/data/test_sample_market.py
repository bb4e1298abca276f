"""The sample market obeys the exchange's rules, the sample accounts tie, and both come out of the generator again."""

import csv
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.money import paisa
from portfolio_opt.market.orders import purchase
from portfolio_opt.market.rules import rulebook

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
MARKET, ACCOUNTS = DATA / "sample_market", DATA / "sample_accounts"
LAST_DAY = date(2026, 8, 21)
HALF_A_PAISA = 0.005 + 1e-9
PRICES = ["open", "high", "low", "close"]

DOUBLES = ["open", "high", "low", "close", "volume", "turnover", "per_change"]
PRICE_COLUMNS = [
    ("symbol", "large_string"),
    ("date", "date32[day]"),
    *((name, "double") for name in DOUBLES),
    ("source", "dictionary<values=string, indices=int8, ordered=0>"),
]
INDEX_COLUMNS = [
    ("index", "large_string"),
    ("date", "date32[day]"),
    *((name, "double") for name in (*PRICES, "turnover")),
    ("source", "large_string"),
]
CSV_COLUMNS = {
    "sectors.csv": "symbol,name,sector,instrument_type,status_2026_04,source,n_rows_shared,first_date,last_date_shared",
    "corporate_actions.csv": "symbol,type,ratio,pct_of_par,amount_npr,issue_price,book_close,ex_date,verified,"
    "subscription_open,subscription_close,fiscal_year,announcement_date,source",
    "implied_adjustments.csv": "symbol,date,prev_close,close,per_change,implied_factor",
}
SECTORS = {
    "Commercial Banks",
    "Development Banks",
    "Finance",
    "Hotels And Tourism",
    "Hydro Power",
    "Investment",
    "Life Insurance",
    "Manufacturing And Processing",
    "Microfinance",
    "Non Life Insurance",
    "Others",
    "Tradings",
}


@pytest.fixture(scope="module")
def sectors() -> pd.DataFrame:
    return pd.read_csv(MARKET / "sectors.csv", parse_dates=["first_date", "last_date_shared"])


@pytest.fixture(scope="module")
def actions() -> pd.DataFrame:
    return pd.read_csv(MARKET / "corporate_actions.csv", parse_dates=["ex_date", "book_close", "announcement_date"])


@pytest.fixture(scope="module")
def implied() -> pd.DataFrame:
    return pd.read_csv(MARKET / "implied_adjustments.csv", parse_dates=["date"])


@pytest.fixture(scope="module")
def prices(sectors: pd.DataFrame, actions: pd.DataFrame, implied: pd.DataFrame) -> pd.DataFrame:
    """Every row with the previous close as the exchange adjusts it, computed here from the actions alone."""
    rows = pq.read_table(MARKET / "prices.parquet").to_pandas()
    rows["date"] = pd.to_datetime(rows["date"])
    rows = rows.merge(sectors[["symbol", "instrument_type"]], on="symbol")
    rows["previous"] = rows.groupby("symbol")["close"].shift()
    fund = actions["symbol"].isin(sectors.loc[sectors["instrument_type"] == "mutual_fund", "symbol"])
    terms = pd.DataFrame(
        {
            "symbol": actions["symbol"],
            "date": actions["ex_date"],
            "new_units": actions["ratio"].fillna(0),
            "paid": (actions["ratio"] * actions["issue_price"]).fillna(0) - actions["amount_npr"].where(fund).fillna(0),
        }
    )
    rows = rows.merge(terms.groupby(["symbol", "date"], as_index=False).sum(), on=["symbol", "date"], how="left")
    rows["reference"] = (rows["previous"] + rows["paid"].fillna(0)) / (1 + rows["new_units"].fillna(0))
    silent = implied[_is_unannounced(implied, actions)]
    at = rows.set_index(["symbol", "date"]).index.isin(silent.set_index(["symbol", "date"]).index)
    rows.loc[at, "reference"] = rows.loc[at, "previous"] / 1.25
    return rows


def _is_unannounced(implied: pd.DataFrame, actions: pd.DataFrame) -> np.ndarray:
    known = actions.set_index(["symbol", "ex_date"]).index
    return ~implied.set_index(["symbol", "date"]).index.isin(known)


def _sample_files(folder: Path) -> list[Path]:
    inside = [path for name in ("market", "accounts", "clients") for path in (folder / f"sample_{name}").rglob("*")]
    return sorted(path.relative_to(folder) for path in inside if path.is_file())


def test_the_generator_writes_the_same_files_again(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(DATA / "make_sample_market.py"), "--out", str(tmp_path)]
    found = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert _sample_files(tmp_path) == _sample_files(DATA)
    for name in _sample_files(DATA):
        kept, new = DATA / name, tmp_path / name
        if name.suffix == ".parquet" and pq.read_metadata(kept).created_by != pq.read_metadata(new).created_by:
            assert pq.read_table(kept).equals(pq.read_table(new), check_metadata=True), name  # another pyarrow
        else:
            assert kept.read_bytes() == new.read_bytes(), f"{name} differs: run data/make_sample_market.py"


def test_the_sample_is_small() -> None:
    assert sum((DATA / name).stat().st_size for name in _sample_files(DATA)) <= 3_000_000


def test_columns_and_types_are_those_of_a_real_store() -> None:
    for name, columns in (("prices", PRICE_COLUMNS), ("index", INDEX_COLUMNS)):
        schema = pq.read_schema(MARKET / f"{name}.parquet")
        assert [(field.name, str(field.type)) for field in schema] == columns
        assert pq.ParquetFile(MARKET / f"{name}.parquet").metadata.row_group(0).column(0).compression == "ZSTD"
    for name, header in CSV_COLUMNS.items():
        assert (MARKET / name).read_text().splitlines()[0] == header


def test_every_file_says_that_it_is_synthetic() -> None:
    for name in _sample_files(DATA):
        path = DATA / name
        if name.suffix == ".parquet":
            assert b"ynthetic" in pq.read_schema(path).metadata[b"note"]
            assert set(pq.read_table(path, columns=["source"])["source"].to_pylist()) == {"synthetic"}
        elif name.parts[0] == "sample_accounts":
            number = name.parts[1][-1]
            assert path.read_text().splitlines()[0] == f"Holder Name :,SYNTHETIC SAMPLE ACCOUNT {number}"
        else:
            rows = pd.read_csv(path)
            assert rows["symbol"].dropna().str.startswith("X").all()
            assert "source" not in rows or set(rows["source"]) == {"synthetic"}
    assert pd.read_csv(MARKET / "sectors.csv")["name"].str.contains("(synthetic)", regex=False).all()
    assert "synthetic" in (DATA / "README.md").read_text().splitlines()[0]


def test_rows_are_sorted_unique_and_on_sessions(prices: pd.DataFrame, sectors: pd.DataFrame) -> None:
    keys = list(zip(prices["symbol"], prices["date"], strict=True))
    assert keys == sorted(set(keys))
    calendar = Calendar()
    days = prices["date"].drop_duplicates()
    assert all(calendar.is_session(day.date()) for day in days)
    index = pq.read_table(MARKET / "index.parquet").to_pandas()
    assert sorted(index["date"]) == sorted(day.date() for day in days)
    counted = prices.groupby("symbol")["date"].agg(["size", "min", "max"]).reset_index()
    assert (
        counted.to_numpy() == sectors[["symbol", "n_rows_shared", "first_date", "last_date_shared"]].to_numpy()
    ).all()


def test_no_price_leaves_the_band_around_the_adjusted_previous_close(prices: pd.DataFrame) -> None:
    rows = prices.dropna(subset="previous")
    width = np.where(rows["date"] >= "2026-04-20", 0.15, 0.10)
    for name in PRICES:
        assert (rows[name] <= (rows["reference"] + HALF_A_PAISA) * (1 + width) + 1e-6).all()
        assert (rows[name] >= (rows["reference"] - HALF_A_PAISA) * (1 - width) - 1e-6).all()
    assert ((rows["close"] / rows["reference"] - 1).abs() > 0.099).sum() > 100  # and the band does bind


def test_the_percent_change_is_measured_from_the_adjusted_previous_close(prices: pd.DataFrame) -> None:
    first = prices["previous"].isna()
    assert prices.loc[first, "per_change"].isna().all()
    change = 100 * (prices["close"] / prices["reference"] - 1)
    rounding = 0.0051 + 100 * HALF_A_PAISA * 1.2 / prices["reference"]
    assert ((prices["per_change"] - change).abs() <= rounding)[~first].all()


def test_prices_are_on_the_tick_of_the_day(prices: pd.DataFrame) -> None:
    fund = prices["instrument_type"] == "mutual_fund"
    tick = np.where(fund, 1, np.where(prices["date"] >= "2021-07-18", 10, 100))
    averaged = prices["date"].between("2025-03-20", "2025-09-21")
    for name in PRICES:
        in_paisa = np.rint(prices[name] * 100)
        assert np.allclose(in_paisa, prices[name] * 100, atol=1e-6)
        off = in_paisa % tick != 0
        assert not off[~averaged].any()
        assert off.any() == (name == "close")


def test_a_day_hangs_together(prices: pd.DataFrame) -> None:
    assert (prices["low"] <= prices[["open", "close"]].min(axis=1)).all()
    assert (prices["high"] >= prices[["open", "close"]].max(axis=1)).all()
    assert (prices["volume"] >= 1).all()
    assert (prices["volume"] % 1 == 0).all()
    assert (prices["turnover"] >= prices["low"] * prices["volume"] - 0.01).all()
    assert (prices["turnover"] <= prices["high"] * prices["volume"] + 0.01).all()


def test_trading_is_as_uneven_as_the_real_market(prices: pd.DataFrame) -> None:
    usual = prices.groupby("symbol")["turnover"].median()
    share = prices.groupby("symbol").size() / prices["date"].nunique()
    assert (usual > 30e6).sum() >= 3
    assert usual.median() < 6e6
    assert (share < 0.5).sum() >= 8
    assert (share == 1).sum() >= 50


def test_implied_adjustments_are_the_days_with_another_base(prices: pd.DataFrame, implied: pd.DataFrame) -> None:
    factor = prices["close"] / (1 + prices["per_change"] / 100) / prices["previous"]
    moved = prices[(factor - 1).abs() > 0.005].assign(implied_factor=factor)
    assert len(moved) == len(implied)
    assert np.allclose(moved["implied_factor"], implied["implied_factor"], atol=1e-5)
    assert (moved[["symbol", "date"]].to_numpy() == implied[["symbol", "date"]].to_numpy()).all()
    assert np.allclose(moved["reference"] / moved["previous"], implied["implied_factor"], atol=0.002)


def test_every_kind_of_action_occurs(actions: pd.DataFrame, implied: pd.DataFrame, sectors: pd.DataFrame) -> None:
    assert {"bonus", "right", "cash"} == set(actions["type"])
    together = actions[actions["type"] != "cash"].groupby(["symbol", "ex_date"])["type"].agg(set)
    assert (together == {"bonus", "right"}).sum() == 1
    kinds = actions.merge(sectors, on="symbol")
    assert {"equity", "mutual_fund"} <= set(kinds.loc[kinds["type"] == "cash", "instrument_type"])
    bonus, right, cash = (actions[actions["type"] == kind] for kind in ("bonus", "right", "cash"))
    assert bonus["ratio"].between(0.05, 0.30).all()
    assert (right["issue_price"] == 100).all()
    assert (right["book_close"].isna() & right["subscription_open"].notna()).all()
    dated = pd.concat([bonus, cash])
    assert (dated["announcement_date"] < dated["book_close"]).all()
    assert (dated["book_close"] <= dated["ex_date"]).all()
    silent = implied[_is_unannounced(implied, actions)]
    assert silent["implied_factor"].round(3).tolist() == [0.8]  # one bonus of 25% that no file announces


def test_fiscal_years_are_the_ones_that_ended_last(actions: pd.DataFrame) -> None:
    rows = actions.dropna(subset="fiscal_year")
    ended = rows["fiscal_year"].str[5:].astype(int) - 57  # 2079/2080 ended in July 2023
    passed = rows["book_close"] - pd.to_datetime(ended.astype(str) + "-07-16")
    assert passed.between(pd.Timedelta(0), pd.Timedelta(days=366)).all()


def test_the_market_has_its_special_cases(prices: pd.DataFrame, sectors: pd.DataFrame) -> None:
    known = sectors.set_index("symbol")
    kinds = sectors["instrument_type"].value_counts()
    assert kinds.to_dict() == {"equity": 68, "promoter_share": 5, "mutual_fund": 4, "debenture": 2}
    assert set(sectors.loc[sectors["instrument_type"] == "equity", "sector"]) == SECTORS
    promoters = sectors.loc[sectors["instrument_type"] == "promoter_share", "symbol"]
    assert all(symbol[-1] == "P" and symbol[:-1] in known.index for symbol in promoters)
    assert known.loc["XEGRET", "first_date"] == pd.Timestamp("2024-04-21")
    assert known.loc["XTIN", "last_date_shared"] == pd.Timestamp("2026-05-21")
    assert known.loc["XWILLOW", "last_date_shared"] == pd.Timestamp("2023-06-15")
    start = prices[prices["symbol"] == "XEGRET"].iloc[1:4]
    assert (start["per_change"] > 9.9).all()
    shares = prices[prices["instrument_type"] == "equity"].groupby("symbol")["per_change"].std() * np.sqrt(255)
    assert shares.median() == pytest.approx(33, abs=8)


def _read(account: Path, name: str) -> list[dict[str, str]]:
    with (account / name).open(encoding="utf-8", newline="") as file:
        next(file)  # the holder
        return list(csv.DictReader(file))


def _units(text: str) -> int:
    return 0 if text == "-" else int(float(text))


@pytest.fixture(params=[1, 2, 3])
def account(request: pytest.FixtureRequest) -> Path:
    return ACCOUNTS / f"account-{request.param}"


def test_the_history_sums_to_the_balance(account: Path) -> None:
    history = _read(account, "Transaction History.csv")
    days = [row["Transaction Date"] for row in history]
    assert days == sorted(days, reverse=True)
    assert days[0] <= LAST_DAY.isoformat()
    assert [int(row["S.N"]) for row in history] == list(range(1, len(history) + 1))
    balance: dict[str, int] = {}
    for row in reversed(history):
        moved = _units(row["Credit Quantity"]) - _units(row["Debit Quantity"])
        balance[row["Scrip"]] = balance.get(row["Scrip"], 0) + moved
        assert balance[row["Scrip"]] == float(row["Balance After Transaction"]) >= 0
    held = {row["Scrip"]: int(float(row["Current Balance"])) for row in _read(account, "My Shares Values.csv")}
    assert {symbol: units for symbol, units in balance.items() if units} == held


def test_holdings_are_valued_at_the_last_closes(account: Path, prices: pd.DataFrame) -> None:
    last = prices.groupby("symbol")["close"].last()
    for row in _read(account, "My Shares Values.csv"):
        price = paisa(row["Last Closing Price"].replace(",", ""))
        value = paisa(row["Value as of Last Closing Price"].replace(",", ""))
        assert value == int(float(row["Current Balance"])) * price
        assert row["Last Closing Price"] == row["Last Transaction Price (LTP)"]
        assert row["Value as of Last Closing Price"] == row["Value as of LTP"]
        assert price == round(100 * last.get(row["Scrip"], 100.0))


def test_cost_is_what_was_paid_with_charges(account: Path, prices: pd.DataFrame, sectors: pd.DataFrame) -> None:
    """Holdings never sold or merged: purchases at the open of two sessions earlier, allotments and bonus at par."""
    history = _read(account, "Transaction History.csv")
    moved = {row["Scrip"] for row in history if row["History Description"].startswith(("ON-DR", "CA-Merger"))}
    kind = sectors.set_index("symbol")["instrument_type"]
    opens = prices.set_index(["symbol", "date"])["open"]
    sessions = sorted(prices["date"].unique())
    checked = 0
    for holding in _read(account, "My Wacc Report.csv"):
        symbol = holding["Scrip Name"]
        credits = [row for row in history if row["Scrip"] == symbol]
        if symbol in moved:
            continue
        cost = 0
        for row in credits:
            units = _units(row["Credit Quantity"])
            if row["History Description"].startswith("ON-CR"):
                day = sessions[sessions.index(pd.Timestamp(row["Transaction Date"])) - 2]
                price = round(100 * opens[symbol, day])
                amount, paid = purchase(rulebook().on(day.date()), kind[symbol], units, price)
                cost += amount + paid.total
            else:
                cost += units * 100_00
        assert paisa(holding["Total Cost of Capital"].replace(",", "")) == cost
        checked += 1
    assert checked >= 4


def test_cost_is_known_for_every_unit_but_one_pending_bonus() -> None:
    lacking = []
    for account in sorted(ACCOUNTS.iterdir()):
        held = {row["Scrip"]: int(float(row["Current Balance"])) for row in _read(account, "My Shares Values.csv")}
        wacc = _read(account, "My Wacc Report.csv")
        assert [row["Scrip Name"] for row in wacc] == list(held)
        assert {row["Demat"] for row in wacc} == {f"{int(account.name[-1]):016d}"}
        for row in wacc:
            units, rate = int(row["WACC Calculated Quantity"]), float(row["WACC Rate"].replace(",", ""))
            assert units * rate == pytest.approx(float(row["Total Cost of Capital"].replace(",", "")), abs=units * 1e-4)
            if units != held[row["Scrip Name"]]:
                lacking.append((account.name, row["Scrip Name"], held[row["Scrip Name"]] - units))
        newest = next(
            r for r in _read(account, "Transaction History.csv") if r["History Description"][:8] == "CA-Bonus"
        )
    assert lacking == [("account-3", newest["Scrip"], _units(newest["Credit Quantity"]))]


def test_bonus_credits_follow_the_actions(account: Path, actions: pd.DataFrame) -> None:
    ratios = actions[actions["type"] == "bonus"].groupby("symbol")["ratio"].agg(list)
    for row in _read(account, "Transaction History.csv"):
        if row["History Description"].startswith("CA-Bonus"):
            percent = float(row["History Description"].split("B-")[1].split("%")[0])
            assert any(percent == pytest.approx(100 * ratio) for ratio in ratios[row["Scrip"]])


def test_accounts_hold_what_makes_them_useful(sectors: pd.DataFrame) -> None:
    known = sectors.set_index("symbol")
    worth, units = {}, {}
    for number in (1, 2, 3):
        rows = _read(ACCOUNTS / f"account-{number}", "My Shares Values.csv")
        worth[number] = {r["Scrip"]: float(r["Value as of LTP"].replace(",", "")) for r in rows}
        units[number] = {r["Scrip"]: int(float(r["Current Balance"])) for r in rows}
    kinds = {number: {known["instrument_type"].get(s, "unlisted") for s in units[number]} for number in units}
    assert [len(held) for held in worth.values()] == [13, 5, 25]
    for number, total in ((1, 1.5e6), (2, 150e3), (3, 12e6)):
        assert sum(worth[number].values()) == pytest.approx(total, rel=0.1)
    assert max(worth[1].values()) > 0.2 * sum(worth[1].values())
    assert min(units[2].values()) < rulebook().on(LAST_DAY).lots["face_100"]
    assert "mutual_fund" in kinds[2]
    assert {"debenture", "promoter_share", "unlisted"} <= kinds[3]
    assert "XTIN" in units[3]
    history = _read(ACCOUNTS / "account-1", "Transaction History.csv")
    ages = [(LAST_DAY - date.fromisoformat(row["Transaction Date"])).days for row in history]
    assert min(ages) < 365 < max(ages)
    words = {row["History Description"][:8] for row in history}
    assert {"ON-CR 00", "ON-DR 00", "INITIAL ", "CA-Bonus"} <= words
