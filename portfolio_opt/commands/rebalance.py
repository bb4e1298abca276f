"""Today's prices and holdings to a rebalancing report and an order list."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ..allocate.decide import decide
from ..allocate.plan import Plan
from ..allocate.problem import Limits, Outside, Problem
from ..allocate.statement.term import Limit, Measure, Objective, scenario_steps
from ..allocate.trading_day import trading_day
from ..errors import InvalidInput
from ..files import publish, require_replaceable
from ..forecast.beliefs import Beliefs
from ..forecast.estimate import estimate
from ..forecast.risk.scenarios import bootstrap
from ..forecast.views import with_views
from ..ingest.account_files import read_account
from ..ingest.corporate.endings import ended_holdings
from ..ingest.corporate.mergers import in_successors
from ..ingest.findings import Finding, about
from ..ingest.holidays import holiday_file, holiday_findings, read_holidays
from ..ingest.last_moves import jump_warnings, refuse_slips
from ..ingest.mandate import Mandate
from ..ingest.mandate_file import read_mandate
from ..ingest.names import price_disagreements, refuse_misspelt
from ..ingest.panel import Panel
from ..ingest.prices import read_prices
from ..ingest.views import View, read_views, view_findings
from ..market.account import Account
from ..market.calendar import Calendar, Holidays
from ..market.money import MILLION, paisa_from_price
from ..report.orders_csv import orders_csv
from ..report.page import rebalance_page
from ..report.rebalance_json import SCHEMA, plan_document
from ..report.run_record import RunRecord, digest
from ..report.session_words import session_warnings
from .market_day import day_that_counts, known_rules, refuse_unknown
from .options import ACCOUNT_FILES, REBALANCE
from .progress import COMPILING, told_if_slow
from .resolve import read_now, resolve
from .wishes import PLAIN, not_bought, plain_limits, with_wishes

FILES = ("report.html", "orders.csv", "plan.json")


def rebalance(
    panel: Panel,
    account: Account,
    *,
    as_of: date | None = None,
    beliefs: Beliefs | None = None,
    limits: Limits | None = None,
    further: Iterable[Limit | str] = (),
    mandate: Mandate | None = None,
    objective: Measure | Objective | None = None,
    risk_aversion: float = 2.0,
    holding_period: float = 1.0,
    limit_margin: float = 0.01,
    forbidden: Iterable[str] = (),
    holidays: Holidays | None = None,
    views: Mapping[str, View] | None = None,
    seed: int = 0,
    draws: int = 0,
    exact: bool = False,
) -> Plan:
    """The Plan for the session after `as_of`: whole-share orders under that day's rules, and why.

    panel: prices; account: holdings and cash; as_of: the day whose close is known (default: the panel's last session)
    beliefs: about at least every name that can be bought and every priced holding (default: `estimate`)
    limits: caps and cash floor (default: the mandate's, else those of Limits); further: limits beside them, as objects or text
    mandate: what a scheme or an investor allows; objective: what to maximise instead of the plain utility, whose price of risk is
        `risk_aversion`; scenarios for it are bootstrapped from the panel where the beliefs hold none
    holidays: closures and special sessions that are announced for days after the prices
    views: one's own expected returns by symbol, instead of those of `beliefs`; seed: of all that is random
    draws: of the beliefs, each decided again, for the plan's `stability`; 0 for none
    exact: whether the plan is to be proved the best to 0.1 bp, for up to 30 names that can be traded and a plain decision
    Raises InvalidInput for a day the rulebook does not know and for a holding whose last close is off by a digit, NoSolution,
    in words, when no portfolio meets the limits.
    """
    calendar = Calendar(panel.sessions(), holidays)
    as_of = as_of or panel.last_date
    rules = known_rules(calendar.next_session(as_of))
    seen = panel.until(as_of)
    account, _ = in_successors(account, seen.actions, as_of)
    free_on = tuple((calendar.first_session(day), amount) for day, amount in account.unsettled_cash)
    account = replace(account, unsettled_cash=free_on)
    held = [position.symbol for position in account.positions().values()]
    refuse_slips([*held, *account.pending], seen)
    day = trading_day(seen, held, rules, calendar, round(limit_margin * MILLION), not_bought(forbidden, mandate, seen))
    if not len(day.symbols) and not account.lots and not account.pending:
        raise InvalidInput("no share of these prices can be bought: none is an equity that trades often enough")
    believed = with_views((beliefs or estimate(seen, day.symbols.tolist())).of(day.symbols), views or {})
    steps = 0 if objective is None else scenario_steps(1.0 * objective)
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
        objective=None if objective is None else 1.0 * objective,
    )
    return decide(with_wishes(problem, further, mandate, panel), as_of, seed, draws, exact)


PATHS, WHOLE_PATHS = 1000, 300  # bootstrapped scenarios, where the objective needs their ends, or all of them


@dataclass(frozen=True)
class Run:
    """A finished run: the plan, its document, and the bytes of its files."""

    plan: Plan
    document: Mapping[str, Any]
    files: Mapping[str, bytes]


def run(given: Mapping[str, Any], config: Path | None = None, now: str | None = None) -> Run:
    """The `rebalance` command: read the files, decide, and write the three results to `out` where one is given.

    given: option values by name, as text or as Python values; config: a TOML file of options; now: stands for the clock
    Raises InvalidInput, NoSolution or EnvironmentTrouble; then nothing was written.
    """
    options = resolve(REBALANCE, given, config)
    moment = read_now(now)
    if options["prices"] is None:
        raise InvalidInput("no prices: give --prices DIR")
    if options["out"] is not None:
        require_replaceable(options["out"], FILES, SCHEMA)
    panel = read_prices(options["prices"])
    closures = holiday_file(options["holidays"], options["prices"])
    holidays = read_holidays(closures) if closures else None
    calendar = Calendar(panel.sessions(), holidays)
    as_of, warnings = day_that_counts(panel, calendar, options["as_of"], moment.date(), options["allow_stale"])
    account, findings = read_account(
        **{name: options[name] for name in ACCOUNT_FILES},
        cash=options["cash"],
        unsettled_cash=options["unsettled_cash"],
        investor=options["investor"],
        panel=panel.until(as_of),
    )
    account, merged = in_successors(account, panel.actions, as_of)
    findings += merged
    refuse_misspelt(account, panel.until(as_of), panel.known_symbols, options["unpriced"])
    refuse_unknown(options["forbidden"], panel)
    known = {*panel.symbols.tolist(), *panel.known_symbols}
    views = read_views(options["views"], known) if options["views"] else {}
    mandate = read_mandate(options["mandate"]) if options["mandate"] else None
    limits = plain_limits(options, mandate)
    options |= {name: getattr(limits, name) for name in PLAIN}
    with told_if_slow(COMPILING):
        plan = rebalance(
            panel,
            account,
            as_of=as_of,
            limits=limits,
            further=options["limits"],
            mandate=mandate,
            risk_aversion=options["risk_aversion"],
            holding_period=options["holding_period"],
            limit_margin=options["limit_margin"],
            forbidden=options["forbidden"],
            holidays=holidays,
            views=views,
            seed=options["seed"],
            draws=options["draws"],
            exact=options["exact"],
        )
    findings += price_disagreements(account, panel.until(as_of)) + _later_lots(account, as_of)
    findings += (
        view_findings(views, panel.until(as_of).symbols.tolist())
        + holiday_findings(calendar)
        + ended_holdings(account.positions(), panel.until(as_of))
    )
    record = RunRecord(
        generated=moment,
        options=_printable(options, as_of, mandate),
        account_hash=_hash_files(options[name] for name in (*ACCOUNT_FILES, "views", "mandate")),
        data_hash=digest(panel.data_hash + _hash_files([closures])) if closures else panel.data_hash,
        findings=(*findings, *panel.findings),
        seed=options["seed"],
    )
    warnings += jump_warnings([*account.positions(), *account.pending], panel.until(as_of))
    warnings += session_warnings(as_of, plan.trade_date, plan.settles_on, calendar, moment.date())
    document = plan_document(plan, record, warnings)
    files = {
        "report.html": rebalance_page(document).encode(),
        "orders.csv": orders_csv(document).encode(),
        "plan.json": (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
    }
    if options["out"] is not None:
        publish(options["out"], files, SCHEMA)
    return Run(plan, document, files)


def _later_lots(account: Account, as_of: date) -> list[Finding]:
    later = sorted({lot.symbol for lot in account.lots if lot.acquired and lot.acquired > as_of})
    effect = "counted as bought today; give the files of the as-of day"
    found = about("holdings with units that came after the as-of day", later, effect, "warning")
    return [found] if later else []


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


def _printable(options: Mapping[str, Any], as_of: date, mandate: Mandate | None) -> dict[str, Any]:
    """The resolved configuration for artefacts: no path, money in rupees, days as text."""
    paths = {option.name for option in REBALANCE if option.is_path}
    shown = {name: value for name, value in options.items() if name not in paths}
    shown["as_of"] = as_of.isoformat()
    shown["cash"] = options["cash"] / 100
    shown["unsettled_cash"] = {day.isoformat(): amount / 100 for day, amount in options["unsettled_cash"]}
    for name in ("forbidden", "unpriced", "limits"):
        shown[name] = list(options[name])
    if mandate is not None:
        file = _hash_files([options["mandate"]])
        shown["mandate"] = {"name": mandate.name, "allows": list(mandate.in_words()), "sha256": file}
    return shown


def _hash_files(paths: Iterable[Path | None]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(b"\0" if path is None else path.read_bytes() + b"\1")
    return digest.hexdigest()
