"""Who decides and with what: lots, cash by the day it settles, and the kind of investor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from ..errors import InvalidInput
from .money import rupees
from .rules import INVESTORS, Investor


@dataclass(frozen=True)
class Lot:
    """Units of one symbol that came together.

    acquired: the day that counts for holding days; None where no file tells, and then the lot counts as young
    cost: paisa for the whole lot, buy charges included
    """

    symbol: str
    units: int
    cost: int
    acquired: date | None = None

    def __post_init__(self) -> None:
        if self.units <= 0 or self.cost < 0:
            raise InvalidInput(
                f"{self.symbol}: a lot needs positive units and a cost of at least 0, not {self.units} and {self.cost}"
            )


@dataclass(frozen=True)
class Position:
    """All lots of one symbol, oldest first."""

    symbol: str
    lots: tuple[Lot, ...]

    @property
    def units(self) -> int:
        return sum(lot.units for lot in self.lots)

    @property
    def cost(self) -> int:
        return sum(lot.cost for lot in self.lots)

    def units_long(self, day: date, long_after_days: int) -> int:
        """Units held more than `long_after_days` days on a sale date."""
        return sum(
            lot.units for lot in self.lots if lot.acquired is not None and (day - lot.acquired).days > long_after_days
        )


@dataclass(frozen=True)
class Account:
    """One investor's holdings and cash.

    lots: in any order; settled_cash: paisa free today; unsettled_cash: (day it becomes free, paisa) pairs
    quoted: paisa per unit the holdings file itself gave, used only for symbols without prices
    pending: bonus units by symbol that are owned but not yet listed: wealth that cannot be sold
    cost_known, ages_known: whether a file told cost and acquisition days; where not, tax is an upper bound
    """

    lots: tuple[Lot, ...] = ()
    settled_cash: int = 0
    unsettled_cash: tuple[tuple[date, int], ...] = ()
    investor: Investor = "individual"
    quoted: Mapping[str, int] = field(default_factory=dict)
    pending: Mapping[str, int] = field(default_factory=dict)
    cost_known: bool = True
    ages_known: bool = True

    def __post_init__(self) -> None:
        if self.investor not in INVESTORS:
            raise InvalidInput(f"investor is {self.investor!r}; choose one of {', '.join(INVESTORS)}")
        for amount in (self.settled_cash, *(amount for _, amount in self.unsettled_cash)):
            if amount < 0:
                raise InvalidInput(f"cash is NPR {rupees(amount)}; give an amount of at least 0")

        for symbol, units in self.pending.items():
            if units <= 0:
                raise InvalidInput(
                    f"{symbol}: {units} units are pending; give a positive number or leave the symbol out"
                )

    def positions(self) -> dict[str, Position]:
        """Holdings by symbol, symbols sorted, lots oldest first; a lot of unknown age counts as the youngest."""
        ordered = sorted(self.lots, key=lambda lot: (lot.symbol, lot.acquired or date.max))
        return {symbol: Position(symbol, tuple(lots)) for symbol, lots in groupby(ordered, key=lambda lot: lot.symbol)}
