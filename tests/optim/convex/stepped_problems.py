"""Stepped programmes small enough to list every allowed point, and the list."""

from itertools import product

import numpy as np

from portfolio_opt.optim.convex.stepped import SteppedProgram
from portfolio_opt.optim.convex.stepped_term import SteppedTerm


def term_of(rng, n, steps=0.25, reach=1.0):
    """No change at base, a fixed cost for any, and a rate that falls where the change is large: below base and above it."""
    base = np.round(rng.uniform(0, 1, n) * 4) / 4
    step = np.full(n, steps) * rng.choice([1.0, 2.0], n)
    edge = step * rng.integers(1, 3, n)
    fixed, rate = rng.uniform(0, 0.05, n), rng.uniform(0.05, 0.2, n)
    low, high, constant, slope = (np.zeros((n, 5)) for _ in range(4))
    low[:, 0] = high[:, 0] = base
    for piece, (side, near, far, share) in enumerate(
        [(1, step, edge, 1.0), (1, edge, reach, 0.5), (-1, step, edge, 1.0), (-1, edge, reach, 0.5)], 1
    ):
        ends = np.stack([base + side * near, base + side * far])
        low[:, piece], high[:, piece] = ends.min(0), ends.max(0)
        slope[:, piece] = side * rate * share
        constant[:, piece] = fixed - side * rate * share * base
    return SteppedTerm(low, high, constant, slope, base, step)


def program_of(rng, n=4, factors=2, rows=2, curved=True, tight=1.0):
    """Feasible where nothing changes: the rows allow the base and `tight` times a random width beyond it."""
    term = term_of(rng, n)
    A = np.vstack([np.ones(n), *(rng.integers(0, 2, (rows - 1, n)) * 1.0)])[:rows]
    at = A @ term.base
    return SteppedProgram(
        loadings=rng.normal(size=(n, factors)) * 0.5 * curved,
        diagonal=rng.uniform(0.1, 0.5, n) * curved,
        linear=rng.normal(0.3, 0.5, n),
        term=term,
        rows=A,
        row_lower=np.where(rng.random(rows) < 0.5, -np.inf, at - tight * rng.random(rows)),
        row_upper=at + tight * rng.random(rows) * rng.integers(0, 2, rows),
    )


def allowed(term, i, fine=0.125):
    """Every allowed point of variable i: the grid between a piece's ends, of a piece without steps its ends and some between."""
    points = set()
    for low, high in zip(term.low[i], term.high[i], strict=True):
        if low == high:
            points.add(low)
        elif low < high and term.step[i] == 0:
            points |= {low, high, *(x for x in np.arange(-40, 41) * fine if low < x < high)}
        elif low < high:
            grid = term.base[i] + term.step[i] * np.arange(-50, 51)
            points |= {x for x in grid if low - 1e-9 <= x <= high + 1e-9}
    return sorted(points)


def value_at(term, i, x):
    """The definition, piece by piece."""
    inside = [p for p in range(term.low.shape[1]) if term.low[i, p] - 1e-9 <= x <= term.high[i, p] + 1e-9]
    on = [
        p
        for p in inside
        if term.low[i, p] == term.high[i, p]
        or term.step[i] == 0
        or abs((x - term.base[i]) / term.step[i] - round((x - term.base[i]) / term.step[i])) < 1e-6
    ]
    return min((term.constant[i, p] + term.slope[i, p] * x for p in on), default=np.inf)


def everything(program):
    """(p, n) every feasible point and (p,) its objective, by listing."""
    n = len(program.linear)
    points = np.array(list(product(*(allowed(program.term, i) for i in range(n)))))
    values = points @ program.rows.T
    points = points[((values >= program.row_lower - 1e-9) & (values <= program.row_upper + 1e-9)).all(1)]
    costs = np.array([sum(value_at(program.term, i, x[i]) for i in range(n)) for x in points])
    smooth = ((points @ program.loadings) ** 2).sum(1) / 2 + (program.diagonal * points**2).sum(1) / 2
    return points, smooth - points @ program.linear + costs
