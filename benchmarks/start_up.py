"""What starting costs: importing the package beside importing pandas, and `--help` beside a bare Python.

Prints one JSON line a case; `over_s` is what ours takes beyond the peer. Medians of alternating runs, each a process of its own.
"""

import json
import subprocess
import sys
import time
from statistics import median

RUNS = 15


def seconds(*code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *code], check=True, capture_output=True)
    return time.perf_counter() - start


def compare(case: str, ours: tuple[str, ...], peer_name: str, peer: tuple[str, ...]) -> None:
    pairs = [(seconds(*ours), seconds(*peer)) for _ in range(RUNS)]
    ours_s, peer_s = (median(side) for side in zip(*pairs, strict=True))
    over = median(a - b for a, b in pairs)
    line = {
        "case": case,
        "ours_s": ours_s,
        "peer": peer_name,
        "peer_s": peer_s,
        "ratio": peer_s / ours_s,
        "over_s": over,
    }
    print(json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in line.items()}))


if __name__ == "__main__":
    compare("import", ("-c", "import pandas, portfolio_opt"), "import pandas", ("-c", "import pandas"))
    compare("help", ("-m", "portfolio_opt", "--help"), "python -c pass", ("-c", "pass"))
