"""A Problem to a Plan: convex answer, whole shares, staged orders, and the account of why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ..errors import NoSolution
from ..ingest.universe import TRADED
from ..market.money import rupees
from ..market.orders import Order, purchase, sale
from ..optim.convex.separable import SeparableProgram
from ..optim.solution import Solution
from .book import book_of, terms_of
from .bounds import Bounds, bounds
from .break_even import break_evens
from .conflict import find_conflict, require_room
from .explain import limit_states, order_reason
from .ladder import Inflow, cash_ladder, place_days
from .plan import Certificate, Holding, LotAge, Plan, Portfolio, Untraded
from .problem import Problem
from .relaxation import solution_of
from .repair import breaches
from .single_trade import why_no_trade
from .utility_bound import utility_bounds
from .whole import Effort, choose, money, utilities

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Decision:
    """The chosen units with what they were found from."""

    units: Ints
    limits: Bounds
    relaxed: Solution
    program: SeparableProgram
    invested: float


def decide(problem: Problem, as_of: date, seed: int = 0) -> Plan:
    """The orders for the trade date. seed: of the whole-share search.

    Raises NoSolution, in words, when no portfolio meets the limits or no lot fits.
    """
    require_room(problem)
    decision = _choose(problem, seed)
    _require_a_lot(problem, decision)
    orders, inflows = _orders(problem, decision)
    orders = _with_what_they_rest_on(problem, decision, orders)
    final_cash = problem.cash + sum(order.net_cash for order in orders)
    day, start = problem.day, problem.account.settled_cash
    return Plan(
        as_of=as_of,
        trade_date=day.trade_date,
        settles_on=day.settles_on,
        orders=orders,
        cash_ladder=cash_ladder(day.trade_date, start, inflows, orders),
        before=_portfolio(problem, problem.held, problem.cash),
        after=_portfolio(problem, decision.units, final_cash),
        limits=limit_states(problem, decision.limits, decision.program, decision.relaxed, decision.units, final_cash),
        lots=_lot_ages(problem),
        untraded=_untraded(problem),
        certificate=_certificate(problem, decision),
        origin=problem.beliefs.origin,
        notes=(
            *(each.words for each in breaches(problem) if each.excess > NOTEWORTHY_BREACH * problem.wealth),
            *decision.limits.notes,
            *_idle_cash(problem, orders, final_cash),
            *(() if orders else (why_no_trade(problem),)),
        ),
    )


def _choose(problem: Problem, seed: int) -> Decision:
    """Whole shares whose caps hold relative to what is left after costs."""
    book, effort = book_of(problem), Effort()
    choice = choose(terms_of(problem), book, np.random.default_rng(seed).random(effort.kicks), effort)
    relaxed, program = solution_of(choice.relaxed.answer, 0), choice.relaxed.programs.program(0)
    units = choice.units[0]
    paid = money(terms_of(problem), book, choice.units)
    after = problem.wealth + int((units - problem.held) @ problem.day.close) + int(paid.cash[0])
    limits = bounds(problem, min(after, problem.wealth))
    return Decision(units, limits, relaxed, program, float(units @ problem.day.close) / problem.wealth)


def _idle_cash(problem: Problem, orders: Sequence[Order], cash: int) -> list[str]:
    """Why more than the floor stays in cash, where it is more than whole lots explain."""
    odd = sum(order.net_cash for order in orders if order.board == "ODD")
    idle = cash - odd - problem.floor
    notes = [
        f"{each.symbol} is {each.value / problem.wealth:.1%} of wealth, above the cap of {problem.limits.max_weight:.1%}, and "
        f"{'is not listed yet' if each.pending else 'has no prices'}"
        for each in problem.outside
        if each.value > problem.limits.max_weight * problem.wealth
    ]
    if cash < problem.floor:
        notes.append(
            f"the cash floor of {problem.limits.cash_floor:.1%} is out of reach today: cash comes to NPR {rupees(cash)} "
            f"({cash / problem.wealth:.1%} of wealth), as no more can be sold in a day"
        )
    if odd > NOTEWORTHY_CASH * problem.wealth:
        notes.append(
            f"NPR {rupees(odd)} ({odd / problem.wealth:.1%} of wealth) would come from odd lots, whose book is thin; no purchase "
            "counts on it: run again once they have filled"
        )
    if idle > NOTEWORTHY_CASH * problem.wealth:
        share = problem.limits.max_participation
        notes.append(
            f"NPR {rupees(idle)} ({idle / problem.wealth:.1%} of wealth) stays in cash beyond the floor: orders are held to "
            f"{share:.0%} of a name's median daily turnover, to the caps, and to whole lots"
        )
        if (found := find_conflict(problem, today=True)) is not None:
            notes.append(found.words)
    return notes


NOTEWORTHY_CASH = 0.01
NOTEWORTHY_BREACH = 0.001  # of wealth: prices move a holding that far over its cap in an hour


def _require_a_lot(problem: Problem, decision: Decision) -> None:
    """Raises NoSolution when cash is all there is and not one board lot fits into it under the caps."""
    if decision.units.any() or problem.held.any() or problem.outside:
        return
    day = problem.day
    amount, paid = purchase(problem.rules, TRADED, day.lot, day.buy_limit)
    lot_cost = np.where(day.can_buy, amount + paid.total, np.iinfo(np.int64).max)
    cheapest = int(np.argmin(lot_cost))
    what = f"the cheapest board lot, {day.lot[cheapest]} {day.symbols[cheapest]}, costs NPR {rupees(int(lot_cost[cheapest]))}"
    spare = problem.cash - problem.floor
    if lot_cost[cheapest] > spare:
        raise NoSolution(f"cannot afford one lot: {what} with charges, and NPR {rupees(spare)} is free; add cash")
    cap = float(day.lot[cheapest] * day.close[cheapest] / (problem.wealth - paid.total[cheapest]))
    if cap <= problem.limits.max_weight:
        raise NoSolution(
            f"no board lot fits: max_participation = {problem.limits.max_participation:g} of a name's daily turnover allows no "
            "order of a lot under the caps; raise it"
        )
    raise NoSolution(
        f"no board lot fits: {what}, more than max_weight = {problem.limits.max_weight:.2%} of NPR {rupees(problem.wealth)}; "
        f"raise max_weight to {np.ceil(cap * 1000) / 1000:.1%} or add cash"
    )


def _orders(problem: Problem, decision: Decision) -> tuple[tuple[Order, ...], list[Inflow]]:
    """Sales on the trade date, purchases as soon as their cash has settled; and every inflow of cash."""
    account, day = problem.account, problem.day
    change = decision.units - problem.held
    sales = [_sale(problem, decision, int(i)) for i in np.flatnonzero(change < 0)]
    flows = [Inflow(when, "cash settles", amount) for when, amount in account.unsettled_cash if amount]
    flows += [
        Inflow(day.settles_on, f"sale of {o.quantity:,} {o.symbol} settles", o.net_cash)
        if o.board == "NORMAL"
        else Inflow(
            day.settles_on,
            f"sale of {o.quantity:,} {o.symbol} settles, if the odd lot fills",
            o.net_cash,
            counted=False,
        )
        for o in sales
    ]
    wanted = np.flatnonzero(change > 0)
    amount, paid = purchase(problem.rules, TRADED, change[wanted], day.buy_limit[wanted])
    costs = amount + paid.total
    first = sorted(range(len(wanted)), key=lambda k: (-int(costs[k]), day.symbols[wanted[k]]))
    # a loss-making odd lot may cost cash when it fills: that is kept back as well
    keep = problem.floor + sum(-f.amount for f in flows if not f.counted and f.amount < 0)
    when = place_days([int(costs[k]) for k in first], account.settled_cash, flows, day.trade_date, keep)
    purchases = [_purchase(problem, decision, int(wanted[k]), on) for k, on in zip(first, when, strict=True)]
    purchases.sort(key=lambda order: (order.place_on, order.symbol))
    return (*sales, *purchases), flows


def _with_what_they_rest_on(problem: Problem, decision: Decision, orders: tuple[Order, ...]) -> tuple[Order, ...]:
    """The largest orders say from which return on they pay, and when they have repaid their charges and tax."""
    found = break_evens(problem, decision.units, float(decision.relaxed.multipliers[0]))
    words = {(each.symbol, each.side): each.words for each in found}
    return tuple(
        replace(order, reason=f"{order.reason}; {words[order.symbol, order.side]}")
        if (order.symbol, order.side) in words
        else order
        for order in orders
    )


def _sale(problem: Problem, decision: Decision, i: int) -> Order:
    day = problem.day
    units = int(problem.held[i] - decision.units[i])
    price = int(day.sell_limit[i])
    got = sale(
        problem.rules,
        problem.account.investor,
        TRADED,
        units,
        price,
        held=int(problem.held[i]),
        held_long=int(problem.held_long[i]),
        total_cost=int(problem.total_cost[i]),
    )
    return Order(
        symbol=str(day.symbols[i]),
        side="SELL",
        quantity=units,
        limit_price=price,
        board="NORMAL" if units >= day.lot[i] else "ODD",
        place_on=day.trade_date,
        band_low=int(day.band_low[i]),
        band_high=int(day.band_high[i]),
        amount=got.amount,
        charges=got.charges,
        tax=got.tax,
        net_cash=got.net_cash,
        reason=order_reason(problem, decision.units, i, day.trade_date),
    )


def _purchase(problem: Problem, decision: Decision, i: int, place_on: date) -> Order:
    day = problem.day
    units = int(decision.units[i] - problem.held[i])
    price = int(day.buy_limit[i])
    amount, paid = purchase(problem.rules, TRADED, units, price)
    return Order(
        symbol=str(day.symbols[i]),
        side="BUY",
        quantity=units,
        limit_price=price,
        board="NORMAL",
        place_on=place_on,
        band_low=int(day.band_low[i]),
        band_high=int(day.band_high[i]),
        amount=amount,
        charges=paid,
        tax=0,
        net_cash=-amount - paid.total,
        reason=order_reason(problem, decision.units, i, place_on),
    )


def _portfolio(problem: Problem, units: Ints, cash: int) -> Portfolio:
    day = problem.day
    value = units * day.close
    wealth = int(value.sum()) + problem.outside_value + cash
    rows = [
        Holding(
            str(day.symbols[i]),
            str(day.sector[i]),
            int(units[i]),
            int(day.close[i]),
            int(value[i]),
            value[i] / wealth,
            True,
        )
        for i in np.flatnonzero(units)
    ]
    rows += [
        Holding(
            each.symbol,
            each.sector,
            each.units,
            each.value // each.units,
            each.value,
            each.value / wealth,
            each.pending,
            each.pending,
        )
        for each in problem.outside
    ]
    w = value / wealth
    inside = w / max(w.sum(), 1e-12)
    beliefs = problem.beliefs
    return Portfolio(
        holdings=tuple(sorted(rows, key=lambda row: (-row.value, row.symbol, row.pending))),
        cash=cash,
        wealth=wealth,
        risk_covered=float(w.sum()),
        expected_return=float(w @ beliefs.mean),
        standard_error=float(w @ beliefs.standard_error),
        volatility=float(np.sqrt(beliefs.variance(w))),
        effective_names=float(1 / (inside @ inside)) if w.any() else 0.0,
    )


def _lot_ages(problem: Problem) -> tuple[LotAge, ...]:
    day, account = problem.day, problem.account
    after = problem.rules.capital_gains_tax[account.investor].long_after_days
    prices = dict(zip(day.symbols.tolist(), day.close.tolist(), strict=True))
    ages = []
    for symbol, position in account.positions().items():
        if symbol not in prices:
            continue
        for lot in position.lots:
            held = max((day.trade_date - lot.acquired).days, 0) if lot.acquired else None
            left = None if held is None else max(after + 1 - held, 0)
            ages.append(LotAge(symbol, lot.units, lot.acquired, held, left, lot.units * prices[symbol] - lot.cost))
    return tuple(ages)


def _untraded(problem: Problem) -> tuple[Untraded, ...]:
    day = problem.day
    still = [
        Untraded(str(day.symbols[i]), int(problem.held[i]), int(problem.held[i] * day.close[i]), day.why_not[i])
        for i in np.flatnonzero((problem.held > 0) & ~day.can_sell)
    ]
    return (*still, *(Untraded(each.symbol, each.units, each.value, each.why) for each in problem.outside))


def _certificate(problem: Problem, decision: Decision) -> Certificate:
    terms, book, relaxed = terms_of(problem), book_of(problem), decision.relaxed

    def utility(units: Ints) -> float:
        return float(utilities(terms, book, units[None], money(terms, book, units[None]))[0])

    cash = book.cash + money(terms, book, decision.units[None]).cash
    bound = utility_bounds(
        terms,
        book,
        decision.units[None],
        np.minimum(cash, problem.floor),
        relaxed.x[None],
        relaxed.multipliers[None],
        tries=BOUNDS_TRIED,
    )
    return Certificate(
        utility=utility(decision.units),
        unchanged=utility(problem.held),
        bound=float(bound[0]),
        residual=relaxed.residual,
        gap=relaxed.gap,
        trail=relaxed.trail,
    )


BOUNDS_TRIED = 20
