"""An answer over draws of the beliefs: what the draws obey, and what is counted over them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from small_markets import TRADE_DATE, random_problem, written

from portfolio_opt.allocate.decide import decide
from portfolio_opt.allocate.problem import Limits
from portfolio_opt.allocate.why.robustness import (
    Stability,
    drawn_covariance,
    drawn_means,
    stability,
)
from portfolio_opt.errors import InvalidInput, NoSolution

LOOSE = Limits(max_weight=0.3, max_sector=1.0)
DRAWS = 4000
TODAY = TRADE_DATE - timedelta(days=3)


def problem_of(seed=0, names=12, error=0.05):
    """Cash and four holdings among names at NPR 200 to 600, with standard errors as given."""
    close = (20_000 + 3_600 * np.arange(names)) // 100 * 100
    lots = [(i, 2_000, 2_000 * int(close[i]), 100 + 200 * i) for i in range(4)]
    found = written(close, 500_000_000, lots, LOOSE, seed=seed)
    return with_error(found, error)


def with_error(problem, error):
    beliefs = replace(problem.beliefs, standard_error=np.full(len(problem.beliefs.mean), error))
    return replace(problem, beliefs=beliefs)


def drawn(problem, seed=0, **given):
    return stability(problem, np.random.default_rng(seed), **given)


# ---- the law of the draws


def errs_as_said(draw, beliefs):
    """Whether drawn means have the standard errors said, centred, and the correlations of the returns."""
    off = draw(beliefs, DRAWS, np.random.default_rng(0)) - beliefs.mean
    covariance = beliefs.covariance()
    correlation = covariance / np.outer(beliefs.volatility, beliefs.volatility)
    scale = beliefs.standard_error
    return (
        np.abs(off.mean(0) / scale).max() < 5 / np.sqrt(DRAWS)
        and np.abs(off.std(0) / scale - 1).max() < 0.1
        and np.abs(np.corrcoef(off.T) - correlation).max() < 0.08
    )


def too_small(beliefs, draws, rng):
    return beliefs.mean + (drawn_means(beliefs, draws, rng) - beliefs.mean) * beliefs.standard_error


def each_for_itself(beliefs, draws, rng):
    return beliefs.mean + beliefs.standard_error * rng.standard_normal((draws, len(beliefs.mean)))


def test_means_are_drawn_in_their_standard_errors_and_err_together():
    beliefs = replace(problem_of().beliefs, standard_error=np.linspace(0.01, 0.2, 12))
    assert errs_as_said(drawn_means, beliefs)
    assert not errs_as_said(too_small, beliefs)
    assert not errs_as_said(each_for_itself, beliefs)


def test_the_covariance_is_drawn_around_itself_as_widely_as_its_observations_allow():
    beliefs, n, rng = problem_of().beliefs, 100, np.random.default_rng(0)
    market = np.full(12, 1 / 12)
    draws = [drawn_covariance(beliefs, n, rng) for _ in range(1500)]
    variance = np.array([((market @ F) ** 2).sum() for F, _ in draws])
    true = ((market @ beliefs.loadings) ** 2).sum()
    assert variance.mean() == pytest.approx(true, rel=0.03)
    assert variance.std() / true == pytest.approx(np.sqrt(2 / n), rel=0.15)  # of a sample variance
    specific = np.array([d for _, d in draws])
    assert specific.mean(0) == pytest.approx(beliefs.specific, rel=0.03)
    assert specific.std(0) / beliefs.specific == pytest.approx(np.full(12, np.sqrt(2 / n)), rel=0.1)
    alone = np.array([(F**2).sum(1) for F, _ in draws]).std(0)
    assert (alone / (beliefs.loadings**2).sum(1) > np.sqrt(2 / n) * 0.8).all()


def test_with_very_many_observations_the_covariance_is_nearly_known():
    beliefs = problem_of().beliefs
    loadings, specific = drawn_covariance(beliefs, 10**6, np.random.default_rng(0))
    assert loadings @ loadings.T == pytest.approx(beliefs.loadings @ beliefs.loadings.T, rel=0.02, abs=1e-4)
    assert specific == pytest.approx(beliefs.specific, rel=0.01)


# ---- what is counted


def test_without_any_error_all_draws_agree_on_the_answer():
    found = drawn(problem_of(error=0.0), draws=40, covariances=0)
    assert found.low == pytest.approx(found.answer, abs=1e-9)
    assert found.high == pytest.approx(found.answer, abs=1e-9)
    assert (found.agreement == 1).all()
    assert set(found.held.tolist()) == {0.0, 1.0}
    shaken = drawn(problem_of(error=0.05), draws=40, covariances=0)
    assert (shaken.high - shaken.low).max() > 0.01  # the check sees draws that differ


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_of_a_weight_covers_the_answer(seed):
    found = drawn(problem_of(seed), draws=300)
    inside = (found.low <= found.answer + 1e-9) & (found.answer <= found.high + 1e-9)
    assert inside.mean() >= 0.9
    assert (found.low <= found.high).all()
    assert (found.high <= LOOSE.max_weight + 1e-6).all()
    shifted = drawn(replace(problem_of(seed), risk_aversion=40.0), draws=300)  # another question's intervals
    assert ((shifted.low <= found.answer + 1e-9) & (found.answer <= shifted.high + 1e-9)).mean() < 0.9


def test_greater_errors_make_wider_intervals():
    widths = [(lambda s: (s.high - s.low).sum())(drawn(problem_of(error=e), draws=200)) for e in (0.005, 0.03, 0.15)]
    assert widths[0] < widths[1] < widths[2]
    fewer = [
        (lambda s: (s.high - s.low).sum())(drawn(problem_of(error=0.0), draws=200, observations=n))
        for n in (5000, 500, 50)
    ]
    assert fewer[0] < fewer[1] < fewer[2]


def test_the_same_seed_gives_the_same_figures_on_any_number_of_cores():
    problem = problem_of()
    one, two, three = drawn(problem, 1, draws=200), drawn(problem, 1, draws=200, cores=1), drawn(problem, 2, draws=200)
    for name in ("answer", "low", "high", "held", "bought", "sold"):
        assert (getattr(one, name) == getattr(two, name)).all()
    assert (one.low != three.low).any()
    assert (one.answer == three.answer).all()


def test_random_problems_keep_their_bounds_in_every_draw():
    for seed in range(25):
        found = drawn(random_problem(seed, most_names=8), draws=30, covariances=3)
        assert found.draws + found.unsolved == 30
        assert found.unsolved == 0
        assert (found.low >= -1e-7).all()
        assert ((found.bought + found.sold) <= 1 + 1e-12).all()
        assert ((found.agreement >= 0) & (found.agreement <= 1)).all()


def counted():
    """Two names of which a share is 1% of wealth, and four draws written out."""
    weights = np.array([[0.10, 0.00], [0.20, 0.00], [0.20, 0.004], [0.20, 0.05]])
    now, answer = np.array([0.10, 0.05]), np.array([0.20, 0.0])
    return Stability.of(np.array(["A", "B"]), np.full(2, 0.01), now, answer, weights, 1)


def test_names_are_counted_from_half_a_share_on():
    found = counted()
    assert found.held.tolist() == [1.0, 0.25]
    assert found.bought.tolist() == [0.75, 0.0]
    assert found.sold.tolist() == [0.0, 0.75]
    assert found.agreement.tolist() == [0.75, 0.75]
    assert found.low[0] == pytest.approx(np.quantile([0.1, 0.2, 0.2, 0.2], 0.05))
    assert (found.draws, found.unsolved) == (4, 1)


def test_the_words_say_how_often_and_how_far():
    words = counted().in_words()
    drawn = "4 draws of the estimated returns and risks within their errors"
    assert words[0] == f"0 of 2 orders go the same way in at least 80% of {drawn}; 1 more had no certified answer"
    assert words[1] == (
        "A: 20.0% of wealth, 11.5% to 20.0% in nine of ten draws; held in 100%, bought in 75%, sold in 0%"
    )
    assert words[2].startswith("B: 0.0% of wealth, 0.0% to ")
    still = Stability.of(np.array(["A"]), np.full(1, 0.01), np.full(1, 0.1), np.full(1, 0.1), np.full((5, 1), 0.1), 0)
    assert still.in_words()[0].startswith("no order is made, and every name is left alone in at least 100% of 5 draws")
    sold = still.beside(np.array([0])).in_words()[0]
    assert sold.startswith("0 of 1 order go the same way")


def test_beside_whole_shares_the_draws_are_the_same_and_the_trades_those_of_the_shares():
    found = counted().beside(np.array([12, 5]))
    assert found.answer.tolist() == [0.12, 0.05]
    assert found.agreement.tolist() == [0.75, 0.25], "A is bought in three draws of four, B is left alone in one"
    assert (found.low == counted().low).all()


def test_names_that_nobody_would_miss_are_not_noteworthy():
    drawn = np.array([[0.0, 0.1, 0.0, 0.0], [0.0, 0.1, 0.0, 0.1], [0.0, 0.0, 0.0, 0.0]])
    nothing = np.zeros(4)
    symbols, unit = np.array(["HELD", "OFTEN", "PLANNED", "RARE"]), np.full(4, 0.01)
    now, answer = np.array([0.1, 0, 0, 0]), np.array([0, 0, 0.1, 0])
    assert Stability.of(symbols, unit, now, answer, drawn, 0).noteworthy == [2, 0, 1]
    assert Stability.of(symbols, unit, nothing, nothing, drawn, 0).noteworthy == [1]


@pytest.mark.parametrize("given", [{"draws": 0}, {"draws": 10_001}, {"covariances": -1}, {"observations": 0}])
def test_what_cannot_be_drawn_is_refused(given):
    with pytest.raises(InvalidInput, match="choose at least"):
        drawn(problem_of(), **given)


# ---- a plan beside draws


@pytest.mark.parametrize("seed", range(3))
def test_a_plan_stands_beside_the_draws_with_its_own_orders(seed):
    problem = problem_of(seed)
    plan = decide(problem, TODAY, draws=60)
    units = {row.symbol: row.units for row in plan.after.holdings}
    planned = np.array([units.get(symbol, 0) for symbol in problem.day.symbols.tolist()]) * problem.unit
    assert plan.stability.answer == pytest.approx(planned)
    for order in plan.orders:
        i = problem.day.symbols.tolist().index(order.symbol)
        made = plan.stability.bought if order.side == "BUY" else plan.stability.sold
        assert plan.stability.agreement[i] == made[i]
    assert decide(problem, TODAY).stability is None
    assert decide(problem, TODAY) == plan, "draws change no decision"
    again, other = decide(problem, TODAY, draws=60), decide(problem, TODAY, seed=1, draws=60)
    assert (again.stability.low == plan.stability.low).all()
    assert (other.stability.bought != plan.stability.bought).any()


def test_a_plan_whose_draws_cannot_be_solved_is_still_a_plan_and_says_so(monkeypatch):
    def unsolved(*_):
        raise NoSolution("none of 60 draws of the beliefs has a certified answer")

    monkeypatch.setattr("portfolio_opt.allocate.decide.stability", unsolved)
    plan = decide(problem_of(), TODAY, draws=60)
    assert plan.orders
    assert plan.stability is None
    assert plan.notes[-1].startswith("how sure the orders are is not known")
    assert not any("how sure" in note for note in decide(problem_of(), TODAY).notes)
