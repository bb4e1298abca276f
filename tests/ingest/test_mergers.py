"""Mergers that the user states: read strictly, and what they make of a holding."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_files import finding, quotes_of, refusal, traded, write_store

from portfolio_opt.ingest.corporate.actions import Action
from portfolio_opt.ingest.corporate.mergers import in_successors, mergers_of
from portfolio_opt.ingest.csv_table import read_table
from portfolio_opt.ingest.prices import read_prices
from portfolio_opt.ingest.tables import TABLES
from portfolio_opt.market.account import Account, Lot

HEADER = "symbol,successor,ratio,last_day,first_day,note"
NBB = "NBB,NABIL,0.43,2022-01-12,,"
PRICES = quotes_of(NBB=[(date(2022, 1, 11), 380.0), (date(2022, 1, 12), 385.0)], NABIL=[(date(2024, 1, 1), 500.0)])


def read(path):
    table = TABLES["mergers"]
    return mergers_of(read_table(path, table.required, frozenset(table.columns)), PRICES)


@pytest.fixture
def mergers_file(tmp_path):
    def write(*rows):
        path = tmp_path / "mergers.csv"
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        return path

    return write


def merger(symbol, successor, ratio, ex_date=date(2022, 1, 13)):
    return Action(symbol, "merger", ex_date, ratio=ratio, successor=successor)


# ---- the file


def test_a_merger_counts_from_the_day_after_the_last_or_from_the_first_of_the_successor(mergers_file):
    found = read(mergers_file(NBB, "MEGA,NIMB,0.9,2023-01-10,2023-02-23,renamed"))
    assert found == [
        merger("NBB", "NABIL", 0.43, date(2022, 1, 13)),
        merger("MEGA", "NIMB", 0.9, date(2023, 2, 23)),
    ]


def test_a_successor_may_merge_later_and_two_may_merge_into_one(mergers_file):
    found = read(mergers_file("A,B,1,2020-01-01,,", "B,C,0.5,2021-01-01,,", "D,C,2,2021-01-01,,"))
    assert [action.successor for action in found] == ["B", "C", "C"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("A,A,1,2022-01-12,,", "A cannot merge into itself; correct the successor"),
        ("A,B,0,2022-01-12,,", "0 units of B for one of A is beyond belief"),
        ("A,B,-1,2022-01-12,,", "-1 units of B"),
        ("A,B,43,2022-01-12,,", "43 units of B for one of A is beyond belief; correct it"),
        ("A,B,43%,2022-01-12,,", "ratio '43%' is not a number"),
        ("A,B,1:2,2022-01-12,,", "ratio '1:2' is not a number"),
        ("A,B,1,2078-09-28,,", "last_day '2078-09-28' reads as a Bikram Sambat date"),
        ("A,B,1,,,", "last_day '' is not a date"),
        ("A,B,1,2022-01-12,2022-01-12,", "first_day 2022-01-12 is not after last_day 2022-01-12"),
        ("A,,1,2022-01-12,,", "successor '' is not a symbol"),
        ("NBB,XYZ,1,2022-01-12,,", "NBB stands twice; keep one row"),
        ("NABIL,NBB,1,2024-01-12,,", "NABIL into NBB into NABIL runs in a circle; correct a successor"),
        ("NABIL,XYZ,1,2023-12-31,,", "NABIL traded on 2024-01-01, after last_day 2023-12-31; correct it"),
    ],
)
def test_a_row_that_cannot_be_a_merger_is_refused(mergers_file, row, words):
    message = refusal(read, mergers_file(NBB, row))
    assert message.startswith("mergers.csv, line 3: ")
    assert words in message


def test_a_circle_of_three_is_refused(mergers_file):
    rows = ["A,B,1,2020-01-01,,", "B,C,1,2020-01-01,,", "C,A,1,2020-01-01,,"]
    assert "C into A into B into C runs in a circle" in refusal(read, mergers_file(*rows))


def test_mergers_beside_the_prices_stand_in_the_panel_from_their_day_on(tmp_path):
    days = [date(2022, 1, 11), date(2022, 1, 12), date(2022, 1, 13)]
    rows = [traded("NBB", day, 380.0) for day in days[:2]] + [traded("NABIL", day, 900.0) for day in days]
    write_store(tmp_path, rows)
    (tmp_path / "mergers.csv").write_text(f"{HEADER}\n{NBB}\nOLD,NABIL,2,2015-01-01,,\n")
    panel = read_prices(tmp_path)
    assert {(a.symbol, a.successor) for a in panel.actions} == {("NBB", "NABIL"), ("OLD", "NABIL")}
    assert [action.symbol for action in panel.until(days[1]).actions] == ["OLD"]
    assert (panel.adjustment == 1).all()  # histories are not joined


# ---- a holding

lots_of_one = st.lists(
    st.builds(Lot, st.just("OLD"), st.integers(1, 500), st.integers(0, 10**9), st.none() | st.just(date(2020, 1, 1))),
    min_size=1,
    max_size=5,
)
ratios = st.decimals("0.05", "20", places=3).map(float)


@given(lots=lots_of_one, first=ratios, second=ratios)
def test_units_follow_the_ratio_of_the_whole_holding_and_the_cost_is_carried_whole(lots, first, second):
    mergers = [merger("OLD", "MID", first), merger("MID", "NEW", second)]
    account, said = in_successors(Account(tuple(lots)), mergers, date(2022, 1, 13))
    middle = int(sum(lot.units for lot in lots) * Fraction(str(first)))
    units = int(middle * Fraction(str(second)))
    assert sum(lot.units for lot in account.lots) == units
    assert {lot.symbol for lot in account.lots} == ({"NEW"} if units else set())
    if units:
        assert sum(lot.cost for lot in account.lots) == sum(lot.cost for lot in lots)
    assert said[0].rows == (2 if middle else 1)


def test_ages_and_other_holdings_stay_and_it_is_said():
    old = Lot("NBB", 100, 38_000_00, date(2021, 1, 1)), Lot("NBB", 50, 20_000_00, date(2021, 6, 1))
    other = Lot("ADBL", 10, 4_000_00)
    account = Account((*old, other), quoted={"NBB": 385_00, "ADBL": 400_00}, pending={"NBB": 11})
    found, said = in_successors(account, [merger("NBB", "NABIL", 0.29)], date(2022, 1, 13))
    assert sorted(found.lots, key=lambda lot: lot.cost) == [
        other,
        Lot("NABIL", 14, 20_000_00, date(2021, 6, 1)),
        Lot("NABIL", 29, 38_000_00, date(2021, 1, 1)),  # 0.29 of 100 is 29, not a little less
    ]
    assert found.pending == {"NABIL": 3}
    assert found.quoted == {"ADBL": 400_00}
    assert finding(said, "holdings of merged symbols").examples == ("NBB: 150 units into 43 of NABIL",)


def test_nothing_happens_before_the_day_or_to_holders_of_others():
    account = Account((Lot("NBB", 100, 1), Lot("ADBL", 5, 2)))
    assert in_successors(account, [merger("NBB", "NABIL", 0.43)], date(2022, 1, 12)) == (account, [])
    assert in_successors(account, [merger("KBL", "NABIL", 0.43)], date(2022, 1, 13)) == (account, [])
    assert in_successors(account, [Action("NBB", "bonus", date(2022, 1, 1), 0.1)], date(2022, 1, 13)) == (account, [])


def test_a_holding_too_small_for_one_unit_is_gone_and_said():
    found, said = in_successors(Account((Lot("NBB", 2, 800_00),)), [merger("NBB", "NABIL", 0.43)], date(2022, 1, 13))
    assert found.lots == ()
    assert said[0].examples == ("NBB: 2 units into 0 of NABIL",)
