"""Arguments in, exit code out; nothing else. What a command does stands in `commands/`."""

import argparse
import contextlib
import difflib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from .commands.options import ACCOUNTS, INGEST, PARETO, REBALANCE, VALIDATE
from .errors import InvalidInput, PortfolioError

OK, BUG, USAGE, ENVIRONMENT, INTERRUPTED, TERMINATED = 0, 1, 2, 4, 130, 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Messages go to stderr, results to stdout; the exit code says how it ended."""
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[threads] = "1"  # small matrices are faster on one thread, and the bytes do not depend on the machine
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")  # whatever the locale: symbols and the JSON are UTF-8
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except PortfolioError as error:
        print(f"portfolio-opt: {error}", file=sys.stderr)
        return error.exit_code
    except MemoryError:
        print("portfolio-opt: the memory of this machine does not suffice; give fewer prices", file=sys.stderr)
        return ENVIRONMENT
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ENVIRONMENT
    except OSError as error:
        print(f"portfolio-opt: {error.strerror or error}: {error.filename or 'standard output'}", file=sys.stderr)
        return ENVIRONMENT
    except KeyboardInterrupt:
        print("portfolio-opt: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    return code


def _run(arguments: Sequence[str] | None) -> int:
    found, left = _parser().parse_known_args(arguments)
    given = vars(found)
    name = given.pop("command")
    if left:
        word = left[0].partition("=")[0]
        if not word.startswith("-"):
            raise InvalidInput(f"{name} takes options only, not {word[:60]!r}; put a value with blanks in quotes")
        flags = [option.flag for option in OPTIONS[name]] + ["--config", "--json", "--now", "--help"]
        near = difflib.get_close_matches(word, flags, n=1, cutoff=0.0)
        raise InvalidInput(f"{name} has no option {word[:60]}; did you mean {near[0]}?")
    return COMMANDS[name](given)


def _rebalance(given: dict[str, Any]) -> int:
    from .commands.rebalance import run
    from .report.terminal import orders_in_words

    as_json, config, now = given.pop("json"), given.pop("config"), given.pop("now")
    finished = run(given, config and Path(config), now)
    if as_json:
        print(finished.files["plan.json"].decode(), end="")
    else:
        print(orders_in_words(finished.document))
        if given.get("out"):
            print(f"report.html, orders.csv and plan.json are in {given['out']}")
    return OK


def _pareto(given: dict[str, Any]) -> int:
    from .commands.pareto import run
    from .report.front_terminal import front_in_words

    as_json, config, now = given.pop("json"), given.pop("config"), given.pop("now")
    finished = run(given, config and Path(config), now)
    if as_json:
        print(finished.files["front.json"].decode(), end="")
    else:
        print(front_in_words(finished.document))
        if given.get("out"):
            print(f"report.html, orders.csv and front.json are in {given['out']}")
    return OK


def _accounts(given: dict[str, Any]) -> int:
    from .commands.accounts import run
    from .report.terminal import accounts_in_words

    as_json, config, now = given.pop("json"), given.pop("config"), given.pop("now")
    found = run(given, config and Path(config), now)
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print(accounts_in_words(found))
        print(f"orders.parquet, accounts.parquet, summary.json and report.html are in {given['out']}")
    return OK


def _validate(given: dict[str, Any]) -> int:
    from .commands.validate import run
    from .report.terminal import findings_in_words

    as_json, config = given.pop("json"), given.pop("config")
    found = run(given, config and Path(config))
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print(findings_in_words(found))
    warned = any(finding["severity"] == "warning" for finding in found["findings"])
    return USAGE if warned and given.get("strict") else OK


def _ingest(given: dict[str, Any]) -> int:
    from .commands.ingest import run
    from .report.terminal import store_in_words

    as_json, config, sources = given.pop("json"), given.pop("config"), given.pop("sources")
    found = run(sources, given, config and Path(config))
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print(store_in_words(found))
    return OK


COMMANDS = {"rebalance": _rebalance, "pareto": _pareto, "accounts": _accounts, "validate": _validate, "ingest": _ingest}
OPTIONS = {"rebalance": REBALANCE, "pareto": PARETO, "accounts": ACCOUNTS, "validate": VALIDATE, "ingest": INGEST}


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one line."""

    def error(self, message: str) -> NoReturn:
        print(f"portfolio-opt: {message} (portfolio-opt --help)", file=sys.stderr)
        raise SystemExit(USAGE)


def _parser() -> argparse.ArgumentParser:
    from . import __version__

    parser = _Parser(
        prog="portfolio-opt",
        description="Prices and holdings in, NEPSE orders one can place today out, with an honest account of why.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"portfolio-opt {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, words in (
        ("rebalance", "orders for the next session, and the report that explains them"),
        ("pareto", "every trade-off of a rebalance, and a choice one can defend"),
        ("accounts", "orders for every client of a broker, each account by itself"),
    ):
        command = _command(commands, name, words)
        command.add_argument(
            "--now", metavar="ISO-8601", help="stands for the clock; Nepal time unless it names a zone"
        )
    _command(commands, "validate", "read everything strictly and list what is noteworthy")
    ingest = _command(commands, "ingest", "merge files of prices and what goes with them into one checked store")
    ingest.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="a file, or a folder whose data files are read at any depth"
    )
    return parser


def _command(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", allow_abbrev=False
    )
    for option in OPTIONS[name]:
        text = option.help.replace("%", "%%")
        if option.kind == "flag":
            parser.add_argument(option.flag, action="store_true", default=None, help=text)
        else:
            parser.add_argument(option.flag, metavar=option.metavar, help=text)
    parser.add_argument("--config", metavar="FILE", help="TOML file of these options, names with underscores")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return parser


def _terminated(*_: object) -> NoReturn:
    print("portfolio-opt: terminated; nothing was written", file=sys.stderr)
    raise SystemExit(TERMINATED)
