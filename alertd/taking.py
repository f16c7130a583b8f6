"""The Taking: somebody of the city has taken a call for help, or a visit, into their hands; and its result."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alertd import audit
from alertd.alert import Status
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused, NotFound
from alertd.tables import AlertRow, DeliveryRow, DispatchRow, TakingRow


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


def take(session: Session, delivery_id: int, person: Person, now: datetime) -> bool:
    """Somebody says: I look after this. False when somebody else was first; twice is harmless.

    Raises NotFound, and MoveRefused for a trainee at a real alert.
    """
    row = delivery_for(session, delivery_id, person)
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
        note(session, now, person, "help.taken", row)
    return True


def give_back(session: Session, delivery_id: int, person: Person, now: datetime) -> None:
    """Who had taken it cannot go after all: it is on the list again. Raises NotFound and MoveRefused."""
    row, taking = delivery_for(session, delivery_id, person), session.get(TakingRow, delivery_id)
    if taking is None or taking.result is not None:
        raise NotFound(f"nobody is on the way for delivery {delivery_id}")
    session.delete(taking)
    session.flush()
    note(session, now, person, "help.given_back", row)


def note(session: Session, now: datetime, person: Person, action: str, row: DeliveryRow, **more: str) -> None:
    audit.note(
        session,
        at=now,
        actor=person.name,
        action=action,
        subject=f"dispatch:{row.dispatch_id}",
        detail={"delivery": row.id, **more},
    )


def delivery_for(session: Session, number: int, person: Person) -> DeliveryRow:
    row = session.get(DeliveryRow, number)
    if row is None:
        raise NotFound(f"there is no delivery {number}")
    if Role.TRAINEE in person.roles:
        dispatch = session.get_one(DispatchRow, row.dispatch_id)
        if session.get_one(AlertRow, dispatch.alert_id).status is Status.ACTUAL:
            raise MoveRefused(f"{person.name} is a trainee and can only work on drills")
    return row
