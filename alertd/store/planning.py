"""Planning, in the database: whom a dispatch, a correction or a failure makes deliveries for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Insert,
    Table,
    case,
    exists,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from alertd.audience import Audience
from alertd.delivery import HEARD, NOTHING_KNOWN, PARTLY_HEARD
from alertd.people import Line, contacts_of
from alertd.tables import (
    ContactRow,
    DeliveryRow,
    DispatchRow,
    MembershipRow,
    ReceiptRow,
)

_DELIVERY = cast("Table", DeliveryRow.__table__)


def planned(session: Session, dispatch_id: int) -> bool:
    """Whether the dispatch has deliveries, of any channel."""
    return session.scalar(select(exists().where(DeliveryRow.dispatch_id == dispatch_id))) is True


def plan_audience(
    session: Session,
    dispatch_row: DispatchRow,
    audience: Audience,
    line: Line,
    languages: Sequence[str],
    *,
    now: datetime,
) -> int:
    """Makes the deliveries of one channel, in the database; twice is harmless. Returns how many are new.

    First the few who pass it on, then those who need support, then those who live in
    danger, then the others. A follow-up never goes to a contact before the words that it follows.
    """
    before = aliased(DeliveryRow)
    reached = contacts_of(audience, line).subquery()

    def among(groups: Sequence[str]) -> ColumnElement[bool]:
        return exists().where(
            MembershipRow.recipient_id == reached.c.recipient_id, MembershipRow.group_name.in_(groups)
        )

    in_danger = [(among([group]), number) for number, group in enumerate(line.danger_groups)]
    order = (
        case((among(line.first_groups), 0), else_=1),
        reached.c.needs_support.desc(),
        *([case(*in_danger, else_=len(in_danger))] if in_danger else []),
        reached.c.recipient_id,
    )
    spoken = case((reached.c.language.in_(languages), reached.c.language), else_=languages[0])
    return _insert_deliveries(
        session,
        select(
            literal(dispatch_row.id),
            reached.c.recipient_id,
            reached.c.contact_id,
            literal(line.name),
            spoken,
            literal(dispatch_row.priority),
            null()
            if dispatch_row.follows_id is None
            else select(before.id)
            .where(before.dispatch_id == dispatch_row.follows_id, before.contact_id == reached.c.contact_id)
            .scalar_subquery(),
            literal(0),
            literal(NOTHING_KNOWN),
            literal(now, DeliveryRow.due_at.type),
        ).order_by(*order),
    )


def plan_correction(session: Session, dispatch_row: DispatchRow, channel: str, *, now: datetime) -> int:
    """Makes the deliveries of a correction: exactly those reached or in flight, over the same contacts."""
    wrong = aliased(DeliveryRow)
    heard = exists().where(
        ReceiptRow.delivery_id == wrong.id,
        or_(ReceiptRow.outcome.in_(HEARD), ReceiptRow.reason.in_(PARTLY_HEARD)),
    )
    return _insert_deliveries(
        session,
        select(
            literal(dispatch_row.id),
            wrong.recipient_id,
            wrong.contact_id,
            wrong.channel,
            wrong.language,
            literal(dispatch_row.priority),
            wrong.id,
            literal(0),
            literal(NOTHING_KNOWN),
            literal(now, DeliveryRow.due_at.type),
        )
        .where(
            wrong.dispatch_id == dispatch_row.corrects_id,
            wrong.channel == channel,
            or_(wrong.handed_at.is_not(None), heard),
        )
        .order_by(wrong.id),
    )


def plan_next_contacts(
    session: Session, delivery_ids: Sequence[int], kinds: Mapping[str, str], now: datetime
) -> int:
    """After a failure: the recipient's next contact of the same kind that the dispatch has not tried."""
    planned = 0
    failed = session.execute(select(_DELIVERY).where(DeliveryRow.id.in_(delivery_ids))).all()
    for row in failed:
        tried = select(DeliveryRow.contact_id).where(
            DeliveryRow.dispatch_id == row.dispatch_id, DeliveryRow.recipient_id == row.recipient_id
        )
        contact = session.scalar(
            select(ContactRow.id)
            .where(
                ContactRow.recipient_id == row.recipient_id,
                ContactRow.kind == kinds[row.channel],
                ContactRow.active,
                or_(ContactRow.section.is_(None), ContactRow.section == row.channel),
                ContactRow.id.not_in(tried),
            )
            .order_by(ContactRow.preference, ContactRow.id)
            .limit(1)
        )
        if contact is not None:
            values = {
                "dispatch_id": row.dispatch_id,
                "recipient_id": row.recipient_id,
                "contact_id": contact,
                "channel": row.channel,
                "language": row.language,
                "priority": row.priority,
                "attempt": 0,
                "standing": NOTHING_KNOWN,
                "due_at": now,
            }
            result = session.execute(
                _or_nothing(session).values(values), execution_options={"preserve_rowcount": True}
            )
            planned += cast("CursorResult[Any]", result).rowcount
    return planned


_PLANNED = (
    "dispatch_id",
    "recipient_id",
    "contact_id",
    "channel",
    "language",
    "priority",
    "after_id",
    "attempt",
    "standing",
    "due_at",
)


def _insert_deliveries(session: Session, rows: Any) -> int:
    result = session.execute(
        _or_nothing(session).from_select(_PLANNED, rows, include_defaults=False),
        execution_options={"preserve_rowcount": True},
    )
    return cast("CursorResult[Any]", result).rowcount


def _or_nothing(session: Session) -> Insert:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(_DELIVERY).on_conflict_do_nothing()
    return sqlite.insert(_DELIVERY).on_conflict_do_nothing()
