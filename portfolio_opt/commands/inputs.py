"""What a decision of one account is made from, read once: options, prices, account, mandate, views, and the record of it all."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ..allocate.problem import Limits
from ..errors import InvalidInput
from ..files import require_replaceable
from ..ingest.account_files import read_account
from ..ingest.corporate.endings import ended_holdings
from ..ingest.corporate.mergers import in_successors
from ..ingest.findings import Finding, about
from ..ingest.holidays import holiday_file, holiday_findings, read_holidays
from ..ingest.last_moves import jump_warnings
from ..ingest.mandate import Mandate
from ..ingest.mandate_file import read_mandate
from ..ingest.names import price_disagreements, refuse_misspelt
from ..ingest.panel import Panel
from ..ingest.prices import read_prices
from ..ingest.views import View, read_views, view_findings
from ..market.account import Account
from ..market.calendar import Calendar, Holidays
from ..report.run_record import RunRecord, digest
from ..report.session_words import session_warnings
from .market_day import day_that_counts, refuse_unknown
from .options import ACCOUNT_FILES, Option
from .resolve import read_now, resolve
from .wishes import PLAIN, plain_limits


@dataclass(frozen=True)
class Inputs:
    """Everything that was read. moment: stands for the clock; said: warnings so far; closures: the holiday file, if any"""

    table: Sequence[Option]
    options: dict[str, Any]
    moment: datetime
    panel: Panel
    account: Account
    as_of: date
    limits: Limits
    mandate: Mandate | None
    views: Mapping[str, View]
    holidays: Holidays | None
    calendar: Calendar
    closures: Path | None
    findings: list[Finding]
    said: list[str] = field(default_factory=list)

    @property
    def seen(self) -> Panel:
        """The prices up to the day that counts."""
        return self.panel.until(self.as_of)

    def record(self) -> RunRecord:
        """The provenance, with everything that was set aside."""
        seen = self.seen
        findings = [
            *self.findings,
            *price_disagreements(self.account, seen),
            *_later_lots(self.account, self.as_of),
            *view_findings(self.views, seen.symbols.tolist()),
            *holiday_findings(self.calendar),
            *ended_holdings(self.account.positions(), seen),
        ]
        data_hash = self.panel.data_hash
        return RunRecord(
            generated=self.moment,
            options=_printable(self),
            account_hash=hash_files(self.options[name] for name in (*ACCOUNT_FILES, "views", "mandate")),
            data_hash=digest(data_hash + hash_files([self.closures])) if self.closures else data_hash,
            findings=(*findings, *self.panel.findings),
            seed=self.options["seed"],
        )

    def warnings(self, trade_date: date, settles_on: date) -> list[str]:
        """What a reader must know first."""
        return [
            *self.said,
            *jump_warnings([*self.account.positions(), *self.account.pending], self.seen),
            *session_warnings(self.as_of, trade_date, settles_on, self.calendar, self.moment.date()),
        ]


def read_inputs(
    table: Sequence[Option],
    given: Mapping[str, Any],
    config: Path | None,
    now: str | None,
    files: Iterable[str],
    schema: str,
) -> Inputs:
    """Options resolved and every file read. files, schema: of what the command writes, whose folder is looked at first

    Raises InvalidInput naming what cannot be read, EnvironmentTrouble for what the machine refuses.
    """
    options = resolve(table, given, config)
    moment = read_now(now)
    if options["prices"] is None:
        raise InvalidInput("no prices: give --prices DIR")
    if options["out"] is not None:
        require_replaceable(options["out"], tuple(files), schema)
    panel = read_prices(options["prices"])
    closures = holiday_file(options["holidays"], options["prices"])
    holidays = read_holidays(closures) if closures else None
    calendar = Calendar(panel.sessions(), holidays)
    as_of, said = day_that_counts(panel, calendar, options["as_of"], moment.date(), options["allow_stale"])
    account, findings = read_account(
        **{name: options[name] for name in ACCOUNT_FILES},
        cash=options["cash"],
        unsettled_cash=options["unsettled_cash"],
        investor=options["investor"],
        panel=panel.until(as_of),
    )
    account, merged = in_successors(account, panel.actions, as_of)
    refuse_misspelt(account, panel.until(as_of), panel.known_symbols, options["unpriced"])
    refuse_unknown(options["forbidden"], panel)
    known = {*panel.symbols.tolist(), *panel.known_symbols}
    views = read_views(options["views"], known) if options["views"] else {}
    mandate = read_mandate(options["mandate"]) if options["mandate"] else None
    limits = plain_limits(options, mandate)
    options |= {name: getattr(limits, name) for name in PLAIN}
    return Inputs(
        table, options, moment, panel, account, as_of, limits, mandate, views, holidays, calendar, closures,
        [*findings, *merged], said,
    )  # fmt: skip


def _later_lots(account: Account, as_of: date) -> list[Finding]:
    later = sorted({lot.symbol for lot in account.lots if lot.acquired and lot.acquired > as_of})
    effect = "counted as bought today; give the files of the as-of day"
    found = about("holdings with units that came after the as-of day", later, effect, "warning")
    return [found] if later else []


def _printable(read: Inputs) -> dict[str, Any]:
    """The resolved configuration for artefacts: no path, money in rupees, days as text."""
    options = read.options
    paths = {option.name for option in read.table if option.is_path}
    shown = {name: value for name, value in options.items() if name not in paths}
    shown["as_of"] = read.as_of.isoformat()
    shown["cash"] = options["cash"] / 100
    shown["unsettled_cash"] = {day.isoformat(): amount / 100 for day, amount in options["unsettled_cash"]}
    shown |= {name: list(value) for name, value in shown.items() if isinstance(value, tuple)}
    if read.mandate is not None:
        allows = {"name": read.mandate.name, "allows": list(read.mandate.in_words())}
        shown["mandate"] = {**allows, "sha256": hash_files([options["mandate"]])}
    return {name: value for name, value in shown.items() if value is not None}


def hash_files(paths: Iterable[Path | None]) -> str:
    """SHA-256 of the bytes of files, and of which were there."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(b"\0" if path is None else path.read_bytes() + b"\1")
    return whole.hexdigest()
