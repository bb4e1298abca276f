"""Corporate actions by the exchange's formulas: what they do to prices, what is doubted, and no look into the future."""

from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from small_files import finding, quotes_of, refusal, rules_of, sessions, traded, write_store

from portfolio_opt.ingest.actions import (
    FUND_CASH_ADJUSTED_FROM,
    HIGHEST_ISSUE_PRICE,
    LONG_HALT,
    SLACK,
    Action,
    adjust,
    read_actions,
)
from portfolio_opt.ingest.prices import read_prices

DAYS = sessions(12, date(2023, 1, 1))
CONTRADICTED = "actions that the prices contradict"
IMPLIED = "jumps that no action explains but the source's percent change does"
UNEXPLAINED = "moves beyond the day's band that nothing explains"
APPLIED = "days on which bonus, right or fund cash actions adjust prices"
BAND = 0.10


def bonus(day, ratio, symbol="NABIL"):
    return Action(symbol, "bonus", day, ratio=ratio)


def right(day, ratio, price=100.0, symbol="NABIL"):
    return Action(symbol, "right", day, ratio=ratio, issue_price=price)


def cash(day, amount, symbol="NABIL"):
    return Action(symbol, "cash", day, amount=amount)


def on_days(*closes, days=DAYS):
    return list(zip(days, closes, strict=False))


def theoretical(price, actions):
    """The exchange's price after bonus b and right r at S: (P + rS) / (1 + b + r), exactly."""
    new = sum((Fraction(a.ratio) for a in actions), Fraction(0))
    paid = sum((Fraction(a.ratio) * Fraction(a.issue_price) - Fraction(a.amount) for a in actions), Fraction(0))
    return (Fraction(price) + paid) / (1 + new)


# ---- the formulas


@pytest.mark.parametrize(
    ("price", "actions", "after"),
    [
        (390.0, [bonus(DAYS[1], 0.25)], 312.0),  # published by the exchange, as the next two
        (390.0, [right(DAYS[1], 0.25)], 332.0),
        (205.0, [bonus(DAYS[1], 0.05)], 195.24),
        (459.0, [right(DAYS[1], 0.70)], 311.18),  # NFS 2022-05-02
        (500.0, [bonus(DAYS[1], 0.10), right(DAYS[1], 0.50)], 550 / 1.6),
        (400.0, [bonus(DAYS[1], 0.1275), bonus(DAYS[1], 0.085)], 400 / 1.2125),  # as KBL 2019-04-21
        (400.0, [right(DAYS[1], 0.5, 250.0)], 525 / 1.5),
    ],
)
def test_prices_fall_as_the_exchange_says(price, actions, after):
    found = adjust(quotes_of(NABIL=on_days(price, round(after, 2))), actions, {})
    assert found.factor[0] == 1
    assert found.factor[1] * price == pytest.approx(after, abs=0.005)
    assert rules_of(found.findings) == {APPLIED}


events = st.dictionaries(
    st.integers(1, 11),
    st.lists(
        st.one_of(
            st.builds(bonus, st.none(), st.floats(0.01, 3)),
            st.builds(right, st.none(), st.floats(0.01, 3), st.floats(0, 100)),
        ),
        min_size=1,
        max_size=3,
    ),
    max_size=5,
)


@given(start=st.floats(150, 5000), events=events)
def test_a_price_that_moves_only_by_its_actions_is_flat_when_adjusted(start, events):
    price, rows, actions = Fraction(start), [], []
    for k, day in enumerate(DAYS):
        dated = [Action("NABIL", a.kind, day, a.ratio, a.issue_price) for a in events.get(k, [])]
        price = theoretical(price, dated)
        rows.append((day, float(price)))
        actions += dated
    found = adjust(quotes_of(NABIL=rows), actions, {})
    adjusted = np.array([close for _, close in rows]) * np.cumprod(1 / found.factor)
    np.testing.assert_allclose(adjusted, start, rtol=1e-9)
    assert {CONTRADICTED, IMPLIED, UNEXPLAINED}.isdisjoint(rules_of(found.findings))


