"""A Chart: lines, bars and words at places, drawn without a script as SVG, or on paper.

Lines differ by dash as well as by colour, and bars carry their figures, so that nothing
is told by colour alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

INK, SOFT, FAINT = "#18222d", "#465463", "#d5dce4"
#: colour and dash of each line in turn; dark enough on white (WCAG 2.2, 1.4.11)
STROKES = (
    ("#0b4a8f", ()),
    ("#0a6238", (8, 4)),
    ("#8a2b00", (2, 3)),
    ("#6a2c91", (10, 3, 2, 3)),
    ("#18222d", (4, 4)),
    ("#7a4b00", (1, 4)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A line through points; origin top left."""

    points: Sequence[tuple[float, float]]
    colour: str = INK
    width: float = 1.0
    dash: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Words at a place; `anchor` start, middle or end."""

    x: float
    y: float
    text: str
    size: float = 13.0
    anchor: str = "start"
    colour: str = INK


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture of that many units, and what it shows in one sentence."""

    width: float
    height: float
    title: str
    shapes: Sequence[Trace | Box | Word]


@dataclass(frozen=True, slots=True)
class Curve:
    """A named line: seconds and percent, rising."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A named bar: percent, and what is written at its end."""

    name: str
    percent: float
    note: str


def curves(
    title: str, lines: Sequence[Curve], *, until: float, goal: tuple[float, float] | None, unit: str
) -> Chart:
    """Percent over time, from 0 to `until` seconds; `goal` = so many percent within so many seconds."""
    width, left, top, right, high = 720.0, 52.0, 16.0, 14.0, 236.0
    wide = width - left - right
    across = max(1, min(3, int(wide / (50 + max((_wide(line.name) for line in lines), default=0.0)))))
    height = top + high + 44 + 17 * max(2, -(-len(lines) // across))

    def place(second: float, percent: float) -> tuple[float, float]:
        return left + wide * min(second, until) / until, top + high * (1 - percent / 100)

    shapes: list[Trace | Box | Word] = []
    for percent in (0, 25, 50, 75, 100):
        shapes += [
            Trace(points=[place(0, percent), place(until, percent)], colour=FAINT),
            Word(x=left - 6, y=place(0, percent)[1] + 4, text=f"{percent} %", anchor="end", colour=SOFT),
        ]
    for tick in _ticks(until):
        x, y = place(tick, 0)
        shapes += [
            Trace(points=[(x, y), (x, y + 5)], colour=SOFT),
            Word(x=x, y=y + 19, text=_length(tick), anchor="middle", colour=SOFT),
        ]
    shapes.append(Word(x=left + wide, y=top + high + 36, text=unit, anchor="end", colour=SOFT))
    if goal is not None:
        x, y = place(goal[1], goal[0])
        shapes.append(Trace(points=[(left, y), (left + wide, y)], colour=SOFT, dash=(3, 3)))
        if goal[1] <= until:
            shapes.append(Trace(points=[(x, top), (x, top + high)], colour=SOFT, dash=(3, 3)))
    for number, line in enumerate(lines):
        colour, dash = STROKES[number % len(STROKES)]
        shapes.append(
            Trace(points=[place(*point) for point in line.points], colour=colour, width=2.5, dash=dash)
        )
        x, y = left + (number % across) * wide / across, top + high + 54 + 17 * (number // across)
        shapes += [
            Trace(points=[(x, y - 4), (x + 28, y - 4)], colour=colour, width=2.5, dash=dash),
            Word(x=x + 34, y=y, text=line.name),
        ]
    return Chart(width=width, height=height, title=title, shapes=shapes)


def bars(title: str, rows: Sequence[Bar], *, goal: float | None) -> Chart:
    """Percent side by side, one row each; `goal` is a line through them."""
    width, row = 720.0, 30.0
    left = 16 + max((_room(bar.name) for bar in rows), default=0.0)
    height, wide = row * len(rows) + 26, width - left - 150
    shapes: list[Trace | Box | Word] = []
    for number, bar in enumerate(rows):
        y = 6 + row * number
        shapes += [
            Box(x=left, y=y, width=wide, height=row - 10, colour="#eef2f6"),
            Box(x=left, y=y, width=wide * max(0.0, min(bar.percent, 100)) / 100, height=row - 10,
                colour=STROKES[0][0] if number == 0 else "#7b93ad"),
            Word(x=left - 8, y=y + 15, text=bar.name, anchor="end"),
            Word(x=left + wide + 8, y=y + 15, text=bar.note),
        ]  # fmt: skip
    if goal is not None:
        x = left + wide * goal / 100
        shapes += [
            Trace(points=[(x, 0), (x, row * len(rows) + 4)], colour=INK, dash=(3, 3), width=1.5),
            Word(x=x, y=height - 4, text=f"{goal:.0f} %", anchor="middle", size=12, colour=SOFT),
        ]
    return Chart(width=width, height=height, title=title, shapes=shapes)


def _room(text: str) -> float:
    """How wide words of the usual size are at most, between a short name's room and a third of a chart."""
    return min(max(_wide(text), 120.0), 270.0)


def _wide(text: str) -> float:
    """How wide words of the usual size are at most, in a face as broad as an office PC may have."""
    return sum(13.0 if unicodedata.east_asian_width(letter) in "WF" else 8.6 for letter in text)


_SVG = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0.width:g} {0.height:g}" role="img" '
    'aria-label="{0.title}" font-family="system-ui, sans-serif"><title>{0.title}</title>{1}</svg>'
)
_TRACE = Markup('<polyline points="{1}" fill="none" stroke="{0.colour}" stroke-width="{0.width:g}"{2}/>')
_DASHED = Markup(' stroke-dasharray="{}"')
_BOX = Markup(
    '<rect x="{0.x:.1f}" y="{0.y:.1f}" width="{0.width:.1f}" height="{0.height:.1f}" fill="{0.colour}"/>'
)
_WORD = Markup(
    '<text x="{0.x:.1f}" y="{0.y:.1f}" font-size="{0.size:g}" text-anchor="{0.anchor}" '
    'fill="{0.colour}">{0.text}</text>'
)


def svg(chart: Chart) -> Markup:
    """The chart as an SVG element, its words escaped; every style is an attribute, so that no policy forbids it."""
    return _SVG.format(chart, Markup("").join(map(_drawn, chart.shapes)))


def _drawn(shape: Trace | Box | Word) -> Markup:
    match shape:
        case Trace():
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
            dash = _DASHED.format(" ".join(map(str, shape.dash))) if shape.dash else ""
            return _TRACE.format(shape, points, dash)
        case Box():
            return _BOX.format(shape)
        case Word():
            return _WORD.format(shape)


def _ticks(until: float) -> list[float]:
    """Four to eight round times."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    step = next((step for step in steps if until / step <= 8), until / 6)
    return [step * number for number in range(int(until / step) + 1)]


def _length(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
