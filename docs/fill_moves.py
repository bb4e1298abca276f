"""Writes docs/moves.md: what explains the moves of shares beyond the day's price band: `python docs/fill_moves.py`.

The prices are those of ../shared/data/nepse beside the repository; where they are missing, the page stays as it is.
"""

import csv
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from portfolio_opt.forecast.returns import total_returns
from portfolio_opt.ingest.corporate.adjustment import APPLIED, IMPLIED, OVERRULED, PUBLISHED, TAKEN_BACK
from portfolio_opt.ingest.corporate.bands import FIRST_SESSIONS, LONG_HALT, furthest_moves
from portfolio_opt.ingest.last_moves import listed_inside
from portfolio_opt.ingest.panel import Panel
from portfolio_opt.ingest.prices import read_prices

ROOT = Path(__file__).parent.parent
NEPSE = ROOT.parent / "shared" / "data" / "nepse"
PAGE = ROOT / "docs" / "moves.md"

BY_A_FACTOR = ("announced action", "percent change", "published price")
BACK = "taken back by the next row"
WITHOUT_A_FACTOR = ("first sessions", "long halt", "one-rupee tick", BACK)
UNKNOWN = "unexplained"
SAME_PRICE = 0.02  # NPR
LOW_PRICE = 60  # NPR; below, a tick of one rupee is more than the band leaves

Move = tuple[str, str, str]  # symbol, day and cause


def moves(panel: Panel) -> list[Move]:
    """Every move of an ordinary share beyond the band of its day, raw close against the raw close before, with its cause."""
    explained = {
        case: cause
        for cause, rules in zip(BY_A_FACTOR, ((APPLIED,), (IMPLIED, OVERRULED), (PUBLISHED,)), strict=True)
        for case in _cases(panel, rules)
    }
    undone = _cases(panel, [TAKEN_BACK])
    furthest, days, listed = furthest_moves(panel.dates), panel.dates.astype(int), listed_inside(panel)
    found = []
    for column in np.flatnonzero(panel.instrument == "equity").tolist():
        trades = np.flatnonzero(panel.traded[:, column])
        close = panel.close[trades, column]
        level = close * panel.adjustment[trades, column]
        dates = [str(panel.dates[t]) for t in trades]
        for k in range(1, len(trades)):
            t, limit = trades[k], furthest[trades[k]]
            if abs(close[k] / close[k - 1] - 1) <= limit:
                continue
            symbol, day = str(panel.symbols[column]), dates[k]
            if (symbol, day) in undone or (symbol, dates[min(k + 1, len(dates) - 1)]) in undone:
                cause = BACK
            elif abs(level[k] / level[k - 1] - 1) <= limit:
                cause = explained[symbol, day]
            elif listed[column] and k < FIRST_SESSIONS:
                cause = "first sessions"
            elif days[t] - days[trades[k - 1]] > LONG_HALT:
                cause = "long halt"
            elif abs(close[k] - close[k - 1]) <= 1 and close[k - 1] < LOW_PRICE:
                cause = "one-rupee tick"
            else:
                cause = UNKNOWN
            found.append((symbol, day, cause))
    return found


def left_as_returns(panel: Panel, found: Iterable[Move]) -> list[Move]:
    """The moves without a factor that an estimate would still see as a return, however small."""
    returns = total_returns(panel)
    return [
        (symbol, day, cause)
        for symbol, day, cause in found
        if cause not in BY_A_FACTOR
        and not np.isnan(returns[np.searchsorted(panel.dates, np.datetime64(day)), panel.column(symbol)])
    ]


def beyond_the_band(panel: Panel, left: Iterable[Move]) -> list[Move]:
    """Those of them whose return is beyond the band of its day too."""
    returns, furthest = total_returns(panel), furthest_moves(panel.dates)
    found = []
    for symbol, day, cause in left:
        t = np.searchsorted(panel.dates, np.datetime64(day))
        if abs(np.expm1(returns[t, panel.column(symbol)])) > furthest[t]:
            found.append((symbol, day, cause))
    return found


def agreement(panel: Panel) -> dict[str, list[str]]:
    """The published adjusted prices, each in words, by whether ours is the same to 0.02 NPR."""
    found: dict[str, list[str]] = {"agree": [], "differ": [], "no trade on one side": []}
    with (NEPSE / "official_adjustments.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            kind, words, ours = (
                "no trade on one side",
                f"{row['symbol']} {row['last_cum_date']}",
                _factor_after(panel, row),
            )
            if ours is not None:
                price = ours * float(row["prev_close"])
                kind = "agree" if abs(price - float(row["adjusted_price"])) <= SAME_PRICE else "differ"
                words += f" (ours {price:,.2f}, published {float(row['adjusted_price']):,.2f})"
            found[kind].append(words)
    return found


