"""The numerical toolbox against the solvers people would pick instead: `python benchmarks/rebalance.py [--quick] [CASE…]`.

One JSON line a case and peer, both sides in one run, medians, one BLAS thread each, set-up counted on both sides. CASE is the
beginning of a case's name; without one all cases run.
"""

import sys
from importlib import import_module

import timing  # noqa: F401  (it sets the number of BLAS threads, before a case imports numpy)

TOPICS = ("separable", "batch", "critical_line", "scenarios", "lots", "projections")


def main(arguments: list[str]) -> None:
    quick = "--quick" in arguments
    wanted = tuple(word for word in arguments if not word.startswith("--"))
    for topic in TOPICS:
        for name, run in import_module(f"cases.{topic}").CASES.items():
            if not wanted or name.startswith(wanted):
                run(quick)


if __name__ == "__main__":
    main(sys.argv[1:])
