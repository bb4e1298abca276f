"""Every shape of file: recognised by its content, read to exactly the rows it states, or refused in one line."""

import csv
import datetime
import io
import json
import re
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_files import DEMAT, HOLDER, ROOT, refusal
from source_samples import (
    COMPANY_CSV,
    DIVIDENDS,
    FLOOR_CSV,
    FLOOR_JSON,
    INDICES,
    LTP,
    OFFICIAL_TODAY,
    OLD_TODAY,
    PRICE_TABLE,
    PRICED,
    PROPOSED,
    RIGHTS,
    SAMPLES,
    SECTOR_CODES,
    SECURITIES,
    TEXTS,
    TODAY_21,
    TODAY_LIST,
    C,
    parquet,
    rows_of,
)

from portfolio_opt.ingest.shapes.recognise import CSV_SHAPES, JSON_LISTS, read_source

RAW = ROOT.parent / "shared" / "data" / "nepse" / "raw_samples"
ROW_COUNTS = {  # of the samples as their description states them: header and totals do not count
    "aabishkar2/CMB.csv": ("company CSV", 14),
    "sarojrana/NLICP_2000-01-01_2021-12-31.csv": ("nepalstock history", 156),
    "sharesansar_today_price/2024_03_04.csv": ("today's price page", 208),
    "sharesansar_today_price/2025_08_20.csv": ("today's price page", 281),
    "samirwagle/NABIL/prices.csv": ("LTP history", 3293),
    "samirwagle/CZBIL/dividend.csv": ("dividend list", None),
    "samirwagle/CZBIL/right-share.csv": ("right-share list", 2),
    "nepalstock_old_today_price/NEPSE_2022-11-02.csv": ("old today's price page", 20),
    "nepse_api_json/securities_list.sample.json": ("securities list", 80),
    "nepse_api_json/todays_price_yonepse.sample.json": ("today's price list", 8),
    "nepse_api_json/sector_indices.json": ("list of indices", 0),
}
of_every_shape = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)


def stated(row):
    return {column: text for column, text in row.cells.items() if text}


def assert_reads_as(sample, path):
    shape, content = read_source(path)
    assert shape == sample.shape
    assert (rows_of(content.quotes) if content.quotes else []) == sample.rows
    assert content.companies == (sample is OLD_TODAY)
    assert content.tables.keys() == sample.tables.keys()
    for table, rows in sample.tables.items():
        for row, expected in zip(content.tables[table], rows, strict=True):
            assert expected.items() <= stated(row).items()
            assert stated(row).keys() - expected.keys() <= {"source", "open", "high", "low", "factor", "first_day"}
    assert bool(content.unused) == (not (content.rows or sample.rows) or sample.shape == "today's price list")


@of_every_shape
def test_a_file_is_read_to_exactly_the_rows_it_states(sample, tmp_path):
    assert_reads_as(sample, sample.write(tmp_path))


def test_every_shape_has_a_sample():
    known = {shape.name for shape in CSV_SHAPES} | {name for name, _, _ in JSON_LISTS}
    assert known - {sample.shape for sample in SAMPLES.values()} == {"holidays table"}  # the calendar's, read elsewhere


@of_every_shape
def test_the_name_of_a_file_does_not_decide_its_shape(sample, tmp_path):
    name = (
        "NABIL/Dividend.txt"
        if sample.file[0].isalpha() and not re.search("20[0-9]{2}", sample.file)
        else "X2024_01_01.dat"
    )
    assert read_source(sample.write(tmp_path, name))[0] == sample.shape


def shuffled(sample):
    """The columns of a CSV file from last to first."""
    lines = sample.text.replace("\r\r\n", "\n").rstrip("\n").split("\n")
    out = io.StringIO()
    for cells in csv.reader(lines):
        csv.writer(out, lineterminator="\n").writerow(cells if len(cells) == 2 else cells[::-1])
    return out.getvalue().encode("latin-1")


@pytest.mark.parametrize("sample", TEXTS.values(), ids=TEXTS)
def test_columns_may_stand_in_any_order(sample, tmp_path):
    path = sample.write(tmp_path)
    path.write_bytes(shuffled(sample))
    assert_reads_as(sample, path)


