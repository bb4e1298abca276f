"""Accounts from MeroShare exports: units, costs and ages tie, what is open is said, what is uncertain is refused."""

import csv
import random
from datetime import date
from fractions import Fraction

import pytest
from account_exports import (
    HISTORY_HEADER,
    HOLDINGS_HEADER,
    JANUARY,
    WACC_HEADER,
    history,
    holdings,
    in_january,
    lots_of,
    wacc,
    written,
)
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from small_files import DEMAT, HOLDER, SAMPLE_ACCOUNTS, finding, refusal, rules_of

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.account.history import read_transactions
from portfolio_opt.ingest.account.holdings import Held, read_holdings
from portfolio_opt.ingest.account.symbols import Symbols
from portfolio_opt.ingest.account.wacc import Cost, read_wacc
from portfolio_opt.ingest.account_files import read_account

EVERY_FILE = ("holdings", "wacc", "transactions", "purchases", "trade_book")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


# ---- the three files as they come


def test_the_exports_as_meroshare_writes_them(folder):
    held = written(
        folder,
        "holdings",
        HOLDINGS_HEADER.replace(",", '","').join('""'),
        '"1","ALBSL","12.0","1097.6","13171.20","1097.8","13173.60"',
        '"2","NABIL","1,553.0","-","-","501.5","-"',
        '"3","NEWCO","10","-","-","-","-"',
        '"4","SOLD","0.0","100","0","100","0"',
        '"Total :","","","","13171.20","","13173.60"',
    )
    assert read_holdings(held, Symbols()) == {
        "ALBSL": Held(12, 109760),
        "NABIL": Held(1553, 50150),
        "NEWCO": Held(10, None),
    }
    history_file = written(
        folder,
        "history",
        HISTORY_HEADER,
        "1,NABIL,2026-01-05,-,4,16.0,ON-DR 001235 TD:ABC124 SET:NPL002",
        "2,NABIL,2026-01-01,10,-,20.0,ON-CR 001234 TD:ABC123 SET:NPL001",
        "3,NABIL,2025-06-01,10.0,0,10.0,a prefix that nobody has seen",
    )
    account, findings = read_account(holdings(folder, NABIL=16), None, history_file)
    assert lots_of(account) == [(6, date(2025, 6, 1)), (10, date(2026, 1, 1))]
    assert account.ages_known
    assert not account.cost_known
    assert rules_of(findings) == {"holdings without a cost, no WACC report given"}


