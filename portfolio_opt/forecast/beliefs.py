"""Beliefs: expected returns with their error, and a factor covariance. All per year, as fractions."""

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Beliefs:
    """What is expected of N symbols, per year.

    as_of: the last day whose prices were used; horizon: sessions the expectation is meant for
    symbols: (N,) text; mean: (N,) expected total return before costs and tax
    loadings: (N, k), specific: (N,): the covariance is loadings @ loadings.T + diag(specific)
    standard_error: (N,) of the mean; origin: the model in one plain sentence
    scenarios: (S, L, N) returns of every symbol at each of L steps along S equally likely paths, which together span the horizon
    """

    as_of: date
    horizon: int
    symbols: NDArray[np.str_]
    mean: Vector
    loadings: NDArray[np.float64]
    specific: Vector
    standard_error: Vector
    origin: str
    scenarios: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.symbols)
        shapes = (self.mean.shape, self.specific.shape, self.standard_error.shape, self.loadings.shape[:1])
        if any(shape != (n,) for shape in shapes):
            raise InvalidInput(f"beliefs: mean, loadings, specific and standard_error need {n} rows, one a symbol")
        if self.scenarios is not None and (self.scenarios.ndim != 3 or self.scenarios.shape[2] != n):
            raise InvalidInput(
                f"beliefs: scenarios have shape {self.scenarios.shape}, but they need (paths, steps, {n})"
            )
        for column in fields(self):
            value = getattr(self, column.name)
            if isinstance(value, np.ndarray):
                if value.dtype.kind == "f" and not np.isfinite(value).all():
                    raise InvalidInput(f"beliefs: {column.name} holds a value that is not finite")
                value.flags.writeable = False
        if (self.specific <= 0).any() or (self.standard_error < 0).any():
            raise InvalidInput("beliefs: specific variances must be positive and standard errors not negative")

    @property
    def volatility(self) -> Vector:
        """(N,) standard deviation of each symbol's return, per year."""
        return np.sqrt((self.loadings**2).sum(1) + self.specific)

    def covariance(self) -> NDArray[np.float64]:
        """(N, N) covariance of returns, per year."""
        return self.loadings @ self.loadings.T + np.diag(self.specific)

    def variance(self, w: Vector) -> float:
        """Variance per year of a portfolio with weights w (N,)."""
        return float(((w @ self.loadings) ** 2).sum() + w**2 @ self.specific)

    def of(self, symbols: NDArray[np.str_]) -> Self:
        """The same beliefs for some of the symbols, in the order asked for."""
        place = {symbol: k for k, symbol in enumerate(self.symbols.tolist())}
        absent = [symbol for symbol in symbols.tolist() if symbol not in place]
        if absent:
            raise InvalidInput(f"beliefs hold nothing about {', '.join(absent[:5])}; estimate again with these symbols")
        rows = np.array([place[symbol] for symbol in symbols.tolist()], dtype=int)
        per_symbol = {name: getattr(self, name)[rows] for name in ("mean", "loadings", "specific", "standard_error")}
        scenarios = None if self.scenarios is None else self.scenarios[:, :, rows]
        return replace(self, symbols=symbols.copy(), scenarios=scenarios, **per_symbol)
