"""Rules that choose a point of a front, by their definitions, and how firm they are."""

from dataclasses import replace

import numpy as np
import pytest
from sample_plans import AS_OF, market, random_account

from portfolio_opt import pareto
from portfolio_opt.allocate.fronts.aims import values_of
from portfolio_opt.allocate.fronts.choice import alternatives, choose, firmness, view_of
from portfolio_opt.allocate.statement.holdings import Turnover
from portfolio_opt.errors import InvalidInput


@pytest.fixture(scope="module")
def front():
    panel, beliefs, _ = market()
    return pareto(panel, random_account(4), as_of=AS_OF, beliefs=beliefs, points=30, rounds=4)


def test_the_knee_is_farthest_beyond_the_line_between_the_ends(front):
    point = choose(front).point
    ends = front.values[[0, -1]]
    scaled = (front.values - front.values.min(0)) / np.ptp(front.values, axis=0)
    a, b = (ends - front.values.min(0)) / np.ptp(front.values, axis=0)
    distance = np.abs(np.cross(np.append(b - a, 0), np.column_stack([scaled - a, np.zeros(len(scaled))]))[:, 2])
    assert distance[point] == pytest.approx(distance.max())


def test_same_risk_is_the_best_return_at_no_more_than_todays_risk(front):
    point = choose(front, "same-risk").point
    today = values_of(front.aims, front.problem, (front.problem.held * front.problem.unit)[None])[0]
    within = front.values[:, 1] >= today[1] - 1e-12
    if within.any():
        assert within[point]
        assert front.values[point, 0] == front.values[within, 0].max()
    else:
        assert point == np.argmax(front.values[:, 1])


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_least_change_reaches_the_gain_with_the_least_turnover(front, share):
    point = choose(front, f"least-change {share}").point
    today = view_of(front).today[0]
    best = front.values[:, 0].max()
    enough = front.values[:, 0] >= min(today + share * (best - today), best) - 1e-12
    turnover = Turnover().value(front.problem, front.weights)
    assert enough[point]
    assert turnover[point] == turnover[enough].min()


def test_a_reference_that_is_a_point_of_the_front_is_that_point(front):
    p = len(front) // 3
    text = ", ".join(f"{figure:.15g}" for figure in front.figures[p])
    assert choose(front, f"reference {text}").point == p


def test_all_weight_on_one_aim_is_its_best(front):
    assert choose(front, "weights 1, 0").point == np.argmax(front.values[:, 0])
    assert choose(front, "weights 0 1").point == np.argmax(front.values[:, 1])


def test_alternatives_are_other_points_each_once(front):
    chosen = choose(front)
    others = alternatives(front, chosen)
    assert chosen.point not in [each.point for each in others]
    assert len({each.point for each in others}) == len(others)


def test_without_errors_every_draw_takes_the_same_point(front):
    sure = replace(front.problem.beliefs, standard_error=np.full(len(front.problem.beliefs.mean), 1e-12))
    firm = firmness(replace(front, problem=replace(front.problem, beliefs=sure)), "knee", 0, 20)
    point = choose(front).point
    assert firm.kept == pytest.approx(1)
    assert np.allclose(firm.cloud, front.figures[point], atol=1e-8)
    assert np.array_equal(firm.stays, (front.units[point] > 0).astype(float))


def test_draws_move_the_choice_and_the_same_seed_moves_it_alike(front):
    one, two = firmness(front, "knee", 1, 50), firmness(front, "knee", 1, 50)
    assert np.array_equal(one.cloud, two.cloud)
    assert np.ptp(one.cloud[:, 0]) > 0
    assert 0 < one.kept < 1
    assert one.draws == 50


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("kne", "did you mean 'knee'"),
        ("knee 5", "takes no figures"),
        ("least-change 2", "above 0 and up to 1"),
        ("least-change 0.2 0.3", "one figure at most"),
        ("reference 0.1", "needs 2 figures"),
        ("weights 0, 0", "one of them is above"),
        ("weights a, b", "no figure"),
        ("reference nan, 1", "not finite"),
        ("", "there is no choice"),
    ],
)
def test_a_rule_that_is_none_is_refused_in_words(front, rule, words):
    with pytest.raises(InvalidInput, match=words):
        choose(front, rule)
