"""Whole shares against the truth and against what people use: `python benchmarks/lots.py [--quick] [CASE…]`.

lots-small           200 random accounts of NPR 50,000 to 2,000,000 in 12 names: the search against the exact mixed-integer
                     answer, both under the caps of the wealth after costs and with the search's price of idle cash
exact-30             30 names to a proved gap of 0.1 bp
discrete-allocation  target weights to whole shares, against PyPortfolioOpt's greedy and lp, see cases/discrete_allocation.py

One JSON line a case.
"""

import json
import sys
from dataclasses import dataclass
from statistics import median

from timing import seconds  # first: one BLAS thread

# ruff: isort: split
import numpy as np
from cases.discrete_allocation import discrete_allocation, say
from cases.small_accounts import Market

from portfolio_opt.allocate.book import book_of, terms_of
from portfolio_opt.allocate.bounds import Bounds, bounds
from portfolio_opt.allocate.decide import ENOUGH
from portfolio_opt.allocate.lots.whole import IDLE_PREMIUM, Effort, choose
from portfolio_opt.allocate.problem import Problem
from portfolio_opt.allocate.solvers.mixed_integer import ExactAnswer, exact_utility, solve_exactly
from portfolio_opt.allocate.solvers.quantity_pieces import paid_for, table_of
from portfolio_opt.allocate.why.conflict import require_room
from portfolio_opt.errors import NoSolution
from portfolio_opt.optim.solution import Status

GAP = 1e-5


def accounts(market: Market, count: int, **size) -> list[Problem]:
    """Random accounts that have an answer."""
    found: list[Problem] = []
    seed = 0
    while len(found) < count:
        problem = market.account(seed, **size)
        seed += 1
        try:
            require_room(problem)
        except NoSolution:
            continue
        found.append(problem)
    return found


def searched(problem: Problem) -> tuple[np.ndarray, float]:
    """(units, price a year of a rupee left idle) of the package's own search."""
    choice = choose(terms_of(problem), book_of(problem), Effort(), np.array([ENOUGH]))
    return choice.units[0], abs(float(choice.relaxed.answer.multipliers[0, 0])) + IDLE_PREMIUM


def judged_under(problem: Problem, units: np.ndarray) -> Bounds:
    """Caps relative to the wealth that `units` leave after their costs, as the search is held to."""
    loose = bounds(problem, problem.wealth)
    paid = paid_for(problem, loose, table_of(problem, loose), units)
    if paid is None:
        return loose
    after = int(units @ problem.day.close) + problem.outside_value + problem.floor + paid.idle
    return bounds(problem, min(after, problem.wealth))


def truth(problem: Problem, units: np.ndarray, idle_price: float) -> ExactAnswer:
    """The exact answer under the caps that the search was held to; where its own costs leave less, under the caps of that."""
    limits = judged_under(problem, units)
    for _ in range(4):
        answer = solve_exactly(problem, limits, GAP, idle_price=idle_price)
        own = judged_under(problem, answer.units)
        if exact_utility(problem, own, answer.units, idle_price) > -np.inf:
            break
        limits = own
    return answer


@dataclass(frozen=True)
class Judged:
    """loss: basis points a year the search is below the exact answer, infinite where its plan is not legal and one is."""

    loss: float
    gap: float
    ours_s: float
    exact_s: float


def judged(problem: Problem) -> Judged:
    units, idle_price = searched(problem)
    limits = judged_under(problem, units)
    found = exact_utility(problem, limits, units, idle_price)
    answer = truth(problem, units, idle_price)
    ours_s = median(seconds(lambda: searched(problem)) for _ in range(3))
    exact_s = seconds(lambda: solve_exactly(problem, limits, GAP, idle_price=idle_price))
    loss = 0.0 if answer.status is Status.INFEASIBLE else max(answer.utility - found, 0.0) * 1e4
    return Judged(loss, answer.gap_bp, ours_s, exact_s)


def lots_small(market: Market, quick: bool) -> None:
    problems = accounts(market, 40 if quick else 200)
    searched(problems[0])  # compiles
    rows = [judged(problem) for problem in problems]
    loss = np.array([row.loss for row in rows])
    accuracy = (
        f"of {len(rows)} accounts {np.mean(loss <= 1):.1%} within 1 bp of the exact answer and {np.mean(loss <= 5):.1%} within "
        f"5 bp, median loss {np.median(loss):.3f} bp, 95% {np.percentile(loss, 95, method='higher'):.2f} bp, "
        f"{np.sum(loss == np.inf)} plans not legal; median {median(r.ours_s for r in rows) * 1e3:.2f} ms; the exact answers are "
        f"proved to {max(r.gap for r in rows if r.gap < np.inf):.3f} bp, {sum(r.gap == np.inf for r in rows)} have none"
    )
    say("lots-small", [r.ours_s for r in rows], "HiGHS, mixed-integer", [r.exact_s for r in rows], accuracy)


def exact(market: Market, quick: bool) -> None:
    times, gaps = [], []
    for problem in accounts(market, 5 if quick else 30, names=30, rupees=(5e4, 1e7)):
        _, idle_price = searched(problem)
        limits = bounds(problem, problem.wealth)
        answers = []
        times.append(seconds(lambda: answers.append(solve_exactly(problem, limits, GAP, idle_price=idle_price))))  # noqa: B023
        gaps.append(answers[0].gap_bp if answers[0].status is not Status.INFEASIBLE else 0.0)
    closed = sum(gap <= GAP * 1e4 for gap in gaps)
    line = {"case": "exact-30", "ours_s": float(f"{median(times):.4g}")}
    accuracy = f"{closed} of {len(gaps)} accounts proved to {GAP * 1e4:g} bp, the slowest in {max(times):.2f} s"
    print(json.dumps({**line, "accuracy": accuracy}), flush=True)


CASES = {"lots-small": lots_small, "exact-30": exact, "discrete-allocation": discrete_allocation}


def main(arguments: list[str]) -> None:
    wanted = tuple(word for word in arguments if not word.startswith("--"))
    market = Market()
    for name, run in CASES.items():
        if not wanted or name.startswith(wanted):
            run(market, "--quick" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
