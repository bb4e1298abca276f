"""Every client of a broker, files in, orders out, against cvxpy + Clarabel in a loop: `python benchmarks/accounts.py [--quick]`.

The command runs as a user runs it, in processes of its own, on the shared real prices where they are, else on the sample
market. Its orders are then audited in whole paisa from the written files. The other side solves one convex programme an account
through cvxpy with Clarabel and rounds it to lots, on 200 of the accounts.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cvxpy as cp
import numpy as np
import pandas as pd
from cases.client_accounts import client_table, last_day

from portfolio_opt import Panel, estimate, read_prices
from portfolio_opt.allocate.book import reach
from portfolio_opt.allocate.client_book import book_of_clients
from portfolio_opt.allocate.whole import money
from portfolio_opt.commands.accounts import clients_of, decidable, terms_of_table
from portfolio_opt.ingest.account_table import read_account_table
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.orders import purchase, sale
from portfolio_opt.market.rules import rulebook

ROOT = Path(__file__).parent.parent
REAL = ROOT.parent / "shared" / "data" / "nepse"
FOLDER = REAL if REAL.exists() else ROOT / "data" / "sample_market"
SAMPLE = 200
CAP, SECTOR_CAP = 0.10, 0.35  # the command's defaults
GROUPS = {
    "above 1,000,000": (1e6, np.inf, 1.0),
    "200,000 to 1,000,000": (2e5, 1e6, 5.0),
    "below 200,000": (0, 2e5, 5.0),
}


def main(arguments: list[str]) -> None:
    count = 2_000 if "--quick" in arguments else 100_000
    panel = read_prices(FOLDER)
    symbols = sorted(estimate(panel).symbols.tolist())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        table = client_table(panel, symbols, count, 0)
        table.to_parquet(work / "accounts.parquet", index=False)
        ours_s, peak = command(work, last_day(panel))
        orders, accounts = (pd.read_parquet(work / "out" / f"{name}.parquet") for name in ("orders", "accounts"))
        breaches = audit(panel, table, orders)
        peer_s = by_cvxpy(panel, work)
    per_account = ours_s / count
    for name, (low, high, near) in GROUPS.items():
        wealth = accounts["wealth"].astype(float)
        loss = accounts.loc[(wealth > low) & (wealth <= high), "loss_bp"]
        line = {"case": "accounts", "wealth": name, "accounts": len(loss), "within_bp": near}
        print(
            json.dumps(
                {**line, "share": round(float((loss <= near).mean()), 4), "median_bp": round(float(loss.median()), 2)}
            )
        )
    found = {
        "case": "accounts",
        "ours_s": float(f"{ours_s:.4g}"),
        "peer": f"cvxpy + Clarabel account by account, measured on {SAMPLE}",
        "peer_s": float(f"{peer_s * count:.4g}"),
        "ratio": float(f"{peer_s / per_account:.3g}"),
        "accuracy": f"{count:,} accounts x {len(symbols)} names in {ours_s:.1f} s, {len(orders):,} orders, "
        f"peak {peak / 1024:.0f} MB a process; {breaches} breaches of lot, cap, cash, charge or tax",
    }
    print(json.dumps(found))


def command(work: Path, now: str) -> tuple[float, int]:
    """Seconds of the whole command, and the largest resident size of one of its processes in KB."""
    program = [sys.executable, "-m", "portfolio_opt", "accounts", "--accounts", str(work / "accounts.parquet")]
    start = time.perf_counter()
    subprocess.run(
        [*program, "--prices", str(FOLDER), "--now", now, "--out", str(work / "out")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def audit(panel: Panel, table: pd.DataFrame, orders: pd.DataFrame) -> int:
    """Breaches of lot, cap, cash, charge or tax in the written orders, recomputed order by order in whole paisa."""
    rules = rulebook().on(orders["place_on"].min())
    close = dict(zip(panel.symbols.tolist(), np.rint(panel.last_close()[0] * 100), strict=True))
    lots = table[table["units"] > 0]
    after = pd.Timestamp(rules.day)
    lots = lots.assign(
        cost=(lots["cost"] * 100).round().astype(int), days=(after - pd.to_datetime(lots["acquired"])).dt.days
    )
    held = {key: rows for key, rows in lots.groupby(["account", "symbol"])}
    clients = table.groupby("account").first()
    paisa = ["limit_price", "est_amount", "commission", "sebon_fee", "dp_charge", "est_cgt", "est_net_cash"]
    orders = orders.assign(**{name: (orders[name].astype(float) * 100).round().astype(int) for name in paisa})
    breaches = 0
    for account, own in orders.groupby("account"):
        client = clients.loc[account]
        mine = lots[lots["account"] == account]
        units = mine.groupby("symbol")["units"].sum().to_dict()
        cash, now = round(client["cash"] * 100), round(client["cash"] * 100)
        wealth = cash + sum(u * int(close[s]) for s, u in units.items())
        long_after = rules.capital_gains_tax[client["investor"]].long_after_days
        bought = set()
        for o in own.itertuples():
            have = units.get(o.symbol, 0)
            if o.side == "BUY":
                amount, paid = purchase(rules, "equity", o.quantity, o.limit_price)
                net, tax = -amount - paid.total, 0
                breaches += o.quantity < 10
                now += net if o.place_on == rules.day else 0
                units[o.symbol] = have + o.quantity
                bought.add(o.symbol)
            else:
                rows = held[account, o.symbol]
                got = sale(
                    rules, client["investor"], "equity", o.quantity, o.limit_price,
                    held=have, held_long=int(rows.loc[rows["days"] > long_after, "units"].sum()),
                    total_cost=int(rows["cost"].sum()),
                )  # fmt: skip
                amount, paid, net, tax = got.amount, got.charges, got.net_cash, got.tax
                units[o.symbol] = have - o.quantity
                breaches += o.quantity > have or (o.quantity < 10 and o.quantity != have) or 0 < units[o.symbol] < 10
            cash += net
            breaches += (amount, paid.commission, paid.sebon_fee, paid.dp_charge, tax, net) != (
                o.est_amount, o.commission, o.sebon_fee, o.dp_charge, o.est_cgt, o.est_net_cash,
            )  # fmt: skip
        odd = own.loc[(own["board"] == "ODD") & (own["est_net_cash"] > 0), "est_net_cash"].sum()
        breaches += cash - odd < 0 or now < 0
        total = cash + sum(u * int(close[s]) for s, u in units.items())
        breaches += sum(units[s] * int(close[s]) > CAP * min(total, wealth) + 1 for s in bought)
    return int(breaches)


def by_cvxpy(panel: Panel, work: Path) -> float:
    """Seconds an account: one convex solve, rounded down to lots, with exact charges and tax."""
    table = read_account_table(work / "accounts.parquet")
    options = {
        "limit_margin": 0.01, "forbidden": (), "max_weight": CAP, "max_sector": SECTOR_CAP, "cash_floor": 0.0,
        "max_participation": 0.10, "holding_period": 1.0,
    }  # fmt: skip
    terms, why_not = terms_of_table(panel, Calendar(panel.sessions()), panel.last_date, table, options)
    chosen, _ = decidable(table, why_not)
    book = book_of_clients(clients_of(table, chosen, terms, 2.0), 0, SAMPLE, terms)
    loadings, root, inside = terms.beliefs.loadings, np.sqrt(terms.beliefs.specific), terms.day.sectors.inside
    start = time.perf_counter()
    for b in range(SAMPLE):
        own = book.rows(np.array([b]))
        limits, unit, now = reach(terms, own, own.wealth), own.unit[0], (own.held * own.unit)[0]
        w, trade = cp.Variable(len(unit)), cp.Variable(len(unit))
        risk = cp.sum_squares(loadings.T @ w) + cp.sum_squares(cp.multiply(root, w))
        utility = terms.beliefs.mean @ w - float(own.risk_aversion[0]) / 2 * risk - 0.004 * cp.norm1(trade)
        room = [
            w >= limits.lower[0] * unit,
            w <= limits.upper[0] * unit,
            inside @ w <= limits.sector_cap[0] / own.wealth[0],
        ]
        problem = cp.Problem(cp.Maximize(utility), [trade == w - now, cp.sum(w) + 0.015 * cp.norm1(trade) <= 1, *room])
        problem.solve(solver="CLARABEL")
        change = np.trunc((w.value - now) / unit).astype(np.int64)
        change[np.abs(change) < terms.day.lot] = 0
        money(terms, own, own.held + np.maximum(change, -own.held))
    return (time.perf_counter() - start) / SAMPLE


if __name__ == "__main__":
    main(sys.argv[1:])
