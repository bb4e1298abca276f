"""Price folders and exports small enough to read, written the way users have them, and what every refusal must be."""

import csv
import re
import time
import zipfile
from datetime import date, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.quotes import EPOCH, Quotes

ROOT = Path(__file__).parents[2]
SAMPLE_MARKET = ROOT / "data" / "sample_market"
SAMPLE_ACCOUNTS = ROOT / "data" / "sample_accounts"

DEMAT, HOLDER = "1301120000123456", "SITA SHARMA"
WHAT_TO_DO = re.compile(
    r"\b(check|choose|complete|convert|correct|delete|export|fetch|give|keep|make|mend|move|rename|save|write)\b"
)
SECONDS = 5

NUMBERS = ("open", "high", "low", "close", "volume", "turnover", "per_change")
COMPANY_HEADER = "published_date,open,high,low,close,per_change,traded_quantity,traded_amount,status"
COMPANY_ORDER = ("open", "high", "low", "close", "per_change", "volume", "turnover")


def refusal(read, *arguments, **options):
    """The message of a refusal: one line, soon, saying what to do, and never a personal column."""
    start = time.perf_counter()
    with pytest.raises(InvalidInput) as caught:
        read(*arguments, **options)
    message = str(caught.value)
    assert time.perf_counter() - start < SECONDS
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    assert WHAT_TO_DO.search(message), message
    assert DEMAT not in message
    assert HOLDER not in message
    return message


def finding(findings, rule):
    """The one finding of a rule."""
    (found,) = [each for each in findings if each.rule == rule]
    return found


def rules_of(findings):
    return {each.rule for each in findings}


def sessions(count, start=date(2025, 1, 5)):
    """The first `count` days from Sunday to Thursday."""
    days = (start + timedelta(days=k) for k in range(2 * count + 7))
    return [day for day in days if day.weekday() not in (4, 5)][:count]


def traded(symbol, day, close=100.0, **other):
    """A price row that hangs together, but for what is given otherwise."""
    return {
        "symbol": symbol,
        "date": day,
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": 1000.0,
        "turnover": 1000.0 * close,
        "per_change": None,
    } | other


def write_store(folder, rows, **columns):
    """prices.parquet of the rows; whole columns may be given otherwise, or as None to leave them out."""
    folder.mkdir(parents=True, exist_ok=True)
    table = {
        "symbol": pa.array([row["symbol"] for row in rows], pa.large_string()),
        "date": pa.array([row["date"] for row in rows], pa.date32()),
        **{name: pa.array([row[name] for row in rows], pa.float64()) for name in NUMBERS},
    } | columns
    table = {name: column for name, column in table.items() if column is not None}
    pq.write_table(pa.table(table), folder / "prices.parquet")
    return folder


def company_line(row):
    cells = ["" if row[name] is None else format(row[name], ".17g") for name in COMPANY_ORDER]
    return ",".join([str(row["date"]), *cells, "1"])


def write_companies(folder, rows):
    """One CSV per company of the rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for symbol in {row["symbol"] for row in rows}:
        lines = [company_line(row) for row in rows if row["symbol"] == symbol]
        (folder / f"{symbol}.csv").write_text("\n".join([COMPANY_HEADER, *lines]) + "\n", encoding="utf-8")
    return folder


LAYOUTS = (write_store, write_companies)


def quotes_of(**series):
    """Sorted quotes of symbols, each a list of (day, close) or (day, close, percent change)."""
    names = tuple(sorted(series))
    rows = [(k, *row) for k, name in enumerate(names) for row in series[name]]
    close = np.array([row[2] for row in rows], dtype=float)
    return Quotes(
        names=names,
        symbol=np.array([row[0] for row in rows], dtype=np.int64),
        day=np.array([(row[1] - EPOCH).days for row in rows], dtype=np.int64),
        open=close,
        high=close,
        low=close,
        close=close,
        volume=np.full(len(rows), 1000.0),
        turnover=1000 * close,
        per_change=np.array([row[3] if len(row) > 3 else np.nan for row in rows], dtype=float),
        sources=("written by hand",),
        source=np.zeros(len(rows), dtype=np.int64),
    )


# ---- workbooks, written by hand: a zip archive of XML parts

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
FIRST_SERIAL = date(1899, 12, 30)


def xlsx_cell(place, value):
    """The XML of a cell: text, truth, day or number, as a spreadsheet stores it."""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date):
        return f'<c r="{place}" s="1"><v>{(value - FIRST_SERIAL).days}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'


def xlsx_rows(rows):
    """The XML of rows of values, absent ones left out as spreadsheets do."""
    lines = []
    for k, row in enumerate(rows, 1):
        cells = [xlsx_cell(f"{chr(65 + j)}{k}", value) for j, value in enumerate(row) if value not in ("", None)]
        lines.append(f'<row r="{k}">{"".join(cells)}</row>')
    return "".join(lines)


def xlsx_parts(*sheets):
    """The parts of a workbook by name, one worksheet per sheet of row XML."""
    numbers = range(1, len(sheets) + 1)
    names = "".join(f'<sheet name="S{k}" sheetId="{k}" r:id="r{k}"/>' for k in numbers)
    ties = "".join(
        f'<Relationship Id="r{k}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{k}.xml"/>' for k in numbers
    )
    styles = f'<Relationship Id="styles" Type="{OFFICE}/styles" Target="styles.xml"/>'
    root = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    return {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="{kind}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{root}</Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{ties}{styles}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
        **{
            f"xl/worksheets/sheet{k}.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
            for k, rows in zip(numbers, sheets, strict=True)
        },
    }


def write_parts(path, parts):
    """An archive of the parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def write_xlsx(path, *sheets):
    """A workbook of sheets, each a list of rows of values."""
    return write_parts(path, xlsx_parts(*(xlsx_rows(rows) for rows in sheets)))


def typed(text):
    """A CSV cell as a spreadsheet would store it once typed in: a number, a day or text."""
    if re.fullmatch(r"-?\d+(\.\d+)?", text) and len(text) <= 15 and not re.match(r"-?0\d", text):
        return float(text)
    return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else text


def as_xlsx(path, cell=typed):
    """The table of a CSV file as a workbook that bears the CSV file's name."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [[cell(text) for text in row] for row in csv.reader(file)]
    return write_xlsx(path.with_name(f"{path.stem}-as-workbook.csv"), rows)
