"""The report of a drill to keep: as a sheet for paper, as charts, and as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from alertd.alert import Status
from alertd.chart import Bar, Chart, bars
from alertd.drill.report import DrillReport, MessageReport
from alertd.drill.scenario import Part
from alertd.drill.words import ending, say
from alertd.result.tables import area_table, channel_table, health_table, reach_chart
from alertd.result.words import length, local
from alertd.sheet import Block, Facts, Heading, Picture, Sheet, Text


def earlier_chart(report: DrillReport, language: str) -> Chart:
    """This drill beside earlier ones of its name."""
    this = Bar(
        say(language, "this"),
        report.pace.percent,
        f"{report.pace.percent:.1f} %  {length(language, report.pace.seconds[95])}",
    )
    before = [
        Bar(
            local(one.starts_at)[:10],
            one.percent,
            f"{one.percent:.1f} %  {length(language, one.seconds)}",
        )
        for one in report.earlier
    ]
    return bars(say(language, "earlier"), [this, *before], goal=float(report.goal.percent))


def sheet(report: DrillReport, names: Mapping[str, str], language: str, *, foot: str = "") -> Sheet:
    """The report on paper; `names` of the channel sections for people."""
    blocks: list[Block] = [Facts(facts(report, language)), Text(say(language, "apart"))]
    if report.messages and (report.earlier or report.pace.planned):
        blocks += [Heading(say(language, "earlier")), Picture(earlier_chart(report, language))]
    for number, one in enumerate(report.messages, start=1):
        blocks += _message(report, one, number, names, language)
    if not report.messages:
        blocks.append(Text(say(language, "none")))
    return Sheet(
        title=f"{say(language, 'report')}：{report.title}" if language == "ja" else say(language, "report"),
        blocks=blocks,
        status=Status.EXERCISE,
        foot=foot,
        language=language,
    )


def facts(report: DrillReport, language: str) -> list[tuple[str, str]]:
    """What is known of the whole drill, names and values."""
    pace = report.pace
    met = say(language, "met" if report.met else "missed")
    rows = [
        (say(language, "name"), report.title),
        (say(language, "start"), local(report.starts_at)),
        (say(language, "goal"), goal_words(report, language)),
    ]
    if pace.planned:
        result = say(language, "result_is", percent=pace.percent, in_time=pace.in_time, planned=pace.planned)
        rows.append((say(language, "result"), f"{result} {met}"))
    if report.ending is not None:
        rows.append((say(language, "ending"), ending(language, report.ending)))
    if report.why:
        rows.append((say(language, "why"), report.why))
    for minutes, found in report.checks.items():
        rows.append(
            (
                f"{say(language, 'checks')} {say(language, 'before', minutes=minutes)}",
                "; ".join(found) or say(language, "well"),
            )
        )
    return rows


def goal_words(report: DrillReport, language: str) -> str:
    """What the drill wants."""
    within = length(language, report.goal.within.total_seconds())
    return say(language, "goal_is", within=within, percent=report.goal.percent)


def goal_line(report: DrillReport) -> tuple[float, float]:
    """The goal in a chart: so many percent within so many seconds."""
    return float(report.goal.percent), report.goal.within.total_seconds()


def correction_words(one: MessageReport, language: str) -> str:
    """How soon a message was called off; empty when it was not."""
    if one.correction is None:
        return ""
    return say(
        language,
        "correction_is",
        clicked=length(language, one.correction.clicked_after),
        seconds=length(language, one.correction.pace.seconds[95]),
    )


def table(report: DrillReport) -> bytes:
    """One row for each message, area and channel, as CSV in UTF-8 with a mark for spreadsheets."""
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(
        "drill,status,starts_at,ending,message,part,headline,sent_at,area,channel,planned,reached,heard,"
        "confirmed,help,unreached".split(",")
    )
    for number, one in enumerate(report.messages, start=1):
        for area in one.result.areas:
            writer.writerow(
                [
                    report.title, "Exercise", local(report.starts_at), report.ending or "", number, one.part,
                    one.result.headline, local(one.fired_at), area.area_name, area.channel, area.planned,
                    area.reached, area.heard, area.confirmed, area.help_wanted, area.planned - area.reached,
                ]
            )  # fmt: skip
    return b"\xef\xbb\xbf" + output.getvalue().encode()


def _message(
    report: DrillReport, one: MessageReport, number: int, names: Mapping[str, str], language: str
) -> Sequence[Block]:
    blocks: list[Block] = [
        Heading(f"{say(language, 'message', number=number)}　{one.result.headline}"),
        Facts([(say(language, "sent"), local(one.fired_at))]),
        channel_table(one.result, names, language, against_goal=True),
    ]
    if one.part is not Part.STEP:
        return blocks
    blocks.append(Picture(reach_chart(one.result, names, language, goal_line(report))))
    if said := correction_words(one, language):
        blocks.append(Facts([(say(language, "correction"), said)]))
    return [
        *blocks,
        Heading(say(language, "health")),
        health_table(one.result, names, language),
        Heading(say(language, "by_area")),
        area_table(one.result, names, language),
    ]
