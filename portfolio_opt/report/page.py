"""Plan documents as HTML pages that need no network, no script and no other file."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import formats, rebalance_rows
from .bikram_sambat import bikram_sambat
from .charts import cash_steps, intervals, paired_bars
from .rebalance_rows import CASH, ONE_IN_TWENTY

LARGEST_PAGE = 200_000  # bytes
ROWS = (160, 80, 40, 20, 10, 5)  # of every table but the orders: the first number with which the page is small enough


def rebalance_page(document: Mapping[str, Any]) -> str:
    """The report of one run; the same document gives the same text.

    document: the content of plan.json, as `plan_document` makes it. Whatever text it holds is escaped.
    Every order is on the page; other tables are cut, saying so, as far as it takes to stay below 200 KB.
    """
    for rows in ROWS:
        page = _render(document, rows)
        if len(page.encode()) <= LARGEST_PAGE:
            break
    return page


def _render(document: Mapping[str, Any], room: int) -> str:
    """The page with at most `room` rows in each table but the orders."""
    sectors, names = rebalance_rows.sectors(document), rebalance_rows.names(document, room)
    cap = document["options"].get("max_sector")
    ladder = document["cash_ladder"]
    sure = document.get("stability", {"names": []})["names"]
    return (
        environment()
        .get_template("rebalance.html")
        .render(
            plan=document,
            warnings=rebalance_rows.warnings(document),
            statement=rebalance_rows.statement(document),
            headroom=rebalance_rows.headroom(document),
            days=rebalance_rows.order_days(document),
            sectors=sectors,
            sector_chart=paired_bars([(row.name, row.before, row.after) for row in sectors], cap, uncapped=CASH),
            names=names,
            largest=max([1e-9, *(max(row.before, row.after) for row in names)]),
            risk=rebalance_rows.risk(document),
            risk_chart=intervals(rebalance_rows.years(document), ONE_IN_TWENTY),
            sure=[{"side": "", **row} for row in sure[:room]],
            widest=max([1e-9, *(max(row["high"], row["weight"]) for row in sure)]),
            rests_on=rebalance_rows.rests_on(document),
            costs=rebalance_rows.costs(document)[:room],
            lots=rebalance_rows.lots(document)[:room],
            unknown_ages=rebalance_rows.unknown_ages(document["lots"]),
            ladder=ladder[:room],
            cash_chart=cash_steps(ladder) if len(ladder) > 2 else None,
            made_from=rebalance_rows.made_from(document),
        )
    )


@cache
def environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("portfolio_opt.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["basis_points"] = formats.basis_points
    environment.filters["bikram_sambat"] = bikram_sambat
    environment.filters["count"] = formats.count
    environment.filters["day_in_words"] = formats.day_in_words
    environment.filters["moment"] = formats.moment
    environment.filters["money"] = formats.money
    environment.filters["percent"] = formats.percent
    environment.globals["number_of"] = formats.number_of
    return environment
