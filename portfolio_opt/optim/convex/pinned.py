"""Names that rows leave no room to move: their bounds drawn in, so that what is left has an interior."""

from dataclasses import replace

import numpy as np

from .separable import SeparableProgram, Vector

ROUNDING = 1e-12  # of what a row can add up to: less room than this is none


def drawn_in(program: SeparableProgram) -> SeparableProgram:
    """The same programme with finite bounds no wider than its rows allow, where a row leaves no room or holds one free name.

    A row that asks for all that the box can give puts each of its names at one end; a row in which a single name can still move
    bounds that name; as many equations as names that can move, if they are independent, leave one point. Repeated while it helps.
    """
    lower, upper = program.lower.copy(), program.upper.copy()
    for _ in range(len(lower) + 1):
        before = upper - lower
        for row, low, high in zip(program.rows, program.row_lower, program.row_upper, strict=True):
            _draw(row, low, high, lower, upper)
        _solve_equations(program, lower, upper)
        if (upper - lower == before).all():
            break
    if (lower == program.lower).all() and (upper == program.upper).all():
        return program
    return replace(program, lower=lower, upper=upper)


def _draw(row: Vector, low: float, high: float, lower: Vector, upper: Vector) -> None:
    """Narrow the bounds in place by one row."""
    moves = (row != 0) & (lower < upper)
    if not moves.any():
        return
    least_at, most_at = np.where(row > 0, lower, upper), np.where(row > 0, upper, lower)
    least, most = row @ least_at, row @ most_at
    room = ROUNDING * (np.abs(row) @ np.maximum(np.abs(lower), np.abs(upper)))
    if low >= most - room or high <= least + room:
        ends = most_at if low >= most - room else least_at
        lower[moves] = upper[moves] = ends[moves]
    elif moves.sum() == 1:
        i = int(np.argmax(moves))
        held = row @ lower - row[i] * lower[i]
        sides = sorted(((low - held) / row[i], (high - held) / row[i]))
        lower[i], upper[i] = np.clip(sides[0], lower[i], upper[i]), np.clip(sides[1], lower[i], upper[i])
        if upper[i] - lower[i] <= room / abs(row[i]):
            lower[i] = upper[i] = (lower[i] + upper[i]) / 2


def _solve_equations(program: SeparableProgram, lower: Vector, upper: Vector) -> None:
    """Put the names that can move at the one point that the equations leave, if they leave only one."""
    equal, moves = program.row_lower == program.row_upper, lower < upper
    if not 0 < moves.sum() <= equal.sum():
        return
    A = program.rows[equal]
    size = np.abs(A).max(1, initial=0.0)
    size[size == 0] = 1.0
    held = np.where(moves, 0.0, lower)
    point, _, rank, _ = np.linalg.lstsq(
        A[:, moves] / size[:, None], (program.row_lower[equal] - A @ held) / size, rcond=1e-9
    )
    if rank == moves.sum():
        lower[moves] = upper[moves] = np.clip(point, lower[moves], upper[moves])
