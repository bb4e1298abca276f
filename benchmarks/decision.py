"""What a rebalance costs, step by step, beside the plain way with the same libraries, in one run.

Runs on the shared real data where they are, else on the sample market; one JSON line a case, medians, one BLAS thread.
"""

from datetime import timedelta
from pathlib import Path

import timing
import numpy as np
import pandas as pd

from portfolio_opt import Account, Beliefs, Limits, Lot, Panel, estimate, read_prices, rebalance
from portfolio_opt.allocate.decide import decide
from portfolio_opt.allocate.problem import Problem
from portfolio_opt.allocate.trading_day import trading_day
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.rules import rulebook

ROOT = Path(__file__).parent.parent
REAL = ROOT.parent / "shared" / "data" / "nepse"


def pandas_close(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "prices.parquet").pivot(index="date", columns="symbol", values="close")


def one_convex_solve(beliefs: Beliefs) -> None:
    """A single fractional mean-variance solve: no holdings, no charges, no lots."""
    import cvxpy as cp

    w = cp.Variable(len(beliefs.mean))
    risk = cp.sum_squares(beliefs.loadings.T @ w) + cp.sum_squares(cp.multiply(np.sqrt(beliefs.specific), w))
    cp.Problem(cp.Maximize(beliefs.mean @ w - risk), [w >= 0, w <= 0.1, cp.sum(w) == 1]).solve(solver="CLARABEL")


def held_account(panel: Panel, beliefs: Beliefs) -> Problem:
    """NPR 5 million in 18 names, of all ages, above and below what they cost, and a tenth in cash; turnover of at most 30%."""
    rng, (close, _) = np.random.default_rng(1), panel.last_close()
    lots = []
    for symbol in rng.choice(beliefs.symbols, 18, replace=False).tolist():
        price = float(close[panel.column(symbol)])
        units, age = int(5e6 / 20 / price), timedelta(days=int(rng.integers(10, 800)))
        if units:
            lots.append(Lot(symbol, units, int(units * price * 100 * rng.uniform(0.6, 1.2)), panel.last_date - age))
    calendar = Calendar(panel.sessions(), None)
    rules = rulebook().on(calendar.next_session(panel.last_date))
    day = trading_day(panel, [lot.symbol for lot in lots], rules, calendar, 10_000)
    account = Account(tuple(lots), settled_cash=500_000_00)
    return Problem(beliefs.of(day.symbols), account, day, rules, limits=Limits(max_turnover=0.3))


def main() -> None:
    folder = REAL if REAL.exists() else ROOT / "data" / "sample_market"
    panel: Panel = read_prices(folder)
    beliefs = estimate(panel)
    names = f"{len(beliefs.mean)} names"
    timing.compare(
        "read-prices",
        lambda: read_prices(folder),
        "pandas.read_parquet + pivot of close alone",
        lambda: pandas_close(folder),
        "ours reads every column, checks each row and adjusts for corporate actions",
    )
    timing.compare(
        "decision",
        lambda: rebalance(panel, Account(settled_cash=2_000_000_00), beliefs=beliefs),
        "one cvxpy + Clarabel solve without charges or lots",
        lambda: one_convex_solve(beliefs),
        f"{names}; ours is the whole plan: passes with charges and tax, whole lots, orders and a certified bound",
    )
    problem = held_account(panel, beliefs)
    loss = decide(problem, panel.last_date).certificate.loss_bp
    timing.compare(
        "decision-limits",
        lambda: decide(problem, panel.last_date),
        "one cvxpy + Clarabel solve without charges or lots",
        lambda: one_convex_solve(beliefs),
        f"{len(problem.held)} names, 18 held: caps of names and sectors, turnover of at most 30%, participation, slabs, tax by "
        f"lot, whole lots; at most {loss:.2f} bp below the best",
    )


if __name__ == "__main__":
    main()
