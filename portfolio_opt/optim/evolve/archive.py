"""The non-dominated points ever seen, kept outside the population, whose crowding throws good points away."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from .domination import non_dominated
from .problem import Evaluated, Matrix, Vector

ROUNDING = 1e-9  # of the range of an objective: an exact point is beaten only by more than this


@dataclass(frozen=True)
class Archive:
    """Mutually non-dominated feasible points, at most `size` besides the exact ones.

    exact: (k,) marks points given as exact: pruning never takes them, and only a point that is better by more than rounding
    replaces them
    """

    points: Evaluated
    exact: NDArray[np.bool_]
    size: int

    def with_new(self, new: Evaluated, exact: bool = False) -> "Archive":
        """The archive after looking at `new` points, thinned out where they stand closest if there are too many."""
        new = new[new.violation == 0]
        if not exact:
            new = new[~self._within_rounding_of_exact(new.F)]
        points = self.points + new
        marked = np.concatenate([self.exact, np.full(len(new), exact)])
        if exact:  # an exact point comes first, so that it is the one kept of equal ones
            order = np.argsort(~marked, kind="stable")
            points, marked = points[order], marked[order]
        kept = np.flatnonzero(non_dominated(points.F))
        kept = kept[_spread(points.F[kept], marked[kept], self.size)]
        return Archive(points[kept], marked[kept], self.size)

    def _within_rounding_of_exact(self, F: Matrix) -> NDArray[np.bool_]:
        """Which rows are better than an exact point by nothing but rounding: those would displace the truth by noise."""
        exact = self.points.F[self.exact]
        if not len(exact):
            return np.zeros(len(F), dtype=bool)
        noise = ROUNDING * np.maximum(np.ptp(self.points.F, axis=0), np.abs(self.points.F).max(0))
        ahead = exact[None, :, :] - F[:, None, :]
        return np.asarray(((ahead >= 0).all(2) & (ahead <= noise).all(2)).any(1))


def _spread(F: Matrix, kept_always: NDArray[np.bool_], size: int) -> NDArray[np.intp]:
    """Which `size` rows to keep: again and again the one nearest to another goes, of the two the one with less room beyond.

    Distances are relative to each objective's range. The ends of every objective and the marked rows stay.
    (Zitzler, Laumanns and Thiele 2001, truncation.)
    """
    free = len(F) - int(kept_always.sum())
    if free <= size:
        return np.arange(len(F))
    width = np.ptp(F, axis=0)
    scaled = F / np.where(width > 0, width, 1.0)
    apart = cdist(scaled, scaled)
    np.fill_diagonal(apart, np.inf)
    stays = kept_always.copy()
    if size >= 2 * F.shape[1]:
        stays[[*F.argmin(0), *F.argmax(0)]] = True
    alive = np.ones(len(F), dtype=bool)
    nearest = apart.min(1)
    for _ in range(free - size):
        candidates = np.flatnonzero(alive & ~stays)
        closest = candidates[nearest[candidates] == nearest[candidates].min()]
        goes = closest[np.argmin([_second(apart[i]) for i in closest])] if len(closest) > 1 else closest[0]
        alive[goes] = False
        touched = np.flatnonzero(alive & (apart[goes] == nearest))
        apart[goes] = apart[:, goes] = np.inf
        nearest[touched] = apart[touched].min(1)
    return np.flatnonzero(alive)


def _second(distances: Vector) -> float:
    return float(np.partition(distances, 1)[1])


def empty_archive(genome_size: int, objective_count: int, size: int) -> Archive:
    """An archive that has seen nothing."""
    nothing = Evaluated(np.zeros((0, genome_size)), np.zeros((0, objective_count)), np.zeros(0))
    return Archive(nothing, np.zeros(0, dtype=bool), size)
