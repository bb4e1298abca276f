"""NSGA-II on whole arrays, with an archive of all non-dominated points seen, and a checkpoint that loses nothing."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import InvalidInput
from ..real_numbers import real_array, real_number, whole_number
from .archive import empty_archive
from .domination import hypervolume
from .duplicates import first_of_each, keys
from .problem import Evaluated, Matrix, ParetoProblem, Vector
from .result import Ending, ParetoSet, Progress
from .state import State, digest, read_checkpoint, write_checkpoint
from .survival import survivors
from .variation import offspring

MARGIN = (
    0.1  # the default reference point lies beyond the worst of the first feasible points by this share of their range
)


def evolve(
    problem: ParetoProblem,
    *,
    seed: int,
    population: int = 100,
    generations: int = 200,
    start: ArrayLike | None = None,
    exact: ArrayLike | None = None,
    archive_size: int = 500,
    reference: ArrayLike | None = None,
    max_evaluations: int | None = None,
    time_limit: float = np.inf,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 10,
    clock: Callable[[], float] = time.monotonic,
) -> ParetoSet:
    """The non-dominated points seen by NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002); the same bytes for the same seed.

    start: (k, n) genomes to begin with; exact: (k, n) genomes known to be on the front, which stay in the archive unless a
        point is better by more than rounding; the rest of the first population is drawn from the box
    archive_size: most points kept besides the exact ones; reference: (m,) of the hypervolume, by default just beyond the
        worst of the first feasible points; time_limit: seconds, looked at after each generation
    progress: called after each generation; the hypervolume is computed for it
    checkpoint: folder that holds the state after every `checkpoint_every` generations and at the end. If it holds one, the
        search continues there, and with the same problem ends exactly as one that was never stopped.

    Raises InvalidInput naming the bad argument; a search without a feasible or finite point says so in its ending.
    """
    given, marked = _genomes(problem, "start", start), _genomes(problem, "exact", exact)
    point = _reference(problem, reference)
    seed, population = whole_number("seed", seed, 0), whole_number("population", population, 4)
    generations, archive_size = (
        whole_number("generations", generations, 1),
        whole_number("archive_size", archive_size, 1),
    )
    checkpoint_every = whole_number("checkpoint_every", checkpoint_every, 1)
    if max_evaluations is not None:
        max_evaluations = whole_number("max_evaluations", max_evaluations, max(population, len(given) + len(marked)))
    if real_number("time_limit", time_limit) < 0:
        raise InvalidInput(f"time_limit is {time_limit}, but it must be at least 0 seconds")
    settings = {
        "seed": seed,
        "population": population,
        "archive_size": archive_size,
        "box": digest(problem.lower, problem.upper),
        "objective_count": problem.objective_count,
        "given": digest(given, marked, point),
    }
    rng, began = np.random.default_rng(seed), clock()

    def after_generation(state: State) -> State:
        state = _with_reference(state, point)
        if progress is not None:
            progress(Progress(state.generation, state.evaluations, _dominated_volume(state), clock() - began))
        if checkpoint is not None and state.generation % checkpoint_every == 0:
            write_checkpoint(checkpoint, settings, state, rng)
        return state

    if checkpoint is not None and (checkpoint / "state.json").exists():
        state = read_checkpoint(checkpoint, settings, problem, rng)
    else:
        state = after_generation(_first_generation(problem, given, marked, population, archive_size, rng))
    while True:
        ending = _ending(state, population, generations, max_evaluations, late=clock() - began >= time_limit)
        new = None if ending is not None else _next_generation(problem, state, population, rng)
        if new is None:
            break
        state = after_generation(new)
    if checkpoint is not None:
        write_checkpoint(checkpoint, settings, state, rng)
    return _result(state, ending or Ending.EXHAUSTED)


def _ending(state: State, population: int, generations: int, max_evaluations: int | None, late: bool) -> Ending | None:
    if state.generation >= generations:
        return Ending.GENERATIONS
    if max_evaluations is not None and state.evaluations + population > max_evaluations:
        return Ending.EVALUATIONS
    return Ending.TIME if late else None


def _first_generation(
    problem: ParetoProblem, start: Matrix, exact: Matrix, population: int, archive_size: int, rng: np.random.Generator
) -> State:
    """All given genomes, and random ones up to the size of the population."""
    missing = max(0, population - len(start) - len(exact))
    drawn = problem.lower + rng.random((missing, problem.lower.size)) * (problem.upper - problem.lower)
    X = problem.repaired(np.concatenate([exact, start, np.clip(drawn, problem.lower, problem.upper)]))
    fresh = first_of_each(keys(X, problem.lower, problem.upper), set())
    points = problem.evaluate(X[fresh])
    known = points[np.arange(int(fresh[: len(exact)].sum()))]
    if (known.violation > 0).any():
        raise InvalidInput(
            "exact holds a genome that breaks a limit or has no finite objectives: leave it out or mend it"
        )
    archive = empty_archive(problem.lower.size, problem.objective_count, archive_size).with_new(known, exact=True)
    rows, crowding = survivors(points, population, rng)
    return State(
        population=points[rows],
        crowding=crowding,
        archive=archive.with_new(points),
        reference=np.full(problem.objective_count, np.nan),
        generation=1,
        evaluations=len(points),
        refused=points.refused,
        duplicates=int((~fresh).sum()),
    )


def _next_generation(problem: ParetoProblem, state: State, population: int, rng: np.random.Generator) -> State | None:
    """The state one generation on; None if no new genome could be made."""
    known = set(keys(np.concatenate([state.population.X, state.archive.points.X]), problem.lower, problem.upper))
    X, duplicates = offspring(problem, state.population, state.crowding, known, population, rng)
    if len(X) == 0:
        return None
    new = problem.evaluate(X)
    everyone = state.population + new
    rows, crowding = survivors(everyone, population, rng)
    return replace(
        state,
        population=everyone[rows],
        crowding=crowding,
        archive=state.archive.with_new(new),
        generation=state.generation + 1,
        evaluations=state.evaluations + len(new),
        refused=state.refused + new.refused,
        duplicates=state.duplicates + duplicates,
    )


def _with_reference(state: State, given: Vector | None) -> State:
    """The state with its reference point: the given one, or one found as soon as there is a feasible point."""
    if given is not None:
        return replace(state, reference=given)
    F = state.population.F[state.population.violation == 0]
    if len(F) == 0 or not np.isnan(state.reference).any():
        return state
    width = np.ptp(F, axis=0)
    return replace(state, reference=F.max(0) + MARGIN * np.where(width > 0, width, np.maximum(np.abs(F.max(0)), 1.0)))


def _dominated_volume(state: State) -> float:
    return 0.0 if np.isnan(state.reference).any() else hypervolume(state.archive.points.F, state.reference)


def _result(state: State, ending: Ending) -> ParetoSet:
    points, exact = state.archive.points, state.archive.exact
    if len(points) == 0:
        least: Evaluated = state.population[np.array([int(np.argmin(state.population.violation))])]
        points = least[np.isfinite(least.violation)]
        ending = Ending.NO_FEASIBLE if len(points) else Ending.NOTHING_FINITE
        exact = np.zeros(len(points), dtype=bool)
    order = np.lexsort(points.F.T[::-1])
    return ParetoSet(
        X=points.X[order],
        F=points.F[order],
        exact=exact[order],
        violation=points.violation[order],
        ending=ending,
        generations=state.generation,
        evaluations=state.evaluations,
        refused=state.refused,
        duplicates=state.duplicates,
        hypervolume=_dominated_volume(state),
        reference=state.reference,
    )


def _genomes(problem: ParetoProblem, name: str, given: ArrayLike | None) -> Matrix:
    n = problem.lower.size
    X = np.zeros((0, n)) if given is None else real_array(name, given).copy()
    if X.ndim != 2 or X.shape[1] != n:
        raise InvalidInput(f"{name} has shape {X.shape}, but each of its rows is a genome of {n} entries")
    if not np.isfinite(X).all():
        raise InvalidInput(f"{name} holds a value that is not finite")
    if not np.array_equal(X, np.clip(X, problem.lower, problem.upper)):
        raise InvalidInput(f"{name} holds a genome outside [lower, upper]: clip it, or widen the box")
    return X


def _reference(problem: ParetoProblem, given: Any) -> Vector | None:
    if given is None:
        return None
    point = real_array("reference", given).copy()
    if point.shape != (problem.objective_count,) or not np.isfinite(point).all():
        raise InvalidInput(f"reference must hold {problem.objective_count} finite numbers, one for each objective")
    return point
