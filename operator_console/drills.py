"""Drills: their list, one drill with every word of it, arming it, stopping it, and its report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import JSONResponse, RedirectResponse

from alertd import sheet
from alertd.db import reading
from alertd.dispatch import Role
from alertd.drill import CHECKS, Stage, fire, stage
from alertd.drill import arm as arming
from alertd.drill import sheet as sheets
from alertd.drill.report import DrillReport, drill_report
from alertd.errors import MoveRefused
from alertd.result.words import local
from alertd.store import drills
from alertd.tables import DrillRow, OccurrenceRow
from operator_console import drill_trouble
from operator_console.confirmation import same_words
from operator_console.drill_shown import label, shown_drill
from operator_console.drill_told import told
from operator_console.page import channel_name, page
from operator_console.refusal import refusal
from operator_console.visit import Visit, Visited

#: who may stop a drill that was scheduled
STOPS = (Role.SEND, Role.APPROVE, Role.DRAFT)
#: rows on the page
LATEST = 100
#: characters of a reason that are kept
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One drill in the list."""

    occurrence: OccurrenceRow
    drill: DrillRow
    label: str
    stage: Stage


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
        arming.arm(visit.site, number, visit.operator, seen=visit.field("seen"))
    except MoveRefused as error:
        return _page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/drills/{number}", 303)


def stop(number: int, visit: Visited) -> Response:
    """POST /drills/N/stop; the button on every page gives no reason and asks nothing."""
    reason = visit.field("reason")[:LONGEST_REASON] or visit.say("stopped in the console")
    try:
        fire.stop(visit.site, number, visit.operator, reason=reason, series=visit.field("series") == "yes")
    except MoveRefused as error:
        return _page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/drills/{number}", 303)


def paper(number: int, visit: Visited) -> Response:
    """GET /drills/N/report.pdf"""
    found = _report(visit, number)
    foot = f"{visit.operator.name}  {local(visit.now)}"
    made = sheets.sheet(found, _channels(visit, found), visit.language, foot=foot)
    return _file(sheet.pdf(made, visit.site.config.paper.font), "application/pdf", found, "pdf")


def spreadsheet(number: int, visit: Visited) -> Response:
    """GET /drills/N/report.csv"""
    found = _report(visit, number)
    return _file(sheets.table(found), "text/csv; charset=utf-8", found, "csv")


def document(number: int, visit: Visited) -> Response:
    """GET /drills/N/report.json"""
    return JSONResponse(_report(visit, number).as_json())


# private steps ------------------------------------------------------------------------


def _page(visit: Visit, number: int, *, problem: str | None = None, status: int = 200) -> Response:
    with reading(visit.site.engine) as session:
        shown = shown_drill(session, visit, number)
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
        goal=sheets.goal_words(found, visit.language),
        told=told(found, names, visit.language),
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
