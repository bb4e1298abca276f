"""What corporate actions did to prices: announcements, the source's percent change and the exchange's list, reconciled.

For each ex row there are up to three witnesses of the factor that took the close before to the price the exchange measured
from. Who is believed:

1. The exchange's published price, where its list has one.
2. Since 2021 the factor implied by the source's percent change, where it shows an adjustment other than the announced one.
3. The announced action by the exchange's formula, unless the day's prices contradict it: then it is not applied, but on a
   day soon after if prices or percent change show it there. One that an earlier day has already shown is not applied again.
4. A fall beyond the band that is left is the percent change's, if that stayed inside the band.

A percent change that shows no adjustment proves nothing: of the four bonuses of shares that it denied since 2021, opening
prices near the adjusted price confirm all four. One of exactly 0 is what sources write where they know none. None of them
makes a rise an action, nor a fall to less than any action left: those are slips. A row that takes the jump of the row before
back is no action either; a factor that the percent change alone had given that jump is then taken back too.

Nothing here looks at a later row or a later ex day than the row's own: what is decided for a day stays as it is when more
days become known.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ..findings import EXAMPLES, Cases, Finding, Severity
from ..quotes import EPOCH, Quotes, day_of
from .actions import Action
from .bands import LONG_HALT, furthest_moves
from .official import OfficialPrice

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FUND_CASH_ADJUSTED_FROM = date(2018, 9, 1)  # before, prices of funds show it now and then; later, always
FUND_CASH_ADJUSTED_ABOVE = 0.10  # of the price: since 2022 all 14 that are more were taken off, and none of 27 others
PERCENT_CHANGE_TELLS_FROM = date(2018, 2, 18)  # before, sources computed it from raw closes
PERCENT_CHANGE_RULES_FROM = date(2021, 1, 1)  # from here on it agrees with 95% to 100% of the known bonuses
LEAST_IMPLIED = 0.2  # of the price; the largest action known left 0.27 of it, a lost digit leaves 0.1
AGREEMENT = 0.0025  # half a rupee of 200: the exchange rounded its reference to whole rupees until 2021-07
SAME_PRICE = 0.02  # NPR
MOVED_WITHIN = 10  # calendar days between the announced ex day and the one that prices show
LATEST_DAY = 1 << 20  # more days than any date has, so that symbol and day make one number


class Origin(IntEnum):
    """Which witness a row's factor is from."""

    NOTHING_HAPPENED = 0
    ANNOUNCED = 1
    MOVED = 2
    PERCENT_CHANGE = 3
    OFFICIAL = 4
    TAKEN_BACK = 5


@dataclass(frozen=True)
class Adjustment:
    """What actions do to each price row of cleaned, sorted quotes.

    factor: (R,) price factor of a row's day against the row before, 1 where nothing happened
    dividend: (R,) NPR per unit that goes ex on the row's day and that the exchange does not adjust for
    origin: (R,) the Origin of each factor; unexplained: (R,) moves beyond the band that no factor explains
    """

    factor: Floats
    dividend: Floats
    origin: NDArray[np.int8]
    unexplained: Bools
    findings: tuple[Finding, ...]


def reference_price(close: float, actions: Iterable[Action]) -> float:
    """The price from which the exchange measures the first session after `close`, in NPR.

    Bonus P/(1+b), right (P+rS)/(1+r), of one ex day together (P+rS)/(1+b+r); cash, of funds, P-c. One ex day follows another.
    """
    for _, together in groupby(sorted(actions, key=lambda action: action.ex_date), key=lambda action: action.ex_date):
        day = list(together)
        new = sum(action.ratio for action in day)
        close = (close + sum(action.ratio * action.issue_price - action.amount for action in day)) / (1 + new)
    return close