@given(moves=st.lists(st.floats(-0.09, 0.09), min_size=11, max_size=11), events=events)
def test_adjusted_returns_are_the_moves_around_the_theoretical_price(moves, events):
    """Whatever the market does inside the band, on an ex day too, is the return; the action is not."""
    closes, actions = [1000.0], []
    for k, move in enumerate(moves, 1):
        dated = [Action("NABIL", a.kind, DAYS[k], a.ratio, a.issue_price) for a in events.get(k, [])]
        closes.append(float(theoretical(closes[-1], dated)) * (1 + move))
        actions += dated
    found = adjust(quotes_of(NABIL=on_days(*closes)), actions, {})
    adjusted = np.array(closes) * np.cumprod(1 / found.factor)
    np.testing.assert_allclose(adjusted[1:] / adjusted[:-1] - 1, moves, atol=1e-9)


def test_cash_of_a_company_stands_in_the_dividend_and_not_in_the_factor():
    found = adjust(quotes_of(NABIL=on_days(500.0, 480.0, 481.0)), [cash(DAYS[1], 20.0), cash(DAYS[1], 1.5)], {})
    assert found.factor.tolist() == [1, 1, 1]
    assert found.dividend.tolist() == [0, 21.5, 0]
    assert found.findings == ()


@pytest.mark.parametrize("kind", ["mutual_fund", "equity", "unknown"])
@pytest.mark.parametrize("shift", [-1, 0])
def test_cash_of_a_fund_is_taken_off_the_price_since_august_2022(kind, shift):
    ex_day = FUND_CASH_ADJUSTED_FROM + timedelta(days=shift)
    rows = [(ex_day - timedelta(days=1), 11.89), (ex_day, 11.2)]
    found = adjust(quotes_of(FUND=rows), [cash(ex_day, 0.6, "FUND")], {"FUND": kind})
    if kind == "mutual_fund" and shift == 0:
        assert found.factor[1] == pytest.approx((11.89 - 0.6) / 11.89)
        assert found.dividend.tolist() == [0, 0]
    else:
        assert found.factor.tolist() == [1, 1]
        assert found.dividend.tolist() == [0, 0.6]


def test_an_ex_day_without_a_trade_moves_to_the_next_one():
    found = adjust(quotes_of(NABIL=[(DAYS[0], 400.0), (DAYS[4], 320.0)]), [bonus(DAYS[2], 0.25)], {})
    assert found.factor.tolist() == [1, 0.8]


def test_actions_outside_the_prices_and_of_other_symbols_do_nothing():
    quotes = quotes_of(ADBL=on_days(100.0, 100.0), NABIL=[(DAYS[1], 400.0), (DAYS[2], 400.0)])
    nothing = [bonus(DAYS[0], 0.25), bonus(DAYS[1], 0.25), bonus(DAYS[9], 0.25), bonus(DAYS[1], 0.25, "GONE")]
    found = adjust(quotes, nothing, {})
    assert (found.factor == 1).all()
    assert (found.dividend == 0).all()
    assert found.findings == ()


def test_a_symbol_never_adjusts_its_neighbour():
    """The first row of a symbol has no row before, though the array has one."""
    quotes = quotes_of(ADBL=on_days(100.0, 100.0), NABIL=on_days(900.0, 720.0))
    found = adjust(quotes, [bonus(DAYS[0], 0.25), bonus(DAYS[1], 0.25)], {})
    assert found.factor.tolist() == [1, 1, 1, 0.8]
    assert rules_of(found.findings) == {APPLIED}


# ---- what is doubted


def test_an_action_that_its_prices_contradict_is_not_applied():
    found = adjust(quotes_of(NABIL=on_days(400.0, 404.0)), [bonus(DAYS[1], 0.25)], {})
    assert found.factor.tolist() == [1, 1]
    assert rules_of(found.findings) == {CONTRADICTED}
    said = finding(found.findings, CONTRADICTED)
    assert (said.rows, said.severity, said.examples) == (1, "warning", (f"NABIL on {DAYS[1]}",))


