"""What happened to names that stopped: merged, ended with their source, rare or simply gone; by what was known that day."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.ingest.corporate.actions import Action
from portfolio_opt.ingest.corporate.endings import ENDED_TOGETHER, Cause, ended_holdings, endings
from portfolio_opt.ingest.panel import Panel
from portfolio_opt.ingest.universe import LISTED_SESSIONS

FIRST = date(2024, 1, 1)
SESSIONS = 60


def panel_of(**traded):
    """A panel of names, each the sessions on which it trades."""
    index = pd.date_range(FIRST, periods=SESSIONS)
    close = pd.DataFrame(np.nan, index=index, columns=["ALWAYS", *traded])
    close["ALWAYS"] = 100.0
    for name, sessions in traded.items():
        close.iloc[list(sessions), close.columns.get_loc(name)] = 100.0
    return Panel.from_frames(close=close)


def causes(panel):
    return {ending.symbol: ending.cause for ending in endings(panel)}


@pytest.mark.parametrize("silent", [LISTED_SESSIONS - 1, LISTED_SESSIONS])
def test_a_name_has_stopped_after_five_sessions_without_a_trade(silent):
    found = endings(panel_of(GONE=range(SESSIONS - silent)))
    assert [ending.symbol for ending in found] == ["GONE"] * (silent == LISTED_SESSIONS)
    if found:
        day = FIRST + timedelta(days=SESSIONS - silent - 1)
        assert found[0].in_words() == f"GONE last traded on {day}: halted or delisted, not known which."


def test_the_users_merger_is_what_happened():
    panel = panel_of(NBB=range(30))
    merger = Action("NBB", "merger", FIRST + timedelta(days=31), ratio=0.43, successor="NABIL")
    told = replace(panel, actions=(merger,))
    (found,) = endings(told)
    assert found.in_words() == "NBB last traded on 2024-01-30: merged into NABIL at 0.43 units for each."
    assert endings(told.until(FIRST + timedelta(days=40))) == (found,)
    halted = endings(told.until(FIRST + timedelta(days=30)))
    assert halted == ()  # one session without a trade so far


def test_names_that_end_together_ended_with_their_source():
    crowd = {f"S{k:02}": range(40 - k % 3) for k in range(ENDED_TOGETHER)}
    rare = {"RARE": range(0, 40, 12)}  # last seen on session 36, and then not to be expected before 48
    panel = panel_of(**crowd, **rare, ALONE=range(20))
    found = causes(panel)
    assert found == {**dict.fromkeys([*crowd, "RARE"], Cause.SOURCE_ENDED), "ALONE": Cause.STOPPED}
    words = next(ending for ending in endings(panel) if ending.symbol == "S00").in_words()
    assert words == (
        "S00 last traded on 2024-02-09: its source ended on or about 2024-02-09, with many others: "
        "neither a delisting nor a loss."
    )
    del crowd["S09"]
    assert set(causes(panel_of(**crowd)).values()) == {Cause.STOPPED}


def test_names_that_end_one_by_one_have_no_common_source():
    scattered = {f"S{k:02}": range(10 + 3 * k) for k in range(ENDED_TOGETHER)}
    assert set(causes(panel_of(**scattered)).values()) == {Cause.STOPPED}


def test_a_name_that_paused_as_long_before_may_only_be_rare():
    found = endings(panel_of(RARE=[0, 30, 45]))
    assert [ending.cause for ending in found] == [Cause.RARE]
    assert "it has paused as long before" in found[0].in_words()


def test_a_name_without_any_trade_has_not_ended():
    assert endings(panel_of(NEVER=[])) == ()


def test_holders_are_told_what_became_of_their_names():
    panel = panel_of(GONE=range(20), OTHER=range(20))
    (found,) = ended_holdings({"GONE", "ALWAYS"}, panel)
    assert found.in_words() == (
        "holdings that no longer trade: 1 (GONE last traded on 2024-01-20: halted or delisted, not known which); "
        "kept at the last close"
    )
    assert ended_holdings({"ALWAYS"}, panel) == []


trading = st.lists(st.sets(st.integers(0, SESSIONS - 1)), min_size=1, max_size=14)


@given(trading=trading, common=st.integers(5, 50), cut=st.integers(5, SESSIONS - 1))
def test_what_is_known_of_a_day_does_not_change_with_later_days(trading, common, cut):
    names = {f"S{k:02}": {s for s in days if s <= common} for k, days in enumerate(trading)}
    known = panel_of(**names).until(FIRST + timedelta(days=cut))
    other = {name: {s for s in days if s <= cut} | set(range(cut + 1, SESSIONS)) for name, days in names.items()}
    assert endings(known) == endings(panel_of(**other).until(FIRST + timedelta(days=cut)))
