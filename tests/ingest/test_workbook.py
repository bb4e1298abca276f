"""XLSX files: the text their CSV export would hold, and a refusal for whatever cannot be read with certainty and in bounds."""

import random
import zipfile
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import (
    DEMAT,
    HOLDER,
    SAMPLE_ACCOUNTS,
    as_xlsx,
    refusal,
    typed,
    write_parts,
    write_xlsx,
    xlsx_cell,
    xlsx_parts,
    xlsx_rows,
)

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.account_files import read_account
from portfolio_opt.ingest.csv_table import read_table
from portfolio_opt.ingest.workbook import MOST_BYTES, MOST_COLUMNS, MOST_ROWS, sheet_rows

AB = frozenset({"a", "b"})
TABLE = [["A", "B"], ["x", 1]]


def texts(path):
    return sheet_rows(path.name, path.read_bytes())


def cells(path):
    return [(row.line, dict(row.cells)) for row in read_table(path, AB, frozenset())]


# ---- what a cell becomes


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("x y", "x y"),
        (True, "TRUE"),
        (False, "FALSE"),
        (10.0, "10"),
        (10, "10"),
        (1097.6, "1097.6"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-7, "0.0000001"),
        (1.5e-7, "0.00000015"),
        (1e15, "1000000000000000"),
        (2026010500001234.0, "2026010500001234"),
        (1e22, "10000000000000000000000"),
        (-2.5, "-2.5"),
        (date(2026, 1, 5), "2026-01-05"),
        ("2082-05-05", "2082-05-05"),
        ("1,097.6", "1,097.6"),
        ("=1+1", "=1+1"),
    ],
)
def test_a_cell_is_what_a_csv_export_writes(tmp_path, stored, text):
    assert texts(write_xlsx(tmp_path / "book.xlsx", [[stored]])) == [[text]]


