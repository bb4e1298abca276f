"""Several objectives over one box of genomes, each evaluated on a whole population at once, and what guards them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InvalidInput
from ..real_numbers import real_array, whole_number

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
ROUNDING = 1e-9  # a repaired genome may miss the box by this share of its width, and is moved onto the edge


@dataclass(frozen=True)
class ParetoProblem:
    """Choose x in [lower, upper] to minimise every column of objectives(X), as far as violations(X) <= 0.

    lower, upper: (n,) finite; objective_count m: columns of F
    objectives: X (B, n) -> F (B, m); to maximise, return the negative
    violations: X -> G (B, any) where a positive entry breaks a limit by that much; None if there is no limit
    repair: X -> X with every row made feasible; it replaces the genomes themselves; None if none is needed

    A row of F or G with NaN or an infinity, -inf included, is refused: it counts as worse than any that is finite.
    """

    lower: Vector
    upper: Vector
    objective_count: int
    objectives: Callable[[Matrix], ArrayLike]
    violations: Callable[[Matrix], ArrayLike] | None = None
    repair: Callable[[Matrix], Matrix] | None = None

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            side = real_array(name, getattr(self, name)).copy()
            if side.ndim != 1 or side.size == 0 or not np.isfinite(side).all():
                raise InvalidInput(f"{name} must be a vector of finite numbers, one for each variable")
            object.__setattr__(self, name, side)
        if self.lower.shape != self.upper.shape:
            raise InvalidInput(f"lower has {self.lower.size} entries, upper has {self.upper.size}")
        if (self.lower > self.upper).any():
            raise InvalidInput(f"lower lies above upper at entry {int(np.argmax(self.lower > self.upper))}")
        object.__setattr__(self, "objective_count", whole_number("objective_count", self.objective_count, 1))

    def repaired(self, X: Matrix) -> Matrix:
        """(B, n) the genomes as they will be evaluated. Raises InvalidInput if the repair leaves the box or its shape."""
        if self.repair is None:
            return X
        fixed = real_array("what repair returned", self.repair(X.copy()))
        if fixed.shape != X.shape:
            raise InvalidInput(f"repair returned shape {fixed.shape} for {X.shape}")
        slack = ROUNDING * (self.upper - self.lower) + np.finfo(float).tiny
        if not ((fixed >= self.lower - slack) & (fixed <= self.upper + slack)).all():
            raise InvalidInput("repair returned a genome outside [lower, upper], or NaN; widen the box or clip")
        return np.asarray(np.clip(fixed, self.lower, self.upper))

    def evaluate(self, X: Matrix) -> "Evaluated":
        """The objectives and limits at genomes that are repaired already."""
        F = _rows("objectives", self.objectives(X.copy()), len(X))
        if F.shape[1] != self.objective_count:
            raise InvalidInput(
                f"objectives returned {F.shape[1]} columns, but objective_count is {self.objective_count}"
            )
        G = np.zeros((len(X), 0)) if self.violations is None else _rows("violations", self.violations(X.copy()), len(X))
        refused = np.asarray(~(np.isfinite(F).all(1) & np.isfinite(G).all(1)))
        violation = np.where(refused, np.inf, np.maximum(np.where(refused[:, None], 0.0, G), 0.0).sum(1))
        return Evaluated(X, np.where(refused[:, None], np.inf, F), violation)


@dataclass(frozen=True)
class Evaluated:
    """Genomes with what they are worth. violation: (B,) 0 where every limit holds; inf, and F with it, where refused."""

    X: Matrix
    F: Matrix
    violation: Vector

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Evaluated":
        return Evaluated(self.X[rows], self.F[rows], self.violation[rows])

    def __add__(self, other: "Evaluated") -> "Evaluated":
        return Evaluated(
            np.concatenate([self.X, other.X]),
            np.concatenate([self.F, other.F]),
            np.concatenate([self.violation, other.violation]),
        )

    @property
    def refused(self) -> int:
        """How many rows were not finite."""
        return int((self.violation == np.inf).sum())


def _rows(name: str, values: ArrayLike | None, count: int) -> Matrix:
    """What a user's function returned, as rows of numbers; a None inside is NaN, None itself is no answer."""
    if values is not None and np.iscomplexobj(values):
        raise InvalidInput(f"{name} must return real numbers, but it returned complex ones")
    try:
        table = np.asarray(values if values is not None else [], dtype=float)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} must return numbers, one row for each genome") from None
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2 or len(table) != count:
        got = "None" if values is None else f"shape {table.shape}"
        raise InvalidInput(f"{name} returned {got} for {count} genomes; it must return one row for each")
    return table
