"""Sets to project onto, each with points known to lie in it, its torch twin and a cvxpy statement; and the checks themselves."""

from collections.abc import Callable
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import torch
from hypothesis import strategies as st

from portfolio_opt.optim.convex import intersections as exact_intersections
from portfolio_opt.optim.convex import projections as exact
from portfolio_opt.optim.convex import projections_torch
from portfolio_opt.optim.convex.projection import Projection

ROUNDING = 1e-13


@dataclass(frozen=True)
class Sample:
    """project: the set; feasible: (points, n) in it, found without projecting; size: of its numbers"""

    project: Projection
    feasible: np.ndarray
    size: float
    on_tensors: Callable | None
    limits: Callable  # a cvxpy variable -> constraints


def filled(rng, lower, upper, total, sector, caps):
    """A vertex: from the lower bounds, names in random order take all they may."""
    q, room = lower.copy(), total - lower.sum()
    for i in rng.permutation(len(q)):
        in_sector = caps[sector[i]] - q[sector == sector[i]].sum()
        taken = max(min(upper[i] - q[i], in_sector, room), 0.0)
        q[i] += taken
        room -= taken
    return q if abs(room) <= ROUNDING * np.abs(q).sum() else None


def mixtures(rng, points):
    return np.vstack([points, rng.dirichlet(np.ones(len(points)), 4) @ points])


def simplex(rng, n, scale):
    feasible = mixtures(rng, np.vstack([np.eye(n), rng.dirichlet(np.ones(n), 3)])) * scale
    return Sample(
        exact.simplex(scale),
        feasible,
        scale,
        projections_torch.simplex(scale),
        lambda w: [w >= 0, cp.sum(w) == scale],
    )


def sectors(rng, n, scale, capped=True):
    inside = rng.normal(size=n) if rng.random() < 0.3 else rng.dirichlet(np.ones(n))
    inside *= scale
    room = rng.choice([0.0, 1.0]) * scale  # 0: the upper bounds exactly exhaust the total
    lower = np.minimum(inside, 0.0) - rng.choice([0.0, 1.0], n) * rng.random(n) * scale
    upper = inside + room * rng.random(n)
    total = inside.sum()
    sector = rng.integers(0, 3, n)
    sums = np.bincount(sector, inside, 3)
    caps = sums + rng.choice([0.0, 0.1, np.inf], 3) * scale if capped else np.full(3, np.inf)
    corners = [filled(rng, lower, upper, total, sector, caps) for _ in range(6)]
    feasible = mixtures(rng, np.array([inside, *(q for q in corners if q is not None)]))
    if capped:
        project = exact.sector_capped_simplex(lower, upper, sector, caps, total)
    else:
        project = exact.capped_simplex(lower, upper, total)
    limits = [np.asarray(sector == g, float) for g in range(3) if np.isfinite(caps[g])]
    finite = caps[np.isfinite(caps)]
    return Sample(
        project,
        feasible,
        np.abs([lower, upper]).max(),
        None if capped else projections_torch.capped_simplex(torch.tensor(lower), torch.tensor(upper), total),
        lambda w: (
            [w >= lower, w <= upper, cp.sum(w) == total] + [a @ w <= c for a, c in zip(limits, finite, strict=True)]
        ),
    )


def capped_simplex(rng, n, scale):
    return sectors(rng, n, scale, capped=False)


def box(rng, n, scale):
    lower = rng.normal(size=n) * scale
    upper = lower + rng.choice([0.0, 1.0], n) * rng.random(n) * scale
    feasible = mixtures(rng, rng.choice([0, 1], (5, n)) * (upper - lower) + lower)
    feasible = np.clip(feasible, lower, upper)
    on_tensors = projections_torch.box(torch.tensor(lower), torch.tensor(upper))
    return Sample(exact.box(lower, upper), feasible, scale, on_tensors, lambda w: [w >= lower, w <= upper])


def turnover(rng, n, scale):
    held, weights = rng.normal(size=n) * scale, 10 ** rng.uniform(-1, 1, n)
    corners = np.vstack([np.diag(scale / weights), -np.diag(scale / weights)])
    on_tensors = projections_torch.turnover(torch.tensor(held), scale, torch.tensor(weights))
    return Sample(
        exact.turnover(held, scale, weights),
        held + mixtures(rng, corners),
        np.abs(held).max() + scale / weights.min(),
        on_tensors,
        lambda w: [weights @ cp.abs(w - held) <= scale],
    )


def l1_ball(rng, n, scale):
    feasible = mixtures(rng, np.vstack([np.eye(n), -np.eye(n)])) * scale
    on_tensors = projections_torch.l1_ball(scale)
    return Sample(exact.l1_ball(scale, n), feasible, scale, on_tensors, lambda w: [cp.norm1(w) <= scale])


def halfspace(rng, n, scale):
    normal, limit = rng.normal(size=n), float(rng.normal() * scale)
    z = rng.normal(size=(6, n)) * scale
    over = np.maximum(z @ normal - limit, 0.0)
    feasible = z - (over * (1 + 1e-12) / (normal @ normal))[:, None] * normal
    on_tensors = projections_torch.halfspace(torch.tensor(normal), limit)
    return Sample(exact.halfspace(normal, limit), feasible, scale, on_tensors, lambda w: [normal @ w <= limit])


