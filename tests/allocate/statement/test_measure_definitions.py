"""Each measure is what its definition says, computed here another way."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from situations import KINDS, portfolios, situation, with_rates

from portfolio_opt import Account, Lot, estimate, read_prices
from portfolio_opt.allocate.problem import Situation
from portfolio_opt.allocate.statement import path_risk
from portfolio_opt.allocate.statement.catalogue import MEASURES, evenly
from portfolio_opt.allocate.statement.gains_tax import CapitalGainsTax
from portfolio_opt.allocate.statement.gap import gap
from portfolio_opt.allocate.statement.holdings import Concentration, DaysToExit, Turnover
from portfolio_opt.allocate.statement.path_risk import CVaR, MaxDrawdown, SemiVariance
from portfolio_opt.allocate.statement.returns import EstimationError, ExpectedReturn, RobustReturn
from portfolio_opt.allocate.statement.trading_cost import TradingCost
from portfolio_opt.allocate.statement.variance import TrackingError, Variance
from portfolio_opt.allocate.trading_day import trading_day
from portfolio_opt.errors import InvalidInput
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.orders import purchase, sale
from portfolio_opt.market.rules import rulebook

SEEDS = st.integers(0, 10**6)


def orders_money(state, units):
    """Charges and tax of reaching whole units, order by order in Python's whole numbers."""
    charges = tax = 0
    for k, (goal, held) in enumerate(zip(units.tolist(), state.held.tolist(), strict=True)):
        if goal > held:
            charges += purchase(state.rules, "equity", goal - held, int(state.day.buy_limit[k]))[1].total
        if goal < held:
            got = sale(
                state.rules,
                state.account.investor,
                "equity",
                held - goal,
                int(state.day.sell_limit[k]),
                held=held,
                held_long=int(state.held_long[k]),
                total_cost=int(state.total_cost[k]),
            )
            charges, tax = charges + got.charges.total, tax + got.tax
    return charges, tax


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=st.sampled_from(KINDS))
def test_costs_of_whole_shares_are_those_of_the_orders(seed, kind):
    state = situation(seed, kind)
    units = np.rint(portfolios(state, seed) / state.unit).astype(np.int64)
    money = np.array([orders_money(state, row) for row in units], dtype=float) / state.wealth / state.holding_period
    weights = units * state.unit
    assert TradingCost().value(state, weights) == pytest.approx(money[:, 0], rel=1e-9, abs=1e-14)
    assert CapitalGainsTax().value(state, weights) == pytest.approx(money[:, 1], rel=1e-9, abs=1e-14)


def test_the_flat_charge_jumps_with_the_first_share_and_slabs_jump_down():
    state = situation(1, "nothing held")
    paisa = state.wealth * state.holding_period

    def cost(units):
        return float(TradingCost().value(state, (units * np.eye(len(state.unit))[:1]) * state.unit)[0] * paisa)

    assert cost(1) >= 35_00  # the smallest commission and the DP charge
    assert cost(0.5) == pytest.approx(cost(1) / 2)
    end = 50_000_00 // state.day.buy_limit[0]
    assert cost(end + 1) / (end + 1) < cost(end) / end * 0.95
    assert cost(end + 1) < cost(end) or state.day.buy_limit[0] > 4_000_00


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_old_units_go_first_and_a_loss_pays_no_tax(seed):
    state = with_rates(situation(seed), 100_000, 75_000)
    now = state.held * state.unit
    price = state.day.sell_limit
    lost = state.held * price <= state.total_cost
    assert CapitalGainsTax().value(state, np.where(lost, 0, now)[None]) == pytest.approx(0, abs=1e-14)
    old_sold = (state.held - state.held_long) * state.unit
    only_long = CapitalGainsTax().value(with_rates(state, 0, 75_000), old_sold[None])
    assert CapitalGainsTax().value(state, old_sold[None]) == pytest.approx(only_long, rel=1e-9, abs=1e-14)


