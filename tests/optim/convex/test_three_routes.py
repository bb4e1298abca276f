"""Newton on the dual, cvxpy and the critical line find the same portfolio, whatever the risk aversion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.optim.convex import by_cvxpy, newton_dual
from portfolio_opt.optim.convex.critical_line import FactorCovariance, FrontProgram, critical_line
from portfolio_opt.optim.convex.separable import SeparableProgram

SAME = 1e-7


def market(seed, n):
    """A front with a budget, a sector cap and caps by name, some of them tight; some means equal, some names twins."""
    rng = np.random.default_rng(seed)
    loadings, specific = rng.normal(size=(n, 3)) * 0.2, rng.uniform(0.02, 0.2, n)
    mean = rng.choice([0.05, 0.1, 0.1, 0.15], n) + rng.normal(0, 0.03, n) * rng.integers(0, 2, n)
    loadings[1], specific[1], mean[1] = loadings[0], specific[0], mean[0]
    cap = np.where(rng.random(n) < 0.3, 1.2 / n, 0.6)
    rows = np.vstack([np.ones(n), np.arange(n) % 3 == 0]).astype(float)
    return FrontProgram(
        mean,
        FactorCovariance(loadings, specific),
        np.zeros(n),
        cap,
        rows,
        np.array([1.0, -np.inf]),
        np.array([1.0, 0.5]),
    )


def separable(front, aversion):
    n, root = len(front.mean), np.sqrt(aversion)
    return SeparableProgram(
        front.covariance.loadings * root,
        front.covariance.specific * aversion,
        front.mean,
        np.zeros((n, 0)),
        np.zeros((n, 1)),
        np.zeros(n),
        front.lower,
        front.upper,
        front.rows,
        front.row_lower,
        front.row_upper,
    )


def check_routes(own, seed, n, aversion):
    front = market(seed, n)
    program = separable(front, aversion)
    ours, theirs = own(program), by_cvxpy.solve(program, ("CLARABEL",))
    exact = critical_line(front).at_risk_aversion(aversion)
    assert ours.x == pytest.approx(exact, abs=SAME)
    size = 1 + abs(ours.objective)
    assert theirs.objective == pytest.approx(ours.objective, abs=SAME * size)
    assert program.objective(exact) == pytest.approx(ours.objective, abs=SAME * size)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(4, 40), aversion=st.sampled_from([0.5, 2.0, 10.0, 50.0]))
def test_three_routes_agree(seed, n, aversion):
    check_routes(newton_dual.solve, seed, n, aversion)


def test_the_check_finds_a_route_that_stops_early():
    with pytest.raises(AssertionError):
        check_routes(lambda program: newton_dual.solve(program, max_iterations=2), 1, 30, 2.0)
