"""Covariances that rules must cope with, and what being best within limits means."""

from datetime import date

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from portfolio_opt.forecast.beliefs import Beliefs

SECTORS = ("bank", "hydro", "other")


def symbols(n):
    return [f"S{k}" for k in range(n)]


@st.composite
def covariances(draw, least=1, most=14, singular=True):
    """(N, N): one to fourteen names, some with fewer days than names, with duplicates, or of very different size."""
    n = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days = draw(st.integers(1, 2 * n)) if singular and draw(st.booleans()) else 3 * n + 5
    r = rng.normal(size=(days, n)) * rng.uniform(0.1, 0.5, n) + rng.normal(size=(days, 1)) * 0.2
    if singular and n > 2 and draw(st.booleans()):
        r[:, 1] = r[:, 0]  # the same company twice
    r = r - r.mean(0) if draw(st.booleans()) else r
    return r.T @ r / days * draw(st.sampled_from([1.0, 1e-6, 1e4]))


@st.composite
def limits_for(draw, n):
    """Keyword limits that some portfolio of n names meets."""
    chosen = {"max_weight": draw(st.sampled_from([1.0, min(1.0, 1.5 / n), min(1.0, 3 / n)]))}
    if draw(st.booleans()):
        chosen["min_weight"] = 0.4 / n
    if n >= 3 and draw(st.booleans()):
        chosen["groups"] = [SECTORS[k % 3] for k in range(n)]
        chosen["max_group"] = draw(st.sampled_from([0.75, {"bank": 0.5}]))
        chosen["max_weight"] = max(chosen["max_weight"], min(1.0, 3 / n))
    return chosen


def beliefs(n, seed=0, mean=None):
    rng = np.random.default_rng(seed)
    return Beliefs(
        as_of=date(2026, 4, 17),
        horizon=20,
        symbols=np.array(symbols(n)),
        mean=rng.normal(0.1, 0.05, n) if mean is None else np.asarray(mean, dtype=float),
        loadings=rng.normal(size=(n, 3)) * 0.1 + np.array([0.15, 0, 0]),
        specific=rng.uniform(0.01, 0.1, n),
        standard_error=np.full(n, 0.05),
        origin="made up",
    )


def as_frame(C):
    return pd.DataFrame(C, index=symbols(len(C)), columns=symbols(len(C)))


def best_trade(w, slope, max_weight=1.0, min_weight=0.0, groups=None, max_group=None, small=1e-11):
    """The largest fall of an objective, per unit moved, that moving weight from one name to another brings within the limits.

    Such trades are the only ones to check: from one portfolio to another under nested caps leads a sum of them.
    """
    n = len(w)
    give, take = w > np.broadcast_to(min_weight, n) + small, w < np.broadcast_to(max_weight, n) - small
    best = 0.0
    for i in np.flatnonzero(give):
        for j in np.flatnonzero(take):
            if groups is not None and groups[i] != groups[j]:
                cap = max_group.get(groups[j], 1.0) if isinstance(max_group, dict) else max_group
                if sum(w[k] for k in range(n) if groups[k] == groups[j]) >= cap - small:
                    continue
            best = max(best, slope[i] - slope[j])
    return best


def meets(w, max_weight=1.0, min_weight=0.0, groups=None, max_group=None, tolerance=1e-9):
    n = len(w)
    good = abs(w.sum() - 1) <= tolerance
    good &= bool((w <= np.broadcast_to(max_weight, n) + tolerance).all())
    good &= bool((w >= np.broadcast_to(min_weight, n) - tolerance).all())
    for name in set(groups or ()):
        cap = max_group.get(name, 1.0) if isinstance(max_group, dict) else max_group
        good &= sum(w[k] for k in range(n) if groups[k] == name) <= cap + tolerance
    return good
