"""Stopping channels by one click, and letting them go on with a reason."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import halt as halting
from alertd.db import reading
from alertd.dispatch import Role
from alertd.errors import MoveRefused
from operator_console.page import channel_name, page
from operator_console.refusal import refusal
from operator_console.stored import stored
from operator_console.visit import Visit, Visited

#: who may let stopped channels go on
LETS_GO_ON = frozenset({Role.SEND, Role.APPROVE})


def halt(number: int, visit: Visited) -> Response:
    """POST /alerts/N/halt: stops the named channels, or all when none is named."""
    with reading(visit.site.engine) as session:
        every = stored(session, visit.site, number).row.channels
    halting.halt(
        visit.site,
        number,
        visit.operator,
        visit.fields("channel") or every,
        reason=visit.field("reason"),
    )
    return RedirectResponse(f"/alerts/{number}", 303)


def show(number: int, visit: Visited) -> Response:
    """GET /alerts/N/go-on"""
    return _page(visit, number)


def go_on(number: int, visit: Visited) -> Response:
    """POST /alerts/N/go-on: the ticked channels hand over what they had not."""
    chosen, reason = visit.fields("channel"), visit.field("reason")
    if not chosen:
        return _page(visit, number, problem=visit.say("Please choose at least one channel."), status=422)
    if not reason:
        return _page(visit, number, problem=visit.say("Please say why it goes on."), status=422)
    try:
        halting.go_on(visit.site, number, visit.operator, chosen, reason=reason)
    except MoveRefused as error:
        return _page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/alerts/{number}", 303)


def _page(visit: Visit, number: int, *, problem: str | None = None, status: int = 200) -> Response:
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
    return page(
        visit,
        "go_on.html",
        status=status,
        dispatch=dispatch,
        stops=halting.stops(dispatch.row),
        channels={
            name: channel_name(visit.language, name, visit.site.settings.get(name))
            for name in dispatch.row.channels
        },
        chosen=visit.fields("channel") or tuple(filter(None, [visit.query.get("channel")])),
        problem=problem,
    )
