"""The price store: whatever the steps, the same bytes; whatever fails, the old store or the new one, whole."""

import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import threading
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_sources import SYMBOLS, random_files
from small_files import refusal, sessions, traded, write_companies, write_store
from source_samples import COMPANY_CSV, OLD_TODAY, SECTORS, SECURITIES
from store_runs import content, die_at, hold_the_lock, ingest, ingest_one_by_one, ingest_when_told

from portfolio_opt import files
from portfolio_opt.errors import EnvironmentTrouble
from portfolio_opt.ingest.prices import read_frame, read_prices
from portfolio_opt.ingest.store import wide
from portfolio_opt.ingest.store.manifest import MANIFEST, is_store
from portfolio_opt.ingest.store.read import read_store

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
    assert ingest(tmp_path / "store", SECURITIES.write(tmp_path))["rows_new_or_changed"] == 2


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_years_and_gaps_between_months_are_filled_backwards_and_forwards(tmp_path, order):
    spans = [sessions(3, start) for start in (date(2023, 12, 27), date(2024, 8, 4), date(2025, 1, 1))]
    parts = [history(tmp_path / str(k), days) for k, days in enumerate(spans)]
    ingest(tmp_path / "once", *parts)
    for k in order:
        ingest(tmp_path / "steps", parts[k])
    assert content(tmp_path / "steps") == content(tmp_path / "once")


def test_a_backfilled_day_can_make_the_next_one_a_copy(tmp_path):
    symbols = SYMBOLS[:5]
    still = [traded(name, day) for day in (DAYS[0], DAYS[2]) for name in symbols]
    moved = [traded(name, DAYS[1], 101.0) for name in symbols]
    write_store(tmp_path / "still", still)
    write_store(tmp_path / "moved", moved)
    ingest(tmp_path / "store", tmp_path / "still")
    assert read_prices(tmp_path / "store").sessions() == [DAYS[0]]
    ingest(tmp_path / "store", tmp_path / "moved")
    assert read_prices(tmp_path / "store").sessions() == DAYS[:3]


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
    for _ in range(2):  # once from the rows, once from the matrices kept
        panel = read_prices(folder / "store")
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
    first = read_prices(store)
    (kept,) = store.glob("wide-*")
    monkeypatch.setattr("portfolio_opt.ingest.prices.wide_of", lambda *_: pytest.fail("made again"))
    assert read_prices(store).close.tobytes() == first.close.tobytes()
    assert content(store) == before
    ingest(store, COMPANY_CSV.write(tmp_path, "EBL.csv"))
    assert not kept.exists()
    monkeypatch.undo()
    assert "EBL" in read_prices(store).symbols


@pytest.mark.parametrize("spoil", ["cut", "emptied", "another shape", "another type", "pickled", "one gone"])
def test_spoilt_matrices_are_made_again(tmp_path, spoil):
    store = stored(tmp_path)
    close = read_prices(store).close.copy()
    (path,) = store.glob("wide-*/close.npy")
    data = path.read_bytes()
    if spoil == "one gone":
        path.unlink()
    elif spoil in ("cut", "emptied"):
        path.write_bytes(data[:-9] if spoil == "cut" else b"")
    else:
        array = {"another shape": close[1:], "another type": close.astype(np.float32), "pickled": np.array([{}])}[spoil]
        np.save(path, array, allow_pickle=spoil == "pickled")
    assert read_prices(store).close.tobytes() == close.tobytes()
    assert read_frame(store).to_numpy().tobytes() == close.tobytes()


def test_a_store_that_cannot_be_written_to_is_read(tmp_path, monkeypatch):
    store = stored(tmp_path)

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    for step in ("mkdir", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(*((Path, "mkdir") if step == "mkdir" else (os, "rename")), refuse)
            assert len(read_prices(store).symbols) == 2
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
