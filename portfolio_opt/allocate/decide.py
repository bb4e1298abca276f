"""A Problem to a Plan: convex answer, whole shares, staged orders, and the account of why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, NoSolution
from ..ingest.universe import TRADED
from ..market.money import rupees
from ..market.orders import Order, purchase, sale
from ..optim.solution import Status
from .book import book_of, terms_of
from .bounds import bounds
from .by_statement import decide_statement
from .ladder import Inflow, cash_ladder, place_days
from .lots.exact import after_costs, exact_choice
from .lots.relaxation import solution_of
from .lots.utility_bound import utility_bounds
from .lots.whole import IDLE_PREMIUM, Choice, Effort, choose, money, utilities
from .plain import plain, statement_of, tidied
from .plan import Certificate, Holding, LimitState, LotAge, Plan, Portfolio, Untraded
from .problem import Problem
from .solvers.mixed_integer import ExactAnswer
from .why.break_even import break_evens
from .why.conflict import find_conflict, require_room
from .why.explain import limit_states, order_reason, stated_reason
from .why.repair import breaches
from .why.robustness import Stability, stability
from .why.single_trade import why_no_trade

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Decision:
    """The chosen units, and the account of why.

    problem: as it was decided; units: (N,); reason: of the order in a name that is placed on a day, in words
    limits, certificate, notes: as in Plan; most_cash: share of wealth that may stay idle
    cash_price: what a unit of wealth less in cash is worth a year; None where the objective is not the plain one
    """

    problem: Problem
    units: Ints
    reason: Callable[[int, date], str]
    limits: tuple[LimitState, ...]
    certificate: Certificate
    notes: tuple[str, ...]
    most_cash: float
    cash_price: float | None


def decide(problem: Problem, as_of: date, seed: int = 0, draws: int = 0, exact: bool = False) -> Plan:
    """The orders for the trade date. seed: of all that is random; draws: of the beliefs, to say how sure the orders are.

    exact: whether the best whole-share plan is to be proved, for up to 30 names that can be traded
    Raises NoSolution, in words, when no portfolio meets the limits or no lot fits, and InvalidInput where exact is too much.
    """
    if problem.further:
        problem = tidied(problem)
    stated = problem.objective is not None or problem.further or problem.limits.max_turnover < 1
    plainly = plain(statement_of(problem)) if stated else problem
    if isinstance(plainly, str):
        if exact:
            raise InvalidInput(f"an exact decision is for the plain objective and plain limits, but {plainly}")
        decision = _by_statement(problem, plainly)
    else:
        decision = _by_search(plainly, exact)
    problem = decision.problem
    orders, inflows = orders_for(problem, decision.units, decision.reason)
    price = decision.cash_price
    sure = _how_sure(problem, decision.units, seed, draws) if draws and price is not None else None
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
        limits=decision.limits,
        lots=_lot_ages(problem),
        untraded=_untraded(problem),
        certificate=decision.certificate,
        origin=problem.beliefs.origin,
        notes=(
            *(each.words for each in breaches(problem) if each.excess > NOTEWORTHY_BREACH * problem.wealth),
            *decision.notes,
            *_idle_cash(problem, orders, final_cash, decision.most_cash),
            *(() if orders else (NO_BETTER if price is None else why_no_trade(problem),)),
            *((PLAIN_ONLY,) if price is None else (NOT_SURE,) if draws and sure is None else ()),
        ),
        break_evens=() if price is None else break_evens(problem, decision.units, price),
        stability=sure,
    )


def _by_search(problem: Problem, exact: bool) -> Decision:
    """Whole shares whose caps hold relative to what is left after costs."""
    if exact and problem.limits.max_turnover < 1:
        raise InvalidInput("an exact decision knows no limit of turnover; leave out --exact, or the limit")
    require_room(problem)
    terms, book = terms_of(problem), book_of(problem)
    choice = choose(terms, book, Effort(), np.array([ENOUGH]))
    relaxed, program = solution_of(choice.relaxed.answer, 0), choice.relaxed.programs.program(0)
    units = choice.units[0]
    proof = exact_choice(problem, units, abs(float(relaxed.multipliers[0])) + IDLE_PREMIUM) if exact else None
    if proof is not None and proof.status is not Status.INFEASIBLE:
        units = proof.units
    require_a_lot(problem, units)
    cash = problem.cash + int(money(terms, book, units[None]).cash[0])
    limits = bounds(problem, after_costs(problem, units))
    return Decision(
        problem,
        units,
        partial(order_reason, problem, units),
        limit_states(problem, limits, program, relaxed, float(choice.relaxed.turnover_price[0]), units, cash),
        _certificate(problem, units, choice, proof),
        limits.notes,
        problem.limits.cash_floor,
        float(relaxed.multipliers[0]),
    )


def _by_statement(problem: Problem, why: str) -> Decision:
    """Whole shares for an objective or limits of the user's own. why: it is not a plain decision."""
    found = decide_statement(problem, why)

    def reason(i: int, place_on: date) -> str:
        return stated_reason(problem, found.units, found.worth_bp(problem, i), i, place_on)

    require_a_lot(problem, found.units)
    return Decision(problem, found.units, reason, found.limits, found.certificate, found.notes, found.most_cash, None)


def _idle_cash(problem: Problem, orders: Sequence[Order], cash: int, most: float) -> list[str]:
    """Why more than may stay in cash does, a share `most` of wealth, where it is more than whole lots explain."""
    odd = sum(order.net_cash for order in orders if order.board == "ODD")
    idle = cash - odd - int(np.ceil(most * problem.wealth))
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
            f"{100 * share:.4g}% of a name's median daily turnover, to the caps, and to whole lots"
        )
        if (found := find_conflict(problem, today=True)) is not None:
            notes.append(found.words)
    return notes


