"""Six years of daily prices: market, sectors and companies move a value; the exchange's rules turn it into trades.

A share's value is free. Its close is the value on the tick of the day, cut at the band around the adjusted previous
close, so a large move takes several days. Money is int64 paisa, arrays are (T sessions, N symbols).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from sample_companies import FIRST_DAY, ISSUE_PRICE, LAST_DAY, LISTED_MIDWAY, Action, Company

from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.prices import around, price_band, round_down, round_up
from portfolio_opt.market.rules import DayRules, rulebook

Paisa = NDArray[np.int64]
Floats = NDArray[np.float64]

SESSIONS_A_YEAR = 255
MARKET_VOLATILITY, SECTOR_VOLATILITY, OWN_DRIFT = 0.23, 0.10, 0.04  # a year
WORST_MARKET_DAY = 0.05  # the exchange halts at an index move of 6%
PHASES = (  # from this day on the market drifts by so much a year
    (date(2020, 8, 1), 0.65),
    (date(2021, 8, 15), -0.50),
    (date(2022, 9, 20), 0.00),
    (date(2024, 6, 10), 1.20),
    (date(2024, 10, 1), 0.05),
)
AVERAGE_CLOSE = (date(2025, 3, 20), date(2025, 9, 21))  # days on which the close is an average, so off the tick
FALL_ON_CASH = 0.6  # of a company's cash dividend; the exchange leaves the reference price alone


@dataclass(frozen=True)
class Market:
    """What traded. Paisa where a company traded, undefined elsewhere.

    reference: the previous close as the exchange adjusted it; ex_rows: (row, column) of each action
    """

    sessions: list[date]
    companies: list[Company]
    actions: list[Action]
    ex_rows: list[tuple[int, int]]
    traded: NDArray[np.bool_]
    reference: Paisa
    open: Paisa
    high: Paisa
    low: Paisa
    close: Paisa
    volume: Paisa
    turnover: Paisa

    def column(self, symbol: str) -> int:
        """Where a symbol stands."""
        return next(j for j, company in enumerate(self.companies) if company.symbol == symbol)

    def row_from(self, day: date, column: int) -> int:
        """The first session on or after a day on which a company traded."""
        return next(t for t, traded in enumerate(self.traded[:, column]) if traded and self.sessions[t] >= day)


def sessions() -> list[date]:
    """The sessions of the sample's six years."""
    calendar = Calendar()
    days = (FIRST_DAY + timedelta(k) for k in range((LAST_DAY - FIRST_DAY).days + 1))
    return [day for day in days if calendar.is_session(day)]


def simulate(companies: list[Company], actions: Sequence[Action], rng: np.random.Generator) -> Market:
    """Trades of every company on every session. Actions that fall outside a company's trading life are left out."""
    days = sessions()
    traded = _traded(days, companies, rng)
    growth = _growth(days, companies, rng)
    column = {company.symbol: j for j, company in enumerate(companies)}
    rows = [_ex_row(days, traded[:, column[action.symbol]], action.book_close) for action in actions]
    done = [(action, (t, column[action.symbol])) for action, t in zip(actions, rows, strict=True) if t is not None]
    closes = _closes(days, companies, traded, growth, done)
    return Market(
        sessions=days,
        companies=companies,
        actions=[action for action, _ in done],
        ex_rows=[at for _, at in done],
        traded=traded,
        reference=closes.reference,
        close=closes.close,
        **_day_around(closes, companies, rng),
    )


