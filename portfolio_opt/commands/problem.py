"""A situation as one meets it on a day, and what is wanted of it, as a Problem: what every decision of a command begins with."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np

from ..allocate.problem import Limits, Outside, Problem
from ..allocate.statement.term import Limit
from ..allocate.trading_day import trading_day
from ..errors import InvalidInput
from ..forecast.beliefs import Beliefs
from ..forecast.estimate import estimate
from ..forecast.risk.scenarios import bootstrap
from ..forecast.views import with_views
from ..ingest.corporate.mergers import in_successors
from ..ingest.last_moves import refuse_slips
from ..ingest.mandate import Mandate, nearest
from ..ingest.panel import Panel
from ..ingest.views import View
from ..market.account import Account
from ..market.calendar import Calendar, Holidays
from ..market.money import MILLION, paisa_from_price
from .market_day import known_rules, refuse_unknown
from .wishes import not_bought, plain_limits, with_wishes

LONGEST_TO_SETTLE = 31  # days
MOST_RETURN = 10.0  # a year
PATHS, WHOLE_PATHS = 1000, 300  # bootstrapped scenarios, where the objective needs their ends, or all of them


def problem_of(
    panel: Panel,
    account: Account,
    as_of: date,
    *,
    steps: int = 0,
    beliefs: Beliefs | None = None,
    limits: Limits | None = None,
    further: Iterable[Limit | str] = (),
    mandate: Mandate | None = None,
    risk_aversion: float = 2.0,
    holding_period: float = 1.0,
    limit_margin: float = 0.01,
    forbidden: Iterable[str] = (),
    holidays: Holidays | None = None,
    views: Mapping[str, View] | None = None,
    seed: int = 0,
) -> Problem:
    """The decision of the session after `as_of`, with what is believed, held and allowed.

    steps: of the scenarios that are needed, 0 for none; they are bootstrapped from the panel where the beliefs hold none
    The rest is as in `rebalance`. Raises as `rebalance`.
    """
    refuse_unknown(_symbols("forbidden", forbidden), panel)
    if not 0 <= limit_margin <= 1:
        raise InvalidInput(f"limit_margin is {limit_margin:g}, but it is a fraction from 0 to 1")
    calendar = Calendar(panel.sessions(), holidays)
    rules = known_rules(calendar.next_session(as_of))
    seen = panel.until(as_of)
    account, _ = in_successors(account, seen.actions, as_of)
    for day_free, _ in account.unsettled_cash:
        if (day_free - as_of).days > LONGEST_TO_SETTLE:
            raise InvalidInput(
                f"cash settles on {day_free}, more than {LONGEST_TO_SETTLE} days away: orders cannot wait so long; leave it out"
            )
    free_on = tuple((calendar.first_session(day), amount) for day, amount in account.unsettled_cash)
    account = replace(account, unsettled_cash=free_on)
    held = [position.symbol for position in account.positions().values()]
    refuse_slips([*held, *account.pending], seen)
    day = trading_day(seen, held, rules, calendar, round(limit_margin * MILLION), not_bought(forbidden, mandate, seen))
    if not len(day.symbols) and not account.lots and not account.pending:
        raise InvalidInput("no share of these prices can be bought: none is an equity that trades often enough")
    believed = (beliefs or estimate(seen, day.symbols.tolist())).of(day.symbols)
    believed = with_views(believed, _views(views or {}, panel))
    if steps and believed.scenarios is None:
        rng, names = np.random.default_rng([seed, 2]), believed.symbols.tolist()
        paths = bootstrap(
            seen, names, believed.horizon, PATHS if steps == 1 else WHOLE_PATHS, rng, mean=believed.mean, steps=steps
        )
        believed = paths.given_to(believed)
    problem = Problem(
        believed,
        account,
        day,
        rules,
        holding_period,
        outside=(*_unpriced(account, set(day.symbols.tolist())), *_pending(account, seen)),
        limits=plain_limits({} if limits is None else vars(limits), mandate),
        risk_aversion=risk_aversion,
    )
    return with_wishes(problem, further, mandate, panel)


def _symbols(what: str, names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InvalidInput(f"{what} is the text {names[:60]!r}, but it is a list of symbols; write [{names[:60]!r}]")
    return tuple(names)


def _views(views: Mapping[str, View], panel: Panel) -> Mapping[str, View]:
    """The views, refused where one is none, is a percentage, or names what these prices do not know."""
    known = {*panel.symbols.tolist(), *panel.known_symbols}
    for symbol, view in views.items():
        if not isinstance(view, View):
            raise InvalidInput(
                f"the view on {symbol} is a {type(view).__name__}; give those of read_views, or ingest.views.View"
            )
        if symbol not in known:
            raise InvalidInput(
                f"views: {symbol!r} is no symbol of these prices; did you mean {nearest(symbol, known)!r}?"
            )
        if not abs(view.expected_return) <= MOST_RETURN:
            raise InvalidInput(
                f"the view on {symbol} is {view.expected_return:g} a year; write a fraction, 0.15 for 15%"
            )
    return views


def _unpriced(account: Account, priced: set[str]) -> list[Outside]:
    """Holdings without prices, at the holdings file's own price, 0 where it gives none."""
    return [
        Outside(
            symbol,
            position.units,
            position.units * account.quoted.get(symbol, 0),
            "no prices: kept at the price in the holdings file" if account.quoted.get(symbol) else "no price at all",
        )
        for symbol, position in account.positions().items()
        if symbol not in priced
    ]


def _pending(account: Account, seen: Panel) -> list[Outside]:
    """Bonus units not yet listed, at the last close; at 0 where that close is from before the ex day and so includes them."""
    closes, rows = seen.last_close()
    ex_days = {action.symbol: action.ex_date for action in seen.actions if action.kind == "bonus"}
    found = []
    for symbol, units in sorted(account.pending.items()):
        column = seen.column(symbol)
        why, price, sector = "bonus units owned but not yet listed", account.quoted.get(symbol, 0), ""
        if column is not None and rows[column] >= 0:
            price, sector = int(paisa_from_price(closes[column : column + 1])[0]), str(seen.sector[column])
            if seen.day(int(rows[column])) < ex_days.get(symbol, date.min):
                why, price = f"{why}; the last price, of before the ex day, still includes them", 0
        found.append(Outside(symbol, units, units * price, why, sector, True))
    return found
