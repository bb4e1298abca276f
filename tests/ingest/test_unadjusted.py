"""Unexplained jumps beside announced bonus and right shares: which are named, with both days, and that nothing else changes."""

from datetime import date, timedelta

import numpy as np
import pytest
from small_files import finding, quotes_of, rules_of, traded, write_store

from portfolio_opt.ingest.corporate.actions import NO_DAY, Action
from portfolio_opt.ingest.corporate.adjustment import UNEXPLAINED, adjust
from portfolio_opt.ingest.corporate.unadjusted import NEAR, UNADJUSTED, unadjusted
from portfolio_opt.ingest.prices import read_prices

START, DAY = date(2019, 9, 22), date(2019, 9, 23)
JUMP = quotes_of(SFFIL=[(START, 248.0), (DAY, 200.0)], UFL=[(START, 248.0), (DAY, 200.0)])


def found_for(*actions, quotes=JUMP):
    return unadjusted(quotes, adjust(quotes, [], {}), actions)


def bonus(day, ratio=0.15, symbol="SFFIL"):
    return Action(symbol, "bonus", day, ratio=ratio)


@pytest.mark.parametrize("days", [-NEAR - 1, -NEAR, -20, 20, NEAR, NEAR + 1])
def test_a_jump_that_a_bonus_within_half_a_year_matches_is_named_with_both_days(days):
    ex_day = DAY + timedelta(days)
    found = found_for(bonus(ex_day))
    if abs(days) > NEAR:
        assert found == []
        return
    said = finding(found, UNADJUSTED)
    assert (said.rows, said.severity) == (1, "warning")
    assert said.examples == (f"SFFIL on {DAY}: a bonus of 0.15, {ex_day}",)
    assert said.cases.listed() == [{"symbol": "SFFIL", "date": str(DAY), "value": days}]


def test_an_action_without_any_day_may_be_of_any_day():
    said = finding(found_for(bonus(NO_DAY)), UNADJUSTED)
    assert said.examples == (f"SFFIL on {DAY}: a bonus of 0.15, no known day",)
    assert said.cases.listed() == [{"symbol": "SFFIL", "date": str(DAY)}]


def test_the_nearest_of_several_is_named():
    found = found_for(bonus(NO_DAY), bonus(DAY + timedelta(90)), bonus(DAY - timedelta(30), 0.25))
    assert finding(found, UNADJUSTED).examples == (f"SFFIL on {DAY}: a bonus of 0.25, {DAY - timedelta(30)}",)


@pytest.mark.parametrize(
    "other",
    [
        bonus(DAY + timedelta(9), 0.03),  # would leave the move beyond the band
        bonus(DAY + timedelta(9), 0.60),  # and this one beyond its other end
        bonus(DAY + timedelta(9), symbol="NABIL"),
        bonus(DAY),  # is in the factor of that day already
        Action("SFFIL", "cash", DAY + timedelta(9), amount=40.0),
        Action("SFFIL", "right", DAY + timedelta(9), ratio=0.5, issue_price=240.0),
    ],
)
def test_what_does_not_match_is_not_named(other):
    assert found_for(other) == []


def test_a_right_is_measured_by_its_issue_price():
    right = Action("SFFIL", "right", DAY + timedelta(9), ratio=0.5, issue_price=100.0)
    assert finding(found_for(right), UNADJUSTED).rows == 1


def test_a_move_that_needs_no_explanation_is_not_named():
    calm = quotes_of(SFFIL=[(START, 248.0), (DAY, 230.0)])
    assert found_for(bonus(DAY + timedelta(9), 0.1), quotes=calm) == []


def test_rows_without_an_ex_day_are_matched_by_their_announcement_or_subscription_and_adjust_nothing(tmp_path):
    rows = [traded(name, day, close) for name in ("A", "B", "C") for day, close in ((START, 248.0), (DAY, 200.0))]
    write_store(tmp_path, rows)
    (tmp_path / "corporate_actions.csv").write_text(
        "symbol,type,ratio,amount_npr,issue_price,book_close,ex_date,announcement_date,subscription_open\n"
        "A,bonus,0.15,,,,,,\nB,bonus,0.15,,,,,2018-01-01,\nC,right,0.5,,100,,,,2019-11-01\n"
    )
    panel = read_prices(tmp_path)
    assert (panel.adjustment == 1).all()
    assert {UNEXPLAINED, UNADJUSTED} <= rules_of(panel.findings)
    cases = finding(panel.findings, UNADJUSTED).cases
    assert cases.symbol.tolist() == ["A", "C"]
    np.testing.assert_array_equal(cases.value, [np.nan, (date(2019, 11, 1) - DAY).days])
