"""The freeze on screen: set from every page by one person, lifted here by two."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import freeze as freezing
from alertd.alert import Status
from alertd.db import reading
from alertd.errors import MoveRefused
from alertd.freeze import LIFTS, SETS, Scope, frozen
from alertd.store.under_way import going_out
from operator_console.page import page
from operator_console.refusal import refusal
from operator_console.under_way import as_seen
from operator_console.visit import Visit, Visited

#: who may freeze anything at all
FREEZES = frozenset(role for roles in SETS.values() for role in roles)
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
    return RedirectResponse("/freeze", 303)


def _scope(visit: Visit) -> Scope:
    """What the form names; in the drill room drills, whatever it names."""
    everything = visit.field("scope") != Scope.DRILLS and not visit.site.config.drills_only
    return Scope.EVERYTHING if everything else Scope.DRILLS


def _page(visit: Visit, *, problem: str | None = None, status: int = 200) -> Response:
    room = visit.site.config.drills_only
    with reading(visit.site.engine) as session:
        held = [as_seen(visit, one) for one in frozen(session, visit.now)]
        everything = not room and any(one.scope is Scope.EVERYTHING for one in held)
        waiting = going_out(session, tuple(Status) if everything else _DRILLS) if held else []
    return page(
        visit,
        "freeze.html",
        status=status,
        held=held,
        waiting=waiting,
        liftable=[one.scope for one in held if visit.may(*LIFTS) and (one.scope is Scope.DRILLS or not room)],
        problem=problem,
    )
