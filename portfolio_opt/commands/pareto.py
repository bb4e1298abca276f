"""Today's prices and holdings to every trade-off of a rebalance, and the one that is chosen."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..allocate.by_statement import for_today, reached
from ..allocate.decide import orders_for
from ..allocate.fronts.aims import Aim, aims_of, figures_of, values_of
from ..allocate.fronts.choice import alternatives, choose, firmness, rule_of
from ..allocate.fronts.front import Front
from ..allocate.fronts.honest import honest_fronts
from ..allocate.fronts.pareto import ROUNDS, Progress, front_of
from ..allocate.fronts.references import references, unreached
from ..allocate.plain import statement_of
from ..allocate.problem import Limits, Problem
from ..allocate.statement.term import Limit, Measure, Objective, scenario_steps
from ..files import publish
from ..forecast.beliefs import Beliefs
from ..ingest.mandate import Mandate
from ..ingest.panel import Panel
from ..ingest.views import View
from ..market.account import Account
from ..market.calendar import Holidays
from ..report.front_json import SCHEMA, FrontRun, front_document
from ..report.front_page import front_page
from ..report.orders_csv import orders_csv
from .inputs import read_inputs
from .options import PARETO
from .problem import problem_of
from .progress import COMPILING, told_if_slow

FILES = ("report.html", "orders.csv", "front.json")


def pareto(
    panel: Panel,
    account: Account,
    objectives: Sequence[str | Measure | Objective | Aim] = ("return", "volatility"),
    *,
    as_of: date | None = None,
    beliefs: Beliefs | None = None,
    limits: Limits | None = None,
    further: Iterable[Limit | str] = (),
    mandate: Mandate | None = None,
    holding_period: float = 1.0,
    limit_margin: float = 0.01,
    forbidden: Iterable[str] = (),
    holidays: Holidays | None = None,
    views: Mapping[str, View] | None = None,
    points: int = 60,
    engine: str = "auto",
    rounds: int = ROUNDS,
    time_limit: float = np.inf,
    seed: int = 0,
    start: Front | None = None,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
) -> Front:
    """Whole-share plans for the session after `as_of`, none of which another beats in every objective; `choose` takes one.

    objectives: two to five, by name (return, gross-return, volatility, cvar, drawdown, cost, tax, turnover, days-to-exit,
        concentration), or measures and sums of measures, which are made large
    points: at most so many; engine: climbs, nsga2 or auto; rounds, time_limit (seconds): when the search ends at the latest; the
        same seed and rounds give the same front
    start: a front to begin with, as yesterday's
    progress: called after each round; checkpoint: a folder that holds the state after each round, from which a search goes on
    The rest is as in `rebalance`. Raises InvalidInput, and NoSolution, in words, when no portfolio meets the limits.
    """
    aims = aims_of(objectives)
    as_of = as_of or panel.last_date
    problem = problem_of(
        panel, account, as_of, steps=_steps(aims), beliefs=beliefs, limits=limits, further=further, mandate=mandate,
        holding_period=holding_period, limit_margin=limit_margin, forbidden=forbidden, holidays=holidays, views=views, seed=seed,
    )  # fmt: skip
    return front_of(
        problem, aims, points=points, engine=engine, rounds=rounds, time_limit=time_limit, seed=seed, start=start,
        progress=progress, checkpoint=checkpoint,
    )  # fmt: skip


def _steps(aims: Sequence[Aim]) -> int:
    return max(scenario_steps(aim.objective) for aim in aims)


@dataclass(frozen=True)
class Run:
    """A finished run: the front, its document, and the bytes of its files."""

    front: Front
    document: Mapping[str, Any]
    files: Mapping[str, bytes]


def run(given: Mapping[str, Any], config: Path | None = None, now: str | None = None) -> Run:
    """The `pareto` command: read the files, search, choose, and write the three results to `out` where one is given.

    given: option values by name, as text or as Python values; config: a TOML file of options; now: stands for the clock
    A run with `out` that was killed goes on where it stopped, from the folder beside `out`.
    Raises InvalidInput, NoSolution or EnvironmentTrouble; then nothing was written.
    """
    read = read_inputs(PARETO, given, config, now, FILES, SCHEMA)
    options, panel, as_of = read.options, read.panel, read.as_of
    aims = aims_of(options["objectives"])
    rule_of(options["choose"], len(aims))  # a bad rule is told before the search
    work = None
    if options["out"] is not None:
        out = options["out"].resolve()
        work = out.with_name(out.name + ".work")
    with told_if_slow(COMPILING):
        front = pareto(
            panel, read.account, aims, as_of=as_of, limits=read.limits, further=options["limits"], mandate=read.mandate,
            holding_period=options["holding_period"], limit_margin=options["limit_margin"], forbidden=options["forbidden"],
            holidays=read.holidays, views=read.views, points=options["points"], engine=options["engine"],
            rounds=options["rounds"], time_limit=options["time_limit"] or np.inf, seed=options["seed"],
            progress=_bar(), checkpoint=work,
        )  # fmt: skip
        found = found_in(front, panel, as_of, options["choose"], options["seed"])
    warnings = read.warnings(front.problem.day.trade_date, front.problem.day.settles_on)
    document = front_document(found, read.record(), warnings)
    files = {
        "report.html": front_page(document).encode(),
        "orders.csv": orders_csv(document).encode(),
        "front.json": (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
    }
    if options["out"] is not None:
        publish(options["out"], files, SCHEMA)
        _remove(work)
    return Run(front, document, files)


def found_in(front: Front, panel: Panel, as_of: date, rule: str, seed: int) -> FrontRun:
    """The front with a choice, what it is beside, and the orders of every point."""
    problem = front.problem
    chosen = choose(front, rule)
    statement = for_today(statement_of(problem))
    beside = references(problem)
    figures = figures_of(front.aims, values_of(front.aims, problem, np.stack([each.weights for each in beside])))
    return FrontRun(
        front=front,
        chosen=chosen,
        alternatives=alternatives(front, chosen),
        firmness=firmness(front, rule, seed),
        orders=[orders_for(problem, units, partial(_reason, problem, units))[0] for units in front.units],
        binding=[[state.words.partition(";")[0] for state in reached(statement, units)] for units in front.units],
        references=[(each, row.tolist()) for each, row in zip(beside, figures, strict=True)],
        unreached=unreached(front.values),
        honest=honest_fronts(panel, problem, as_of),
        as_of=as_of.isoformat(),
        notes=(),
    )


def _reason(problem: Problem, units: Any, i: int, place_on: date) -> str:
    before, after = problem.held[i] * problem.unit[i], units[i] * problem.unit[i]
    parts = [f"{before:.1%} to {after:.1%} of wealth, towards the chosen point of the front"]
    if place_on > problem.day.trade_date:
        parts.append(
            f"paid from sales that settle by {place_on}: run again that day, its band here is of {problem.day.trade_date}"
        )
    return "; ".join(parts)


def _bar() -> Callable[[Progress], None] | None:
    """A line on a terminal that says how far the search is."""
    if not sys.stderr.isatty():
        return None
    began = time.monotonic()

    def show(at: Progress) -> None:
        left = (
            at.left if at.left is not None else (time.monotonic() - began) / max(at.round, 1) * (at.rounds - at.round)
        )
        words = f"round {at.round} of at most {at.rounds}, {at.points} plans, hypervolume {at.hypervolume:.5g}, {left:.0f} s left"
        print(f"\r{words}\033[K", end="" if at.round < at.rounds else "\n", file=sys.stderr, flush=True)

    return show


def _remove(work: Path | None) -> None:
    import shutil

    if work is not None and work.exists():
        shutil.rmtree(work, ignore_errors=True)
