"""Account numbers, client codes and names: in whatever file and column they stand, nothing that is said or kept holds them."""

import csv
import io
import random

import pytest
from account_exports import CLIENT, JANUARY, history, holdings, in_january, purchases, trade_book, wacc, written
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import DEMAT, HOLDER, as_xlsx, typed

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.account_files import read_account

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
    return repr((account, findings, [found.in_words() for found in findings]))


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
