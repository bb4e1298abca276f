"""A folder of prices in either layout: what is refused, what is set aside and said, and what may not matter."""

import shutil
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import (
    LAYOUTS,
    SAMPLE_MARKET,
    finding,
    refusal,
    rules_of,
    sessions,
    traded,
    write_companies,
    write_store,
)
from source_samples import OLD_TODAY

from portfolio_opt.ingest.merge import COPY_SYMBOLS
from portfolio_opt.ingest.panel import FRAMES
from portfolio_opt.ingest.prices import read_prices
from portfolio_opt.ingest.quotes import HIGHEST_PRICE
from portfolio_opt.ingest.sectors import ALIASES, INSTRUMENTS, labels_from_symbols, labels_of
from portfolio_opt.ingest.shapes.recognise import read_source

DAYS = sessions(6)
SATURDAY = date(2025, 1, 11)
in_both_layouts = pytest.mark.parametrize("write", LAYOUTS, ids=lambda write: write.__name__.removeprefix("write_"))


def two_days(**changes):
    """Two rows of NABIL; the second with changes."""
    return [traded("NABIL", DAYS[0]), traded("NABIL", DAYS[1]) | changes]


def same_panel(a, b):
    assert a.symbols.tolist() == b.symbols.tolist()
    assert a.dates.tolist() == b.dates.tolist()
    for name in FRAMES:
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name
    for name in ("sector", "instrument", "board_lot"):
        assert (getattr(a, name) == getattr(b, name)).all()


# ---- refused


@in_both_layouts
@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(
            ("close", value)
            for value in (0.0, -0.0, -1.0, float("nan"), float("inf"), -float("inf"), 2 * HIGHEST_PRICE)
        ),
        *((name, value) for name in ("open", "high", "low") for value in (-1.0, float("inf"), 2 * HIGHEST_PRICE)),
        *((name, value) for name in ("volume", "turnover") for value in (-1.0, float("inf"), 1e15)),
    ],
)
def test_a_number_that_cannot_be_is_refused(write, column, value, tmp_path):
    message = refusal(read_prices, write(tmp_path, two_days(**{column: value})))
    assert "NABIL" in message
    assert str(DAYS[1]) in message or "line 3" in message
    assert {"volume": "quantity", "turnover": "amount"}.get(column, column) in message or column in message


@in_both_layouts
@pytest.mark.parametrize("day", [date(2082, 5, 5), date(2050, 1, 1), date(1989, 12, 31)])
def test_a_day_outside_the_gregorian_years_is_refused(write, day, tmp_path):
    message = refusal(read_prices, write(tmp_path, two_days(date=day)))
    assert str(day) in message
    assert "NABIL" in message


@in_both_layouts
@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume", "turnover"])
def test_two_different_rows_of_one_day_are_refused(write, column, tmp_path):
    rows = [*two_days(), traded("NABIL", DAYS[1]) | {column: 101.0}]
    message = refusal(read_prices, write(tmp_path, rows))
    assert f"NABIL on {DAYS[1]} stands twice" in message
    assert column in message
    assert "101" in message


@in_both_layouts
def test_prices_that_are_all_ghosts_are_refused(write, tmp_path):
    assert "no price row is left" in refusal(read_prices, write(tmp_path, [traded("NABIL", SATURDAY)]))


def test_a_missing_folder_a_file_and_an_empty_folder_are_refused(tmp_path):
    assert "gone is not a folder" in refusal(read_prices, tmp_path / "gone")
    assert "holds no file of prices" in refusal(read_prices, tmp_path)
    write_store(tmp_path, two_days())
    assert "prices.parquet is not a folder" in refusal(read_prices, tmp_path / "prices.parquet")


def damaged(content, how):
    middle = len(content) // 2
    return {
        "empty": b"",
        "a CSV": b"symbol,date,close\nNABIL,2025-01-05,100\n",
        "UTF-16": "symbol".encode("utf-16"),
        "cut short": content[:middle],
        "headless": content[middle:],
        "zeros inside": content[:5000] + bytes(1000) + content[6000:],
    }[how]


