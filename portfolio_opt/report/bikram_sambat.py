"""Bikram Sambat dates, Nepal's own, to stand beside Gregorian ones. The calendar itself is a library's."""

from datetime import date

LAST_YEAR = (
    2083  # to April 2027. The almanac fixes a year shortly before it begins: of later ones, libraries differ by a day
)


def bikram_sambat(day: date | str) -> str:
    """A Gregorian day, or its ISO text, as a Bikram Sambat date: Bhadau 8, 2083. "" where no almanac has fixed it yet."""
    import nepali_datetime  # reads its table of months, so only when a date is shown

    try:
        found = nepali_datetime.date.from_datetime_date(date.fromisoformat(str(day)))
    except (ValueError, OverflowError):
        return ""
    return f"{found:%B} {found.day}, {found.year}" if found.year <= LAST_YEAR else ""
