"""The augmented Lagrangian method: a smooth function under equality and inequality rows, each with its multiplier.

minimise f(x)  subject to  h(x) = 0,  g(x) <= 0,  lower <= x <= upper

Rows are moved into the function with a price and a penalty; a few bound-constrained minimisations (L-BFGS-B) find the prices.
Multipliers that start each round are kept within bounds, and the penalty grows only where feasibility does not improve enough
(Birgin and Martinez 2014, algorithm 4.1).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from ...errors import InvalidInput
from ..real_numbers import finite_number, real_array, whole_number
from ..solution import Solution, Status

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

TOLERANCE = 1e-6
GAP = 1e-6  # relative to 1 + the objective's size: a bound this near proves the answer
ROUNDS = 40
INNER = 2000  # iterations of one minimisation
RESTARTS = 2  # of a minimisation that rounding stops short of its accuracy: fresh curvature often goes on
ENOUGH = 0.5  # the share to which infeasibility must fall, or the penalty grows
GROWTH = 10.0
LARGEST_PENALTY = 1e12
LARGEST_PRICE = 1e9  # of a multiplier that starts a round
HISTORY = 30  # pairs that L-BFGS-B keeps
FLAT = 1e-6  # of a row's value: a row this flat where the search starts is scaled by its value
MET_FAR = 1e-9  # relative violation of the rows at which a fall without end is believed
ENDLESS = 1e12  # a fall this many times the value and the slope at the start has no end, where the box has none


@dataclass(frozen=True)
class Rows:
    """Functions (p,) of x with their Jacobian (p, n)."""

    value: Callable[[Vector], Vector]
    jacobian: Callable[[Vector], Matrix]


NONE = Rows(lambda _: np.zeros(0), lambda x: np.zeros((0, len(x))))


@dataclass(frozen=True)
class SmoothProgram:
    """The problem above. lower, upper: (n,), infinite where there is no bound; convex: f and g are, and h is affine."""

    value: Callable[[Vector], float]
    gradient: Callable[[Vector], Vector]
    lower: Vector
    upper: Vector
    equalities: Rows = NONE
    inequalities: Rows = NONE
    convex: bool = False

    def __post_init__(self) -> None:
        for name, wrong in (("lower", np.inf), ("upper", -np.inf)):
            vector = real_array(name, getattr(self, name))
            object.__setattr__(self, name, vector)
            if vector.ndim != 1 or vector.shape != self.lower.shape or not vector.size:
                raise InvalidInput(
                    f"{name} has shape {vector.shape}, but lower and upper need one number a variable each"
                )
            if np.isnan(vector).any():
                raise InvalidInput(f"{name} holds NaN")
            if (vector == wrong).any():
                raise InvalidInput(f"{name} holds {wrong:+}, which leaves no point; no bound is {-wrong:+}")
        if (self.lower > self.upper).any():
            raise InvalidInput("lower lies above upper")


@dataclass(frozen=True)
class KktSolution(Solution):
    """A point with its multipliers and how nearly they satisfy the first-order conditions, all computed here.

    multipliers: (p + q,) of the equalities, then of the inequalities (not negative): how fast the objective falls a unit of room
    bound_multipliers: (n,) the slope that the box holds back: positive at an upper bound, negative at a lower one
    stationarity: largest step that the Lagrangian's slope still asks for within the box, relative to 1 + the objective's slope
    feasibility: largest violation of a row, relative to what its slope brings about in a step of 1, or in one across the box
        where that is narrower; a slope that vanishes at x stands for no less than the one at the start, up to 1
    complementarity: largest product of a multiplier and its row's room
    """

    bound_multipliers: Vector | None = None
    stationarity: float = np.inf
    feasibility: float = np.inf
    complementarity: float = np.inf


def augmented_lagrangian(
    program: SmoothProgram, start: Vector, tolerance: float = TOLERANCE, rounds: int = ROUNDS
) -> KktSolution:
    """A point that meets the first-order conditions to `tolerance`, from `start`.

    Status: OPTIMAL where the programme says it is convex and our gap is within GAP, relative to 1 + the objective's size,
    else STATIONARY; INFEASIBLE where the violation itself is stationary (certificate: the violated rows' pull; for a problem that
    is not convex, this says so only of the neighbourhood); UNBOUNDED where the objective fell past all measure with the rows met
    (certificate: the way it went); ITERATION_LIMIT, NOT_FINITE.
    """
    begin = _checked(program, start, tolerance, rounds)
    state = _Rounds(program, begin)
    status, worst = Status.ITERATION_LIMIT, np.inf
    done = 0
    for done in range(1, rounds + 1):
        state.minimise(max(0.1 ** (done + 1), tolerance / 10) * state.size)
        if state.not_finite:
            status = Status.NOT_FINITE
            break
        if state.endless:
            status = Status.UNBOUNDED
            break
        found = _report(program, state, Status.STATIONARY, done)
        if max(found.stationarity, found.feasibility, found.complementarity) <= tolerance:
            certified = program.convex and found.gap <= GAP * (1 + abs(found.objective))
            return replace(found, status=Status.OPTIMAL) if certified else found
        if found.feasibility > np.sqrt(tolerance) and state.infeasible(tolerance):
            status = Status.INFEASIBLE
            break
        worst = state.update(worst, tolerance)
    found = _report(program, state, status, done)
    return replace(found, certificate=_way(begin, state.x)) if status is Status.UNBOUNDED else found


def _way(begin: Vector, end: Vector) -> Vector:
    way = end - begin
    return way / np.abs(way).max()


def _checked(program: SmoothProgram, start: Vector, tolerance: float, rounds: int) -> Vector:
    """The start, moved into the box, where every function must have a finite value of the right shape."""
    n = program.lower.size
    begin = real_array("start", start)
    if begin.shape != (n,) or not np.isfinite(begin).all():
        raise InvalidInput(f"start must be a finite vector of {n} elements")
    if not finite_number("tolerance", tolerance) > 0:
        raise InvalidInput(f"tolerance is {tolerance}, but it must be above 0")
    whole_number("rounds", rounds, 1)
    x = np.clip(begin, program.lower, program.upper)
    h = real_array("equalities at start", program.equalities.value(x))
    g = real_array("inequalities at start", program.inequalities.value(x))
    shapes: dict[str, tuple[ArrayLike, tuple[int, ...]]] = {
        "value": (program.value(x), ()),
        "gradient": (program.gradient(x), (n,)),
        "equalities": (h, (h.size,)),
        "equalities' jacobian": (program.equalities.jacobian(x), (h.size, n)),
        "inequalities": (g, (g.size,)),
        "inequalities' jacobian": (program.inequalities.jacobian(x), (g.size, n)),
    }
    for name, (returned, shape) in shapes.items():
        found = real_array(f"{name} at start", returned)
        if found.shape != shape:
            raise InvalidInput(f"{name} at start has shape {found.shape}, not {shape}")
        if not np.isfinite(found).all():
            raise InvalidInput(f"{name} at start is not finite: begin where it is")
    return x


class _NotFiniteError(Exception):
    """A function of the caller's has no finite value here."""


