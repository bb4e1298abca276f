"""What every artefact of a run carries: its id, and what it was made from."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from .. import __version__
from ..ingest.findings import Finding

LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "cvxpy", "clarabel", "osqp", "jinja2", "nepali-datetime")


@dataclass(frozen=True)
class RunRecord:
    """Provenance of one run.

    generated: the one time a run prints (`--now`, else the clock); options: the resolved configuration without any path
    account_hash, data_hash: of the bytes read; findings: what was set aside while reading
    """

    generated: datetime
    options: Mapping[str, Any]
    account_hash: str
    data_hash: str
    findings: tuple[Finding, ...] = ()
    seed: int = 0

    @property
    def config_hash(self) -> str:
        return digest(json.dumps(self.options, sort_keys=True, default=str))

    def run_id(self, result: Mapping[str, Any]) -> str:
        """The same inputs, options, time and result give the same id."""
        inputs = (self.config_hash, self.account_hash, self.data_hash, self.generated.isoformat(), str(self.seed))
        return digest("\n".join((*inputs, json.dumps(result, sort_keys=True))))[:12]

    def document(self) -> dict[str, Any]:
        """What every document of a run ends with."""
        return {
            "data_findings": [
                {
                    "rule": finding.rule,
                    "rows": finding.rows,
                    "effect": finding.effect,
                    "severity": finding.severity,
                    "examples": list(finding.examples),
                }
                for finding in self.findings
            ],
            "options": dict(self.options),
            "seed": self.seed,
            "versions": self.versions(),
            "config_hash": self.config_hash,
            "data_hash": self.data_hash,
            "account_hash": self.account_hash,
        }

    def versions(self) -> dict[str, str]:
        libraries = {name: version(name) for name in LIBRARIES}
        return {"portfolio_opt": __version__, "python": platform.python_version(), **libraries}


def digest(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
