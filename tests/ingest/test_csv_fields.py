"""One cell to one value, and a CSV to rows: what is read, and what is refused because it is not certain."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from small_files import DEMAT, HOLDER, refusal

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.csv_table import read_table
from portfolio_opt.ingest.fields import LONGEST_SHOWN, day, money, number, shown, symbol, units

REQUIRED, OPTIONAL = frozenset({"scrip", "quantity"}), frozenset({"s.n", "demat"})


def lakhs(whole):
    """A whole number grouped as in South Asia: 12,34,567."""
    head, tail = str(whole)[:-3], str(whole)[-3:]
    pairs = re.findall(r"\d{1,2}", head[::-1])
    return ",".join([*(pair[::-1] for pair in reversed(pairs)), tail])


@given(value=st.decimals(-(10**9), 10**9, places=4))
def test_a_number_written_plainly_or_with_thousands_commas_is_that_number(value):
    assert number(str(value)) == number(f" {value:,} ") == value


@given(whole=st.integers(0, 10**10))
def test_commas_between_lakhs_are_thousands_commas_too(whole):
    assert number(lakhs(whole)) == whole


@pytest.mark.parametrize(
    ("text", "value"),
    [("-", "0"), ("553.0", "553"), ("1,200.76", "1200.76"), (".5", "0.5"), ("7.", "7"), ("1e3", "1000"), ("+4", "4")],
)
def test_numbers_as_they_are_written_in_exports(text, value):
    assert number(text) == Decimal(value)


NO_NUMBERS = (
    *("", " ", "--", ".", "abc", "nan", "NaN", "inf", "-Infinity", "1e12", "1e999", "1e9999999", "1e-9999999", "0x10"),
    *("1.2.3", "1 000", "1_000", "٣", "५", "100%", "Rs 5", "=1+1"),
)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_plain_number_is_refused(text):
    with pytest.raises(ValueError, match="is not a number a file of this kind can hold; correct it"):
        number(text)


@pytest.mark.parametrize(
    "text", ["1,5", "12,50", "1,00", ",500", "1,,000", "1,0000", "1234,567", "1,000,0.5", "1.5,000"]
)
def test_a_comma_that_separates_no_thousands_is_refused_not_dropped(text):
    with pytest.raises(ValueError, match="is not a number"):
        number(text)


@given(count=st.integers(0, 10**9))
def test_units_are_whole_with_or_without_a_point(count):
    assert units(str(count)) == units(f"{count}.0") == units(f"{count:,}.00") == count
    assert type(units(f"{count}.0")) is int


@pytest.mark.parametrize("text", ["-1", "0.5", "10.001", "-0.5"])
def test_negative_and_fractional_units_are_refused(text):
    with pytest.raises(ValueError, match=f"'{text}' is not a whole number of shares"):
        units(text)


@given(amount=st.integers(0, 10**12))
def test_money_is_exact_in_paisa(amount):
    assert money(f"{amount // 100:,}.{amount % 100:02d}") == amount


def test_negative_money_is_refused():
    with pytest.raises(ValueError, match=r"'-0\.01' is below zero"):
        money("-0.01")


@given(when=st.dates(date(1990, 1, 1), date(2049, 12, 31)), clock=st.sampled_from(["", " 11:00:00", "T11:00:00Z"]))
def test_an_iso_day_is_that_day(when, clock):
    assert day(f" {when.isoformat()}{clock}") == when


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("03/04/2025", "write year-month-day"),
        ("2025/04/03", "write year-month-day"),
        ("3-4-2025", "write year-month-day"),
        ("2025-4-3", "write year-month-day"),
        ("20250403", "write year-month-day"),
        ("45000", "write year-month-day"),
        ("", "write year-month-day"),
        ("2082-05-05", "Bikram Sambat"),
        ("2050-01-01", "Bikram Sambat"),
        ("२०८२-०५-०५", "Bikram Sambat"),
        ("2025-02-30", "no day of the calendar"),
        ("2025-13-01", "no day of the calendar"),
        ("2082-02-32", "Bikram Sambat"),
        ("1925-01-01", "before 1990"),
    ],
)
def test_a_date_that_may_mean_another_day_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        day(text)


@pytest.mark.parametrize("text", ["NA", "TRUE", "FALSE", "NULL", "NAN", "1", "NICAD85/86", "=CMD", "+A1", "@SUM"])
def test_any_short_text_is_a_symbol_as_it_stands(text):
    assert symbol(text) == symbol(f"  {text} ") == symbol(text.lower()) == text


@given(text=st.text(max_size=60))
@example(text="\u200bNABIL")
@example(text="NA\x00BIL")
@example(text="NABIL\u202e")
def test_a_symbol_is_printable_short_and_stays_itself(text):
    try:
        name = symbol(text)
    except ValueError:
        return
    assert name.isprintable()
    assert 0 < len(name) <= 30
    assert symbol(name) == name


@given(digits=st.from_regex(r"[0-9]{13,18}", fullmatch=True))
def test_an_account_number_is_no_symbol_and_never_shown(digits):
    with pytest.raises(ValueError, match="is an account number, not a symbol; columns may have shifted") as caught:
        symbol(digits)
    assert digits not in str(caught.value)
    assert digits not in shown(digits)
    assert digits not in shown(f"x{digits}y")


@given(text=st.text())
def test_what_is_shown_is_one_short_printable_line(text):
    assert shown(text).isprintable()
    assert len(shown(text)) <= 10 * LONGEST_SHOWN + 3  # an escape takes up to ten characters


# ---- tables


def rows_of(path):
    return [dict(row.cells) for row in read_table(path, REQUIRED, OPTIONAL)]


def refused(path):
    return refusal(rows_of, path)


@pytest.fixture
def table(tmp_path):
    """Writes a file and gives its path."""

    def write(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


TWO = [{"scrip": "NABIL", "quantity": "10"}, {"scrip": "ADBL", "quantity": "1,200.0"}]
PLAIN = 'Scrip,Quantity\nNABIL,10\nADBL,"1,200.0"\n'


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\n\n"),
        PLAIN.rstrip("\n"),
        f"Holder Name :,{HOLDER}\n" + PLAIN,
        f"My report\n\nHolder Name :,{HOLDER},,\n\n" + PLAIN,
        PLAIN + "Total,1210\n",
        PLAIN + "Total :,,,1210\n",
        PLAIN + ",Grand Total,\nTotal\n\n,,\n",
        PLAIN.replace("Scrip,Quantity", '"SCRIP"," quantity "'),
        PLAIN.replace("Scrip,Quantity", "scrip,QUANTITY"),
    ],
)
def test_a_table_reads_the_same_however_it_was_saved(table, content):
    assert rows_of(table(content)) == TWO


@pytest.mark.parametrize("name", ["S.N", "S.N.", "s.n.", "#", "SN"])
def test_the_running_number_has_many_names(table, name):
    assert rows_of(table(f"{name},Scrip,Quantity\n1,NABIL,10\n")) == [TWO[0] | {"s.n": "1"}]


def test_a_symbol_that_begins_like_a_total_is_no_total_row(table):
    assert [row["scrip"] for row in rows_of(table("Scrip,Quantity\nNABIL,10\nTOTALCO,5\n"))] == ["NABIL", "TOTALCO"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty; export it again"),
        (b" \r\n\n", "is empty; export it again"),
        (b"\xef\xbb\xbf", "no header"),
        ("Scrip,Quantity\n", "has a header but no rows"),
        ("Scrip,Quantity\n\n,,\n", "has a header but no rows"),
        ("Scrip,Quantity\nTotal,0\n", "has a header but no rows"),
        ("Scrip,Quantity\nNABIL,10\nADBL,1,200\n", "line 3: 3 fields under a header of 2"),
        ("Scrip,Quantity\nNABIL,10\nADBL\n", "line 3: 1 fields under a header of 2"),
        (f"Note,{HOLDER}\nScrip,Quantity\n\nNABIL,10,\n", "line 4: 3 fields"),
        ("Symbol,Qty\nNABIL,10\n", "no header with the columns quantity, scrip in the first 10 lines"),
        ("\n" * 10 + PLAIN, "no header"),
        ("Scrip;Quantity\nNABIL;10\n", "no header"),
        ("Scrip,Quantity,Colour\nNABIL,10,red\n", "line 1: unknown column 'colour'"),
        ("Scrip,Quantity,scrip\nNABIL,10,ADBL\n", "line 1: a column stands twice"),
        (PLAIN.encode("utf-16"), "it looks like UTF-16 or a spreadsheet"),
        (PLAIN.encode("utf-16-le"), "it looks like UTF-16 or a spreadsheet"),
        ((PLAIN + "NABIL,1\x000\n").encode(), "is not UTF-8 text"),
        ((PLAIN * 100 + "X,1\x000\n").encode(), "is not UTF-8 text"),
        (PLAIN.encode() + "Société,1\n".encode("latin-1"), "not UTF-8 text; save the file as CSV UTF-8"),
    ],
)
def test_a_table_that_cannot_be_read_with_certainty_is_refused(table, content, words):
    message = refused(table(content))
    assert "table.csv" in message
    assert words in message


@pytest.mark.parametrize(
    "content",
    [
        'Scrip,Quantity\n"NABIL,10\nADBL,20\n',
        'Scrip,Quantity\nNABIL,"10\nADBL,20\n',
        'Scrip,Quantity\nNABIL,"10\nADBL,"20"\n',
        'Scrip,Quantity\nNABIL,"10"0\nADBL,20\n',
        'Scrip,Quantity\nNABIL,"10' + "0" * 200_000 + "\n",
    ],
)
def test_a_quotation_mark_left_open_does_not_swallow_rows(table, content):
    assert "line 2: a quotation mark is left open or misplaced" in refused(table(content))


def test_a_refused_cell_is_named_by_file_line_and_column(table):
    rows = list(read_table(table("Note\n\nScrip,Quantity\nNABIL,10\n\nADBL,ten\n"), REQUIRED, OPTIONAL))
    assert rows[0].read("quantity", units) == 10
    with pytest.raises(InvalidInput, match=r"^table\.csv, line 6: quantity 'ten' is not a number"):
        rows[1].read("quantity", units)


def test_a_personal_column_shifted_into_another_is_not_shown(table):
    (row,) = read_table(table(f"Demat,Scrip,Quantity\nNABIL,{DEMAT},10\n"), REQUIRED, OPTIONAL)
    refusal(row.read, "scrip", symbol)
    (row,) = read_table(table(f"Demat,Scrip,Quantity\n1,NABIL,{DEMAT}\n"), REQUIRED, OPTIONAL)
    refusal(row.read, "quantity", units)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "gone.csv does not exist" in refused(tmp_path / "gone.csv")
    assert "is a folder" in refused(tmp_path)
