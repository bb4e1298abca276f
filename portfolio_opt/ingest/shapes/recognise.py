"""Which shape a file has, by its content: the header's cells, the columns of a Parquet table, the keys of a JSON list."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import InvalidInput
from ..csv_table import is_binary, read_bytes, text_of
from ..fields import shown
from ..source import Content
from ..tables import TABLES
from ..text_table import header_of
from . import announcements, company_history, day_pages, floor_sheets, json_lists, layout


@dataclass(frozen=True)
class Shape:
    """One shape of CSV file: the header cells it must have and may have besides, in any order.

    encoding: of a file that is not UTF-8
    """

    name: str
    required: frozenset[str]
    optional: frozenset[str]
    read: Callable[[Path, str], Content]
    encoding: str = "utf-8"

    def fits(self, header: list[str]) -> bool:
        """Whether a header is this shape's."""
        cells = frozenset(header)
        return self.required <= cells <= self.required | self.optional


def _exact(name: str, header: tuple[str, ...], read: Callable[[Path, str], Content], *optional: str) -> Shape:
    return Shape(name, frozenset(header), frozenset(optional), read)


CSV_SHAPES = (
    _exact("company CSV", company_history.COMPANY_CSV, company_history.read_company_csv),
    _exact("nepalstock history", company_history.NEPALSTOCK, company_history.read_nepalstock),
    _exact("LTP history", company_history.LTP, company_history.read_ltp),
    _exact("today's price page", day_pages.TODAY_PRICE, day_pages.read_today_price, *day_pages.LTP_COLUMNS),
    Shape(
        "old today's price page",
        frozenset(day_pages.OLD_TODAY_PRICE),
        frozenset(),
        day_pages.read_old_today_price,
        encoding="cp1252",  # saved by a browser in the page's own encoding
    ),
    _exact("floor sheet", floor_sheets.CSV, floor_sheets.read_csv_sheet),
    Shape("dividend list", announcements.DIVIDEND, announcements.DIVIDEND_OPTIONAL, announcements.read_dividends),
    Shape("right-share list", announcements.RIGHT, announcements.RIGHT_OPTIONAL, announcements.read_rights),
    _exact(
        "implied adjustments",
        ("symbol", "date", "prev_close", "close", "per_change", "implied_factor"),
        layout.read_derived,
    ),
    *(
        Shape(
            f"{name.replace('_', ' ')} table",
            table.required,
            frozenset(table.columns) | table.passed_over,
            layout.small_table(name),
        )
        for name, table in TABLES.items()
        if name != "index"
    ),
)
STATED_SHAPES = frozenset(f"{name} table" for name, table in TABLES.items() if table.stated)
LONGEST_HEADER = 4096  # bytes
SUFFIXES = frozenset({".csv", ".txt", ".json", ".jsonl", ".parquet"})
SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def read_source(path: Path) -> tuple[str, Content]:
    """The name of a file's shape, and its content. Raises InvalidInput for a shape nobody here knows, or a file out of shape."""
    if not path.name.isprintable():
        raise InvalidInput(f"{shown(path.name)} is a name that cannot be shown; rename it")
    content = read_bytes(path)
    if b"PAR1" in (content[:4], content[-4:]):
        return _read_parquet(path)
    if content.startswith(SPREADSHEETS):
        raise InvalidInput(f"{path.name} is a spreadsheet or an archive; save its table as CSV UTF-8")
    if is_binary(content) or content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return _read_json(path, text_of(path.name, content))
    if b"\r" in content:
        content = content.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    header = header_of(content.split(b"\n", 1)[0].decode("utf-8-sig", "replace"))
    found = [shape for shape in CSV_SHAPES if len(set(header)) == len(header) and shape.fits(header)]
    if not found:
        raise InvalidInput(f"{path.name} has a header of none of {known_shapes()}{_nearest(header)}; {REMEDY}")
    (shape,) = found
    return shape.name, shape.read(path, text_of(path.name, content, shape.encoding))


REMEDY = "export it again, or move it away"


