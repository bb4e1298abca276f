"""NEPSE trading as constrained decisions: prices and holdings in, orders one can place today out, and why.

The names below are loaded when first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Account": "market.account",
    "Lot": "market.account",
    "Panel": "ingest.panel",
    "read_prices": "ingest.prices",
    "read_frame": "ingest.prices",
    "read_account": "ingest.account_files",
    "Beliefs": "forecast.beliefs",
    "estimate": "forecast.estimate",
    "Problem": "allocate.problem",
    "rebalance": "commands.rebalance",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'portfolio_opt' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
