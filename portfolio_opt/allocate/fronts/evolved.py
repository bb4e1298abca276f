"""Whole-share plans by NSGA-II, for aims and limits of any kind; the same problem, repair and first genomes serve pymoo."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import NoSolution
from ...optim.evolve.nsga2 import evolve
from ...optim.evolve.problem import ParetoProblem
from ...optim.evolve.result import Progress
from ..lots.statement_search import StatementSearch
from ..statement.count_limits import MaxNames
from .aims import Aim, values_of

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

GENERATIONS = 10  # for each round of the other engine
POPULATION = 120
PASSES = 8


class WholeShares:
    """Weights that stand for whole-share plans: a repair makes any weights a plan that one can place and pay for."""

    def __init__(self, judge: StatementSearch, aims: Sequence[Aim]) -> None:
        self.judge, self.aims = judge, tuple(aims)
        self.most = min((each.limit for each in judge.statement.limits if isinstance(each, MaxNames)), default=None)

    def problem(self) -> ParetoProblem:
        """For `optim.evolve.evolve`, and for pymoo through `optim.evolve.pymoo_native`."""
        unit = self.judge.problem.unit
        lower, upper = self.judge.lower * unit, np.maximum(self.judge.upper, self.judge.problem.held) * unit
        return ParetoProblem(lower, upper, len(self.aims), self.losses, self.violations, self.repair)

    def units(self, X: Matrix) -> Ints:
        """(B, N) the plans that repaired weights stand for."""
        return np.rint(X / self.judge.problem.unit).astype(np.int64)

    def losses(self, X: Matrix) -> Matrix:
        return -values_of(self.aims, self.judge.problem, self.units(X) * self.judge.problem.unit)

    def violations(self, X: Matrix) -> Matrix:
        units = self.units(X)
        measured = self.judge.measured(units)
        paid = (measured.spare >= 0) | (units <= self.judge.problem.held).all(1)
        short = np.where(paid, 0.0, np.clip(-measured.spare, 0, None) / self.judge.problem.wealth)
        return np.column_stack([np.where(measured.penalty > 1e-9, measured.penalty, 0.0), short])

    def repair(self, X: Matrix) -> Matrix:
        """Plans near weights (B, N): few enough names, everything invested as far as caps let it, legal orders, paid for."""
        judge, situation = self.judge, self.judge.problem
        unit, lower, upper = situation.unit, judge.lower * situation.unit, judge.upper * situation.unit
        w = np.clip(X, lower, np.maximum(upper, lower))
        if self.most is not None and self.most < w.shape[1]:
            rank = np.argsort(np.argsort(-np.where(lower > 0, np.inf, w), axis=1, kind="stable"), axis=1, kind="stable")
            w = np.where((rank < self.most) | (lower > 0), w, 0.0)
        inside = 1 - situation.outside_value / situation.wealth - max(judge.floor / situation.wealth, 0.0)
        for _ in range(3):
            total = w.sum(1, keepdims=True)
            w = np.where(total > 0, np.clip(w * np.minimum(inside / np.maximum(total, 1e-12), 1e6), lower, upper), w)
        units = judge.legal(np.rint(w / unit).astype(np.int64))
        for _ in range(PASSES):
            short = judge.measured(units).spare < 0
            if not short.any():
                break
            bought = np.clip(units[short] - situation.held, 0, None)
            paid = np.maximum((bought * situation.day.buy_limit).sum(1), 1)
            missing = np.clip(-judge.measured(units[short]).spare, 0, None)
            kept = np.clip(1 - 1.02 * missing / paid, 0, 1)[:, None]
            units[short] = judge.legal(
                np.where(bought > 0, situation.held + np.floor(bought * kept), units[short]).astype(np.int64)
            )
        return np.asarray(units * unit)


def evolve_plans(
    judge: StatementSearch,
    aims: Sequence[Aim],
    starts: Sequence[Vector],
    points: int,
    rounds: int,
    seed: int,
    late: Callable[[], bool],
    report: Callable[[int, int, float], None],
    checkpoint: Path | None,
    settings: str,
) -> tuple[Ints, Matrix, int, str, tuple[str, ...]]:
    """Plans, their values, rounds made, why it ended, and what was done. starts: fractional weights to begin with"""
    plans = WholeShares(judge, aims)
    problem = plans.problem()
    start = np.clip(plans.repair(np.stack(list(starts))), problem.lower, problem.upper)
    state = {"generation": 0}

    def after(now: Progress) -> None:
        state["generation"] = now.generation
        if now.generation % GENERATIONS == 0:
            report(now.generation // GENERATIONS, 0, now.hypervolume)

    found = evolve(
        problem,
        seed=seed,
        population=max(POPULATION, 2 * points),
        generations=rounds * GENERATIONS,
        start=start,
        archive_size=max(4 * points, 100),
        time_limit=np.inf,
        progress=after,
        checkpoint=None if checkpoint is None else checkpoint / settings[:16],
        clock=_Clock(late),
    )
    if not len(found.X) or (found.violation > 0).all():
        raise NoSolution("no whole-share plan was found within the limits; loosen them, or allow more rounds")
    units = plans.units(found.X[found.violation == 0])
    values = values_of(aims, judge.problem, units * judge.problem.unit)
    made = max(found.generations // GENERATIONS, 1)
    return (
        units,
        values,
        made,
        f"{found.ending.value}, after {found.generations} generations",
        (f"{found.evaluations:,} plans evaluated by NSGA-II, population {max(POPULATION, 2 * points)}",),
    )


class _Clock:
    """A clock for `evolve` that jumps past its limit once it is late."""

    def __init__(self, late: Callable[[], bool]) -> None:
        self.late = late

    def __call__(self) -> float:
        return float("inf") if self.late() else 0.0
