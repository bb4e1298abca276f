"""The portfolio that follows given benchmark weights most closely, with few names or under caps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, NoSolution
from ...optim.solution import Status
from .limits import Limited, read_limits
from .quadratic import minimise
from .result import FEASIBLE, RuleWeights, labelled
from .risk import Risk, check_semidefinite, per_name, read_risk

if TYPE_CHECKING:
    from .risk import Covariance

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]
SHED = 0.2  # of the names too many that go at a time
NEWCOMERS, LEAVERS = 8, 4  # that an exchange looks at
CLOSE = 1e-7  # of the index's volatility: near zero the root of a variance shows the root of its rounding
BETTER = 1e-9  # relative fall of the tracking variance that an exchange must bring


def index_tracking(
    covariance: Covariance,
    benchmark: object,
    *,
    max_names: int | None = None,
    max_weight: object = 1.0,
    min_weight: object = 0.0,
    groups: object = None,
    max_group: object = None,
) -> RuleWeights:
    """The long-only, fully invested w with the least tracking error sqrt((w - b)'C(w - b)). Objective: that error, per year.

    benchmark: b (N,), not negative, summing to 1, aligned by label; limits as in min_variance
    max_names: the most names to hold; min_weight is then the least weight of a name that is held. The choice of names is a
        search: names are shed from the best portfolio without max_names, then exchanged while that helps. Its status is LOCAL,
        and the gap is to the best without max_names, below which nothing can be
    """
    risk = read_risk(covariance)
    b = _read_benchmark(risk, benchmark)
    floor = 0.0 if max_names is not None else min_weight
    limits = read_limits(risk, max_weight, floor, groups, max_group)
    check_semidefinite(risk)
    index_risk = risk.times(b)
    index_variance = float(b @ index_risk)
    every = minimise(risk, index_risk, limits)
    lowest = 2 * (every.objective - every.gap) + index_variance
    w, trail, local = every.w, every.trail, False
    if max_names is not None:
        search = _Search(risk, index_risk, replace(limits, lower=_read_floor(risk, limits, min_weight)), max_names)
        w = search.run(every.w)
        local = not np.array_equal(w, every.w)
        trail = (*trail, f"names shed and exchanged: {search.solved} small problems solved")
    error = _error(risk, w - b)
    gap = error - float(np.sqrt(max(min(lowest, error**2), 0.0)))
    found = labelled(risk, limits, w, error, gap, max(error, float(np.sqrt(index_variance))), trail, CLOSE)
    missed = local and found.residual <= FEASIBLE and found.status is not Status.OPTIMAL
    return replace(found, status=Status.LOCAL) if missed else found


def _error(risk: Risk, active: Vector) -> float:
    return float(np.sqrt(max(float(active @ risk.times(active)), 0.0)))


def _read_benchmark(risk: Risk, benchmark: object) -> Vector:
    b = per_name("benchmark", benchmark, risk)
    if (b < 0).any() or abs(b.sum() - 1) > 1e-6:
        raise InvalidInput(
            f"benchmark weights sum to {b.sum():.6g} and the least is {b.min():.4g}, but they must be at least 0 and sum to 1"
        )
    return b


def _read_floor(risk: Risk, limits: Limited, min_weight: object) -> Vector:
    floor = per_name("min_weight", min_weight, risk)
    if (floor < 0).any() or (floor > limits.upper).any():
        raise InvalidInput("min_weight must be at least 0 and at most max_weight")
    return floor


@dataclass
class _Search:
    """Which names to hold. index_risk: (N,) C b; limits: whose floor holds for names that are held; solved: problems so far."""

    risk: Risk
    index_risk: Vector
    limits: Limited
    most: int
    solved: int = 0

    def run(self, w: Vector) -> Vector:
        """(N,) weights with at most `most` names above zero, starting from the w that is best without that limit."""
        if self.most < 1:
            raise InvalidInput(f"max_names is {self.most}, but at least one name must be held")
        kept = np.flatnonzero(w > 0)
        if len(kept) <= self.most and (w[kept] >= self.limits.lower[kept]).all():
            return w
        anyhow = replace(self.limits, lower=np.zeros_like(self.limits.lower))  # floors hold for those that remain
        while len(kept) > self.most or not self._possible(kept, self.limits):
            fewer = self._shed(kept, w, anyhow)
            if len(fewer) == len(kept):
                kept = self._roomiest()
                break
            kept = fewer
            w = self._best(kept, anyhow)[1]
        value, w = self._best(kept, self.limits)
        return self._exchanged(kept, value, w)

    def _roomiest(self) -> Ints:
        """The `most` names that can take the largest sum: one after another, the one that adds most within its group's cap."""
        room, group = self.limits.group_cap.copy(), self.limits.group
        left = self.limits.upper.copy()
        chosen: list[int] = []
        for _ in range(min(self.most, len(left))):
            adds = np.minimum(left, room[group]) if len(room) else left
            k = int(np.argmax(adds))
            chosen.append(k)
            if len(room):
                room[group[k]] -= adds[k]
            left[k] = -1.0
        kept = np.array(sorted(chosen))
        if not self._possible(kept, self.limits):
            raise NoSolution(
                f"{self.most} names cannot take 100% within the caps and floors: raise max_names, max_weight or max_group, or "
                "lower min_weight"
            )
        return kept

    def _possible(self, kept: Ints, limits: Limited) -> bool:
        part = limits.part(kept)
        floors_fit = part.lower.sum() <= 1 + 1e-12 and (part.group_sums(part.lower) <= part.group_cap + 1e-12).all()
        return bool(floors_fit and part.most() >= 1 - 1e-12)

    def _best(self, kept: Ints, limits: Limited) -> tuple[float, Vector]:
        """(tracking variance less the index's own, (N,) weights) of the best portfolio of these names."""
        self.solved += 1
        found = minimise(self.risk.part(kept), self.index_risk[kept], limits.part(kept))
        w = np.zeros(len(self.risk))
        w[kept] = found.w
        return 2 * found.objective, w

    def _shed(self, kept: Ints, w: Vector, limits: Limited) -> Ints:
        """Without a fifth of the names too many, at least one: those that carry the least risk of their own and can be spared."""
        count = max(1, int(SHED * (len(kept) - self.most)))
        weight = w[kept] * np.sqrt(self.risk.variances()[kept])
        gone = 0
        for name in kept[np.argsort(weight, kind="stable")]:
            fewer = kept[kept != name]
            if self._possible(fewer, limits):
                kept, gone = fewer, gone + 1
            if gone == count:
                break
        return kept

    def _exchanged(self, kept: Ints, value: float, w: Vector) -> Vector:
        """The weights once no exchange of one name that was tried lowers the tracking variance."""
        size = float(abs(value)) + float(self.risk.variances().max())
        while True:
            better = self._exchange(kept, w, value - BETTER * size)
            if better is None:
                return w
            kept, value, w = better

    def _exchange(self, kept: Ints, w: Vector, below: float) -> tuple[Ints, float, Vector] | None:
        """The first exchange found with a tracking variance below this, newcomers by what their slope promises."""
        slope = self.risk.times(w) - self.index_risk
        price = float(w @ slope)  # what a unit of weight costs at the margin
        promise = np.maximum(price - slope, 0.0) ** 2 / (self.risk.variances() + 1e-300)
        promise[kept] = 0.0
        weight = w[kept] * np.sqrt(self.risk.variances()[kept])
        for newcomer in np.argsort(-promise, kind="stable")[:NEWCOMERS]:
            if promise[newcomer] == 0.0:
                break
            for leaver in kept[np.argsort(weight, kind="stable")[:LEAVERS]]:
                names = np.sort(np.append(kept[kept != leaver], newcomer))
                if not self._possible(names, self.limits):
                    continue
                value, found = self._best(names, self.limits)
                if value < below:
                    return names, value, found
        return None