def adjust(
    quotes: Quotes,
    actions: Sequence[Action],
    instrument: dict[str, str],
    official: Sequence[OfficialPrice] = (),
) -> Adjustment:
    """Factors and dividends for quotes sorted by symbol and day, each decided by what was known on its day."""
    changes = _Changes.of(quotes)
    events, dividend = _by_ex_row(quotes, changes, actions, instrument)
    announced = {
        row: reference_price(close, events[row]) / close
        for row, close in zip(events, changes.previous[list(events)].tolist(), strict=True)
    }
    published: dict[int, float] = {}
    first_rows = _rows_from(quotes, [(price.symbol, _number(price.last_cum_date) + 1) for price in official])
    for row, price in zip(first_rows, official, strict=True):
        if row >= 0 and abs(changes.previous[row] - price.previous_close) <= SAME_PRICE:
            published[row] = price.factor
            dividend[row] *= price.kind != "cash"
        elif row >= 0:  # the last day with the entitlement has no trade here, so other actions may hide before the next
            announced.setdefault(row, price.factor)
    ruling = _Ruling(quotes, np.ones(len(quotes.day)), np.zeros(len(quotes.day), np.int8))
    _believe_announcements(ruling, changes, announced)
    _believe_the_exchange(ruling, published, announced)
    _move_what_shows_later(ruling, changes, events)
    _explain_jumps(ruling, changes, announced)
    _drop_what_showed_before(ruling, changes, announced)
    taken_off = changes.previous * (1 - ruling.factor)
    paid_in_price = (ruling.origin == Origin.PERCENT_CHANGE) & (
        np.abs(taken_off - dividend) <= AGREEMENT * changes.previous
    )
    dividend[paid_in_price] = 0.0  # it is in the factor already
    beyond = changes.beyond(slice(None), ruling.factor)
    return Adjustment(ruling.factor, dividend, ruling.origin, beyond, tuple(_findings(ruling, beyond)))


@dataclass(frozen=True)
class _Changes:
    """Each row against the row before in its symbol.

    previous: (R,) the close before, NaN on a symbol's first row; furthest: (R,) largest move that is a session's own
    judged: (R,) whether the band says anything: there is a row before, and no long halt between
    """

    quotes: Quotes
    previous: Floats
    furthest: Floats
    judged: Bools

    @classmethod
    def of(cls, quotes: Quotes) -> "_Changes":
        previous = np.empty(len(quotes.close))
        previous[1:] = quotes.close[:-1]
        first = np.ones(len(previous), bool)
        first[1:] = quotes.symbol[1:] != quotes.symbol[:-1]
        previous[first] = np.nan
        halted = np.zeros(len(previous), bool)
        halted[1:] = quotes.day[1:] - quotes.day[:-1] > LONG_HALT
        return cls(quotes, previous, furthest_moves(quotes.day), ~(first | halted))

    def beyond(self, rows: Ints | slice, factor: Floats | float, after_halts: bool = False) -> Bools:
        """Whether the close left the band around the reference price; after long halts only if asked."""
        move = np.abs(self.quotes.close[rows] / (self.previous[rows] * factor) - 1)
        return (move > self.furthest[rows]) & (after_halts | self.judged[rows])

    def range_beyond(self, rows: Ints, factor: Floats | float) -> Bools:
        """Whether any price of the day did."""
        close, reference = self.quotes.close[rows], self.previous[rows] * factor
        high, low = np.fmax(self.quotes.high[rows], close), np.fmin(self.quotes.low[rows], close)
        return self.judged[rows] & (np.fmax(high / reference - 1, 1 - low / reference) > self.furthest[rows])

    def implied(self, rows: Ints) -> Floats:
        """The factor that the source's percent change shows, NaN where it shows none that an action can have."""
        percent = self.told_percent(rows)
        factor = self.quotes.close[rows] / (1 + percent) / self.previous[rows]
        shows = (percent != 0) & (factor < 1 - AGREEMENT) & (factor >= LEAST_IMPLIED)
        return np.where(shows, factor, np.nan)

    def told_percent(self, rows: Ints) -> Floats:
        """The source's percent change as a fraction, 0 where it says nothing: none, an old one, or one beyond the band."""
        percent = self.quotes.per_change[rows] / 100
        tells = (self.quotes.day[rows] >= _number(PERCENT_CHANGE_TELLS_FROM)) & (np.abs(percent) <= self.furthest[rows])
        return np.where(tells, percent, 0.0)

    def taking_back(self, jumps: Ints) -> Bools:
        """Which of some jumps, in the order of their rows, undo the one of the row before.

        The close, or the price that its percent change starts from, is in the band around the close before that jump.
        """
        before, close = self.previous[jumps - 1], self.quotes.close[jumps]
        start = close / (1 + self.told_percent(jumps))
        back = np.fmin(np.abs(close / before - 1), np.abs(start / before - 1)) <= self.furthest[jumps]
        return back & self.judged[jumps] & np.isin(jumps - 1, jumps)

    def soon_after(self, row: int) -> list[int]:
        """The rows of the same symbol in the days after."""
        quotes, found = self.quotes, []
        for later in range(row + 1, len(quotes.day)):
            if quotes.symbol[later] != quotes.symbol[row] or quotes.day[later] - quotes.day[row] > MOVED_WITHIN:
                break
            found.append(later)
        return found


