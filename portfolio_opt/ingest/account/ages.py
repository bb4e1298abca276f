"""When the units of a balance came: the history first, then what other files tell of the time before it."""

from collections.abc import Mapping
from datetime import timedelta

from ..findings import Finding, about
from .files import Files
from .movements import Movement, remaining

LATE_CREDIT = timedelta(days=7)  # so much later than computed a trade may reach the account


def ages_of(files: Files, name: str, balance: int) -> tuple[list[Movement], int]:
    """Units of a balance by the day they came, first in, first out; and how many of its units no file explains."""
    return remaining(_told(files, name), balance)


def _told(files: Files, name: str) -> list[Movement]:
    """All that moved: the history; trades that settled before it begins; purchases before both, or outside the market.

    A symbol that the history does not name is told by the other files alone. A trade that settled within the week before the
    history begins may be in it: it is left out, so that no unit is counted twice.
    """
    history = (files.history or {}).get(name)
    trades = (files.trades or {}).get(name, ())
    begins = files.history_begins if history else None

    def is_before(moved: Movement) -> bool:
        return begins is None or moved.booked + (LATE_CREDIT if moved.kind == "trade" else timedelta()) < begins

    others = [
        *trades,
        *(
            bought
            for bought in (files.purchases or {}).get(name, ())
            if bought.kind != "trade" or not trades or bought.day < files.book_begins
        ),
    ]
    return [*(history.movements if history else ()), *filter(is_before, others)]


def age_findings(files: Files, balance: Mapping[str, int]) -> list[Finding]:
    """Holdings whose units the files explain in part, or more than are held."""
    if not balance:
        return []
    if not files.tell_ages:
        effect = "every sale is treated as short-term; give --transactions"
        rule = "holdings without acquisition days, no transaction history given"
        return [Finding(rule, len(balance), effect, "warning")]
    missing = {name: ages_of(files, name, units)[1] for name, units in balance.items()}
    fewer = sorted(name for name, units in missing.items() if units > 0)
    more = sorted(name for name, units in missing.items() if units < 0)
    by_history = [name for name in more if name in (files.history or {})]
    by_others = [name for name in more if name not in by_history]
    who = "the transaction history does" if files.history is not None else "the files do"
    oldest = "the oldest units count as sold"
    found = [
        about(f"holdings that {who} not fully explain", fewer, "the rest counts as short-term", "warning"),
        about("holdings with fewer units than the history leaves", by_history, oldest, "warning"),
        about("holdings with fewer units than were bought", by_others, oldest),
    ]
    return [finding for finding in found if finding.rows]
