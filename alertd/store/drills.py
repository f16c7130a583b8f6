"""Drills, their occurrences, steps and checks, as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Row, exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alertd.alert import Status
from alertd.audience import Audience
from alertd.dispatch import State
from alertd.people import Line, contacts_of
from alertd.tables import (
    AlertRow,
    DispatchRow,
    DrillCheckRow,
    DrillRow,
    DrillStepRow,
    OccurrenceRow,
)


def occurrence(session: Session, number: int, *, lock: bool = False) -> OccurrenceRow | None:
    """One occurrence; with `lock` nobody else can move it until the transaction ends."""
    return session.get(OccurrenceRow, number, with_for_update=lock, populate_existing=lock)


def occurrences(session: Session, *, limit: int = 50) -> Sequence[Row[OccurrenceRow, DrillRow]]:
    """The latest occurrences with their drills, the one that is furthest ahead first."""
    return session.execute(
        select(OccurrenceRow, DrillRow)
        .join(DrillRow, DrillRow.id == OccurrenceRow.drill_id)
        .order_by(OccurrenceRow.starts_at.desc(), OccurrenceRow.id.desc())
        .limit(limit)
    ).all()


def open_occurrences(session: Session, before: datetime) -> Sequence[OccurrenceRow]:
    """The occurrences that have not ended and start before that moment, the first one first."""
    return session.scalars(
        select(OccurrenceRow)
        .where(OccurrenceRow.ended_at.is_(None), OccurrenceRow.starts_at <= before)
        .order_by(OccurrenceRow.starts_at, OccurrenceRow.id)
    ).all()


def earlier_occurrences(session: Session, number: int, *, limit: int) -> Sequence[OccurrenceRow]:
    """Occurrences of drills of the same name that took place before this one, the latest first."""
    this = session.get_one(OccurrenceRow, number)
    name = session.get_one(DrillRow, this.drill_id).name
    return session.scalars(
        select(OccurrenceRow)
        .join(DrillRow, DrillRow.id == OccurrenceRow.drill_id)
        .where(DrillRow.name == name, OccurrenceRow.starts_at < this.starts_at, OccurrenceRow.id != number)
        .order_by(OccurrenceRow.starts_at.desc())
        .limit(limit)
    ).all()


def drills_without_occurrence(session: Session) -> Sequence[DrillRow]:
    """Drills that have not ended and none of whose occurrences is still to come."""
    coming = exists().where(OccurrenceRow.drill_id == DrillRow.id, OccurrenceRow.ended_at.is_(None))
    return session.scalars(select(DrillRow).where(DrillRow.ended_at.is_(None), ~coming)).all()


def latest_start(session: Session, drill_id: int) -> datetime | None:
    """When the drill last took place, or was to."""
    return session.scalar(
        select(OccurrenceRow.starts_at)
        .where(OccurrenceRow.drill_id == drill_id)
        .order_by(OccurrenceRow.starts_at.desc())
        .limit(1)
    )


def steps(session: Session, occurrence_id: int) -> Sequence[DrillStepRow]:
    """The messages of an occurrence in their order."""
    return session.scalars(
        select(DrillStepRow)
        .where(DrillStepRow.occurrence_id == occurrence_id)
        .order_by(DrillStepRow.position)
    ).all()


def step_dispatches(session: Session, occurrence_id: int, *, lock: bool = False) -> Mapping[int, DispatchRow]:
    """The dispatches of an occurrence's messages, by step."""
    query = (
        select(DispatchRow)
        .join(DrillStepRow, DrillStepRow.id == DispatchRow.drill_step_id)
        .where(DrillStepRow.occurrence_id == occurrence_id)
        .order_by(DispatchRow.id)
    )
    if lock:
        query = query.with_for_update(of=DispatchRow).execution_options(populate_existing=True)
    return {row.drill_step_id: row for row in session.scalars(query) if row.drill_step_id is not None}


def occurrence_of(session: Session, step_id: int) -> int:
    """The occurrence that a step belongs to."""
    return session.get_one(DrillStepRow, step_id).occurrence_id


def checks(session: Session, occurrence_id: int) -> Mapping[int, DrillCheckRow]:
    """The looks that were taken at an occurrence, by minutes before its start."""
    rows = session.scalars(
        select(DrillCheckRow)
        .where(DrillCheckRow.occurrence_id == occurrence_id)
        .order_by(DrillCheckRow.minutes.desc())
    )
    return {row.minutes: row for row in rows}


def note_check(
    session: Session, occurrence_id: int, minutes: int, problems: Sequence[str], now: datetime
) -> None:
    """Notes what a look has found; the first word on the same look stands."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(DrillCheckRow)
        .values(occurrence_id=occurrence_id, minutes=minutes, checked_at=now, problems=list(problems))
        .on_conflict_do_nothing()
    )


def forget_checks(session: Session, occurrence_id: int) -> None:
    """Looks that found something wrong are to be taken anew."""
    for row in checks(session, occurrence_id).values():
        if row.problems:
            session.delete(row)


def real_alerts(session: Session, *, now: datetime, since: datetime) -> Sequence[Row[DispatchRow, AlertRow]]:
    """Real alerts that were let go after `since` or may still be sent, the latest first."""
    return session.execute(
        select(DispatchRow, AlertRow)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(
            AlertRow.status == Status.ACTUAL,
            DispatchRow.approved_at.is_not(None),
            DispatchRow.state.in_((State.APPROVED, State.SENDING, State.FINISHED, State.CANCELLED)),
            or_(DispatchRow.approved_at > since, DispatchRow.expires_at > now),
        )
        .order_by(DispatchRow.approved_at.desc())
    ).all()


def contacts_by_language(session: Session, audience: Audience, line: Line) -> Mapping[str, int]:
    """How many contacts of an audience a section reaches, by the language that they asked for."""
    reached = contacts_of(audience, line).order_by(None).subquery()
    rows = session.execute(select(reached.c.language, func.count()).group_by(reached.c.language))
    return {language: number for language, number in rows}