@pytest.mark.parametrize(
    "header",
    [
        WACC_HEADER,
        WACC_HEADER.replace("Cost of", "Cost Of"),
        WACC_HEADER.replace("S.N", "#"),
        WACC_HEADER.replace("S.N", "S.N."),
        "Scrip Name,WACC Calculated Quantity,WACC Rate,Total Cost of Capital,Last Modification Date",
        "Scrip,WACC Calculated Quantity,WACC Rate,Total Cost Of Capital",
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("preamble", ["", f"Holder Name :,{HOLDER}\n\n"])
def test_wacc_reports_come_with_many_headers(tmp_path, header, ending, mark, preamble):
    cells = {
        "demat": DEMAT,
        "scrip": "NABIL",
        "scrip name": "NABIL",
        "wacc calculated quantity": '"1,000"',
        "wacc rate": '"1,200.76"',
        "total cost of capital": '"12,00,760.00"',
        "last modification date": "2026-01-01 11:00:00",
    }
    row = ",".join(cells.get(name.lower(), "1") for name in header.split(","))
    path = tmp_path / "wacc.csv"
    path.write_bytes(f"{mark}{preamble}{header}\n{row}\nTotal,,\n".replace("\n", ending).encode())
    assert read_wacc(path, Symbols()) == {"NABIL": Cost(1000, 120_076_000)}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_sample_accounts_tie(number):
    folder = SAMPLE_ACCOUNTS / f"account-{number}"
    names = ("My Shares Values.csv", "My Wacc Report.csv", "Transaction History.csv")
    account, findings = read_account(*(folder / name for name in names), cash=5)
    with (folder / names[0]).open(newline="") as file:
        next(file)
        held = {row["Scrip"]: int(float(row["Current Balance"])) for row in csv.DictReader(file)}
    with (folder / names[1]).open(newline="") as file:
        next(file)
        cost = {row["Scrip Name"]: row["Total Cost of Capital"] for row in csv.DictReader(file)}
    positions = account.positions()
    assert {name: position.units for name, position in positions.items()} == held
    for name, position in positions.items():
        assert position.cost == round(100 * Fraction(cost[name].replace(",", "")))
        assert all(lot.acquired for lot in position.lots)
    short = {"holdings with fewer units in the WACC report than in the balance"}
    assert rules_of(findings) == (short if number == 3 else set())
    assert account.settled_cash == 5
    assert account.cost_known
    assert account.ages_known


@pytest.mark.parametrize("name", ["NA", "TRUE", "NICAD85/86", "=CMD"])
def test_any_text_is_a_symbol(folder, name):
    rows = ((name, JANUARY, 10),)
    account, findings = read_account(
        holdings(folder, **{name: 10}), wacc(folder, **{name: (10, 1000)}), history(folder, *rows)
    )
    assert list(account.positions()) == [name]
    assert lots_of(account, name) == [(10, JANUARY)]
    assert findings == []


def test_an_account_without_files_is_cash():
    account, findings = read_account(cash=100, unsettled_cash=((date(2026, 9, 2), 5), (date(2026, 9, 1), 7)))
    assert (account.lots, account.settled_cash, findings) == ((), 100, [])
    assert account.unsettled_cash == ((date(2026, 9, 1), 7), (date(2026, 9, 2), 5))
    assert account.cost_known
    assert account.ages_known


# ---- refused


@pytest.mark.parametrize(
    ("read", "header", "rows", "words"),
    [
        (read_holdings, HOLDINGS_HEADER, ["1,NABIL,-5,1,1,1,1"], "line 2: current balance '-5' is not a whole number"),
        (
            read_holdings,
            HOLDINGS_HEADER,
            ["1,NABIL,0.5,1,1,1,1"],
            "line 2: current balance '0.5' is not a whole number",
        ),
        (read_holdings, HOLDINGS_HEADER, ["1,NABIL,1e999,1,1,1,1"], "line 2: current balance '1e999' is not a number"),
        (
            read_holdings,
            HOLDINGS_HEADER,
            ["1,NABIL,1e9999999,1,1,1,1"],
            "line 2: current balance (not shown) is not a number",
        ),
        (read_holdings, HOLDINGS_HEADER, ["1,NABIL,,1,1,1,1"], "line 2: current balance '' is not a number"),
        (read_holdings, HOLDINGS_HEADER, ['1,NABIL,"1,5",1,1,1,1'], "line 2: current balance '1,5' is not a number"),
        (read_holdings, HOLDINGS_HEADER, ["1,NABIL,5,-2,1,1,1"], "line 2: last closing price '-2' is below zero"),
        (read_holdings, HOLDINGS_HEADER, ["1,NABIL,5,nan,1,1,1"], "line 2: last closing price 'nan' is not a number"),
        (read_holdings, HOLDINGS_HEADER, ["1,,5,1,1,1,1"], "line 2: scrip '' is not a symbol"),
        (
            read_holdings,
            HOLDINGS_HEADER,
            ["1,NABIL,5,1,1,1,1", "2,nabil,0,1,1,1,1"],
            "line 3: the symbol in line 2 of export.csv stands twice",
        ),
        (read_holdings, HOLDINGS_HEADER, ["1,NABIL,1,200,1,1,1,1"], "line 2: 8 fields under a header of 7"),
        (read_holdings, HOLDINGS_HEADER, ["1,NABIL,5"], "line 2: 3 fields under a header of 7"),
        (
            read_holdings,
            HOLDINGS_HEADER.replace("Scrip", "Symbol"),
            ["1,NABIL,5,1,1,1,1"],
            "no header with the columns",
        ),
        (read_holdings, HOLDINGS_HEADER + ",ISIN", ["1,NABIL,5,1,1,1,1,NP1"], "line 1: unknown column 'isin'"),
        (read_holdings, WACC_HEADER, [f"1,{DEMAT},NABIL,5,100,500,x"], "no header with the columns"),
        (read_wacc, WACC_HEADER, [f"1,{DEMAT},NABIL,5,100,600,x"], "line 2: rate × quantity is not the total"),
        (read_wacc, WACC_HEADER, [f"1,{DEMAT},NABIL,500,5,100,x"], "rate × quantity is not the total cost"),
        (read_wacc, WACC_HEADER, [f"1,{DEMAT},NABIL,1.5,100,150,x"], "wacc calculated quantity '1.5' is not a whole"),
        (read_wacc, WACC_HEADER, [f"1,{DEMAT},NABIL,5,-100,500,x"], "line 2: wacc rate '-100' is below zero"),
        (read_wacc, WACC_HEADER, [f"1,{DEMAT},NABIL,{DEMAT},1,1,x"], "line 2: wacc calculated quantity"),
        (read_wacc, WACC_HEADER, [f"1,NABIL,{DEMAT},5,100,500,x"], "line 2: scrip name is an account number"),
        (
            read_wacc,
            WACC_HEADER,
            [f"1,{DEMAT},NABIL,5,1,5,x"] * 2,
            "line 3: the symbol in line 2 of export.csv stands twice; keep one row a symbol",
        ),
        (read_wacc, WACC_HEADER.replace("Scrip Name", "S.N."), [f"1,{DEMAT},NABIL,5,1,5,x"], "a column stands twice"),
        (read_wacc, WACC_HEADER.replace(",Scrip Name", ""), [f"1,{DEMAT},5,1,5,x"], "no column Scrip or Scrip Name"),
        (read_transactions, HISTORY_HEADER, ["1,NABIL,03/04/2025,10,-,10,x"], "line 2: transaction date '03/04/2025'"),
        (read_transactions, HISTORY_HEADER, ["1,NABIL,2082-05-05,10,-,10,x"], "reads as a Bikram Sambat date"),
        (read_transactions, HISTORY_HEADER, ["1,NABIL,2025-02-30,10,-,10,x"], "is no day of the calendar"),
        (read_transactions, HISTORY_HEADER, ["1,NABIL,2025-02-20,10,5,10,x"], "line 2: a row credits or debits units"),
        (read_transactions, HISTORY_HEADER, ["1,NABIL,2025-02-20,-,-,10,x"], "line 2: a row credits or debits units"),
        (read_transactions, HISTORY_HEADER, ["1,NABIL,2025-02-20,-5,-,10,x"], "line 2: credit quantity '-5'"),
    ],
)
def test_a_row_that_cannot_be_read_with_certainty_is_refused(folder, read, header, rows, words):
    message = refusal(read, written(folder, "export", header, *rows), Symbols())
    assert message.startswith("export.csv")
    assert words in message


@pytest.mark.parametrize(
    ("purchased", "why"), [("2082-05-05", "Bikram Sambat"), ("2025-02-30", "no day of the calendar")]
)
def test_a_rearrangement_with_a_bad_purchase_day_is_refused_not_a_crash(folder, purchased, why):
    path = history(folder, ("NABIL", JANUARY, 10, f"CA-Rearrangement 1 PUR {purchased}"))
    message = refusal(read_transactions, path, Symbols())
    assert "history.csv, line 2: history description" in message
    assert why in message


@pytest.mark.parametrize("which", EVERY_FILE)
@pytest.mark.parametrize(
    "content", [b"", b"\n", HOLDINGS_HEADER.encode("utf-16"), b"S.N,Scrip\x00", b"PK\x03\x04\x00", b"\xe9t\xe9"]
)
def test_what_is_no_text_is_refused_in_every_place(tmp_path, which, content):
    (tmp_path / "export.csv").write_bytes(content)
    assert "export.csv" in refusal(read_account, **{which: tmp_path / "export.csv"})


@pytest.mark.parametrize("which", EVERY_FILE)
def test_a_missing_export_is_named(tmp_path, which):
    assert "gone.csv does not exist" in refusal(read_account, **{which: str(tmp_path / "gone.csv")})


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), row=st.integers(0, 2), at=st.integers(0, 6), to=st.integers(0, 6))
@example(seed=0, row=0, at=1, to=2)
def test_no_slip_in_a_wacc_report_shows_a_personal_column(folder, seed, row, at, to):
    """Two cells swapped, one dropped or one added: refused or read, the account number and the name stay private."""
    names = ["ADBL", "NABIL", "NICA"]
    path = wacc(folder, **{name: (10, 1000.0) for name in names})
    lines = path.read_text().splitlines()
    cells = lines[2 + row].split(",")
    how = seed % 3
    if how == 0:
        cells[at], cells[to] = cells[to], cells[at]
    elif how == 1:
        del cells[at]
    else:
        cells.insert(at, cells[to])
    lines[2 + row] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")
    try:
        account, findings = read_account(holdings(folder, ADBL=10), path)
    except InvalidInput as error:
        said = str(error)
    else:
        said = repr((account, findings, [each.in_words() for each in findings]))
    assert DEMAT not in said
    assert DEMAT[:13] not in said
    assert HOLDER not in said


