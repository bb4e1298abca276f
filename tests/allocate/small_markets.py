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


# ---- every legal portfolio of a tiny problem, counted out -----------------------------------------------------------


PRICE_OF_WEALTH = {2: (0.002, 0.005), 3: (0.008, 0.015), 4: (0.012, 0.025)}  # a share's: fewer names, finer steps


def tiny_problem(rng, n, *, held=False):
    """Few names, a lot a noticeable part of wealth: every legal portfolio can be counted out."""
    wealth = int(rng.uniform(15_000, 60_000)) * RUPEE
    day = trading_day_of(
        (rng.uniform(*PRICE_OF_WEALTH[n], n) * wealth // 10 * 10).astype(np.int64),
        sector=rng.choice(["", "Banks", "Hydro"], n).tolist(),
        turnover=int(wealth * rng.choice([100, 4])),
    )
    lots = []
    for k in np.flatnonzero(rng.random(n) < (0.7 if held else 0.0)):
        units, average = (
            int(rng.integers(1, 0.6 * wealth / n / day.close[k] + 10)),
            int(day.close[k] * rng.uniform(0.6, 1.2)),
        )
        lots += lots_of(str(day.symbols[k]), units, average, rng.choice([0, 0.4, 1]))
    worth = sum(lot.units * int(day.close[day.symbols.tolist().index(lot.symbol)]) for lot in lots)
    return Problem(
        beliefs_of(day, rng),
        Account(tuple(lots), settled_cash=max(wealth - worth, 0)),
        day,
        RULES,
        Limits(
            max_weight=float(rng.choice([min(1.0, 1.6 / n), 0.8])),
            max_sector=float(rng.choice([0.7, 1.0])),
            cash_floor=float(rng.choice([0.0, 0.1])),
        ),
        risk_aversion=float(rng.choice([1.0, 4.0])),
        holding_period=float(rng.choice([0.5, 1.0])),
    )


def legal_units(problem, i):
    """What one may hold of name i after today, by the exchange's words and the day's depth, caps aside."""
    day, held = problem.day, int(problem.held[i])
    lot, buy, sell = int(day.lot[i]), int(day.buy_limit[i]), int(day.sell_limit[i])
    deep = int(problem.limits.max_participation * int(day.turnover[i]))
    most = max(int(problem.wealth / buy) + 1, held)
    found = [held]
    if day.can_buy[i]:
        found += [units for units in range(held + lot, most + 1) if (units - held) * buy <= deep]
    if day.can_sell[i]:
        for units in range(held):
            whole_odd_holding = units == 0 and held < lot
            on_the_board = held - units >= lot and (units == 0 or units >= lot)
            if (whole_odd_holding or on_the_board) and (held - units) * sell <= deep:
                found.append(units)
    return sorted(found)


@dataclass(frozen=True)
class Counted:
    """Every legal portfolio of a problem that fits a plan's caps: (P, n) units, (P,) utility, invested paisa, spare paisa."""

    units: np.ndarray
    utility: np.ndarray
    invested: np.ndarray
    spare: np.ndarray


def count_out(problem, wealth_after):
    """All legal portfolios under the caps relative to `wealth_after`; spare is cash that purchases may use, less the floor."""
    day, account = problem.day, problem.account
    choices = [legal_units(problem, i) for i in range(len(day.symbols))]
    choices = [
        np.array(
            [u for u in units if u * int(day.close[i]) <= problem.limits.max_weight * wealth_after], dtype=np.int64
        )
        for i, units in enumerate(choices)
    ]
    cash, cost = [], []
    for i, units in enumerate(choices):
        got = [_money_of(problem, i, int(u)) for u in units]
        cash.append(np.array([g[0] for g in got], dtype=np.int64))
        cost.append(np.array([g[1] for g in got], dtype=np.int64))
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*(np.arange(len(c)) for c in choices), indexing="ij")], 1)
    units = np.stack([c[grid[:, i]] for i, c in enumerate(choices)], 1)
    spare = problem.cash - floor_of(problem) + sum(c[grid[:, i]] for i, c in enumerate(cash))
    paid = sum(c[grid[:, i]] for i, c in enumerate(cost))
    fits = np.ones(len(units), dtype=bool)
    for sector in set(day.sector.tolist()) - {""}:
        inside = (units * day.close)[:, day.sector == sector].sum(1)
        fits &= inside <= problem.limits.max_sector * wealth_after
    units, spare, paid = units[fits], spare[fits], paid[fits]
    w = units * (day.close / problem.wealth)
    belief = problem.beliefs
    risk = ((w @ belief.loadings) ** 2).sum(1) + (w**2) @ belief.specific
    utility = w @ belief.mean - problem.risk_aversion / 2 * risk - paid / problem.wealth / problem.holding_period
    return Counted(units, utility, units @ day.close, spare)


def floor_of(problem):
    """Paisa of cash that must stay."""
    return int(np.ceil(problem.limits.cash_floor * problem.wealth))


def _money_of(problem, i, units):
    """(cash that purchases may use, charges and tax) of moving name i to `units`."""
    day, held = problem.day, int(problem.held[i])
    if units > held:
        amount = (units - held) * int(day.buy_limit[i])
        paid = sum(charges_of(amount))
        return -amount - paid, paid
    if units < held:
        sold = sale_of(problem.account, str(day.symbols[i]), held - units, int(day.sell_limit[i]))
        counted = sold.net if held - units >= int(day.lot[i]) else min(sold.net, 0)
        return counted, sold.charges + sold.tax
    return 0, 0


def filled(problem, plan):
    """The account once every order has filled at its limit and all cash has settled: lots oldest first, average cost."""
    day, account = problem.day, problem.account
    lots = []
    positions = account.positions()
    change = {o.symbol: o.quantity if o.side == "BUY" else -o.quantity for o in plan.orders}
    for symbol, position in positions.items():
        left = -min(change.get(symbol, 0), 0)
        for lot in position.lots:
            taken = min(lot.units, left)
            left -= taken
            if lot.units > taken:
                kept = lot.units - taken
                lots.append(Lot(symbol, kept, kept * position.cost // position.units, lot.acquired))
    for o in plan.orders:
        if o.side == "BUY":
            lots.append(Lot(o.symbol, o.quantity, -o.net_cash, day.trade_date))
    return replace(account, lots=tuple(lots), settled_cash=plan.after.cash, unsettled_cash=())
