"""New genomes from old: tournament, simulated binary crossover and polynomial mutation, as NSGA-II has them."""

import numpy as np
from numpy.typing import NDArray

from .duplicates import first_of_each, keys
from .problem import Evaluated, Matrix, ParetoProblem, Vector

CROSSOVER, CROSSOVER_SPREAD = (
    0.9,
    15.0,
)  # share of pairs that mate; the larger the spread index, the nearer the children
MUTATION, MUTATION_SPREAD = 0.9, 20.0  # share of children that may mutate, one variable each on average
TRIES = 100  # rounds of mating for a full set of new genomes


def offspring(
    problem: ParetoProblem,
    parents: Evaluated,
    crowding: Vector,
    known: set[bytes],
    count: int,
    rng: np.random.Generator,
) -> tuple[Matrix, int]:
    """Up to `count` repaired genomes whose keys are not `known`, and how many were thrown away as duplicates."""
    made, duplicates = np.zeros((0, problem.lower.size)), 0
    known = set(known)
    for _ in range(TRIES):
        pairs = _tournament(parents, crowding, 2 * -(-(count - len(made)) // 2), rng).reshape(2, -1)
        X = problem.repaired(_mutated(problem, _crossed(problem, parents.X[pairs], rng), rng))
        names = keys(X, problem.lower, problem.upper)
        fresh = first_of_each(names, known)
        duplicates += int((~fresh).sum())
        known.update(names)
        made = np.concatenate([made, X[fresh]])[:count]
        if len(made) == count:
            break
    return made, duplicates


def _tournament(points: Evaluated, crowding: Vector, winners: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """(winners,) rows: of two drawn, the one that violates less, else dominates, else stands in more room, else either."""
    rounds = -(-2 * winners // len(points))
    drawn = np.concatenate([rng.permutation(len(points)) for _ in range(rounds)])[: 2 * winners]
    a, b = drawn.reshape(-1, 2).T
    F, violation = points.F, points.violation
    score = (violation[a] < violation[b]).astype(float) - (violation[a] > violation[b])
    feasible = (violation[a] == 0) & (violation[b] == 0)
    beats = np.all(F[a] <= F[b], axis=1).astype(float) - np.all(F[b] <= F[a], axis=1)  # 0 too where they are equal
    room = (crowding[a] > crowding[b]).astype(float) - (crowding[a] < crowding[b])
    for criterion in (np.where(feasible, beats, 0.0), np.where(feasible, room, 0.0), rng.choice([-1.0, 1.0], winners)):
        score = np.where(score == 0, criterion, score)
    return np.where(score > 0, a, b)


def _crossed(problem: ParetoProblem, pairs: Matrix, rng: np.random.Generator) -> Matrix:
    """(2 k, n) two children for each pair; pairs: (2, k, n). Deb and Agrawal 1995."""
    from pymoo.operators.crossover.sbx import cross_sbx  # type: ignore[import-untyped]

    k = pairs.shape[1]
    mates = rng.random((k, 1)) < CROSSOVER
    half = np.full((k, 1), 0.5)
    spread = np.full((k, 1), CROSSOVER_SPREAD)
    children = cross_sbx(pairs, problem.lower, problem.upper, spread, half, half, random_state=rng)
    return np.concatenate(np.where(mates, children, pairs))


def _mutated(problem: ParetoProblem, X: Matrix, rng: np.random.Generator) -> Matrix:
    """(k, n) the genomes, some changed a little in about one variable. Deb and Goyal 1996."""
    from pymoo.operators.mutation.pm import mut_pm  # type: ignore[import-untyped]

    k, n = X.shape
    changed = mut_pm(
        X,
        problem.lower,
        problem.upper,
        np.full(k, MUTATION_SPREAD),
        np.full(k, min(0.5, 1 / n)),
        at_least_once=False,
        random_state=rng,
    )
    return np.where(rng.random((k, 1)) < MUTATION, changed, X)
