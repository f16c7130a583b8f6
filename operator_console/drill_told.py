"""The report of a drill as its page shows it: facts, tables and charts of each message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from alertd import sheet
from alertd.chart import svg
from alertd.drill import sheet as paper
from alertd.drill.report import DrillReport
from alertd.drill.scenario import Part
from alertd.result import tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The report of one message: tables and a chart."""

    headline: str
    channels: sheet.Table
    areas: sheet.Table
    health: sheet.Table
    chart: Markup
    correction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The report as the page shows it."""

    facts: Sequence[tuple[str, str]]
    earlier: Markup | None
    messages: Sequence[Figures]


def told(found: DrillReport, names: Mapping[str, str], language: str) -> Told | None:
    """The report in tables and charts; None while nothing went out. `names` = of the channels, as people call them."""
    if not found.messages:
        return None
    return Told(
        facts=paper.facts(found, language),
        earlier=svg(paper.earlier_chart(found, language)) if found.pace.planned else None,
        messages=[
            Figures(
                headline=one.result.headline,
                channels=tables.channel_table(one.result, names, language, against_goal=True),
                areas=tables.area_table(one.result, names, language),
                health=tables.health_table(one.result, names, language),
                chart=svg(tables.reach_chart(one.result, names, language, paper.goal_line(found))),
                correction=paper.correction_words(one, language),
            )
            for one in found.messages
            if one.part is Part.STEP
        ],
    )
