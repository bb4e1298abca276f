"""The thirteen worked examples of the market rules, to the paisa."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import count, pairwise

import pytest

from portfolio_opt.market.account import Account, Lot
from portfolio_opt.market.calendar import Calendar
from portfolio_opt.market.charges import Charges, charges, split_dp_charge
from portfolio_opt.market.money import fraction_of, paisa, ppm, rupees, share_of
from portfolio_opt.market.orders import Sale, purchase, sale
from portfolio_opt.market.prices import price_band
from portfolio_opt.market.rules import Investor, rulebook

BOUGHT = date(2026, 9, 1)
SOLD = date(2026, 12, 10)
COST = paisa("104383.80")  # of the 200 shares in example 1


def buy(day: date, units: int, price: str, instrument: str = "equity") -> tuple[int, Charges]:
    return purchase(rulebook().on(day), instrument, units, paisa(price))


def sell(account: Account, day: date, units: int, price: str) -> Sale:
    """A sale out of an account that holds one symbol."""
    rules = rulebook().on(day)
    (position,) = account.positions().values()
    return sale(
        rules,
        account.investor,
        "equity",
        units,
        paisa(price),
        held=position.units,
        held_long=position.units_long(day, rules.capital_gains_tax[account.investor].long_after_days),
        total_cost=position.cost,
    )


def held(days: int, until: date, investor: Investor = "individual") -> Account:
    """The 200 shares of example 1, held so many days on a sale date."""
    return Account(lots=(Lot("ABC", 200, COST, until - timedelta(days=days)),), investor=investor)


def lines(paid: Charges) -> tuple[str, str, str]:
    return rupees(paid.commission), rupees(paid.sebon_fee), rupees(paid.dp_charge)


def test_example_01_buy():
    amount, paid = buy(BOUGHT, 200, "520.00")
    assert rupees(amount) == "104,000.00"
    assert lines(paid) == ("343.20", "15.60", "25.00")
    assert rupees(amount + paid.total) == "104,383.80"
    assert Fraction(amount + paid.total, 200 * 100) == Fraction("521.9190")

    parts = [fraction_of(paid.commission, ppm(percent)) for percent in ("20", "0.6", "79.4")]
    assert [rupees(part) for part in parts] == ["68.64", "2.06", "272.50"]  # NEPSE, SEBON, broker
    assert sum(parts) == paid.commission


def test_example_02_sell_short_term():
    assert (SOLD - BOUGHT).days == 100
    sold = sell(held(100, SOLD), SOLD, 200, "600.00")
    assert rupees(sold.amount) == "120,000.00"
    assert lines(sold.charges) == ("396.00", "18.00", "25.00")
    assert rupees(sold.amount - sold.charges.total) == "119,561.00"
    assert rupees(sold.gain) == "15,177.20"
    assert rupees(sold.tax) == "1,517.72"
    assert rupees(sold.net_cash) == "118,043.28"
    assert rupees(sold.net_cash - COST) == "13,659.48"


@pytest.mark.parametrize("days", [366, 367, 1000])
def test_example_03_sell_long_term(days):
    sold = sell(held(days, SOLD), SOLD, 200, "600.00")
    assert rupees(sold.tax) == "1,138.29"
    assert rupees(sold.net_cash) == "118,422.71"


@pytest.mark.parametrize("days", [100, 365, 366, 1000])
def test_example_03_an_entity_pays_the_same_at_any_age(days):
    assert rupees(sell(held(days, SOLD, "entity"), SOLD, 200, "600.00").net_cash) == "118,043.28"


def test_example_04_sale_on_the_last_day_of_the_old_tax():
    day = date(2026, 7, 16)
    short, long = (sell(held(days, day), day, 200, "600.00") for days in (100, 366))
    assert rupees(short.net_cash) == "118,422.71"
    assert rupees(long.tax) == "758.86"
    assert rupees(long.net_cash) == "118,802.14"


def test_example_05_minimum_commission():
    amount, paid = buy(BOUGHT, 10, "200.00")
    assert rupees(amount) == "2,000.00"
    assert rupees(fraction_of(amount, ppm("0.36"))) == "7.20"  # what the rate alone would charge
    assert lines(paid) == ("10.00", "0.30", "25.00")
    assert rupees(amount + paid.total) == "2,035.30"
    assert Fraction(amount + paid.total, 10 * 100) == Fraction("203.53")


def test_example_06_fund_units():
    amount, paid = buy(BOUGHT, 1_000, "9.25", "mutual_fund")
    assert rupees(amount) == "9,250.00"
    assert lines(paid) == ("13.88", "0.93", "25.00")
    assert rupees(amount + paid.total) == "9,289.81"


def three_buys() -> list[int]:
    """Costs of 100 at 600 and 20 at 610 on one day, which share its DP charge, and of 1,000 at 620 on another."""
    first, second, third = buy(BOUGHT, 100, "600"), buy(BOUGHT, 20, "610"), buy(BOUGHT, 1_000, "620")
    shares = (*split_dp_charge(rulebook().on(BOUGHT), (100, 20)), third[1].dp_charge)
    return [
        amount + paid.commission + paid.sebon_fee + dp
        for (amount, paid), dp in zip((first, second, third), shares, strict=True)
    ]


def test_example_07_average_cost_of_three_buys():
    paid = [buy(BOUGHT, units, price)[1] for units, price in ((100, "600"), (20, "610"), (1_000, "620"))]
    assert [rupees(p.commission) for p in paid] == ["198.00", "43.92", "1,922.00"]
    assert [rupees(p.sebon_fee) for p in paid] == ["9.00", "1.83", "93.00"]
    assert [rupees(part) for part in split_dp_charge(rulebook().on(BOUGHT), (100, 20))] == ["20.83", "4.17"]

    costs = three_buys()
    assert [rupees(cost) for cost in costs] == ["60,227.83", "12,249.92", "622,040.00"]
    assert rupees(sum(costs)) == "694,517.75"
    assert rupees(share_of(sum(costs), 1, 1_120)) == "620.11"


def test_example_08_average_cost_after_a_bonus():
    cost, bonus_units, face_value = sum(three_buys()), 112, paisa("100")
    units = 1_120 + bonus_units
    assert rupees(share_of(cost + bonus_units * face_value, 1, units)) == "572.82"
    assert rupees(share_of(cost, 1, units)) == "563.73"


@pytest.mark.parametrize(
    ("day", "low", "high"), [(date(2026, 5, 4), "283.40", "383.20"), (date(2026, 4, 16), "300.00", "366.60")]
)
def test_example_09_band(day, low, high):
    assert [rupees(edge) for edge in price_band(rulebook().on(day), "equity", paisa("333.30"))] == [low, high]


def test_example_09_archive_tpkhl_closed_at_its_upper_limit_five_sessions_running():
    rules = rulebook().on(date(2026, 5, 4))
    closes = [paisa(close) for close in ("345.0", "396.7", "456.2", "524.6", "603.2", "693.6")]
    for previous, locked in pairwise(closes):
        assert price_band(rules, "equity", previous)[1] == locked


def test_example_10_loss_sale():
    sold = sell(held(100, SOLD), SOLD, 200, "500.00")
    assert rupees(sold.amount) == "100,000.00"
    assert lines(sold.charges) == ("330.00", "15.00", "25.00")
    assert rupees(sold.amount - sold.charges.total) == "99,630.00"
    assert sold.tax == 0
    assert rupees(sold.gain) == "-4,753.80"
    assert rupees(sold.net_cash) == "99,630.00"


def test_example_11_break_even_sell_price():
    tick = rulebook().on(SOLD).tick_of("equity")
    ticks_from_cost = count(paisa("521.90"), tick)
    price = next(p for p in ticks_from_cost if sell(held(100, SOLD), SOLD, 200, str(p / 100)).gain >= 0)
    assert rupees(price) == "523.90"
    assert rupees(200 * price) == "104,780.00"

    exact = (COST + 2500) / (200 * (1 - Fraction("0.0033") - Fraction("0.00015")))
    assert exact <= price < exact + tick  # the same from the formula, before any line is rounded
    assert paisa("523.86") - 1 < exact <= paisa("523.86")


def test_example_12_settlement():
    thursday, monday = date(2026, 8, 20), date(2026, 8, 24)
    assert Calendar().add_sessions(thursday, rulebook().on(thursday).settlement_sessions) == monday
    thursday, monday = date(2025, 8, 14), date(2025, 8, 18)
    assert Calendar().add_sessions(thursday, rulebook().on(thursday).settlement_sessions) == monday
    assert Calendar().next_session(thursday) == date(2025, 8, 17)  # a Sunday


def test_example_13_sale_of_mixed_age():
    old, young = date(2025, 6, 2), date(2026, 6, 1)
    assert ((SOLD - old).days, (SOLD - young).days) == (556, 192)
    purchases = {day: buy(day, 100, price) for day, price in ((old, "400"), (young, "600"))}
    assert [lines(paid) for _, paid in purchases.values()] == [("144.00", "6.00", "25.00"), ("198.00", "9.00", "25.00")]
    costs = {day: amount + paid.total for day, (amount, paid) in purchases.items()}
    assert [rupees(cost) for cost in costs.values()] == ["40,175.00", "60,232.00"]

    account = Account(lots=tuple(Lot("ABC", 100, cost, day) for day, cost in costs.items()))
    cost = account.positions()["ABC"].cost
    assert rupees(cost) == "100,407.00"
    assert Fraction(cost, 200 * 100) == Fraction("502.0350")

    sold = sell(account, SOLD, 150, "700")
    assert rupees(sold.amount) == "105,000.00"
    assert lines(sold.charges) == ("346.50", "15.75", "25.00")
    net = sold.amount - sold.charges.total
    assert rupees(net) == "104,612.75"
    assert rupees(net - sold.gain) == "75,305.25"
    assert rupees(sold.gain) == "29,307.50"
    assert rupees(sold.tax) == "2,442.29"
    assert rupees(sold.net_cash) == "102,170.46"
    assert rupees(cost - (net - sold.gain)) == "25,101.75"


# Amount, its three charge lines, and their sum in percent of the amount: one way and round trip.
COSTS = [
    ("2000", "10.00", "0.30", "1.765", "3.53"),
    ("10000", "36.00", "1.50", "0.625", "1.25"),
    ("50000", "180.00", "7.50", "0.425", "0.85"),
    ("100000", "330.00", "15.00", "0.370", "0.74"),
    ("500000", "1,650.00", "75.00", "0.350", "0.70"),
    ("1000000", "3,100.00", "150.00", "0.328", "0.66"),
    ("5000000", "13,500.00", "750.00", "0.286", "0.57"),
    ("20000000", "48,000.00", "3,000.00", "0.255", "0.51"),
]


@pytest.mark.parametrize(("amount", "commission", "sebon_fee", "one_way", "round_trip"), COSTS)
def test_cost_as_percent_of_the_trade(amount, commission, sebon_fee, one_way, round_trip):
    paid = charges(rulebook().on(BOUGHT), "equity", paisa(amount))
    assert lines(paid) == (commission, sebon_fee, "25.00")
    assert share_of(paid.total, 100_000, paisa(amount)) == Fraction(one_way) * 1_000
    assert share_of(2 * paid.total, 10_000, paisa(amount)) == Fraction(round_trip) * 100
