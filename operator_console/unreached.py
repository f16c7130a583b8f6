"""The unreached: whom a dispatch has not reached in any way, by name, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Response
from sqlalchemy import Row, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from alertd.channel import Outcome
from alertd.db import reading
from alertd.dispatch import Role
from alertd.tables import AreaRow, ContactRow, DeliveryRow, RecipientRow
from operator_console.page import channel_name, page
from operator_console.stored import stored
from operator_console.visit import Visited

#: people on one page
PAGE = 50
_REACHED = (Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.ACKNOWLEDGED)
#: who may see how somebody is reached, and not only who it is
_SEES_ADDRESSES = (Role.DRAFT, Role.APPROVE, Role.SEND, Role.ADMINISTER)


@dataclass(frozen=True, slots=True)
class Unreached:
    """One delivery to somebody who was reached in no other way either."""

    delivery: DeliveryRow
    recipient: RecipientRow
    area: str
    #: None = the visitor may not see it
    address: str | None


def show(number: int, visit: Visited) -> Response:
    """GET /alerts/N/unreached?after=DELIVERY"""
    after = visit.query.get("after", "0")
    start = int(after) if after.isascii() and after.isdigit() and len(after) <= 18 else 0
    sees = visit.may(*_SEES_ADDRESSES)
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
        rows = unreached(session, number, after=start, limit=PAGE + 1)
    people = [Unreached(row[0], row[1], row[2] or "", row[3] if sees else None) for row in rows[:PAGE]]
    return page(
        visit,
        "unreached.html",
        dispatch=dispatch,
        people=people,
        channels={
            name: channel_name(visit.language, name, visit.site.settings.get(name))
            for name in dispatch.row.channels
        },
        following=people[-1].delivery.id if len(rows) > PAGE else None,
        start=start,
        sees_addresses=sees,
    )


def unreached(
    session: Session, dispatch_id: int, *, after: int, limit: int
) -> Sequence[Row[DeliveryRow, RecipientRow, str, str]]:
    """Deliveries that did not arrive and have no other one to the same recipient that did, by number.

    Each with its recipient, the name of the area, and the address. What is still to be
    tried for the first time is not among them.
    """
    other = aliased(DeliveryRow)
    reached = exists().where(
        other.dispatch_id == dispatch_id,
        other.recipient_id == DeliveryRow.recipient_id,
        or_(other.outcome.in_(_REACHED), and_(other.outcome.is_(None), other.due_at.is_not(None))),
    )
    return session.execute(
        select(DeliveryRow, RecipientRow, AreaRow.name, ContactRow.address)
        .join(RecipientRow, RecipientRow.id == DeliveryRow.recipient_id)
        .join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .where(
            DeliveryRow.dispatch_id == dispatch_id,
            DeliveryRow.outcome.is_not(None),
            DeliveryRow.outcome.not_in(_REACHED),
            DeliveryRow.id > after,
            ~reached,
        )
        .order_by(DeliveryRow.id)
        .limit(limit)
    ).all()
