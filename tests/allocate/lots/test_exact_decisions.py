"""The exact mode: the best legal plan, proved to a tenth of a basis point, where few names can be traded."""

import numpy as np
import pytest
from every_plan import a_problem, every_plan
from sample_plans import AS_OF, audit, market, random_account

from portfolio_opt import rebalance
from portfolio_opt.allocate.bounds import bounds
from portfolio_opt.allocate.lots.exact import GAP, after_costs, exact_choice
from portfolio_opt.allocate.statement.trade_limits import MaxTurnover
from portfolio_opt.errors import InvalidInput, NoSolution
from portfolio_opt.optim.solution import Status

PRICE = 0.06  # of idle cash


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_best_of_all_plans(seed):
    problem = a_problem(seed)
    found = exact_choice(problem, problem.held, PRICE)
    limits = bounds(
        problem, after_costs(problem, found.units if found.status is not Status.INFEASIBLE else problem.held)
    )
    plans = every_plan(problem, limits)
    if found.status is Status.INFEASIBLE:
        assert not len(plans.units)
        return
    w = plans.units * problem.unit
    beliefs = problem.beliefs
    risk = ((w @ beliefs.loadings) ** 2).sum(1) + w**2 @ beliefs.specific
    price = (plans.cost / problem.holding_period + PRICE * plans.idle) / problem.wealth
    scores = w @ beliefs.mean - problem.risk_aversion / 2 * risk - price
    assert found.utility >= scores.max() - GAP - 1e-12
    assert (plans.units == found.units).all(1).any()


def few_names(account, count):
    """All symbols of the sample market but those of the account and the first few."""
    panel, _, _ = market()
    kept = {lot.symbol for lot in account.lots} | set(panel.symbols[:count].tolist())
    return [symbol for symbol in panel.symbols.tolist() if symbol not in kept]


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_a_plan_is_legal_and_no_worse_than_the_search_finds(seed):
    panel, beliefs, _ = market()
    account = random_account(seed)
    asked = {"as_of": AS_OF, "beliefs": beliefs, "forbidden": few_names(account, 25)}
    try:
        searched = rebalance(panel, account, **asked)
    except NoSolution:
        return
    exact = rebalance(panel, account, **asked, exact=True)
    audit(account, exact, 0.0)
    assert -1e-3 <= exact.certificate.loss_bp <= 0.1 + 1e-6
    idle = np.array([plan.after.cash for plan in (searched, exact)]) / searched.before.wealth
    assert exact.certificate.utility >= searched.certificate.utility - GAP - abs(idle[0] - idle[1])


def test_too_many_names_and_limits_that_are_not_plain_are_refused_in_words():
    panel, beliefs, _ = market()
    account = random_account(0)
    with pytest.raises(InvalidInput, match="up to 30 names, but"):
        rebalance(panel, account, as_of=AS_OF, beliefs=beliefs, exact=True)
    with pytest.raises(InvalidInput, match="no limit of turnover"):
        rebalance(panel, account, as_of=AS_OF, beliefs=beliefs, exact=True, further=[MaxTurnover(0.9)])