def test_what_is_contradicted_is_not_counted_as_applied():
    quotes = quotes_of(ADBL=on_days(400.0, 320.0), NABIL=on_days(400.0, 404.0))
    found = adjust(quotes, [bonus(DAYS[1], 0.25), bonus(DAYS[1], 0.25, "ADBL")], {})
    assert finding(found.findings, APPLIED).rows == finding(found.findings, CONTRADICTED).rows == 1


def test_a_small_action_that_prices_cannot_contradict_is_applied():
    found = adjust(quotes_of(NABIL=on_days(400.0, 400.0)), [bonus(DAYS[1], 0.05)], {})
    assert found.factor[1] == pytest.approx(1 / 1.05)


def test_after_a_long_halt_prices_contradict_nothing_and_explain_nothing():
    later = DAYS[0] + timedelta(days=LONG_HALT + 1)
    quotes = quotes_of(ADBL=[(DAYS[0], 400.0), (later, 900.0, 3.0)], NABIL=[(DAYS[0], 400.0), (later, 404.0)])
    found = adjust(quotes, [bonus(later, 0.25)], {})
    assert found.factor.tolist() == [1, 1, 1, 0.8]
    assert rules_of(found.findings) == {APPLIED}


def test_an_action_that_leaves_no_price_is_never_applied():
    later = DAYS[0] + timedelta(days=LONG_HALT + 1)
    found = adjust(quotes_of(FUND=[(DAYS[0], 9.0), (later, 9.0)]), [cash(later, 9.5, "FUND")], {"FUND": "mutual_fund"})
    assert found.factor.tolist() == [1, 1]
    assert finding(found.findings, CONTRADICTED).rows == 1


def test_a_jump_without_an_action_takes_the_factor_of_the_percent_change():
    found = adjust(quotes_of(NABIL=[(DAYS[0], 500.0), (DAYS[1], 404.0, 1.0)]), [], {})
    assert found.factor[1] == pytest.approx(404 / 1.01 / 500)  # a 25% bonus that no file announces
    assert finding(found.findings, IMPLIED).examples == (f"NABIL on {DAYS[1]}",)
    assert UNEXPLAINED not in rules_of(found.findings)


@pytest.mark.parametrize("change", [float("nan"), -20.0, 25.0])
def test_a_jump_that_nothing_explains_is_kept_and_said(change):
    found = adjust(quotes_of(NABIL=[(DAYS[0], 500.0), (DAYS[1], 400.0, change)]), [], {})
    assert found.factor.tolist() == [1, 1]
    said = finding(found.findings, UNEXPLAINED)
    assert (said.rows, said.severity, said.examples) == (1, "warning", (f"NABIL on {DAYS[1]}",))


def test_a_percent_change_inside_the_band_needs_no_factor():
    found = adjust(quotes_of(NABIL=[(DAYS[0], 500.0), (DAYS[1], 470.0, 0.0)]), [], {})
    assert found.factor.tolist() == [1, 1]
    assert found.findings == ()


def test_a_jump_that_an_action_explains_only_in_part_is_said():
    """A 10% bonus with a fall of 50% once passed as explained."""
    found = adjust(quotes_of(NABIL=on_days(500.0, 250.0)), [bonus(DAYS[1], 0.10)], {})
    assert found.factor[1] == pytest.approx(1 / 1.1)
    assert finding(found.findings, UNEXPLAINED).examples == (f"NABIL on {DAYS[1]}",)


def test_a_jump_that_an_action_explains_only_in_part_takes_the_factor_of_the_percent_change():
    rows = [(DAYS[0], 500.0), (DAYS[1], 250.0, 2.0)]
    found = adjust(quotes_of(NABIL=rows), [bonus(DAYS[1], 0.10)], {})
    assert found.factor[1] == pytest.approx(250 / 1.02 / 500)
    assert finding(found.findings, IMPLIED).rows == 1


