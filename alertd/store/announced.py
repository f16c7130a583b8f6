"""Announced: real alerts that have begun, and which of them were told by which way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from alertd.alert import Status
from alertd.tables import AlertRow, AnnouncedRow, DispatchRow, OperatorRow


class Row(NamedTuple):
    """What is told of a dispatch."""

    id: int
    identifier: str
    headline: str
    first_at: datetime
    written_by: str | None
    approved_by: str | None
    alone: bool
    channels: Sequence[str]
    correction: bool


_WRITER, _APPROVER = aliased(OperatorRow), aliased(OperatorRow)


def waiting(session: Session, way: str, now: datetime, *, since: datetime) -> Sequence[int]:
    """Real dispatches that began since then, were not told by this way, and are nobody's business now."""
    mine = and_(AnnouncedRow.dispatch_id == DispatchRow.id, AnnouncedRow.way == way)
    free = and_(AnnouncedRow.told_at.is_(None), AnnouncedRow.taken_until <= now)
    return session.scalars(
        select(DispatchRow.id)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .outerjoin(AnnouncedRow, mine)
        .where(
            DispatchRow.first_at > since,
            AlertRow.status == Status.ACTUAL,
            or_(AnnouncedRow.dispatch_id.is_(None), free),
        )
        .order_by(DispatchRow.id)
    ).all()


def take(session: Session, dispatch_id: int, way: str, now: datetime, *, until: datetime) -> bool:
    """Takes one upon oneself until then; False = somebody else has."""
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = make(AnnouncedRow).values(dispatch_id=dispatch_id, way=way, taken_until=until)
    inserted = new.on_conflict_do_nothing().returning(AnnouncedRow.dispatch_id)
    if session.scalar(inserted) is not None:
        return True
    again = (
        update(AnnouncedRow)
        .where(*_this(dispatch_id, way), AnnouncedRow.told_at.is_(None), AnnouncedRow.taken_until <= now)
        .values(taken_until=until)
        .returning(AnnouncedRow.dispatch_id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(again) is not None


def told(session: Session, dispatch_id: int, way: str, now: datetime) -> None:
    """It was told."""
    _set(session, dispatch_id, way, told_at=now)


def try_again(session: Session, dispatch_id: int, way: str, at: datetime) -> None:
    """It could not be told; whoever comes first tries again then."""
    _set(session, dispatch_id, way, taken_until=at)


def begun(session: Session, dispatch_id: int) -> Row:
    """What is told of a dispatch that has begun."""
    found = session.execute(
        select(DispatchRow, AlertRow, _WRITER.name, _APPROVER.name)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .outerjoin(_WRITER, _WRITER.id == DispatchRow.submitted_by)
        .outerjoin(_APPROVER, _APPROVER.id == DispatchRow.approved_by)
        .where(DispatchRow.id == dispatch_id)
    ).one()
    row, alert, writer, approver = found
    assert row.first_at is not None
    return Row(
        id=row.id,
        identifier=alert.identifier,
        headline=alert.headline,
        first_at=row.first_at,
        written_by=writer,
        approved_by=approver,
        alone=row.override_reason is not None,
        channels=tuple(row.channels),
        correction=row.corrects_id is not None,
    )


def _set(session: Session, dispatch_id: int, way: str, **values: datetime) -> None:
    session.execute(
        update(AnnouncedRow)
        .where(*_this(dispatch_id, way))
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _this(dispatch_id: int, way: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return AnnouncedRow.dispatch_id == dispatch_id, AnnouncedRow.way == way
