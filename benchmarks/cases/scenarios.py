"""CVaR over many scenarios: the bundle against the full linear programme, and against single passes over the scenarios."""

import json
from collections.abc import Callable
from pathlib import Path
from statistics import median

from timing import seconds  # first: one BLAS thread

# ruff: isort: split
import numpy as np
from scipy import sparse

from portfolio_opt.optim.convex.bundle import ScenarioSolution, least_risk
from portfolio_opt.optim.convex.scenario_risk import CVaR, ScenarioProgram, Scenarios
from portfolio_opt.optim.convex.separable import SeparableProgram

ALPHA, NAMES, SECTORS = 0.95, 250, 12
TOLERANCE = 1e-6


def market(count: int, dtype: type, seed: int = 0) -> tuple[np.ndarray, SeparableProgram]:
    """Heavy-tailed daily returns of a factor market, and: caps 10%, 0.2% for each unit traded from 40 names, 12 sector caps."""
    rng = np.random.default_rng(seed)
    loadings = np.column_stack([rng.uniform(0.005, 0.015, NAMES), rng.normal(size=(NAMES, 14)) * 0.004])
    specific = rng.uniform(0.01, 0.025, NAMES).astype(dtype)
    mean = (rng.normal(size=NAMES) * 0.0005 + 0.0004).astype(dtype)
    returns = np.empty((count, NAMES), dtype)
    for start in range(0, count, 20000):
        block = returns[start : start + 20000]
        tail = np.sqrt(4 / rng.chisquare(4, size=(len(block), 1)))
        block[:] = rng.standard_normal(block.shape, dtype) * specific + mean
        block += (tail * (rng.standard_normal((len(block), 15)) @ loadings.T)).astype(dtype)
    held = np.zeros(NAMES)
    held[rng.choice(NAMES, 40, replace=False)] = 1 / 40
    rest = SeparableProgram(
        loadings=np.zeros((NAMES, 0)),
        diagonal=np.zeros(NAMES),
        linear=np.zeros(NAMES),
        kinks=held[:, None],
        slopes=np.tile([-0.002, 0.002], (NAMES, 1)),
        origin=held,
        lower=np.zeros(NAMES),
        upper=np.full(NAMES, 0.1),
        rows=np.vstack([np.ones(NAMES), np.arange(NAMES) % SECTORS == np.arange(SECTORS)[:, None]]),
        row_lower=np.append(1.0, np.full(SECTORS, -np.inf)),
        row_upper=np.append(1.0, np.full(SECTORS, 0.15)),
    )
    return returns, rest


def linear_programme(returns: np.ndarray, rest: SeparableProgram) -> tuple[np.ndarray, ...]:
    """The whole programme (Rockafellar and Uryasev 2000): names, trades, threshold, excess of each scenario.

    cost, rows (sparse), their lower and upper sides, lower and upper bounds of the variables
    """
    count, n = returns.shape
    trade = rest.slopes[:, 1]
    cost = np.concatenate([np.zeros(n), trade, [1.0], np.full(count, 1 / ((1 - ALPHA) * count))])
    eye = sparse.eye_array(n)
    rows = sparse.block_array(
        [
            [sparse.csr_array(rest.rows), None, None, None],
            [eye, -eye, None, None],  # w - trade <= held
            [eye, eye, None, None],  # w + trade >= held
            [
                sparse.csr_array(returns),
                None,
                np.ones((count, 1)),
                sparse.eye_array(count),
            ],  # excess >= loss - threshold
        ],
        format="csr",
    )
    inf = np.inf
    low = np.concatenate([rest.row_lower, np.full(n, -inf), rest.origin, np.zeros(count)])
    high = np.concatenate([rest.row_upper, rest.origin, np.full(n + count, inf)])
    lower = np.concatenate([rest.lower, np.zeros(n), [-inf], np.zeros(count)])
    upper = np.concatenate([rest.upper, np.full(n + 1 + count, inf)])
    return cost, rows, low, high, lower, upper


def by_highs(returns: np.ndarray, rest: SeparableProgram) -> float:
    from highspy import _core as highs

    cost, rows, low, high, lower, upper = linear_programme(returns, rest)
    lp = highs.HighsLp()
    lp.num_col_, lp.num_row_ = len(cost), len(low)
    lp.col_cost_, lp.col_lower_, lp.col_upper_, lp.row_lower_, lp.row_upper_ = cost, lower, upper, low, high
    lp.a_matrix_.format_ = highs.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
    solver = highs._Highs()  # its own Highs greets on stdout
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.passModel(lp)
    solver.run()
    return float(solver.getInfo().objective_function_value)


