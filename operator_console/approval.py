"""Approval: a second person reads everything that would go out, types what it is, and lets it go or not."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import forecast, hold, hourly, issue
from alertd import override as emergency
from alertd.alert import Status
from alertd.db import reading
from alertd.dispatch import Role, State
from alertd.errors import MoveRefused
from alertd.siren import by_channel
from alertd.store import drills
from alertd.tables import AlertRow
from operator_console.confirmation import confirms, words_to_type
from operator_console.page import channel_name, page
from operator_console.reach import elsewhere
from operator_console.refusal import refusal
from operator_console.stored import Stored, stored, to_read
from operator_console.visit import Visit, Visited

#: a rejection says why in at least so many characters
REASON_LENGTH = 2


def show(number: int, visit: Visited) -> Response:
    """GET /alerts/N/approve"""
    return _page(visit, number)


def _page(visit: Visit, number: int, *, problem: str | None = None, status: int = 200) -> Response:
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
        artefacts = to_read(session, number)
        step = dispatch.row.drill_step_id
        drill = drills.occurrence_of(session, step) if step is not None else None
        kept = session.get_one(AlertRow, dispatch.row.alert_id)
        this_hour = hourly.beyond(session, visit.site, dispatch.row, kept, visit.now)
    if drill is not None:
        return RedirectResponse(f"/drills/{drill}", 303)
    if dispatch.row.state is not State.SUBMITTED:
        return RedirectResponse(f"/alerts/{number}", 303)
    return page(
        visit,
        "approve.html",
        status=status,
        dispatch=dispatch,
        elsewhere=elsewhere(visit, dispatch.audience),
        artefacts=artefacts,
        channels={
            name: channel_name(visit.language, name, visit.site.settings.get(name))
            for name in dispatch.row.channels
        },
        settings=visit.site.settings,
        etas=forecast.preview(visit.site, dispatch.counts, forecast.sounds(artefacts)),
        left=dispatch.row.expires_at - visit.now,
        sirens=by_channel(
            dispatch.alert,
            {
                name: visit.site.channel(name).traits
                for name in dispatch.row.channels
                if name in visit.site.settings
            },
        ),
        words=words_to_type(dispatch.alert, visit.language),
        own=_own(visit, dispatch),
        may_approve=visit.may(Role.APPROVE),
        may_override=dispatch.row.life_threat and visit.may(Role.APPROVE, Role.DRAFT),
        needs_code=visit.site.config.approval.override_code,
        hold=round(visit.site.config.approval.hold),
        this_hour=this_hour,
        may_permit=visit.may(Role.ADMINISTER) and dispatch.row.submitted_by != visit.operator.id,
        problem=problem,
    )


def _own(visit: Visit, dispatch: Stored) -> bool:
    """Whether the two-person rule keeps the visitor from approving."""
    alone_allowed = dispatch.alert.status is not Status.ACTUAL and visit.site.config.approval.exercise == 1
    return dispatch.row.submitted_by == visit.operator.id and not alone_allowed


def approve(number: int, visit: Visited) -> Response:
    """POST /alerts/N/approve"""
    return _let_go(
        visit, number, lambda: issue.approve(visit.site, number, visit.operator, seen=visit.field("seen"))
    )


def override(number: int, visit: Visited) -> Response:
    """POST /alerts/N/override: one person alone, with a reason and a code of their second factor."""
    return _let_go(
        visit,
        number,
        lambda: emergency.let_go(
            visit.site,
            number,
            visit.operator,
            seen=visit.field("seen"),
            reason=visit.field("reason"),
            code=visit.field("code"),
        ),
    )


def _let_go(visit: Visit, number: int, move: Callable[[], None]) -> Response:
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
    if not confirms(dispatch.alert, visit.field("typed")):
        words = words_to_type(dispatch.alert, visit.language)
        problem = visit.say("To confirm, type “%(words)s” exactly. Nothing was sent.", words=words)
        return _page(visit, number, problem=problem, status=422)
    return _moved(visit, number, move)


def reject(number: int, visit: Visited) -> Response:
    """POST /alerts/N/reject"""
    reason = visit.field("reason")
    if len(reason) < REASON_LENGTH:
        return _page(
            visit, number, problem=visit.say("Please say why, so that the author can correct it."), status=422
        )
    return _moved(
        visit, number, lambda: issue.reject(visit.site, number, visit.operator, reason=reason[:500])
    )


def permit(number: int, visit: Visited) -> Response:
    """POST /alerts/N/permit: somebody who administers agrees to one alert beyond the hourly number."""
    try:
        hourly.permit(visit.site, number, visit.operator)
    except MoveRefused as error:
        return _page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/alerts/{number}/approve", 303)


def review(number: int, visit: Visited) -> Response:
    """POST /alerts/N/review: another approver has looked at what was sent alone."""
    note = visit.field("note")
    if len(note) >= REASON_LENGTH:
        emergency.review(visit.site, number, visit.operator, note=note[:500])
    return RedirectResponse(f"/alerts/{number}", 303)


def release(number: int, visit: Visited) -> Response:
    """POST /alerts/N/release: what a restored database holds back goes on."""
    hold.release(visit.site, number, visit.operator)
    return RedirectResponse(f"/alerts/{number}", 303)


def _moved(visit: Visit, number: int, move: Callable[[], None]) -> Response:
    try:
        move()
    except MoveRefused as error:
        return _page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/alerts/{number}", 303)
