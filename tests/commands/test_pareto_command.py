"""The `pareto` command: its files, what it refuses, and that it goes on where it stopped."""

import csv
import io
import json

import pytest
from conftest import MARKET, NOW

from portfolio_opt.commands import pareto as command_module
from portfolio_opt.report.front_json import SCHEMA


@pytest.fixture
def pareto(command):
    """`pareto` on the sample market at a fixed time, quick."""

    def run(**options):
        options = {"prices": MARKET, "now": NOW, "cash": 1_000_000, "points": 12, "rounds": 2} | options
        arguments = []
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            arguments += [] if value is None else [flag] if value is True else [flag, value]
        return command("pareto", *arguments)

    return run


def test_a_run_makes_its_three_files_and_says_what_it_did(pareto, account, tmp_path):
    found = pareto(holdings=account.holdings, wacc=account.wacc, out=tmp_path / "out")
    assert found.code == 0
    assert "report.html, orders.csv and front.json" in found.out
    document = json.loads((tmp_path / "out" / "front.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    assert document["schema"] == SCHEMA
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "orders.csv").read_text())))
    chosen = document["points"][document["chosen"]["point"]]
    assert {row["run_id"] for row in rows} == {document["run_id"]}
    assert [(row["symbol"], row["side"], int(row["quantity"])) for row in rows] == [
        (order["symbol"], order["side"], order["quantity"]) for order in chosen["orders"]
    ]
    charges = sum(float(row["commission"]) + float(row["sebon_fee"]) + float(row["dp_charge"]) for row in rows)
    assert charges == pytest.approx(chosen["charges"], abs=0.005)
    page = (tmp_path / "out" / "report.html").read_text()
    assert document["run_id"] in page
    assert len(page.encode()) <= 200_000
    assert not (tmp_path / "out.work").exists()


def test_the_same_run_gives_the_same_bytes_and_json_is_the_file(pareto, tmp_path):
    first = pareto(out=tmp_path / "a", json=True)
    pareto(out=tmp_path / "b")
    for name in command_module.FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert first.out == (tmp_path / "a" / "front.json").read_text()


def test_a_run_that_was_cut_off_goes_on_and_gives_the_same_bytes(pareto, tmp_path, monkeypatch):
    straight = pareto(rounds=4, out=tmp_path / "straight")
    assert straight.code == 0

    def cut(at):
        if at.round == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(command_module, "_bar", lambda: cut)
    assert pareto(rounds=4, out=tmp_path / "out").code == 130
    assert (tmp_path / "out.work").exists()
    assert not (tmp_path / "out").exists()
    rounds = []
    monkeypatch.setattr(command_module, "_bar", lambda: lambda at: rounds.append(at.round))
    assert pareto(rounds=4, out=tmp_path / "out").code == 0
    assert rounds[:1] in ([], [3])
    for name in command_module.FILES:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"points": 0}, 2, "points is 0"),
        ({"points": 100_000}, 2, "points is 100000"),
        ({"objectives": ";".join(f"o{k}" for k in range(20))}, 2, "no objective"),
        ({"objectives": "return; return"}, 2, "is there twice"),
        ({"objectives": "return"}, 2, "trades off 2 to 5"),
        ({"choose": "elbow"}, 2, "did you mean"),
        ({"engine": "fast"}, 2, "no engine"),
        ({"time_limit": "0"}, 2, "time_limit"),
        ({"rounds": 0}, 2, "at least one round"),
        ({"limits": "names <= 3"}, 3, "enough alone is"),
        ({"cash": 500}, 3, "cannot afford one lot"),
    ],
)
def test_what_is_refused_says_why_and_writes_nothing(pareto, tmp_path, options, code, words):
    found = pareto(**options, out=tmp_path / "out")
    assert (found.code, found.out) == (code, "")
    assert words in found.err
    assert "Traceback" not in found.err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(pareto, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    assert pareto(out=tmp_path).code == 2
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_words_on_the_terminal_name_choice_and_orders(pareto):
    found = pareto(objectives="gross-return; cvar; cost", choose="least-change")
    assert found.code == 0
    assert "least-change" in found.out
