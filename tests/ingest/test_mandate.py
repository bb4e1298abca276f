"""A mandate's file: the template, what is read, and how every slip is refused."""

import pickle
import tomllib
from dataclasses import fields
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_files import refusal

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.mandate import WORDS, Locked, Mandate, require_known
from portfolio_opt.ingest.mandate_file import READERS, mandate_of, read_mandate
from portfolio_opt.ingest.panel import Panel

TEMPLATE = Path(__file__).parents[2] / "docs" / "mandate.toml"
FULL = """
name = "Growth scheme"
max_weight = 0.1
max_sector = 0.3
min_position = 0.01
cash_floor = 0.02
cash_ceiling = 0.1
min_listed = 0.7
max_of_company = 0.15
min_names = 10
max_names = 40
instruments = ["equity", "mutual_fund"]
sectors = ["Hydro Power", "Finance"]
forbidden = ["nabil", "UPPER"]
limits = ["Hydro Power + Finance <= 0.5"]
[weight_caps]
EBL = 0.05
[sector_caps]
"Hydro Power" = 0.2
[listed_units]
EBL = 100_000
[locked]
EBL = 500
CIT = { units = 1000, until = 2027-01-15 }
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def panel():
    sectors = {"EBL": "Finance", "UPPER": "Hydro Power", "FUND": "Mutual Fund", "SHOP": "Tradings"}
    close = pd.DataFrame(100.0, index=pd.date_range("2026-01-04", periods=3), columns=list(sectors))
    kinds = dict.fromkeys(sectors, "equity") | {"FUND": "mutual_fund"}
    return Panel.from_frames(close=close, sector=sectors, instrument=kinds)


def test_every_key_is_read(file):
    found = read_mandate(file(FULL))
    assert found == Mandate(
        name="Growth scheme",
        max_weight=0.1,
        max_sector=0.3,
        min_position=0.01,
        cash_floor=0.02,
        cash_ceiling=0.1,
        min_listed=0.7,
        max_of_company=0.15,
        min_names=10,
        max_names=40,
        instruments=("equity", "mutual_fund"),
        sectors=("Hydro Power", "Finance"),
        forbidden=("NABIL", "UPPER"),
        limits=("Hydro Power + Finance <= 0.5",),
        weight_caps={"EBL": 0.05},
        sector_caps={"Hydro Power": 0.2},
        listed_units={"EBL": 100_000},
        locked={"EBL": Locked(500), "CIT": Locked(1000, date(2027, 1, 15))},
    )
    assert pickle.loads(pickle.dumps(found)) == found


def test_every_field_has_a_reader_and_is_said_in_words(file):
    assert list(READERS) == [field.name for field in fields(Mandate)]
    tables = {"weight_caps", "sector_caps", "locked", "limits"}
    assert set(WORDS) | tables | {"name", "listed_units"} == set(READERS)
    words = read_mandate(file(FULL)).in_words()
    assert len(words) == len(WORDS) + 2 + 2 + 1
    for phrase in ("at most 10% in each name", "at most 20% in Hydro Power", "1,000 CIT not sold before 2027-01-15"):
        assert phrase in words


def test_an_empty_mandate_limits_nothing(file):
    assert read_mandate(file("# nothing\n")) == Mandate()
    assert Mandate().in_words() == ()
    assert Mandate().caps(0.1, 0.35) == (0.1, 0.35)


def test_the_template_is_read_and_every_figure_in_it_asks_to_be_confirmed():
    text = TEMPLATE.read_text(encoding="utf-8")
    found = read_mandate(TEMPLATE)
    assert found.max_weight == 0.10
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if value and not line.startswith("#") and value.split("#")[0].strip()[0].isdigit():
            assert "confirm against your prospectus" in line, key
    assert set(tomllib.loads(text)) | {"sectors"} == set(READERS)
    uncommented = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if not line.startswith("# ") or " = " in line
    )
    assert mandate_of(tomllib.loads(uncommented)).locked["NABIL"].until == date(2027, 1, 15)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_wieght = 0.1", "unknown key 'max_wieght'; did you mean 'max_weight'?"),
        ("[weight_cap]\nEBL = 0.1", "did you mean 'weight_caps'?"),
        ("max_weight = 10", "max_weight is 10, but it is a fraction from 0 to 1; did you mean 0.1?"),
        ('max_weight = "10%"', "did you mean 0.1?"),
        ('max_weight = "0.1"', "without quotes"),
        ("max_weight = true", "but it is a number"),
        ("max_weight = nan", "not a number"),
        ("max_weight = inf", "not a number"),
        ("max_weight = -0.1", "a fraction from 0 to 1"),
        ("max_weight = 0", "allows nothing"),
        ("max_weight = [0.1]", "is a list, but it is a number"),
        ("max_weight = 2027-01-01", "is a day or time, but it is a number"),
        ("min_names = 2.5", "a whole number of at least 1"),
        (f"min_names = {'9' * 50}", "not a number"),
        (f"min_names = {'9' * 5000}", "not TOML that can be read"),
        ('forbidden = "NABIL"', "is 'NABIL', but it is a list of texts"),
        ("forbidden = [1]", "is a number, but it is a text"),
        ('forbidden = ["1301120000123456"]', "account number"),
        ("sectors = []", "allows nothing"),
        ('instruments = ["equities"]', "did you mean 'equity'?"),
        ("weight_caps = 0.1", "is a number, but it is a table"),
        ("[weight_caps]\nEBL = 5", "weight_caps of 'EBL' is 5, but it is a fraction from 0 to 1; did you mean 0.05?"),
        ("[weight_caps]\nEBL = 0.1\nebl = 0.2", "holds 'EBL' twice"),
        ("[locked]\nEBL = {unit = 5}", "did you mean 'units'?"),
        ("[locked]\nEBL = {until = 2027-01-15}", "has no units"),
        ('[locked]\nEBL = {units = 5, until = "2083-05-01"}', "Bikram Sambat"),
        ("cash_floor = 0.2\ncash_ceiling = 0.1", "cash_floor is 0.2, more than cash_ceiling, 0.1"),
        ("min_names = 5\nmax_names = 4", "min_names is 5, more than max_names, 4"),
        ("min_names = 30\nmin_position = 0.05", "more than the 1 that cash_floor leaves"),
        ("max_weight = 0.1\nmax_weight = 0.2", "not TOML that can be read"),
        ("max_weight 0.1", "not TOML that can be read"),
        ('"\\u0007\\n" = 1', "unknown key"),
        ("[[max_weight]]\nx = 1", "is a list, but it is a number"),
        ("x = " + "[" * 3000, "not TOML that can be read"),
    ],
)
def test_every_slip_is_refused_with_what_to_do(file, text, said):
    message = refusal(read_mandate, file(text))
    assert message.startswith("mine.toml")
    assert said in message


def refused_with(read, given):
    """What a refusal says; nothing where it was read."""
    try:
        read(given)
    except InvalidInput as error:
        return str(error)
    return ""


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=80), key=st.sampled_from(sorted(READERS)), value=st.text(max_size=30))
def test_whatever_stands_in_the_file_is_read_or_refused(tmp_path, content, key, value):
    path = tmp_path / "hostile.toml"
    for body in (content, f"{key} = {value}".encode("utf-8", "surrogatepass")):
        path.write_bytes(body)
        assert refused_with(read_mandate, path).isprintable()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(table=st.dictionaries(st.sampled_from(sorted(READERS)), VALUES, max_size=4))
def test_values_of_any_kind_are_taken_or_refused(table):
    assert refused_with(lambda given: mandate_of(given).in_words(), table).isprintable()


def test_sectors_are_known_by_their_other_names_too(file):
    assert read_mandate(file('sectors = ["Hydropower", "Banking"]')).sectors == ("Hydro Power", "Commercial Banks")


def test_figures_that_just_fit_are_taken():
    assert Mandate(cash_floor=0.9, min_listed=0.1, min_names=1, min_position=0.1).min_names == 1  # 1 - 0.9 is below 0.1


def test_the_stricter_cap_counts():
    mandate = Mandate(max_weight=0.05, max_sector=0.5)
    assert mandate.caps(0.1, 0.35) == (0.05, 0.35)


def test_units_are_locked_until_their_day():
    mandate = Mandate(locked={"EBL": Locked(5), "CIT": Locked(7, date(2027, 1, 15))})
    assert mandate.units_locked(date(2027, 1, 14)) == {"EBL": 5, "CIT": 7}
    assert mandate.units_locked(date(2027, 1, 15)) == {"EBL": 5}


def test_what_may_not_be_bought_is_named_with_the_reason(panel):
    mandate = Mandate(forbidden=("EBL",), instruments=("equity",), sectors=("Finance", "Hydro Power"))
    assert mandate.excluded(panel) == {
        "EBL": "forbidden by the mandate",
        "FUND": "the mandate allows no mutual fund",
        "SHOP": "the mandate does not allow the sector Tradings",
    }
    assert Mandate().excluded(panel) == {}


@pytest.mark.parametrize(
    ("mandate", "said"),
    [
        (Mandate(forbidden=("EBI",)), "forbidden: 'EBI' is no symbol of these prices; did you mean 'EBL'?"),
        (Mandate(sector_caps={"Hydropower": 0.1}), "no sector of these prices; did you mean 'Hydro Power'?"),
        (Mandate(locked={"CIT": Locked(5)}), "locked: 'CIT' is no symbol"),
    ],
)
def test_a_slip_in_a_name_would_lift_a_limit_and_is_refused(panel, mandate, said):
    assert said in refusal(require_known, mandate, panel)


def test_names_that_are_known_pass(panel):
    require_known(Mandate(forbidden=("EBL",), sectors=("Finance",), weight_caps={"UPPER": 0.1}), panel)