@pytest.mark.parametrize("sample", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("save", ["BOM", "CR LF", "no last line end", "capitals", "blank lines", "CR CR LF"])
def test_a_text_file_reads_the_same_however_it_was_saved(sample, save, tmp_path):
    text = sample.text.replace("\r\r\n", "\n")
    head, _, body = text.partition("\n")
    saved = {
        "BOM": "\ufeff" + text,
        "CR LF": text.replace("\n", "\r\n"),
        "no last line end": text.rstrip("\n"),
        "capitals": f" {head.upper().replace(',', ' , ')}\n{body}",
        "blank lines": f"{head}\n\n{body}\n  \n",
        "CR CR LF": text.replace("\n", "\r\r\n"),
    }[save]
    path = sample.write(tmp_path)
    path.write_text(saved, encoding="utf-8", newline="")
    assert_reads_as(sample, path)


@pytest.mark.parametrize("sample", [s for s in PRICED.values() if s in TEXTS.values()], ids=lambda s: s.file)
def test_rows_may_stand_in_any_order(sample, tmp_path):
    """Contracts of a floor sheet too: their numbers order them."""
    head, *rows = sample.text.replace("\r\r\n", "\n").rstrip("\n").split("\n")
    foot = [row for row in rows if row.startswith("Total")]
    rows = [row for row in rows if row not in foot]
    path = sample.write(tmp_path)
    path.write_text("\n".join([head, *reversed(rows), *foot]) + "\n", encoding="utf-8")
    assert_reads_as(sample, path)


@pytest.mark.parametrize("sample", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("spoil", ["another column", "a column less", "a column twice"])
def test_a_header_that_is_nearly_right_is_refused(sample, spoil, tmp_path):
    head, _, body = sample.text.partition("\n")
    head = head.rstrip("\r")
    changed = {"another column": f"{head},isin", "a column twice": f"{head},{head.split(',')[0]}"}
    required = next(shape.required for shape in CSV_SHAPES if shape.name == sample.shape)
    cells = head.split(",")
    at = next(k for k, cell in enumerate(cells) if {cell.lower(), cell.lower().replace("s.n.", "s.n")} & required)
    changed["a column less"] = ",".join(cells[:at] + cells[at + 1 :])
    path = sample.write(tmp_path)
    path.write_text(f"{changed[spoil]}\n{body}", encoding="utf-8")
    message = refusal(read_source, path)
    assert message.startswith(f"{path.name} has a header of none of ")
    assert {
        "another column": f"nearest is {sample.shape}, of whose columns it has 1 unknown",
        "a column twice": f"nearest is {sample.shape}, of whose columns it has one twice",
        "a column less": " it lacks ",
    }[spoil] in message


def replaced(sample, old, new):
    assert old in sample.text, old
    return sample.text.replace(old, new, 1).encode("latin-1" if b"\xa0" in sample.content else "utf-8")


BAD_NUMBERS = ("abc", "inf", "1e999", "0x10", "1_000", '"1,00"', '"12,34,5"', "१००", "1 0", "--1")
HARD_RATIOS = ("25%", "0:1", "1:0", "10:", "1:9" + "9" * 40, "0." + "0" * 40 + "1:1", "-1:1", "1:21")
MALFORMED = [
    *((COMPANY_CSV, "510.0", bad, "line 2: close is ") for bad in (*BAD_NUMBERS, "", "nan", "-")),
    *((COMPANY_CSV, "512.5", bad, "line 2: high is ") for bad in BAD_NUMBERS),
    *((COMPANY_CSV, "2025-08-18", bad, "line 3: published_date ") for bad in ("18/08/2025", "2082-05-02", "2025-02-30", "")),
    (COMPANY_CSV, "606000.0,0", "606,000.0,0", "line 2: expected 9 columns, got 10"),
    (COMPANY_CSV, "606000.0,0", "606000.0", "line 2: expected 9 columns, got 8"),
    (COMPANY_CSV, "500.0,512.5", '"500.0,512.5', "line 2: a quotation mark is left open"),
    (LTP, "215.44", "-", "line 3: ltp is '-', not a number"),
    (TODAY_21, "2,NICAD85/86", "2,1301120000123456", "line 3: symbol is an account number"),
    (TODAY_21, "2,NICAD85/86", "2,", "line 3: symbol '' is not a symbol"),
    (TODAY_21, "2,NICAD85/86", "2," + "X" * 31, "is not a symbol"),
    (TODAY_21, "2,NICAD85/86", "2,NA\x07BIL", "is not a symbol"),
    (OLD_TODAY, "Best Finance Company Ltd.", "", "names no company"),
    (OLD_TODAY, "Best Finance Company Ltd.", "Best \x1b[31mFinance", "names no company"),
    (OLD_TODAY, "2,Best Finance Company Ltd.,94,317.00", "2,Best Finance", "line 3: expected 10 columns, got 8"),
    (FLOOR_CSV, "2025082005029369", "5029369", "a contract number does not begin with its Gregorian day"),
    (FLOOR_CSV, "2025082005029369", "2082050205029369", "a contract number does not begin with its Gregorian day"),
    (FLOOR_CSV, "2025082005029369", "2025023005029369", "a contract number does not begin with its Gregorian day"),
    (FLOOR_CSV, "538.50", "53.85", "row 1: quantity × rate is not the amount"),
    (FLOOR_CSV, ",10,538.50", ",-10,-538.50", "row 1: quantity × rate"),
    (FLOOR_CSV, "ODD,55,58,3,99.00,\"297.00\"", "ODD,55,58,4,99.00,\"396.00\"", "row 6: a contract stands twice with different"),
    (FLOOR_JSON, '"rate": "24"', '"rate": 24', "not one contract of texts a line"),
    (FLOOR_JSON, '"rate": "24"', '"rate": null', "a contract lacks a value"),
    (FLOOR_JSON, '"rate": "25"', '"rate": "2,5"', "line 3: rate is '2,5'"),
    (FLOOR_JSON, '"buyer": "44", "seller": "22", "rate": "25",', '"buyer": "4\\"4", "seller": "22", "rate": "25",', "quotation"),
    (FLOOR_JSON, '"date": "2015-04-01"}\n{', '"date": "2015-04-01"}\n{{', "not one contract of texts a line"),
    (DIVIDENDS, "4.00", "four", "line 2: bonus_share 'four' is not a number"),
    (DIVIDENDS, "4.00", "-4", "line 2: bonus_share '-4' is below zero"),
    (DIVIDENDS, "2024-10-15 [Closed]", "15-10-2024", "line 2: book_closure_date '15-10-2024' is not a date"),
    (DIVIDENDS, "2024-10-15 [Closed]", "2081-06-29", "Bikram Sambat"),
    *((RIGHTS, "10:2.5", bad, "line 2: ratio ") for bad in HARD_RATIOS),
    (PROPOSED, '"9.00"', '"nine"', "line 1: cash_dividend 'nine' is not a number"),
    (PROPOSED, '"NFCF"', '["NFCF"]', "symbol holds a list or an object"),
    (SECURITIES, '"BFC"', '""', "record 1: symbol '' is not a symbol"),
    (SECTOR_CODES, '"AHPC"', '{"a": 1}', "symbol holds a list or an object"),
    (TODAY_LIST, "313.0", "NaN", "NaN is no number"),
    (TODAY_LIST, "313.0", '"abc"', "record 1: ltp 'abc' is not a number"),
    (TODAY_LIST, "17185", "0", "no share traded"),
    (TODAY_LIST, C, "20-08-2025", "record 1: last_updated '20-08-2025T14:59:58.704713' is not a date"),
    (OFFICIAL_TODAY, C, "2082-05-04", "record 1: businessDate '2082-05-04' reads as a Bikram Sambat date"),
    (OFFICIAL_TODAY, "518.14", "518.14,", "is not JSON that can be read"),
]  # fmt: skip


@pytest.mark.parametrize(("sample", "old", "new", "words"), MALFORMED)
def test_what_is_malformed_is_refused_by_file_and_row(sample, old, new, words, tmp_path):
    path = sample.write(tmp_path)
    path.write_bytes(replaced(sample, old, new))
    message = refusal(read_source, path)
    assert message.startswith(path.name)
    assert words in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\r\n", "is empty"),
        (b"PK\x03\x04 a workbook", "is a spreadsheet or an archive"),
        (b"PAR1 and nothing more", "is not a readable Parquet file"),
        (COMPANY_CSV.content.decode().encode("utf-16"), "is not UTF-8 text"),
        (COMPANY_CSV.content + b"\x00", "is not UTF-8 text"),
        (COMPANY_CSV.content + b"\xe9", "not UTF-8 text; save the file as CSV UTF-8"),
        (COMPANY_CSV.content.split(b"\n")[0], "has a header but no rows"),
        (COMPANY_CSV.content.replace(b",", b";"), "has a header of none of"),
        (b"no table at all", "has a header of none of company CSV, "),
        (b'"' + b"x" * 200_000, "has a header of none of"),
        (b"[]", "is JSON, but none of official price list"),
        (b"{}", "is JSON, but none of"),
        (b'[{"symbol": "NABIL"}]', "is JSON, but none of"),
        (b"[" * 100_000, "is not JSON that can be read"),
        (b'{"a": 1}\n{"b": 2}', "is not JSON that can be read"),
    ],
)
def test_what_no_shape_fits_is_refused(content, words, tmp_path):
    path = tmp_path / "NABIL.csv"
    path.write_bytes(content)
    message = refusal(read_source, path)
    assert "NABIL.csv" in message.partition(" is ")[0].partition(",")[0]
    assert words in message


