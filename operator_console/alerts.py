"""The list of alerts: what waits for a person first, then the latest."""

from __future__ import annotations

from fastapi import Response

from alertd import store
from alertd.db import reading
from alertd.dispatch import Role, State
from operator_console.alarm import alarms
from operator_console.page import page
from operator_console.visit import Visited

#: rows on the page
LATEST = 50


def show(visit: Visited) -> Response:
    """GET /"""
    with reading(visit.site.engine) as session:
        rows = [pair for pair in store.dispatches(session, limit=LATEST) if pair[0].state is not State.DRAFT]
        now = alarms(session)
    return page(
        visit,
        "alerts.html",
        waiting=[pair for pair in rows if pair[0].state is State.SUBMITTED],
        latest=[pair for pair in rows if pair[0].state is not State.SUBMITTED],
        alarms=now,
        may_write=visit.may(Role.DRAFT, Role.TRAINEE),
        may_approve=visit.may(Role.APPROVE),
    )
