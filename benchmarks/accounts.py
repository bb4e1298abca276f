"""Every client of a broker, files in, orders out, against cvxpy + Clarabel in a loop: `python benchmarks/accounts.py [--quick]`.

The command runs as a user runs it, in processes of its own, on the shared real prices where they are, else on the sample
market. Its orders are then audited in whole paisa from the written files, and some of the small accounts are decided again by
mixed-integer programming. The other side solves one convex programme an account through cvxpy with Clarabel and rounds it to
lots, on 200 of the accounts.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import cvxpy as cp
import numpy as np
import pandas as pd
from cases.client_accounts import client_table, last_day

from portfolio_opt import Account, Lot, Panel, estimate, read_prices
from portfolio_opt.allocate.book import Book, Terms, reach
from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.client_book import book_of_clients
from portfolio_opt.allocate.lots.exact import after_costs
from portfolio_opt.allocate.lots.relaxation import relax
from portfolio_opt.allocate.lots.whole import IDLE_PREMIUM, money
from portfolio_opt.allocate.problem import Problem
from portfolio_opt.allocate.solvers.mixed_integer import exact_utility, solve_exactly
from portfolio_opt.commands.accounts import clients_of, decidable, terms_of_table
from portfolio_opt.ingest.account_table import AccountTable, read_account_table
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.orders import purchase, sale
from portfolio_opt.market.rules import INVESTORS, rulebook

ROOT = Path(__file__).parent.parent
REAL = ROOT.parent / "shared" / "data" / "nepse"
FOLDER = REAL if REAL.exists() else ROOT / "data" / "sample_market"
SAMPLE = 200
SMALL, SECONDS = 200_000, 20.0
LOT = 10
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
        small = beside_mixed_integer(panel, work, orders, 20 if "--quick" in arguments else 60)
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
    print(json.dumps({"case": "accounts", "wealth": "below 200,000, mixed-integer", "accuracy": small}))
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
    """Breaches of lot, cap, cash, charge or tax in the written orders, recomputed in whole paisa from table and prices."""
    rules = rulebook().on(orders["place_on"].min())
    close = pd.Series(np.rint(panel.last_close()[0] * 100).astype(np.int64), panel.symbols.tolist())
    lots = table[table["units"] > 0]
    lots = lots.assign(
        cost=(lots["cost"] * 100).round().astype(np.int64),
        days=(pd.Timestamp(rules.day) - pd.to_datetime(lots["acquired"])).dt.days,
    )
    after = lots["investor"].map({kind: rules.capital_gains_tax[kind].long_after_days for kind in INVESTORS})
    lots = lots.assign(long=lots["units"].where(lots["days"] > after, 0))
    held = lots.groupby(["account", "symbol"])[["units", "long", "cost"]].sum()
    clients = table.groupby("account")[["cash", "investor"]].first()
    cash = (clients["cash"] * 100).round().astype(np.int64)
    paisa = ["limit_price", "est_amount", "commission", "sebon_fee", "dp_charge", "est_cgt", "est_net_cash"]
    orders = orders.assign(**{name: (orders[name].astype(float) * 100).round().astype(np.int64) for name in paisa})
    orders = orders.join(held, on=["account", "symbol"]).fillna({"units": 0, "long": 0, "cost": 0})
    orders = orders.join(clients["investor"], on="account")
    buy, quantity, have = orders["side"] == "BUY", orders["quantity"], orders["units"].astype(np.int64)
    left = have + quantity.where(buy, -quantity)
    breaches = int((buy & (quantity < LOT)).sum())
    sold = ~buy
    breaches += int((sold & ((left < 0) | ((quantity < LOT) & (left > 0)) | ((left > 0) & (left < LOT)))).sum())
    figures = np.zeros((len(orders), 6), dtype=np.int64)  # amount, commission, SEBON fee, DP charge, tax, net cash
    arrays = {name: orders[name].to_numpy(np.int64) for name in ("quantity", "limit_price", "units", "long", "cost")}
    rows = np.flatnonzero(buy)
    amount, paid = purchase(rules, "equity", arrays["quantity"][rows], arrays["limit_price"][rows])
    figures[rows] = np.column_stack(
        [amount, paid.commission, paid.sebon_fee, paid.dp_charge, 0 * amount, -amount - paid.total]
    )
    for kind in INVESTORS:
        rows = np.flatnonzero(sold & (orders["investor"] == kind))
        own = {name: array[rows] for name, array in arrays.items()}
        got = sale(
            rules, kind, "equity", own["quantity"], own["limit_price"],
            held=own["units"], held_long=own["long"], total_cost=own["cost"],
        )  # fmt: skip
        paid = got.charges
        figures[rows] = np.column_stack(
            [got.amount, paid.commission, paid.sebon_fee, paid.dp_charge, got.tax, got.net_cash]
        )
    breaches += int((figures != orders[paisa[1:]].to_numpy(np.int64)).any(axis=1).sum())
    net, account = orders["est_net_cash"], orders["account"]
    odd = (orders["board"] == "ODD") & (net > 0)
    moved, unsure = net.groupby(account).sum(), net.where(odd, 0).groupby(account).sum()
    today = net.where(buy & (orders["place_on"] == rules.day), 0).groupby(account).sum()
    final = cash.add(moved, fill_value=0)
    breaches += int((final.sub(unsure, fill_value=0) < 0).sum() + (cash.add(today, fill_value=0) < 0).sum())
    value = held["units"] * close[held.index.get_level_values("symbol")].to_numpy()
    before = cash.add(value.groupby("account").sum(), fill_value=0)
    changed = (quantity.where(buy, -quantity) * close[orders["symbol"]].to_numpy()).groupby(account).sum()
    wealth = before.add(moved, fill_value=0).add(changed, fill_value=0)
    most = CAP * np.minimum(wealth, before)[account].to_numpy() + 1
    return breaches + int((buy & (left * close[orders["symbol"]].to_numpy() > most)).sum())


def beside_mixed_integer(panel: Panel, work: Path, orders: pd.DataFrame, count: int) -> str:
    """How far the plans of some small accounts are below what mixed-integer programming proves no plan to exceed, in words."""
    table, terms, chosen = job_of(panel, work)
    book = book_of_clients(clients_of(table, chosen, terms, 2.0), 0, len(chosen), terms)
    small = np.flatnonzero(book.wealth < SMALL * 100)[:count]
    place = {symbol: k for k, symbol in enumerate(terms.day.symbols.tolist())}
    own = {name: rows for name, rows in orders.groupby("account")}
    losses, proved = [], 0
    for b in small.tolist():
        one = book.rows(np.array([b]))
        units = one.held[0].copy()
        for order in own.get(table.names[chosen[b]], orders.iloc[:0]).itertuples():
            units[place[order.symbol]] += order.quantity if order.side == "BUY" else -order.quantity
        problem = problem_of(terms, one)
        idle_price = (
            abs(float(relax(terms, one, reach(terms, one, one.wealth)).answer.multipliers[0, 0])) + IDLE_PREMIUM
        )
        limits = bounds(problem, after_costs(problem, units))
        reached = exact_utility(problem, limits, units, idle_price)
        if reached == -np.inf:  # no trade, while a cap is broken or cash is short
            continue
        found = solve_exactly(problem, limits, 1e-5, SECONDS, units, idle_price=idle_price)
        losses.append((found.bound - reached) * 1e4)
        proved += found.gap_bp <= 0.1
    loss = np.array(losses)
    return (
        f"of {len(loss)} accounts below NPR {SMALL:,.0f}, {np.mean(loss <= 5):.1%} within 5 bp of what no plan exceeds, median "
        f"{np.median(loss):.2f} bp; {proved} of them proved to 0.1 bp in {SECONDS:g} s"
    )


def problem_of(terms: Terms, one: Book) -> Problem:
    """An account of a book by itself: its lots old and young, at the average cost."""
    day, lots = terms.day, []
    for i in np.flatnonzero(one.held[0]).tolist():
        have, old, cost = int(one.held[0, i]), int(one.held_long[0, i]), int(one.total_cost[0, i])
        of_old = cost * old // have
        for part, paid, days in ((old, of_old, 2000), (have - old, cost - of_old, 1)):
            if part:
                lots.append(Lot(str(day.symbols[i]), part, paid, day.trade_date - timedelta(days=days)))
    account = Account(tuple(lots), int(one.cash[0]), investor=INVESTORS[int(one.investor[0])])
    return Problem(
        terms.beliefs, account, day, terms.rules, limits=terms.limits, risk_aversion=float(one.risk_aversion[0])
    )


def job_of(panel: Panel, work: Path) -> tuple[AccountTable, Terms, np.ndarray]:
    """The table as the command reads it, what its accounts share, and which can be decided."""
    table = read_account_table(work / "accounts.parquet")
    options = {
        "limit_margin": 0.01, "forbidden": (), "max_weight": CAP, "max_sector": SECTOR_CAP, "cash_floor": 0.0,
        "max_participation": 0.10, "holding_period": 1.0,
    }  # fmt: skip
    terms, why_not = terms_of_table(panel, Calendar(panel.sessions()), panel.last_date, table, options)
    return table, terms, decidable(table, why_not, terms.day)[0]


def by_cvxpy(panel: Panel, work: Path) -> float:
    """Seconds an account: one convex solve, rounded down to lots, with exact charges and tax."""
    table, terms, chosen = job_of(panel, work)
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