def test_a_personal_export_among_the_sources_is_refused_without_a_word_of_it(tmp_path):
    path = tmp_path / "My Shares Values.csv"
    path.write_text(f"Holder Name :,{HOLDER},{DEMAT},symbol\n" + COMPANY_CSV.text)
    refusal(read_source, path)


@pytest.mark.parametrize("depth", [5, 200, 700, 900, 950, 980, 990, 995])
def test_a_value_of_any_depth_is_refused(depth, tmp_path):
    path = tmp_path / "today.json"
    document = json.loads(TODAY_LIST.content)
    document[0]["ltp"] = "DEEP"
    path.write_text(json.dumps(document).replace('"DEEP"', "[" * depth + "]" * depth), encoding="utf-8")
    refusal(read_source, path)


@pytest.mark.parametrize(
    "name", ["NABIL\n.csv", "NA\x1b[31mBIL.csv", "NABIL\udcff.csv", "A" * 31 + ".csv", "1301120000123456.csv"]
)
def test_a_name_that_cannot_be_shown_or_be_a_symbol_is_refused(name, tmp_path):
    assert "rename it" in refusal(read_source, COMPANY_CSV.write(tmp_path, name))


@pytest.mark.parametrize(
    "name",
    [
        "page.csv",
        "2025-08-18_2025-08-19.csv",
        "20250818_20250819.csv",
        "20250818 2025-08-19.csv",
        "2082_05_04.csv",
        "2025_13_01.csv",
        "20251301.csv",
        "202508200.csv",
        "2025082.csv",
    ],
)
def test_a_page_without_one_gregorian_day_in_its_name_is_refused(name, tmp_path):
    assert "its file's name must, like 2025_08_20.csv; rename it" in refusal(
        read_source, TODAY_21.write(tmp_path, name)
    )


