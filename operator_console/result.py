"""結果報告: what each alert came to, on screen, on paper and as CSV; drills in a list of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Response
from fastapi.responses import JSONResponse
from markupsafe import Markup
from sqlalchemy.orm import Session

from alertd import chronicle
from alertd.alert import Status
from alertd.chart import Bar, Chart, bars, svg
from alertd.db import reading
from alertd.dispatch import State
from alertd.report import PENDING, Report, report
from alertd.result import Result
from alertd.result.pace import SHARES
from alertd.result.tables import area_table, channel_table, health_table, reach_chart
from alertd.result.words import length, local
from alertd.sheet import Facts, Heading, Picture, Sheet, Table, Text
from alertd.site import Site
from alertd.store.dispatches import gone_out
from alertd.tables import AlertRow, DispatchRow
from operator_console import download, labels
from operator_console.chronicle import MOST, said, what
from operator_console.counted import Counted, CountedResults, Counting
from operator_console.page import channel_names, moment, page
from operator_console.stored import Stored, stored
from operator_console.visit import Visit, Visited

#: alerts on one page of the list
PAGE = 20
#: shares of the deliveries whose moment stands in the timeline, in percent
_TOLD = (50, 90, 95)
_REACHED = ("accepted", "delivered", "acknowledged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One alert in the list."""

    row: DispatchRow
    alert: AlertRow
    planned: int
    reached: int

    @property
    def percent(self) -> float:
        """Of all deliveries, those reached."""
        return 100 * self.reached / self.planned if self.planned else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The result of one alert, in the visitor's words."""

    dispatch: Stored
    report: Report
    result: Result
    #: when it was counted
    at: datetime
    facts: Sequence[tuple[str, str]]
    timeline: Table
    channels: Table
    areas: Table
    health: Table
    unreached: int
    charts: Sequence[Chart]

    @property
    def drawn(self) -> Sequence[Markup]:
        """The charts for a page."""
        return [svg(chart) for chart in self.charts]


def show_all(visit: Visited) -> Response:
    """GET /results?kind=drill&before=DISPATCH: real alerts, or drills, never both in one list."""
    drills = visit.query.get("kind") == "drill" or visit.site.config.drills_only
    statuses = (Status.EXERCISE, Status.TEST) if drills else (Status.ACTUAL,)
    given = visit.query.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None
    with reading(visit.site.engine) as session:
        found = gone_out(session, *statuses, before=before, limit=PAGE + 1)
        lines = [_line(session, row, alert) for row, alert in found[:PAGE]]
    return page(
        visit, "results.html", lines=lines, drills=drills, older=lines[-1].row.id if found[PAGE:] else None
    )


class Results:
    """The result of one alert as a page, on paper, as a spreadsheet and as JSON.

    That of a large one is counted beside the request: meanwhile a page says how far it is,
    comes again by itself, and becomes what was asked for.
    """

    def __init__(self, site: Site) -> None:
        self._counted = CountedResults(site)

    def show(self, number: int, visit: Visited) -> Response:
        """GET /alerts/N/result"""
        told = self._told(visit, number)
        return told if isinstance(told, Response) else page(visit, "result.html", told=told)

    def paper(self, number: int, visit: Visited) -> Response:
        """GET /alerts/N/result.pdf"""
        told = self._told(visit, number)
        if isinstance(told, Response):
            return told
        return download.paper(visit, f"result-{number}", _sheet(visit, told))

    def spreadsheet(self, number: int, visit: Visited) -> Response:
        """GET /alerts/N/result.csv: a row for each channel, then one for each area and channel; times in seconds."""
        with reading(visit.site.engine) as session:
            counted = self._counted.result(session, number)
        if isinstance(counted, Counting):
            return _counting(visit, number, counted)
        return download.spreadsheet(f"result-{number}", _rows(visit, counted.result))

    def document(self, number: int, visit: Visited) -> Response:
        """GET /alerts/N/result.json; 202 as long as it is being counted."""
        with reading(visit.site.engine) as session:
            counted = self._counted.result(session, number)
        if isinstance(counted, Counting):
            return JSONResponse({"counting_percent": counted.percent}, 202, headers={"Retry-After": "2"})
        found = counted.result
        return JSONResponse(
            {**found.report.as_json(), "counted_from": found.since.isoformat(), **found.figures()}
        )

    def _told(self, visit: Visit, number: int) -> Told | Response:
        with reading(visit.site.engine) as session:
            counted = self._counted.result(session, number)
            if isinstance(counted, Counting):
                return _counting(visit, number, counted)
            dispatch = stored(session, visit.site, number)
            happened = chronicle.entries(session, dispatch=number, limit=MOST)[::-1]
        return _told(visit, dispatch, counted, happened)


