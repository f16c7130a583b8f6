"""The list of alerts: what waits for a person first, then the latest."""

from __future__ import annotations

from fastapi import Response

from alertd import incoming, store
from alertd.alert import Status
from alertd.db import reading
from alertd.dispatch import Role, State
from alertd.help_wanted import help_wanted
from alertd.tables import DispatchRow
from operator_console.alarm import alarms
from operator_console.help_wanted import RECENT
from operator_console.page import page
from operator_console.visit import Visited

#: rows on the page
LATEST = 50


def show(visit: Visited) -> Response:
    """GET /"""
    room = visit.site.config.drills_only
    statuses = (Status.EXERCISE, Status.TEST) if room else ()
    with reading(visit.site.engine) as session:
        rows = [
            pair for pair in store.dispatches(session, *statuses, limit=LATEST) if not _kept_back(pair[0])
        ]
        now = alarms(session)
        waiting = len(help_wanted(session, since=visit.now - RECENT))
        drafts = len(incoming.waiting(session))
    return page(
        visit,
        "alerts.html",
        waiting=[pair for pair in rows if pair[0].state is State.SUBMITTED],
        latest=[pair for pair in rows if pair[0].state is not State.SUBMITTED],
        alarms=now,
        help_waiting=0 if room else waiting,
        drafts_waiting=0 if room else drafts,
        may_write=visit.may(Role.DRAFT, Role.TRAINEE),
        may_approve=visit.may(Role.APPROVE, Role.ADMINISTER),
    )


def under_way(visit: Visited) -> Response:
    """GET /under-way: the bar of every page alone, for pages that stay open."""
    return page(visit, "_under_way.html")


def _kept_back(row: DispatchRow) -> bool:
    """A prepared correction, or a message of a drill that is armed with its drill."""
    waiting = row.state in (State.SUBMITTED, State.CANCELLED) and row.planned_at is None
    return row.state is State.DRAFT or (row.drill_step_id is not None and waiting)
