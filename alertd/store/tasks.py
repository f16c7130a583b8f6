"""Tasks: what people carry out for a dispatch, with who started and who ended each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from alertd.alert import Status
from alertd.channel import Outcome, Reason
from alertd.dispatch import State
from alertd.tables import (
    AlertRow,
    AreaRow,
    ContactRow,
    DeliveryRow,
    DispatchRow,
    ReceiptRow,
    RecipientRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One delivery that a person carries out."""

    delivery_id: int
    dispatch_id: int
    attempt: int
    channel: str
    language: str
    #: who or what carries it: 広報車1号, a newspaper, a neighbourhood association
    name: str
    area_name: str
    #: what the list says about how
    address: str
    headline: str
    status: Status
    #: of the dispatch; stopped = it should not go on
    state: State
    expires_at: datetime
    outcome: Outcome
    reason: Reason | None
    #: nobody has said yet that it is done or cannot be done
    open: bool
    #: when it came to the desk
    given_at: datetime
    #: when somebody set out with it, and who said so
    started_at: datetime | None
    started_by: str | None
    #: when it was done or given up, who said so, and what else
    ended_at: datetime | None
    ended_by: str | None
    said: str | None

    @property
    def under_way(self) -> bool:
        """Somebody has set out and is not back."""
        return self.open and self.started_at is not None


def open_tasks(session: Session, channels: Collection[str]) -> list[Task]:
    """What waits for a person or is under way, the most urgent first, then in the order of coming."""
    still_open = and_(DeliveryRow.due_at.is_not(None), DeliveryRow.handed_at.is_not(None))
    return _tasks(session, DeliveryRow.channel.in_(channels), still_open)


def ended_tasks(session: Session, channels: Collection[str], since: datetime) -> list[Task]:
    """What was done or given up since then, the latest first."""
    over = or_(DeliveryRow.due_at.is_(None), DeliveryRow.handed_at.is_(None))
    spoken_of = select(ReceiptRow.delivery_id).where(ReceiptRow.received_at >= since)
    tasks = _tasks(session, DeliveryRow.channel.in_(channels), over, DeliveryRow.id.in_(spoken_of))
    return sorted(tasks, key=lambda task: task.ended_at or task.given_at, reverse=True)


def task(session: Session, channels: Collection[str], delivery_id: int) -> Task | None:
    """The task of one delivery; None when that is not one of a person's."""
    found = _tasks(session, DeliveryRow.channel.in_(channels), DeliveryRow.id == delivery_id)
    return found[0] if found else None


def _tasks(session: Session, *which: ColumnElement[bool]) -> list[Task]:
    rows = session.execute(
        select(DeliveryRow, DispatchRow, AlertRow, RecipientRow.name, AreaRow.name, ContactRow.address)
        .join(DispatchRow, DispatchRow.id == DeliveryRow.dispatch_id)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .join(RecipientRow, RecipientRow.id == DeliveryRow.recipient_id)
        .join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .where(*which, DeliveryRow.attempt > 0, DeliveryRow.outcome.is_not(None))
        .order_by(DeliveryRow.priority, DeliveryRow.id)
    ).all()
    receipts = _receipts(session, [row[0].id for row in rows])
    return [
        _task(delivery, dispatch, alert, name, area, address, receipts[delivery.id])
        for delivery, dispatch, alert, name, area, address in rows
    ]


def _receipts(session: Session, delivery_ids: Collection[int]) -> dict[int, list[ReceiptRow]]:
    found: dict[int, list[ReceiptRow]] = defaultdict(list)
    rows = session.scalars(
        select(ReceiptRow).where(ReceiptRow.delivery_id.in_(delivery_ids)).order_by(ReceiptRow.id)
    )
    for row in rows:
        found[row.delivery_id].append(row)
    return found


def _task(
    delivery: DeliveryRow,
    dispatch: DispatchRow,
    alert: AlertRow,
    name: str,
    area: str | None,
    address: str,
    receipts: Sequence[ReceiptRow],
) -> Task:
    here = [one for one in receipts if one.attempt == delivery.attempt]
    start = next((one for one in here if one.reason is Reason.UNDER_WAY), None)
    still_open = delivery.due_at is not None and delivery.handed_at is not None
    end = here[-1] if here and not still_open and here[-1] is not start else None
    assert delivery.outcome is not None
    return Task(
        delivery_id=delivery.id,
        dispatch_id=delivery.dispatch_id,
        attempt=delivery.attempt,
        channel=delivery.channel,
        language=delivery.language,
        name=name,
        area_name=area or "",
        address=address,
        headline=alert.headline,
        status=alert.status,
        state=dispatch.state,
        expires_at=dispatch.expires_at,
        outcome=delivery.outcome,
        reason=delivery.reason,
        open=still_open,
        given_at=here[0].received_at if here else dispatch.submitted_at,
        started_at=start.received_at if start else None,
        started_by=start.ref if start else None,
        ended_at=end.received_at if end else None,
        ended_by=end.ref if end else None,
        said=end.detail if end else None,
    )
