"""What counts as a return: each rule on a panel small enough to read, and what compounding must give back."""

from datetime import date, timedelta

import numpy as np
import pytest
from hand_made_panels import panel_of, walk
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.forecast.returns import total_returns
from portfolio_opt.ingest.corporate.bands import FIRST_SESSIONS, LONG_HALT
from portfolio_opt.market.rules import rulebook

NO = None  # did not trade
nan = np.nan


def returns_of(closes, **frames):
    """The returns of the one name of a panel."""
    return total_returns(panel_of({"A": closes}, **{k: {"A": v} for k, v in frames.items()}))[:, 0]


def test_a_return_is_the_log_of_the_price_ratio_and_the_first_trade_has_none():
    assert returns_of([100, 105, 100]) == pytest.approx([nan, np.log(1.05), np.log(100 / 105)], nan_ok=True)


def test_a_session_without_a_trade_is_0_and_the_move_stands_on_the_next_trade():
    found = returns_of([100, 100, NO, NO, 106, 106])
    assert found == pytest.approx([nan, 0, 0, 0, np.log(1.06), 0], nan_ok=True)


def test_a_bonus_makes_no_return():
    assert returns_of([100, 50, 51], adjustment=[1, 2, 2]) == pytest.approx([nan, 0, np.log(51 / 50)], nan_ok=True)


def test_a_bonus_while_the_name_did_not_trade_makes_no_return():
    assert returns_of([100, 100, NO, 50], adjustment=[1, 1, 2, 2])[1:] == pytest.approx([0, 0, 0])


def test_a_dividend_belongs_to_the_return_of_its_ex_day():
    assert returns_of([100, 95, 95], dividend=[0, 5, 0]) == pytest.approx([nan, 0, 0], nan_ok=True)


def test_a_dividend_after_a_bonus_counts_for_each_of_the_new_units():
    found = returns_of([100, 50, 48], adjustment=[1, 2, 2], dividend=[0, 0, 2])
    assert found == pytest.approx([nan, 0, 0], nan_ok=True)


def test_a_dividend_that_goes_ex_without_a_trade_belongs_to_the_next_trade():
    assert returns_of([100, 100, NO, 95, 95], dividend=[0, 0, 5, 0, 0])[1:] == pytest.approx([0, 0, 0, 0])


def test_a_dividend_of_one_name_is_no_return_of_another():
    panel = panel_of({"A": [100, 100, 100], "B": [50, 50, 50]}, dividend={"A": [0, 90, 0], "B": [0, 0, 0]})
    assert total_returns(panel)[1:, 1] == pytest.approx([0, 0])


def test_the_first_fifteen_trades_of_a_listing_are_left_out():
    before, prices = [NO] * (FIRST_SESSIONS + 1), 100 * 1.01 ** np.arange(20)
    found = returns_of([*before, *prices])[len(before) :]
    assert np.isnan(found[:FIRST_SESSIONS]).all()
    assert found[FIRST_SESSIONS:] == pytest.approx(np.full(20 - FIRST_SESSIONS, np.log(1.01)))


def test_trades_are_counted_not_sessions_when_a_listing_is_thin():
    before = [NO] * (FIRST_SESSIONS + 1)
    found = returns_of([*before, *(x for k in range(20) for x in (100 * 1.01**k, NO))])[len(before) :]
    assert np.isnan(found[: 2 * FIRST_SESSIONS]).all()
    assert not np.isnan(found[2 * FIRST_SESSIONS])


def test_a_name_that_the_panel_finds_listed_has_returns_from_its_second_trade():
    assert returns_of([NO, 100, 101]) == pytest.approx([nan, nan, np.log(1.01)], nan_ok=True)


@pytest.mark.parametrize("day", [date(2026, 4, 17), date(2026, 4, 20)])
def test_a_move_beyond_the_band_of_its_day_is_no_return(day):
    band = rulebook().on(day).price_band / 1e6
    closes = [100, 100 * (1 + band), 100, 100 * (1 + band + 0.01)]
    days = [day - timedelta(days=1), day, day + timedelta(days=1), day + timedelta(days=2)]
    if day < date(2026, 4, 20):
        days = [d - timedelta(days=2) for d in days]
    found = total_returns(panel_of({"A": closes}, days=days))[:, 0]
    assert found[1] == pytest.approx(np.log(1 + band))
    assert np.isnan(found[3])


