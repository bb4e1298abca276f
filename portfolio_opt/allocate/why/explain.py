"""Why: each order and each binding limit in words, with figures that can be checked."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from ...market.money import rupees
from ...optim.convex.separable import SeparableProgram
from ...optim.solution import Solution
from ..bounds import Bounds
from ..plan import LimitState
from ..problem import Problem
from .limit_worth import room_of_participation, worth_of_caps

Ints = NDArray[np.int64]

AT_LIMIT = 0.02  # a name or sector within this share of its cap is at it: the next lot would not fit


def order_reason(problem: Problem, units: Ints, i: int, place_on: date) -> str:
    """One order's reason: what it does to the weight, what the name adds at the margin, and what to mind when placing it."""
    day, limits = problem.day, problem.limits
    unit = problem.unit
    before, after = problem.held[i] * unit[i], units[i] * unit[i]
    parts = [f"{before:.1%} to {after:.1%} of wealth"]
    selling = units[i] < problem.held[i]
    sector = str(day.sector[i])
    in_sector = float((problem.held * unit)[day.sector == sector].sum()) if sector else 0.0
    cap, sector_cap = limits.name_caps([str(day.symbols[i])])[0], limits.caps_of_sectors([sector])[0]
    if selling and before > cap:
        over = int(problem.held[i] * day.close[i]) - int(cap * problem.wealth)
        parts.append(f"NPR {rupees(over)} above the cap of {cap:.1%} a name")
    elif selling and in_sector > sector_cap:
        parts.append(f"{sector} is at {in_sector:.1%}, above its cap of {sector_cap:.1%}")
    if selling and problem.cash < problem.floor:
        parts.append(f"raises cash towards the floor of {limits.cash_floor:.1%}")
    w = units * unit
    average = float(w @ _marginal(problem, w)) / max(float(w.sum()), 1e-12)
    w[i] = before
    mean, own = float(problem.beliefs.mean[i]), float(_marginal(problem, w)[i])
    parts.append(
        f"without this order its next rupee adds {own:+.1%} a year ({mean:.1%} expected less {mean - own:.1%} for its risk), "
        f"against {average:+.1%} for the plan's average rupee"
    )
    return "; ".join([*parts, *_when_placing(problem, units, i, place_on)])


def stated_reason(problem: Problem, units: Ints, worth_bp: float, i: int, place_on: date) -> str:
    """An order's reason where the objective is the user's own. worth_bp: by how much it would be lower without the order."""
    unit = problem.unit
    parts = [
        f"{problem.held[i] * unit[i]:.1%} to {units[i] * unit[i]:.1%} of wealth",
        f"without this order alone the objective would be {abs(worth_bp):.1f} bp a year {'lower' if worth_bp >= 0 else 'higher'}"
        + ("" if worth_bp >= 0 else ", but the limits and the cash of the other orders rest on it"),
    ]
    return "; ".join([*parts, *_when_placing(problem, units, i, place_on)])


def _when_placing(problem: Problem, units: Ints, i: int, place_on: date) -> list[str]:
    """What to mind when the order in name i is placed."""
    day = problem.day
    selling = units[i] < problem.held[i]
    parts = []
    if not selling and place_on > day.trade_date:
        parts.append(f"paid from cash that settles by {place_on}: band and limit are provisional, run again that day")
    if selling and units[i] == 0 and problem.held[i] < day.lot[i]:
        parts.append("below the board lot: odd-lot book, may not fill, and no purchase counts on it")
    limit = day.sell_limit[i] if selling else day.buy_limit[i]
    if not day.step_low[i] <= limit <= day.step_high[i]:
        near = day.step_low[i] if selling else day.step_high[i]
        parts.append(f"work in steps: the first order can go to {rupees(int(near))}, the next from the trade it makes")
    return parts


def limit_states(
    problem: Problem,
    limits: Bounds,
    program: SeparableProgram,
    relaxed: Solution,
    turnover_price: float,
    units: Ints,
    cash: int,
) -> tuple[LimitState, ...]:
    """The limits that bind in the plan, dearest first.

    program, relaxed: the convex decision and its answer; turnover_price: a year, of a unit of wealth bought or sold
    cash: paisa after all orders
    """
    states = [*_sector_states(problem, limits, relaxed, units), *_name_states(problem, limits, program, relaxed, units)]
    turned, most = float(np.abs(units - problem.held) @ problem.unit) / 2, problem.limits.max_turnover
    if most < 1 and turned > most * (1 - AT_LIMIT):
        worth = 2 * turnover_price * 100  # half of what is bought and sold counts
        words = f"{turned:.1%} of wealth is turned over, and at most {most:.1%} may be; {_worth(worth)}"
        states.append(LimitState("max_turnover", "all orders", words, worth))
    price = float(relaxed.multipliers[0])
    if cash >= problem.floor:
        states.append(
            LimitState(
                "cash_floor",
                "cash",
                f"all but the cash floor of {problem.limits.cash_floor:.1%} is to be invested; one more point in cash would "
                f"{'cost' if price > 0 else 'add'} {abs(price) * 100:.1f} bp a year",
                price * 100,
            )
        )
    return tuple(sorted(states, key=lambda state: -abs(state.worth_bp or 0.0)))


def _sector_states(problem: Problem, limits: Bounds, relaxed: Solution, units: Ints) -> list[LimitState]:
    value = units * problem.day.close
    caps = problem.limits.caps_of_sectors(limits.sectors)
    states = []
    for k, sector in enumerate(limits.sectors):
        held = float(value[limits.member == k].sum())
        excepted = limits.sector_cap[k] > caps[k] * problem.wealth * (1 + AT_LIMIT)  # a note says so
        if held > limits.sector_cap[k] * (1 - AT_LIMIT) and not excepted:
            worth = float(relaxed.multipliers[1 + k]) * 100
            states.append(
                LimitState(
                    "max_sector",
                    sector,
                    f"{sector} is at its cap of {limits.sector_cap[k] / problem.wealth:.1%}; {_worth(worth)}",
                    worth,
                )
            )
    return states


def _name_states(
    problem: Problem, limits: Bounds, program: SeparableProgram, relaxed: Solution, units: Ints
) -> list[LimitState]:
    day = problem.day
    slope, per_turnover = worth_of_caps(program, relaxed), room_of_participation(problem)
    caps = problem.limits.name_caps(day.symbols.tolist())
    states = []
    for i in np.flatnonzero((units > 0) & (limits.upper > limits.lower)):
        if units[i] < limits.upper[i] * (1 - AT_LIMIT):
            continue
        capped = limits.upper[i] >= limits.cap[i]
        worth = float(slope[i]) * 100 * (1.0 if capped else float(per_turnover[i]))
        name = str(day.symbols[i])
        if capped:
            words = f"{name} is at its cap of {caps[i]:.1%}"
        elif units[i] > problem.held[i]:
            share = problem.limits.max_participation
            turnover = rupees(int(day.turnover[i]))
            words = f"today's order in {name} is held to {share:.0%} of its median turnover of NPR {turnover} a session"
        else:
            continue
        limit = "max_weight" if capped else "max_participation"
        states.append(LimitState(limit, name, f"{words}; {_worth(worth)}", worth))
    return states


def _worth(bp: float) -> str:
    return f"one more point is worth {bp:.1f} bp a year"


def _marginal(problem: Problem, w: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) expected return less the price of risk of one more unit of each name, at weights w."""
    beliefs = problem.beliefs
    risk = beliefs.loadings @ (w @ beliefs.loadings) + beliefs.specific * w
    return np.asarray(beliefs.mean - problem.risk_aversion * risk)
