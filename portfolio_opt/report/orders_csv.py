"""The order list as orders.csv, harmless in a spreadsheet."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = (
    "run_id",
    "symbol",
    "side",
    "quantity",
    "order_type",
    "limit_price",
    "validity",
    "board",
    "session",
    "place_on",
    "band_low",
    "band_high",
    "est_amount",
    "commission",
    "sebon_fee",
    "dp_charge",
    "est_cgt",
    "est_net_cash",
    "reason",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def orders_csv(document: Mapping[str, Any]) -> str:
    """The orders of a plan document, rupees with two decimals; without orders, the header and a row that holds the run id."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    orders: Sequence[Mapping[str, Any]] = document["orders"]
    for order in orders:
        writer.writerow([document["run_id"], *(_cell(order[column]) for column in COLUMNS[1:])])
    if not orders:
        writer.writerow([document["run_id"]] + [""] * (len(COLUMNS) - 1))
    return text.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    text = " ".join(str(value).splitlines())
    return "'" + text if text.startswith(FORMULA_STARTS) else text
