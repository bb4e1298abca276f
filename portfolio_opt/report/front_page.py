"""Front documents as HTML pages: complete on paper and without script; a small script walks along the points.

Every number is spelt here. The script only moves text and marks, so that an amount never reads differently.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from jinja2.utils import htmlsafe_json_dumps

from . import rebalance_rows
from .formats import count, money, number_of, percent
from .front_charts import Mark, Measure, Picture, frame, picture, thinned
from .page import LARGEST_PAGE, environment

ROOMS = (40, 28, 20, 14, 10, 7, 4, 1, 0)  # points to walk along: the first number with which the page is small enough
HEIGHTS = {
    0: (380, 0),
    1: (380, 380),
    2: (440, 170),
    3: (520, 110),
}  # pixels of the picture, and of each of so many beside it
FEWEST_IN_A_PICTURE = 40
SERIES = ("claimed", "shrunk", "delivered")

Document = Mapping[str, Any]
Row = Mapping[str, Any]


def front_page(document: Document) -> str:
    """The report of one front; the same document gives the same text.

    document: the content of front.json. Whatever text it holds is escaped.
    The chosen point is shown in full; other points, draws and names are thinned, saying so, as far as 200 KB demand.
    """
    for room in ROOMS:
        page = _render(document, room)
        if len(page.encode()) <= LARGEST_PAGE:
            break
    return page


def _render(document: Document, room: int) -> str:
    """The page with at most about `room` points to walk along, and other tables to match."""
    measures = [measure(document, k) for k in range(len(document["objectives"]))]
    chosen = document["chosen"]
    kept = [chosen["point"], *(row["point"] for row in chosen["alternatives"])]
    listed = thinned(len(document["points"]), max(2 * room, 10), kept)
    walked = thinned(len(document["points"]), room, kept) if room else [chosen["point"]]
    pictures = _pictures(document, measures, room)
    points = [_shown(document, measures, index) for index in listed]
    largest = max([1e-9, *(w for index in walked for w in _held(document["points"][index]).values())])
    stays = sorted(chosen["stays"], key=lambda row: (-row["share"], -row["weight"], row["symbol"]))
    return (
        environment()
        .get_template("front.html")
        .render(
            front=document,
            sentence=sentence,
            measures=measures,
            warnings=rebalance_rows.warnings({**document, "notes": [], "orders": [], "lots": []}),
            point=_shown(document, measures, chosen["point"]),
            chosen=_walked(document, measures, chosen["point"], largest, pictures),
            today=_today(document, measures),
            pictures=[drawn for drawn, _ in pictures],
            walk=_Walk(
                [index + 1 for index in walked],
                walked.index(chosen["point"]),
                [(walked.index(index), name) for index, name in _named(document).items()],
                htmlsafe_json_dumps(
                    [_walked(document, measures, index, largest, pictures) for index in walked],
                    dumps=partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
                ),
            )
            if len(walked) > 1
            else None,
            points=points,
            alternatives=[{**row, **_shown(document, measures, row["point"])} for row in _others(document)],
            agreeing=[row["rule"] for row in chosen["alternatives"] if row["point"] == chosen["point"]],
            references=[row | {"values": _spelt(measures, row["values"])} for row in document["references"]],
            stays=stays[: max(2 * room, 10)],
            honest_picture=_honest(document),
            made_from=rebalance_rows.made_from(document),
        )
    )


@dataclass(frozen=True)
class _Walk:
    """The points that the slider walks along. start: where the chosen one is; named: (where, name); data: for the script."""

    numbers: list[int]
    start: int
    named: list[tuple[int, str]]
    data: str


def measure(document: Document, k: int) -> Measure:
    """How the k-th objective is spelt: with one more decimal where all its values lie close together."""
    objective = document["objectives"][k]
    values = [point["values"][k] for point in document["points"]]
    spread = max(values) - min(values)
    close = spread < (0.02 if objective["unit"] == "share" else 1.0)
    return Measure(objective["words"], objective["unit"], 1 + close)


def sentence(words: str) -> str:
    """Words that may stand alone: a capital first, a full stop last."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


def charges_and_tax(point: Row) -> float:
    """Their sum, free of binary fractions."""
    return (round(point["charges"] * 100) + round(point["tax"] * 100)) / 100


def _spelt(measures: Sequence[Measure], values: Sequence[float]) -> list[str]:
    return [each.spell(value) for each, value in zip(measures, values, strict=True)]


def _others(document: Document) -> list[Row]:
    """The alternatives that are not the chosen point itself."""
    chosen = document["chosen"]
    return [row for row in chosen["alternatives"] if row["point"] != chosen["point"]]


def _named(document: Document) -> dict[int, str]:
    """Points that have a name, the chosen one first."""
    names = {document["chosen"]["point"]: "chosen"}
    for row in _others(document):
        names[row["point"]] = f"{names[row['point']]}, {row['rule']}" if row["point"] in names else str(row["rule"])
    return names


def _shown(document: Document, measures: Sequence[Measure], index: int) -> dict[str, Any]:
    """A point as a table row: its number and name, and its figures as text."""
    point = document["points"][index]
    return {
        "number": index + 1,
        "name": _named(document).get(index, ""),
        "values": _spelt(measures, point["values"]),
        "charges": money(point["charges"]),
        "tax": money(point["tax"]),
        "charges_and_tax": money(charges_and_tax(point)),
        "cash": money(point["cash"]),
        "cash_share": percent(point["cash_share"]),
        "turnover": percent(point["turnover"]),
        "orders": count(len(point["orders"])),
        "names": count(len(point["weights"])),
    }


