"""A user's own expected returns: what is read, what is refused, and what they change."""

from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_files import refusal, write_xlsx

from portfolio_opt.errors import InvalidInput
from portfolio_opt.forecast.beliefs import Beliefs
from portfolio_opt.forecast.views import with_views
from portfolio_opt.ingest.views import View, read_views, view_findings

KNOWN = ("NABIL", "UPPER", "NICAD85/86", "TRUE", "=CMD")


@pytest.fixture
def file(tmp_path):
    """Writes a file of views of these lines."""

    def write(*lines):
        path = tmp_path / "views.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def beliefs():
    return Beliefs(
        as_of=date(2026, 8, 21),
        horizon=230,
        symbols=np.array(["NABIL", "UPPER", "EBL"]),
        mean=np.array([0.1, 0.2, 0.3]),
        loadings=np.ones((3, 1)),
        specific=np.ones(3),
        standard_error=np.array([0.04, 0.05, 0.06]),
        origin="Prices only.",
        scenarios=np.zeros((2, 1, 3)),
    )


def test_returns_and_their_errors_are_read(file):
    path = file("Symbol,Expected_Return,note,standard_error", "nabil,0.12,bank,0.04", "UPPER,-.3,,", "TRUE,1,,0")
    assert read_views(path, KNOWN) == {"NABIL": View(0.12, 0.04), "UPPER": View(-0.3), "TRUE": View(1.0, 0.0)}


def test_a_workbook_is_read_like_a_csv(tmp_path):
    path = write_xlsx(tmp_path / "views.xlsx", [["symbol", "expected_return"], ["NABIL", 0.12]])
    assert read_views(path, KNOWN) == {"NABIL": View(0.12)}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("NABIL,12%", "did you mean 0.12?"),
        ("NABIL,12", "did you mean 0.12?"),
        ("NABIL,0.5%", "did you mean 0.005?"),
        ("NABIL,-12", "did you mean -0.12?"),
        ("NABIL,-1", "above -1"),
        ("NABIL,900", "above -1"),
        ("NABIL,", "is empty"),
        ("NABIL,-", "is empty"),
        ("NABIL,nan", "'nan' is not a number"),
        ("NABIL,1e999", "not a number"),
        ("NABIL,=0.12", "not a number"),
        ("NABLI,0.1", "did you mean 'NABIL'?"),
        ("NICAD85,0.1", "did you mean 'NICAD85/86'?"),
        (",0.1", "is not a symbol"),
        ("NABIL,0.1,0.2", "3 fields under a header of 2"),
    ],
)
def test_what_is_not_certain_is_refused_with_its_line(file, row, said):
    message = refusal(read_views, file("symbol,expected_return", "UPPER,0.1", row), KNOWN)
    assert "views.csv, line 3" in message
    assert said in message


def test_a_percentage_as_standard_error_is_refused(file):
    message = refusal(read_views, file("symbol,expected_return,standard_error", "NABIL,0.1,5"), KNOWN)
    assert "standard_error is '5'" in message
    assert "did you mean 0.05?" in message


def test_two_views_of_a_symbol_are_refused_unless_they_are_the_same(file):
    assert "two different views" in refusal(read_views, file("symbol,expected_return", "NABIL,0.1", "NABIL,0.2"))
    assert read_views(file("symbol,expected_return", "NABIL,0.1", "NABIL,0.10")) == {"NABIL": View(0.1)}


def test_an_unknown_column_is_refused(file):
    assert "unknown column" in refusal(read_views, file("symbol,expected_return,std", "NABIL,0.1,0.2"))
    assert "no header" in refusal(read_views, file("symbol,return", "NABIL,0.1"))


def refused_with(read, given):
    """What a refusal says; nothing where it was read."""
    try:
        read(given)
    except InvalidInput as error:
        return str(error)
    return ""


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=60), text=st.text(max_size=60))
def test_whatever_stands_in_the_file_is_read_or_refused(tmp_path, content, text):
    path = tmp_path / "hostile.csv"
    for body in (
        content,
        b"symbol,expected_return\n" + text.encode("utf-8", "surrogatepass"),
        b"symbol,expected_return\n" + content,
    ):
        path.write_bytes(body)
        assert refused_with(read_views, path).isprintable()


def test_views_take_the_place_of_means_and_all_else_stays():
    before = beliefs()
    after = with_views(before, {"UPPER": View(0.02), "EBL": View(-0.1, 0.01), "NABLI": View(0.9)})
    assert after.mean.tolist() == [0.1, 0.02, -0.1]
    assert after.standard_error.tolist() == [0.04, 0.05, 0.01]
    for name in ("loadings", "specific", "scenarios", "symbols"):
        assert getattr(after, name) is getattr(before, name)
    assert after.origin == "Prices only. The user's own views take the place of the expected return of UPPER, EBL."
    assert before.mean.tolist() == [0.1, 0.2, 0.3]


def test_views_of_other_names_leave_the_beliefs_as_they_are_and_are_named():
    before = beliefs()
    assert with_views(before, {"CIT": View(0.5)}) is before
    (found,) = view_findings({"CIT": View(0.5), "EBL": View(0.1)}, before.symbols.tolist())
    assert "CIT" in found.in_words()
    assert "EBL" not in found.in_words()
    assert view_findings({"EBL": View(0.1)}, before.symbols.tolist()) == []
