"""What can be traded on the trade date, at which prices, and why the rest cannot."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ..forecast.liquidity import median_turnover, sessions_since_trade, traded_share
from ..ingest.panel import Panel
from ..market.calendar import Calendar
from ..market.money import paisa_from_price
from ..market.prices import limit_price, order_step, price_band
from ..market.rules import DayRules

Ints = NDArray[np.int64]

TRADED = "equity"  # the one instrument that orders are made for
LISTED_SESSIONS = 120
TRADED_SHARE = 0.8
LEAST_TURNOVER = 100_000_00  # paisa a session: NPR 100,000
HALTED_AFTER = 5  # sessions without a trade


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


def trading_day(
    panel: Panel,
    held: Iterable[str],
    rules: DayRules,
    calendar: Calendar,
    margin_ppm: int,
    forbidden: Iterable[str] = (),
) -> TradingDay:
    """The names one may buy and the names one holds, as of the panel's last session.

    held: symbols of the account; those without any price are left to the caller
    margin_ppm: how far beyond the close a limit price goes; forbidden: symbols that must not be bought
    A name is bought only if it is an equity, traded on 80% of the last 120 sessions and within the last 5, turns over NPR
    100,000 a session, and does not go ex a bonus or right before the trade date. A held name needs a recent trade to be sold.
    """
    buyable, why = _buy_list(panel, rules.day, set(forbidden))
    close, _ = panel.last_close()
    owned = np.isin(panel.symbols, list(held)) & ~np.isnan(close)
    columns = np.flatnonzero(buyable | owned)
    price = paisa_from_price(close[columns])
    going_ex = np.isin(panel.symbols[columns], _going_ex(panel, rules.day))
    equity = panel.instrument[columns] == TRADED
    recent = sessions_since_trade(panel)[columns] < HALTED_AFTER
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
        can_sell=equity & recent & ~going_ex & owned[columns],
        why_not=tuple(why[column] for column in columns),
    )


def _buy_list(panel: Panel, trade_date: date, forbidden: set[str]) -> tuple[NDArray[np.bool_], list[str]]:
    """Which symbols may be bought, and for each the first reason why not."""
    closes, _ = panel.last_close()
    needed = min(LISTED_SESSIONS, len(panel.dates))
    kinds = {"promoter_share": "promoter share, for promoters only", "unknown": "kind of instrument unknown"}
    kind_reason = np.array([kinds.get(kind, f"{kind.replace('_', ' ')}, not traded here") for kind in panel.instrument])
    checks = [
        (np.isnan(closes), "no price"),
        (panel.instrument != TRADED, None),
        (np.isin(panel.symbols, list(forbidden)), "forbidden by the configuration"),
        (np.isin(panel.symbols, _going_ex(panel, trade_date)), "goes ex a bonus or right before the trade date"),
        (
            sessions_since_trade(panel) >= HALTED_AFTER,
            f"no trade in the last {HALTED_AFTER} sessions (halted, merged or delisted)",
        ),
        (
            traded_share(panel, needed) < TRADED_SHARE,
            f"traded on less than {TRADED_SHARE:.0%} of the last {needed} sessions",
        ),
        (
            median_turnover(panel) * 100 < LEAST_TURNOVER,
            f"turns over less than NPR {LEAST_TURNOVER // 100:,} a session",
        ),
    ]
    why = [""] * len(panel.symbols)
    for fails, reason in reversed(checks):
        for column in np.flatnonzero(fails):
            why[column] = reason or str(kind_reason[column])
    return np.array([not reason for reason in why]), why


def _going_ex(panel: Panel, trade_date: date) -> list[str]:
    """Symbols whose price the exchange resets between the last close and the trade date: today's close is no guide to it."""
    return [symbol for symbol, ex_date, _ in panel.announced if panel.last_date < ex_date <= trade_date]
