"""The rebalancing report: a plan document as one HTML page that needs no network, no script and no other file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import formats
from .charts import cash_steps, intervals, paired_bars
from .formats import basis_points, count, money, number_of, percent

ONE_IN_TWENTY = 1.645  # standard deviations below the mean that a normal variable falls short of once in twenty times
MOST_NAMES = 120  # rows of the table by name; the smallest beyond them share one row
MOST_LOTS = 100  # rows of the table of lots; the rest are only counted
CASH = "Cash"

Row = Mapping[str, Any]


def rebalance_page(document: Mapping[str, Any]) -> str:
    """The report of one run, complete and at most 200 KB; the same document gives the same text.

    document: the content of plan.json, as `plan_document` makes it. Whatever text it holds is escaped.
    """
    names, sectors, risks = _names(document), _sectors(document), _years(document)
    return _environment().get_template("rebalance.html").render(
        plan=document,
        warnings=_warnings(document),
        statement=_statement(document),
        headroom=_headroom(document),
        days=_order_days(document),
        sectors=sectors,
        sector_chart=paired_bars(
            [(row.name, row.before, row.after) for row in sectors], document["options"].get("max_sector"), CASH
        ),
        names=names,
        largest=max([row.before for row in names] + [row.after for row in names], default=0.0) or 1.0,
        risk=_risk(document),
        risk_chart=intervals(risks, ONE_IN_TWENTY),
        costs=[_cost(order) for order in document["orders"]],
        lots=_lots(document["lots"])[:MOST_LOTS],
        more_lots=max(len(document["lots"]) - MOST_LOTS, 0),
        unknown_ages=_unknown_ages(document["lots"]),
        cash_chart=cash_steps(document["cash_ladder"]) if len(document["cash_ladder"]) > 2 else None,
        made_with=_made_with(document),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(formats, name) for name in ("money", "count", "percent", "basis_points", "day_in_words", "moment")
    }
    environment.globals["number_of"] = number_of
    return environment


def _sum(*rupees: float) -> float:
    """Rupees added to the paisa, free of binary fractions."""
    return sum(round(amount * 100) for amount in rupees) / 100


@dataclass(frozen=True)
class Warned:
    """One thing to read first. about: what it concerns."""

    about: str
    words: str


def _warnings(document: Mapping[str, Any]) -> list[Warned]:
    """What the reader must know before placing an order: about the run, the plan, the tax, the data."""
    said = [Warned("Run", text) for text in document.get("warnings", ())]
    said += [Warned("Plan", text) for text in document["notes"]]
    sold = {order["symbol"] for order in document["orders"] if order["side"] == "SELL"}
    if unknown := _unknown_ages([lot for lot in document["lots"] if lot["symbol"] in sold]):
        said.append(Warned("Tax", unknown))
    for finding in document["data_findings"]:
        if finding["severity"] == "warning":
            some = f" (for example {', '.join(finding['examples'])})" if finding["examples"] else ""
            said.append(Warned("Data", f"{finding['rule']}: {count(finding['rows'])}{some}; {finding['effect']}"))
    return said


def _unknown_ages(lots: Sequence[Row]) -> str:
    """That lots of unknown age count as short-term, where there are any."""
    unknown = [lot for lot in lots if "acquired" not in lot]
    if not unknown:
        return ""
    if len(unknown) == len(lots):
        return "No acquisition day is known, so every sale is treated as short-term: the tax is an upper estimate."
    names = sorted({str(lot["symbol"]) for lot in unknown})
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"Some acquisition days are not known ({shown}): those units are treated as short-term."


@dataclass(frozen=True)
class Line:
    """A line of the money table. kind: "" for a plain line, "part" for an item of the total below it, "total"."""

    words: str
    rupees: float
    note: str = ""
    kind: str = ""


def _statement(document: Mapping[str, Any]) -> list[Line]:
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
        Line("Limits beyond the last close", margin, "if every order fills at its limit, valued at the last close"),
        Line("Cash before", before["cash"]),
        Line("Cash after", after["cash"], "when all has settled"),
        Line("Wealth after", after["wealth"], "wealth before, less charges, tax and the line on limits", "total"),
    ]


@dataclass(frozen=True)
class Headroom:
    """What the best change could add a year to leaving all as it is, at most."""

    unchanged: str
    bound: str
    most: str
    rupees: str


def _headroom(document: Mapping[str, Any]) -> Headroom:
    certificate = document["certificate"]
    most = max(certificate["bound"] - certificate["unchanged"], 0.0)
    return Headroom(
        basis_points(certificate["unchanged"]),
        basis_points(certificate["bound"]),
        basis_points(most),
        money(most * document["before"]["wealth"]),
    )


@dataclass(frozen=True)
class OrderDay:
    """The orders to place on one day."""

    day: str
    words: str
    later: bool
    orders: tuple[Row, ...]


def _order_days(document: Mapping[str, Any]) -> list[OrderDay]:
    """Orders by the day to place them, in the document's order within a day."""
    days = []
    placed = sorted(document["orders"], key=lambda order: order["place_on"])
    for day, rows in groupby(placed, key=lambda order: str(order["place_on"])):
        orders = tuple({**order, "charges": _charges(order)} for order in rows)
        sales = sum(order["side"] == "SELL" for order in orders)
        sides = ((sales, "sale", ""), (len(orders) - sales, "purchase", ""))
        words = " and ".join(number_of(*side) for side in sides if side[0])
        days.append(OrderDay(day, words, day > document["trade_date"], orders))
    return days


