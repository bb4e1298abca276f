"""The first worksheet of an XLSX file as the text that its CSV export would hold. Size is bounded before anything is parsed."""

import io
import re
import zipfile
import zlib
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

from python_calamine import CalamineError, SheetTypeEnum, load_workbook

from ..errors import InvalidInput

ZIP, OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
MOST_BYTES = 32 * 1024**2  # unpacked, all parts together
MOST_PARTS = 500
MOST_ROWS, MOST_COLUMNS = 50_000, 40
PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
INSTEAD = "save it as CSV UTF-8 or XLSX"


def is_workbook(content: bytes) -> bool:
    """Whether the content, whatever the file's name, is a spreadsheet rather than text."""
    return content.startswith((ZIP, OLD_OFFICE))


def sheet_rows(name: str, content: bytes) -> list[list[str]]:
    """The cells of the one worksheet that has any, row by row, without the empty cells at a row's end.

    Formulas are not evaluated: a cell is its stored value. Raises InvalidInput, naming the file, for what is encrypted, of an
    older format, damaged, too large, or spread over several worksheets.
    """
    if content.startswith(OLD_OFFICE):
        raise InvalidInput(f"{name} is encrypted or of the old XLS format; {INSTEAD}, without a password")
    archive = _bounded(name, content)
    try:
        with load_workbook(archive) as workbook:
            pages = [k for k, about in enumerate(workbook.sheets_metadata) if about.typ == SheetTypeEnum.WorkSheet]
            sheets = [workbook.get_sheet_by_index(k).to_python(skip_empty_area=False) for k in pages]
    except CalamineError:
        raise InvalidInput(f"{name} is a damaged workbook; {INSTEAD} again") from None
    filled = [rows for rows in ([_texts(row) for row in sheet] for sheet in sheets) if any(rows)]
    if len(filled) > 1:
        raise InvalidInput(f"{name} has {len(filled)} worksheets with content; keep one worksheet a file")
    if not filled:
        raise InvalidInput(f"{name} is a workbook without content; export it again")
    return filled[0]


def _texts(row: list[Any]) -> list[str]:
    cells = [_text(cell) for cell in row]
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _text(cell: Any) -> str:
    """A cell as a CSV export writes it: dates in ISO form, numbers in full and never as powers of ten."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return f"{Decimal(repr(cell)):f}".removesuffix(".0")
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ", timespec="seconds")
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _bounded(name: str, content: bytes) -> io.BytesIO:
    """The archive packed anew from parts that were looked at, so that the reader cannot find anything else in it.

    Raises InvalidInput for an archive that is no XLSX or whose parts, rows or columns are beyond any account's.
    """
    checked = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(checked, "w") as copy:
            parts = archive.infolist()
            names = [part.filename for part in parts]
            if "xl/workbook.xml" not in names or len(set(names)) < len(names):
                raise InvalidInput(f"{name} is an archive, but no XLSX workbook; {INSTEAD}")
            if not {part.compress_type for part in parts} <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise zipfile.BadZipFile
            if any(part.flag_bits & 1 for part in parts):
                raise InvalidInput(f"{name} is encrypted; {INSTEAD}, without a password")
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_BYTES:
                raise InvalidInput(
                    f"{name} unpacks to more than {MOST_BYTES // 1024**2} MiB, more than an account needs; save it as CSV UTF-8"
                )
            for part in parts:
                text = archive.read(part)  # never more than the declared size, and its checksum is compared
                if text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
                    _refuse_bad_cells(name, text)
                    copy.writestr(part.filename, text)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError):
        raise InvalidInput(f"{name} is a damaged workbook; {INSTEAD} again") from None
    checked.seek(0)
    return checked


def _refuse_bad_cells(name: str, part: bytes) -> None:
    """Raises InvalidInput for XML with a document type, with a cell beyond the largest table, or with one that holds an error.

    The reader fills the whole rectangle up to the farthest cell, so that one stray cell could exhaust the memory.
    """
    row = column = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column
        kind = tag.rpartition(":")[2]
        if kind == "row":
            row, column = row + 1, 0
            reach(attributes.get("r"), 0)
        elif kind == "c":
            column += 1
            place = PLACE.fullmatch(attributes.get("r", "A1").upper())
            if place is None:
                raise InvalidInput(f"{name} is a damaged workbook; {INSTEAD} again")
            reach(place[2], _column_number(place[1]))
            if attributes.get("t") == "e":
                raise InvalidInput(
                    f"{name}, cell {place[0]}: a failed formula, like #N/A; correct it or export the file again"
                )

    def reach(at_row: str | None, at_column: int) -> None:
        far = int(at_row) if at_row and at_row.isdecimal() and len(at_row) < 9 else MOST_ROWS + 1 if at_row else 0
        if max(row, far) > MOST_ROWS or max(column, at_column) > MOST_COLUMNS:
            raise InvalidInput(
                f"{name} has a cell beyond row {MOST_ROWS:,} or column {MOST_COLUMNS}; delete what is outside the table, "
                "or save it as CSV UTF-8"
            )

    def refuse_document_type(*_: object) -> None:
        raise InvalidInput(f"{name} holds a document type, which no spreadsheet writes; {INSTEAD} again")

    parser = ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse_document_type
    try:
        parser.Parse(part, True)
    except (ExpatError, LookupError):
        raise InvalidInput(f"{name} is a damaged workbook; {INSTEAD} again") from None


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
