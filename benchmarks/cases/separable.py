"""The fast rebalance against the solvers called directly, and how its time grows.

The peers get their matrices ready made: timed are their set-up and solve. Ours starts from the arrays, validation included.
"""

import json
from functools import partial
from statistics import median

import cvxpy as cp
import numpy as np
from timing import compare, seconds

from portfolio_opt.optim.convex.newton_dual import solve
from portfolio_opt.optim.convex.path import solve_path
from portfolio_opt.optim.convex.separable import SeparableProgram

from .rebalances import NO_LIMIT, by_clarabel, by_piqp, excess, factor_form, for_clarabel, piqp, rebalance

INSTANCES = 20  # solved one after another by each side: a single call of either would time cold caches


def direct(n, k, instances, runs, quick):
    """Both peers on the same instances, one after another."""
    problems = [rebalance(n, k, seed) for seed in range(min(instances, 5) if quick else instances)]
    forms = [factor_form(p) for p in problems]
    case = f"{n}x{k}"

    def ours():
        return [solve(SeparableProgram(**p)) for p in problems]

    def worst(weights):
        notes = [excess(p, answer, w) for p, answer, w in zip(problems, ours(), weights, strict=True)]
        return f"{len(problems)} instances, the first: {notes[0]}"

    def piqps():
        return [by_piqp(form, n) for form in forms]

    arguments = [for_clarabel(form) for form in forms]

    def clarabels():
        return [by_clarabel(each, n) for each in arguments]

    compare(case, ours, "piqp", piqps, worst(piqps()), 3 if quick else runs)
    compare(case, ours, "clarabel", clarabels, worst(clarabels()), 1 if quick else max(runs // 3, 1))


def one(n, k, instances, runs):
    def run(quick):
        direct(n, k, instances, runs, quick)
        if n == 250:
            modelled(n, k, instances, quick)

    return run


def modelled(n, k, instances, quick):
    """cvxpy with Clarabel: its set-up counted, and once more compiled beforehand and handed every number as a parameter."""
    problems = [rebalance(n, k, seed) for seed in range(5 if quick else instances)]
    compiled = [model(n, k, p["rows"]) for p in problems]

    def ours():
        return [solve(SeparableProgram(**p)) for p in problems]

    def fresh():
        return [model(n, k, p["rows"])(p) for p in problems]

    def again():
        return [problem(p) for problem, p in zip(compiled, problems, strict=True)]

    case, runs = f"{n}x{k}", 3 if quick else 7
    accuracy = f"{len(problems)} instances, the first: {excess(problems[0], ours()[0], compiled[0](problems[0]))}"
    compare(case, ours, "cvxpy with parameters", fresh, accuracy, runs)
    compare(case, ours, "cvxpy with parameters, compiled beforehand", again, accuracy, runs)


def model(n, k, rows):
    """The rebalance in cvxpy as a function of its numbers, written so that a compilation lasts."""
    w, trade, root = cp.Variable(n), cp.Variable(n), cp.Parameter(n, nonneg=True)
    loadings, held, mean, most, sector = cp.Parameter((n, k)), *(cp.Parameter(n) for _ in range(3)), cp.Parameter(12)
    cost = cp.Parameter(n, nonneg=True)
    risk = cp.sum_squares(loadings.T @ w) + cp.sum_squares(cp.multiply(root, w))
    objective = cp.Minimize(risk / 2 - mean @ w + cost @ cp.abs(trade))
    problem = cp.Problem(objective, [trade == w - held, cp.sum(w) == 1, w >= 0, w <= most, rows[1:] @ w <= sector])

    def solved(p):
        root.value, loadings.value, held.value, mean.value = (
            np.sqrt(p["diagonal"]),
            p["loadings"],
            p["origin"],
            p["linear"],
        )
        most.value, sector.value, cost.value = p["upper"], p["row_upper"][1:], p["slopes"][:, 1]
        problem.solve(solver="CLARABEL")
        return w.value

    return solved


def path(quick):
    """50 risk aversions, PIQP updated from one to the next."""
    n, k = 250, 15
    p = rebalance(n, k, 0)
    form = factor_form(p)
    aversions = np.geomspace(0.5, 25, 50)  # times the 2 that is in the numbers

    def ours():
        return solve_path(SeparableProgram(**p), aversions)

    def peer():
        solver = piqp.SparseSolver()
        weights = []
        for aversion in aversions:
            if not weights:
                low = np.full(len(form.h), -NO_LIMIT)
                solver.setup(form.P * aversion, form.c, form.A, form.b, form.G, low, form.h, form.low, form.high)
            else:
                solver.update(P=form.P * aversion)
            solver.solve()
            weights.append(np.array(solver.result.x[:n]))
        return weights

    answers = ours()
    above = []
    for b, (w, aversion) in enumerate(zip(peer(), aversions, strict=True)):
        scaled = {**p, "loadings": p["loadings"] * np.sqrt(aversion), "diagonal": p["diagonal"] * aversion}
        above.append(answers.objective[b] - SeparableProgram(**scaled).objective(w))
    accuracy = f"objective at most {max(above):+.1e} above the peer's, gap {answers.gap.max():.0e}"
    compare("path-50", ours, "piqp with update", peer, accuracy, 3 if quick else 9)


def growth(quick):
    """Time against names and factors: its plot and what its slopes are is in docs/optim.md."""
    names = (100, 250, 1000) if quick else (100, 300, 1000, 3000, 10_000)
    factors = (5, 20) if quick else (5, 15, 50, 100, 200)
    for along, sizes in {"n": [(n, 20) for n in names], "k": [(1000, k) for k in factors]}.items():
        for n, k in sizes:
            programs = [SeparableProgram(**rebalance(n, k, seed)) for seed in range(3)]
            steps = median(solve(program).iterations for program in programs)
            took = min(median(seconds(partial(solve, program)) for program in programs) for _ in range(5))
            line = {"case": "growth", "along": along, "n": n, "k": k, "ours_s": float(f"{took:.4g}"), "steps": steps}
            print(json.dumps(line), flush=True)


CASES = {
    "250x15": one(250, 15, INSTANCES, 11),
    "1000x100": one(1000, 100, 3, 9),
    "5000x100": one(5000, 100, 2, 5),
    "path-50": path,
    "growth": growth,
}
