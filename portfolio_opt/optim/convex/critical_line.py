"""The whole exact mean-variance front, corner by corner, by the critical line.

For every appetite t >= 0 for return:

    minimise 1/2 w'Cw - t mean'w  subject to  lower <= w <= upper,  row_lower <= A w <= row_upper

The minimisers are piecewise linear in t: between two corners the same names are free and the same rows bind. Starting at the
largest mean, one name or row changes at a time (Markowitz 1956; Niedermayer and Niedermayer 2006; Bailey and López de Prado
2013).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, NoSolution
from ..real_numbers import real_array, real_number, whole_number
from ..solution import Status
from .vertex import Refusal, Vertex, best_vertex

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

EXACT = 1e-9  # a corner is exact where its first-order conditions hold to this, relative to the size of their terms
TIE = 1e-12
SEMIDEFINITE = 1e-9  # rounding a covariance may carry, relative to its largest variance
SWEEP_POINTS = 50
MET = 1e-7  # violation of a limit at which a single optimum of the sweep is still a portfolio


@dataclass(frozen=True)
class FactorCovariance:
    """C = loadings loadings' + diag(specific): loadings (n, k), specific (n,) not negative."""

    loadings: Matrix
    specific: Vector


@dataclass(frozen=True)
class FrontProgram:
    """Mean and covariance, a box and linear rows, as data.

    mean: (n,); covariance: (n, n) positive semidefinite, of any rank, or in factor form; lower, upper: (n,) finite
    rows A: (q, n) with row_lower, row_upper: (q,), infinite where a side has no limit; a budget is a row of ones
    """

    mean: Vector
    covariance: Matrix | FactorCovariance
    lower: Vector
    upper: Vector
    rows: Matrix
    row_lower: Vector
    row_upper: Vector

    def __post_init__(self) -> None:
        for name in ("mean", "lower", "upper", "rows", "row_lower", "row_upper"):
            object.__setattr__(self, name, real_array(name, getattr(self, name)))
        object.__setattr__(self, "covariance", _as_numbers(self.covariance))
        if self.mean.ndim != 1 or not self.mean.size:
            raise InvalidInput(f"mean has shape {self.mean.shape}, but it needs one number a name")
        if self.row_lower.ndim != 1:
            raise InvalidInput(f"row_lower has shape {self.row_lower.shape}, but it needs one number a row")
        n, q = len(self.mean), len(self.row_lower)
        for name, shape in {"mean": n, "lower": n, "upper": n, "row_lower": q, "row_upper": q, "rows": (q, n)}.items():
            _check(name, getattr(self, name), shape if isinstance(shape, tuple) else (shape,), name.startswith("row_"))
        for name, wrong in (("row_lower", np.inf), ("row_upper", -np.inf)):
            if (getattr(self, name) == wrong).any():
                raise InvalidInput(f"{name} holds {wrong:+}, which no portfolio meets; no limit is {-wrong:+}")
        for low, high in (("lower", "upper"), ("row_lower", "row_upper")):
            if (getattr(self, low) > getattr(self, high)).any():
                raise InvalidInput(f"{low} lies above {high}")
        if isinstance(self.covariance, FactorCovariance):
            if self.covariance.loadings.ndim != 2:
                raise InvalidInput(f"loadings has shape {self.covariance.loadings.shape}, but it needs a row a name")
            _check("loadings", self.covariance.loadings, (n, self.covariance.loadings.shape[1]))
            _check("specific", self.covariance.specific, (n,))
            if (self.covariance.specific < 0).any():
                raise InvalidInput("specific holds a negative variance")
        else:
            _check("covariance", self.covariance, (n, n))
            _check_semidefinite(self.covariance)

    def variances(self) -> Vector:
        """(n,) the diagonal of C."""
        if isinstance(self.covariance, FactorCovariance):
            return np.asarray((self.covariance.loadings**2).sum(1) + self.covariance.specific)
        return np.maximum(np.diagonal(self.covariance), 0.0)

    def covariance_times(self, w: Matrix) -> Matrix:
        """(..., n) C w for every point of w (..., n)."""
        if isinstance(self.covariance, FactorCovariance):
            loadings = self.covariance.loadings
            return np.asarray((w @ loadings) @ loadings.T + w * self.covariance.specific)
        return np.asarray(w @ self.covariance)


