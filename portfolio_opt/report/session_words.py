"""What a reader must know of the days that orders are for: past, provisional, on whose word, and how old the rules are."""

from datetime import date, timedelta

from ..market.calendar import Calendar


def session_warnings(as_of: date, trade_date: date, settles_on: date, calendar: Calendar, today: date) -> list[str]:
    """Sentences on the days that the orders are for; none where nothing is unsure."""
    return [
        *_passed(trade_date, today),
        *_provisional(trade_date, settles_on, calendar),
        *_decided_by_the_file(as_of, settles_on, calendar),
        *_rules_of_last_year(trade_date, calendar),
    ]


def _passed(trade_date: date, today: date) -> list[str]:
    if trade_date >= today:
        return []
    return [f"These orders are for {trade_date}, which has passed: they show what would have been done."]


def _rules_of_last_year(trade_date: date, calendar: Calendar) -> list[str]:
    checked = calendar.book.checked
    turn = date(checked.year + (checked.month >= 7), 7, 17)  # the fiscal year, and with it taxes, turns about here
    if trade_date < turn:
        return []
    return [f"The rules were last checked on {checked}, before the fiscal year of {turn}: check tax and charges."]


def _provisional(trade_date: date, settles_on: date, calendar: Calendar) -> list[str]:
    days = {settles_on: "to settle", trade_date: "to trade"}
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


def _decided_by_the_file(as_of: date, settles_on: date, calendar: Calendar) -> list[str]:
    """The days up to settlement that would be taken the other way without the holiday file."""
    unaided = Calendar(calendar.observed, book=calendar.book)
    days = (as_of + timedelta(days=k) for k in range(1, (settles_on - as_of).days + 1))
    decided = [day for day in days if calendar.is_session(day) != unaided.is_session(day)]
    said: list[str] = []
    for kind, words in ((False, "closed"), (True, "a session")):
        if named := [_named(day, calendar) for day in decided if calendar.is_session(day) == kind]:
            said.append(f"Taken as {words} on the word of the holiday file: {', '.join(named)}.")
    return said


def _named(day: date, calendar: Calendar) -> str:
    name = calendar.holidays.name(day)
    return f"{day} ({name})" if name else str(day)