def _charges(order: Row) -> float:
    return _sum(order["commission"], order["sebon_fee"], order["dp_charge"])


def _cost(order: Row) -> dict[str, Any]:
    """An order with the sum of its charges and tax, also as a fraction of its amount."""
    total = _sum(_charges(order), order["est_cgt"])
    return {**order, "total": total, "share": total / order["est_amount"]}


@dataclass(frozen=True)
class Change:
    """A sector or a name, before and after. Weights are fractions of the wealth of their day."""

    name: str
    sector: str
    units_before: int
    units_after: int
    before: float
    after: float


def _sectors(document: Mapping[str, Any]) -> list[Change]:
    """Sectors, the largest after the orders first, cash last."""
    before, after = document["before"]["sectors"], document["after"]["sectors"]
    rows = [Change(name, "", 0, 0, before.get(name, 0.0), after.get(name, 0.0)) for name in {**after, **before}]
    return sorted(rows, key=lambda row: (row.name == CASH, -row.after, -row.before, row.name))


def _names(document: Mapping[str, Any]) -> list[Change]:
    """Names held before or after, the largest after the orders first; the smallest of very many share one row."""
    before, after = ({row["symbol"]: row for row in document[when]["holdings"]} for when in ("before", "after"))
    rows = [
        Change(
            symbol,
            _sector_words(either),
            before.get(symbol, NOTHING)["units"],
            after.get(symbol, NOTHING)["units"],
            before.get(symbol, NOTHING)["weight"],
            after.get(symbol, NOTHING)["weight"],
        )
        for symbol, either in {**before, **after}.items()
    ]
    rows.sort(key=lambda row: (-row.after, -row.before, row.name))
    return [*rows[:MOST_NAMES], *_together(rows[MOST_NAMES:])]


NOTHING: Row = {"units": 0, "weight": 0.0}


def _sector_words(holding: Row) -> str:
    sector = str(holding["sector"]) or "Sector unknown"
    return sector if holding["priced"] else f"{sector}; no prices"


def _together(rows: Sequence[Change]) -> list[Change]:
    """Many small rows as one."""
    if not rows:
        return []
    units_before, units_after = sum(row.units_before for row in rows), sum(row.units_after for row in rows)
    before, after = sum(row.before for row in rows), sum(row.after for row in rows)
    return [Change(f"{len(rows)} smaller names", "listed in plan.json", units_before, units_after, before, after)]


def _years(document: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """What the beliefs say of a year, before and after: mean, its standard error, volatility."""
    figures = ("expected_return", "standard_error", "volatility")
    return {when.capitalize(): tuple(document[when][name] for name in figures) for when in ("before", "after")}  # type: ignore[misc]


def _risk(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Lines of the risk table: words, before, after."""
    columns = [_risk_column(document[when]) for when in ("before", "after")]
    return [(words, columns[0][words], columns[1][words]) for words in columns[0]]


def _risk_column(side: Row) -> dict[str, str]:
    mean, risk = side["expected_return"], side["volatility"]
    sectors = [(name, weight) for name, weight in side["sectors"].items() if name != CASH]
    return {
        "Expected return a year, ± its standard error": f"{percent(mean)} ± {percent(side['standard_error'])}",
        "Volatility a year": percent(risk),
        "A bad year: worse only once in 20": percent(mean - ONE_IN_TWENTY * risk),
        "Largest name": _largest([(row["symbol"], row["weight"]) for row in side["holdings"]]),
        "Largest sector": _largest(sectors),
        "Names it is as diverse as, if equally large": f"{side['effective_names']:.1f}",
        "Share of wealth that these figures cover": percent(side["risk_covered"]),
    }


def _largest(weights: Sequence[tuple[str, float]]) -> str:
    if not weights:
        return "none"
    name, weight = max(weights, key=lambda pair: pair[1])
    return f"{name} {percent(weight)}"


def _lots(lots: Sequence[Row]) -> list[dict[str, Any]]:
    """Lots with their tax clock in words: the soonest to become long-term first, then the long-term, then the unknown."""
    return [
        {"acquired": "unknown", "days_held": "unknown", **lot, "clock": _clock(lot)}
        for lot in sorted(lots, key=_soonest)
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


def _made_with(document: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What the run was made from: groups of (name, value)."""
    hashes = {name: document[name] for name in ("config_hash", "data_hash", "account_hash") if name in document}
    groups = {
        "Options": document["options"],
        "Identity": {"run_id": document["run_id"], "schema": document["schema"], "seed": document["seed"], **hashes},
        "Versions": document["versions"],
    }
    return [(title, [(name, _plain(value)) for name, value in group.items()]) for title, group in groups.items()]


def _plain(value: Any) -> str:
    """An option's value as a configuration file would spell it, or nearly."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value) or "none"
    return str(value)
