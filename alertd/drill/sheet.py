"""The report of a drill to keep: as a sheet for paper, as charts, and as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from alertd.alert import Status
from alertd.chart import Bar, Chart, Curve, bars, curves
from alertd.drill.report import SHARES, DrillReport, MessageReport, Pace
from alertd.drill.scenario import Part
from alertd.drill.words import ending, length, local, say
from alertd.drill.words import reason as reason_words
from alertd.sheet import Block, Facts, Heading, Picture, Sheet, Table, Text


def reach_chart(report: DrillReport, one: MessageReport, names: Mapping[str, str], language: str) -> Chart:
    """How the share of those reached grew, channel by channel."""
    lines = [Curve(names.get(name, name), _drawn(pace, one.pace)) for name, pace in one.by_channel.items()]
    last = max((second for line in lines for second, _ in line.points), default=0.0)
    within = report.goal.within.total_seconds()
    return curves(
        f"{say(language, 'reach')}: {one.headline}",
        lines,
        until=max(10.0, last * 1.05, min(within * 1.1, last * 4)),
        goal=(float(report.goal.percent), within),
        unit=say(language, "since"),
    )


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


def channel_table(report: DrillReport, one: MessageReport, names: Mapping[str, str], language: str) -> Table:
    """Of each channel: whom it reached and how soon."""
    heads = ["channel", "planned", "reached", "confirmed", "help", "unreached", "in_time"]
    rows = []
    for name, tally in one.tallies.items():
        pace = one.by_channel[name]
        rows.append(
            [
                names.get(name, name),
                f"{tally.planned:,}",
                f"{pace.reached:,}",
                f"{tally.outcomes['acknowledged']:,}",
                f"{tally.answers.get('help', 0):,}",
                f"{tally.planned - pace.reached:,}",
                f"{pace.percent:.1f} %",
                *(length(language, pace.seconds[share]) for share in SHARES),
            ]
        )
    return Table(
        heads=[
            *(say(language, head) for head in heads),
            *(say(language, "first") if share == 0 else f"{share} %" for share in SHARES),
        ],
        widths=[2.2, 1.1, 1.1, 1.1, 1.1, 1.1, 1.3, *[1.5] * len(SHARES)],
        rows=rows,
    )


def area_table(one: MessageReport, names: Mapping[str, str], language: str) -> Table:
    """Of each area and channel: whom it reached."""
    heads = ("area", "channel", "planned", "reached", "heard", "confirmed", "help", "unreached")
    return Table(
        heads=[say(language, head) for head in heads],
        widths=[1.6, 2.2, 1, 1, 1.3, 1, 1, 1],
        rows=[
            [
                area.area_name,
                names.get(area.channel, area.channel),
                *(
                    f"{number:,}"
                    for number in (
                        area.planned, area.reached, area.heard, area.confirmed, area.help_wanted,
                        area.planned - area.reached,
                    )
                ),
            ]
            for area in one.areas
        ],
    )  # fmt: skip


def health_table(one: MessageReport, names: Mapping[str, str], language: str) -> Table:
    """Of each channel: hand-overs, and what failed and why."""
    heads = ("channel", "attempts", "put_off", "failed", "reasons")
    return Table(
        heads=[say(language, head) for head in heads],
        widths=[2, 1, 1, 1, 4],
        rows=[
            [
                names.get(row.channel, row.channel),
                f"{row.begun:,}",
                f"{row.put_off:,}",
                f"{row.failed:,}",
                "、".join(
                    f"{reason_words(reason, language)} {number:,}"
                    for reason, number in one.tallies[row.channel].reasons.items()
                )
                or say(language, "never"),
            ]
            for row in one.attempts
        ],
    )


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
        for area in one.areas:
            writer.writerow(
                [
                    report.title, "Exercise", local(report.starts_at), report.ending or "", number, one.part,
                    one.headline, local(one.fired_at), area.area_name, area.channel, area.planned,
                    area.reached, area.heard, area.confirmed, area.help_wanted, area.planned - area.reached,
                ]
            )  # fmt: skip
    return b"\xef\xbb\xbf" + output.getvalue().encode()


def _message(
    report: DrillReport, one: MessageReport, number: int, names: Mapping[str, str], language: str
) -> Sequence[Block]:
    blocks: list[Block] = [
        Heading(f"{say(language, 'message', number=number)}　{one.headline}"),
        Facts([(say(language, "sent"), local(one.fired_at))]),
        channel_table(report, one, names, language),
    ]
    if one.part is not Part.STEP:
        return blocks
    blocks.append(Picture(reach_chart(report, one, names, language)))
    if said := correction_words(one, language):
        blocks.append(Facts([(say(language, "correction"), said)]))
    return [
        *blocks,
        Heading(say(language, "health")),
        health_table(one, names, language),
        Heading(say(language, "by_area")),
        area_table(one, names, language),
    ]


def _drawn(pace: Pace, whole: Pace) -> Sequence[tuple[float, float]]:
    """The curve of a channel, carried on to the end of the whole."""
    end = whole.curve[-1][0] if whole.curve else 0.0
    return [*pace.curve, (max(end, pace.curve[-1][0]), pace.curve[-1][1])]
