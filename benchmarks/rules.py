"""The rules by name against the libraries people use for them: `python benchmarks/rules.py [--quick] [CASE…]`.

The instance: the sample covariance (dense, handed in by both sides) of 1,000 names over 1,500 days of a made-up market with
one market factor, 12 sector factors and 8 more; volatilities of 20% to 60% a year.

min-variance-1000  long only, at most 2% in a name and 15% in each of the 12 sectors
hrp-1000           single linkage of sqrt((1 - correlation) / 2); HRP optimises nothing, so the weights are compared:
                   PyPortfolioOpt rounds correlations to six decimals first, skfolio reorders the leaves of the tree
risk-parity-1000   equal shares of the variance, long only

One JSON line a case and peer: medians of paired runs, ours and then the peer's, one BLAS thread each. The peers live in an
environment of their own in the cache folder, made on the first run, and answer from one process that times its own calls once
warm. A peer that cannot be installed, or fails, is said to be so in its line. Beside the times stand the objectives.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import median

from timing import seconds  # first: one BLAS thread

# ruff: isort: split
import numpy as np

from portfolio_opt.allocate.named_rules.hrp import hrp
from portfolio_opt.allocate.named_rules.min_variance import min_variance
from portfolio_opt.allocate.named_rules.result import RuleWeights
from portfolio_opt.allocate.named_rules.risk_parity import risk_parity

NAMES, DAYS, SECTORS, CAP, SECTOR_CAP = 1000, 1500, 12, 0.02, 0.15
PINS = {
    "PyPortfolioOpt": "pyportfolioopt==1.6.0",
    "skfolio": "skfolio==1.12.2",
    "Riskfolio-Lib": "riskfolio-lib==7.4.0",
}
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "portfolio-opt" / "rule-peers"
SLOW = 5.0  # seconds of a call above which fewer are made
Notes = Callable[[RuleWeights, np.ndarray], str]


def market(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(covariance (NAMES, NAMES) per year, sector of each name)."""
    rng = np.random.default_rng(seed)
    sector = rng.integers(0, SECTORS, NAMES)
    returns = rng.normal(size=(DAYS, 1)) * 0.18 * rng.uniform(0.5, 1.5, NAMES)
    returns += (rng.normal(size=(DAYS, SECTORS)) * 0.12)[:, sector]
    returns += rng.normal(size=(DAYS, 8)) @ rng.normal(size=(8, NAMES)) * 0.05
    returns += rng.normal(size=(DAYS, NAMES)) * rng.uniform(0.15, 0.5, NAMES)
    return np.cov(returns.T), sector


