"""Dispatches, their alerts and their artefacts, as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    Row,
    exists,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from alertd.alert import Alert, Reference, Severity, Status
from alertd.dispatch import State
from alertd.tables import (
    AlertRow,
    ArtefactRow,
    DeliveryRow,
    DispatchRow,
)

#: stands where other dispatches name their template: a trial call to one recipient
TRIAL = "trial-call"
#: made once, for to make it takes longer than to ask
_CORRECTION = aliased(DispatchRow)


def dispatch(session: Session, number: int, *, lock: bool = False) -> DispatchRow | None:
    """One dispatch; with `lock` nobody else can move it until the transaction ends."""
    return session.get(DispatchRow, number, with_for_update=lock, populate_existing=lock)


def severity(row: DispatchRow) -> Severity:
    """How grave the alert of a dispatch is."""
    return list(Severity)[row.priority % len(Severity)]


def urgency(alert: Alert) -> int:
    """The place of an alert in the queue: by severity, every drill and test after every real alert."""
    after = 0 if alert.status is Status.ACTUAL else len(Severity)
    return list(Severity).index(alert.severity) + after


def dispatches(session: Session, *statuses: Status, limit: int = 50) -> Sequence[Row[DispatchRow, AlertRow]]:
    """The latest dispatches with their alerts, newest first; without prepared corrections and trial calls.

    No `statuses` = of all of them.
    """
    return session.execute(
        select(DispatchRow, AlertRow)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(
            DispatchRow.state != State.DRAFT,
            or_(DispatchRow.template.is_(None), DispatchRow.template != TRIAL),
            AlertRow.status.in_(statuses or tuple(Status)),
        )
        .order_by(DispatchRow.id.desc())
        .limit(limit)
    ).all()


def gone_out(
    session: Session, *statuses: Status, before: int | None = None, limit: int = 50
) -> Sequence[Row[DispatchRow, AlertRow]]:
    """Dispatches of alerts of these statuses that have begun, newest first; without trial calls.

    `before` is the number of the dispatch after which to go on.
    """
    query = (
        select(DispatchRow, AlertRow)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(
            AlertRow.status.in_(statuses),
            DispatchRow.planned_at.is_not(None),
            or_(DispatchRow.template.is_(None), DispatchRow.template != TRIAL),
        )
        .order_by(DispatchRow.id.desc())
        .limit(limit)
    )
    return session.execute(query if before is None else query.where(DispatchRow.id < before)).all()


def dispatches_in(session: Session, *states: State) -> Sequence[DispatchRow]:
    """The dispatches that are in one of these states, the most urgent first."""
    return session.scalars(
        select(DispatchRow)
        .where(DispatchRow.state.in_(states))
        .order_by(DispatchRow.priority, DispatchRow.id)
    ).all()


def correction_of(session: Session, dispatch_id: int) -> DispatchRow | None:
    """The correction that was prepared with a dispatch."""
    return session.scalar(select(DispatchRow).where(DispatchRow.corrects_id == dispatch_id).limit(1))


def corrections_unspoken(session: Session) -> Sequence[int]:
    """Dispatches under way or submitted whose prepared correction has not been sent, newest first."""
    return session.scalars(
        select(DispatchRow.id)
        .join(_CORRECTION, _CORRECTION.corrects_id == DispatchRow.id)
        .where(
            _CORRECTION.state == State.DRAFT,
            DispatchRow.state.in_((State.SUBMITTED, State.APPROVED, State.SENDING)),
        )
        .order_by(DispatchRow.id.desc())
        .limit(20)
    ).all()


def alert_by_reference(session: Session, reference: Reference) -> AlertRow | None:
    """The stored alert that CAP's triple names."""
    return session.scalar(
        select(AlertRow).where(
            AlertRow.sender == reference.sender,
            AlertRow.identifier == reference.identifier,
            AlertRow.sent == reference.sent,
        )
    )


def dispatches_of(session: Session, reference: Reference) -> Sequence[DispatchRow]:
    """Every dispatch of the alert that CAP's triple names."""
    alert = alert_by_reference(session, reference)
    if alert is None:
        return []
    return session.scalars(select(DispatchRow).where(DispatchRow.alert_id == alert.id)).all()


def followed_by(session: Session, dispatch_id: int) -> Sequence[DispatchRow]:
    """The dispatches that follow this one up, in the order in which they were handed in."""
    return session.scalars(
        select(DispatchRow).where(DispatchRow.follows_id == dispatch_id).order_by(DispatchRow.id)
    ).all()


def artefacts(session: Session, dispatch_id: int) -> Sequence[ArtefactRow]:
    """The words and sounds of a dispatch."""
    return session.scalars(
        select(ArtefactRow)
        .where(ArtefactRow.dispatch_id == dispatch_id)
        .order_by(ArtefactRow.channel, ArtefactRow.language)
    ).all()


def still_told(session: Session, channel: str, since: datetime) -> Sequence[DispatchRow]:
    """Dispatches that went out over a channel, hold or ended after `since`, and were not stopped or replaced.

    The newest first.
    """
    rows = session.scalars(
        select(DispatchRow)
        .where(
            DispatchRow.state.in_((State.SENDING, State.FINISHED)),
            DispatchRow.expires_at > since,
            DispatchRow.superseded_by_id.is_(None),
            exists().where(ArtefactRow.dispatch_id == DispatchRow.id, ArtefactRow.channel == channel),
        )
        .order_by(DispatchRow.approved_at.desc(), DispatchRow.id.desc())
    )
    return rows.all()


def cancelled_open(session: Session) -> Sequence[DispatchRow]:
    """Stopped dispatches of which something may still be heard."""
    return session.scalars(
        select(DispatchRow).where(
            DispatchRow.state == State.CANCELLED,
            DispatchRow.planned_at.is_not(None),
            DispatchRow.finished_at.is_(None),
        )
    ).all()


def something_due(session: Session, dispatch_id: int) -> bool:
    """Whether any delivery of the dispatch will be looked at again."""
    return bool(
        session.scalar(
            select(exists().where(DeliveryRow.dispatch_id == dispatch_id, DeliveryRow.due_at.is_not(None)))
        )
    )