NO_BETTER = "no trade of whole lots was found that is worth a basis point of wealth a year"
PLAIN_ONLY = (
    "how sure the orders are, and from which return on each pays, is only told for the plain objective and plain limits"
)
NOT_SURE = "how sure the orders are is not known: draws of the estimates got no certified answer"
NOTEWORTHY_CASH = 0.01
NOTEWORTHY_BREACH = 0.001  # of wealth: prices move a holding that far over its cap in an hour


def require_a_lot(problem: Problem, units: Ints) -> None:
    """Raises NoSolution when cash is all there is and not one board lot fits into it under the caps."""
    if units.any() or problem.held.any() or problem.outside:
        return
    day = problem.day
    amount, paid = purchase(problem.rules, TRADED, day.lot, day.buy_limit)
    lot_cost = np.where(day.can_buy, amount + paid.total, np.iinfo(np.int64).max)
    cheapest = int(np.argmin(lot_cost))
    what = f"the cheapest board lot, {day.lot[cheapest]} {day.symbols[cheapest]}, costs NPR {rupees(int(lot_cost[cheapest]))}"
    spare = problem.cash - problem.floor
    if lot_cost[cheapest] > spare:
        raise NoSolution(f"cannot afford one lot: {what} with charges, and NPR {rupees(spare)} is free; add cash")
    if problem.further:
        wished = "; ".join(limit.in_words() for limit in problem.further)
        raise NoSolution(
            f"no plan of board lots was found within these limits together: {wished}; loosen one of them, or add cash"
        )
    limits, names, sectors = problem.limits, day.symbols.tolist(), day.sector.tolist()
    after = problem.wealth - paid.total - (amount - day.lot * day.close)
    weight = np.where(lot_cost <= spare, day.lot * day.close / np.maximum(after, 1), np.inf)
    caps, sector_caps = limits.name_caps(names), np.where(day.sector == "", 1.0, limits.caps_of_sectors(sectors))
    if (weight <= np.minimum(caps, sector_caps)).any():
        raise NoSolution(
            f"no board lot fits: max_participation = {limits.max_participation:g} of a name's daily turnover allows no "
            "order of a lot under the caps; raise it"
        )
    i = int(np.argmin(weight - np.minimum(caps, sector_caps)))
    own = (("max_weight", caps[i], names[i]), ("max_sector", sector_caps[i], sectors[i]))
    beyond = [(name, f"{name} = {cap:.2%} of {of}") for name, cap, of in own if weight[i] > cap]
    raise NoSolution(
        f"no board lot fits: {day.lot[i]} {names[i]} are {weight[i]:.2%} of NPR {rupees(problem.wealth)} after costs, more than "
        f"{' and '.join(words for _, words in beyond)}; raise {' and '.join(name for name, _ in beyond)} to "
        f"{np.ceil(weight[i] * 1000) / 1000:.1%} or add cash"
    )


Reason = Callable[[int, date], str]  # of the order in a name that is placed on a day, in words


def orders_for(problem: Problem, units: Ints, reason: Reason) -> tuple[tuple[Order, ...], list[Inflow]]:
    """What leads to holding `units`: sales on the trade date, purchases as soon as their cash has settled; and all inflows."""
    account, day = problem.account, problem.day
    change = units - problem.held
    sales = [_sale(problem, units, reason, int(i)) for i in np.flatnonzero(change < 0)]
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
    purchases = [_purchase(problem, units, reason, int(wanted[k]), on) for k, on in zip(first, when, strict=True)]
    purchases.sort(key=lambda order: (order.place_on, order.symbol))
    return (*sales, *purchases), flows


def _how_sure(problem: Problem, units: Ints, seed: int, draws: int) -> Stability | None:
    """The plan beside draws of the beliefs; None where no answer is certified. seed: the draws' stream is not the search's."""
    try:
        return stability(problem, np.random.default_rng([seed, 1]), draws).beside(units)
    except NoSolution:
        return None


def _sale(problem: Problem, to: Ints, reason: Reason, i: int) -> Order:
    day = problem.day
    units = int(problem.held[i] - to[i])
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
        reason=reason(i, day.trade_date),
    )


def _purchase(problem: Problem, to: Ints, reason: Reason, i: int, place_on: date) -> Order:
    day = problem.day
    units = int(to[i] - problem.held[i])
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
        reason=reason(i, place_on),
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


def _certificate(problem: Problem, units: Ints, choice: Choice, proof: ExactAnswer | None) -> Certificate:
    """How good the units are. proof: of the exact decision, where there was one."""
    terms, book, relaxed = terms_of(problem), book_of(problem), solution_of(choice.relaxed.answer, 0)

    def utility(units: Ints) -> float:
        return float(utilities(terms, book, units[None], money(terms, book, units[None]))[0])

    reached = utility(units)
    kept = np.minimum(book.cash + money(terms, book, units[None]).cash, problem.floor)
    bound = utility_bounds(
        terms, book, units[None], kept, choice.relaxed, np.array([reached]), np.array([ENOUGH]), NODES
    )
    least = float(bound[0])
    if proof is not None:
        least = min(least, reached + proof.gap_bp / 1e4)
    return Certificate(
        utility=reached,
        unchanged=utility(problem.held),
        bound=least,
        residual=relaxed.residual,
        gap=relaxed.gap,
        trail=(*relaxed.trail, *(proof.trail if proof else ())),
    )


ENOUGH = 1e-5  # utility a year: nobody asks for a closer bound
NODES = 40
