"""Our problem, repair, first genomes, hashing and callbacks in pymoo's own classes, for `pymoo.optimize.minimize`.

minimize(NativeProblem(problem), NSGA2(pop_size=100, sampling=NativeSampling(start), repair=NativeRepair(problem),
         eliminate_duplicates=HashedDuplicates(problem)), ("n_gen", 200), seed=1)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.callback import Callback  # type: ignore[import-untyped]
from pymoo.core.duplicate import DuplicateElimination  # type: ignore[import-untyped]
from pymoo.core.problem import Problem  # type: ignore[import-untyped]
from pymoo.core.repair import Repair  # type: ignore[import-untyped]
from pymoo.core.sampling import Sampling  # type: ignore[import-untyped]

from .duplicates import first_of_each, keys
from .problem import Matrix, ParetoProblem

WORST = 1e300  # what a refused row is worth: finite, since pymoo computes distances between objectives


class NativeProblem(Problem):  # type: ignore[misc]
    """A ParetoProblem for pymoo; a row that is not finite becomes infeasible and is counted in `refused`."""

    def __init__(self, problem: ParetoProblem):
        super().__init__(
            n_var=problem.lower.size,
            n_obj=problem.objective_count,
            n_ieq_constr=1,
            xl=problem.lower,
            xu=problem.upper,
        )
        self.problem = problem
        self.refused = 0

    def _evaluate(self, x: Matrix, out: dict[str, Any], *_args: Any, **_kwargs: Any) -> None:
        points = self.problem.evaluate(x)
        self.refused += points.refused
        out["F"] = np.where(np.isfinite(points.F), points.F, WORST)
        out["G"] = np.minimum(points.violation, WORST)[:, None]


class NativeRepair(Repair):  # type: ignore[misc]
    """The problem's repair, on the whole array and written back into the genomes."""

    def __init__(self, problem: ParetoProblem):
        super().__init__()
        self.problem = problem

    def _do(self, _problem: Problem, X: Matrix, **_kwargs: Any) -> Matrix:
        return self.problem.repaired(X)


class NativeSampling(Sampling):  # type: ignore[misc]
    """Begins with the given genomes; the rest is drawn from the box."""

    def __init__(self, start: Matrix):
        super().__init__()
        self.start = np.array(start, dtype=float)

    def _do(
        self, problem: Problem, n_samples: int, *_args: Any, random_state: np.random.Generator, **_kwargs: Any
    ) -> Matrix:
        missing = max(0, n_samples - len(self.start))
        drawn = problem.xl + random_state.random((missing, problem.n_var)) * (problem.xu - problem.xl)
        return np.concatenate([self.start, drawn])


class HashedDuplicates(DuplicateElimination):  # type: ignore[misc]
    """Finds duplicates by hashing rounded genomes; pymoo's own way computes all distances, O(N² n)."""

    def __init__(self, problem: ParetoProblem):
        super().__init__()
        self.problem = problem

    def _do(self, pop: Any, other: Any, is_duplicate: NDArray[np.bool_]) -> NDArray[np.bool_]:
        box = self.problem.lower, self.problem.upper
        known = set() if other is None else set(keys(other.get("X"), *box))
        names = keys(pop.get("X"), *box)
        if other is None:
            return is_duplicate | ~first_of_each(names, known)
        return is_duplicate | np.array([name in known for name in names])


class Callbacks(Callback):  # type: ignore[misc]
    """Several callbacks, each called in full; pymoo's CallbackCollection never calls their `notify`."""

    def __init__(self, *callbacks: Callback):
        super().__init__()
        self.callbacks = callbacks

    def notify(self, algorithm: Any) -> None:
        for callback in self.callbacks:
            callback(algorithm)
