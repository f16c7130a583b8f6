"""The hand-over: what one shift writes for the next, and who has taken it over.

Notes are never changed. Giving and taking are rows of the audit trail too, so that both
stand in the chronicle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session, aliased

from alertd import audit
from alertd.db import writing
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused, NotFound, Problem, WrongInput
from alertd.site import Site
from alertd.tables import HandOverRow, OperatorRow

#: who hands over and takes over
SHIFTS = frozenset({Role.DRAFT, Role.APPROVE, Role.SEND, Role.ADMINISTER})
LONGEST_NOTE = 2000
#: for so long a note waits for somebody
WAITS = timedelta(hours=24)
#: made once: this is asked for every page, and to make them takes longer than to ask
_GIVER, _TAKER = aliased(OperatorRow), aliased(OperatorRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """One note, who wrote it, and who took over."""

    number: int
    note: str
    given_by: int
    #: the name of who wrote it
    giver: str
    given_at: datetime
    #: None = nobody yet
    taker: str | None
    taken_at: datetime | None


def latest(session: Session, limit: int = 5) -> Sequence[HandOver]:
    """The latest notes, newest first."""
    rows = session.execute(
        select(HandOverRow, _GIVER.name, _TAKER.name)
        .join(_GIVER, _GIVER.id == HandOverRow.given_by)
        .outerjoin(_TAKER, _TAKER.id == HandOverRow.taken_by)
        .order_by(HandOverRow.id.desc())
        .limit(limit)
    )
    return [_hand_over(row) for row in rows]


def waiting_for(session: Session, person: Person, now: datetime) -> HandOver | None:
    """The latest note that this person could take over: somebody else's, of the last day, taken by nobody."""
    if not SHIFTS & person.roles:
        return None
    found = next(iter(latest(session, 1)), None)
    if found is None or found.taker is not None or found.given_by == person.id:
        return None
    return found if now - found.given_at < WAITS else None


def give(site: Site, person: Person, *, note: str) -> int:
    """Writes what the next shift has to know; returns its number. Raises WrongInput or MoveRefused."""
    _admit(person)
    note = note.strip().replace("\r\n", "\n")
    if not note or len(note) > LONGEST_NOTE:
        raise WrongInput(
            Problem(
                "note",
                f"write 1 to {LONGEST_NOTE} characters; “nothing special” is something to say too",
                f"1～{LONGEST_NOTE}文字で書いてください。何もなければ「特になし」と書いてください。",
            )
        )
    now = site.clock.now()
    with writing(site.engine) as session:
        row = HandOverRow(note=note, given_by=person.id, given_at=now)
        session.add(row)
        session.flush()
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="shift.given",
            subject=f"shift:{row.id}",
            detail={"text": note},
        )
        return row.id


def take(site: Site, number: int, person: Person) -> None:
    """Says that one has read it and is in charge now; the first one counts. Raises MoveRefused or NotFound."""
    _admit(person)
    now = site.clock.now()
    with writing(site.engine) as session:
        row = session.get(HandOverRow, number)
        if row is None:
            raise NotFound(f"there is no hand-over {number}")
        giver = session.get_one(OperatorRow, row.given_by).name
        if row.given_by == person.id:
            raise MoveRefused(f"{person.name} wrote this note; another person must take over")
        first = session.scalar(
            update(HandOverRow)
            .where(HandOverRow.id == number, HandOverRow.taken_by.is_(None))
            .values(taken_by=person.id, taken_at=now)
            .returning(HandOverRow.id)
        )
        if first is None:
            raise MoveRefused("somebody has taken over already; open the page again")
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="shift.taken",
            subject=f"shift:{number}",
            detail={"from": giver},
        )


def _admit(person: Person) -> None:
    if not SHIFTS & person.roles:
        names = " or ".join(sorted(SHIFTS))
        raise MoveRefused(f"{person.name} may not hand over: the role {names} is needed")


def _hand_over(row: Row[HandOverRow, str, str | None]) -> HandOver:
    found, giver, taker = row
    return HandOver(
        number=found.id,
        note=found.note,
        given_by=found.given_by,
        giver=giver,
        given_at=found.given_at,
        taker=taker,
        taken_at=found.taken_at,
    )
