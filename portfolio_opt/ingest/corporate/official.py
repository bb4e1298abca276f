"""The exchange's own list of adjusted prices: the strongest evidence of what an action did to a price."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ..csv_table import Row
from ..fields import day, number, shown, symbol
from ..quotes import HIGHEST_PRICE

KINDS = ("bonus", "right", "cash")
HIGHEST_PERCENT = 2_000


@dataclass(frozen=True)
class OfficialPrice:
    """The price from which the exchange measured the session after `last_cum_date`, in NPR.

    kind: bonus, right, or cash (of a mutual fund); percent: of the face value, as announced
    """

    symbol: str
    last_cum_date: date
    kind: str
    percent: float
    previous_close: float
    adjusted_price: float

    @property
    def factor(self) -> float:
        """What the action leaves of the price."""
        return self.adjusted_price / self.previous_close


def official_of(rows: Iterable[Row]) -> list[OfficialPrice]:
    """The prices of rows of the table of official adjustments. Raises InvalidInput for one that is none, or stands twice."""
    found: dict[tuple[str, date], OfficialPrice] = {}
    for row in rows:
        price = _official_price(row)
        if (price.symbol, price.last_cum_date) in found:
            row.refuse(
                f"{price.symbol} on {price.last_cum_date} stands twice; keep one row, with the price after all actions of the day"
            )
        found[price.symbol, price.last_cum_date] = price
    return list(found.values())


def _official_price(row: Row) -> OfficialPrice:
    kind = row.cells["kind"].strip()
    if kind not in KINDS:
        row.refuse(f"kind is {shown(kind)}; choose one of {', '.join(KINDS)}")
    percent, before, after = (
        row.read(name, lambda text: float(number(text))) for name in ("pct", "prev_close", "adjusted_price")
    )
    possible = 0 < after < HIGHEST_PRICE and 0 < before < HIGHEST_PRICE and (after <= before or kind == "right")
    if not possible or not 0 < percent < HIGHEST_PERCENT:
        row.refuse(
            f"{percent:g}% takes {before:g} to {after:g}, but an adjusted price is positive and no more than the close before; "
            "correct the row"
        )
    return OfficialPrice(row.read("symbol", symbol), row.read("last_cum_date", day), kind, percent, before, after)