def test_variance_and_its_distance_from_a_benchmark_are_quadratic_forms():
    state = situation(2)
    covariance = state.beliefs.covariance()
    benchmark = np.full(len(state.unit), 1 / len(state.unit))
    for w in portfolios(state, 2):
        assert Variance().value(state, w[None])[0] == pytest.approx(w @ covariance @ w)
        active = w - benchmark
        assert TrackingError(evenly(state)).value(state, w[None])[0] == pytest.approx(active @ covariance @ active)
    assert TrackingError(evenly(state)).value(state, benchmark[None])[0] == pytest.approx(0, abs=1e-15)


def held_path(w, path):
    """Wealth after each step of a path when shares are bought at the start and kept."""
    rupees, cash, wealth = w.copy(), 1 - w.sum(), [1.0]
    for step in path:
        rupees = rupees * (1 + step)
        wealth.append(cash + rupees.sum())
    return np.array(wealth)


def test_path_risk_is_that_of_shares_held():
    state = situation(5)
    for w in portfolios(state, 5):
        wealth = np.array([held_path(w, path) for path in state.beliefs.scenarios])
        loss = 1 - wealth[:, -1]
        falls = [max(max(path[: t + 1]) - path[t] for t in range(len(path))) for path in wealth]
        worst = sorted(loss, reverse=True)
        assert CVaR(0.9).value(state, w[None])[0] == pytest.approx(np.mean(worst[:2]))
        assert CVaR(0.975).value(state, w[None])[0] == pytest.approx(worst[0])  # at least one path
        assert CVaR(0.875).value(state, w[None])[0] == pytest.approx((worst[0] + worst[1] + worst[2] / 2) / 2.5)
        assert CVaR(0.0).value(state, w[None])[0] == pytest.approx(loss.mean())
        assert MaxDrawdown().value(state, w[None])[0] == pytest.approx(np.mean(falls))
        assert MaxDrawdown(0.95).value(state, w[None])[0] == pytest.approx(max(falls))
        short = np.clip(loss + 0.02, 0, None)
        assert SemiVariance(0.02).value(state, w[None])[0] == pytest.approx(np.mean(short**2))


def test_a_large_population_is_taken_in_parts(monkeypatch):
    state, weights = situation(5), portfolios(situation(5), 5)
    whole = MaxDrawdown(0.5).value(state, weights)
    monkeypatch.setattr(path_risk, "AT_ONCE", 300)
    assert MaxDrawdown(0.5).value(state, weights) == pytest.approx(whole, rel=1e-12)


def test_paths_of_one_step_are_returns():
    state = situation(5)
    once = replace(state.beliefs, scenarios=state.beliefs.scenarios[:, :1].copy())
    flat = replace(state, beliefs=once)
    w = portfolios(state, 5)
    assert CVaR(0.5).value(flat, w) == pytest.approx(np.sort(-w @ once.scenarios[:, 0].T)[:, 10:].mean(1))
    assert MaxDrawdown().value(flat, w) == pytest.approx(np.clip(-w @ once.scenarios[:, 0].T, 0, None).mean(1))


@pytest.mark.parametrize("measure", [CVaR(), SemiVariance(), MaxDrawdown()])
def test_risk_over_paths_asks_for_scenarios(measure):
    state = situation(5)
    bare = replace(state, beliefs=replace(state.beliefs, scenarios=None))
    with pytest.raises(InvalidInput, match="hold no scenarios"):
        measure.value(bare, portfolios(state, 5))


def test_estimation_error_is_the_quantile_of_the_shortfall():
    state = situation(6)
    w = portfolios(state, 6)[-1]
    draws = np.random.default_rng(0).normal(0, 1, 200_000)
    several = np.random.default_rng(1).normal(0, 1, (200_000, len(w)))
    error = state.beliefs.standard_error
    independent = (several * error) @ w
    assert np.mean(independent > EstimationError(0.9).value(state, w[None])[0]) == pytest.approx(0.1, abs=0.004)
    together = draws * (error @ w)
    assert np.mean(together > EstimationError(0.9, "box").value(state, w[None])[0]) == pytest.approx(0.1, abs=0.004)


