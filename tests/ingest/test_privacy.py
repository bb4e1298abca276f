"""Account numbers, client codes and names: in whatever file and column they stand, nothing that is said or kept holds them."""

import csv
import io
import random

import pytest
from account_exports import CLIENT, JANUARY, history, holdings, in_january, purchases, trade_book, wacc, written
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import DEMAT, HOLDER, as_xlsx, refusal, sessions, traded, typed, write_store, write_xlsx

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.account_files import read_account
from portfolio_opt.ingest.prices import read_prices

PERSONAL = (DEMAT, HOLDER, CLIENT)
KINDS = ("holdings", "wacc", "transactions", "purchases", "trade_book")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


def files(folder):
    """Every kind of file of one account, each with a preamble that names the holder."""
    names = ("ADBL", "NABIL", "NICA")
    made = {
        "holdings": holdings(folder, **dict.fromkeys(names, 10)),
        "wacc": wacc(folder, **{name: (10, 1000.0) for name in names}),
        "transactions": history(folder, *((name, in_january(4), 10) for name in names)),
        "purchases": purchases(folder, *((name, JANUARY, 10, "100.00") for name in names)),
        "trade_book": trade_book(folder, *((name, JANUARY, 10, 96.0) for name in names)),
    }
    for path in made.values():
        lines = [line for line in path.read_text().splitlines() if not line.startswith("Holder Name")]
        preamble = [f"Holder Name :,{HOLDER}", f"Client Code : {CLIENT}", f"Demat No,{DEMAT}"]
        path.write_text("\n".join([*preamble, *lines]) + "\n")
    return made


def said(**given):
    """Everything that reading an account says or keeps."""
    try:
        account, findings = read_account(given.pop("holdings", None), given.pop("wacc", None), **given)
    except InvalidInput as error:
        return str(error)
    return repr((account, findings, [(found.in_words(), found.as_record()) for found in findings]))


def assert_private(text):
    folded = " ".join(text.split()).casefold()
    for secret in (*PERSONAL, DEMAT[:13], HOLDER.title(), HOLDER.split()[1]):
        assert secret.casefold() not in folded, text


def test_files_with_a_preamble_are_read_and_nothing_of_it_is_kept(folder):
    text = said(**files(folder))
    assert "Account(" in text
    assert_private(text)


@settings(deadline=None, max_examples=400)
@given(seed=st.integers(0, 10**9), kind=st.sampled_from(KINDS), secret=st.sampled_from(PERSONAL), book=st.booleans())
def test_a_secret_in_any_cell_of_any_file_is_never_said(folder, seed, kind, secret, book):
    """Planted in a cell, or rows shifted by a cell that came or went."""
    rng = random.Random(seed)
    given = files(folder)
    lines = list(csv.reader(io.StringIO(given[kind].read_text())))
    row = lines[rng.randrange(3, len(lines))]
    how = rng.randrange(4)
    at = rng.randrange(len(row))
    if how == 0:
        row[at] = rng.choice([secret, secret.title(), f" {secret} "])
    elif how == 1:
        row.insert(at, secret)
    elif how == 2:
        row.insert(at, secret)
        del row[rng.randrange(len(row))]
    else:
        for each in lines[3:]:
            each.insert(0, each.pop())
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    path = written(folder, f"spoilt-{kind}", out.getvalue())
    given[kind] = as_xlsx(path, rng.choice([str, typed])) if book else path
    assert_private(said(**given))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("secret", PERSONAL)
