"""Bonus units that belong to a holder but are not yet in the account, and so cannot be sold."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ..corporate.actions import Action
from ..findings import Finding, about
from .history import History
from .movements import Settlement

LISTED_WITHIN = 180  # days after the ex day, as a rule; it takes weeks to months
LONGEST = 365  # days after which a bonus that never came is not reckoned with
TINY = 1e-9  # a ratio read from text: 0.29 × 100 is 29 units, not 28


@dataclass(frozen=True)
class Entitlement:
    """Whole units that one bonus gives on what was held before its ex day."""

    ex_date: date
    units: int


def pending_bonus(
    actions: Iterable[Action],
    as_of: date,
    history: Mapping[str, History] | None,
    balance: Mapping[str, int],
    settlement: Settlement,
) -> tuple[dict[str, int], list[Finding]]:
    """Units owned but not yet listed, by symbol, and what the files leave open about them.

    actions: announced ones of any kind; balance: units in the account by symbol
    A bonus that went ex by `as_of` gives its ratio of the units held at the end of the day before, rounded down. Trades count
    from their trade date, so that what was bought the day before counts although it was credited later. A CA-Bonus credit
    delivers the bonus whose units it matches, else the oldest. Units that the balance holds beyond the history are taken for
    delivered. Without a history nothing is known, and held symbols that went ex lately are named instead.
    """
    gone_ex: dict[str, list[Action]] = defaultdict(list)
    for action in sorted(actions, key=lambda action: (action.ex_date, action.ratio)):
        if action.kind == "bonus" and action.ex_date <= as_of:
            gone_ex[action.symbol].append(action)
    if history is None:
        recent = sorted(
            name for name in balance if any(_within(a, as_of, LISTED_WITHIN) for a in gone_ex.get(name, ()))
        )
        effect = "if the bonus units are not in the balance yet, they are missing here; give --transactions"
        return {}, _some(
            about(f"holdings that went ex a bonus in the last {LISTED_WITHIN} days", recent, effect, "warning")
        )
    pending: dict[str, int] = {}
    in_balance, overdue = [], []
    for name, bonuses in sorted(gone_ex.items()):
        past = history.get(name, History(()))
        open_ = _undelivered([Entitlement(a.ex_date, _entitled(past, a, settlement)) for a in bonuses], past, as_of)
        late = [due for due in open_ if (as_of - due.ex_date).days > LONGEST]
        units = sum(due.units for due in open_) - sum(due.units for due in late)
        if late:
            overdue.append(name)
        shown = past.moved if past.last_balance is None else past.last_balance
        if units and balance.get(name, 0) - shown >= units:
            in_balance.append(name)
        elif units:
            pending[name] = units
    return pending, [
        *_some(
            about(
                "symbols with bonus units owned but not yet sellable",
                [f"{units:,} {name}" for name, units in pending.items()],
                "they count as wealth at the last close and are not sold",
            )
        ),
        *_some(
            about(
                "symbols whose balance holds more than the history, perhaps the bonus units that it does not show",
                in_balance,
                "no bonus units are counted as pending; give a newer --transactions",
                "warning",
            )
        ),
        *_some(
            about(
                f"bonuses of more than {LONGEST} days ago that the history shows no credit for",
                overdue,
                "not counted as pending",
            )
        ),
    ]


def _entitled(past: History, bonus: Action, settlement: Settlement) -> int:
    """Units that a bonus gives on what was held, by trade date, at the end of the day before it went ex."""
    eve = bonus.ex_date - timedelta(days=1)
    settled = settlement.of(eve)
    held = past.opening + sum(m.units for m in past.movements if m.booked <= (settled if m.kind == "trade" else eve))
    return int(max(held, 0) * bonus.ratio + TINY)


def _undelivered(due: Iterable[Entitlement], past: History, as_of: date) -> list[Entitlement]:
    """What no bonus credit up to a day has delivered."""
    open_ = [each for each in due if each.units]
    for credit in past.movements:
        if credit.kind == "bonus" and credit.booked <= as_of:
            earlier = [each for each in open_ if each.ex_date <= credit.booked]
            same = [each for each in earlier if abs(each.units - credit.units) <= 1]
            for delivered in (same or earlier)[:1]:
                open_.remove(delivered)
    return open_


def _within(action: Action, as_of: date, days: int) -> bool:
    return (as_of - action.ex_date).days <= days


def _some(finding: Finding) -> list[Finding]:
    return [finding] if finding.rows else []
