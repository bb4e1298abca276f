"""The input contract at the door: exit code 2 or 3, one message that says what to do, and nothing written."""

import re
import shutil
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portfolio_opt import Account, Lot, read_prices
from portfolio_opt import rebalance as rebalance_plan
from portfolio_opt.errors import InvalidInput

MARKET = Path(__file__).parent.parent.parent / "data" / "sample_market"

HEADER = "published_date,open,high,low,close,per_change,traded_quantity,traded_amount,status\n"


@pytest.fixture
def refused(rebalance, tmp_path):
    """Runs rebalance into an output folder of an earlier run and insists that it refuses properly."""
    out = tmp_path / "kept"
    assert rebalance(out=out).code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def run(code, *words, **options):
        start = time.perf_counter()
        ran = rebalance(**({"out": out} | options))
        assert ran.code == code, ran.err
        assert time.perf_counter() - start < 10
        assert ran.out == ""
        assert ran.err.startswith("portfolio-opt: ")
        assert ran.err.count("\n") == 1, ran.err
        assert "Traceback" not in ran.err
        assert not re.search(r"\d{16}", ran.err)
        for word in words:
            assert word in ran.err
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
        return ran.err

    return run


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def first_row(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    header = next(k for k, line in enumerate(lines) if "Scrip" in line)
    return lines[header + 1]


def company_folder(tmp_path, rows, count=1):
    """A folder of company CSVs with `count` shares over enough sessions, the given rows added to the first."""
    prices = pq.read_table(MARKET / "prices.parquet").to_pandas()
    folder = tmp_path / "companies"
    folder.mkdir()
    names = ["XSIRIUS", "XCUCKOO", "XKITE", "XSWIFT"][:count]
    for name in names:
        lines = [
            f"{r.date},{r.open},{r.high},{r.low},{r.close},{r.per_change},{r.volume},{r.turnover},0"
            for r in prices[prices.symbol == name].tail(200).itertuples()
        ]
        (folder / f"{name}.csv").write_text(HEADER + "\n".join(lines + (rows if name == names[0] else [])) + "\n")
    return folder


# ---- files of the account


@pytest.mark.parametrize("name", ["holdings", "wacc", "transactions"])
def test_a_missing_file(refused, account, name):
    given = vars(account) | {name: account.holdings.parent / "gone.csv"}
    refused(2, "gone.csv", "does not exist", **given)


@pytest.mark.parametrize("name", ["holdings", "wacc", "transactions"])
def test_an_empty_file(refused, account, name):
    getattr(account, name).write_bytes(b"")
    refused(2, "is empty", "export it again", **vars(account))


@pytest.mark.parametrize("name", ["holdings", "wacc", "transactions"])
def test_a_header_only(refused, account, name):
    path = getattr(account, name)
    lines = path.read_text(encoding="utf-8").splitlines()
    header = next(k for k, line in enumerate(lines) if "Scrip" in line)
    path.write_text("\n".join(lines[: header + 1]) + "\n", encoding="utf-8")
    refused(2, path.name, "no rows", **vars(account))


@pytest.mark.parametrize("name", ["holdings", "wacc", "transactions"])
def test_a_row_with_one_field_too_many(refused, account, name):
    path = getattr(account, name)
    row = first_row(path)
    edit(path, row, row + ",1")
    refused(2, path.name, "line ", "fields", **vars(account))


def test_utf_16(refused, account):
    account.holdings.write_bytes(account.holdings.read_text(encoding="utf-8").encode("utf-16"))
    refused(2, "My Shares Values.csv", "UTF-16", "CSV UTF-8", **vars(account))


@pytest.mark.parametrize("units", ["-10", "10.5", "ten", "1e999", ""])
def test_units_that_are_no_whole_number(refused, account, units):
    account.holdings.write_text(f"Scrip,Current Balance\nXSIRIUS,{units}\n")
    refused(2, "line 2", "current balance", holdings=account.holdings)


def test_a_symbol_twice_in_the_holdings(refused, account):
    account.holdings.write_text("Scrip,Current Balance\nXSIRIUS,10\nXKITE,5\nXSIRIUS,10\n")
    refused(2, "line 4", "XSIRIUS", "twice", holdings=account.holdings)


@pytest.mark.parametrize("written", ["03/04/2025", "2082-05-05", "2025-02-30", "yesterday"])
def test_a_date_that_is_ambiguous_or_bikram_sambat(refused, account, written):
    account.transactions.write_text(
        "S.N,Scrip,Transaction Date,Credit Quantity,Debit Quantity,Balance After Transaction,History Description\n"
        f"1,XSIRIUS,{written},10,-,10,ON-CR\n"
    )
    message = refused(2, "line 2", "transaction date", holdings=account.holdings, transactions=account.transactions)
    assert ("Bikram Sambat" in message) == written.startswith("2082")


def test_an_unknown_header(refused, account):
    account.holdings.write_text("Symbol,Qty\nXSIRIUS,10\n")
    refused(2, "My Shares Values.csv", "no header", "current balance", holdings=account.holdings)


# ---- prices


@pytest.mark.parametrize("close", ["0", "-5", "1e999", "abc", "", "nan"])
def test_a_price_that_is_no_positive_number(refused, tmp_path, close):
    folder = company_folder(tmp_path, [f"2026-08-20,100,100,100,{close},0,10,1000,0"])
    refused(2, "close", prices=folder)


@pytest.mark.parametrize("written", ["03/04/2025", "2083-05-05"])
def test_a_price_date_that_cannot_be_read(refused, tmp_path, written):
    folder = company_folder(tmp_path, [f"{written},100,100,100,100,0,10,1000,0"])
    refused(2, "XSIRIUS.csv", "line 202", "published_date", prices=folder)


def test_a_price_row_with_one_field_too_many(refused, tmp_path):
    folder = company_folder(tmp_path, ["2026-08-20,100,100,100,100,0,1,000,1000,0"])
    refused(2, "XSIRIUS.csv", "row", prices=folder)


def test_two_prices_for_one_day(refused, tmp_path):
    folder = company_folder(tmp_path, ["2026-08-21,100,100,100,123,0,10,1000,0"])
    refused(2, "XSIRIUS on 2026-08-21", "stands twice", prices=folder)


@pytest.mark.parametrize("content", [b"", HEADER.encode(), b"\xff\xfe" + HEADER.encode("utf-16-le")])
def test_a_company_file_that_holds_nothing(refused, tmp_path, content):
    folder = company_folder(tmp_path, [])
    (folder / "XOTHER.csv").write_bytes(content)
    refused(2, "XOTHER.csv", prices=folder)


def test_a_folder_that_is_not_there_or_holds_no_prices(refused, tmp_path):
    refused(2, "is not a folder", prices=tmp_path / "gone")
    (tmp_path / "nothing").mkdir()
    refused(2, "holds no file of prices", prices=tmp_path / "nothing")


def test_a_store_that_is_no_parquet(refused, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(MARKET, folder)
    (folder / "prices.parquet").write_bytes(b"PAR1 this is not parquet PAR1")
    refused(2, "prices.parquet", "not a readable Parquet file", prices=folder)


def with_last_close(tmp_path, factor, symbol="XSIRIUS"):
    """The sample market with the prices of a symbol's last row multiplied, and its last two closes then."""
    folder = tmp_path / f"last-times-{factor}"
    shutil.copytree(MARKET, folder)
    prices = pq.read_table(folder / "prices.parquet")
    frame = prices.to_pandas()
    rows = frame.index[frame.symbol == symbol][-2:]
    frame.loc[rows[1], ["open", "high", "low", "close"]] *= factor
    pq.write_table(pa.Table.from_pandas(frame, prices.schema, preserve_index=False), folder / "prices.parquet")
    before, last = frame.loc[rows, "close"]
    return folder, before, last


@pytest.mark.parametrize("factor", [10, 100, 0.1])
def test_a_slip_in_the_last_close_of_a_holding(refused, rebalance, account, tmp_path, factor):
    """It once made the holding worth ten times as much, and the orders with it."""
    folder, before, last = with_last_close(tmp_path, factor)
    account.holdings.write_text("Scrip,Current Balance\nXSIRIUS,1000\n")
    given = {"holdings": account.holdings, "prices": folder}
    refused(2, "XSIRIUS", "2026-08-21", f"{last:,.2f}", f"{before:,.2f}", "correct or delete the row", **given)
    account.holdings.write_text("Scrip,Current Balance\nXKITE,100\n")
    ran = rebalance(holdings=account.holdings, prices=folder)  # not held, it is only not bought
    assert ran.code == 0
    assert "BUY  XSIRIUS" not in ran.out
    with pytest.raises(InvalidInput, match="XSIRIUS is held"):
        rebalance_plan(read_prices(folder), Account((Lot("XSIRIUS", 1000, cost=0),)))


def test_a_last_close_of_a_holding_beyond_the_band_is_warned_of(rebalance, account, tmp_path):
    account.holdings.write_text("Scrip,Current Balance\nXSIRIUS,1000\n")
    for factor in (1.4, 1.0):
        folder, before, last = with_last_close(tmp_path, factor)
        ran = rebalance(holdings=account.holdings, prices=folder)
        said = [line for line in ran.out.splitlines() if line.startswith("  ! XSIRIUS is held")]
        assert (ran.code, len(said)) == (0, factor != 1)
        assert all(f"{last:,.2f}" in line and f"{before:,.2f}" in line for line in said)
        assert factor == 1 or "BUY  XSIRIUS" not in ran.out


def test_prices_three_weeks_old(refused, rebalance):
    refused(2, "2026-08-21", "5 sessions", "--allow-stale", now="2026-09-11T09:00")
    ran = rebalance(now="2026-09-11T09:00", allow_stale=True)
    assert ran.code == 0
    assert "Stale prices: the newest price is of 2026-08-21" in ran.out
    refused(2, "2026-08-21", "5 sessions", now="2026-10-20T09:00", as_of="2026-09-11")


def test_a_day_that_has_not_come(refused):
    refused(2, "2026-08-25", "after today", as_of="2026-08-25")


def test_a_day_before_the_known_rules_and_before_the_prices(refused):
    refused(2, "assumed", "choose a later", as_of="2020-10-20")
    refused(2, "begin on", as_of="2015-01-01")


# ---- options


def test_a_percentage_given_as_a_fraction(refused):
    refused(2, "max_weight is 5", "did you mean 0.05?", max_weight=5)


def test_an_unknown_option_and_an_unknown_key_name_the_nearest(refused, tmp_path):
    refused(2, "did you mean --max-weight?", max_wieght=0.1)
    config = tmp_path / "mine.toml"
    config.write_text("max_wieght = 0.1\n")
    refused(2, "mine.toml", "'max_wieght'", "did you mean 'max_weight'?", config=config)


@pytest.mark.parametrize(
    "line",
    [
        'max_weight = "0.1"',
        "max_weight = true",
        "cash = [1]",
        "investor = 3",
        "as_of = 20260821",
        "allow_stale = 1",
        "max_weight =",
    ],
)
def test_a_configuration_value_of_the_wrong_kind(refused, tmp_path, line):
    config = tmp_path / "mine.toml"
    config.write_text(line + "\n")
    refused(2, "mine.toml", cash=None if "cash" in line else 1000000, config=config)


@pytest.mark.parametrize("cash", ["-1", "abc", "1e30", "NaN", "inf"])
def test_cash_that_is_no_amount(refused, cash):
    refused(2, "cash", cash=cash)


def test_an_account_with_nothing(refused):
    refused(2, "neither shares", cash=0)


def test_a_time_that_is_none(refused):
    refused(2, "--now", now="today")


# ---- no answer


def test_cash_too_small_for_one_lot(refused):
    refused(3, "cannot afford one lot", "add cash", cash=500)


def test_a_lot_that_no_cap_allows(refused):
    refused(3, "no board lot fits", "raise max_weight", cash=6000)


def test_what_is_advised_where_no_lot_fits_is_enough(refused, rebalance):
    message = refused(3, "raise max_weight and max_sector", cash=5000)
    enough = float(message.split("max_sector to ")[1].split("%")[0]) / 100
    assert rebalance(cash=5000, max_weight=enough, max_sector=enough).code == 0


def test_four_stocks_under_a_cap_of_a_tenth(refused, rebalance, tmp_path):
    folder = company_folder(tmp_path, [], count=4)
    message = refused(3, "4 names", "10.0%", "60.0% uninvested", prices=folder)
    assert "raise max_weight from 10.0% to 25.0%" in message
    assert "cash_floor = 0.600" in message
    assert rebalance(prices=folder, cash_floor=0.6).code == 0
    assert rebalance(prices=folder, cash_floor=0.59).code == 3
    assert rebalance(prices=folder, max_weight=0.25).code == 0
    assert rebalance(prices=folder, max_weight=0.24).code == 3


# ---- what is continued with, and said


def test_na_as_a_symbol_reads_as_text(rebalance, account):
    account.holdings.write_text("Scrip,Current Balance,Last Closing Price\nNA,100,250\nTRUE,50,99.5\n")
    ran = rebalance(holdings=account.holdings, json=True)
    assert ran.code == 0
    assert '"symbol": "NA"' in ran.out
    assert '"symbol": "TRUE"' in ran.out


def test_a_wacc_quantity_below_the_balance_is_said(rebalance, account):
    account.holdings.write_text("Scrip,Current Balance\nXSIRIUS,100\n")
    account.wacc.write_text("Scrip,WACC Calculated Quantity,WACC Rate,Total Cost of Capital\nXSIRIUS,60,500,30000\n")
    ran = rebalance(holdings=account.holdings, wacc=account.wacc, json=True)
    assert ran.code == 0
    assert "fewer units in the WACC report than in the balance" in ran.out


def test_an_unpriced_holding_is_kept_at_the_files_own_price(rebalance, account):
    account.holdings.write_text("Scrip,Current Balance,Last Closing Price\nNEWIPO,10,100\n")
    ran = rebalance(holdings=account.holdings, json=True)
    assert ran.code == 0
    assert '"symbol": "NEWIPO"' in ran.out
    assert "no prices: kept at the price in the holdings file" in ran.out


def test_a_misspelt_symbol_near_a_known_price_is_refused_unless_accepted(refused, rebalance, account, tmp_path):
    close = pq.read_table(MARKET / "prices.parquet", filters=[("symbol", "=", "XSIRIUS")]).column("close")[-1].as_py()
    for price, code in ((close * 1.05, 2), (close * 1.3, 0)):
        account.holdings.write_text(f"Scrip,Current Balance,Last Closing Price\nXSIRUIS,10,{price:.2f}\n")
        if code:
            refused(2, "'XSIRUIS'", "did you mean 'XSIRIUS'", "unpriced = ['XSIRUIS']", holdings=account.holdings)
            config = tmp_path / "mine.toml"
            config.write_text('unpriced = ["XSIRUIS"]\n')
            assert rebalance(holdings=account.holdings, config=config).code == 0
        else:
            assert rebalance(holdings=account.holdings).code == 0


def test_hostile_symbols_are_harmless(rebalance, account, tmp_path):
    account.holdings.write_text(
        "Scrip,Current Balance,Last Closing Price\n"
        '=CMD,10,100\n<SCRIPT>ALERT(1)</SCRIPT>,5,10\n"A&B""C",5,10\nNICAD85/86,1,1000\n'
    )
    out = tmp_path / "hostile"
    assert rebalance(holdings=account.holdings, out=out).code == 0
    page = (out / "report.html").read_text()
    assert "<SCRIPT>" not in page
    assert "&lt;SCRIPT&gt;" in page
    assert not re.search(r"(?m)(^|,)[=+@]", (out / "orders.csv").read_text())


# ---- other ends of the command


def test_an_output_folder_with_other_files_is_refused_before_any_work(rebalance, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    ran = rebalance(out=tmp_path / "mine", prices=tmp_path / "gone")
    assert ran.code == 2
    assert "letter.txt" in ran.err
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_disk_that_refuses_is_exit_4_with_the_old_set_intact(rebalance, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert rebalance(out=out).code == 0
    before = (out / "plan.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    ran = rebalance(out=out, cash=2_000_000)
    assert ran.code == 4
    assert "No space left" in ran.err
    assert (out / "plan.json").read_bytes() == before


def test_validate_lists_findings_and_is_strict_when_asked(command, account):
    ran = command("validate", "--prices", MARKET, "--holdings", account.holdings)
    assert ran.code == 0
    assert "warning" in ran.out
    assert "no WACC report given" in ran.out
    assert command("validate", "--prices", MARKET, "--holdings", account.holdings, "--strict").code == 2
    files = ("--wacc", account.wacc, "--transactions", account.transactions)
    assert command("validate", "--prices", MARKET, "--holdings", account.holdings, *files, "--strict").code == 0
    assert '"schema": "portfolio_opt.validate/1"' in command("validate", "--prices", MARKET, "--json").out


def test_a_parquet_with_timestamps_is_refused_by_validate_too(command, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(MARKET, folder)
    table = pq.read_table(folder / "prices.parquet")
    stamped = table.set_column(1, "date", table["date"].cast(pa.timestamp("ms")))
    pq.write_table(stamped, folder / "prices.parquet")
    ran = command("validate", "--prices", folder)
    assert ran.code == 2
    assert "date32" in ran.err
