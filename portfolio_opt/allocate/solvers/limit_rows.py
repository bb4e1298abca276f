"""The limits of a statement as one box and one set of rows, each side knowing the limit it came from.

Beside the limits no weight is below 0, as nothing is sold short, nor above 1, as one name cannot be worth more than everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..problem import Situation
from ..statement.term import Limit, Rows, Statement
from .answer import LimitPrice
from .conflict import no_solution

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

NOBODY = -1  # the limit of a side that no limit set
STEP = 1e-4  # by which a limit is relaxed to see what moves
ROUNDING = 1e-12
WORTHLESS = 1e-9  # utility a unit of weight: less is rounding


@dataclass(frozen=True)
class LimitRows:
    """The tightest sides, and which limit set each: an index into limits, NOBODY where none did.

    lower_by, upper_by: (N,) of the box; row_lower_by, row_upper_by: (q,) of the rows
    """

    limits: tuple[Limit, ...]
    rows: Rows
    lower_by: Ints
    upper_by: Ints
    row_lower_by: Ints
    row_upper_by: Ints


@dataclass
class _Side:
    """One side of a box or row as it gets tighter, limit by limit."""

    value: Vector
    by: Ints

    @classmethod
    def of(cls, n: int, value: float) -> "_Side":
        return cls(np.full(n, value), np.full(n, NOBODY, dtype=np.int64))

    def tighten(self, value: Vector, limit: int, *, lower: bool) -> None:
        tighter = value > self.value if lower else value < self.value
        self.value, self.by = np.where(tighter, value, self.value), np.where(tighter, limit, self.by)


def stacked(statement: Statement) -> LimitRows:
    """The limits that have such a reading. Raises NoSolution where two of them leave no room between them."""
    situation, limits = statement.situation, statement.limits
    own = [(k, rows) for k, limit in enumerate(limits) if (rows := limit.rows(situation)) is not None]
    n = len(situation.unit)
    matrix, places = _different_rows([rows for _, rows in own], n)
    lower, upper = _Side.of(n, 0.0), _Side.of(n, 1.0)
    row_lower, row_upper = _Side.of(len(matrix), -np.inf), _Side.of(len(matrix), np.inf)
    for (k, rows), place in zip(own, places, strict=True):
        lower.tighten(rows.lower, k, lower=True)
        upper.tighten(rows.upper, k, lower=False)
        row_lower.tighten(_spread(rows.row_lower, place, len(matrix), -np.inf), k, lower=True)
        row_upper.tighten(_spread(rows.row_upper, place, len(matrix), np.inf), k, lower=False)
    _require_room(limits, lower, upper, situation.day.symbols.tolist())
    _require_room(limits, row_lower, row_upper)
    empty = ~matrix.any(1) & (row_lower.value <= 0) & (row_upper.value >= 0)
    kept = ~empty & (np.isfinite(row_lower.value) | np.isfinite(row_upper.value))
    return LimitRows(
        limits,
        Rows(
            np.minimum(lower.value, upper.value),  # apart by rounding at most
            upper.value,
            matrix[kept],
            np.minimum(row_lower.value, row_upper.value)[kept],
            row_upper.value[kept],
        ),
        lower.by,
        upper.by,
        row_lower.by[kept],
        row_upper.by[kept],
    )


def _different_rows(readings: Sequence[Rows], n: int) -> tuple[Matrix, list[Ints]]:
    """Every row once, as the same row twice has no prices of its own, and where each reading's rows are among them."""
    found: dict[bytes, tuple[int, Vector]] = {}
    places = []
    for rows in readings:
        same = [np.where(row == 0, 0.0, row) for row in rows.rows]  # -0.0 is 0.0
        place = [found.setdefault(row.tobytes(), (len(found), row))[0] for row in same]
        places.append(np.array(place, dtype=np.int64))
    return np.array([row for _, row in found.values()]).reshape(len(found), n), places


def _spread(values: Vector, place: Ints, size: int, elsewhere: float) -> Vector:
    """(size,) the values at their places, the tightest where a reading has the same row twice."""
    out = np.full(size, elsewhere)
    tightest = np.maximum if elsewhere < 0 else np.minimum
    tightest.at(out, place, values)
    return out


def _require_room(limits: tuple[Limit, ...], lower: _Side, upper: _Side, names: Sequence[str] = ()) -> None:
    crossed = np.flatnonzero(lower.value > upper.value + ROUNDING)
    if len(crossed):
        i = int(crossed[0])
        setters = {int(lower.by[i]), int(upper.by[i])} - {NOBODY}
        raise no_solution([limits[k] for k in sorted(setters)], f" in {names[i]}" if names else "")


def used_by(rows: LimitRows, certificate: Vector) -> list[Limit]:
    """The limits whose sides a proof of infeasibility uses. certificate: (q,) prices of the rows that no point can meet."""
    slope, across = certificate @ rows.rows.rows, np.abs(certificate) @ np.abs(rows.rows.rows)
    slope = np.where(np.abs(slope) > ROUNDING * across, slope, 0.0)
    used = [
        *rows.row_upper_by[certificate > 0],
        *rows.row_lower_by[certificate < 0],
        *rows.lower_by[(slope > 0) & (rows.rows.lower > 0)],
        *rows.upper_by[slope < 0],
    ]
    return [rows.limits[k] for k in sorted({int(k) for k in used} - {NOBODY})]


def limit_prices(
    situation: Situation, rows: LimitRows, multipliers: Vector, above: Vector, below: Vector
) -> tuple[LimitPrice, ...]:
    """What each limit costs: the change of its sides when it is relaxed, times what they are worth (the envelope theorem).

    multipliers: (q,) of the rows, positive where the upper side binds; above, below: (N,) worth of room beyond an upper bound and
    below a lower one, not negative. A limit that cannot be relaxed is priced as if each of its sides moved by one unit.
    """
    worth = (above, below, np.clip(multipliers, 0, None), np.clip(-multipliers, 0, None))
    setters = (rows.upper_by, rows.lower_by, rows.row_upper_by, rows.row_lower_by)
    prices = []
    for k, limit in enumerate(rows.limits):
        own = [np.where((by == k) & (value > WORTHLESS), value, 0.0) for by, value in zip(setters, worth, strict=True)]
        if any(value.any() for value in own):
            moves = _moves(situation, limit, rows.rows.rows)
            price = sum(float(value @ move) for value, move in zip(own, moves, strict=True))
            prices.append(LimitPrice(limit, price, own[0] - own[1]))
    return tuple(prices)


def _moves(situation: Situation, limit: Limit, matrix: Matrix) -> tuple[Vector, Vector, Vector, Vector]:
    """By how much each side gives way for each unit by which the limit is relaxed: upper, lower, row_upper, row_lower."""
    looser = limit.relaxed(STEP)
    before, after = limit.rows(situation), None if looser is None else looser.rows(situation)
    q, n = matrix.shape
    if before is None or after is None or after.rows.shape != before.rows.shape:
        return np.ones(n), np.ones(n), np.ones(q), np.ones(q)
    same = (matrix[:, None, :] == before.rows[None]).all(-1)  # (q, rows of the limit)
    return (
        _moved(before.upper, after.upper),
        _moved(after.lower, before.lower),
        same @ _moved(before.row_upper, after.row_upper),
        same @ _moved(after.row_lower, before.row_lower),
    )


def _moved(start: Vector, end: Vector) -> Vector:
    there = np.isfinite(start) & np.isfinite(end)
    return np.asarray((np.where(there, end, 0.0) - np.where(there, start, 0.0)) / STEP)
