"""The figures of a dispatch, counted by the database: who was reached, where, and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select, type_coerce
from sqlalchemy.orm import Session

from alertd.channel import Answer, Outcome
from alertd.store.instants import moment, ticks
from alertd.tables import AreaRow, DeliveryRow, ReceiptRow, RecipientRow

#: after these nobody needs to go there
REACHED = (Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.ACKNOWLEDGED)
#: of a second
_TENTHS = 10
_HEARD = (Outcome.DELIVERED, Outcome.ACKNOWLEDGED)


def has(session: Session, dispatch_id: int, deliveries: int) -> bool:
    """Whether a dispatch has at least so many deliveries."""
    those = select(DeliveryRow.id).where(DeliveryRow.dispatch_id == dispatch_id)
    return session.scalar(those.offset(deliveries - 1).limit(1)) is not None


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


@dataclass(frozen=True, slots=True)
class Attempts:
    """The hand-overs of a channel: in all, and those that the far end put off or refused."""

    channel: str
    begun: int
    put_off: int
    failed: int


@dataclass(frozen=True, slots=True)
class SaidOf:
    """What the receipts of a dispatch come to.

    `reached_at` has channel, moment and number of the deliveries that were reached, the
    earliest first. The moment at which each was heard or opened, where that is known;
    else that at which the far end took it over; to a tenth of a second, so that a million
    make few rows.
    """

    reached_at: Sequence[tuple[str, datetime, int]]
    attempts: Sequence[Attempts]


def said(session: Session, dispatch_id: int) -> SaidOf:
    """Counted from the receipts of a dispatch, which are read once."""

    def times(outcome: Outcome) -> ColumnElement[int]:
        return func.sum(case((ReceiptRow.outcome == outcome, 1), else_=0))

    heard = func.min(case((ReceiptRow.outcome.in_(_HEARD), ReceiptRow.received_at)))
    taken = func.min(case((ReceiptRow.outcome.in_(REACHED), ReceiptRow.received_at)))
    at = case((DeliveryRow.outcome.in_(REACHED), func.coalesce(heard, taken)))
    each = (
        select(
            DeliveryRow.channel,
            type_coerce(at, ReceiptRow.received_at.type).label("at"),
            (DeliveryRow.attempt - DeliveryRow.spared).label("begun"),
            times(Outcome.DEFERRED).label("put_off"),
            times(Outcome.FAILED).label("failed"),
        )
        .outerjoin(ReceiptRow, ReceiptRow.delivery_id == DeliveryRow.id)
        .where(DeliveryRow.dispatch_id == dispatch_id)
        # one by one along the index of contacts: nothing has to be sorted
        .group_by(DeliveryRow.dispatch_id, DeliveryRow.contact_id, DeliveryRow.id)
        .subquery()
    )
    tenth = case((each.c.at.is_not(None), ticks(session, each.c.at, _TENTHS))).label("tenth")
    rows = session.execute(
        select(
            each.c.channel,
            tenth,
            func.count(),
            func.sum(each.c.begun),
            func.sum(each.c.put_off),
            func.sum(each.c.failed),
        )
        .group_by(each.c.channel, tenth)
        .order_by(tenth)
    ).all()
    channels = sorted({row[0] for row in rows})
    return SaidOf(
        [(row[0], moment(row[1], _TENTHS), row[2]) for row in rows if row[1] is not None],
        [
            Attempts(name, *(sum(int(row[column]) for row in rows if row[0] == name) for column in (3, 4, 5)))
            for name in channels
        ],
    )