def _figures(shown: Row) -> list[str]:
    """The figures of a point below its objectives, in the order of the table."""
    keys = ("charges", "tax", "charges_and_tax", "cash", "cash_share", "turnover", "orders", "names")
    return [*shown["values"], *(shown[key] for key in keys)]


def _walked(
    document: Document,
    measures: Sequence[Measure],
    index: int,
    largest: float,
    pictures: Sequence[tuple[Picture, list[tuple[float, float]]]],
) -> dict[str, Any]:
    """All that is shown of a point that the slider stops at. largest: the weight whose bar fills the width."""
    point, shown = document["points"][index], _shown(document, measures, index)
    name = f"Point {shown['number']} of {len(document['points'])}" + (f": {shown['name']}" if shown["name"] else "")
    said = [f"{each.title}: {value}" for value, each in zip(shown["values"], measures, strict=True)]
    return {
        "name": name,
        "said": "; ".join(said),
        "short": "; ".join(said[:2]),
        "more": f"{number_of(len(point['orders']), 'order')}; charges and tax NPR {shown['charges_and_tax']}; "
        f"{number_of(len(point['weights']), 'name')} held; {number_of(len(point['binding']), 'limit')} at work",
        "figures": _figures(shown),
        "at": [places[index] for _, places in pictures],
        "weights": [
            [name, percent(weight), f"{min(100 * weight / largest, 100):.3g}%"] for name, weight in _held(point).items()
        ],
        "orders": [
            [
                str(order["side"]),
                str(order["symbol"]),
                count(order["quantity"]),
                *(money(order[key]) for key in ("limit_price", "est_amount", "charges", "est_cgt", "est_net_cash")),
                str(order["place_on"]),
            ]
            for order in point["orders"]
        ],
        "binding": [str(words) for words in point["binding"]],
    }


def _held(point: Row) -> dict[str, float]:
    """Weights, the largest first, cash last."""
    names = sorted(point["weights"].items(), key=lambda item: (-item[1], item[0]))
    return {**{str(name): weight for name, weight in names}, rebalance_rows.CASH: point["cash_share"]}


def _today(document: Document, measures: Sequence[Measure]) -> list[str]:
    """What the objectives are today, where that is known."""
    values = next((row["values"] for row in document["references"] if row["name"] == "today"), None)
    return [] if values is None else _spelt(measures, values)


def _marks(document: Document, other: int) -> list[Mark]:
    """The chosen point, today, the alternatives and what else to compare with, on the first objective and another."""
    names = _named(document)
    rows = [
        ("chosen" if index == document["chosen"]["point"] else "alternative", name, document["points"][index]["values"])
        for index, name in names.items()
    ]
    rows += [("today" if r["name"] == "today" else "reference", r["name"], r["values"]) for r in document["references"]]
    order = ("chosen", "today", "alternative", "reference")
    rows.sort(key=lambda row: order.index(row[0]))
    return [Mark(kind, str(name), (values[other], values[0])) for kind, name, values in rows]


def _pictures(
    document: Document, measures: Sequence[Measure], room: int
) -> list[tuple[Picture, list[tuple[float, float]]]]:
    """The first objective against each other one, the second larger than the rest; with the place of every point in each."""
    points, cloud = document["points"], document["chosen"]["cloud"]
    unreached = document.get("unreached", {}).get("points", [])
    most = max(5 * room, FEWEST_IN_A_PICTURE)
    drawn = []
    for other in range(1, len(measures)):
        main = other == 1
        pairs = [(point["values"][other], point["values"][0]) for point in points]
        draws = [(values[other], values[0]) for values in cloud]
        marks = _marks(document, other)
        exact = document.get("relaxation", []) if len(measures) == 2 else []
        curve = sorted((values[other], values[0]) for values in exact)
        shape = frame(
            measures[other],
            measures[0],
            HEIGHTS[len(measures) - 2][not main],
            [*pairs, *(mark.values for mark in marks), *curve],
            draws,
            5 if main else 4,
        )
        few = most if main else most // 2
        shown = picture(
            shape,
            (_better(document, measures, other), _better(document, measures, 0) if main else measures[0].title),
            points=[pairs[k] for k in thinned(len(pairs), few, unreached)],
            ringed=[pairs[k] for k in unreached],
            cloud=[draws[k] for k in thinned(len(draws), few)],
            lines=[("exact", [curve[k] for k in thinned(len(curve), 100)])] if curve else [],
            marks=marks,
            named=main,
        )
        drawn.append((shown, [shape.at(*pair) for pair in pairs]))
    return drawn


def _better(document: Document, measures: Sequence[Measure], k: int) -> str:
    """An axis's words and which way is better. The first objective goes up, the others across."""
    larger = document["objectives"][k]["goal"] == "largest"
    arrow = ("↑" if larger else "↓") if k == 0 else ("→" if larger else "←")
    return f"{measures[k].title} (better: {arrow})"


def _honest(document: Document) -> Picture | None:
    """What was claimed, what was left of it after shrinking, and what was delivered, on the same axes."""
    if "honest" not in document:
        return None
    honest = document["honest"]
    series = {kind: [tuple(pair) for pair in honest[kind]] for kind in SERIES if honest[kind]}
    pairs = [pair for places in series.values() for pair in places]
    if not pairs:
        return None
    across, up = (Measure(words, "share", 1) for words in honest["labels"])
    shape = frame(across, up, HEIGHTS[0][0], pairs)
    marks = [Mark(kind, kind, max(places)) for kind, places in series.items()]
    return picture(shape, (across.title, up.title), lines=list(series.items()), marks=marks)
