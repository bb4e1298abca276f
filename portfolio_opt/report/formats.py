"""Numbers and days as a reader of a page sees them. Every page spells the same amount the same way."""

from datetime import date, datetime

MINUS = "−"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def money(rupees: float) -> str:
    """Rupees with two decimals and thousands separated: 1,204,332.10."""
    return _minus_sign(f"{rupees:,.2f}")


def count(number: int) -> str:
    """A whole number with thousands separated."""
    return _minus_sign(f"{number:,}")


def percent(fraction: float, decimals: int = 1) -> str:
    """A fraction as a percentage: 0.0998 is 10.0%."""
    return _minus_sign(f"{fraction:.{decimals}%}")


def basis_points(fraction: float) -> str:
    """A fraction as basis points, hundredths of a percent, with one decimal: 0.00075 is 7.5 bp."""
    return _minus_sign(f"{fraction * 1e4:,.1f}") + " bp"


def number_of(number: int, noun: str) -> str:
    """A number with its regular noun: 1 sale, 3 sales."""
    return f"{count(number)} {noun if number == 1 else noun + 's'}"


def day_in_words(iso: str) -> str:
    """An ISO day with its weekday, in English whatever the machine's language: Sunday 24 August 2025."""
    day = date.fromisoformat(iso)
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def day_and_month(iso: str) -> str:
    """An ISO day in short: 24 Aug."""
    day = date.fromisoformat(iso)
    return f"{day.day} {MONTHS[day.month - 1][:3]}"


def moment(iso: str) -> str:
    """An ISO time to the minute, with its offset where it has one: 2025-08-22 09:00 +05:45."""
    time = datetime.fromisoformat(iso)
    offset = time.isoformat()[len(time.replace(tzinfo=None).isoformat()) :]
    return f"{time:%Y-%m-%d %H:%M} {offset}".strip()


def _minus_sign(text: str) -> str:
    """With a minus sign as wide as a plus, and none before a zero."""
    if not text.startswith("-"):
        return text
    return MINUS + text[1:] if any(digit in text for digit in "123456789") else text[1:]
