"""What would change the answer: the return at which a trade breaks even, and when it repays its charges and tax."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...ingest.universe import TRADED
from ...market.money import rupees
from ...market.orders import Side, purchase, sale
from ..problem import Problem

Ints = NDArray[np.int64]
Vector = NDArray[np.float64]

MONTHS = 12


@dataclass(frozen=True)
class BreakEven:
    """What one trade of a plan rests on, all else in the plan as it is. Returns and gains per year.

    believed: expected return of the name; at: the one at which the trade just repays its cost over the holding period
    gain: of the trade before charges and tax, in paisa; charges, tax: paisa
    months: until the gain has repaid charges and tax; None where it never does
    holding_period: years the trade is expected to stay
    """

    symbol: str
    side: Side
    units: int
    believed: float
    at: float
    gain: float
    charges: int
    tax: int
    months: float | None
    holding_period: float

    @property
    def cost(self) -> int:
        return self.charges + self.tax

    @property
    def worth_it(self) -> bool:
        """Whether its own gain repays the trade within the holding period; if not, a limit or the cash to invest asks for it."""
        return self.months is not None and self.months <= MONTHS * self.holding_period

    @property
    def words(self) -> str:
        buying = self.side == "BUY"
        trade = f"{'buying' if buying else 'selling'} {self.units:,} {self.symbol}"
        needs = f"{'more' if buying else 'less'} than {self.at:.1%} a year ({self.believed:.1%} is expected)"
        cost = f"NPR {rupees(self.cost)} of charges{' and tax' if self.tax else ''}"
        if self.worth_it:
            return (
                f"{trade} pays as long as {self.symbol} returns {needs}; it repays {cost} in {self.months:.1f} months"
            )
        repays = (
            f"never repays {cost}"
            if self.months is None
            else f"repays {cost} only in {self.months:.1f} months, longer than it is expected to stay"
        )
        return (
            f"{trade} would pay by itself only if {self.symbol} returned {needs}: the limits, or the cash to raise or to "
            f"invest, ask for it, and it {repays}"
        )


def break_evens(problem: Problem, units: Ints, cash_price: float = 0.0, most: int = 5) -> tuple[BreakEven, ...]:
    """The largest trades from what is held to `units` (N,), largest first, each against its being left out.

    A trade of weight d in name i, next to the plan's other weights w, gains before cost

        d · mean_i - risk_aversion · (d · (C w)_i - d² C_ii / 2) + cash_price · amount received / wealth

    and is worth it while that exceeds (charges + tax) / (wealth · holding_period); `at` is the mean_i of equality.
    cash_price: what one more unit of wealth to invest adds a year, the convex answer's price of the row that says how much is
        invested; at 0 the money of a trade left out would earn nothing
    most: how many trades
    """
    day, wealth, beliefs = problem.day, problem.wealth, problem.beliefs
    change = units - problem.held
    amount, charges, tax = _orders(problem, change)
    w, d = units * problem.unit, change * problem.unit
    own = (beliefs.loadings**2).sum(1) + beliefs.specific
    risk = problem.risk_aversion * (d * covariance_times(problem, w) - d**2 * own / 2)
    received = cash_price * np.where(change < 0, amount, -amount) / wealth
    cost = (charges + tax) / wealth
    found = []
    for i in sorted(np.flatnonzero(change), key=lambda i: (-amount[i], day.symbols[i]))[:most]:
        gain = float(d[i] * beliefs.mean[i] - risk[i] + received[i])
        found.append(
            BreakEven(
                symbol=str(day.symbols[i]),
                side="BUY" if change[i] > 0 else "SELL",
                units=abs(int(change[i])),
                believed=float(beliefs.mean[i]),
                at=float((cost[i] / problem.holding_period + risk[i] - received[i]) / d[i]),
                gain=gain * wealth,
                charges=int(charges[i]),
                tax=int(tax[i]),
                months=float(MONTHS * cost[i] / gain) if gain > 0 else None,
                holding_period=problem.holding_period,
            )
        )
    return tuple(found)


def _orders(problem: Problem, change: Ints) -> tuple[Ints, Ints, Ints]:
    """Amount, charges and tax, (N,) paisa each, of one order a name at its limit price. change: (N,) units, sales negative."""
    everyone = np.arange(len(change))
    bought, paid = purchase(problem.rules, TRADED, np.clip(change, 0, None), problem.day.buy_limit)
    sold, sold_paid, tax = sales(problem, everyone, np.clip(-change, 0, None))
    return bought + sold, paid.total + sold_paid, tax


def sales(problem: Problem, names: Ints, units: Ints) -> tuple[Ints, Ints, Ints]:
    """Amount, charges and tax of selling `units` of names (indices), each one order."""
    got = sale(
        problem.rules,
        problem.account.investor,
        TRADED,
        units,
        problem.day.sell_limit[names],
        held=problem.held[names],
        held_long=problem.held_long[names],
        total_cost=problem.total_cost[names],
    )
    return got.amount, got.charges.total, np.where(units > 0, got.tax, 0)


def covariance_times(problem: Problem, w: Vector) -> Vector:
    beliefs = problem.beliefs
    return np.asarray(beliefs.loadings @ (w @ beliefs.loadings) + beliefs.specific * w)