@pytest.mark.parametrize("how", ["empty", "a CSV", "UTF-16", "cut short", "headless", "zeros inside"])
def test_what_is_no_parquet_file_is_refused(how, tmp_path):
    content = (SAMPLE_MARKET / "prices.parquet").read_bytes()
    (tmp_path / "prices.parquet").write_bytes(damaged(content, how))
    words = {
        "empty": "prices.parquet is empty",
        "a CSV": "prices.parquet has a header of none of",
        "UTF-16": "prices.parquet is not UTF-8 text",
    }
    assert words.get(how, "prices.parquet is not a readable Parquet file") in refusal(read_prices, tmp_path)


def test_a_store_without_its_manifest_is_refused_as_one(tmp_path):
    (tmp_path / "prices.parquet").mkdir()
    write_store(tmp_path / "prices.parquet", two_days())
    assert "is a price store without its manifest.json" in refusal(read_prices, tmp_path)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"date": pa.array([datetime(2025, 1, 5), datetime(2025, 1, 6)])}, "date is timestamp[us]; write it as date32"),
        ({"date": pa.array(["2025-01-05", "2025-01-06"])}, "date is string"),
        ({"date": pa.array([20250105, 20250106])}, "date is int64"),
        ({"symbol": pa.array([1.0, 2.0])}, "symbol is double, but symbols and sources are text"),
        ({"symbol": pa.array([1, 2]).dictionary_encode()}, "symbol is int64, but symbols and sources are text"),
        ({"close": pa.array(["100", "100"])}, "close is string, but it holds numbers"),
        ({"close": pa.array([True, True])}, "close is bool, but it holds numbers"),
        ({"volume": pa.array([date(2025, 1, 5)] * 2)}, "volume is date32[day], but it holds numbers"),
        ({"per_change": pa.array(["0", "0"])}, "per_change is string"),
        ({"close": pa.array([100.0, None])}, "row 2: no close (1 rows without one)"),
        ({"symbol": pa.array([None, None], pa.string())}, "row 1: no symbol (2 rows without one)"),
        ({"date": pa.array([date(2025, 1, 5), None])}, "row 2: no date"),
        ({"symbol": pa.array(["NABIL", " "])}, "symbol ' ' is not a symbol"),
        ({"symbol": pa.array(["NABIL", "NA\x07BIL"])}, "is not a symbol"),
        ({"symbol": pa.array(["NABIL", "1301120000123456"])}, "symbol is an account number"),
        ({"volume": pa.array([2**60 + 1, 1])}, "NABIL on 2025-01-05: volume is 1.15292e+18"),
        (
            {"date": pa.array([20_000, 3_000_000], pa.int32()).cast(pa.date32())},
            "NABIL on 10183-09-21: not a Gregorian",
        ),
        *(({name: None}, f"no column '{name}'") for name in ("symbol", "date", "open", "close", "volume", "turnover")),
    ],
)
def test_columns_and_types_are_those_of_the_layout(columns, words, tmp_path):
    message = refusal(read_prices, write_store(tmp_path, two_days(), **columns))
    assert message.startswith("prices.parquet")
    assert words in message


def test_a_store_without_rows_is_refused(tmp_path):
    assert "prices.parquet has no rows" in refusal(read_prices, write_store(tmp_path, []))


def test_a_column_that_stands_twice_is_refused(tmp_path):
    table = pq.read_table(write_store(tmp_path, two_days()) / "prices.parquet")
    pq.write_table(table.append_column("close", table["close"]), tmp_path / "prices.parquet")
    refusal(read_prices, tmp_path)


def test_two_spellings_of_one_symbol_are_one_symbol(tmp_path):
    """Rows of "nabil" once overwrote those of "NABIL" without a word."""
    rows = [traded("NABIL", DAYS[0]), traded(" nabil", DAYS[0], 200.0)]
    assert f"NABIL on {DAYS[0]} stands twice" in refusal(read_prices, write_store(tmp_path, rows))
    rows[1]["date"] = DAYS[1]
    panel = read_prices(write_store(tmp_path, rows))
    assert panel.symbols.tolist() == ["NABIL"]
    assert panel.close[:, 0].tolist() == [100.0, 200.0]


