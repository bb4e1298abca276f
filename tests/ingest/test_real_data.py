"""The exchange's own history, where it is at hand: it is read whole, and its adjustments are those the exchange published."""

import csv
import time
from datetime import date

import numpy as np
import pytest
from small_files import ROOT, finding, rules_of

from portfolio_opt.ingest.actions import LONG_HALT, SLACK
from portfolio_opt.ingest.prices import read_prices

NEPSE = ROOT.parent / "shared" / "data" / "nepse"
BAND = 0.10  # until 2026-04-17, after the end of the data
AGREEMENT = 0.006
FIRST_TRADES = 15  # a listing opens far from its issue price

pytestmark = pytest.mark.skipif(
    not (NEPSE / "prices.parquet").is_file(), reason="the shared NEPSE history is not beside the repository"
)


@pytest.fixture(scope="module")
def panel():
    return read_prices(NEPSE)


@pytest.fixture(scope="module")
def official():
    with (NEPSE / "official_adjustments.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_history_is_read_soon_and_whole(panel):
    start = time.perf_counter()
    again = read_prices(NEPSE)
    assert time.perf_counter() - start < 10
    assert again.close.tobytes() == panel.close.tobytes()
    assert len(panel.symbols) == 478
    assert panel.traded.sum() == 457_537
    assert (panel.day(0), panel.last_date) == (date(2010, 1, 3), date(2025, 8, 21))
    assert (panel.instrument == "equity").sum() == 279
    assert not any(day.weekday() == 5 for day in panel.sessions())


def test_what_was_left_in_on_purpose_is_said(panel):
    """The counts that the description of the data states."""
    assert finding(panel.findings, "open of 0").rows == 6
    assert finding(panel.findings, "close outside the day's low and high").rows == 356
    assert finding(panel.findings, "turnover that does not fit volume and price").rows == 205
    assert finding(panel.findings, "right shares without an issue price").rows == 1
    assert {"identical duplicate rows", "rows on a Saturday"}.isdisjoint(rules_of(panel.findings))


def factor_after(panel, symbol, last_cum_day):
    """Our factor on the first trade after the last day with the entitlement; None where no trade lies on either side."""
    column = panel.column(symbol)
    if column is None:
        return None
    trades = np.flatnonzero(panel.traded[:, column])
    ex = int(np.searchsorted(panel.dates[trades], np.datetime64(last_cum_day), side="right"))
    if not 0 < ex < len(trades):
        return None
    before, after = panel.adjustment[trades[ex - 1 : ex + 1], column]
    return before / after


def test_adjustments_agree_with_the_published_ones(panel, official):
    ours = {
        (row["symbol"], row["last_cum_date"]): factor_after(panel, row["symbol"], row["last_cum_date"])
        for row in official
    }
    known = {(row["symbol"], row["last_cum_date"]): float(row["factor"]) for row in official}
    found = {key: factor for key, factor in ours.items() if factor is not None}
    apart = {key: factor - known[key] for key, factor in found.items() if abs(factor - known[key]) > AGREEMENT}
    assert len(official) == len(known) == 82
    assert len(found) - len(apart) == 71  # of nine more, no trade was recorded before or after
    assert set(apart) == {("IGI", "2022-02-10"), ("ACLBSL", "2022-03-30")}
    assert abs(apart["ACLBSL", "2022-03-30"]) < 0.01  # the list of actions says 21%, the exchange 19.62%
    igi = panel.traded[:, panel.column("IGI")]
    assert not igi[(panel.dates >= np.datetime64("2022-01-01")) & (panel.dates < np.datetime64("2023-01-01"))].any()


def moves_beyond_the_band(panel):
    """(day, symbol, its how manieth trade) of every adjusted move beyond the band that no long halt precedes."""
    found = []
    for column, name in enumerate(panel.symbols.tolist()):
        trades = np.flatnonzero(panel.traded[:, column])
        price = (panel.close * panel.adjustment)[trades, column] if len(trades) > 1 else np.ones(0)
        move = np.abs(price[1:] / price[:-1] - 1)
        gap = np.diff(panel.dates[trades]).astype(int)
        at = np.flatnonzero((move > BAND + SLACK) & (gap <= LONG_HALT)) + 1
        found += [(panel.day(int(trades[k])), name, int(k) + 1) for k in at]
    return found


def test_every_move_beyond_the_band_is_explained_or_said(panel):
    moves = moves_beyond_the_band(panel)
    said = finding(panel.findings, "moves beyond the day's band that nothing explains")
    assert said.rows == len(moves)
    newest = sorted(moves, key=lambda move: move[0])[-1]
    assert said.examples[0] == f"{newest[1]} on {newest[0]}"


def test_since_2021_no_share_leaves_the_band_unexplained(panel):
    kinds = dict(zip(panel.symbols.tolist(), panel.instrument.tolist(), strict=True))
    shares = [
        move for move in moves_beyond_the_band(panel) if move[0] >= date(2021, 1, 1) and kinds[move[1]] == "equity"
    ]
    assert [(name, day) for day, name, trade in shares if trade > FIRST_TRADES] == []
    assert [name for _, name, _ in shares] == ["PLI"]  # in its first days of trading


def test_the_past_is_read_the_same_without_the_future(panel):
    known = panel.until(date(2020, 3, 22))
    rows = len(known.dates)
    for name in ("close", "adjustment", "dividend"):
        assert getattr(known, name).tobytes() == getattr(panel, name)[:rows].tobytes()
