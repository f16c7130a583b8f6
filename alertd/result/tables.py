"""The tables and the chart of a result, for screen and paper alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alertd.chart import Chart, Curve, curves
from alertd.result import Result
from alertd.result.pace import SHARES, Pace
from alertd.result.words import length, say
from alertd.result.words import reason as reason_words
from alertd.sheet import Table


def reach_chart(
    one: Result, names: Mapping[str, str], language: str, goal: tuple[float, float] | None = None
) -> Chart:
    """How the share of those reached grew, channel by channel; `goal` = percent within seconds."""
    lines = [Curve(names.get(name, name), _drawn(pace, one.pace)) for name, pace in one.by_channel.items()]
    last = max((second for line in lines for second, _ in line.points), default=0.0)
    until = max(10.0, last * 1.05)
    return curves(
        f"{say(language, 'reach')}: {one.headline}",
        lines,
        until=until if goal is None else max(until, min(goal[1] * 1.1, last * 4)),
        goal=goal,
        unit=say(language, "since"),
    )


def channel_table(
    one: Result, names: Mapping[str, str], language: str, *, against_goal: bool = False
) -> Table:
    """Of each channel: whom it reached and how soon; `against_goal` = also the share that was in time."""
    heads = ["channel", "planned", "reached", "confirmed", "help", "unreached"]
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
                *([f"{pace.percent:.1f} %"] if against_goal else []),
                *(length(language, pace.seconds[share]) for share in SHARES),
            ]
        )
    count, share, in_time = (1.1, 1.5, 1.3) if language == "ja" else (1.45, 1.3, 1.5)
    return Table(
        heads=[
            *(say(language, head) for head in [*heads, *(["in_time"] if against_goal else [])]),
            *(say(language, "first") if share == 0 else f"{share} %" for share in SHARES),
        ],
        widths=[2.2, *[count] * 5, *([in_time] if against_goal else []), *[share] * len(SHARES)],
        rows=rows,
    )


def area_table(one: Result, names: Mapping[str, str], language: str) -> Table:
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


def health_table(one: Result, names: Mapping[str, str], language: str) -> Table:
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
                ("、" if language == "ja" else ", ").join(
                    f"{reason_words(reason, language)} {number:,}"
                    for reason, number in one.tallies[row.channel].reasons.items()
                )
                or say(language, "never"),
            ]
            for row in one.attempts
        ],
    )


def _drawn(pace: Pace, whole: Pace) -> Sequence[tuple[float, float]]:
    """The curve of a channel, carried on to the end of the whole."""
    end = whole.curve[-1][0] if whole.curve else 0.0
    return [*pace.curve, (max(end, pace.curve[-1][0]), pace.curve[-1][1])]
