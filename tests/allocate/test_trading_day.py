"""What one account may trade on a day: the universe, what the user forbids, and what the exchange resets before then."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from portfolio_opt.allocate.trading_day import trading_day
from portfolio_opt.ingest.corporate.actions import Action
from portfolio_opt.ingest.panel import Panel
from portfolio_opt.ingest.universe import universe
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.rules import rulebook

LAST = date(2025, 6, 5)
TRADE_DATE = date(2025, 6, 8)


@pytest.fixture(scope="module")
def panel():
    index = pd.DatetimeIndex([LAST - timedelta(days=k) for k in range(149, -1, -1)])
    close = pd.DataFrame(100.0, index=index, columns=["BANK", "BOND", "HYDRO", "QUIET"])
    close.iloc[:-1, 3] = np.nan
    volume = close.notna() * 1e5
    kinds = dict.fromkeys(close.columns, "equity") | {"BOND": "debenture"}
    return Panel.from_frames(close=close, volume=volume, instrument=kinds)


def day_of(panel, held=("QUIET", "HYDRO", "BOND"), forbidden=None):
    return trading_day(panel, held, rulebook().on(TRADE_DATE), Calendar(panel.sessions()), 10_000, forbidden)


def why(day):
    return dict(zip(day.symbols.tolist(), day.why_not, strict=True))


def test_the_universe_is_what_may_be_bought_and_holdings_are_there_too(panel):
    day = day_of(panel)
    assert day.symbols[day.can_buy].tolist() == list(universe(panel).members) == ["BANK", "HYDRO"]
    assert day.symbols.tolist() == ["BANK", "BOND", "HYDRO", "QUIET"]
    assert day.symbols[day.can_sell].tolist() == ["HYDRO", "QUIET"]
    assert why(day) == dict(zip(panel.symbols.tolist(), universe(panel).why_not, strict=True))


def test_what_is_forbidden_is_not_bought_but_may_be_sold(panel):
    day = day_of(panel, forbidden={"HYDRO": "forbidden by the mandate"})
    assert why(day)["HYDRO"] == "forbidden by the mandate"
    assert day.symbols[day.can_buy].tolist() == ["BANK"]
    assert "HYDRO" in day.symbols[day.can_sell]


@pytest.mark.parametrize("kind", ["bonus", "right", "merger"])
@pytest.mark.parametrize(
    ("ex_date", "reset"),
    [(LAST, False), (LAST + timedelta(1), True), (TRADE_DATE, True), (TRADE_DATE + timedelta(1), False)],
)
def test_a_name_is_left_alone_when_its_price_is_reset_before_the_trade_date(panel, kind, ex_date, reset):
    action = Action("HYDRO", kind, ex_date, ratio=0.5, issue_price=100, announced=LAST, successor="BANK")
    day = day_of(replace(panel, actions=(action,)))
    column = day.symbols.tolist().index("HYDRO")
    assert day.can_buy[column] == day.can_sell[column] == (not reset)
    word = "merges" if kind == "merger" else "goes ex a bonus or right"
    assert day.why_not[column] == (f"{word} before the trade date" if reset else "")
