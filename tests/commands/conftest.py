"""The shipped sample market and accounts, and the command line run in this process."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from portfolio_opt.cli import main

ROOT = Path(__file__).parent.parent.parent
MARKET = ROOT / "data" / "sample_market"
NOW = "2026-08-23T09:00"


@pytest.fixture
def account(tmp_path):
    """A copy of the first sample account's files, free to be spoilt."""
    copy = tmp_path / "account"
    shutil.copytree(ROOT / "data" / "sample_accounts" / "account-1", copy)
    return SimpleNamespace(
        holdings=copy / "My Shares Values.csv",
        wacc=copy / "My Wacc Report.csv",
        transactions=copy / "Transaction History.csv",
    )


@pytest.fixture
def command(capsys):
    """Runs `portfolio-opt …` here and gives code, out and err."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return run


@pytest.fixture
def rebalance(command):
    """`rebalance` on the sample market at a fixed time; an option given as None is left out."""

    def run(**options):
        options = {"prices": MARKET, "now": NOW, "cash": 1_000_000} | options
        arguments = []
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            arguments += [] if value is None else [flag] if value is True else [flag, value]
        return command("rebalance", *arguments)

    return run