def fully_invested(
    mean: Vector, covariance: Matrix | FactorCovariance, lower: Vector | float = 0.0, upper: Vector | float = 1.0
) -> FrontProgram:
    """The programme with one row: the weights sum to 1."""
    n = np.shape(mean)
    return FrontProgram(
        mean, covariance, np.broadcast_to(lower, n), np.broadcast_to(upper, n), np.ones((1, *n)), np.ones(1), np.ones(1)
    )


@dataclass(frozen=True)
class Front:
    """Corner portfolios from the largest mean to the smallest variance; between two of them weights are linear.

    appetite: (K,) t of each corner, falling to 0; the first weights are best for every larger t, and between two corners the
        best weights, and the prices, are linear in t
    weights: (K, n), the same at two corners where only prices turn; mean, variance: (K,) of the weights
    multipliers: (K, q) price of one more unit of each row, positive where its upper side binds
    residual: (K,) largest violation of a first-order condition, feasibility included, each relative to the size of its terms
    gap: (K,) the objective at t is at most this far above the optimum
    exact: False where pivots ran out and the rest is a sweep of single optima, each with its own gap
    status; trail: what was done, in order; certificate: of INFEASIBLE, (q,) multipliers whose combination of the rows no point of
        the box can meet
    """

    appetite: Vector
    weights: Matrix
    mean: Vector
    variance: Vector
    multipliers: Matrix
    residual: Vector
    gap: Vector
    exact: bool
    status: Status
    trail: tuple[str, ...]
    program: FrontProgram
    pivots: int = 0
    certificate: Vector | None = None

    def at_risk_aversion(self, risk_aversion: float) -> Vector:
        """(n,) the minimiser of risk_aversion/2 w'Cw - mean'w; infinite: the smallest variance."""
        if not real_number("risk_aversion", risk_aversion) > 0:
            raise InvalidInput(f"risk_aversion is {risk_aversion}, but it must be positive")
        self._need_corners()
        return self._between(*_bracket(-self.appetite, -1 / risk_aversion))

    def at_return(self, mean: float) -> Vector:
        """(n,) the smallest variance among portfolios with this mean. Raises NoSolution outside the front's range."""
        self._need_corners()
        real_number("mean", mean)
        slack = TIE * (1 + np.abs(self.mean).max())
        if not self.mean[-1] - slack <= mean <= self.mean[0] + slack:
            raise NoSolution(
                f"mean {mean:.6g} is not on the front, which runs from {self.mean[-1]:.6g} to {self.mean[0]:.6g}: ask within it"
            )
        return self._between(*_bracket(-self.mean, -mean))

    def at_volatility(self, volatility: float) -> Vector:
        """(n,) the largest mean among portfolios with at most this volatility. Raises NoSolution below the smallest one."""
        self._need_corners()
        real_number("volatility", volatility)
        smallest = self._volatility[-1]
        if not volatility >= smallest * (1 - TIE):
            raise NoSolution(
                f"volatility {volatility:.6g} is below {smallest:.6g}, the smallest of any portfolio: ask for more than that"
            )
        first, _ = _bracket(-self._volatility, -volatility)
        if first + 1 == len(self.weights):
            return self.weights[-1]
        step = self.weights[first + 1] - self.weights[first]
        a = step @ self.program.covariance_times(step)
        b = step @ self.program.covariance_times(self.weights[first])
        c = self.variance[first] - volatility**2  # a s² + 2 b s + c = 0 has its first root where the volatility is met
        root = np.sqrt(max(b * b - a * c, 0.0))
        share = c / (root - b) if root > b else 0.0
        return self._between(first, float(np.clip(share, 0.0, 1.0)))

    @cached_property
    def _volatility(self) -> Vector:
        return np.sqrt(self.variance)

    def _need_corners(self) -> None:
        if not len(self.weights):
            raise NoSolution(f"the front has no portfolio: {self.status.value}")

    def _between(self, first: int, share: float) -> Vector:
        last = min(first + 1, len(self.weights) - 1)
        return (1 - share) * self.weights[first] + share * self.weights[last]


