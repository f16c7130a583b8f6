"""The figures of a dispatch, counted by the database: who was reached, where, and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from alertd.channel import Answer, Outcome
from alertd.store.instants import moment, ticks
from alertd.tables import AreaRow, DeliveryRow, ReceiptRow, RecipientRow

#: after these nobody needs to go there
REACHED = (Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.ACKNOWLEDGED)
#: of a second
_TENTHS = 10
_HEARD = (Outcome.DELIVERED, Outcome.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class AreaFigures:
    """One area over one channel: deliveries planned, reached, heard to the end, answered, in need of help."""

    area: str
    area_name: str
    channel: str
    planned: int
    reached: int
    heard: int
    confirmed: int
    help_wanted: int


def by_area(session: Session, dispatch_id: int) -> list[AreaFigures]:
    """The deliveries of a dispatch by area and channel."""

    def counted(*outcomes: Outcome) -> object:
        return func.sum(case((DeliveryRow.outcome.in_(outcomes), 1), else_=0))

    rows = session.execute(
        select(
            RecipientRow.area,
            func.coalesce(AreaRow.name, RecipientRow.area),
            DeliveryRow.channel,
            func.count(),
            counted(*REACHED),
            counted(*_HEARD),
            counted(Outcome.ACKNOWLEDGED),
            func.sum(case((DeliveryRow.answer == Answer.HELP, 1), else_=0)),
        )  # type: ignore[call-overload]
        .join(RecipientRow, RecipientRow.id == DeliveryRow.recipient_id)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .where(DeliveryRow.dispatch_id == dispatch_id)
        .group_by(RecipientRow.area, AreaRow.name, AreaRow.position, DeliveryRow.channel)
        .order_by(AreaRow.position, RecipientRow.area, DeliveryRow.channel)
    )
    return [AreaFigures(*row[:3], *(int(number) for number in row[3:])) for row in rows]


def reached_at(session: Session, dispatch_id: int) -> Sequence[tuple[str, datetime, int]]:
    """Channel, moment and number of the deliveries that were reached, the earliest first.

    The moment at which each was heard or opened, where that is known; else that at which
    the far end took it over; to a tenth of a second, so that a million make few rows.
    """
    heard = func.min(case((ReceiptRow.outcome.in_(_HEARD), ReceiptRow.received_at)))
    taken = func.min(ReceiptRow.received_at)
    reached = (
        select(
            DeliveryRow.channel,
            func.coalesce(heard, taken, type_=ReceiptRow.received_at.type).label("at"),
        )
        .join(ReceiptRow, ReceiptRow.delivery_id == DeliveryRow.id)
        .where(
            DeliveryRow.dispatch_id == dispatch_id,
            DeliveryRow.outcome.in_(REACHED),
            ReceiptRow.outcome.in_(REACHED),
        )
        .group_by(DeliveryRow.id, DeliveryRow.channel)
        .subquery()
    )
    tenth = ticks(session, reached.c.at, _TENTHS)
    rows = session.execute(
        select(reached.c.channel, tenth, func.count()).group_by(reached.c.channel, tenth).order_by(tenth)
    )
    return [(channel, moment(at, _TENTHS), count) for channel, at, count in rows]


@dataclass(frozen=True, slots=True)
class Attempts:
    """The hand-overs of a channel: in all, and those that the far end put off or refused."""

    channel: str
    begun: int
    put_off: int
    failed: int


def attempts(session: Session, dispatch_id: int) -> list[Attempts]:
    """How a channel fared in a dispatch, by hand-over."""
    begun = select(
        DeliveryRow.channel, func.coalesce(func.sum(DeliveryRow.attempt - DeliveryRow.spared), 0)
    ).where(DeliveryRow.dispatch_id == dispatch_id)
    said = (
        select(
            DeliveryRow.channel,
            func.sum(case((ReceiptRow.outcome == Outcome.DEFERRED, 1), else_=0)),
            func.sum(case((ReceiptRow.outcome == Outcome.FAILED, 1), else_=0)),
        )
        .join(ReceiptRow, ReceiptRow.delivery_id == DeliveryRow.id)
        .where(
            DeliveryRow.dispatch_id == dispatch_id,
            ReceiptRow.outcome.in_((Outcome.DEFERRED, Outcome.FAILED)),
        )
    )
    put_off = {name: (int(a), int(b)) for name, a, b in session.execute(said.group_by(DeliveryRow.channel))}
    return [
        Attempts(name, int(number), *put_off.get(name, (0, 0)))
        for name, number in session.execute(begun.group_by(DeliveryRow.channel))
    ]
