"""The exchange's own history, where it is at hand: it is read whole, and its adjustments are those the exchange published."""

import csv
import importlib.util
import time
from datetime import date

import numpy as np
import pytest
from small_files import ROOT, finding, rules_of

from portfolio_opt.forecast.returns import total_returns
from portfolio_opt.ingest.corporate.actions import Action
from portfolio_opt.ingest.corporate.adjustment import TAKEN_BACK, UNEXPLAINED, reference_price
from portfolio_opt.ingest.corporate.bands import LONG_HALT, SLACK
from portfolio_opt.ingest.corporate.endings import Cause, endings
from portfolio_opt.ingest.prices import read_prices
from portfolio_opt.ingest.universe import universe

NEPSE = ROOT.parent / "shared" / "data" / "nepse"
BAND = 0.10  # until 2026-04-17, after the end of the data

COPIED = 11  # rows of 2011-03-24 in which one of its sources repeats the session before, to the unit

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
    assert panel.traded.sum() == 457_537 - COPIED
    assert (panel.day(0), panel.last_date) == (date(2010, 1, 3), date(2025, 8, 21))
    assert (panel.instrument == "equity").sum() == 279
    assert not any(day.weekday() == 5 for day in panel.sessions())


def test_what_was_left_in_on_purpose_is_said(panel):
    """The counts that the description of the data states."""
    assert finding(panel.findings, "open of 0").rows == 6
    assert finding(panel.findings, "close outside the day's low and high").rows == 356
    assert finding(panel.findings, "turnover that does not fit volume and price").rows == 205
    assert finding(panel.findings, "right shares without an issue price").rows == 1
    copied = finding(panel.findings, "rows of a day that repeats an earlier session")
    assert {str(np.datetime64(int(day), "D")) for day in copied.cases.day} == {"2011-03-24"}
    assert copied.rows == COPIED
    assert {"identical duplicate rows", "rows on a Saturday"}.isdisjoint(rules_of(panel.findings))


@pytest.mark.parametrize("kind", ["bonus", "right", "cash"])
def test_the_formulas_give_every_published_price(official, kind):
    rows = [row for row in official if row["kind"] == kind]
    assert len(rows) == {"bonus": 27, "right": 35, "cash": 20}[kind]
    for row in rows:
        day, percent = date.fromisoformat(row["last_cum_date"]), float(row["pct"])
        action = {
            "bonus": Action(row["symbol"], "bonus", day, ratio=percent / 100),
            "right": Action(row["symbol"], "right", day, ratio=percent / 100, issue_price=100),
            "cash": Action(row["symbol"], "cash", day, amount=percent / 10),
        }[kind]
        price = reference_price(float(row["prev_close"]), [action])
        assert price == pytest.approx(float(row["adjusted_price"]), abs=0.02), row["symbol"]


NO_TRADE = {"PIC", "IGI", "NMBHF1", "SAEF", "NLO", "NICGF"}  # on the last day with the entitlement, or none after it


def test_adjustments_agree_with_the_published_ones(page, panel, bare):
    with_list, without = page.agreement(panel), page.agreement(bare)
    assert [len(with_list[name]) for name in ("agree", "differ", "no trade on one side")] == [72, 0, 10]
    assert [len(without[name]) for name in ("agree", "differ", "no trade on one side")] == [71, 1, 10]
    assert without["differ"][0].startswith(
        "ACLBSL 2022-03-30"
    )  # announced 21%, the percent change says 20.6%, it was 19.62%
    assert {words.split()[0] for words in without["no trade on one side"]} == NO_TRADE


