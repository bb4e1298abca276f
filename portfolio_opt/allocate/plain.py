"""A decision read as a statement, and a statement read as the plain decision that the fast whole-share search takes."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..errors import InvalidInput, NoSolution
from .book import book_of, reach, terms_of
from .lots.relaxation import investable
from .problem import Limits, Problem, Situation
from .statement.cash_limits import CashFloor, FullyInvested
from .statement.count_limits import BoardLot
from .statement.gains_tax import CapitalGainsTax
from .statement.returns import ExpectedReturn
from .statement.term import Limit, Objective, Statement
from .statement.trade_limits import Forbidden, Locked, MaxParticipation, MaxTurnover, NoYoungGain, Tradable
from .statement.trading_cost import TradingCost
from .statement.variance import Variance
from .statement.weight_limits import MaxSector, MaxWeight, SectorLimit


def statement_of(problem: Problem) -> Statement:
    """The same decision as objective and limits, all but that shares are whole and orders of a board lot."""
    limits, aversion = problem.limits, problem.risk_aversion
    objective = problem.objective
    if objective is None:
        objective = ExpectedReturn() - aversion / 2 * Variance() - TradingCost() - CapitalGainsTax()
    invested = any(isinstance(limit, FullyInvested) for limit in problem.further)
    return Statement(
        problem,
        objective,
        (
            MaxWeight(limits.max_weight),
            *([MaxWeight(limits.weight_caps)] if limits.weight_caps else []),
            MaxSector(limits.max_sector),
            *(SectorLimit(sector, cap) for sector, cap in limits.sector_caps.items()),
            CashFloor(limits.cash_floor),
            *([] if invested else [FullyInvested(limits.cash_floor)]),
            MaxParticipation(limits.max_participation),
            *([MaxTurnover(limits.max_turnover)] if limits.max_turnover < 1 else []),
            *([Locked(limits.locked)] if limits.locked else []),
            Tradable(),
            *problem.further,
        ),
    )


def plain(statement: Statement) -> Problem | str:
    """The same decision as a Problem without objective and further limits; where there is none, why, naming what is not plain.

    Plain is  a ExpectedReturn - b Variance - c (TradingCost + CapitalGainsTax)  under caps of names and sectors, a cash floor
    beyond which everything is invested, a share of each name's turnover, a turnover in all, and what is not traded.
    """
    try:
        risk_aversion, holding_period = _utility(statement.objective, statement.situation)
        limits, forbidden, others = _limits(statement)
    except NotPlain as reason:
        return str(reason)
    if others:
        return f"{others[0].in_words()} is no plain limit"
    if not any(isinstance(limit, FullyInvested) for limit in statement.limits):
        return "cash may be kept"
    situation = {field.name: getattr(statement.situation, field.name) for field in fields(Situation)}
    situation |= {"holding_period": holding_period, "day": _without(statement.situation, forbidden)}
    problem = Problem(**situation, limits=limits, risk_aversion=risk_aversion)
    if limits.max_turnover < 1 and least_turnover(problem) > ROOMY * limits.max_turnover:
        return f"{MaxTurnover(limits.max_turnover).in_words()} leaves little room for what is to be sold and invested"
    return problem


ROOMY = 0.95  # of a turnover limit: what has to be traded leaves whole lots a choice


def least_turnover(problem: Problem) -> float:
    """Half of what has to be bought and sold, as a share of wealth, for all but the floor to be invested within the caps."""
    terms, book = terms_of(problem), book_of(problem)
    limits = reach(terms, book, book.wealth)
    now, inside = (book.held * book.unit)[0], problem.day.sectors.inside
    over = np.clip(now - limits.upper[0] * book.unit[0], 0, None)
    more = np.clip(inside @ (now - over) - limits.sector_cap[0] / problem.wealth, 0, None)
    sold = float(over.sum() + more.sum())
    wanted = float(investable(terms, book, limits, np.zeros(1))[0])
    bought = max(wanted - float(now.sum()) + sold, 0.0)
    return max(sold + bought, float(now.sum()) - wanted) / 2


def tidied(problem: Problem) -> Problem:
    """The same problem with every plain one of its further limits among `limits`, and names that are not bought in `day`.

    Raises InvalidInput for a participation of nothing, which allows no order at all, and NoSolution for a cash floor above what
    may stay in cash.
    """
    if any(isinstance(limit, MaxParticipation) and not limit.limit for limit in problem.further):
        raise InvalidInput("participation <= 0 allows no order; give a share of a name's turnover such as 0.1")
    least = max([problem.limits.cash_floor, *(each.limit for each in problem.further if isinstance(each, CashFloor))])
    most = min((each.cash for each in problem.further if isinstance(each, FullyInvested)), default=1.0)
    if least >= 1:
        raise InvalidInput("cash >= 1 leaves nothing to invest; choose a smaller fraction")
    if most < least:
        raise NoSolution(
            f"no portfolio meets these limits together: {CashFloor(least).in_words()}; {FullyInvested(most).in_words()}; "
            f"enough alone is {CashFloor(most).in_words()}; or {FullyInvested(least).in_words()}"
        )
    try:
        limits, forbidden, others = _limits(statement_of(problem))
    except NotPlain:
        return problem
    return replace(problem, limits=limits, day=_without(problem, forbidden), further=others)


class NotPlain(Exception):
    """What of a statement is not plain."""


def _utility(objective: Objective, situation: Situation) -> tuple[float, float]:
    """Risk aversion and holding period of the utility that is the objective times a positive number."""
    weights = dict.fromkeys((ExpectedReturn, Variance, TradingCost, CapitalGainsTax), 0.0)
    for weight, measure in objective.terms:
        kind: Any = type(measure)
        if not weight:
            continue
        if kind not in weights:
            raise NotPlain(f"the objective holds {kind.__name__}")
        weights[kind] += weight
    gain, risk, cost, tax = weights.values()
    if gain <= 0 or risk >= 0:
        raise NotPlain("the objective does not set ExpectedReturn against Variance")
    if cost >= 0 or abs(cost - tax) > SAME * abs(cost):
        raise NotPlain("the objective does not count TradingCost and CapitalGainsTax alike")
    return -2 * risk / gain, situation.holding_period * gain / -cost


SAME = 1e-12


def _limits(statement: Statement) -> tuple[Limits, set[str], tuple[Limit, ...]]:
    """The plain limits, the symbols that are not bought, and the limits that are not plain."""
    situation, kinds = statement.situation, statement.limits
    weight: dict[str, float] = {}
    sector: dict[str, float] = {}
    locked: dict[str, int] = {}
    forbidden: set[str] = set()
    others: list[Limit] = []
    max_weight = max_sector = participation = turnover = 1.0
    floor = 0.0
    for limit in kinds:
        match limit:
            case MaxWeight(limit=cap) if isinstance(cap, Mapping):
                weight = _closer(weight, cap)
            case MaxWeight(limit=float() | int() as cap):
                max_weight = min(max_weight, cap)
            case MaxSector(limit=cap):
                max_sector = min(max_sector, cap)
            case SectorLimit(sector=name, upper=cap, lower=least) if not least:
                sector = _closer(sector, {name: cap})
            case CashFloor(limit=least):
                floor = max(floor, least)
            case MaxParticipation(limit=share):
                participation = min(participation, share)
            case MaxTurnover(limit=share) if share > 0:
                turnover = min(turnover, share)
            case Forbidden(symbols=symbols):
                forbidden |= set(symbols)
            case Locked(units=units):
                locked = _more(locked, units)
            case NoYoungGain():
                locked = _more(locked, _young_with_gain(situation))
            case Tradable() | BoardLot():
                pass
            case _:
                others.append(limit)
    others = [each for each in others if not (isinstance(each, FullyInvested) and each.cash <= floor)]
    if min(max_weight, max_sector, participation) <= 0 or floor >= 1:
        raise NotPlain("a limit leaves nothing to invest in")
    return (
        Limits(max_weight, max_sector, floor, participation, turnover, weight, sector, locked),
        forbidden,
        tuple(others),
    )


def _closer(caps: Mapping[str, float], others: Mapping[str, float]) -> dict[str, float]:
    return {name: min(caps.get(name, 1.0), others.get(name, 1.0)) for name in {**caps, **others}}


def _more(units: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {name: max(units.get(name, 0), others.get(name, 0)) for name in {**units, **others}}


def _young_with_gain(situation: Situation) -> dict[str, int]:
    """Units by symbol that `NoYoungGain` keeps from being sold."""
    kept = np.clip(NoYoungGain().rows(situation).lower, 0, None) / situation.unit
    return {
        str(symbol): round(float(units))
        for symbol, units in zip(situation.day.symbols, kept, strict=True)
        if units > 0.5
    }


def _without(situation: Situation, forbidden: set[str]) -> Any:
    """The day on which the forbidden symbols cannot be bought."""
    day = situation.day
    names: Sequence[str] = day.symbols.tolist()
    if not forbidden & set(names):
        return day
    return replace(
        day,
        can_buy=day.can_buy & ~np.isin(day.symbols, list(forbidden)),
        why_not=tuple(
            why or ("forbidden by a limit" if name in forbidden else "")
            for name, why in zip(names, day.why_not, strict=True)
        ),
    )
