"""The front with exactly so many names: equal to trying every support, always feasible, the same for the same seed."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex.critical_line import critical_line, fully_invested
from portfolio_opt.optim.evolve.support_kernels import best_weights
from portfolio_opt.optim.evolve.supports import names_front

SHARES = np.array(
    [0.0, 0.003, 0.02, 0.1, 0.3, 0.7, 1.5, 5.0]
)  # of the appetite at which risk and return weigh the same


def market(rng, n, kind="plain"):
    """Mean and covariance: plain, of low rank, with every name twice, or of names that have nothing in common."""
    root = rng.normal(size=(n, n // 3 if kind == "low rank" else n)) * 0.2
    mean, covariance = rng.normal(size=n) * 0.1, root @ root.T
    if kind == "twins":
        first = np.arange(n) // 2
        return mean[first], covariance[np.ix_(first, first)]
    return mean, np.diag(np.diagonal(covariance)) if kind == "diagonal" else covariance


def solved(mean, covariance, appetite, floor, cap):
    """The best weights of all names in [floor, cap] by our kernel, and their objective."""
    k = len(mean)
    room = np.empty((k, k)), np.empty((k, k)), np.empty((3, k)), np.empty(k, np.int64)
    w = np.full(k, 1 / k)
    value = best_weights(covariance, mean, appetite, 0.0, np.arange(k), k, floor, cap, w, *room)
    return w, value


def every_support(mean, covariance, names, floor, cap):
    """The exact front of each support, by the critical line."""
    for held in map(list, combinations(range(len(mean)), names)):
        yield held, critical_line(fully_invested(mean[held], covariance[np.ix_(held, held)], floor, cap))


CASES = [
    (12, 2, 0.05, 1.0, "plain"),
    (12, 3, 0.2, 0.5, "plain"),
    (11, 4, 0.01, 0.4, "low rank"),
    (10, 5, 0.05, 1.0, "twins"),
    (10, 3, 0.25, 1.0, "diagonal"),
]


@pytest.mark.parametrize(("n", "names", "floor", "cap", "kind"), CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_support_at_all_has_a_better_portfolio(n, names, floor, cap, kind, seed):
    mean, covariance = market(np.random.default_rng(seed), n, kind)
    found = names_front(mean, covariance, names, floor, cap, rounds=20)
    appetites = SHARES * np.diagonal(covariance).mean() / np.ptp(mean)
    best, ours = np.full(len(appetites), np.inf), np.full(len(appetites), np.inf)
    least = np.full(len(found.mean) - 1, np.inf)  # variance at the mean halfway between two points
    halfway = (found.mean[1:] + found.mean[:-1]) / 2
    held_by_us = {tuple(np.flatnonzero(w)) for w in found.weights}
    for held, front in every_support(mean, covariance, names, floor, cap):
        w = np.array([front.at_risk_aversion(1 / t if t > 0 else np.inf) for t in appetites])
        own = covariance[np.ix_(held, held)]
        values = ((w @ own) * w).sum(1) / 2 - appetites * (w @ mean[held])
        best = np.minimum(best, values)
        if tuple(held) in held_by_us:
            ours = np.minimum(ours, values)
        there = np.flatnonzero(halfway <= front.mean[0])[::20]
        w = np.array([front.at_return(max(m, front.mean[-1])) for m in halfway[there]]).reshape(-1, names)
        least[there] = np.minimum(least[there], ((w @ own) * w).sum(1))
    np.testing.assert_allclose(ours, best, rtol=0, atol=1e-9 * np.diagonal(covariance).mean())
    # the next point of ours has a larger mean than halfway: its variance may exceed the least by one step of the front, no more
    tried = np.isfinite(least)
    one_step = np.maximum(np.diff(found.variance), 0.004 * np.ptp(found.variance))
    assert (found.variance[1:] <= least + one_step)[tried].all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("names", [2, 3, 4, 5])
def test_no_support_of_sixteen_names_has_a_better_portfolio(names, seed):
    test_no_support_at_all_has_a_better_portfolio(16, names, 0.03, 0.8, "plain", seed)


covariances = st.sampled_from(["plain", "low rank", "twins", "diagonal", "none"])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), covariances, st.sampled_from([0.0, 1e-3, 0.3, 1.0, 1e3]))
def test_no_trade_within_a_support_pays(seed, k, kind, appetite):
    rng = np.random.default_rng(seed)
    mean, covariance = (rng.normal(size=k), np.zeros((k, k))) if kind == "none" else market(rng, k, kind)
    floor, cap = rng.choice([0.0, 0.5, 1.0]) / k, min(1.0, rng.choice([1.0, 1.5, 100.0]) / k)
    w, value = solved(mean, covariance, appetite, floor, cap)
    slope = covariance @ w - appetite * mean
    size = max(np.abs(covariance).max(), np.abs(appetite * mean).max())
    assert w.sum() == pytest.approx(1, abs=1e-12)
    assert (w >= floor).all()
    assert (w <= cap).all()
    assert value == pytest.approx(w @ covariance @ w / 2 - appetite * mean @ w, abs=1e-12 * size)
    can_sell, can_buy = w > floor, w < cap
    if can_sell.any() and can_buy.any():
        assert slope[can_sell].max() <= slope[can_buy].min() + 1e-9 * size


@pytest.mark.parametrize("kind", ["plain", "low rank", "twins", "diagonal"])
@pytest.mark.parametrize(
    ("names", "floor", "cap"), [(1, 0.5, 1.0), (6, 0.01, 0.3), (7, 1 / 7, 1.0), (5, 0.0, 0.2), (30, 0.01, 1)]
)
def test_every_point_is_feasible_and_none_dominates_another(kind, names, floor, cap):
    mean, covariance = market(np.random.default_rng(3), 30, kind)
    found = names_front(mean - 1.0, covariance, names, floor, cap, rounds=3, points=300)
    assert 1 <= len(found.weights) <= 300
    assert ((found.weights != 0).sum(1) == names).all() or floor == 0
    held = found.weights[found.weights != 0]
    assert (held >= floor).all()
    assert (held <= cap).all()
    np.testing.assert_allclose(found.weights.sum(1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.mean, found.weights @ (mean - 1.0), rtol=1e-12)
    assert (np.diff(found.mean) > 0).all()
    assert (np.diff(found.variance) > 0).all()


def test_the_ends_are_the_largest_mean_and_the_smallest_variance():
    mean, covariance = market(np.random.default_rng(4), 12)
    found = names_front(mean, covariance, 4, 0.1, 0.5, rounds=10)
    order = np.argsort(-mean)
    np.testing.assert_allclose(found.weights[-1][order[:4]], [0.5, 0.3, 0.1, 0.1], atol=1e-15)
    least = min(front.variance[-1] for _, front in every_support(mean, covariance, 4, 0.1, 0.5))
    assert found.variance[0] == pytest.approx(least, rel=1e-12)


def test_the_same_seed_gives_the_same_bytes():
    mean, covariance = market(np.random.default_rng(5), 40)
    one, two, other = (names_front(mean, covariance, 6, 0.02, rounds=3, seed=seed) for seed in (7, 7, 8))
    assert one.weights.tobytes() == two.weights.tobytes()
    assert (one.solved, one.rounds, one.out_of_time) == (two.solved, 3, False)
    assert one.solved != other.solved


def test_equal_means_leave_one_portfolio():
    _, covariance = market(np.random.default_rng(6), 10)
    found = names_front(np.full(10, 0.1), covariance, 3, 0.1, rounds=10)
    least = min(front.variance[-1] for _, front in every_support(np.full(10, 0.1), covariance, 3, 0.1, 1.0))
    assert len(found.weights) == 1
    assert found.variance[0] == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("kind", ["zero", "one factor"])
def test_without_risk_of_its_own_the_largest_mean_is_found(kind):
    rng = np.random.default_rng(7)
    mean, beta = rng.normal(size=15), rng.normal(size=15)
    covariance = np.zeros((15, 15)) if kind == "zero" else np.outer(beta, beta)
    found = names_front(mean, covariance, 4, 0.1, rounds=2)
    top = np.sort(mean)[-4:]
    assert np.isfinite(found.weights).all()
    assert found.mean[-1] == pytest.approx(top @ [0.1, 0.1, 0.1, 0.7])


def test_time_ends_the_search():
    mean, covariance = market(np.random.default_rng(8), 30)
    names_front(mean, covariance, 5, 0.01, rounds=1)
    found = names_front(mean, covariance, 5, 0.01, seconds=0.3, points=200)
    assert found.out_of_time
    assert found.solved > 0
    assert len(found.weights) > 1
    assert not names_front(mean, covariance, 5, 0.01, seconds=60, rounds=1).out_of_time


BAD = {
    "names is 7": {"names": 7},
    "names": {"names": 0},
    "lower the floor": {"floor": 0.4},
    "raise the cap or hold more": {"cap": 0.3},
    "floor is": {"floor": -0.1},
    "above cap": {"floor": 0.3, "cap": 0.2},
    "mean holds": {"mean": np.array([0.1, np.nan, 0.1, 0.1, 0.1, 0.1])},
    "covariance has shape": {"covariance": np.eye(5)},
    "covariance holds": {"covariance": np.full((6, 6), np.inf)},
    "not positive semidefinite": {"covariance": -np.eye(6)},
    "not symmetric": {"covariance": np.triu(np.ones((6, 6)))},
    "mean has shape": {"mean": np.ones((6, 1))},
    "floor": {"floor": np.nan},
    "seconds": {"seconds": -1.0},
    "rounds": {"rounds": 1.5},
    "seed": {"seed": -1},
    "points": {"points": 1},
}


@pytest.mark.parametrize("said", BAD)
def test_bad_input_is_refused_by_name(said):
    good = {"mean": np.linspace(0, 1, 6), "covariance": np.eye(6), "names": 3, "floor": 0.1}
    with pytest.raises(InvalidInput, match=said):
        names_front(**good | BAD[said])