def _by_ex_row(
    quotes: Quotes, changes: _Changes, actions: Sequence[Action], instrument: dict[str, str]
) -> tuple[dict[int, list[Action]], Floats]:
    """The actions that the exchange adjusts for, by their first traded row on or after the ex day, and the other cash."""
    dated = [action for action in actions if action.kind != "merger"]
    dividend = np.zeros(len(quotes.day))
    adjusting: dict[int, list[Action]] = defaultdict(list)
    ex_rows = _rows_from(quotes, [(action.symbol, _number(action.ex_date)) for action in dated])
    for row, action in zip(ex_rows, dated, strict=True):
        if row < 0:
            continue
        if action.kind != "cash" or (
            instrument.get(action.symbol) == "mutual_fund"
            and action.ex_date >= FUND_CASH_ADJUSTED_FROM
            and action.amount > FUND_CASH_ADJUSTED_ABOVE * changes.previous[row]
        ):
            adjusting[row].append(action)
        else:
            dividend[row] += action.amount
    return adjusting, dividend


@dataclass
class _Ruling:
    """The factors decided so far, by whose word, and what is to be said of rows, by rule."""

    quotes: Quotes
    factor: Floats
    origin: NDArray[np.int8]
    said: dict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))

    def settle(self, rows: Ints, factor: Floats | float, origin: Origin) -> None:
        self.factor[rows], self.origin[rows] = factor, origin


def _believe_announcements(ruling: _Ruling, changes: _Changes, announced: dict[int, float]) -> None:
    rows = np.array(sorted(announced), dtype=np.int64)
    formula = np.array([announced[row] for row in rows.tolist()])
    implied = changes.implied(rows)
    overruled = (ruling.quotes.day[rows] >= _number(PERCENT_CHANGE_RULES_FROM)) & (implied < 1)
    overruled &= np.abs(implied - formula) > AGREEMENT * np.abs(formula)
    contradicted = changes.range_beyond(rows, formula) & ~changes.range_beyond(rows, 1.0)
    contradicted = ~overruled & (contradicted | ~(formula > 0))
    ruling.settle(rows, np.where(overruled, implied, formula), Origin.ANNOUNCED)
    ruling.settle(rows[overruled], implied[overruled], Origin.PERCENT_CHANGE)
    ruling.settle(rows[contradicted], 1.0, Origin.NOTHING_HAPPENED)
    for k in np.flatnonzero(overruled).tolist():
        ruling.said[OVERRULED][int(rows[k])] = f"announced {formula[k]:.4f}, exchange {implied[k]:.4f}"
    for row in rows[contradicted].tolist():
        ruling.said[CONTRADICTED][row] = f"announced {announced[row]:.4f}"


