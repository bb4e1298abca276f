"""Paths from the past: whole sessions, nothing from the future, the moments asked for, and what is drawn is said."""

import tracemalloc
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hand_made_panels import FIRST
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.forecast.beliefs import Beliefs
from portfolio_opt.forecast.returns import total_returns
from portfolio_opt.forecast.risk.history import complete_history
from portfolio_opt.forecast.risk.scenarios import BLOCK, bootstrap, historical, stationary_blocks
from portfolio_opt.ingest.panel import Panel
from portfolio_opt.market.calendar import Calendar


def factor_panel(seed, sessions=400, names=8, late=0, own=0.006, drift=0.0):
    """A market of one factor with betas around 1; the last name lists after `late` sessions."""
    rng = np.random.default_rng(seed)
    market = np.clip(rng.normal(drift, 0.012, sessions), -0.05, 0.05)
    moves = np.linspace(0.7, 1.3, names) * market[:, None] + np.clip(rng.normal(0, own, (sessions, names)), -0.02, 0.02)
    prices = 300 * np.exp(moves.cumsum(0))
    prices[:late, -1] = np.nan
    symbols = [f"N{k:02d}" for k in range(names)]
    close = pd.DataFrame(prices, index=pd.date_range(FIRST, periods=sessions), columns=symbols)
    return Panel.from_frames(close=close), symbols


def years(panel, horizon):
    return horizon / Calendar(panel.sessions()).sessions_per_year()


def final(scenarios):
    return np.prod(1 + scenarios.returns, axis=1)


def test_historical_paths_are_the_past_stretch_by_stretch():
    panel, symbols = factor_panel(1, sessions=100)
    seen = total_returns(panel)[1:]  # the first session of all has no return
    found = historical(panel, symbols, 30, np.random.default_rng(0), steps=4)
    assert found.returns.shape == (len(seen) - 30 + 1, 4, len(symbols))
    for path in (0, 17, len(found.returns) - 1):
        stretch = np.expm1(seen[path : path + 30].sum(0))
        assert final(found)[path] - 1 == pytest.approx(stretch)
    assert np.log1p(found.returns[5, 0]) == pytest.approx(seen[5 : 5 + 7].sum(0))  # 30 sessions in 4 steps: 7, 8, 7, 8
    assert not found.drawn.any()
    assert found.how.startswith(
        "Scenarios: 70 overlapping stretches of 30 sessions, out of 99 (3.3 that do not overlap)"
    )


def test_a_path_of_the_bootstrap_holds_whole_sessions_of_the_past():
    panel, symbols = factor_panel(2, sessions=120)
    seen = np.expm1(total_returns(panel)[1:])
    found = bootstrap(panel, symbols, 10, 50, np.random.default_rng(0), steps=10)
    sessions = found.returns.reshape(-1, len(symbols))
    apart = np.abs(sessions[:, None] - seen[None]).max(2).min(1)
    assert apart.max() < 1e-12  # one and the same session for every name


def torn(panel, symbols, horizon, count, rng):
    """A broken bootstrap, for comparison: every name from sessions of its own."""
    each = [bootstrap(panel, [s], horizon, count, rng, steps=1).returns for s in symbols]
    return np.concatenate(each, axis=2)


def test_dependence_between_names_and_moments_stay_as_they_were():
    panel, symbols = factor_panel(3, sessions=600)
    seen = total_returns(panel)[1:]
    found = np.log1p(bootstrap(panel, symbols, 20, 4000, np.random.default_rng(0), steps=1).returns[:, 0])
    correlation = np.corrcoef(seen.T)
    assert np.corrcoef(found.T) == pytest.approx(correlation, abs=0.12)
    assert found.mean(0) == pytest.approx(20 * seen.mean(0), abs=4 * (20 * seen.var(0) / 4000).max() ** 0.5)
    assert found.std(0) == pytest.approx(np.sqrt(20) * seen.std(0), rel=0.15)
    loose = np.log1p(torn(panel, symbols, 20, 4000, np.random.default_rng(0))[:, 0])
    assert np.abs(np.corrcoef(loose.T) - correlation).max() > 0.5  # this test sees names drawn apart


def test_dependence_over_time_stays_within_blocks():
    rng = np.random.default_rng(4)
    calm = np.repeat(rng.random(40) < 0.5, 25)  # storms of 25 sessions
    moves = np.clip(rng.normal(0, np.where(calm, 0.003, 0.03)), -0.09, 0.09)
    close = pd.DataFrame({"A": 300 * np.exp(moves.cumsum())}, index=pd.date_range(date(2022, 1, 1), periods=1000))
    panel = Panel.from_frames(close=close)

    def clustering(block):
        paths = bootstrap(panel, ["A"], 40, 500, np.random.default_rng(0), block=block, steps=40, sessions=1000)
        size = np.abs(paths.returns[:, :, 0])
        return np.corrcoef(size[:, :-1].ravel(), size[:, 1:].ravel())[0, 1]

    assert clustering(25.0) > 0.3
    assert abs(clustering(1.0)) < 0.05


