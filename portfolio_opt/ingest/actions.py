"""Corporate actions: the price factor each one causes on its ex day, and the cash it pays."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..market.money import MILLION
from ..market.rules import rulebook
from .csv_table import Row, read_table
from .fields import day, number, shown, symbol
from .findings import Finding
from .quotes import EPOCH, Quotes

REQUIRED = frozenset({"symbol", "type", "ratio", "amount_npr", "issue_price", "book_close", "ex_date"})
OPTIONAL = frozenset(
    {
        "pct_of_par",
        "verified",
        "subscription_open",
        "subscription_close",
        "fiscal_year",
        "announcement_date",
        "source",
    }
)
FUND_CASH_ADJUSTED_FROM = date(2022, 8, 1)  # from then on the exchange takes a fund's cash dividend off the price
SLACK = 0.006  # rounding of prices and of the source's percent change
HIGHEST_ISSUE_PRICE = 100_000  # NPR per unit
LONG_HALT = 30  # days without a trade, after which a move beyond the band proves nothing


@dataclass(frozen=True)
class Action:
    """One announced action.

    kind: bonus (ratio = new units per unit), right (ratio new units per unit at issue_price) or cash (amount per unit)
    """

    symbol: str
    kind: str
    ex_date: date
    ratio: float = 0.0
    issue_price: float = 0.0
    amount: float = 0.0
    announced: date | None = None


@dataclass(frozen=True)
class Adjustment:
    """What actions do to each price row of cleaned, sorted quotes.

    factor: (R,) price factor of a row's day against the row before, 1 where nothing happened
    dividend: (R,) NPR per unit that goes ex on the row's day and that the exchange does not adjust for
    """

    factor: NDArray[np.float64]
    dividend: NDArray[np.float64]
    findings: tuple[Finding, ...]


def read_actions(path: Path) -> tuple[list[Action], list[Finding]]:
    """The actions of a corporate_actions.csv that say enough to be used; the others are counted in findings."""
    actions = []
    unused = {_UNDATED: 0, _UNPRICED: 0}
    for row in read_table(path, REQUIRED, OPTIONAL):
        action = _action(row)
        if isinstance(action, Action):
            actions.append(action)
        else:
            unused[action] += 1
    return actions, [Finding(rule, rows, "not used", "note") for rule, rows in unused.items() if rows]


_UNDATED = "corporate actions without an ex day or book close"
_UNPRICED = "right shares without an issue price"


def _action(row: Row) -> Action | str:
    """The action of a row, or what it lacks to be one."""
    kind = row.cells["type"]
    if kind not in ("bonus", "right", "cash"):
        raise InvalidInput(f"{row.file}, line {row.line}: type is {shown(kind)}; choose bonus, right or cash")
    name = row.read("symbol", symbol)
    when = row.read("ex_date", _optional_day) or row.read("book_close", _optional_day)
    if when is None:
        return _UNDATED
    amount = row.read("amount_npr" if kind == "cash" else "ratio", lambda text: float(number(text)))
    if not 0 <= amount < 10_000 or (kind != "cash" and amount > 20):
        raise InvalidInput(f"{row.file}, line {row.line}: a {kind} of {amount:g} per unit is beyond belief; correct it")
    if kind == "cash":
        return Action(name, kind, when, amount=amount, announced=_announced(row))
    if kind == "right" and not row.cells["issue_price"].strip():
        return _UNPRICED
    price = row.read("issue_price", lambda text: float(number(text))) if kind == "right" else 0.0
    if not 0 <= price < HIGHEST_ISSUE_PRICE:
        raise InvalidInput(f"{row.file}, line {row.line}: an issue price of {price:g} is beyond belief; correct it")
    return Action(name, kind, when, ratio=amount, issue_price=price, announced=_announced(row))


def _announced(row: Row) -> date | None:
    return row.read("announcement_date", _optional_day) if "announcement_date" in row.cells else None


def _optional_day(text: str) -> date | None:
    return day(text) if text.strip() else None


def adjust(quotes: Quotes, actions: Sequence[Action], instrument: dict[str, str]) -> Adjustment:
    """Factors and dividends for quotes sorted by symbol and day.

    The factor is the exchange's own: bonus P/(1+b), right (P+rS)/(1+r), together (P+rS)/(1+b+r), each over P, the last
    close before. An action that its prices contradict is not applied; a jump beyond the band that no action explains, or
    not fully, but the source's percent change does is adjusted by the factor that the percent change implies.
    """
    first_rows, rows_of = _rows_by_symbol(quotes)
    previous = np.concatenate([[np.nan], quotes.close[:-1]])
    previous[first_rows] = np.nan
    factor = np.ones(len(quotes.day))
    dividend = np.zeros(len(quotes.day))
    adjusting: dict[int, list[Action]] = defaultdict(list)
    for action in actions:
        row = _ex_row(quotes, rows_of.get(action.symbol), action.ex_date)
        if row is None:
            continue
        fund = instrument.get(action.symbol) == "mutual_fund"
        if action.kind != "cash" or (fund and action.ex_date >= FUND_CASH_ADJUSTED_FROM):
            adjusting[row].append(action)
        else:
            dividend[row] += action.amount
    for row, together in adjusting.items():
        bonus = sum(a.ratio for a in together if a.kind == "bonus")
        right = sum(a.ratio for a in together if a.kind == "right")
        paid = sum(a.ratio * a.issue_price for a in together) - sum(a.amount for a in together)
        factor[row] = (previous[row] + paid) / (1 + bonus + right) / previous[row]
    band = _band_of_days(quotes.day)
    gap = np.diff(quotes.day, prepend=quotes.day[:1])
    plain = np.abs(quotes.close / previous - 1)
    adjusted = np.abs(quotes.close / (previous * factor) - 1)
    judged = (gap <= LONG_HALT) & ~np.isnan(previous)
    contradicted = judged & (factor != 1) & (adjusted > band + SLACK) & (plain <= band + SLACK)
    contradicted |= ~(factor > 0)
    factor[contradicted] = 1.0
    jumped = judged & (np.abs(quotes.close / (previous * factor) - 1) > band + SLACK)
    implied = jumped & (np.abs(quotes.per_change) <= 100 * (band + SLACK))
    factor[implied] = (quotes.close / (1 + quotes.per_change / 100) / previous)[implied]
    unexplained = jumped & ~implied
    applied = len(adjusting) - int(contradicted.sum())
    return Adjustment(factor, dividend, tuple(_findings(quotes, applied, contradicted, implied, unexplained)))


def _findings(
    quotes: Quotes,
    applied: int,
    contradicted: NDArray[np.bool_],
    implied: NDArray[np.bool_],
    unexplained: NDArray[np.bool_],
) -> list[Finding]:
    def newest(rows: NDArray[np.bool_]) -> tuple[str, ...]:
        at = np.flatnonzero(rows)
        return tuple(quotes.where(int(row)) for row in at[np.argsort(-quotes.day[at], kind="stable")][:3])

    found = [
        Finding("days on which bonus, right or fund cash actions adjust prices", applied, "applied", "note"),
        Finding(
            "actions that the prices contradict",
            int(contradicted.sum()),
            "not applied: with them the price would have left the day's band, without them it stays inside",
            "warning",
            newest(contradicted),
        ),
        Finding(
            "jumps that no action explains but the source's percent change does",
            int(implied.sum()),
            "adjusted by the factor it implies",
            "note",
            newest(implied),
        ),
        Finding(
            "moves beyond the day's band that nothing explains",
            int(unexplained.sum()),
            "kept in the prices, left out of every return estimate",
            "warning",
            newest(unexplained),
        ),
    ]
    return [finding for finding in found if finding.rows]


def _rows_by_symbol(quotes: Quotes) -> tuple[NDArray[np.int64], dict[str, slice]]:
    starts = np.flatnonzero(np.diff(quotes.symbol, prepend=-1))
    ends = np.append(starts[1:], len(quotes.symbol))
    names = [quotes.names[quotes.symbol[start]] for start in starts]
    return starts, {name: slice(int(a), int(b)) for name, a, b in zip(names, starts, ends, strict=True)}


def _ex_row(quotes: Quotes, rows: slice | None, ex_date: date) -> int | None:
    """The first traded row on or after the ex day, if a row stands before it."""
    if rows is None:
        return None
    at = rows.start + int(np.searchsorted(quotes.day[rows], (ex_date - EPOCH).days))
    return at if rows.start < at < rows.stop else None


def _band_of_days(days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Width of the price band on each day, as a fraction."""
    unique, at = np.unique(days, return_inverse=True)
    book = rulebook()
    widths = [
        int(book.row("price_band", max(EPOCH + timedelta(days=int(d)), book.begins))["percent"]) * 10_000
        for d in unique
    ]
    return np.array(widths)[at] / MILLION
