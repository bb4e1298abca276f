"""The smallest change of limits that leave no portfolio: it makes room, and no smaller one does."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from situations import situation

from portfolio_opt.allocate.solvers.table import solve
from portfolio_opt.allocate.statement import least_violation as module
from portfolio_opt.allocate.statement.cash_limits import CashFloor, FullyInvested
from portfolio_opt.allocate.statement.count_limits import MaxNames, MinNames
from portfolio_opt.allocate.statement.least_violation import least_violation, smallest_change
from portfolio_opt.allocate.statement.linear_limit import LinearLimit
from portfolio_opt.allocate.statement.term import Objective, Rows, Statement
from portfolio_opt.allocate.statement.trade_limits import Forbidden, Locked, MaxParticipation, MaxTurnover, Tradable
from portfolio_opt.allocate.statement.variance import MaxTrackingError
from portfolio_opt.allocate.statement.weight_limits import GroupLimit, MaxSector, MaxWeight, SectorLimit
from portfolio_opt.errors import NoSolution

CONFLICTS = {
    "caps": (MaxWeight(0.1), FullyInvested()),
    "caps of names and sectors": (MaxWeight(0.2), MaxSector(0.1), FullyInvested(0.05), CashFloor(0.02)),
    "cash": (CashFloor(0.2), FullyInvested(0.1)),
    "turnover": (MaxTurnover(0.05), FullyInvested(0.05)),
    "tracking error": (MaxTrackingError({"NAME1": 1.0}, 0.01), MaxWeight(0.3)),
    "an absent sector": (SectorLimit("Tourism", 0.5, 0.3), MaxWeight(0.9)),
    "what is locked": (Locked({"NAME0": 10**6}), MaxWeight(0.0)),
    "a group": (GroupLimit(((1.0, "NAME1"), (-1.0, "NAME2")), lower=0.5), MaxWeight({"NAME1": 0.2})),
    "what trades": (Tradable(), MaxWeight(0.01), FullyInvested(0.1)),
    "orders": (MaxParticipation(0.001), MaxWeight(0.05), FullyInvested(0.2), Forbidden(("NAME0",))),
}
WEALTH = set(CONFLICTS) - {"orders"}  # in which a unit of every limit is one of wealth, or of the one limit there is


def stated(limits, seed=0):
    return Statement(situation(seed), Objective(()), limits)


def relaxed(statement, amounts):
    """The statement with limits relaxed by amounts, by their places."""
    limits = (
        limit.relaxed(amounts[k]) if amounts.get(k, 0.0) > 0 else limit for k, limit in enumerate(statement.limits)
    )
    return replace(statement, limits=tuple(limits))


def has_a_portfolio(statement):
    try:
        solve(statement)
    except NoSolution:
        return False
    return True


def by_place(statement, found):
    return {k: amount for k, limit in enumerate(statement.limits) for each, amount in found if each is limit}


def faults(statement, rng):
    """What is wrong with the change that is found, in words."""
    amounts = by_place(statement, least_violation(statement))
    if not amounts:
        return ["nothing is changed"]
    found = []
    if not has_a_portfolio(relaxed(statement, amounts)):
        found.append(f"{amounts} makes no room")
    movable = [k for k, limit in enumerate(statement.limits) if limit.relaxed(0.01) is not None]
    less = 0.99 * sum(amounts.values())
    trials = [{k: 0.99 * amount for k, amount in amounts.items()}, *({k: less} for k in movable)]
    trials += [dict(zip(movable, less * rng.dirichlet(np.ones(len(movable))), strict=True)) for _ in range(6)]
    found += [f"{trial} does as well" for trial in trials if has_a_portfolio(relaxed(statement, trial))]
    return found


@pytest.mark.parametrize("name", sorted(WEALTH))
def test_the_change_makes_room_and_none_smaller_by_a_hundredth_does(name):
    assert faults(stated(CONFLICTS[name]), np.random.default_rng(0)) == []


def test_limits_of_other_units_make_room_too():
    statement = stated(CONFLICTS["orders"])
    amounts = by_place(statement, least_violation(statement))
    assert amounts
    assert has_a_portfolio(relaxed(statement, amounts))
    assert not has_a_portfolio(relaxed(statement, {k: 0.99 * amount for k, amount in amounts.items()}))


@pytest.mark.parametrize("part", [0.9, 1.05])
def test_a_change_that_is_too_small_or_too_large_is_seen(monkeypatch, part):
    right = module._least

    def wrong(statement, may):
        change = right(statement, may)
        return change and replace(change, amounts=part * change.amounts)

    monkeypatch.setattr(module, "_least", wrong)
    assert any(faults(stated(CONFLICTS[name]), np.random.default_rng(0)) for name in sorted(WEALTH))


def test_equal_names_share_evenly():
    """Six names at most a tenth each leave 40%: every cap must rise by a fifteenth, or the cash by as much as six of that."""
    ((limit, amount),) = least_violation(stated((MaxWeight(0.1), FullyInvested())))
    assert limit == MaxWeight(0.1)
    assert amount == pytest.approx(0.4 / 6, rel=1e-5)
    assert smallest_change(stated((MaxWeight(0.1), FullyInvested(0.4)))) == ""
    change = "at most 15% in each name instead of at most 10% in each name"
    assert smallest_change(stated((MaxWeight(0.1), FullyInvested(0.1)))) == change


def test_what_is_said_is_rounded_so_that_it_does_make_room():
    statement = stated((MaxWeight(0.1), FullyInvested()))
    assert smallest_change(statement).startswith("at most 16.67% in each name")
    assert has_a_portfolio(stated((MaxWeight(0.1667), FullyInvested())))
    assert not has_a_portfolio(stated((MaxWeight(0.1666), FullyInvested())))


def test_of_equal_changes_the_one_of_fewest_limits_is_taken():
    caps = (MaxWeight({"NAME1": 0.2}), GroupLimit(((1.0, "NAME1"),), lower=0.5))
    assert len(least_violation(stated(caps))) == 1


def test_where_there_is_a_portfolio_nothing_changes():
    assert least_violation(stated((MaxWeight(0.5), CashFloor(0.1), MaxNames(2), MinNames(1)))) == ()


@dataclass(frozen=True)
class Twice(LinearLimit):
    """A limit that nothing can meet and that does not give way."""

    def rows(self, situation):
        return Rows.of(np.ones((1, len(situation.unit))), lower=2.0 * len(situation.unit))

    def in_words(self):
        return "twice of everything"


def test_what_no_change_helps_is_refused():
    statement = stated((Twice(), MaxWeight(0.1), Tradable()))
    with pytest.raises(NoSolution, match="twice of everything; only what trades today"):
        least_violation(statement)
    assert smallest_change(statement) == ""
    with pytest.raises(NoSolution) as refusal:
        solve(statement)
    assert "smallest change" not in str(refusal.value)