def _believe_the_exchange(ruling: _Ruling, published: dict[int, float], announced: dict[int, float]) -> None:
    for row, price in published.items():
        ruling.said[PUBLISHED][row] = ""
        ruling.said[OVERRULED].pop(row, None)
        ruling.said[CONTRADICTED].pop(row, None)
        if row in announced and abs(announced[row] / price - 1) > AGREEMENT:
            ruling.said[OUTRANKED][row] = f"announced {announced[row]:.4f}, exchange {price:.4f}"
        ruling.settle(np.array([row]), price, Origin.OFFICIAL)


def _move_what_shows_later(ruling: _Ruling, changes: _Changes, events: dict[int, list[Action]]) -> None:
    """A contradicted action goes to the first day soon after that shows it, by its percent change or else by its jump."""
    for row in sorted(ruling.said[CONTRADICTED].keys() & events.keys()):
        later = [day for day in changes.soon_after(row) if day not in events and not ruling.origin[day]]
        days = np.array(later, dtype=np.int64)
        formula = np.array([reference_price(close, events[row]) / close for close in changes.previous[days].tolist()])
        implied = changes.implied(days)
        jump = changes.beyond(days, 1.0) & ~changes.beyond(days, formula)
        shown = (np.abs(implied - formula) <= AGREEMENT * formula) | (np.isnan(implied) & jump)
        shown &= formula > 0
        if shown.any():
            first = int(np.argmax(shown))
            ruling.settle(days[[first]], formula[first], Origin.MOVED)
            del ruling.said[CONTRADICTED][row]
            ruling.said[MOVED][row] = f"to {day_of(ruling.quotes.day[days[first]])}"


def _explain_jumps(ruling: _Ruling, changes: _Changes, announced: dict[int, float]) -> None:
    rows = np.flatnonzero(changes.beyond(slice(None), ruling.factor, after_halts=True))
    rows = rows[ruling.origin[rows] != Origin.OFFICIAL]
    implied = changes.implied(rows)
    unannounced = rows[ruling.factor[rows] == 1]
    undoing = unannounced[changes.taking_back(unannounced)]
    known = ~np.isnan(implied) & ~np.isin(rows, undoing)
    ruling.settle(rows[known], implied[known], Origin.PERCENT_CHANGE)
    for row, factor in zip(rows[known].tolist(), implied[known].tolist(), strict=True):
        ruling.said[CONTRADICTED].pop(row, None)
        ruling.said[IMPLIED][row] = f"announced {announced[row]:.4f}, exchange {factor:.4f}" if row in announced else ""
    for row in undoing.tolist():
        if ruling.origin[row - 1] in (Origin.PERCENT_CHANGE, Origin.TAKEN_BACK):
            ruling.settle(np.array([row]), 1 / ruling.factor[row - 1], Origin.TAKEN_BACK)
        day, close = day_of(ruling.quotes.day[row - 1]), ruling.quotes.close[row - 1 : row + 1]
        ruling.said[TAKEN_BACK][row] = f"{close[0]:,.2f} on {day}, then {close[1]:,.2f}"


def _drop_what_showed_before(ruling: _Ruling, changes: _Changes, announced: dict[int, float]) -> None:
    """An announced action whose factor the percent change showed on a day shortly before is not applied twice."""
    undone = {row - 1 for row in ruling.said[TAKEN_BACK]}
    shown = np.array(sorted(ruling.said[IMPLIED].keys() - announced.keys() - undone), dtype=np.int64)
    rows = np.array(sorted(row for row in announced if ruling.origin[row] == Origin.ANNOUNCED), dtype=np.int64)
    if not len(shown) or not len(rows):
        return
    before = shown[np.maximum(np.searchsorted(shown, rows) - 1, 0)]
    quotes = ruling.quotes
    near = (before < rows) & (quotes.symbol[before] == quotes.symbol[rows])
    near &= (quotes.day[rows] - quotes.day[before] <= MOVED_WITHIN) & ~changes.beyond(rows, 1.0)
    near &= np.abs(ruling.factor[before] / ruling.factor[rows] - 1) <= AGREEMENT
    for row, day in zip(rows[near].tolist(), before[near].tolist(), strict=True):
        if ruling.said[IMPLIED].pop(day, None) is not None:  # one day stands for one action only
            ruling.said[MOVED][row] = f"to {day_of(quotes.day[day])}"
            ruling.settle(np.array([row]), 1.0, Origin.NOTHING_HAPPENED)


