"""The whole mean-variance front of 225 names by the critical line, against 100 single QPs and a front of PyPortfolioOpt."""

import json
import subprocess
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import median

from timing import compare, seconds  # first: one BLAS thread

# ruff: isort: split
import numpy as np

from portfolio_opt.optim.convex.critical_line import Front, critical_line, fully_invested

NAMES, POINTS = 225, 100
THEIRS = Path(tempfile.gettempdir()) / "portfolio-opt-benchmark-pyportfolioopt"
THEIR_SCRIPT = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from pypfopt import EfficientFrontier
from pypfopt.exceptions import OptimizationError
given = np.load(sys.argv[1])
def point(wanted):
    try:
        return list(EfficientFrontier(given["mean"], given["covariance"]).efficient_return(float(wanted)).values())
    except OptimizationError:
        return [np.nan] * len(given["mean"])
def front():
    return [point(wanted) for wanted in given["returns"]]
front_s = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    weights = front()
    front_s.append(time.perf_counter() - start)
w = np.array(weights)
w = w[~np.isnan(w).any(1)]
print(json.dumps({"seconds": front_s, "weights": w.tolist()}))
"""


def market(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Annual mean and sample covariance of 500 days of a market with 15 factors."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(NAMES, 15)) * 0.025
    loadings[:, 0] += 0.15
    daily = rng.normal(size=(500, 15)) @ loadings.T + rng.normal(size=(500, NAMES)) * rng.uniform(0.15, 0.4, NAMES)
    return 0.5 * loadings[:, 0] + rng.normal(size=NAMES) * 0.05, np.cov(daily.T)


def accuracy(front: Front) -> str:
    budget = np.abs(front.weights.sum(1) - 1).max()
    return (
        f"{len(front.weights)} corners, every one within {front.residual.max():.1e} of its first-order conditions "
        f"and {budget:.1e} of the budget"
    )


def against_piqp(quick: bool) -> None:
    import piqp

    mean, covariance = market()
    front = critical_line(fully_invested(mean, covariance))
    appetites = np.geomspace(front.appetite[0], front.appetite[-2], POINTS)

    def sweep() -> np.ndarray:
        solver = piqp.DenseSolver()
        points = []
        box = np.zeros(NAMES), np.ones(NAMES)
        for appetite in appetites:
            if points:
                solver.update(c=-appetite * mean)
            else:
                budget = np.ones((1, NAMES)), np.ones(1)
                solver.setup(covariance, -appetite * mean, *budget, None, None, None, *box)
            solver.solve()
            points.append(solver.result.x.copy())
        return np.array(points)

    ours = np.array([front.at_risk_aversion(1 / appetite) for appetite in appetites])
    theirs = sweep()
    values = [((w @ covariance) * w).sum(1) / 2 - appetites * (w @ mean) for w in (ours, theirs)]
    apart = np.abs((values[0] - values[1]) / values[1]).max()
    said = f"{accuracy(front)}; objectives within {apart:.1e} of the peer's"
    runs = 3 if quick else 7
    compare(
        "frontier-225", lambda: critical_line(fully_invested(mean, covariance)), "100 QPs by PIQP", sweep, said, runs
    )


def against_pyportfolioopt(quick: bool) -> None:
    """From its own environment, in its own process; only its 100 solves are timed, not the start of the process."""
    python, why_not = _their_python()
    if python is None:
        print(
            json.dumps({"case": "frontier-225", "peer": "100 points by PyPortfolioOpt", "skipped": why_not}), flush=True
        )
        return
    mean, covariance = market()
    front = critical_line(fully_invested(mean, covariance))
    returns = np.linspace(front.mean[-1], front.mean[0], POINTS + 2)[1:-1]
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "given.npz", mean=mean, covariance=covariance, returns=returns)
        command = [str(python), "-c", THEIR_SCRIPT, str(Path(folder) / "given.npz"), "1" if quick else "3"]
        theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    ours_s = median(seconds(lambda: critical_line(fully_invested(mean, covariance))) for _ in range(15))
    found = np.array(theirs["weights"])
    reached = np.clip(found @ mean, front.mean[-1], front.mean[0])
    ours = np.array([front.at_return(r) for r in reached])
    excess = ((found @ covariance) * found).sum(1) / ((ours @ covariance) * ours).sum(1) - 1
    line = {
        "case": "frontier-225",
        "ours_s": float(f"{ours_s:.4g}"),
        "peer": "100 points by PyPortfolioOpt",
        "peer_s": float(f"{median(theirs['seconds']):.4g}"),
        "ratio": float(f"{median(theirs['seconds']) / ours_s:.3g}"),
        "accuracy": f"{accuracy(front)}; the peer solved {len(found)} of {POINTS} points, "
        f"variances within {np.abs(excess).max():.1e} of ours at the means it reached",
    }
    print(json.dumps(line), flush=True)


def _their_python() -> tuple[Path | None, str]:
    python = THEIRS / "bin" / "python"
    if not (THEIRS / "complete").exists():
        try:
            venv.create(THEIRS, with_pip=True, clear=True)
            subprocess.run(
                [str(python), "-m", "pip", "install", "--quiet", "PyPortfolioOpt", "packaging"],
                check=True,
                capture_output=True,
                text=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
            return None, f"its environment could not be made: {said[-1] if said else error}"
        (THEIRS / "complete").touch()
    return python, ""


def frontier(quick: bool) -> None:
    against_piqp(quick)
    against_pyportfolioopt(quick)


CASES: dict[str, Callable[[bool], None]] = {"frontier-225": frontier}
