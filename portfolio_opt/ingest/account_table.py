"""Many accounts in one table, Parquet or CSV: a row for each lot, and what belongs to the account said on every row of it.

Columns: account, symbol, units, cash; and, as one likes, cost (NPR for the whole lot), acquired (day), investor and
risk_aversion. An account that holds nothing has one row without a symbol. Other columns are not read. What is wrong with one
account refuses that account, in words, and no other.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EnvironmentTrouble, InvalidInput
from ..market.money import LARGEST
from ..market.rules import INVESTORS
from .fields import FIRST_YEAR, LAST_YEAR

Ints = NDArray[np.int64]
Text = NDArray[np.object_]

NEEDED = ("account", "symbol", "units", "cash")
OPTIONAL = ("cost", "acquired", "investor", "risk_aversion")
WHOLE = 1e-6  # of a unit: units that miss a whole number by less are that number
MOST_UNITS = 10**10
NO_DAY = int(np.iinfo(np.int64).min)
WRONG_DAY = int(np.iinfo(np.int64).max)
NO_NUMBER = -1.0  # as wrong as a text, for every column
EPOCH = date(1970, 1, 1)
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class AccountTable:
    """A accounts, in the order of their first rows, with R lots, ordered by account. Units, paisa, days since 1970.

    names: (A,); cash: (A,) settled; investor: (A,) place in INVESTORS; risk_aversion: (A,) NaN where the table has none
    symbols: (M,); owner, symbol: (R,) place of each lot's account and symbol; units, cost: (R,), a cost of 0 where it is unknown
    acquired: (R,) NO_DAY where it is unknown
    refused: what is wrong with an account, by its place
    """

    names: Text
    cash: Ints
    investor: Ints
    risk_aversion: NDArray[np.float64]
    symbols: Text
    owner: Ints
    symbol: Ints
    units: Ints
    cost: Ints
    acquired: Ints
    refused: dict[int, str]


def read_account_table(path: Path) -> AccountTable:
    """The accounts of a file. Raises InvalidInput where the file as a whole cannot be read with certainty."""
    columns = _columns(path)
    names, owner = columns["account"]
    first = np.full(len(names), len(owner))
    np.minimum.at(first, owner, np.arange(len(owner)))
    refused: dict[int, str] = {}

    def refuse(rows: NDArray[np.bool_], why: str) -> None:
        for account in np.unique(owner[rows]).tolist():
            refused.setdefault(account, why)

    def of_account(column: str) -> Any:
        """The value of each account, which all its rows must agree on."""
        values = columns[column]
        own = values[first]
        same = (values == own[owner]) | ((values != values) & (own[owner] != own[owner]))
        refuse(~same, f"{column} differs between its rows; say it the same on each")
        return own

    cash, investor, aversion = of_account("cash"), of_account("investor"), of_account("risk_aversion")
    known = np.isin(investor, INVESTORS)
    refuse(~known[owner], f"investor is none of {', '.join(INVESTORS)}")
    in_range = np.isfinite(cash) & (cash >= 0) & (cash * 100 <= LARGEST)
    refuse(~in_range[owner], "cash is no amount from 0 to NPR 100 billion")
    refuse(((aversion <= 0) | (aversion >= 1e6))[owner], "risk_aversion is not a positive number")
    (symbols, symbol), units, acquired = columns["symbol"], columns["units"], columns["acquired"]
    cost = np.where(np.isnan(columns["cost"]), 0.0, columns["cost"])
    first_day, last_day = ((date(year, 1, 1) - EPOCH).days for year in (FIRST_YEAR, LAST_YEAR))
    strange = (acquired != NO_DAY) & ((acquired < first_day) | (acquired >= last_day))
    refuse(
        strange, f"acquired is no day from {FIRST_YEAR} on, written like 2026-08-21; Bikram Sambat days are not read"
    )
    named = (symbols != "")[symbol]
    whole = np.isfinite(units) & (np.abs(units - np.rint(units)) <= WHOLE) & (units > 0) & (units < MOST_UNITS)
    refuse(named & ~whole, "units of a lot are no positive whole number")
    refuse(~named & np.isfinite(units) & (units != 0), "a row has units but no symbol")
    priced = np.isfinite(cost) & (cost >= 0) & (cost * 100 <= LARGEST)
    refuse(named & ~priced, "the cost of a lot is no amount from 0 to NPR 100 billion")
    kept = np.flatnonzero(named & whole & priced & ~strange)
    kept = kept[np.argsort(owner[kept], kind="stable")]
    place_of = {kind: i for i, kind in enumerate(INVESTORS)}
    return AccountTable(
        names=names,
        cash=np.rint(np.where(in_range, cash, 0) * 100).astype(np.int64),
        investor=np.array([place_of.get(kind, 0) for kind in investor], dtype=np.int64),
        risk_aversion=aversion,
        symbols=symbols,
        owner=owner[kept],
        symbol=symbol[kept],
        units=np.rint(units[kept]).astype(np.int64),
        cost=np.rint(cost[kept] * 100).astype(np.int64),
        acquired=acquired[kept],
        refused=refused,
    )


def _columns(path: Path) -> dict[str, Any]:
    """The known columns as arrays: account and symbol as (texts, places), numbers as float64, days as whole days."""
    import pyarrow as pa

    table = _table(path)
    if missing := [name for name in NEEDED if name not in table.column_names]:
        raise InvalidInput(f"{path.name} has no column {missing[0]!r}; it needs {', '.join(NEEDED)}")
    if twice := [name for name in set(table.column_names) if table.column_names.count(name) > 1]:
        raise InvalidInput(f"{path.name} has the column {twice[0]!r} twice; keep one")
    if not table.num_rows:
        raise InvalidInput(f"{path.name} has no rows: give at least one account")
    absent = {
        "cost": np.zeros(table.num_rows),
        "risk_aversion": np.full(table.num_rows, np.nan),
        "investor": np.full(table.num_rows, INVESTORS[0], dtype=object),
        "acquired": np.full(table.num_rows, NO_DAY),
    }
    found: dict[str, Any] = {}
    for name, (read, what) in READERS.items():
        try:
            found[name] = read(table[name]) if name in table.column_names else absent[name]
        except pa.ArrowException:  # its message quotes the cell, which may be anything
            raise InvalidInput(f"{path.name}: the column {name!r} holds what is no {what}; correct it") from None
    names, owner = found["account"]
    if (names == "").any():
        row = int(np.argmax((names == "")[owner])) + 1
        raise InvalidInput(f"{path.name}: row {row} names no account; give every row one")
    found["investor"][found["investor"] == ""] = INVESTORS[0]
    return found


def _table(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if not path.is_file():
        raise InvalidInput(f"{path.name} is no file; give --accounts a Parquet or CSV table with a row for each lot")
    try:
        if path.suffix.lower() == ".csv":
            names = {name: pa.string() for name in (*NEEDED, *OPTIONAL)}
            return pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=names))
        held = pyarrow.parquet.ParquetFile(path)
        return held.read(columns=[name for name in held.schema_arrow.names if name in (*NEEDED, *OPTIONAL)])
    except pa.ArrowInvalid:  # its message quotes the row
        what = "check its header, and that every row has as many cells"
        raise InvalidInput(f"{path.name} cannot be read as a table; {what}") from None
    except OSError as error:
        raise EnvironmentTrouble(f"{path.name} cannot be read: {error.strerror or error}") from error


def _text(column: Any) -> Text:
    import pyarrow as pa
    import pyarrow.compute as pc

    return np.array(pc.fill_null(pc.utf8_trim_whitespace(column.cast(pa.string())), "").to_numpy(), dtype=object)


def _places(column: Any) -> tuple[Text, Ints]:
    """The texts in the order they first appear, and the place of each row's among them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.fill_null(pc.utf8_trim_whitespace(column.cast(pa.string())), "")
    encoded = column.combine_chunks().dictionary_encode()
    return (
        np.asarray(encoded.dictionary.to_numpy(zero_copy_only=False), dtype=object),
        np.asarray(encoded.indices.to_numpy(), dtype=np.int64),
    )


