"""The decision, stated once: beliefs, account and the rules of the day, then what is wanted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput
from ..forecast.beliefs import Beliefs
from ..market.account import Account, Position
from ..market.money import LARGEST, rupees
from ..market.rules import DayRules
from .trading_day import TradingDay

if TYPE_CHECKING:
    from .statement.term import Limit, Objective

Ints = NDArray[np.int64]

LEAST_WEALTH = 100  # paisa: a rupee
SHORTEST = 0.01  # years: two or three sessions


@dataclass(frozen=True)
class Limits:
    """What the investor allows, as fractions of wealth.

    max_weight: of one name; max_sector: of one sector; cash_floor: kept in cash
    max_participation: of a name's median turnover that one day's order may be
    max_turnover: half of all that is bought and sold
    weight_caps, sector_caps: of single symbols and sectors, beside those of all
    locked: units by symbol that are not sold
    """

    max_weight: float = 0.10
    max_sector: float = 0.35
    cash_floor: float = 0.0
    max_participation: float = 0.10
    max_turnover: float = 1.0
    weight_caps: Mapping[str, float] = field(default_factory=dict)
    sector_caps: Mapping[str, float] = field(default_factory=dict)
    locked: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("max_weight", "max_sector", "cash_floor", "max_participation", "max_turnover"):
            value = getattr(self, name)
            low_ok = value >= 0 if name == "cash_floor" else value > 0
            if not (low_ok and value <= 1):
                guess = f"; did you mean {value / 100:g}?" if 1 < value <= 100 else ""
                raise InvalidInput(f"{name} is {value:g}, but it is a fraction of the whole from 0 to 1{guess}")
        for name in ("weight_caps", "sector_caps"):
            for of, cap in getattr(self, name).items():
                if not 0 <= cap <= 1:
                    raise InvalidInput(f"{name} of {of} is {cap:g}, but it is a fraction of the whole from 0 to 1")
        for symbol, units in self.locked.items():
            if not (isinstance(units, int | np.integer) and units >= 0):
                raise InvalidInput(f"locked units of {symbol} are {units}, but that is a whole number of at least 0")
        if self.cash_floor >= 1:
            raise InvalidInput("cash_floor is 1, which leaves nothing to invest; choose a smaller fraction")

    def name_caps(self, symbols: Iterable[str]) -> NDArray[np.float64]:
        """The largest weight of each symbol."""
        return self._caps(symbols, self.weight_caps, self.max_weight)

    def caps_of_sectors(self, sectors: Iterable[str]) -> NDArray[np.float64]:
        """The largest weight of each sector."""
        return self._caps(sectors, self.sector_caps, self.max_sector)

    @staticmethod
    def _caps(names: Iterable[str], own: Mapping[str, float], general: float) -> NDArray[np.float64]:
        return np.array([min(own.get(name, 1.0), general) for name in names], dtype=float)


@dataclass(frozen=True)
class Outside:
    """Units that count as wealth and are never traded. value: paisa; why: they are not

    pending: bonus units that are owned but not yet listed; else a holding without prices
    """

    symbol: str
    units: int
    value: int
    why: str
    sector: str = ""
    pending: bool = False


@dataclass(frozen=True)
class Situation:
    """What is believed, what is held and what the day allows, before anything is wanted.

    beliefs: about day.symbols, in that order; holding_period: years a trade is expected to stay
    outside: holdings without prices and bonus units not yet listed; they count as wealth and are never traded
    """

    beliefs: Beliefs
    account: Account
    day: TradingDay
    rules: DayRules
    holding_period: float = 1.0
    outside: tuple[Outside, ...] = ()

    def __post_init__(self) -> None:
        if self.beliefs.symbols.tolist() != self.day.symbols.tolist():
            raise InvalidInput("beliefs and the trading day must be about the same symbols in the same order")
        _require_positive("holding_period", self.holding_period)
        if self.holding_period < SHORTEST:
            raise InvalidInput(
                f"holding_period is {self.holding_period:g} years, less than a trade takes to settle: choose {SHORTEST:g} or more"
            )
        if self.wealth < LEAST_WEALTH:
            raise InvalidInput("the account holds neither shares with a price nor cash; give --holdings or --cash")
        if self.wealth > LARGEST:
            raise InvalidInput(
                f"the account is worth NPR {rupees(self.wealth)}, more than this can count: check units and cash"
            )

    @cached_property
    def held(self) -> Ints:
        """(N,) units of each symbol in the account."""
        return self._of_positions(lambda p: p.units)

    @cached_property
    def held_long(self) -> Ints:
        """(N,) units older than the long-term threshold on the trade date."""
        after = self.rules.capital_gains_tax[self.account.investor].long_after_days
        return self._of_positions(lambda p: p.units_long(self.day.trade_date, after))

    @cached_property
    def total_cost(self) -> Ints:
        """(N,) paisa paid for the units held."""
        return self._of_positions(lambda p: p.cost)

    @cached_property
    def unit(self) -> NDArray[np.float64]:
        """(N,) share of wealth that one unit is, at the last close."""
        return np.asarray(self.day.close / self.wealth)

    @property
    def cash(self) -> int:
        """Paisa of cash, settled or not."""
        return self.account.settled_cash + sum(amount for _, amount in self.account.unsettled_cash)

    @property
    def outside_value(self) -> int:
        """Paisa of what counts as wealth and is never traded."""
        return sum(each.value for each in self.outside)

    @cached_property
    def wealth(self) -> int:
        """Paisa of everything: shares at the last close, what is never traded, cash."""
        shares = sum(units * price for units, price in zip(self.held.tolist(), self.day.close.tolist(), strict=True))
        return int(shares) + self.outside_value + self.cash

    def _of_positions(self, figure: Callable[[Position], int]) -> Ints:
        positions = self.account.positions()
        return np.array(
            [figure(positions[s]) if s in positions else 0 for s in self.day.symbols.tolist()], dtype=np.int64
        )


@dataclass(frozen=True)
class Problem(Situation):
    """Choose whole-share holdings that maximise

        mean'w - risk_aversion/2 · w'Cw - (charges + tax)/(wealth · holding_period)

    of wealth-weights w, under `limits`, everything invested but for the cash floor as far as today's market lets one.

    objective: what to maximise instead; further: limits beside `limits`. With either, it is decided as a statement, see
    `plain.statement_of`; a FullyInvested among the further limits says how much may stay in cash
    """

    limits: Limits = Limits()
    risk_aversion: float = 2.0
    objective: "Objective | None" = None
    further: "tuple[Limit, ...]" = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_positive("risk_aversion", self.risk_aversion)

    @cached_property
    def priced_covariance(self) -> NDArray[np.float64]:
        """(N, N) covariance times the risk aversion."""
        return self.beliefs.covariance() * self.risk_aversion

    @property
    def floor(self) -> int:
        """Paisa of cash that must stay."""
        return int(np.ceil(self.limits.cash_floor * self.wealth))


def _require_positive(name: str, value: float) -> None:
    if not 0 < value < 1e6:
        raise InvalidInput(f"{name} is {value:g}; choose a positive number")
