"""What is wrong or noteworthy in price folders and account files, without deciding anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..ingest.meroshare import read_account
from ..ingest.names import refuse_misspelt
from ..ingest.prices import read_prices
from ..report.run_record import digest
from .options import VALIDATE
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
    account, findings = read_account(options["holdings"], options["wacc"], options["transactions"])
    refuse_misspelt(account, panel, panel.known_symbols, ())
    listed = sorted((*panel.findings, *findings), key=lambda finding: finding.severity != "warning")
    return {
        "schema": SCHEMA,
        "run_id": digest(panel.data_hash + repr(listed))[:12],
        "sessions": len(panel.dates),
        "symbols": len(panel.symbols),
        "first": panel.day(0).isoformat(),
        "last": panel.last_date.isoformat(),
        "holdings": len(account.positions()),
        "findings": [
            {"rule": f.rule, "rows": f.rows, "effect": f.effect, "severity": f.severity, "examples": list(f.examples)}
            for f in listed
        ],
        "data_hash": panel.data_hash,
    }
