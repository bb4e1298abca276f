"""The decisions of all clients of a broker: one table of accounts in, all orders out, each account by itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..allocate.book import Terms
from ..allocate.client_book import Clients, book_of_clients
from ..allocate.lots.bulk import decide_book
from ..allocate.problem import LEAST_WEALTH
from ..allocate.trading_day import TradingDay, trading_day
from ..errors import InvalidInput
from ..files import publish, require_replaceable
from ..forecast.estimate import estimate
from ..ingest.account_table import EPOCH, NO_DAY, AccountTable, read_account_table
from ..ingest.holidays import holiday_file, read_holidays
from ..ingest.last_moves import refuse_slips
from ..ingest.panel import Panel
from ..ingest.prices import read_prices
from ..market.calendar import Calendar
from ..market.money import LARGEST, MILLION, rupees
from ..report.accounts_page import accounts_page
from ..report.accounts_tables import accounts_table, orders_table, parquet_bytes, part_of, parts_of, summary
from ..report.run_record import RunRecord, digest
from ..report.session_words import session_warnings
from ..workers.finished import finished_chunks, resume
from .market_day import day_that_counts, known_rules, refuse_unknown
from .options import ACCOUNTS
from .progress import progress_of
from .resolve import read_now, resolve
from .wishes import PLAIN, not_bought, plain_limits

SCHEMA = "portfolio_opt.accounts/1"
FILES = ("orders.parquet", "accounts.parquet", "summary.json", "report.html")
TOGETHER = 500  # accounts in a chunk: what is done again after a kill
VERSION = "2"  # of what a chunk holds


@dataclass(frozen=True)
class Job:
    """What every chunk needs."""

    terms: Terms
    clients: Clients


def run(given: Mapping[str, Any], config: Path | None = None, now: str | None = None) -> dict[str, Any]:
    """The `accounts` command: decide every account and write the results to `out`, whole or not at all; the summary.

    given: option values by name; config: a TOML file of options; now: stands for the clock
    A run that was killed goes on where it stopped, from the folder beside `out`, and gives the same bytes. An account that
    cannot be decided is listed with the reason. Raises InvalidInput or EnvironmentTrouble where nothing can be.
    """
    options = resolve(ACCOUNTS, given, config)
    options |= {name: getattr(plain_limits(options), name) for name in PLAIN}
    moment = read_now(now)
    for name, what in (("prices", "DIR"), ("accounts", "FILE"), ("out", "DIR")):
        if options[name] is None:
            raise InvalidInput(f"no {name}: give --{name} {what}")
    require_replaceable(options["out"], FILES, SCHEMA)
    panel = read_prices(options["prices"])
    closures = holiday_file(options["holidays"], options["prices"])
    calendar = Calendar(panel.sessions(), read_holidays(closures) if closures else None)
    as_of, warnings = day_that_counts(panel, calendar, options["as_of"], moment.date(), options["allow_stale"])
    refuse_unknown(options["forbidden"], panel)
    table = read_account_table(options["accounts"])
    terms, why_not = terms_of_table(panel.until(as_of), calendar, as_of, table, options)
    warnings += session_warnings(as_of, terms.day.trade_date, terms.day.settles_on, calendar, moment.date())
    chosen, refused = decidable(table, why_not, terms.day)
    record = RunRecord(
        generated=moment,
        options=_printable(options, as_of),
        account_hash=_hash(options["accounts"]),
        data_hash=digest(panel.data_hash + _hash(closures)) if closures else panel.data_hash,
        seed=options["seed"],
    )
    clients = clients_of(table, chosen, terms, options["risk_aversion"])
    parts = _decided(Job(terms, clients), record, options)
    orders = orders_table(terms, table.names[chosen], parts)
    accounts = accounts_table(table.names, chosen, refused, parts)
    document = summary(record, SCHEMA, terms.day, as_of, accounts, orders, warnings)
    files = {
        "orders.parquet": parquet_bytes(orders, document["run_id"]),
        "accounts.parquet": parquet_bytes(accounts, document["run_id"]),
        "summary.json": (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
        "report.html": accounts_page(document).encode(),
    }
    publish(options["out"], files, SCHEMA)
    return document


def decide_chunk(chunk: tuple[int, int], job: Job) -> bytes:
    """The decisions of clients chunk[0] to chunk[1] - 1, as bytes."""
    first, last = chunk
    book = book_of_clients(job.clients, first, last, job.terms)
    return part_of(job.terms, book, decide_book(job.terms, book), first)


def _decided(job: Job, record: RunRecord, options: Mapping[str, Any]) -> list[dict[str, NDArray[Any]]]:
    """All parts in order; those of a run that was killed are taken up."""
    count = len(job.clients.cash)
    chunks = [(first, min(first + TOGETHER, count)) for first in range(0, count, TOGETHER)]
    out = options["out"].resolve()
    work = out.with_name(out.name + ".work")
    question = json.dumps([VERSION, record.config_hash, record.account_hash, record.data_hash, record.versions()])
    with finished_chunks(work, question) as finished:
        found: dict[int, bytes] = {}
        done = resume(
            decide_chunk,
            chunks,
            finished,
            describe=str,
            shared=job,
            workers=options["workers"] or None,
            cluster=options["cluster"] or None,
        )
        for index, content in progress_of(done, len(chunks), f"chunks of {TOGETHER} accounts"):
            found[index] = content
    parts = parts_of([found[index] for index in range(len(chunks))])
    finished.remove()
    return parts


def terms_of_table(
    seen: Panel, calendar: Calendar, as_of: date, table: AccountTable, options: Mapping[str, Any]
) -> tuple[Terms, dict[str, str]]:
    """What all accounts share, and why an account that holds a symbol cannot be decided, by symbol."""
    rules = known_rules(calendar.next_session(as_of))
    known = {*seen.symbols.tolist(), *seen.known_symbols}
    merged = {action.symbol for action in seen.actions if action.kind == "merger" and action.ex_date <= as_of}
    why_not = {}
    for symbol in table.symbols.tolist():
        if symbol in merged:
            why_not[symbol] = f"holds {symbol}, which has merged: give the units of its successor"
        elif symbol and symbol not in known:
            why_not[symbol] = "holds a symbol that these prices do not know"
        elif symbol:
            try:
                refuse_slips([symbol], seen)
            except InvalidInput as error:
                why_not[symbol] = str(error)
    held = [symbol for symbol in table.symbols.tolist() if symbol and symbol not in why_not]
    margin = round(options["limit_margin"] * MILLION)
    day = trading_day(seen, held, rules, calendar, margin, not_bought(options["forbidden"], None, seen))
    if not len(day.symbols):
        raise InvalidInput("no share of these prices can be bought: none is an equity that trades often enough")
    priced = set(day.symbols.tolist())
    why_not |= {symbol: f"holds {symbol}, which has no price" for symbol in held if symbol not in priced}
    beliefs = estimate(seen, day.symbols.tolist()).of(day.symbols)
    return Terms(beliefs, day, rules, plain_limits(options), options["holding_period"]), why_not


def decidable(
    table: AccountTable, why_not: Mapping[str, str], day: TradingDay
) -> tuple[NDArray[np.int64], dict[int, str]]:
    """Places of the accounts that can be decided, and what is wrong with the others."""
    refused = dict(table.refused)
    bad = np.array([symbol in why_not for symbol in table.symbols.tolist()])
    for row in np.flatnonzero(bad[table.symbol]).tolist():
        refused.setdefault(int(table.owner[row]), why_not[table.symbols[table.symbol[row]]])
    shares = np.bincount(table.owner, minlength=len(table.names)) > 0
    for place in np.flatnonzero((table.cash < LEAST_WEALTH) & ~shares).tolist():
        refused.setdefault(place, "has neither shares nor a rupee of cash")
    today = (day.trade_date - EPOCH).days
    for place in table.owner[(table.acquired != NO_DAY) & (table.acquired > today)].tolist():
        refused.setdefault(place, "acquired lies after the trade date; give the lots of the as-of day")
    close = dict(zip(day.symbols.tolist(), day.close.tolist(), strict=True))
    prices = np.array([close.get(symbol, 0) for symbol in table.symbols.tolist()], dtype=float)
    wealth = table.cash + np.bincount(table.owner, table.units * prices[table.symbol], len(table.names))
    for place in np.flatnonzero(wealth > LARGEST).tolist():
        refused.setdefault(place, f"is worth more than NPR {rupees(LARGEST)}: check units and cash")
    return np.array([place for place in range(len(table.names)) if place not in refused], dtype=np.int64), refused


def clients_of(table: AccountTable, chosen: NDArray[np.int64], terms: Terms, aversion: float) -> Clients:
    place = np.full(len(table.names), -1)
    place[chosen] = np.arange(len(chosen))
    column = {symbol: k for k, symbol in enumerate(terms.day.symbols.tolist())}
    columns = np.array([column.get(symbol, -1) for symbol in table.symbols.tolist()], dtype=np.int64)
    kept = place[table.owner] >= 0
    own = table.risk_aversion[chosen]
    return Clients(
        cash=table.cash[chosen],
        investor=table.investor[chosen],
        risk_aversion=np.where(np.isnan(own), aversion, own),
        owner=place[table.owner[kept]],
        column=columns[table.symbol[kept]],
        units=table.units[kept],
        cost=table.cost[kept],
        acquired=table.acquired[kept],
    )


def _printable(options: Mapping[str, Any], as_of: date) -> dict[str, Any]:
    """The resolved configuration for artefacts: no path, nothing that only says how it is computed."""
    hidden = {option.name for option in ACCOUNTS if option.is_path} | {"workers", "cluster"}
    shown = {name: value for name, value in options.items() if name not in hidden}
    return {**shown, "as_of": as_of.isoformat(), "forbidden": list(options["forbidden"])}


def _hash(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