class Peers:
    """The process that answers for the peers."""

    def __init__(self, python: Path, folder: Path) -> None:
        script = Path(__file__).parent / "cases" / "rule_peers.py"
        self.process = subprocess.Popen(
            [str(python), str(script), str(folder), str(CAP), str(SECTOR_CAP)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def call(self, peer: str, rule: str) -> dict:
        print(f"{peer}\t{rule}", file=self.process.stdin, flush=True)
        reply = self.process.stdout.readline()
        return json.loads(reply) if reply else {"failed": "its process ended"}

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def compare(
    rule: str, ours: Callable[[], RuleWeights], peers: Peers, trouble: dict[str, str], notes: Notes, quick: bool
):
    """One line for each peer, as timing.compare prints them."""
    for peer in PINS:
        line: dict[str, object] = {"case": f"{rule}-{NAMES}", "peer": peer}
        first = {"failed": trouble[peer]} if peer in trouble else peers.call(peer, rule)
        if "has it" in first:
            continue
        if "failed" in first:
            print(json.dumps({**line, "skipped": first["failed"]}), flush=True)
            continue
        found = ours()
        runs = 1 if quick else 3 if first["seconds"] > SLOW else 7
        pairs = [(seconds(ours), peers.call(peer, rule)["seconds"]) for _ in range(runs)]
        ours_s, peer_s = (median(side) for side in zip(*pairs, strict=True))
        timed = {
            "ours_s": float(f"{ours_s:.4g}"),
            "peer_s": float(f"{peer_s:.4g}"),
            "ratio": float(f"{peer_s / ours_s:.3g}"),
        }
        accuracy = notes(found, np.array(first["weights"]))
        print(json.dumps({**line, **timed, "runs": runs, "accuracy": accuracy}), flush=True)


def variance_notes(C: np.ndarray, sector: np.ndarray) -> Notes:
    def notes(ours: RuleWeights, theirs: np.ndarray) -> str:
        w = ours.weights.to_numpy()
        excess = (w @ C @ w) / (theirs @ C @ theirs) - 1
        broken = max(abs(theirs.sum() - 1), -theirs.min(), theirs.max() - CAP)
        broken = max(broken, (np.bincount(sector, theirs, SECTORS) - SECTOR_CAP).max())
        return (
            f"variance {excess:+.1e} relative to the peer's, which breaks limits by {broken:.0e}; "
            f"ours by {ours.residual:.0e}, certified within {ours.gap:.0e}"
        )

    return notes


def hrp_notes(C: np.ndarray) -> Notes:
    def notes(ours: RuleWeights, theirs: np.ndarray) -> str:
        w = ours.weights.to_numpy()
        apart = np.abs(w - theirs).max()
        same = "the same weights" if apart < 1e-9 else f"other weights, by up to {apart:.1e}"
        return f"{same}; variance {(w @ C @ w) / (theirs @ C @ theirs) - 1:+.1e} relative to the peer's"

    return notes


def parity_notes(C: np.ndarray) -> Notes:
    def off(w: np.ndarray) -> float:
        return float(np.abs(w * (C @ w) / (w @ C @ w) * len(w) - 1).max())

    def value(w: np.ndarray) -> float:
        return float(np.log(w @ C @ w) / 2 - np.log(w).mean())

    def notes(ours: RuleWeights, theirs: np.ndarray) -> str:
        w = ours.weights.to_numpy()
        return (
            f"objective {value(w) - value(theirs):+.1e} against the peer's; shares of risk off by at most {off(w):.0e} of one, "
            f"the peer's by {off(theirs):.0e}; certified within {ours.gap:.0e}"
        )

    return notes


def environment() -> tuple[Path, dict[str, str]]:
    """(the peers' Python, why a peer is not in it by peer). Made once for each set of pins; wheels only."""
    python, record = CACHE / "bin" / "python", CACHE / "peers.json"
    if record.exists() and (kept := json.loads(record.read_text()))["pins"] == PINS and not kept["trouble"]:
        return python, {}
    try:
        venv.create(CACHE, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return python, dict.fromkeys(PINS, f"no environment could be made: {error}")
    trouble = {}
    if _installed(python, *PINS.values()):  # not all of them together: those that can
        trouble = {peer: why for peer, pin in PINS.items() if (why := _installed(python, pin))}
    record.write_text(json.dumps({"pins": PINS, "trouble": trouble}))
    return python, trouble


def _installed(python: Path, *pins: str) -> str:
    """Nothing if pip installed them, else its last word."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *pins]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"not installed: {(done.stderr.strip() or 'pip failed').splitlines()[-1]}"


def main(arguments: list[str]) -> None:
    quick = "--quick" in arguments
    wanted = tuple(word for word in arguments if not word.startswith("--"))
    C, sector = market()
    groups = sector.tolist()
    cases: dict[str, tuple[Callable[[], RuleWeights], Notes]] = {
        "min-variance": (
            lambda: min_variance(C, max_weight=CAP, groups=groups, max_group=SECTOR_CAP),
            variance_notes(C, sector),
        ),
        "hrp": (lambda: hrp(C, linkage="single"), hrp_notes(C)),
        "risk-parity": (lambda: risk_parity(C), parity_notes(C)),
    }
    python, trouble = environment()
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "given.npz", covariance=C, sector=sector)
        if len(trouble) == len(PINS):  # nobody to ask
            for rule in cases:
                for peer, why in trouble.items():
                    print(json.dumps({"case": f"{rule}-{NAMES}", "peer": peer, "skipped": why}), flush=True)
            return
        peers = Peers(python, Path(folder))
        for rule, (ours, notes) in cases.items():
            if not wanted or f"{rule}-{NAMES}".startswith(wanted):
                compare(rule, ours, peers, trouble, notes, quick)
        peers.close()


if __name__ == "__main__":
    main(sys.argv[1:])