# ---- read, or set aside and said


@in_both_layouts
def test_rows_become_days_by_symbols(write, tmp_path):
    rows = [
        traded("NABIL", DAYS[1], 500.0, open=490.0, high=505.0, low=480.0, volume=30.0, turnover=14_900.0),
        traded("ADBL", DAYS[0], 300.0),
        traded("ADBL", DAYS[2], 310.0, open=None, high=None, low=None, volume=None, turnover=None),
    ]
    panel = read_prices(write(tmp_path, rows))
    assert panel.symbols.tolist() == ["ADBL", "NABIL"]
    assert panel.sessions() == DAYS[:3]
    assert panel.traded.tolist() == [[True, False], [False, True], [True, False]]
    np.testing.assert_array_equal(panel.close, [[300, np.nan], [np.nan, 500], [310, np.nan]])
    assert [getattr(panel, name)[1, 1] for name in ("open", "high", "low", "close")] == [490.0, 505.0, 480.0, 500.0]
    assert (panel.volume[1, 1], panel.turnover[1, 1]) == (30.0, 14_900.0)
    for name in ("open", "high", "low"):
        assert np.isnan(getattr(panel, name)[[0, 2], [1, 0]]).all()  # not traded, and not told
    assert panel.volume[0, 1] == panel.volume[2, 0] == panel.turnover[2, 0] == 0
    assert (panel.adjustment == 1).all()


@in_both_layouts
def test_identical_rows_are_kept_once(write, tmp_path):
    rows = two_days()
    panel = read_prices(write(tmp_path, [*rows, rows[1], rows[1]]))
    found = finding(panel.findings, "identical duplicate rows")
    assert (found.rows, found.effect, found.examples[0]) == (2, "kept once", f"NABIL on {DAYS[1]}")
    same_panel(panel, read_prices(write(tmp_path / "once", rows)))


@in_both_layouts
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
def test_copies_that_disagree_on_the_percent_change_tell_nothing_about_it(write, order, tmp_path):
    rows = [
        traded("NABIL", DAYS[0], 200.0),
        traded("NABIL", DAYS[1], 100.0, per_change=0.0),
        traded("NABIL", DAYS[1], 100.0, per_change=-50.0),
    ]
    panel = read_prices(write(tmp_path, [rows[k] for k in order]))
    assert (panel.adjustment == 1).all()
    assert finding(panel.findings, "moves beyond the day's band that nothing explains").rows == 1


@in_both_layouts
def test_a_ghost_saturday_is_set_aside_and_said(write, tmp_path):
    rows = two_days()
    panel = read_prices(write(tmp_path, [*rows, traded("NABIL", SATURDAY, 120.0), traded("ADBL", SATURDAY)]))
    found = finding(panel.findings, "rows on a Saturday")
    assert (found.rows, found.examples) == (2, (f"ADBL on {SATURDAY}", f"NABIL on {SATURDAY}"))
    same_panel(panel, read_prices(write(tmp_path / "without", rows)))


def market_days(count, days, repeat=()):
    """`count` symbols whose rows change every day, but on the repeated days."""
    rows = []
    for n, name in enumerate(["AA", "BB", "CC", "DD", "EE", "FF"][:count]):
        step = 0
        for k, day in enumerate(days):
            step += k not in repeat
            rows.append(traded(name, day, 100.0 + n + step, volume=1000.0 + step))
    return rows


@in_both_layouts
def test_a_day_that_repeats_the_day_before_is_set_aside_and_said(write, tmp_path):
    rows = market_days(COPY_SYMBOLS, DAYS, repeat=(2, 3))
    panel = read_prices(write(tmp_path, rows))
    found = finding(panel.findings, "rows of a day that repeats an earlier session")
    assert (found.rows, found.severity) == (2 * COPY_SYMBOLS, "warning")
    days = {case["date"] for case in found.cases.listed()}
    assert days == {str(DAYS[2]), str(DAYS[3])}
    assert panel.sessions() == [day for day in DAYS if day not in DAYS[2:4]]


