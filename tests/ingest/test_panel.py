"""The Panel: read-only, validated once, and blind to the future."""

import shutil
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_files import SAMPLE_MARKET, refusal

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.panel import FRAMES, Panel
from portfolio_opt.ingest.prices import read_prices
from portfolio_opt.market.rules import rulebook

ARRAYS = ("dates", "symbols", *FRAMES, "sector", "instrument", "board_lot")
CUTS = (date(2021, 1, 31), date(2023, 1, 9), date(2024, 4, 22), date(2026, 4, 18))


@pytest.fixture(scope="module")
def panel():
    return read_prices(SAMPLE_MARKET)


def days_from(start, count):
    return pd.DatetimeIndex([start + timedelta(days=k) for k in range(count)])


# ---- read-only and validated


@pytest.mark.parametrize("name", ARRAYS)
def test_no_array_can_be_written(panel, name):
    for each in (panel, panel.until(CUTS[1])):
        with pytest.raises(ValueError, match="read-only"):
            getattr(each, name)[...] = getattr(each, name)


def test_no_field_can_be_replaced(panel):
    with pytest.raises(AttributeError):
        panel.close = panel.open


def test_a_frame_is_a_copy(panel):
    frame = panel.frame("close")
    before = panel.close.tobytes()
    frame.iloc[:] = -1.0
    assert panel.close.tobytes() == before


def test_shapes_and_order(panel):
    shape = (len(panel.dates), len(panel.symbols))
    assert all(getattr(panel, name).shape == shape for name in FRAMES)
    assert panel.sessions() == sorted(set(panel.sessions()))
    assert panel.symbols.tolist() == sorted(set(panel.symbols.tolist()))
    assert (panel.day(0), panel.last_date) == (panel.sessions()[0], panel.sessions()[-1])
    assert {panel.close.dtype, panel.volume.dtype, panel.adjustment.dtype} == {np.dtype(float)}
    assert panel.traded.dtype == bool


def test_a_day_without_a_trade_has_no_price_and_no_volume(panel):
    for name in ("open", "high", "low", "close"):
        assert np.isnan(getattr(panel, name)[~panel.traded]).all()
    assert (panel.close[panel.traded] > 0).all()
    for name in ("volume", "turnover"):
        assert (getattr(panel, name)[~panel.traded] == 0).all()


def test_board_lots_are_those_of_the_rulebook(panel):
    rules = rulebook().on(rulebook().checked)
    assert panel.board_lot.tolist() == [rules.lot_of(kind) for kind in panel.instrument.tolist()]
    assert set(panel.instrument) == {"equity", "promoter_share", "debenture", "mutual_fund"}


# ---- look-ups


def test_every_symbol_has_its_column_and_no_other_text_has_one(panel):
    assert [panel.column(name) for name in panel.symbols.tolist()] == list(range(len(panel.symbols)))
    for name in ("", "A", "XALDE", "XALDERR", "xalder", "ZZZ", "~"):
        assert panel.column(name) is None


@pytest.mark.parametrize("cut", [*CUTS, None])
def test_the_last_close_is_that_of_the_last_trade(panel, cut):
    known = panel.until(cut) if cut else panel
    closes, rows = known.last_close()
    for j in range(len(known.symbols)):
        trades = [t for t in range(len(known.dates)) if known.traded[t, j]]
        assert rows[j] == (trades[-1] if trades else -1)
        if trades:
            assert closes[j] == known.close[trades[-1], j]
        else:
            assert np.isnan(closes[j])
    assert (rows == -1).any() == (cut is not None and cut < date(2024, 4, 21))  # before XEGRET was listed


def test_a_halted_symbol_keeps_its_last_close(panel):
    closes, rows = panel.last_close()
    at = panel.column("XTIN")
    assert panel.day(int(rows[at])) == date(2026, 5, 21)
    assert closes[at] > 0


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_holds_the_matrix_by_session_and_symbol(panel, name):
    frame = panel.frame(name)
    assert frame.columns.tolist() == panel.symbols.tolist()
    assert [day.date() for day in frame.index] == panel.sessions()
    np.testing.assert_array_equal(frame.to_numpy(), getattr(panel, name))


def test_an_unknown_frame_is_refused(panel):
    with pytest.raises(InvalidInput, match="panel has no frame 'price'; it has open, high, low, close"):
        panel.frame("price")


# ---- until


@pytest.mark.parametrize("cut", CUTS)
def test_the_past_owns_its_memory(panel, cut):
    known = panel.until(cut)
    for name in ("dates", *FRAMES):
        array = getattr(known, name)
        assert array.base is None, f"{name} leads back to the whole"
        assert not np.shares_memory(array, getattr(panel, name))
        assert array.tobytes() == getattr(panel, name)[: len(known.dates)].tobytes()