# ---- said


def said(folder, held, costs=None, moves=None):
    account, findings = read_account(
        holdings(folder, **held),
        wacc(folder, **costs) if costs is not None else None,
        history(folder, *moves) if moves is not None else None,
    )
    return account, findings


def test_a_report_that_covers_fewer_units_makes_the_rest_free(folder):
    account, findings = said(folder, {"NABIL": 100}, {"NABIL": (60, 6000)}, [("NABIL", JANUARY, 100)])
    assert account.positions()["NABIL"].cost == 6000_00
    found = finding(findings, "holdings with fewer units in the WACC report than in the balance")
    assert (found.severity, found.examples) == ("warning", ("NABIL",))
    assert "upper bound" in found.effect


def test_a_report_that_covers_more_units_gives_their_average(folder):
    account, findings = said(folder, {"NABIL": 30}, {"NABIL": (100, 6000)}, [("NABIL", JANUARY, 30)])
    assert account.positions()["NABIL"].cost == 1800_00
    assert finding(findings, "holdings with more units in the WACC report than in the balance").examples == ("NABIL",)


def test_holdings_and_costs_that_do_not_meet_are_said(folder):
    account, findings = said(
        folder,
        {"NABIL": 10, "ADBL": 10, "ZERO": 10},
        {"NABIL": (10, 1000), "GONE": (5, 500), "ZERO": (0, 0)},
        [(name, JANUARY, 10) for name in ("NABIL", "ADBL", "ZERO")],
    )
    assert finding(findings, "holdings without a WACC").examples == ("ADBL", "ZERO")
    assert finding(findings, "WACC rows of symbols that are not held").examples == ("the symbol in line 4 of wacc.csv",)
    assert account.cost_known
    assert {name: position.cost for name, position in account.positions().items()} == {
        "ADBL": 0,
        "NABIL": 1000_00,
        "ZERO": 0,
    }


