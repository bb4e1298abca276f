"""NEPSE trading as constrained decisions: prices and holdings in, orders one can place today out, and why.

The names below are loaded when first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_STATEMENT = {
    "cash_limits": ("CashFloor", "FullyInvested"),
    "count_limits": ("BoardLot", "MaxNames", "MinPosition"),
    "gains_tax": ("CapitalGainsTax",),
    "holdings": ("Concentration", "DaysToExit", "Turnover"),
    "path_risk": ("CVaR", "MaxDrawdown", "SemiVariance"),
    "returns": ("EstimationError", "ExpectedReturn", "RobustReturn"),
    "soft": ("Soft",),
    "term": ("Limit", "Measure", "Objective", "Statement"),
    "trade_limits": ("Forbidden", "Locked", "MaxParticipation", "MaxTurnover", "NoYoungGain", "Tradable"),
    "trading_cost": ("TradingCost",),
    "variance": ("MaxTrackingError", "TrackingError", "Variance"),
    "weight_limits": ("GroupLimit", "MaxSector", "MaxWeight", "SectorLimit"),
}  # what a decision is stated with, by the module of allocate/statement it lives in

_HOMES = {
    "Account": "market.account",
    "Lot": "market.account",
    "Panel": "ingest.panel",
    "read_prices": "ingest.prices",
    "read_frame": "ingest.prices",
    "read_account": "ingest.account_files",
    "Beliefs": "forecast.beliefs",
    "estimate": "forecast.estimate",
    "Limits": "allocate.problem",
    "Problem": "allocate.problem",
    "read_mandate": "ingest.mandate_file",
    "solve": "allocate.solvers.table",
    "rebalance": "commands.rebalance",
    "pareto": "commands.pareto",
    "Front": "allocate.fronts.front",
    "choose": "allocate.fronts.choice",
    "RuleWeights": "allocate.named_rules.result",
    "View": "allocate.named_rules.black_litterman",
    **{
        name: f"allocate.named_rules.{name}"
        for name in (
            "black_litterman",
            "equal_weight",
            "hrp",
            "index_tracking",
            "max_diversification",
            "max_sharpe",
            "min_variance",
            "risk_parity",
        )
    },
    **{name: f"allocate.statement.{module}" for module, names in _STATEMENT.items() for name in names},
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'portfolio_opt' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
