"""Company files as text: one CSV per symbol, the symbol in the file's name."""

from datetime import date

import numpy as np
import pytest
from small_files import COMPANY_HEADER, HOLDER, ROOT, company_line, finding, refusal, rules_of, sessions, traded

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.gather import gather
from portfolio_opt.ingest.prices import read_prices

DAYS = sessions(3)
GOOD = [company_line(traded("NABIL", day)) for day in DAYS]
RAW = ROOT.parent / "shared" / "data" / "nepse" / "raw_samples" / "aabishkar2"


def changed(line, column, text):
    cells = line.split(",")
    cells[COMPANY_HEADER.split(",").index(column)] = text
    return ",".join(cells)


def text_of(*lines):
    return "\n".join([COMPANY_HEADER, *lines]) + "\n"


@pytest.fixture
def companies(tmp_path):
    """Writes files of a folder, by name, as text or bytes, and gives the folder."""

    def write(**files):
        folder = tmp_path / "companies"
        folder.mkdir()
        for name, content in files.items():
            path = folder / (name if "." in name else f"{name}.csv")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("close", text) for text in ("abc", "", "-", "nan", "NaN", "inf", "1e999", "0x10", "1_000", '"1,00"', "१००")),
        *((column, text) for column in ("open", "traded_quantity") for text in ("abc", "inf", "1e999", "null", "1 0")),
        *(("published_date", text) for text in ("03/04/2025", "2082-05-05", "2025-02-30", "2025-1-5", "", "45662")),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_by_file_line_and_column(companies, column, text):
    folder = companies(NABIL=text_of(GOOD[0], "", changed(GOOD[1], column, text), GOOD[2]))
    message = refusal(read_prices, folder)
    assert message.startswith("NABIL.csv, line 4: ")  # blank lines count
    assert column in message
    assert repr(text.strip('"')) in message


