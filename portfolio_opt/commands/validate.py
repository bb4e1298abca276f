"""What is wrong or noteworthy in price folders and account files, without deciding anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..ingest.account_files import read_account
from ..ingest.corporate.endings import ending_findings
from ..ingest.holidays import holiday_file, holiday_findings, read_holidays
from ..ingest.names import refuse_misspelt
from ..ingest.prices import read_prices
from ..market.calendar import Calendar
from ..report.run_record import digest
from .options import ACCOUNT_FILES, VALIDATE
from .resolve import resolve

SCHEMA = "portfolio_opt.validate/1"


def run(given: Mapping[str, Any], config: Path | None = None) -> dict[str, Any]:
    """The `validate` command: read everything strictly and list the findings, warnings first.

    Raises InvalidInput for what cannot be read with certainty.
    """
    options = resolve(VALIDATE, given, config)
    if options["prices"] is None:
        raise InvalidInput("no prices: give --prices DIR")
    panel = read_prices(options["prices"])
    account, findings = read_account(**{name: options[name] for name in ACCOUNT_FILES}, panel=panel)
    refuse_misspelt(account, panel, panel.known_symbols, ())
    closures = holiday_file(options["holidays"], options["prices"])
    calendar = Calendar(panel.sessions(), read_holidays(closures) if closures else None)
    findings += [*holiday_findings(calendar), *ending_findings(panel)]
    listed = sorted((*panel.findings, *findings), key=lambda finding: finding.severity != "warning")
    return {
        "schema": SCHEMA,
        "run_id": digest(panel.data_hash + repr(listed))[:12],
        "sessions": len(panel.dates),
        "symbols": len(panel.symbols),
        "first": panel.day(0).isoformat(),
        "last": panel.last_date.isoformat(),
        "sessions_by_year": {str(year): count for year, count in calendar.sessions_by_year().items()},
        "holdings": len(account.positions()),
        "findings": [finding.as_record() for finding in listed],
        "data_hash": panel.data_hash,
    }
