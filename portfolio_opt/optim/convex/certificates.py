"""Proofs that a separable programme has no answer: prices that no point can meet and directions without end."""

import numpy as np

from .separable import Matrix, SeparableProgram, Vector

PROVED = 1e-10  # relative margin by which a proof must hold
ROUNDING = 1e-12  # relative size of what counts as nothing


def proves_infeasible(program: SeparableProgram, prices: Vector) -> bool:
    """Whether the rows, weighed with `prices`, ask for a value that no point of the box has.

    Every feasible w has prices'A w <= most; the box allows no less than least > most. A slope of prices'A that is rounding, 1e-12
    of the terms it is summed from, counts as 0: rows that contradict each other only to rounding have no exact certificate where
    a name has no bound, as such rows do meet, far out.
    """
    up, down = np.clip(prices, 0, None), np.clip(-prices, 0, None)
    if (
        not np.isfinite(prices).all()
        or np.isinf(program.row_upper[up > 0]).any()
        or np.isinf(program.row_lower[down > 0]).any()
    ):
        return False
    slope, across = prices @ program.rows, np.abs(prices) @ np.abs(program.rows)
    slope = np.where(np.abs(slope) <= ROUNDING * across, 0.0, slope)
    ends = np.where(slope > 0, program.lower, program.upper)
    if np.isinf(ends[slope != 0]).any():
        return False
    ends = np.where(slope != 0, ends, 0.0)
    highs, lows = np.where(up > 0, program.row_upper, 0.0), np.where(down > 0, program.row_lower, 0.0)
    least, most = slope @ ends, up @ highs - down @ lows
    size = across @ np.abs(ends) + up @ np.abs(highs) + down @ np.abs(lows)
    return bool(least - most > PROVED * size)


def cleaned(program: SeparableProgram, prices: Vector) -> Vector:
    """The prices of a proof, largest 1, in few digits where those prove the same without leave for rounding."""
    size = np.abs(prices)
    for unit in (size.max(), size[size > 0].min()):
        for digits in DIGITS:
            simple = np.round(prices / unit, digits)
            if simple.any() and proves_infeasible(program, simple) and _needs_no_leave(program, simple):
                return np.asarray(simple / np.abs(simple).max()) if unit == size.max() else simple
    return np.asarray(prices / size.max())


DIGITS = (0, 3, 6, 9, 12)


def _needs_no_leave(program: SeparableProgram, prices: Vector) -> bool:
    """Whether every slope of the combined rows is exactly 0 where the box has no end in its direction."""
    slope = prices @ program.rows
    return bool(np.isfinite(np.where(slope > 0, program.lower, program.upper)[slope != 0]).all())


def proves_unbounded(program: SeparableProgram, direction: Vector) -> bool:
    """Whether every feasible point may move along `direction` for ever and the objective falls all the way."""
    v = direction
    if not np.isfinite(v).all() or not v.any():
        return False
    small = ROUNDING**0.5 * np.abs(v).max()
    curved = np.abs(program.loadings.T @ v) > small * (np.abs(program.loadings).sum(0) + 1e-300)
    stays = (v[np.isfinite(program.lower)] >= 0).all() and (v[np.isfinite(program.upper)] <= 0).all()
    drift, across = program.rows @ v, ROUNDING**0.5 * (np.abs(program.rows) @ np.abs(v))
    meets = (drift[np.isfinite(program.row_lower)] >= -across[np.isfinite(program.row_lower)]).all()
    meets &= (drift[np.isfinite(program.row_upper)] <= across[np.isfinite(program.row_upper)]).all()
    far = np.where(v > 0, program.slopes[:, -1], program.slopes[:, 0])
    falls = (far - program.linear) @ v < -PROVED * ((np.abs(far) + np.abs(program.linear)) @ np.abs(v))
    return bool(stays and meets and falls and not curved.any() and not v[program.diagonal > 0].any())


def feasible_point(program: SeparableProgram) -> tuple[Vector | None, Vector]:
    """(a feasible point, no prices) or (None, prices that prove there is none) of the box and rows, by linear programming."""
    from scipy.optimize import linprog  # a quarter of a second to import: only where Newton has no answer

    n, q = program.rows.shape[1], program.rows.shape[0]
    size = np.abs(program.rows).max(axis=1, initial=0.0)
    size = np.where(size > 0, size, 1.0)
    A = program.rows / size[:, None]
    capped, floored = np.isfinite(program.row_upper), np.isfinite(program.row_lower)
    slack = -np.eye(q)
    found = linprog(
        np.concatenate([np.zeros(n), np.ones(2 * q)]),
        A_ub=_blocks(A, slack, capped, floored),
        b_ub=np.concatenate([(program.row_upper / size)[capped], -(program.row_lower / size)[floored]]),
        bounds=np.column_stack(
            [
                np.concatenate([program.lower, np.zeros(2 * q)]),
                np.concatenate([program.upper, np.full(2 * q, np.inf)]),
            ]
        ),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.status != 0:
        return None, np.zeros(q)
    prices = np.zeros(q)
    prices[capped] -= found.ineqlin.marginals[: capped.sum()]
    prices[floored] += found.ineqlin.marginals[capped.sum() :]
    prices = np.where(np.abs(prices) > 1e-9, prices, 0.0) / size
    if proves_infeasible(program, prices):
        return None, prices
    return np.clip(found.x[:n], program.lower, program.upper), np.zeros(q)


def _blocks(A: Matrix, slack: Matrix, capped: Vector, floored: Vector) -> Matrix:
    """A w - over <= row_upper and -A w - under <= -row_lower, the rows that have a limit."""
    nothing = np.zeros_like(slack)
    return np.vstack([np.hstack([A, slack, nothing])[capped], np.hstack([-A, nothing, slack])[floored]])


def falling_direction(program: SeparableProgram) -> Vector | None:
    """A direction along which the objective of any feasible point falls for ever, or None: there is none."""
    open_ended = (program.diagonal == 0) & (np.isinf(program.lower) | np.isinf(program.upper))
    if not open_ended.any():
        return None
    from scipy.optimize import linprog

    names = np.flatnonzero(open_ended)
    size = np.maximum(np.abs(program.linear), np.abs(program.slopes).max(1)).max(initial=0.0) or 1.0
    rises = np.where(np.isinf(program.upper), 1.0, 0.0)[names]
    falls = np.where(np.isinf(program.lower), 1.0, 0.0)[names]
    price = (program.slopes[:, -1] - program.linear)[names], (program.linear - program.slopes[:, 0])[names]
    A, F = program.rows[:, names], program.loadings[names].T
    scaled = [np.divide(M, np.abs(M).max(1, keepdims=True, initial=1e-300)) for M in (A, F)]
    up, down = scaled[0][np.isfinite(program.row_upper)], -scaled[0][np.isfinite(program.row_lower)]
    above = np.vstack([up, down])
    found = linprog(
        np.concatenate(price) / size,
        A_ub=np.hstack([above, -above]) if len(above) else None,
        b_ub=np.zeros(len(above)) if len(above) else None,
        A_eq=np.hstack([scaled[1], -scaled[1]]) if len(F) else None,
        b_eq=np.zeros(len(F)) if len(F) else None,
        bounds=np.column_stack([np.zeros(2 * len(names)), np.concatenate([rises, falls])]),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.status != 0:
        return None
    direction = np.zeros(len(program.linear))
    direction[names] = found.x[: len(names)] - found.x[len(names) :]
    return direction if proves_unbounded(program, direction) else None