@pytest.mark.parametrize("cut", CUTS)
def test_nothing_later_than_the_day_is_known(panel, cut):
    known = panel.until(cut)
    assert known.last_date == max(day for day in panel.sessions() if day <= cut)
    assert known.known_until == cut
    expected = [a for a in panel.actions if (a.announced or a.ex_date) <= cut]
    assert list(known.actions) == expected
    assert len(expected) > 0
    assert (len(expected) < len(panel.actions)) == (cut < CUTS[-1])  # the last one was announced by then


def test_a_later_day_is_refused_once_cut(panel):
    known = panel.until(CUTS[1])
    for later in (1, 30, 3000):
        with pytest.raises(InvalidInput, match="that is look-ahead"):
            known.until(CUTS[1] + timedelta(days=later))
    assert known.until(CUTS[1]).last_date == known.last_date
    assert known.until(CUTS[0]).last_date == panel.until(CUTS[0]).last_date
    with pytest.raises(InvalidInput, match="look-ahead"):
        known.until(CUTS[0]).until(CUTS[1])


def test_a_day_after_the_last_session_is_known_only_so_far(panel):
    known = panel.until(date(2030, 1, 1))
    assert (known.last_date, known.known_until) == (panel.last_date, date(2030, 1, 1))


def test_a_day_before_the_first_session_is_refused(panel):
    assert "the prices begin on 2020-08-02" in refusal(panel.until, date(2020, 8, 1))
    assert len(panel.until(date(2020, 8, 2)).dates) == 1


@pytest.mark.parametrize("cut", CUTS)
def test_the_past_is_what_reading_only_the_past_gives(panel, tmp_path, cut):
    """Bit for bit: every file row later than the day taken out, the action file cut to what was announced."""
    table = pq.read_table(SAMPLE_MARKET / "prices.parquet")
    pq.write_table(table.filter(pc.less_equal(table["date"], cut)), tmp_path / "prices.parquet")
    shutil.copy(SAMPLE_MARKET / "sectors.csv", tmp_path)
    actions = pd.read_csv(SAMPLE_MARKET / "corporate_actions.csv", dtype=str, keep_default_na=False)
    actions[actions["ex_date"] <= cut.isoformat()].to_csv(tmp_path / "corporate_actions.csv", index=False)
    early, known = read_prices(tmp_path), panel.until(cut)
    listed = [known.column(name) for name in early.symbols.tolist()]
    assert early.dates.tobytes() == known.dates.tobytes()
    for name in FRAMES:
        assert getattr(early, name).tobytes() == getattr(known, name)[:, listed].tobytes(), name
    for name in ("symbols", "sector", "instrument", "board_lot"):
        assert getattr(early, name).tolist() == getattr(known, name)[listed].tolist(), name
    unlisted = np.setdiff1d(np.arange(len(known.symbols)), listed)
    assert not known.traded[:, unlisted].any()
    assert (known.adjustment[:, unlisted] == 1).all()
    assert (known.dividend[:, unlisted] == 0).all()


# ---- frames of one's own


def test_frames_of_a_panel_make_the_panel_again(panel):
    made = Panel.from_frames(
        **{name: panel.frame(name) for name in FRAMES if name != "traded"},
        sector=dict(zip(panel.symbols.tolist(), panel.sector.tolist(), strict=True)),
        instrument=dict(zip(panel.symbols.tolist(), panel.instrument.tolist(), strict=True)),
    )
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(made, name), getattr(panel, name))


closes = st.lists(
    st.lists(st.none() | st.floats(1, 5000), min_size=3, max_size=3), min_size=1, max_size=5
)  # a missing close is a day without a trade


@given(rows=closes, order=st.permutations(range(3)))
def test_closes_alone_make_a_panel(rows, order):
    names = ["NABIL", "ADBL", "NA"]
    frame = pd.DataFrame(rows, index=days_from(date(2026, 8, 2), len(rows)), columns=names, dtype=float)
    panel = Panel.from_frames(close=frame.iloc[::-1, order])
    assert panel.symbols.tolist() == sorted(names)
    expected = frame[sorted(names)].to_numpy()
    np.testing.assert_array_equal(panel.close, expected)
    np.testing.assert_array_equal(panel.traded, ~np.isnan(expected))
    for name in ("open", "high", "low"):
        np.testing.assert_array_equal(getattr(panel, name), expected)
    assert (panel.adjustment == 1).all()
    assert not panel.volume.any()
    assert not panel.turnover.any()
    assert set(panel.instrument) == {"equity"}
    assert set(panel.sector) == {""}


def test_a_panel_does_not_hold_the_makers_memory():
    frame = pd.DataFrame({"NABIL": [500.0, 510.0]}, index=days_from(date(2026, 8, 2), 2))
    panel = Panel.from_frames(close=frame, volume=frame, adjustment=frame)
    frame.iloc[:] = 1.0
    assert panel.close[:, 0].tolist() == panel.volume[:, 0].tolist() == panel.adjustment[:, 0].tolist() == [500, 510]


