"""Fronts as front.json holds them: with two to five objectives, one point and two hundred, and hostile ones."""

import json

import numpy as np

HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "NA",
    "TRUE",
    "</script><!--<script>",
    'A&B"C',
    "NICAD85/86",
)
SYMBOLS = ("NABIL", "UPPER", "CIT", "HDL", "SHIVM", "NLIC", "API", "CHCL", "EBL", "NTC", "SCB", "GBIME", "NIFRA", "STC")
OBJECTIVES = (
    ("return", "expected return after charges and tax, a year", "share", "largest"),
    ("variance", "volatility, a year", "share", "smallest"),
    ("cvar", "CVaR: mean loss of the worst 5% of years", "share", "smallest"),
    ("days-to-exit", "sessions to sell half of it", "sessions", "smallest"),
    ("concentration", "concentration", "plain", "smallest"),
)
TRADE_DATE, SETTLES_ON = "2026-08-23", "2026-08-25"


def _values(risk, objectives, worse=0.0):
    """A point's objectives, from its risk between 0 and 1; worse: how far below the front."""
    values = (
        0.05 + 0.13 * np.sqrt(risk) - worse,
        0.12 + 0.17 * risk + worse / 2,
        0.1 + 0.25 * risk**1.5 + worse,
        2.0 + 11.0 * risk**2,
        0.08 + 0.12 * risk**3,
    )
    return [round(float(value), 6) for value in values[:objectives]]


def _point(k, risk, objectives, symbols):
    """A portfolio of some of the symbols, and the orders that lead to it."""
    drawn = np.random.default_rng([k, objectives])
    held = [symbol for symbol in symbols if drawn.random() < 0.8 - 0.4 * risk] or [symbols[0]]
    raw = drawn.uniform(0.4, 1.6, len(held))
    cash_share = round(0.02 + 0.01 * float(drawn.random()), 6)
    weights = {str(s): round(float(w), 6) for s, w in zip(held, raw / raw.sum() * (1 - cash_share), strict=True)}
    orders = []
    for j, symbol in enumerate(held):
        quantity, limit = 10 * int(drawn.integers(1, 300)), round(float(drawn.uniform(150, 3000)), 1)
        side, amount = ("SELL" if j % 3 == 2 else "BUY"), round(quantity * limit, 2)
        charges, tax = round(amount * 0.0041 + 25, 2), round(amount * 0.011, 2) if side == "SELL" else 0.0
        orders.append(
            {
                "symbol": symbol,
                "side": side,
                "quantity": quantity,
                "limit_price": limit,
                "place_on": SETTLES_ON if j == len(held) - 1 else TRADE_DATE,
                "est_amount": amount,
                "charges": charges,
                "est_cgt": tax,
                "est_net_cash": round((amount if side == "SELL" else -amount) - charges - tax, 2),
            }
        )
    return {
        "values": _values(risk, objectives),
        "weights": weights,
        "cash": round(cash_share * 12_345_678.9, 2),
        "cash_share": cash_share,
        "charges": round(sum(order["charges"] for order in orders), 2),
        "tax": round(sum(order["est_cgt"] for order in orders), 2),
        "turnover": round(float(drawn.uniform(0.1, 0.7)), 6),
        "orders": orders,
        "binding": [f"{held[0]} is at its cap of 10.0%", "Hydro Power is at its cap of 35.0%"][
            : int(drawn.integers(0, 3))
        ],
    }


