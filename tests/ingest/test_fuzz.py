"""Thousands of spoilt files: each is refused in one helpful line, or read to rows that a store keeps; nothing else, and soon."""

import io
import json
import random
import shutil
import time
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_files import refusal
from source_samples import SAMPLES
from store_runs import ingest

from portfolio_opt.errors import InvalidInput
from portfolio_opt.ingest.prices import read_data
from portfolio_opt.ingest.store.manifest import is_store, read_manifest

SECONDS = 2
LONGEST = 1_000_000
FEW, MANY = 400, 10_000
NASTY = (
    *(
        "",
        " ",
        "-",
        "nan",
        "NaN",
        "inf",
        "-1",
        "0",
        "1e999",
        "1e-320",
        "9" * 400,
        "1,00",
        "0x1F",
        "१२",
        "None",
        "null",
        "true",
    ),
    *(
        "2082-05-05",
        "0001-01-01",
        "9999-12-31",
        "2025-02-30",
        "20250820",
        "1:0",
        "0:1",
        "9:1e9",
        '"',
        '""',
        "'",
        "\\",
        ";",
        "\t",
    ),
    *(
        "\x00",
        "\x1b[31m",
        "\u202e",
        "\u2028",
        "\x85",
        "\ufeff",
        "\ud800",
        "=cmd",
        "<script>",
        "../x",
        "1301120000123456",
        "x" * 5000,
    ),
    *("{", "}", "[", "]", "[[[[[[[[", '{"a":', "\r", "\n", "\r\r\n", ",", ",,,,"),
)
PLAUSIBLE = (
    "0",
    "1",
    "-1",
    "0.01",
    "9999999",
    "1e7",
    "10000001",
    "1e13",
    "100.005",
    "",
    "-",
    "nan",
    "2025-08-17",
    "2025-08-16",
    "NABIL",
)
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-8-sig", "utf-7")


def flipped(rng, content):
    spoilt = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def cut(rng, content):
    at = rng.randrange(len(content))
    return content[:at] if rng.random() < 0.8 else content[at:]


def inserted(rng, content):
    at = rng.randrange(len(content))
    return content[:at] + rng.choice(NASTY).encode("utf-8", "surrogatepass") + content[at:]


def torn(rng, content):
    a, b = sorted(rng.randrange(len(content)) for _ in range(2))
    return content[:a] + content[b:] if rng.random() < 0.5 else content[:b] + content[a:]


def filled(rng, content):
    a = rng.randrange(len(content))
    return (
        content[:a]
        + rng.choice((b"\x00", b"\xff", b'"', b"9", b",", b"[", b"\n")) * rng.choice((1, 40, 9000))
        + content[a:]
    )


def another_encoding(rng, content):
    return content.decode("latin-1").encode(rng.choice(ENCODINGS), "replace")


def fields_changed(rng, content):
    """One cell dropped, doubled, or replaced by something nasty, in one line or in all."""
    lines = content.decode("latin-1").split("\n")
    head = rng.random() < 0.9  # stays as it is
    at = rng.randrange(head and len(lines) > 1, len(lines))
    column = rng.randrange(12)
    how = rng.choice(("drop", "double", "nasty", "nasty", "nasty", "nasty", "swap", "swap"))
    word = rng.choice(rng.choice((NASTY, PLAUSIBLE))).encode("utf-8", "surrogatepass").decode("latin-1")
    for k in range(head, len(lines)) if rng.random() < 0.4 else (at,):
        cells = lines[k].split(",")
        c, d = column % len(cells), rng.randrange(len(cells)) if how == "swap" else 0
        if how == "swap":
            cells[c], cells[d] = cells[d], cells[c]
        else:
            cells[c : c + 1] = {"drop": [], "double": [cells[c]] * 2, "nasty": [word]}[how]
        lines[k] = ",".join(cells)
    return "\n".join(lines).encode("latin-1")


def lines_changed(rng, content):
    lines = content.split(b"\n")
    for _ in range(rng.choice((1, 3))):
        a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
        how = rng.randrange(4)
        if how == 0:
            lines[a], lines[b] = lines[b], lines[a]
        elif how == 1:
            lines.insert(a, lines[b])
        elif how == 2 and len(lines) > 1:
            del lines[a]
        else:
            lines[a] = lines[a] * rng.choice((2, 50))
    return b"\n".join(lines)


def deep(rng, content):
    """A JSON value put inside many lists or objects."""
    text = content.decode("latin-1")
    places = [k for k, sign in enumerate(text) if sign == ":"] or [0]
    at, depth = rng.choice(places) + 1, rng.choice((3, 300, 900, 980, 5000))
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    end = next((k for k in range(at, len(text)) if text[k] in ",}\n"), len(text))
    return (text[:at] + opening * depth + (text[at:end] or "1") + closing * depth + text[end:]).encode("latin-1")


