"""What a reader must know of sessions that nobody can know yet: which are provisional, and whose word they rest on."""

from datetime import date, timedelta

from ..allocate.plan import Plan
from ..market.calendar import Calendar


def session_warnings(plan: Plan, calendar: Calendar) -> list[str]:
    """Sentences on the days that the orders are for: provisional sessions, and days that only the holiday file decided."""
    return [*_provisional(plan, calendar), *_decided_by_the_file(plan, calendar)]


def _provisional(plan: Plan, calendar: Calendar) -> list[str]:
    days = {plan.settles_on: "to settle", plan.trade_date: "to trade"}
    unsure = [day for day in sorted(days) if calendar.is_provisional(day)]
    if not unsure:
        return []
    until = calendar.holidays.until
    if until is None:
        file = "no holiday file was given (--holidays FILE)"
    elif until < unsure[-1]:
        file = f"the holiday file ends on {until}: give a newer one"
    else:
        file = f"the holiday file, up to {until}, closes none of these days; some closures are announced a day ahead"
    words = ", ".join(f"{day} {days[day]}" for day in unsure)
    book = calendar.book
    known = f"Closures are known here from {book.closures_known_from} to {book.closures_known_until}"
    return [f"Provisional sessions: {words}. {known}, and {file}."]


def _decided_by_the_file(plan: Plan, calendar: Calendar) -> list[str]:
    """The days up to settlement that would be taken the other way without the holiday file."""
    unaided = Calendar(calendar.observed, book=calendar.book)
    days = (plan.as_of + timedelta(days=k) for k in range(1, (plan.settles_on - plan.as_of).days + 1))
    decided = [day for day in days if calendar.is_session(day) != unaided.is_session(day)]
    said: list[str] = []
    for kind, words in ((False, "closed"), (True, "a session")):
        if named := [_named(day, calendar) for day in decided if calendar.is_session(day) == kind]:
            said.append(f"Taken as {words} on the word of the holiday file: {', '.join(named)}.")
    return said


def _named(day: date, calendar: Calendar) -> str:
    name = calendar.holidays.name(day)
    return f"{day} ({name})" if name else str(day)
