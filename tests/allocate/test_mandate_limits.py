"""A mandate as limits: each key asks for what it says, and the violation tells what today's holdings break."""

import numpy as np
import pytest
from small_markets import TRADE_DATE, written

from portfolio_opt.allocate.mandate_limits import broken_in_words, limits_of
from portfolio_opt.allocate.statement.cash_limits import CashFloor, FullyInvested
from portfolio_opt.allocate.statement.count_limits import MaxNames, MinNames, MinPosition
from portfolio_opt.allocate.statement.trade_limits import Forbidden, Locked
from portfolio_opt.allocate.statement.weight_limits import GroupLimit, MaxSector, MaxWeight, SectorLimit
from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.mandate import Locked as LockedUnits
from portfolio_opt.ingest.mandate import Mandate

SECTORS = ["Finance", "Finance", "Hydro Power", ""]


def situation():
    """NPR 1,000,000: half in NAME0, a fifth in NAME2, the rest cash."""
    lots = [(0, 5_000, 50_000_000, 400), (2, 1_000, 20_000_000, 30)]
    return written([10_000, 20_000, 20_000, 40_000], 30_000_000, lots, sector=SECTORS)


def limits(**keys):
    at = situation()
    excluded = keys.pop("excluded", ())
    return limits_of(Mandate(**keys), at, at.day.symbols.tolist(), ["Finance", "Hydro Power"], excluded)


def broken(found):
    """By how much today's holdings break each limit."""
    at = situation()
    weights = (at.held * at.unit)[None]
    return [float(each.violation(at, weights)[0]) for each in found]


def test_a_mandate_that_asks_for_nothing_limits_nothing():
    assert limits() == ()


def test_every_key_becomes_the_limit_it_names():
    found = limits(
        max_weight=0.2,
        weight_caps={"NAME2": 0.1},
        max_sector=0.4,
        sector_caps={"Hydro Power": 0.15},
        cash_floor=0.05,
        cash_ceiling=0.1,
        min_position=0.02,
        min_names=1,
        max_names=1,
        excluded=("NAME3", "NAME1"),
        locked={"NAME0": LockedUnits(7), "NAME2": LockedUnits(9, TRADE_DATE)},
        limits=("Finance + Hydro Power <= 0.6",),
    )
    assert found == (
        MaxWeight(0.2),
        MaxWeight({"NAME2": 0.1}),
        MaxSector(0.4),
        SectorLimit("Hydro Power", 0.15),
        CashFloor(0.05),
        FullyInvested(0.1),
        MinPosition(0.02),
        MinNames(1),
        MaxNames(1),
        Forbidden(("NAME1", "NAME3")),
        Locked({"NAME0": 7}),
        GroupLimit(((1.0, "Finance"), (1.0, "Hydro Power")), None, 0.6),
    )


def test_what_todays_holdings_break_is_told_by_how_much():
    found = limits(max_weight=0.3, max_sector=0.45, cash_ceiling=0.1, max_names=1, sector_caps={"Hydro Power": 0.2})
    assert broken(found) == pytest.approx([0.2, 0.05, 0.0, 0.2, 1.0])


def test_what_is_broken_is_said_with_its_unit():
    at = situation()
    found = limits(max_weight=0.3, max_names=1, max_sector=0.9)
    assert broken_in_words(found, at, at.held * at.unit) == (
        "at most 30% in each name: broken by 20% of wealth",
        "at most 1 name: broken by 1 name",
    )
    few = limits(min_names=5)
    assert broken_in_words(few, at, at.held * at.unit) == ("at least 5 names: broken by 3 names",)
    assert broken_in_words(few, at, 0.4 * at.unit) == ("at least 5 names: broken by 5 names",)  # half a share counts
    assert broken_in_words(limits(min_names=2), at, at.held * at.unit) == ()


def test_a_share_of_a_companys_units_is_a_weight_where_the_units_are_given():
    (found,) = limits(max_of_company=0.15, listed_units={"NAME0": 20_000, "NAME1": 10**9, "GONE": 10})
    assert found.limit == pytest.approx({"NAME0": 0.15 * 20_000 * 10_000 / 100_000_000})
    assert broken([found]) == pytest.approx([0.2])  # 5,000 units are held of the 3,000 allowed
    assert limits(max_of_company=0.15) == ()


def test_the_least_share_in_listed_securities_bounds_cash():
    (found,) = limits(min_listed=0.8)
    assert found.cash == pytest.approx(0.2)
    assert broken([found]) == pytest.approx([0.1])
    assert limits(min_listed=0.8, cash_ceiling=0.05) == (FullyInvested(0.05),)


def test_a_text_limit_that_names_nothing_is_refused_with_the_nearest():
    with pytest.raises(InvalidInput, match="Hydro Power"):
        limits(limits=("Hydropower <= 0.2",))


def test_weights_within_the_mandate_break_nothing():
    at = situation()
    found = limits(max_weight=0.5, max_sector=0.5, cash_ceiling=0.3, max_names=2, min_position=0.2, cash_floor=0.3)
    assert all(each.violation(at, (at.held * at.unit)[None])[0] == pytest.approx(0, abs=1e-12) for each in found)
    assert np.isclose((at.held * at.unit).sum(), 0.7)
