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
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alertd.delivery import HEARD, NOTHING_KNOWN, PARTLY_HEARD
from alertd.tables import (
    ContactRow,
    DeliveryRow,
    ReceiptRow,
)

_DELIVERY = cast("Table", DeliveryRow.__table__)
#: what marks PostgreSQL's lock on taking contacts away; any number that nobody else takes
TAKING_AWAY = 7120


def planned(session: Session, dispatch_id: int) -> bool:
    """Whether the dispatch has deliveries, of any channel."""
    return session.scalar(select(exists().where(DeliveryRow.dispatch_id == dispatch_id))) is True


def known_to(wrong: type[DeliveryRow]) -> ColumnElement[bool]:
    """Whether a delivery was heard, in part too, or may be being heard: then its correction must follow."""
    heard = exists().where(
        ReceiptRow.delivery_id == wrong.id,
        or_(ReceiptRow.outcome.in_(HEARD), ReceiptRow.reason.in_(PARTLY_HEARD)),
    )
    return or_(wrong.handed_at.is_not(None), heard)


def keep_contacts(session: Session) -> None:
    """Nobody takes contacts away until this transaction ends; waits for who is just doing it.

    PostgreSQL would have to look for the contact of each of a million deliveries otherwise.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(TAKING_AWAY)))


def may_take_contacts_away(session: Session) -> bool:
    """Whether nobody makes deliveries now; if so, nobody does until this transaction ends."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    return session.scalar(select(func.pg_try_advisory_xact_lock(TAKING_AWAY))) is True


def plan_next_contacts(
    session: Session, delivery_ids: Sequence[int], kinds: Mapping[str, str], now: datetime
) -> int:
    """After a failure: the recipient's next contact of the same kind that the dispatch has not tried."""
    planned = 0
    keep_contacts(session)
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


def _or_nothing(session: Session) -> Insert:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(_DELIVERY).on_conflict_do_nothing()
    return sqlite.insert(_DELIVERY).on_conflict_do_nothing()
