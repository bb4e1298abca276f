"""What looks wrong in price rows that are kept: a table of rules, each one function from the market to the rows that meet it.

Rows that can be set aside safely are gone before (see merge.py and gather.py); nothing here changes a row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..market.calendar import LONGEST_CLOSURE
from ..market.rules import Rulebook, rulebook
from .corporate.bands import furthest_moves
from .findings import Finding, Severity, about_rows
from .quotes import EPOCH, Quotes, ranked_days

Flags = NDArray[np.bool_]
Vector = NDArray[np.float64]
Found = tuple[Flags, Vector | None]  # (R,) rows that meet a rule, and (R,) what about them, where a figure says it

OFF_RANGE = 0.001  # a close may be a rounding outside the day's low and high
OFF_MEAN = 0.02
STALE_ROWS = 10
GAP_DAYS = 30
SLIP = 0.12  # a price within the band of a tenth, a hundredth, ten or a hundred times the last one


@dataclass(frozen=True)
class Market:
    """Price rows by symbol and day, with what rules need to know of them.

    index_days: the days on which the index stands, None where no index is known
    """

    quotes: Quotes
    index_days: NDArray[np.int64] | None = None
    book: Rulebook = field(default_factory=rulebook)

    @cached_property
    def follows(self) -> Flags:
        """(R,) whether the row before is of the same symbol."""
        return np.insert(self.quotes.symbol[1:] == self.quotes.symbol[:-1], 0, False)

    @cached_property
    def previous(self) -> Vector:
        """(R,) the symbol's last close before, NaN for its first row."""
        shifted = np.concatenate([[np.nan], self.quotes.close[:-1]])
        return np.where(self.follows, shifted, np.nan)

    @cached_property
    def gap(self) -> NDArray[np.int64]:
        """(R,) days since the symbol's row before, 0 for its first row."""
        return np.where(self.follows, np.diff(self.quotes.day, prepend=self.quotes.day[:1]), 0)

    @cached_property
    def mean_price(self) -> Vector:
        """(R,) turnover per unit, NaN without volume or turnover."""
        known = (self.quotes.volume > 0) & (self.quotes.turnover > 0)
        return np.divide(self.quotes.turnover, self.quotes.volume, out=np.full(len(known), np.nan), where=known)

    def on(self, days: NDArray[np.int64]) -> Flags:
        """(R,) whether a row is of one of the days."""
        lookup = np.zeros(int(self.quotes.day.max()) + 1, bool)
        lookup[days[days < len(lookup)]] = True
        return lookup[self.quotes.day]

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """(T,) the days that have rows."""
        return ranked_days(self.quotes)[0]


@dataclass(frozen=True)
class Rule:
    """One rule. effect: what is done about a row that meets it, and what to do"""

    name: str
    severity: Severity
    effect: str
    find: Callable[[Market], Found]


def high_below_low(market: Market) -> Found:
    """A day's highest price below its lowest: figures stand in each other's column."""
    q = market.quotes
    return q.high < q.low, q.high / q.low


def close_outside_range(market: Market) -> Found:
    """A close above the day's high or below its low; odd lots can do that, and a slip can."""
    q = market.quotes
    outside = (q.close > q.high * (1 + OFF_RANGE)) | (q.close < q.low * (1 - OFF_RANGE))
    return outside & ~(q.high < q.low), q.close


def open_outside_range(market: Market) -> Found:
    """An open above the day's high or below its low, as where a source writes the previous close for it."""
    q = market.quotes
    outside = (q.open > q.high * (1 + OFF_RANGE)) | (q.open < q.low * (1 - OFF_RANGE))
    return outside & ~(q.high < q.low), q.open


def range_beyond_band(market: Market) -> Found:
    """A day's high and low further apart than the band lets any two prices of a session be."""
    q = market.quotes
    furthest = furthest_moves(q.day)
    apart = q.high / q.low
    return apart > (1 + furthest) / (1 - furthest), apart


def alone_in_time(market: Market) -> Found:
    """A row of a day that stands longer after the day before it than any closure lasted: a slip of the year, or a hole."""
    far = market.days[np.diff(market.days, prepend=market.days[0]) > LONGEST_CLOSURE]
    return market.on(far), None


def turnover_off_price(market: Market) -> Found:
    """Turnover per unit far outside the day's low and high."""
    q, mean = market.quotes, market.mean_price
    return (mean > q.high * (1 + OFF_MEAN)) | (mean < q.low * (1 - OFF_MEAN)), mean


def no_turnover(market: Market) -> Found:
    """Units traded, but no turnover."""
    return (market.quotes.volume > 0) & ~(market.quotes.turnover > 0), None


def no_volume(market: Market) -> Found:
    """A price, but no unit traded."""
    return ~(market.quotes.volume > 0), None


