"""Separable programmes for the tests: any with known feasible points, and ones whose optimum is known beforehand."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from portfolio_opt.optim.convex.separable import SeparableProgram

seeds = st.integers(0, 2**32 - 1)


def program_of(rng, points, *, q=2, kinks=2, factors=2, tight=False, twins=False, no_specific=False, scale=1.0):
    """A programme for which every row of `points` (p, n) is feasible.

    tight: box and rows touch the points; twins: each name stands there twice; no_specific: zero specific variance
    """
    n = points.shape[1]
    rows = rng.normal(size=(q, n))
    values = rows @ points.T
    slack = 0.0 if tight else 1.0
    row_lower = values.min(1, initial=np.inf) - slack * rng.random(q)
    row_upper = values.max(1, initial=-np.inf) + slack * rng.random(q)
    parts = {
        "loadings": rng.normal(size=(n, factors)) * scale,
        "diagonal": np.zeros(n) if no_specific else rng.uniform(0.1, 1, n) * scale**2,
        "linear": rng.normal(size=n) * scale**2,
        "kinks": np.sort(rng.choice([0.0, 0.2, 0.5, rng.random()], (n, kinks)), axis=1),  # often two at one place
        "slopes": np.sort(rng.normal(size=(n, kinks + 1)), axis=1) * scale**2,
        "origin": rng.random(n),
        "lower": points.min(0) - slack * rng.random(n),
        "upper": points.max(0) + slack * rng.random(n),
        "rows": rows,
    }
    if twins:
        half = n // 2
        for name in ("loadings", "diagonal", "linear", "kinks", "slopes", "origin"):
            parts[name][half : 2 * half] = parts[name][:half]
    free_below, free_above = rng.random(q) < 0.2, rng.random(q) < 0.2
    return SeparableProgram(
        **parts,
        row_lower=np.where(free_below, -np.inf, row_lower),
        row_upper=np.where(free_above, np.inf, row_upper),
    )


@st.composite
def programs(draw, names=(1, 6)):
    """(programme, feasible points): with ties, duplicates, no specific variance, no row, no kink, fixed variables."""
    rng = np.random.default_rng(draw(seeds))
    n = draw(st.integers(*names))
    points = rng.random((draw(st.integers(1, 4)), n))
    program = program_of(
        rng,
        points,
        q=draw(st.integers(0, 3)),
        kinks=draw(st.integers(0, 3)),
        factors=draw(st.integers(0, 3)),
        tight=draw(st.booleans()),
        twins=draw(st.booleans()),
        no_specific=draw(st.booleans()),
    )
    return program, points


@dataclass(frozen=True)
class Known:
    """A programme built backwards from its optimum."""

    program: SeparableProgram
    w: np.ndarray
    multipliers: np.ndarray


@st.composite
def known_optima(draw):
    """Choose the point and the prices first, then the linear term that makes them satisfy every first-order condition."""
    rng = np.random.default_rng(draw(seeds))
    n, q, kinks = draw(st.integers(1, 8)), draw(st.integers(0, 3)), draw(st.integers(0, 2))
    scale = 10.0 ** draw(st.sampled_from([-2, -1, 0]))
    shared = program_of(rng, rng.random((1, n)), q=q, kinks=kinks, no_specific=draw(st.booleans()), scale=scale)
    w = rng.random(n)
    place = rng.integers(0, 4, n)  # at the lower end, at the upper end, at a kink, anywhere
    if kinks:
        w = np.where(place == 2, shared.kinks[np.arange(n), rng.integers(0, kinks, n)], w)
    lower = np.where(place == 0, w, w - rng.uniform(0.1, 1, n))
    upper = np.where(place == 1, w, w + rng.uniform(0.1, 1, n))
    left, right = one_sided_slopes(shared, w)
    push = np.where(place == 0, -1.0, np.where(place == 1, 1.0, 0.0)) * rng.random(n) * scale**2
    cost_slope = left + rng.random(n) * (right - left)
    side = rng.integers(-1, 2, q)  # the row binds below, not at all, above
    multipliers = side * rng.random(q) * scale**2
    value = shared.rows @ w
    row_lower = np.where(side < 0, value, value - rng.uniform(0.1, 1, q))
    row_upper = np.where(side > 0, value, value + rng.uniform(0.1, 1, q))
    linear = shared.curvature_times(w) + cost_slope + multipliers @ shared.rows + push
    kept = {name: getattr(shared, name) for name in ("loadings", "diagonal", "kinks", "slopes", "origin", "rows")}
    return Known(
        SeparableProgram(**kept, linear=linear, lower=lower, upper=upper, row_lower=row_lower, row_upper=row_upper),
        w,
        multipliers,
    )


def one_sided_slopes(program, w):
    """Slope of each cost just left and just right of w."""
    names = np.arange(len(w))
    left = program.slopes[names, (program.kinks < w[:, None]).sum(1)]
    right = program.slopes[names, (program.kinks <= w[:, None]).sum(1)]
    return left, right
