"""The files of small accounts, written as users have them, and what an account made of them holds."""

from datetime import date, timedelta

from small_files import DEMAT, HOLDER

HOLDINGS_HEADER = (
    "S.N,Scrip,Current Balance,Last Closing Price,Value as of Last Closing Price,"
    "Last Transaction Price (LTP),Value as of LTP"
)
WACC_HEADER = "S.N,Demat,Scrip Name,WACC Calculated Quantity,WACC Rate,Total Cost of Capital,Last Modification Date"
HISTORY_HEADER = (
    "S.N,Scrip,Transaction Date,Credit Quantity,Debit Quantity,Balance After Transaction,History Description"
)
PURCHASES_HEADER = "Scrip,Transaction Date,Quantity,Rate,Purchase Source"
BOOK_HEADER = (
    "CLIENT, CLIENT NAME, SYMBOL, EXCHANGE TRADE ID, TRADE DATE, TRADE TIME, BUY/SELL, TRADE QTY, PRICE(NPR), "
    "Value(NPR)"
)
CLIENT = "202100123"
JANUARY = date(2026, 1, 1)


def in_january(k):
    return JANUARY + timedelta(days=k)


def written(folder, name, *lines):
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def holdings(folder, **balances):
    rows = [f'{k},{name},{units},"1,097.6",-,"1,097.6",-' for k, (name, units) in enumerate(balances.items(), 1)]
    return written(folder, "holdings", HOLDINGS_HEADER, *rows)


def wacc(folder, **costs):
    """Costs by symbol: (units, rupees in all)."""
    rows = [
        f"{k},{DEMAT},{name},{units},{(total / units if units else 0):.4f},{total:.2f},2026-01-01 11:00:00"
        for k, (name, (units, total)) in enumerate(costs.items(), 1)
    ]
    return written(folder, "wacc", f"Holder Name :,{HOLDER}", WACC_HEADER, *rows)


def history(folder, *rows):
    """Rows of (symbol, day, units moved), then a description and a balance where they are told."""
    lines = []
    for k, (name, day, moved, *more) in enumerate(rows, 1):
        came, went = (moved, "-") if moved > 0 else ("-", -moved)
        words, after = more[0] if more else "ON-CR 000001 TD:A SET:B", more[1] if len(more) > 1 else "-"
        lines.append(f"{k},{name},{day},{came},{went},{after},{words}")
    return written(folder, "history", HISTORY_HEADER, *lines)


def purchases(folder, *rows):
    """Rows of (symbol, day, units, rate) and a source, ON_MARKET if it is left out."""
    lines = [",".join([*(str(cell) for cell in row[:4]), *(row[4:] or ["ON_MARKET"])]) for row in rows]
    return written(folder, "purchases", PURCHASES_HEADER, *lines)


def trade_book(folder, *rows, client=CLIENT, name=HOLDER):
    """Rows of (symbol, day, units bought or, negative, sold, price)."""
    lines = []
    for k, (symbol, day, units, price) in enumerate(rows, 1):
        side = "BUY" if units > 0 else "SELL"
        cells = [
            client,
            name,
            symbol,
            f"{day:%Y%m%d}{k:08d}",
            day,
            f"11:{k % 60:02d}:00",
            side,
            abs(units),
            f"{price:.2f}",
        ]
        lines.append(",".join(str(cell) for cell in cells) + f',"{abs(units) * price:,.2f}"')
    return written(folder, "trades", BOOK_HEADER, *lines)


def lots_of(account, name="NABIL"):
    return [(lot.units, lot.acquired) for lot in account.positions()[name].lots]
