"""An upper bound on the utility of every whole-share plan, with the charges as jumpy as they are.

Priced by multipliers for cash and sectors, and with the common part of the risk replaced by its tangent, the decision falls apart
into one problem a name: a quadratic, plus charges and tax that jump from slab to slab. Those are linear on each slab, so each
name's minimum is exact, the smallest over its slabs. Fractions of shares above the board lot make it a bound.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ingest.universe import TRADED
from ..market.money import MILLION
from ..optim.convex.by_cvxpy import solve
from ..optim.solution import Solution
from .bounds import Bounds, bounds
from .problem import Problem
from .relaxation import ROUNDED, cheapest_rate, program

Vector = NDArray[np.float64]

SLIVER = 1e-9  # of wealth: an interval that only rounding closes is a point


@dataclass(frozen=True)
class Piece:
    """One interval of weight for each name, (N,) each, empty where low > high, and what reaching it takes.

    cost: charges and tax are at least constant + slope × weight; spent: cash that the trade itself takes, per weight from now
    """

    low: Vector
    high: Vector
    cost_constant: Vector
    cost_slope: Vector
    spent: Vector


def best_bound(problem: Problem, invested: float, kept: int, answer: Solution) -> float:
    """The least of the bounds we can prove, at the convex answer and at the relaxation with charges from below.

    They hold for every plan within the caps of today's wealth, which costs only shrink.
    invested: share of wealth in shares that competing plans have at least; kept: paisa of cash that they leave at least
    answer: the convex solution behind the plan
    """
    limits = bounds(problem, problem.wealth)
    relaxed = program(problem, limits, cheapest_rate(problem, limits), (invested, 1.0))
    below = solve(relaxed)
    proved = [utility_bound(problem, limits, invested, kept, answer.x, answer.multipliers)]
    if np.isfinite(below.x).all():
        proved.append(utility_bound(problem, limits, invested, kept, below.x, below.multipliers))
        proved.append(-relaxed.lower_bound(below.x, below.multipliers))
    return min(proved)


def utility_bound(
    problem: Problem, limits: Bounds, invested: float, kept: int, near: Vector, multipliers: Vector
) -> float:
    """A utility that no whole-share plan can exceed that keeps the bounds, invests at least `invested` and leaves `kept` in cash.

    near: (N,) weights where the tangent touches; multipliers: of the rows (invested, sectors). Any values give a bound; those of
    a solution near the plan give a good one. Where more invested is better, cash is what is short: the first multiplier then
    prices cash at limit prices, else it prices the share invested.
    """
    beliefs, aversion = problem.beliefs, problem.risk_aversion
    common = beliefs.loadings @ (near @ beliefs.loadings) * aversion
    cash_price, invest_price = max(multipliers[0], 0.0), max(-multipliers[0], 0.0)
    sector_price = np.clip(multipliers[1:], 0, None)
    of_sector = np.where(limits.member >= 0, np.append(sector_price, 0.0)[limits.member], 0.0)
    gradient = common - beliefs.mean + of_sector - invest_price
    curvature = aversion * beliefs.specific
    now = problem.held * problem.unit
    money_price = 1 / problem.holding_period + cash_price
    smallest = np.full(len(now), np.inf)
    for piece in _pieces(problem, limits, now):
        slope = gradient + money_price * piece.cost_slope + cash_price * piece.spent
        constant = money_price * piece.cost_constant - cash_price * piece.spent * now
        w = np.clip(-slope / curvature, np.minimum(piece.low, piece.high), np.maximum(piece.low, piece.high))
        value = curvature * w**2 / 2 + slope * w + constant
        smallest = np.where(piece.low <= piece.high + SLIVER, np.minimum(smallest, value), smallest)
    row = cash_price * (problem.cash - kept) / problem.wealth - invest_price * invested
    row += float(sector_price @ (limits.sector_cap / problem.wealth))
    return float(near @ common / 2 - smallest.sum() + row)


def _pieces(problem: Problem, limits: Bounds, now: Vector) -> list[Piece]:
    """No trade, every slab of a purchase, and every slab of a sale at each age, cut to the bounds and to orders of a lot."""
    unit = problem.unit
    lower, upper = limits.lower * unit, limits.upper * unit
    lot = problem.day.lot * unit
    nothing = np.zeros(len(now))
    buy, sell = problem.day.buy_limit / problem.day.close, problem.day.sell_limit / problem.day.close
    pieces = [Piece(now, now, nothing, nothing, nothing)]
    for start, end, fixed, rate in _charge_slabs(problem):
        pieces.append(
            Piece(
                low=np.maximum(now + np.maximum(start / buy, lot), lower),
                high=np.minimum(now + end / buy, upper),
                cost_constant=fixed - rate * buy * now,
                cost_slope=rate * buy,
                spent=buy,
            )
        )
        for first, last, paid_before, tax, keep in _sale_ages(problem, now):
            least = np.maximum(np.maximum(start / sell, first), np.minimum(lot, now))
            slope = keep * rate * sell + tax
            pieces.append(
                Piece(
                    low=np.maximum(now - np.minimum(end / sell, last), lower),
                    high=np.minimum(now - least, upper),
                    cost_constant=keep * fixed + paid_before - tax * first + slope * now,
                    cost_slope=-slope,
                    spent=sell,
                )
            )
    return pieces


def _charge_slabs(problem: Problem) -> list[tuple[float, float, float, float]]:
    """(from, to, fixed, rate) in shares of wealth: on amounts from … to, charges are at least fixed + rate × amount."""
    rules = problem.rules
    slabs, fee = rules.commission[TRADED], rules.sebon_fee[TRADED] / MILLION
    flat = max(rules.dp_charge - ROUNDED, 0)
    smallest = rules.commission_minimum * MILLION / slabs.rates[0]  # up to this amount the minimum binds
    pieces = [(0.0, smallest, flat + rules.commission_minimum, fee)]
    edges = [smallest, *slabs.up_to]
    pieces += [(edges[k], edges[k + 1], flat, rate / MILLION + fee) for k, rate in enumerate(slabs.rates)]
    return [(a / problem.wealth, b / problem.wealth, fixed / problem.wealth, rate) for a, b, fixed, rate in pieces]


def _sale_ages(problem: Problem, now: Vector) -> list[tuple[Vector, Vector, Vector, Vector, float]]:
    """(from, to, tax paid before, tax per weight, share of charges kept) of the old units sold first, then of the young ones.

    Charges lower the taxed gain, by no more than the higher rate of the two.
    """
    rates = problem.rules.capital_gains_tax[problem.account.investor]
    price = problem.day.sell_limit.astype(float)
    average = np.divide(problem.total_cost, problem.held, out=np.zeros(len(price)), where=problem.held > 0)
    gain = np.clip(price - average, 0, None) / problem.day.close
    old = problem.held_long * problem.unit
    keep = 1 - max(rates.short, rates.long) / MILLION
    old_tax, young_tax = rates.long / MILLION * gain, rates.short / MILLION * gain
    return [(0 * old, old, 0 * old, old_tax, keep), (old, now, old_tax * old, young_tax, keep)]
