"""Where the marks of a chart go. The templates draw them as SVG.

Along the page, positions are percentages of the chart's width, so that a chart fits a phone, a screen and a sheet of paper
without scaling its text. Downwards, they are pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .formats import day_and_month, percent

ROW = 42  # pixels for one label with its two bars
TICK_STEPS = (0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
LABEL_WIDTH = 16.0  # percent of a phone's width that a day such as "24 Aug" takes


@dataclass(frozen=True)
class PairedBar:
    """One label's two bars. before, after: their lengths; capped: whether the chart's cap concerns it."""

    label: str
    words: str
    y: int
    before: float
    after: float
    capped: bool


@dataclass(frozen=True)
class PairedBars:
    """cap: where the cap is drawn, down to cap_height; None without one."""

    rows: tuple[PairedBar, ...]
    height: int
    cap: float | None
    cap_height: int


def paired_bars(weights: Sequence[tuple[str, float, float]], cap: float | None, uncapped: str) -> PairedBars:
    """Bars of (label, before, after) fractions. cap: a fraction that every label but `uncapped` must keep to."""
    longest = max([*(max(before, after) for _, before, after in weights), cap or 0.0, 1e-9])
    rows = tuple(
        PairedBar(
            label,
            f"{percent(before)} → {percent(after)}",
            k * ROW,
            _along(before / longest),
            _along(after / longest),
            label != uncapped,
        )
        for k, (label, before, after) in enumerate(weights)
    )
    return PairedBars(
        rows, len(rows) * ROW, None if cap is None else _along(cap / longest), ROW * sum(row.capped for row in rows)
    )


@dataclass(frozen=True)
class Interval:
    """One portfolio's year: the mean, the mean with its error, and nine years in ten."""

    label: str
    words: str
    y: int
    low: float
    mean_low: float
    mean: float
    mean_high: float
    high: float


@dataclass(frozen=True)
class Intervals:
    """ticks: (position, text)."""

    rows: tuple[Interval, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float
    height: int


def intervals(years: Mapping[str, tuple[float, float, float]], spread: float) -> Intervals | None:
    """Expected returns on one axis; None when there is nothing at risk.

    years: by label (mean, standard error, volatility), as fractions; spread: standard deviations on either side of the mean
    """
    ends = [mean + sign * spread * risk for mean, _, risk in years.values() for sign in (-1, 1)]
    ends += [mean + sign * error for mean, error, _ in years.values() for sign in (-1, 1)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    if high - low < 1e-6:
        return None
    margin = (high - low) * 0.04
    low, high = low - margin, high + margin

    def at(value: float) -> float:
        return _along((value - low) / (high - low))

    rows = tuple(
        Interval(
            label,
            f"{percent(mean)} ± {percent(error)}",
            k * ROW,
            at(mean - spread * risk),
            at(mean - error),
            at(mean),
            at(mean + error),
            at(mean + spread * risk),
        )
        for k, (label, (mean, error, risk)) in enumerate(years.items())
    )
    step = next((step for step in TICK_STEPS if (high - low) / step <= 5), high - low)
    numbers = range(int(low / step) - 1, int(high / step) + 2)
    ticks = tuple((at(k * step), percent(k * step, 0)) for k in numbers if low + margin <= k * step <= high - margin)
    return Intervals(rows, ticks, at(0.0), len(rows) * ROW)


@dataclass(frozen=True)
class Step:
    """A column: the cash settled after one event."""

    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True)
class Steps:
    """days: (where the day begins, its text where there is room for it, SVG text-anchor)."""

    columns: tuple[Step, ...]
    days: tuple[tuple[float, str, str], ...]
    baseline: float
    height: int


def cash_steps(ladder: Sequence[Mapping[str, Any]], height: int = 72) -> Steps:
    """Settled cash after each event of a ladder, event by event, with the days marked."""
    balances = [float(step["settled"]) for step in ladder]
    low, high = min(0.0, *balances), max(0.0, *balances)
    scale = height / max(high - low, 1e-9)
    width = 100 / len(ladder)
    columns = tuple(
        Step(
            round(k * width, 2),
            round(width, 2),
            round((high - max(balance, 0.0)) * scale, 1),
            round(abs(balance) * scale, 1),
        )
        for k, balance in enumerate(balances)
    )
    days, taken, k = [], -LABEL_WIDTH, 0
    for day, steps in groupby(ladder, key=lambda step: str(step["day"])):
        x, k = k * width, k + len(list(steps))
        ends_here = x > 100 - LABEL_WIDTH
        free = (x - LABEL_WIDTH if ends_here else x) >= taken
        days.append((round(x, 2), day_and_month(day) if free else "", "end" if ends_here else "start"))
        if free:
            taken = x if ends_here else x + LABEL_WIDTH
    return Steps(columns, tuple(days), round(high * scale, 1), height)


def _along(share: float) -> float:
    """A share of the width as a percentage that stays on the chart."""
    return round(100 * min(max(share, 0.0), 1.0), 2)
