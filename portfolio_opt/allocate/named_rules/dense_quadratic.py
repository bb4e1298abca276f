"""1/2 w'Cw - m'w with a dense C that is never factored as a whole: only the names that move freely are.

Few names are held at the minimum. Cheap coordinate descent guesses which are at zero, free or at their cap and which group
caps bind; given that guess the minimum is one linear system in the free names, and its signs say what to change, all at once
(Hintermüller, Ito, Kunisch 2002, "The primal-dual active set strategy as a semismooth Newton method"). A guess that
no sign contradicts is exact. Where C is singular on the free names, a little proximal curvature stands in and fades out in an
outer loop; where guesses go round in circles, an interior-point method answers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .limits import Limited

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Signs = NDArray[np.int8]

ROUNDS = (8, 40, 160)  # of coordinate descent before each try: more costs more than the corrections it saves
SWEEPS = 3
CORRECTIONS = 15  # of a guess; from a good start three to five, and a guess that needs many goes round in circles
PROXIMAL = 1e-6  # of the mean variance
PROXIMAL_STEPS = 60
STILL, ENOUGH = 1e-13, 1e-14  # a step, or a gap, this small ends the proximal loop
TINY = 1e-300
UNMET = 1e-10  # what a binding row may be off where free names can meet it
ROUNDING = 1e-12  # relative to its terms, what a slope or a weight may be off


@dataclass(frozen=True)
class _Question:
    C: Matrix
    m: Vector
    limits: Limited
    rows: Matrix
    row_upper: Vector


Answer = tuple[Vector, Vector]  # weights and prices of budget and groups


def minimise_dense(
    C: Matrix, m: Vector, limits: Limited, start: Answer | None = None
) -> tuple[Vector, Vector, tuple[str, ...]]:
    """(weights, prices of the budget and the group caps, what was done). start: the answer to a similar question."""
    rows, _, row_upper = limits.rows()
    q = _Question(C, m, limits, rows, row_upper)
    if start is not None:
        found, corrections = _corrected(q, *start, 0.0, m)
        if found is not None:
            return *found, (f"active set: exact after {corrections} corrections",)
    guess = limits.lower.copy(), np.zeros(len(rows))
    for rounds in ROUNDS:
        guess = _better_guess(q, *guess, rounds)
        found, corrections = _corrected(q, *guess, 0.0, m)
        if found is not None:
            return *found, (f"active set: exact after {corrections} corrections",)
    found = _proximal(q, guess)
    if found is not None:
        return *found, (
            "active set: no exact answer, the covariance is close to singular",
            "proximal steps with an active set",
        )
    return *_interior(q), ("active set: guesses went round in circles", "interior point (PIQP)")


def _better_guess(q: _Question, w: Vector, prices: Vector, rounds: int) -> Answer:
    from .rule_kernels import penalised_sweeps

    penalty = float(np.median(np.diagonal(q.C))) / 2 or float(np.trace(q.C)) / len(q.C) or 1.0
    penalised_sweeps(
        q.C, q.m, q.limits.lower, q.limits.upper, q.limits.group, q.limits.group_cap, w, prices, penalty, rounds, SWEEPS
    )
    return w, prices


def _corrected(q: _Question, w: Vector, prices: Vector, extra: float, pull: Vector) -> tuple[Answer | None, int]:
    """The exact minimum of the question with `extra` more curvature and the linear part `pull`, or None, and the corrections."""
    lower, upper = q.limits.lower, q.limits.upper
    side = np.where(w <= lower, -1, np.where(w >= upper, 1, 0)).astype(np.int8)
    side[lower == upper] = -1
    binding = prices > 0
    binding[0] = True
    for correction in range(CORRECTIONS):
        found = _solved(q, side, binding, extra, pull)
        if found is None:
            return None, correction
        w, prices, slope = found
        next_side, next_binding = _contradicted(q, w, prices, slope, side, binding)
        if (next_side == side).all() and (next_binding == binding).all():
            next_side = _freed(q, w, slope, side, binding)
        if (next_side == side).all() and (next_binding == binding).all():
            return (np.clip(w, lower, upper), prices), correction
        side, binding = next_side, next_binding
    return None, CORRECTIONS


def _solved(
    q: _Question, side: Signs, binding: NDArray[np.bool_], extra: float, pull: Vector
) -> tuple[Vector, Vector, Vector] | None:
    """(weights, prices, slope with the prices) where the free names' slope is zero and the binding rows are met exactly."""
    from scipy.linalg import lapack

    free, bound = np.flatnonzero(side == 0), np.flatnonzero(binding)
    w = np.where(side < 0, q.limits.lower, np.where(side > 0, q.limits.upper, 0.0))
    held = np.flatnonzero(w)
    slope = (w[held] @ q.C[held] if len(held) else 0.0) + extra * w - pull
    of_free = q.C[free]
    among = np.ascontiguousarray(of_free[:, free])
    size = np.diagonal(among).copy()
    among[np.diag_indices_from(among)] += extra
    factor, failed = lapack.dpotrf(among, lower=1)
    if failed or (np.diagonal(factor) ** 2 < ROUNDING * size).any():
        return None
    A = q.rows[np.ix_(bound, free)]
    solved = (
        lapack.dpotrs(factor, np.column_stack([A.T, -slope[free]]), lower=1)[0]
        if len(free)
        else np.zeros((0, len(bound) + 1))
    )
    by_row, plain = solved[:, :-1], solved[:, -1]
    missing = A @ plain - (q.row_upper - q.rows @ w)[bound]
    price = np.linalg.lstsq(A @ by_row, missing, rcond=ROUNDING)[0]
    w[free] = plain - by_row @ price
    prices = np.zeros(len(q.rows))
    prices[bound] = price
    return w, prices, slope + w[free] @ of_free + np.where(side == 0, extra * w, 0.0) + prices @ q.rows


