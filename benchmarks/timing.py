"""How the benchmarks time: paired runs in one process, medians, one BLAS thread, one JSON line a case and peer.

Import it before numpy, which reads the number of threads when it is imported.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import json
import time
from collections.abc import Callable
from statistics import median


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(
    case: str,
    ours: Callable[[], object],
    peer_name: str,
    peer: Callable[[], object],
    accuracy: str,
    runs: int = 7,
) -> None:
    """Print the medians of paired runs of both sides, warmed, and their ratio: peer's time over ours."""
    ours(), peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(runs)]
    ours_s, peer_s = (median(side) for side in zip(*pairs, strict=True))
    line = {"case": case, "ours_s": float(f"{ours_s:.4g}"), "peer": peer_name, "peer_s": float(f"{peer_s:.4g}")}
    print(json.dumps({**line, "ratio": float(f"{peer_s / ours_s:.3g}"), "accuracy": accuracy}), flush=True)
