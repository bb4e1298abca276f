"""Purchases and sales: the pieces put together, for one order and for an array of alternatives."""

from datetime import date
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portfolio_opt.market.charges import charges
from portfolio_opt.market.orders import purchase, sale
from portfolio_opt.market.prices import limit_price
from portfolio_opt.market.rules import INVESTORS, rulebook
from portfolio_opt.market.tax import cost_removed

eras = st.sampled_from([rulebook().on(day) for day in (date(2019, 7, 16), date(2026, 7, 16), date(2026, 9, 1))])
instruments = st.sampled_from(["equity", "mutual_fund", "debenture"])
investors = st.sampled_from(INVESTORS)
prices = st.integers(1_00, 10_000_00)


@st.composite
def holdings(draw):
    """Units held, how many of them long, and their cost."""
    held = draw(st.integers(0, 10**6))
    return {
        "held": held,
        "held_long": draw(st.integers(0, held)),
        "total_cost": held * draw(st.integers(0, 10_000_00)),
    }


@given(rules=eras, instrument=instruments, several=st.lists(st.integers(0, 10**6), max_size=5), price=prices)
def test_purchases_of_an_array_are_those_of_its_elements(rules, instrument, several, price):
    amounts, paid = purchase(rules, instrument, np.array(several, dtype=np.int64), price)
    alone = [purchase(rules, instrument, units, price) for units in several]
    assert amounts.tolist() == [amount for amount, _ in alone]
    assert paid.total.tolist() == [one.total for _, one in alone]


@given(
    rules=eras,
    investor=investors,
    instrument=instruments,
    holding=holdings(),
    price=prices,
    parts=st.lists(st.integers(0, 100), max_size=5),
)
def test_sales_of_an_array_are_those_of_its_elements(rules, investor, instrument, holding, price, parts):
    units = [holding["held"] * part // 100 for part in parts]
    together = sale(rules, investor, instrument, np.array(units, dtype=np.int64), price, **holding)
    alone = [sale(rules, investor, instrument, u, price, **holding) for u in units]
    for name in ("amount", "gain", "tax", "net_cash"):
        assert getattr(together, name).tolist() == [getattr(one, name) for one in alone]


@given(rules=eras, investor=investors, book=st.lists(st.tuples(holdings(), prices, st.integers(0, 100)), max_size=4))
def test_sales_out_of_several_holdings_are_those_of_each(rules, investor, book):
    units = [holding["held"] * part // 100 for holding, _, part in book]
    price = [price for _, price, _ in book]
    columns = {
        key: np.array([holding[key] for holding, _, _ in book], dtype=np.int64)
        for key in ("held", "held_long", "total_cost")
    }
    together = sale(
        rules, investor, "equity", np.array(units, dtype=np.int64), np.array(price, dtype=np.int64), **columns
    )
    alone = [sale(rules, investor, "equity", u, p, **row[0]) for u, p, row in zip(units, price, book, strict=True)]
    for name in ("amount", "gain", "tax", "net_cash"):
        assert getattr(together, name).tolist() == [getattr(one, name) for one in alone]


@given(rules=eras, investor=investors, instrument=instruments, holding=holdings(), price=prices)
def test_a_sale_taxes_what_remains_after_charges_and_cost(rules, investor, instrument, holding, price):
    units = holding["held"]
    sold = sale(rules, investor, instrument, units, price, **holding)
    assert sold.amount == units * price
    assert sold.charges == charges(rules, instrument, units * price)
    assert sold.gain == sold.amount - sold.charges.total - holding["total_cost"]
    assert sold.net_cash == sold.amount - sold.charges.total - sold.tax
    assert 0 <= sold.tax <= max(sold.gain, 0)


@given(rules=eras, holding=holdings(), price=prices, part=st.integers(1, 100))
def test_the_oldest_units_are_sold_first(rules, holding, price, part):
    units = holding["held"] * part // 100
    sold = sale(rules, "individual", "equity", units, price, **holding)
    long = min(units, holding["held_long"])
    rates = rules.capital_gains_tax["individual"]
    exact = Fraction(max(sold.gain, 0) * ((units - long) * rates.short + long * rates.long), 1_000_000 * max(units, 1))
    assert abs(sold.tax - exact) <= Fraction(1, 2)
    assert sold.gain == sold.amount - sold.charges.total - cost_removed(holding["total_cost"], holding["held"], units)


def test_selling_nothing_moves_nothing():
    sold = sale(rulebook().on(date(2026, 9, 1)), "individual", "equity", 0, 500_00, held=0, held_long=0, total_cost=0)
    assert (sold.amount, sold.charges.total, sold.gain, sold.tax, sold.net_cash) == (0, 0, 0, 0, 0)


def test_a_large_holding_sells_at_a_limit_price_computed_here():
    """A limit price once came back as a numpy number, and the tax on 20 million shares then failed on its size."""
    rules = rulebook().on(date(2026, 9, 1))
    holding = {"held": 20_000_000, "held_long": 0, "total_cost": 20_000_000 * 100_00}
    limit = limit_price(rules, "equity", "SELL", 500_00, 20_000)
    for price in (limit, np.int64(limit)):
        sold = sale(rules, "individual", "equity", 20_000_000, price, **holding)
        assert sold.tax == (sold.gain + 5) // 10
