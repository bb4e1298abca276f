"""Text of one cell to a value, or a refusal that says what was found. Nothing here guesses."""

import re
from datetime import date
from decimal import Decimal

from ..market.money import LARGEST, paisa

FIRST_YEAR, LAST_YEAR = 1990, 2050  # a year beyond is Bikram Sambat (2047 began in 1990 AD), or a slip
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{2,3})*,\d{3}|(?=\.\d))(\.\d*)?(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)
ACCOUNT_NUMBER = re.compile(r"\d{13,}")  # a Demat number has 16 digits; it is personal and never shown
LONGEST_SHOWN = 40
MOST_UNITS = 10**9  # of one symbol in one account; the largest company has listed about as many


def shown(text: str) -> str:
    """A cell as it may be quoted in a message: printable, short, and without an account number."""
    text = ACCOUNT_NUMBER.sub("…", text)
    return repr(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…")


def day(text: str) -> date:
    """An ISO date of the Gregorian calendar; a time of day behind it is dropped. Raises ValueError saying what to do."""
    iso = text.strip().split(" ")[0].split("T")[0]
    if not ISO_DAY.fullmatch(iso):
        raise ValueError(f"{shown(text)} is not a date like 2026-08-21; write year-month-day")
    if int(iso[:4]) >= LAST_YEAR:
        raise ValueError(f"{shown(text)} reads as a Bikram Sambat date; write the Gregorian (AD) date")
    if int(iso[:4]) < FIRST_YEAR:
        raise ValueError(f"{shown(text)} is before {FIRST_YEAR}; correct the date")
    try:
        return date.fromisoformat(iso)
    except ValueError:
        raise ValueError(f"{shown(text)} is no day of the calendar; correct the date") from None


def number(text: str) -> Decimal:
    """A plain decimal number, commas between thousands (or lakhs) allowed, "-" for zero. Raises ValueError."""
    plain = text.strip()
    if plain == "-":
        return Decimal(0)
    value = Decimal(plain.replace(",", "")) if NUMBER.fullmatch(plain) else None
    if value is None or abs(value) * 100 > LARGEST:
        raise ValueError(f"{shown(text)} is not a number a file of this kind can hold; correct it")
    return value


def units(text: str) -> int:
    """A whole number of shares, at least 0; 553.0 counts as whole. Raises ValueError."""
    value = number(text)
    if not 0 <= value <= MOST_UNITS or value != value.to_integral_value():
        raise ValueError(f"{shown(text)} is not a whole number of shares; correct it")
    return int(value)


def money(text: str) -> int:
    """An amount of rupees, at least 0, in paisa. Raises ValueError."""
    value = number(text)
    if value < 0:
        raise ValueError(f"{shown(text)} is below zero; correct it")
    return paisa(value)


def symbol(text: str) -> str:
    """A ticker: any short printable text, kept as it stands (NA and TRUE are symbols), in capitals. Raises ValueError."""
    name = " ".join(text.split()).upper()
    if ACCOUNT_NUMBER.fullmatch(name):
        raise ValueError("is an account number, not a symbol; columns may have shifted, so export the file again")
    if not name or len(name) > 30 or not name.isprintable():
        raise ValueError(f"{shown(text)} is not a symbol; correct it")
    return name


def scrip(text: str) -> str:
    """The ticker of an account file: one word with a letter, so that no name or client number passes. Raises ValueError."""
    name = symbol(text)
    if not any(letter.isalpha() for letter in name):
        raise ValueError("is a number, not a symbol; columns may have shifted, so export the file again")
    if " " in name:
        raise ValueError("holds several words, but a symbol is one; columns may have shifted, so export the file again")
    return name
