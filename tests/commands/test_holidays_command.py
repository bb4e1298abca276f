"""Holidays end to end: what a user's file does to the trade date, to settlement and to what is said of it."""

import json
import shutil
from datetime import date

import pytest
from conftest import MARKET

from portfolio_opt import Account, read_prices
from portfolio_opt import rebalance as rebalance_plan
from portfolio_opt.market.calendar import Holidays

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (f"2026-08-{day}" for day in (24, 25, 26, 27, 28))


@pytest.fixture
def holidays(tmp_path):
    """Writes a holiday file of these rows under date,kind,name."""

    def write(*rows, at=None):
        path = (at or tmp_path) / "holidays.csv"
        path.write_text("\n".join(["date,kind,name", *rows]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def planned(rebalance, account):
    """The plan of the first sample account, which sells and then buys from what has settled."""

    def run(**options):
        ran = rebalance(**vars(account), **({"cash": 100_000, "json": True} | options))
        assert (ran.code, ran.err) == (0, "")
        return json.loads(ran.out)

    return run


def days_of(plan):
    placed = sorted({order["place_on"] for order in plan["orders"]})
    return plan["trade_date"], plan["settles_on"], placed, sorted({step["day"] for step in plan["cash_ladder"]})


def test_a_holiday_moves_trading_settlement_and_the_orders_paid_from_it(planned, holidays):
    days = [MONDAY, WEDNESDAY]
    assert days_of(planned()) == (*days, days, days)
    days = [TUESDAY, THURSDAY]
    assert days_of(planned(holidays=holidays(f"{MONDAY},closed,Teej"))) == (*days, days, days)
    days = [MONDAY, FRIDAY]
    closed = holidays(f"{TUESDAY},,Teej", f"{WEDNESDAY},,Teej", f"{WEDNESDAY},closed,Rishi Panchami")
    assert days_of(planned(holidays=closed)) == (*days, days, days)


def test_a_special_sunday_session_is_traded_on(planned, holidays):
    plan = planned(holidays=holidays("2026-08-23,open,special session"))
    assert (plan["trade_date"], plan["settles_on"]) == ("2026-08-23", TUESDAY)
    assert any("Taken as a session" in warning and "special session" in warning for warning in plan["warnings"])


def test_unsettled_cash_waits_for_the_session_after_the_holiday(planned, holidays):
    plan = planned(holidays=holidays(f"{FRIDAY},closed,Teej"), unsettled_cash=f"{FRIDAY}=400000")
    assert "2026-08-31" in days_of(plan)[3]
    assert FRIDAY not in days_of(plan)[3]


def test_the_report_says_which_days_are_provisional_and_on_whose_word(planned, holidays):
    (said,) = planned()["warnings"]
    assert said.startswith(f"Provisional sessions: {MONDAY} to trade, {WEDNESDAY} to settle.")
    assert "from 2025-01-01 to 2026-08-21" in said
    assert "no holiday file was given" in said
    known, decided = planned(holidays=holidays(f"{TUESDAY},,Teej", "2026-10-20,,Dashain"))["warnings"]
    assert known.startswith(f"Provisional sessions: {MONDAY} to trade, {THURSDAY} to settle.")
    assert "up to 2026-10-20, closes none of these days" in known
    assert decided == f"Taken as closed on the word of the holiday file: {TUESDAY} (Teej)."
    (old,) = planned(holidays=holidays("2026-05-01,,Labour Day"))["warnings"]
    assert "the holiday file ends on 2026-05-01: give a newer one" in old
    (settling,) = planned(as_of="2026-08-20")["warnings"][-1:]
    assert settling.startswith(f"Provisional sessions: {TUESDAY} to settle.")
    assert not [warning for warning in planned(as_of="2026-07-01")["warnings"] if "rovisional" in warning]


def test_the_data_section_says_what_the_file_holds(planned, holidays):
    plan = planned(holidays=holidays(f"{TUESDAY},,Teej", "2026-07-01,,never was"))
    rules = {finding["rule"]: finding for finding in plan["data_findings"]}
    known = rules["days from the holiday file that no price covers yet"]
    assert (known["rows"], known["examples"]) == (1, [f"{TUESDAY} Teej"])
    assert "the last is 2026-08-25" in known["effect"]
    wrong = rules["days of the holiday file that the prices contradict"]
    assert (wrong["severity"], wrong["examples"]) == ("warning", ["2026-07-01"])


def test_the_file_beside_the_prices_is_used_unless_another_is_given(planned, holidays, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(MARKET, store)
    holidays(f"{MONDAY},closed,Teej", at=store)
    assert planned(prices=store)["trade_date"] == TUESDAY
    other = holidays(f"{MONDAY},closed,Teej", f"{TUESDAY},closed,Teej")
    assert planned(prices=store, holidays=other)["trade_date"] == WEDNESDAY


def test_the_run_is_another_one_with_another_file(planned, holidays):
    far = [planned(holidays=holidays(f"2027-01-{day},closed,far away")) for day in (11, 12)]
    assert len({plan["run_id"] for plan in (planned(), *far)}) == 3
    assert len({plan["data_hash"] for plan in (planned(), *far)}) == 3


def test_days_that_the_file_closes_do_not_make_prices_stale(rebalance, holidays):
    late = {"now": "2026-09-01T09:00", "json": True}
    assert rebalance(**late).code == 2
    assert rebalance(**late, holidays=holidays(*(f"{day},closed,Dashain" for day in (MONDAY, TUESDAY)))).code == 0


@pytest.mark.parametrize("row", ["2083-05-09,closed,Teej", "25/08/2026,closed,Teej", f"{MONDAY},maybe,Teej"])
def test_a_file_that_cannot_be_read_is_refused(rebalance, holidays, row):
    ran = rebalance(holidays=holidays(row))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("portfolio-opt: holidays.csv, line 2: ")
    assert rebalance(holidays=holidays(row).with_name("gone.csv")).code == 2


def test_the_library_takes_holidays_as_data():
    panel, account = read_prices(MARKET), Account(settled_cash=1_000_000_00)
    plan = rebalance_plan(panel, account, holidays=Holidays({date(2026, 8, 24): "Teej"}))
    assert plan.trade_date == date(2026, 8, 25)


def test_validate_counts_sessions_and_reads_the_file(command, holidays):
    path = holidays("2026-07-01,closed,never was")
    found = json.loads(command("validate", "--prices", MARKET, "--holidays", path, "--json").out)
    dates = read_prices(MARKET).dates.astype("datetime64[Y]").astype(int) + 1970
    assert found["sessions_by_year"] == {str(year): int((dates == year).sum()) for year in range(2021, 2026)}
    said = command("validate", "--prices", MARKET, "--holidays", path).out
    assert "sessions of each whole year: 2021 " in said
    assert "warning days of the holiday file that the prices contradict: 1 (2026-07-01)" in said


def test_the_first_line_gives_the_trade_date_in_both_calendars(rebalance):
    assert rebalance().out.startswith("Orders for 2026-08-24 (Bhadau 8, 2083 BS), from the close of 2026-08-21 (run ")