# private steps ------------------------------------------------------------------------


def _counting(visit: Visit, number: int, counting: Counting) -> Response:
    return page(visit, "result_counting.html", status=202, number=number, counting=counting)


def _told(visit: Visit, dispatch: Stored, counted: Counted, happened: Sequence[chronicle.Entry]) -> Told:
    """The result with everything that a page or a sheet needs."""
    found, language = counted.result, visit.language
    names = channel_names(visit, found.tallies)
    goes = sum(count.outcomes[PENDING] for count in found.tallies.values())
    return Told(
        dispatch=dispatch,
        report=found.report,
        result=found,
        at=counted.at,
        facts=_facts(visit, dispatch, found),
        timeline=_timeline(visit, found, happened),
        channels=channel_table(found, names, language),
        areas=area_table(found, names, language),
        health=health_table(found, names, language),
        unreached=found.pace.planned - found.pace.reached - goes,
        charts=[_outcomes(visit, found, names), reach_chart(found, names, language)]
        if found.pace.planned
        else [],
    )


def _sheet(visit: Visit, told: Told) -> Sheet:
    return Sheet(
        title=f"{visit.say('Result report')}: {told.result.headline}",
        blocks=[
            Facts(told.facts),
            Text(_apart(visit, told.report)),
            Heading(visit.say("By channel")),
            told.channels,
            *(Picture(chart) for chart in told.charts),
            Heading(visit.say("What failed and why")),
            told.health,
            Heading(visit.say("By area")),
            told.areas,
            Heading(visit.say("Timeline")),
            told.timeline,
        ],
        status=told.report.status,
        foot=download.foot(visit),
        language=visit.language,
    )


def _rows(visit: Visit, found: Result) -> list[Sequence[object]]:
    names, tally = channel_names(visit, found.tallies), found.report
    alert = [tally.id, tally.identifier, tally.status, found.headline, local(found.since)]
    heads = "dispatch,identifier,status,headline,approved_at,channel,channel_name,area,planned,reached,heard"
    rows: list[Sequence[object]] = [
        [*heads.split(","), "confirmed", "help", "unreached", *(f"seconds_{_share(one)}" for one in SHARES)]
    ]
    for name, counted in found.tallies.items():
        outcomes, pace = counted.outcomes, found.by_channel[name]
        heard = outcomes["delivered"] + outcomes["acknowledged"]
        figures = [counted.planned, pace.reached, heard, outcomes["acknowledged"]]
        rest = [counted.answers.get("help", 0), counted.planned - pace.reached]
        rows.append([*alert, name, names[name], "", *figures, *rest, *(pace.seconds[one] for one in SHARES)])
    for area in found.areas:
        rows.append(
            [
                *alert, area.channel, names.get(area.channel, area.channel), area.area_name, area.planned,
                area.reached, area.heard, area.confirmed, area.help_wanted, area.planned - area.reached,
                *("" for _ in SHARES),
            ]
        )  # fmt: skip
    return rows


