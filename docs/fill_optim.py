"""Writes the tables and the plot of docs/optim.md: `python benchmarks/rebalance.py > lines; python docs/fill_optim.py lines`."""

import itertools
import json
import re
import sys
from html import escape
from math import log, log10
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
PAGE, PLOT = DOCS / "optim.md", DOCS / "growth.svg"

Line = dict[str, Any]


def comparisons(lines: list[Line]) -> str:
    """Every case beside its peer."""
    rows = ["| case | ours | against | theirs | ratio | what was found |", "|---|---|---|---|---|---|"]
    for line in lines:
        if "peer" in line:
            figures = (duration(line["ours_s"]), line["peer"], duration(line["peer_s"]), f"{line['ratio']:.3g}")
            rows.append(f"| {' | '.join((line['case'], *figures, line['accuracy']))} |")
    return "\n".join(rows)


def duration(seconds: float) -> str:
    """Three digits in the unit that suits."""
    unit, size = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e-3)) if seconds >= s), ("µs", 1e-6))
    return f"{seconds / size:.3g} {unit}"


def growth(lines: list[Line]) -> dict[str, list[tuple[int, float, float]]]:
    """(size, seconds, steps) along each line of the plot."""
    points = [line for line in lines if line["case"] == "growth"]
    labels = {"n": "names n, {k} factors", "k": "factors k, {n:,} names"}
    series: dict[str, list[tuple[int, float, float]]] = {}
    for point in points:
        label = labels[point["along"]].format(**point)
        series.setdefault(label, []).append((point[point["along"]], point["ours_s"], point["steps"]))
    return series


def slopes(lines: list[Line]) -> str:
    """Between neighbouring sizes: the slope of the time of a solve, and the same for each Newton step of it."""
    rows = ["| along | from | to | slope | slope a step |", "|---|---|---|---|---|"]
    for label, points in growth(lines).items():
        for (a, first, few), (b, then, many) in itertools.pairwise(points):
            wide = log(b / a)
            whole, each = log(then / first) / wide, log((then / many) / (first / few)) / wide
            rows.append(f"| {label} | {a:,} | {b:,} | {whole:.2f} | {each:.2f} |")
    return "\n".join(rows)


def plot(lines: list[Line]) -> str:
    """Seconds against size, both on log scales, as SVG."""
    series = growth(lines)
    sizes = [size for points in series.values() for size, _, _ in points]
    times = [second for points in series.values() for _, second, _ in points]
    left, right = log10(min(sizes)), log10(max(sizes))
    bottom, top = int(log10(min(times))) - 1, int(log10(max(times)))

    def x(size: float) -> float:
        return 70 + 480 * (log10(size) - left) / (right - left)

    def y(second: float) -> float:
        return 250 - 220 * (log10(second) - bottom) / (top - bottom)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 300" font-family="sans-serif" font-size="13">',
        "<title>Time of one solve against its size, log scales</title>",
        '<rect width="720" height="300" fill="#fff"/>',
    ]
    for power in range(bottom, top + 1):
        at = y(10.0**power)
        parts.append(f'<path d="M70 {at:.1f}H550" stroke="#ddd"/>')
        parts.append(f'<text x="62" y="{at + 4:.1f}" text-anchor="end" fill="#444">{duration(10.0**power)}</text>')
    for size in sorted(set(sizes)):
        if size in (5, 20, 100, 1000, 10_000):
            parts.append(f'<text x="{x(size):.1f}" y="270" text-anchor="middle" fill="#444">{size:,}</text>')
    for (label, points), colour in zip(series.items(), ("#0b5fa5", "#b1440e"), strict=True):
        track = " ".join(f"{x(size):.1f},{y(second):.1f}" for size, second, _ in points)
        parts.append(f'<polyline points="{track}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(s):.1f}" cy="{y(t):.1f}" r="3.5" fill="{colour}"/>' for s, t, _ in points]
        end, seconds, _ = points[-1]
        parts.append(f'<text x="{x(end) + 9:.1f}" y="{y(seconds) + 4:.1f}" fill="{colour}">{escape(label)}</text>')
    return "\n".join([*parts, '<text x="310" y="292" text-anchor="middle" fill="#444">size</text>', "</svg>", ""])


def main(path: Path) -> None:
    lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    page = PAGE.read_text(encoding="utf-8")
    for name, table in {"cases": comparisons(lines), "slopes": slopes(lines)}.items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.S)
        page = block.sub(lambda found, table=table: found[1] + table + "\n" + found[2], page)
    PAGE.write_text(page, encoding="utf-8")
    PLOT.write_text(plot(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
