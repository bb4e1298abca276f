"""Every option of every command, once: its name, kind, default and help. Names are the configuration's keys.

Nothing heavy is imported here, so that `--help` answers at once.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """One option. kind: how its value is read, see `resolve.PARSERS`; path: whether it says where rather than what."""

    name: str
    kind: str
    default: Any
    help: str
    metavar: str = ""

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def is_path(self) -> bool:
        return self.kind == "path"


ACCOUNT_FILES = ("holdings", "wacc", "transactions", "purchases", "trade_book")

INPUTS = (
    Option("prices", "path", None, "folder with prices.parquet, or with one CSV per company", "DIR"),
    Option(
        "holdings",
        "path",
        None,
        "MeroShare 'My Shares Values', CSV or XLSX like all account files; without it the account is cash, or the trade book's",
        "FILE",
    ),
    Option("wacc", "path", None, "MeroShare 'My Wacc Report': cost", "FILE"),
    Option("transactions", "path", None, "MeroShare 'Transaction History': holding days, bonus units to come", "FILE"),
    Option(
        "purchases",
        "path",
        None,
        "MeroShare 'My Purchase Source': cost and days where the files above have none",
        "FILE",
    ),
    Option("trade_book", "path", None, "TMS 'Trade Book': the same for market trades, charges recomputed", "FILE"),
    Option(
        "holidays",
        "path",
        None,
        "CSV of days the exchange will be shut (default: holidays.csv beside the prices)",
        "FILE",
    ),
)

REBALANCE = (
    *INPUTS,
    Option("cash", "money", 0, "settled cash in NPR (default 0)", "NPR"),
    Option(
        "unsettled_cash",
        "dated_money",
        (),
        "cash by the day it settles, like 2026-08-24=50000,2026-08-25=1000",
        "DAY=NPR",
    ),
    Option(
        "investor", "investor", "individual", "individual, entity, fund or non-resident (default individual)", "KIND"
    ),
    Option("as_of", "day", None, "day whose close is known (default: the newest session)", "DATE"),
    Option(
        "views",
        "path",
        None,
        "CSV of your own expected returns: symbol, expected_return and, as one likes, standard_error, fractions a year",
        "FILE",
    ),
    Option(
        "mandate",
        "path",
        None,
        "TOML of what a scheme or an investor allows; docs/mandate.toml is a template. Beside options, the stricter holds",
        "FILE",
    ),
    Option(
        "limits",
        "texts",
        (),
        'further limits, like "Hydro Power + Finance <= 0.4; turnover <= 0.2; names <= 15"',
        "TEXT",
    ),
    Option("max_weight", "fraction", None, "largest share of wealth in one name (default 0.10, or the mandate's)", "F"),
    Option(
        "max_sector", "fraction", None, "largest share of wealth in one sector (default 0.35, or the mandate's)", "F"
    ),
    Option("cash_floor", "fraction", None, "share of wealth kept in cash (default 0, or the mandate's)", "F"),
    Option(
        "max_participation", "fraction", 0.10, "share of a name's median turnover one order may be (default 0.10)", "F"
    ),
    Option("risk_aversion", "positive", 2.0, "weight of variance against return (default 2)", "X"),
    Option(
        "holding_period",
        "positive",
        1.0,
        "years a trade is expected to stay; costs are spread over them (default 1)",
        "X",
    ),
    Option("limit_margin", "fraction", 0.01, "how far beyond the last close a limit price may go (default 0.01)", "F"),
    Option("forbidden", "symbols", (), "symbols never bought, like NABIL,UPPER", "SYMBOLS"),
    Option("unpriced", "symbols", (), "held symbols without prices that are spelt right, like NABLI", "SYMBOLS"),
    Option("allow_stale", "flag", False, "make an order list although the newest prices are old"),
    Option(
        "exact", "flag", False, "prove the best plan to 0.1 bp; for up to 30 names that can be traded, takes seconds"
    ),
    Option(
        "draws",
        "count",
        200,
        "times that the estimates are drawn again, to say how sure the orders are; 0 for never (default 200)",
        "N",
    ),
    Option("seed", "count", 0, "seed of whatever is random (default 0)", "N"),
    Option("out", "path", None, "folder for report.html, orders.csv and plan.json", "DIR"),
)

PARETO = (
    *(option for option in REBALANCE if option.name not in ("exact", "draws", "risk_aversion", "out", "seed")),
    Option(
        "objectives",
        "texts",
        ("return", "volatility"),
        'two to five to trade off, like "return; cvar; cost": return, gross-return, volatility, cvar, drawdown, cost, tax, '
        'turnover, days-to-exit, concentration (default "return; volatility")',
        "NAMES",
    ),
    Option("points", "count", 60, "plans of the front at most, 2 to 1000 (default 60)", "N"),
    Option(
        "choose",
        "text",
        "knee",
        "knee, same-risk, least-change [SHARE], reference A, B or weights A, B (default knee)",
        "RULE",
    ),
    Option("engine", "text", "auto", "auto, climbs or nsga2 (default auto)", "NAME"),
    Option("rounds", "count", 40, "of the search at most (default 40)", "N"),
    Option("time_limit", "positive", None, "seconds after which the search ends with what it has", "SECONDS"),
    Option("seed", "count", 0, "seed of whatever is random (default 0)", "N"),
    Option("out", "path", None, "folder for report.html, orders.csv and front.json", "DIR"),
)

SHARED_WITH_ACCOUNTS = (
    "prices",
    "holidays",
    "as_of",
    "max_weight",
    "max_sector",
    "cash_floor",
    "max_participation",
    "risk_aversion",
    "holding_period",
    "limit_margin",
    "forbidden",
    "allow_stale",
    "seed",
)

ACCOUNTS = (
    Option(
        "accounts", "path", None, "Parquet or CSV table, a row for each lot: account, symbol, units, cash, …", "FILE"
    ),
    *(option for option in REBALANCE if option.name in SHARED_WITH_ACCOUNTS),
    Option("workers", "count", 0, "processes at a time (default: one for each core)", "N"),
    Option("cluster", "text", "", "a Ray cluster: host:port, or auto for the one this machine belongs to", "ADDRESS"),
    Option("out", "path", None, "folder for orders.parquet, accounts.parquet, summary.json and report.html", "DIR"),
)

VALIDATE = (
    *INPUTS,
    Option("strict", "flag", False, "exit 2 if there is any warning"),
)

INGEST = (
    Option("store", "path", None, "folder of the price store; made where there is none", "DIR"),
    Option("licence", "text", "not stated", "a note on the licence of these sources, kept in the manifest", "TEXT"),
    Option(
        "strict", "flag", False, "refuse files with impossible or contradicting rows instead of setting these aside"
    ),
)