def group_caps(rng, n, scale):
    group, caps = rng.integers(0, 3, n), rng.normal(size=3) * scale
    caps = np.where(np.isin(np.arange(3), group), caps, np.inf)
    member = (group[:, None] == np.arange(3)).astype(float)
    feasible = rng.normal(size=(6, n)) * scale
    over = np.maximum(feasible @ member - caps, 0.0)
    first = [int(np.argmax(group == g)) for g in range(3)]
    for g in set(group.tolist()):
        feasible[:, first[g]] -= over[:, g] * (1 + 1e-12)
    on_tensors = projections_torch.group_caps(torch.tensor(group), torch.tensor(caps))
    return Sample(
        exact.group_caps(group, caps),
        feasible,
        scale,
        on_tensors,
        lambda w: [member[:, g] @ w <= caps[g] for g in set(group.tolist())],
    )


def turnover_capped_simplex(rng, n, scale):
    inside = rng.dirichlet(np.ones(n)) * scale
    lower = np.maximum(inside - rng.choice([0.0, 0.2, 1.0], n) * scale, 0.0)
    upper = inside + rng.choice([0.0, 0.2, 1.0], n) * scale
    held = inside + rng.normal(size=n) * scale * rng.choice([0.0, 0.3])
    weights = 10 ** rng.uniform(-1, 1, n) if rng.random() < 0.5 else np.ones(n)
    limit = weights @ np.abs(inside - held) + scale * rng.choice([0.01, 0.3, 10.0])
    feasible = [inside]
    for _ in range(6):
        corner = filled(rng, lower, upper, inside.sum(), np.zeros(n, int), np.full(1, np.inf))
        way = 1.0  # as far towards the corner as the turnover allows
        while corner is not None and weights @ np.abs(inside + way * (corner - inside) - held) > limit:
            way *= 0.8
        feasible += [inside + way * (corner - inside)] if corner is not None else []
    feasible = mixtures(rng, np.array(feasible))
    return Sample(
        exact_intersections.turnover_capped_simplex(lower, upper, held, limit, inside.sum(), weights),
        feasible,
        np.abs([lower, upper, held]).max(),
        None,
        lambda w: [w >= lower, w <= upper, cp.sum(w) == inside.sum(), weights @ cp.abs(w - held) <= limit],
    )


SETS = {
    "turnover and caps": turnover_capped_simplex,
    "simplex": simplex,
    "capped simplex": capped_simplex,
    "sector caps": sectors,
    "box": box,
    "turnover": turnover,
    "L1 ball": l1_ball,
    "halfspace": halfspace,
    "group caps": group_caps,
}
seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from([1e-8, 1e-3, 1.0, 1e3, 1e8])


@st.composite
def cases(draw, make, names=(1, 9)):
    """(the sample, rows (6, n)): far and near, with ties, all equal, single names, whatever the scale of the set."""
    rng = np.random.default_rng(draw(seeds))
    n, scale = draw(st.integers(*names)), draw(scales)
    sample = make(rng, n, scale)
    v = rng.normal(size=(6, n)) * scale * draw(st.sampled_from([1e-8, 1e-2, 1.0, 1e2, 1e8]))
    v = v + sample.feasible[rng.integers(0, len(sample.feasible), 6)] * draw(st.sampled_from([0.0, 1.0]))
    kind = draw(st.sampled_from(["any", "ties", "equal"]))
    if kind == "ties":
        v = np.round(v / np.abs(v).max() * 2) / 2 * np.abs(v).max()
    if kind == "equal":
        v = np.repeat(v[:, :1], n, axis=1)
    return sample, v


# ---- what it is to be a projection: each raises AssertionError -----------------------------------------------------


def check_feasible(sample, project, v):
    worst = sample.project.violation(np.atleast_2d(project(v))).max()
    assert worst <= ROUNDING, worst


def check_nearest(sample, project, v):
    """(v - p)'(q - p) <= 0 for every point q of the set: the definition."""
    for row, p in zip(v, project(v), strict=True):
        for q in sample.feasible:
            scale = np.linalg.norm(row) + np.linalg.norm(p) + sample.size
            assert (row - p) @ (q - p) <= 10 * ROUNDING * scale * (np.linalg.norm(q - p) + sample.size)


def check_idempotent(sample, project, v):
    p = project(v)
    assert np.abs(project(p) - p).max() <= ROUNDING * (np.abs(p).max() + sample.size)


def check_nonexpansive(sample, project, v):
    p = project(v)
    for i in range(1, len(v)):
        rounding = ROUNDING * (np.abs(v).max() + sample.size) * v.shape[1]
        assert np.linalg.norm(p[0] - p[i]) <= np.linalg.norm(v[0] - v[i]) + rounding


def check_batched_is_rowwise(sample, project, v):
    rows = np.array([project(row) for row in v])
    assert np.abs(project(v) - rows).max() <= ROUNDING * (np.abs(v).max() + sample.size)


def check_feasible_points_stay(sample, project, _):
    moved = np.abs(project(sample.feasible) - sample.feasible).max()
    assert moved <= 10 * ROUNDING * (np.abs(sample.feasible).max() + sample.size)


CHECKS = [
    check_feasible,
    check_nearest,
    check_idempotent,
    check_nonexpansive,
    check_batched_is_rowwise,
    check_feasible_points_stay,
]
