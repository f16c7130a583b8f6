"""Stopping: nothing more is handed over, and those who were reached are told that it was wrong."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import issue, store
from alertd.db import reading
from alertd.errors import MoveRefused
from alertd.report import report
from operator_console import wrong_send
from operator_console.board import can_stop
from operator_console.page import channel_name, page
from operator_console.refusal import refusal
from operator_console.stored import stored, to_read
from operator_console.visit import Visit, Visited

#: characters of a reason that are kept
LONGEST_REASON = 300


def show(number: int, visit: Visited) -> Response:
    """GET /alerts/N/stop"""
    return _page(visit, number)


def _page(visit: Visit, number: int, *, problem: str | None = None, status: int = 200) -> Response:
    site = visit.site
    with reading(site.engine) as session:
        dispatch = stored(session, site, number)
        told = report(session, number)
        correction = store.correction_of(session, number)
        words = to_read(session, correction.id) if correction is not None else []
        ready = wrong_send.ready(session, visit, dispatch)
    return page(
        visit,
        "stop.html",
        status=status,
        dispatch=dispatch,
        report=told,
        correction=words,
        reached=ready.total if ready is not None else 0,
        channels={
            name: channel_name(visit.language, name, site.settings.get(name))
            for name in dispatch.row.channels
        },
        problem=problem,
        can_stop=can_stop(visit, told),
    )


def stop(number: int, visit: Visited) -> Response:
    """POST /alerts/N/stop: with `correct`, the prepared correction goes to those who were reached."""
    reason = visit.field("reason")
    if not reason:
        return _page(visit, number, problem=visit.say("Please choose or write a reason."), status=422)
    try:
        correction = issue.cancel(
            visit.site,
            number,
            visit.operator,
            reason=" ".join(filter(None, (reason, visit.field("note"))))[:LONGEST_REASON],
            correct=visit.field("correct") == "yes",
        )
    except MoveRefused as error:
        return _page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/alerts/{correction or number}", 303)
