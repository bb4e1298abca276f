"""The results of many accounts as tables: all orders, one row for each account, and the figures of the whole run."""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..allocate.book import Book, Terms
from ..allocate.lots.bulk import Decisions
from ..allocate.trading_day import TradingDay
from .run_record import RunRecord

if TYPE_CHECKING:
    import pyarrow as pa

Part = dict[str, NDArray[Any]]

BY_ORDER = (
    "account",
    "name",
    "change",
    "price",
    "amount",
    "commission",
    "sebon_fee",
    "dp_charge",
    "tax",
    "net_cash",
    "later",
)
BY_ACCOUNT = ("wealth", "cash_after", "gain", "loss", "solved")
MOST_LISTED = 200
LOSS_EDGES = (1.0, 5.0, 20.0)  # bp of wealth a year


def part_of(terms: Terms, book: Book, decided: Decisions, first: int) -> bytes:
    """A chunk's decisions as bytes: its orders and its accounts, one Arrow stream behind the other."""
    trades = decided.trades
    orders: Part = {name: getattr(trades, name) for name in BY_ORDER if name != "later"}
    orders["account"] = trades.account + first
    orders["later"] = decided.later
    orders["odd"] = (trades.change < 0) & (-trades.change < terms.day.lot[trades.name])
    accounts: Part = {name: getattr(decided, name) for name in BY_ACCOUNT}
    accounts["cash"] = book.cash
    return b"".join(len(one).to_bytes(8, "big") + one for one in (_stream(orders), _stream(accounts)))


def parts_of(contents: Sequence[bytes]) -> list[Part]:
    """[all orders, all accounts] of chunks in order."""
    import pyarrow as pa

    tables: tuple[list[pa.Table], list[pa.Table]] = ([], [])
    for content in contents:
        at = 0
        for kind in tables:
            size = int.from_bytes(content[at : at + 8], "big")
            kind.append(pa.ipc.open_stream(content[at + 8 : at + 8 + size]).read_all())
            at += 8 + size
    joined = [pa.concat_tables(kind) if kind else pa.table({}) for kind in tables]
    return [{name: table[name].to_numpy() for name in table.column_names} for table in joined]


def _stream(columns: Part) -> bytes:
    import pyarrow as pa

    table, sink = pa.table(columns), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def orders_table(terms: Terms, names: NDArray[np.object_], parts: Sequence[Part]) -> "pa.Table":
    """Every order, by account, then by symbol. names: of the decided accounts."""
    import pyarrow as pa

    orders, day = parts[0], terms.day
    if not orders:
        orders = {name: np.zeros(0, dtype=np.int64) for name in (*BY_ORDER, "odd")}
    buys = orders["change"] > 0
    place = np.where(orders["later"].astype(bool), np.datetime64(day.settles_on), np.datetime64(day.trade_date))
    at = orders["name"]
    return pa.table(
        {
            "account": pa.array(names[orders["account"]], pa.string()),
            "symbol": pa.array(day.symbols[at], pa.string()),
            "side": pa.array(np.where(buys, "BUY", "SELL"), pa.string()),
            "quantity": np.abs(orders["change"]),
            "limit_price": _rupees(orders["price"]),
            "board": pa.array(np.where(orders["odd"].astype(bool), "ODD", "NORMAL"), pa.string()),
            "place_on": place.astype("datetime64[D]"),
            "band_low": _rupees(day.band_low[at]),
            "band_high": _rupees(day.band_high[at]),
            "est_amount": _rupees(orders["amount"]),
            "commission": _rupees(orders["commission"]),
            "sebon_fee": _rupees(orders["sebon_fee"]),
            "dp_charge": _rupees(orders["dp_charge"]),
            "est_cgt": _rupees(orders["tax"]),
            "est_net_cash": _rupees(orders["net_cash"]),
        }
    )


