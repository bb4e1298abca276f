"""The purchase source: lots with their own day and cost, and the average cost where the WACC report has none."""

import random
from datetime import date
from fractions import Fraction

import pytest
from account_exports import PURCHASES_HEADER, history, holdings, in_january, lots_of, purchases, wacc, written
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import finding, refusal, rules_of

from portfolio_opt.ingest.account_files import read_account

JUNE = date(2025, 6, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


def account_of(folder, held, rows, costs=None, moves=None):
    return read_account(
        holdings(folder, **held),
        wacc(folder, **costs) if costs else None,
        history(folder, *moves) if moves else None,
        purchases=purchases(folder, *rows),
    )


def test_lots_keep_their_own_day_and_cost(folder):
    rows = [
        ("NABIL", date(2025, 6, 2), 100, "401.75"),
        ("NABIL", date(2026, 6, 1), 100, "602.32"),
        ("NABIL", date(2026, 6, 30), 10, "100", "RIGHT"),
    ]
    account, findings = account_of(folder, {"NABIL": 210}, rows)
    assert [(lot.units, lot.cost, lot.acquired) for lot in account.positions()["NABIL"].lots] == [
        (100, 40_175_00, date(2025, 6, 2)),
        (100, 60_232_00, date(2026, 6, 1)),
        (10, 1_000_00, date(2026, 6, 30)),
    ]
    assert account.cost_known
    assert account.ages_known
    assert findings == []


def test_a_bonus_lowers_the_average_by_its_face_value(folder):
    """The worked example of the rules: 1,120 units for 694,517.75, then a bonus of 112 at 100 makes 572.82 each."""
    rows = [("NABIL", JUNE, 1120, "620.10513392857"), ("NABIL", date(2025, 9, 1), 112, "-", "BONUS")]
    account, _ = account_of(folder, {"NABIL": 1232}, rows)
    assert account.positions()["NABIL"].cost == 694_517_75 + 11_200_00
    assert round(account.positions()["NABIL"].cost / 1232) == 572_82


@pytest.mark.parametrize(("rate", "cost"), [("0", 1000_00), ("-", 1000_00), ("", 1000_00), ("110", 1100_00)])
def test_bonus_units_cost_their_face_value_unless_the_rate_says_otherwise(folder, rate, cost):
    account, findings = account_of(folder, {"NABIL": 10}, [("NABIL", JUNE, 10, rate, "BONUS")])
    assert account.positions()["NABIL"].cost == cost
    assert findings == []


@pytest.mark.parametrize("source", ["IPO", "RIGHT", "FPO", "on market", "A SOURCE NOBODY HAS SEEN", ""])
def test_any_source_is_an_acquisition(folder, source):
    account, findings = account_of(folder, {"NABIL": 10}, [("NABIL", JUNE, 10, "250.5", source)])
    assert lots_of(account) == [(10, JUNE)]
    assert account.positions()["NABIL"].cost == 2505_00
    assert findings == []


def test_a_purchase_without_a_rate_is_free_and_said(folder):
    account, findings = account_of(folder, {"NABIL": 10}, [("NABIL", JUNE, 10, "-", "GIFT")])
    assert account.positions()["NABIL"].cost == 0
    assert finding(findings, "symbols with purchases without a rate").examples == ("NABIL",)


def test_the_wacc_report_goes_before_the_purchase_source(folder):
    rows = [("NABIL", JUNE, 10, "100"), ("ADBL", JUNE, 10, "300")]
    account, findings = account_of(folder, {"NABIL": 10, "ADBL": 10}, rows, costs={"NABIL": (10, 2000)})
    assert {name: position.cost for name, position in account.positions().items()} == {
        "NABIL": 2000_00,
        "ADBL": 3000_00,
    }
    assert finding(
        findings, "symbols with another average cost in the WACC report than in the purchase source"
    ).examples == ("NABIL",)
    assert finding(findings, "holdings without a WACC").effect == "their cost is the purchase source's"


@pytest.mark.parametrize(("total", "said"), [(1000.0, False), (1000.9, False), (1001.2, True), (998.8, True)])
def test_rounding_is_no_disagreement(folder, total, said):
    rows = [("NABIL", JUNE, 10, "100")]
    _, findings = account_of(folder, {"NABIL": 10}, rows, costs={"NABIL": (10, total)})
    rule = "symbols with another average cost in the WACC report than in the purchase source"
    assert (rule in rules_of(findings)) == said


def test_units_that_differ_from_the_wacc_report_are_said(folder):
    _, findings = account_of(folder, {"NABIL": 10}, [("NABIL", JUNE, 12, "100")], costs={"NABIL": (10, 1000)})
    found = finding(findings, "symbols with other units in the WACC report than in the purchase source")
    assert (found.severity, found.examples) == ("warning", ("NABIL",))
    assert "the WACC report is used" in found.effect


def test_sales_that_the_history_tells_of_leave_at_average_cost(folder):
    """100 at 400 and, after half of them are sold, 50 at 600: the rest costs 20,000 and 30,000."""
    rows = [("NABIL", date(2025, 1, 1), 100, "400", "IPO"), ("NABIL", date(2025, 3, 3), 50, "600", "IPO")]
    moves = [
        ("NABIL", date(2025, 1, 1), 100, "INITIAL PUBLIC OFFERING"),
        ("NABIL", date(2025, 2, 2), -50, "ON-DR 1"),
        ("NABIL", date(2025, 3, 3), 50, "FPO"),
    ]
    account, findings = account_of(folder, {"NABIL": 100}, rows, moves=moves)
    assert account.positions()["NABIL"].cost == 50_000_00
    assert lots_of(account) == [(50, date(2025, 1, 1)), (50, date(2025, 3, 3))]
    assert findings == []


def test_without_sales_the_average_over_all_purchases_is_used_and_said(folder):
    rows = [("NABIL", date(2025, 1, 1), 100, "400"), ("NABIL", date(2025, 3, 3), 100, "600")]
    account, findings = account_of(folder, {"NABIL": 50}, rows)
    assert account.positions()["NABIL"].cost == 25_000_00
    assert lots_of(account) == [(50, date(2025, 3, 3))]
    assert rules_of(findings) == {
        "holdings with more units in the purchase source than in the balance",
        "holdings with fewer units than were bought",
    }


def test_units_that_were_never_bought_are_free_and_without_age(folder):
    account, findings = account_of(folder, {"NABIL": 30, "ADBL": 5}, [("NABIL", JUNE, 10, "100")])
    assert lots_of(account) == [(10, JUNE), (20, None)]
    assert account.positions()["NABIL"].cost == 1000_00
    assert finding(findings, "holdings with fewer units in the purchase source than in the balance").examples == (
        "NABIL",
    )
    assert finding(findings, "holdings without a cost in any file").examples == ("ADBL",)
    assert finding(findings, "holdings that the files do not fully explain").examples == ("ADBL", "NABIL")


def test_what_the_history_tells_is_not_told_twice(folder):
    """The history begins with the second purchase; only the first one comes from the purchase source."""
    rows = [("NABIL", in_january(0), 10, "100"), ("NABIL", in_january(28), 10, "100")]
    moves = [("NABIL", in_january(32), 10)]
    account, findings = account_of(folder, {"NABIL": 20}, rows, moves=moves)
    assert lots_of(account) == [(10, in_january(0)), (10, in_january(32))]
    assert findings == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("NABIL,2025-06-02,0,100,IPO", "line 2: quantity is 0"),
        ("NABIL,2025-06-02,-5,100,IPO", "line 2: quantity '-5' is not a whole number"),
        ("NABIL,2025-06-02,5,-100,IPO", "line 2: rate '-100' is below zero"),
        ("NABIL,2025-06-02,5,abc,IPO", "line 2: rate 'abc' is not a number"),
        ("NABIL,2025-06-02,999999999,99999999,IPO", "line 2: rate"),
        ("NABIL,2082-06-02,5,100,IPO", "reads as a Bikram Sambat date"),
        ("NABIL,02/06/2025,5,100,IPO", "line 2: transaction date '02/06/2025'"),
        (",2025-06-02,5,100,IPO", "line 2: scrip"),
        ("NABIL,2025-06-02,5,100", "line 2: 4 fields under a header of 5"),
        ("NABIL,2025-06-02,1,000,100,IPO", "line 2: 6 fields under a header of 5"),
    ],
)
def test_a_row_that_cannot_be_read_with_certainty_is_refused(folder, row, words):
    path = written(folder, "purchases", PURCHASES_HEADER, row)
    assert words in refusal(read_account, holdings(folder, NABIL=5), purchases=path)


bought = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 50), st.integers(1, 99_999)), min_size=1, max_size=8)


@settings(deadline=None)
@given(rows=bought, seed=st.integers(0, 10**6), held=st.integers(1, 120))
def test_lots_sum_to_the_balance_and_their_cost_to_the_whole_in_any_order(folder, rows, seed, held):
    named = [("NABIL", in_january(day), units, f"{rate / 100:.2f}", "IPO") for day, units, rate in rows]
    accounts = [
        account_of(folder, {"NABIL": held}, each)[0] for each in (named, random.Random(seed).sample(named, len(named)))
    ]
    assert accounts[0] == accounts[1]
    position = accounts[0].positions()["NABIL"]
    units, total = sum(row[1] for row in rows), sum(row[1] * row[2] for row in rows)
    assert position.units == held
    assert position.cost == int(Fraction(total * min(held, units), units) + Fraction(1, 2))
    if held == units:
        assert sorted((lot.acquired, lot.units, lot.cost) for lot in position.lots) == sorted(
            (in_january(day), count, count * rate) for day, count, rate in rows
        )
