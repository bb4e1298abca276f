import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rule_markets import as_frame, beliefs, covariances, limits_for, meets, symbols

from portfolio_opt.allocate.named_rules import rule_kernels
from portfolio_opt.allocate.named_rules.hrp import hrp
from portfolio_opt.errors import InvalidInput, NoSolution


def slow_order(distance):
    """Leaves in the order of a single-linkage tree, joined one pair of clusters after another; the lower number stands left.

    Clusters are numbered as scipy numbers them: names first, then each joined pair.
    """
    members = {k: [k] for k in range(len(distance))}
    sizes_after = len(distance)
    while len(members) > 1:
        pairs = [(a, b) for a in members for b in members if a < b]
        apart = {(a, b): min(distance[i][j] for i in members[a] for j in members[b]) for a, b in pairs}
        a, b = min(pairs, key=apart.__getitem__)
        members[sizes_after] = members.pop(a) + members.pop(b)
        sizes_after += 1
    (only,) = members.values()
    return only


def slow_hrp(C, of_distances=False):
    """López de Prado 2016, section 2, word by word, with Python's lists."""
    n = len(C)
    spread = [C[i][i] ** 0.5 for i in range(n)]
    d = [[max(0.0, 0.5 * (1 - C[i][j] / spread[i] / spread[j])) ** 0.5 for j in range(n)] for i in range(n)]
    if of_distances:
        d = [[sum((d[k][i] - d[k][j]) ** 2 for k in range(n)) ** 0.5 for j in range(n)] for i in range(n)]
    order = slow_order(d)
    weight = dict.fromkeys(order, 1.0)

    def variance(part):
        inverse = [1 / C[i][i] for i in part]
        share = [x / sum(inverse) for x in inverse]
        return sum(a * b * C[i][j] for a, i in zip(share, part, strict=True) for b, j in zip(share, part, strict=True))

    def split(part):
        if len(part) < 2:
            return
        left, right = part[: len(part) // 2], part[len(part) // 2 :]
        alpha = 1 - variance(left) / (variance(left) + variance(right))
        for i in left:
            weight[i] *= alpha
        for i in right:
            weight[i] *= 1 - alpha
        split(left)
        split(right)

    split(order)
    return np.array([weight[i] for i in range(n)])


@settings(deadline=None)
@given(C=covariances(most=10, singular=False), of_distances=st.booleans())
def test_it_is_the_slow_recipe_word_by_word(C, of_distances):
    found = hrp(C, distance_of_distances=of_distances)
    np.testing.assert_allclose(found.weights, slow_hrp(C.tolist(), of_distances), rtol=1e-9)
    assert found.gap is None
    assert meets(found.weights.to_numpy())


def test_the_reference_sees_a_wrong_half(monkeypatch):
    """Here the leaves from last to first, which halves other names together."""
    C = beliefs(9, 2).covariance()
    right = rule_kernels.bisected
    monkeypatch.setattr(rule_kernels, "bisected", lambda C, order: right(np.ascontiguousarray(C.T), order[::-1].copy()))
    assert np.abs(hrp(C).weights - slow_hrp(C.tolist())).max() > 1e-4


@pytest.mark.parametrize("linkage", ["single", "complete", "average", "weighted", "centroid", "median", "ward"])
def test_every_linkage_gives_a_portfolio(linkage):
    b = beliefs(25, 3)
    found = hrp(as_frame(b.covariance()), linkage=linkage)
    assert found.weights.index.tolist() == symbols(25)
    assert meets(found.weights.to_numpy())
    np.testing.assert_allclose(hrp(b, linkage=linkage).weights, found.weights, rtol=1e-9)


def test_uncorrelated_names_are_weighed_by_inverse_variance_within_every_split_in_two():
    C = np.diag([0.04, 0.09])
    np.testing.assert_allclose(hrp(C).weights, [9 / 13, 4 / 13], rtol=1e-12)
    np.testing.assert_allclose(hrp(np.diag([1.0, 1.0, 1.0, 1.0])).weights, 0.25, rtol=1e-12)


@settings(deadline=None)
@given(data=st.data(), C=covariances())
def test_limits_are_kept_and_duplicates_do_no_harm(data, C):
    assume(np.diag(C).all())
    limits = data.draw(limits_for(len(C)))
    assert meets(hrp(C, **limits).weights.to_numpy(), **limits)


def test_refusals():
    with pytest.raises(InvalidInput, match="choose one of single, complete"):
        hrp(np.eye(3), linkage="nearest")
    with pytest.raises(NoSolution, match="B has no risk"):
        hrp(pd.DataFrame(np.diag([1.0, 0.0]), index=["A", "B"], columns=["A", "B"]))