def accounts_table(
    names: NDArray[np.object_], chosen: NDArray[np.int64], refused: Mapping[int, str], parts: Sequence[Part]
) -> "pa.Table":
    """One row for each account: what was decided, or why nothing was."""
    import pyarrow as pa

    count, (orders, accounts) = len(names), parts
    decided = np.zeros(count, dtype=bool)
    decided[chosen] = True

    def of_all(values: NDArray[Any]) -> "pa.Array":
        spread = np.zeros(count, dtype=values.dtype)
        spread[chosen] = values
        return pa.array(spread, mask=~decided)

    def paisa(name: str, side: int = 0) -> NDArray[np.int64]:
        total = np.zeros(len(chosen), dtype=np.int64)
        if orders:
            mine = orders["change"] * side >= 0
            np.add.at(total, orders["account"][mine], orders[name][mine])
        return total

    empty = np.zeros(0)
    found = accounts or {name: empty for name in (*BY_ACCOUNT, "cash")}
    counted = np.bincount(orders["account"], minlength=len(chosen)) if orders else np.zeros(len(chosen), dtype=np.int64)
    fees = sum(paisa(name) for name in ("commission", "sebon_fee", "dp_charge"))
    return pa.table(
        {
            "account": pa.array(names, pa.string()),
            "status": pa.array(np.where(decided, "decided", "refused"), pa.string()),
            "why": pa.array([refused.get(place, "") for place in range(count)], pa.string()),
            "wealth": _rupees_of(of_all(found["wealth"].astype(np.int64))),
            "orders": of_all(counted),
            "bought": _rupees_of(of_all(paisa("amount", 1))),
            "sold": _rupees_of(of_all(paisa("amount", -1))),
            "charges": _rupees_of(of_all(np.asarray(fees))),
            "est_cgt": _rupees_of(of_all(paisa("tax"))),
            "cash_before": _rupees_of(of_all(found["cash"].astype(np.int64))),
            "cash_after": _rupees_of(of_all(found["cash_after"].astype(np.int64))),
            "gain_bp": of_all(found["gain"] * 1e4),
            "loss_bp": of_all(np.maximum(found["loss"], 0.0) * 1e4),
        }
    )


def parquet_bytes(table: "pa.Table", run_id: str) -> bytes:
    """The table as a Parquet file that carries the run's id."""
    import pyarrow.parquet

    sink = io.BytesIO()
    pyarrow.parquet.write_table(table.replace_schema_metadata({"run_id": run_id}), sink, compression="zstd")
    return sink.getvalue()


def summary(
    record: RunRecord,
    schema: str,
    day: TradingDay,
    as_of: date,
    accounts: "pa.Table",
    orders: "pa.Table",
    warnings: Sequence[str],
) -> dict[str, Any]:
    """The figures of the run as one document."""
    status, loss = accounts["status"].to_numpy(), accounts["loss_bp"].to_numpy()
    refused = np.flatnonzero(status == "refused")
    figures = {
        "accounts": accounts.num_rows,
        "decided": int((status == "decided").sum()),
        "refused": len(refused),
        "with_orders": int((np.nan_to_num(accounts["orders"].to_numpy()) > 0).sum()),
        "orders": orders.num_rows,
        **{name: _total(accounts[name]) for name in ("wealth", "bought", "sold", "charges", "est_cgt")},
    }
    known = loss[np.isfinite(loss)]
    result = {
        "schema": schema,
        "as_of": as_of.isoformat(),
        "trade_date": day.trade_date.isoformat(),
        "settles_on": day.settles_on.isoformat(),
        "figures": figures,
        "loss_bp": {
            "median": float(np.median(known)) if len(known) else None,
            "within": [[edge, float((known <= edge).mean()) if len(known) else None] for edge in LOSS_EDGES],
        },
        "most_traded": _most_traded(orders),
        "refused": [
            {"account": accounts["account"][int(place)].as_py(), "why": accounts["why"][int(place)].as_py()}
            for place in refused[:MOST_LISTED]
        ],
        "warnings": list(warnings),
        "options": dict(record.options),
    }
    return {
        "run_id": record.run_id(result),
        **result,
        "generated": record.generated.isoformat(),
        "seed": record.seed,
        "versions": record.versions(),
        "config_hash": record.config_hash,
        "account_hash": record.account_hash,
        "data_hash": record.data_hash,
    }


def _most_traded(orders: "pa.Table") -> list[dict[str, Any]]:
    """The symbols with the largest turnover, in rupees bought and sold."""
    amount = np.asarray(orders["est_amount"].cast("double").to_numpy())
    symbols, at = np.unique(np.asarray(orders["symbol"].to_pylist(), dtype=str), return_inverse=True)
    buys = np.asarray(orders["side"].to_pylist(), dtype=str) == "BUY"
    bought = np.bincount(at[buys], amount[buys], len(symbols))
    sold = np.bincount(at[~buys], amount[~buys], len(symbols))
    largest = np.argsort(-(bought + sold), kind="stable")[:20]
    return [
        {"symbol": str(symbols[k]), "bought": round(float(bought[k]), 2), "sold": round(float(sold[k]), 2)}
        for k in largest
    ]


def _total(column: "pa.ChunkedArray") -> float:
    import pyarrow.compute as pc

    return float(pc.sum(column).as_py() or 0)


def _rupees(paisa: NDArray[np.int64]) -> "pa.Array":
    import pyarrow as pa

    return _rupees_of(pa.array(np.asarray(paisa, dtype=np.int64)))


def _rupees_of(paisa: "pa.Array") -> "pa.Array":
    """Paisa as decimal rupees."""
    import pyarrow as pa
    import pyarrow.compute as pc

    hundredth = pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))
    return pc.multiply(paisa.cast(pa.decimal128(19, 0)), hundredth).cast(pa.decimal128(19, 2))
