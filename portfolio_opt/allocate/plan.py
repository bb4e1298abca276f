"""The Plan: orders, the cash they move and when, and the portfolio before and after. Money in paisa, weights as fractions."""

from dataclasses import dataclass, field
from datetime import date

from ..market.orders import Order
from .why.break_even import BreakEven
from .why.robustness import Stability


@dataclass(frozen=True)
class Holding:
    """One row of a portfolio. price: paisa, the last close (or the holdings file's own where priced is False).

    pending: bonus units that are owned but not yet listed
    """

    symbol: str
    sector: str
    units: int
    price: int
    value: int
    weight: float
    priced: bool
    pending: bool = False


@dataclass(frozen=True)
class Portfolio:
    """Holdings and cash at one moment, valued at the last close, with what the beliefs say of them per year.

    risk_covered: share of wealth the figures below speak of; the rest is cash and holdings without prices
    expected_return, standard_error, volatility: of the whole wealth, as fractions per year
    effective_names: 1 / sum of squared weights within the shares
    """

    holdings: tuple[Holding, ...]
    cash: int
    wealth: int
    risk_covered: float
    expected_return: float
    standard_error: float
    volatility: float
    effective_names: float

    def by_sector(self) -> dict[str, float]:
        """Weight of each sector, largest first, cash last."""
        totals: dict[str, float] = {}
        for holding in self.holdings:
            totals[holding.sector or "Sector unknown"] = (
                totals.get(holding.sector or "Sector unknown", 0.0) + holding.weight
            )
        ranked = dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))
        return {**ranked, "Cash": self.cash / self.wealth}


@dataclass(frozen=True)
class CashStep:
    """One event of the cash ladder. amount: paisa in (or out, negative); settled: free cash after it."""

    day: date
    event: str
    amount: int
    settled: int


@dataclass(frozen=True)
class LimitState:
    """A limit that binds, in words, with what one more point of it is worth: basis points of wealth a year, if known."""

    limit: str
    where: str
    words: str
    worth_bp: float | None


@dataclass(frozen=True)
class LotAge:
    """A lot and its tax clock on the trade date. days_to_long: 0 once long; None where the acquisition day is unknown."""

    symbol: str
    units: int
    acquired: date | None
    days_held: int | None
    days_to_long: int | None
    gain: int


@dataclass(frozen=True)
class Untraded:
    """A holding that orders are not made for, and why."""

    symbol: str
    units: int
    value: int
    why: str


SAME_BP = 1e-3


@dataclass(frozen=True)
class Certificate:
    """How good the decision is, by our own arithmetic. Utilities per year, as fractions of wealth.

    utility: of the plan; unchanged: of leaving everything as it is
    bound: no whole-share portfolio that invests as much exceeds it; None where no solver can prove one
    residual, gap: of the convex solve; trail: which solvers ran
    """

    utility: float
    unchanged: float
    bound: float | None
    residual: float
    gap: float
    trail: tuple[str, ...]

    @property
    def loss_bp(self) -> float | None:
        """At most so many basis points of wealth a year are lost to whole lots, flat charges and the search."""
        if self.bound is None:
            return None
        gap = (self.bound - self.utility) * 1e4
        return 0.0 if abs(gap) < SAME_BP else gap  # a plan above its bound would be a bug: shown, not hidden


@dataclass(frozen=True)
class Plan:
    """What to do on the next session, and why.

    break_evens: what the largest orders rest on; stability: the orders beside draws of the beliefs, where any were asked for
    """

    as_of: date
    trade_date: date
    settles_on: date
    orders: tuple[Order, ...]
    cash_ladder: tuple[CashStep, ...]
    before: Portfolio
    after: Portfolio
    limits: tuple[LimitState, ...]
    lots: tuple[LotAge, ...]
    untraded: tuple[Untraded, ...]
    certificate: Certificate
    origin: str
    notes: tuple[str, ...]
    break_evens: tuple[BreakEven, ...] = ()
    stability: Stability | None = field(default=None, compare=False)

    @property
    def bought(self) -> int:
        return sum(order.amount for order in self.orders if order.side == "BUY")

    @property
    def sold(self) -> int:
        return sum(order.amount for order in self.orders if order.side == "SELL")

    @property
    def charges(self) -> int:
        return sum(order.charges.total for order in self.orders)

    @property
    def tax(self) -> int:
        return sum(order.tax for order in self.orders)