def _line(session: Session, row: DispatchRow, alert: AlertRow) -> Line:
    tally = report(session, row.id)
    reached = sum(one.outcomes[name] for one in tally.channels.values() for name in _REACHED)
    return Line(row=row, alert=alert, planned=tally.planned, reached=reached)


def _facts(visit: Visit, dispatch: Stored, found: Result) -> list[tuple[str, str]]:
    tally = found.report
    pace, percent = found.pace, 100 * found.pace.reached / max(found.pace.planned, 1)
    where = "、".join(dispatch.areas)
    if dispatch.everybody:
        where = visit.say("The whole city (everybody in the register)")
    rows = [
        (visit.say("Number"), tally.identifier),
        (visit.say("Kind"), visit.say(labels.STATUSES[tally.status])),
        (visit.say("State"), visit.say(labels.STATES[State(tally.state)])),
        (visit.say("Areas"), where or "、".join(dispatch.groups)),
        (visit.say("Submitted"), f"{moment(tally.submitted_at)}  {dispatch.submitted_by}"),
    ]
    if tally.approved_at is not None:
        rows.append((visit.say("Approved"), f"{moment(tally.approved_at)}  {dispatch.approved_by or ''}"))
    if dispatch.row.override_reason:
        rows.append((visit.say("Sent alone in an emergency"), dispatch.row.override_reason))
    reached = visit.say(
        "%(reached)s of %(planned)s (%(percent)s %%)",
        reached=f"{pace.reached:,}",
        planned=f"{pace.planned:,}",
        percent=f"{percent:.1f}",
    )
    times = visit.say(", ").join(
        f"{_name(visit, one)} {length(visit.language, pace.seconds[one])}" for one in SHARES
    )
    return [*rows, (visit.say("Reached"), reached), (visit.say("Time until reached"), times)]


def _timeline(visit: Visit, found: Result, happened: Sequence[chronicle.Entry]) -> Table:
    """What people and the system did, and when so many were reached, in one order."""
    lines = [(one.at, f"{what(visit, one)}  {said(visit, one)}".strip(), one.actor) for one in happened]
    if found.report.first_at is not None:
        lines.append((found.report.first_at, visit.say("first hand-over begins"), ""))
    for share in (0, *_TOLD):
        seconds = found.pace.seconds[share]
        if seconds is not None:
            at = found.since + timedelta(seconds=seconds)
            words = visit.say("first one reached") if share == 0 else None
            lines.append((at, words or visit.say("%(percent)s %% reached", percent=share), ""))
    lines.sort(key=lambda line: line[0])
    return Table(
        heads=[visit.say("Time"), visit.say("After"), visit.say("What happened"), visit.say("Who")],
        widths=(4, 2.4, 9, 3),
        rows=[
            [local(at), _after(visit.language, (at - found.since).total_seconds()), words, who]
            for at, words, who in lines
        ],
    )


def _outcomes(visit: Visit, found: Result, names: dict[str, str]) -> Chart:
    """Of each channel, how many of its deliveries were reached."""
    rows = []
    for name, pace in found.by_channel.items():
        percent = 100 * pace.reached / max(pace.planned, 1)
        rows.append(Bar(names[name], percent, f"{percent:.1f} %  ({pace.reached:,} / {pace.planned:,})"))
    return bars(visit.say("Reached by channel"), rows, goal=None)


def _after(language: str, seconds: float) -> str:
    """How long after the beginning; a minus sign before it."""
    return ("−" if seconds < 0 else "+") + length(language, round(abs(seconds), 1))


def _name(visit: Visit, share: int) -> str:
    return visit.say("first") if share == 0 else f"{share} %"


def _share(share: int) -> str:
    return "first" if share == 0 else str(share)


def _apart(visit: Visit, tally: Report) -> str:
    if tally.status is Status.ACTUAL:
        return visit.say("Only this real alert is counted here; drills have lists and reports of their own.")
    return visit.say("Only this drill is counted here; the figures of real alerts do not contain it.")