def _factor_after(panel: Panel, row: dict[str, str]) -> float | None:
    """Our factor on the first trade after the last day with the entitlement, where the trade before is the published one."""
    column = panel.column(row["symbol"])
    if column is None:
        return None
    trades = np.flatnonzero(panel.traded[:, column])
    ex = int(np.searchsorted(panel.dates[trades], np.datetime64(row["last_cum_date"]), side="right"))
    if not 0 < ex < len(trades) or abs(panel.close[trades[ex - 1], column] - float(row["prev_close"])) > SAME_PRICE:
        return None
    before, after = panel.adjustment[trades[ex - 1 : ex + 1], column]
    return float(before / after)


def _cases(panel: Panel, rules: Iterable[str]) -> set[tuple[str, str]]:
    return {
        (case["symbol"], case["date"])
        for finding in panel.findings
        if finding.rule in rules and finding.cases
        for case in finding.cases.listed()
    }


def without_the_list() -> Panel:
    """The panel of the same folder without the exchange's own list of adjusted prices."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("prices.parquet", "sectors.csv", "corporate_actions.csv"):
            (Path(folder) / name).symlink_to(NEPSE / name)
        return read_prices(folder)


def page(panel: Panel, bare: Panel) -> str:
    """The Markdown page. bare: the panel without the exchange's own list"""
    found = moves(panel)
    left = left_as_returns(panel, found)
    return TEXT.format(
        first=panel.day(0),
        last=panel.last_date,
        beyond=len(beyond_the_band(panel, left)),
        inside=", ".join(f"{symbol} on {day}" for symbol, day, _ in left) or "none",
        undone=sum(cause == BACK for _, _, cause in found),
        same=len(agreement(bare)["agree"]),
        table="\n".join(_table(found)),
        published="\n\n".join(
            [
                _published("With the exchange's list beside the prices", agreement(panel)),
                _published("Without it, from announcements and percent changes alone", agreement(bare)),
            ]
        ),
    )


TEXT = """# Moves beyond the price band

Written by `python docs/fill_moves.py` from the shared history of the exchange, {first} to {last}. A move is the raw close of
an ordinary share against its raw close before, further than the band of the day and 0.6% for rounding.

- By a factor: an announced action, the source's percent change, or the exchange's published price makes the move no jump in
  the adjusted prices.
- A known cause without a factor: the first sessions of a listing, a long halt, a tick of one rupee at a low price, or a jump
  that the next row takes back: of the two rows one belongs to another series or is a slip. Such a pair counts as two moves
  ({undone} moves here).
- Unexplained: nothing of these. An announced bonus or right of another day, or without a day, may match; `validate` names it.

A move is explained where its cause is known; the share with a factor stands beside it. Every move without a factor is left out
of the returns that estimates use (moves beyond the band left as a return: {beyond}). Where the percent change had explained a
jump before the next row took it back, the day of the jump keeps the return that was known then, which is inside the band
({inside}).

{table}

Since 2018-02-18 the source's percent change is measured from the exchange's adjusted price; since 2021 reliably so. Before,
only announced actions can explain a move, and most of those of companies delisted since are in no list.

## Against the exchange's published prices

With the exchange's list beside the prices its own prices are used, so that agreement is by construction and shows only that
the list is read. Evidence are the {same} that announcements and percent changes give without it.

{published}
"""


def _table(found: list[Move]) -> list[str]:
    years: dict[str, list[Move]] = defaultdict(list)
    for move in found:
        years[move[1][:4]].append(move)
    spans = {
        **dict(sorted(years.items())),
        "all": found,
        "since 2018-02-18": [move for move in found if move[1] >= "2018-02-18"],
        "since 2021": [move for move in found if move[1] >= "2021"],
    }
    head = ["year", "moves", *BY_A_FACTOR, "by a factor", *WITHOUT_A_FACTOR, UNKNOWN, "explained (known cause)"]
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(_line(span, spans[span]) for span in spans)]


def _line(span: str, found: list[Move]) -> str:
    count = Counter(cause for _, _, cause in found)
    by_factor = [count[cause] for cause in BY_A_FACTOR]
    others = [count[cause] for cause in (*WITHOUT_A_FACTOR, UNKNOWN)]
    shares = [f"{share / len(found):.1%}" for share in (sum(by_factor), len(found) - count[UNKNOWN])]
    cells = [span, len(found), *by_factor, shares[0], *others, shares[1]]
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _published(where: str, found: dict[str, list[str]]) -> str:
    total = sum(len(words) for words in found.values())
    return (
        f"{where}, {len(found['agree'])} of {total} agree to {SAME_PRICE} NPR. "
        f"Different: {', '.join(found['differ']) or 'none'}. "
        f"Not comparable, as no trade is known on one side: {', '.join(found['no trade on one side']) or 'none'}."
    )


if __name__ == "__main__":
    if not (NEPSE / "prices.parquet").is_file():
        sys.exit("the shared NEPSE history is not beside the repository: docs/moves.md stays as it is")
    PAGE.write_text(page(read_prices(NEPSE), without_the_list()), encoding="utf-8")