def test_turnover_defaults_to_close_times_volume():
    frame = pd.DataFrame({"NABIL": [500.0, np.nan], "NICA": [5.0, 6.0]}, index=days_from(date(2026, 8, 2), 2))
    volume = pd.DataFrame({"NABIL": [10, 20], "NICA": [1, 2]}, index=frame.index)
    assert Panel.from_frames(close=frame, volume=volume).turnover.tolist() == [[5000, 5], [0, 12]]


@pytest.mark.parametrize(
    "index",
    [
        [date(2026, 8, 2), date(2026, 8, 3)],
        pd.DatetimeIndex(["2026-08-02 15:00", "2026-08-03 15:00"]),
        pd.DatetimeIndex(["2026-08-02", "2026-08-03"], tz="Asia/Kathmandu"),
        np.array(["2026-08-02", "2026-08-03"], dtype="datetime64[D]"),
    ],
)
def test_frames_meet_whatever_kind_of_days_they_have(index):
    """Volumes under dates were once read as none beside closes under timestamps."""
    close = pd.DataFrame({"NABIL": [500.0, 510.0]}, index=days_from(date(2026, 8, 2), 2))
    volume = pd.DataFrame({"NABIL": [7, 8]}, index=index)
    for a, b in ((close, volume), (volume * 100.0, close)):
        panel = Panel.from_frames(close=a, volume=b)
        assert panel.sessions() == [date(2026, 8, 2), date(2026, 8, 3)]
        assert panel.volume[:, 0].tolist() == b["NABIL"].tolist()


def test_symbols_that_are_numbers_are_text_in_the_order_of_text():
    frame = pd.DataFrame({2: [5.0], 10: [6.0]}, index=days_from(date(2026, 8, 2), 1))
    panel = Panel.from_frames(close=frame, volume=frame * 10)
    assert panel.symbols.tolist() == ["10", "2"]
    assert (panel.column("2"), panel.column("10")) == (1, 0)
    assert panel.volume.tolist() == [[60, 50]]


GOOD = pd.DataFrame({"NABIL": [500.0, 510.0]}, index=days_from(date(2026, 8, 2), 2))


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ({"close": GOOD * 0}, "a traded day needs a positive, finite close"),
        ({"close": -GOOD}, "a traded day needs a positive, finite close"),
        ({"close": GOOD * np.inf}, "a traded day needs a positive, finite close"),
        ({"close": GOOD, "adjustment": GOOD * 0}, "every adjustment must be a positive, finite factor"),
        ({"close": GOOD, "adjustment": GOOD * np.inf}, "every adjustment must be a positive, finite factor"),
        ({"close": GOOD, "adjustment": GOOD.iloc[:1]}, "every adjustment must be a positive, finite factor"),
        ({"close": GOOD, "volume": -GOOD}, "volume must be finite and at least 0"),
        ({"close": GOOD, "volume": GOOD * np.inf}, "volume must be finite and at least 0"),
        ({"close": GOOD, "turnover": -GOOD}, "turnover must be finite and at least 0"),
        ({"close": GOOD.iloc[[0, 0]]}, "a day or a symbol twice"),
        ({"close": GOOD[["NABIL", "NABIL"]]}, "a day or a symbol twice"),
        ({"close": GOOD, "volume": GOOD.iloc[[0, 0]]}, "a day or a symbol twice"),
        ({"close": GOOD.set_axis(["03/04/2025", "04/04/2025"])}, "index must hold dates, not string values"),
        ({"close": GOOD.reset_index(drop=True)}, "index must hold dates, not integer values"),
        ({"close": GOOD.iloc[:0]}, "no session or no symbol"),
        ({"close": GOOD[[]]}, "no session or no symbol"),
    ],
)
def test_frames_that_cannot_be_a_market_are_refused(frames, words):
    with pytest.raises(InvalidInput, match=words):
        Panel.from_frames(**frames)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dates": np.array(["2026-08-03", "2026-08-02"], "datetime64[D]")}, "dates must rise"),
        ({"dates": np.array(["2026-08-02", "2026-08-02"], "datetime64[D]")}, "dates must rise"),
        ({"symbols": np.array(["B", "A"])}, "symbols must be sorted"),
        ({"symbols": np.array(["A", "A"])}, "symbols must be sorted and differ"),
        ({"close": np.ones((2, 1))}, r"close has shape \(2, 1\), not \(2, 2\)"),
        ({"dividend": np.zeros(2)}, r"dividend has shape \(2,\), not \(2, 2\)"),
    ],
)
def test_a_panel_is_validated_when_it_is_made(changes, words):
    frame = pd.DataFrame({"A": [1.0, 2.0], "B": [3.0, 4.0]}, index=days_from(date(2026, 8, 2), 2))
    panel = Panel.from_frames(close=frame)
    with pytest.raises(InvalidInput, match=words):
        Panel(**(vars(panel) | changes))
