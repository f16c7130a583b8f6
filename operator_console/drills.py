"""Drills: their list, one drill with every word of it, arming it, stopping it, and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import JSONResponse, RedirectResponse
from markupsafe import Markup
from sqlalchemy.orm import Session

from alertd import sheet, store
from alertd.audience import Audience
from alertd.chart import Chart, svg
from alertd.db import reading
from alertd.dispatch import Role
from alertd.drill import CHECKS, Ending, Stage, stage, within_arming
from alertd.drill import arm as drill_arm
from alertd.drill import armed as is_armed
from alertd.drill import fire as drill_fire
from alertd.drill import sheet as drill_sheet
from alertd.drill.file import read
from alertd.drill.report import DrillReport, drill_report
from alertd.drill.scenario import Part
from alertd.errors import MoveRefused, NotFound
from alertd.people import areas as all_areas
from alertd.result import tables
from alertd.result.words import local
from alertd.store import drills
from alertd.tables import (
    ArtefactRow,
    DispatchRow,
    DrillCheckRow,
    DrillRow,
    DrillStepRow,
    OccurrenceRow,
    OperatorRow,
)
from alertd.template import templates
from operator_console import drill_trouble
from operator_console.confirmation import same_words
from operator_console.drill_labels import ENDINGS, PARTS, STAGES
from operator_console.page import channel_name, page
from operator_console.refusal import refusal
from operator_console.visit import Visit, Visited

#: rows on the page
LATEST = 100
#: who may stop a drill
STOPS = (Role.SEND, Role.APPROVE, Role.DRAFT)
#: characters of a reason that are kept
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One drill in the list."""

    occurrence: OccurrenceRow
    drill: DrillRow
    label: str
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a drill as the page shows it."""

    step: DrillStepRow
    part: str
    title: str
    dispatch: DispatchRow | None
    artefacts: Sequence[ArtefactRow]
    audience: str
    armed: bool
    armed_by: str | None
    #: an arming now would let it go
    armable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One drill with everything that its page needs."""

    occurrence: OccurrenceRow
    drill: DrillRow
    stage: Stage
    label: str
    messages: Sequence[Message]
    checks: Mapping[int, DrillCheckRow]
    scheduled_by: str
    #: of what an arming now would let go
    seen: str

    @property
    def armable(self) -> bool:
        """Whether an arming now would let a message go at its time that is not armed yet."""
        return self.occurrence.prepared_at is not None and any(
            one.armable and not one.armed for one in self.messages
        )

    @property
    def next_due(self) -> datetime | None:
        """When the next message goes out."""
        due = (one.step.due_at for one in self.messages if one.step.fired_at is None)
        return min((moment for moment in due if moment is not None), default=None)


def show(visit: Visited) -> Response:
    """GET /drills"""
    with reading(visit.site.engine) as session:
        rows = [
            Row(
                occurrence=row,
                drill=drill,
                label=label(visit, row, how := stage(row, drills.steps(session, row.id))),
                stage=how,
            )
            for row, drill in drills.occurrences(session, limit=LATEST)
        ]
    coming = [row for row in rows if row.stage is not Stage.ENDED]
    return page(
        visit,
        "drills.html",
        coming=sorted(coming, key=lambda row: row.occurrence.starts_at),
        past=[row for row in rows if row.stage is Stage.ENDED],
    )


def one(number: int, visit: Visited) -> Response:
    """GET /drills/N"""
    return _page(visit, number)


def arm(number: int, visit: Visited) -> Response:
    """POST /drills/N/arm"""
    if not same_words(visit.field("typed"), ("訓練", "DRILL")):
        words = "訓練" if visit.language == "ja" else "DRILL"
        problem = visit.say("To confirm, type “%(words)s” exactly. Nothing was armed.", words=words)
        return _page(visit, number, problem=problem, status=422)
    try:
        drill_arm.arm(visit.site, number, visit.operator, seen=visit.field("seen"))
    except MoveRefused as error:
        return _page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/drills/{number}", 303)


def stop(number: int, visit: Visited) -> Response:
    """POST /drills/N/stop; the button on every page gives no reason and asks nothing."""
    reason = visit.field("reason")[:LONGEST_REASON] or visit.say("stopped in the console")
    try:
        drill_fire.stop(
            visit.site, number, visit.operator, reason=reason, series=visit.field("series") == "yes"
        )
    except MoveRefused as error:
        return _page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/drills/{number}", 303)


def paper(number: int, visit: Visited) -> Response:
    """GET /drills/N/report.pdf"""
    found = _report(visit, number)
    foot = f"{visit.operator.name}  {local(visit.now)}"
    made = drill_sheet.sheet(found, _channels(visit, found), visit.language, foot=foot)
    return _file(sheet.pdf(made, visit.site.config.paper.font), "application/pdf", found, "pdf")


def spreadsheet(number: int, visit: Visited) -> Response:
    """GET /drills/N/report.csv"""
    found = _report(visit, number)
    return _file(drill_sheet.table(found), "text/csv; charset=utf-8", found, "csv")


def document(number: int, visit: Visited) -> Response:
    """GET /drills/N/report.json"""
    return JSONResponse(_report(visit, number).as_json())