def test_a_secret_in_place_of_the_symbol_is_refused(folder, kind, secret):
    given = files(folder)
    path = given[kind]
    path.write_text(path.read_text().replace("NABIL", secret))
    text = said(**given)
    assert path.name in text
    assert_private(text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("secret", PERSONAL)
def test_a_secret_that_nothing_marks_as_one_is_not_shown(folder, kind, secret):
    """No preamble, no personal column, one row: in whichever cell it stands, no message quotes it."""
    lines = [line.split(",") for line in files(folder)[kind].read_text().splitlines()[3:5]]
    kept = [k for k, name in enumerate(lines[0]) if name.strip() not in ("Demat", "CLIENT", "CLIENT NAME")]
    for at in range(len(kept)):
        header, row = ([line[k].strip() for k in kept] for line in lines)
        row[at] = secret
        path = written(folder, f"bare-{kind}", ",".join(header), ",".join(row))
        assert_private(said(**{"holdings": holdings(folder, NABIL=10), kind: path}))


def test_a_name_in_place_of_the_symbol_is_refused_where_nothing_else_names_it(folder):
    text = said(holdings=holdings(folder, **{HOLDER: 10}))
    assert "columns may have shifted" in text
    assert_private(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_in_the_header_is_not_shown(folder, kind):
    given = files(folder)
    path = given[kind]
    lines = path.read_text().splitlines()
    for secret in PERSONAL:
        spoilt = written(folder, f"header-{kind}", *(f"{line},{secret}" for line in lines))
        assert_private(said(**given | {kind: spoilt}))


def test_a_second_worksheet_is_counted_and_not_shown(folder):
    given = files(folder)
    for kind in KINDS:
        assert_private(said(**given | {kind: as_xlsx(given[kind])}))


def test_a_scrip_in_the_preamble_is_no_secret(folder):
    path = history(folder, ("NABIL", JANUARY, 10))
    path.write_text(f"Scrip Name :,NABIL\nName :,{HOLDER}\n" + path.read_text())
    account, _ = read_account(holdings(folder, NABIL=10), None, path)
    assert account.positions()["NABIL"].lots[0].acquired == JANUARY


# ---- what neither the holdings nor the prices know as a symbol

SHIFTED = ("C00987", "BAHADUR")  # a client code and a name that could as well be symbols
BESIDE_HOLDINGS = tuple(kind for kind in KINDS if kind != "holdings")


@pytest.fixture(scope="module")
def panel(folder):
    rows = [traded(name, day) for name in ("ADBL", "NABIL", "NICA", "NMB") for day in sessions(30)]
    return read_prices(write_store(folder / "prices", rows))


@pytest.mark.parametrize("with_prices", [True, False], ids=["prices", "no prices"])
@pytest.mark.parametrize("kind", BESIDE_HOLDINGS)
@pytest.mark.parametrize("secret", SHIFTED)
def test_a_symbol_that_nothing_knows_is_named_by_its_line(folder, panel, kind, secret, with_prices):
    given = files(folder)
    path = given[kind]
    path.write_text(path.read_text().replace("NABIL", secret))
    _, findings = read_account(given.pop("holdings"), given.pop("wacc"), **given, panel=panel if with_prices else None)
    text = repr([(found.in_words(), found.as_record()) for found in findings])
    assert secret not in text
    line = next(at for at, words in enumerate(path.read_text().splitlines(), 1) if secret in words)
    naming = [found for found in findings if f"the symbol in line {line} of {path.name}" in found.examples]
    assert naming or kind == "purchases", "of purchases that no other file knows nothing is said"
    assert all(found.rows == 1 for found in naming)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("secret", SHIFTED)
def test_no_refusal_of_a_row_names_what_stands_in_place_of_its_symbol(folder, panel, kind, secret):
    """Every other cell in turn is nonsense, and the row stands twice."""
    lines = files(folder)[kind].read_text().replace("NABIL", secret).splitlines()[3:]
    at = next(k for k, line in enumerate(lines) if secret in line)
    (row,) = csv.reader([lines[at]])
    spoilt = [
        [*row[:k], nonsense, *row[k + 1 :]] for k in range(len(row)) for nonsense in ("x", "7", "") if row[k] != secret
    ]
    for cells in (*spoilt, None):
        out = io.StringIO()
        csv.writer(out).writerow(cells or row)
        path = written(
            folder, f"spoilt-{kind}", *lines[:at], out.getvalue().strip(), *lines[at + (cells is not None) :]
        )
        try:
            _, findings = read_account(**{"holdings": holdings(folder, NABIL=10), kind: path}, panel=panel)
        except InvalidInput as error:
            assert secret not in str(error)  # noqa: PT017
        else:
            assert kind == "holdings" or secret not in repr([found.as_record() for found in findings])


def test_a_symbol_that_only_the_prices_know_is_named(folder, panel):
    report = wacc(folder, NABIL=(10, 1000.0), NMB=(5, 500.0))
    _, findings = read_account(holdings(folder, NABIL=10), report, panel=panel)
    assert "WACC rows of symbols that are not held: 1 (NMB); not used" in [found.in_words() for found in findings]


@pytest.mark.parametrize("secret", SHIFTED)
def test_a_trade_book_makes_no_holding_of_what_the_prices_do_not_know(folder, panel, secret):
    bought = trade_book(folder, ("NABIL", JANUARY, 10, 96.0), (secret, JANUARY, 10, 96.0))
    message = refusal(read_account, trade_book=bought, panel=panel)
    assert "the symbol in line 3 of trades.csv" in message
    assert secret not in message
    gone = trade_book(
        folder, ("NABIL", JANUARY, 10, 96.0), (secret, JANUARY, 10, 96.0), (secret, in_january(9), -10, 96.0)
    )
    account, _ = read_account(trade_book=gone, panel=panel)
    assert list(account.positions()) == ["NABIL"]
    oversold = trade_book(folder, (secret, JANUARY, -10, 96.0))
    assert secret not in refusal(read_account, trade_book=oversold, panel=panel)
    past = history(folder, (secret, JANUARY, 7))
    assert secret not in refusal(read_account, transactions=past, trade_book=gone, panel=panel)


# ---- a Demat number in the name of a file


def damaged(path):
    """The content of an account file, damaged in every way that a refusal tells of."""
    text = path.read_text()
    lines = text.splitlines()
    at = next(k for k, line in enumerate(lines) if "ADBL" in line)
    head, row = lines[:at], lines[at]
    texts = {
        "no content": [],
        "no header": lines[at:],
        "no rows": head,
        "an unknown column": [f"{line},x" for line in lines],
        "a column of symbols of another name": text.replace("Scrip", "Share").replace("SYMBOL", "SHARE").splitlines(),
        "a cell too few": [*head, row.rpartition(",")[0]],
        "an open quotation mark": [*head, '"' + row],
        "a number for a symbol": [*head, row.replace("ADBL", "1")],
        "words for numbers": [*head, ",".join("x" if cell.strip() else cell for cell in row.split(","))],
    }
    contents = {what: "\n".join(rows).encode() for what, rows in texts.items()}
    return contents | {"another encoding": text.encode("utf-16"), "a byte of no sign": b"\xe9" + text.encode()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_demat_number_in_a_files_name_is_not_shown(folder, kind):
    plain = files(folder)[kind]
    named = folder / f"{kind} {DEMAT}.csv"
    for what, content in damaged(plain).items():
        named.write_bytes(content)
        message = refusal(read_account, **{kind: named})
        assert f"{kind} ….csv" in message, what
        assert_private(message)
    named.unlink()
    assert_private(refusal(read_account, **{kind: named}))
    named.mkdir()
    assert_private(refusal(read_account, **{kind: named}))
    named.rmdir()
    assert_private(refusal(read_account, **{kind: folder / DEMAT / "export.csv"}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_demat_number_in_a_workbooks_name_is_not_shown(folder, kind):
    plain = files(folder)[kind]
    named = folder / f"{kind} {DEMAT}.xlsx"
    whole = as_xlsx(plain).read_bytes()
    row = next(line for line in plain.read_text().splitlines() if "NABIL" in line)
    plain.write_text(plain.read_text().replace(row, row.replace("10", "x")))
    bad_cell = as_xlsx(plain).read_bytes()
    two_sheets = write_xlsx(folder / "two.xlsx", [["x"]], [["y"]]).read_bytes()
    no_content = write_xlsx(folder / "none.xlsx", []).read_bytes()
    far_cell = write_xlsx(folder / "far.xlsx", [["x"] * 26] * 50_001).read_bytes()
    for content in (whole[: len(whole) // 2], b"\xd0\xcf\x11\xe0", bad_cell, two_sheets, no_content, far_cell):
        named.write_bytes(content)
        message = refusal(read_account, **{kind: named})
        assert f"{kind} ….xlsx" in message
        assert_private(message)


def test_a_finding_names_no_file_by_a_demat_number(folder):
    report = wacc(folder, NABIL=(10, 1000.0), GONE=(5, 500.0))
    named = report.rename(folder / f"WACC {DEMAT}.csv")
    text = said(holdings=holdings(folder, NABIL=10), wacc=named)
    assert "the symbol in line 4 of WACC ….csv" in text
    assert_private(text)
