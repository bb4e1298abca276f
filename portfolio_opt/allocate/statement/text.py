"""Limits as one writes them: "Hydro Power <= 0.25", "0.02 <= NABIL <= 0.05", "cash >= 0.1", "5 <= names <= 15"."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...errors import InvalidInput
from .cash_limits import CashFloor, FullyInvested
from .count_limits import MaxNames, MinNames, MinPosition
from .names import nearest
from .term import Limit
from .trade_limits import MaxParticipation, MaxTurnover
from .weight_limits import GroupLimit, MaxSector, MaxWeight, SectorLimit


@dataclass(frozen=True)
class Word:
    """A word that stands for a quantity of the portfolio, and the limits it may have."""

    below: Callable[[float], Limit] | None = None
    above: Callable[[float], Limit] | None = None


def _of_names(limit: Callable[[int], Limit]) -> Callable[[float], Limit]:
    def counted(figure: float) -> Limit:
        if not figure.is_integer():
            raise InvalidInput(f"{figure:g} is no number of names; give a whole number")
        return limit(int(figure))

    return counted


WORDS = {
    "weight": Word(below=MaxWeight),
    "sector": Word(below=MaxSector),
    "cash": Word(below=FullyInvested, above=CashFloor),
    "turnover": Word(below=MaxTurnover),
    "participation": Word(below=MaxParticipation),
    "names": Word(below=_of_names(MaxNames), above=_of_names(MinNames)),
    "position": Word(above=MinPosition),
}


def limits_from_text(text: str, symbols: Iterable[str], sectors: Iterable[str]) -> tuple[Limit, ...]:
    """The limits that `text` states: one, or two for a word between two figures.

    Figures are fractions of wealth (or 25%); `names` counts: "5 <= names <= 15".
    On the left of <= or >= stand a word (weight: of each name, sector: of each sector, cash, turnover, participation, names,
    position: the smallest), a symbol, a sector, or a sum such as "Finance + 2 * NABIL - EBL"; "0.1 <= Finance <= 0.3" sets both.
    symbols, sectors: all there are. Raises InvalidInput, with the nearest valid word, for what is none of that.
    """
    try:
        left, lower, upper = _sides(text)
        return _limits(left, lower, upper, _Valid(tuple(symbols), tuple(sectors)))
    except InvalidInput as error:
        raise InvalidInput(f"limit {text!r}: {error}") from None


def _sides(text: str) -> tuple[str, float | None, float | None]:
    """What is limited, from below and from above."""
    parts = [part.strip() for part in re.split(r"(<=|>=|≤|≥)", text)]
    signs = [{"≤": "<=", "≥": ">="}.get(sign, sign) for sign in parts[1::2]]
    if len(signs) == 1 and all(parts):
        name, figure, below = parts[0], parts[2], signs == ["<="]
        if _is_figure(name) and not _is_figure(figure):
            name, figure, below = figure, name, not below
        return (name, None, _figure(figure)) if below else (name, _figure(figure), None)
    if signs == ["<=", "<="] and all(parts):
        return parts[2], _figure(parts[0]), _figure(parts[4])
    raise InvalidInput("write it as NAME <= FIGURE, FIGURE <= NAME, or FIGURE <= NAME <= FIGURE")


FIGURE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)")


def _is_figure(text: str) -> bool:
    return FIGURE.fullmatch(text) is not None


def _figure(text: str) -> float:
    number = FIGURE.fullmatch(text)
    if number is None:
        raise InvalidInput(f"{text!r} is no figure; write a fraction such as 0.25, or 25%")
    return float(number[1]) / 100 if number[2] else float(number[1])


def _limits(left: str, lower: float | None, upper: float | None, valid: "_Valid") -> tuple[Limit, ...]:
    terms = _terms(left, valid)
    (factor, name), *more = terms
    if not more and factor == 1 and name in WORDS and name not in valid.symbols:
        return _of_word(name, lower, upper)
    words = [name for _, name in terms if name in WORDS and name not in valid.symbols]
    if words:
        raise InvalidInput(f"{words[0]!r} stands alone; only symbols and sectors are added up")
    if not more and factor == 1:
        if name in valid.symbols and lower is None and upper is not None:
            return (MaxWeight({name: upper}),)
        if name in valid.sectors and name not in valid.symbols:
            return (SectorLimit(name, 1.0 if upper is None else upper, 0.0 if lower is None else lower),)
    return (GroupLimit(terms, lower, upper),)


def _of_word(name: str, lower: float | None, upper: float | None) -> tuple[Limit, ...]:
    word = WORDS[name]
    if (upper is not None and word.below is None) or (lower is not None and word.above is None):
        raise InvalidInput(f"{name!r} can only be limited with {'<=' if word.below else '>='}")
    if lower is not None and upper is not None and lower > upper:
        raise InvalidInput(f"{name!r} is to be at least {lower:g} and at most {upper:g}; exchange the two")
    least = [] if lower is None or word.above is None else [word.above(lower)]
    most = [] if upper is None or word.below is None else [word.below(upper)]
    return (*least, *most)


def _terms(left: str, valid: "_Valid") -> tuple[tuple[float, str], ...]:
    """A sum as (factor, name) pairs; a name that itself holds a plus or minus between blanks is taken whole first."""
    if (whole := valid.find(left)) is not None:
        return ((1.0, whole),)
    signed = re.sub(r"^([+-])(?=\S)", r"\1 ", left)
    pieces = re.split(r"(?:^|\s)([+-])\s", signed if signed[0] in "+-" else f"+ {signed}")
    return tuple(_term(sign, piece.strip(), valid) for sign, piece in zip(pieces[1::2], pieces[2::2], strict=True))


def _term(sign: str, piece: str, valid: "_Valid") -> tuple[float, str]:
    weighted = re.fullmatch(r"((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*\*\s*(.+)", piece)
    factor, name = (float(weighted[1]), weighted[2]) if weighted else (1.0, piece)
    return (-factor if sign == "-" else factor), valid.the(name)


@dataclass(frozen=True)
class _Valid:
    """What may be limited, found as spelt, else whatever the case."""

    symbols: tuple[str, ...]
    sectors: tuple[str, ...]

    def find(self, name: str) -> str | None:
        everything = (*self.symbols, *self.sectors, *WORDS)
        if name in everything:
            return name
        return next((each for each in everything if each.lower() == name.lower()), None)

    def the(self, name: str) -> str:
        found = self.find(name)
        if found is None:
            near = nearest(name, (*self.symbols, *self.sectors, *WORDS))
            raise InvalidInput(f"{name!r} is no symbol, no sector and no word for a limit; did you mean {near!r}?")
        return found
