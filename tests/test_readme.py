"""The README shows real output only: what it shows is run here and compared."""

import importlib.util
from pathlib import Path

from portfolio_opt.commands.options import REBALANCE

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_output_is_what_the_commands_print():
    spec = importlib.util.spec_from_file_location("fill_readme", ROOT / "docs" / "fill_readme.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.filled(README) == README, "run: python docs/fill_readme.py"


def test_every_option_stands_in_the_readme():
    for option in REBALANCE:
        assert option.flag in README, option.flag
