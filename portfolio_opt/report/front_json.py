"""A Front as front.json: strict JSON, rupees with two decimals, weights as fractions, absent values left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..allocate.fronts.choice import Choice, Firmness
from ..allocate.fronts.front import CERTIFIED, Front
from ..allocate.fronts.honest import Honest
from ..allocate.fronts.references import Reference
from ..market.orders import Order
from .rebalance_json import npr, order_row
from .run_record import RunRecord

SCHEMA = "portfolio_opt.pareto/1"
DIGITS = 8


@dataclass(frozen=True)
class FrontRun:
    """Everything that a run of `pareto` found.

    orders: of each point; binding: limits that each has reached, in words; references: with their figures in values (R, K)
    unreached: places of points that no weighted sum takes; notes: sentences about what was done
    """

    front: Front
    chosen: Choice
    alternatives: Sequence[Choice]
    firmness: Firmness | None
    orders: Sequence[Sequence[Order]]
    binding: Sequence[Sequence[str]]
    references: Sequence[tuple[Reference, Sequence[float]]]
    unreached: Sequence[int]
    honest: Honest | None
    as_of: str
    notes: Sequence[str]


def front_document(run: FrontRun, record: RunRecord, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """Everything that the page says, as plain data. warnings: sentences the reader must see first."""
    front = run.front
    day = front.problem.day
    result = {
        "as_of": run.as_of,
        "trade_date": day.trade_date.isoformat(),
        "settles_on": day.settles_on.isoformat(),
        "warnings": [*warnings, *run.notes],
        "objectives": [
            {"name": aim.name, "words": aim.words, "unit": aim.unit, "goal": "smallest" if aim.smallest else "largest"}
            for aim in front.aims
        ],
        "engine": {
            "name": front.engine, "why": front.why, "trail": list(front.trail), "rounds": front.rounds, "ended": front.ended,
        },
        "quality": _quality(front),
        "points": [_point(run, p) for p in range(len(front))],
        "chosen": _chosen(run),
        "references": [
            {"name": each.name, "values": [_rounded(v) for v in values], "words": each.words}
            for each, values in run.references
        ],
        **_relaxation(front),
        **(
            {"unreached": {"words": _unreached_words(run), "points": list(run.unreached)}} if run.unreached else {}
        ),
        **({"honest": _honest(run.honest)} if run.honest else {}),
        "limits": [limit.in_words() for limit in _limits(front)],
        "orders": [order_row(order) for order in run.orders[run.chosen.point]],
    }  # fmt: skip
    return {
        "schema": SCHEMA,
        "run_id": record.run_id(result),
        "generated": record.generated.isoformat(),
        **result,
        **record.document(),
    }


def _limits(front: Front) -> list[Any]:
    from ..allocate.plain import statement_of

    return list(statement_of(front.problem).limits)


def _quality(front: Front) -> dict[str, Any]:
    found: dict[str, Any] = {"hypervolume": float(f"{front.hypervolume:.6g}"), "certified_bp": round(CERTIFIED * 1e4)}
    words = []
    if front.of_relaxation is not None:
        found["of_relaxation"] = _rounded(front.of_relaxation, 5)
        words.append(
            f"the plans dominate {front.of_relaxation:.2%} of what fractional shares would, at costs that are bounded from below"
        )
    if front.certified is not None and front.short_of_bound is not None:
        found["certified"] = _rounded(front.certified, 4)
        words.append(
            f"{front.certified:.0%} of the plans are proved to be within {CERTIFIED * 1e4:.0f} bp of what no plan exceeds, in "
            f"{front.aims[0].words}; half of all within {np.median(front.short_of_bound) * 1e4:.1f} bp"
        )
    if not words:
        words.append(
            "no solver proves a bound for these objectives and limits: how far the plans are from the best is not known"
        )
    return {"words": words, **found}


def _point(run: FrontRun, p: int) -> dict[str, Any]:
    front, orders = run.front, run.orders[p]
    problem = front.problem
    held = np.flatnonzero(front.units[p])
    held = held[np.argsort(-front.weights[p, held], kind="stable")]
    cash = problem.cash + sum(order.net_cash for order in orders)
    return {
        "values": [_rounded(v) for v in front.figures[p]],
        "weights": {str(problem.day.symbols[i]): _rounded(front.weights[p, i], 6) for i in held},
        "cash": npr(cash),
        "cash_share": _rounded(cash / problem.wealth, 6),
        "charges": npr(sum(int(order.charges.total) for order in orders)),
        "tax": npr(sum(order.tax for order in orders)),
        "turnover": _rounded(float(np.abs(front.weights[p] - problem.held * problem.unit).sum() / 2), 6),
        "orders": [_order(order) for order in orders],
        "binding": list(run.binding[p]),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "side": order.side,
        "quantity": order.quantity,
        "limit_price": npr(order.limit_price),
        "place_on": order.place_on.isoformat(),
        "est_amount": npr(order.amount),
        "charges": npr(int(order.charges.total)),
        "est_cgt": npr(order.tax),
        "est_net_cash": npr(order.net_cash),
    }


def _chosen(run: FrontRun) -> dict[str, Any]:
    front, chosen, firm = run.front, run.chosen, run.firmness
    found: dict[str, Any] = {
        "point": chosen.point,
        "rule": chosen.rule,
        "words": chosen.words,
        "alternatives": [
            {
                "rule": each.rule,
                "point": each.point,
                "words": f"{each.words}; {_against(front, each.point, chosen.point)}",
            }
            for each in run.alternatives
        ],
        "cloud": [],
        "stays": [],
        "draws": 0,
        "cloud_words": "how firm the choice is was not looked at",
    }
    if firm is not None:
        shown = np.flatnonzero((firm.stays >= SELDOM) | (front.units[chosen.point] > 0))
        shown = shown[np.lexsort((-front.weights[chosen.point, shown], -firm.stays[shown]))]
        found |= {
            "cloud": [[_rounded(v) for v in row] for row in firm.cloud],
            "stays": [
                {
                    "symbol": str(front.problem.day.symbols[i]),
                    "share": _rounded(firm.stays[i], 4),
                    "weight": _rounded(front.weights[chosen.point, i], 6),
                }
                for i in shown
            ],
            "draws": firm.draws,
            "cloud_words": (
                f"in {firm.draws} draws of the expected returns within their errors the same rule takes plans that have "
                f"{firm.kept:.0%} of this one’s weight in the same names, on average"
            ),
        }
    return found


SELDOM = 0.25  # of the draws: names held less often are not listed


def _against(front: Front, other: int, chosen: int) -> str:
    """What another point gives up and gains against the chosen one."""
    parts = []
    for k, aim in enumerate(front.aims):
        difference = float(front.figures[other, k] - front.figures[chosen, k])
        if abs(difference) < 1e-9:
            continue
        amount = f"{100 * abs(difference):.2f} points" if aim.unit == "share" else f"{abs(difference):.3g}"
        better = (difference < 0) == aim.smallest
        parts.append(f"{'better' if better else 'worse'} by {amount} in {aim.name}")
    return ", ".join(parts) or "the same in every aim"


def _relaxation(front: Front) -> dict[str, Any]:
    if front.relaxation is None or len(front.aims) != 2:
        return {}
    figures = np.column_stack([aim.read(front.relaxation.values[:, k]) for k, aim in enumerate(front.aims)])
    order = np.argsort(figures[:, 0], kind="stable")
    return {"relaxation": [[_rounded(v) for v in row] for row in figures[order]]}


def _unreached_words(run: FrontRun) -> str:
    count, total = len(run.unreached), len(run.front)
    return (
        f"{count} of {total} plans lie where the front bends inwards: no weighted sum of the objectives takes them, whatever the "
        "weights, as whole lots, slabs and flat charges make steps; floors under an objective find them"
    )


def _honest(honest: Honest) -> dict[str, Any]:
    return {
        "words": (
            "The same caps, decided on the earlier day with what was known then: what each name’s own average claims, what the "
            f"shrunk estimates claim, and what the portfolios of the {honest.delivered_of} front returned since, held without "
            "rebalancing, gross of charges and tax"
        ),
        "decided_on": honest.decided_on.isoformat(),
        "labels": ["volatility, a year", "return, a year"],
        **{
            name: [[_rounded(x, 5), _rounded(y, 5)] for x, y in getattr(honest, name)]
            for name in ("claimed", "shrunk", "delivered")
        },
        "decay": [
            {
                "months": months, "least_risk": _rounded(low, 5), "chosen": _rounded(middle, 5), "most_return": _rounded(high, 5),
            }
            for months, low, middle, high in honest.decay
        ],
    }  # fmt: skip


def _rounded(value: float, digits: int = DIGITS) -> float:
    return round(float(value), digits) + 0.0