def _nearest(header: list[str]) -> str:
    """What keeps a header from being that of the shape most like it; in our words only, as its own may be personal."""
    cells = frozenset(header)
    shape = max(CSV_SHAPES, key=lambda shape: len(shape.required & cells))
    if not shape.required & cells:
        return ""
    lacks = ", ".join(sorted(shape.required - cells))
    strange = len(cells - shape.required - shape.optional)
    faults = [f"lacks {lacks}"] * bool(lacks) + [f"has {strange} unknown"] * bool(strange) or ["has one twice"]
    return f" (nearest is {shape.name}, of whose columns it {' and '.join(faults)})"


def known_shapes() -> str:
    """The shapes of CSV files, in words."""
    return ", ".join(shape.name for shape in CSV_SHAPES)


def _read_parquet(path: Path) -> tuple[str, Content]:
    columns = layout.columns_of(path)
    if "reason" in columns:
        return "rows set aside", layout.read_set_aside(path)
    if {"index", "date", "close"} <= columns and "symbol" not in columns:
        return "index table", layout.read_index(path)
    return "price table", layout.read_price_table(path)


def _read_json(path: Path, text: str) -> tuple[str, Content]:
    first = text.split("\n", 1)[0].strip()
    if first.startswith("{") and first.endswith("}") and set(_keys(first)) == set(floor_sheets.JSON_LINES):
        return "floor sheet", floor_sheets.read_json_lines(path, text)
    document = json_lists.parse(path.name, text)
    if isinstance(document, dict) and str(document.get("schema", "")).startswith("portfolio_opt."):
        return "result of ours", Content(unused=f"{shown(document['schema'])}, which holds no prices")
    if isinstance(document, dict) and isinstance(document.get("content"), list):  # a page of a longer list
        document = document["content"]
    for name, keys, read in JSON_LISTS:
        if json_lists.records(document, keys):
            return name, _guarded(path, read, document)
    if json_lists.sector_codes(document):
        return "sector codes", _guarded(path, json_lists.read_sector_codes, document)
    names = ", ".join(name for name, _, _ in JSON_LISTS)
    raise InvalidInput(f"{path.name} is JSON, but none of {names}, sector codes, floor sheet; {REMEDY}")


JSON_LISTS: tuple[tuple[str, set[str], Callable[..., Content]], ...] = (
    ("official price list", json_lists.OFFICIAL_TODAY, json_lists.read_official_today),
    ("today's price list", json_lists.TODAY, json_lists.read_today),
    ("proposed dividends", json_lists.DIVIDENDS, json_lists.read_dividends),
    ("securities list", json_lists.SECURITIES, json_lists.read_securities),
    ("list of indices", json_lists.INDICES, json_lists.read_indices),
)


def _guarded(path: Path, read: Callable[..., Content], document: object) -> Content:
    try:
        return read(path, document)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path.name}: {error}; fetch it again") from None


def _keys(line: str) -> list[str]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(record) if isinstance(record, dict) else []


def source_files(source: Path) -> Iterator[Path]:
    """The files of a source: itself, or those of a folder, at any depth and sorted, that have a data file's ending.

    The endings are .csv, .json, .jsonl and .parquet, and .txt where the content begins like data: folders also hold notes.
    """
    if not source.is_dir():
        yield source
        return
    for path in sorted(source.rglob("*")):
        if not _hidden(source, path) and path.is_file() and _has_data_ending(path):
            yield path


def passed_over(source: Path, apart_from: Path | None = None) -> list[str]:
    """The names, as they can be shown, of a folder's other files, links that lead nowhere or to a folder among them.

    apart_from: a folder within that does not count
    """
    others = (
        path
        for path in sorted(source.rglob("*"))
        if not _hidden(source, path)
        and (path.is_symlink() or not path.is_dir())
        and not (apart_from and path.resolve().is_relative_to(apart_from.resolve()))
    )
    return [shown(path.name) for path in others if not (path.is_file() and _has_data_ending(path))]


def _hidden(folder: Path, path: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _has_data_ending(path: Path) -> bool:
    ending = path.suffix.lower()
    return ending in SUFFIXES and (ending != ".txt" or _begins_like_data(path))


def _begins_like_data(path: Path) -> bool:
    with path.open("rb") as file:
        line = file.readline(LONGEST_HEADER).decode("utf-8-sig", "replace").strip()
    if line[:1] in ("{", "["):
        return True
    header = header_of(line) if line.isprintable() else []
    return any(shape.fits(header) for shape in CSV_SHAPES)
