"""Sessions of the exchange, from what is known of each day, and days counted in them.

A day is looked up in this order, and the first source that covers it decides:
1. the archive: between its first and last price, exactly the days with prices were sessions. Where it shows none for longer
   than any closure took, it has a hole, of which it says nothing;
2. the rulebook's list of closures, where it is complete: the trading week of the day, less those closures;
3. nobody knows yet (a provisional day): the trading week of the day, corrected by the user's holiday file.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from ..errors import InvalidInput
from .rules import Rulebook, rulebook

ONE_DAY = timedelta(days=1)
LONGEST_CLOSURE = 100  # days from one session to the next; the COVID closure of 2020 took 97, with two sessions amid
YEARS_COUNTED = 5
DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Holidays:
    """What a user's holiday file says of days that no archive shows yet, by day with a name ("" where it gives none).

    closed: days without a session; opened: sessions outside the trading week
    """

    closed: Mapping[date, str] = field(default_factory=dict)
    opened: Mapping[date, str] = field(default_factory=dict)

    @property
    def until(self) -> date | None:
        """The last day the file names; of later days it says nothing."""
        return max((*self.closed, *self.opened), default=None)

    def name(self, day: date) -> str:
        """What the file calls a day, "" where it does not."""
        return self.closed.get(day) or self.opened.get(day, "")


class Calendar:
    """Which days are sessions, and sessions counted: one answer per day, whoever asks and in whichever way.

    observed: the sessions an archive shows; holidays: what a user's file says of the days that nobody else covers
    """

    def __init__(
        self, observed: Iterable[date] = (), holidays: Holidays | None = None, book: Rulebook | None = None
    ) -> None:
        self.book = book or rulebook()
        self.holidays = holidays or Holidays()
        self.observed = sorted(set(observed))
        self._seen = frozenset(self.observed)
        breaks = [(a, b) for a, b in pairwise(self.observed) if (b - a).days > LONGEST_CLOSURE]
        self._begins = [
            *self.observed[:1],
            *(after for _, after in breaks),
        ]  # the archive covers from each of these days
        self._ends = [*(before for before, _ in breaks), *self.observed[-1:]]  # to the one at the same place here

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on a day, as far as anyone here knows."""
        known = self._known(day)
        if known is not None:
            return known
        if day in self.holidays.opened:
            return True
        return day not in self.holidays.closed and self._regular(day)

    def is_provisional(self, day: date) -> bool:
        """Whether the exchange may have been, or be, shut on this day without anyone here knowing.

        A holiday file does not change that: some closures are announced a day ahead, after any file was written.
        """
        return self._known(day) is None

    def contradicted(self) -> list[date]:
        """Days of the holiday file of which the archive, or the rulebook's list, knows the contrary."""
        closed = [day for day in self.holidays.closed if self._known(day) is True]
        opened = [day for day in self.holidays.opened if self._known(day) is False]
        return sorted(closed + opened)

    def next_session(self, day: date) -> date:
        """The first session after a day."""
        return self.add_sessions(day, 1)

    def first_session(self, day: date) -> date:
        """The first session on or after a day."""
        return day if self.is_session(day) else self.next_session(day)

    def add_sessions(self, day: date, count: int) -> date:
        """The session `count` sessions after a day: T+2 of a trade on `day` is add_sessions(day, 2).

        A day without a session counts from where it stands; 0 sessions after a day is the day itself.
        Raises InvalidInput for a negative count, and where no session follows for 100 days.
        """
        if count < 0:
            raise InvalidInput(f"sessions are counted forward, not {count} from {day}: give a count of at least 0")
        while count:
            end = self._covered_until(day)
            day, passed = (
                (self._walk(day), 1) if end is None or end == day else self._along_the_archive(day, end, count)
            )
            count -= passed
        return day

    def sessions_between(self, start: date, end: date) -> int:
        """How many sessions lie after `start`, up to and including `end`; 0 where `end` is not after `start`."""
        if end <= start:
            return 0
        seen = bisect_right(self.observed, end) - bisect_right(self.observed, start)
        return seen + sum(self.is_session(day) for day in self._uncovered(start, end))

    def sessions_in(self, year: int) -> int | None:
        """Sessions of a calendar year, counted; None where one may lie on a day that the archive does not cover."""
        old_year, last_day = date(year - 1, 12, 31), date(year, 12, 31)
        if any(day < self.book.begins or self.is_session(day) for day in self._uncovered(old_year, last_day)):
            return None
        return bisect_right(self.observed, last_day) - bisect_right(self.observed, old_year)

    def sessions_by_year(self) -> dict[int, int]:
        """The count of every year that the archive covers from end to end."""
        years = range(self.observed[0].year, self.observed[-1].year + 1) if self.observed else ()
        return {year: count for year in years if (count := self.sessions_in(year)) is not None}

    def sessions_per_year(self) -> float:
        """Sessions of the last five years that the archive covers, or of what there is, counted per year of 365.25 days.

        Holes count neither as sessions nor as time. An archive of less than a month counts as a month. Raises InvalidInput
        without an archive: a number such as 252 is never assumed.
        """
        if not self.observed:
            raise InvalidInput("sessions a year are counted from an archive: give the calendar the days with prices")
        wanted = round(DAYS_A_YEAR * YEARS_COUNTED)
        days = sessions = 0
        for begin, end in zip(reversed(self._begins), reversed(self._ends), strict=True):
            start = max(begin, end - timedelta(days=wanted - days))
            days += (end - start).days
            sessions += bisect_right(self.observed, end) - bisect_right(self.observed, start)
        return sessions / max(days / DAYS_A_YEAR, 1 / 12)

    def _covered_until(self, day: date) -> date | None:
        """The last day up to which the archive covers a day and those after it; None for a day that it does not cover."""
        at = bisect_right(self._begins, day) - 1
        return self._ends[at] if at >= 0 and day <= self._ends[at] else None

    def _uncovered(self, start: date, end: date) -> list[date]:
        """The days after `start`, up to and including `end`, that the archive does not cover."""
        edges = zip([date.min, *self._ends], [*(day - ONE_DAY for day in self._begins), date.max], strict=True)
        return [day for before, until in edges for day in _days(max(start, before), min(end, until))]

    def _known(self, day: date) -> bool | None:
        """Whether a day was a session, where the archive or the rulebook's complete list tells; None elsewhere."""
        if self._covered_until(day) is not None:
            return day in self._seen
        if self.book.closures_known_from <= day <= self.book.closures_known_until:
            return self._regular(day)
        return None

    def _regular(self, day: date) -> bool:
        """Whether a day belongs to the trading week of its era and is no closure of the rulebook."""
        return day.weekday() in self.book.weekdays(day) and day not in self.book.closures

    def _along_the_archive(self, day: date, end: date, count: int) -> tuple[date, int]:
        """The session up to `count` sessions after a covered day, and how many were passed; `end` is where cover ends."""
        at = bisect_right(self.observed, day)
        until = self.observed[min(at + count, len(self.observed)) - 1]
        if until <= end:
            return until, min(count, len(self.observed) - at)
        return end, bisect_right(self.observed, end) - at

    def _walk(self, day: date) -> date:
        """The first session after a day that the archive does not cover."""
        for k in range(1, LONGEST_CLOSURE + 1):
            if self.is_session(day + ONE_DAY * k):
                return day + ONE_DAY * k
        raise InvalidInput(
            f"no session in the {LONGEST_CLOSURE} days after {day}: check the dates of the prices and of the holiday file"
        )


def _days(start: date, end: date) -> list[date]:
    """The days after `start`, up to and including `end`."""
    return [start + ONE_DAY * k for k in range(1, (end - start).days + 1)]
