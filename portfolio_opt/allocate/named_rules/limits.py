"""Long only, fully invested, a floor and a cap for each name and a cap for each group: what every rule keeps to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, NoSolution
from .risk import Risk, by_name, per_name

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
ROUNDING = 1e-12


@dataclass(frozen=True)
class Limited:
    """The portfolios w with lower <= w <= upper, sum w = 1 and no more than group_cap in a group.

    lower, upper: (N,); group: (N,) number of each name's group; group_cap: (G,); group_names: (G,)
    """

    lower: Vector
    upper: Vector
    group: NDArray[np.int64]
    group_cap: Vector
    group_names: tuple[str, ...]

    def rows(self) -> tuple[Matrix, Vector, Vector]:
        """(A, row_lower, row_upper): the budget, then one row for each group."""
        G = len(self.group_cap)
        A = np.zeros((1 + G, len(self.lower)))
        A[0] = 1.0
        if G:
            A[1 + self.group, np.arange(len(self.lower))] = 1.0
        return A, np.append(1.0, np.full(G, -np.inf)), np.append(1.0, self.group_cap)

    def group_sums(self, w: Vector) -> Vector:
        """(G,) of the weights w (N,)."""
        if not len(self.group_cap):
            return np.zeros(0)
        return np.bincount(self.group, w, len(self.group_cap)).astype(float)

    def violation(self, w: Vector) -> float:
        """Largest amount by which w (N,) breaks a limit."""
        box = float(np.maximum(self.lower - w, w - self.upper).max())
        groups = float((self.group_sums(w) - self.group_cap).max(initial=0.0))
        return max(box, groups, abs(float(w.sum()) - 1), 0.0)

    def most(self) -> float:
        """The largest sum of weights that the caps allow."""
        if not len(self.group_cap):
            return float(self.upper.sum())
        return float(np.minimum(self.group_sums(self.upper), self.group_cap).sum())

    def best_for(self, gain: Vector) -> Vector:
        """(N,) the portfolio with the largest gain'w: the best names first, each up to its own and its group's cap.

        Taking them in that order is best because the caps are nested: names in groups in the whole.
        """
        w = self.lower.copy()
        grouped = len(self.group_cap) > 0
        left = 1 - float(w.sum())
        room = (self.group_cap - self.group_sums(w)).tolist()
        spare, group = (self.upper - self.lower).tolist(), self.group.tolist()
        for i in np.argsort(-gain, kind="stable").tolist():
            if left <= 0:
                break
            more = min(spare[i], left, room[group[i]] if grouped else left)
            if more > 0:
                w[i] += more
                left -= more
                if grouped:
                    room[group[i]] -= more
        return w

    def part(self, names: NDArray[np.int64]) -> "Limited":
        """The limits of some names, where the others have no weight."""
        return replace(self, lower=self.lower[names], upper=self.upper[names], group=self.group[names])


def read_limits(risk: Risk, max_weight: object, min_weight: object, groups: object, max_group: object) -> Limited:
    """The limits as given, checked. Raises NoSolution where no portfolio meets them, with what would."""
    lower, upper = per_name("min_weight", min_weight, risk), per_name("max_weight", max_weight, risk)
    for what, column in (("min_weight", lower), ("max_weight", upper)):
        if (column < 0).any() or (column > 1).any():
            wrong = float(column[(column < 0) | (column > 1)][0])
            guess = f"; did you mean {wrong / 100:g}?" if 1 < wrong <= 100 else ""
            raise InvalidInput(f"{what} is {wrong:g}, but it is a fraction of the whole from 0 to 1{guess}")
    if (lower > upper).any():
        k = int(np.argmax(lower > upper))
        raise InvalidInput(
            f"min_weight is {lower[k]:g} where max_weight is {upper[k]:g}; raise the cap or lower the floor"
        )
    group, caps, names = _read_groups(risk, groups, max_group)
    limits = Limited(lower, upper, group, caps, names)
    _check_possible(limits)
    return limits


def _read_groups(risk: Risk, groups: object, max_group: object) -> tuple[NDArray[np.int64], Vector, tuple[str, ...]]:
    if groups is None:
        if max_group is not None:
            raise InvalidInput("max_group caps groups, but groups is not given; name the group of each name")
        return np.zeros(len(risk), np.int64), np.zeros(0), ()
    if max_group is None:
        raise InvalidInput("groups are given without max_group; give the largest weight of a group")
    of = [str(each) for each in by_name("groups", groups, risk)]
    names = tuple(sorted(set(of)))
    caps: Mapping[Any, Any] = max_group if isinstance(max_group, Mapping) else dict.fromkeys(names, max_group)
    unknown = sorted(set(map(str, caps)) - set(names))
    if unknown:
        raise InvalidInput(
            f"max_group names {unknown[0]!r}, which no name belongs to; the groups are {', '.join(names)}"
        )
    by_text = {str(key): value for key, value in caps.items()}
    try:
        cap = np.array([float(by_text.get(name, 1.0)) for name in names])
    except (TypeError, ValueError):
        raise InvalidInput("max_group holds a value that is no number") from None
    if not ((cap >= 0) & (cap <= 1)).all():
        wrong = float(cap[~((cap >= 0) & (cap <= 1))][0])
        guess = f"; did you mean {wrong / 100:g}?" if 1 < wrong <= 100 else ""
        raise InvalidInput(f"max_group is {wrong:g}, but it is a fraction of the whole from 0 to 1{guess}")
    place = {name: k for k, name in enumerate(names)}
    return np.array([place[each] for each in of], dtype=np.int64), cap, names


def _check_possible(limits: Limited) -> None:
    least = float(limits.lower.sum())
    if least > 1 + ROUNDING:
        raise NoSolution(f"the floors of single names sum to {least:.4g}, more than the whole: lower min_weight")
    over = limits.group_sums(limits.lower) - limits.group_cap
    if (over > ROUNDING).any():
        k = int(np.argmax(over))
        raise NoSolution(
            f"the floors of names in {limits.group_names[k]} sum to {over[k] + limits.group_cap[k]:.4g}, above its cap of "
            f"{limits.group_cap[k]:.4g}: raise the cap or lower min_weight"
        )
    most = limits.most()
    if most < 1 - ROUNDING:
        raise NoSolution(
            f"the caps allow at most {most:.2%} of the whole to be invested: raise max_weight or max_group until the names "
            "can take 100%"
        )
