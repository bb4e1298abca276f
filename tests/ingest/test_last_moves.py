"""The last close of a name: a digit's slip, a jump beyond the band, or a session's own move."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from small_files import refusal

from portfolio_opt.ingest.corporate.bands import FIRST_SESSIONS, LONG_HALT
from portfolio_opt.ingest.last_moves import jump_warnings, last_moves, refuse_slips
from portfolio_opt.ingest.panel import Panel
from portfolio_opt.ingest.universe import universe

SESSIONS = 130
FIRST = date(2025, 1, 1)
SLIP, JUMP = "a digit's slip", "left the day's price band"


def panel_of(*last, calm=500.0, adjustment=None, first=0):
    """NABIL at one price from session `first` on, then at the last closes (None: no trade); ADBL calm throughout."""
    index = pd.date_range(FIRST, periods=SESSIONS)
    closes = [np.nan] * first + [calm] * (SESSIONS - first - len(last)) + [np.nan if x is None else x for x in last]
    close = pd.DataFrame({"ADBL": 300.0, "NABIL": closes}, index)
    factor = None if adjustment is None else pd.DataFrame({"ADBL": 1.0, "NABIL": 1.0}, index)
    if factor is not None:
        factor.iloc[-len(adjustment) :, 1] = adjustment
    return Panel.from_frames(close=close, volume=close.notna() * 1e5, adjustment=factor)


def judged(panel):
    """Whether NABIL's last close is a slip, and whether a jump; the universe and the holder hear the same."""
    moves = last_moves(panel)
    slipped, jumped = bool(moves.slipped[1]), bool(moves.jumped[1])
    assert not moves.slipped[0]
    assert not moves.jumped[0]
    if panel.traded[-5:, 1].any() and panel.traded[-120:, 1].mean() >= 0.8:
        why = universe(panel).why_not[1]
        assert ((SLIP in why), (JUMP in why), why == "") == (slipped, jumped, not (slipped or jumped))
        assert universe(panel).members[0] == "ADBL"
    assert len(jump_warnings(["NABIL", "NONE"], panel)) == jumped
    if slipped:
        assert "NABIL" in refusal(refuse_slips, ["NABIL"], panel)
    refuse_slips(["ADBL", "NONE"] + ([] if slipped else ["NABIL"]), panel)
    return slipped, jumped


@pytest.mark.parametrize("move", [0.91, 1.0, 1.09])
@pytest.mark.parametrize("scale", [0.01, 0.1, 10, 100])
def test_a_close_ten_or_a_hundred_times_off_is_a_slip(scale, move):
    assert judged(panel_of(500 * scale * move)) == (True, False)


@pytest.mark.parametrize("close", [400.0, 575.0, 1500.0, 3000.0])
def test_another_move_beyond_the_band_is_a_jump(close):
    assert judged(panel_of(close)) == (False, True)


@pytest.mark.parametrize("close", [455.0, 500.0, 545.0])
def test_a_move_inside_the_band_is_a_sessions_own(close):
    assert judged(panel_of(close)) == (False, False)


def test_an_action_explains_a_move():
    assert judged(panel_of(400.0, adjustment=[1.25])) == (False, False)
    assert judged(panel_of(50.0, adjustment=[10.0])) == (False, False)


def test_a_close_that_is_back_after_a_slip_is_right_again():
    assert judged(panel_of(5000.0, 510.0)) == (False, False)
    assert judged(panel_of(300.0, 510.0)) == (False, False)
    assert judged(panel_of(545.0, 480.0)) == (False, True)  # nothing was wrong before


def test_a_name_that_no_longer_trades_is_judged_by_its_last_trade():
    assert judged(panel_of(5000.0, None, None)) == (True, False)
    assert judged(panel_of(400.0, *[None] * 6)) == (False, True)


@pytest.mark.parametrize("halt", [LONG_HALT, LONG_HALT + 1])
@pytest.mark.parametrize("close", [5000.0, 900.0])
def test_after_a_long_halt_no_close_is_judged(close, halt):
    assert any(judged(panel_of(*[None] * (halt - 1), close))) == (halt == LONG_HALT)


@pytest.mark.parametrize("trades", [FIRST_SESSIONS, FIRST_SESSIONS + 1])
def test_in_the_first_sessions_of_a_listing_only_a_slip_is_doubted(trades):
    assert judged(panel_of(900.0, first=SESSIONS - trades)) == (False, trades > FIRST_SESSIONS)
    assert judged(panel_of(5000.0, first=SESSIONS - trades)) == (True, False)


def test_names_with_one_trade_or_none_are_not_judged():
    assert judged(panel_of(500.0, first=SESSIONS - 1)) == (False, False)
    assert judged(panel_of(*[None] * SESSIONS)) == (False, False)


def test_later_prices_decide_nothing():
    calm, later = panel_of(545.0, 5000.0), FIRST + timedelta(SESSIONS - 2)
    assert judged(calm.until(later)) == (False, False)
    assert judged(panel_of(5000.0, 500.0).until(later)) == (True, False)
