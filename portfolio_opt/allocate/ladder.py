"""When each purchase can be placed: on the trade date from settled cash, later from what settles by then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ..market.orders import Order
from .plan import CashStep


@dataclass(frozen=True)
class Inflow:
    """Cash that becomes free on a day. counted: whether purchases may rely on it (an odd-lot sale may never fill)."""

    day: date
    event: str
    amount: int
    counted: bool = True


def place_days(costs: Sequence[int], settled: int, inflows: Sequence[Inflow], first: date, floor: int) -> list[date]:
    """The earliest day each purchase can be placed, in the given order of preference.

    costs: paisa each takes at its limit; settled: free now; floor: paisa that must stay
    At every day, what is placed by then never exceeds what has settled by then less the floor. Raises ValueError if the
    purchases exceed all the cash together.
    """
    days = sorted({first, *(max(flow.day, first) for flow in inflows if flow.counted)})
    room = {
        day: settled - floor + sum(f.amount for f in inflows if f.counted and max(f.day, first) <= day) for day in days
    }
    placed = []
    for cost in costs:
        day = next((d for d in days if all(room[later] >= cost for later in days if later >= d)), None)
        if day is None:
            raise ValueError("purchases exceed the cash that settles")
        for later in days:
            if later >= day:
                room[later] -= cost
        placed.append(day)
    return placed


def cash_ladder(start: date, settled: int, inflows: Sequence[Inflow], orders: Sequence[Order]) -> tuple[CashStep, ...]:
    """Every change of settled cash, day by day, receipts before payments; balances count all inflows."""
    events = [(max(flow.day, start), 0, flow.event, flow.amount) for flow in inflows]
    events += [(o.place_on, 1, f"buy {o.quantity:,} {o.symbol}", o.net_cash) for o in orders if o.side == "BUY"]
    steps = [CashStep(start, "settled cash", settled, settled)]
    for day, _, event, amount in sorted(events, key=lambda e: (e[0], e[1], e[2])):
        settled += amount
        steps.append(CashStep(day, event, amount, settled))
    return tuple(steps)
