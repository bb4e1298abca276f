"""What a statement is made of: measures that are weighted and summed, and limits. Weights are fractions of wealth.

A measure or a limit is one small class. It is read as true values over a whole population, as a cvxpy term, and as arrays for the
separable solver; a user's own one needs only `value` (a limit: `violation`) and `in_words`, and then only solvers that ask for
nothing more can take it. Nothing is sold short: no weight is negative, and bounds are bounds for such weights only.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..problem import Situation

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Separable:
    """A convex measure, or a bound from below, as 1/2 |F'w|² + sum_i [ 1/2 d_i w_i² + m_i w_i + cost_i(w_i) ] + constant.

    loadings F: (N, k); diagonal d, linear m: (N,); kinks: (N, J) rising, slopes: (N, J + 1) of the piecewise-linear cost
    origin: (N,) where each cost is 0; exact: whether it is the measure itself and not a bound
    """

    loadings: Matrix
    diagonal: Vector
    linear: Vector
    kinks: Matrix
    slopes: Matrix
    origin: Vector
    constant: float = 0.0
    exact: bool = True

    @classmethod
    def smooth(
        cls,
        n: int,
        *,
        loadings: Matrix | None = None,
        diagonal: Vector | None = None,
        linear: Vector | None = None,
        constant: float = 0.0,
    ) -> "Separable":
        """A quadratic of n weights without kinks, exact; what is left out is zero."""
        zero = np.zeros(n)
        return cls(
            loadings=np.zeros((n, 0)) if loadings is None else loadings,
            diagonal=zero if diagonal is None else diagonal,
            linear=zero if linear is None else linear,
            kinks=np.zeros((n, 0)),
            slopes=np.zeros((n, 1)),
            origin=zero,
            constant=constant,
        )

    @classmethod
    def kinked(
        cls, origin: Vector, kinks: Matrix, slopes: Matrix, *, exact: bool, constant: float = 0.0
    ) -> "Separable":
        """Piecewise-linear costs of each weight and nothing else."""
        zero = np.zeros(len(origin))
        return cls(np.zeros((len(origin), 0)), zero, zero, kinks, slopes, origin, constant, exact)

    def value(self, weights: Matrix) -> Vector:
        """(B,) of weights (B, N)."""
        factors = weights @ self.loadings
        smooth = (factors**2).sum(-1) / 2 + weights**2 @ self.diagonal / 2 + weights @ self.linear
        cost = self._from_zero(weights) - self._from_zero(self.origin)
        return np.asarray(smooth + cost.sum(-1) + self.constant)

    def expression(self, w: Any) -> Any:
        """The same as a convex cvxpy term of w (N,)."""
        import cvxpy as cp  # takes half a second to import: only where it is used

        term = (self.linear + self.slopes[:, 0]) @ w + (self.constant - self._from_zero(self.origin).sum())
        if self.loadings.any():
            term += cp.sum_squares(self.loadings.T @ w) / 2
        if self.diagonal.any():
            term += cp.sum_squares(cp.multiply(np.sqrt(self.diagonal), w)) / 2
        for kink, jump in zip(self.kinks.T, np.diff(self.slopes).T, strict=True):
            bent = np.flatnonzero(jump)
            if len(bent):
                term += jump[bent] @ cp.pos(w[bent] - kink[bent])
        return term

    def _from_zero(self, w: Matrix) -> Matrix:
        """The costs up to a constant each, for (..., N) weights."""
        cost = self.slopes[:, 0] * w
        for kink, jump in zip(self.kinks.T, np.diff(self.slopes).T, strict=True):
            cost = cost + jump * np.clip(w - kink, 0, None)
        return np.asarray(cost)


@dataclass(frozen=True)
class Expression:
    """A measure as a convex cvxpy term. exact: whether it is the measure itself; else a bound from below.

    constraints: of helping variables that come with it
    """

    term: Any
    exact: bool = True
    constraints: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Rows:
    """A limit as a box and linear rows, lower <= w <= upper, row_lower <= A w <= row_upper; infinite where there is none."""

    lower: Vector
    upper: Vector
    rows: Matrix
    row_lower: Vector
    row_upper: Vector

    @classmethod
    def box(cls, n: int, *, lower: Vector | float = -np.inf, upper: Vector | float = np.inf) -> "Rows":
        """Bounds of n weights, without rows."""
        none = np.zeros(0)
        lower, upper = np.broadcast_to(lower, n).astype(float), np.broadcast_to(upper, n).astype(float)
        return cls(lower, upper, np.zeros((0, n)), none, none)

    @classmethod
    def of(cls, rows: Matrix, *, lower: Vector | float = -np.inf, upper: Vector | float = np.inf) -> "Rows":
        """Rows (q, N) between two figures each, without a box."""
        q, n = rows.shape
        lower, upper = np.broadcast_to(lower, q).astype(float), np.broadcast_to(upper, q).astype(float)
        return cls(np.full(n, -np.inf), np.full(n, np.inf), rows, lower, upper)


class Measure(ABC):
    """One quantity of a portfolio, with a unit. Subclasses are frozen dataclasses."""

    convex = True  # whether its expression is: such a measure may only be subtracted
    linear = False  # a linear one may be added as well
    scenario_steps = (
        0  # that a path of the beliefs' scenarios needs at least: 1 where only its end counts, 0 without scenarios
    )

    @abstractmethod
    def value(self, situation: Situation, weights: Matrix) -> Vector:
        """(B,) the true value of every portfolio of weights (B, N)."""

    def expression(self, situation: Situation, w: Any) -> Expression | None:
        """The measure of a cvxpy variable w (N,), or the best convex bound from below; None where it has neither.

        Unless a subclass says otherwise, the separable arrays as such a term.
        """
        parts = self.separable(situation)
        return None if parts is None else Expression(parts.expression(w), parts.exact)

    def separable(self, situation: Situation) -> Separable | None:
        """The same as arrays for the separable solver; None where it has no such form."""
        return None

    @abstractmethod
    def in_words(self) -> str:
        """What it is, with its unit, without its value."""

    def __mul__(self, weight: float) -> "Objective":
        return Objective(((float(weight), self),))

    __rmul__ = __mul__

    def __neg__(self) -> "Objective":
        return -1.0 * self

    def __add__(self, other: "Measure | Objective") -> "Objective":
        return 1.0 * self + other

    def __sub__(self, other: "Measure | Objective") -> "Objective":
        return 1.0 * self - other


@dataclass(frozen=True)
class Objective:
    """A weighted sum of measures, to be maximised: ExpectedReturn() - 5 * Variance() - TradingCost()."""

    terms: tuple[tuple[float, Measure], ...]

    def __post_init__(self) -> None:
        for weight, measure in self.terms:
            if not np.isfinite(weight):
                raise InvalidInput(f"{type(measure).__name__} has the weight {weight}, but it must be a finite number")

    def value(self, situation: Situation, weights: Matrix) -> Vector:
        """(B,) of weights (B, N). Raises InvalidInput naming a measure that does not give one finite number for each."""
        total = np.zeros(len(weights))
        for weight, measure in self.terms:
            total += weight * one_each(measure, measure.value(situation, weights), len(weights))
        return total

    def __add__(self, other: "Measure | Objective") -> "Objective":
        if not isinstance(other, Measure | Objective):  # a mistyped formula is a TypeError, like any other in Python
            return NotImplemented
        return Objective((*self.terms, *(1.0 * other).terms))

    def __sub__(self, other: "Measure | Objective") -> "Objective":
        if not isinstance(other, Measure | Objective):
            return NotImplemented
        return self + -1.0 * other

    def __neg__(self) -> "Objective":
        return -1.0 * self

    def __mul__(self, weight: float) -> "Objective":
        return Objective(tuple((weight * own, measure) for own, measure in self.terms))

    __rmul__ = __mul__


def scenario_steps(objective: Objective) -> int:
    """Steps that the paths of scenarios need for the objective, 0 where it needs none."""
    return max((measure.scenario_steps for _, measure in objective.terms), default=0)


class Limit(ABC):
    """A condition on a portfolio. Subclasses are frozen dataclasses."""

    of_wealth_after_costs = (
        False  # whether whole shares are to keep it as weights of what is left after charges and tax, too
    )

    @abstractmethod
    def violation(self, situation: Situation, weights: Matrix) -> Vector:
        """(B,) by how much portfolios (B, N) break it, in the unit of in_words, summed over what breaks it; 0 where it holds.

        Relaxed by that much the limit holds, if it can be relaxed so far.
        """

    def violation_after_costs(self, situation: Situation, weights: Matrix, after: Vector) -> Vector:
        """(B,) the same of portfolios as shares of what charges and tax leave of wealth, after (B,)."""
        return self.violation(situation, weights / after[:, None])

    def named(self) -> tuple[str, ...]:
        """The symbols and sectors that it names."""
        return ()

    def constraints(self, situation: Situation, w: Any) -> tuple[list[Any], bool] | None:
        """(cvxpy constraints on w, whether they are the limit itself and not only implied by it); None where it has none."""
        return None

    def rows(self, situation: Situation) -> Rows | None:
        """The limit itself, and not only something implied by it, as box and rows; None where it has no such form."""
        return None

    def relaxed(self, amount: float) -> "Limit | None":
        """The same limit with that much more room, in its own unit; None where nothing can be relaxed."""
        return None

    @abstractmethod
    def in_words(self) -> str:
        """The limit as a sentence with its figure and unit."""


def one_each(of: "Measure | Limit", found: Vector, count: int) -> Vector:
    """The values, refused where they are not one finite number for each portfolio."""
    if np.shape(found) != (count,):
        wrong = f"of shape {np.shape(found)}"
    elif not np.isfinite(found).all():
        wrong = "that are not finite"
    else:
        return found
    raise InvalidInput(
        f"{type(of).__name__} gives values {wrong} for {count} portfolios; give one finite number for each"
    )


@dataclass(frozen=True)
class Statement:
    """Maximise the objective under the limits, in a situation: the decision, stated once."""

    situation: Situation
    objective: Objective
    limits: tuple[Limit, ...] = ()
