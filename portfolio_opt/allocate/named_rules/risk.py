"""The covariance a rule is handed: beliefs in factor form, a numpy array, or a pandas DataFrame with its labels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...forecast.beliefs import Beliefs

if TYPE_CHECKING:
    import pandas as pd

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]
if TYPE_CHECKING:
    Covariance = Beliefs | Matrix | pd.DataFrame

SYMMETRIC = 1e-9  # relative rounding that a computed covariance may show
LARGE = 500  # names above which a first look at definiteness in single precision pays
FIRST_LOOK = 1e-5  # on the scale of correlations: what single precision cannot tell from zero


@dataclass(frozen=True)
class Risk:
    """The covariance C of N names, per year, either dense or as loadings @ loadings.T + diag(specific).

    labels: of the names, None where the matrix came without; dense: (N, N) or None; loadings: (N, k); specific: (N,)
    """

    labels: tuple[Hashable, ...] | None
    dense: Matrix | None
    loadings: Matrix
    specific: Vector

    def __len__(self) -> int:
        return len(self.specific)

    def index(self) -> pd.Index[Any]:
        """What to label the weights with."""
        import pandas as pd

        return pd.RangeIndex(len(self)) if self.labels is None else pd.Index(list(self.labels))

    def name(self, k: int) -> str:
        """What to call the k-th name in a message."""
        return f"row {k}" if self.labels is None else str(self.labels[k])

    def variances(self) -> Vector:
        """(N,) the diagonal of C."""
        if self.dense is not None:
            return np.diagonal(self.dense).copy()
        return np.asarray((self.loadings**2).sum(1) + self.specific)

    def times(self, w: Vector) -> Vector:
        """(N,) C w. Of a dense C only the rows of names that are held are read."""
        if self.dense is None:
            return np.asarray(self.loadings @ (w @ self.loadings) + self.specific * w)
        held = np.flatnonzero(w)
        return np.asarray(w[held] @ self.dense[held] if 2 * len(held) < len(w) else self.dense @ w)

    def matrix(self) -> Matrix:
        """(N, N) C."""
        return self.dense if self.dense is not None else self.loadings @ self.loadings.T + np.diag(self.specific)

    def part(self, names: Ints) -> Risk:
        """The covariance of some names."""
        labels = None if self.labels is None else tuple(self.labels[k] for k in names)
        dense = None if self.dense is None else self.dense[np.ix_(names, names)]
        return Risk(labels, dense, self.loadings[names], self.specific[names])


def read_risk(source: Covariance) -> Risk:
    """The covariance as given, checked: square, finite, symmetric, no negative variance, labels once each."""
    if isinstance(source, Beliefs):
        return Risk(tuple(source.symbols.tolist()), None, source.loadings, source.specific)
    labels: tuple[Hashable, ...] | None = None
    if isinstance(source, np.ndarray):
        dense = np.ascontiguousarray(source, dtype=float)
    else:
        dense, labels = _from_frame(source)
    if dense.ndim != 2 or dense.shape[0] != dense.shape[1] or not len(dense):
        raise InvalidInput(f"covariance has shape {dense.shape}, but it needs one row and one column for each name")
    _check(dense, labels)
    n = len(dense)
    return Risk(labels, dense, np.zeros((n, 0)), np.zeros(n))


def _from_frame(frame: pd.DataFrame) -> tuple[Matrix, tuple[Hashable, ...]]:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InvalidInput(
            f"covariance is a {type(frame).__name__}: give Beliefs, a numpy array or a DataFrame with the same labels "
            "on both sides"
        )
    rows, columns = list(frame.index), list(frame.columns)
    if len(set(rows)) < len(rows):
        raise InvalidInput(f"covariance names {_first_repeated(rows)} twice; keep one row and column for each name")
    if rows != columns:
        if set(rows) != set(columns) or len(rows) != len(columns):
            raise InvalidInput(
                "covariance has rows and columns with different names"
                f"{_listed(set(rows) ^ set(columns))}; give both the same labels"
            )
        frame = frame[rows]
    try:
        return np.ascontiguousarray(frame.to_numpy(dtype=float)), tuple(rows)
    except (TypeError, ValueError):
        raise InvalidInput("covariance holds a value that is no number") from None


def _check(dense: Matrix, labels: tuple[Hashable, ...] | None) -> None:
    from .rule_kernels import largest_and_asymmetry

    largest, asymmetry = largest_and_asymmetry(dense)
    if not np.isfinite(largest):
        k = int(np.flatnonzero(~np.isfinite(dense).all(1))[0])
        raise InvalidInput(
            f"covariance of {_name(labels, k)} holds a value that is not finite; mend or leave the name out"
        )
    if asymmetry > SYMMETRIC * largest:
        raise InvalidInput(f"covariance is not symmetric: two mirrored entries differ by {asymmetry:.3g}")
    worst = int(np.argmin(np.diagonal(dense)))
    if dense[worst, worst] < 0:
        raise InvalidInput(f"covariance gives {_name(labels, worst)} the negative variance {dense[worst, worst]:.3g}")


def check_semidefinite(risk: Risk) -> None:
    """Refuse a covariance that gives some combination of names a negative variance.

    Scaled to correlations it must have a Cholesky factor once a little is added to its diagonal. Above LARGE names that is
    looked at in single precision, which overlooks eigenvalues down to -FIRST_LOOK; what it doubts is settled in double.
    """
    if risk.dense is None:
        return  # it is a sum of squares
    from scipy.linalg import lapack

    from .rule_kernels import scaled_to_correlations

    spread = np.sqrt(risk.variances())
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    large = len(risk) > LARGE
    unit = np.empty(risk.dense.shape, np.float32 if large else np.float64)
    scaled_to_correlations(risk.dense, inverse, 1 + (FIRST_LOOK if large else SYMMETRIC), unit)
    factor = lapack.spotrf if large else lapack.dpotrf
    *_, failed_at = factor(unit.T, lower=0, overwrite_a=1, clean=0)  # Fortran sees the lower triangle as an upper one
    if not failed_at:
        return
    correlations = risk.dense * np.outer(inverse, inverse)
    smallest = float(np.linalg.eigvalsh(correlations)[0])
    if smallest < -SYMMETRIC * len(risk):
        raise InvalidInput(
            f"covariance is not positive semidefinite: its correlations have the eigenvalue {smallest:.3g}; "
            "repair or shrink it first"
        )


def per_name(what: str, value: object, risk: Risk) -> Vector:
    """(N,) one number for each name of the covariance, in its order.

    value: one number for all, N of them in the covariance's order, or numbers by label (a Series or a mapping), which are
    aligned by label and must name exactly the names of the covariance
    """
    values = by_name(what, value, risk)
    try:
        column = np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise InvalidInput(f"{what} holds a value that is no number") from None
    if not np.isfinite(column).all():
        k = int(np.flatnonzero(~np.isfinite(column))[0])
        raise InvalidInput(f"{what} of {risk.name(k)} is {column[k]}, but it must be a finite number")
    return column


def by_name(what: str, value: object, risk: Risk) -> list[Any]:
    """As per_name(), for values of any kind."""
    n = len(risk)
    if np.ndim(value) == 0 and not isinstance(value, Mapping):  # type: ignore[arg-type]
        return [value] * n
    labels, values = _labels_of(value)
    if len(values) != n and (labels is None or risk.labels is None):
        raise InvalidInput(f"{what} has {len(values)} values for {n} names; give one for each, or one for all")
    if labels is None:
        return values
    if risk.labels is None:
        if labels == list(range(n)):
            return values
        raise InvalidInput(
            f"{what} names its values and the covariance does not, so they cannot be aligned; give the covariance as a "
            "DataFrame, or both without names"
        )
    if len(set(labels)) < len(labels):
        raise InvalidInput(f"{what} names {_first_repeated(labels)} twice; keep one value for each name")
    found = dict(zip(labels, values, strict=True))
    absent, unknown = [x for x in risk.labels if x not in found], set(found) - set(risk.labels)
    if absent or unknown:
        which, missing = ("lacks", absent) if absent else ("has values for names outside the covariance", unknown)
        raise InvalidInput(f"{what} {which}{_listed(missing)}; give exactly one value for each name of the covariance")
    return [found[label] for label in risk.labels]


def _labels_of(value: Any) -> tuple[list[Hashable] | None, list[Any]]:
    if isinstance(value, Mapping):
        return list(value), list(value.values())
    if hasattr(value, "index") and hasattr(value, "to_numpy"):  # a Series, whether or not pandas is loaded here
        return list(value.index), list(value)
    return None, list(value)


def _name(labels: tuple[Hashable, ...] | None, k: int) -> str:
    return f"row {k}" if labels is None else str(labels[k])


def _first_repeated(labels: list[Hashable]) -> Hashable:
    seen: set[Hashable] = set()
    return next(label for label in labels if label in seen or seen.add(label))  # type: ignore[func-returns-value]


def _listed(names: Any) -> str:
    some = sorted(map(str, names))
    return f" ({', '.join(some[:5])}{', …' if len(some) > 5 else ''})"