def value_changed(rng, content):
    """One value of a JSON document, or its key, replaced."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return lines_changed(rng, content)
    place = document
    while isinstance(place, list | dict) and place:
        parent, key = place, rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        place = place[key]
        if rng.random() < 0.1:
            break
    nothing = (None, True, [], {}, 0, -1, 1e300, 10**30, 0.1, "0", [1], {"a": 1})
    parent[key] = rng.choice(rng.choice((NASTY, PLAUSIBLE, nothing)))
    return json.dumps(document).encode()


def column_changed(rng, content):
    """One column of a Parquet table dropped, renamed, of another type, or with other values."""
    try:
        table = pq.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return lines_changed(rng, content)
    at = rng.randrange(table.num_columns)
    name, rows = table.column_names[at], table.num_rows
    sink = io.BytesIO()
    values = rng.choice(
        (0.0, -1.0, np.nan, np.inf, -np.inf, 1e-320, 1e300, 2**62, None, "abc", "", "\x1b", True, date(2082, 1, 1))
    )
    spoilt = {
        "drop": lambda: table.remove_column(at),
        "rename": lambda: table.rename_columns([*table.column_names[:at], "other", *table.column_names[at + 1 :]]),
        "twice": lambda: table.append_column(name, table[name]),
        "same": lambda: table.set_column(at, name, pa.array([values] * rows)),
        "first": lambda: table.set_column(at, name, pa.array([values, *table[name].to_pylist()[1:]])),
        "text": lambda: table.set_column(at, name, pa.array([str(value) for value in table[name].to_pylist()])),
        "empty": lambda: table.slice(0, 0),
        "many": lambda: pa.concat_tables([table] * 3),
    }
    try:
        pq.write_table(spoilt[rng.choice(list(spoilt))](), sink)
    except (pa.ArrowException, TypeError):
        return flipped(rng, content)
    return sink.getvalue()


MUTATIONS = (
    flipped, cut, inserted, torn, filled, another_encoding, fields_changed, fields_changed, fields_changed, lines_changed, deep,
)  # fmt: skip


def spoilt(seed):
    """A sample, spoilt once to three times, and under which of all names."""
    rng = random.Random(seed)
    sample = rng.choice(list(SAMPLES.values()))
    content = sample.content
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        kinds = (
            (column_changed,) * 12 if content[:4] == b"PAR1" else (value_changed,) * 12 if content[:1] in b"[{" else ()
        )
        content = rng.choice(MUTATIONS + kinds)(rng, content)[:LONGEST] or b" "
    return content, sample.file if rng.random() < 0.9 else rng.choice(list(SAMPLES.values())).file


def again(error):
    raise error


def assert_refused_or_kept(folder, seed):
    content, name = spoilt(seed)
    path = folder / "HBL" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    start = time.process_time()  # however busy the machine is
    try:
        ingest(folder / "store", path)
    except InvalidInput as error:
        refusal(again, error)
        assert not (folder / "store").exists()
    else:
        assert is_store(folder / "store")
        if any(file.startswith("prices") for file in read_manifest(folder / "store").files):
            quotes = read_data(folder / "store").quotes
            assert (np.isfinite(quotes.close) & (quotes.close > 0)).all()
            assert len({*zip(quotes.symbol.tolist(), quotes.day.tolist(), strict=True)}) == len(quotes)
            assert all(name.isprintable() and name for name in quotes.names)
            for column in ("open", "high", "low", "volume", "turnover"):
                assert not np.isinf(getattr(quotes, column)).any()
    assert time.process_time() - start < SECONDS


def run(folder, seeds):
    for seed in seeds:
        try:
            assert_refused_or_kept(folder / "now", seed)
        except BaseException as error:
            error.add_note(f"seed {seed}: {spoilt(seed)[1]}, {spoilt(seed)[0][:500]!r}")
            raise
        shutil.rmtree(folder / "now")


def test_spoilt_files_are_refused_or_read(tmp_path):
    run(tmp_path, range(FEW))


@pytest.mark.slow
def test_ten_thousand_spoilt_files_are_refused_or_read(tmp_path):
    run(tmp_path, range(FEW, MANY))


def test_enough_of_the_spoilt_files_are_read_and_enough_refused(tmp_path):
    """Else the test above would tell little."""
    outcomes = []
    for seed in range(150):
        content, name = spoilt(seed)
        path = tmp_path / str(seed) / "HBL" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        try:
            ingest(tmp_path / str(seed) / "store", path)
        except InvalidInput as error:
            outcomes.append(str(error).partition(": ")[2][:12])
        else:
            outcomes.append("read")
    assert outcomes.count("read") > 15
    assert len(set(outcomes)) > 20
