"""Who can be chosen: each rule on a panel small enough to read, and nothing of it from later days."""

import shutil
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from small_files import SAMPLE_MARKET

from portfolio_opt.ingest.panel import Panel
from portfolio_opt.ingest.prices import read_prices
from portfolio_opt.ingest.universe import (
    LEAST_TURNOVER,
    LISTED_SESSIONS,
    TRADED_SESSIONS,
    median_turnover,
    sessions_since_trade,
    traded_share,
    universe,
)

SESSIONS = 150
CUTS = [date(2021, 6, 15), date(2022, 6, 15), date(2025, 1, 7)]


def panel_of(volumes, instrument=None, price=10.0):
    """A panel of one price; a volume of 0 is a session without a trade."""
    length = len(next(iter(volumes.values())))
    index = pd.DatetimeIndex([date(2024, 1, 1) + timedelta(days=k) for k in range(length)])
    volume = pd.DataFrame(volumes, index=index, dtype=float)
    kinds = {name: "equity" for name in volumes} | (instrument or {})
    return Panel.from_frames(close=volume.where(volume > 0) * 0 + price, volume=volume, instrument=kinds)


def reason(volumes, **other):
    """Why a name with these volumes is not in, beside one that always trades."""
    found = universe(panel_of({"A": volumes, "Z": [1e6] * len(volumes)}, **other))
    return found.why_not[0]


def test_a_share_that_trades_every_session_is_in():
    found = universe(panel_of({"A": [1e6] * SESSIONS, "B": [1e6] * SESSIONS}, {"B": "debenture"}))
    assert found.members == ("A",)
    assert found.included.tolist() == [True, False]
    assert found.why_not == ("", "debenture, not traded here")


def test_each_rule_says_its_reason():
    assert reason([0] * SESSIONS) == "no price"
    assert reason([1e6] * SESSIONS, instrument={"A": "promoter_share"}) == "promoter share, for promoters only"
    assert reason([1e6] * SESSIONS, instrument={"A": "unknown"}) == "kind of instrument unknown"
    stopped = [1e6] * (SESSIONS - LISTED_SESSIONS) + [0] * LISTED_SESSIONS
    assert reason(stopped) == "no trade in the last 5 sessions (halted, merged or delisted)"
    assert reason([0, 0, 0, 1e6] * (SESSIONS // 4)) == "traded on less than 80% of the last 120 sessions"
    assert reason([0] * (SESSIONS - 50) + [1e6] * 50) == "listed too short a time ago"
    assert reason([1.0] * SESSIONS) == "turns over less than NPR 100,000 a session"


@pytest.mark.parametrize("idle", [LISTED_SESSIONS - 1, LISTED_SESSIONS])
def test_a_name_is_listed_while_it_traded_within_five_sessions(idle):
    assert (reason([1e6] * (SESSIONS - idle) + [0] * idle) == "") == (idle < LISTED_SESSIONS)


@pytest.mark.parametrize("missing", [24, 25])
def test_four_fifths_of_the_last_120_sessions_must_have_a_trade(missing):
    volumes = np.full(SESSIONS, 1e6)
    volumes[SESSIONS - TRADED_SESSIONS : SESSIONS - TRADED_SESSIONS + missing] = 0
    assert (reason(volumes) == "") == (missing <= 24)
    volumes = np.full(SESSIONS, 1e6)
    volumes[: SESSIONS - TRADED_SESSIONS] = 0  # what lies before does not count
    assert reason(volumes) == ""


@pytest.mark.parametrize("short", [0, 1])
def test_the_median_turnover_has_a_floor(short):
    assert (reason([LEAST_TURNOVER / 10 - short] * SESSIONS) == "") == (not short)
    found = universe(panel_of({"A": [5.0] * SESSIONS}), least_turnover=50.0)
    assert found.members == ("A",)


def test_turnover_counts_sessions_without_a_trade_as_nothing():
    panel = panel_of({"A": [9, 0, 0, 9, 9], "B": [1, 2, 3, 4, 5]})
    assert median_turnover(panel, 5).tolist() == [90, 30]
    assert median_turnover(panel, 3).tolist() == [90, 40]
    assert median_turnover(panel, 4).tolist() == [45, 35]


def test_the_share_of_sessions_with_a_trade_counts_those_before_a_listing_as_without():
    panel = panel_of({"A": [0, 0, 1, 1], "B": [1, 1, 1, 0]})
    assert traded_share(panel, 4).tolist() == [0.5, 0.75]
    assert traded_share(panel, 8).tolist() == [0.25, 0.375]


def test_sessions_since_the_last_trade():
    panel = panel_of({"A": [1, 0, 0], "B": [1, 1, 1], "C": [0, 1, 0]})
    assert sessions_since_trade(panel).tolist() == [2, 0, 1]


# ---- nothing from later days


@pytest.fixture(scope="module")
def sample():
    return read_prices(SAMPLE_MARKET)


@pytest.mark.parametrize("cut", CUTS)
def test_the_universe_of_a_day_is_that_of_a_folder_which_ends_there(sample, tmp_path, cut):
    table = pq.read_table(SAMPLE_MARKET / "prices.parquet")
    pq.write_table(table.filter(pc.less_equal(table["date"], cut)), tmp_path / "prices.parquet")
    shutil.copy(SAMPLE_MARKET / "sectors.csv", tmp_path)
    early, known = universe(read_prices(tmp_path)), universe(sample.until(cut))
    assert early.members == known.members
    assert len(early.members) > 5
    why = dict(zip(known.symbols.tolist(), known.why_not, strict=True))
    assert all(why[symbol] == said for symbol, said in zip(early.symbols.tolist(), early.why_not, strict=True))
    assert all(why[symbol] == "no price" for symbol in set(why) - set(early.symbols.tolist()))


def test_a_status_of_later_days_is_never_read(tmp_path):
    """Even if every name were called delisted."""
    shutil.copy(SAMPLE_MARKET / "prices.parquet", tmp_path)
    labels = pd.read_csv(SAMPLE_MARKET / "sectors.csv", dtype=str, keep_default_na=False)
    members = []
    for status in ("active", "delisted"):
        labels.assign(status_2026_04=status).to_csv(tmp_path / "sectors.csv", index=False)
        members.append(universe(read_prices(tmp_path).until(CUTS[1])).members)
    assert members[0] == members[1] != ()
