"""A user's holiday file: what is read from it, what is refused, and what is said where the prices know better."""

from datetime import date

import pytest
from small_files import refusal

from portfolio_opt.ingest.holidays import LONGEST_NAME, holiday_file, holiday_findings, read_holidays
from portfolio_opt.market.calendar import Calendar, Holidays
from portfolio_opt.market.rules import rulebook

DASHAIN, TIHAR, SATURDAY = date(2026, 10, 20), date(2026, 11, 9), date(2026, 10, 24)
SEEN = (date(2026, 8, 20), date(2026, 8, 21))  # an archive of two sessions


@pytest.fixture
def file(tmp_path):
    """Writes a holiday file of these lines."""

    def write(*lines):
        path = tmp_path / "mine.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def test_a_list_of_dates_is_enough(file):
    read = read_holidays(file("date", "2026-11-09", "2026-10-20"))
    assert read == Holidays({DASHAIN: "", TIHAR: ""}, {})
    assert read.until == TIHAR


def test_kinds_and_names_are_read_and_notes_are_not(file):
    read = read_holidays(
        file(
            "Note,Name,Kind,Date",
            "gazette,Vijaya  Dashami,closed,2026-10-20",
            "?,बडा दशैं\u200d,CLOSED,2026-11-09",
            "notice 12,,open,2026-10-24",
        )
    )
    assert read == Holidays({DASHAIN: "Vijaya Dashami", TIHAR: "बडा दशैं\u200d"}, {SATURDAY: ""})
    assert read.name(SATURDAY) == ""


def test_without_a_kind_a_day_is_closed(file):
    assert read_holidays(file("date,kind", "2026-10-20,", "2026-10-24,open")).closed == {DASHAIN: ""}


def test_a_day_that_stands_twice_counts_once_with_all_its_names(file):
    rows = ("2026-10-20,Vijaya Dashami", "2026-10-20,Vijaya Dashami", "2026-10-20,", "2026-10-20,Bada Dashain")
    assert read_holidays(file("date,name", *rows)).closed == {DASHAIN: "Vijaya Dashami, Bada Dashain"}


def test_a_day_both_closed_and_open_is_refused(file):
    message = refusal(read_holidays, file("date,kind", "2026-10-20,closed", "2026-10-20,open"))
    assert "mine.csv, line 3: 2026-10-20 is both closed and open" in message


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2083-07-03", "Bikram Sambat"),
        ("20/10/2026", "not a date like"),
        ("20 October 2026", "not a date like"),
        ("2026-02-30", "no day of the calendar"),
        ("", "not a date like"),
    ],
)
def test_a_date_that_cannot_be_read_with_certainty_is_refused(file, written, said):
    message = refusal(read_holidays, file("date,name", "2026-10-20,Dashain", f"{written},Tihar"))
    assert "mine.csv, line 3: date" in message
    assert said in message


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("date,kind", "2026-10-20,shut"), "'shut' is neither closed nor open"),
        (("date,name", "2026-10-20," + "x" * (LONGEST_NAME + 1)), "not a name"),
        (("date,name", "2026-10-20,Tihar,3 days"), "3 fields under a header of 2"),
        (("date,day", "2026-10-20,Tuesday"), "unknown column 'day'"),
        (("holiday,name", "2026-10-20,Dashain"), "no header with the columns date"),
        (("date,name",), "no rows"),
    ],
)
def test_what_else_cannot_be_read_is_refused(file, lines, said):
    assert said in refusal(read_holidays, file(*lines))


def test_the_given_file_counts_before_the_one_beside_the_prices(tmp_path):
    given, beside = tmp_path / "mine.csv", tmp_path / "holidays.csv"
    assert holiday_file(None, tmp_path) is None
    assert holiday_file(given, tmp_path) == given
    beside.write_text("date\n2026-10-20\n", encoding="utf-8")
    assert holiday_file(None, tmp_path) == beside
    assert holiday_file(given, tmp_path) == given


def test_findings_say_what_the_file_knows_and_until_when():
    (found,) = holiday_findings(Calendar(SEEN, Holidays({DASHAIN: "Dashain", TIHAR: ""}, {SATURDAY: "muhurat"})))
    assert (found.rows, found.severity) == (3, "note")
    assert found.examples == ("2026-10-20 Dashain", "2026-10-24 muhurat", "2026-11-09")
    assert "the last is 2026-11-09" in found.effect
    assert holiday_findings(Calendar(SEEN)) == []


def test_a_holiday_on_a_day_with_prices_is_a_warning_and_the_prices_win():
    calendar = Calendar(SEEN, Holidays({SEEN[0]: "", DASHAIN: ""}))
    known, wrong = holiday_findings(calendar)
    assert known.rows == 1
    assert (wrong.severity, wrong.rows, wrong.examples) == ("warning", 1, ("2026-08-20",))
    assert "the prices are believed" in wrong.effect
    assert calendar.is_session(SEEN[0])


def test_an_old_file_says_nothing_about_days_to_come():
    assert rulebook().closures_known_until == SEEN[1]
    (found,) = holiday_findings(Calendar(SEEN, Holidays({date(2026, 5, 1): "Labour Day"})))
    assert found.rows == 0
    assert "the last is 2026-05-01" in found.effect
