"""A holding under the name of a company that has merged is decided upon as units of its successor."""

import json
import shutil

import pytest
from conftest import MARKET


@pytest.fixture
def market(tmp_path):
    """The sample market with a merger: 100 units of OLDBANK became 50 of XANVIL at the end of 2020."""
    copy = tmp_path / "market"
    shutil.copytree(MARKET, copy)
    (copy / "mergers.csv").write_text("symbol,successor,ratio,last_day\nOLDBANK,XANVIL,0.5,2020-12-30\n")
    return copy


def under_the_old_name(files, units):
    """The sample account's files as if its 80 units of XANVIL were so many of OLDBANK, at the same cost."""
    for path in (files.holdings, files.wacc, files.transactions):
        text = path.read_text(encoding="utf-8").replace("XANVIL", "OLDBANK")
        if path == files.holdings:
            text = text.replace('"OLDBANK","80.0","1,023.8","81,904.00","1,023.8","81,904.00"', _holding(units))
        if path == files.wacc:
            text = text.replace('"OLDBANK","80","1,786.6541"', f'"OLDBANK","{units}","893.327"')
        path.write_text(text, encoding="utf-8")


def _holding(units):
    return f'"OLDBANK","{units}.0","511.9","{units * 511.9:,.2f}","511.9","{units * 511.9:,.2f}"'


def test_the_old_name_gives_the_orders_of_the_new_one_and_says_so(rebalance, account, market, tmp_path):
    files = {"holdings": account.holdings, "wacc": account.wacc, "cash": 100_000, "prices": market}
    plain = rebalance(**files, out=tmp_path / "plain")
    under_the_old_name(account, 160)
    merged = rebalance(**files, out=tmp_path / "merged")
    assert (plain.code, merged.code, merged.err) == (0, 0, "")
    one, two = (json.loads((tmp_path / name / "plan.json").read_text(encoding="utf-8")) for name in ("plain", "merged"))
    assert one["orders"] == two["orders"] != []
    assert one["before"] == two["before"]
    said = [finding for finding in two["data_findings"] if finding["rule"] == "holdings of merged symbols"]
    assert [finding["examples"] for finding in said] == [["OLDBANK: 160 units into 80 of XANVIL"]]
    assert "holdings of merged symbols" in (tmp_path / "merged" / "report.html").read_text(encoding="utf-8")
