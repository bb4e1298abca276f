"""The least risk over many scenarios by a proximal bundle: a few dozen cuts instead of one constraint a scenario.

Each product with the scenarios gives the risk at a point and a cut below it everywhere (Lemaréchal 1975; Kiwiel 1990). The next
point minimises the cuts, the costs and a pull towards the best point so far, measured by the risk's own curvature where it can be
read from the scenarios. Without the pull the same small problem gives prices of cuts and rows from which the lower bound is
computed here, whatever the small problem's own accuracy.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..real_numbers import tolerance_of, whole_number
from ..solution import Solution, Status
from .pinned import drawn_in
from .risk_oracle import Oracle, oracle
from .scenario_risk import ScenarioProgram
from .separable import SeparableProgram
from .vertex import Refusal, best_vertex

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

FEASIBLE = 1e-9
NOTHING = 1e-4  # a risk this small beside the scenarios' entries is a hedge: its own size is no scale
RESOLUTION = 1e-3  # of what one name earns or loses at most across its box: no less counts as the objective's size
EXACT = 0.1  # part of what is at stake to which small problems are solved
SERIOUS = 0.1  # part of the promised decrease a point must deliver to become the best
TIMID = 0.03  # promising less than this part of the gap, a step is held back too much
BOUND_EVERY = 10  # small problems; each bound costs another of them
IDLE = 8  # small problems a cut may go unused before it is dropped
THIN, THIN_ROWS = 16, 60_000  # with more scenarios than this, every 16th of them first shows where to start
CURVATURE_AT = (8, 20, 40)  # products after which curvature is read again


@dataclass(frozen=True)
class ScenarioSolution(Solution):
    """A Solution with what scenarios add.

    relative_gap: gap relative to the size of the objective's terms; risk: of x; threshold: the loss beyond which it averages
    products: scenarios multiplied, in passes over all of them
    """

    relative_gap: float = np.inf
    risk: float = np.nan
    threshold: float = np.nan
    products: float = 0.0


def least_risk(
    program: ScenarioProgram, tolerance: float = 1e-6, step_limit: int = 1000, start: Vector | None = None
) -> ScenarioSolution:
    """The minimiser, certified: no feasible point is more than `gap` below, for the scenarios as stored, sums in float64.

    tolerance: of relative_gap; step_limit: points at which the risk is computed; start: (n,) a point near which to begin
    A row that leaves its names no room to move fixes them, and has no price of its own. The tolerance is relative to the terms
    without their signs: where they cancel, the objective itself may be off by more than that part of it, as `gap` says.
    """
    if not tolerance_of(tolerance) > 0:
        raise InvalidInput(f"tolerance is {tolerance}, but it must be positive")
    rest = program.rest
    whole_number("step_limit", step_limit, 1)
    if start is not None and (np.shape(start) != rest.linear.shape or not np.isfinite(start).all()):
        raise InvalidInput(f"start has shape {np.shape(start)}, but it needs {len(rest.linear)} finite numbers")
    vertex = best_vertex(rest.linear, rest.lower, rest.upper, rest.rows, rest.row_lower, rest.row_upper)
    if isinstance(vertex, Refusal):
        return _refused(rest, vertex)
    rest = drawn_in(rest)
    program = replace(program, rest=rest)
    passes = 0.0
    if start is None and len(program.scenarios) >= THIN_ROWS and program.measure.losses_averaged(1) is not None:
        part = ScenarioProgram(program.scenarios.thinned(THIN), program.measure, rest)
        sketch = least_risk(part, 1e-3, step_limit)
        start, passes = sketch.x, sketch.products / THIN
    return _descend(
        program, _feasible_near(rest, rest.origin if start is None else start, vertex.x), tolerance, step_limit, passes
    )


def _refused(rest: SeparableProgram, refusal: Refusal) -> ScenarioSolution:
    status = Status.FAILED if refusal.certificate is None else Status.INFEASIBLE
    nothing, unpriced = np.full(len(rest.linear), np.nan), np.zeros(len(rest.row_lower))
    return ScenarioSolution(
        nothing, status, np.nan, np.inf, np.inf, unpriced, ("no feasible vertex",), certificate=refusal.certificate
    )


def _feasible_near(rest: SeparableProgram, wanted: Vector, vertex: Vector) -> Vector:
    """The nearest feasible point, up to costs; the vertex where the small problem's answer misses a limit."""
    wanted = np.clip(wanted, rest.lower, rest.upper)
    if rest.residual(wanted) <= FEASIBLE:
        return wanted
    model = CutModel(rest, 1.0)
    model.add(np.zeros(len(wanted)))
    found, _, _ = model.minimise(wanted, np.ones(len(wanted)), np.zeros((0, len(wanted))), 1e-9)
    return found if rest.residual(found) <= FEASIBLE else vertex


