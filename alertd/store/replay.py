"""What was said of a dispatch, in the order in which it came in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alertd.delivery import Word
from alertd.tables import DeliveryRow, ReceiptRow

#: receipts that are fetched at once
_BATCH = 5_000


def said(
    session: Session, dispatch_id: int, *, until: datetime | None = None
) -> Iterator[tuple[int, str, Word, datetime]]:
    """Delivery, channel, word and moment of every receipt that came in before `until`."""
    query = (
        select(
            ReceiptRow.delivery_id,
            DeliveryRow.channel,
            ReceiptRow.attempt,
            ReceiptRow.outcome,
            ReceiptRow.reason,
            ReceiptRow.answer,
            ReceiptRow.received_at,
        )
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .where(DeliveryRow.dispatch_id == dispatch_id)
        .order_by(ReceiptRow.received_at, ReceiptRow.id)
        .execution_options(yield_per=_BATCH)
    )
    if until is not None:
        query = query.where(ReceiptRow.received_at < until)
    for delivery, channel, attempt, outcome, reason, answer, at in session.execute(query):
        yield delivery, channel, Word(attempt, outcome, reason, answer), at


def last_said(session: Session, dispatch_id: int) -> datetime | None:
    """When the last receipt of a dispatch came in; None = none has."""
    return session.scalar(
        select(func.max(ReceiptRow.received_at))
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .where(DeliveryRow.dispatch_id == dispatch_id)
    )


def neighbours(
    session: Session, dispatch_id: int, at: datetime, after: datetime
) -> tuple[datetime | None, datetime | None]:
    """The last receipt before `at` and the first one from `after` on."""
    mine = (
        select(func.max(ReceiptRow.received_at), func.min(ReceiptRow.received_at))
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .where(DeliveryRow.dispatch_id == dispatch_id)
    )
    before = session.execute(mine.where(ReceiptRow.received_at < at)).one()[0]
    later = session.execute(mine.where(ReceiptRow.received_at >= after)).one()[1]
    return before, later
