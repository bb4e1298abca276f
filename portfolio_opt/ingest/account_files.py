"""The files of one account, each optional, joined into an Account; what they leave open or disagree on is listed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from ..errors import InvalidInput
from ..market.account import Account, Lot
from ..market.calendar import Calendar
from ..market.money import share_of
from ..market.rules import Investor
from .account.ages import age_findings, ages_of
from .account.costs import cost_findings, known_costs
from .account.files import Files, read_files
from .account.holdings import Held
from .account.movements import Movement, Settlement
from .account.pending import pending_bonus
from .account.reconcile import disagreements
from .account.symbols import Symbols, known_to
from .account.trade_book import net_units
from .findings import Finding, about
from .panel import Panel


def read_account(
    holdings: str | Path | None = None,
    wacc: str | Path | None = None,
    transactions: str | Path | None = None,
    *,
    purchases: str | Path | None = None,
    trade_book: str | Path | None = None,
    cash: int = 0,
    unsettled_cash: tuple[tuple[date, int], ...] = (),
    investor: Investor = "individual",
    panel: Panel | None = None,
) -> tuple[Account, list[Finding]]:
    """An Account from MeroShare exports and a broker's trade book, with what the files left open or disagree on.

    Each file is optional and may be CSV or XLSX. The balances are those of the holdings; without them they are what the trade
    book's trades leave, if it sells nothing that it did not buy. Costs come from the WACC report, else from the purchase
    source, else from the trade book; what no file tells is taken as free, which makes the tax estimate an upper bound. Days
    come from the transaction history, else from the trade book (trade dates) and the purchase source; units without a day
    count as short-term.
    cash, unsettled_cash: paisa, free today and by the day it settles
    panel: prices as known on the day of the decision; they tell instruments, sessions, and which bonuses are pending
    Raises InvalidInput naming file and line.
    """
    instrument = dict(zip(panel.symbols.tolist(), panel.instrument.tolist(), strict=True)) if panel else {}
    settlement = Settlement(Calendar(panel.sessions()) if panel else Calendar())
    symbols = Symbols(known_to(panel))
    files = read_files(holdings, wacc, transactions, purchases, trade_book, symbols, instrument, settlement)
    files, findings = _with_balances(files, symbols, must_be_known=panel is not None)
    held = files.held or {}
    balance = {name: row.units for name, row in held.items()}
    known = known_costs(files, balance)
    findings += cost_findings(files, balance, known) + age_findings(files, balance)
    pending: dict[str, int] = {}
    if files.held is not None:
        findings += disagreements(files, balance, known)
        if panel is not None:
            pending, said = pending_bonus(panel.actions, panel.last_date, files.history, balance, settlement)
            findings += said
    lots: list[Lot] = []
    for name, units in balance.items():
        total = known[name].of(units) if name in known else 0
        lots += _lots(name, units, total, ages_of(files, name, units)[0])
    account = Account(
        lots=tuple(lots),
        settled_cash=cash,
        unsettled_cash=tuple(sorted(unsettled_cash)),
        investor=investor,
        quoted={name: row.price for name, row in held.items() if row.price},
        pending=pending,
        cost_known=files.tell_costs or not held,
        ages_known=files.tell_ages or not held,
    )
    return account, [symbols.named_in(found) for found in findings]


def _with_balances(files: Files, symbols: Symbols, must_be_known: bool) -> tuple[Files, list[Finding]]:
    """The files with holdings, rebuilt from the trade book where none are given, and what that rests on.

    must_be_known: whether a symbol that the prices do not know is refused, as a shifted column makes a holding of a name
    Raises InvalidInput for such a symbol, and where the trade book contradicts itself or the history.
    """
    if files.held is not None:
        return files, []
    if files.trades is None:
        given = [file for file in (files.wacc, files.history, files.purchases) if file is not None]
        effect = "the account is cash only; give --holdings"
        return files, [Finding("account files without holdings", len(given), effect, "warning")] if given else []
    trades = {name: list(rows) for name, rows in files.trades.items()}
    left = net_units(trades, symbols)
    strange = sorted(left.keys() - symbols.known) if must_be_known else []
    if strange:
        raise InvalidInput(
            f"trade book: no price and no label knows {symbols.named(strange[0])}; columns may have shifted: correct it, or "
            "give --holdings"
        )
    past = {
        name: past.opening + past.moved if past.last_balance is None else past.last_balance
        for name, past in (files.history or {}).items()
    }
    apart = sorted(name for name in past if past[name] != left.get(name, 0))
    if apart:
        names = ", ".join(map(symbols.named, apart[:3]))
        raise InvalidInput(
            f"without holdings: the trade book and the transaction history leave other units of {names}; give --holdings"
        )
    effect = (
        "bonus, right and public offering units, transfers, and what was held before are not in it; give --holdings"
    )
    found = about("holdings rebuilt from the trade book alone", sorted(left), effect, "warning")
    return replace(files, held={name: Held(units, None) for name, units in left.items()}), [found]


def _lots(name: str, balance: int, total_cost: int, ages: Sequence[Movement]) -> list[Lot]:
    """Lots of a balance, units without an age last: each at its own cost if these sum to the whole, else by units, exactly."""
    explained = sum(m.units for m in ages)
    if explained == balance and sum(m.cost for m in ages) == total_cost:
        return [Lot(name, m.units, m.cost, m.day) for m in ages]
    days: list[tuple[int, date | None]] = [(m.units, m.day) for m in ages]
    if explained < balance:
        days.append((balance - explained, None))
    lots = []
    before = 0
    for count, acquired in days:
        cost = share_of(total_cost, before + count, balance) - share_of(total_cost, before, balance)
        lots.append(Lot(name, count, int(cost), acquired))
        before += count
    return lots
