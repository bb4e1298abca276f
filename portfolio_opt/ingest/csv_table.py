"""A CSV file as rows under a known header, read strictly: every row has exactly the header's fields."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..errors import InvalidInput
from .fields import shown

T = TypeVar("T")

PREAMBLE_ROWS = 10  # how far down a header may stand
LARGEST_FILE = 2 * 1024**3


@dataclass(frozen=True)
class Row:
    """One data row: its cells by normalised header, and where it stood."""

    file: str
    line: int
    cells: Mapping[str, str]

    def read(self, column: str, parse: Callable[[str], T]) -> T:
        """A cell parsed. Raises InvalidInput naming file, line and column."""
        try:
            return parse(self.cells[column])
        except ValueError as error:
            raise InvalidInput(f"{self.file}, line {self.line}: {column} {error}") from None


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises InvalidInput for what is missing, empty or no plain file."""
    try:
        if not path.is_file():
            found = "is a folder" if path.is_dir() else "does not exist"
            raise InvalidInput(f"{path} {found}; give the path of a file")
        if path.stat().st_size > LARGEST_FILE:
            raise InvalidInput(f"{path} is larger than 2 GiB; split it")
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None
    if not content.strip():
        raise InvalidInput(f"{path} is empty; export it again")
    return content


def read_text(path: Path) -> str:
    """The file as text. Raises InvalidInput unless it is UTF-8 (a byte order mark is allowed)."""
    content = read_bytes(path)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in content:
        raise InvalidInput(
            f"{path.name} is not UTF-8 text (it looks like UTF-16 or a spreadsheet); save it as CSV UTF-8"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name}, byte {error.start}: not UTF-8 text; save the file as CSV UTF-8") from None


def header_name(cell: str) -> str:
    """A header cell in the form it is compared in: lower case, single blanks."""
    name = " ".join(cell.lower().split())
    return "s.n" if name in ("s.n.", "#", "sn") else name


def read_table(path: Path, required: frozenset[str], optional: frozenset[str]) -> Iterator[Row]:
    """Rows below the first header that has every required column and no unknown one; total rows at the foot are left out.

    Raises InvalidInput for an unknown header, a row with too many or too few fields, and a table without rows.
    """
    rows = _rows(path)
    at, header = _find_header(path, rows, required, optional)
    body = [(line, row) for line, row in enumerate(rows[at + 1 :], at + 2) if any(cell.strip() for cell in row)]
    while body and _is_total(body[-1][1]):
        body.pop()
    if not body:
        raise InvalidInput(f"{path.name} has a header but no rows; export it again or leave the file out")
    for line, row in body:
        if len(row) != len(header):
            raise InvalidInput(
                f"{path.name}, line {line}: {len(row)} fields under a header of {len(header)}; "
                "a number with a comma needs quotes, else columns shift: correct the row"
            )
        yield Row(path.name, line, dict(zip(header, row, strict=True)))


def _rows(path: Path) -> list[list[str]]:
    """The cells of every line. Raises InvalidInput for a field that does not end on its line: it may have swallowed rows."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if reader.line_num > len(rows):
                raise csv.Error
    except csv.Error:
        line = min(len(rows) + 1, reader.line_num)
        raise InvalidInput(
            f"{path.name}, line {line}: a quotation mark is left open or misplaced; correct the row"
        ) from None
    return rows


def _find_header(
    path: Path, rows: list[list[str]], required: frozenset[str], optional: frozenset[str]
) -> tuple[int, list[str]]:
    for at, row in enumerate(rows[:PREAMBLE_ROWS]):
        header = [header_name(cell) for cell in row]
        if required <= set(header):
            unknown = sorted(set(header) - required - optional)
            if unknown or len(set(header)) < len(header):
                what = f"unknown column {shown(unknown[0])}" if unknown else "a column stands twice"
                raise InvalidInput(
                    f"{path.name}, line {at + 1}: {what}; export the file again without editing its header"
                )
            return at, header
    raise InvalidInput(
        f"{path.name}: no header with the columns {', '.join(sorted(required))} in the first {PREAMBLE_ROWS} lines; "
        "check that this is the right export"
    )


def _is_total(row: list[str]) -> bool:
    first = next((cell.strip().lower() for cell in row if cell.strip()), "")
    return re.match(r"(grand )?total\b", first) is not None