@pytest.mark.parametrize(
    "name", ["2025_08_20", "20250820", "today 2025-08-20 (1)", "2025-08-20_20250820", "p20250820_143000"]
)
@pytest.mark.parametrize("sample", [TODAY_21, OLD_TODAY], ids=lambda sample: sample.shape)
def test_a_page_is_of_the_day_in_its_name(sample, name, tmp_path):
    _, content = read_source(sample.write(tmp_path, f"{name}.csv"))
    assert {row["date"] for row in rows_of(content.quotes)} == {C}


JSON_SAMPLES = [TODAY_LIST, OFFICIAL_TODAY, PROPOSED, SECURITIES, INDICES]


@pytest.mark.parametrize("sample", JSON_SAMPLES, ids=lambda sample: sample.shape)
def test_a_list_may_stand_in_the_content_of_a_page(sample, tmp_path):
    assert {each.shape for each in JSON_SAMPLES} == {name for name, _, _ in JSON_LISTS}
    path = sample.write(tmp_path)
    page = {"content": json.loads(sample.content), "totalPages": 1, "number": 0}
    path.write_text(json.dumps(page), encoding="utf-8")
    assert_reads_as(sample, path)


@pytest.mark.parametrize(
    "page", [{"content": []}, {"content": [{}]}, {"content": {}}, {"content": [[]]}, {"content": 1}]
)
def test_a_page_of_nothing_known_is_refused(page, tmp_path):
    path = tmp_path / "page.json"
    path.write_text(json.dumps(page))
    assert "is JSON, but none of" in refusal(read_source, path)


