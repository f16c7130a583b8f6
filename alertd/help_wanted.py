"""Help wanted: who has called for help and who is going there; and what came of each visit at a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alertd import audit, receive, store
from alertd.alert import Status
from alertd.channel import Answer, Outcome, Reason, Receipt
from alertd.dispatch import Person, Role, State
from alertd.errors import MoveRefused, NotFound
from alertd.site import Site
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


class Visit(StrEnum):
    """What came of a visit at the door."""

    #: met, and has understood
    SAFE = "safe"
    #: met on the way, or has left for safety
    EVACUATED = "evacuated"
    #: met, and stays where it is safe
    STAYING = "staying"
    #: needs help that the visitor could not give
    NEEDS_HELP = "needs_help"
    #: nobody was there
    ABSENT = "absent"


#: what a person who was met has thereby answered
_ANSWER = {
    Visit.SAFE: Answer.UNDERSTOOD,
    Visit.EVACUATED: Answer.EVACUATING,
    Visit.STAYING: Answer.STAYING,
    Visit.NEEDS_HELP: Answer.HELP,
}


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


#: nobody is going there: never taken, or a visitor came back and could not help
_OPEN = or_(TakingRow.delivery_id.is_(None), TakingRow.result == Visit.NEEDS_HELP)


def help_wanted(session: Session, dispatch_id: int | None = None, *, taken: bool = False) -> list[HelpWanted]:
    """Who has called for help, the longest waiting first; with `taken` also those whom somebody looks after.

    Without a dispatch: of all that still go on or have finished; of a stopped one too,
    because a call for help stands. Whom a visitor could not help waits again.
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
            DeliveryRow.answer == Answer.HELP,
            DispatchRow.state.in_((State.SENDING, State.FINISHED, State.CANCELLED)),
        )
        .order_by(asked, DeliveryRow.id)
    )
    if dispatch_id is not None:
        query = query.where(DeliveryRow.dispatch_id == dispatch_id)
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


def take(session: Session, delivery_id: int, person: Person, now: datetime) -> bool:
    """Somebody says: I look after this. False when somebody else was first; twice is harmless.

    Raises NotFound, and MoveRefused for a trainee at a real alert.
    """
    row = _delivery(session, delivery_id, person)
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        make(TakingRow)
        .values(delivery_id=delivery_id, taken_by=person.id, taken_at=now)
        .on_conflict_do_update(
            index_elements=[TakingRow.delivery_id],
            set_={"taken_by": person.id, "taken_at": now, "result": None, "visited_at": None},
            where=TakingRow.result == Visit.NEEDS_HELP,
        )
    )
    taking = session.get_one(TakingRow, delivery_id, populate_existing=True)
    if taking.taken_by != person.id:
        return False
    if taking.taken_at == now:
        _note(session, now, person, "help.taken", row)
    return True


def give_back(session: Session, delivery_id: int, person: Person, now: datetime) -> None:
    """Who had taken it cannot go after all: it is on the list again. Raises NotFound and MoveRefused."""
    row, taking = _delivery(session, delivery_id, person), session.get(TakingRow, delivery_id)
    if taking is None or taking.result is not None:
        raise NotFound(f"nobody is on the way for delivery {delivery_id}")
    session.delete(taking)
    session.flush()
    _note(session, now, person, "help.given_back", row)


def visited(
    session: Session, site: Site, delivery_id: int, person: Person, result: Visit, note: str, now: datetime
) -> None:
    """Enters what came of a visit into the ledger of the delivery, as a person's word.

    Who was met counts as having answered: no more calls. An empty house changes nothing:
    calls that are still to come are made. Raises NotFound, and MoveRefused for a trainee
    at a real alert.
    """
    row = _delivery(session, delivery_id, person)
    take(session, delivery_id, person, now)
    taking = session.get_one(TakingRow, delivery_id)
    taking.result, taking.note, taking.visited_at = result, note[:500] or None, now
    said = f"{store.VISITED}{person.name}: {result}"
    if result is Visit.ABSENT:
        # of attempt 0: less than anything that a channel says
        nobody = Receipt(key="", outcome=Outcome.UNKNOWN, reason=Reason.NO_ANSWER, detail=said)
        store.add_receipts(session, [(delivery_id, 0, nobody)], now)
    else:
        met = Receipt(key="", outcome=Outcome.ACKNOWLEDGED, answer=_ANSWER[result], detail=said)
        receive.record(session, site, delivery_id, row.attempt, met, now)
    _note(session, now, person, "visit.entered", row, result=result)


def _note(
    session: Session, now: datetime, person: Person, action: str, row: DeliveryRow, **more: str
) -> None:
    audit.note(
        session,
        at=now,
        actor=person.name,
        action=action,
        subject=f"dispatch:{row.dispatch_id}",
        detail={"delivery": row.id, **more},
    )


def _delivery(session: Session, number: int, person: Person) -> DeliveryRow:
    row = session.get(DeliveryRow, number)
    if row is None:
        raise NotFound(f"there is no delivery {number}")
    if Role.TRAINEE in person.roles:
        dispatch = session.get_one(DispatchRow, row.dispatch_id)
        if session.get_one(AlertRow, dispatch.alert_id).status is Status.ACTUAL:
            raise MoveRefused(f"{person.name} is a trainee and can only work on drills")
    return row