def by_clarabel(returns: np.ndarray, rest: SeparableProgram) -> float:
    import clarabel

    cost, rows, low, high, lower, upper = linear_programme(returns, rest)
    every = sparse.vstack([rows, sparse.eye_array(len(cost))], format="csr")
    low, high = np.concatenate([low, lower]), np.concatenate([high, upper])
    equal, capped, floored = low == high, (low < high) & np.isfinite(high), (low < high) & np.isfinite(low)
    matrix = sparse.vstack([every[equal], every[capped], -every[floored]], format="csc")
    limits = np.concatenate([high[equal], high[capped], -low[floored]])
    cones = [clarabel.ZeroConeT(int(equal.sum())), clarabel.NonnegativeConeT(int(capped.sum() + floored.sum()))]
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    nothing = sparse.csc_array((len(cost), len(cost)))
    solution = clarabel.DefaultSolver(
        sparse.csc_matrix(nothing), cost, sparse.csc_matrix(matrix), limits, cones, settings
    ).solve()
    return float(solution.obj_val)


def against_linear_programme(quick: bool) -> None:
    """The whole solve, data in, answer out; the linear programme's build is counted too. Each peer runs once: they take long."""
    count = 2000 if quick else 10000
    returns, rest = market(count, np.float64)

    def ours() -> ScenarioSolution:
        return least_risk(ScenarioProgram(Scenarios(returns), CVaR(ALPHA), rest), TOLERANCE)

    solution = ours()  # compiled and warm
    ours_s = median(seconds(ours) for _ in range(5))
    for peer, solve in {"HiGHS": by_highs, "Clarabel": by_clarabel}.items():
        found: list[float] = []
        peer_s = seconds(lambda solve=solve, found=found: found.append(solve(returns, rest)))
        apart = (solution.objective - found[0]) / abs(found[0])
        _print(
            case=f"cvar-{count}x{NAMES}",
            ours_s=ours_s,
            peer=f"{peer} on the full LP",
            peer_s=peer_s,
            ratio=peer_s / ours_s,
            accuracy=f"certified gap {solution.relative_gap:.1e} relative, objective {apart:+.1e} from the peer's, "
            f"{solution.products:.0f} products in {solution.iterations} steps",
        )


def against_products(count: int, dtype: type, quick: bool) -> None:
    """How many single products scenarios @ w the solve costs, and how much memory beyond the scenarios it takes at its peak."""
    count = count // 10 if quick else count
    returns, rest = market(count, dtype)
    w = rest.origin.astype(dtype)
    few = ScenarioProgram(Scenarios(returns[:2000]), CVaR(ALPHA), rest)
    least_risk(few), returns @ w  # compiled and warm
    before = _resident()
    _forget_peak()
    ours_s, product_s, found = [], [], []
    for _ in range(3):
        product_s += [seconds(lambda: returns @ w) for _ in range(5)]
        ours_s.append(
            seconds(lambda: found.append(least_risk(ScenarioProgram(Scenarios(returns), CVaR(ALPHA), rest), TOLERANCE)))
        )
    grown = _peak() - before
    ours, product, solution = median(ours_s), median(product_s), found[0]
    _print(
        case=f"cvar-{count}x{NAMES}",
        ours_s=ours,
        peer="one product scenarios @ w",
        peer_s=product,
        ratio=product / ours,
        accuracy=f"certified gap {solution.relative_gap:.1e} relative; {solution.products:.1f} products of {np.dtype(dtype)} in "
        f"{solution.iterations} steps, the time of {ours / product:.0f}; "
        f"peak memory {1 + grown / returns.nbytes:.3f} times the scenarios (+{grown / 2**20:.0f} MiB)",
    )


def _print(**line: str | float) -> None:
    shown = {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in line.items()}
    print(json.dumps(shown), flush=True)


def _status(field: str) -> int:
    """Bytes, from Linux's account of this process."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split(f"{field}:")[1].split()[0]) * 1024


def _resident() -> int:
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


CASES: dict[str, Callable[[bool], None]] = {
    "cvar-10000x250": against_linear_programme,
    "cvar-100000x250": lambda quick: against_products(100_000, np.float64, quick),
    "cvar-1000000x250": lambda quick: against_products(1_000_000, np.float32, quick),
}
