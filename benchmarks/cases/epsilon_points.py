"""Points of a real front by mixed-integer programming: most return under a CVaR and a cost, 150 NEPSE names, whole lots.

`python benchmarks/cases/epsilon_points.py` makes those that epsilon_points.json lacks, 30 seconds of HiGHS each, in two
processes, and may be stopped at any time. Return, CVaR and cost of each are recomputed by our own measures; lots, slabs, DP
charge, tax by lot age, caps, number of names and cash are in the programme as they are, but for tax, which it counts without the
charges that lower a gain, and for rounding to the paisa.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
import timing  # noqa: F401  first: one BLAS thread
import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from portfolio_opt import Account, Lot, MaxNames, read_prices
from portfolio_opt.allocate.fronts.aims import aims_of, figures_of, values_of
from portfolio_opt.allocate.fronts.pareto import idle_of
from portfolio_opt.allocate.lots.pieces import charges_of
from portfolio_opt.allocate.plain import tidied
from portfolio_opt.allocate.problem import Problem
from portfolio_opt.allocate.statement.path_risk import averaged, final_gains
from portfolio_opt.commands.problem import problem_of
from portfolio_opt.forecast.estimate import estimate
from portfolio_opt.forecast.risk.scenarios import bootstrap
from portfolio_opt.ingest.universe import median_turnover, universe

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "nepse"
FILE = Path(__file__).with_suffix(".json")
AS_OF = date(2025, 8, 21)
AIMS = ("gross-return", "cvar", "cost")
NAMES, MOST_NAMES, HELD, SCENARIOS = 150, 20, 14, 200
SECONDS, WORKERS = 30.0, 2
RISKS, COSTS = 20, 10  # levels of CVaR and of cost: 200 points


@cache
def real_case() -> Problem:
    """NPR 2,000,000 in fourteen of the 150 names of most turnover, of various ages and costs, and a little cash."""
    panel = read_prices(REAL).until(AS_OF)
    found = universe(panel)
    turnover = np.where(found.included, median_turnover(panel), -1.0)
    names = panel.symbols[np.sort(np.argsort(-turnover, kind="stable")[:NAMES])]
    rng = np.random.default_rng(6)
    closes, _ = panel.last_close()
    shares = rng.dirichlet(np.full(HELD, 3.0)) * 1_940_000
    lots = []
    for symbol, worth in zip(rng.choice(names, HELD, replace=False), shares, strict=True):
        close = float(closes[panel.column(str(symbol))])
        units = int(worth / close)
        bought = AS_OF - timedelta(days=int(rng.integers(20, 900)))
        lots.append(Lot(str(symbol), units, int(units * close * 100 * rng.uniform(0.5, 1.2)), bought))
    held = sum(lot.units * float(closes[panel.column(lot.symbol)]) for lot in lots)
    account = Account(tuple(sorted(lots, key=lambda lot: lot.symbol)), settled_cash=round((2_000_000 - held) * 100))
    beliefs = estimate(panel, names.tolist())
    beliefs = replace(beliefs, mean=rng.normal(0.12, 0.06, NAMES))  # prices alone tell no name's return from another's
    paths = bootstrap(
        panel, names.tolist(), beliefs.horizon, SCENARIOS, np.random.default_rng(7), mean=beliefs.mean, steps=1
    )
    others = [symbol for symbol in found.members if symbol not in set(names.tolist())]
    problem = problem_of(
        panel, account, AS_OF, beliefs=paths.given_to(beliefs), forbidden=others, further=[MaxNames(MOST_NAMES)]
    )
    return tidied(problem)


@dataclass
class Programme:
    """Variables by name as slices, rows as they are added."""

    count: int = 0
    lower: list[float] | None = None
    upper: list[float] | None = None
    whole: list[int] | None = None
    entries: list[tuple[int, int, float]] | None = None
    row_lower: list[float] | None = None
    row_upper: list[float] | None = None

    def __post_init__(self) -> None:
        self.lower, self.upper, self.whole, self.entries, self.row_lower, self.row_upper = [], [], [], [], [], []

    def add(self, count: int, lower: Any, upper: Any, whole: bool = False) -> np.ndarray:
        at = np.arange(self.count, self.count + count)
        self.count += count
        self.lower += np.broadcast_to(lower, count).tolist()
        self.upper += np.broadcast_to(upper, count).tolist()
        self.whole += [int(whole)] * count
        return at

    def row(self, terms: list[tuple[float, int]], lower: float, upper: float) -> None:
        k = len(self.row_lower)
        self.entries += [(k, int(at), float(value)) for value, at in terms if value]
        self.row_lower.append(lower)
        self.row_upper.append(upper)

    def solve(self, objective: np.ndarray, seconds: float) -> Any:
        rows, columns, values = zip(*self.entries, strict=True)
        shape = (len(self.row_lower), self.count)
        matrix = sparse.csr_array((values, (rows, columns)), shape=shape)
        return milp(
            objective,
            integrality=np.array(self.whole),
            bounds=Bounds(np.array(self.lower), np.array(self.upper)),
            constraints=LinearConstraint(matrix, np.array(self.row_lower), np.array(self.row_upper)),
            options={"time_limit": seconds, "mip_rel_gap": 1e-5},
        )


def programme(
    problem: Problem, most_cvar: float, most_cost: float
) -> tuple[Programme, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The programme, units bought and sold of each name as places, and those of what can be minimised."""
    day, rules, wealth, limits = problem.day, problem.rules, float(problem.wealth), problem.limits
    n, lot, p = len(problem.held), day.lot.astype(float), Programme()
    edges, fixed, rate = charges_of(rules)
    tax = rules.capital_gains_tax[problem.account.investor]
    turned = limits.max_participation * day.turnover
    most_bought = np.where(day.can_buy, turned // day.buy_limit, 0)
    most_sold = np.where(day.can_sell, np.minimum(problem.held, turned // day.sell_limit), 0)
    most_bought = np.minimum(most_bought, np.floor(limits.max_weight * wealth / day.close))
    bought, sold = p.add(n, 0, most_bought, True), p.add(n, 0, most_sold, True)
    held_at_all = p.add(n, 0, 1, True)
    all_sold = p.add(n, 0, (most_sold >= problem.held) & (problem.held > 0), True)
    money, costs, names, slips = [], [], [], []
    in_sector: dict[str, list[tuple[float, int]]] = {}
    gains = final_gains(problem)
    cost, slip = (
        p.add(1, 0, most_cost)[0],
        p.add(1, 0, 1)[0],
    )  # charges and tax; what limit prices lie away from the close
    for i in range(n):
        for side, places, most, price in (
            (1, bought, most_bought, day.buy_limit),
            (-1, sold, most_sold, day.sell_limit),
        ):
            if most[i] <= 0:
                continue
            slabs = [s for s in range(len(rate)) if edges[s] < most[i] * price[i]]
            used, amounts = p.add(len(slabs), 0, 1, True), p.add(len(slabs), 0, np.inf)
            p.row([(1.0, u) for u in used], -np.inf, 1.0)
            p.row([(float(price[i]) / wealth, places[i])] + [(-1.0, a) for a in amounts], 0.0, 0.0)
            for u, a, s in zip(used, amounts, slabs, strict=True):
                end = min(edges[s + 1], most[i] * price[i])
                p.row([(1.0, a), (-end / wealth, u)], -np.inf, 0.0)
                p.row([(1.0, a), (-(edges[s] + 1) / wealth, u)], 0.0, np.inf)
                costs += [(fixed[s] / wealth, u), (rate[s], a)]
            least = [(1.0, places[i])] + [(-float(lot[i]), u) for u in used]
            p.row(least + ([(float(lot[i]), all_sold[i])] if side < 0 else []), 0.0, np.inf)
            money.append((-side * float(price[i]) / wealth, places[i]))
        if most_sold[i] > 0:
            h, old = float(problem.held[i]), float(problem.held_long[i])
            p.row([(1.0, sold[i]), (-h, all_sold[i])], 0.0, np.inf)
            p.row([(1.0, sold[i]), (-lot[i], all_sold[i])], -np.inf, h - lot[i])  # what stays is at least a lot
            gain = max(float(day.sell_limit[i]) - problem.total_cost[i] / h, 0.0)
            young, any_young = p.add(1, 0, h - old)[0], p.add(1, old <= 0, old < h, True)[0]
            p.row([(1.0, young), (-1.0, sold[i])], -old, np.inf)
            p.row([(1.0, young), (-1.0, sold[i]), (old, any_young)], -np.inf, 0.0)  # no more than that, either
            p.row([(1.0, young), (old - h, any_young)], -np.inf, 0.0)
            costs += [(gain * tax.long / 1e6 / wealth, sold[i]), (gain * (tax.short - tax.long) / 1e6 / wealth, young)]
        unit = float(problem.unit[i])
        weight = [(unit, bought[i]), (-unit, sold[i])]
        now = float(problem.held[i] * unit)
        cap = max(limits.max_weight, now - most_sold[i] * unit)
        p.row([*weight, (-cap, held_at_all[i])], -np.inf, -now)
        p.row([*weight, (cap, cost), (cap, slip)], -np.inf, cap - now)  # of the wealth after costs
        away = (float(day.buy_limit[i] - day.close[i]) / wealth, float(day.close[i] - day.sell_limit[i]) / wealth)
        slips += [(away[0], bought[i]), (away[1], sold[i])]
        in_sector.setdefault(str(day.sector[i]), []).extend(weight)
        names.append((1.0, held_at_all[i]))
    p.row(names, -np.inf, float(MOST_NAMES))
    for sector, terms in in_sector.items():
        if sector:
            now = float((problem.held * problem.unit)[day.sector == sector].sum())
            cap = limits.max_sector
            p.row([*terms, (cap, cost), (cap, slip)], -np.inf, cap - now)
    p.row([*costs, (-1.0, cost)], 0.0, 0.0)
    p.row([*slips, (-1.0, slip)], 0.0, 0.0)
    idle = [*money, (-1.0, cost)]
    p.row(idle, -problem.cash / wealth + 2e-6, idle_of(problem) - problem.cash / wealth - 2e-6)
    count, level = averaged(0.95, len(gains)), p.add(1, -1, 1)[0]
    beyond = p.add(len(gains), 0, np.inf)
    cvar = p.add(1, -1, most_cvar)[0]
    p.row([(1.0, level), (-1.0, cvar), *((1 / count, u) for u in beyond)], 0.0, 0.0)
    now = problem.held * problem.unit
    for s, row in enumerate(gains):
        change = [(float(row[i] * problem.unit[i]), bought[i]) for i in range(n)]
        change += [(-float(row[i] * problem.unit[i]), sold[i]) for i in range(n)]
        p.row([*change, (1.0, level), (1.0, beyond[s])], -float(row @ now), np.inf)
    return p, bought, sold, {"cvar": np.array([cvar]), "cost": np.array([cost])}


def solved(most_cvar: float, most_cost: float, seconds: float = SECONDS, least: str = "") -> list[float] | None:
    """Return, CVaR and cost of the plan found, as our measures see it; None where none was."""
    problem = real_case()
    p, bought, sold, places = programme(problem, most_cvar, most_cost)
    objective = np.zeros(p.count)
    if least:
        objective[places[least]] = 1.0
    else:
        gain = problem.beliefs.mean * problem.unit
        objective[bought], objective[sold] = -gain, gain
    found = p.solve(objective, seconds)
    if found.x is None:
        return None
    units = problem.held + np.rint(found.x[bought] - found.x[sold]).astype(np.int64)
    aims = aims_of(AIMS)
    return [float(v) for v in figures_of(aims, values_of(aims, problem, (units * problem.unit)[None]))[0]]


def main() -> None:
    known = json.loads(FILE.read_text()) if FILE.exists() else {"ends": [], "points": {}}
    if not known["ends"]:
        ends = [solved(1.0, 1.0), solved(1.0, 1.0, least="cvar"), solved(1.0, 1.0, least="cost")]
        known["ends"] = [end for end in ends if end]
    ends = np.array(known["ends"])
    risks = np.linspace(ends[:, 1].min(), ends[:, 1].max(), RISKS + 1)[1:]
    costs = np.linspace(ends[:, 2].min(), ends[:, 2].max(), COSTS + 1)[1:]
    wanted = [(f"{a} {b}", float(risks[a]), float(costs[b])) for a in range(RISKS) for b in range(COSTS)]
    order = np.random.default_rng(0).permutation(len(wanted))  # stopped early, they are spread all the same
    left = [wanted[k] for k in order if wanted[k][0] not in known["points"]]
    with ProcessPoolExecutor(WORKERS) as pool:
        tasks = {pool.submit(solved, risk, cost): name for name, risk, cost in left}
        for task in as_completed(tasks):
            known["points"][tasks[task]] = task.result()
            FILE.write_text(json.dumps(known, indent=0, sort_keys=True) + "\n")
            print(tasks[task], task.result(), flush=True)


if __name__ == "__main__":
    main()