@pytest.mark.parametrize(
    ("columns", "shape"),
    [({"index": [1], "symbol": ["A"]}, "price table"), ({"index": ["NEPSE"]}, "index table")],
)
def test_an_index_column_beside_symbols_makes_no_index_table(columns, shape, tmp_path):
    """A frame of prices written with its row numbers was once taken for a table of indices."""
    path = tmp_path / "x.parquet"
    day = pa.array([datetime.date(2025, 8, 18)])
    numbers = {name: [1.0] for name in ("open", "high", "low", "close", "volume", "turnover")}
    path.write_bytes(parquet(**columns, date=day, **numbers))
    assert read_source(path)[0] == shape


def test_contracts_are_ordered_by_their_numbers_even_of_different_lengths(tmp_path):
    path = FLOOR_CSV.write(tmp_path)
    head = FLOOR_CSV.text.partition("\n")[0]
    rows = ["2025-08-20,1,2025082010000,X,1,2,10,11,110", "2025-08-20,2,202508209999,X,1,2,10,10,100"]
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    (day,) = rows_of(read_source(path)[1].quotes)
    assert (day["open"], day["close"]) == (10, 11)


# ---- files as found in the wild


@pytest.mark.skipif(not RAW.is_dir(), reason="the shared raw samples are not here")
@pytest.mark.parametrize("name", ROW_COUNTS)
def test_a_real_sample_is_recognised_with_all_its_rows(name):
    shape, rows = ROW_COUNTS[name]
    found, content = read_source(RAW / name)
    assert found == shape
    assert rows is None or content.rows == rows


@pytest.mark.skipif(not RAW.is_dir(), reason="the shared raw samples are not here")
def test_every_real_sample_is_recognised():
    shapes = Counter(read_source(path)[0] for path in RAW.rglob("*") if path.is_file())
    assert shapes == {
        "company CSV": 5,
        "nepalstock history": 5,
        "today's price page": 4,
        "LTP history": 3,
        "dividend list": 3,
        "right-share list": 2,
        "floor sheet": 2,
        "old today's price page": 1,
        "securities list": 1,
        "list of indices": 1,
        "sector codes": 1,
        "today's price list": 1,
        "proposed dividends": 1,
    }
    assert shapes.total() == 30


@pytest.mark.skipif(not RAW.is_dir(), reason="the shared raw samples are not here")
def test_a_real_floor_sheet_sums_to_the_day_of_its_contracts():
    _, content = read_source(RAW / "samirwagle" / "floorsheet_2026-03-18.head.csv")
    assert {row["date"] for row in rows_of(content.quotes)} == {"2026-03-17"}


@pytest.mark.parametrize(
    ("name", "encoding"), [("नेपाल बैंक लिमिटेड", "utf-8"), ("Café à la Ltd.", "utf-8"), ("Café à la Ltd.", "cp1252")]
)
def test_a_company_keeps_its_name_whichever_way_the_page_was_saved(name, encoding, tmp_path):
    path = OLD_TODAY.write(tmp_path)
    path.write_bytes(OLD_TODAY.text.replace("Best Finance Company Ltd.", name).encode(encoding))
    assert name in read_source(path)[1].quotes.names


def test_a_line_end_within_the_header_is_none_of_a_known_header(tmp_path):
    """A lone carriage return once split the header after it was recognised."""
    path = OLD_TODAY.write(tmp_path)
    path.write_bytes(OLD_TODAY.content.replace(b"Max Price", b"Max\rPrice"))
    assert "has a header of none of" in refusal(read_source, path)


def test_a_table_with_a_text_that_is_none_is_refused(tmp_path):
    table = pq.read_table(PRICE_TABLE.write(tmp_path))
    for column in ("symbol", "source"):
        broken = pa.array([b"NABIL", b"\xff\xfe"]).view(pa.string())
        pq.write_table(table.set_column(table.column_names.index(column), column, broken), tmp_path / "broken.parquet")
        assert "broken.parquet is not a readable Parquet file" in refusal(read_source, tmp_path / "broken.parquet")