def test_a_history_that_explains_fewer_units_leaves_the_rest_without_an_age(folder):
    account, findings = said(folder, {"NABIL": 30, "ADBL": 5}, moves=[("NABIL", JANUARY, 20)])
    assert lots_of(account) == [(20, JANUARY), (10, None)]
    assert lots_of(account, "ADBL") == [(5, None)]
    found = finding(findings, "holdings that the transaction history does not fully explain")
    assert (found.rows, found.severity, found.examples) == (2, "warning", ("ADBL", "NABIL"))


def test_a_history_that_leaves_more_units_counts_the_oldest_as_sold(folder):
    moves = [("NABIL", in_january(5), 20), ("NABIL", JANUARY, 20)]
    account, findings = said(folder, {"NABIL": 25}, moves=moves)
    assert lots_of(account) == [(5, JANUARY), (20, in_january(5))]
    found = finding(findings, "holdings with fewer units than the history leaves")
    assert (found.severity, found.examples) == ("warning", ("NABIL",))


def test_no_cost_and_no_history_are_said_once(folder):
    account, findings = said(folder, {"NABIL": 30, "ADBL": 5})
    assert [(found.rows, found.severity) for found in findings] == [(2, "warning"), (2, "warning")]
    assert not account.cost_known
    assert not account.ages_known
    assert [(lot.cost, lot.acquired) for lot in account.lots] == [(0, None), (0, None)]


def test_balances_of_zero_are_no_holdings(folder):
    account, findings = said(folder, {"NABIL": "0.0", "ADBL": "-"})
    assert (account.lots, account.quoted, findings) == ((), {}, [])
    assert account.cost_known
    assert account.ages_known


def test_the_price_of_the_file_is_kept_in_paisa(folder):
    account, _ = said(folder, {"NABIL": 10})
    assert account.quoted == {"NABIL": 1097_60}


def test_findings_name_symbols_only(folder):
    _, findings = said(folder, {"NABIL": 10}, {"ADBL": (10, 1000)}, [("NABIL", JANUARY, 5)])
    assert len(findings) == 3
    for found in findings:
        assert set(found.examples) <= {"NABIL", "the symbol in line 3 of wacc.csv"}
        assert DEMAT not in found.in_words()
        assert HOLDER not in found.in_words()


# ---- lots: first in, first out

moves_of_one = st.lists(
    st.tuples(st.integers(0, 8), st.integers(-30, 30).filter(bool), st.none() | st.integers(-20, 0)), max_size=12
)