def test_the_band_is_that_of_the_day():
    """12% is too far until 2026-04-17 and allowed from 2026-04-20 on."""
    rows = [(date(2026, 4, 16), 100.0), (date(2026, 4, 17), 112.0), (date(2026, 4, 20), 125.44)]
    said = finding(adjust(quotes_of(NABIL=rows), [], {}).findings, UNEXPLAINED)
    assert said.examples == ("NABIL on 2026-04-17",)


@given(move=st.floats(-0.6, 1.0))
@example(move=BAND)
def test_moves_are_said_exactly_when_they_leave_the_band(move):
    assume(abs(abs(move) - BAND - SLACK) > 1e-9)
    found = adjust(quotes_of(NABIL=on_days(1000.0, 1000.0 * (1 + move))), [], {})
    assert (UNEXPLAINED in rules_of(found.findings)) == (abs(move) > BAND + SLACK)


# ---- no look into the future

closes_and_changes = st.lists(
    st.tuples(st.floats(50, 200), st.none() | st.floats(-12, 12)), min_size=len(DAYS), max_size=len(DAYS)
)
any_actions = st.lists(
    st.one_of(
        st.builds(bonus, st.sampled_from(DAYS), st.floats(0, 2), st.sampled_from(["ADBL", "FUND"])),
        st.builds(right, st.sampled_from(DAYS), st.floats(0, 2), symbol=st.sampled_from(["ADBL", "FUND"])),
        st.builds(cash, st.sampled_from(DAYS), st.floats(0, 60), st.sampled_from(["ADBL", "FUND"])),
    ),
    max_size=8,
)


@given(adbl=closes_and_changes, fund=closes_and_changes, actions=any_actions, known=st.integers(1, len(DAYS)))
def test_later_rows_and_actions_change_no_earlier_bit(adbl, fund, actions, known):
    def series(rows, count):
        changes = [(close, np.nan if change is None else change) for close, change in rows]
        return [(day, *row) for day, row in zip(DAYS, changes[:count], strict=False)]

    kinds = {"FUND": "mutual_fund", "ADBL": "equity"}
    late = adjust(quotes_of(ADBL=series(adbl, None), FUND=series(fund, None)), actions, kinds)
    seen = [a for a in actions if a.ex_date <= DAYS[known - 1]]
    early = adjust(quotes_of(ADBL=series(adbl, known), FUND=series(fund, known)), seen, kinds)
    for name in ("factor", "dividend"):
        both = getattr(late, name).reshape(2, -1)[:, :known]
        assert both.tobytes() == getattr(early, name).tobytes()


def test_the_adjustment_of_a_panel_grows_forward_from_one(tmp_path):
    rows = [traded("NABIL", day, close) for day, close in on_days(500.0, 400.0, 404.0, 202.0, 203.0)]
    write_store(tmp_path, rows)
    (tmp_path / "corporate_actions.csv").write_text(
        "symbol,type,ratio,amount_npr,issue_price,book_close,ex_date\n"
        f"NABIL,bonus,0.25,,,{DAYS[1]},{DAYS[1]}\nNABIL,bonus,1,,,,{DAYS[3]}\n"
    )
    panel = read_prices(tmp_path)
    np.testing.assert_allclose(panel.adjustment[:, 0], [1, 1.25, 1.25, 2.5, 2.5])
    np.testing.assert_allclose((panel.close * panel.adjustment)[:, 0], [500, 500, 505, 505, 507.5])


# ---- the file

HEADER = "symbol,type,ratio,amount_npr,issue_price,book_close,ex_date,announcement_date"


