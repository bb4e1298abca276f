"""Limits on trades: what may be bought and sold, and how much of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ..problem import Situation
from .fraction import percent, require_fraction
from .holdings import Turnover
from .linear_limit import LinearLimit
from .names import by_symbol, is_one_of
from .term import Limit, Matrix, Rows, Vector


@dataclass(frozen=True)
class MaxTurnover(Limit):
    """Turnover, half of all that is bought and sold, valued at the last close, is at most `limit` of wealth."""

    limit: float

    def __post_init__(self) -> None:
        require_fraction("the largest turnover", self.limit)

    def violation(self, situation: Situation, weights: Matrix) -> Vector:
        return np.asarray(np.clip(Turnover().value(situation, weights) - self.limit, 0, None))

    def constraints(self, situation: Situation, w: Any) -> tuple[list[Any], bool]:
        import cvxpy as cp

        return [cp.norm(w - situation.held * situation.unit, 1) / 2 <= self.limit], True

    def relaxed(self, amount: float) -> "MaxTurnover":
        return MaxTurnover(min(self.limit + amount, 1.0))

    def in_words(self) -> str:
        return f"one-way turnover of at most {percent(self.limit)}"


@dataclass(frozen=True)
class MaxParticipation(LinearLimit):
    """The order in a name, at its limit price, is at most `limit` of the name's median turnover a session.

    A name that turns over less than one unit is taken to turn over one.
    """

    limit: float

    def __post_init__(self) -> None:
        require_fraction("the largest share of a session's turnover", self.limit)

    def rows(self, situation: Situation) -> Rows:
        day = situation.day
        now = situation.held * situation.unit
        most = self.limit * _turned_over(situation) * situation.unit
        return Rows.box(len(now), lower=now - most / day.sell_limit, upper=now + most / day.buy_limit)

    def per_weight(self, situation: Situation) -> tuple[Vector, Vector]:
        """(N,) each: share of a session's turnover that a weight is at the sell and at the buy limit price."""
        turned = _turned_over(situation) * situation.unit
        return situation.day.sell_limit / turned, situation.day.buy_limit / turned

    def relaxed(self, amount: float) -> "MaxParticipation":
        return MaxParticipation(min(self.limit + amount, 1.0))

    def in_words(self) -> str:
        return f"orders of at most {percent(self.limit)} of a name's turnover a session"


@dataclass(frozen=True)
class Tradable(LinearLimit):
    """What cannot be bought on the day is not bought, and what cannot be sold is not sold."""

    def rows(self, situation: Situation) -> Rows:
        day, now = situation.day, situation.held * situation.unit
        return Rows.box(len(now), lower=np.where(day.can_sell, -np.inf, now), upper=np.where(day.can_buy, np.inf, now))

    def in_words(self) -> str:
        return "only what trades today is traded"


@dataclass(frozen=True)
class Forbidden(LinearLimit):
    """Symbols that are not bought; what is held of them may stay or be sold."""

    symbols: tuple[str, ...]

    def named(self) -> tuple[str, ...]:
        return self.symbols

    def rows(self, situation: Situation) -> Rows:
        now = situation.held * situation.unit
        return Rows.box(len(now), upper=np.where(is_one_of(situation, self.symbols) > 0, now, np.inf))

    def in_words(self) -> str:
        return f"nothing bought of {', '.join(self.symbols)}"


@dataclass(frozen=True)
class Locked(LinearLimit):
    """Units by symbol that cannot be sold: locked in, pledged, or kept on purpose."""

    units: Mapping[str, int]

    def __post_init__(self) -> None:
        for symbol, units in self.units.items():
            if not (isinstance(units, int | np.integer) and units >= 0):
                raise InvalidInput(f"{symbol}: {units} locked units; give a whole number of at least 0")

    def named(self) -> tuple[str, ...]:
        return tuple(self.units)

    def rows(self, situation: Situation) -> Rows:
        locked = np.minimum(by_symbol(situation, self.units, 0.0), situation.held)
        return Rows.box(len(locked), lower=np.where(locked > 0, locked * situation.unit, -np.inf))

    def in_words(self) -> str:
        return "not sold: " + ", ".join(f"{units:,} {symbol}" for symbol, units in self.units.items())


@dataclass(frozen=True)
class NoYoungGain(LinearLimit):
    """Units that are not yet long-term are not sold where the sell limit price is above their average cost.

    The oldest units are sold first, so as many can be sold as are long-term.
    """

    def rows(self, situation: Situation) -> Rows:
        young = situation.held - situation.held_long
        has_gain = situation.held * situation.day.sell_limit > situation.total_cost
        return Rows.box(len(young), lower=np.where((young > 0) & has_gain, young * situation.unit, -np.inf))

    def in_words(self) -> str:
        return "no gain realised before it is long-term"


def _turned_over(situation: Situation) -> Vector:
    """(N,) paisa a session, of at least one unit."""
    return np.maximum(situation.day.turnover, situation.day.close).astype(float)
