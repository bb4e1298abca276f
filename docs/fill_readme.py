"""Runs what the README shows and writes the real output into it: `python docs/fill_readme.py`.

The report that `make report` makes is kept as reports/sample, the one the README shows a picture of.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def filled(text: str) -> str:
    """The README with the output blocks replaced by what the commands print now."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = {
            "make report": report_output(folder),
            "ingest": run("-m", "portfolio_opt", "ingest", "data/sample_market", "--store", f"{folder}/prices"),
            "pareto": command_output(text, "pareto", "reports/front", folder),
            "accounts": command_output(text, "accounts", "reports/clients", folder, "--workers", "1"),
            "library": library_output(text, 0),
            "objective": library_output(text, 1),
        }
    for name, output in outputs.items():
        block = re.compile(rf"(<!-- output: {name} -->\n```\n).*?(```)", re.S)
        text = block.sub(lambda found, output=output: found[1] + output + found[2], text)
    return text


def report_output(folder: str) -> str:
    """What the recipe of `make report` prints, its report going to folder/latest."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^report:.*\n((?:\t.*\n)+)", makefile, re.M)
    sample = re.search(r"^SAMPLE := (.*)$", makefile, re.M)
    assert recipe
    assert sample
    words = shlex.split(recipe[1].replace("\\\n", " ").replace("$(SAMPLE)", sample[1]))
    words[words.index("reports/latest")] = f"{folder}/latest"
    return run("-m", "portfolio_opt", *words[1:]).replace(f"{folder}/latest", "reports/latest")


def command_output(text: str, name: str, out: str, folder: str, *more: str) -> str:
    """What the README's first example of a command prints, its results going to the folder instead of `out`."""
    command = re.search(rf"^portfolio-opt ({name} (?:.*\\\n)*.*)\n```", text, re.M)
    assert command
    words = shlex.split(command[1].replace("\\\n", " "))
    words[words.index(out)] = f"{folder}/{name}"
    return run("-m", "portfolio_opt", *words, *more).replace(f"{folder}/{name}", out)


def library_output(text: str, place: int) -> str:
    """What one of the library examples prints."""
    return run("-c", re.findall(r"```python\n(.*?)```", text, re.S)[place])


def run(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
    with tempfile.TemporaryDirectory() as made:
        report_output(made)
        shutil.copytree(f"{made}/latest", ROOT / "reports" / "sample", dirs_exist_ok=True)