def label(visit: Visit, occurrence: OccurrenceRow, how: Stage) -> str:
    """How far a drill is, in words."""
    if occurrence.ending is not None:
        return visit.say(ENDINGS[Ending(occurrence.ending)])
    return visit.say(STAGES[how])


# private steps ------------------------------------------------------------------------


def _page(visit: Visit, number: int, *, problem: str | None = None, status: int = 200) -> Response:
    with reading(visit.site.engine) as session:
        shown = _shown(session, visit, number)
        found = drill_report(session, number)
    names = _channels(visit, found) | {
        name: channel_name(visit.language, name, visit.site.settings.get(name))
        for one in shown.messages
        if one.dispatch is not None
        for name in one.dispatch.channels
    }
    own = visit.operator.id == shown.drill.created_by and visit.site.config.approval.exercise != 1
    return page(
        visit,
        "drill.html",
        status=status,
        shown=shown,
        goal=drill_sheet.goal_words(found, visit.language),
        told=_told(found, names, visit.language),
        channels=names,
        settings=visit.site.settings,
        minutes=CHECKS,
        trouble=drill_trouble.why(visit, shown.occurrence.why),
        found={
            before: [drill_trouble.said(visit, sentence) for sentence in check.problems]
            for before, check in shown.checks.items()
        },
        soon=timedelta(hours=24),
        own=own,
        may_arm=visit.may(Role.APPROVE),
        may_stop=visit.may(*STOPS),
        words="訓練" if visit.language == "ja" else "DRILL",
        problem=problem,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """The report of one message: tables and a chart."""

    headline: str
    channels: sheet.Table
    areas: sheet.Table
    health: sheet.Table
    chart: Markup
    correction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """The report as the page shows it."""

    facts: Sequence[tuple[str, str]]
    earlier: Markup | None
    messages: Sequence[_Figures]


def _told(found: DrillReport, names: Mapping[str, str], language: str) -> _Told | None:
    if not found.messages:
        return None
    return _Told(
        facts=drill_sheet.facts(found, language),
        earlier=_drawn(drill_sheet.earlier_chart(found, language)) if found.pace.planned else None,
        messages=[
            _Figures(
                headline=one.result.headline,
                channels=tables.channel_table(one.result, names, language, against_goal=True),
                areas=tables.area_table(one.result, names, language),
                health=tables.health_table(one.result, names, language),
                chart=_drawn(tables.reach_chart(one.result, names, language, drill_sheet.goal_line(found))),
                correction=drill_sheet.correction_words(one, language),
            )
            for one in found.messages
            if one.part is Part.STEP
        ],
    )


def _drawn(chart: Chart) -> Markup:
    """Every word in the chart is escaped by `svg`."""
    return Markup(svg(chart))


def _report(visit: Visit, number: int) -> DrillReport:
    with reading(visit.site.engine) as session:
        return drill_report(session, number)


def _channels(visit: Visit, found: DrillReport) -> dict[str, str]:
    return {
        name: channel_name(visit.language, name, visit.site.settings.get(name))
        for one in found.messages
        for name in one.result.tallies
    }


def _file(content: bytes, kind: str, found: DrillReport, suffix: str) -> Response:
    name = f"drill-{found.occurrence}-{found.starts_at:%Y%m%d}.{suffix}"
    return Response(
        content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{quote(name)}"'}
    )


def _shown(session: Session, visit: Visit, number: int) -> Shown:
    row = drills.occurrence(session, number)
    if row is None:
        raise NotFound(f"there is no drill {number}")
    drill = session.get_one(DrillRow, row.drill_id)
    steps, dispatches = drills.steps(session, number), drills.step_dispatches(session, number)
    how = stage(row, steps)
    scenario = read(drill.document)
    titles = templates()
    place = 0 if visit.language == "ja" else 1
    messages = []
    for step in steps:
        dispatch = dispatches.get(step.id)
        title = titles[scenario.steps[step.position].template].title
        messages.append(
            Message(
                step=step,
                part=visit.say(PARTS[Part(step.part)]),
                title=title.get(("ja", "en")[place]) or title["ja"],
                dispatch=dispatch,
                artefacts=store.artefacts(session, dispatch.id) if dispatch is not None else (),
                audience=_audience(session, visit, dispatch),
                armed=is_armed(step),
                armed_by=_name(session, step.armed_by),
                armable=step.fired_at is None and within_arming(step, visit.now),
            )
        )
    return Shown(
        occurrence=row,
        drill=drill,
        stage=how,
        label=label(visit, row, how),
        messages=messages,
        checks=drills.checks(session, number),
        scheduled_by=_name(session, drill.created_by) or "",
        seen=drill_arm.arming_hash(drill_arm.armable(steps, visit.now), dispatches),
    )


def _audience(session: Session, visit: Visit, dispatch: DispatchRow | None) -> str:
    if dispatch is None:
        return ""
    rule = Audience.from_json(dispatch.audience)
    if rule.everybody:
        return visit.say("The whole city (everybody in the register)")
    names = {row.code: row.name for row in all_areas(session)}
    return "、".join([*(names.get(code, code) for code in rule.areas), *rule.groups])


def _name(session: Session, operator_id: int | None) -> str | None:
    operator = session.get(OperatorRow, operator_id) if operator_id is not None else None
    return operator.name if operator is not None else None
