"""corporate_actions.csv: read as it stands, refused where it cannot be believed."""

from datetime import date

import pytest
from small_files import finding, refusal

from portfolio_opt.ingest.corporate.actions import HIGHEST_ISSUE_PRICE, Action, actions_of
from portfolio_opt.ingest.csv_table import read_table
from portfolio_opt.ingest.tables import TABLES

HEADER = "symbol,type,ratio,amount_npr,issue_price,book_close,ex_date,announcement_date"


def read_actions(path):
    table = TABLES["corporate_actions"]
    return actions_of(read_table(path, table.required, frozenset(table.columns)))


@pytest.fixture
def actions_file(tmp_path):
    def write(*rows, header=HEADER):
        path = tmp_path / "corporate_actions.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def test_actions_are_read_as_they_stand(actions_file):
    path = actions_file(
        "NABIL,bonus,0.336,,,2024-01-04,2024-01-07,2023-12-20",
        "NABIL,right,0.5,,100,,2024-02-01,",
        "NICAD85/86,cash,,6.3,,2024-01-04,,2023-12-20",
        "NA,bonus,-,,,2024-01-04,2024-01-07,",
    )
    actions, findings = read_actions(path)
    assert actions == [
        Action("NABIL", "bonus", date(2024, 1, 7), ratio=0.336, announced=date(2023, 12, 20)),
        Action("NABIL", "right", date(2024, 2, 1), ratio=0.5, issue_price=100.0),
        Action("NICAD85/86", "cash", date(2024, 1, 4), amount=6.3, announced=date(2023, 12, 20)),
        Action("NA", "bonus", date(2024, 1, 7)),
    ]
    assert findings == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("NABIL,bonus,25,,,,2024-01-07,", "a bonus of 25 per unit is beyond belief; correct it"),
        ("NABIL,right,150,,100,,2024-01-07,", "a right of 150 per unit is beyond belief"),
        ("NABIL,bonus,-0.1,,,,2024-01-07,", "a bonus of -0.1 per unit is beyond belief"),
        ("NABIL,cash,,-5,,,2024-01-07,", "a cash of -5 per unit is beyond belief"),
        ("NABIL,cash,,10000,,,2024-01-07,", "a cash of 10000 per unit is beyond belief"),
        ("NABIL,right,0.5,,-100,,2024-01-07,", "an issue price of -100 is beyond belief"),
        (f"NABIL,right,0.5,,{HIGHEST_ISSUE_PRICE},,2024-01-07,", "an issue price of 100000 is beyond belief"),
        ("NABIL,right,0.5,,nan,,2024-01-07,", "issue_price 'nan' is not a number"),
        ("NABIL,bonus,,,,,2024-01-07,", "ratio '' is not a number"),
        ("NABIL,bonus,1e999,,,,2024-01-07,", "ratio '1e999' is not a number"),
        ("NABIL,bonus,1e99999999,,,,2024-01-07,", "ratio '1e99999999' is not a number"),
        ("NABIL,bonus,10%,,,,2024-01-07,", "ratio '10%' is not a number"),
        ("NABIL,cash,0.1,,,,2024-01-07,", "amount_npr '' is not a number"),
        ("NABIL,split,2,,,,2024-01-07,", "type is 'split'; choose bonus, right or cash"),
        ("NABIL,Bonus,0.1,,,,2024-01-07,", "type is 'Bonus'"),
        ("NABIL,bonus,0.1,,,,2080-01-07,", "ex_date '2080-01-07' reads as a Bikram Sambat date"),
        ("NABIL,bonus,0.1,,,01/02/2024,,", "book_close '01/02/2024' is not a date"),
        ("NABIL,bonus,0.1,,,,2024-02-30,", "ex_date '2024-02-30' is no day of the calendar"),
        ("NABIL,bonus,0.1,,,,2024-01-07,soon", "announcement_date 'soon' is not a date"),
        (",bonus,0.1,,,,2024-01-07,", "symbol '' is not a symbol"),
        ("NABIL,bonus,0.1,,,2024-01-07,", "7 fields under a header of 8"),
        ("NABIL,bonus,0,1,,,,2024-01-07,", "9 fields under a header of 8"),
    ],
)
def test_a_row_that_cannot_be_an_action_is_refused(actions_file, row, words):
    message = refusal(read_actions, actions_file("ADBL,bonus,0.1,,,,2024-01-07,", row))
    assert message.startswith("corporate_actions.csv, line 3: ")
    assert words in message


def test_another_header_is_refused(actions_file):
    row = "NABIL,bonus,0.1,,,,2024-01-07"
    assert "unknown column 'par'" in refusal(read_actions, actions_file(row + ",100,", header=HEADER + ",par"))
    assert "no header" in refusal(read_actions, actions_file(row, header="symbol,type,ratio,amount,price,book,ex"))


def test_actions_that_say_too_little_are_counted_and_not_used(actions_file):
    path = actions_file("NABIL,bonus,0.1,,,,,", "NABIL,cash,,5,,,,", "NABIL,right,0.5,,,,2024-01-07,")
    actions, findings = read_actions(path)
    assert actions == []
    assert finding(findings, "corporate actions without an ex day or book close").rows == 2
    assert finding(findings, "right shares without an issue price").rows == 1  # once taken as given away for nothing
    assert {found.effect for found in findings} == {"not used"}
