"""The front by climbs over whole shares: from fractional answers, then from each other, floors where neighbours stand.

First every weighing of the aims is climbed. Then, round after round, each plan is the floor of a climb that looks for one better
in one aim and no worse in the others, and wide gaps between neighbours are climbed into: what no weighted sum of the aims reaches
is found as well. All that is met and not dominated is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...optim.evolve.domination import hypervolume, non_dominated
from ..lots.compiled_search import CompiledSearch
from ..lots.statement_search import VIOLATION_PRICE, StatementSearch
from ..lots.whole import BROKEN_PRICE
from . import scalar
from .aims import Aim, values_of

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

AT_ONCE = 8  # climbs that start from what is known so far
MORE_KEPT = 4  # times the points that are asked for are kept during the search
BARELY = 1e-4  # relative gain of hypervolume in a round with which the search ends
REFINED = 1.5  # climbs of a round for each point that is asked for
FEASIBLE = 1e-9
BEYOND = 0.3  # of the range, by which the reference of the hypervolumes lies beyond the worst before the first round
WIDENINGS, WIDER = 4, 1.1  # times that the ranges of the aims are found anew, as long as one grows by a tenth
KICKED, OUT = 0.6, 0.6  # of the climbs begin with one name moved, of these so many with it out
MOST_BEGUN = 12  # plans from which that is done


@dataclass(frozen=True)
class Known:
    """All plans found that none of them dominates: units (P, N), values (P, K); rounds made, hypervolume after each.

    reference: (K,) of the hypervolumes, None before the first round
    """

    units: Ints
    values: Matrix
    rounds: int = 0
    volumes: tuple[float, ...] = ()
    reference: Vector | None = None


class Climbs:
    """The search for one front. starts: (B, N) fractional weights to begin near"""

    def __init__(
        self, judge: StatementSearch, search: CompiledSearch, aims: tuple[Aim, ...], points: int, seed: int
    ) -> None:
        self.judge, self.search, self.aims, self.points, self.seed = judge, search, aims, points, seed
        self.problem = judge.problem
        self.forgiven = np.inf  # penalty of limits that no whole-share plan found keeps

    def begin(self, starts: Matrix) -> Known:
        """What climbs for each aim alone, and for all alike, reach from fractional answers and from what is held."""
        count = len(self.aims)
        units = np.stack([*(self.judge.legal(np.rint(each / self.problem.unit).astype(np.int64)) for each in starts)])
        units = np.vstack([units, self.problem.held[None]])
        width = np.ptp(values_of(self.aims, self.problem, units * self.problem.unit), axis=0)
        shares = np.vstack([np.eye(count), np.full((1, count), 1 / count)])
        for _ in range(WIDENINGS):
            weights = np.repeat(scalar.scaled(shares, width), len(units), axis=0)
            found, _ = self.search.climb(
                weights, scalar.no_floors(len(weights), count), np.tile(units, (len(shares), 1))
            )
            units = np.vstack([units, found])
            penalty, paid = self._broken(units)
            if not paid.any():
                return Known(units[:0], np.zeros((0, count)))
            self.forgiven = min(self.forgiven, float(penalty[paid].min()))
            known = self.with_plans(None, units)
            before, width, units = width, self._width(known), known.units[spread(known.values, MOST_BEGUN)]
            if (width <= before * WIDER).all():
                break
        return known

    def round(self, known: Known) -> Known:
        """One round more: of every weighing first, then of floors. The same `known` gives the same answer."""
        rng = np.random.default_rng([self.seed, known.rounds])
        wishes = self._weighings(known) if known.rounds == 0 else self._floors(known, rng)
        for at in range(0, len(wishes[0]), AT_ONCE):
            weights, floors = (each[at : at + AT_ONCE] for each in wishes)
            starts = self._starts(known, weights, floors, rng, known.rounds)
            found, _ = self.search.climb(weights, floors, starts)
            known = self.with_plans(known, found)
        reference = known.values.min(0) - BEYOND * self._width(known) if known.reference is None else known.reference
        volume = hypervolume(-known.values, -reference)
        return replace(known, rounds=known.rounds + 1, volumes=(*known.volumes, volume), reference=reference)

    def settled(self, known: Known) -> bool:
        """Whether the last rounds, one for each aim, gained hardly anything."""
        last = len(self.aims) + 1
        if len(known.volumes) <= last:
            return False
        return known.volumes[-1] <= known.volumes[-1 - last] * (1 + BARELY * last)

    def _weighings(self, known: Known) -> tuple[Matrix, Matrix]:
        weights = scalar.scaled(scalar.lattice(len(self.aims), self.points), self._width(known))
        return weights, scalar.no_floors(len(weights), len(self.aims))

    def _floors(self, known: Known, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
        """Floors at plans that are known and in gaps between neighbours, for one aim after another."""
        aim = (known.rounds - 1) % len(self.aims)
        width, count = self._width(known), int(REFINED * self.points)
        order = np.argsort(-known.values[:, aim], kind="stable")
        at = known.values[order]
        if len(at) > count:
            at = at[np.unique(np.linspace(0, len(at) - 1, count).round().astype(int))]
        between = self._gaps(known, width, max(count // 2, 1), rng)
        return scalar.above(np.vstack([at, between]), aim, width)

    def _gaps(self, known: Known, width: Vector, count: int, rng: np.random.Generator) -> Matrix:
        """Values in the middle of wide gaps: between neighbours in each aim, the widest first."""
        middles, sizes = [], []
        scale = np.where(width > 0, width, 1.0)
        for k in range(len(self.aims)):
            order = np.argsort(known.values[:, k], kind="stable")
            one, two = known.values[order[:-1]], known.values[order[1:]]
            part = rng.uniform(0.25, 0.75, (len(one), 1))
            middles.append(part * one + (1 - part) * two)
            sizes.append(np.abs((one - two) / scale).max(1, initial=0.0))
        widest = np.argsort(-np.concatenate(sizes), kind="stable")[:count]
        return np.concatenate(middles)[widest]

    def _starts(self, known: Known, weights: Matrix, floors: Matrix, rng: np.random.Generator, rounds: int) -> Ints:
        """For each wish the known plan that meets it best; after the first round often with a name out, or not traded."""
        starts = []
        for weight, floor in zip(weights, floors, strict=True):
            short = np.clip(floor - known.values, 0, None)
            worth = known.values @ weight - 100.0 * np.where(np.isfinite(short), short, 0.0).sum(1)
            start = known.units[int(np.argmax(worth))].copy()
            held = np.flatnonzero(start > self.judge.lower)
            if rounds and len(held) and rng.random() < KICKED:
                name = held[rng.integers(len(held))]
                start[name] = self.judge.lower[name] if rng.random() < OUT else self.problem.held[name]
            starts.append(start)
        return np.stack(starts)

    def with_plans(self, known: Known | None, units: Ints) -> Known:
        """Known plans and new ones that are allowed, without the dominated and, if they are too many, without the closest."""
        allowed = np.unique(units[self._allowed(units)], axis=0)
        values = values_of(self.aims, self.problem, allowed * self.problem.unit)
        if known is not None:
            allowed, values = np.vstack([known.units, allowed]), np.vstack([known.values, values])
        kept = np.flatnonzero(non_dominated(-values))
        kept = kept[np.sort(spread(values[kept], MORE_KEPT * self.points))]
        base = known or Known(units[:0], values[:0])
        return replace(base, units=allowed[kept], values=values[kept])

    def _allowed(self, units: Ints) -> NDArray[np.bool_]:
        """(B,) which plans break no limit more than they must, pay for what they buy, and leave hardly more idle than a lot."""
        penalty, paid = self._broken(units)
        return np.asarray((penalty <= self.forgiven + FEASIBLE) & paid)

    def _broken(self, units: Ints) -> tuple[Vector, NDArray[np.bool_]]:
        """(B,) the penalty of broken limits beyond what today forces one to break, and whether what is bought is paid for."""
        measured, wealth = self.judge.measured(units), self.problem.wealth
        most = max(self.search.most_cash, self.judge.floor / wealth) + self.search.most_idle
        idle = np.clip((measured.spare + self.judge.floor) / wealth - most, 0, None)
        paid = (measured.spare >= 0) | (units <= self.problem.held).all(1)
        return measured.penalty + (BROKEN_PRICE + VIOLATION_PRICE * idle) * (idle > FEASIBLE), paid

    def _width(self, known: Known) -> Vector:
        return np.asarray(np.ptp(known.values, axis=0)) if len(known.values) else np.ones(len(self.aims))


def run(
    climbs: Climbs, known: Known, rounds: int, late: Callable[[], bool], after: Callable[[Known], None]
) -> tuple[Known, str]:
    """Rounds until nothing is gained, so many were made, or it is late; and which. after: called after each round"""
    while known.rounds < rounds:
        if late():
            return known, f"the time limit, after {known.rounds} rounds"
        known = climbs.round(known)
        after(known)
        if climbs.settled(known):
            return known, f"nothing more gained after {known.rounds} rounds"
    return known, f"all {known.rounds} rounds made"


def spread(values: Matrix, count: int) -> NDArray[np.intp]:
    """Which `count` rows to keep: the best of every aim, then again and again the one farthest from those kept."""
    if len(values) <= count:
        return np.arange(len(values))
    width = np.ptp(values, axis=0)
    scale = values / np.where(width > 0, width, 1.0)
    kept = list(dict.fromkeys(values.argmax(0).tolist()))[:count]
    apart = np.min([((scale - scale[k]) ** 2).sum(1) for k in kept], axis=0)
    while len(kept) < count:
        far = int(np.argmax(apart))
        kept.append(far)
        apart = np.minimum(apart, ((scale - scale[far]) ** 2).sum(1))
    return np.array(kept)