@in_both_layouts
def test_a_quiet_day_is_no_repeated_day(write, tmp_path):
    """One symbol that moved, another volume, or too few symbols to tell: the day stays."""
    few = market_days(COPY_SYMBOLS - 1, DAYS, repeat=(2,))
    moved = market_days(COPY_SYMBOLS, DAYS, repeat=(2,))
    moved[2]["volume"] += 1
    for k, rows in enumerate((few, moved)):
        panel = read_prices(write(tmp_path / str(k), rows))
        assert panel.sessions() == DAYS
        assert "rows of a day that repeats an earlier session" not in rules_of(panel.findings)


@in_both_layouts
@pytest.mark.parametrize("column", ["open", "high", "low"])
def test_a_zero_beside_the_close_is_read_as_absent(write, column, tmp_path):
    panel = read_prices(write(tmp_path, two_days(**{column: 0.0})))
    assert np.isnan(getattr(panel, column)[1, 0])
    found = finding(panel.findings, f"{column} of 0")
    assert (found.rows, found.effect, found.examples) == (1, "read as absent", (f"NABIL on {DAYS[1]}",))


@in_both_layouts
def test_figures_that_contradict_each_other_are_said(write, tmp_path):
    rows = [
        traded("NABIL", DAYS[0], 105.0, high=104.0, low=100.0),
        traded("NABIL", DAYS[1], 105.0, turnover=50_000.0),
        traded("NABIL", DAYS[2], 105.0, turnover=0.0),  # absent rather than wrong
    ]
    panel = read_prices(write(tmp_path, rows))
    assert finding(panel.findings, "close outside the day's low and high").examples == (f"NABIL on {DAYS[0]}",)
    assert finding(panel.findings, "turnover that does not fit volume and price").examples == (f"NABIL on {DAYS[1]}",)
    assert panel.close[:, 0].tolist() == [105.0] * 3


@pytest.mark.parametrize("name", ["NA", "TRUE", "NICAD85/86", "=CMD", "NULL"])
def test_any_text_is_a_symbol_in_a_store(name, tmp_path):
    panel = read_prices(write_store(tmp_path, [traded(name, DAYS[0])]))
    assert panel.symbols.tolist() == [name]


def test_a_store_may_lack_the_percent_change_and_hold_whole_numbers_and_a_dictionary(tmp_path):
    symbols = pa.array(["NABIL", "NABIL"]).dictionary_encode()
    plain = read_prices(write_store(tmp_path / "plain", two_days()))
    other = write_store(
        tmp_path, two_days(), symbol=symbols, close=pa.array([100, 100]), per_change=None, note=pa.array(["a", "b"])
    )
    same_panel(read_prices(other), plain)


