"""What goes out now, and what was stopped as a whole and not called off yet: for a bar on every page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, Row, Select, String, cast, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from alertd.alert import Status
from alertd.dispatch import State
from alertd.follow_up import FollowUp
from alertd.store.dispatches import TRIAL
from alertd.store.planning import known_to
from alertd.tables import AlertRow, DeliveryRow, DispatchRow

#: a dispatch, and the status and headline of its alert
Going: TypeAlias = Row[DispatchRow, Status, str]
#: made once: this is asked for every page, and to make them takes longer than to ask
_PREPARED, _WRITTEN = aliased(DispatchRow), aliased(DispatchRow)


def going_out(session: Session, statuses: Sequence[Status]) -> Sequence[Going]:
    """Dispatches that were let go and are not through, the most urgent first, with status and headline."""
    under_way = DispatchRow.state.in_((State.APPROVED, State.SENDING))
    return session.execute(_shown(statuses, under_way).order_by(DispatchRow.priority, DispatchRow.id)).all()


def halted(session: Session, statuses: Sequence[Status], since: datetime) -> Sequence[Going]:
    """Dispatches approved since then of which something went out, that have a halt and no correction yet.

    The prepared one was not sent, and none that somebody wrote was approved.
    """
    rules = (
        DispatchRow.state.in_((State.APPROVED, State.SENDING, State.FINISHED)),
        DispatchRow.approved_at > since,
        DispatchRow.first_at.is_not(None),
        cast(DispatchRow.stops, String) != "{}",
        exists().where(_PREPARED.corrects_id == DispatchRow.id, _PREPARED.state == State.DRAFT),
        ~exists().where(
            _WRITTEN.follows_id == DispatchRow.id,
            _WRITTEN.follow_up == FollowUp.CORRECTION,
            _WRITTEN.approved_at.is_not(None),
        ),
    )
    return session.execute(_shown(statuses, *rules).order_by(DispatchRow.id.desc())).all()


def correction_written(session: Session, dispatch_id: int) -> DispatchRow | None:
    """The first correction that somebody wrote for a dispatch and another person has approved."""
    return session.scalar(
        select(DispatchRow)
        .where(
            DispatchRow.follows_id == dispatch_id,
            DispatchRow.follow_up == FollowUp.CORRECTION,
            DispatchRow.approved_at.is_not(None),
        )
        .order_by(DispatchRow.approved_at)
        .limit(1)
    )


def to_correct(session: Session, dispatch_id: int) -> Mapping[str, int]:
    """How many contacts the prepared correction would go to, by channel: those reached or being reached."""
    counted = select(DeliveryRow.channel, func.count()).where(
        DeliveryRow.dispatch_id == dispatch_id, known_to(DeliveryRow)
    )
    return {channel: count for channel, count in session.execute(counted.group_by(DeliveryRow.channel))}


def _shown(statuses: Sequence[Status], *rules: ColumnElement[bool]) -> Select[DispatchRow, Status, str]:
    return (
        select(DispatchRow, AlertRow.status, AlertRow.headline)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(
            AlertRow.status.in_(statuses),
            or_(DispatchRow.template.is_(None), DispatchRow.template != TRIAL),
            *rules,
        )
    )