def _contradicted(
    q: _Question, w: Vector, prices: Vector, slope: Vector, side: Signs, binding: NDArray[np.bool_]
) -> tuple[Signs, NDArray[np.bool_]]:
    """The guess with everything changed that a sign speaks against."""
    level = ROUNDING * float(np.abs(slope).max() + np.abs(prices).max())
    next_side, free = side.copy(), side == 0
    next_side[free & (w < q.limits.lower - ROUNDING)] = -1
    next_side[free & (w > q.limits.upper + ROUNDING)] = 1
    movable = q.limits.lower < q.limits.upper
    next_side[(side < 0) & (slope < -level) & movable] = 0
    next_side[(side > 0) & (slope > level) & movable] = 0
    over = q.rows @ w - q.row_upper
    next_binding = np.where(binding, (prices >= -level) & (over >= -UNMET), over > ROUNDING)
    next_binding[0] = True
    return next_side, next_binding


def _freed(q: _Question, w: Vector, slope: Vector, side: Signs, binding: NDArray[np.bool_]) -> Signs:
    """The sides with the most willing name freed in each binding row that is not met because none of its names is free."""
    missing = np.where(binding, q.row_upper - q.rows @ w, 0.0)
    next_side = side.copy()
    for row in np.flatnonzero(np.abs(missing) > UNMET):
        stuck, eager = (-1, slope) if missing[row] > 0 else (1, -slope)
        able = np.flatnonzero((side == stuck) & (q.rows[row] > 0) & (q.limits.lower < q.limits.upper))
        if len(able):
            next_side[able[np.argmin(eager[able])]] = 0
    return next_side


def _proximal(q: _Question, start: Answer) -> Answer | None:
    """The minimum by steps that each add extra/2 |w - last|²: the term makes them solvable and vanishes where they end."""
    extra = PROXIMAL * (float(np.trace(q.C)) / len(q.C) or 1.0)
    w, prices = start
    centre = np.clip(w, q.limits.lower, q.limits.upper)
    for _ in range(PROXIMAL_STEPS):
        found, _ = _corrected(q, w, prices, extra, q.m + extra * centre)
        if found is None:
            return None
        w, prices = found
        if np.abs(w - centre).max() <= STILL or _gap(q, w) <= ENOUGH:
            break
        centre = w
    return w, prices


def _gap(q: _Question, w: Vector) -> float:
    """How far the objective could fall along its slope within the limits, relative to the size of its terms."""
    risk = w @ q.C
    slope = risk - q.m
    return float(slope @ (w - q.limits.best_for(-slope))) / float(np.abs(w) @ (np.abs(risk) + np.abs(q.m)) + TINY)


def _interior(q: _Question) -> Answer:
    import piqp  # type: ignore[import-untyped]  # only where guesses fail

    solver = piqp.DenseSolver()
    solver.settings.eps_abs, solver.settings.eps_rel, solver.settings.max_iter = 1e-12, 1e-12, 200
    size = float(np.trace(q.C)) / len(q.C) or 1.0
    G, caps = (q.rows[1:], q.row_upper[1:]) if len(q.rows) > 1 else (None, None)
    floor = None if caps is None else np.full(len(caps), -1.0)  # no group sums below zero
    solver.setup(q.C / size, -q.m / size, q.rows[:1], np.ones(1), G, floor, caps, q.limits.lower, q.limits.upper)
    solver.solve()
    prices = np.append(solver.result.y[:1], solver.result.z_u[: len(q.rows) - 1]) * size
    rough = np.clip(solver.result.x, q.limits.lower, q.limits.upper)
    near = np.where(rough < q.limits.lower + 1e-8, q.limits.lower, rough)
    exact, _ = _corrected(q, near, np.where(prices > 1e-8 * size, prices, 0.0), 0.0, q.m)
    return exact if exact is not None else (rough, prices)
