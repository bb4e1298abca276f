"""The convex reading of the decision: fractional shares, and costs bounded from below or taken from the last answer."""

import numpy as np
from numpy.typing import NDArray

from ..ingest.universe import TRADED
from ..market.charges import charges, commission_rate
from ..market.money import MILLION
from ..optim.convex.by_cvxpy import SOLVERS, solve
from ..optim.convex.separable import SeparableProgram
from ..optim.solution import Solution
from .bounds import Bounds
from .problem import Problem

Vector = NDArray[np.float64]

PASSES = 3


def cheapest_rate(problem: Problem, limits: Bounds) -> Vector:
    """(N,) charges per rupee, from below: no order within the bounds pays a smaller share.

    Slab rates fall with size, so the rate at the largest order is the lowest reachable. Rounding of commission, fee and tax to
    whole paisa can spare less than ROUNDED an order.
    """
    units = np.maximum(limits.upper - problem.held, problem.held - limits.lower)
    amount = np.maximum(units, 1) * np.maximum(problem.day.buy_limit, problem.day.sell_limit)
    rate = commission_rate(problem.rules, TRADED, amount) + problem.rules.sebon_fee[TRADED]
    return np.asarray(rate / MILLION + max(problem.rules.dp_charge - ROUNDED, 0) / amount)


ROUNDED = 3  # paisa


def rate_at(problem: Problem, value: Vector) -> Vector:
    """(N,) charges per rupee of a trade of `value` paisa; one that is smaller or not there pays the rate of a plausible one."""
    amount = np.maximum(value, PLAUSIBLE_TRADE * problem.wealth).astype(np.int64)
    return np.asarray(charges(problem.rules, TRADED, amount).total / amount)


PLAUSIBLE_TRADE = 0.01  # of wealth: a dearer guess would keep a name out that an earlier pass happened to leave out


def sale_rates(problem: Problem, rate: Vector) -> tuple[Vector, Vector]:
    """(N,) charges and tax per rupee of a holding sold, for units young and old, at charges of `rate` per rupee.

    Charges lower the taxed gain. Old units never cost more than young ones here, which keeps the cost convex and below the truth.
    """
    rates = problem.rules.capital_gains_tax[problem.account.investor]
    price = problem.day.sell_limit.astype(float)
    average = np.divide(problem.total_cost, problem.held, out=np.zeros(len(price)), where=problem.held > 0)
    gain = np.clip(1 - average / price, 0, None)
    young, old = (r / MILLION * gain + (1 - r / MILLION) * rate for r in (rates.short, rates.long))
    scale = price / problem.day.close
    return young * scale, np.minimum(young, old) * scale


def program(problem: Problem, limits: Bounds, rate: Vector, invested: tuple[float, float]) -> SeparableProgram:
    """The separable programme in weights of wealth, at the given charges per rupee, invested between two shares of wealth."""
    day = problem.day
    unit = problem.unit
    now = problem.held * unit
    long = problem.held_long * unit
    young, old = sale_rates(problem, rate)
    slopes = np.stack([-young, -old, rate * day.buy_limit / day.close], axis=1) / problem.holding_period
    members = np.array([limits.member == k for k in range(len(limits.sectors))], dtype=float).reshape(-1, len(unit))
    root = np.sqrt(problem.risk_aversion)
    return SeparableProgram(
        loadings=problem.beliefs.loadings * root,
        diagonal=problem.beliefs.specific * problem.risk_aversion,
        linear=problem.beliefs.mean.copy(),
        kinks=np.stack([now - long, now], axis=1),
        slopes=slopes,
        origin=now,
        lower=limits.lower * unit,
        upper=limits.upper * unit,
        rows=np.vstack([np.ones(len(unit)), members]),
        row_lower=np.array([invested[0], *np.zeros(len(members))]),
        row_upper=np.array([invested[1], *(limits.sector_cap / problem.wealth)]),
    )


def investable(problem: Problem, limits: Bounds, costs: float) -> float:
    """Share of wealth that ends up in priced shares: all but the floor, holdings without prices and costs, as far as reachable.

    costs: share of wealth that trading takes
    """
    unit = problem.unit
    outside = problem.outside_value / problem.wealth
    wanted = 1 - problem.floor / problem.wealth - outside - costs
    upper, lower = limits.upper * unit, limits.lower * unit
    most = float(upper[limits.member < 0].sum())
    for k, cap in enumerate(limits.sector_cap / problem.wealth):
        most += min(float(cap), float(upper[limits.member == k].sum()))
    return min(max(wanted, float(lower.sum())), most)


def relax(problem: Problem, limits: Bounds) -> tuple[Solution, Vector, float]:
    """The convex answer near which whole shares are looked for: its solution, trades in weights, and share to be invested.

    A few passes: each takes the charge rates of the trades that the pass before made, so that the flat charge and the minimum
    commission keep trades apart that would not repay them.
    """
    unit = problem.unit
    rate = cheapest_rate(problem, limits)
    costs = 0.0
    for _ in range(PASSES):
        share = investable(problem, limits, costs)
        solution = solve(program(problem, limits, rate, (share, share)), SOLVERS)
        if not np.isfinite(solution.x).all():
            break
        trades = solution.x - problem.held * unit
        rate = rate_at(problem, np.abs(trades) * problem.wealth)
        costs = _costs(problem, trades, rate)
    return solution, solution.x - problem.held * unit, share


def _costs(problem: Problem, trades: Vector, rate: Vector) -> float:
    """Share of wealth that trades take at their limit prices: charges, tax, and the way from the close to the limit."""
    day = problem.day
    bought, sold = np.clip(trades, 0, None), np.clip(-trades, 0, None)
    slip = bought * (day.buy_limit / day.close - 1) + sold * (1 - day.sell_limit / day.close)
    young, _ = sale_rates(problem, rate)
    return float((slip + rate * bought + young * sold).sum())
