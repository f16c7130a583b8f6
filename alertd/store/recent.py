"""Recent real alerts: what was handed in, approved or sent alone a short while ago, for the guards on rate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum

from sqlalchemy import Row, func, or_, select, text
from sqlalchemy.orm import Session

from alertd.alert import MsgType, Status
from alertd.dispatch import State
from alertd.follow_up import FollowUp
from alertd.store.dispatches import TRIAL
from alertd.tables import AlertRow, DispatchRow

#: what puts an alert right or ends it: it neither counts as one more alert nor waits for anybody
EASES = (FollowUp.CORRECTION, FollowUp.CANCEL, FollowUp.ALL_CLEAR)


class Guard(IntEnum):
    """What is looked at and done by one transaction at a time; the number is PostgreSQL's advisory lock."""

    #: handing in what may have been handed in a moment ago
    SUBMIT = 0x616C6567
    #: letting go what may be one too many
    LET_GO = 0x616C6568


def one_at_a_time(session: Session, guard: Guard) -> None:
    """Until the transaction ends nobody else comes past this point; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": int(guard)})


def handed_in(
    session: Session, statuses: Sequence[Status], since: datetime
) -> Sequence[Row[DispatchRow, AlertRow]]:
    """What was handed in or approved since then and waits, goes out or went out; the latest first.

    Without what was sent back or called off, prepared corrections and trial calls.
    """
    over = (State.DRAFT, State.REJECTED, State.CANCELLED)
    return session.execute(
        select(DispatchRow, AlertRow)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(
            AlertRow.status.in_(statuses),
            AlertRow.msg_type != MsgType.CANCEL,
            or_(DispatchRow.submitted_at > since, DispatchRow.approved_at > since),
            DispatchRow.state.not_in(over),
            or_(DispatchRow.template.is_(None), DispatchRow.template != TRIAL),
        )
        .order_by(DispatchRow.id.desc())
    ).all()


def real_alerts_let_go(session: Session, since: datetime, *, apart_from: int) -> int:
    """How many real alerts were let go since then; `apart_from` is the dispatch that asks.

    Corrections and all-clears do not count.
    """
    query = (
        select(func.count())
        .select_from(DispatchRow)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(
            AlertRow.status == Status.ACTUAL,
            AlertRow.msg_type != MsgType.CANCEL,
            DispatchRow.approved_at > since,
            DispatchRow.id != apart_from,
            or_(DispatchRow.follow_up.is_(None), DispatchRow.follow_up.not_in(EASES)),
        )
    )
    return session.scalar(query) or 0


def unreviewed(session: Session, statuses: Sequence[Status]) -> Sequence[Row[DispatchRow, AlertRow]]:
    """What was sent alone and not looked at since by another approver, the latest first."""
    return session.execute(
        select(DispatchRow, AlertRow)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(
            AlertRow.status.in_(statuses),
            DispatchRow.override_reason.is_not(None),
            DispatchRow.approved_at.is_not(None),
            DispatchRow.reviewed_at.is_(None),
        )
        .order_by(DispatchRow.id.desc())
    ).all()


def overridden(session: Session, since: datetime) -> Sequence[datetime]:
    """When somebody let a real alert go alone since then, the earliest first."""
    query = (
        select(DispatchRow.approved_at)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(
            AlertRow.status == Status.ACTUAL,
            DispatchRow.override_reason.is_not(None),
            DispatchRow.approved_at > since,
        )
        .order_by(DispatchRow.approved_at)
    )
    return [at for at in session.scalars(query) if at is not None]
