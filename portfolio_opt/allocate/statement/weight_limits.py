"""Limits on how much is in a name, in a sector, or in any sum of them.

Only names of the day count; what is owned but never traded does not. A symbol or sector that is not there today has no weight.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...errors import InvalidInput
from ..problem import Situation
from .fraction import percent, require_fraction
from .linear_limit import LinearLimit
from .names import by_symbol, indicator
from .term import Rows

SMALLEST, LARGEST = 1e-6, 1e6  # factors: what a solver can tell apart from nothing, and from anything


@dataclass(frozen=True)
class MaxWeight(LinearLimit):
    """No name weighs more than `limit`: one figure for all, or one by symbol."""

    of_wealth_after_costs = True

    limit: float | Mapping[str, float]

    def __post_init__(self) -> None:
        for symbol, figure in self._figures().items():
            require_fraction(f"the largest weight of {symbol or 'a name'}", figure)

    def _figures(self) -> Mapping[str, float]:
        return self.limit if isinstance(self.limit, Mapping) else {"": self.limit}

    def named(self) -> tuple[str, ...]:
        return tuple(self.limit) if isinstance(self.limit, Mapping) else ()

    def rows(self, situation: Situation) -> Rows:
        n = len(situation.unit)
        upper = by_symbol(situation, self.limit, np.inf) if isinstance(self.limit, Mapping) else self.limit
        return Rows.box(n, upper=upper)

    def relaxed(self, amount: float) -> "MaxWeight":
        more = {symbol: min(figure + amount, 1.0) for symbol, figure in self._figures().items()}
        return MaxWeight(more if isinstance(self.limit, Mapping) else more[""])

    def in_words(self) -> str:
        if isinstance(self.limit, Mapping):
            return " and ".join(f"at most {percent(figure)} in {symbol}" for symbol, figure in self.limit.items())
        return f"at most {percent(self.limit)} in each name"


@dataclass(frozen=True)
class GroupLimit(LinearLimit):
    """lower <= sum of factor × weight <= upper, over (factor, symbol or sector) terms.

    lower, upper: None where there is none; name: what it is called in words, made of the terms where it is empty
    """

    of_wealth_after_costs = True

    terms: tuple[tuple[float, str], ...]
    lower: float | None = None
    upper: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if not self.terms or not all(SMALLEST <= abs(factor) <= LARGEST for factor, _ in self.terms):
            raise InvalidInput(
                f"a group needs at least one term, each with a factor that is neither 0 nor infinite: {SMALLEST:g} to {LARGEST:g}"
            )
        if self.lower is None and self.upper is None:
            raise InvalidInput(f"{self.expression_in_words()} has neither a lower nor an upper limit; give one")
        least, most = self._range()
        for figure in (self.lower, self.upper):
            if figure is not None:
                require_fraction(f"the limit of {self.expression_in_words()}", figure, least=least, most=most)
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise InvalidInput(
                f"{self.expression_in_words()} is to be at least {percent(self.lower)} and at most {percent(self.upper)}; "
                "exchange the two"
            )

    def named(self) -> tuple[str, ...]:
        return tuple(name for _, name in self.terms)

    def rows(self, situation: Situation) -> Rows:
        row = sum((factor * indicator(situation, name) for factor, name in self.terms), np.zeros(len(situation.unit)))
        return Rows.of(
            row[None, :],
            lower=-np.inf if self.lower is None else self.lower,
            upper=np.inf if self.upper is None else self.upper,
        )

    def relaxed(self, amount: float) -> "GroupLimit":
        least, most = self._range()
        lower = None if self.lower is None else max(self.lower - amount, least)
        upper = None if self.upper is None else min(self.upper + amount, most)
        return replace(self, lower=lower, upper=upper)

    def _range(self) -> tuple[float, float]:
        """What the sum is at least and at most, whatever is held."""
        factors = [factor for factor, _ in self.terms]
        return min(0.0, *factors), max(0.0, *factors)

    def expression_in_words(self) -> str:
        """The terms as one writes them: Hydro Power + 2 * NABIL."""
        text = "".join(
            (" - " if factor < 0 else " + ") + (f"{abs(factor):g} * " if abs(factor) != 1 else "") + name
            for factor, name in self.terms
        )
        return self.name or text.removeprefix(" + ").strip()

    def in_words(self) -> str:
        least = [] if self.lower is None else [f"at least {percent(self.lower)}"]
        most = [] if self.upper is None else [f"at most {percent(self.upper)}"]
        return f"{' and '.join(least + most)} in {self.expression_in_words()}"


@dataclass(frozen=True)
class SectorLimit(LinearLimit):
    """The weight of one sector lies between `lower` and `upper`."""

    of_wealth_after_costs = True

    sector: str
    upper: float = 1.0
    lower: float = 0.0

    def __post_init__(self) -> None:
        self._group()

    def _group(self) -> GroupLimit:
        upper = None if self.lower and self.upper >= 1 else self.upper
        return GroupLimit(((1.0, self.sector),), self.lower or None, upper)

    def named(self) -> tuple[str, ...]:
        return (self.sector,)

    def rows(self, situation: Situation) -> Rows:
        return self._group().rows(situation)

    def relaxed(self, amount: float) -> "SectorLimit":
        return SectorLimit(self.sector, min(self.upper + amount, 1.0), max(self.lower - amount, 0.0))

    def in_words(self) -> str:
        return self._group().in_words()


@dataclass(frozen=True)
class MaxSector(LinearLimit):
    """No sector weighs more than `limit`. A name whose sector is not known belongs to none."""

    of_wealth_after_costs = True

    limit: float

    def __post_init__(self) -> None:
        require_fraction("the largest weight of a sector", self.limit)

    def rows(self, situation: Situation) -> Rows:
        sectors = sorted(set(situation.day.sector.tolist()) - {""})
        members = np.array([situation.day.sector == sector for sector in sectors], dtype=float)
        return Rows.of(members.reshape(len(sectors), len(situation.unit)), upper=self.limit)

    def relaxed(self, amount: float) -> "MaxSector":
        return MaxSector(min(self.limit + amount, 1.0))

    def in_words(self) -> str:
        return f"at most {percent(self.limit)} in each sector"
