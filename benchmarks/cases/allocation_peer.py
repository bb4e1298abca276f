"""PyPortfolioOpt's discrete allocation, run in its own environment: a JSON line of targets in, a JSON line of units out."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import json
import sys
import time
import warnings

import pandas as pd
from pypfopt import DiscreteAllocation

warnings.simplefilter("ignore")


def answer(given):
    """given: method (greedy or lp), prices in rupees and weights by symbol, value in rupees."""
    prices = pd.Series(given["prices"])
    start = time.perf_counter()
    allocation = DiscreteAllocation(given["weights"], prices, total_portfolio_value=given["value"])
    units, _ = getattr(allocation, f"{given['method']}_portfolio")()
    return {"units": {symbol: int(u) for symbol, u in units.items()}, "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the solver below prints is no answer
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever it raises is said in its line
            reply = {"failed": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(reply), file=replies, flush=True)
