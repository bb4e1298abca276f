"""A mandate and further limits on the command line: kept by the orders, shown in the report, refused in words."""

import json

import pytest

MANDATE = """
name = "Scheme <b>A</b>"
max_weight = 0.12
max_sector = 0.30
min_position = 0.01
max_names = 20
cash_floor = 0.02
cash_ceiling = 0.10
instruments = ["equity"]
limits = ["Hydro Power + Investment <= 0.40"]
"""


@pytest.fixture
def mandate(tmp_path):
    def write(text):
        path = tmp_path / "mandate.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_mandate_is_kept_and_shown(rebalance, mandate, tmp_path):
    out = tmp_path / "out"
    ran = rebalance(mandate=mandate(MANDATE), cash=5_000_000, draws=0, out=out)
    assert (ran.code, ran.err) == (0, "")
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    after = plan["after"]
    weights = {row["symbol"]: row["value"] / after["wealth"] for row in after["holdings"]}
    sectors: dict[str, float] = {}
    for row in after["holdings"]:
        sectors[row["sector"]] = sectors.get(row["sector"], 0.0) + weights[row["symbol"]]
    assert 0.01 * 0.99 <= min(weights.values()) <= max(weights.values()) <= 0.12
    assert len(weights) <= 20
    assert max(sectors.values()) <= 0.30
    assert sectors.get("Hydro Power", 0) + sectors.get("Investment", 0) <= 0.40
    assert 0.02 <= after["cash"] / after["wealth"] <= 0.10
    assert plan["options"]["mandate"]["name"] == "Scheme <b>A</b>"
    assert plan["options"]["max_weight"] == 0.12
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Scheme &lt;b&gt;A&lt;/b&gt;" in page
    assert "<b>A</b>" not in page


def test_beside_options_the_stricter_holds(rebalance, mandate):
    file = mandate('max_weight = 0.2\nforbidden = ["XKITE"]\n[weight_caps]\nXCUCKOO = 0.03\n')
    ran = rebalance(mandate=file, max_weight=0.15, draws=0, json=True)
    plan = json.loads(ran.out)
    weights = {row["symbol"]: row["value"] / plan["after"]["wealth"] for row in plan["after"]["holdings"]}
    assert plan["options"]["max_weight"] == 0.15
    assert max(weights.values()) <= 0.15
    assert "XKITE" not in weights
    assert weights.get("XCUCKOO", 0.0) <= 0.03


def test_another_mandate_is_another_run(rebalance, mandate):
    runs = [
        json.loads(rebalance(mandate=mandate(f"max_weight = {cap}\n"), draws=0, json=True).out) for cap in (0.2, 0.1)
    ]
    assert runs[0]["run_id"] != runs[1]["run_id"]
    assert runs[0]["account_hash"] != runs[1]["account_hash"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_wieght = 0.1\n", "did you mean 'max_weight'"),
        ("max_weight = 10\n", "did you mean 0.1"),
        ('forbidden = ["XKTIE"]\n', "no symbol of these prices"),
        ('limits = ["Hydro Pwer <= 0.2"]\n', "did you mean 'Hydro Power'"),
        ("cash_floor = 0.3\ncash_ceiling = 0.1\n", "cash_floor is 0.3, more than cash_ceiling"),
    ],
)
def test_what_cannot_be_read_with_certainty_is_refused(rebalance, mandate, tmp_path, text, words):
    ran = rebalance(mandate=mandate(text), out=tmp_path / "out")
    assert ran.code == 2
    assert words in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_limits_that_cannot_be_met_exit_with_the_smallest_change(rebalance):
    ran = rebalance(limits="turnover <= 0.2; weight <= 0.2")
    assert ran.code == 3
    assert "one-way turnover of at most 20%" in ran.err
    assert "smallest change" in ran.err


def test_limits_that_leave_nothing_are_refused(rebalance):
    none_in_a_name = rebalance(limits="weight <= 0")
    assert none_in_a_name.code == 3
    assert "smallest change" in none_in_a_name.err
    no_order = rebalance(limits="participation <= 0")
    assert no_order.code == 2
    assert "allows no order" in no_order.err


def test_limits_as_text_hold(rebalance):
    plan = json.loads(rebalance(limits="Hydro Power <= 10%; weight <= 8%", draws=0, json=True).out)
    weights = [row["value"] / plan["after"]["wealth"] for row in plan["after"]["holdings"]]
    hydro = [w for w, row in zip(weights, plan["after"]["holdings"], strict=True) if row["sector"] == "Hydro Power"]
    assert max(weights) <= 0.08
    assert sum(hydro) <= 0.10


def test_exact_says_when_there_are_too_many_names(rebalance):
    ran = rebalance(exact=True)
    assert ran.code == 2
    assert "up to 30 names" in ran.err
