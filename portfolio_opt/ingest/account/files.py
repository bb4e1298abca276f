"""What the files of one account say, symbol by symbol, before anything is made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from .history import History, read_transactions
from .holdings import Held, read_holdings
from .movements import Movement, Settlement, average_cost
from .purchases import read_purchases
from .symbols import Symbols
from .trade_book import read_trade_book
from .wacc import Cost, read_wacc

WACC, HISTORY, PURCHASES, BOOK = "WACC report", "transaction history", "purchase source", "trade book"


@dataclass(frozen=True)
class Files:
    """Each file by symbol; None for a file that was not given."""

    held: Mapping[str, Held] | None = None
    wacc: Mapping[str, Cost] | None = None
    history: Mapping[str, History] | None = None
    purchases: Mapping[str, Sequence[Movement]] | None = None
    trades: Mapping[str, Sequence[Movement]] | None = None

    @property
    def tell_costs(self) -> bool:
        """Whether a file was given that can tell what units cost."""
        return not (self.wacc is None and self.purchases is None and self.trades is None)

    @property
    def tell_ages(self) -> bool:
        """Whether a file was given that can tell when units came."""
        return not (self.history is None and self.purchases is None and self.trades is None)

    @cached_property
    def history_begins(self) -> date:
        """The day of the history's first row; what was booked earlier cannot be in it."""
        return min((m.booked for h in (self.history or {}).values() for m in h.movements), default=date.max)

    @cached_property
    def book_begins(self) -> date:
        """The day of the trade book's first trade; what was traded earlier cannot be in it."""
        return min((m.day for trades in (self.trades or {}).values() for m in trades), default=date.max)

    def sales(self, name: str) -> list[Movement] | None:
        """Units of a symbol that went, by the history or else by the trade book; None where neither tells of the symbol."""
        if name in (self.history or {}):
            return [m for m in (self.history or {})[name].movements if m.units < 0]
        if name in (self.trades or {}):
            return [m for m in (self.trades or {})[name] if m.units < 0]
        return None

    def bought(self, name: str) -> Cost:
        """Units and cost that the purchase source leaves of a symbol, after the sales that another file tells of."""
        purchases = (self.purchases or {}).get(name, ())
        return average_cost([*purchases, *(self.sales(name) or ())]).left

    def traded(self, name: str) -> Cost:
        """Units and cost that the trade book leaves of a symbol; none where it sells units that it did not buy."""
        average = average_cost((self.trades or {}).get(name, ()))
        return Cost(0, 0) if average.oversold else average.left


def read_files(
    holdings: str | Path | None,
    wacc: str | Path | None,
    transactions: str | Path | None,
    purchases: str | Path | None,
    trade_book: str | Path | None,
    symbols: Symbols,
    instrument: Mapping[str, str],
    settlement: Settlement,
) -> Files:
    """The files read, each on its own; `symbols` learns what they name. Raises InvalidInput naming file and line."""
    return Files(
        read_holdings(Path(holdings), symbols) if holdings else None,
        read_wacc(Path(wacc), symbols) if wacc else None,
        read_transactions(Path(transactions), symbols) if transactions else None,
        read_purchases(Path(purchases), symbols, instrument, settlement) if purchases else None,
        read_trade_book(Path(trade_book), symbols, instrument, settlement) if trade_book else None,
    )
