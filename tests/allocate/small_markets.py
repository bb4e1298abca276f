"""Markets and accounts small enough to check by hand, and the exchange's arithmetic written a second time."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import strategies as st

from portfolio_opt.allocate.problem import Limits, Problem
from portfolio_opt.allocate.trading_day import TradingDay
from portfolio_opt.forecast.beliefs import Beliefs
from portfolio_opt.market.account import Account, Lot
from portfolio_opt.market.prices import limit_price, order_step, price_band
from portfolio_opt.market.rules import INVESTORS, rulebook

TRADE_DATE = date(2026, 8, 19)
SETTLES_ON = date(2026, 8, 21)
RULES = rulebook().on(TRADE_DATE)
AS_OF = TRADE_DATE - timedelta(days=1)
OLD, YOUNG = TRADE_DATE - timedelta(days=800), TRADE_DATE - timedelta(days=30)
RUPEE = 100  # paisa
DEEP = 10**9 * RUPEE  # a turnover that never limits an order


def trading_day_of(close, *, lot=10, sector=None, turnover=DEEP, can_buy=True, can_sell=True, margin_ppm=10_000):
    """A TradingDay of equities A, B, C, ... with the given closes (paisa); the rest follows from the rules."""
    close = np.array(close, dtype=np.int64)
    n = len(close)

    def each(value, kind):
        return np.array(np.broadcast_to(value, (n,)), dtype=kind)

    can_buy, can_sell = each(can_buy, bool), each(can_sell, bool)
    low, high = price_band(RULES, "equity", close)
    step_low, step_high = order_step(RULES, "equity", close)
    return TradingDay(
        trade_date=TRADE_DATE,
        settles_on=SETTLES_ON,
        symbols=np.array([f"S{k:02d}" for k in range(n)]),
        sector=np.array(sector if sector is not None else [""] * n),
        instrument=each("equity", "<U6"),
        lot=each(lot, np.int64),
        close=close,
        buy_limit=limit_price(RULES, "equity", "BUY", close, margin_ppm),
        sell_limit=limit_price(RULES, "equity", "SELL", close, margin_ppm),
        band_low=low,
        band_high=high,
        step_low=step_low,
        step_high=step_high,
        turnover=each(turnover, np.int64),
        can_buy=can_buy,
        can_sell=can_sell,
        why_not=tuple("" if buy else "thin" if sell else "halted" for buy, sell in zip(can_buy, can_sell, strict=True)),
    )


def beliefs_of(day, rng, *, mean=(0.0, 0.25), volatility=(0.15, 0.45)):
    """Beliefs of one market factor and specific risk, drawn evenly from the given ranges."""
    n = len(day.symbols)
    beta = rng.uniform(0.6, 1.4, n)
    return Beliefs(
        as_of=AS_OF,
        horizon=230,
        symbols=day.symbols.copy(),
        mean=rng.uniform(*mean, n),
        loadings=beta[:, None] * 0.25,
        specific=rng.uniform(*volatility, n) ** 2,
        standard_error=np.full(n, 0.05),
        origin="drawn",
    )


def lots_of(symbol, units, average, share_old, *, unknown=False):
    """A holding bought at `average` paisa a unit, part of it long ago."""
    old = int(units * share_old)
    parts = [(old, OLD), (units - old, None if unknown else YOUNG)]
    return [Lot(symbol, k, k * average, acquired) for k, acquired in parts if k]


@st.composite
def problems(draw, names=(2, 12)):
    """Decisions of every kind: cash only, drifted, locked, odd holdings, unsettled cash, floors, any investor, any size."""
    n = draw(st.integers(*names))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tick = RULES.tick_of("equity")
    close = np.exp(rng.uniform(np.log(60), np.log(2500), n)) * RUPEE
    close = (close // tick * tick).astype(np.int64) + (draw(st.booleans()) * rng.integers(0, tick, n))
    wealth = int(10 ** draw(st.floats(4.2, 9.5)) * RUPEE)
    sectors = np.array(["", "Banks", "Hydro", "Insurance"])[rng.integers(0, 4, n)]
    frozen = draw(st.sampled_from([0.0, 0.0, 0.3])) > rng.random(n)  # halted
    unbuyable = draw(st.sampled_from([0.0, 0.2])) > rng.random(n)
    depth = draw(st.sampled_from([100.0, 100.0, 3.0, 0.3]))
    turnover = (wealth * depth * rng.uniform(0.2, 2, n)).astype(np.int64) + 100_000 * RUPEE
    day = trading_day_of(
        close,
        sector=sectors.tolist(),
        turnover=turnover,
        can_buy=~frozen & ~unbuyable,
        can_sell=~frozen,
        margin_ppm=draw(st.sampled_from([0, 10_000, 20_000])),
    )
    lots = []
    shape = draw(st.sampled_from(["cash", "spread", "drifted", "odd", "mixed"]))
    if shape != "cash":
        weight = rng.dirichlet(np.full(n, {"spread": 5.0, "drifted": 0.4, "odd": 1.0, "mixed": 1.0}[shape]))
        units = (weight * wealth / close).astype(int)
        if shape != "spread":
            odd = rng.random(n) < (0.8 if shape == "odd" else 0.3)
            units = np.where(odd, rng.integers(0, 25, n), units)
        for k in np.flatnonzero(units):
            average = int(close[k] * rng.uniform(0.5, 1.3))
            unknown = rng.random() < 0.2
            lots += lots_of(str(day.symbols[k]), int(units[k]), average, rng.choice([0, 0.4, 1]), unknown=unknown)
    free = wealth if shape in ("cash", "odd") else int(wealth * draw(st.sampled_from([0.0, 0.02, 0.3])))
    later = draw(st.sampled_from([0.0, 0.0, 0.5, 1.0]))
    account = Account(
        lots=tuple(lots),
        settled_cash=int(free * (1 - later)) + 1,
        unsettled_cash=tuple((TRADE_DATE + timedelta(days=k), int(free * later / 2)) for k in (1, 4) if later),
        investor=draw(st.sampled_from(INVESTORS)),
    )
    limits = Limits(
        max_weight=draw(st.sampled_from([min(1.0, round(1.5 / n, 2)), 0.3, 0.5, 1.0])),
        max_sector=draw(st.sampled_from([0.4, 0.7, 1.0, 1.0])),
        cash_floor=draw(st.sampled_from([0.0, 0.0, 0.05, 0.5])),
        max_participation=draw(st.sampled_from([0.1, 1.0])),
    )
    outside = {"ZZZ": wealth // 20} if draw(st.integers(0, 5)) == 0 else None
    if outside:
        account = replace(account, lots=(*account.lots, Lot("ZZZ", 10, 0, None)))
    return Problem(
        beliefs_of(day, rng),
        account,
        day,
        RULES,
        limits,
        risk_aversion=draw(st.sampled_from([0.5, 2.0, 8.0])),
        holding_period=draw(st.sampled_from([0.25, 1.0])),
        outside=outside,
    )


# ---- the exchange's arithmetic, a second time: Python integers and fractions, straight from the rulebook's rows ----


def half_up(value):
    """A fraction of paisa to whole paisa."""
    return floor(value + Fraction(1, 2))


def charges_of(amount):
    """(commission, regulator's fee, depository's charge) of one equity order."""
    slabs = RULES.commission["equity"]
    rate = next(rate for end, rate in zip(slabs.up_to, slabs.rates, strict=True) if amount <= end)
    commission = max(half_up(Fraction(amount * rate, 10**6)), RULES.commission_minimum)
    return commission, half_up(Fraction(amount * RULES.sebon_fee["equity"], 10**6)), RULES.dp_charge


@dataclass(frozen=True)
class Sold:
    amount: int
    charges: int
    tax: int

    @property
    def net(self):
        return self.amount - self.charges - self.tax


def sale_of(account, symbol, units, price):
    """Selling `units`, oldest first: average cost, tax by age of the units sold."""
    rates = RULES.capital_gains_tax[account.investor]
    lots = sorted((lot for lot in account.lots if lot.symbol == symbol), key=lambda lot: lot.acquired or date.max)
    held, cost = sum(lot.units for lot in lots), sum(lot.cost for lot in lots)
    old, left = 0, units
    for lot in lots:
        taken = min(lot.units, left)
        left -= taken
        if lot.acquired and (TRADE_DATE - lot.acquired).days > rates.long_after_days:
            old += taken
    amount = units * price
    paid = sum(charges_of(amount))
    gain = max(amount - paid - half_up(Fraction(cost * units, held)), 0)
    tax = half_up(Fraction(gain * ((units - old) * rates.short + old * rates.long), units * 10**6))
    return Sold(amount, paid, tax)


def utility_of(problem, units):
    """The decision's own definition, from plain loops: mean'w - a/2 w'Cw - (charges + tax) / (wealth · holding period)."""
    day = problem.day
    w = np.array([u * c for u, c in zip(units, day.close.tolist(), strict=True)]) / problem.wealth
    paid = 0
    for i, (then, now) in enumerate(zip(units, problem.held.tolist(), strict=True)):
        if then > now:
            paid += sum(charges_of((then - now) * int(day.buy_limit[i])))
        if then < now:
            sold = sale_of(problem.account, str(day.symbols[i]), now - then, int(day.sell_limit[i]))
            paid += sold.charges + sold.tax
    belief = problem.beliefs
    covariance = belief.loadings @ belief.loadings.T + np.diag(belief.specific)
    risk = w @ covariance @ w
    return float(belief.mean @ w - problem.risk_aversion / 2 * risk - paid / problem.wealth / problem.holding_period)
