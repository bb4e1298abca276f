"""Plans and their documents small enough to read, and large and hostile ones."""

import json
from datetime import date, datetime, timedelta, timezone

import numpy as np

from portfolio_opt.allocate.plan import (
    CashStep,
    Certificate,
    Holding,
    LimitState,
    LotAge,
    Plan,
    Portfolio,
    Untraded,
)
from portfolio_opt.allocate.why.break_even import BreakEven
from portfolio_opt.allocate.why.robustness import Stability
from portfolio_opt.ingest.findings import Finding
from portfolio_opt.market.charges import Charges
from portfolio_opt.market.orders import Order
from portfolio_opt.report.rebalance_json import plan_document
from portfolio_opt.report.run_record import RunRecord

TRADE_DATE = date(2026, 8, 23)
SETTLES_ON = date(2026, 8, 25)
NEPAL = timezone(timedelta(hours=5, minutes=45))
HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "NICAD85/86",
    'A&B"C',
    "</title></style><img src=x>",
    "@SUM(A1)",
)
REASON = (
    "0.0% to 3.9% of wealth; without this order its next rupee adds +3.8% a year (12.3% expected less 8.5% for its risk), "
    "against +2.7% for the plan's average rupee; paid from cash that settles by 2026-08-25: band and limit are provisional, "
    "run again that day"
)


