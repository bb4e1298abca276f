"""Sides that leave no room: names that rows fix, rows that are equations in all but name; what is left has an interior."""

from dataclasses import replace

import numpy as np

from .separable import SeparableProgram, Vector
from .vertex import Refusal, best_vertex

FEW = 64  # names that can move: with no more, sides that only several rows together leave no room are looked for too
SLACK = 1e-9  # of a side's size: less room than this is none, for a side that a linear programme cannot move away from
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
    if (lower != program.lower).any() or (upper != program.upper).any():
        program = replace(program, lower=lower, upper=upper)
    return without_idle_sides(program) if (lower < upper).sum() <= FEW else program


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


def without_idle_sides(program: SeparableProgram) -> SeparableProgram:
    """The same programme, each row and bound that every feasible point meets with equality stated as an equation.

    Of the sides not yet seen with room, the room of all together is made as large as it can be; those that then have some are
    crossed off, until there is none left or none of the rest can have any.
    """
    row_size = np.abs(program.rows).max(1, initial=0.0)
    row_size[row_size == 0] = 1.0
    sides = np.vstack([np.eye(len(program.lower)), program.rows / row_size[:, None]])  # names, then rows
    low = np.concatenate([program.lower, program.row_lower / row_size])
    high = np.concatenate([program.upper, program.row_upper / row_size])
    open_ended = low < high
    tight_low, tight_high = open_ended & np.isfinite(low), open_ended & np.isfinite(high)
    reach = SLACK * (np.abs(sides) @ np.maximum(np.abs(program.lower), np.abs(program.upper)))
    for _ in range(2 * len(sides) + 1):  # each but the last crosses off a side
        if not (tight_low.any() or tight_high.any()):
            return program
        push = tight_low @ sides - tight_high @ sides
        best = best_vertex(push, program.lower, program.upper, program.rows, program.row_lower, program.row_upper)
        if isinstance(best, Refusal):
            return program
        value = sides @ best.x
        seen_low, seen_high = tight_low & (value - low > reach), tight_high & (high - value > reach)
        if not (seen_low.any() or seen_high.any()):
            break
        tight_low, tight_high = tight_low & ~seen_low, tight_high & ~seen_high
    n = len(program.lower)
    both = tight_low & tight_high  # a side narrower than can be seen stays as it is
    tight_low, tight_high = tight_low & ~both, tight_high & ~both
    return replace(
        program,
        lower=np.where(tight_high[:n], program.upper, program.lower),
        upper=np.where(tight_low[:n], program.lower, program.upper),
        row_lower=np.where(tight_high[n:], program.row_upper, program.row_lower),
        row_upper=np.where(tight_low[n:], program.row_lower, program.row_upper),
    )