class _EndlessError(Exception):
    """The function has fallen past all measure."""

    def __init__(self, x: Vector) -> None:
        super().__init__()
        self.x = x


class _Rounds:
    """What changes from round to round: the point, the multipliers and the penalty."""

    def __init__(self, program: SmoothProgram, x: Vector) -> None:
        self.program, self.x = program, x
        h, g = program.equalities.value(x), program.inequalities.value(x)
        self.prices = np.zeros(h.size + g.size)  # those of this round, within bounds
        self.equal = np.arange(h.size + g.size) < h.size
        slopes = self.jacobian(x)
        steep = np.maximum(np.abs(slopes).max(1, initial=0.0), FLAT * np.abs(np.concatenate([h, g])))
        self.scale = 1 / np.where(steep > 0, steep, 1.0)  # rows of steep and of flat functions alike
        self.size = 1 / max(1.0, float(np.abs(program.gradient(x)).max(initial=0.0)))
        bounded = np.isfinite(program.lower).all() and np.isfinite(program.upper).all()
        self.floor = -np.inf if bounded else -ENDLESS * max(1.0, abs(program.value(x)) * self.size)
        violation = float((self._violation(x) ** 2).sum()) / 2
        objective = abs(program.value(x)) * self.size
        self.penalty = float(np.clip(10 * max(1.0, objective) / max(1.0, violation), 1e-6, 1e3))
        self.multipliers = self.prices
        self.not_finite = self.endless = False

    def rows(self, x: Vector) -> Vector:
        return np.concatenate([self.program.equalities.value(x), self.program.inequalities.value(x)])

    def jacobian(self, x: Vector) -> Matrix:
        return np.vstack([self.program.equalities.jacobian(x), self.program.inequalities.jacobian(x)])

    def _violation(self, x: Vector) -> Vector:
        """(p + q,) scaled: of equalities their value, of inequalities what is above 0."""
        value = self.scale * self.rows(x)
        return np.where(self.equal, value, np.maximum(value, 0.0))

    def _pull(self, x: Vector) -> Vector:
        """(p + q,) multipliers of the scaled rows at x that the penalty adds up to."""
        pull = self.prices + self.penalty * self.scale * self.rows(x)
        return np.where(self.equal, pull, np.maximum(pull, 0.0))

    def _augmented(self, x: Vector) -> tuple[float, Vector]:
        pull = self._pull(x)
        value = self.size * self.program.value(x) + float(pull @ pull) / (2 * self.penalty)
        slope = self.size * self.program.gradient(x) + (self.scale * pull) @ self.jacobian(x)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            raise _NotFiniteError
        if value < self.floor:
            raise _EndlessError(x.copy())
        return value, slope

    def minimise(self, accuracy: float) -> None:
        """One bound-constrained minimisation from here; x, and the multipliers at x."""
        bounds = np.column_stack([self.program.lower, self.program.upper])
        options = {"maxiter": INNER, "maxfun": 10 * INNER, "gtol": accuracy, "ftol": 0.0, "maxcor": HISTORY}
        for _ in range(1 + RESTARTS):
            try:
                found = minimize(self._augmented, self.x, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
            except _NotFiniteError:
                self.not_finite = True
                return
            except _EndlessError as fall:
                self._judge(fall.x)
                return
            self.x = np.clip(found.x, self.program.lower, self.program.upper)
            step = np.clip(self.x - found.jac, self.program.lower, self.program.upper) - self.x
            if np.abs(step).max(initial=0.0) <= accuracy:
                break
        self.multipliers = self._pull(self.x) * self.scale / self.size

    def _judge(self, far: Vector) -> None:
        """The fall has no end if the rows are met far down; else they are held back too little: try again from here."""
        far = np.clip(far, self.program.lower, self.program.upper)
        if self.infeasibility(far) <= MET_FAR:
            self.x, self.endless = far, True
        else:
            self.penalty = min(self.penalty * GROWTH, LARGEST_PENALTY)

    def update(self, before: float, enough: float) -> float:
        """Take over the multipliers; raise the penalty unless the rows, idle prices included, improved or are good enough."""
        value = self.scale * self.rows(self.x)
        idle = np.maximum(value, -self.prices / self.penalty)
        worst = float(np.abs(np.where(self.equal, value, idle)).max(initial=0.0))
        self.prices = np.clip(self._pull(self.x), -LARGEST_PRICE, LARGEST_PRICE)
        if worst > max(ENOUGH * before, enough):
            self.penalty = min(self.penalty * GROWTH, LARGEST_PENALTY)
        return worst

    def infeasibility(self, x: Vector) -> float:
        """The largest violation of a row, over what its slope brings about in a step of 1, or of a narrower box's width."""
        rows = self.rows(x)
        violation = np.where(self.equal, np.abs(rows), np.maximum(rows, 0.0))
        reach = np.minimum(1.0, np.maximum(self.program.upper - self.program.lower, np.abs(x)))
        steep = (np.abs(self.jacobian(x)) * reach).max(1, initial=0.0)
        size = np.maximum(steep, np.minimum(1.0, 1 / self.scale) * reach.max())
        with np.errstate(divide="ignore"):
            return float(np.where(violation > 0, violation / size, 0.0).max(initial=0.0))

    def infeasible(self, tolerance: float) -> bool:
        """Whether no small step within the box lowers the violation: its slope, projected, is small beside it."""
        violation = self._violation(self.x)
        slope = (self.scale * violation) @ self.jacobian(self.x)
        step = np.clip(self.x - slope, self.program.lower, self.program.upper) - self.x
        return bool(np.abs(step).max(initial=0.0) <= np.sqrt(tolerance) / 10 * np.linalg.norm(violation))


def _report(program: SmoothProgram, state: _Rounds, status: Status, rounds: int) -> KktSolution:
    """The point with everything about it computed from the problem as the caller stated it."""
    x, prices = state.x, state.multipliers
    value, rows = float(program.value(x)), state.rows(x)
    steepness = program.gradient(x)
    slope = steepness + prices @ state.jacobian(x)
    step = np.clip(x - slope, program.lower, program.upper) - x
    size = 1 + float(np.abs(steepness).max(initial=0.0))
    feasibility = state.infeasibility(x)
    room = np.where(state.equal, 0.0, np.maximum(-rows, 0.0))
    complementarity = float((prices * room).max(initial=0.0)) / size
    at_bound = (x <= program.lower) & (slope > 0) | (x >= program.upper) & (slope < 0)
    certificate = None
    if status is Status.INFEASIBLE:
        pull = np.where(state.equal, rows, np.maximum(rows, 0.0)) * state.scale**2
        certificate = pull / np.abs(pull).max()
    stationarity = float(np.abs(step).max(initial=0.0)) / size
    words = f"stationarity {stationarity:.1e}, feasibility {feasibility:.1e}, complementarity {complementarity:.1e}"
    return KktSolution(
        x=x,
        status=status,
        objective=value,
        residual=feasibility,
        gap=_gap(program, x, slope, prices, rows) if program.convex else np.inf,
        multipliers=prices,
        trail=(f"augmented Lagrangian: {rounds} rounds, penalty {state.penalty:.0e}, {words}",),
        iterations=rounds,
        certificate=certificate,
        bound_multipliers=np.where(at_bound, -slope, 0.0),
        stationarity=stationarity,
        feasibility=feasibility,
        complementarity=complementarity,
    )


def _gap(program: SmoothProgram, x: Vector, slope: Vector, prices: Vector, rows: Vector) -> float:
    """For a convex problem: the Lagrangian's tangent at x, minimised over the box, is below every feasible value.

    What rows that are not quite met hide counts as gap too, whichever way it goes.
    """
    ends = np.where(slope > 0, program.lower, program.upper)
    with np.errstate(invalid="ignore"):
        falls = np.where(slope == 0, 0.0, slope * (x - ends))
    return max(float(falls.sum() + np.abs(prices * rows).sum()), 0.0) if np.isfinite(falls).all() else np.inf
