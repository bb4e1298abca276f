"""Small random situations and portfolios for the tests of measures and limits."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from portfolio_opt.allocate.problem import Outside, Situation
from portfolio_opt.allocate.trading_day import TradingDay
from portfolio_opt.forecast.beliefs import Beliefs
from portfolio_opt.market.account import Account, Lot
from portfolio_opt.market.rules import INVESTORS, rulebook

TRADE_DATE = date(2026, 8, 24)
SECTORS = ("Hydro Power", "Commercial Banks", "")
KINDS = ("usual", "nothing held", "one name", "no cash", "all illiquid", "rich", "something outside")


def situation(seed, kind="usual"):
    rng = np.random.default_rng(seed)
    n = 1 if kind == "one name" else 6
    day = trading_day(rng, n, illiquid=kind == "all illiquid")
    wealth = 10 ** (rng.uniform(11, 12) if kind == "rich" else rng.uniform(6.5, 9))  # paisa
    lots = () if kind == "nothing held" else tuple(some_lots(rng, day, wealth))
    cash = 0 if kind == "no cash" else int(wealth * rng.uniform(0.1, 1))
    outside = (Outside("OLD", 100, int(wealth * 0.2), "is not listed"),) if kind == "something outside" else ()
    account = Account(lots, cash, investor=INVESTORS[int(rng.integers(4))])
    return Situation(
        beliefs(rng, day.symbols), account, day, rulebook().on(TRADE_DATE), float(rng.uniform(0.3, 2)), outside
    )


def trading_day(rng, n, illiquid):
    close = np.rint(10 ** rng.uniform(4, 5.5, n)).astype(np.int64)
    turnover = (10 ** rng.uniform(7, 10, n)).astype(np.int64) * (not illiquid) * (rng.random(n) < 0.9)
    return TradingDay(
        trade_date=TRADE_DATE,
        settles_on=TRADE_DATE + timedelta(days=2),
        symbols=np.array([f"NAME{k}" for k in range(n)]),
        sector=np.array([SECTORS[k % 3] for k in range(n)]),
        instrument=np.full(n, "equity"),
        lot=np.full(n, 10),
        close=close,
        buy_limit=close * 101 // 100,
        sell_limit=close * 99 // 100,
        band_low=close * 85 // 100,
        band_high=close * 115 // 100,
        step_low=close * 97 // 100,
        step_high=close * 103 // 100,
        turnover=turnover,
        can_buy=rng.random(n) < 0.8,
        can_sell=rng.random(n) < 0.8,
        why_not=("",) * n,
    )


def some_lots(rng, day, wealth):
    for k, symbol in enumerate(day.symbols.tolist()):
        for _ in range(int(rng.integers(0, 4)) if k else 2):
            units = int(wealth / len(day.symbols) / day.close[k] * rng.uniform(0.01, 0.7)) + 1
            bought = TRADE_DATE - timedelta(days=int(rng.integers(1, 800)))
            cost = int(units * day.close[k] * rng.uniform(0.3, 1.3))
            yield Lot(symbol, units, cost, bought if rng.random() < 0.8 else None)


def beliefs(rng, symbols, paths=20, steps=5):
    n = len(symbols)
    return Beliefs(
        as_of=TRADE_DATE - timedelta(days=3),
        horizon=20,
        symbols=symbols,
        mean=rng.normal(0.1, 0.1, n),
        loadings=rng.normal(0, 0.2, (n, 2)),
        specific=rng.uniform(0.01, 0.1, n),
        standard_error=rng.uniform(0, 0.1, n),
        origin="made up",
        scenarios=rng.normal(0.002, 0.05, (paths, steps, n)),
    )


def portfolios(state, seed, count=6):
    """(B, N) weights: what is held, nothing, all in one name, whole shares, and any fractions with and without zeros."""
    rng = np.random.default_rng(seed)
    n = len(state.unit)
    now = state.held * state.unit
    free = rng.dirichlet(np.ones(n), count) * rng.uniform(0, 1, (count, 1))
    free[: count // 2] *= rng.random((count // 2, n)) < 0.5
    near = np.clip(now + rng.normal(0, 0.02, (count, n)), 0, 1)
    whole = np.floor(rng.dirichlet(np.ones(n), count) / state.unit) * state.unit
    found = np.vstack([now, np.zeros(n), np.eye(n)[:1], free, near, whole])
    total = found.sum(1) / (1 - state.outside_value / state.wealth)
    return found / np.maximum(total, 1)[:, None]  # nothing is borrowed


def with_rates(state, short, long):
    """The same with other tax rates (ppm)."""
    tax = {kind: replace(rates, short=short, long=long) for kind, rates in state.rules.capital_gains_tax.items()}
    return replace(state, rules=replace(state.rules, capital_gains_tax=tax))
