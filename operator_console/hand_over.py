"""The hand-over on screen: where one is, what goes on, what is to be done, and what the last shift says.

It is the first page after signing in, and is there at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from alertd import checklist, hand_over, incoming, standing, store
from alertd.alert import Status
from alertd.checklist import Task
from alertd.db import reading
from alertd.dispatch import Role, State
from alertd.errors import MoveRefused, WrongInput
from alertd.hand_over import SHIFTS
from alertd.help_wanted import help_wanted
from alertd.orders import Order
from alertd.store import recent
from alertd.store.dispatches import gone_out
from alertd.store.published import alert_in
from alertd.tables import AlertRow, DispatchRow
from operator_console import signed_in
from operator_console.alarm import alarms
from operator_console.help_wanted import RECENT
from operator_console.page import page
from operator_console.refusal import refusal
from operator_console.under_way import under_way
from operator_console.visit import Visit, Visited

#: of how long ago an alert's checklist is still looked at
_TASKS_OF = timedelta(hours=24)
_DRILLS = (Status.EXERCISE, Status.TEST)


@dataclass(frozen=True, slots=True)
class Row:
    """One alert in a list."""

    number: int
    status: Status
    headline: str


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done by hand after one alert."""

    alert: Row
    tasks: Sequence[Task]


@dataclass(frozen=True, slots=True)
class InForce:
    """One order, and for how many areas it holds."""

    order: Order
    areas: Sequence[str]


def show(visit: Visited) -> Response:
    """GET /hand-over"""
    return _page(visit)


def give(visit: Visited) -> Response:
    """POST /hand-over: what the next shift has to know."""
    try:
        hand_over.give(visit.site, visit.operator, note=visit.field("note"))
    except WrongInput as error:
        return _page(visit, problem=visit.problem(error.problems[0]), status=422)
    return RedirectResponse("/hand-over", 303)


def take(number: int, visit: Visited) -> Response:
    """POST /hand-over/N/take: one has read it and is in charge now."""
    try:
        hand_over.take(visit.site, number, visit.operator)
    except MoveRefused as error:
        return _page(visit, problem=refusal(visit, error), status=409)
    return RedirectResponse("/hand-over", 303)


def _page(visit: Visit, *, problem: str | None = None, status: int = 200) -> Response:
    site, room = visit.site, visit.site.config.drills_only
    statuses = _DRILLS if room else tuple(Status)
    with reading(site.engine) as session:
        people = [
            one
            for one in signed_in.present(session, visit.now)
            if not room or Role.TRAINEE in one.person.roles
        ]
        approvals = [
            (Row(row.id, alert.status, alert.headline), row.submitted_at)
            for row, alert in store.dispatches(session, *statuses)
            if row.state is State.SUBMITTED and row.drill_step_id is None
        ]
        reviews = [
            Row(row.id, alert.status, alert.headline) for row, alert in recent.unreviewed(session, statuses)
        ]
        due = _due(session, visit)
        orders = [] if room else _together(standing.orders(session, visit.now))
        notes = [] if room else hand_over.latest(session)
        calls = 0 if room else len(help_wanted(session, since=visit.now - RECENT))
        drafts = 0 if room else len(incoming.waiting(session))
        raised = () if room else alarms(session)
    return page(
        visit,
        "hand_over.html",
        status=status,
        real=not room and any(Status.ACTUAL in one.carries for one in site.settings.values()),
        now=under_way(visit),
        orders=orders,
        approvals=approvals,
        reviews=reviews,
        due=due,
        calls=calls,
        drafts=drafts,
        alarms=raised,
        people=people,
        notes=notes,
        takes_part=not room and visit.may(*SHIFTS),
        longest=hand_over.LONGEST_NOTE,
        note=visit.field("note"),
        ended=bool(visit.query.get("ended")),
        problem=problem,
    )


def _due(session: Session, visit: Visit) -> Sequence[Due]:
    """What is still to be done by hand after the latest alerts; drills have no checklist in the drill room."""
    if visit.site.config.drills_only:
        return ()
    found = []
    for row, alert in gone_out(session, *Status, limit=20):
        if not _of_today(row, visit.now):
            continue
        document = alert_in(alert.document)
        tasks = checklist.checklist(session, visit.site.config.checklist, row, document, visit.now)
        still = [one for one in tasks if one.done_at is None]
        if still:
            found.append(Due(_row(row, alert), still))
    return found


def _of_today(row: DispatchRow, now: datetime) -> bool:
    return row.approved_at is not None and now - row.approved_at < _TASKS_OF


def _row(row: DispatchRow, alert: AlertRow) -> Row:
    return Row(row.id, alert.status, alert.headline)


def _together(orders: Sequence[Order]) -> Sequence[InForce]:
    """Orders of the same document and event in one line, gravest first as they come."""
    found: dict[object, list[Order]] = {}
    for order in orders:
        found.setdefault((order.reference, order.event, order.level), []).append(order)
    return [InForce(these[0], [one.area_name for one in these]) for these in found.values()]
