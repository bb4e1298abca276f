"""The front of one decision: the aims, what the day allows, an engine, and what no plan can exceed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, NoSolution
from ..by_statement import amount_broken, for_today, starting_point
from ..decide import require_a_lot
from ..lots.compiled_search import CompiledSearch, why_not
from ..lots.statement_search import StatementSearch
from ..plain import statement_of, tidied
from ..problem import Problem
from ..statement.names import nearest
from . import evolved
from .aims import Aim
from .checkpoint import read_known, settings_of, write_known
from .climbs import Climbs, Known, run, spread
from .front import Front, best_first
from .relaxed import relaxed, weighed

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

AUTO, CLIMBS, NSGA2 = "auto", "climbs", "nsga2"
ENGINES = {
    CLIMBS: "compiled climbs over whole shares at true values, weighted sums and floors",
    NSGA2: "NSGA-II over whole shares, for objectives and limits of any kind",
}
MOST_POINTS = 1000
ROUNDS = 40
IDLE_PRICE = 0.0  # of cash within what one lot explains; more is a broken limit
IDLE_LOTS = (
    1.5  # board lots of the dearer half of names, or IDLE_LEAST of wealth: what may be left in cash for want of a lot
)
IDLE_LEAST, IDLE_MOST = 0.003, 0.1
MOST_STARTS = 24  # plans of a former front
TIME_TO_RELAX = 0.25  # of the time limit


@dataclass(frozen=True)
class Progress:
    """Where a search stands. left: seconds until the time limit, None without one"""

    round: int
    rounds: int
    points: int
    hypervolume: float
    left: float | None


def front_of(
    problem: Problem,
    aims: Sequence[Aim],
    *,
    points: int = 60,
    engine: str = AUTO,
    rounds: int = ROUNDS,
    time_limit: float = np.inf,
    seed: int = 0,
    start: Front | None = None,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Front:
    """Whole-share plans of which none beats another in every aim, from today's holdings, under the problem's limits.

    points: at most so many, spread over the front, 2 to 1000; engine: a name of ENGINES, or auto, which says why it took which
    rounds: of the search; time_limit: seconds, looked at after each round; the same seed and rounds give the same front
    start: a front to begin with, as yesterday's; its weights of today's names count
    checkpoint: a folder that holds the state after each round; a search that finds one there goes on with it
    Raises InvalidInput naming a bad argument, NoSolution, in words, where no portfolio meets the limits.
    """
    if not 2 <= points <= MOST_POINTS:
        raise InvalidInput(f"points is {points}; choose 2 to {MOST_POINTS:,}")
    if rounds < 1 or not time_limit > 0:
        raise InvalidInput("a front needs at least one round and a time limit above 0 seconds")
    if engine not in (AUTO, *ENGINES):
        raise InvalidInput(f"there is no engine {engine[:60]!r}; did you mean {nearest(engine, [AUTO, *ENGINES])!r}?")
    began = clock()
    problem, aims = tidied(problem), tuple(aims)
    objective = weighed([aim.objective for aim in aims], np.ones(len(aims)))
    full = for_today(statement_of(replace(problem, objective=objective)))
    begun = starting_point(full)
    least = tuple(amount_broken(begun.least, limit) for limit in full.limits)
    judge = StatementSearch(problem, full, least, IDLE_PRICE)
    unknown = why_not(problem, [aim.objective for aim in aims], full.limits)
    if engine == CLIMBS and unknown:
        raise InvalidInput(f"the engine {CLIMBS} does not know: {unknown}; {NSGA2} does")
    taken = NSGA2 if engine == NSGA2 or unknown else CLIMBS
    why = (
        "asked for by name" if engine != AUTO else f"{CLIMBS} does not know: {unknown}" if unknown else ENGINES[CLIMBS]
    )
    settings = settings_of(problem, aims, full.limits, points, seed, taken)

    def report(made: int, kept: int, volume: float) -> None:
        if progress:
            left = None if time_limit == np.inf else max(time_limit - (clock() - began), 0.0)
            progress(Progress(made, rounds, kept, volume, left))

    def late() -> bool:
        return clock() - began >= time_limit

    idle = idle_of(problem)
    today = problem.held * problem.unit
    former = (
        [] if start is None else list(start.weights_on(problem.day.symbols.tolist())[spread(start.values, MOST_STARTS)])
    )
    near = [*([] if begun.answer is None else [begun.answer.weights]), today, *former]
    if taken == NSGA2:
        found = evolved.evolve_plans(judge, aims, near, points, rounds, seed, late, report, checkpoint, settings)
        units, values, made, ended, trail = found
        relaxation = relaxed(problem, full, begun, aims, values, idle, late)
    else:
        search = CompiledSearch(
            problem,
            tuple(aim.objective for aim in aims),
            full.limits,
            judge.lower,
            judge.upper,
            IDLE_PRICE,
            least,
            idle,
        )
        climbs = Climbs(judge, search, aims, points, seed)
        known = climbs.begin(np.stack(near))
        if not len(known.units):
            raise NoSolution("no whole-share plan was found within the limits; loosen them, or add cash")
        relaxation = relaxed(
            problem, full, begun, aims, known.values, idle, lambda: clock() - began >= TIME_TO_RELAX * time_limit
        )
        if relaxation is not None:
            known = climbs.with_plans(climbs.begin(relaxation.starts), known.units)
        resumed = read_known(checkpoint, settings, judge, aims) if checkpoint else None

        def after(now: Known) -> None:
            if checkpoint:
                write_known(checkpoint, settings, now)
            report(now.rounds, len(now.units), now.volumes[-1])

        known, ended = run(climbs, resumed or known, rounds, late, after)
        units, values, made = known.units, known.values, known.rounds
        trail = (f"{len(units)} plans that none dominates, from {made} rounds of climbs",)
    require_a_lot(problem, units.max(0))
    kept = np.sort(spread(values, points))
    units, values = best_first(units[kept], values[kept])
    bound = None if relaxation is None else relaxation.relaxation
    return Front(problem, aims, units, values, taken, why, (*(begun.trail), *trail), made, ended, bound)


def idle_of(problem: Problem) -> float:
    """Share of wealth that a plan may leave in cash beyond what is allowed, for want of a lot that fits."""
    lots = (problem.day.lot * problem.unit)[problem.day.can_buy]
    return float(np.clip(IDLE_LOTS * np.median(lots), IDLE_LEAST, IDLE_MOST)) if len(lots) else IDLE_LEAST