def _number(column: Any) -> NDArray[np.float64]:
    """As float64, NaN where empty, NO_NUMBER where a text is none."""
    import pyarrow as pa

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    texts, place = _places(column)
    return np.array([_number_of(text) for text in texts.tolist()], dtype=np.float64)[place]


def _number_of(text: str) -> float:
    try:
        return float(text) if text else np.nan
    except ValueError:
        return NO_NUMBER


def _days(column: Any) -> Ints:
    """Days since 1970, NO_DAY where empty, WRONG_DAY where a text is no day of the calendar in ISO form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        days = column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
        return np.asarray(pc.fill_null(days, NO_DAY).to_numpy(), dtype=np.int64)
    texts, place = _places(column)
    return np.array([_day_of(text) for text in texts.tolist()], dtype=np.int64)[place]


def _day_of(text: str) -> int:
    if not text:
        return NO_DAY
    try:
        return (date.fromisoformat(text) - EPOCH).days if ISO.fullmatch(text) else WRONG_DAY
    except ValueError:
        return WRONG_DAY


READERS = {
    "account": (_places, "text"),
    "symbol": (_places, "text"),
    "units": (_number, "number"),
    "cash": (_number, "number"),
    "cost": (_number, "number"),
    "risk_aversion": (_number, "number"),
    "investor": (_text, "text"),
    "acquired": (_days, "day like 2026-08-21"),
}
