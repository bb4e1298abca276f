"""Whether numbers of names and sizes of positions leave room, against all sets of names, and the least that makes some."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from situations import situation

from portfolio_opt.allocate.solvers import names_room
from portfolio_opt.allocate.statement.cash_limits import FullyInvested
from portfolio_opt.allocate.statement.count_limits import MaxNames, MinNames, MinPosition
from portfolio_opt.allocate.statement.least_violation import SAID
from portfolio_opt.allocate.statement.term import Objective, Statement
from portfolio_opt.allocate.statement.weight_limits import MaxSector, MaxWeight
from portfolio_opt.errors import NoSolution


def room_by_every_set(s, limits, most, fewest, smallest):
    """Whether some set of names, each of at least the smallest position, meets the linear limits."""
    n = len(s.unit)
    rows = [limit.rows(s) for limit in limits]
    upper, lower = np.min([row.upper for row in rows], axis=0), np.max([row.lower for row in rows], axis=0)
    stacked = np.vstack([row.rows for row in rows])
    high = np.concatenate([row.row_upper for row in rows])
    low = np.concatenate([row.row_lower for row in rows])
    a = np.vstack([stacked[np.isfinite(high)], -stacked[np.isfinite(low)]])
    b = np.append(high[np.isfinite(high)], -low[np.isfinite(low)])
    for size in range(fewest, most + 1):
        for held in combinations(range(n), size):
            inside = np.isin(np.arange(n), held)
            least = np.where(inside, np.maximum(np.maximum(lower, 0), np.maximum(smallest, s.unit / 2)), 0.0)
            top = np.where(inside, np.minimum(upper, 1.0), 0.0)
            if (least <= top).all() and linprog(np.zeros(n), a, b, bounds=np.stack([least, top], 1)).status == 0:
                return True
    return False


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_room_is_that_of_the_best_set_of_names(seed):
    rng = np.random.default_rng(seed)
    s = situation(seed)
    n = len(s.unit)
    most, smallest = int(rng.integers(1, n + 1)), float(rng.choice([0.0, 0.1, 0.3]))
    fewest = int(rng.integers(0, most + 1))
    linear = (MaxWeight(float(rng.uniform(0.2, 0.9))), MaxSector(float(rng.uniform(0.3, 1.0))), FullyInvested(0.05))
    counted = (MaxNames(most), *([MinNames(fewest)] if fewest else []), *([MinPosition(smallest)] if smallest else []))
    statement = Statement(s, Objective(()), (*linear, *counted))
    expected = room_by_every_set(s, linear, most, fewest, smallest)
    assert names_room.has_portfolio(statement) == expected
    if expected:
        names_room.require_portfolio(statement)
    else:
        with pytest.raises(NoSolution, match="no portfolio meets"):
            names_room.require_portfolio(statement)


def test_what_is_offered_makes_room_and_a_hair_less_does_not():
    s = situation(3)
    limits = (MaxWeight(0.3), FullyInvested(0.05), MaxNames(2))
    statement = Statement(s, Objective(()), limits)
    changed = [(k, names_room._least(statement, limits, limit)) for k, limit in enumerate(limits)]
    assert sum(looser is not None for _, looser in changed) >= 2
    for k, looser in changed:
        if looser is not None:
            assert names_room.has_portfolio(replace(statement, limits=(*limits[:k], looser, *limits[k + 1 :])))
    tighter = MaxWeight(changed[0][1].limit - 2 * SAID)
    assert not names_room.has_portfolio(replace(statement, limits=(tighter, *limits[1:])))
