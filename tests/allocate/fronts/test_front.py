"""Fronts of whole-share plans: legal to the paisa, non-dominated, complete, repeatable, and near the best there is."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from every_plan import a_problem, every_plan
from sample_plans import AS_OF, market, random_account

from portfolio_opt import pareto
from portfolio_opt.allocate.book import book_of, terms_of
from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.decide import orders_for
from portfolio_opt.allocate.fronts import pareto as engine
from portfolio_opt.allocate.fronts.aims import AIMS, Aim, aims_of, values_of
from portfolio_opt.allocate.fronts.front import merged
from portfolio_opt.allocate.fronts.pareto import front_of
from portfolio_opt.allocate.fronts.references import unreached
from portfolio_opt.allocate.lots.whole import money
from portfolio_opt.allocate.problem import Limits
from portfolio_opt.allocate.statement.cash_limits import FullyInvested
from portfolio_opt.allocate.statement.term import Measure
from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.market.account import Account
from portfolio_opt.optim.evolve.domination import hypervolume, non_dominated

RICH = Account((), 200_000_000)


def front_for(account, aims=("return", "volatility"), **options):
    panel, beliefs, _ = market()
    options = {"points": 20, "rounds": 4} | options
    beliefs = options.pop("beliefs", beliefs)
    return pareto(panel, account, aims, as_of=AS_OF, beliefs=beliefs, **options)


def check_plans(front):
    """Every plan is whole, legal, paid for and within its caps."""
    problem, day = front.problem, front.problem.day
    assert np.isfinite(front.values).all()
    for units in front.units:
        change = units - problem.held
        bought, sold = change[change > 0], -change[change < 0]
        assert (bought >= day.lot[change > 0]).all()
        kept = units[change < 0]
        lots = day.lot[change < 0]
        assert ((sold >= lots) | (kept == 0)).all()
        assert ((kept >= lots) | (kept == 0)).all()
        assert (change[~day.can_buy] <= 0).all()
        orders, _ = orders_for(problem, units, lambda _i, _on: "")
        cash = problem.cash + sum(order.net_cash for order in orders)
        odd = sum(max(order.net_cash, 0) for order in orders if order.board == "ODD")
        assert cash - odd >= problem.floor or (units <= problem.held).all()
        paid = money(terms_of(problem), book_of(problem), units[None])
        assert problem.cash + int(paid.cash[0]) == cash
        wealth = int(units @ day.close) + problem.outside_value + cash
        over = units * day.close > np.maximum(problem.limits.name_caps(day.symbols.tolist()) * wealth, 0) + 1
        assert (units[over] <= problem.held[over]).all()


@pytest.mark.parametrize("seed", range(4))
def test_plans_are_legal_mutually_non_dominated_and_sorted(seed):
    front = front_for(random_account(seed))
    check_plans(front)
    assert non_dominated(-front.values).all()
    assert (np.diff(front.values[:, 0]) <= 0).all()
    assert len(front) <= 20
    assert front.values == pytest.approx(values_of(front.aims, front.problem, front.weights))


def test_the_front_holds_the_best_plan_found_of_every_aim():
    few, many = front_for(RICH, points=5), front_for(RICH, points=30)
    for k in range(2):
        assert few.values[:, k].max() >= many.values[:, k].max() - 2e-4 * np.ptp(many.values[:, k]) - 1e-4


def test_the_plain_front_is_proved_near_the_best_and_never_above_its_bounds():
    front = front_for(RICH, points=30, rounds=10)
    weights, bounds_ = front.relaxation.weights, front.relaxation.bounds
    assert (weights @ front.values.T <= bounds_[:, None] + 1e-9).all()
    assert front.certified >= 0.9
    assert 0.99 <= front.of_relaxation <= 1


def test_a_bound_that_is_none_is_found():
    front = front_for(RICH)
    low = replace(front, relaxation=replace(front.relaxation, bounds=front.relaxation.bounds - 0.01))
    assert not (low.relaxation.weights @ low.values.T <= low.relaxation.bounds[:, None] + 1e-9).all()


@pytest.mark.parametrize(
    "aims",
    [("gross-return", "cvar", "cost"), ("return", "volatility", "turnover", "concentration"), ("return", "drawdown"),
     ("return", "days-to-exit", "tax", "volatility", "cvar")],
    ids=lambda aims: " ".join(aims),
)  # fmt: skip
def test_other_aims_give_legal_fronts_too(aims):
    front = front_for(random_account(3), aims, beliefs=None, points=12, rounds=2)
    check_plans(front)
    assert non_dominated(-front.values).all()
    assert len(front) >= 2


def test_limits_on_names_and_sectors_are_kept_by_every_plan():
    front = front_for(RICH, further=["names <= 12", "Hydro Power <= 0.2"])
    inside = front.problem.day.sector == "Hydro Power"
    assert ((front.units > 0).sum(1) <= 12).all()
    assert (front.weights[:, inside].sum(1) <= 0.2 + 1e-9).all()


@pytest.mark.parametrize("how", [{}, {"engine": "nsga2", "rounds": 3}], ids=["climbs", "nsga2"])
def test_the_same_seed_and_rounds_give_the_same_front(how):
    account = random_account(5)
    one, two = front_for(account, **how), front_for(account, **how)
    assert np.array_equal(one.units, two.units)
    assert np.array_equal(one.values, two.values)


@pytest.mark.parametrize("how", [{}, {"engine": "nsga2", "rounds": 3}], ids=["climbs", "nsga2"])
def test_a_search_that_was_stopped_ends_as_the_straight_one(tmp_path, how):
    account = random_account(6)
    straight = front_for(account, **how)

    class Stop(Exception):
        pass

    def stop(at):
        if at.round == 2:
            raise Stop

    with pytest.raises(Stop):
        front_for(account, checkpoint=tmp_path / "work", progress=stop, **how)
    went_on = front_for(account, checkpoint=tmp_path / "work", **how)
    assert np.array_equal(went_on.units, straight.units)


def test_a_checkpoint_of_another_problem_or_a_damaged_one_is_refused(tmp_path):
    front_for(RICH, checkpoint=tmp_path / "work", rounds=1)
    with pytest.raises(InvalidInput, match="of another problem"):
        front_for(random_account(2), checkpoint=tmp_path / "work", rounds=1)
    (tmp_path / "work" / "units.npz").write_bytes(b"nothing")
    with pytest.raises(InvalidInput, match="cannot be read"):
        front_for(RICH, checkpoint=tmp_path / "work", rounds=1)


def test_a_time_limit_ends_the_search_and_is_told():
    ticks = iter(range(10**6))
    problem = front_for(RICH, rounds=1).problem
    front = front_of(problem, aims_of(("return", "volatility")), time_limit=5.0, clock=lambda: float(next(ticks)))
    assert "time limit" in front.ended


def test_on_small_accounts_where_cash_is_free_the_front_is_that_of_all_plans():
    shares = []
    for seed in range(30):
        problem = replace(a_problem(seed), limits=Limits(1.0, 1.0, 0.0, 1.0), further=(FullyInvested(1.0),))
        plans = every_plan(problem, bounds(problem, problem.wealth))
        if len(plans.units) < 20:
            continue
        front = front_of(problem, aims_of(("return", "volatility")), points=200, rounds=12)
        best = values_of(front.aims, problem, plans.units * problem.unit)
        everything = np.vstack([best, front.values])
        reference = everything.min(0) - 0.1 * np.ptp(everything, axis=0) - 1e-9
        shares.append(hypervolume(-front.values, -reference) / hypervolume(-best, -reference))
    shares = np.array(shares)
    assert len(shares) >= 15
    assert (shares <= 1 + 1e-9).all()
    assert shares.min() >= 0.97
    assert np.median(shares) >= 0.998


def test_an_objective_that_gives_no_number_names_itself():
    @dataclass(frozen=True)
    class Broken(Measure):
        def value(self, _situation, weights):
            return np.full(len(weights), np.nan)

        def in_words(self):
            return "broken"

    with pytest.raises(InvalidInput, match="Broken gives values"):
        front_for(RICH, ("return", Broken()))


def test_an_objective_of_ones_own_is_taken_by_nsga2_and_said_so():
    @dataclass(frozen=True)
    class FewLetters(Measure):
        def value(self, situation, weights):
            return weights @ np.array([1.0 / len(str(s)) for s in situation.day.symbols])

        def in_words(self):
            return "short symbols"

    front = front_for(RICH, ("return", FewLetters()), rounds=3)
    check_plans(front)
    assert front.engine == engine.NSGA2
    assert "does not know" in front.why


@pytest.mark.parametrize(
    ("aims", "options", "words"),
    [
        (("return",), {}, "1 objectives; a front trades off 2 to 5"),
        (tuple(AIMS)[:6], {}, "6 objectives"),
        (("return", "return"), {}, "is there twice"),
        (("volatility", "variance"), {}, "is there twice"),
        (("return", "risk"), {}, "did you mean"),
        (("return", 5), {}, "an objective is a int"),
        (("return", "volatility"), {"points": 0}, "points is 0"),
        (("return", "volatility"), {"points": 100_000}, "points is 100000"),
        (("return", "volatility"), {"engine": "magic"}, "did you mean"),
        (("return", "volatility"), {"rounds": 0}, "at least one round"),
    ],
)
def test_bad_input_is_refused_in_words(aims, options, words):
    with pytest.raises(InvalidInput, match=words):
        front_for(RICH, aims, **options)


def test_limits_that_leave_no_room_are_refused_with_what_would():
    with pytest.raises(NoSolution, match="enough alone is"):
        front_for(RICH, further=["names <= 4"])


def test_a_constant_objective_leaves_the_front_of_the_other():
    constant = Aim("nothing", 0.0 * AIMS["return"].objective, "nothing")
    front = front_of(front_for(RICH, rounds=1).problem, (AIMS["return"], constant), points=10, rounds=2)
    assert len(front) == 1


def test_points_inside_the_hull_are_told_apart():
    values = np.array([[1.0, 0.0], [0.8, 0.7], [0.45, 0.74], [0.0, 1.0]])
    assert unreached(values) == [2]


def test_a_front_begun_with_another_is_no_worse_and_merging_takes_the_best_of_both():
    account = random_account(7)
    first = front_for(account, rounds=2)
    again = front_for(account, rounds=2, start=first, seed=1)
    both = merged([first, again])
    check_plans(both)
    assert non_dominated(-both.values).all()
    for front in (first, again):
        assert hypervolume(-both.values, -both.reference) >= hypervolume(-front.values, -both.reference) - 1e-15
    with pytest.raises(InvalidInput, match="cannot be merged"):
        merged([first, front_for(RICH, rounds=1)])