def index_levels(market: Market) -> dict[str, Floats]:
    """Open, high, low and close of the index: shares by market value, corrected for bonus and right but not for cash."""
    equity = np.array([company.instrument == "equity" for company in market.companies])
    seen = np.cumsum(market.traded, axis=0) > 1  # a first day has no return

    def moves(price: Paisa) -> Floats:
        return np.where(market.traded & seen & equity, price / market.reference - 1, 0.0)

    size = np.array([company.turnover**0.7 for company in market.companies])
    value = size * np.cumprod(1 + moves(market.close), axis=0) / (1 + moves(market.close))
    listed = np.array([[c.first <= day <= c.last for c in market.companies] for day in market.sessions])
    weight = np.where(equity & listed, value, 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    change = {name: (weight * moves(getattr(market, name))).sum(axis=1) for name in ("open", "high", "low", "close")}
    level = 1000 * np.cumprod(1 + change["close"])
    before = level / (1 + change["close"])
    top, bottom = np.maximum(change["open"], change["close"]), np.minimum(change["open"], change["close"])
    return {  # highs and lows of companies do not come at one moment, so the index reaches a third of the way to them
        "open": before * (1 + change["open"]),
        "high": before * (1 + top + (change["high"] - top) / 3),
        "low": before * (1 + bottom + (change["low"] - bottom) / 3),
        "close": level,
    }


def adjusted_close(previous: int, together: Sequence[Action], instrument: str) -> int:
    """The exchange's reference price after actions of one ex day: (P + r S) / (1 + b + r), a fund's cash taken off P."""
    bonus = sum(action.amount for action in together if action.kind == "bonus")
    right = sum(action.amount for action in together if action.kind == "right")
    cash = sum(action.amount for action in together if action.kind == "cash" and instrument == "mutual_fund")
    return int((previous + 100 * (right * ISSUE_PRICE - cash)) / (1 + bonus + right) + 0.5)


def _ex_row(days: list[date], traded: NDArray[np.bool_], book_close: date) -> int | None:
    """The first traded session on or after the book close, where one stands before it."""
    rows = np.flatnonzero(traded)
    return next((int(t) for t in rows[1:] if days[t] >= book_close > days[rows[0]]), None)


def _traded(days: list[date], companies: list[Company], rng: np.random.Generator) -> NDArray[np.bool_]:
    listed = np.array([[c.first <= day <= c.last for c in companies] for day in days])
    return listed & (rng.random(listed.shape) < np.array([c.traded for c in companies]))


def _fat_tailed(rng: np.random.Generator, shape: int | tuple[int, ...], volatility: float | Floats = 1.0) -> Floats:
    """Daily shocks of an annual volatility: Student-t with 3 degrees of freedom.

    They average to zero over the six years, so that prices end where their drifts lead and not at any level.
    """
    shocks = rng.standard_t(3, shape) / np.sqrt(3)
    return np.asarray((shocks - shocks.mean(axis=0)) * volatility / np.sqrt(SESSIONS_A_YEAR))


def _persistent(rng: np.random.Generator, shape: int | tuple[int, ...], memory: float) -> Floats:
    """A standard normal series that keeps `memory` of itself from day to day."""
    path = rng.standard_normal(shape)
    for t in range(1, len(path)):
        path[t] = memory * path[t - 1] + np.sqrt(1 - memory**2) * path[t]
    return path


def _growth(days: list[date], companies: list[Company], rng: np.random.Generator) -> Floats:
    """Growth of each company's value on each day, before actions."""
    T, N = len(days), len(companies)
    calm_or_wild = np.exp(0.35 * _persistent(rng, T, 0.95) - 0.06)
    shock = np.clip(_fat_tailed(rng, T, MARKET_VOLATILITY) * calm_or_wild, -WORST_MARKET_DAY, WORST_MARKET_DAY)
    drift = np.array([next(d for start, d in reversed(PHASES) if start <= day) for day in days]) / SESSIONS_A_YEAR
    market = shock - shock.mean() + drift
    names = sorted({company.sector for company in companies})
    sector = _fat_tailed(rng, (T, len(names)), SECTOR_VOLATILITY)
    own = _fat_tailed(rng, (T, N), np.array([c.swing for c in companies]))
    beta = np.array([c.beta for c in companies])
    log = beta * (market[:, None] + rng.normal(0, OWN_DRIFT, N) / SESSIONS_A_YEAR) + own
    for j, company in enumerate(companies):
        log[:, j] += (company.beta > 0) * sector[:, names.index(company.sector)]
    column = {company.symbol: j for j, company in enumerate(companies)}
    for j, company in enumerate(companies):
        if company.follows:
            log[:, j] = own[:, j] + log[:, column[company.follows]]
    return np.asarray(np.exp(log))


@dataclass(frozen=True)
class _Closes:
    reference: Paisa
    close: Paisa
    tick: Paisa
    lowest: Paisa
    highest: Paisa
    lowest_open: Paisa
    highest_open: Paisa


def _closes(
    days: list[date],
    companies: list[Company],
    traded: NDArray[np.bool_],
    growth: Floats,
    done: Sequence[tuple[Action, tuple[int, int]]],
) -> _Closes:
    """Day by day: adjust the previous close, move the value, cut at the band."""
    ex_days: dict[int, dict[int, list[Action]]] = defaultdict(lambda: defaultdict(list))
    for action, (t, j) in done:
        ex_days[t][j].append(action)
    start_tick = np.array([rulebook().on(c.first).tick_of(c.instrument) for c in companies])
    previous = np.rint(100 * np.array([c.start for c in companies]) / start_tick).astype(np.int64) * start_tick
    value = previous.astype(np.float64)
    value[[c.symbol == LISTED_MIDWAY for c in companies]] *= 2.0  # a new share locks at its upper band for some days
    first = np.array([c.first for c in companies])
    rows = []
    for t, day in enumerate(days):
        rules = rulebook().on(day)
        reference = previous.copy()
        for j, together in ex_days[t].items():
            instrument = companies[j].instrument
            reference[j] = adjusted_close(int(previous[j]), together, instrument)
            if instrument != "mutual_fund":
                cash = 100 * sum(action.amount for action in together if action.kind == "cash")
                value[j] -= FALL_ON_CASH * cash * value[j] / previous[j]
        value *= reference / previous * np.where(day >= first, growth[t], 1.0)
        tick, lowest, highest, lowest_open, highest_open = _limits(rules, companies, reference)
        grain = np.ones_like(tick) if AVERAGE_CLOSE[0] <= day <= AVERAGE_CLOSE[1] else tick
        close = np.clip(np.rint(value / grain).astype(np.int64) * grain, lowest, highest)
        previous = np.where(traded[t], close, previous)
        rows.append((reference, close, tick, lowest, highest, lowest_open, highest_open))
    return _Closes(*(np.array(column) for column in zip(*rows, strict=True)))


def _limits(rules: DayRules, companies: list[Company], reference: Paisa) -> tuple[Paisa, ...]:
    """Tick, lowest and highest price, lowest and highest open of every company."""
    fund = np.array([c.instrument == "mutual_fund" for c in companies])

    def limits(kind: str) -> tuple[Paisa, ...]:
        tick = rules.tick_of(kind)
        band, opens = price_band(rules, kind, reference), around(reference, rules.pre_open_band, tick)
        return np.full_like(reference, tick), *band, *opens

    return tuple(np.where(fund, *pair) for pair in zip(limits("mutual_fund"), limits("equity"), strict=True))


def _day_around(closes: _Closes, companies: list[Company], rng: np.random.Generator) -> dict[str, Paisa]:
    """Open, high, low, volume and turnover that go with the closes and stay inside the band."""
    close, tick, shape = closes.close, closes.tick, closes.close.shape
    opens = round_down(_times(closes.reference, 1 + 0.012 * rng.standard_normal(shape)), tick)
    opens = np.clip(opens, closes.lowest_open, closes.highest_open)
    up, down = np.abs(rng.normal(0, 0.014, (2, *shape)))
    high = np.minimum(round_up(_times(np.maximum(opens, close), 1 + up), tick), closes.highest)
    low = np.maximum(round_down(_times(np.minimum(opens, close), 1 - down), tick), closes.lowest)
    typical = (opens + high + low + close) / 4
    usual = 100 * np.array([company.turnover for company in companies])
    lot = np.array([rulebook().on(LAST_DAY).lot_of(company.instrument) for company in companies])
    volume = np.maximum(_times(usual / typical, _activity(close / closes.reference - 1, rng)), lot)
    turnover = _times(volume * typical, 1 / tick) * tick
    return {"open": opens, "high": high, "low": low, "volume": volume, "turnover": turnover}


def _activity(move: Floats, rng: np.random.Generator) -> Floats:
    """Turnover as a multiple of a company's usual one: busy times come and last, and large moves bring trades."""
    T, N = move.shape
    busy = 0.5 * _persistent(rng, T, 0.9)[:, None] + 0.7 * _persistent(rng, (T, N), 0.6)
    return np.asarray(np.exp(busy + 12 * np.abs(move) - 0.2))


def _times(price: Paisa | Floats, factor: Floats) -> Paisa:
    return np.rint(price * factor).astype(np.int64)