@pytest.fixture
def actions_file(tmp_path):
    def write(*rows, header=HEADER):
        path = tmp_path / "corporate_actions.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def test_actions_are_read_as_they_stand(actions_file):
    path = actions_file(
        "NABIL,bonus,0.336,,,2024-01-04,2024-01-07,2023-12-20",
        "NABIL,right,0.5,,100,,2024-02-01,",
        "NICAD85/86,cash,,6.3,,2024-01-04,,2023-12-20",
        "NA,bonus,-,,,2024-01-04,2024-01-07,",
    )
    actions, findings = read_actions(path)
    assert actions == [
        Action("NABIL", "bonus", date(2024, 1, 7), ratio=0.336, announced=date(2023, 12, 20)),
        Action("NABIL", "right", date(2024, 2, 1), ratio=0.5, issue_price=100.0),
        Action("NICAD85/86", "cash", date(2024, 1, 4), amount=6.3, announced=date(2023, 12, 20)),
        Action("NA", "bonus", date(2024, 1, 7)),
    ]
    assert findings == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("NABIL,bonus,25,,,,2024-01-07,", "a bonus of 25 per unit is beyond belief; correct it"),
        ("NABIL,right,150,,100,,2024-01-07,", "a right of 150 per unit is beyond belief"),
        ("NABIL,bonus,-0.1,,,,2024-01-07,", "a bonus of -0.1 per unit is beyond belief"),
        ("NABIL,cash,,-5,,,2024-01-07,", "a cash of -5 per unit is beyond belief"),
        ("NABIL,cash,,10000,,,2024-01-07,", "a cash of 10000 per unit is beyond belief"),
        ("NABIL,right,0.5,,-100,,2024-01-07,", "an issue price of -100 is beyond belief"),
        (f"NABIL,right,0.5,,{HIGHEST_ISSUE_PRICE},,2024-01-07,", "an issue price of 100000 is beyond belief"),
        ("NABIL,right,0.5,,nan,,2024-01-07,", "issue_price 'nan' is not a number"),
        ("NABIL,bonus,,,,,2024-01-07,", "ratio '' is not a number"),
        ("NABIL,bonus,1e999,,,,2024-01-07,", "ratio '1e999' is not a number"),
        ("NABIL,bonus,1e99999999,,,,2024-01-07,", "ratio '1e99999999' is not a number"),
        ("NABIL,bonus,10%,,,,2024-01-07,", "ratio '10%' is not a number"),
        ("NABIL,cash,0.1,,,,2024-01-07,", "amount_npr '' is not a number"),
        ("NABIL,split,2,,,,2024-01-07,", "type is 'split'; choose bonus, right or cash"),
        ("NABIL,Bonus,0.1,,,,2024-01-07,", "type is 'Bonus'"),
        ("NABIL,bonus,0.1,,,,2080-01-07,", "ex_date '2080-01-07' reads as a Bikram Sambat date"),
        ("NABIL,bonus,0.1,,,01/02/2024,,", "book_close '01/02/2024' is not a date"),
        ("NABIL,bonus,0.1,,,,2024-02-30,", "ex_date '2024-02-30' is no day of the calendar"),
        ("NABIL,bonus,0.1,,,,2024-01-07,soon", "announcement_date 'soon' is not a date"),
        (",bonus,0.1,,,,2024-01-07,", "symbol '' is not a symbol"),
        ("NABIL,bonus,0.1,,,2024-01-07,", "7 fields under a header of 8"),
        ("NABIL,bonus,0,1,,,,2024-01-07,", "9 fields under a header of 8"),
    ],
)
def test_a_row_that_cannot_be_an_action_is_refused(actions_file, row, words):
    message = refusal(read_actions, actions_file("ADBL,bonus,0.1,,,,2024-01-07,", row))
    assert message.startswith("corporate_actions.csv, line 3: ")
    assert words in message


def test_another_header_is_refused(actions_file):
    row = "NABIL,bonus,0.1,,,,2024-01-07"
    assert "unknown column 'par'" in refusal(read_actions, actions_file(row + ",100,", header=HEADER + ",par"))
    assert "no header" in refusal(read_actions, actions_file(row, header="symbol,type,ratio,amount,price,book,ex"))


def test_actions_that_say_too_little_are_counted_and_not_used(actions_file):
    path = actions_file("NABIL,bonus,0.1,,,,,", "NABIL,cash,,5,,,,", "NABIL,right,0.5,,,,2024-01-07,")
    actions, findings = read_actions(path)
    assert actions == []
    assert finding(findings, "corporate actions without an ex day or book close").rows == 2
    assert finding(findings, "right shares without an issue price").rows == 1  # once taken as given away for nothing
    assert {found.effect for found in findings} == {"not used"}
