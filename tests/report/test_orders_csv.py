"""orders.csv and plan.json: the same orders, harmless in a spreadsheet and strict for a program."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import datetime

import plan_documents
import pytest
from plan_documents import HOSTILE

from portfolio_opt.report.orders_csv import COLUMNS, orders_csv
from portfolio_opt.report.run_record import RunRecord

MONEY_COLUMNS = (
    "limit_price",
    "band_low",
    "band_high",
    "est_amount",
    "commission",
    "sebon_fee",
    "dp_charge",
    "est_cgt",
    "est_net_cash",
)
PROMISED = (
    "schema run_id as_of trade_date orders cash_ladder before after limits data_findings seed versions config_hash "
    "data_hash"
)


def rows(document):
    return list(csv.DictReader(io.StringIO(orders_csv(document))))


def test_money_has_two_decimals_and_is_what_the_plan_says():
    document = plan_documents.ordinary()
    for row, order in zip(rows(document), document["orders"], strict=True):
        for name in MONEY_COLUMNS:
            assert re.fullmatch(r"-?\d+\.\d\d", row[name])
            assert round(float(row[name]) * 100) == round(order[name] * 100)
        assert row["quantity"] == str(order["quantity"])
        assert row["run_id"] == document["run_id"]


def test_without_orders_the_header_and_the_run_id_remain():
    document = plan_documents.without_orders()
    header, only = orders_csv(document).splitlines()
    assert header == ",".join(COLUMNS)
    assert only == document["run_id"] + "," * (len(COLUMNS) - 1)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_is_read_as_a_formula(start):
    document = plan_documents.document([plan_documents.order(start + "cmd|' /C calc'!A0")], {})
    document["orders"][0]["reason"] = start + "1+1"
    (row,) = rows(document)
    assert row["symbol"] == "'" + document["orders"][0]["symbol"]
    assert row["reason"].startswith("'")


def test_a_hostile_symbol_stays_one_cell_and_can_be_read_back():
    document = plan_documents.hostile()
    assert [row["symbol"].removeprefix("'") for row in rows(document)] == list(HOSTILE)
    for row in rows(document):
        assert set(row) == set(COLUMNS)
        words = [value for name, value in row.items() if name not in MONEY_COLUMNS]
        assert not [value for value in words if value.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("name", ["ordinary", "sure", "without_orders", "cash_only", "hostile", "large"])
def test_a_plan_document_is_strict_json_with_what_was_promised(name):
    document = getattr(plan_documents, name)()
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON")) == document
    assert set(PROMISED.split()) <= set(document)
    assert document["schema"] == "portfolio_opt.rebalance/1"
    assert re.fullmatch(r"[0-9a-f]{12}", document["run_id"])


def absent(value):
    """Every place of a document that holds null."""
    if isinstance(value, dict):
        return [key for key, item in value.items() if item is None] + [
            k for item in value.values() for k in absent(item)
        ]
    return [k for item in value for k in absent(item)] if isinstance(value, list) else []


def test_an_absent_value_is_a_missing_key():
    lot = plan_documents.LotAge("NABIL", 10, None, None, None, 5_00)
    document = plan_documents.hostile() | {"lots": plan_documents.ordinary(lots=(lot,))["lots"]}
    assert document["lots"] == [{"symbol": "NABIL", "units": 10, "gain": 5.0}]
    assert "worth_bp" not in document["limits"][0]
    assert absent(document) == []
    sure = plan_documents.sure()
    assert absent(sure) == []
    assert "months_to_repay" not in sure["break_evens"][2]
    assert [row["symbol"] for row in sure["stability"]["names"] if "side" not in row] == ["HDL"]
    assert "stability" not in plan_documents.ordinary()


def test_the_draws_agree_with_a_purchase_where_they_buy_and_with_no_order_where_they_leave_alone():
    document = plan_documents.sure()
    sides = {order["symbol"]: order["side"] for order in document["orders"]}
    weights = {row["symbol"]: row["weight"] for row in document["after"]["holdings"]}
    for row in document["stability"]["names"]:
        assert row.get("side") == sides.get(row["symbol"])
        alone = 1 - row["bought"] - row["sold"]
        assert row["agree"] == {"BUY": row["bought"], "SELL": row["sold"]}.get(row.get("side"), alone)
        assert row["weight"] == weights[row["symbol"]]
        assert row["low"] <= row["high"]
    assert (document["stability"]["draws"], document["stability"]["unsolved"]) == (4, 1)


def test_rupees_are_whole_paisa_and_totals_are_the_sums_of_the_orders():
    document = plan_documents.ordinary()
    orders, totals = document["orders"], document["totals"]

    def paisa(amounts):
        return sum(round(amount * 100) for amount in amounts)

    for name in ("commission", "sebon_fee", "dp_charge"):
        assert round(totals[name] * 100) == paisa(order[name] for order in orders)
    assert round(totals["tax"] * 100) == paisa(order["est_cgt"] for order in orders)
    assert round(totals["bought"] * 100) == paisa(o["est_amount"] for o in orders if o["side"] == "BUY")
    assert round(totals["charges_and_tax"] * 100) == round(totals["charges"] * 100) + round(totals["tax"] * 100)
    assert not re.search(
        r"\d\.\d{3,}", json.dumps([orders, totals, document["cash_ladder"]]).replace(plan_documents.REASON, "")
    )


def test_the_run_id_follows_from_what_the_run_was_made_from():
    assert plan_documents.ordinary()["run_id"] == plan_documents.ordinary()["run_id"]
    record = RunRecord(datetime(2026, 8, 23, 9), {"max_weight": 0.1}, account_hash="a", data_hash="d")
    changes = ({"data_hash": "e"}, {"account_hash": "b"}, {"options": {"max_weight": 0.2}}, {"seed": 1})
    assert len({record.run_id, *(replace(record, **change).run_id for change in changes)}) == 1 + len(changes)
