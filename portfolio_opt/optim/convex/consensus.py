"""One problem split over blocks that are solved side by side: copies that must agree, or shares of one sum.

Both are ADMM with a second function that couples the blocks: `admm.py` does the work.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from .admm import LIMIT, RELAXATION, TOLERANCE, Split, SplitSolution, admm
from .proximal import Prox

Vector = NDArray[np.float64]
Spread = Callable[[Callable[[int], Vector], Iterable[int]], Iterable[Vector]]  # `map`, or one that uses several workers


@dataclass(frozen=True)
class Block:
    """A convex function of n variables: its proximal map and its value."""

    prox: Prox
    value: Callable[[Vector], float]


def consensus(
    blocks: Sequence[Block],
    start: Vector,
    common: Block | None = None,
    spread: Spread = map,
    penalty: float = 1.0,
    relaxation: float = RELAXATION,
    tolerance: float = TOLERANCE,
    limit: int = LIMIT,
) -> SplitSolution:
    """Minimise sum over blocks of f_b(x) + common(x): every block works on its own copy, and the copies agree on their mean.

    start: (n,); common: what holds for x itself, limits for example; multipliers of the result: (blocks, n) flattened, each
    block's price of moving its copy; they sum to a slope of `common`.
    """
    count = _count(blocks, start)

    def agree(v: Vector, penalty: float) -> Vector:
        mean = v.reshape(count, -1).mean(0)
        z = mean if common is None else common.prox(mean, penalty * count)
        return np.tile(z, count)

    def value(copies: Vector) -> float:
        x = copies[: len(start)]
        return sum(block.value(x) for block in blocks) + (0.0 if common is None else common.value(x))

    split = Split(_side_by_side(blocks, spread), agree, value)
    found = admm(split, np.tile(start, count), None, penalty, relaxation, tolerance, limit)
    return replace(found, x=found.x[: len(start)])


def sharing(
    blocks: Sequence[Block],
    start: Vector,
    total: Block,
    spread: Spread = map,
    penalty: float = 1.0,
    relaxation: float = RELAXATION,
    tolerance: float = TOLERANCE,
    limit: int = LIMIT,
) -> SplitSolution:
    """Minimise sum over blocks of f_b(x_b) + total(sum of the x_b): blocks that share one limit or one cost.

    start: (blocks, n), as is x of the result, flattened; its multipliers, the price of the shared sum, are (n,)
    The answer meets the limits of `total`; those inside the blocks it meets as nearly as the primal residual says.
    """
    if start.ndim != 2 or len(start) != len(blocks):
        raise InvalidInput(f"start has shape {start.shape}, but it needs a row for each of {len(blocks)} blocks")
    count = _count(blocks, start[0])

    def share(v: Vector, penalty: float) -> Vector:
        wanted = v.reshape(count, -1)
        asked = wanted.sum(0)
        granted = total.prox(asked, penalty / count)
        return np.asarray(wanted + (granted - asked) / count).ravel()

    def value(shares: Vector) -> float:
        parts = shares.reshape(count, -1)
        each = sum(block.value(part) for block, part in zip(blocks, parts, strict=True))
        return each + total.value(parts.sum(0))

    split = Split(_side_by_side(blocks, spread), share, value)
    found = admm(split, start.ravel(), None, penalty, relaxation, tolerance, limit)
    return replace(found, multipliers=found.multipliers.reshape(count, -1).mean(0))


def _count(blocks: Sequence[Block], start: Vector) -> int:
    if not blocks:
        raise InvalidInput("blocks is empty: at least one is needed")
    if start.ndim != 1:
        raise InvalidInput(f"start has shape {start.shape}, but it needs one axis")
    return len(blocks)


def _side_by_side(blocks: Sequence[Block], spread: Spread) -> Prox:
    def prox(v: Vector, penalty: float) -> Vector:
        parts = v.reshape(len(blocks), -1)
        return np.concatenate(list(spread(lambda b: blocks[b].prox(parts[b], penalty), range(len(blocks)))))

    return prox
