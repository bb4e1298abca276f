"""`portfolio-opt ingest` from the outside: exit codes, both outputs, what it writes, and what never gets into it."""

import io
import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from portfolio_opt.commands.ingest import run
from portfolio_opt.market.calendar import LONGEST_CLOSURE
from portfolio_opt.market.rules import rulebook

SHUT = min(day for day in rulebook().closures if day.year > 2023 and day.weekday() < 4)

COMPANY = "published_date,open,high,low,close,per_change,traded_quantity,traded_amount,status\n"
LTP = "date,open,high,low,ltp,percent_change,qty,turnover\n"
PAGE = (
    "S.No,Symbol,Conf.,Open,High,Low,Close,VWAP,Vol,Prev. Close,Turnover,Trans.,Diff,Range,Diff %,Range %,VWAP %,"
    "120 Days,180 Days,52 Weeks High,52 Weeks Low\n"
)
SECTORS = "symbol,name,sector,instrument_type\n"
NABIL = COMPANY + "2025-08-18,500,501,495,500,nan,800,400000,0\n2025-08-19,500,512,499,510,2,1200,606000,0\n"


@pytest.fixture
def sources(tmp_path):
    """Writes files of a folder with a telling name, and gives the folder."""
    folder = tmp_path / "secret-place"

    def write(**files):
        for name, text in files.items():
            path = folder / (name if "." in name else f"{name}.csv")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def ingest(command, tmp_path):
    """Runs the command on a store here."""

    def run(*arguments, store=None):
        return command("ingest", *arguments, "--store", store or tmp_path / "store")

    return run


def refused(ran, *words):
    assert ran.code == 2, ran.err
    assert ran.out == ""
    assert ran.err.startswith("portfolio-opt: ")
    assert ran.err.count("\n") == 1
    assert ran.err.rstrip("\n").isprintable()
    for word in words:
        assert word in ran.err
    return ran.err


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


# ---- done


def test_what_was_done_is_said_in_words(ingest, sources):
    ran = ingest(sources(NABIL=NABIL, sectors=SECTORS + "NABIL,Nabil Bank,Banking,equity\n"))
    assert (ran.code, ran.err) == (0, "")
    first, *_ = ran.out.splitlines()
    assert re.fullmatch(
        r"2 price rows, 2025-08-18 to 2025-08-19; 2 of them new or changed by 2 new of 2 files \(run [0-9a-f]{12}\)",
        first,
    )
    assert "sectors 1" in ran.out
    assert "company CSV 1, sectors table 1" in ran.out


