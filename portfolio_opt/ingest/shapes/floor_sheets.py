"""Floor sheets, every contract of a day, as CSV or as lines of JSON: summed to one price row a symbol and day.

The true day is the head of the contract number; the date column of a scraped sheet is often the day of the scrape.
"""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from ...errors import InvalidInput
from ..quotes import Quotes
from ..source import Content
from ..text_table import Columns, read_columns

CSV = ("date", "s.n", "contract_no", "stock_symbol", "buyer", "seller", "quantity", "rate", "amount")
JSON_LINES = ("no", "transaction_id", "symbol", "buyer", "seller", "rate", "quantity", "amount", "date")
BOARD_LOT = 10  # smaller contracts are odd lots, which move neither high, low nor close (face 100; funds trade in more)
LONGEST_CONTRACT = 32
CONTRACT_DAY = r"^(\d{4})(\d{2})(\d{2})\d{4,24}$"
SLACK = 0.01  # NPR a unit that quantity × rate may be off the amount


def read_csv_sheet(path: Path, text: str) -> Content:
    """A floor sheet with one contract a CSV row."""
    return _sheet(path.name, text, contract="contract_no", symbol="stock_symbol")


def read_json_lines(path: Path, text: str) -> Content:
    """A floor sheet with one contract a line of JSON, every value a text."""
    lines = [line for line in text.split("\n") if line.strip()]
    schema = pa.schema([(name, pa.string()) for name in JSON_LINES])
    try:
        table = pajson.read_json(
            io.BytesIO("\n".join(lines).encode()),
            read_options=pajson.ReadOptions(use_threads=False),
            parse_options=pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
    except pa.ArrowInvalid:
        raise InvalidInput(f"{path.name}: not one contract of texts a line; fetch the floor sheet again") from None
    if table.num_rows != len(lines) or any(table[name].null_count for name in JSON_LINES):
        raise InvalidInput(f"{path.name}: a contract lacks a value; fetch the floor sheet again")
    as_csv = "\n".join(",".join(f'"{cell}"' for cell in row) for row in zip(*_cells(path.name, table), strict=True))
    return _sheet(path.name, ",".join(JSON_LINES) + "\n" + as_csv, contract="transaction_id", symbol="symbol")


def _cells(name: str, table: pa.Table) -> list[list[str]]:
    columns = [table[column].to_pylist() for column in JSON_LINES]
    if any(sign in cell for column in columns for cell in column for sign in ('"', "\n", "\r")):
        raise InvalidInput(f"{name}: a value holds a quotation mark or a line end; fetch the floor sheet again")
    return columns


def _sheet(name: str, text: str, *, contract: str, symbol: str) -> Content:
    kinds = {contract: "text", symbol: "symbol", "quantity": "price", "rate": "price", "amount": "price"}
    found = read_columns(name, text, kinds)  # type: ignore[arg-type]
    _refuse_bad_contracts(name, found)
    days = _contract_days(name, found[contract])
    names, at = found[symbol]
    numbers = pc.utf8_lpad(pc.utf8_trim_whitespace(found[contract]), LONGEST_CONTRACT, "0").to_pylist()
    once = np.unique(numbers, return_index=True)[1]  # by contract number, which is the order of the day
    if len(once) < len(numbers):
        _refuse_changed_copies(name, found, numbers, at, once)
    return Content(_daily(names, at[once], days[once], *(found[c][once] for c in ("quantity", "rate", "amount"))))


def _refuse_bad_contracts(name: str, found: Columns) -> None:
    quantity, rate, amount = found["quantity"], found["rate"], found["amount"]
    bad = ~((quantity > 0) & (rate > 0)) | (np.abs(quantity * rate - amount) > SLACK * quantity + SLACK)
    if bad.any():
        raise InvalidInput(
            f"{name}, row {int(np.argmax(bad)) + 1}: quantity × rate is not the amount; columns may have shifted: "
            "fetch the floor sheet again"
        )


def _contract_days(name: str, contract: pa.StringArray) -> np.ndarray:
    text = pc.utf8_trim_whitespace(contract)
    iso = pc.replace_substring_regex(text, CONTRACT_DAY, r"\1-\2-\3")
    try:
        days = pc.cast(iso, pa.date32())
        inside = pc.and_(pc.greater_equal(pc.year(days), 1990), pc.less(pc.year(days), 2050))
        if not pc.all(inside).as_py():
            raise pa.ArrowInvalid
    except pa.ArrowInvalid:
        raise InvalidInput(
            f"{name}: a contract number does not begin with its Gregorian day, like 2026031705029369; fetch it again"
        ) from None
    return np.asarray(days.cast(pa.int32()).to_numpy().astype(np.int64))


def _refuse_changed_copies(name: str, found: Columns, numbers: list[str], at: np.ndarray, once: np.ndarray) -> None:
    """A contract that stands twice must stand twice the same."""
    first = dict(zip(np.array(numbers)[once].tolist(), once.tolist(), strict=True))
    where = np.array([first[number] for number in numbers])
    same = (at == at[where]) & (found["quantity"] == found["quantity"][where]) & (found["rate"] == found["rate"][where])
    if not same.all():
        raise InvalidInput(
            f"{name}, row {int(np.argmin(same)) + 1}: a contract stands twice with different figures; correct the file"
        )


def _daily(
    names: tuple[str, ...],
    at: np.ndarray,
    days: np.ndarray,
    quantity: np.ndarray,
    rate: np.ndarray,
    amount: np.ndarray,
) -> Quotes:
    """Contracts in the order of their numbers to one row a symbol and day; odd lots count in volume and turnover only."""
    order = np.lexsort((days, at))  # stable: contracts of one symbol and day keep their order
    at, days, quantity, rate, amount = (column[order] for column in (at, days, quantity, rate, amount))
    starts = np.flatnonzero(np.diff(at, prepend=-1) | np.diff(days, prepend=-1))
    group = np.cumsum(np.isin(np.arange(len(at)), starts)) - 1
    board = quantity >= BOARD_LOT
    board |= ~np.bincount(group, weights=board).astype(bool)[group]  # a day of odd lots only has nothing else to show
    priced = np.flatnonzero(board)
    first = np.searchsorted(group[priced], np.arange(len(starts)))
    last = np.append(first[1:], len(priced)) - 1
    return Quotes(
        names=names,
        symbol=at[starts],
        day=days[starts],
        open=rate[priced][first],
        high=np.maximum.reduceat(rate[priced], first),
        low=np.minimum.reduceat(rate[priced], first),
        close=rate[priced][last],
        volume=np.add.reduceat(quantity, starts),
        turnover=np.add.reduceat(amount, starts),
        per_change=np.full(len(starts), np.nan),
        sources=("floor sheet",),
        source=np.zeros(len(starts), np.int64),
    )