def critical_line(program: FrontProgram, pivot_limit: int | None = None) -> Front:
    """The whole front. Every corner is checked here against its first-order conditions, independently of the pivots.

    pivot_limit: default 100 + 20 (names + rows); past it, or where a corner is not exact, the rest is a sweep of single QPs
    """
    n, q = len(program.mean), len(program.row_lower)
    found = best_vertex(program.mean, program.lower, program.upper, program.rows, program.row_lower, program.row_upper)
    if isinstance(found, Refusal):
        status = Status.FAILED if found.certificate is None else Status.INFEASIBLE
        none = np.zeros(0)
        return _front(
            program, none, np.zeros((0, n)), np.zeros((0, q)), status, ("no feasible vertex",), 0, found.certificate
        )
    limit = 100 + 20 * (n + q) if pivot_limit is None else whole_number("pivot_limit", pivot_limit, 0)
    appetites, weights, prices, pivots, ending = _pivot(program, found, limit)
    front = _front(program, appetites, weights, prices, Status.OPTIMAL, (f"{pivots} pivots, {ending}",), pivots)
    good = front.residual <= EXACT
    if ending == "done" and good.all():
        return front
    exact = len(good) if good.all() else int(np.argmin(good))
    return _swept(front, exact)


def _as_numbers(covariance: Matrix | FactorCovariance) -> Matrix | FactorCovariance:
    """The covariance in float64."""
    if isinstance(covariance, FactorCovariance):
        return FactorCovariance(
            real_array("loadings", covariance.loadings), real_array("specific", covariance.specific)
        )
    return real_array("covariance", covariance)


def _check(name: str, array: Vector | Matrix, shape: tuple[int, ...], open_ended: bool = False) -> None:
    if np.shape(array) != shape:
        raise InvalidInput(f"{name} has shape {np.shape(array)}, not {shape}")
    if np.isnan(array).any() or not (open_ended or np.isfinite(array).all()):
        raise InvalidInput(f"{name} holds a value that is not finite")


def _check_semidefinite(covariance: Matrix) -> None:
    size = np.abs(covariance).max()
    if np.abs(covariance - covariance.T).max() > TIE * size:
        raise InvalidInput("covariance is not symmetric")
    try:
        np.linalg.cholesky(covariance + np.eye(len(covariance)) * (SEMIDEFINITE * size + np.finfo(float).tiny))
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(covariance)[0]
        raise InvalidInput(
            f"covariance is not positive semidefinite: its smallest eigenvalue is {smallest:.3g}; repair or shrink it"
        ) from None


