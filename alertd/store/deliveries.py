"""Deliveries one by one: who was meant over a channel, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from alertd.channel import Outcome, Reason
from alertd.tables import AreaRow, DeliveryRow, ReceiptRow, RecipientRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One delivery, by name."""

    delivery_id: int
    recipient_id: int
    name: str
    area_name: str
    outcome: Outcome | None
    reason: Reason | None
    #: it will be looked at again
    open: bool
    #: the last that was said of it, and when
    detail: str | None
    said_at: datetime | None


def deliveries_of(
    session: Session,
    dispatch_id: int,
    channel: str,
    *,
    outcome: Outcome | None = None,
    reason: Reason | None = None,
    limit: int,
) -> list[Known]:
    """What is known of each delivery of a channel; those of which least is known first."""
    last = (
        select(ReceiptRow.delivery_id, func.max(ReceiptRow.id).label("id"))
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .where(DeliveryRow.dispatch_id == dispatch_id, DeliveryRow.channel == channel)
        .group_by(ReceiptRow.delivery_id)
        .subquery()
    )
    # what nobody confirmed is looked for first, what arrived last
    worth = case(
        (DeliveryRow.reason == Reason.UNCONFIRMED, 0),
        (DeliveryRow.outcome.in_((Outcome.FAILED, Outcome.UNKNOWN, Outcome.DEFERRED, Outcome.EXPIRED)), 1),
        (DeliveryRow.outcome.in_((Outcome.DELIVERED, Outcome.ACKNOWLEDGED)), 3),
        else_=2,
    )
    query = (
        select(DeliveryRow, RecipientRow.name, AreaRow.name, ReceiptRow.detail, ReceiptRow.received_at)
        .join(RecipientRow, RecipientRow.id == DeliveryRow.recipient_id)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .outerjoin(last, last.c.delivery_id == DeliveryRow.id)
        .outerjoin(ReceiptRow, ReceiptRow.id == last.c.id)
        .where(DeliveryRow.dispatch_id == dispatch_id, DeliveryRow.channel == channel)
        .order_by(worth, DeliveryRow.recipient_id, DeliveryRow.id)
        .limit(limit)
    )
    if outcome is not None:
        query = query.where(DeliveryRow.outcome == outcome)
    if reason is not None:
        query = query.where(DeliveryRow.reason == reason)
    return [
        Known(
            delivery_id=row.id,
            recipient_id=row.recipient_id,
            name=name,
            area_name=area or "",
            outcome=row.outcome,
            reason=row.reason,
            open=row.due_at is not None,
            detail=detail,
            said_at=said_at,
        )
        for row, name, area, detail, said_at in session.execute(query)
    ]


def unconfirmed(session: Session, dispatch_id: int, *, limit: int) -> Mapping[str, tuple[str, ...]]:
    """By channel the names of those who got it and did not confirm it; at most so many of each."""
    rows = session.execute(
        select(DeliveryRow.channel, RecipientRow.name)
        .join(RecipientRow, RecipientRow.id == DeliveryRow.recipient_id)
        .where(
            DeliveryRow.dispatch_id == dispatch_id,
            DeliveryRow.outcome == Outcome.ACCEPTED,
            DeliveryRow.reason == Reason.UNCONFIRMED,
        )
        .order_by(DeliveryRow.channel, DeliveryRow.recipient_id)
    )
    found: dict[str, tuple[str, ...]] = {}
    for channel, name in rows:
        if len(found.get(channel, ())) < limit:
            found[channel] = (*found.get(channel, ()), name)
    return found
