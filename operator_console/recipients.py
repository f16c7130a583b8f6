"""Recipients: the directory on screen, the trial call to one of them, and the call list on paper."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import audit, call_list, directory, people, recipient_list, register, sheet, trial_call
from alertd.db import reading, writing
from alertd.directory import Entry
from alertd.dispatch import Role
from alertd.errors import MoveRefused, NotFound, WrongAudience
from alertd.opened import Opened
from operator_console import download
from operator_console.page import page
from operator_console.refusal import refusal
from operator_console.visit import Visit, Visited

#: recipients on one page
PAGE = 50
#: who may print every name and number
PRINTS = (Role.SEND, Role.APPROVE, Role.ADMINISTER)


class Directory:
    """The directory on screen; keeps in memory what its searches have opened."""

    def __init__(self) -> None:
        self._opened = Opened()

    def show(self, visit: Visited) -> Response:
        """GET /recipients?q=…&after=RECIPIENT"""
        words, after = visit.query.get("q", "")[:100], visit.query.get("after", "")
        start = int(after) if after.isascii() and after.isdigit() and len(after) <= 18 else 0
        with reading(visit.site.engine) as session:
            found = directory.search(session, words, self._opened, after=start, limit=PAGE + 1)
        following = found[PAGE - 1].recipient_id if len(found) > PAGE else None
        return listing(visit, found[:PAGE], words=words, start=start, following=following)


def listing(
    visit: Visit,
    found: Sequence[Entry],
    *,
    words: str = "",
    start: int = 0,
    following: int | None = None,
    problem: str | None = None,
    done: str | None = None,
    status: int = 200,
) -> Response:
    """The page of these recipients with the results of their trial calls."""
    with reading(visit.site.engine) as session:
        trials = trial_call.last_trials(session, [one.recipient_id for one in found])
        areas = people.areas(session)
    return page(
        visit,
        "recipients.html",
        status=status,
        people=found,
        trials=trials,
        areas=areas,
        words=words,
        start=start,
        following=following,
        problem=problem,
        done=done,
        may_import=visit.may(Role.ADMINISTER),
        may_print=visit.may(*PRINTS),
    )


def try_call(recipient: int, visit: Visited) -> Response:
    """POST /recipients/N/test-call: one call in fixed words, now."""
    problem = ""
    try:
        trial_call.begin(visit.site, recipient, visit.operator)
    except MoveRefused as error:
        problem = refusal(visit, error)
    except WrongAudience as error:
        problem = " ".join(visit.problem(one) for one in error.problems)
    with reading(visit.site.engine) as session:
        entry = directory.entry(session, recipient)
    if entry is None:
        raise NotFound(f"there is no recipient of the number {recipient}")
    if not problem:
        return RedirectResponse(f"/recipients?q={entry.external_id or entry.name}", 303)
    return listing(visit, [entry], words=entry.name, problem=problem, status=409)


def paper(visit: Visited) -> Response:
    """GET /recipients/call-list.pdf?area=…: names and numbers on A4, and a row in the audit trail."""
    site, area = visit.site, visit.query.get("area", "")
    with writing(site.engine) as session:
        found = call_list.listed(session, [area] if area else [])
        audit.note(
            session,
            at=visit.now,
            actor=visit.operator.name,
            action="recipients.printed",
            subject="recipients",
            detail={"areas": [area] if area else [], "people": len(found)},
        )
    made = call_list.call_sheet(found, site.config.city, visit.now, visit.language)
    return Response(
        sheet.pdf(made, site.config.paper.font),
        media_type="application/pdf",
        headers={"Content-Disposition": 'inline; filename="call-list.pdf"'},
    )


def spreadsheet(visit: Visited) -> Response:
    """GET /recipients.csv: everybody, as the import takes it back; a row in the audit trail."""
    with writing(visit.site.engine) as session:
        document = recipient_list.write(register.registered(session))
        audit.note(
            session,
            at=visit.now,
            actor=visit.operator.name,
            action="recipients.exported",
            subject="recipients",
        )
    return download.attached(document, "text/csv; charset=utf-8", "recipients.csv")
