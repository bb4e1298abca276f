"""Today's prices and holdings to a rebalancing report and an order list."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from ..allocate.decide import decide
from ..allocate.plan import Plan
from ..allocate.problem import Limits
from ..allocate.statement.term import Limit, Measure, Objective, scenario_steps
from ..files import publish
from ..forecast.beliefs import Beliefs
from ..ingest.mandate import Mandate
from ..ingest.panel import Panel
from ..ingest.views import View
from ..market.account import Account
from ..market.calendar import Holidays
from ..report.orders_csv import orders_csv
from ..report.page import rebalance_page
from ..report.rebalance_json import SCHEMA, plan_document
from .inputs import read_inputs
from .options import REBALANCE
from .problem import problem_of
from .progress import COMPILING, told_if_slow

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
    as_of = as_of or panel.last_date
    problem = problem_of(
        panel,
        account,
        as_of,
        steps=0 if objective is None else scenario_steps(1.0 * objective),
        beliefs=beliefs,
        limits=limits,
        further=further,
        mandate=mandate,
        risk_aversion=risk_aversion,
        holding_period=holding_period,
        limit_margin=limit_margin,
        forbidden=forbidden,
        holidays=holidays,
        views=views,
        seed=seed,
    )
    if objective is not None:
        problem = replace(problem, objective=1.0 * objective)
    return decide(problem, as_of, seed, draws, exact)


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
    read = read_inputs(REBALANCE, given, config, now, FILES, SCHEMA)
    options = read.options
    with told_if_slow(COMPILING):
        plan = rebalance(
            read.panel,
            read.account,
            as_of=read.as_of,
            limits=read.limits,
            further=options["limits"],
            mandate=read.mandate,
            risk_aversion=options["risk_aversion"],
            holding_period=options["holding_period"],
            limit_margin=options["limit_margin"],
            forbidden=options["forbidden"],
            holidays=read.holidays,
            views=read.views,
            seed=options["seed"],
            draws=options["draws"],
            exact=options["exact"],
        )
    record, warnings = read.record(), read.warnings(plan.trade_date, plan.settles_on)
    document = plan_document(plan, record, warnings)
    files = {
        "report.html": rebalance_page(document).encode(),
        "orders.csv": orders_csv(document).encode(),
        "plan.json": (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
    }
    if options["out"] is not None:
        publish(options["out"], files, SCHEMA)
    return Run(plan, document, files)
