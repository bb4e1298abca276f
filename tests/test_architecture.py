"""The import rule of the house, read from the source: every import, also inside functions."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "portfolio_opt"
LAYERS = (
    ("errors",),
    ("files",),
    ("workers",),
    ("market", "optim"),
    ("learn",),
    ("search",),
    ("ingest",),
    ("forecast",),
    ("allocate",),
    ("backtest",),
    ("report",),
    ("commands",),
    ("cli",),
)
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
APART = {("market", "optim"), ("optim", "market"), ("backtest", "forecast"), ("backtest", "allocate")}
TORCH_ROOMS = ("optim/training", "learn", "search", "forecast/predictor")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(module: str) -> str | None:
    """The room a dotted module of the package belongs to: portfolio_opt.market.tax is in market."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "portfolio_opt" else None


def imported(path: Path, tree: ast.AST) -> set[str]:
    """Every module that a file imports, at any depth, as a dotted name."""
    here = ["portfolio_opt", *path.relative_to(PACKAGE).with_suffix("").parts]
    package = here[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {stem} | {f"{stem}.{alias.name}" for alias in node.names}
    return found


def breaches(path: Path, tree: ast.AST) -> list[str]:
    here = room(".".join(["portfolio_opt", *path.relative_to(PACKAGE).with_suffix("").parts]))
    if here in (None, "__init__", "__main__"):
        return []
    wrong = []
    for name in imported(path, tree):
        there = room(name)
        if there in RANK and there != here and (RANK[there] >= RANK[here] or (here, there) in APART):
            wrong.append(f"{path.relative_to(PACKAGE)} ({here}) reaches {name}")
    return wrong


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_rooms_to_its_left(path):
    assert breaches(path, ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("market/tax.py", "from ..optim import solution"),
        ("market/tax.py", "def f():\n    from portfolio_opt.ingest.panel import Panel"),
        ("optim/solution.py", "import portfolio_opt.market.money"),
        ("ingest/panel.py", "from .. import forecast"),
        ("report/page.py", "from ..commands.rebalance import run"),
        ("backtest/ledger.py", "from ..allocate import plan"),
    ],
)
def test_the_check_sees_a_breach(file, source):
    assert breaches(PACKAGE / file, ast.parse(source))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_stays_in_its_rooms(path):
    place = path.relative_to(PACKAGE).as_posix()
    if place.endswith("_torch.py") or place.startswith(TORCH_ROOMS):
        return
    names = imported(path, ast.parse(path.read_text(encoding="utf-8")))
    assert not {name for name in names if name.split(".")[0] == "torch"}


def test_every_folder_of_the_package_is_a_room_of_the_design():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= set(RANK)


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_the_package_loads_nothing_else():
    loaded = run_python(
        "import sys; before = set(sys.modules); import portfolio_opt; "
        "print(*sorted(n for n in set(sys.modules) - before if not n.startswith('portfolio_opt')))"
    )
    assert not {"numpy", "pandas", "cvxpy", "torch", "pyarrow", "jinja2"} & set(loaded.split())


def test_the_whole_face_loads_without_cvxpy_and_torch():
    loaded = run_python(
        "import sys, portfolio_opt; [getattr(portfolio_opt, n) for n in portfolio_opt.__all__]; "
        "print('cvxpy' in sys.modules, 'torch' in sys.modules)"
    )
    assert loaded == "False False"


def test_help_loads_no_numerical_library():
    loaded = run_python(
        "import sys, contextlib, io\nfrom portfolio_opt.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(['--help'])\n"
        "print('numpy' in sys.modules, 'pandas' in sys.modules)"
    )
    assert loaded == "False False"


def test_an_unknown_name_of_the_face_is_named():
    import portfolio_opt

    with pytest.raises(AttributeError, match="'nothing'"):
        _ = portfolio_opt.nothing
    assert "rebalance" in dir(portfolio_opt)
