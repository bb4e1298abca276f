"""What can be traded on the trade date, at which prices, and why the rest cannot."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..ingest.panel import Panel
from ..ingest.universe import LISTED_SESSIONS, TRADED, median_turnover, sessions_since_trade, universe
from ..market.calendar import Calendar
from ..market.money import paisa_from_price
from ..market.prices import limit_price, order_step, price_band
from ..market.rules import DayRules

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sectors:
    """names: in order; member: (N,) index of each symbol's sector, -1 where it is unknown; inside: (S, N) 1 where it belongs"""

    names: tuple[str, ...]
    member: Ints
    inside: NDArray[np.float64]


@dataclass(frozen=True)
class TradingDay:
    """The market as one account meets it on `trade_date`. N symbols; prices and money in paisa.

    close: last close known; buy_limit, sell_limit: worst prices the orders accept; band_low, band_high: of the day
    step_low, step_high: what one order of the continuous session may carry, around the last close
    turnover: median a session; can_buy, can_sell; why_not: why a name is not bought or not traded, "" where it is free
    """

    trade_date: date
    settles_on: date
    symbols: NDArray[np.str_]
    sector: NDArray[np.str_]
    instrument: NDArray[np.str_]
    lot: Ints
    close: Ints
    buy_limit: Ints
    sell_limit: Ints
    band_low: Ints
    band_high: Ints
    step_low: Ints
    step_high: Ints
    turnover: Ints
    can_buy: NDArray[np.bool_]
    can_sell: NDArray[np.bool_]
    why_not: tuple[str, ...]

    @cached_property
    def sectors(self) -> Sectors:
        """The sectors of the symbols."""
        names = tuple(sorted(set(self.sector.tolist()) - {""}))
        member = np.array([names.index(s) if s else -1 for s in self.sector.tolist()], dtype=np.int64)
        inside = np.array([member == k for k in range(len(names))], dtype=float).reshape(-1, len(member))
        return Sectors(names, member, inside)


def trading_day(
    panel: Panel,
    held: Iterable[str],
    rules: DayRules,
    calendar: Calendar,
    margin_ppm: int,
    forbidden: Mapping[str, str] | None = None,
) -> TradingDay:
    """The names one may buy and the names one holds, as of the panel's last session.

    held: symbols of the account; those without any price are left to the caller
    margin_ppm: how far beyond the close a limit price goes; forbidden: symbols that must not be bought, and why
    A name is bought only if it is in the `universe`, not forbidden, and does not go ex a bonus or right or merge before the
    trade date. A held name needs a recent trade to be sold.
    """
    going_ex = _going_ex(panel, rules.day)
    why = _why_not(panel, going_ex, forbidden or {})
    buyable = np.array([not reason for reason in why])
    close, _ = panel.last_close()
    owned = np.isin(panel.symbols, list(held)) & ~np.isnan(close)
    columns = np.flatnonzero(buyable | owned)
    price = paisa_from_price(close[columns])
    stays = ~np.isin(panel.symbols[columns], list(going_ex))
    equity = panel.instrument[columns] == TRADED
    recent = sessions_since_trade(panel)[columns] < LISTED_SESSIONS
    step = order_step(rules, TRADED, price)
    band = price_band(rules, TRADED, price)
    return TradingDay(
        trade_date=rules.day,
        settles_on=calendar.add_sessions(rules.day, rules.settlement_sessions),
        symbols=panel.symbols[columns].copy(),
        sector=panel.sector[columns].copy(),
        instrument=panel.instrument[columns].copy(),
        lot=np.array([rules.lot_of(kind) for kind in panel.instrument[columns]], dtype=np.int64),
        close=price,
        buy_limit=limit_price(rules, TRADED, "BUY", price, margin_ppm),
        sell_limit=limit_price(rules, TRADED, "SELL", price, margin_ppm),
        band_low=band[0],
        band_high=band[1],
        step_low=step[0],
        step_high=step[1],
        turnover=paisa_from_price(median_turnover(panel)[columns]),
        can_buy=buyable[columns],
        can_sell=equity & recent & stays & owned[columns],
        why_not=tuple(why[column] for column in columns),
    )


def _why_not(panel: Panel, going_ex: dict[str, str], forbidden: Mapping[str, str]) -> list[str]:
    """The first reason why each symbol is not bought, "" where there is none."""
    own = {**going_ex, **forbidden}
    chosen = universe(panel)
    return [own.get(symbol, why) for symbol, why in zip(panel.symbols.tolist(), chosen.why_not, strict=True)]


def _going_ex(panel: Panel, trade_date: date) -> dict[str, str]:
    """Symbols of which the last close is no guide to the trade date, and why."""
    reasons = {"merger": "merges before the trade date"}
    return {
        action.symbol: reasons.get(action.kind, "goes ex a bonus or right before the trade date")
        for action in panel.actions
        if panel.last_date < action.ex_date <= trade_date
    }
