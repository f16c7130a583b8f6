"""The chronicle on screen, on paper and as CSV, and the note that somebody adds."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import chronicle, sheet
from alertd.chronicle import CITY, NOTE, WRITERS, Entry, Source
from alertd.db import reading, writing
from alertd.errors import WrongInput
from alertd.sheet import Sheet, Table
from alertd.spreadsheet import guarded
from operator_console.catalogue import mark
from operator_console.page import moment, page, second
from operator_console.visit import Visit, Visited

#: entries on one page
PAGE = 100
#: entries on paper and in a file
MOST = 5000

#: the action of an entry -> what happened, as the staff reads it
WORDS = {
    "dispatch.submitted": mark("handed in"),
    "dispatch.approved": mark("approved"),
    "dispatch.overridden": mark("sent alone in an emergency"),
    "dispatch.override_refused": mark("tried to send alone once more, refused"),
    "dispatch.permitted": mark("one more real alert in this hour agreed to"),
    "dispatch.reviewed": mark("reviewed afterwards"),
    "dispatch.rejected": mark("sent back"),
    "dispatch.lapsed": mark("approval lapsed, nothing went out"),
    "dispatch.held": mark("held, because the database was restored"),
    "dispatch.released": mark("goes on after it was held"),
    "dispatch.planned": mark("sending begins"),
    "dispatch.corrected": mark("correction sent"),
    "dispatch.cancelled": mark("stopped"),
    "dispatch.halted": mark("channels stopped"),
    "dispatch.went_on": mark("stopped channels go on"),
    "dispatch.stopped": mark("stopped by the system: audience had grown"),
    "dispatch.finished": mark("nothing is open any more"),
    "freeze.set": mark("frozen: nothing is sent"),
    "freeze.kept": mark("freeze kept"),
    "freeze.lift_begun": mark("one person agrees to lift the freeze"),
    "freeze.lifted": mark("freeze lifted by two people"),
    "dispatch.announced": mark("those who may approve told by another way"),
    "settings.changed": mark("settings changed: to be confirmed by two people"),
    "settings.put_back": mark("settings put back as they were"),
    "settings.confirm_begun": mark("one person confirms changed settings"),
    "settings.confirmed": mark("changed settings confirmed by two people"),
    "settings.let_go_alone": mark("changed settings let go by one person in an emergency"),
    "settings.first": mark("settings taken for the first time"),
    "settings.unconfirmed": mark("settings taken as they are: nobody confirms them here"),
    "maintenance.set": mark("maintenance begins: nothing is sent"),
    "maintenance.kept": mark("maintenance goes on, with a new end"),
    "maintenance.lift_begun": mark("one person agrees to end the maintenance"),
    "maintenance.lifted": mark("maintenance ended by two people"),
    "maintenance.over": mark("maintenance over: its time ran out"),
    "drill.scheduled": mark("drill scheduled"),
    "drill.armed": mark("drill armed"),
    "drill.checked": mark("drill checked again"),
    "drill.fired": mark("drill step sent"),
    "channel.failed": mark("far end does not answer"),
    "channel.recovered": mark("far end answers again"),
    "airing.taken_off": mark("taken off the air"),
    "airing.stuck": mark("transmitter is not given back"),
    "airing.repeated": mark("aired again, decided by an operator"),
    "relay.stepped_in": mark("no worker answers: relay sends by itself"),
    "relay.stepped_back": mark("workers answer again"),
    "draft.received": mark("draft received from outside"),
    "draft.submitted": mark("draft from outside handed in"),
    "draft.dismissed": mark("draft from outside put away"),
    "operator.added": mark("operator added"),
    "operator.roles": mark("operator's roles changed"),
    "operator.off": mark("operator may not sign in any more"),
    "operator.on": mark("operator may sign in again"),
    "checklist.done": mark("done"),
    "checklist.undone": mark("not done after all"),
    "reading.kept": mark("reading given by hand"),
    "shift.given": mark("shift handed over"),
    "shift.taken": mark("shift taken over"),
    "area.drawn": mark("outlines of areas kept"),
    NOTE: mark("note"),
}
SOURCES = {
    Source.FACE: mark("said in person"),
    Source.TELEPHONE: mark("by telephone"),
    Source.RADIO: mark("by radio"),
    Source.FAX: mark("by fax"),
    Source.OTHER: mark("other way"),
}
#: pieces of an entry's detail that people read
_SAID = ("channels", "text", "reason", "note", "apart", "why", "anew", "message")


def show(visit: Visited) -> Response:
    """GET /chronicle?alert=N&before=ENTRY"""
    return _page(visit)


def add(visit: Visited) -> Response:
    """POST /chronicle: adds a note."""
    source = visit.field("source")
    try:
        with writing(visit.site.engine) as session:
            chronicle.add(
                session,
                visit.operator,
                visit.now,
                text=visit.field("text"),
                source=Source(source) if source in list(Source) else Source.OTHER,
                dispatch=_number(visit.field("alert")),
            )
    except WrongInput as error:
        return _page(visit, problem=visit.problem(error.problems[0]), status=422)
    number = _number(visit.field("alert"))
    return RedirectResponse(f"/chronicle?alert={number}" if number is not None else "/chronicle", 303)


def paper(visit: Visited) -> Response:
    """GET /chronicle.pdf?alert=N: A4, oldest first."""
    number, found = _all(visit)
    city = visit.site.config.city
    name = city.name if visit.language == "ja" else city.name_en
    made = Sheet(
        title=visit.say("Chronicle") + (f" - {found[0].headline}" if number is not None and found else ""),
        blocks=[Table(_heads(visit), (4.4, 4, 10, 12), [_row(visit, entry) for entry in found])],
        foot=visit.say(
            "%(city)s, made %(time)s by %(name)s", city=name, time=moment(visit.now), name=visit.operator.name
        ),
        language=visit.language,
        wide=True,
    )
    return Response(
        sheet.pdf(made, visit.site.config.paper.font),
        media_type="application/pdf",
        headers={"Content-Disposition": 'inline; filename="chronicle.pdf"'},
    )


def spreadsheet(visit: Visited) -> Response:
    """GET /chronicle.csv?alert=N: oldest first; UTF-8 with BOM, CRLF; no cell is computed."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(_heads(visit))
    for entry in _all(visit)[1]:
        writer.writerow([guarded(cell) for cell in _row(visit, entry)])
    return Response(
        b"\xef\xbb\xbf" + output.getvalue().encode(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="chronicle.csv"'},
    )


def what(visit: Visit, entry: Entry) -> str:
    """What happened, in the visitor's language; the engine's own word when there is none."""
    return visit.say(WORDS[entry.action]) if entry.action in WORDS else entry.action


def said(visit: Visit, entry: Entry) -> str:
    """What was said or given as a reason."""
    words = " ".join(_text(entry.detail[name]) for name in _SAID if entry.detail.get(name))
    source = entry.detail.get("source")
    if entry.action == NOTE and source in SOURCES and source != Source.OTHER:
        return f"{words} ({visit.say(SOURCES[Source(source)])})"
    return words


def _text(detail: object) -> str:
    return ", ".join(map(str, detail)) if isinstance(detail, list) else str(detail)


def _page(visit: Visit, *, problem: str | None = None, status: int = 200) -> Response:
    number = _number(visit.query.get("alert") or visit.field("alert"))
    with reading(visit.site.engine) as session:
        found = chronicle.entries(
            session, dispatch=number, before=_number(visit.query.get("before", "")), limit=PAGE + 1
        )
    return page(
        visit,
        "chronicle.html",
        status=status,
        entries=[(entry, what(visit, entry), said(visit, entry)) for entry in found[:PAGE]],
        older=found[PAGE - 1].number if len(found) > PAGE else None,
        alert=number,
        may_add=visit.may(*WRITERS),
        sources=SOURCES,
        text=visit.field("text"),
        problem=problem,
    )


def _all(visit: Visit) -> tuple[int | None, Sequence[Entry]]:
    number = _number(visit.query.get("alert", ""))
    with reading(visit.site.engine) as session:
        return number, chronicle.entries(session, dispatch=number, limit=MOST)[::-1]


def _heads(visit: Visit) -> list[str]:
    return [visit.say("Time"), visit.say("Who"), visit.say("What happened"), visit.say("What was said")]


def _row(visit: Visit, entry: Entry) -> list[str]:
    happened = what(visit, entry)
    if entry.dispatch is not None:
        happened = f"#{entry.dispatch} {happened} {entry.headline}"
    elif entry.subject != CITY:
        happened = f"{happened} ({entry.subject})"
    return [second(entry.at), entry.actor, happened, said(visit, entry)]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None
