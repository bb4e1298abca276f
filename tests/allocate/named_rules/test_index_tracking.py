from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_markets import beliefs, best_trade, covariances, limits_for, meets, symbols

from portfolio_opt.allocate.named_rules.index_tracking import index_tracking
from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.solution import Status


def index_of(n, seed=0):
    b = np.random.default_rng(seed).pareto(1.5, n) + 0.05
    return b / b.sum()


@settings(deadline=None)
@given(data=st.data(), C=covariances(), seed=st.integers(0, 1000))
def test_no_trade_within_the_limits_follows_more_closely(data, C, seed):
    limits, b = data.draw(limits_for(len(C))), index_of(len(C), seed)
    found = index_tracking(C, b, **limits)
    w = found.weights.to_numpy()
    assert meets(w, **limits)
    size = np.sqrt(np.diag(C).max())
    assert found.status is Status.OPTIMAL
    assert best_trade(w, C @ (w - b), **limits) <= 3e-5 * size**2  # a rate: what it gains is below its square
    assert found.objective == pytest.approx(np.sqrt(max((w - b) @ C @ (w - b), 0.0)), abs=1e-7 * size)


def test_without_limits_it_is_the_index():
    found = index_tracking(beliefs(12).covariance(), index_of(12))
    np.testing.assert_allclose(found.weights, index_of(12), atol=1e-9)
    assert found.objective == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(n=st.integers(4, 9), names=st.integers(1, 4), seed=st.integers(0, 300))
def test_few_names_are_seldom_far_from_the_best_of_all_choices(n, names, seed):
    """Against every choice of names: the search may miss the best, the bounds it states may not."""
    names = min(names, n - 1)
    C, b = beliefs(n, seed).covariance(), index_of(n, seed)
    found = index_tracking(C, b, max_names=names)
    w = found.weights.to_numpy()
    assert (w > 0).sum() <= names
    assert meets(w)
    best = np.inf
    for choice in combinations(range(n), names):
        cap = np.isin(np.arange(n), choice).astype(float)
        best = min(best, index_tracking(C, b, max_weight=cap).objective)
    assert best - 1e-9 <= found.objective <= 1.25 * best + 1e-9
    assert found.objective - found.gap <= best + 1e-9
    assert found.status is (Status.LOCAL if found.gap > 1e-9 else Status.OPTIMAL)


def test_exchanges_help():
    """Shedding alone ends further away in most markets."""
    from portfolio_opt.allocate.named_rules import index_tracking as module

    better = 0
    for seed in range(10):
        C, b = beliefs(40, seed).covariance(), index_of(40, seed)
        search = index_tracking(C, b, max_names=6).objective
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module._Search, "_exchanged", lambda *given: given[-1])
            shed = index_tracking(C, b, max_names=6).objective
        assert search <= shed + 1e-12
        better += search < shed * 0.999
    assert better >= 5


def test_factor_form_and_dense_form_agree():
    b = beliefs(30, 5)
    index = dict(zip(symbols(30), index_of(30), strict=True))
    for limits in ({"max_weight": 0.1}, {"max_names": 8}, {"max_names": 8, "min_weight": 0.05, "max_weight": 0.3}):
        sparse = index_tracking(b, index, **limits)
        dense = index_tracking(b.covariance(), list(index.values()), **limits)
        np.testing.assert_allclose(sparse.weights, dense.weights.to_numpy(), atol=1e-7)
        held = sparse.weights[sparse.weights > 0]
        assert held.min() >= limits.get("min_weight", 0) - 1e-12
        assert len(held) <= limits.get("max_names", 30)


def test_groups_are_kept_with_few_names():
    groups = [k % 3 for k in range(24)]
    found = index_tracking(beliefs(24, 1), index_of(24), max_names=7, max_weight=0.2, groups=groups, max_group=0.4)
    w = found.weights.to_numpy()
    assert meets(w, 0.2, 0.0, groups, 0.4)
    assert (w > 0).sum() <= 7


def test_only_names_with_room_are_left_when_caps_are_uneven():
    """The names that follow best can take 30%; two large caps must be found among the others."""
    caps = [0.1, 0.1, 0.1, 0.1, 0.6, 0.5]
    found = index_tracking(np.eye(6), [0.25, 0.25, 0.25, 0.25, 0.0, 0.0], max_names=2, max_weight=caps)
    np.testing.assert_allclose(found.weights, [0, 0, 0, 0, 0.5, 0.5], atol=1e-9)


def test_floors_of_held_names_cost_little():
    C, b = beliefs(60, 2).covariance(), index_of(60)
    plain, floored = index_tracking(C, b, max_names=10), index_tracking(C, b, max_names=10, min_weight=0.03)
    assert floored.weights[floored.weights > 0].min() >= 0.03 - 1e-12
    assert plain.objective <= floored.objective * 1.05
    assert floored.objective <= 1.2 * plain.objective


def test_a_thousand_names():
    rng = np.random.default_rng(0)
    C = np.cov((rng.normal(size=(1500, 1000)) * 0.3 + rng.normal(size=(1500, 1)) * 0.15).T)
    found = index_tracking(C, index_of(1000), max_names=40, max_weight=0.1)
    w = found.weights.to_numpy()
    assert found.status is Status.LOCAL
    assert meets(w, 0.1)
    assert (w > 0).sum() <= 40


def test_refusals():
    C = np.eye(5)
    with pytest.raises(InvalidInput, match="at least 0 and sum to 1"):
        index_tracking(C, [0.5, 0.5, 0.5, 0, 0])
    with pytest.raises(InvalidInput, match="at least one name"):
        index_tracking(C, [0.2] * 5, max_names=0)
    with pytest.raises(NoSolution, match="2 names cannot take 100%"):
        index_tracking(C, [0.2] * 5, max_names=2, max_weight=0.3)
    with pytest.raises(NoSolution, match="cannot take 100%"):
        index_tracking(
            C, [0.2] * 5, max_names=3, min_weight=0.4, max_weight=0.4, groups=[0, 0, 0, 1, 1], max_group={"0": 0.45}
        )
    with pytest.raises(InvalidInput, match="at most max_weight"):
        index_tracking(C, [0.2] * 5, max_names=3, min_weight=0.5, max_weight=0.4)
