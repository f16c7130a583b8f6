"""Growth: points of the scale benchmark as a Markdown table and as charts, in the docs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alertd.chart import FAINT, SOFT, STROKES, Box, Chart, Trace, Word, svg

_DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = _DOCS / "scale.md"
_BEGIN, _END = "<!-- figures begin -->", "<!-- figures end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One alert to so many recipients: what it took."""

    database: str
    recipients: int
    workers: int
    planned: int
    plan_s: float
    #: processor time of the planner and of the database server
    plan_cpu_s: float
    plan_mb: int
    tally_ms: float
    #: one claim of 500
    claim_ms: float
    #: how many were sent in the time that was given; fewer than `recipients` is a slice
    sent: int
    mails_per_second: int
    worker_ms_per_mail: float
    #: of PostgreSQL's processes; SQLite is in the worker
    database_ms_per_mail: float
    worker_mb: int
    #: the largest process of PostgreSQL, without what all of them share
    database_mb: int

    @property
    def ms_per_mail(self) -> float:
        """What one tracked mail costs, in milliseconds of a processor."""
        return self.worker_ms_per_mail + self.database_ms_per_mail


def markdown(points: Sequence[Point]) -> str:
    """The table, widest audience last."""
    lines = [
        "| database | recipients | workers | planned in | tally | claim of 500 | sent | mails a second "
        "| CPU ms a mail | ÷ 10,000 | planner | worker | database |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for point in points:
        sent = "all" if point.sent >= point.recipients else f"a slice of {point.sent:,}"
        lines.append(
            f"| {point.database} | {point.recipients:,} | {point.workers} | {point.plan_s:g} s "
            f"| {point.tally_ms:.0f} ms | {point.claim_ms:.1f} ms | {sent} | {point.mails_per_second:,} "
            f"| {point.ms_per_mail:.2f} | {_growth(point, points)} | {point.plan_mb} MB | {point.worker_mb} MB "
            f"| {f'{point.database_mb} MB' if point.database_mb else 'in the worker'} |"
        )
    return "\n".join(lines)


def _growth(point: Point, points: Sequence[Point]) -> str:
    """The cost beside that of ten thousand recipients of the same database and workers."""
    for other in points:
        if (other.database, other.workers, other.recipients) == (point.database, point.workers, 10_000):
            return f"{point.ms_per_mail / other.ms_per_mail:.2f}"
    return "–"


def write(points: Sequence[Point]) -> None:
    """Puts the table between its marks on the page, and the charts into docs/pictures."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}\n\n{markdown(points)}\n\n{_END}{after}", encoding="utf-8")
    for name, title, value in (
        ("plan", "Seconds to plan, by recipients", lambda point: point.plan_s),
        ("cost", "Processor milliseconds for one mail, by recipients", lambda point: point.ms_per_mail),
        ("tally", "Milliseconds for one look at the tally, by recipients", lambda point: point.tally_ms),
    ):
        picture = svg(growth(title, points, value))
        (_DOCS / "pictures" / f"scale-{name}.svg").write_text(picture + "\n", encoding="utf-8")


def growth(title: str, points: Sequence[Point], value: Callable[[Point], float]) -> Chart:
    """A line for each database and number of workers; both axes count in powers of ten."""
    width, height, left, top, right, bottom = 720.0, 350.0, 64.0, 40.0, 48.0, 74.0
    wide, high = width - left - right, height - top - bottom
    across = _decades([point.recipients for point in points])
    up = _decades([max(value(point), 1e-3) for point in points])

    def place(recipients: float, number: float) -> tuple[float, float]:
        x = (math.log10(recipients) - across[0]) / max(across[-1] - across[0], 1)
        y = (math.log10(max(number, 1e-3)) - up[0]) / max(up[-1] - up[0], 1)
        return left + wide * x, top + high * (1 - y)

    shapes: list[Trace | Box | Word] = [Word(x=left, y=20, text=title, size=15)]
    for power in up:
        (x, y), (end, _) = place(10 ** across[0], 10**power), place(10 ** across[-1], 10**power)
        shapes += [
            Trace(points=[(x, y), (end, y)], colour=FAINT),
            Word(x=x - 8, y=y + 4, text=f"{10**power:g}", anchor="end", colour=SOFT),
        ]
    for power in across:
        x, y = place(10**power, 10 ** up[0])
        shapes += [
            Trace(points=[(x, y), (x, y + 5)], colour=SOFT),
            Word(x=x, y=y + 20, text=f"{10**power:,}", anchor="middle", colour=SOFT),
        ]
    kinds = sorted({(point.database, point.workers) for point in points})
    for number, (database, workers) in enumerate(kinds):
        colour, dash = STROKES[number % len(STROKES)]
        line = [
            place(p.recipients, value(p)) for p in points if (p.database, p.workers) == (database, workers)
        ]
        shapes.append(Trace(points=line, colour=colour, width=2.5, dash=dash))
        shapes += [Box(x=x - 3, y=y - 3, width=6, height=6, colour=colour) for x, y in line]
        x, y = left + (number % 2) * wide / 2, top + high + 42 + 18 * (number // 2)
        shapes += [
            Trace(points=[(x, y - 4), (x + 28, y - 4)], colour=colour, width=2.5, dash=dash),
            Word(x=x + 34, y=y, text=f"{database}, {workers} worker{'s' if workers > 1 else ''}"),
        ]
    return Chart(width=width, height=height, title=title, shapes=shapes)


def _decades(numbers: Sequence[float]) -> list[int]:
    """The powers of ten from below the least to above the largest."""
    return list(range(math.floor(math.log10(min(numbers))), math.ceil(math.log10(max(numbers))) + 1))