def described(day, units, bought):
    """A row of the history; one with a purchase day is a rearrangement."""
    words = f"CA-Rearrangement 00001 PUR {in_january(bought)}" if bought is not None else "ON-CR 1"
    return ("NABIL", in_january(day), units, words)


def unit_by_unit(moves, balance):
    """The day each held unit came, oldest first, keeping every unit in hand; None for units that nothing explains."""
    hand = []
    for day, units, bought in sorted(moves, key=lambda move: (move[0], move[1] < 0)):
        for _ in range(abs(units)):
            if units > 0:
                hand.append(in_january(day if bought is None else bought))
            elif hand:
                hand.remove(min(hand))
    while len(hand) > balance:
        hand.remove(min(hand))
    return [*sorted(hand), *[None] * (balance - len(hand))]


@settings(deadline=None)
@given(moves=moves_of_one, balance=st.integers(1, 60))
@example(moves=[(0, 10, None), (3, -10, None), (5, 4, -20)], balance=4)
def test_lots_are_those_of_counting_unit_by_unit(folder, moves, balance):
    assume(moves)
    account, _ = said(folder, {"NABIL": balance}, moves=[described(*move) for move in moves])
    held = [day for units, day in lots_of(account) for _ in range(units)]
    assert held == unit_by_unit(moves, balance)


@settings(deadline=None)
@given(moves=moves_of_one, seed=st.integers(0, 10**6), balance=st.integers(1, 60))
def test_the_order_of_the_rows_does_not_matter(folder, moves, seed, balance):
    assume(moves)
    rows = [described(*move) for move in moves]
    shuffled = random.Random(seed).sample(rows, len(rows))
    accounts = [said(folder, {"NABIL": balance}, {"NABIL": (7, 777.77)}, each) for each in (rows, rows[::-1], shuffled)]
    assert accounts[0] == accounts[1] == accounts[2]


@settings(deadline=None)
@given(
    moves=moves_of_one,
    balance=st.integers(1, 60),
    covered=st.integers(1, 60),
    total=st.integers(0, 10**9),
)
def test_the_cost_of_the_lots_is_the_whole_cost_to_the_paisa(folder, moves, balance, covered, total):
    assume(moves)
    account, _ = said(
        folder, {"NABIL": balance}, {"NABIL": (covered, total / 100)}, [described(*move) for move in moves]
    )
    position = account.positions()["NABIL"]
    whole = Fraction(total * min(balance, covered), covered)
    assert position.units == balance
    assert position.cost == int(whole + Fraction(1, 2))  # half a paisa rounded up
    for lot in position.lots:
        assert abs(lot.cost - Fraction(position.cost * lot.units, balance)) <= 1


def test_a_rearrangement_keeps_the_day_of_purchase(folder):
    rows = [("NABIL", in_january(10), 40, "CA-Rearrangement 00012 NPR PUR 2022-03-04"), ("NABIL", JANUARY, 5)]
    account, findings = said(folder, {"NABIL": 45}, moves=rows)
    assert lots_of(account) == [(40, date(2022, 3, 4)), (5, JANUARY)]
    assert rules_of(findings) == {"holdings without a cost, no WACC report given"}


def test_a_sale_before_a_rearrangement_does_not_take_its_units(folder):
    """Units bought long ago but credited after a sale were once counted as the units sold."""
    rows = [
        ("NABIL", date(2024, 1, 1), 50),
        ("NABIL", date(2024, 6, 1), -50, "ON-DR 1"),
        ("NABIL", date(2025, 1, 1), 30, "CA-Rearrangement 1 PUR 2022-01-01"),
    ]
    account, _ = said(folder, {"NABIL": 30}, moves=rows)
    assert lots_of(account) == [(30, date(2022, 1, 1))]


def test_only_a_rearrangement_tells_a_purchase_day(folder):
    rows = [("NABIL", JANUARY, 10, "ON-CR 1 PUR 2022-01-01"), ("NABIL", in_january(1), 10, "CA-Rearrangement 00001")]
    account, _ = said(folder, {"NABIL": 20}, moves=rows)
    assert lots_of(account) == [(10, JANUARY), (10, in_january(1))]


def test_units_that_left_before_the_history_begins_are_not_owed(folder):
    account, findings = said(
        folder, {"NABIL": 10}, moves=[("NABIL", in_january(0), -100, "ON-DR 1"), ("NABIL", in_january(1), 10)]
    )
    assert lots_of(account) == [(10, in_january(1))]
    assert "holdings that the transaction history does not fully explain" not in rules_of(findings)
