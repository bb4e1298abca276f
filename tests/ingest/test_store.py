"""The price store: whatever the steps, the same bytes; whatever fails, the old store or the new one, whole."""

import hashlib
import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_sources import SYMBOLS, random_files
from small_files import refusal, sessions, traded, write_companies, write_store
from source_samples import COMPANY_CSV, FLOOR_CSV, MERGERS, OLD_TODAY, SECTORS, SECURITIES
from store_runs import content, die_at, hold_the_lock, ingest, ingest_one_by_one, ingest_when_told

from portfolio_opt import files
from portfolio_opt.errors import EnvironmentTrouble
from portfolio_opt.ingest.companies import BY_NAME
from portfolio_opt.ingest.merge import LOOK_BACK
from portfolio_opt.ingest.prices import read_frame, read_prices
from portfolio_opt.ingest.store import wide
from portfolio_opt.ingest.store.manifest import MANIFEST, is_store, read_manifest
from portfolio_opt.ingest.store.read import read_quarantine, read_store

seeds = st.integers(0, 2**32 - 1)
DAYS = sessions(6, date(2024, 12, 26))  # over a year's end
unix = pytest.mark.skipif(os.name == "nt", reason="needs signals and locks")


def rows_of(days=DAYS, symbols=("ADBL", "NABIL"), **more):
    return [
        traded(name, day, 100.0 + 10 * k + n, **more) for k, name in enumerate(symbols) for n, day in enumerate(days)
    ]


def history(folder, days=DAYS, symbols=("ADBL", "NABIL"), **more):
    """A folder of company files."""
    return write_companies(folder, rows_of(days, symbols, **more))


def in_steps(rng, store, sources):
    """Ingest sources in random groups and order."""
    left = rng.sample(sources, len(sources))
    while left:
        some = rng.randint(1, len(left))
        ingest(store, *left[:some])
        left = left[some:]


# ---- the same bytes


