"""Writes the tables of docs/ingest.md from the code they describe: `python docs/fill_ingest.py`."""

import re
from pathlib import Path

from portfolio_opt.ingest.merge import CURATED, RANKS
from portfolio_opt.ingest.shapes.recognise import CSV_SHAPES, JSON_LISTS
from portfolio_opt.ingest.validation import RULES

PAGE = Path(__file__).parent / "ingest.md"


def shapes() -> str:
    """Every shape of file, what it is recognised by, and its rank among sources of prices."""
    rows = [(shape.name, "CSV", ", ".join(sorted(shape.required))) for shape in CSV_SHAPES]
    rows += [(name, "JSON", ", ".join(sorted(keys))) for name, keys, _ in JSON_LISTS]
    rows += [
        ("sector codes", "JSON", "headings, each with a list of symbol and name"),
        ("floor sheet", "JSON lines", "transaction_id, symbol, buyer, seller, rate, quantity, amount, date"),
        ("price table", "Parquet", "symbol, date, open, high, low, close, volume, turnover"),
        ("index table", "Parquet", "index, date, close"),
        ("rows set aside", "Parquet", "the price table's, and reason"),
    ]
    ranks = RANKS | {"price table": CURATED}
    lines = ["| shape | kind | recognised by | rank |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {kind} | {by} | {ranks.get(name, '')} |" for name, kind, by in rows)])


def rules() -> str:
    """Every rule of validation, how severe it is and what is done."""
    lines = ["| rule | severity | what is done |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {rule.name} | {rule.severity} | {rule.effect} |" for rule in RULES)])


def filled(text: str) -> str:
    """The page with its tables as the code has them now."""
    for name, table in {"shapes": shapes(), "rules": rules()}.items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.S)
        text = block.sub(lambda found, table=table: found[1] + table + "\n" + found[2], text)
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