def _pivot(program: FrontProgram, vertex: Vertex, limit: int) -> tuple[Vector, Matrix, Matrix, int, str]:
    """Appetites, weights and prices of the corners, the pivots used and how they ended; in units of the data."""
    from . import critical_line_pivots as kernel  # compiles: only where it is used

    n, q = len(program.mean), len(program.row_lower)
    nothing = np.zeros((0, 0))
    risk = float(program.variances().mean()) or 1.0
    if isinstance(program.covariance, FactorCovariance):
        loadings, specific = program.covariance.loadings, program.covariance.specific
        dense = nothing
        loadings, specific = np.ascontiguousarray(loadings) / np.sqrt(risk), specific / risk
    else:
        dense, loadings, specific = np.ascontiguousarray(program.covariance) / risk, nothing, np.zeros(0)
    gain_size = float(np.abs(program.mean).max()) or 1.0
    row_size = _row_sizes(program)
    gain, rows = program.mean / gain_size, program.rows / row_size[:, None]
    row_lower, row_upper = program.row_lower / row_size, program.row_upper / row_size
    lower, upper = (np.ascontiguousarray(side, dtype=float) for side in (program.lower, program.upper))

    w, sides, row_sides = vertex.x.copy(), vertex.sides.copy(), vertex.row_sides.copy()
    fixed = np.concatenate([lower == upper, row_lower == row_upper])
    active, m, inverse = kernel.start(sides, row_sides, n, dense, loadings, specific, rows)
    data = (dense, loadings, specific, lower, upper, rows, row_lower, row_upper, w, sides, row_sides)
    loose = _costless(gain, rows, active[:m]) & ~fixed
    pivots = 0
    if (loose & (np.concatenate([sides, row_sides]) != 0)).any():
        # several portfolios share the largest mean: among them, from this vertex to the smallest variance
        push = sides + (row_sides * loose[n:]) @ rows
        *_, m, pivots, ending = kernel.trace(push, *data, ~loose, active, m, inverse, limit)
        if ending != kernel.DONE:
            return np.zeros(0), np.zeros((0, n)), np.zeros((0, q)), pivots, _ENDINGS[ending]
        w[:] = np.clip(w, lower, upper)
    appetites, weights, prices, _, more, ending = kernel.trace(gain, *data, fixed, active, m, inverse, limit)
    return appetites * (risk / gain_size), weights, prices * (risk / row_size), pivots + more, _ENDINGS[ending]


_ENDINGS = ("done", "pivot limit", "lost accuracy")