def test_json_is_one_object_and_nothing_else(ingest, sources):
    folder = sources(NABIL=NABIL, sectors=SECTORS + "NABIL,Nabil Bank,Banking,equity\n")
    ran = ingest(folder, "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out, parse_constant=pytest.fail)
    assert found["schema"] == "portfolio_opt.ingest/1"
    assert re.fullmatch("[0-9a-f]{12}", found["run_id"])
    assert (found["rows"], found["rows_new_or_changed"], found["files_given"], found["files_new"]) == (2, 2, 2, 2)
    assert (found["first"], found["last"]) == ("2025-08-18", "2025-08-19")
    assert found["tables"] == {"sectors": 1}
    assert found["conflicts"] == found["table_conflicts"] == []
    manifest = json.loads((folder.parent / "store" / "manifest.json").read_text())
    assert found["data_hash"] == manifest["data_hash"]


def test_a_second_run_finds_nothing_new(ingest, sources, tmp_path):
    folder = sources(NABIL=NABIL)
    ingest(folder)
    before = content(tmp_path / "store")
    ran = ingest(folder)
    assert ran.code == 0
    assert ran.out.startswith("2 price rows, 2025-08-18 to 2025-08-19; 0 of them new or changed by 0 new of 1 files")
    assert content(tmp_path / "store") == before


def test_sources_of_any_mix_may_be_named_one_by_one_and_twice(ingest, sources, tmp_path):
    folder = sources(**{"NABIL": NABIL, "deep/er/EBL.csv": NABIL})
    ran = ingest(folder / "NABIL.csv", folder, folder / "deep", "--json")
    found = json.loads(ran.out)
    assert (found["rows"], found["files_given"]) == (4, 2)
    assert sorted(pd.read_parquet(tmp_path / "store" / "prices.parquet")["symbol"].unique()) == ["EBL", "NABIL"]


def test_a_source_with_labels_only_is_done_too(ingest, sources):
    ran = ingest(sources(sectors=SECTORS + "NABIL,Nabil Bank,Banking,equity\n"))
    assert ran.code == 0
    assert ran.out.startswith("0 price rows; 0 of them new or changed by 1 new of 1 files")
    assert json.loads(ingest(sources(), "--json").out)["rows"] == 0


def test_a_conflict_is_reported_with_both_values(ingest, sources):
    other = LTP + "2025-08-18,500,501,495,500.25,0,800,400000\n2025-08-19,500,513,499,510,2,1200,606000\n"
    folder = sources(NABIL=NABIL, **{"NABIL/prices.csv": other})
    ran = ingest(folder, "--json")
    assert json.loads(ran.out)["conflicts"] == [
        {
            "symbol": "NABIL",
            "date": f"2025-08-{day}",
            "kept": {"source": "company CSV", "close": close, "high": high, "low": low, "volume": volume},
            "left": {"source": "LTP history", "close": close_, "high": high_, "low": low, "volume": volume},
        }
        for day, close, high, close_, high_, low, volume in (
            (19, 510, 512, 510, 513, 499, 1200),
            (18, 500, 501, 500.25, 501, 495, 800),
        )
    ]
    words = ingest(folder, store=folder.parent / "other").out
    assert "conflict NABIL on 2025-08-18: close 500.00 (company CSV) kept, not close 500.25 (LTP history)" in words
    assert "conflict NABIL on 2025-08-19: high 512.00 (company CSV) kept, not high 513.00 (LTP history)" in words
    assert "rows that another source states otherwise: 2" in words


def test_tables_that_disagree_are_reported_with_both_values(ingest, sources):
    one, two = (SECTORS + f"NABIL,Nabil Bank,{sector},equity\n" for sector in ("Finance", "Investment"))
    words = ingest(sources(one=one, two=two)).out
    assert "conflict sectors, NABIL: sector Investment kept, not sector Finance" in words


def test_only_so_many_conflicts_are_printed_and_the_rest_counted(ingest, sources):
    days = [f"2025-08-{day}" for day in range(10, 22)]
    one = COMPANY + "".join(f"{day},500,501,495,500,0,{k + 1},400,0\n" for k, day in enumerate(days))
    two = LTP + "".join(f"{day},500,501,495,499,0,{k + 1},400\n" for k, day in enumerate(days))
    words = ingest(sources(NABIL=one, **{"NABIL/prices.csv": two})).out
    assert words.count("conflict NABIL") == 5
    assert "more conflicts: --json lists all" in words


def test_the_licence_note_goes_into_the_manifest(ingest, sources, tmp_path):
    ingest(sources(NABIL=NABIL), "--licence", "MIT, stated in its README")
    (source,) = json.loads((tmp_path / "store" / "manifest.json").read_text())["sources"]
    assert source["licence"] == "MIT, stated in its README"


def test_what_cannot_be_right_is_set_aside_or_under_strict_refused(ingest, sources, tmp_path):
    folder = sources(NABIL=NABIL + "2025-08-20,0,0,0,0,0,0,0,0\n2025-08-18,500,501,495,499,nan,800,400000,0\n")
    refused(ingest(folder, "--strict"), "NABIL.csv", "NABIL on 2025-08-20: close is 0")
    assert not (tmp_path / "store").exists()
    words = ingest(folder).out
    assert "rows that cannot be right: 1 (NABIL on 2025-08-20); set aside: close is 0" in words
    assert "rows that stand twice in their file with different figures: 2" in words
    aside = pd.read_parquet(tmp_path / "store" / "quarantine.parquet")
    assert sorted(aside["date"].astype(str)) == ["2025-08-18", "2025-08-18", "2025-08-20"]


def rules_found(ran):
    assert ran.code == 0, ran.err
    return {finding["rule"]: finding for finding in json.loads(ran.out)["findings"]}


def test_files_that_are_no_data_are_said_and_passed_over(ingest, sources, tmp_path):
    others = {"README.md": "-", "deep/notes.txt": "prices, of today", "pic\x1b[31m.png": "-", ".hidden.md": "-"}
    folder = sources(NABIL=NABIL, **others)
    (folder / "gone.csv").symlink_to(folder / "nowhere")
    undecodable = os.fsencode(folder) + b"/\xff.md"
    with open(undecodable, "w"):
        pass
    found = rules_found(ingest(folder, "--json"))["files in the folders without a data file's ending"]
    assert (found["rows"], found["effect"], found["severity"]) == (5, "passed over", "note")
    names = {case["symbol"] for case in found["cases"]}
    assert names == {"'README.md'", "'notes.txt'", r"'pic\x1b[31m.png'", "'gone.csv'", r"'\udcff.md'"}
    assert "passed over" in ingest(folder, store=tmp_path / "other").out
    assert "passed over" not in ingest(folder / "NABIL.csv", store=tmp_path / "third").out


def test_a_store_within_its_sources_is_not_passed_over(ingest, sources):
    folder = sources(NABIL=NABIL)
    for _ in range(2):
        assert rules_found(ingest(folder, "--json", store=folder / "store")) == {}
    (folder / "store" / "wide-0123456789abcdef").mkdir()
    assert rules_found(ingest(folder, "--json", store=folder / "store")) == {}


def test_files_of_one_content_under_different_names_are_warned_of_and_read(ingest, sources):
    ran = ingest(sources(NABIL=NABIL, EBL=NABIL), "--json")
    assert json.loads(ran.out)["rows"] == 4
    found = rules_found(ran)["files of one content under different names"]
    assert (found["rows"], found["severity"], found["examples"]) == (1, "warning", ["EBL.csv and NABIL.csv"])


def test_days_that_can_be_no_session_are_said_of_the_rows_that_come(ingest, sources):
    rules = {
        "2022-11-04": "rows on a day outside the trading week",  # a Friday
        "2023-08-20": f"rows of a day more than {LONGEST_CLOSURE} days after any other",
        str(SHUT): "rows on a day when the exchange was shut",
    }
    rows = [f"{day},500,501,495,{500 + k},nan,800,400000,0\n" for k, day in enumerate(["2022-11-03", *rules])]
    folder = sources(NABIL=COMPANY + "".join(rows))
    found = rules_found(ingest(folder, "--json"))
    for day, rule in rules.items():
        assert {"symbol": "NABIL", "date": day} in found[rule]["cases"]
    assert not rules_found(ingest(folder, "--json")).keys() & rules.values()  # nothing new came


MERGERS = "symbol,successor,ratio,last_day\n"
STATED = {
    "mergers": (MERGERS + "EBL,NABIL,0.5,2025-08-18\n", MERGERS + "EBL,NABIL,0.75,2025-08-18\n"),
    "holidays": ("date,name\n2030-01-01,Mine\n", "date,name\n2030-01-02,Mine\n"),
}


@pytest.mark.parametrize("table", STATED)
def test_the_statement_given_last_counts_even_if_it_was_given_before(ingest, sources, tmp_path, table):
    """A file that the store knew was once passed over, so that nobody could go back to it."""
    ingest(sources(NABIL=NABIL, EBL=NABIL))
    earlier, later = (sources(**{f"{k}/{table}": text}) / str(k) for k, text in enumerate(STATED[table]))
    for folder, text in ((earlier, 0), (later, 1), (earlier, 0), (earlier, 0)):
        assert ingest(folder).code == 0
        kept = pd.read_csv(tmp_path / "store" / f"{table}.csv", dtype=str)
        stated = pd.read_csv(io.StringIO(STATED[table][text]), dtype=str)
        pd.testing.assert_frame_equal(kept[stated.columns], stated)


# ---- refused


@pytest.mark.parametrize("table", STATED)
def test_a_statement_put_into_the_store_by_hand_is_to_be_given_as_a_source(ingest, sources, tmp_path, table):
    folder = sources(NABIL=NABIL, EBL=NABIL)
    ingest(folder)
    path = tmp_path / "store" / f"{table}.csv"
    path.write_text(STATED[table][0])
    refused(ingest(sources(GBIME=NABIL)), f"holds '{table}.csv' of your own; move it away and give it to ingest")
    assert path.read_text() == STATED[table][0]
    path.rename(folder / path.name)
    assert ingest(folder / path.name).code == 0
    assert path.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NABIL.replace("510,2", "abc,2"), ("NABIL.csv, line 3", "close is 'abc'")),
        (NABIL.replace("2025-08-19", "2082-05-05"), ("NABIL.csv, line 3", "Bikram Sambat")),
        (NABIL.replace("606000", "606,000"), ("NABIL.csv, line 3", "expected 9 columns, got 10")),
        (NABIL.replace("close", "last"), ("NABIL.csv", "lacks close and has 1 unknown")),
        ("", ("NABIL.csv", "is empty")),
        (COMPANY, ("NABIL.csv", "no rows")),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(ingest, sources, tmp_path, text, words):
    folder = sources(NABIL=text, EBL=NABIL)
    refused(ingest(folder), *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret-place"]
    refused(ingest(folder, "--json"), *words)


def test_bad_usage_is_refused(command, ingest, sources, tmp_path):
    folder = sources(NABIL=NABIL)
    (tmp_path / "empty").mkdir()
    refused(command("ingest", folder), "give --store DIR")
    refused(ingest(tmp_path / "gone"), "gone does not exist")
    refused(ingest(tmp_path / "empty"), "holds no data file")
    refused(ingest(folder, store=folder), "no part of a price store")
    refused(ingest(folder, "--strcit"), "did you mean --strict?")
    assert command("ingest").code == 2
    config = tmp_path / "mine.toml"
    config.write_text("license = 'MIT'\n")
    refused(ingest(folder, "--config", config), "'license'", "did you mean 'licence'?")
    assert not (tmp_path / "store").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_at_once(ingest, sources):
    folder = sources(NABIL=NABIL)
    os.mkfifo(folder / "pipe.csv")
    refused(ingest(folder / "pipe.csv"), "is no plain file")
    assert ingest(folder).code == 0


def test_a_disk_that_refuses_is_exit_4_and_the_old_store_stands(ingest, sources, tmp_path, monkeypatch):
    ingest(sources(NABIL=NABIL))
    before = content(tmp_path / "store")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    ran = ingest(sources(EBL=NABIL))
    assert ran.code == 4
    assert ran.out == ""
    assert "No space left" in ran.err
    assert content(tmp_path / "store") == before


# ---- what never gets in, and what never matters


def test_no_path_of_a_source_gets_into_any_output_or_file(ingest, sources, tmp_path):
    from portfolio_opt.ingest.prices import read_prices

    table = pd.DataFrame({name: [1.0] for name in ("open", "high", "low", "close", "volume", "turnover")})
    folder = sources(
        NABIL=NABIL,
        EBL=NABIL + "2025-08-16,1,1,1,1,0,1,1,0\n",
        **{"HBL/prices.csv": LTP + "2025-08-18,1,1,1,1,0,1,1\n"},
    )
    days = pd.Series(pd.to_datetime(["2025-08-18"])).dt.date
    table.assign(symbol="X", date=days).to_parquet(folder / "prices.parquet")
    outputs = [ingest(folder).out, ingest(folder, "--json", store=tmp_path / "b").out]
    read_prices(tmp_path / "store")
    for text in outputs:
        assert "secret-place" not in text
        assert str(tmp_path) not in text
    for name, data in content(tmp_path / "store").items():
        assert b"secret-place" not in data, name
        assert str(tmp_path).encode() not in data, name
    names = {source["file"] for source in json.loads((tmp_path / "store" / "manifest.json").read_text())["sources"]}
    assert names == {"NABIL.csv", "EBL.csv", "HBL/prices.csv", "prices.parquet"}


HOSTILE = {
    "=cmd": "=CMD",
    "<script>alert(x)": "<SCRIPT>ALERT(X)",
    "x..%2f": "X..%2F",
    "-rf": "-RF",
    "{a}": "{A}",
    "%s": "%S",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_symbol_is_only_text(ingest, sources, tmp_path, name):
    other = LTP + "2025-08-18,500,501,495,499,0,800,400000\n"
    folder = sources(**{f"{name}.csv": NABIL, f"{name}/prices.csv": other})
    ran = ingest(folder)
    assert ran.code == 0
    assert f"conflict {HOSTILE[name]} on 2025-08-18" in ran.out
    assert set(pd.read_parquet(tmp_path / "store" / "prices.parquet")["symbol"]) == {HOSTILE[name]}
    found = {path.split("/")[0] for path in content(tmp_path / "store")}
    assert found == {"prices.parquet", "quarantine.parquet", "manifest.json"}


@pytest.mark.parametrize("name", ["a b", "{0}", "nabil bank download", "12", "; rm -rf ~", "\u202e", "a\x1b[31m"])
def test_a_hostile_name_of_several_words_or_without_a_letter_is_refused(ingest, sources, tmp_path, name):
    refused(ingest(sources(**{f"{name}.csv": NABIL})), "rename it")
    refused(ingest(sources(**{f"{name}/prices.csv": LTP + "2025-08-18,500,501,495,499,0,800,400000\n"})), "rename it")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("symbol", ["../x", "/etc/passwd", '=cmd|"/c calc"!A0', "a,b", "<b>"])
def test_a_hostile_symbol_within_a_file_is_only_text(ingest, sources, tmp_path, symbol):
    quoted = '"' + symbol.replace('"', '""') + '"'
    page = PAGE + f"1,{quoted},-,1,1,1,1,-,5,-,5,-,-,-,-,-,-,-,-,-,-\n"
    ran = ingest(sources(**{"2025_08_18.csv": page, "sectors": SECTORS + f"{quoted},{quoted},{quoted},equity\n"}))
    assert ran.code == 0
    assert list(pd.read_parquet(tmp_path / "store" / "prices.parquet")["symbol"]) == [symbol.upper()]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret-place", "store"]
    cells = pd.read_csv(tmp_path / "store" / "sectors.csv", keep_default_na=False)
    assert cells.iloc[0].tolist() == [symbol.upper(), symbol, symbol, "equity", ""]


@pytest.mark.parametrize("text", ["\x1b[31mred", "\x07", "\u202eevil", "a\u2028"])
def test_signs_that_would_steer_a_terminal_are_refused(ingest, sources, text):
    refused(ingest(sources(sectors=SECTORS + f"NABIL,{text}x,Banking,equity\n")), "sectors.csv")


def test_neither_hash_seed_nor_clock_nor_locale_changes_a_byte(sources, tmp_path):
    folder = sources(
        NABIL=NABIL, EBL=NABIL.replace("510", "511"), ओम=NABIL, sectors=SECTORS + "NABIL,नबिल,Banking,equity\n"
    )
    outputs = []
    for k, settings in enumerate(
        (
            {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C"},
            {"PYTHONHASHSEED": "2", "TZ": "America/New_York", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "0"},
        )
    ):
        store = tmp_path / f"store{k}"
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-m", "portfolio_opt", "ingest", folder, "--store", store, "--json"],
            env={**os.environ, **settings},
            capture_output=True,
            check=True,
        )
        outputs.append((ran.stdout, ran.stderr, content(store)))
    assert outputs[0] == outputs[1]
    assert outputs[0][1] == b""
    assert "ओम.csv" in outputs[0][2]["manifest.json"].decode()


def test_the_order_of_the_sources_does_not_matter(sources, tmp_path):
    folder = sources(NABIL=NABIL, EBL=NABIL, **{"NABIL/prices.csv": LTP + "2025-08-18,1,1,1,499,0,800,400000\n"})
    paths = sorted(path for path in folder.rglob("*.csv"))
    found = [run(order, {"store": str(tmp_path / str(k))}) for k, order in enumerate((paths, paths[::-1], [folder]))]
    assert found[0] == found[1] == found[2]
    assert content(tmp_path / "0") == content(tmp_path / "1") == content(tmp_path / "2")