def test_robust_return_reads_like_a_return():
    state, weights = situation(6), portfolios(situation(6), 6)
    mean, variance = ExpectedReturn().value(state, weights), Variance().value(state, weights)
    error = EstimationError(0.8, "box").value(state, weights)
    objective = 2 * RobustReturn(0.8, "box") - 5 * Variance()
    assert objective.value(state, weights) == pytest.approx(2 * (mean - error) - 5 * variance)
    assert RobustReturn(0.5).value(state, weights) == pytest.approx(mean)


def test_turnover_concentration_and_days():
    state = situation(7)
    now = state.held * state.unit
    n = len(now)
    assert Turnover().value(state, np.zeros((1, n)))[0] == pytest.approx(now.sum() / 2)
    assert Concentration().value(state, np.eye(n)[:1])[0] == 1
    assert Concentration().value(state, np.full((1, n), 1 / n))[0] == pytest.approx(1 / n)
    days = [state.held[k] * state.day.close[k] / max(0.2 * state.day.turnover[k], state.day.close[k]) for k in range(n)]
    assert DaysToExit(0.2).value(state, now[None])[0] == pytest.approx(max(days))
    dry = replace(state, day=replace(state.day, turnover=np.zeros(n, dtype=np.int64)))
    assert DaysToExit(0.2).value(dry, now[None])[0] == pytest.approx(state.held.max())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EstimationError(90), "at least 0.5 and below 1"),
        (lambda: EstimationError(0.9, "cube"), "'cube'; choose ellipsoid or box"),
        (lambda: CVaR(95), "level is 95"),
        (lambda: MaxDrawdown(-0.1), "level is -0.1"),
        (lambda: SemiVariance(5), "target is 5"),
        (lambda: TradingCost(10), "did you mean 0.1?"),
        (lambda: DaysToExit(0), "participation is 0"),
        (lambda: float("nan") * Variance(), "weight nan"),
        (lambda: TrackingError({"GONE": 1.0}).value(situation(0), np.zeros((1, 6))), "benchmark holds GONE"),
    ],
)
def test_wrong_figures_are_refused(make, message):
    with pytest.raises(InvalidInput) as refusal:
        make()
    assert message in str(refusal.value)


def test_an_account_without_names_has_measures_of_nothing():
    state = situation(0)
    none = np.zeros(0, dtype=int)
    day = replace(
        state.day,
        why_not=(),
        **{f: getattr(state.day, f)[none] for f in vars(state.day) if isinstance(getattr(state.day, f), np.ndarray)},
    )
    beliefs = state.beliefs.of(state.beliefs.symbols[none])
    empty = Situation(beliefs, Account((), 10_000_00), day, state.rules)
    for name, row in MEASURES.items():
        if name != "TrackingError":  # a benchmark of nothing is none
            assert row.example(empty).value(empty, np.zeros((2, 0))) == pytest.approx([0, 0], abs=1e-3), name


AS_OF = date(2026, 8, 21)


def test_bounds_hold_in_the_sample_market_and_are_close():
    panel = read_prices(Path(__file__).parents[3] / "data" / "sample_market").until(AS_OF)
    calendar = Calendar(panel.sessions())
    rules = rulebook().on(calendar.next_session(AS_OF))
    held = panel.symbols[np.flatnonzero(panel.traded[-20:].any(0))][:8].tolist()
    lots = [Lot(symbol, 200 + 37 * k, 3_000_000 + 10**6 * k, date(2025, 1, 5 + k)) for k, symbol in enumerate(held)]
    lots += [Lot(symbol, 150, 1_500_000, date(2026, 6, 1)) for symbol in held]
    day = trading_day(panel, held, rules, calendar, 10_000)
    state = Situation(estimate(panel, day.symbols.tolist()), Account(tuple(lots), 500_000_00), day, rules)
    weights = portfolios(state, 0, 50)
    for measure in (TradingCost(), TradingCost(0.2), CapitalGainsTax()):
        found = gap(measure, state, np.minimum(weights, 0.2))
        assert found.min() >= -1e-14
        assert found.max() < 0.01  # of wealth