def scale_slip(market: Market) -> Found:
    """A close about ten or a hundred times the last one, or a tenth or hundredth of it, soon after it."""
    ratio = market.quotes.close / market.previous
    rows = np.flatnonzero((ratio > 10 * (1 - SLIP)) | (ratio < 0.1 * (1 + SLIP)))
    far = ratio[rows]
    near = np.abs(far / 10.0 ** np.rint(np.log10(far)) - 1) <= SLIP
    met = np.zeros(len(ratio), bool)
    met[rows[near & (market.gap[rows] <= GAP_DAYS)]] = True
    return met, ratio


def stale_run(market: Market) -> Found:
    """The last row of a run of rows with one and the same close."""
    q = market.quotes
    repeats = np.flatnonzero(market.follows & (q.close == market.previous))
    ends = np.flatnonzero(np.diff(repeats, append=-1) != 1)  # a run ends where the next repeat is not the next row
    lengths = np.diff(ends, prepend=-1) + 1  # the repeats, and the row that they repeat
    count = np.full(len(q), np.nan)
    count[repeats[ends]] = lengths
    return count >= STALE_ROWS, count


def gap(market: Market) -> Found:
    """The first row after a month or more without one: a halt, a suspension, or a hole in the source."""
    return market.gap >= GAP_DAYS, market.gap.astype(float)


def outside_week(market: Market) -> Found:
    """A row on a weekday that was not in the trading week of its time, on a day that the index does not know either."""
    eras = market.book.tables["trading_week"]
    starts = np.array([(era["from"] - EPOCH).days for era in eras])
    at = np.searchsorted(starts, market.days, side="right") - 1
    open_on = np.array([[k in market.book.weekdays(era["from"]) for k in range(7)] for era in eras])
    weekday = (market.days + 3) % 7  # 1970-01-01 was a Thursday
    odd = market.days[(at >= 0) & ~open_on[at, weekday]]
    if market.index_days is not None:
        odd = np.setdiff1d(odd, market.index_days)
    return market.on(odd), None


def closed_day(market: Market) -> Found:
    """A row on a day on which the exchange is known to have been shut."""
    shut = np.array([(day - EPOCH).days for day in market.book.closures], dtype=np.int64)
    return market.on(shut), None


def not_in_index(market: Market) -> Found:
    """A row on a day within the index's time on which no index stands."""
    if market.index_days is None or not len(market.index_days):
        return np.zeros(len(market.quotes), bool), None
    inside = (market.quotes.day >= market.index_days[0]) & (market.quotes.day <= market.index_days[-1])
    return inside & ~market.on(market.index_days), None


RULES = (
    Rule(
        "high below low",
        "warning",
        "kept: only the close decides; mend or delete the row",
        high_below_low,
    ),
    Rule("close outside the day's low and high", "note", "the close is used", close_outside_range),
    Rule("open outside the day's low and high", "note", "kept: opens decide nothing", open_outside_range),
    Rule(
        "high and low further apart than the day's band allows",
        "warning",
        "kept: only the close decides; check both",
        range_beyond_band,
    ),
    Rule(
        "turnover that does not fit volume and price",
        "note",
        "used for liquidity as it stands",
        turnover_off_price,
    ),
    Rule("units without turnover", "note", "counts as no turnover where liquidity is judged", no_turnover),
    Rule("prices without units", "warning", "counts as traded; check that the source lists trades only", no_volume),
    Rule(
        "closes ten or a hundred times off the last one",
        "warning",
        "kept in the prices, left out of every return estimate; a digit may be missing or too many",
        scale_slip,
    ),
    Rule(f"runs of {STALE_ROWS} or more rows with one close", "note", "kept", stale_run),
    Rule(f"gaps of {GAP_DAYS} days or more", "note", "the move over a gap is no return", gap),
    Rule(
        "rows on a day outside the trading week",
        "warning",
        "kept; check that there was a session",
        outside_week,
    ),
    Rule(
        f"rows of a day more than {LONGEST_CLOSURE} days after any other",
        "warning",
        "kept; check the year, or fill the hole",
        alone_in_time,
    ),
    Rule("rows on a day when the exchange was shut", "warning", "kept; check the day", closed_day),
    Rule("rows on a day that the index does not know", "note", "kept", not_in_index),
)


DAY_RULES = tuple(rule for rule in RULES if rule.find in (outside_week, closed_day, alone_in_time))


def findings_of(market: Market, rules: Sequence[Rule] = RULES) -> list[Finding]:
    """What the rules find, in the order of the table."""
    found = []
    for rule in rules:
        met, value = rule.find(market)
        rows = np.flatnonzero(met)
        if len(rows):
            about = None if value is None else value[rows]
            found.append(about_rows(rule.name, market.quotes, rows, rule.effect, rule.severity, about))
    return found