@pytest.mark.parametrize(("line", "count"), [(GOOD[1] + ",1", 10), (GOOD[1].rpartition(",")[0], 8), ("x", 1)])
def test_a_row_with_too_many_or_too_few_fields_is_refused(companies, line, count):
    message = refusal(read_prices, companies(NABIL=text_of(GOOD[0], "", line, GOOD[2])))
    assert message.startswith(f"NABIL.csv, line 4: expected 9 columns, got {count}; ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        ((COMPANY_HEADER + "\n").encode(), "NABIL.csv has a header but no rows"),
        (COMPANY_HEADER.encode(), "NABIL.csv has a header but no rows"),
        (text_of(*GOOD).encode("utf-16"), "is not UTF-8 text"),
        (text_of(GOOD[0], GOOD[1] + "\x00").encode(), "is not UTF-8 text"),
        (text_of(*GOOD * 300, GOOD[1] + "\x00").encode(), "is not UTF-8 text"),
        (text_of(GOOD[0], GOOD[1] + "é").encode("latin-1"), "not UTF-8 text; save the file as CSV UTF-8"),
        (text_of(*GOOD).replace("close", "last").encode(), "a header of none of company CSV"),
        (text_of(*GOOD).replace(",", ";").encode(), "a header of none of company CSV"),
        (text_of(*GOOD).partition("\n")[2].encode(), "a header of none of company CSV"),
        (f"Holder Name :,{HOLDER}\n{text_of(*GOOD)}".encode(), "a header of none of company CSV"),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_a_file_that_cannot_be_read_is_named_and_refused(companies, content, words, beside):
    files = {"NABIL": content} | ({"ADBL": text_of(*GOOD)} if beside else {})
    message = refusal(read_prices, companies(**files))
    assert "NABIL.csv" in message
    assert words in message


@pytest.mark.parametrize("lines", [(GOOD[0][:-1] + '"1', GOOD[1], GOOD[2][:-1] + '"1'), ('"' + GOOD[0], GOOD[1])])
def test_a_quotation_mark_left_open_swallows_no_rows(companies, lines):
    assert refusal(read_prices, companies(NABIL=text_of(*lines))).startswith("NABIL.csv")


def test_two_files_of_one_symbol_are_merged_and_what_they_state_differently_is_said(companies):
    other = changed(GOOD[1], "close", "101")
    panel = read_prices(
        companies(NABIL=text_of(*GOOD[:2]), **{"nabil_2025-01-01_2025-12-31.csv": text_of(other, GOOD[2])})
    )
    assert panel.symbols.tolist() == ["NABIL"]
    assert panel.close[:, 0].tolist() == [100.0, 101.0, 100.0]  # of one kind of file and one volume the greater close
    found = finding(panel.findings, "rows that another source states otherwise")
    assert found.examples == (f"NABIL on {DAYS[1]}",)


@pytest.mark.parametrize(
    "name",
    [
        "A" * 31 + ".csv",
        "1301120000123456.csv",
        "nabil bank download.csv",
        "NABIL - copy.csv",
        "2025.csv",
        "20250820.csv",
        "{0}.csv",
        "(1).csv",
        "prices (1) (2).csv",
    ],
)
def test_a_file_that_is_not_named_after_a_symbol_is_refused(companies, name):
    assert "named after its symbol" in refusal(read_prices, companies(**{name: text_of(*GOOD)}))


@pytest.mark.parametrize(
    "content",
    [
        text_of(*GOOD).encode(),
        text_of(*GOOD).encode("utf-8-sig"),
        text_of(*GOOD).replace("\n", "\r\n").encode(),
        text_of(*GOOD).rstrip("\n").encode(),
        text_of("", *GOOD, "", "").encode(),
        text_of(*reversed(GOOD)).encode(),
        text_of(*(line.replace(",100,", ", 100.0 ,") for line in GOOD)).encode(),
        text_of(*(",".join(f'"{cell}"' for cell in line.split(",")) for line in GOOD)).encode(),
        text_of(*(line.replace(",1000,", ",1e3,") for line in GOOD)).encode(),
        text_of(*(line.replace(",1000,", ',"1,000",') for line in GOOD)).encode(),
        text_of(*(line.replace("05,", "05 00:00:00,") for line in GOOD)).encode(),
    ],
)
def test_a_company_file_reads_the_same_however_it_was_saved(companies, content):
    panel = read_prices(companies(NABIL=content))
    assert panel.sessions() == DAYS
    assert panel.close[:, 0].tolist() == [100.0] * 3
    assert panel.volume[:, 0].tolist() == [1000.0] * 3


@pytest.mark.parametrize("text", ["", "nan", "NaN", "-", " "])
def test_an_absent_number_beside_the_close_stays_absent(companies, text):
    line = changed(changed(changed(GOOD[1], "open", text), "traded_quantity", text), "per_change", text)
    panel = read_prices(companies(NABIL=text_of(GOOD[0], line)))
    assert np.isnan(panel.open[1, 0])
    assert panel.volume[1, 0] == 0
    assert panel.close[1, 0] == 100


@pytest.mark.parametrize("name", ["NA", "TRUE", "null", "=cmd", "NICAD85-86"])
def test_any_text_is_a_symbol_in_a_file_name(companies, name):
    panel = read_prices(companies(**{f"{name}.csv": text_of(*GOOD)}))
    assert panel.symbols.tolist() == [name.upper()]


def test_a_capital_extension_is_no_reason_to_leave_a_company_out(companies):
    """ADBL.CSV was once passed over without a word."""
    panel = read_prices(companies(**{"ADBL.CSV": text_of(*GOOD), "NABIL.csv": text_of(*GOOD)}))
    assert panel.symbols.tolist() == ["ADBL", "NABIL"]


def test_files_beside_the_companies_are_read_as_what_they_are(companies):
    folder = companies(
        NABIL=text_of(*GOOD),
        sectors="symbol,sector,instrument_type\nNABIL,Banking,equity\n",
        corporate_actions="symbol,type,ratio,amount_npr,issue_price,book_close,ex_date\nNABIL,cash,,5,,,2025-01-06\n",
    )
    (folder / "README.md").write_text("not a price")
    panel = read_prices(folder)
    assert panel.symbols.tolist() == ["NABIL"]
    assert panel.sector.tolist() == ["Commercial Banks"]
    assert panel.dividend[:, 0].tolist() == [0, 5, 0]
    assert "no sectors.csv" not in rules_of(panel.findings)


@pytest.mark.skipif(not RAW.is_dir(), reason="the shared raw samples are not here")
def test_files_as_found_in_the_wild_are_read_or_refused_by_row(tmp_path):
    for path in sorted(RAW.glob("*.csv")):
        folder = tmp_path / path.stem
        folder.mkdir()
        (folder / path.name).write_bytes(path.read_bytes())
        try:
            panel = read_prices(folder)
        except InvalidInput:
            message = refusal(read_prices, folder)
            assert path.stem in message
            assert "line " in message or " on 20" in message
        else:
            assert panel.symbols.tolist() == [path.stem]
            assert panel.last_date <= date(2025, 8, 21)


@pytest.mark.parametrize("copy", ["NABIL (1).csv", "NABIL(2).csv", "NABIL_2000-01-01_2021-12-31 (1).csv"])
def test_a_browsers_second_copy_is_the_same_symbol(companies, copy):
    panel = read_prices(companies(**{"NABIL": text_of(*GOOD[:2]), copy: text_of(*GOOD)}))
    assert panel.symbols.tolist() == ["NABIL"]
    assert panel.traded.sum() == len(GOOD)


@pytest.mark.parametrize("name", ["prices.csv", "prices (1).csv", "Prices(2).CSV"])
def test_a_file_of_a_common_name_is_its_folders_and_known_by_it(tmp_path, name):
    """Two companies' equal second copies were once one known file."""
    for symbol in ("NABIL", "EBL"):
        (tmp_path / symbol).mkdir()
        (tmp_path / symbol / name).write_text(text_of(*GOOD))
    assert read_prices(tmp_path).symbols.tolist() == ["EBL", "NABIL"]
    assert {file.file for file in gather(tmp_path.rglob("*.[cC]*")).files} == {f"EBL/{name}", f"NABIL/{name}"}


def test_files_of_one_content_under_different_names_are_said(companies):
    folder = companies(NABIL=text_of(*GOOD), EBL=text_of(*GOOD), ADBL=text_of(*GOOD[:2]))
    panel = read_prices(folder)
    assert panel.symbols.tolist() == ["ADBL", "EBL", "NABIL"]
    found = finding(panel.findings, "files of one content under different names")
    assert (found.severity, found.examples) == ("warning", ("EBL.csv and NABIL.csv",))


def test_notes_beside_the_files_are_passed_over_but_data_of_any_ending_are_read(companies):
    panel = read_prices(
        companies(**{"NABIL": text_of(*GOOD), "README.txt": "prices, fetched today", "ADBL.txt": text_of(*GOOD)})
    )
    assert panel.symbols.tolist() == ["ADBL", "NABIL"]
