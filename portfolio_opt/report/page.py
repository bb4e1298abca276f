"""Plan documents as HTML pages that need no network, no script and no other file."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import formats, rebalance_rows
from .charts import cash_steps, intervals, paired_bars
from .rebalance_rows import CASH, ONE_IN_TWENTY

MOST_ROWS = 160  # orders and rows of another table together, so that the page stays below 200 KB
FEWEST_ROWS = 20


def rebalance_page(document: Mapping[str, Any]) -> str:
    """The report of one run, complete and at most 200 KB up to 150 orders; the same document gives the same text.

    document: the content of plan.json, as `plan_document` makes it. Whatever text it holds is escaped.
    """
    room = max(MOST_ROWS - len(document["orders"]), FEWEST_ROWS)
    sectors, names = rebalance_rows.sectors(document), rebalance_rows.names(document, room)
    cap = document["options"].get("max_sector")
    ladder = document["cash_ladder"]
    return (
        _environment()
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
            costs=rebalance_rows.costs(document)[:room],
            lots=rebalance_rows.lots(document)[:room],
            unknown_ages=rebalance_rows.unknown_ages(document["lots"]),
            ladder=ladder[:room],
            cash_chart=cash_steps(ladder) if len(ladder) > 2 else None,
            made_from=rebalance_rows.made_from(document),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("portfolio_opt.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["basis_points"] = formats.basis_points
    environment.filters["count"] = formats.count
    environment.filters["day_in_words"] = formats.day_in_words
    environment.filters["moment"] = formats.moment
    environment.filters["money"] = formats.money
    environment.filters["percent"] = formats.percent
    environment.globals["number_of"] = formats.number_of
    return environment