@dataclass(frozen=True)
class _Point:
    x: Vector
    value: float
    risk: float
    threshold: float


def _descend(program: ScenarioProgram, x: Vector, tolerance: float, step_limit: int, passes: float) -> ScenarioSolution:
    rest, look = program.rest, oracle(program)
    centre, cut = _look(look, x, rest.objective(x))
    best, steps = centre, 1
    model = CutModel(rest, _size(program, x, centre.risk))
    model.add(cut)
    pull = _Pull(len(x), model.size)
    bound, multipliers, since_bound = -np.inf, np.zeros(len(rest.row_lower)), 0
    promise = size = model.size
    while True:
        if steps in CURVATURE_AT:
            pull.read(look)
        part = float(np.clip(promise / model.size, tolerance, 1.0))
        point, share, _ = model.minimise(centre.x, *pull.now(), EXACT * part)
        model.used(share)
        others = rest.objective(point)
        promise = centre.value - float((model.cuts @ point).max()) - others
        since_bound += 1
        if promise <= tolerance * size or since_bound >= BOUND_EVERY or steps >= step_limit:
            free, share, prices = model.minimise(centre.x, *pull.none(), EXACT * tolerance)
            model.used(share)
            below, since_bound = model.lower_bound(free, share, prices), 0
            if below > bound:
                bound, multipliers = below, prices
        gap = max(best.value - bound, 0.0)
        if gap <= tolerance * size or steps >= step_limit:
            break
        model.drop_idle()
        found, cut = _look(look, point, others)
        steps += 1
        model.add(cut)
        if rest.residual(point) > FEASIBLE:
            continue
        if found.value < best.value:
            best, size = found, _size(program, point, found.risk)
        delivered = (centre.value - found.value) / max(promise, np.finfo(float).eps * size)
        pull.adapt(delivered, promise, gap)
        if delivered > SERIOUS:
            centre = found
    return ScenarioSolution(
        x=best.x,
        status=Status.OPTIMAL if gap <= tolerance * size else Status.ITERATION_LIMIT,
        objective=best.value,
        residual=rest.residual(best.x),
        gap=gap,
        multipliers=multipliers,
        trail=(f"bundle: {steps} steps, {len(model.cuts)} cuts kept",),
        iterations=steps,
        relative_gap=gap / size,
        risk=best.risk,
        threshold=best.threshold,
        products=passes + look.rows / len(program.scenarios),
    )


def _look(look: Oracle, x: Vector, others: float) -> tuple[_Point, Vector]:
    """What the scenarios say of x: the objective there, which is the risk and `others`, and the cut."""
    risk, cut = look(x)
    return _Point(x, risk + others, risk, look.threshold), cut


class _Pull:
    """How strongly steps are held back, and in which directions: P + directions'directions, times a force."""

    def __init__(self, names: int, size: float) -> None:
        self.size, self.force, self.read_before = size, 1.0, False
        self.diagonal, self.directions = np.ones(names), np.zeros((0, names))

    def read(self, look: Oracle) -> None:
        """Take the curvature of the risk, where it can be read."""
        shape = look.curvature()
        if shape is not None:
            self.diagonal, self.directions = shape[0] / self.size, shape[1] / np.sqrt(self.size)
            self.force = self.force if self.read_before else 1.0
            self.read_before = True

    def now(self) -> tuple[Vector, Matrix]:
        return self.force * self.diagonal, np.sqrt(self.force) * self.directions

    def none(self) -> tuple[Vector, Matrix]:
        return 0.0 * self.diagonal, self.directions[:0]

    def adapt(self, delivered: float, promise: float, gap: float) -> None:
        """Weaker after a step that kept its promise or promised little, stronger after one that made things worse."""
        if delivered > 0.5:
            self.force /= 2
        elif delivered < -1 and promise > 0.3 * gap:
            self.force *= 2
        if promise < TIMID * gap:
            self.force /= 2
        self.force = float(np.clip(self.force, 1e-6, 1e6))


def _size(program: ScenarioProgram, w: Vector, risk: float) -> float:
    """Of the objective's terms at w, each counted without its sign; where they cancel, of the scenarios' entries at w; where w
    itself is next to nothing, a small part of what one name can come to across its box."""
    rest = program.rest
    terms = float(np.abs(rest.linear) @ np.abs(w) + np.abs(rest.cost(w)).sum() + w @ rest.curvature_times(w) / 2)
    entries = float(np.abs(w).sum()) * float(program.scenarios.reach.max())
    steepest = program.scenarios.reach.max() + np.abs(rest.linear) + np.abs(rest.slopes).max(1)
    across = float((steepest * np.maximum(np.abs(rest.lower), np.abs(rest.upper))).max())
    return max(abs(risk) + terms, NOTHING * entries, RESOLUTION * across) or 1.0


