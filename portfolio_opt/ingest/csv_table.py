"""A CSV or XLSX file as rows under a known header, read strictly: every row has exactly the header's fields."""

import contextlib
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, TypeVar

from ..errors import InvalidInput
from .fields import shown
from .private import PUBLIC, Privacy, without_account_number
from .workbook import is_workbook, sheet_rows

T = TypeVar("T")

PREAMBLE_ROWS = 10  # how far down a header may stand
LARGEST_FILE = 2 * 1024**3


@dataclass(frozen=True)
class Row:
    """One data row: its cells by normalised header, where it stood, and what of its file no message may show."""

    file: str
    line: int
    cells: Mapping[str, str]
    privacy: Privacy = PUBLIC

    def read(self, column: str, parse: Callable[[str], T]) -> T:
        """A cell parsed. Raises InvalidInput naming file, line and column."""
        cell = self.cells[column]
        if self.privacy.knows(cell):
            self.refuse(f"{column} holds what is personal; columns may have shifted: export the file again")
        try:
            return parse(cell)
        except ValueError as error:
            self.refuse(f"{column} {self.privacy.without(cell, str(error))}")

    def refuse(self, why: str) -> NoReturn:
        """Raises InvalidInput naming file and line."""
        raise InvalidInput(f"{self.file}, line {self.line}: {why}")


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises InvalidInput for what is missing, empty or no plain file."""
    name = without_account_number(str(path))
    try:
        if not path.is_file():
            found = "is a folder" if path.is_dir() else "does not exist"
            raise InvalidInput(f"{name} {found}; give the path of a file")
        if path.stat().st_size > LARGEST_FILE:
            raise InvalidInput(f"{name} is larger than 2 GiB; split it")
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read: {error.strerror}") from None
    if not content.strip():
        raise InvalidInput(f"{name} is empty; export it again")
    return content


def read_text(path: Path) -> str:
    """The file as text. Raises InvalidInput unless it is UTF-8 (a byte order mark is allowed)."""
    return text_of(without_account_number(path.name), read_bytes(path))


def text_of(name: str, content: bytes, other: str = "utf-8") -> str:
    """The content as text. Raises InvalidInput unless it is UTF-8 or, where it is not, of the other encoding."""
    if is_binary(content):
        raise InvalidInput(f"{name} is not UTF-8 text (it looks like UTF-16 or a spreadsheet); save it as CSV UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode(other)
        raise InvalidInput(f"{name}, byte {error.start}: not UTF-8 text; save the file as CSV UTF-8") from None


def is_binary(content: bytes) -> bool:
    """Whether bytes are UTF-16, or no text at all."""
    return content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in content


def header_name(cell: str) -> str:
    """A header cell in the form it is compared in: lower case, single blanks."""
    name = " ".join(cell.lower().split())
    return "s.n" if name in ("s.n.", "#", "sn") else name


def read_table(
    path: Path, required: frozenset[str], optional: frozenset[str], personal: frozenset[str] | None = None
) -> Iterator[Row]:
    """Rows below the first header that has every required column and no unknown one; total rows at the foot are left out.

    personal: optional columns that no message may show, where the file is about a person: then no message shows words either
    Raises InvalidInput for an unknown header, a row with too many or too few fields, and a table without rows.
    """
    content = read_bytes(path)
    name = without_account_number(path.name)
    sheet = is_workbook(content)
    rows = sheet_rows(name, content) if sheet else _csv_rows(name, content)
    at, header = _find_header(name, rows, required, optional | (personal or frozenset()), personal is not None)
    if sheet:  # its rows end at their last filled cell
        rows = [row + [""] * (len(header) - len(row)) for row in rows]
    body = [(line, row) for line, row in enumerate(rows[at + 1 :], at + 2) if any(cell.strip() for cell in row)]
    while body and _is_total(body[-1][1]):
        body.pop()
    if not body:
        raise InvalidInput(f"{name} has a header but no rows; export it again or leave the file out")
    for line, row in body:
        if len(row) != len(header):
            raise InvalidInput(
                f"{name}, line {line}: {len(row)} fields under a header of {len(header)}; "
                "a number with a comma needs quotes, else columns shift: correct the row"
            )
    found = [Row(name, line, dict(zip(header, row, strict=True))) for line, row in body]
    privacy = PUBLIC if personal is None else Privacy.of(rows[:at], [row.cells for row in found], personal)
    yield from (replace(row, privacy=privacy) for row in found)


def _csv_rows(name: str, content: bytes) -> list[list[str]]:
    """The cells of every line. Raises InvalidInput for a field that does not end on its line: it may have swallowed rows."""
    reader = csv.reader(io.StringIO(text_of(name, content), newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if reader.line_num > len(rows):
                raise csv.Error
    except csv.Error:
        line = min(len(rows) + 1, reader.line_num)
        raise InvalidInput(
            f"{name}, line {line}: a quotation mark is left open or misplaced; correct the row"
        ) from None
    return rows


def _find_header(
    name: str, rows: list[list[str]], required: frozenset[str], optional: frozenset[str], private: bool
) -> tuple[int, list[str]]:
    for at, row in enumerate(rows[:PREAMBLE_ROWS]):
        header = [header_name(cell) for cell in row]
        if required <= set(header):
            unknown = sorted(set(header) - required - optional)
            if unknown or len(set(header)) < len(header):
                named = not private or (unknown and unknown[0].isalpha())
                what = (
                    f"unknown column{f' {shown(unknown[0])}' if named else ''}" if unknown else "a column stands twice"
                )
                raise InvalidInput(f"{name}, line {at + 1}: {what}; export the file again without editing its header")
            return at, header
    raise InvalidInput(
        f"{name}: no header with the columns {', '.join(sorted(required))} in the first {PREAMBLE_ROWS} lines; "
        "check that this is the right export"
    )


def _is_total(row: list[str]) -> bool:
    first = next((cell.strip().lower() for cell in row if cell.strip()), "")
    return re.match(r"(grand )?total\b", first) is not None
