"""Help wanted: who has called for help, and who is going there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from alertd.alert import Status
from alertd.channel import Answer, Outcome
from alertd.dispatch import State
from alertd.tables import (
    AlertRow,
    AreaRow,
    ContactRow,
    DeliveryRow,
    DispatchRow,
    OperatorRow,
    ReceiptRow,
    RecipientRow,
    TakingRow,
)
from alertd.taking import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpWanted:
    """Somebody who has called for help."""

    delivery_id: int
    dispatch_id: int
    recipient_id: int
    name: str
    kana: str
    area: str
    area_name: str
    #: the neighbourhood association, and where the door is; empty = not known
    association: str
    street: str
    address: str
    needs_support: bool
    channel: str
    #: of the alert: a drill's call for help is one too, and is played through
    status: Status
    #: when the call for help came in
    asked_at: datetime
    #: None = nobody is going there yet
    taken_by: int | None
    #: the operator's name
    taker: str | None
    taken_at: datetime | None
    result: Visit | None
    note: str | None

    @property
    def open(self) -> bool:
        """Nobody is going there: never taken, or a visitor came back and could not help."""
        return self.taken_by is None or self.result is Visit.NEEDS_HELP


#: the same in the database as `HelpWanted.open`
_OPEN = or_(TakingRow.delivery_id.is_(None), TakingRow.result == Visit.NEEDS_HELP)


def _calls() -> Select[int]:
    """The deliveries that were answered by a call for help, from their own index: few, whatever else there is."""
    called = aliased(DeliveryRow)
    return select(called.id).where(called.answer == literal_column(f"'{Answer.HELP}'"))


def help_wanted(
    session: Session,
    dispatch_id: int | None = None,
    *,
    taken: bool = False,
    since: datetime | None = None,
) -> list[HelpWanted]:
    """Who has called for help, the longest waiting first; with `taken` also those whom somebody looks after.

    Without a dispatch: of all that still go on or have finished, those submitted after
    `since`; of a stopped one too, because a call for help stands. Whom a visitor could
    not help waits again.
    """
    asked = (
        select(ReceiptRow.received_at)
        .where(ReceiptRow.delivery_id == DeliveryRow.id, ReceiptRow.answer == Answer.HELP)
        .order_by(ReceiptRow.id)
        .limit(1)
        .correlate(DeliveryRow)
        .scalar_subquery()
    )
    query = (
        select(
            DeliveryRow,
            RecipientRow,
            AreaRow.name,
            ContactRow.address,
            TakingRow,
            OperatorRow.name,
            AlertRow.status,
            asked,
        )
        .join(DispatchRow, DispatchRow.id == DeliveryRow.dispatch_id)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .join(RecipientRow, RecipientRow.id == DeliveryRow.recipient_id)
        .join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .outerjoin(TakingRow, TakingRow.delivery_id == DeliveryRow.id)
        .outerjoin(OperatorRow, OperatorRow.id == TakingRow.taken_by)
        .where(
            DeliveryRow.outcome == Outcome.ACKNOWLEDGED,
            # written out and not bound, so that the partial index is used
            DeliveryRow.answer == literal_column(f"'{Answer.HELP}'"),
            DeliveryRow.id.in_(_calls()),
            DispatchRow.state.in_((State.SENDING, State.FINISHED, State.CANCELLED)),
        )
        .order_by(asked, DeliveryRow.id)
    )
    if dispatch_id is not None:
        query = query.where(DeliveryRow.dispatch_id == dispatch_id)
    if since is not None:
        query = query.where(DispatchRow.submitted_at > since)
    if not taken:
        query = query.where(_OPEN)
    return [
        HelpWanted(
            delivery_id=row.id,
            dispatch_id=row.dispatch_id,
            recipient_id=recipient.id,
            name=recipient.name,
            kana=recipient.kana,
            area=recipient.area,
            area_name=area_name or recipient.area,
            association=recipient.association,
            street=recipient.street,
            address=address,
            needs_support=recipient.needs_support,
            channel=row.channel,
            status=status,
            asked_at=asked_at,
            taken_by=taking.taken_by if taking is not None else None,
            taker=taker,
            taken_at=taking.taken_at if taking is not None else None,
            result=Visit(taking.result) if taking is not None and taking.result else None,
            note=taking.note if taking is not None else None,
        )
        for row, recipient, area_name, address, taking, taker, status, asked_at in session.execute(query)
    ]
