"""A Plan as plan.json: strict JSON, rupees with two decimals, weights as fractions, absent values left out."""

from collections.abc import Sequence
from typing import Any

from ..allocate.plan import Plan, Portfolio
from ..allocate.why.break_even import BreakEven
from ..allocate.why.robustness import TAILS, Stability
from ..market.orders import Order
from .run_record import RunRecord

SCHEMA = "portfolio_opt.rebalance/1"


def plan_document(plan: Plan, record: RunRecord, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """Everything that the report says, as plain data. warnings: sentences the reader must see first."""
    result = {
        "as_of": plan.as_of.isoformat(),
        "trade_date": plan.trade_date.isoformat(),
        "settles_on": plan.settles_on.isoformat(),
        "warnings": list(warnings),
        "totals": _totals(plan),
        "orders": [order_row(order) for order in plan.orders],
        "cash_ladder": [
            {"day": step.day.isoformat(), "event": step.event, "amount": npr(step.amount), "settled": npr(step.settled)}
            for step in plan.cash_ladder
        ],
        "before": _portfolio(plan.before),
        "after": _portfolio(plan.after),
        "limits": [
            _present({"limit": s.limit, "where": s.where, "words": s.words, "worth_bp": _rounded(s.worth_bp, 2)})
            for s in plan.limits
        ],
        "break_evens": [_break_even(each) for each in plan.break_evens],
        **({"stability": _stability(plan.stability, plan)} if plan.stability else {}),
        "lots": [
            _present(
                {
                    "symbol": lot.symbol,
                    "units": lot.units,
                    "acquired": lot.acquired.isoformat() if lot.acquired else None,
                    "days_held": lot.days_held,
                    "days_to_long": lot.days_to_long,
                    "gain": npr(lot.gain),
                }
            )
            for lot in plan.lots
        ],
        "untraded": [
            {"symbol": row.symbol, "units": row.units, "value": npr(row.value), "why": row.why} for row in plan.untraded
        ],
        "certificate": {
            "utility": _rounded(plan.certificate.utility, 8),
            "unchanged": _rounded(plan.certificate.unchanged, 8),
            **(
                {}
                if plan.certificate.bound is None
                else {
                    "bound": _rounded(plan.certificate.bound, 8),
                    "loss_bp": _rounded(plan.certificate.loss_bp, 2),
                }
            ),
            "residual": float(f"{plan.certificate.residual:.1e}"),
            "gap": float(f"{plan.certificate.gap:.1e}"),
            "solvers": list(plan.certificate.trail),
        },
        "notes": list(plan.notes),
        "model": plan.origin,
    }
    return {
        "schema": SCHEMA,
        "run_id": record.run_id(result),
        "generated": record.generated.isoformat(),
        **result,
        **record.document(),
    }


def npr(paisa: int) -> float:
    """Paisa as rupees; JSON prints them with at most two decimals."""
    return paisa / 100


def _totals(plan: Plan) -> dict[str, float]:
    lines = {
        name: sum(int(getattr(order.charges, name)) for order in plan.orders)
        for name in ("commission", "sebon_fee", "dp_charge")
    }
    return {
        "bought": npr(plan.bought),
        "sold": npr(plan.sold),
        **{name: npr(value) for name, value in lines.items()},
        "charges": npr(plan.charges),
        "tax": npr(plan.tax),
        "charges_and_tax": npr(plan.charges + plan.tax),
    }


def order_row(order: Order) -> dict[str, Any]:
    """One order with every column of orders.csv but the run's id."""
    return {
        "symbol": order.symbol,
        "side": order.side,
        "quantity": order.quantity,
        "order_type": "LIMIT",
        "limit_price": npr(order.limit_price),
        "validity": "DAY",
        "board": order.board,
        "session": "CONTINUOUS",
        "place_on": order.place_on.isoformat(),
        "band_low": npr(order.band_low),
        "band_high": npr(order.band_high),
        "est_amount": npr(order.amount),
        "commission": npr(int(order.charges.commission)),
        "sebon_fee": npr(int(order.charges.sebon_fee)),
        "dp_charge": npr(int(order.charges.dp_charge)),
        "est_cgt": npr(order.tax),
        "est_net_cash": npr(order.net_cash),
        "reason": order.reason,
    }


def _break_even(each: BreakEven) -> dict[str, Any]:
    return _present(
        {
            "symbol": each.symbol,
            "side": each.side,
            "quantity": each.units,
            "expected_return": _rounded(each.believed, 6),
            "break_even_return": _rounded(each.at, 6),
            "gain_a_year": npr(round(each.gain)),
            "charges": npr(each.charges),
            "tax": npr(each.tax),
            "months_to_repay": _rounded(each.months, 2),
            "worth_it": each.worth_it,
            "words": each.words,
        }
    )


def _stability(found: Stability, plan: Plan) -> dict[str, Any]:
    """The noteworthy names beside the draws. agree: share of the draws that do with a name what the plan does."""
    weights = {row.symbol: row.weight for row in plan.after.holdings if not row.pending}
    sides = {order.symbol: order.side for order in plan.orders}
    columns = {name: getattr(found, name) for name in ("low", "high", "held", "bought", "sold")}
    columns["agree"] = found.agreement
    names = []
    for i in found.noteworthy:
        symbol = str(found.symbols[i])
        row = {"symbol": symbol, "side": sides.get(symbol), "weight": _rounded(weights.get(symbol, 0.0), 6)}
        names.append(_present(row | {name: _rounded(column[i], 4) for name, column in columns.items()}))
    return {
        "draws": found.draws,
        "unsolved": found.unsolved,
        "interval": list(TAILS),
        "words": found.together,
        "names": names,
    }


def _portfolio(portfolio: Portfolio) -> dict[str, Any]:
    return {
        "wealth": npr(portfolio.wealth),
        "cash": npr(portfolio.cash),
        "holdings": [
            {
                "symbol": row.symbol,
                "sector": row.sector,
                "units": row.units,
                "price": npr(row.price),
                "value": npr(row.value),
                "weight": _rounded(row.weight, 6),
                "priced": row.priced,
                **({"pending": True} if row.pending else {}),
            }
            for row in portfolio.holdings
        ],
        "sectors": {name: _rounded(weight, 6) for name, weight in portfolio.by_sector().items()},
        "risk_covered": _rounded(portfolio.risk_covered, 6),
        "expected_return": _rounded(portfolio.expected_return, 6),
        "standard_error": _rounded(portfolio.standard_error, 6),
        "volatility": _rounded(portfolio.volatility, 6),
        "effective_names": _rounded(portfolio.effective_names, 2),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    """Rounded, and never a negative zero."""
    return None if value is None else round(float(value), digits) + 0.0


def _present(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None}
