"""What the rebalancing report shows: the plan document turned into rows, in the words and the order of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .formats import basis_points, count, money, number_of, percent

ONE_IN_TWENTY = 1.645  # standard deviations below the mean that a normal variable falls short of once in twenty times
CASH = "Cash"

Document = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Warned:
    """One thing to read first. about: what it concerns."""

    about: str
    words: str


def warnings(document: Document) -> list[Warned]:
    """What the reader must know before placing an order: about the run, the plan, the tax, the data."""
    said = [Warned("Run", text) for text in document.get("warnings", ())]
    said += [Warned("Plan", text) for text in document["notes"]]
    sold = {order["symbol"] for order in document["orders"] if order["side"] == "SELL"}
    if unknown := unknown_ages([lot for lot in document["lots"] if lot["symbol"] in sold]):
        said.append(Warned("Tax", unknown))
    for finding in document["data_findings"]:
        if finding["severity"] == "warning":
            some = f" (for example {', '.join(finding['examples'])})" if finding["examples"] else ""
            said.append(Warned("Data", f"{finding['rule']}: {count(finding['rows'])}{some}; {finding['effect']}"))
    return said


def unknown_ages(lots: Sequence[Row]) -> str:
    """That lots of unknown age count as short-term, where there are any."""
    unknown = [lot for lot in lots if "acquired" not in lot]
    if not unknown:
        return ""
    if len(unknown) == len(lots):
        return "No acquisition day is known, so every sale is treated as short-term."
    names = sorted({str(lot["symbol"]) for lot in unknown})
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"Some acquisition days are not known ({shown}): those units are treated as short-term."


@dataclass(frozen=True)
class Line:
    """A line of the money table. kind: "plain", "part" for an item of the total below it, "total"."""

    words: str
    rupees: float
    note: str = ""
    kind: str = "plain"


def statement(document: Document) -> list[Line]:
    """From wealth before to wealth after, every rupee accounted for."""
    totals, before, after = document["totals"], document["before"], document["after"]
    spent = totals["charges_and_tax"]
    margin = _sum(before["wealth"], -after["wealth"], -spent)
    return [
        Line("Wealth before", before["wealth"], "holdings at the last close, and all cash", "total"),
        Line("Bought", totals["bought"], "at limit prices"),
        Line("Sold", totals["sold"], "at limit prices"),
        Line("Commission", totals["commission"], kind="part"),
        Line("SEBON fee", totals["sebon_fee"], kind="part"),
        Line("DP charge", totals["dp_charge"], kind="part"),
        Line("Capital gains tax", totals["tax"], kind="part"),
        Line("Total of charges and tax", spent, kind="total"),
        Line("Limits beyond the last close", margin, "lost on paper if every order fills at its limit"),
        Line("Cash before", before["cash"]),
        Line("Cash after", after["cash"], "when all has settled"),
        Line("Wealth after", after["wealth"], "wealth before, less charges and tax, less the line on limits", "total"),
    ]


def _sum(*rupees: float) -> float:
    """Rupees added to the paisa, free of binary fractions."""
    return sum(round(amount * 100) for amount in rupees) / 100


@dataclass(frozen=True)
class Headroom:
    """What the best change could add a year to leaving all as it is, at most."""

    unchanged: str
    bound: str
    most: str
    rupees: str


def headroom(document: Document) -> Headroom | None:
    """The certificate read as the answer to: what is given up by doing nothing? None where no bound is proved."""
    certificate = document["certificate"]
    if "bound" not in certificate:
        return None
    most = max(certificate["bound"] - certificate["unchanged"], 0.0)
    return Headroom(
        basis_points(certificate["unchanged"]),
        basis_points(certificate["bound"]),
        basis_points(most),
        money(most * document["before"]["wealth"]),
    )


@dataclass(frozen=True)
class OrderDay:
    """The orders to place on one day. later: not on the trade date, so their limits are provisional."""

    day: str
    words: str
    later: bool
    orders: tuple[Row, ...]


def order_days(document: Document) -> list[OrderDay]:
    """Orders, each with the sum of its charges, by the day to place them; within a day in the document's order."""
    days = []
    placed = sorted(document["orders"], key=_place_on)
    for day, rows in groupby(placed, key=_place_on):
        orders = tuple({**order, "charges": _charges(order)} for order in rows)
        sales = sum(order["side"] == "SELL" for order in orders)
        sides = (("sale", sales), ("purchase", len(orders) - sales))
        words = " and ".join(number_of(number, side) for side, number in sides if number)
        days.append(OrderDay(day, words, day > document["trade_date"], orders))
    return days


def _place_on(order: Row) -> str:
    return str(order["place_on"])


def _charges(order: Row) -> float:
    return _sum(order["commission"], order["sebon_fee"], order["dp_charge"])


def costs(document: Document) -> list[dict[str, Any]]:
    """Orders, each with the total of its charges and tax, also as a fraction of its amount."""
    totals = [_sum(_charges(order), order["est_cgt"]) for order in document["orders"]]
    return [
        {**order, "total": total, "share": total / order["est_amount"]}
        for order, total in zip(document["orders"], totals, strict=True)
    ]


