"""The risk and its cut at one point after another, each scenario looked at only where it can matter.

For CVaR and the worst case only the losses near the threshold decide. After weights have moved by |w - w_0|_1 = d from a point
where all losses are known, scenario s has moved by at most d times its largest |entry|: those that stay above or below the
threshold for certain need not be multiplied again. The result is exact, and late in a solve it takes few of the scenarios.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .scenario_risk import ScenarioProgram, Scenarios, kernel, largest_mean

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

NEAR = 0.4  # past this part of the scenarios, all are multiplied: in order, that is faster
ROUNDING = 1e-12
DIRECTIONS = 8
SAMPLE = 200  # scenarios next to the threshold from which curvature is read


class Oracle(Protocol):
    rows: int  # multiplied or added up so far
    threshold: float  # of the last point

    def __call__(self, w: Vector, /) -> tuple[float, Vector]:
        """The risk at w and its cut g: risk(x) >= g'x everywhere, equal at w."""
        ...

    def curvature(self) -> tuple[Vector, Matrix] | None:
        """Diagonal (n,) and directions (k, n) whose diag + directions'directions is about the risk's second derivative."""
        ...


def oracle(program: ScenarioProgram) -> Oracle:
    count = program.measure.losses_averaged(len(program.scenarios))
    return EveryRow(program) if count is None else NearRows(program.scenarios, count)


class EveryRow:
    """All scenarios at every point, for any measure."""

    def __init__(self, program: ScenarioProgram) -> None:
        self.program, self.rows, self.threshold = program, 0, np.nan

    def __call__(self, w: Vector) -> tuple[float, Vector]:
        worst = self.program.measure.worst(self.program.scenarios.times(w))
        slope = -self.program.scenarios.combine(worst.rows, worst.weights)
        self.rows += len(self.program.scenarios) + len(worst.rows)
        self.threshold = worst.threshold
        return float(slope @ w), slope

    def curvature(self) -> None:
        return None


class NearRows:
    """The mean of the `count` largest losses, from the scenarios near the threshold once enough is known."""

    def __init__(self, scenarios: Scenarios, count: float) -> None:
        self.scenarios, self.count = scenarios, count
        self.rows, self.threshold = 0, np.nan
        self.at: Vector | None = None  # where all losses were last computed
        self.width = 0.1  # of the band in which the threshold is looked for, relative to the largest move
        self.typical = float(np.median(scenarios.reach))
        self.spent = 0  # scenarios multiplied again since all of them were
        self.places = np.empty(len(scenarios), dtype=np.int64)

    def __call__(self, w: Vector) -> tuple[float, Vector]:
        slope = self._from_near(w)
        if slope is None:
            slope = self._from_all(w)
        return float(slope @ w), slope

    def _from_all(self, w: Vector) -> Vector:
        self.spent = 0
        self.losses = -self.scenarios.times(w)
        worst = largest_mean(self.losses, self.count)
        self.at, self.threshold, self.at_threshold = w, worst.threshold, worst.threshold
        above = worst.rows[self.losses[worst.rows] > worst.threshold]
        self.above_sum = self.scenarios.combine(above, np.ones(len(above)))
        boundary = worst.rows[self.losses[worst.rows] == worst.threshold]
        self.rows += len(self.scenarios) + len(worst.rows)
        share = (self.count - len(above)) / len(boundary)
        return -(self.above_sum + share * self.scenarios.combine(boundary, np.ones(len(boundary)))) / self.count

    def _from_near(self, w: Vector) -> Vector | None:
        """The slope, or None where too many scenarios may matter."""
        if self.at is None or self.spent > len(self.scenarios):  # by now a new known point nearby pays for itself
            return None
        moved = float(np.abs(w - self.at).sum()) + ROUNDING
        for _ in range(3):
            band = self.width * moved * self.typical
            low, high = (pick(self.threshold, self.at_threshold) for pick in (min, max))
            low, high = low - band, high + band
            found, above = kernel().near(self.losses, self.scenarios.reach, moved, low, high, self.places)
            if found > NEAR * len(self.losses):
                return None
            rows = self.places[:found]
            losses = -self.scenarios.times_some(rows, w)
            self.rows, self.spent = self.rows + found, self.spent + found
            if above < self.count <= above + found:
                worst = largest_mean(losses, self.count - above)
                if low <= worst.threshold <= high:
                    self.width = max(0.02, 0.9 * self.width)
                    self.threshold = worst.threshold
                    return self._slope(rows, losses, above)
            self.width *= 2
        return None

    def _slope(self, rows: NDArray[np.int64], losses: Vector, surely_above: int) -> Vector:
        """From the sum of those above at the known point: what has come up is added, what has gone down taken away."""
        now, before = losses > self.threshold, self.losses[rows] > self.at_threshold
        boundary = losses == self.threshold
        share = (self.count - surely_above - now.sum()) / boundary.sum()
        weights = now.astype(float) - before + share * boundary
        changed = weights != 0
        self.rows += int(changed.sum())
        return -(self.above_sum + self.scenarios.combine(rows[changed], weights[changed])) / self.count

    def curvature(self) -> tuple[Vector, Matrix] | None:
        """The density of losses at the threshold times how the scenarios there vary: the second derivative, were it smooth."""
        distance = np.abs(self.losses - self.at_threshold)
        k = min(SAMPLE, len(distance) // 20)
        if k < 10:
            return None
        rows = np.sort(np.argpartition(distance, k)[:k])
        width = 2 * float(distance[rows].max())
        if not width > 0:
            return None
        sample = self.scenarios.some(rows)
        sample -= sample.mean(0)
        sample *= np.sqrt(1 / (width * self.count))
        self.rows += k
        return _diagonal_and_directions(sample)


def _diagonal_and_directions(sample: Matrix) -> tuple[Vector, Matrix]:
    """sample'sample as a diagonal plus a few directions, by pivoted Cholesky: the largest variance left goes next."""
    rest = (sample**2).sum(0)
    least = 1e-3 * float(rest.mean())
    directions = np.zeros((min(DIRECTIONS, sample.shape[1]), sample.shape[1]))
    for k in range(len(directions)):
        name = int(np.argmax(rest))
        if not rest[name] > 0:
            break
        left = sample.T @ sample[:, name] - directions[:k].T @ directions[:k, name]
        directions[k] = left / np.sqrt(rest[name])
        rest = np.maximum(rest - directions[k] ** 2, 0.0)
    return rest + least, directions
