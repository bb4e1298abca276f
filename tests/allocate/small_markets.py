"""Small random problems, and one that is written out, for the tests of explanations."""

from datetime import date, timedelta

import numpy as np

from portfolio_opt.allocate.problem import Limits, Outside, Problem
from portfolio_opt.allocate.trading_day import TradingDay
from portfolio_opt.forecast.beliefs import Beliefs
from portfolio_opt.market.account import Account, Lot
from portfolio_opt.market.rules import INVESTORS, rulebook

TRADE_DATE = date(2026, 8, 24)
RULES = rulebook().on(TRADE_DATE)


def day_of(close, sector, turnover=10**12, can_buy=True, can_sell=True, spread=0):
    """close: paisa; spread: percent between the close and each limit price."""
    n = len(close)
    close = np.asarray(close, dtype=np.int64)
    return TradingDay(
        trade_date=TRADE_DATE,
        settles_on=TRADE_DATE + timedelta(days=2),
        symbols=np.array([f"NAME{k}" for k in range(n)]),
        sector=np.array(sector),
        instrument=np.full(n, "equity"),
        lot=np.full(n, 10),
        close=close,
        buy_limit=close * (100 + spread) // 100,
        sell_limit=close * (100 - spread) // 100,
        band_low=close * 85 // 100,
        band_high=close * 115 // 100,
        step_low=close * 97 // 100,
        step_high=close * 103 // 100,
        turnover=np.broadcast_to(np.asarray(turnover, dtype=np.int64), n).copy(),
        can_buy=np.broadcast_to(can_buy, n).copy(),
        can_sell=np.broadcast_to(can_sell, n).copy(),
        why_not=("is halted",) * n,
    )


def beliefs_of(rng, symbols):
    n = len(symbols)
    return Beliefs(
        as_of=TRADE_DATE - timedelta(days=3),
        horizon=20,
        symbols=symbols,
        mean=rng.normal(0.12, 0.08, n),
        loadings=rng.normal(0.15, 0.1, (n, 2)),
        specific=rng.uniform(0.01, 0.08, n),
        standard_error=np.full(n, 0.05),
        origin="made up",
    )


def written(close, cash, lots=(), limits=None, sector=None, investor="individual", seed=0, **day):
    """A problem with these closes (paisa) and cash (paisa). lots: (name index, units, cost in paisa, days held)."""
    market = day_of(close, sector or [""] * len(close), **day)
    owned = [Lot(f"NAME{i}", n, cost, TRADE_DATE - timedelta(days=age)) for i, n, cost, age in lots]
    account = Account(tuple(owned), cash, investor=investor)
    beliefs = beliefs_of(np.random.default_rng(seed), market.symbols)
    return Problem(beliefs, account, market, RULES, limits=limits or Limits())


def random_problem(seed, limits=None, most_names=5, rich=True):
    """Held and not, odd lots, halted and thin names, sectors known and not, wealth from one lot's price to millions."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, most_names + 1))
    close = np.rint(10 ** rng.uniform(4, 5, n)).astype(np.int64)
    wealth = 10 ** rng.uniform(6, 9 if rich else 7.5)
    lots = []
    for i in np.flatnonzero(rng.random(n) < 0.6):
        for _ in range(int(rng.integers(1, 4))):
            units = (
                int(rng.integers(1, 9) if rng.random() < 0.1 else wealth / n / close[i] * rng.uniform(0.05, 0.8)) + 1
            )
            age = timedelta(days=int(rng.integers(1, 900)))
            cost = int(units * close[i] * rng.uniform(0.2, 1.3))
            lots.append(Lot(f"NAME{i}", units, cost, TRADE_DATE - age if rng.random() < 0.8 else None))
    market = day_of(
        close,
        rng.choice(["Hydro Power", "Commercial Banks", ""], n),
        turnover=(wealth * 10 ** rng.uniform(-0.5, 3, n)).astype(np.int64),
        can_buy=rng.random(n) < 0.85,
        can_sell=rng.random(n) < 0.85,
        spread=int(rng.integers(0, 3)),
    )
    owned = {lot.symbol for lot in lots}
    market.can_sell[:] &= [symbol in owned for symbol in market.symbols.tolist()]
    account = Account(tuple(lots), int(wealth * rng.uniform(0.01, 1)), investor=INVESTORS[int(rng.integers(4))])
    if limits is None:
        floor = float(rng.choice([0.0, 0.05, 0.4]))
        limits = Limits(rng.uniform(0.03, 0.5), rng.uniform(0.1, 0.8), floor, 10 ** rng.uniform(-2, 0))
    outside = (Outside("OLD", 100, int(wealth * 0.1), "has no prices"),) if rng.random() < 0.2 else ()
    return Problem(
        beliefs_of(rng, market.symbols),
        account,
        market,
        RULES,
        float(rng.uniform(0.3, 2)),
        outside,
        limits,
        float(rng.uniform(1, 6)),
    )
