"""Every solver of the table on the same small statements: they agree, prove what they say, and name what they refuse."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from situations import KINDS, portfolios, situation

from portfolio_opt.allocate.solvers import by_cvxpy, fast, separable_sum, table
from portfolio_opt.allocate.solvers.answer import FEASIBLE, Found, violation
from portfolio_opt.allocate.solvers.limit_rows import stacked
from portfolio_opt.allocate.solvers.table import SOLVERS, solve
from portfolio_opt.allocate.statement.cash_limits import CashFloor, FullyInvested
from portfolio_opt.allocate.statement.count_limits import BoardLot, MaxNames, MinNames, MinPosition
from portfolio_opt.allocate.statement.gains_tax import CapitalGainsTax
from portfolio_opt.allocate.statement.holdings import Concentration, Turnover
from portfolio_opt.allocate.statement.path_risk import CVaR, MaxDrawdown, SemiVariance
from portfolio_opt.allocate.statement.returns import ExpectedReturn
from portfolio_opt.allocate.statement.term import Limit, Measure, Statement
from portfolio_opt.allocate.statement.trade_limits import Locked, MaxTurnover
from portfolio_opt.allocate.statement.trading_cost import TradingCost
from portfolio_opt.allocate.statement.variance import MaxTrackingError, TrackingError, Variance
from portfolio_opt.allocate.statement.weight_limits import GroupLimit, MaxSector, MaxWeight, SectorLimit
from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.convex import newton_dual
from portfolio_opt.optim.solution import Status

COSTS = Turnover() * 0.02
OBJECTIVES = {
    "mean and variance": ExpectedReturn() - 2.5 * Variance(),
    "with turnover": ExpectedReturn() - 2.5 * Variance() - COSTS,
    "with costs and tax": ExpectedReturn() - 2.5 * Variance() - TradingCost() - CapitalGainsTax() - COSTS,
    "tracking": 0.3 * ExpectedReturn() - 4 * TrackingError({"NAME0": 0.5}) - 0.1 * Concentration(),
    "worst paths": ExpectedReturn() - 2 * CVaR(0.9) - Variance() - COSTS,
    "drawdown": ExpectedReturn() - 2 * MaxDrawdown(0.5) - Variance(),
}
LIMITS = {
    "caps": (MaxWeight(0.5), MaxSector(0.4), CashFloor(0.05)),
    "at least half invested": (MaxWeight(0.9), FullyInvested(0.9), CashFloor(0.05), CashFloor(0.02)),
    "nothing borrowed": (CashFloor(0.0),),
}


@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(KINDS),
    objective=st.sampled_from(sorted(OBJECTIVES)),
    limits=st.sampled_from(sorted(LIMITS)),
)
@settings(max_examples=8, deadline=None)
def test_solvers_agree_and_what_they_find_is_proved(seed, kind, objective, limits):
    check_agreement(seed, kind, objective, limits)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_solvers_agree_on_many_statements(seed):
    rng = np.random.default_rng(seed)
    check_agreement(seed, rng.choice(KINDS), rng.choice(sorted(OBJECTIVES)), rng.choice(sorted(LIMITS)))


def check_agreement(seed, kind, objective, limits):
    state = situation(seed, kind)
    statement = Statement(state, OBJECTIVES[objective], LIMITS[limits])
    answers = {name: solve(statement, name) for name, each in SOLVERS.items() if each.why_not(statement) is None}
    reference = answers["cvxpy"]
    exact = all(each.gap == 0 for each in reference.measures)
    assert len(answers) >= 2
    for name, answer in answers.items():
        w = answer.weights
        assert violation(statement, w) <= FEASIBLE
        assert answer.residual == violation(statement, w)
        assert answer.objective == pytest.approx(float(statement.objective.value(state, w[None])[0]), abs=1e-12)
        assert answer.bound >= answer.objective
        assert abs(answer.bound - reference.bound) <= 1e-6, name
        assert _taken(answer) == pytest.approx(_taken(reference), abs=1e-6), name
        if exact:
            assert answer.status is Status.OPTIMAL, (name, answer.gap)
        assert np.abs(w - reference.weights).max() <= 1e-6 + _slack(answer, reference), name


def _taken(answer):
    """The objective as the solver had it, relaxations in place of what they relax."""
    return sum(each.weight * (each.value - each.gap) for each in answer.measures)


def _slack(answer, reference):
    """How far two points may lie apart whose objectives are proved to be nearly the best, at a curvature of 0.02 or more."""
    short = answer.bound - _taken(answer) + reference.bound - _taken(reference)
    return np.sqrt(2 * (max(short, 0.0) + 1e-12) / 0.02)


@pytest.mark.parametrize("name", sorted(set(SOLVERS) - {"mixed-integer"}))  # which has a file of its own
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS))
@settings(max_examples=6, deadline=None)
def test_no_portfolio_within_the_limits_exceeds_the_bound(name, seed, kind):
    state = situation(seed, kind)
    statement = Statement(state, OBJECTIVES["worst paths" if name == "bundle" else "mean and variance"], LIMITS["caps"])
    answer = solve(statement, name)
    others = portfolios(state, seed, 30)
    within = np.array([violation(statement, w) <= 1e-12 for w in others])
    assert (statement.objective.value(state, others)[within] <= answer.bound + 1e-12).all()


def test_the_same_name_twice_has_one_best_value_though_not_one_best_portfolio():
    state = situation(3, "nothing held")
    beliefs = replace(state.beliefs, mean=np.full(6, 0.1), loadings=np.zeros((6, 2)), specific=np.full(6, 0.04))
    statement = Statement(replace(state, beliefs=beliefs), 1.0 * ExpectedReturn(), LIMITS["caps"])
    values = [solve(statement, name).objective for name, each in SOLVERS.items() if each.why_not(statement) is None]
    assert len(values) >= 5
    assert np.ptp(values) <= 1e-9


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS))
@settings(max_examples=25, deadline=None)
def test_the_best_of_every_set_of_names_lies_between_what_admm_finds_and_its_bound(seed, kind):
    answer, best = _few_names(seed, kind)
    assert answer.objective <= best + 1e-9 <= answer.bound + 2e-9


def test_admm_finds_the_best_set_of_names_in_most_situations():
    short = [best - answer.objective for answer, best in (_few_names(seed, "usual") for seed in range(40))]
    assert np.mean(np.array(short) <= 1e-6) >= 0.9


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS), fewest=st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_admm_holds_as_many_names_as_it_must(seed, kind, fewest):
    limits = (MaxWeight(0.5), CashFloor(0.05), MinNames(fewest), MinPosition(0.1))
    statement = Statement(situation(seed, kind), OBJECTIVES["with turnover"], limits)
    best = _best_of_every_set(replace(statement, limits=limits[:2]), 6, 0.1, fewest)
    if best == -np.inf:
        with pytest.raises(NoSolution, match=r"at least [2-6] names"):
            solve(statement)
        return
    answer = solve(statement)
    assert answer.solver == "admm"
    assert violation(statement, answer.weights) <= FEASIBLE
    assert answer.objective <= best + 1e-9 <= answer.bound + 2e-9


def test_admm_finds_the_best_of_many_names_in_most_situations():
    limits = (MaxWeight(0.5), CashFloor(0.05), MinNames(4), MinPosition(0.1))
    short, without = [], []
    for seed in range(30):
        statement = Statement(situation(seed), OBJECTIVES["with turnover"], limits)
        short.append(_best_of_every_set(replace(statement, limits=limits[:2]), 6, 0.1, 4) - solve(statement).objective)
        without.append(
            solve(replace(statement, limits=(*limits[:2], limits[3]))).objective - solve(statement).objective
        )
    assert np.mean(np.array(short) <= 1e-6) >= 0.9
    assert np.mean(np.array(without) > 1e-6) >= 0.3  # the number does ask for something


def test_names_that_are_held_for_their_number_have_a_share():
    state = situation(3, "nothing held")
    answer = solve(Statement(state, OBJECTIVES["mean and variance"], (MaxWeight(0.9), CashFloor(0.0), MinNames(6))))
    assert (answer.weights / state.unit).min() == pytest.approx(1)


def _few_names(seed, kind):
    """What admm finds with at most three names of at least a tenth each, and the best of every set of names."""
    steps = (MaxNames(3), MinPosition(0.1))
    statement = Statement(situation(seed, kind), OBJECTIVES["with turnover"], (MaxWeight(0.5), CashFloor(0.05), *steps))
    answer = solve(statement, "admm")
    assert violation(statement, answer.weights) <= FEASIBLE
    return answer, _best_of_every_set(replace(statement, limits=statement.limits[:2]), 3, 0.1)


def _best_of_every_set(statement, most, least, fewest=0):
    total = separable_sum.separable_sum(statement)
    best = -np.inf
    for held in product([False, True], repeat=len(total.program.linear)):
        lower, upper = np.where(held, least, 0.0), np.where(held, total.program.upper, 0.0)
        if fewest <= sum(held) <= most and (lower <= upper).all():
            found = newton_dual.solve(replace(total.program, lower=lower, upper=upper))
            best = max(best, -(found.objective + total.constant) if found.status is Status.OPTIMAL else -np.inf)
    return best


@pytest.mark.parametrize("kind", KINDS)
def test_board_lots_are_kept_and_the_loss_is_bounded_by_the_relaxation(kind):
    statement = Statement(
        situation(5, kind), OBJECTIVES["with turnover"], (MaxWeight(0.5), CashFloor(0.05), BoardLot())
    )
    answer = solve(statement)
    assert answer.solver == "admm"
    assert violation(statement, answer.weights) <= FEASIBLE
    relaxed = solve(replace(statement, limits=statement.limits[:2]), "fast")
    assert answer.objective <= answer.bound <= relaxed.bound + 1e-9


def test_a_relaxed_measure_reports_its_gap_and_is_not_called_optimal():
    answer = solve(Statement(situation(1), OBJECTIVES["with costs and tax"], LIMITS["caps"]))
    cost = next(each for each in answer.measures if isinstance(each.measure, TradingCost))
    assert cost.gap > 0
    total = sum(-each.weight * each.gap for each in answer.measures)
    assert answer.gap == pytest.approx(total, abs=1e-9)  # the relaxation itself is solved to the end
    assert answer.status is Status.INACCURATE


def test_costs_are_bounded_for_what_the_limits_allow():
    closer = 0
    for seed in range(5):
        statement = Statement(situation(seed), OBJECTIVES["with costs and tax"], LIMITS["caps"])
        answer, loose = solve(statement), fast.run(statement)
        assert answer.bound <= loose.bound + 1e-12
        assert answer.objective == pytest.approx(
            float(statement.objective.value(statement.situation, answer.weights[None])[0])
        )
        assert [each.measure for each in answer.measures] == [measure for _, measure in statement.objective.terms]
        closer += answer.bound < loose.bound - 1e-6
    assert closer


@pytest.mark.parametrize("name", ["fast", "cvxpy", "projected-gradient", "critical-line", "augmented-lagrangian"])
def test_the_price_of_a_limit_is_what_relaxing_it_gains(name):
    limits = (MaxWeight(0.3), SectorLimit("Hydro Power", 0.4), CashFloor(0.1))
    statement = Statement(situation(11), OBJECTIVES["mean and variance"], limits)
    answer = solve(statement, name)
    prices = {each.limit: each.price for each in answer.prices}
    assert prices
    for k, limit in enumerate(limits):
        looser = replace(statement, limits=(*limits[:k], limit.relaxed(1e-5), *limits[k + 1 :]))
        gained = (solve(looser, "fast").objective - solve(statement, "fast").objective) / 1e-5
        assert prices.get(limit, 0.0) == pytest.approx(gained, abs=1e-4)


def test_limits_in_conflict_are_named_and_no_others():
    conflict = (MaxWeight(0.1), FullyInvested(0.1))
    statement = Statement(
        situation(0), OBJECTIVES["mean and variance"], (conflict[0], MaxSector(0.35), conflict[1], CashFloor(0.01))
    )
    for name, each in SOLVERS.items():
        if each.why_not(statement) is None:
            with pytest.raises(NoSolution) as refusal:
                solve(statement, name)
            said = str(refusal.value)
            assert all(limit.in_words() in said for limit in conflict), (name, said)
            assert "in each sector" not in said, (name, said)
            assert "in cash;" not in said.replace("left in cash;", ""), (name, said)


@pytest.mark.parametrize(
    "limits",
    [
        (MaxTurnover(0.05), FullyInvested(0.1)),
        (MaxTrackingError({"NAME1": 1.0}, 0.01), MaxWeight(0.3)),
        (MaxNames(2), MaxWeight(0.3), FullyInvested(0.3)),
        (MinNames(4), MinPosition(0.2), CashFloor(0.3)),
        (MinNames(4), MaxNames(3)),
        (SectorLimit("Tourism", 0.5, 0.3),),
        (Locked({"NAME0": 10**6}), MaxWeight(0.0)),
        (GroupLimit(((1.0, "NAME1"),), lower=0.5), MaxWeight({"NAME1": 0.2})),
    ],
)
def test_auto_names_conflicts_of_every_kind_of_limit(limits):
    with pytest.raises(NoSolution) as refusal:
        solve(Statement(situation(0), OBJECTIVES["mean and variance"], limits))
    assert all(limit.in_words() in str(refusal.value) for limit in limits)


def test_a_conflict_is_told_with_the_smallest_change_once():
    statement = Statement(situation(0), OBJECTIVES["mean and variance"], (MaxWeight(0.1), FullyInvested(0.1)))
    for name in ("auto", "fast", "cvxpy", "admm"):
        with pytest.raises(NoSolution) as refusal:
            solve(statement, name)
        change = "; the smallest change: at most 15% in each name instead of at most 10% in each name"
        assert str(refusal.value).endswith(change)
        assert str(refusal.value).count("smallest change") == 1


def test_what_cannot_be_taken_is_named_with_who_can():
    state = situation(0)
    with pytest.raises(InvalidInput, match=r"fast cannot take.*SemiVariance.*cvxpy can"):
        solve(Statement(state, ExpectedReturn() - SemiVariance()), "fast")
    with pytest.raises(InvalidInput, match=r"cvxpy cannot take.*MaxNames.*admm can"):
        solve(Statement(state, ExpectedReturn() - Variance(), (MaxNames(2),)), "cvxpy")
    with pytest.raises(InvalidInput, match=r"no solver can take.*Variance.*added"):
        solve(Statement(state, ExpectedReturn() + Variance()))
    with pytest.raises(InvalidInput, match=r"critical-line cannot take.*Turnover.*kinks"):
        solve(Statement(state, ExpectedReturn() - Variance() - Turnover()), "critical-line")
    with pytest.raises(InvalidInput, match=r"fast cannot take.*more than one MaxTurnover; cvxpy can"):
        solve(Statement(state, 1.0 * ExpectedReturn(), (MaxTurnover(0.1), MaxTurnover(0.2))), "fast")
    with pytest.raises(InvalidInput, match="did you mean cvxpy"):
        solve(Statement(state, 1.0 * ExpectedReturn()), "cvxpi")


def test_a_measure_of_ones_own_goes_where_its_readings_allow():
    class Lopsided(Measure):
        def value(self, _situation, weights):
            return (weights**3).sum(-1)

        def in_words(self):
            return "cubes"

    with pytest.raises(InvalidInput, match="Lopsided"):
        solve(Statement(situation(0), ExpectedReturn() - 1.0 * Lopsided()))

    class Cubes(Lopsided):
        def expression(self, _situation, w):
            import cvxpy as cp

            from portfolio_opt.allocate.statement.term import Expression

            return Expression(cp.sum(cp.power(w, 3)))

    answer = solve(Statement(situation(0), ExpectedReturn() - 1.0 * Cubes(), (CashFloor(0.0),)))
    assert answer.solver == "cvxpy"
    assert answer.status is Status.OPTIMAL


def test_auto_says_which_and_why():
    answer = solve(Statement(situation(0), OBJECTIVES["worst paths"], LIMITS["caps"]))
    assert answer.solver == "bundle"
    assert "fast cannot: CVaR" in answer.why


def _broken(change):
    def run(statement):
        found = fast.run(statement)
        return replace(found, **change(found))

    return replace(SOLVERS["fast"], run=run)


@pytest.mark.parametrize(
    "change",
    [
        lambda found: {"weights": found.weights + 0.2},  # beyond the caps
        lambda found: {"weights": found.weights * np.nan},
        lambda found: {"weights": -found.weights},
        lambda found: {"bound": found.bound - 0.01},  # below what the point itself reaches
    ],
)
def test_a_broken_solver_is_caught_and_auto_goes_on(monkeypatch, change):
    statement = Statement(situation(0), OBJECTIVES["mean and variance"], LIMITS["caps"])
    good = solve(statement)
    monkeypatch.setitem(table.SOLVERS, "fast", _broken(change))
    assert solve(statement, "fast").status is Status.FAILED
    answer = solve(statement)
    assert answer.solver == "cvxpy"
    assert answer.objective == pytest.approx(good.objective, abs=1e-9)
    assert any("fast" in line for line in answer.trail)
    assert "fast failed its check" in answer.why


def test_a_point_that_is_not_the_best_is_not_called_so(monkeypatch):
    statement = Statement(situation(0), OBJECTIVES["mean and variance"], LIMITS["caps"])
    monkeypatch.setitem(table.SOLVERS, "fast", _broken(lambda found: {"weights": 0.9 * found.weights}))
    answer = solve(statement, "fast")
    assert answer.status is Status.INACCURATE
    assert answer.gap > 0


def test_wrong_multipliers_of_a_cone_solver_only_worsen_the_bound(monkeypatch):
    statement = Statement(situation(0), OBJECTIVES["mean and variance"], LIMITS["caps"])
    good = solve(statement, "cvxpy")
    right = by_cvxpy.into_dual_cone
    monkeypatch.setattr(by_cvxpy, "into_dual_cone", lambda y, dims: right(0.7 * y, dims))
    answer = solve(statement, "cvxpy")
    assert answer.bound > good.bound + 1e-4
    assert answer.status is not Status.OPTIMAL


def test_rows_of_several_limits_are_one_row_with_the_tightest_sides():
    state = situation(0)
    limits: tuple[Limit, ...] = (CashFloor(0.05), FullyInvested(0.5), CashFloor(0.1))
    rows = stacked(Statement(state, 1.0 * ExpectedReturn(), limits))
    assert len(rows.rows.rows) == 1
    assert limits[rows.row_upper_by[0]] == CashFloor(0.1)
    assert limits[rows.row_lower_by[0]] == FullyInvested(0.5)


def test_found_is_not_believed_about_its_own_value():
    assert "objective" not in Found.__dataclass_fields__
    assert "status" not in Found.__dataclass_fields__