def rests_on(document: Document) -> list[dict[str, Any]]:
    """The largest orders with the return from which on each pays, and when it has repaid its charges and tax."""
    return [
        {
            **row,
            "pays_if": f"{'more' if row['side'] == 'BUY' else 'less'} than {percent(row['break_even_return'])}",
            "cost": _sum(row["charges"], row["tax"]),
            "repaid_in": f"{row['months_to_repay']:,.1f} months" if "months_to_repay" in row else "never",
        }
        for row in document.get("break_evens", ())
    ]


@dataclass(frozen=True)
class Change:
    """A sector or a name, before and after. Weights are fractions of the wealth at that time."""

    name: str
    before: float
    after: float
    sector: str = ""
    units_before: int = 0
    units_after: int = 0


def sectors(document: Document) -> list[Change]:
    """Sectors, the largest after the orders first, cash last."""
    before, after = document["before"]["sectors"], document["after"]["sectors"]
    rows = [Change(name, before.get(name, 0.0), after.get(name, 0.0)) for name in {**after, **before}]
    return sorted(rows, key=lambda row: (row.name == CASH, -row.after, -row.before, row.name))


def names(document: Document, most: int) -> list[Change]:
    """Names held before or after, the largest after the orders first; the smallest beyond `most` share one row."""
    before, after = ({_name(row): row for row in document[when]["holdings"]} for when in ("before", "after"))
    rows = [
        _change(before.get(name, {**row, **NOTHING}), after.get(name, {**row, **NOTHING}))
        for name, row in {**before, **after}.items()
    ]
    rows.sort(key=lambda row: (-row.after, -row.before, row.name))
    return rows if len(rows) <= most else [*rows[:most], _together(rows[most:])]


NOTHING: Row = {"units": 0, "weight": 0.0}


def _name(holding: Row) -> str:
    """A holding's symbol; bonus units to come stand apart from the units of the same symbol that can be sold."""
    return f"{holding['symbol']}, bonus to come" if holding.get("pending") else str(holding["symbol"])


def _change(before: Row, after: Row) -> Change:
    sector = (after["sector"] or "unknown") + ("" if after["priced"] else ", no prices")
    return Change(_name(after), before["weight"], after["weight"], sector, before["units"], after["units"])


def _together(rows: Sequence[Change]) -> Change:
    """Many small rows as one."""
    return Change(
        number_of(len(rows), "smaller name"),
        sum(row.before for row in rows),
        sum(row.after for row in rows),
        "listed in plan.json",
        sum(row.units_before for row in rows),
        sum(row.units_after for row in rows),
    )


def years(document: Document) -> dict[str, tuple[float, float, float]]:
    """What the beliefs say of a year, before and after: mean, its standard error, volatility."""
    sides = {"Before": document["before"], "After": document["after"]}
    return {when: (side["expected_return"], side["standard_error"], side["volatility"]) for when, side in sides.items()}


def risk(document: Document) -> list[tuple[str, str, str]]:
    """Lines of the risk table: words, before, after."""
    before, after = _risk_of(document["before"]), _risk_of(document["after"])
    return [(words, before[words], after[words]) for words in before]


def _risk_of(side: Row) -> dict[str, str]:
    mean, volatility = side["expected_return"], side["volatility"]
    return {
        "Expected return ± its standard error": f"{percent(mean)} ± {percent(side['standard_error'])}",
        "Volatility": percent(volatility),
        "A bad year, 1 in 20: this or worse": percent(mean - ONE_IN_TWENTY * volatility),
        "Largest name": _largest([(row["symbol"], row["weight"]) for row in side["holdings"]]),
        "Largest sector": _largest([item for item in side["sectors"].items() if item[0] != CASH]),
        "Effective number of names": f"{side['effective_names']:.1f}",
        "Share of wealth that the model covers": percent(side["risk_covered"]),
    }


def _largest(weights: Sequence[tuple[str, float]]) -> str:
    if not weights:
        return "none"
    name, weight = max(weights, key=lambda pair: pair[1])
    return f"{name} {percent(weight)}"


def lots(document: Document) -> list[dict[str, Any]]:
    """Lots with their tax clock in words: the soonest to become long-term first, then the long-term, then the unknown."""
    return [
        {"acquired": "unknown", "days_held": "unknown", **lot, "clock": _clock(lot)}
        for lot in sorted(document["lots"], key=_soonest)
    ]


def _clock(lot: Row) -> str:
    if "days_to_long" not in lot:
        return "counts as short-term"
    return number_of(lot["days_to_long"], "day") if lot["days_to_long"] else "long-term"


def _soonest(lot: Row) -> tuple[int, int, str]:
    left = lot.get("days_to_long")
    if left is None:
        return 2, 0, lot["symbol"]
    return (0, left, lot["symbol"]) if left else (1, -lot["days_held"], lot["symbol"])


def made_from(document: Document) -> list[tuple[str, list[tuple[str, str]]]]:
    """What the run was made from: titled groups of (name, value)."""
    keys = ("run_id", "schema", "seed", "config_hash", "data_hash", "account_hash", "versions")
    groups = {"Options": document["options"], "Identity": {key: document[key] for key in keys if key in document}}
    return [(title, [(name, _plain(value)) for name, value in group.items()]) for title, group in groups.items()]


def _plain(value: Any) -> str:
    """A value nearly as a configuration file would spell it."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value) or "none"
    return str(value)
