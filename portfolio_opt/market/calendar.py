"""Sessions of the exchange: seen ones where an archive covers the day, else the trading week less the known closures."""

from collections.abc import Iterable
from datetime import date, timedelta

from ..errors import InvalidInput
from .rules import Rulebook, rulebook

ONE_DAY = timedelta(days=1)
LONGEST_CLOSURE = 200  # days; the COVID closure of 2020 took 97


class Calendar:
    """Which days are sessions, and sessions counted from a day.

    observed: the sessions an archive shows; between its first and last one, no other day was a session
    """

    def __init__(self, observed: Iterable[date] = (), book: Rulebook | None = None) -> None:
        self.book = book or rulebook()
        self.observed = frozenset(observed)
        self.first = min(self.observed, default=date.max)
        self.last = max(self.observed, default=date.min)

    def is_session(self, day: date) -> bool:
        if self.first <= day <= self.last:
            return day in self.observed
        return day.weekday() in self.book.weekdays(day) and day not in self.book.closures

    def is_provisional(self, day: date) -> bool:
        """Whether the exchange may have been, or be, shut on this day without anyone here knowing."""
        if self.first <= day <= self.last:
            return False
        return not self.book.closures_known_from <= day <= self.book.closures_known_until

    def next_session(self, day: date) -> date:
        """The first session after a day."""
        return self.add_sessions(day, 1)

    def first_session(self, day: date) -> date:
        """The first session on or after a day."""
        return day if self.is_session(day) else self.next_session(day)

    def add_sessions(self, day: date, count: int) -> date:
        """The session `count` sessions after a day: T+2 of a trade on `day` is add_sessions(day, 2)."""
        quiet = 0
        while count:
            day += ONE_DAY
            quiet += 1
            if self.is_session(day):
                count, quiet = count - 1, 0
            elif quiet > LONGEST_CLOSURE:
                raise InvalidInput(
                    f"no session in the {LONGEST_CLOSURE} days before {day}: check the dates of the prices"
                )
        return day

    def sessions_between(self, start: date, end: date) -> int:
        """How many sessions lie after `start`, up to and including `end`."""
        return sum(self.is_session(start + ONE_DAY * k) for k in range(1, (end - start).days + 1))