def test_the_band_is_wider_after_the_change_of_2026():
    closes = {"A": [100, 112, 112]}
    assert np.isnan(total_returns(panel_of(closes, start=date(2026, 4, 1)))[1, 0])
    assert total_returns(panel_of(closes, start=date(2026, 5, 1)))[1, 0] == pytest.approx(np.log(1.12))


@pytest.mark.parametrize(("halt", "known"), [(LONG_HALT, True), (LONG_HALT + 1, False)])
def test_the_jump_over_a_long_halt_is_no_return(halt, known):
    found = returns_of([100, 101, *[NO] * (halt - 1), 104, 105])
    assert found[2 : halt + 1] == pytest.approx(np.zeros(halt - 1))
    assert np.isnan(found[halt + 1]) != known
    assert found[-1] == pytest.approx(np.log(105 / 104))


def test_the_way_back_from_a_row_of_another_series_is_no_return():
    """As SMB in 2018: its jump down was given a factor, and the next row takes both back."""
    factor = 376 / 1.0386 / 613
    found = returns_of([613, 376, 613, 613], adjustment=[1, 1 / factor, 1 / factor * factor, 1])
    assert found == pytest.approx([nan, np.log(1.0386), nan, 0], nan_ok=True)


def test_two_bonuses_in_a_row_and_the_day_after_are_returns():
    found = returns_of([100, 50, 25, 25, 25], adjustment=[1, 2, 4, 4, 4])
    assert found[1:] == pytest.approx([0, 0, 0, 0])


def test_after_its_last_trade_a_name_has_no_returns():
    found = total_returns(panel_of({"A": [100, 101, NO, NO], "B": [50, 50, 50, 50]}))
    assert np.isnan(found[2:, 0]).all()
    assert not np.isnan(found[2:, 1]).any()


def test_a_name_that_never_traded_has_no_returns():
    assert np.isnan(total_returns(panel_of({"A": [NO, NO, NO], "B": [1, 1, 1]}))[:, 0]).all()


@given(seed=st.integers(0, 2**32 - 1), sessions=st.integers(2, 40), missing=st.sampled_from([0.0, 0.3, 0.7]))
def test_returns_compound_to_the_change_of_price_between_trades(seed, sessions, missing):
    rng = np.random.default_rng(seed)
    prices = walk(rng, sessions, 3, missing=missing)
    found = total_returns(panel_of({name: prices[:, k] for k, name in enumerate("ABC")}))
    for k in range(3):
        traded = np.flatnonzero(~np.isnan(prices[:, k]))
        left_out = FIRST_SESSIONS if len(traded) and traded[0] > FIRST_SESSIONS else 1
        if len(traded) <= left_out:
            assert np.isnan(found[:, k]).all()
            continue
        start, end = traded[left_out - 1], traded[-1]
        inside = found[traded[left_out] : end + 1, k]
        jumps = np.isnan(inside)  # only moves beyond the band, over some sessions together, may be missing
        rises = prices[traded[left_out:], k] / prices[traded[left_out - 1 : -1], k]
        assert jumps.sum() == (np.abs(rises - 1) > 0.106).sum()
        if not jumps.any():
            assert inside.sum() == pytest.approx(np.log(prices[end, k] / prices[start, k]))
        assert np.isnan(found[: traded[left_out], k]).all()
        assert np.isnan(found[end + 1 :, k]).all()


@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 39))
def test_a_return_never_changes_when_later_days_become_known(seed, cut):
    rng = np.random.default_rng(seed)
    prices = walk(rng, 40, 3, missing=0.4)
    panel = panel_of({name: prices[:, k] for k, name in enumerate("ABC")})
    early, late = total_returns(panel.until(panel.day(cut))), total_returns(panel)[: cut + 1]
    known = ~np.isnan(early)
    assert (early[known] == late[known]).all()
    only_later = np.isnan(early) & ~np.isnan(late)
    assert (late[only_later] == 0).all()  # that a silent name would trade again was not known
