"""Random accounts of the sample market, and the audit of a plan for one in whole paisa."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from portfolio_opt import Account, Lot, estimate, read_prices
from portfolio_opt.market.orders import purchase
from portfolio_opt.market.prices import price_band
from portfolio_opt.market.rules import rulebook

AS_OF = date(2026, 8, 21)
MARKET = Path(__file__).parent.parent.parent / "data" / "sample_market"


@cache
def market():
    panel = read_prices(MARKET).until(AS_OF)
    closes, _ = panel.last_close()
    return panel, estimate(panel, panel.symbols[~np.isnan(closes)].tolist()), closes


def random_account(seed, odd_lots=True):
    panel, _, closes = market()
    rng = np.random.default_rng(seed)
    wealth = 10 ** rng.uniform(4.5, 7.5)
    columns = rng.choice(np.flatnonzero(panel.traded[-20:].any(0)), int(rng.integers(0, 12)), replace=False)
    lots = []
    for column in columns:
        units = int(wealth / len(columns) / closes[column] * rng.uniform(0.1, 2))
        if units >= (1 if odd_lots else 10):
            bought = AS_OF - timedelta(days=int(rng.integers(1, 900)))
            cost = int(units * closes[column] * 100 * rng.uniform(0.4, 1.4))
            lots.append(Lot(str(panel.symbols[column]), units, cost, bought if rng.random() < 0.8 else None))
    later = ((date(2026, 8, 27), int(wealth * rng.uniform(0, 20))),) if rng.random() < 0.4 else ()
    kind = ("individual", "entity", "fund", "non-resident")[int(rng.integers(4))]
    return Account(tuple(lots), int(wealth * 100 * rng.uniform(0, 0.6)) + 1_000_00, later, kind)


def audit(account, plan, cash_floor):
    rules = rulebook().on(plan.trade_date)
    positions = account.positions()
    panel, _, closes = market()
    assert len({(o.symbol, o.side) for o in plan.orders}) == len(plan.orders)
    for order in plan.orders:
        held = positions[order.symbol].units if order.symbol in positions else 0
        close = round(float(closes[panel.column(order.symbol)]) * 100)
        low, high = price_band(rules, "equity", close)
        amount, paid = purchase(rules, "equity", order.quantity, order.limit_price)
        assert order.limit_price % rules.tick_of("equity") == 0
        assert low <= order.limit_price <= high
        assert (order.amount, order.charges) == (amount, paid)
        assert min(paid.commission, paid.sebon_fee, paid.dp_charge, order.tax) >= 0
        if order.side == "SELL":
            assert order.quantity <= held
            assert order.net_cash == amount - paid.total - order.tax
            assert (order.board == "ODD") == (order.quantity < 10)
            assert order.quantity >= 10 or order.quantity == held
            assert held - order.quantity == 0 or held - order.quantity >= 10
        else:
            assert order.quantity >= 10
            assert order.net_cash == -amount - paid.total
    floor = int(np.ceil(cash_floor * plan.before.wealth))
    for day in sorted({o.place_on for o in plan.orders if o.side == "BUY"}):
        free = account.settled_cash + sum(amount for when, amount in account.unsettled_cash if when <= day)
        free += sum(
            o.net_cash for o in plan.orders if o.board == "NORMAL" and o.side == "SELL" and plan.settles_on <= day
        )
        spent = -sum(o.net_cash for o in plan.orders if o.side == "BUY" and o.place_on <= day)
        assert spent <= free - floor
    assert plan.before.cash + sum(o.net_cash for o in plan.orders) == plan.after.cash == plan.cash_ladder[-1].settled
