"""Risk over scenarios as a maximum of averages: CVaR, worst case and drawdown, with their subgradients.

A measure turns what each row of the scenarios earns, R w, into weights p of the rows: the risk is the largest -p'R w over the
weights it allows, so -R'p is a subgradient, and -p'R is below the risk everywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import ModuleType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from .separable import SeparableProgram

Vector = NDArray[np.float64]
Block = NDArray[np.float32] | NDArray[np.float64]


def kernel() -> ModuleType:
    """The compiled passes, imported where they are first used."""
    from . import scenario_kernels

    return scenario_kernels


@dataclass(frozen=True)
class RowWeights:
    """The rows that make the risk at a point: indices and weights p; threshold: the risk is the mean of what lies beyond it."""

    rows: NDArray[np.int64]
    weights: Vector
    threshold: float


class Measure(Protocol):
    def worst(self, earned: Vector, /) -> RowWeights:
        """The weights that make -p'earned largest."""
        ...

    def losses_averaged(self, rows: int, /) -> float | None:
        """How many of the largest losses of so many scenarios are averaged; None: the measure is no such mean of rows."""
        ...

    def check(self, rows: int, /) -> None:
        """Raises InvalidInput where scenarios of this many rows do not fit the measure."""
        ...


@dataclass(frozen=True)
class Scenarios:
    """What each name earns in each scenario, as one (S, n) array or a sequence of blocks (S_b, n); never copied.

    Blocks are float64 or float32, may be memory-mapped, and a sequence may load each block when it is asked for.
    """

    blocks: Sequence[Block]
    starts: NDArray[np.int64] = field(init=False, repr=False)  # of each block, and the end
    reach: Vector = field(init=False, repr=False)  # (S,) the largest |entry| of each scenario

    def __post_init__(self) -> None:
        blocks = [self.blocks] if isinstance(self.blocks, np.ndarray) else self.blocks
        if not len(blocks):
            raise InvalidInput("scenarios holds no block")
        object.__setattr__(self, "blocks", blocks)
        sizes = [0]
        for block in blocks:
            if np.ndim(block) != 2 or block.shape[1] != blocks[0].shape[1] or not all(block.shape):
                raise InvalidInput(
                    f"scenarios has a block of shape {np.shape(block)}, but it needs rows, and a column a name"
                )
            if block.dtype not in (np.float32, np.float64):
                raise InvalidInput(f"scenarios has a block of {block.dtype}, but it needs float32 or float64")
            sizes.append(len(block))
        object.__setattr__(self, "starts", np.cumsum(sizes))
        object.__setattr__(self, "reach", np.empty(len(self)))
        for block, start, end in self._pieces():
            if not kernel().reaches(block, self.reach[start:end]):
                raise InvalidInput("scenarios holds a value that is not finite")

    @property
    def names(self) -> int:
        return int(self.blocks[0].shape[1])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def times(self, w: Vector) -> Vector:
        """(S,) what each scenario earns."""
        earned = np.empty(len(self))
        for block, start, end in self._pieces():
            if block.dtype == np.float64:
                np.dot(block, w, out=earned[start:end])
            else:
                kernel().times(block, w, earned[start:end])
        return earned

    def times_some(self, rows: NDArray[np.int64], w: Vector) -> Vector:
        """What some scenarios earn, indices ascending."""
        earned = np.empty(len(rows))
        for block, start, a, b in self._pieces_of(rows):
            kernel().times_some(block, rows[a:b] - start, w, earned[a:b])
        return earned

    def combine(self, rows: NDArray[np.int64], weights: Vector) -> Vector:
        """(n,) the weighted sum of some rows, indices ascending."""
        out = np.zeros(self.names)
        for block, start, a, b in self._pieces_of(rows):
            kernel().add_rows(block, rows[a:b] - start, weights[a:b], out)
        return out

    def some(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """A float64 copy of some scenarios, indices ascending."""
        return np.concatenate([block[rows[a:b] - start] for block, start, a, b in self._pieces_of(rows)], dtype=float)

    def thinned(self, every: int) -> "Scenarios":
        """Every so-manieth row, as views."""
        thin = object.__new__(Scenarios)
        blocks = [block[::every] for block in self.blocks]
        object.__setattr__(thin, "blocks", blocks)
        object.__setattr__(thin, "starts", np.cumsum([0, *map(len, blocks)]))
        object.__setattr__(thin, "reach", np.concatenate([self.reach[a:b:every] for _, a, b in self._pieces()]))
        return thin

    def _pieces(self) -> Iterator[tuple[Block, int, int]]:
        """Each block with the scenarios it holds."""
        for block, start in zip(self.blocks, self.starts, strict=False):
            yield block, int(start), int(start) + len(block)

    def _pieces_of(self, rows: NDArray[np.int64]) -> Iterator[tuple[Block, int, int, int]]:
        """Each block that holds any of the rows, its first scenario, and which of the rows it holds."""
        places = np.searchsorted(rows, self.starts).tolist()
        for k, (a, b) in enumerate(pairwise(places)):
            if b > a:
                yield self.blocks[k], int(self.starts[k]), a, b


@dataclass(frozen=True)
class CVaR:
    """The mean loss of the worst (1 - alpha) S scenarios, the one on the boundary counted in part; alpha 0: the mean loss."""

    alpha: float

    def __post_init__(self) -> None:
        if not 0 <= self.alpha < 1:
            raise InvalidInput(f"alpha is {self.alpha}, but it must be at least 0 and below 1")

    def check(self, rows: int) -> None:
        """Any number of scenarios fits."""

    def worst(self, earned: Vector) -> RowWeights:
        return largest_mean(-earned, self.losses_averaged(len(earned)))

    def losses_averaged(self, rows: int) -> float:
        return max((1 - self.alpha) * rows, 1.0)


@dataclass(frozen=True)
class WorstCase:
    """The largest loss of any scenario."""

    def check(self, rows: int) -> None:
        """Any number of scenarios fits."""

    def worst(self, earned: Vector) -> RowWeights:
        return largest_mean(-earned, 1.0)

    def losses_averaged(self, _rows: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Drawdown:
    """CVaR over paths of the largest fall of the running sum of returns from its peak so far, the start counted as a peak.

    Scenario rows are days, `length` of them a path, path after path; alpha 0: the mean over paths, one path: its drawdown.
    """

    length: int
    alpha: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.alpha < 1:
            raise InvalidInput(f"alpha is {self.alpha}, but it must be at least 0 and below 1")
        if self.length < 1:
            raise InvalidInput(f"length is {self.length}, but a path has at least one day")

    def losses_averaged(self, _rows: int) -> None:
        return None

    def check(self, rows: int) -> None:
        if rows % self.length:
            raise InvalidInput(f"scenarios has {rows} rows, which is no whole number of paths of {self.length} days")

    def worst(self, earned: Vector) -> RowWeights:
        paths = len(earned) // self.length
        fall, first, last = np.empty(paths), np.empty(paths, dtype=np.int64), np.empty(paths, dtype=np.int64)
        kernel().deepest_falls(earned, self.length, fall, first, last)
        worst = largest_mean(fall, (1 - self.alpha) * paths)
        days = (last - first)[worst.rows]
        before = np.cumsum(days) - days
        within = np.arange(days.sum()) - np.repeat(before, days)
        rows = np.repeat(worst.rows * self.length + first[worst.rows], days) + within
        return RowWeights(rows, np.repeat(worst.weights, days), worst.threshold)


def largest_mean(losses: Vector, count: float) -> RowWeights:
    """The mean of the `count` largest losses (at least 1 of them), ties at the threshold sharing what is left equally."""
    count = min(max(count, 1.0), float(len(losses)))
    place = len(losses) - int(np.ceil(count * (1 - 1e-15)))
    threshold = np.partition(losses, place)[place]
    rows = np.flatnonzero(losses >= threshold)
    above = losses[rows] > threshold
    certain = int(above.sum())
    boundary = max(count - certain, 0.0) / (len(rows) - certain)
    return RowWeights(rows, np.where(above, 1.0, boundary) / count, float(threshold))


@dataclass(frozen=True)
class ScenarioProgram:
    """minimise risk(w) + what `rest` states, under the limits of `rest`.

    measure: CVaR, WorstCase or Drawdown; rest: quadratic, linear term, costs, box (finite) and rows
    """

    scenarios: Scenarios
    measure: Measure
    rest: SeparableProgram

    def __post_init__(self) -> None:
        if self.scenarios.names != len(self.rest.linear):
            raise InvalidInput(f"scenarios has {self.scenarios.names} columns, not {len(self.rest.linear)}, one a name")
        self.measure.check(len(self.scenarios))
        for name in ("lower", "upper"):
            if not np.isfinite(getattr(self.rest, name)).all():
                raise InvalidInput(f"{name} holds a value that is not finite: the risk needs a bounded box")
