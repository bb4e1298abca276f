"""Separable programmes built backwards from a known optimum, of any scale and degeneracy, and ones known to have none."""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from portfolio_opt.optim.convex.separable import SeparableProgram

seeds = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Known:
    program: SeparableProgram
    w: np.ndarray
    multipliers: np.ndarray


def known_optimum(
    seed, n, *, k=3, q=3, kinks=2, ties=False, twins=False, deficient=False, flat=0.0, tight=False, open_ended=False
):
    """Choose the point and the prices first, then the linear term that makes them satisfy every first-order condition.

    ties: weights, kinks and slopes from few values; twins: every name twice; deficient: loadings and rows of lower rank
    flat: share of names without specific variance; tight: most names at an end of their box; open_ended: some without one
    """
    rng = np.random.default_rng(seed)
    grid = (lambda shape: rng.integers(0, 4, shape) / 4) if ties else rng.random
    loadings, rows = rng.normal(size=(n, k)), rng.normal(size=(q, n))
    if ties and q:
        rows = np.vstack([np.ones(n), rng.integers(0, 2, (q - 1, n))])
    if deficient:
        loadings = np.repeat(loadings[:, :1], k, axis=1)
        rows = np.vstack([rows[:1], np.repeat(rows[:1], q - 1, axis=0)]) if q else rows
    w = grid(n)
    at = np.sort(grid((n, kinks)), axis=1)
    place = rng.choice(
        4, n, p=[0.45, 0.45, 0.05, 0.05] if tight else [0.25] * 4
    )  # lower end, upper end, a kink, anywhere
    if kinks:
        w = np.where(place == 2, at[np.arange(n), rng.integers(0, kinks, n)], w)
    parts = {
        "loadings": loadings,
        "diagonal": np.where(rng.random(n) < flat, 0.0, rng.uniform(0.1, 1, n)),
        "kinks": at,
        "slopes": np.sort(grid((n, kinks + 1)), axis=1),
        "origin": grid(n),
        "lower": np.where(place == 0, w, w - rng.uniform(0.1, 1, n)),
        "upper": np.where(place == 1, w, w + rng.uniform(0.1, 1, n)),
    }
    inside, push = rng.random(n), rng.random(n)  # where in the interval of its slopes; how hard against its end
    if twins:
        half = n // 2
        for array in (w, place, inside, push, *parts.values()):
            array[half : 2 * half] = array[:half]
        rows[:, half : 2 * half] = rows[:, :half]
    if open_ended:
        parts["lower"] = np.where(place == 0, w, -np.inf)
        parts["upper"] = np.where(place == 1, w, np.inf)
    side = rng.integers(-1, 2, q)
    multipliers = side * rng.random(q)
    value = rows @ w
    equal = rng.random(q) < 0.3
    draft = SeparableProgram(
        **parts,
        linear=np.zeros(n),
        rows=rows,
        row_lower=np.where(equal | (side < 0), value, np.where(rng.random(q) < 0.5, -np.inf, value - 1)),
        row_upper=np.where(equal | (side > 0), value, np.where(rng.random(q) < 0.5, np.inf, value + 1)),
    )
    left, right = one_sided_slopes(draft, w)
    slope = left + inside * (right - left)
    against = push * np.where(place == 0, -1, np.where(place == 1, 1, 0))
    return Known(replace(draft, linear=draft.curvature_times(w) + slope + multipliers @ rows + against), w, multipliers)


@st.composite
def known_optima(draw, names=(2, 60), flat=(0.0, 0.0, 0.3, 1.0), scaled=True):
    """Known optima over every kind of degeneracy, in any unit of money and of weight."""
    known = known_optimum(
        draw(seeds),
        draw(st.integers(*names)),
        k=draw(st.integers(0, 6)),
        q=draw(st.integers(0, 5)),
        kinks=draw(st.integers(0, 4)),
        ties=draw(st.booleans()),
        twins=draw(st.booleans()),
        deficient=draw(st.booleans()),
        flat=draw(st.sampled_from(flat)),
        tight=draw(st.booleans()),
    )
    exponents = st.sampled_from([-8, -4, 0, 0, 0, 4, 8]) if scaled else st.just(0)
    return in_units(known, 10.0 ** draw(exponents), 10.0 ** draw(exponents))


def in_units(known, money, weight):
    """The same with the objective counted in other units of money, and the variables in other units of weight."""
    p = known.program
    scaled = SeparableProgram(
        loadings=p.loadings * np.sqrt(money) / weight,
        diagonal=p.diagonal * money / weight**2,
        linear=p.linear * money / weight,
        kinks=p.kinks * weight,
        slopes=p.slopes * money / weight,
        origin=p.origin * weight,
        lower=p.lower * weight,
        upper=p.upper * weight,
        rows=p.rows,
        row_lower=p.row_lower * weight,
        row_upper=p.row_upper * weight,
    )
    return Known(scaled, known.w * weight, known.multipliers * money / weight)


def permuted(program, order):
    """The same with its names in another order."""
    rows = {"rows": program.rows[:, order], "row_lower": program.row_lower, "row_upper": program.row_upper}
    return SeparableProgram(**{name: array[order] for name, array in vars(program).items() if name not in rows}, **rows)


def infeasible(seed, n, shortfall, *, flat=0.0, open_ended=False):
    """A programme whose rows ask for a little more, relative to the whole, than the box or the other rows allow."""
    rng = np.random.default_rng(seed)
    p = known_optimum(seed, n, q=3, flat=flat, open_ended=open_ended).program
    if open_ended:  # two rows that contradict each other
        rows = np.vstack([p.rows[0], p.rows[1], -2 * p.rows[0]])
        low = np.array([1.0, -np.inf, -2 + 2 * shortfall])
        return replace(p, rows=rows, row_lower=low, row_upper=np.full(3, np.inf))
    budget = np.abs(rng.normal(size=n)) + 0.1
    most = float(budget @ p.upper)
    need = most + shortfall * float(budget @ np.abs(p.upper))
    rows = np.vstack([budget, p.rows[1:]])
    return replace(p, rows=rows, row_lower=np.array([need, -np.inf, -np.inf]), row_upper=np.full(3, np.inf))


def unbounded(seed, n):
    """A programme with a direction that factors, rows and box allow, and along which the objective falls."""
    rng = np.random.default_rng(seed)
    p = known_optimum(seed, n, k=1, q=1, flat=1.0, open_ended=True).program
    direction = np.zeros(n)
    direction[-3:] = rng.normal(size=3)
    loadings, rows = p.loadings.copy(), p.rows.copy()
    for array in (loadings.T, rows):
        array[0] -= direction * (array[0] @ direction) / (direction @ direction)
    lower, upper = p.lower.copy(), p.upper.copy()
    lower[-3:], upper[-3:] = -np.inf, np.inf
    linear = p.linear + direction * (1 + np.abs(p.linear).max() + np.abs(p.slopes).max()) * 10 / np.abs(direction).max()
    value = rows @ np.clip(0.0, lower, upper)
    return replace(
        p,
        loadings=loadings,
        rows=rows,
        lower=lower,
        upper=upper,
        linear=linear,
        row_lower=value - 1,
        row_upper=value + 1,
    )


def one_sided_slopes(program, w):
    """Slope of each cost just left and just right of w."""
    names = np.arange(len(w))
    left = program.slopes[names, (program.kinks < w[:, None]).sum(1)]
    right = program.slopes[names, (program.kinks <= w[:, None]).sum(1)]
    return left, right
