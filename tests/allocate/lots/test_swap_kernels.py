"""Moves that all other names answer: the model changes what the programme solved anew does, and what it makes keeps the rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.allocate.lots import search_kernels as search
from portfolio_opt.allocate.lots import swap_kernels as swap

INSIDE, MOVED, FACTORS, FINE = 6, 4, 3, 1e-9
SPENT, NEW = 0.9, 0.05


def programme(seed):
    """Names balanced inside their pieces, in two sectors of which one is full, and names at 0 that may go to NEW."""
    rng = np.random.default_rng(seed)
    n = INSIDE + MOVED
    loadings, curve = rng.normal(0, 0.3, (n, FACTORS)), rng.uniform(0.05, 0.4, n)
    x = np.zeros(n)
    x[:INSIDE] = rng.dirichlet(np.full(INSIDE, 20.0)) * SPENT
    member = np.arange(n) % 2
    price, full = rng.uniform(0.01, 0.1), rng.uniform(0.01, 0.1)  # of cash and of the full sector
    pieces = np.zeros((n, 2, 7))
    pieces[:INSIDE, 0, search.LAST] = 1.0
    pieces[:, 0, search.USE_SLOPE] = pieces[:, 1, search.USE_SLOPE] = rng.uniform(1.0, 1.02, n)
    pieces[INSIDE:, 1, [search.FIRST, search.LAST]] = NEW
    pieces[INSIDE:, 1, search.CONSTANT] = rng.normal(0, 0.002, MOVED)
    pieces[:, :, search.SIDE] = 1.0
    linear = -loadings @ (loadings.T @ x) - curve * x - price * pieces[:, 0, search.USE_SLOPE] - full * (member == 0)
    names = np.column_stack([(loadings**2).sum(1), curve, linear, np.full(n, FINE), np.zeros(n)])
    sizes = np.where(np.arange(n) < INSIDE, 1, 2)
    used = float(pieces[:, 0, search.USE_SLOPE] @ x)
    limits = np.array([used, np.inf, x[member == 0].sum(), 1.0])
    p = search.Programme(loadings, names, pieces, member, sizes, limits)
    s = search.Point(x, np.zeros(n, dtype=np.int64), loadings.T @ x, np.zeros(4))
    search.count_up(p, s)
    return p, s


def solved_anew(p, s, moved):
    """The objective's change when `moved` names are at NEW and the names inside answer by the conditions of a minimum."""
    h = p.loadings @ p.loadings.T + np.diag(p.names[:, search.CURVE])
    use, linear = p.pieces[:, 0, search.USE_SLOPE], p.names[:, search.LINEAR]
    rows = np.vstack([use, p.member == 0]).astype(float)
    x = s.x.copy()
    x[list(moved)] = NEW
    inside, fixed = np.arange(INSIDE), np.arange(INSIDE, len(x))
    matrix = np.block([[h[:INSIDE, :INSIDE], rows[:, :INSIDE].T], [rows[:, :INSIDE], np.zeros((2, 2))]])
    right = np.concatenate(
        [-linear[inside] - h[:INSIDE, INSIDE:] @ x[fixed], [p.limits[0], p.limits[2]] - rows[:, INSIDE:] @ x[fixed]]
    )
    x[inside] = np.linalg.solve(matrix, right)[:INSIDE]

    def objective(w):
        return w @ h @ w / 2 + linear @ w

    return objective(x) - objective(s.x) + p.pieces[list(moved), 1, search.CONSTANT].sum()


def check_model(seed, model):
    p, s = programme(seed)
    m = model(p, s, np.zeros(4), 20)
    assert len(m.name) == MOVED
    for a in range(MOVED):
        assert m.alone[a] == pytest.approx(solved_anew(p, s, [m.name[a]]), abs=1e-9)
        for b in range(a):
            both = m.alone[a] + m.alone[b] + m.push[a] @ m.push[b]
            assert both == pytest.approx(solved_anew(p, s, [m.name[a], m.name[b]]), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_move_and_a_pair_change_what_solving_anew_says(seed):
    check_model(seed, swap.model)


def test_the_check_finds_a_model_without_answers():
    def deaf(*arguments):
        m = swap.model(*arguments)
        return m._replace(push=np.zeros_like(m.push))

    with pytest.raises(AssertionError):
        check_model(1, deaf)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_swaps_keep_the_rows_lower_the_objective_and_end_where_no_pair_helps(seed):
    p, s = programme(seed)
    before = search.objective(p, s)
    trial = search.empty_point(len(s.x), FACTORS, 4)
    swap.swap(p, s, trial, np.zeros(4), 20, 10, 1e-8, -np.inf)
    assert search.objective(p, s) <= before + 1e-12
    assert (s.held <= p.limits + 1e-9).all()
    fresh = search.Point(s.x, s.piece, np.zeros(FACTORS), np.zeros(4))
    kept = s.factors.copy(), s.held.copy()
    search.count_up(p, fresh)
    assert np.allclose(kept[0], fresh.factors, atol=1e-12)
    assert np.allclose(kept[1], fresh.held, atol=1e-12)