@pytest.fixture(scope="module")
def sample_table():
    return pq.read_table(SAMPLE_MARKET / "prices.parquet")


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_matter(sample_table, tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("shuffled")
    shutil.copytree(SAMPLE_MARKET, folder, dirs_exist_ok=True)
    order = np.random.default_rng(seed).permutation(sample_table.num_rows)
    pq.write_table(sample_table.take(order), folder / "prices.parquet")
    shuffled, panel = read_prices(folder), read_prices(SAMPLE_MARKET)
    same_panel(shuffled, panel)
    assert shuffled.findings == panel.findings
    assert shuffled.actions == panel.actions
    assert shuffled.data_hash != panel.data_hash


def test_both_layouts_give_the_same_panel(sample_table, tmp_path):
    frame = sample_table.to_pandas()
    chosen = frame[frame["symbol"].isin(["XALDER", "XTIN", "XSLATE", "XSPRING"])]
    rows = chosen.astype(object).where(chosen.notna(), None).to_dict("records")
    for write in LAYOUTS:
        folder = write(tmp_path / write.__name__, rows)
        for name in ("sectors.csv", "corporate_actions.csv"):
            shutil.copy(SAMPLE_MARKET / name, folder)
    a, b = (read_prices(tmp_path / write.__name__) for write in LAYOUTS)
    same_panel(a, b)
    assert a.findings == b.findings
    assert "XSLATE on 2023-01-09" in str(a.findings)


def test_the_hash_is_of_every_file_read(tmp_path):
    folder = write_store(tmp_path, two_days())
    hashes = [read_prices(folder).data_hash]
    (folder / "sectors.csv").write_text("symbol,sector,instrument_type\nNABIL,Commercial Banks,equity\n")
    hashes.append(read_prices(folder).data_hash)
    (folder / "corporate_actions.csv").write_text(
        "symbol,type,ratio,amount_npr,issue_price,book_close,ex_date\nNABIL,cash,,5,,,2025-01-06\n"
    )
    hashes.append(read_prices(folder).data_hash)
    write_store(folder, two_days(close=101.0))
    hashes.append(read_prices(folder).data_hash)
    assert len(set(hashes)) == 4
    assert read_prices(folder).data_hash == hashes[-1]
    (folder / "notes.txt").write_text("nobody reads this")
    assert read_prices(folder).data_hash == hashes[-1]


def test_data_files_beside_prices_parquet_are_said_and_not_read(tmp_path):
    folder = write_store(tmp_path, two_days())
    write_companies(folder, [traded("EBL", DAYS[0])])
    sectors_file(folder, "NABIL,Banking,equity")
    (folder / "holidays.csv").write_text("date\n2030-01-01\n")
    (folder / "README.md").write_text("no data")
    (folder / "ab\x1b[31m.json").write_text("[]")
    panel = read_prices(folder)
    assert panel.symbols.tolist() == ["NABIL"]
    found = finding(panel.findings, "other data files in the folder")
    assert (found.rows, found.severity, found.examples) == (2, "warning", ("'EBL.csv'", "'ab\\x1b[31m.json'"))


def test_a_symbol_all_of_whose_rows_were_set_aside_needs_no_label(tmp_path):
    """Names of companies on an old page, which wait for a symbol, were once said to lack a row in sectors.csv."""
    folder = write_companies(tmp_path, [*two_days(), traded("EBL", SATURDAY)])
    OLD_TODAY.write(folder)
    sectors_file(folder, "NABIL,Banking,equity")
    assert "symbols without a row in sectors.csv" not in rules_of(read_prices(folder).findings)


# ---- sectors


def read_sectors(path):
    return labels_of(read_source(path)[1].tables["sectors"])


def sectors_file(folder, *rows, header="symbol,sector,instrument_type"):
    (folder / "sectors.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder / "sectors.csv"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["NABIL,Commercial Banks,share"], "line 2: instrument_type is 'share'; choose one of debenture, equity"),
        (["NABIL,Commercial Banks,"], "line 2: instrument_type is ''; choose one of"),
        (["NABIL,Banking,equity", "nabil,Banking,equity"], "line 3: NABIL stands twice; keep one row"),
        (["NABIL,Banking"], "line 2: 2 fields under a header of 3"),
        ([",Banking,equity"], "line 2: symbol '' is not a symbol"),
        ([], "has a header but no rows"),
    ],
)
def test_a_sectors_file_is_read_strictly(rows, words, tmp_path):
    sectors_file(write_store(tmp_path, two_days()), *rows)
    message = refusal(read_prices, tmp_path)
    assert message.startswith("sectors.csv")
    assert words in message


def test_a_sectors_file_with_another_header_is_refused(tmp_path):
    strange = sectors_file(tmp_path, "A,B,equity,x", header="symbol,sector,instrument_type,isin")
    assert "nearest is sectors table, of whose columns it has 1 unknown" in refusal(read_sectors, strange)
    short = sectors_file(tmp_path, "A,B", header="symbol,sector")
    assert "nearest is sectors table, of whose columns it lacks instrument_type" in refusal(read_sectors, short)


