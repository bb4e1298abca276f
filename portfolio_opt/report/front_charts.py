"""Where the marks of a front's pictures go. As in charts.py, positions are percentages across and pixels downwards."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

from .charts import _along
from .formats import percent

Place = tuple[float, float]  # percent across, pixels down

MARGIN = 0.05  # of the range of values, left free on either side
STEPS = (1.0, 2.0, 2.5, 5.0)  # between ticks, times a power of ten
DRAWS_SEEN = 0.9  # of the draws must fall inside a picture; the rest may lie outside and are left out of it
WIDTHS = (300, 520, 1000)  # pixels across on a phone, a tablet, a screen: a label must be free on all of them
LETTER, LINE, MARK = 6.6, 14, 8  # pixels: the width of a letter, the height of a line, half a mark
LONGEST_LABEL = 24  # letters
NEAR = 18  # pixels: a label further from its mark than this gets a line to it
DISTANCES = (16, 24, 32, 44, 60, 80)
DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (0.7, -0.7), (0.7, 0.7), (-0.7, -0.7), (-0.7, 0.7))


@dataclass(frozen=True)
class Measure:
    """One axis's words and how a value on it is spelt. unit: share, sessions or plain; decimals: of a spelt value."""

    words: str
    unit: str
    decimals: int

    @property
    def title(self) -> str:
        """The words as a heading."""
        return self.words[:1].upper() + self.words[1:]

    def spell(self, value: float, decimals: int | None = None) -> str:
        """10.4% of a share, 3.2 sessions, 0.83 of anything else."""
        decimals = self.decimals if decimals is None else decimals
        if self.unit == "share":
            return percent(value, decimals)
        return f"{value:,.{decimals}f}".replace("-", "−") + (" sessions" if self.unit == "sessions" else "")


