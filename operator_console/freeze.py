"""The freeze on screen: set from every page by one person, lifted here by two; and the maintenance mode."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import freeze as freezing
from alertd import maintenance
from alertd.alert import Status
from alertd.db import reading
from alertd.errors import MoveRefused
from alertd.freeze import SETS, Scope, frozen
from alertd.store.under_way import going_out
from operator_console.page import page
from operator_console.refusal import refusal
from operator_console.under_way import as_seen, liftable
from operator_console.visit import Visit, Visited

#: who may freeze anything at all
FREEZES = frozenset(role for roles in SETS.values() for role in roles)
#: how long maintenance may last, in hours
HOURS = (0.5, 1.0, maintenance.USUAL, 4.0, maintenance.MOST)
_DRILLS = (Status.EXERCISE, Status.TEST)


def show(visit: Visited) -> Response:
    """GET /freeze"""
    return _page(visit)


def freeze(visit: Visited) -> Response:
    """POST /freeze: nothing new is handed over from now on."""
    try:
        freezing.set_freeze(visit.site, _scope(visit), visit.operator, reason=visit.field("reason"))
    except MoveRefused as error:
        status = 422 if not visit.field("reason") else 409
        return _page(visit, problem=refusal(visit, error), status=status)
    return RedirectResponse("/freeze", 303)


def lift(visit: Visited) -> Response:
    """POST /freeze/lift: one of the two people who are needed says that it may be lifted."""
    try:
        freezing.lift(visit.site, _scope(visit), visit.operator)
    except MoveRefused as error:
        return _page(visit, problem=refusal(visit, error), status=409)
    # the alert from whose page it was lifted
    alert = visit.field("alert")
    return RedirectResponse(f"/alerts/{alert}" if alert.isascii() and alert.isdigit() else "/freeze", 303)


def maintain(visit: Visited) -> Response:
    """POST /maintenance: every far end is left alone for some hours, or for as many from now on."""
    try:
        hours = float(visit.field("hours") or 0)
        maintenance.begin(visit.site, visit.operator, reason=visit.field("reason"), hours=hours)
    except ValueError:
        return _page(visit, problem=visit.say("Please choose how long it lasts."), status=422)
    except MoveRefused as error:
        return _page(visit, problem=refusal(visit, error), status=422)
    return RedirectResponse("/freeze", 303)


def _scope(visit: Visit) -> Scope:
    """What the form names; in the drill room drills, whatever it names."""
    named = visit.field("scope")
    if named == Scope.DRILLS or visit.site.config.drills_only:
        return Scope.DRILLS
    return Scope.MAINTENANCE if named == Scope.MAINTENANCE else Scope.EVERYTHING


def _page(visit: Visit, *, problem: str | None = None, status: int = 200) -> Response:
    room = visit.site.config.drills_only
    with reading(visit.site.engine) as session:
        held = [as_seen(visit, one) for one in frozen(session, visit.now)]
        everything = not room and any(one.scope is not Scope.DRILLS for one in held)
        waiting = going_out(session, tuple(Status) if everything else _DRILLS) if held else []
    return page(
        visit,
        "freeze.html",
        status=status,
        held=held,
        waiting=waiting,
        liftable=liftable(visit, held),
        hours=HOURS,
        usual=maintenance.USUAL,
        problem=problem,
    )
