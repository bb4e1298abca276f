"""How near to nothing a second rebalance proposes once the first one's orders have filled, and how far plans are from the bound.

Random accounts, NPR 100,000 to 30 million, on the shared real data where they are, else on the sample market. One JSON line for
accounts whose first orders were not cut by a day's turnover, one for the default limit on it, where the second run goes on
with what the first could not trade in a day.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from portfolio_opt import Account, Beliefs, Lot, Panel, estimate, read_prices, rebalance
from portfolio_opt.allocate.plan import Plan
from portfolio_opt.allocate.problem import Limits

ROOT = Path(__file__).parent.parent
REAL = ROOT.parent / "shared" / "data" / "nepse"
ACCOUNTS = 40


@dataclass(frozen=True)
class Market:
    """A panel cut at a day, and what is believed of every priced name then."""

    panel: Panel
    beliefs: Beliefs
    as_of: date


def market() -> Market:
    folder, as_of = (REAL, date(2025, 8, 21)) if REAL.exists() else (ROOT / "data" / "sample_market", date(2026, 8, 21))
    panel = read_prices(folder).until(as_of)
    closes, _ = panel.last_close()
    return Market(panel, estimate(panel, panel.symbols[~np.isnan(closes)].tolist()), as_of)


def random_account(m: Market, rng: np.random.Generator) -> Account:
    """Up to fourteen names in drifted sizes, bought within 900 days, and some cash."""
    wealth = 10 ** rng.uniform(5, 7.5)
    closes, _ = m.panel.last_close()
    recent = np.flatnonzero((m.panel.instrument == "equity") & m.panel.traded[-20:].any(0))
    columns = rng.choice(recent, int(rng.integers(0, 15)), replace=False)
    lots = []
    for column in columns:
        units = int(wealth / len(columns) / closes[column] * rng.uniform(0.2, 2))
        bought = m.as_of - timedelta(days=int(rng.integers(1, 900)))
        if units:
            cost = int(units * closes[column] * 100 * rng.uniform(0.5, 1.3))
            lots.append(Lot(str(m.panel.symbols[column]), units, cost, bought))
    return Account(tuple(lots), settled_cash=int(wealth * 100 * rng.uniform(0, 0.5)) + 10_000_00)


def filled(account: Account, plan: Plan) -> Account:
    """The account once every order has filled at its limit: sales take the oldest units, cost stays at its average."""
    lots = []
    for symbol, position in account.positions().items():
        sold = sum(o.quantity for o in plan.orders if o.side == "SELL" and o.symbol == symbol)
        kept_cost = position.cost * (position.units - sold) // position.units
        left = position.units - sold
        for lot in reversed(position.lots):
            units = min(lot.units, left)
            if units:
                lots.append(Lot(symbol, units, kept_cost * units // (position.units - sold), lot.acquired))
            left -= units
    bought = [Lot(o.symbol, o.quantity, -o.net_cash, o.place_on) for o in plan.orders if o.side == "BUY"]
    return Account((*lots, *bought), settled_cash=plan.after.cash, investor=account.investor)


def main() -> None:
    m = market()
    for case, participation in (("again", 1.0), ("again-default-turnover-limit", Limits().max_participation)):
        rng = np.random.default_rng(1)
        limits = Limits(max_participation=participation)
        traded, loss = [], []
        for _ in range(ACCOUNTS):
            account = random_account(m, rng)
            first = rebalance(m.panel, account, as_of=m.as_of, beliefs=m.beliefs, limits=limits)
            cut = any(state.limit == "max_participation" for state in first.limits) or first.notes
            loss.append(first.certificate.loss_bp)
            if case == "again" and cut:
                continue
            second = rebalance(m.panel, filled(account, first), as_of=m.as_of, beliefs=m.beliefs, limits=limits)
            traded.append((second.bought + second.sold) / second.before.wealth)
        print(
            json.dumps(
                {
                    "case": case,
                    "accounts": len(traded),
                    "traded_share_median": round(float(np.median(traded)), 5),
                    "traded_share_p95": round(float(np.percentile(traded, 95)), 5),
                    "at_most_half_a_percent": round(float(np.mean(np.array(traded) <= 0.005)), 3),
                    "loss_bp_median": round(float(np.median(loss)), 2),
                    "loss_bp_p90": round(float(np.percentile(loss, 90)), 2),
                }
            )
        )


if __name__ == "__main__":
    main()
