"""Ten thousand accounts that share their risk model, each with its own holdings, costs and appetite for risk."""

import json
import resource
import sys
from functools import partial

import numpy as np
from timing import seconds

from portfolio_opt.optim.convex import batch
from portfolio_opt.optim.convex.newton_dual import solve

from .rebalances import rebalance

ALONE = 500  # of the accounts are also solved one by one, which is enough to time one


def accounts(count):
    """A SeparableBatch of `count` accounts, n = 250, k = 15."""
    p = rebalance(250, 15, 0)
    rng = np.random.default_rng(1)
    held = rng.random((count, 250)) * (rng.random((count, 250)) < 0.2)
    held /= held.sum(1, keepdims=True)
    cost = rng.uniform(0.002, 0.01, (count, 250))
    shared = {name: p[name] for name in ("loadings", "diagonal", "rows")}
    return batch.SeparableBatch(
        **shared,
        linear=p["linear"][None],
        kinks=held[:, :, None],
        slopes=np.stack([-cost, cost], axis=2),
        origin=held,
        lower=p["lower"][None],
        upper=np.maximum(held, p["upper"]),
        row_lower=p["row_lower"][None],
        row_upper=np.column_stack([np.ones(count), np.maximum(0.12, held @ p["rows"][1:].T)]),
        risk_aversion=rng.uniform(0.5, 20, count),
    )


def many(quick):
    count = 1000 if quick else 10_000
    both = accounts(count)
    alone = [both.program(b) for b in range(min(count, ALONE))]
    answers = batch.solve(both, cores=2)
    singles = [solve(program) for program in alone]
    apart = max(abs(one.objective - answers.objective[b]) for b, one in enumerate(singles))
    runs = 3
    ours = min(seconds(partial(batch.solve, both, cores=2)) for _ in range(runs))
    peer = min(seconds(lambda: [solve(program) for program in alone]) for _ in range(runs)) * count / len(alone)
    line = {
        "case": f"batch-{count}",
        "ours_s": float(f"{ours:.4g}"),
        "peer": "the single solve on one core",
        "peer_s": float(f"{peer:.4g}"),
        "ratio": float(f"{peer / ours:.3g}"),
        "accuracy": f"objectives {apart:.0e} apart, largest gap {answers.gap.max():.0e}, residual {answers.residual.max():.0e}",
        "peak_mb": round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        ),
    }
    print(json.dumps(line), flush=True)


CASES = {"batch-10000": many}
