"""A front as the lines a terminal shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from .bikram_sambat import bikram_sambat
from .front_charts import Measure, thinned
from .front_page import charges_and_tax, measure

SHOWN = 12  # points


def front_in_words(document: Mapping[str, Any]) -> str:
    """A front: some of its points, the chosen one and what others give up against it, and how good and how sure it is."""
    measures = [measure(document, k) for k in range(len(document["objectives"]))]
    chosen, points, engine = document["chosen"], document["points"], document["engine"]
    names = {chosen["point"]: "chosen"}
    for row in chosen["alternatives"]:
        names[row["point"]] = ", ".join(filter(None, (names.get(row["point"]), str(row["rule"]))))
    lines = [_heading(document)]
    lines += [f"  ! {warning}" for warning in document["warnings"]]
    lines += [
        f"  {chr(97 + k)}: {each.words} ({row['goal']})" for k, (each, row) in enumerate(_both(measures, document))
    ]
    lines.append(
        f"  {'point':>5} {_columns([chr(97 + k) for k in range(len(measures))])}  charges and tax, NPR  orders"
    )
    lines += [
        f"  {k + 1:>5} {_columns(_spelt(measures, points[k]['values']))} {charges_and_tax(points[k]):>21,.2f} "
        f"{len(points[k]['orders']):>7,}  {names.get(k, '')}".rstrip()
        for k in thinned(len(points), SHOWN, list(names))
    ]
    lines += [
        f"  {'':>5} {_columns(_spelt(measures, row['values']))} {'':>21} {'':>7}  {row['name']}"
        for row in document["references"]
    ]
    lines.append(f"Chosen by {chosen['rule']}: {chosen['words']}")
    lines += [f"  {row['rule']}: {row['words']}" for row in chosen["alternatives"] if row["point"] != chosen["point"]]
    at = points[chosen["point"]]
    lines.append(
        f"Charges and tax of the chosen point NPR {charges_and_tax(at):,.2f} "
        f"(charges {at['charges']:,.2f}, capital gains tax {at['tax']:,.2f}); cash afterwards NPR {at['cash']:,.2f}"
    )
    lines += [f"How sure: {chosen['cloud_words']}"] if chosen["cloud_words"] else []
    lines += [f"Held up: {document['honest']['words']}"] if "honest" in document else []
    lines.append(f"Found by {engine['name']}: {engine['why']}; {engine['ended']}")
    lines += [f"  {words}" for words in document["quality"]["words"]]
    lines += [f"  {document['unreached']['words']}"] if "unreached" in document else []
    return "\n".join(lines)


def _heading(document: Mapping[str, Any]) -> str:
    nepali = bikram_sambat(document["trade_date"])
    trade_date = f"{document['trade_date']} ({nepali} BS)" if nepali else document["trade_date"]
    return (
        f"Front of {len(document['points']):,} points for {trade_date}, from the close of {document['as_of']} "
        f"(run {document['run_id']})"
    )


def _both(measures: Sequence[Measure], document: Mapping[str, Any]) -> list[tuple[Measure, Mapping[str, Any]]]:
    return list(zip(measures, document["objectives"], strict=True))


def _spelt(measures: Sequence[Measure], values: Sequence[float]) -> list[str]:
    return [each.spell(value) for each, value in zip(measures, values, strict=True)]


def _columns(texts: Sequence[str]) -> str:
    return " ".join(f"{text:>14}" for text in texts)