@given(value=st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_a_number_keeps_its_value_and_has_no_power_of_ten(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("books") / "book.xlsx"
    ((text,),) = texts(write_xlsx(path, [[value]]))
    assert float(text) == value
    assert "e" not in text.lower()
    assert Decimal(text) == Decimal(repr(value))


def test_a_time_of_day_stays_behind_the_day(tmp_path):
    days = (datetime(2026, 1, 5, 12) - datetime(1899, 12, 30)).total_seconds() / 86400
    parts = xlsx_parts(f'<row r="1"><c r="A1" s="1"><v>{days}</v></c></row>')
    assert texts(write_parts(tmp_path / "book.xlsx", parts)) == [["2026-01-05 12:00:00"]]


def test_a_formula_is_its_stored_value(tmp_path):
    formula = '<row r="1"><c r="A1"><f>1+1</f><v>5</v></c><c r="B1"><v>1</v></c></row>'
    assert texts(write_parts(tmp_path / "book.xlsx", xlsx_parts(formula))) == [["5", "1"]]


def test_shared_texts_are_read(tmp_path):
    parts = xlsx_parts('<row r="1"><c r="A1" t="s"><v>1</v></c></row>')
    parts["xl/sharedStrings.xml"] = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>no</t></si><si><t>yes</t></si></sst>'
    )
    tie = 'Target="sharedStrings.xml" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"'
    name = "xl/_rels/workbook.xml.rels"
    parts[name] = parts[name].replace("</Relationships>", f'<Relationship Id="shared" {tie}/></Relationships>')
    assert texts(write_parts(tmp_path / "book.xlsx", parts)) == [["yes"]]


# ---- the same table reader


def test_rows_keep_their_line_numbers_and_blank_cells(tmp_path):
    path = write_xlsx(tmp_path / "book.xlsx", [[], [f"Holder Name : {HOLDER}"], ["A", "B"], ["x", ""], [], ["y", 2]])
    assert cells(path) == [(4, {"a": "x", "b": ""}), (6, {"a": "y", "b": "2"})]


def test_a_workbook_is_known_by_its_content(tmp_path):
    assert cells(write_xlsx(tmp_path / "table.csv", TABLE)) == [(2, {"a": "x", "b": "1"})]
    (tmp_path / "table.xlsx").write_text("A,B\nx,1\n")
    assert cells(tmp_path / "table.xlsx") == [(2, {"a": "x", "b": "1"})]


def test_a_text_that_begins_like_an_archive_is_text(tmp_path):
    (tmp_path / "table.csv").write_text("PK\nA,B\nx,1\n")
    assert cells(tmp_path / "table.csv") == [(3, {"a": "x", "b": "1"})]


def test_a_cell_beside_the_table_is_a_field_too_many(tmp_path):
    path = write_xlsx(tmp_path / "book.xlsx", [["A", "B"], ["x", 1], ["y", 2, "note"]])
    assert "line 3: 3 fields under a header of 2" in refusal(cells, path)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_sample_accounts_are_the_same_as_workbooks(tmp_path, number):
    paths = []
    for name in ("My Shares Values.csv", "My Wacc Report.csv", "Transaction History.csv"):
        copy = tmp_path / name
        copy.write_bytes((SAMPLE_ACCOUNTS / f"account-{number}" / name).read_bytes())
        paths.append(copy)
    from_csv = read_account(*paths)
    for cell in (str, typed):
        assert read_account(*(as_xlsx(path, cell) for path in paths)) == from_csv


# ---- refused


def test_several_worksheets_with_content_are_refused(tmp_path):
    path = write_xlsx(tmp_path / "book.xlsx", TABLE, [[HOLDER, DEMAT]])
    assert "book.xlsx has 2 worksheets with content; keep one" in refusal(cells, path)


def test_empty_worksheets_do_not_count(tmp_path):
    assert cells(write_xlsx(tmp_path / "book.xlsx", [], TABLE, [[], [" "]])) == [(2, {"a": "x", "b": "1"})]


def test_a_workbook_without_content_is_refused(tmp_path):
    assert "without content" in refusal(cells, write_xlsx(tmp_path / "book.xlsx", [], []))


@pytest.mark.parametrize("name", ["old.xls", "locked.xlsx", "wacc.csv"])
def test_an_old_or_encrypted_workbook_is_refused_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    message = refusal(cells, tmp_path / name)
    assert message.startswith(name)
    assert "save it as CSV UTF-8 or XLSX" in message


def test_an_encrypted_archive_is_refused(tmp_path):
    path = write_xlsx(tmp_path / "book.xlsx", TABLE)
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[central + 8] |= 1
    path.write_bytes(content)
    assert "is encrypted" in refusal(cells, path)


def test_another_kind_of_archive_is_refused(tmp_path):
    path = write_parts(tmp_path / "letter.docx", {"word/document.xml": "<w/>"})
    assert "no XLSX workbook" in refusal(cells, path)


def test_an_archive_that_unpacks_beyond_measure_is_refused_unread(tmp_path):
    path = write_parts(tmp_path / "bomb.xlsx", xlsx_parts(xlsx_rows(TABLE)) | {"xl/media/a.bin": bytes(MOST_BYTES + 1)})
    assert path.stat().st_size < MOST_BYTES / 100
    assert "unpacks to more than" in refusal(cells, path)


def test_a_declared_size_that_is_a_lie_is_refused(tmp_path):
    path = write_parts(
        tmp_path / "bomb.xlsx", xlsx_parts(xlsx_rows(TABLE)) | {"xl/z.xml": "<z>" + "0" * 10**6 + "</z>"}
    )
    content = path.read_bytes().replace((10**6 + 7).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(content)
    assert "damaged" in refusal(cells, path)


@pytest.mark.parametrize(
    "rows",
    [
        f'<row r="1">{xlsx_cell("A1", "A")}</row><row r="1048576">{xlsx_cell("XFD1048576", "x")}</row>',
        f'<row r="1">{xlsx_cell("A1", "A")}{xlsx_cell("XFD1", "x")}</row>',
        f'<row r="1">{xlsx_cell("A1048576", "A")}</row>',
        '<row r="99999999999999999999"/>',
        '<row r="1">' + "<c/>" * (MOST_COLUMNS + 1) + "</row>",
        "<row/>" * (MOST_ROWS + 1),
    ],
)
def test_a_cell_far_outside_any_table_is_refused_before_it_takes_memory(tmp_path, rows):
    assert "has a cell beyond row" in refusal(cells, write_parts(tmp_path / "book.xlsx", xlsx_parts(rows)))


@pytest.mark.parametrize("place", ["1A", "A", "ZZZZ1", "A-1", ""])
def test_a_cell_at_no_place_is_refused(tmp_path, place):
    rows = f'<row r="1"><c r="{place}"><v>1</v></c></row>'
    assert "damaged" in refusal(cells, write_parts(tmp_path / "book.xlsx", xlsx_parts(rows)))


def test_a_formula_that_failed_is_refused_with_its_place(tmp_path):
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="B1" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    assert "book.xlsx, cell B1" in refusal(cells, write_parts(tmp_path / "book.xlsx", xlsx_parts(rows)))


def test_a_document_type_is_refused(tmp_path):
    bomb = "".join(f'<!ENTITY e{k} "{f"&e{k - 1};" * 10}">' for k in range(1, 10))
    parts = xlsx_parts(xlsx_rows(TABLE))
    parts["xl/worksheets/sheet1.xml"] = f'<!DOCTYPE x [<!ENTITY e0 "x">{bomb}]>' + parts[
        "xl/worksheets/sheet1.xml"
    ].replace(">x<", ">&e9;<")
    assert "document type" in refusal(cells, write_parts(tmp_path / "book.xlsx", parts))


def test_a_name_that_stands_twice_in_the_archive_is_refused(tmp_path):
    path = write_xlsx(tmp_path / "book.xlsx", TABLE)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<worksheet/>")
    assert "no XLSX workbook" in refusal(cells, path)


@given(seed=st.integers(0, 10**9))
@settings(deadline=None, max_examples=300)
def test_a_damaged_workbook_is_read_or_refused_in_one_line(tmp_path_factory, seed):
    """Bytes changed, dropped or repeated, in the archive or in one of its parts."""
    rng = random.Random(seed)
    folder = tmp_path_factory.mktemp("damaged")
    parts = xlsx_parts(xlsx_rows([["A", "B"], ["x", 1.5], [date(2026, 1, 5), True]]))
    name = rng.choice(sorted(parts))
    if rng.random() < 0.6:
        parts[name] = spoilt(rng, parts[name].encode())
    path = write_parts(folder / "book.xlsx", parts)
    if rng.random() < 0.5:
        path.write_bytes(b"PK\x03\x04" + spoilt(rng, path.read_bytes())[4:])
    try:
        said = str(cells(path))
    except InvalidInput as error:
        said = str(error)
    assert len(said.splitlines()) == 1


def spoilt(rng, content):
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content))
        how = rng.randrange(3)
        if how == 0:
            content[at] = rng.randrange(256)
        elif how == 1:
            del content[at : at + rng.randint(1, 30)]
        else:
            content[at:at] = content[at : at + rng.randint(1, 30)]
        content = content or bytearray(b"x")
    return bytes(content)
