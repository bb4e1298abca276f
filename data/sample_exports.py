"""The three CSV files a MeroShare holder can download, for the invented holders.

A purchase happens at the opening price of the first session with a trade from its day on. Bonus shares, rights, charges
and average cost follow from the sample market and the rulebook.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sample_companies import ISSUE_PRICE, LAST_DAY, LAST_DAY_BEFORE_MERGER, MERGED, Action
from sample_holders import HOLDERS, UNLISTED, Plan
from sample_prices import Market

from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.money import rupees
from portfolio_opt.market.orders import purchase
from portfolio_opt.market.rules import rulebook
from portfolio_opt.market.tax import cost_removed

SUCCESSOR, SWAP_RATIO = "XCEDAR", 0.7  # of the merged bank
LISTED_AFTER = {"bonus": 30, "right": 60}  # sessions after the ex day
PAR = 100 * ISSUE_PRICE  # paisa
CALENDAR = Calendar()


@dataclass(frozen=True)
class Movement:
    """Units that entered (positive) or left the demat account on a day."""

    day: date
    symbol: str
    units: int
    description: str


@dataclass
class Book:
    """One account as it grows: units and cost (paisa) by symbol as traded, movements on the day they settle.

    pending: the movement whose cost the holder has not confirmed yet
    """

    market: Market
    units: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    cost: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    movements: list[Movement] = field(default_factory=list)
    pending: Movement | None = None

    def buy(self, day: date, symbol: str, spent: int) -> None:
        """Whole tens of units for the money, at least one board lot."""
        j = self.market.column(symbol)
        t = self.market.row_from(day, j)
        price, instrument = int(self.market.open[t, j]), self.market.companies[j].instrument
        rules = rulebook().on(self.market.sessions[t])
        units = max(100 * spent // price // 10 * 10, rules.lot_of(instrument))
        amount, paid = purchase(rules, instrument, units, price)
        settled = CALENDAR.add_sessions(rules.day, rules.settlement_sessions)
        self._move(settled, symbol, units, amount + paid.total, "ON-CR {0:06d} TD:SAMPLE{0:04d} SET:NPL{0:04d}")

    def sell(self, day: date, symbol: str, units: int) -> None:
        """Units out at average cost; what the sale brought is in none of the files."""
        rules = rulebook().on(self.market.sessions[self.market.row_from(day, self.market.column(symbol))])
        cost = cost_removed(self.cost[symbol], self.units[symbol], units)
        settled = CALENDAR.add_sessions(rules.day, rules.settlement_sessions)
        self._move(settled, symbol, -units, -cost, "ON-DR {0:06d} TD:SAMPLE{0:04d} SET:NPL{0:04d}")

    def allot(self, day: date, symbol: str, units: int) -> None:
        """Units of a first offering at par, free of charges."""
        self._move(day, symbol, units, units * PAR, f"INITIAL PUBLIC OFFERING {{0:08d}} IPO-{symbol}")

    def merge(self, day: date, symbol: str, ratio: float) -> None:
        """Units of the merged company become whole units of its successor and carry their cost along."""
        units, cost = self.units[symbol], self.cost[symbol]
        self._move(day, symbol, -units, -cost, f"CA-Merger {{0:08d}} {symbol} INTO {SUCCESSOR}")
        self._move(day, SUCCESSOR, int(units * ratio), cost, f"CA-Merger {{0:08d}} {symbol} INTO {SUCCESSOR}")

    def entitle(self, day: date, symbol: str, action: Action) -> None:
        """New units on what was held before the ex day, credited when they are listed, at par in the average cost."""
        credited = CALENDAR.add_sessions(day, LISTED_AFTER[action.kind])
        if credited <= LAST_DAY:
            units = int(self.units[symbol] * action.amount + 1e-9)
            self._move(credited, symbol, units, units * PAR, _label(action))

    def held(self) -> list[tuple[str, int]]:
        """Symbol and units of every holding, by symbol."""
        return sorted((symbol, units) for symbol, units in self.units.items() if units)

    def _move(self, day: date, symbol: str, units: int, cost: int, description: str) -> None:
        if units:
            self.units[symbol] += units
            self.cost[symbol] += cost
            self.movements.append(Movement(day, symbol, units, description.format(len(self.movements) + 1)))


def keep_book(plan: Plan, market: Market) -> Book:
    """All that happened to an account, in the order of trade, allotment and ex days."""
    book = Book(market)
    done: list[tuple[date, str, Callable[..., None], Any]] = [
        *((date.fromisoformat(day), symbol, book.buy, spent) for day, symbol, spent in plan.bought),
        *((date.fromisoformat(day), symbol, book.sell, units) for day, symbol, units in plan.sold),
        *((date.fromisoformat(day), symbol, book.allot, units) for day, symbol, units in plan.allotted),
        (LAST_DAY_BEFORE_MERGER + timedelta(60), MERGED, book.merge, SWAP_RATIO),
    ]
    for action, (t, _) in zip(market.actions, market.ex_rows, strict=True):
        if action.kind == "bonus" or (action.kind == "right" and plan.takes_rights):
            done.append((market.sessions[t], action.symbol, book.entitle, action))
    for day, symbol, happen, what in sorted(done, key=lambda event: event[:2]):
        happen(day, symbol, what)
    book.movements.sort(key=lambda movement: movement.day)
    if plan.newest_bonus_pending:
        book.pending = next(m for m in reversed(book.movements) if m.description.startswith("CA-Bonus"))
    return book


def write_accounts(market: Market, folder: Path) -> None:
    """One folder of three exports per holder."""
    for plan in HOLDERS:
        book = keep_book(plan, market)
        target = folder / f"account-{plan.number}"
        target.mkdir(parents=True, exist_ok=True)
        preamble = f"Holder Name :,SYNTHETIC SAMPLE ACCOUNT {plan.number}\n"
        _write(target / "My Shares Values.csv", preamble, VALUES_HEADER, _values(book), csv.QUOTE_ALL)
        _write(target / "My Wacc Report.csv", preamble, WACC_HEADER, _wacc(book, plan.number), csv.QUOTE_ALL)
        _write(target / "Transaction History.csv", preamble, HISTORY_HEADER, _history(book), csv.QUOTE_MINIMAL)


VALUES_HEADER = (
    "S.N",
    "Scrip",
    "Current Balance",
    "Last Closing Price",
    "Value as of Last Closing Price",
    "Last Transaction Price (LTP)",
    "Value as of LTP",
)
WACC_HEADER = (
    "S.N",
    "Demat",
    "Scrip Name",
    "WACC Calculated Quantity",
    "WACC Rate",
    "Total Cost of Capital",
    "Last Modification Date",
)
HISTORY_HEADER = (
    "S.N",
    "Scrip",
    "Transaction Date",
    "Credit Quantity",
    "Debit Quantity",
    "Balance After Transaction",
    "History Description",
)
Rows = Iterable[tuple[object, ...]]


def _values(book: Book) -> Rows:
    """Balances at the newest close; since 2025-09-23 the close is the last trade."""
    for number, (symbol, units) in enumerate(book.held(), 1):
        price = PAR if symbol == UNLISTED else _last_close(book.market, symbol)
        quoted = rupees(price).removesuffix("0")
        value = rupees(units * price)
        yield number, symbol, f"{units}.0", quoted, value, quoted, value


def _wacc(book: Book, account: int) -> Rows:
    """Average cost of the confirmed units."""
    for number, (symbol, units) in enumerate(book.held(), 1):
        pending = book.pending.units if book.pending and book.pending.symbol == symbol else 0
        known = units - pending
        cost = book.cost[symbol] - pending * PAR
        changed = max(m.day for m in book.movements if m.symbol == symbol and m is not book.pending)
        rate = f"{cost / known / 100:,.4f}"
        yield number, f"{account:016d}", symbol, known, rate, rupees(cost), f"{changed} 11:00:00"


def _history(book: Book) -> Rows:
    """Newest first, the balance counted per scrip."""
    balance: dict[str, int] = defaultdict(int)
    rows = []
    for m in book.movements:
        balance[m.symbol] += m.units
        credit, debit = (m.units, "-") if m.units > 0 else ("-", -m.units)
        rows.append((m.symbol, m.day, credit, debit, f"{balance[m.symbol]}.0", m.description))
    for number, row in enumerate(reversed(rows), 1):
        yield number, *row


def _last_close(market: Market, symbol: str) -> int:
    j = market.column(symbol)
    return int(market.close[market.traded[:, j], j][-1])


def _write(path: Path, preamble: str, header: tuple[str, ...], rows: Rows, quoting: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(preamble)
        writer = csv.writer(file, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
        writer.writerow(header)
        writer.writerows(rows)


def _label(action: Action) -> str:
    """The words of a credit; a bonus names the fiscal year it is for: B-6.5%-2022-23."""
    percent = 100 * action.amount
    if action.kind == "right":
        return f"CA-Rights {{0:08d}} R-{percent:.2f}%"
    ended = action.book_close.year if action.book_close.month > 7 else action.book_close.year - 1
    return f"CA-Bonus {{0:08d}} B-{percent:g}%-{ended - 1}-{ended % 100}"
