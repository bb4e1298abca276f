"""Limits as one writes them, and refusals that name what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.allocate.statement.cash_limits import CashFloor, FullyInvested
from portfolio_opt.allocate.statement.catalogue import LIMITS
from portfolio_opt.allocate.statement.count_limits import MaxNames, MinNames, MinPosition
from portfolio_opt.allocate.statement.term import Limit
from portfolio_opt.allocate.statement.text import limits_from_text
from portfolio_opt.allocate.statement.trade_limits import MaxParticipation, MaxTurnover
from portfolio_opt.allocate.statement.weight_limits import GroupLimit, MaxSector, MaxWeight, SectorLimit
from portfolio_opt.errors import InvalidInput

SYMBOLS = ("NABIL", "EBL", "NICAD85/86", "TRUE", "=cmd", "CASH")
SECTORS = ("Hydro Power", "Non-Life Insurance", "Finance", "Oil - Gas")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("Hydro Power <= 0.25", SectorLimit("Hydro Power", 0.25)),
        ("hydro power<=25%", SectorLimit("Hydro Power", 0.25)),
        ("0.1 ≤ Non-Life Insurance ≤ 0.25", SectorLimit("Non-Life Insurance", 0.25, 0.1)),
        ("Finance >= .1", SectorLimit("Finance", 1.0, 0.1)),
        ("0.1 <= Finance", SectorLimit("Finance", 1.0, 0.1)),
        ("5% >= NABIL", MaxWeight({"NABIL": 0.05})),
        ("NABIL <= 0.05", MaxWeight({"NABIL": 0.05})),
        ("NICAD85/86 <= 0.05", MaxWeight({"NICAD85/86": 0.05})),
        ("=cmd <= 0.05", MaxWeight({"=cmd": 0.05})),
        ("NABIL >= 0.02", GroupLimit(((1.0, "NABIL"),), 0.02)),
        ("Oil - Gas <= 0.2", SectorLimit("Oil - Gas", 0.2)),
        ("Finance + 2 * NABIL - EBL <= 0.3", GroupLimit(((1.0, "Finance"), (2.0, "NABIL"), (-1.0, "EBL")), None, 0.3)),
        ("- EBL + NABIL >= -0.1", GroupLimit(((-1.0, "EBL"), (1.0, "NABIL")), -0.1)),
        ("-EBL + 1e0 * NABIL >= -0.1", GroupLimit(((-1.0, "EBL"), (1.0, "NABIL")), -0.1)),
        ("cash >= 0.1", CashFloor(0.1)),
        ("Cash >= 0.1", CashFloor(0.1)),
        ("CASH <= 0.1", MaxWeight({"CASH": 0.1})),
        ("cash <= 5 %", FullyInvested(0.05)),
        ("names <= 15", MaxNames(15)),
        ("names >= 5", MinNames(5)),
        ("turnover <= 2e-1", MaxTurnover(0.2)),
        ("weight <= 0.1", MaxWeight(0.1)),
        ("sector <= 0.35", MaxSector(0.35)),
        ("position >= 0.02", MinPosition(0.02)),
        ("participation <= 0.1", MaxParticipation(0.1)),
    ],
)
def test_a_text_is_its_limit(text, limit):
    symbols = SYMBOLS if "Cash" not in text else SYMBOLS[:-1]
    assert limits_from_text(text, symbols, SECTORS) == (limit,)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("5 <= names <= 15", MinNames(5), MaxNames(15)),
        ("0.1 <= cash <= 20%", CashFloor(0.1), FullyInvested(0.2)),
        ("5 <= names <= 5", MinNames(5), MaxNames(5)),
    ],
)
def test_a_word_between_two_figures_is_two_limits(text, least, most):
    assert limits_from_text(text, SYMBOLS[:-1], SECTORS) == (least, most)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hydro Power <= 25", "did you mean 0.25?"),
        ("NABIL <= 5", "did you mean 0.05?"),
        ("cash >= 10", "did you mean 0.1?"),
        ("NABIL + EBL <= 30", "did you mean 0.3?"),
        ("Hidro Power <= 0.25", "did you mean 'Hydro Power'?"),
        ("NABLI <= 0.25", "did you mean 'NABIL'?"),
        ("turnovr <= 0.2", "did you mean 'turnover'?"),
        ("Finance + NABL <= 0.2", "did you mean 'NABIL'?"),
        ("names <= 2.5", "whole number"),
        ("names >= 2.5", "whole number"),
        ("15 <= names <= 5", "exchange the two"),
        ("turnover >= 0.1", "'turnover' can only be limited with <="),
        ("position <= 0.1", "'position' can only be limited with >="),
        ("0.1 <= weight <= 0.2", "'weight' can only be limited with <="),
        ("cash + NABIL <= 0.2", "'cash' stands alone"),
        ("NABIL <= lots", "'lots' is no figure"),
        ("NABIL <= nan", "'nan' is no figure"),
        ("NABIL < 0.1", "write it as NAME <= FIGURE"),
        ("NABIL", "write it as NAME <= FIGURE"),
        ("<= 0.1", "write it as NAME <= FIGURE"),
        ("0.1 <= NABIL >= 0.2", "write it as NAME <= FIGURE"),
        ("0.3 <= Finance <= 0.2", "exchange the two"),
        ("2 * NABIL <= 30", "is 30, but it is a fraction of the whole from 0 to 2; did you mean 0.3?"),
        ("Finance >= -0.1", "the limit of Finance is -0.1"),
        ("names <= 1e999", "whole number"),
        ("0 * NABIL <= 0.2", "neither 0 nor infinite"),
    ],
)
def test_what_is_no_limit_is_refused_in_words(text, message):
    with pytest.raises(InvalidInput) as refusal:
        limits_from_text(text, SYMBOLS, SECTORS)
    assert message in str(refusal.value)
    assert f"limit {text!r}" in str(refusal.value)


@pytest.mark.parametrize("name", [name for name, row in LIMITS.items() if row.text])
def test_every_text_of_the_catalogue_gives_its_kind(name):
    (found,) = limits_from_text(LIMITS[name].text, SYMBOLS, SECTORS)
    assert type(found).__name__ == name.partition(",")[0]


PIECES = st.sampled_from(
    [*SYMBOLS, *SECTORS, "cash", "names", "weight", "<=", ">=", "+", "-", "*", "0.1", "7", "1e999", "%", " "]
)


@given(st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=8).map(" ".join), st.lists(PIECES).map("".join)))
def test_any_text_is_a_limit_or_refused(text):
    try:
        found = limits_from_text(text, SYMBOLS, SECTORS)
    except InvalidInput:
        return
    assert found
    assert all(isinstance(limit, Limit) for limit in found)