class CutModel:
    """The cuts found so far with the costs, the box and the rows, in units in which the objective is about 1."""

    def __init__(self, rest: SeparableProgram, size: float) -> None:
        self.rest, self.size = rest, size
        self.cuts: Matrix = np.zeros((0, len(rest.linear)))
        self.idle = np.zeros(0, dtype=np.int64)  # small problems since each cut was last used
        edges = np.column_stack([rest.lower, np.clip(rest.kinks.T, rest.lower, rest.upper).T, rest.upper])
        length = np.diff(edges)
        self.name, piece = np.nonzero(length > 0)
        self.length, self.slope = length[self.name, piece], rest.slopes[self.name, piece] / size
        row_size = np.abs(rest.rows).max(1, initial=0.0)
        moves = (np.abs(rest.rows) @ (rest.upper - rest.lower)) > 0
        self.limiting = moves & (np.isfinite(rest.row_lower) | np.isfinite(rest.row_upper))
        self.row_size = row_size[self.limiting]
        self.low, self.high = (side[self.limiting] / self.row_size for side in (rest.row_lower, rest.row_upper))
        floors = np.flatnonzero((self.low < self.high) & np.isfinite(self.low))
        ceilings = np.flatnonzero((self.low < self.high) & np.isfinite(self.high))
        self.wall = np.concatenate([floors, ceilings])
        self.inward = np.repeat([1.0, -1.0], [len(floors), len(ceilings)])
        self.rows = rest.rows[self.limiting] / self.row_size[:, None]

    def add(self, cut: Vector) -> None:
        self.cuts = np.vstack([self.cuts, cut])
        self.idle = np.append(self.idle, 0)

    def used(self, share: Vector) -> None:
        self.idle = np.where(share > 1e-5, 0, self.idle + 1)

    def drop_idle(self) -> None:
        kept = self.idle <= IDLE
        self.cuts, self.idle = self.cuts[kept], self.idle[kept]

    def minimise(
        self, centre: Vector, pull: Vector, directions: Matrix, exactness: float
    ) -> tuple[Vector, Vector, Vector]:
        """(w, weights of the cuts, multipliers of the rows) of the least model value + size/2 d'(P + directions'directions) d.

        d = w - centre; P = diag(pull), pull: (n,); directions: (k, n); exactness: of the model's value, in parts of size
        """
        from . import cut_model  # compiles: only where it is used

        rest, k = self.rest, len(self.cuts)
        factors = np.vstack([rest.loadings.T / np.sqrt(self.size), directions])
        linear = rest.linear / self.size + pull * centre + directions.T @ (directions @ centre)
        both = np.vstack([self.cuts / self.size, self.rows, factors])
        pieces = (self.name, self.length, self.slope)
        curvature = rest.diagonal / self.size + pull
        if not len(self.name):  # rows and box leave one point
            return rest.lower.copy(), np.full(k, 1 / k), np.zeros(len(rest.row_lower))
        each = exactness / (2 * len(self.name) + k + len(self.wall))
        w, y, self.steps = cut_model.minimise(
            both,
            k,
            self.low,
            self.high,
            self.wall,
            self.inward,
            *pieces,
            rest.lower,
            linear,
            curvature,
            centre,
            each,
            60,
        )
        if not np.isfinite(w).all() or not np.isfinite(y).all():  # no answer: nothing moves, and nothing is proved
            w, y = centre, np.full(len(both), 1 / k)
        share = np.clip(y[:k], 0.0, None)
        multipliers = np.zeros(len(rest.row_lower))
        multipliers[self.limiting] = y[k : k + len(self.rows)] * self.size / self.row_size
        multipliers = np.where(np.isinf(rest.row_upper), np.minimum(multipliers, 0.0), multipliers)
        multipliers = np.where(np.isinf(rest.row_lower), np.maximum(multipliers, 0.0), multipliers)
        return np.clip(w, rest.lower, rest.upper), share / share.sum(), multipliers

    def lower_bound(self, w: Vector, share: Vector, multipliers: Vector) -> float:
        """No feasible point is below this: the cuts are replaced by a mixture of them, the rest is bounded in float64."""
        mixed = replace(self.rest, linear=self.rest.linear - share @ self.cuts)
        return mixed.lower_bound(w, multipliers)