@pytest.mark.parametrize("kind", sorted(INSTRUMENTS))
def test_every_kind_of_instrument_is_read(kind, tmp_path):
    panel_of = write_store(tmp_path, two_days())
    sectors_file(panel_of, f"NABIL, Commercial  Banks ,{kind}")
    panel = read_prices(panel_of)
    assert (panel.instrument.tolist(), panel.sector.tolist()) == ([kind], ["Commercial Banks"])


@pytest.mark.parametrize("spelling", sorted(ALIASES))
def test_spellings_of_a_sector_are_one_sector(spelling, tmp_path):
    labels = read_sectors(sectors_file(tmp_path, f"NABIL,{spelling.upper()},equity"))
    assert labels.sector["NABIL"] == ALIASES[spelling]


def test_a_symbol_that_no_sectors_file_knows_is_said(tmp_path):
    rows = [*two_days(), traded("NEWCO", DAYS[1])]
    sectors_file(write_store(tmp_path, rows), "NABIL,Commercial Banks,equity", "GONE,Finance,equity")
    panel = read_prices(tmp_path)
    assert panel.instrument.tolist() == ["equity", "unknown"]
    found = finding(panel.findings, "symbols without a row in sectors.csv")
    assert (found.rows, found.examples) == (1, ("NEWCO",))
    assert panel.known_symbols == {"NABIL", "GONE"}


def test_the_later_status_of_a_company_is_never_read(tmp_path):
    header = "symbol,sector,instrument_type,status_2026_04"
    rows = two_days()
    panels = []
    for status in ("active", "delisted"):
        folder = write_store(tmp_path / status, rows)
        sectors_file(folder, f"NABIL,Commercial Banks,equity,{status}", header=header)
        panels.append(read_prices(folder))
    same_panel(*panels)
    assert panels[0].findings == panels[1].findings


def test_without_a_sectors_file_kinds_are_read_off_the_symbols():
    kinds = labels_from_symbols(["NABIL", "NABILP", "HPPL", "UP", "NICAD85/86", "NICD2082", "WOMIPO"]).instrument
    assert {name: kind for name, kind in kinds.items() if kind != "equity"} == {
        "NABILP": "promoter_share",
        "WOMIPO": "promoter_share",
        "NICAD85/86": "debenture",
        "NICD2082": "debenture",
    }


@in_both_layouts
def test_no_sectors_file_is_said(write, tmp_path):
    rows = [traded("NABIL", DAYS[0]), traded("NABILP", DAYS[0]), traded("FUND", DAYS[0], 9.5)]
    panel = read_prices(write(tmp_path, rows))
    assert finding(panel.findings, "no sectors.csv").severity == "warning"
    assert finding(panel.findings, "symbols that look like no ordinary share").examples == ("FUND", "NABILP")
    assert panel.instrument.tolist() == ["unknown", "equity", "promoter_share"]
    assert set(panel.sector) == {""}


@in_both_layouts
def test_a_later_fall_does_not_change_what_a_share_was(write, tmp_path):
    """Kinds were once read off the newest close, so that a fall next year hid the share today."""
    rows = [traded("NABIL", day, close) for day, close in zip(DAYS, (32.0, 29.5, 27.0, 25.0), strict=False)]
    whole, early = read_prices(write(tmp_path, rows)), read_prices(write(tmp_path / "early", rows[:1]))
    assert whole.until(DAYS[0]).instrument.tolist() == early.instrument.tolist() == ["equity"]


def test_weekends_follow_no_rule_but_saturday(tmp_path):
    """The exchange traded on Fridays in 2022 and on Sundays in most years: only Saturdays are ghosts."""
    week = [date(2022, 7, 3) + timedelta(days=k) for k in range(7)]
    panel = read_prices(write_companies(tmp_path, [traded("NABIL", day) for day in week]))
    assert panel.sessions() == [day for day in week if day.weekday() != 5]