def _costless(gain: Vector, rows: Matrix, active: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n + q,) True where a name may move, or a row give way, at no loss of mean; at a side: the vertex is not the only best."""
    n = len(gain)
    free, binding = active[active < n], active[active >= n] - n
    prices = np.zeros(len(rows))
    prices[binding] = np.linalg.solve(rows[np.ix_(binding, free)].T, gain[free])
    return np.abs(np.concatenate([gain - prices @ rows, prices])) <= TIE


def _front(
    program: FrontProgram,
    appetite: Vector,
    weights: Matrix,
    prices: Matrix,
    status: Status,
    trail: tuple[str, ...],
    pivots: int,
    certificate: Vector | None = None,
) -> Front:
    """The corners with their measures and our own check of the first-order conditions."""
    risk = program.covariance_times(weights)
    values = weights @ program.rows.T
    slope = risk - appetite[:, None] * program.mean + prices @ program.rows
    spread = np.sqrt(program.variances())
    possible = float(np.maximum(np.abs(program.lower), np.abs(program.upper)) @ spread)
    most_risk = spread.max() * (np.abs(weights) @ spread).max(initial=1e-6 * possible)  # what is held may have no risk
    size = most_risk + appetite * np.abs(program.mean).max() + np.finfo(float).tiny
    off = np.abs(weights - np.clip(weights - slope / size[:, None], program.lower, program.upper)).max(1, initial=0.0)
    row_size = np.abs(program.rows).max(1, initial=0.0) + np.finfo(float).tiny
    pull = prices * row_size / size[:, None]
    off_rows = np.abs(values - np.clip(values + pull * row_size, program.row_lower, program.row_upper)) / row_size
    outside = np.maximum(program.lower - weights, weights - program.upper).max(1, initial=0.0)
    limit = np.where(prices > 0, program.row_upper, program.row_lower)
    unused = np.where(prices != 0, prices * (np.where(prices != 0, limit, 0.0) - values), 0.0).sum(1)
    least = np.minimum(slope * program.lower, slope * program.upper).sum(1)
    gap = np.maximum((slope * weights).sum(1) - least + unused, 0.0)
    return Front(
        appetite=appetite,
        weights=weights,
        mean=weights @ program.mean,
        variance=np.maximum((weights * risk).sum(1), 0.0),
        multipliers=prices,
        residual=np.maximum(np.maximum(off, outside), off_rows.max(1, initial=0.0)),
        gap=gap,
        exact=True,
        status=status,
        trail=trail,
        program=program,
        pivots=pivots,
        certificate=certificate,
    )


def _swept(front: Front, exact: int) -> Front:
    """The first `exact` corners, then single optima at falling appetites, each certified like a corner."""
    program = front.program
    top = front.appetite[exact - 1] if exact else _steep(program)
    grid = np.append(np.geomspace(top, top * 1e-4, SWEEP_POINTS)[1 if exact else 0 :], 0.0)
    weights, prices = _by_piqp(program, grid)
    met = _off_limits(program, weights) <= MET
    grid, weights, prices = grid[met], weights[met], prices[met]
    rest = _front(
        program,
        np.concatenate([front.appetite[:exact], grid]),
        np.concatenate([front.weights[:exact], weights]),
        np.concatenate([front.multipliers[:exact], prices]),
        Status.INACCURATE if exact or met.any() else Status.FAILED,
        (*front.trail, f"{exact} corners exact, {len(grid)} single optima after them"),
        front.pivots,
    )
    return Front(**{**{name: getattr(rest, name) for name in Front.__dataclass_fields__}, "exact": False})


def _off_limits(program: FrontProgram, weights: Matrix) -> Vector:
    """(K,) the largest violation of a bound or row at each point, of a row relative to its largest entry."""
    values = weights @ program.rows.T
    off = np.maximum(program.row_lower - values, values - program.row_upper) / _row_sizes(program)
    outside = np.maximum(program.lower - weights, weights - program.upper)
    return np.concatenate([off, outside], axis=1).max(1, initial=0.0)


def _steep(program: FrontProgram) -> float:
    """An appetite at which the mean outweighs the risk by far."""
    spread = float(np.ptp(program.mean)) or 1.0
    return 1e3 * float(np.abs(program.covariance_times(np.eye(len(program.mean)))).max()) / spread


def _by_piqp(program: FrontProgram, appetites: Vector) -> tuple[Matrix, Matrix]:
    import piqp  # type: ignore[import-untyped]  # only where pivots have run out

    n = len(program.mean)
    size = float(np.abs(program.covariance_times(np.eye(n))).max()) or 1.0
    curvature = program.covariance_times(np.eye(n)) / size
    equal = program.row_lower == program.row_upper
    row_size = _row_sizes(program)
    rows, low, high = program.rows / row_size[:, None], program.row_lower / row_size, program.row_upper / row_size
    weights, prices = np.zeros((len(appetites), n)), np.zeros((len(appetites), len(equal)))
    for k, appetite in enumerate(appetites):
        solver = piqp.DenseSolver()
        solver.settings.eps_abs, solver.settings.eps_rel, solver.settings.max_iter = 1e-11, 1e-11, 200
        gain = appetite / size * program.mean
        limits = (rows[~equal], low[~equal], high[~equal])
        solver.setup(curvature, -gain, rows[equal], high[equal], *limits, program.lower, program.upper)
        solver.solve()
        weights[k] = np.clip(solver.result.x, program.lower, program.upper)
        prices[k, equal] = solver.result.y * size
        prices[k, ~equal] = (solver.result.z_u - solver.result.z_l) * size
    return weights, prices / row_size


def _row_sizes(program: FrontProgram) -> Vector:
    """(q,) the largest entry of each row, 1 for a row without entries."""
    size = np.abs(program.rows).max(1, initial=0.0)
    return np.where(size > 0, size, 1.0)


def _bracket(falling: Vector, wanted: float) -> tuple[int, float]:
    """Where `wanted` lies in the rising values: index of the one before it and the share of the way to the next."""
    if wanted <= falling[0]:
        return 0, 0.0
    after = int(np.searchsorted(falling, wanted, side="left"))
    if after >= len(falling):
        return len(falling) - 1, 0.0
    before = after - 1
    return before, float((wanted - falling[before]) / (falling[after] - falling[before]))
