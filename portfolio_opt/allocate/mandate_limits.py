"""A mandate as limits of the statement, for the situation it meets, and what a portfolio breaks of them."""

from collections.abc import Iterable

import numpy as np

from ..ingest.mandate import Mandate
from .problem import Situation
from .statement.cash_limits import CashFloor, FullyInvested
from .statement.catalogue import amount_in_words
from .statement.count_limits import MaxNames, MinNames, MinPosition
from .statement.term import Limit, Vector
from .statement.text import limits_from_text
from .statement.trade_limits import Forbidden, Locked
from .statement.weight_limits import MaxSector, MaxWeight, SectorLimit


def limits_of(
    mandate: Mandate,
    situation: Situation,
    symbols: Iterable[str],
    sectors: Iterable[str],
    excluded: Iterable[str] = (),
) -> tuple[Limit, ...]:
    """What the mandate asks of today's weights; a limit's `violation` at the weights held says what today's holdings break.

    symbols, sectors: all that its text limits may name; excluded: symbols that may not be bought, see Mandate.excluded
    Raises InvalidInput for a text limit that cannot be read.
    """
    excluded, symbols, sectors = tuple(sorted(excluded)), tuple(symbols), tuple(sectors)
    locked = mandate.units_locked(situation.day.trade_date)
    company = _company_caps(mandate, situation)
    return (
        *([] if mandate.max_weight is None else [MaxWeight(mandate.max_weight)]),
        *([MaxWeight(dict(mandate.weight_caps))] if mandate.weight_caps else []),
        *([MaxWeight(company)] if company else []),
        *([] if mandate.max_sector is None else [MaxSector(mandate.max_sector)]),
        *(SectorLimit(sector, cap) for sector, cap in mandate.sector_caps.items()),
        *([] if mandate.cash_floor is None else [CashFloor(mandate.cash_floor)]),
        *_most_cash(mandate, situation),
        *([MinPosition(mandate.min_position)] if mandate.min_position else []),
        *([MinNames(mandate.min_names)] if mandate.min_names else []),
        *([] if mandate.max_names is None else [MaxNames(mandate.max_names)]),
        *([Forbidden(excluded)] if excluded else []),
        *([Locked(locked)] if locked else []),
        *(limit for text in mandate.limits for limit in limits_from_text(text, symbols, sectors)),
    )


def broken_in_words(limits: Iterable[Limit], situation: Situation, weights: Vector) -> tuple[str, ...]:
    """What a portfolio (N,) breaks of the limits, each with by how much."""
    broken = []
    for limit in limits:
        amount = float(limit.violation(situation, weights[None])[0])
        if amount > ROUNDING:
            broken.append(f"{limit.in_words()}: broken by {amount_in_words(limit, amount)}")
    return tuple(broken)


ROUNDING = 1e-9


def _company_caps(mandate: Mandate, situation: Situation) -> dict[str, float]:
    """The weight that the largest allowed share of a company would have, where its listed units are given and it can bind."""
    if mandate.max_of_company is None:
        return {}
    units = dict(zip(situation.day.symbols.tolist(), situation.unit.tolist(), strict=True))
    caps = {
        symbol: mandate.max_of_company * listed * units[symbol]
        for symbol, listed in mandate.listed_units.items()
        if symbol in units
    }
    return {symbol: cap for symbol, cap in caps.items() if cap < 1}


def _most_cash(mandate: Mandate, situation: Situation) -> list[FullyInvested]:
    """What may stay in cash: the ceiling, and what the least share in listed securities leaves."""
    most = []
    if mandate.cash_ceiling is not None:
        most.append(mandate.cash_ceiling)
    if mandate.min_listed is not None:
        most.append(float(np.clip(1 - situation.outside_value / situation.wealth - mandate.min_listed, 0, 1)))
    return [FullyInvested(min(most))] if most else []
