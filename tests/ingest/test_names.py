"""One slip of the pen by its definition, and the holdings it makes suspicious."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from small_files import refusal

from portfolio_opt.ingest.names import LIKE_PRICE, one_slip, price_disagreements, refuse_misspelt
from portfolio_opt.ingest.panel import Panel
from portfolio_opt.market.account import Account

LETTERS = "ABN"
words = st.text(LETTERS, max_size=6)


def one_edit_away(word):
    """Every other word that one letter added, dropped or changed, or two neighbours swapped, makes of this one."""
    cuts = [(word[:k], word[k:]) for k in range(len(word) + 1)]
    added = {a + letter + b for a, b in cuts for letter in LETTERS}
    dropped = {a + b[1:] for a, b in cuts if b}
    changed = {a + letter + b[1:] for a, b in cuts if b for letter in LETTERS}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    return (added | dropped | changed | swapped) - {word}


@given(a=words, b=words)
@example(a="", b="A")
@example(a="AB", b="BA")
@example(a="ABAB", b="BABA")
@example(a="AAB", b="AB")
def test_one_slip_is_one_edit(a, b):
    assert one_slip(a, b) == one_slip(b, a) == (b in one_edit_away(a))


@given(a=words, data=st.data())
def test_every_edit_is_one_slip(a, data):
    b = data.draw(st.sampled_from(sorted(one_edit_away(a))))
    assert one_slip(a, b)
    assert one_slip(b, a)


def panel(**closes):
    """One session on which each symbol closed at its price; None for one that never traded."""
    return Panel.from_frames(close=pd.DataFrame(closes, index=[pd.Timestamp("2026-08-20")], dtype=float))


MARKET = panel(NABIL=500.0, NICA=400.0, QUIET=None)


def held(**quoted):
    return Account(quoted={name: round(100 * price) for name, price in quoted.items()})


@pytest.mark.parametrize("name", ["NABLI", "NABL", "NABILL", "NABIR", "MABIL"])
@pytest.mark.parametrize("price", [500.0, 500 * (1 + LIKE_PRICE) - 0.01, 500 * (1 - LIKE_PRICE) + 0.01])
def test_a_slip_at_a_like_price_is_refused_with_the_symbol_meant(name, price):
    message = refusal(refuse_misspelt, held(**{name: price}), MARKET, (), ())
    assert f"'{name}' has no prices; did you mean 'NABIL'" in message
    assert "500.00" in message
    assert f"{price:,.2f}" in message
    assert f"unpriced = ['{name}']" in message


@pytest.mark.parametrize(
    "quoted",
    [
        {"NABLI": 500 * (1 + LIKE_PRICE) + 0.01},
        {"NABLI": 500 * (1 - LIKE_PRICE) - 0.01},
        {"NABLI": 400.0},  # near NICA, which is more than a slip away
        {"NBALI": 500.0},
        {"XNOVA": 100.0},
        {"QUIETT": 100.0},
        {"NABIL": 500.0},
        {"NICA": 500.0},
        {},
    ],
)
def test_a_holding_at_another_price_or_of_another_name_is_kept(quoted):
    refuse_misspelt(held(**quoted), MARKET, (), ())


def test_a_symbol_that_exists_or_is_accepted_is_kept():
    account = held(NABLI=500.0)
    refuse_misspelt(account, MARKET, {"NABLI"}, ())
    refuse_misspelt(account, MARKET, (), iter(["NABLI"]))
    refusal(refuse_misspelt, account, MARKET, {"NABL"}, ["NABLII"])


def test_a_known_neighbour_does_not_make_a_known_symbol_suspicious():
    market = panel(NABIL=500.0, NABILP=480.0)
    refuse_misspelt(held(NABIL=500.0, NABILP=480.0), market, (), ())


def test_the_newest_close_is_what_a_price_is_compared_with():
    days = pd.to_datetime([date(2026, 8, 19), date(2026, 8, 20)])
    market = Panel.from_frames(close=pd.DataFrame({"NABIL": [500.0, 300.0], "NICA": [1.0, 1.0]}, index=days))
    refuse_misspelt(held(NABLI=500.0), market, (), ())
    assert "300.00" in refusal(refuse_misspelt, held(NABLI=300.0), market, (), ())


@pytest.mark.parametrize(("price", "said"), [(575.01, True), (574.99, False), (425.01, False), (424.99, True)])
def test_a_price_far_from_the_last_close_is_said(price, said):
    found = price_disagreements(held(NABIL=price, NICA=400.0, XNOVA=1.0, QUIET=1.0), MARKET)
    assert [(each.severity, each.examples) for each in found] == ([("warning", ("NABIL",))] if said else [])
