"""The broker's trade book (TMS): every fill of one client, without the charges, which the rules of the day give back."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ...errors import InvalidInput
from ...market.charges import charges
from ...market.rules import rulebook
from ..csv_table import Row, read_table
from ..fields import LAST_YEAR, day, money, units
from .movements import Movement, Settlement
from .once import refuse_two_owners
from .symbols import Symbols

REQUIRED = frozenset({"symbol", "exchange trade id", "trade date", "buy/sell", "trade qty", "price(npr)", "value(npr)"})
OPTIONAL = frozenset({"s.n", "trade time"})
PERSONAL = frozenset({"client", "client name"})
BOUGHT = {"BUY": 1, "B": 1, "SELL": -1, "S": -1}
ROUNDING = 100  # paisa; the value may be printed in whole rupees


@dataclass(frozen=True)
class Fill:
    """One row: units bought (positive) or sold, for an amount of paisa before charges."""

    symbol: str
    day: date
    units: int
    amount: int


def read_trade_book(
    path: Path, symbols: Symbols, instrument: Mapping[str, str], settlement: Settlement
) -> dict[str, list[Movement]]:
    """The trades by symbol, one movement a side and day, booked on the day they settle.

    The file has no order number: all fills of one symbol, side and day are taken as one order, which pays one commission and
    one DP charge by the rules of the trade date. A purchase costs its amount and these charges.
    """
    rows = list(read_table(path, REQUIRED, OPTIONAL, PERSONAL))
    refuse_two_owners(rows, "client")
    refuse_two_owners(rows, "client name")
    totals: dict[tuple[str, date, bool], tuple[int, int]] = defaultdict(lambda: (0, 0))
    seen: set[str] = set()
    for row in rows:
        fill = _fill(row, symbols, seen)
        key = fill.symbol, fill.day, fill.units > 0
        count, amount = totals[key]
        totals[key] = count + fill.units, amount + fill.amount
    found: dict[str, list[Movement]] = defaultdict(list)
    for (name, traded, bought), (count, amount) in sorted(totals.items()):
        rules = rulebook().on(traded)
        paid = charges(rules, instrument.get(name, "equity"), amount).total if bought else 0
        found[name].append(Movement(traded, count, settlement.of(traded), amount + paid if bought else 0, "trade"))
    return dict(found)


def _fill(row: Row, symbols: Symbols, seen: set[str]) -> Fill:
    name, traded = symbols.read(row, "symbol"), row.read("trade date", day)
    if traded < rulebook().begins:
        row.refuse(
            f"trade date {traded} lies before {rulebook().begins}, when the rules begin; correct or delete the row"
        )
    trade = row.cells["exchange trade id"].strip()
    if not trade or trade in seen:
        row.refuse(
            "exchange trade id is empty or stands twice; keep one row a trade, or export again if a spreadsheet rounded it"
        )
    seen.add(trade)
    named = _day_of(trade)
    if named is not None and named != traded:
        row.refuse(f"trade date is {traded}, but the trade id is of {named}; export the file again")
    sign = BOUGHT.get(row.cells["buy/sell"].strip().upper())
    if sign is None:
        row.refuse("buy/sell is neither BUY nor SELL; columns may have shifted: export the file again")
    count, price, value = row.read("trade qty", units), row.read("price(npr)", money), row.read("value(npr)", money)
    if not count or not price or abs(count * price - value) > ROUNDING:
        row.refuse("price × quantity is not the value; columns may have shifted: export the file again")
    return Fill(name, traded, sign * count, count * price)


def _day_of(trade: str) -> date | None:
    """The Gregorian day that a trade id begins with; None where it is no day, or one of the Bikram Sambat calendar."""
    try:
        found = date(int(trade[:4]), int(trade[4:6]), int(trade[6:8])) if trade[:8].isascii() else None
    except ValueError:
        return None
    return found if found and rulebook().begins <= found and found.year < LAST_YEAR else None


def net_units(trades: Mapping[str, list[Movement]], symbols: Symbols) -> dict[str, int]:
    """Units by symbol that the trades of a file leave, if they are all there ever was.

    Raises InvalidInput where more was sold than bought before: units of unknown origin were held when the file begins.
    """
    left = {}
    for symbol, movements in sorted(trades.items()):
        held = 0
        for movement in sorted(movements, key=lambda m: (m.day, m.units < 0)):
            held += movement.units
            if held < 0:
                raise InvalidInput(
                    f"trade book: more of {symbols.named(symbol)} was sold by {movement.day} than bought; units were held "
                    "before the file begins: give --holdings"
                )
        if held:
            left[symbol] = held
    return left