def order(symbol, side="BUY", quantity=100, *, limit=51_230, board="NORMAL", tax=0, place_on=TRADE_DATE):
    """An Order with charges of NPR 25 and 0.37% of its amount, as whole paisa."""
    amount = quantity * limit
    paid = Charges(commission=amount * 36 // 10_000, sebon_fee=amount * 15 // 100_000, dp_charge=25_00)
    net_cash = (amount if side == "SELL" else -amount) - paid.total - tax
    return Order(
        symbol,
        side,
        quantity,
        limit,
        board,
        place_on,
        limit - 4_000,
        limit + 4_000,
        amount,
        paid,
        tax,
        net_cash,
        REASON,
    )


def portfolio(units, cash, *, close=50_000, sector="Hydro Power"):
    """Holdings of {symbol: units} at one price."""
    wealth = sum(units.values()) * close + cash
    rows = tuple(
        Holding(symbol, sector, count, close, count * close, count * close / wealth, True)
        for symbol, count in units.items()
    )
    return Portfolio(rows, cash, wealth, 1 - cash / wealth, 0.104, 0.043, 0.215, float(len(units)))


def plan(orders, held, **changes):
    """A Plan that carries out `orders` from holdings of {symbol: units} and a cash of NPR 10 million."""
    cash, after = 10_000_000_00, dict(held)
    ladder = [CashStep(TRADE_DATE, "settled cash", cash, cash)]
    for one in orders:
        cash += one.net_cash
        after[one.symbol] = after.get(one.symbol, 0) + one.quantity * (1 if one.side == "BUY" else -1)
        ladder.append(CashStep(one.place_on, f"{one.side.lower()} {one.quantity} {one.symbol}", one.net_cash, cash))
    known = {
        "as_of": date(2026, 8, 21),
        "trade_date": TRADE_DATE,
        "settles_on": SETTLES_ON,
        "orders": tuple(orders),
        "cash_ladder": tuple(ladder),
        "before": portfolio(held, 10_000_000_00),
        "after": portfolio({symbol: units for symbol, units in after.items() if units}, cash),
        "limits": (LimitState("max_weight", "NABIL", "NABIL is at its cap of 10.0%", 0.7),),
        "lots": tuple(LotAge(symbol, units, date(2025, 9, 1), 356, 10, 123_45) for symbol, units in held.items()),
        "untraded": (),
        "certificate": Certificate(0.0695, 0.0425, 0.0702, 2.6e-13, 3e-10, ("CLARABEL: residual 2.6e-13",)),
        "origin": "Prices only, no predictor.",
        "notes": (),
    }
    return Plan(**(known | changes))


def document(orders, held, *, warnings=(), findings=(), **changes):
    """The plan document of such a plan, as it comes back from plan.json."""
    record = RunRecord(
        generated=datetime(2026, 8, 23, 9, tzinfo=NEPAL),
        options={
            "investor": "individual",
            "max_weight": 0.1,
            "max_sector": 0.35,
            "forbidden": [],
            "allow_stale": False,
        },
        account_hash="a" * 64,
        data_hash="d" * 64,
        findings=tuple(findings),
    )
    return json.loads(json.dumps(plan_document(plan(orders, held, **changes), record, warnings), allow_nan=False))


def ordinary(**changes):
    """A sale, two purchases, one of them later, and a finding of each severity."""
    orders = [
        order("NABIL", "SELL", 629, tax=1_484_14),
        order("UPPER", quantity=1_500),
        order("CIT", quantity=77, limit=195_230, place_on=SETTLES_ON),
    ]
    findings = (
        Finding("open of 0", 6, "read as absent", "note", ("FMDBL on 2012-06-10",)),
        Finding("moves beyond the day's band", 1_170, "left out of every return estimate", "warning"),
    )
    return document(orders, {"NABIL": 1_000, "HDL": 120}, **({"findings": findings} | changes))


def break_even(symbol, side="BUY", months=4.52, quantity=1_500):
    """What an order rests on; without months it never repays its cost."""
    at = 0.087 if (side == "BUY") == (months is not None) else 0.106
    gain = -50_00.0 if months is None else 9_123_45.0
    return BreakEven(symbol, side, quantity, 0.097, at, gain, 2_937_12, 1_484_14 * (side == "SELL"), months, 1.0)


def stability(now, answer, drawn, unsolved=0):
    """Draws beside an answer: {symbol: weight} now and then, {symbol: weights drawn}. A unit is a thousandth of wealth."""
    symbols = list(drawn)
    weights = [np.array([side.get(symbol, 0.0) for symbol in symbols]) for side in (now, answer)]
    return Stability.of(
        np.array(symbols), np.full(len(symbols), 1e-3), *weights, np.array([*drawn.values()]).T, unsolved
    )


def sure(**changes):
    """The ordinary plan beside four draws: its sale is made in all, one purchase in three, the other in one."""
    drawn = {
        "NABIL": [0.02, 0.02, 0.03, 0.04],
        "UPPER": [0.08, 0.07, 0.06, 0.0],
        "CIT": [0.0, 0.0, 0.02, 0.0],
        "HDL": [0.006] * 4,
    }
    now, answer = {"NABIL": 0.047, "HDL": 0.006}, {"NABIL": 0.018, "UPPER": 0.071, "CIT": 0.004, "HDL": 0.006}
    rests = (break_even("UPPER"), break_even("NABIL", "SELL", 11.0, 629), break_even("CIT", months=None, quantity=77))
    return ordinary(**({"stability": stability(now, answer, drawn, 1), "break_evens": rests} | changes))


def without_orders():
    """Nothing is worth its cost."""
    certificate = Certificate(0.0425, 0.0425, 0.0426, 2.6e-13, 3e-10, ("CLARABEL",))
    return document([], {"NABIL": 1_000}, certificate=certificate, limits=())


def cash_only():
    """No holdings and no orders: nothing at risk."""
    nothing = Portfolio((), 100_000_00, 100_000_00, 0.0, 0.0, 0.0, 0.0, 0.0)
    return document([], {}, before=nothing, after=nothing, limits=(), lots=())


def hostile():
    """Every text that comes from outside tries to be something else."""
    orders = [
        order(symbol, "SELL" if k % 2 else "BUY", board="ODD" if k == 1 else "NORMAL")
        for k, symbol in enumerate(HOSTILE)
    ]
    bad = HOSTILE[0]
    return document(
        orders,
        dict.fromkeys(HOSTILE, 300),
        warnings=HOSTILE,
        findings=(Finding(bad, 1, bad, "warning", HOSTILE),),
        before=portfolio(dict.fromkeys(HOSTILE, 300), 5_00, sector=bad),
        limits=(LimitState("max_weight", bad, bad, None),),
        untraded=(Untraded(bad, 3, 4_00, bad),),
        break_evens=tuple(break_even(symbol) for symbol in HOSTILE),
        stability=stability({}, dict.fromkeys(HOSTILE, 0.1), {symbol: [0.1, 0.0] for symbol in HOSTILE}),
        origin=bad,
        notes=HOSTILE,
    )


def large(orders=60, names=100):
    """As large as accounts get: many orders with long reasons, many holdings, lots and findings."""
    held = {f"HOLDING{k}": 1_000 + k for k in range(names)}
    placed = [
        order(symbol, "SELL" if k < orders // 3 else "BUY", place_on=TRADE_DATE if k < orders // 2 else SETTLES_ON)
        for k, symbol in enumerate([*held, *(f"NEW{k}" for k in range(orders))][:orders])
    ]
    findings = [
        Finding(f"rule {k}", 1_000, "left out of every estimate. " * 10, "warning", ("A on 2020-01-01",) * 5)
        for k in range(12)
    ]
    everyone = [*dict.fromkeys([*held, *(one.symbol for one in placed)])]
    drawn = stability(dict.fromkeys(held, 0.01), dict.fromkeys(everyone, 0.01), {name: [0.0, 0.1] for name in everyone})
    return document(
        placed,
        held,
        findings=findings,
        warnings=["Orders rest on old prices. " * 10] * 5,
        break_evens=tuple(break_even(one.symbol, one.side) for one in placed[:5]),
        stability=drawn,
    )
