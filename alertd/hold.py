"""The hold: what was promised before a database was restored goes on only when a person says so.

A backup does not know what was sent after it was made. A held dispatch keeps its
deliveries, and none is due before the far future; a new alert is not touched.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from sqlalchemy import case, exists, select, update
from sqlalchemy.orm import Session

from alertd import audit, papers, store
from alertd.db import reading, writing
from alertd.dispatch import Person, Role, State
from alertd.errors import MoveRefused
from alertd.site import Site
from alertd.tables import DeliveryRow, DispatchRow
from alertd.watermark import Watermark, mark

log = logging.getLogger(__name__)

#: when held work is due
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
#: who may let it go on
RELEASES = frozenset({Role.SEND, Role.APPROVE})


def look(site: Site) -> list[int]:
    """Called by whoever is about to plan or send: holds everything when the database was restored.

    Returns the dispatches that are held. Safe from several processes at once.
    """
    watermark = Watermark(site.config.storage)
    with reading(site.engine) as session:
        if not watermark.is_ahead_of(session):
            return []
    with writing(site.engine) as session:
        held = everything(session, site.clock.now())
        present = mark(session)
    watermark.write(present)
    log.error("the database is older than what this installation has seen; held: %s", held or "nothing open")
    return held


def everything(session: Session, now: datetime) -> list[int]:
    """Holds every dispatch that is promised or under way, in the caller's transaction; twice is harmless."""
    open_work = exists().where(DeliveryRow.dispatch_id == DispatchRow.id, DeliveryRow.due_at < NEVER)
    found = session.scalars(
        select(DispatchRow)
        .where((DispatchRow.state == State.APPROVED) | open_work)
        .where(DispatchRow.hold_until.is_(None) | (DispatchRow.hold_until < NEVER))
        .order_by(DispatchRow.id)
    ).all()
    looked_at = case((DeliveryRow.handed_at.is_(None), DeliveryRow.turn))
    for row in found:
        row.hold_until = NEVER
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.dispatch_id == row.id, DeliveryRow.due_at.is_not(None))
            .values(due_at=NEVER, owner=None, claimed_until=None, turn=looked_at)
            .execution_options(synchronize_session=False)
        )
        message = f"dispatch {row.id} is held, because the database was restored; release it or stop it"
        store.raise_alarm(session, f"{papers.HELD}:{row.id}", message, now)
        audit.note(session, at=now, actor=audit.ENGINE, action="dispatch.held", subject=f"dispatch:{row.id}")
    return [row.id for row in found]


def is_held(row: DispatchRow) -> bool:
    """Whether a person has to let it go on."""
    return row.hold_until is not None and row.hold_until >= NEVER


def release(site: Site, dispatch_id: int, person: Person) -> None:
    """Lets a held dispatch go on with what the database takes for open. Raises MoveRefused or NotFound.

    Whoever was reached after the backup was made is reached once more.
    """
    now = site.clock.now()
    with writing(site.engine) as session:
        row, _ = papers.locked(session, dispatch_id)
        if not is_held(row):
            raise MoveRefused(f"dispatch {dispatch_id} is not held")
        if not person.roles & RELEASES:
            names = " or ".join(sorted(RELEASES))
            raise MoveRefused(f"{person.name} may not release: the role {names} is needed")
        row.hold_until = now
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.dispatch_id == row.id, DeliveryRow.due_at >= NEVER)
            .values(due_at=now)
            .execution_options(synchronize_session=False)
        )
        store.clear_alarm(session, f"{papers.HELD}:{row.id}")
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="dispatch.released",
            subject=f"dispatch:{row.id}",
        )