# ---- moves beyond the band


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("fill_moves", ROOT / "docs" / "fill_moves.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.fixture(scope="module")
def bare(page):
    return page.without_the_list()


def test_the_page_of_moves_is_what_its_script_writes(page, panel, bare):
    assert page.PAGE.read_text(encoding="utf-8") == page.page(panel, bare), "run: python docs/fill_moves.py"


@pytest.mark.parametrize("which", ["panel", "bare"])
def test_moves_of_shares_beyond_the_band_are_explained_and_none_is_left_as_a_return(page, which, request):
    panel = request.getfixturevalue(which)
    found = page.moves(panel)
    for since, least in (("2018-02-18", 0.93), ("2021-01-01", 0.99)):
        causes = [cause for _, day, cause in found if day >= since]
        assert sum(cause != page.UNKNOWN for cause in causes) >= least * len(causes)
        assert set(causes) <= {*page.BY_A_FACTOR, *page.WITHOUT_A_FACTOR, page.UNKNOWN}
    left = page.left_as_returns(panel, found)
    assert left == [("SMB", "2018-06-12", page.BACK)]  # believed on its day, by its percent change of 3.86%
    assert page.beyond_the_band(panel, left) == []
    assert [move for move in found if move[1] >= "2021" and move[2] == "unexplained"] == []


@pytest.mark.parametrize("which", ["panel", "bare"])
def test_the_two_days_on_which_smb_shows_another_series_are_no_action(panel, page, which, request):
    panel = request.getfixturevalue(which)
    assert {move for move in page.moves(panel) if move[0] == "SMB" and move[1].startswith("2018")} == {
        ("SMB", "2018-06-12", page.BACK),
        ("SMB", "2018-06-13", page.BACK),
    }
    column, days = panel.column("SMB"), np.array(["2018-06-11", "2018-06-13"], dtype="datetime64[D]")
    before, after = panel.adjustment[np.searchsorted(panel.dates, days), column]
    assert after == pytest.approx(before, rel=1e-12)
    returns = total_returns(panel)[:, column]
    assert np.isnan(returns[np.searchsorted(panel.dates, days[1])])
    said = finding(panel.findings, TAKEN_BACK).cases.listed()
    assert [case["date"] for case in said if case["symbol"] == "SMB"] == ["2018-06-13"]


@pytest.mark.parametrize(
    ("symbol", "day"), [("SIGS3", "2024-01-31"), ("NBBD2085", "2023-08-15"), ("SBID89", "2024-01-23")]
)
def test_neither_a_change_of_0_nor_a_rise_is_an_action(panel, symbol, day):
    row, column = np.searchsorted(panel.dates, np.datetime64(day)), panel.column(symbol)
    assert panel.adjustment[row, column] == panel.adjustment[row - 1, column]


def test_adjustments_fall_only_where_a_jump_is_taken_back(panel):
    """No action there is raises a price."""
    falls = np.argwhere(panel.adjustment[1:] < panel.adjustment[:-1] * (1 - 1e-9))
    assert [(str(panel.dates[t + 1]), str(panel.symbols[k])) for t, k in falls] == [("2018-06-13", "SMB")]


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
    said = finding(panel.findings, UNEXPLAINED)
    assert said.rows == len(moves)
    newest = sorted(moves, key=lambda move: move[0])[-1]
    assert said.examples[0] == f"{newest[1]} on {newest[0]}"


def test_no_adjusted_price_leaves_the_band_as_a_return(panel):
    returns = total_returns(panel)
    for day, name, _ in moves_beyond_the_band(panel):
        assert np.isnan(returns[np.searchsorted(panel.dates, np.datetime64(day)), panel.column(name)])


# ---- names that ended

ENDED_WITH_THE_SOURCE = {
    "EIC",
    "GIC",
    "HGI",
    "KLBSL",
    "LGIL",
    "NLBBL",
    "NSLB",
    "PIC",
    "RMDC",
    "SABSL",
    "SIC",
    "SIL",
    "UIC",
}
REALLY_ENDED = {
    "NBB": date(2022, 1, 12),
    "NCCB": date(2022, 12, 29),
    "SRBL": date(2023, 7, 13),
    "KRBL": date(2024, 12, 24),
}


def test_names_that_ended_stay_to_their_last_trade_with_what_is_known_of_it(panel):
    found = {ending.symbol: ending for ending in endings(panel)}
    assert {found[name].cause for name in ENDED_WITH_THE_SOURCE} == {Cause.SOURCE_ENDED}
    assert {ending.source_end for ending in found.values()} == {None, date(2021, 12, 29)}
    for name, last in REALLY_ENDED.items():
        assert (found[name].last_trade, found[name].cause) == (last, Cause.STOPPED)
        trades = panel.dates[panel.traded[:, panel.column(name)]]
        assert trades[-1] == np.datetime64(last)
        assert len(trades) > 1000


def test_no_source_seems_to_end_before_it_did(panel):
    for day in (date(2015, 1, 1), date(2020, 5, 15), date(2020, 7, 5), date(2021, 12, 1), date(2021, 12, 29)):
        assert {ending.cause for ending in endings(panel.until(day))} <= {Cause.STOPPED, Cause.RARE}
    assert Cause.SOURCE_ENDED in {ending.cause for ending in endings(panel.until(date(2022, 2, 1)))}


def test_the_universe_grows_with_the_market_and_holds_names_that_died_later(panel):
    sizes = [len(universe(panel.until(date(year, 7, 1))).members) for year in range(2014, 2026)]
    assert sizes[0] < sizes[6] < sizes[-1]
    assert {"NBB", "EIC"} <= set(universe(panel.until(date(2021, 12, 20))).members)
    assert not {"NBB", "EIC"} & set(universe(panel).members)


def test_the_past_is_read_the_same_without_the_future(panel):
    known = panel.until(date(2020, 3, 22))
    rows = len(known.dates)
    for name in ("close", "adjustment", "dividend"):
        assert getattr(known, name).tobytes() == getattr(panel, name)[:rows].tobytes()