@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_importing_in_any_steps_and_order_is_importing_at_once(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("steps")
    rng = random.Random(seed)
    sources = random_files(rng, folder / "sources")
    ingest(folder / "once", *sources)
    in_steps(rng, folder / "steps", sources)
    assert content(folder / "steps") == content(folder / "once")
    shutil.rmtree(folder)


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_importing_again_changes_nothing(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("again")
    sources = random_files(random.Random(seed), folder / "sources")
    ingest(folder / "store", *sources)
    before, stamps = content(folder / "store"), {p: p.stat().st_mtime_ns for p in (folder / "store").rglob("*")}
    for path in sources:
        os.utime(path, (1, 1))
    found = ingest(folder / "store", folder / "sources")
    assert (found["rows_new_or_changed"], found["files_new"]) == (0, 0)
    assert content(folder / "store") == before
    assert {p: p.stat().st_mtime_ns for p in (folder / "store").rglob("*")} == stamps
    shutil.rmtree(folder)


@pytest.mark.parametrize("first", [0, 1], ids=["the page first", "the labels first"])
def test_a_page_of_company_names_may_come_before_or_after_its_labels(tmp_path, first):
    page, names = OLD_TODAY.write(tmp_path), SECURITIES.write(tmp_path)
    pair = (page, names) if first == 0 else (names, page)
    ingest(tmp_path / "once", *pair)
    ingest(tmp_path / "steps", pair[0])
    assert len(read_store(tmp_path / "once").quotes) == 2
    ingest(tmp_path / "steps", pair[1])
    assert content(tmp_path / "steps") == content(tmp_path / "once")


def test_a_page_alone_waits_for_its_labels(tmp_path):
    ingest(tmp_path / "store", OLD_TODAY.write(tmp_path))
    assert not (tmp_path / "store" / "prices.parquet").exists()
    assert "holds no prices" in refusal(read_prices, tmp_path / "store")
    found = ingest(tmp_path / "store", SECURITIES.write(tmp_path))
    assert found["rows_new_or_changed"] == 2
    assert [each["rows"] for each in found["findings"] if "companies in full" in each["rule"]] == [2]


LABELS = "symbol,name,sector,instrument_type,source\n"
BEST = "Best Finance Company Ltd"


def label_file(path, *rows):
    path.write_text(LABELS + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(
    ("first", "later", "symbols"),
    [
        ([f"BFCPO,{BEST},,promoter_share,list"], [f"BFC,{BEST},Finance,equity,list"], ("BFCPO", "BFC")),
        (
            [f"OLD,{BEST},,equity,sector codes", f"NEW,{BEST},,promoter_share,sector codes"],
            ["OLD,Another Name,,equity,list"],
            ("OLD", "NEW"),
        ),
        ([f"BFC,{BEST},,equity,sector codes"], ["BFC,Another Name,,equity,list"], ("BFC", None)),
    ],
    ids=["the promoters' share first", "a better list with another name", "no symbol any more"],
)
def test_later_labels_can_change_which_symbol_a_companys_rows_have(tmp_path, first, later, symbols):
    pair = label_file(tmp_path / "first.csv", *first), label_file(tmp_path / "later.csv", *later)
    other = history(tmp_path / "other", [date(2022, 11, 2)], ("ADBL",))
    page = OLD_TODAY.write(tmp_path)
    ingest(tmp_path / "once", page, other, *pair)
    ingest(tmp_path / "steps", page, other, pair[0])
    assert set(read_prices(tmp_path / "steps").symbols) == {"ADBL", symbols[0]}
    ingest(tmp_path / "steps", pair[1])
    assert set(read_prices(tmp_path / "steps").symbols) == {"ADBL", symbols[1]} - {None}
    assert content(tmp_path / "steps") == content(tmp_path / "once")
    held = read_store(tmp_path / "steps")
    assert [held.aside.names[k] for k in held.aside.symbol] == [row["symbol"] for row in OLD_TODAY.rows]
    assert held.reason.tolist() == [BY_NAME] * 2


def test_a_row_under_a_companys_name_that_cannot_be_right_outlasts_labels(tmp_path):
    """New labels once took it out of the quarantine with the rows that they move."""
    page = OLD_TODAY.write(tmp_path)
    page.write_bytes(OLD_TODAY.content.replace(b"300.00,317.00", b"300.00,0.00"))
    ingest(tmp_path / "once", page, SECURITIES.write(tmp_path))
    ingest(tmp_path / "steps", page)
    ingest(tmp_path / "steps", SECURITIES.write(tmp_path))
    assert content(tmp_path / "steps") == content(tmp_path / "once")
    assert sum(reason.startswith("close is 0") for reason in read_store(tmp_path / "steps").reason) == 1


def test_a_sheet_like_a_companys_row_comes_back_where_that_row_gets_another_symbol(tmp_path):
    """The floor sheet's equal row was once dropped for good: the page's rank is higher."""
    page = OLD_TODAY.write(tmp_path)
    page.write_bytes(
        OLD_TODAY.content.replace(b'317.00,300.00,317.00,"13,193.00"', b'317.00,317.00,317.00,"13,193.00"')
    )
    sheet = tmp_path / "sheet.csv"
    head = FLOOR_CSV.text.partition("\n")[0]
    sheet.write_text(f'{head}\n2022-11-02,1,2022110205029369,BFCPO,55,41,13193,317,"4,182,181.00"\n')
    promoter = label_file(tmp_path / "first.csv", f"BFCPO,{BEST},,promoter_share,list")
    ordinary = label_file(tmp_path / "later.csv", f"BFC,{BEST},,equity,list")
    for source in (page, sheet, promoter, ordinary):
        ingest(tmp_path / "steps", source)
    ingest(tmp_path / "once", page, sheet, promoter, ordinary)
    assert read_prices(tmp_path / "steps").symbols.tolist() == ["BFC", "BFCPO"]
    assert content(tmp_path / "steps") == content(tmp_path / "once")


def test_labels_that_move_no_row_change_none(tmp_path):
    ingest(tmp_path / "store", OLD_TODAY.write(tmp_path), SECURITIES.write(tmp_path))
    found = ingest(tmp_path / "store", label_file(tmp_path / "more.csv", "ADBL,Agriculture,,equity,list"))
    assert found["rows_new_or_changed"] == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_pages_that_differ_in_the_change_only_are_kept_in_one_order(tmp_path, order):
    """No change and one of -1% were once taken for one another."""
    pages = [OLD_TODAY.write(tmp_path, f"{k} 2022-11-02.csv") for k in range(2)]
    for page, previous in zip(pages, (b"100.00", b"-"), strict=True):
        page.write_bytes(
            OLD_TODAY.content.replace(b"915.00,912.10,912.10", b"99.00,99.00,99.00").replace(b"910.00", previous)
        )
    ingest(tmp_path / "once", *pages)
    for k in order:
        ingest(tmp_path / "steps", pages[k])
    assert content(tmp_path / "steps") == content(tmp_path / "once")
    assert len(read_quarantine(tmp_path / "once", read_manifest(tmp_path / "once"))[0]) == 3


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_the_reason_of_equal_rows_of_two_files_does_not_depend_on_their_order(tmp_path, order):
    wrong, other = traded("NABIL", DAYS[0], 0.0), traded("NABIL", DAYS[0])
    folders = [write_companies(tmp_path / str(k), rows) for k, rows in enumerate(([wrong], [wrong, other]))]
    ingest(tmp_path / "once", *folders)
    for k in order:
        ingest(tmp_path / "steps", folders[k])
    assert content(tmp_path / "steps") == content(tmp_path / "once")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_years_and_gaps_between_months_are_filled_backwards_and_forwards(tmp_path, order):
    spans = [sessions(3, start) for start in (date(2023, 12, 27), date(2024, 8, 4), date(2025, 1, 1))]
    parts = [history(tmp_path / str(k), days) for k, days in enumerate(spans)]
    ingest(tmp_path / "once", *parts)
    for k in order:
        ingest(tmp_path / "steps", parts[k])
    assert content(tmp_path / "steps") == content(tmp_path / "once")


def whole_days(folder, closes):
    """A folder of five symbols' rows on each of some days."""
    return write_store(folder, [traded(name, day, close) for day, close in closes.items() for name in SYMBOLS[:5]])


def test_backfilled_days_can_make_a_copy_none(tmp_path):
    days = sessions(LOOK_BACK + 2, DAYS[0])
    ingest(tmp_path / "store", whole_days(tmp_path / "still", {days[0]: 100.0, days[-1]: 100.0}))
    assert read_prices(tmp_path / "store").sessions() == [days[0]]
    moved = {day: 101.0 + k for k, day in enumerate(days[1:-1])}
    ingest(tmp_path / "store", whole_days(tmp_path / "moved", moved))
    assert read_prices(tmp_path / "store").sessions() == days


@pytest.mark.parametrize("back", [1, LOOK_BACK, LOOK_BACK + 1])
def test_a_backfilled_day_can_make_a_later_one_a_copy(tmp_path, back):
    days = sessions(back + 1, DAYS[0])
    ingest(
        tmp_path / "store",
        whole_days(tmp_path / "later", {day: 100.0 + (day < days[-1]) * k for k, day in enumerate(days) if k}),
    )
    ingest(tmp_path / "store", whole_days(tmp_path / "first", {days[0]: 100.0}))
    assert read_prices(tmp_path / "store").sessions() == (days[:-1] if back <= LOOK_BACK else days)


@pytest.mark.parametrize("back", [LOOK_BACK, LOOK_BACK + 1])
@pytest.mark.parametrize("often", ["daily", "monthly"])
@pytest.mark.parametrize("late", [0, -1], ids=["the session it repeats", "the copy"])
def test_a_copy_is_found_whichever_of_its_two_days_comes_last(tmp_path, back, often, late):
    days = sessions(back + 1, date(2025, 1, 1))
    if often == "monthly":  # each in a file of its own
        days = [sessions(1, date(2025, 1 + k, 1))[0] for k in range(back + 1)]
    closes = {day: 100.0 + (k if day < days[-1] else 0) for k, day in enumerate(days)}
    early = {day: close for day, close in closes.items() if day != days[late]}
    ingest(tmp_path / "store", history(tmp_path / "other", days, ("ZZ",)), whole_days(tmp_path / "early", early))
    ingest(tmp_path / "store", whole_days(tmp_path / "late", {days[late]: closes[days[late]]}))
    standing = read_frame(tmp_path / "store")[SYMBOLS[0]].notna().tolist()
    assert standing == [True] * back + [back > LOOK_BACK]


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_importing_in_steps_is_importing_at_once_where_files_hold_few_days(tmp_path_factory, seed):
    """A file of one day was once enough to look back one session; five take as many files as hold five."""
    folder = tmp_path_factory.mktemp("sparse")
    rng = random.Random(seed)
    steps = rng.choice(((25, 31), (31, 150), (3, 11, 31), (200,)))
    closes, day = {}, date(2023, 6, 1)
    for k in range(rng.randint(4, 14)):
        closes[day] = rng.choice([*list(closes.values())[-6:], 100.0 + k])
        day += timedelta(days=rng.choice(steps))
    sources = []
    for day, close in closes.items():
        rows = [traded(name, day, 0.0 if rng.random() < 0.1 else close) for name in SYMBOLS[: rng.choice((5, 6))]]
        sources.append(write_store(folder / str(day), rows))
    ingest(folder / "once", *sources)
    in_steps(rng, folder / "steps", sources)
    assert content(folder / "steps") == content(folder / "once")
    for source in rng.sample(sources, len(sources)):
        ingest(folder / "one by one", source)
    assert content(folder / "one by one") == content(folder / "once")
    shutil.rmtree(folder)


def test_what_a_store_is_called_and_where_it_is_leaves_no_trace(tmp_path):
    for name in ("a", "b b", "c[1]", "deep/er"):
        shutil.copytree(history(tmp_path / "sources"), tmp_path / f"from {name}")
        write_store(tmp_path / f"from {name}", rows_of(symbols=("EBL",)))
        ingest(tmp_path / name, tmp_path / f"from {name}")
        ingest(tmp_path / name, COMPANY_CSV.write(tmp_path / f"late {name}"))
        assert content(tmp_path / name) == content(tmp_path / "a")
        assert not list(Path(tmp_path / name).parent.glob(".*"))


# ---- what it holds


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_the_manifest_tells_the_truth(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("truth")
    sources = random_files(random.Random(seed), folder / "sources")
    ingest(folder / "store", *sources, licence="for tests")
    document = json.loads((folder / "store" / MANIFEST).read_text())
    found = content(folder / "store")
    assert document["files"].keys() == found.keys() - {MANIFEST}
    for name, entry in document["files"].items():
        assert entry["sha256"] == hashlib.sha256(found[name]).hexdigest()
        if name.endswith(".csv"):
            assert entry["rows"] == len(pd.read_csv(folder / "store" / name))
        else:
            frame = pd.read_parquet(folder / "store" / name)
            assert entry["rows"] == len(frame)
            assert (entry["first"], entry["last"]) == (str(frame["date"].min()), str(frame["date"].max()))
    told = {source["file"]: source for source in document["sources"]}
    assert told.keys() == {path.name for path in sources}
    assert [s["sha256"] for s in document["sources"]] == sorted(s["sha256"] for s in document["sources"])
    for path in sources:
        assert told[path.name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert told[path.name]["licence"] == "for tests"
    shutil.rmtree(folder)


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_every_part_holds_exactly_its_days_sorted(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("parts")
    ingest(folder / "store", *random_files(random.Random(seed), folder / "sources"))
    parts = sorted((folder / "store" / "prices.parquet").iterdir())
    newest = max(
        str(pd.read_parquet(path)["date"].max())
        for path in (*parts, folder / "store" / "quarantine.parquet")
        if path.exists()
    )
    for path in parts:
        frame = pd.read_parquet(path)
        assert frame[["symbol", "date"]].equals(
            frame.sort_values(["symbol", "date"])[["symbol", "date"]].reset_index(drop=True)
        )
        length = 7 if path.stem[:4] == newest[:4] else 4
        assert {str(day)[:length] for day in frame["date"]} == {path.stem}
    whole = pd.read_parquet(folder / "store" / "prices.parquet")
    assert not whole.duplicated(["symbol", "date"]).any()
    assert len(whole) == len(read_store(folder / "store").quotes)
    shutil.rmtree(folder)


def test_pandas_reads_the_rows_as_they_came(tmp_path):
    ingest(tmp_path / "store", history(tmp_path / "sources"))
    frame = pd.read_parquet(tmp_path / "store" / "prices.parquet")
    found = [(r.symbol, r.date, r.close, r.volume, r.source) for r in frame.itertuples()]
    assert sorted(found) == sorted((r["symbol"], r["date"], r["close"], r["volume"], "company CSV") for r in rows_of())
    assert frame["per_change"].isna().all()


def test_a_store_reads_like_the_files_it_was_made_of(tmp_path):
    sources = history(tmp_path / "sources")
    SECTORS.write(sources)
    ingest(tmp_path / "store", sources)
    stored, plain = read_prices(tmp_path / "store"), read_prices(sources)
    for name in ("close", "open", "volume", "adjustment", "traded"):
        assert getattr(stored, name).tobytes() == getattr(plain, name).tobytes()
    assert stored.symbols.tolist() == plain.symbols.tolist()
    assert stored.sector.tolist() == plain.sector.tolist()
    assert stored.findings == plain.findings


# ---- what is refused


def stored(folder):
    ingest(folder / "store", history(folder / "sources"), OLD_TODAY.write(folder), SECTORS.write(folder))
    return folder / "store"


def test_a_foreign_folder_or_file_is_refused_and_left_alone(tmp_path):
    sources = history(tmp_path / "sources")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    assert "letter.txt" in refusal(ingest, tmp_path / "mine", sources)
    assert "is a file" in refusal(ingest, tmp_path / "file", sources)
    assert (tmp_path / "mine" / "letter.txt").read_text() == (tmp_path / "file").read_text() == "dear"


@pytest.mark.parametrize(
    "name", ["letter.txt", "prices.parquet/mine.parquet", "wide-notes.txt", "sectors2.csv", ".hidden"]
)
def test_a_foreign_file_within_a_store_is_refused_and_left_alone(tmp_path, name):
    """One inside prices.parquet/ was once thrown away without a word."""
    store = stored(tmp_path)
    (store / name).write_text("dear")
    before = content(store)
    assert repr(name) in refusal(ingest, store, COMPANY_CSV.write(tmp_path, "EBL.csv"))
    assert content(store) == before


def files_of(store):
    return sorted(content(store))


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "prices.parquet/2024.parquet",
        "prices.parquet/2025-01.parquet",
        "quarantine.parquet",
        "sectors.csv",
    ],
)
@pytest.mark.parametrize("how", ["changed", "emptied", "removed", "cut"])
def test_a_store_changed_by_hand_is_refused(tmp_path, name, how):
    store = stored(tmp_path)
    assert name in files_of(store)
    path = store / name
    data = path.read_bytes()
    if how == "removed" and name == MANIFEST:
        path.unlink()
        assert "is no part of a price store" in refusal(ingest, store, OLD_TODAY.write(tmp_path, "x 2022-11-03.csv"))
        return
    path.unlink() if how == "removed" else path.write_bytes(
        {"changed": data.replace(b"a", b"b", 1), "emptied": b"", "cut": data[:-10]}[how]
    )
    assert MANIFEST in refusal(read_prices, store)
    later = history(tmp_path / "later", symbols=("EBL",))
    SECURITIES.write(later)
    OLD_TODAY.write(later, "x 2022-11-03.csv")
    assert MANIFEST in refusal(ingest, store, later)
    spoilt = content(store)
    assert MANIFEST in refusal(ingest, store, MERGERS.write(tmp_path))  # though no price file would change
    assert content(store) == spoilt


@pytest.mark.parametrize(
    "document",
    [
        "[]",
        "{}",
        "null",
        '{"schema": "portfolio_opt.store/2"}',
        "[" * 50_000,
        '{"schema": "portfolio_opt.store/1", "files": 3}',
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path, document):
    store = stored(tmp_path)
    (store / MANIFEST).write_text(document)
    refusal(read_prices, store)
    refusal(ingest, store, COMPANY_CSV.write(tmp_path, "EBL.csv"))


@pytest.mark.parametrize("source", ["store", "store/prices.parquet", "store/sectors.csv"])
def test_a_store_is_no_source_of_itself(tmp_path, source):
    store = stored(tmp_path)
    assert "the store itself" in refusal(ingest, store, tmp_path / source)


def test_a_folder_that_holds_the_store_is_read_without_it(tmp_path):
    store = stored(tmp_path)
    before = content(store)
    assert ingest(store, tmp_path)["files_new"] == 0
    assert content(store) == before


def test_a_bad_source_leaves_the_store_as_it_was(tmp_path):
    store = stored(tmp_path)
    before = content(store)
    good, bad = COMPANY_CSV.write(tmp_path, "EBL.csv"), COMPANY_CSV.write(tmp_path, "GBIME.csv")
    bad.write_text(bad.read_text().replace("510.0", "abc"))
    assert "GBIME.csv, line 2" in refusal(ingest, store, good, bad)
    assert content(store) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sectors.csv", "symbol,sector,instrument_type\nNABIL,Finance,share\n"),
        ("sectors.csv", "symbol,sector,instrument_type\nNABIL,Finance,equity\nnabil,Finance,equity\n"),
        ("sectors.csv", "symbol,sector,instrument_type\nNABIL,Fin\x1b[31mance,equity\n"),
        (
            "corporate_actions.csv",
            "symbol,type,ratio,amount_npr,issue_price,book_close,ex_date\nNABIL,bonus,x,,,,2025-01-06\n",
        ),
        (
            "corporate_actions.csv",
            "symbol,type,ratio,amount_npr,issue_price,book_close,ex_date\nNABIL,gift,1,,,,2025-01-06\n",
        ),
        (
            "official_adjustments.csv",
            "symbol,last_cum_date,kind,pct,prev_close,adjusted_price\nNABIL,2025,bonus,10,110,100\n",
        ),
        ("mergers.csv", "symbol,successor,ratio,last_day\nNABIL,NABIL,1,2025-01-06\n"),
        (
            "names.json",
            '[{"symbol": "X", "securityName": "a\\u0000b", "sectorName": "", "instrumentType": "", "status": ""}]',
        ),
        (
            "names.json",
            '[{"symbol": "X", "securityName": "a\\ud800b", "sectorName": "", "instrumentType": "", "status": ""}]',
        ),
    ],
)
def test_a_table_that_would_make_the_store_unreadable_never_gets_into_it(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert name in refusal(ingest, tmp_path / "store", path, history(tmp_path / "sources"))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "cells",
    [
        ("=cmd|' /C calc'!A0", "x"),
        ("TOTAL", "Total"),
        ('A"B', 'say "hi", they said'),
        ("NA", "nan"),
        ("Ω", "  नेपाल  बैंक "),
    ],
)
def test_any_text_comes_back_from_a_store_as_it_went_in(tmp_path, cells):
    symbol, name = cells
    import csv

    with (tmp_path / "sectors.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ["symbol", "name", "sector", "instrument_type"],
                [symbol, name, "Finance", "equity"],
                ["AA", "", "", "equity"],
            ]
        )
    ingest(tmp_path / "store", tmp_path / "sectors.csv", history(tmp_path / "sources"))
    (tmp_path / "more.csv").write_text("symbol,sector,instrument_type\nBB,Finance,equity\n")
    ingest(tmp_path / "store", tmp_path / "more.csv")
    rows = read_store(tmp_path / "store").tables["sectors"]
    assert [row.cells["name"] for row in rows if row.cells["symbol"] == symbol.upper()] == [name.strip()]
    assert len(rows) == 3


@pytest.mark.parametrize("close", [float("nan"), 0.0, -1.0, float("inf"), 1e9])
def test_a_close_that_cannot_be_is_set_aside_with_its_reason(tmp_path, close):
    write_store(tmp_path / "sources", [traded("NABIL", DAYS[0]), traded("NABIL", DAYS[1]) | {"close": close}])
    ingest(tmp_path / "store", tmp_path / "sources")
    held = read_store(tmp_path / "store")
    assert held.quotes.close.tolist() == [100.0]
    assert held.reason.tolist() == [f"close is {close:g}, but a price is a positive number below 10,000,000"]
    np.testing.assert_array_equal(held.aside.close, [close])


@pytest.mark.parametrize("day", [date(2082, 5, 5), date(1989, 12, 31), date(9999, 1, 1)])
def test_a_day_of_another_calendar_is_never_only_set_aside(tmp_path, day):
    write_store(tmp_path / "sources", [traded("NABIL", DAYS[0]), traded("NABIL", day)])
    assert "convert Bikram Sambat dates" in refusal(ingest, tmp_path / "store", tmp_path / "sources")


def test_a_store_of_nothing_but_saturdays_takes_more_of_them(tmp_path):
    """The neighbour of a day was once looked for among none."""
    for symbol in ("AA", "BB"):
        ingest(tmp_path / "store", history(tmp_path / symbol, [date(2025, 1, 11)], (symbol,)))
    assert len(pd.read_parquet(tmp_path / "store" / "quarantine.parquet")) == 2


# ---- matrices


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_matrices_are_the_pivot_of_the_rows(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("wide")
    ingest(folder / "store", *random_files(random.Random(seed), folder / "sources"))
    rows = pd.read_parquet(folder / "store" / "prices.parquet")
    panel = read_prices(folder / "store")
    for _ in range(2):  # once from the rows, once from the matrices kept
        for name in wide.FRAMES:
            pivot = rows.pivot(index="date", columns="symbol", values=name)
            if name in ("volume", "turnover"):
                pivot = pivot.fillna(0.0)
            assert panel.symbols.tolist() == pivot.columns.tolist()
            assert [str(day) for day in panel.dates] == [str(day) for day in pivot.index]
            np.testing.assert_array_equal(getattr(panel, name), pivot.to_numpy())
            np.testing.assert_array_equal(read_frame(folder / "store", name).to_numpy(), pivot.to_numpy())
    shutil.rmtree(folder)


def test_matrices_are_kept_used_and_dropped_with_the_next_change(tmp_path, monkeypatch):
    store = stored(tmp_path)
    before = content(store)
    close = read_prices(store).close
    assert not list(store.glob("wide-*"))
    assert read_frame(store).to_numpy().tobytes() == close.tobytes()
    (kept,) = store.glob("wide-*")
    written = {path.stem: path.read_bytes() for path in kept.glob("*.npy")}
    assert written.keys() == {"dates", "symbols", *wide.FRAMES}
    digests = json.loads((kept / wide.DIGESTS).read_text())
    assert digests == {name: hashlib.sha256(data).hexdigest() for name, data in written.items()}
    monkeypatch.setattr("portfolio_opt.ingest.prices.read_data", lambda *_: pytest.fail("read again"))
    assert read_frame(store).to_numpy().tobytes() == close.tobytes()
    assert content(store) == before
    monkeypatch.undo()
    ingest(store, COMPANY_CSV.write(tmp_path, "EBL.csv"))
    assert not kept.exists()
    assert "EBL" in read_frame(store).columns


SPOILS = ["a bit", "cut", "emptied", "another shape", "another type", "pickled", "gone"]


def spoil(path, how):
    """Change a file of a matrix."""
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how in ("a bit", "cut", "emptied"):
        path.write_bytes(
            {"a bit": data[:-3] + bytes([data[-3] ^ 1]) + data[-2:], "cut": data[:-9], "emptied": b""}[how]
        )
    else:
        array = np.load(path)
        changed = {"another shape": array[1:], "another type": array.astype("V8"), "pickled": np.array([{}])}[how]
        np.save(path, changed, allow_pickle=how == "pickled")


@pytest.mark.parametrize("part", ["close", "dates", "symbols"])
@pytest.mark.parametrize("how", SPOILS)
def test_a_matrix_that_is_not_as_it_was_written_is_made_again(tmp_path, part, how):
    """One flipped bit in the kept closes was once read as a price."""
    store = stored(tmp_path)
    volume, close = (read_frame(store, name).copy() for name in ("volume", "close"))
    (path,) = store.glob(f"wide-*/{part}.npy")
    data, digest = path.read_bytes(), read_manifest(store).data_hash
    spoil(path, how)
    assert wide.kept(store, digest, "close") is None
    assert (wide.kept(store, digest, "volume") is None) == (part != "close")
    pd.testing.assert_frame_equal(read_frame(store, "volume"), volume)
    pd.testing.assert_frame_equal(read_frame(store), close)
    assert path.read_bytes() == data
    assert wide.kept(store, digest, "close").frames["close"].tobytes() == close.to_numpy().tobytes()


@pytest.mark.parametrize("text", [None, "", "{}", "[]", "null", '"close"', '{"close": 3}', "[" * 100_000, "\udcff"])
def test_matrices_without_their_digests_are_made_again(tmp_path, text):
    store = stored(tmp_path)
    close = read_frame(store).copy()
    (path,) = store.glob(f"wide-*/{wide.DIGESTS}")
    data = path.read_bytes()
    path.unlink() if text is None else path.write_bytes(text.encode("utf-8", "surrogateescape"))
    pd.testing.assert_frame_equal(read_frame(store), close)
    assert path.read_bytes() == data


def test_no_spoilt_matrix_gets_into_a_panel(tmp_path):
    store = stored(tmp_path)
    close = read_frame(store).to_numpy().copy()
    for path in store.glob("wide-*/*.npy"):
        spoil(path, "a bit")
    assert read_prices(store).close.tobytes() == close.tobytes()


def test_a_store_that_cannot_be_written_to_is_read(tmp_path, monkeypatch):
    store = stored(tmp_path)

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    for step in ("mkdir", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(*((Path, "mkdir") if step == "mkdir" else (os, "rename")), refuse)
            assert len(read_frame(store).columns) == 2
        assert not list(store.glob("wide-*"))


# ---- whatever fails


def failing_at(patch, step):
    """Let the n-th call that touches the disk fail; gives the counter."""
    calls = {"n": 0}

    def failing(real):
        def call(*args, **kwargs):
            calls["n"] += 1
            if calls["n"] == step:
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        return call

    steps = (
        (os, "fsync"),
        (os, "link"),
        (files, "_write"),
        (files, "_exchanged"),
        (Path, "rename"),
        (Path, "mkdir"),
    )
    for owner, name in steps:
        patch.setattr(owner, name, failing(getattr(owner, name)))
    return calls


def two_generations(folder):
    """Sources of an old and a new store, and the bytes of either."""
    old = history(folder / "old", DAYS[:4])
    new = history(folder / "new", DAYS[3:])
    SECTORS.write(new)
    ingest(folder / "a", old)
    shutil.copytree(folder / "a", folder / "b")
    ingest(folder / "b", new)
    return old, new, content(folder / "a"), content(folder / "b")


@pytest.mark.parametrize("atomic", [True, False], ids=["one exchange", "two renames"])
@pytest.mark.parametrize("start", ["absent", "old store"])
def test_whichever_step_fails_the_old_store_stands(tmp_path, start, atomic):
    _old, new, before, after = two_generations(tmp_path)
    if start == "absent":
        before = None
        ingest(tmp_path / "c", new)
        after = content(tmp_path / "c")
    failures = 0
    for step in range(1, 80):
        store = tmp_path / f"run{step}" / "store"
        store.parent.mkdir()
        if start != "absent":
            shutil.copytree(tmp_path / "a", store)
        with pytest.MonkeyPatch.context() as patch:
            if not atomic:
                patch.setattr(files, "_exchanged", lambda _a, _b: False)
            calls = failing_at(patch, step)
            try:
                ingest(store, new)
            except EnvironmentTrouble as error:
                failures += 1
                assert "No space left" in str(error)  # noqa: PT017
        assert (content(store) if store.exists() else None) in (before, after)
        ingest(store, new)
        assert content(store) == after
        assert [path.name for path in store.parent.iterdir()] == ["store"]
        if calls["n"] < step:
            break
    assert calls["n"] < step
    assert failures > 10


def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["portfolio_opt.commands.ingest", "pandas", "pyarrow.parquet", "pyarrow.csv"])
    return context


@unix
def test_killed_at_any_step_the_next_run_cleans_up_and_ends_right(tmp_path):
    _, new, before, after = two_generations(tmp_path)
    outcomes = []
    for step in range(1, 60):
        store = tmp_path / f"run{step}" / "store"
        shutil.copytree(tmp_path / "a", store)
        child = processes().Process(target=die_at, args=(step, store, [new]))
        child.start()
        child.join(60)
        assert content(store) in (before, after)
        outcomes.append((child.exitcode, content(store) == after))
        ingest(store, new)
        assert content(store) == after
        assert [path.name for path in store.parent.iterdir()] == ["store"]
        if child.exitcode == 0:
            break
    assert outcomes[-1] == (0, True)
    assert {(-signal.SIGKILL, False), (-signal.SIGKILL, True)} <= set(outcomes)


def test_a_store_moved_away_but_not_replaced_is_not_forgotten(tmp_path):
    """A run that came after a kill between two renames once began an empty store."""
    _, new, _, after = two_generations(tmp_path)
    (tmp_path / "a").rename(tmp_path / ".a.former-12345678")
    ingest(tmp_path / "a", new)
    assert content(tmp_path / "a") == after


# ---- one writer at a time


@unix
def test_a_second_writer_waits(tmp_path):
    sources = history(tmp_path / "sources")
    ready, leave = processes().Event(), processes().Event()
    child = processes().Process(target=hold_the_lock, args=(tmp_path / "store", ready, leave))
    child.start()
    assert ready.wait(60)
    threading.Timer(0.5, leave.set).start()
    ingest(tmp_path / "store", sources)
    assert leave.is_set()
    child.join(60)
    assert is_store(tmp_path / "store")


@unix
def test_a_writer_that_waits_too_long_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    with files.locked(tmp_path / "store"), pytest.raises(EnvironmentTrouble, match="another run is writing"):  # noqa: SIM117
        with files.locked(tmp_path / "store", patience=0.05):
            pass


@unix
def test_the_lock_of_a_killed_owner_does_not_block(tmp_path):
    ready, leave = processes().Event(), processes().Event()
    child = processes().Process(target=hold_the_lock, args=(tmp_path / "store", ready, leave))
    child.start()
    assert ready.wait(60)
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    assert (tmp_path / ".store.lock").exists()
    start = time.monotonic()
    ingest(tmp_path / "store", history(tmp_path / "sources"))
    assert time.monotonic() - start < 20  # it waits for 30
    assert not (tmp_path / ".store.lock").exists()


@unix
def test_a_lock_on_a_file_that_its_last_owner_removed_is_none(tmp_path, monkeypatch):
    """Else the run that waited and one that comes later would both hold one."""
    path, taken, flock = tmp_path / ".store.lock", [], files.fcntl.flock

    def late(handle, how):
        flock(handle, how)
        if not taken:
            path.unlink()
        taken.append(handle)

    monkeypatch.setattr(files.fcntl, "flock", late)
    with files.locked(tmp_path / "store"):
        assert path.exists()
    assert len(taken) == 2


@unix
def test_writers_at_the_same_time_all_end_right(tmp_path):
    sources = [history(tmp_path / name, symbols=(name,)) for name in ("AA", "BB", "CC", "DD")]
    ingest(tmp_path / "once", *sources)
    ready = processes().Event()
    writers = [
        processes().Process(target=ingest_when_told, args=(tmp_path / "store", [each], ready)) for each in sources
    ]
    for writer in writers:
        writer.start()
    ready.set()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert content(tmp_path / "store") == content(tmp_path / "once")


@unix
def test_a_reader_always_sees_one_whole_state(tmp_path):
    sources = [history(tmp_path / str(k), [day]) for k, day in enumerate(sessions(15))]
    states = {}
    for source in sources:
        ingest(tmp_path / "before", source)
        panel = read_prices(tmp_path / "before")
        states[panel.data_hash] = panel.close.tobytes()
    ingest(tmp_path / "store", sources[0])
    stop = processes().Event()
    child = processes().Process(target=ingest_one_by_one, args=(tmp_path / "store", sources[1:], stop))
    child.start()
    seen = []
    while not stop.is_set() and child.is_alive():
        panel = read_prices(tmp_path / "store")
        assert panel.close.tobytes() == states[panel.data_hash]
        assert read_frame(tmp_path / "store").to_numpy().tobytes() in states.values()
        seen.append(panel.data_hash)
    child.join(60)
    assert child.exitcode == 0
    assert len(set(seen)) > 1
    assert read_prices(tmp_path / "store").close.tobytes() == list(states.values())[-1]
