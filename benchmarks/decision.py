"""What a rebalance costs, step by step, beside the plain way with the same libraries, in one run.

Runs on the shared real data where they are, else on the sample market; one JSON line a case, medians, one BLAS thread.
"""

from pathlib import Path

import timing
import numpy as np
import pandas as pd

from portfolio_opt import Account, Beliefs, Panel, estimate, read_prices, rebalance

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


if __name__ == "__main__":
    main()
