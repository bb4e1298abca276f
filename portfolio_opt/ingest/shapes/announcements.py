"""Dividends and rights as companies' pages list them, to rows of the table of corporate actions."""

import re
from decimal import Decimal
from pathlib import Path

from ..csv_table import Row, read_table
from ..fields import day, number, shown
from ..source import Content
from .company_history import symbol_of

DIVIDEND = frozenset({"fiscal_year", "bonus_share", "cash_dividend", "book_closure_date"})
DIVIDEND_OPTIONAL = frozenset({"total_dividend"})
RIGHT = frozenset({"ratio", "issue_price", "opening_date", "closing_date"})
RIGHT_OPTIONAL = frozenset({"total_units", "status", "issue_manager"})
RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*:\s*(\d+(?:\.\d+)?)")
HIGHEST_RATIO = 20  # new units for one held


def read_dividends(path: Path, _text: str) -> Content:
    """A company's dividend.csv: percents of par by fiscal year, blank for none, the book close with a note behind it."""
    name = symbol_of(path)
    rows = [
        action
        for row in read_table(path, DIVIDEND, DIVIDEND_OPTIONAL)
        for action in announced(
            row,
            name,
            bonus="bonus_share",
            cash="cash_dividend",
            book_close="book_closure_date",
            source="dividend list",
        )
    ]
    return Content(tables={"corporate_actions": tuple(rows)})


def read_rights(path: Path, _text: str) -> Content:
    """A company's right-share.csv: 10:2.5 is a quarter of a unit for each unit held; only the subscription window is dated."""
    name = symbol_of(path)
    rows = []
    for row in read_table(path, RIGHT, RIGHT_OPTIONAL):
        cells = {
            "symbol": name,
            "type": "right",
            "ratio": _plain(row.read("ratio", _ratio)),
            "issue_price": _plain(row.read("issue_price", number)) if row.cells["issue_price"].strip() else "",
            "subscription_open": row.read("opening_date", _optional_day),
            "subscription_close": row.read("closing_date", _optional_day),
            "source": "right-share list",
        }
        rows.append(Row(row.file, row.line, cells))
    return Content(tables={"corporate_actions": tuple(rows)})


def announced(row: Row, name: str, *, bonus: str, cash: str, book_close: str, source: str) -> list[Row]:
    """A dividend announcement to its bonus and its cash action; none for a percent of 0.

    bonus, cash, book_close: the columns that hold the two percents of par and the day
    """
    common = {
        "symbol": name,
        "book_close": row.read(book_close, _optional_day),
        "fiscal_year": row.cells["fiscal_year"],
        "announcement_date": row.read("announcement_date", _optional_day) if "announcement_date" in row.cells else "",
        "source": source,
    }
    found = []
    if percent := row.read(bonus, _percent):
        found.append(common | {"type": "bonus", "ratio": _plain(percent / 100)})
    if percent := row.read(cash, _percent):
        found.append(common | {"type": "cash", "pct_of_par": _plain(percent)})
    return [Row(row.file, row.line, cells) for cells in found]


def _percent(text: str) -> Decimal:
    value = number(text) if text.strip() else Decimal(0)
    if value < 0:
        raise ValueError(f"{shown(text)} is below zero; correct it")
    return value


def _ratio(text: str) -> Decimal:
    found = RATIO.fullmatch(text.strip())
    held, new = (number(part) for part in found.groups()) if found else (Decimal(0), Decimal(0))
    if not 0 < new <= held * HIGHEST_RATIO:
        raise ValueError(f"{shown(text)} is not a ratio like 10:2.5, held to new; correct it")
    return round(new / held, 6)


def _optional_day(text: str) -> str:
    plain = text.partition("[")[0].strip()
    return day(plain).isoformat() if plain else ""


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
