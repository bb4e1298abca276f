"""The exchange's own list of adjusted prices, read strictly."""

from datetime import date

import pytest
from small_files import refusal

from portfolio_opt.ingest.corporate.official import OfficialPrice, official_of
from portfolio_opt.ingest.csv_table import read_table
from portfolio_opt.ingest.tables import TABLES

HEADER = "symbol,last_cum_date,kind,pct,prev_close,adjusted_price,factor,reason"
GOOD = "PIC,2022-01-18,bonus,14.25,1213.0,1061.71,0.875276,14.25% Bonus Share"


def read(path):
    table = TABLES["official_adjustments"]
    return official_of(read_table(path, table.required, frozenset(table.columns)))


@pytest.fixture
def official_file(tmp_path):
    def write(*rows):
        path = tmp_path / "official_adjustments.csv"
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        return path

    return write


def test_prices_are_read_as_they_stand(official_file):
    found = read(official_file(GOOD, "SICL,2022-02-03,right,30,1986,1550.77,,"))
    assert found == [
        OfficialPrice("PIC", date(2022, 1, 18), "bonus", 14.25, 1213.0, 1061.71),
        OfficialPrice("SICL", date(2022, 2, 3), "right", 30.0, 1986.0, 1550.77),
    ]
    assert found[0].factor == pytest.approx(0.875276, abs=1e-6)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("PIC,2022-01-19,split,14,1213,1061,,", "kind is 'split'; choose one of bonus, right, cash"),
        ("PIC,2022-01-19,bonus,14,1061,1213,,", "14% takes 1061 to 1213, but an adjusted price is positive"),
        ("PIC,2022-01-19,bonus,14,0,0,,", "takes 0 to 0"),
        ("PIC,2022-01-19,bonus,-14,1213,1061,,", "-14% takes"),
        ("PIC,2022-01-19,bonus,5000,1213,24,,", "5000% takes"),
        ("PIC,2022-01-19,bonus,14,n/a,1061,,", "prev_close 'n/a' is not a number"),
        ("PIC,2078-10-05,bonus,14,1213,1061,,", "last_cum_date '2078-10-05' reads as a Bikram Sambat date"),
        ("PIC,2022-01-18,right,14,1213,1061,,", "PIC on 2022-01-18 stands twice; keep one row"),
    ],
)
def test_a_row_that_cannot_be_a_price_is_refused(official_file, row, words):
    message = refusal(read, official_file(GOOD, row))
    assert message.startswith("official_adjustments.csv, line 3: ")
    assert words in message


def test_a_right_may_raise_a_price_below_its_issue_price(official_file):
    assert read(official_file("ABC,2022-01-18,right,50,80,86.67,,"))[0].factor > 1