def front(objectives=2, points=60, symbols=SYMBOLS, **changes):
    """A front with every optional part that fits its number of objectives. changes: keys to replace; None leaves one out."""
    rng = np.random.default_rng(7)
    risks = np.linspace(0, 1, points) if points > 1 else np.array([0.4])
    rows = [_point(k, float(risk), objectives, symbols) for k, risk in enumerate(risks)]
    at = points // 3
    cloud = [_values(min(abs(risks[at] + e), 1.2), objectives, w) for e, w in rng.normal(0, (0.12, 0.012), (120, 2))]
    others = [("largest return per risk", 0.15), ("least regret", 0.5), ("most return", 1.0)]
    known = {
        "schema": "portfolio_opt.pareto/1",
        "run_id": "0123456789ab",
        "generated": "2026-08-23T09:00:00+05:45",
        "as_of": "2026-08-21",
        "trade_date": TRADE_DATE,
        "settles_on": SETTLES_ON,
        "warnings": ["Provisional sessions: 2026-08-25 to settle."],
        "objectives": [
            dict(zip(("name", "words", "unit", "goal"), row, strict=True)) for row in OBJECTIVES[:objectives]
        ],
        "engine": {
            "name": "climbs",
            "why": "every objective and limit has a compiled reading.",
            "trail": ["CLARABEL: 24 weighted sums solved", "compiled climbs: 3,120 plans, 61 kept"],
            "rounds": 40,
            "ended": "no round of the last 5 added a point",
        },
        "quality": {
            "words": ["98.7% of the hypervolume of the exact front in fractions of shares."],
            "hypervolume": 0.0123456,
            "of_relaxation": 0.987,
            "certified": 0.93,
            "certified_bp": 5,
        },
        "points": rows,
        "chosen": {
            "point": at,
            "rule": "the knee: where a little more return begins to cost much more risk",
            "words": "The point chosen is the knee of the front: beyond it, a point of return costs over two of volatility.",
            "alternatives": [
                {
                    "rule": rule,
                    "point": int(share * (points - 1)),
                    "words": "1.9% less return a year for 2.4% less volatility",
                }
                for rule, share in others
            ],
            "cloud": cloud,
            "stays": [
                {"symbol": str(s), "share": round(1 - 0.06 * k, 4), "weight": rows[at]["weights"].get(str(s), 0.0)}
                for k, s in enumerate(symbols)
            ],
            "draws": 120,
            "cloud_words": "In nine draws of ten the choice ends between 8.1% and 13.0% expected return.",
        },
        "references": [
            {"name": "today", "values": _values(0.3, objectives, 0.02), "words": "what is held now, left alone"},
            {
                "name": "equal weight",
                "values": _values(0.45, objectives, 0.03),
                "words": "the same share of every name",
            },
            {"name": "index-like", "values": _values(0.6, objectives, 0.035), "words": "shares by market value"},
        ],
        "relaxation": [_values(r, objectives, -0.002) for r in np.linspace(0, 1, 50)] if objectives == 2 else None,
        "unreached": {
            "words": f"{min(3, points)} points lie in dents of the front, which no weighted sum of the objectives finds.",
            "points": [int(k) for k in range(points)][points // 2 : points // 2 + 3],
        },
        "honest": honest(),
        "limits": ["no name above 10.0% of wealth", "no sector above 35.0% of wealth"],
        "data_findings": [
            {
                "rule": "open of 0",
                "rows": 6,
                "effect": "read as absent",
                "severity": "note",
                "examples": ["FMDBL on 2012-06-10"],
            },
            {
                "rule": "moves beyond the band",
                "rows": 1170,
                "effect": "left out",
                "severity": "warning",
                "examples": [],
            },
        ],
        "options": {"investor": "individual", "max_weight": 0.1, "points": points},
        "seed": 0,
        "versions": {"portfolio_opt": "0.1.0"},
        "config_hash": "c" * 64,
        "data_hash": "d" * 64,
    }
    kept = {key: value for key, value in (known | changes).items() if value is not None}
    return json.loads(json.dumps(kept, allow_nan=False))


def honest():
    """A front of three years ago: claimed, shrunk and delivered."""
    risks = np.linspace(0.14, 0.3, 8)
    return {
        "words": "The same front decided three years ago promised far more than it delivered.",
        "decided_on": "2023-08-20",
        "claimed": [[float(r), float(0.1 + 1.1 * (r - 0.14))] for r in risks],
        "shrunk": [[float(r), float(0.09 + 0.45 * (r - 0.14))] for r in risks],
        "delivered": [[float(r + 0.02), float(0.07 - 0.15 * (r - 0.14))] for r in risks],
        "labels": ["volatility, a year", "return, a year"],
        "decay": [
            {"months": m, "least_risk": 0.08 - 0.002 * m, "chosen": 0.1 - 0.004 * m, "most_return": 0.12 - 0.011 * m}
            for m in (1, 3, 6, 12)
        ],
    }


def bare(objectives=2):
    """Nothing that may be absent: no alternatives, references, draws or findings."""
    document = front(
        objectives,
        8,
        warnings=[],
        references=[],
        relaxation=None,
        unreached=None,
        honest=None,
        limits=[],
        data_findings=[],
    )
    document["chosen"] |= {
        "alternatives": [],
        "cloud": [],
        "stays": [],
        "draws": 0,
        "cloud_words": "No draws were made.",
    }
    for key in ("of_relaxation", "certified"):
        del document["quality"][key]
    document["engine"]["trail"] = []
    return document


def single():
    """One point: nothing to walk along."""
    document = front(2, 1)
    document["chosen"]["alternatives"] = []
    return document


def left_alone():
    """The chosen point is today's portfolio: no orders, nothing at work."""
    document = front(3, 12)
    document["points"][4] |= {"orders": [], "binding": [], "charges": 0.0, "tax": 0.0, "turnover": 0.0}
    return document


def hostile(objectives=3):
    """Every text that comes from outside tries to be something else."""
    bad = HOSTILE[0]
    document = front(objectives, 20, HOSTILE, warnings=list(HOSTILE), limits=list(HOSTILE))
    document["chosen"] |= {"rule": bad, "words": bad, "cloud_words": bad}
    for row, text in zip(document["chosen"]["alternatives"], HOSTILE, strict=False):
        row |= {"rule": text, "words": text}
    document["references"][1] |= {"name": HOSTILE[4], "words": bad}
    document["honest"] |= {"words": bad, "labels": [bad, bad]}
    document["engine"] |= {"name": bad, "why": bad, "ended": bad, "trail": list(HOSTILE)}
    document["data_findings"][0] |= {"rule": bad, "effect": bad, "examples": list(HOSTILE)}
    document["objectives"][2]["words"] = bad
    document["options"]["investor"] = bad
    return document


def large():
    """Two hundred points of five objectives, each with dozens of names and orders."""
    return front(5, 200, tuple(f"SYMBOL{k}" for k in range(60)))