@dataclass(frozen=True)
class Axis:
    """The values from one edge of a picture to the other. ticks: (value, text)."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def share(self, value: float) -> float:
        """How far along the axis a value lies: 0 at its beginning, 1 at its end."""
        return (value - self.low) / (self.high - self.low)


def axis(values: Sequence[float], measure: Measure, most_ticks: int) -> Axis:
    """An axis that shows all these values, with round ticks; a single value stands in its middle."""
    low, high = min(values), max(values)
    room = (high - low) * MARGIN
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-3):
        room = max(0.1 * abs(low), 0.001)
    low, high = low - room, high + room
    power = 10.0 ** (math.floor(math.log10((high - low) / most_ticks)))
    step = next(s * power for s in (*STEPS, 10.0) if (high - low) / (s * power) <= most_ticks)
    numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
    shown = step * (100 if measure.unit == "share" else 1)
    decimals = next(d for d in range(8) if d == 7 or abs(round(shown, d) - shown) < 1e-6 * shown)
    plain = replace(measure, unit="plain") if measure.unit == "sessions" else measure
    return Axis(low, high, tuple((k * step, plain.spell(k * step, decimals)) for k in numbers))


@dataclass(frozen=True)
class Frame:
    """Two axes, and where a pair of values falls between them."""

    across: Axis
    up: Axis
    height: int

    def at(self, x: float, y: float) -> Place:
        """Percent from the left and pixels from the top; what lies outside is drawn on the edge."""
        return _along(self.across.share(x)), round(self.height * (1 - min(max(self.up.share(y), 0.0), 1.0)), 1)

    def holds(self, x: float, y: float) -> bool:
        """Whether a pair of values lies inside."""
        return 0 <= self.across.share(x) <= 1 and 0 <= self.up.share(y) <= 1


@dataclass(frozen=True)
class Mark:
    """One place with a name. kind: what it is, which decides its shape.

    label: beside the mark, at dx, dy pixels from it; "" where no room is free. led: whether a line joins the two.
    """

    kind: str
    name: str
    values: tuple[float, float]
    place: Place = (0.0, 0.0)
    label: str = ""
    dx: float = 0.0
    dy: float = 0.0
    anchor: str = "start"
    led: bool = False


@dataclass(frozen=True)
class Line:
    """Places joined in their order. kind: decides their shape; joined: as the points of an SVG polyline 100 wide."""

    kind: str
    places: tuple[Place, ...]

    @property
    def joined(self) -> str:
        return " ".join(f"{x:g},{y:g}" for x, y in self.places)


@dataclass(frozen=True)
class Picture:
    """Points between two axes. ticks: (position, text); ringed: places that get a ring; lines: curves to draw."""

    x_words: str
    y_words: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    height: int
    dots: tuple[Place, ...]
    ringed: tuple[Place, ...]
    cloud: tuple[Place, ...]
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]


def frame(
    across: Measure, up: Measure, height: int, pairs: Sequence[Place], cloud: Sequence[Place] = (), ticks: int = 5
) -> Frame:
    """The axes that show all pairs of values, and of a cloud all but its outermost tenth."""
    sides = []
    for k, measure in enumerate((across, up)):
        drawn = sorted(pair[k] for pair in cloud)
        out = int(len(drawn) * (1 - DRAWS_SEEN) / 2)
        seen = [drawn[out], drawn[-1 - out]] if drawn else []
        sides.append(axis([*(pair[k] for pair in pairs), *seen], measure, ticks))
    return Frame(sides[0], sides[1], height)


def picture(
    shape: Frame,
    words: tuple[str, str],
    *,
    points: Sequence[Place] = (),
    ringed: Sequence[Place] = (),
    cloud: Sequence[Place] = (),
    lines: Sequence[tuple[str, Sequence[Place]]] = (),
    marks: Sequence[Mark] = (),
    named: bool = True,
) -> Picture:
    """Everything in its place. words: of the axes, across and up; lines: (kind, pairs); named: whether marks get labels."""
    dots = tuple(shape.at(*pair) for pair in points)
    curves = tuple(Line(kind, tuple(shape.at(*pair) for pair in pairs)) for kind, pairs in lines)
    placed = [replace(mark, place=shape.at(*mark.values)) for mark in marks]
    under = [*dots, *(place for curve in curves for place in _along_the_way(curve.places))]
    return Picture(
        *words,
        tuple((_along(shape.across.share(value)), text) for value, text in shape.across.ticks),
        tuple((shape.at(shape.across.low, value)[1], text) for value, text in shape.up.ticks),
        shape.height,
        dots,
        tuple(shape.at(*pair) for pair in ringed),
        tuple(shape.at(*pair) for pair in cloud if shape.holds(*pair)),
        curves,
        labelled(placed, under, shape.height) if named else tuple(placed),
    )


def _along_the_way(places: Sequence[Place], steps: int = 8) -> list[Place]:
    """Places on the straight lines between these places."""
    shares = [k / steps for k in range(steps)]
    return [(a + t * (c - a), b + t * (d - b)) for (a, b), (c, d) in pairwise(places) for t in shares]


Box = tuple[float, float, float, float]  # left, top, right, bottom


def labelled(marks: Sequence[Mark], under: Sequence[Place], height: int) -> tuple[Mark, ...]:
    """Each mark with its name beside it, where on every width it hides no other name or mark, and few points.

    The earlier a mark stands, the better its place. A name that finds no room stays away: the tables have it.
    """
    taken: list[list[Box]] = [[_around(mark.place, width) for mark in marks] for width in WIDTHS]
    done = []
    for mark in marks:
        best, least = mark, math.inf
        for distance, (right, down) in product(DISTANCES, DIRECTIONS):
            tried = _beside(mark, distance, right, down)
            boxes = [_box(tried, width) for width in WIDTHS]
            if distance >= least or not all(
                _inside(box, width, height) and not any(_meet(box, other) for other in others)
                for box, width, others in zip(boxes, WIDTHS, taken, strict=True)
            ):
                continue
            hidden = max(
                sum(_meet(box, (x * width / 100, y) * 2) for x, y in under)
                for box, width in zip(boxes, WIDTHS, strict=True)
            )
            if distance + 4 * hidden < least:
                best, least = tried, distance + 4 * hidden
        done.append(best)
        if best.label:
            for width, boxes_there in zip(WIDTHS, taken, strict=True):
                boxes_there.append(_box(best, width))
    return tuple(done)


def _beside(mark: Mark, distance: float, right: float, down: float) -> Mark:
    """The mark with its name at this distance and in this direction."""
    name = mark.name if len(mark.name) <= LONGEST_LABEL else mark.name[: LONGEST_LABEL - 1] + "…"
    anchor = "start" if right > 0 else "end" if right < 0 else "middle"
    return replace(
        mark, label=name, dx=distance * right, dy=distance * down + 4 * (1 + down), anchor=anchor, led=distance > NEAR
    )


def _box(mark: Mark, width: int) -> Box:
    """Where the label is on a picture of this width."""
    wide = LETTER * len(mark.label)
    x = mark.place[0] * width / 100 + mark.dx
    left = x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor]
    bottom = mark.place[1] + mark.dy + 3
    return left, bottom - LINE, left + wide, bottom


def _around(place: Place, width: int) -> Box:
    x, y = place[0] * width / 100, place[1]
    return x - MARK, y - MARK, x + MARK, y + MARK


def _inside(box: Box, width: int, height: int) -> bool:
    return box[0] >= -6 and box[1] >= -6 and box[2] <= width + 8 and box[3] <= height


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def thinned(number: int, most: int, always: Sequence[int] = ()) -> list[int]:
    """At most about `most` of the indices below `number`, evenly spread from the first to the last, and all of `always`."""
    if number <= most:
        return list(range(number))
    room = max(most - len(set(always)), 2)
    return sorted({round(k * (number - 1) / (room - 1)) for k in range(room)} | set(always))
