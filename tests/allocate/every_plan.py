"""Small random accounts, and every legal plan of one with its exact money, by trying all."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from portfolio_opt import Account, Beliefs, Lot
from portfolio_opt.allocate.problem import Limits, Problem
from portfolio_opt.allocate.trading_day import TradingDay
from portfolio_opt.market.orders import purchase, sale
from portfolio_opt.market.rules import INVESTORS, rulebook

TRADE_DATE = date(2026, 8, 24)


def market(rng, names, wealth):
    """Shares of which an even part of `wealth` paisa buys 5 to 20."""
    close = np.maximum(wealth / names / rng.uniform(5, 20, names) // 100, 50).astype(np.int64) * 100
    return TradingDay(
        trade_date=TRADE_DATE,
        settles_on=TRADE_DATE + timedelta(days=2),
        symbols=np.array([f"S{i}" for i in range(names)]),
        sector=np.array(["Hydro Power", "Finance"])[rng.integers(0, 2, names)],
        instrument=np.full(names, "equity"),
        lot=np.full(names, 10),
        close=close,
        buy_limit=close * 101 // 100,
        sell_limit=close * 99 // 100,
        band_low=close * 9 // 10,
        band_high=close * 11 // 10,
        step_low=close * 98 // 100,
        step_high=close * 102 // 100,
        turnover=rng.choice([3 * wealth, 10**11], names, p=[0.2, 0.8]),
        can_buy=rng.random(names) < 0.9,
        can_sell=rng.random(names) < 0.9,
        why_not=("",) * names,
    )


def a_problem(seed, names=3, wealth=5_000_000, investor=None, **limits):
    """A random account of about `wealth` paisa: held in part, of various ages and costs, whole lots and odd ones."""
    rng = np.random.default_rng(seed)
    day = market(rng, names, wealth)
    shares = rng.dirichlet(np.ones(names + 1)) * wealth
    lots = []
    for symbol, close, worth in zip(day.symbols.tolist(), day.close.tolist(), shares, strict=False):
        for part in (rng.random(), 1.0):
            units = int(worth * part / close / 2)
            bought = TRADE_DATE - timedelta(days=int(rng.integers(1, 800)))
            if units:
                lots.append(Lot(symbol, units, int(units * close * rng.uniform(0.3, 1.3)), bought))
    beliefs = Beliefs(
        as_of=TRADE_DATE,
        horizon=20,
        symbols=day.symbols,
        mean=rng.normal(0.1, 0.08, names),
        loadings=rng.normal(0.1, 0.1, (names, 2)),
        specific=rng.uniform(0.01, 0.06, names),
        standard_error=np.full(names, 0.05),
        origin="drawn",
    )
    cash = int(shares[-1] + shares[:-1].sum() / 4) if rng.random() < 0.8 else 0
    account = Account(tuple(lots), cash + 10_000, investor=investor or str(rng.choice(INVESTORS)))
    chosen = {"max_weight": float(rng.choice([0.35, 0.5, 0.8])), "max_sector": float(rng.choice([0.5, 1.0]))}
    return Problem(
        beliefs,
        account,
        day,
        rulebook().on(TRADE_DATE),
        limits=Limits(**(chosen | {"cash_floor": float(rng.choice([0.0, 0.1]))} | limits)),
        risk_aversion=float(rng.uniform(1, 6)),
        holding_period=float(rng.choice([0.5, 1.0, 3.0])),
    )


def legal_quantities(problem, limits, i):
    held, lot = int(problem.held[i]), int(problem.day.lot[i])
    found = []
    for units in range(int(limits.lower[i]), int(limits.upper[i]) + 1):
        bought, sold = units - held, held - units
        whole = units == 0 and held > 0
        if units == held or bought >= lot or whole or (sold >= lot and units >= lot):
            found.append(units)
    return found or [held]


def priced(problem, i, units):
    """(cash, odd, cost) in paisa of bringing one name to `units`, as its one order fills."""
    day, held = problem.day, int(problem.held[i])
    if units >= held:
        amount, paid = purchase(problem.rules, "equity", units - held, int(day.buy_limit[i]))
        return -amount - paid.total, 0, paid.total
    got = sale(
        problem.rules,
        problem.account.investor,
        "equity",
        held - units,
        int(day.sell_limit[i]),
        held=held,
        held_long=int(problem.held_long[i]),
        total_cost=int(problem.total_cost[i]),
    )
    odd = max(got.net_cash, 0) if held - units < day.lot[i] else 0
    return got.net_cash, odd, got.charges.total + got.tax


@dataclass(frozen=True)
class Plans:
    """Every legal plan that keeps cash and caps. units (T, N); cost, idle (T,) paisa."""

    units: np.ndarray
    cost: np.ndarray
    idle: np.ndarray


def every_plan(problem, limits):
    choices = [
        [(u, *priced(problem, i, u)) for u in legal_quantities(problem, limits, i)] for i in range(len(problem.held))
    ]
    rows = np.stack(np.meshgrid(*(np.arange(len(c)) for c in choices)), axis=-1).reshape(-1, len(choices))
    units, cash, odd, cost = (
        np.stack([np.array([row[kind] for row in c])[rows[:, i]] for i, c in enumerate(choices)], axis=1)
        for kind in range(4)
    )
    idle = problem.cash + cash.sum(1) - problem.floor
    kept = idle >= odd.sum(1)
    for k, cap in enumerate(limits.sector_cap):
        kept &= (units * problem.day.close)[:, limits.member == k].sum(1) <= cap
    return Plans(units[kept], cost.sum(1)[kept], idle[kept])
