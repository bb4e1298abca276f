"""What the commands that decide share: the day whose close counts, the rules of the next session, symbols that must be known."""

import difflib
from collections.abc import Iterable
from datetime import date

from ..errors import InvalidInput
from ..ingest.panel import Panel
from ..market.calendar import Calendar
from ..market.rules import DayRules, rulebook

FRESH_SESSIONS = 5


def known_rules(trade_date: date) -> DayRules:
    rules = rulebook().on(trade_date)
    if rules.assumed:
        raise InvalidInput(
            f"orders for {trade_date} would rest on {len(rules.assumed)} rules that are only assumed for that day (the last: "
            f"{rules.assumed[-1]}); choose a later --as-of"
        )
    return rules


def day_that_counts(
    panel: Panel, calendar: Calendar, asked: date | None, today: date, allow_stale: bool
) -> tuple[date, list[str]]:
    """The day whose close counts, and what to warn of. Raises InvalidInput when prices are too old for an order list."""
    if asked is not None and asked > today:
        raise InvalidInput(f"--as-of {asked} lies after today, {today}: its close cannot be known")
    newest = panel.until(asked or today).last_date
    until = asked or today
    age = calendar.sessions_between(newest, until)
    warnings = []
    if age > FRESH_SESSIONS:
        found = f"the newest price is of {newest}, {age} sessions before {until}"
        if not allow_stale:
            raise InvalidInput(
                f"{found}; an order list needs one at most {FRESH_SESSIONS} sessions old: fetch newer prices, or --allow-stale"
            )
        warnings.append(f"Stale prices: {found}. Limits, bands and weights rest on them.")
    elif asked and age:
        warnings.append(f"The newest price is of {newest}, {age} sessions before {asked}.")
    return asked if asked and age else newest, warnings


def refuse_unknown(forbidden: Iterable[str], panel: Panel) -> None:
    """A symbol that is forbidden but not known is a slip that would let its purchase through."""
    known = {*panel.symbols.tolist(), *panel.known_symbols}
    for symbol in forbidden:
        if symbol not in known:
            near = difflib.get_close_matches(symbol, sorted(known), n=1)
            raise InvalidInput(
                f"forbidden: {symbol!r} is no symbol of these prices" + (f"; did you mean {near[0]!r}?" if near else "")
            )