@settings(max_examples=30, deadline=None)
@given(sessions=st.integers(1, 50), horizon=st.integers(1, 60), block=st.floats(1, 100), seed=st.integers(0, 99))
def test_blocks_go_on_by_one_session_and_over_the_end(sessions, horizon, block, seed):
    picked = stationary_blocks(sessions, horizon, 7, block, np.random.default_rng(seed))
    assert picked.shape == (7, horizon)
    assert ((picked >= 0) & (picked < sessions)).all()
    if block == 1:
        return
    again = stationary_blocks(sessions, horizon, 7, 1e9, np.random.default_rng(seed))
    assert ((np.diff(again, axis=1) - 1) % sessions == 0).all()


def test_blocks_have_the_mean_length_asked_for_and_start_anywhere():
    picked = stationary_blocks(1000, 400, 500, BLOCK, np.random.default_rng(0))
    joins = (np.diff(picked, axis=1) % 1000 != 1).mean()  # a fresh start falls on the next session once in a thousand
    assert 1 / joins == pytest.approx(BLOCK, rel=0.05)
    assert np.bincount(picked.ravel() // 100) / picked.size == pytest.approx(np.full(10, 0.1), abs=0.01)


@pytest.mark.parametrize("steps", [1, 5, 20])
@pytest.mark.parametrize("make", ["bootstrap", "historical"])
def test_paths_grow_on_average_as_expected_where_a_mean_is_given(make, steps):
    panel, symbols = factor_panel(5, drift=0.002)
    mean = np.linspace(-0.3, 0.4, len(symbols))
    rng, given = np.random.default_rng(0), {"mean": mean, "steps": steps}
    found = (
        bootstrap(panel, symbols, 20, 300, rng, **given)
        if make == "bootstrap"
        else historical(panel, symbols, 20, rng, **given)
    )
    assert final(found).mean(0) == pytest.approx((1 + mean) ** years(panel, 20))
    own = bootstrap(panel, symbols, 20, 300, np.random.default_rng(0), steps=steps)
    assert final(own).mean(0) != pytest.approx((1 + mean) ** years(panel, 20), rel=0.01)
    if make == "bootstrap":  # only the level moves
        gap = np.log1p(found.returns) - np.log1p(own.returns)
        assert gap == pytest.approx(np.broadcast_to(gap[0], gap.shape))


def test_nothing_after_the_day_is_seen():
    whole, symbols = factor_panel(6, sessions=300, late=200)
    cut = FIRST + timedelta(days=249)
    poisoned = whole.close.copy()
    poisoned[250:] = 1e6 * np.random.default_rng(0).random(poisoned[250:].shape) + 1
    index = pd.DatetimeIndex(whole.dates)
    poisoned = Panel.from_frames(close=pd.DataFrame(poisoned, index=index, columns=symbols))
    for panel in (poisoned, whole.until(cut)):
        for make in (lambda p, **k: bootstrap(p, symbols, 20, 40, np.random.default_rng(1), **k),
                     lambda p, **k: historical(p, symbols, 20, np.random.default_rng(1), **k)):  # fmt: skip
            assert (make(panel, as_of=cut).returns == make(whole, as_of=cut).returns).all()
    changed = bootstrap(poisoned, symbols, 20, 40, np.random.default_rng(1))
    assert (changed.returns != bootstrap(whole, symbols, 20, 40, np.random.default_rng(1)).returns).any()


def test_the_same_seed_gives_the_same_paths_and_another_gives_others():
    panel, symbols = factor_panel(7, late=100)

    def paths(seed):
        return bootstrap(panel, symbols, 20, 30, np.random.default_rng(seed)).returns

    assert (paths(3) == paths(3)).all()
    assert (paths(3) != paths(4)).any()


def test_what_a_short_history_lacks_is_drawn_as_the_name_would_have_moved():
    panel, symbols = factor_panel(8, sessions=800, names=12, late=500, own=0.004)
    found = complete_history(panel, symbols, np.random.default_rng(0))
    lacking = np.isnan(total_returns(panel)[1:])
    assert (found.drawn == lacking).all()
    assert lacking[:, -1].sum() == 500 + 15 - 1  # a listing's first fifteen trades are no returns
    assert (found.returns[~lacking] == total_returns(panel)[1:][~lacking]).all()
    market = found.returns[:, :-1].mean(1)
    drawn, seen = found.returns[lacking[:, -1], -1], found.returns[~lacking[:, -1], -1]
    with_drawn = np.corrcoef(market[lacking[:, -1]], drawn)[0, 1]
    with_seen = np.corrcoef(market[~lacking[:, -1]], seen)[0, 1]
    assert with_drawn == pytest.approx(with_seen, abs=0.12)
    assert with_drawn < 0.995  # its own part is drawn as well
    assert drawn.std() == pytest.approx(seen.std(), rel=0.2)
    assert np.isfinite(found.returns).all()


def test_how_much_was_drawn_is_counted_and_said():
    panel, symbols = factor_panel(9, sessions=400, late=200)
    found = bootstrap(panel, symbols, 20, 30, np.random.default_rng(0))
    assert found.drawn[:-1].tolist() == [0.0] * (len(symbols) - 1)
    assert found.drawn[-1] == pytest.approx(214 / 399)
    assert f"1 of {len(symbols)} names lack some of these sessions, N07 most, with 54%" in found.in_words()
    assert "drawn from the factor model" in found.in_words()
    whole = bootstrap(*factor_panel(9), 20, 30, np.random.default_rng(0))
    assert "factor model" not in whole.in_words()
    assert f"blocks of {BLOCK} on average" in whole.in_words()


def test_the_order_of_the_symbols_is_the_one_asked_for():
    panel, symbols = factor_panel(10)
    back = symbols[::-1]
    found = [historical(panel, names, 20, np.random.default_rng(0)) for names in (symbols, back)]
    assert found[1].symbols.tolist() == back
    assert (found[0].returns == found[1].returns[:, :, ::-1]).all()


def test_paths_of_many_sessions_take_the_memory_of_their_steps():
    panel, symbols = factor_panel(11, names=60)
    tracemalloc.start()
    found = bootstrap(panel, symbols, 240, 1000, np.random.default_rng(0), steps=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        peak < 1000 * 240 * len(symbols) * 8 / 4
    )  # the paths session by session would take four times as much, or more
    assert found.returns.nbytes == 1000 * 2 * len(symbols) * 8


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p, s, r: historical(p, s, 500, r), "hold no stretch of 500; choose a shorter horizon"),
        (lambda p, s, r: historical(p, s, 0, r), "a horizon of 0 sessions; choose"),
        (lambda p, s, r: bootstrap(p, s, 0, 10, r), "a horizon of 0 sessions; choose"),
        (lambda p, s, r: bootstrap(p, s, 20, 0, r), "0 scenarios; choose"),
        (lambda p, s, r: bootstrap(p, s, 20, 10**9, r), "more than 2 GiB; choose fewer"),
        (lambda p, s, r: bootstrap(p, s, 20, 10, r, block=0.5), "block length is 0.5 sessions; choose"),
        (lambda p, s, r: bootstrap(p, s, 20, 10, r, steps=21), "21 steps of a path of 20 sessions; choose"),
        (lambda p, s, r: bootstrap(p, [*s, "NABLI"], 20, 10, r), "no prices for NABLI; give symbols"),
        (lambda p, _, r: bootstrap(p, [], 20, 10, r), "no prices for no symbol"),
        (lambda p, s, r: bootstrap(p, s, 20, 10, r, sessions=50), "50 sessions of returns; scenarios need at least 60"),
        (lambda p, s, r: bootstrap(p, s, 20, 10, r, mean=np.full(3, 0.1)), "needs 8 figures above -1"),
        (lambda p, s, r: bootstrap(p, s, 20, 10, r, mean=np.full(8, -1.0)), "needs 8 figures above -1"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    panel, symbols = factor_panel(12)
    with pytest.raises(InvalidInput, match=said):
        make(panel, symbols, np.random.default_rng(0))


def test_scenarios_are_given_to_beliefs_about_the_same_names_and_horizon():
    panel, symbols = factor_panel(13)
    n = len(symbols)
    figures = {
        "mean": np.full(n, 0.1),
        "loadings": np.ones((n, 1)),
        "specific": np.ones(n),
        "standard_error": np.ones(n),
    }
    beliefs = Beliefs(as_of=panel.last_date, horizon=20, symbols=np.array(symbols), origin="Made up.", **figures)
    found = bootstrap(panel, symbols, 20, 30, np.random.default_rng(0), mean=beliefs.mean)
    given = found.given_to(beliefs)
    assert given.scenarios is found.returns
    assert given.origin.startswith("Made up. Scenarios: 30 paths of 20 sessions")
    with pytest.raises(InvalidInput, match="do not fit"):
        bootstrap(panel, symbols, 21, 30, np.random.default_rng(0)).given_to(beliefs)
    with pytest.raises(InvalidInput, match="do not fit"):
        bootstrap(panel, symbols[1:], 20, 30, np.random.default_rng(0)).given_to(beliefs)