APPLIED = "days on which bonus, right or fund cash actions adjust prices"
PUBLISHED = "days on which the exchange's published price adjusts prices"
OUTRANKED = "announced actions that differ from the exchange's published price"
OVERRULED = "announced actions that differ from the exchange's factor, as the source's percent change implies it"
MOVED = "actions that show on another day than announced"
CONTRADICTED = "actions that the prices contradict"
IMPLIED = "jumps that no action explains but the source's percent change does"
TAKEN_BACK = "jumps that the next row takes back: a row of another series, or a slip"
UNEXPLAINED = "moves beyond the day's band that nothing explains"
EFFECTS: dict[str, tuple[str, Severity]] = {
    APPLIED: ("applied", "note"),
    PUBLISHED: ("applied", "note"),
    OUTRANKED: ("the published price is used", "note"),
    OVERRULED: ("the exchange's factor is used", "note"),
    MOVED: ("applied on the day that shows them", "note"),
    CONTRADICTED: (
        "not applied: with them the price would have left the day's band, without them it stays inside",
        "warning",
    ),
    IMPLIED: ("adjusted by the factor it implies", "note"),
    TAKEN_BACK: (
        "a factor that the jump was given is taken back too, and the way back is no return; correct or delete the row before",
        "warning",
    ),
    UNEXPLAINED: ("kept in the prices, left out of every return estimate", "warning"),
}


def _findings(ruling: _Ruling, unexplained: Bools) -> Iterator[Finding]:
    """One finding per rule that some row met: its newest rows with what each witness said, and the factor of all."""
    quotes = ruling.quotes
    applied = np.flatnonzero((ruling.origin == Origin.ANNOUNCED) | (ruling.origin == Origin.MOVED))
    if len(applied):
        yield Finding(APPLIED, len(applied), *EFFECTS[APPLIED], cases=_cases(ruling, applied))
    ruling.said[UNEXPLAINED] = dict.fromkeys(np.flatnonzero(unexplained).tolist(), "")
    for rule, (effect, severity) in EFFECTS.items():
        words = ruling.said[rule]
        newest = sorted(words, key=lambda row: (-quotes.day[row], row))[:EXAMPLES]
        examples = tuple(f"{quotes.where(row)}: {words[row]}" if words[row] else quotes.where(row) for row in newest)
        if words:
            cases = _cases(ruling, np.array(sorted(words), dtype=np.int64))
            yield Finding(rule, len(words), effect, severity, examples, cases)


def _cases(ruling: _Ruling, rows: Ints) -> Cases:
    names = np.array(ruling.quotes.names, dtype=np.str_)
    return Cases(names[ruling.quotes.symbol[rows]], ruling.quotes.day[rows], ruling.factor[rows])


def _rows_from(quotes: Quotes, days: Sequence[tuple[str, int]]) -> list[int]:
    """For each (symbol, day number) its first row on or after that day; -1 where none is, or none stands before it."""
    place = {name: k for k, name in enumerate(quotes.names)}
    symbol = np.array([place.get(name, -1) for name, _ in days], dtype=np.int64)
    key = symbol * LATEST_DAY + np.array([day for _, day in days], dtype=np.int64)
    at = np.searchsorted(quotes.symbol * LATEST_DAY + quotes.day, key)
    inside = (symbol >= 0) & (at > 0) & (at < len(quotes.day))
    at[~inside] = 0
    inside &= (quotes.symbol[at] == symbol) & (quotes.symbol[at - 1] == symbol)
    return np.where(inside, at, -1).tolist()


def _number(day: date) -> int:
    return (day - EPOCH).days
