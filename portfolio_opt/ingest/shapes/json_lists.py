"""The exchange's and the web's JSON lists: securities, sectors, indices, today's prices, proposed dividends."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ...errors import InvalidInput
from ..csv_table import Row
from ..fields import day, number, symbol
from ..quotes import EPOCH, Quotes
from ..sectors import canonical
from ..source import Content
from .announcements import announced
from .day_pages import percent_change

Record = Mapping[str, Any]
T = TypeVar("T")

SECURITIES = {"symbol", "securityName", "sectorName", "instrumentType", "status"}
INDICES = {"indexCode", "indexName", "sectorMaster"}
TODAY = {"symbol", "ltp", "previous_close", "high", "low", "volume", "turnover", "last_updated"}
OFFICIAL_TODAY = {
    "businessDate",
    "symbol",
    "openPrice",
    "highPrice",
    "lowPrice",
    "closePrice",
    "totalTradedQuantity",
    "totalTradedValue",
    "previousDayClosePrice",
}
DIVIDENDS = {"symbol", "bonus_share", "cash_dividend", "announcement_date", "bookclose_date", "fiscal_year"}

INSTRUMENTS = {  # the exchange's own words, and the headings of sector lists, in lower case
    "equity": "equity",
    "mutual fund": "mutual_fund",
    "mutual funds": "mutual_fund",
    "promoter share": "promoter_share",
    "promotor share": "promoter_share",
    "preference share": "preference_share",
    "preference shares": "preference_share",
    "preferred stock": "preference_share",
    "corporate debenture": "debenture",
    "corporate debentures": "debenture",
    "non-convertible debentures": "debenture",
    "government bond": "government_bond",
    "government bonds": "government_bond",
}


def parse(name: str, text: str) -> Any:
    """JSON as it is, numbers exact as text. Raises InvalidInput for what is no JSON, or too deep."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no number")

    try:
        return json.loads(text, parse_constant=refuse, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is not JSON that can be read: {str(error)[:120]}; fetch it again") from None


def read_securities(path: Path, document: list[Record]) -> Content:
    """The exchange's list of securities. Its status is as of the day of the list: look-ahead, so it is not kept."""
    rows = []
    for at, record in enumerate(document, 1):
        sector, kind = _text(record, "sectorName"), _text(record, "instrumentType").lower()
        instrument = INSTRUMENTS.get(sector.lower()) or INSTRUMENTS.get(kind, "unknown")
        rows.append(_label(path, at, record, _text(record, "securityName"), sector, instrument, "securities list"))
    return Content(tables={"sectors": tuple(rows)})


def read_sector_codes(path: Path, document: Mapping[str, list[Record]]) -> Content:
    """Symbols by sector; headings like Mutual Fund or Promotor Share say the instrument instead."""
    rows: list[Row] = []
    for heading, members in document.items():
        instrument = INSTRUMENTS.get(heading.lower(), "equity")
        sector = "" if heading.lower() in INSTRUMENTS and instrument != "mutual_fund" else heading
        for record in members:
            rows.append(_label(path, len(rows) + 1, record, _text(record, "name"), sector, instrument, "sector codes"))
    return Content(tables={"sectors": tuple(rows)})


def read_indices(path: Path, document: list[Record]) -> Content:
    """The list of the exchange's indices: names only, so nothing of it is kept."""
    for record in document:
        if not isinstance(record["sectorMaster"], dict):
            raise InvalidInput(f"{path.name}: sectorMaster is not an object; fetch the list again")
    return Content(unused=f"{len(document)} names of indices, without prices")


def read_today(path: Path, document: list[Record]) -> Content:
    """Today's prices as republished with the last trade's time: the row belongs to that trade's day."""
    fields = {
        "close": "ltp",
        "high": "high",
        "low": "low",
        "volume": "volume",
        "turnover": "turnover",
        "previous": "previous_close",
    }
    return _prices(path, document, "today's price list", fields, on="last_updated")


def read_official_today(path: Path, document: list[Record]) -> Content:
    """The exchange's own list of today's prices."""
    fields = {
        "open": "openPrice",
        "high": "highPrice",
        "low": "lowPrice",
        "close": "closePrice",
        "volume": "totalTradedQuantity",
        "turnover": "totalTradedValue",
        "previous": "previousDayClosePrice",
    }
    return _prices(path, document, "official price list", fields, on="businessDate")


def read_dividends(path: Path, document: list[Record]) -> Content:
    """Proposed dividends: percents as text, book close with a note behind it."""
    rows: list[Row] = []
    for at, record in enumerate(document, 1):
        rows += announced(
            Row(path.name, at, {key: _text(record, key) for key in DIVIDENDS} | {"where": f"record {at}"}),
            _name(path, at, record),
            bonus="bonus_share",
            cash="cash_dividend",
            book_close="bookclose_date",
            source="proposed dividends",
        )
    return Content(tables={"corporate_actions": tuple(rows)})


def _prices(path: Path, document: list[Record], source: str, fields: Mapping[str, str], on: str) -> Content:
    traded = [(at, record) for at, record in enumerate(document, 1) if _number(path, at, record, fields["volume"]) != 0]
    if not traded:
        raise InvalidInput(f"{path.name}: no share traded; fetch the list after the session")
    names = sorted({_name(path, at, record) for at, record in traded})
    place = {name: k for k, name in enumerate(names)}

    def column(field: str) -> np.ndarray:
        cell = fields.get(field)
        return np.array([np.nan if cell is None else _number(path, at, record, cell) for at, record in traded])

    rows = len(traded)
    close = column("close")
    quotes = Quotes(
        names=tuple(names),
        symbol=np.array([place[_name(path, at, record)] for at, record in traded], dtype=np.int64),
        day=np.array([_cell(path, at, record, on, _day_number) for at, record in traded], dtype=np.int64),
        open=column("open"),
        high=column("high"),
        low=column("low"),
        close=close,
        volume=column("volume"),
        turnover=column("turnover"),
        per_change=percent_change(close, column("previous")),
        sources=(source,),
        source=np.zeros(rows, np.int64),
    )
    untraded = len(document) - rows
    return Content(quotes, unused=f"{untraded} securities that did not trade" if untraded else "")


def _label(path: Path, at: int, record: Record, name: str, sector: str, instrument: str, source: str) -> Row:
    cells = {
        "symbol": _name(path, at, record),
        "name": name,
        "sector": canonical(sector),
        "instrument_type": instrument,
    }
    return Row(path.name, at, cells | {"source": source})


def _day_number(text: str) -> int:
    return (day(text) - EPOCH).days


def _name(path: Path, at: int, record: Record) -> str:
    return _cell(path, at, record, "symbol", symbol)


def _number(path: Path, at: int, record: Record, key: str) -> float:
    if record.get(key) is None:
        return np.nan
    return _cell(path, at, record, key, lambda text: float(number(text)))


def _cell(path: Path, at: int, record: Record, key: str, parse: Callable[[str], T]) -> T:
    text = _text(record, key)
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidInput(f"{path.name}, record {at}: {key} {error}") from None


def _text(record: Record, key: str) -> str:
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} holds a list or an object, not one text or number")
    return " ".join(value.split())


def records(document: Any, keys: Iterable[str]) -> bool:
    """Whether a document is a list of objects that all have the keys."""
    wanted = set(keys)
    return isinstance(document, list) and bool(document) and all(
        isinstance(record, dict) and wanted <= record.keys() for record in document
    )  # fmt: skip


def sector_codes(document: Any) -> bool:
    """Whether a document maps headings to lists of symbols with names."""
    return (
        isinstance(document, dict)
        and bool(document)
        and all(
            isinstance(members, list)
            and all(isinstance(record, dict) and {"symbol", "name"} <= record.keys() for record in members)
            for members in document.values()
        )
    )
