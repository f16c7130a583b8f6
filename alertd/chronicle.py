"""The chronicle (クロノロジー): what happened when, from the audit trail, with what people add by hand.

Notes are rows of the audit trail too: they cannot be changed or taken out unseen. Whoever
wrote a mistake writes another note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from alertd import audit, store
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused, NotFound, Problem, WrongInput
from alertd.tables import AlertRow, AuditRow, DispatchRow

#: the action of what people add by hand
NOTE = "chronicle.note"
#: what belongs to no alert
CITY = "city"
#: who may add to it
WRITERS = frozenset({Role.DRAFT, Role.APPROVE, Role.SEND})
LONGEST_NOTE = 1000
#: kinds of actions that the staff's chronicle tells of; the audit trail has more
_TOLD = (
    *("dispatch.", "freeze.", "drill.", "chronicle.", "channel.", "relay.", "airing.", "draft.", "help."),
    *("maintenance.", "settings.", "visit.", "checklist.", "reading.kept", "shift."),
    *("operator.added", "operator.roles", "operator.off", "operator.on"),
)


class Source(StrEnum):
    """How what a note tells has come in."""

    FACE = "face"
    TELEPHONE = "telephone"
    RADIO = "radio"
    FAX = "fax"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: what `actor` did at `at`; `action`, `subject` and `detail` as in the audit trail."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    #: of the alert that it belongs to
    headline: str = ""

    @property
    def dispatch(self) -> int | None:
        """The dispatch that it belongs to."""
        kind, _, number = self.subject.partition(":")
        return int(number) if kind == "dispatch" and number.isdigit() else None


def entries(
    session: Session, *, dispatch: int | None = None, before: int | None = None, limit: int = 100
) -> Sequence[Entry]:
    """The latest first; `before` is the number of the entry after which to go on."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if dispatch is not None:
        query = query.where(AuditRow.subject == f"dispatch:{dispatch}")
    else:
        query = query.where(or_(*(AuditRow.action.startswith(kind, autoescape=True) for kind in _TOLD)))
    if before is not None:
        query = query.where(AuditRow.id < before)
    found = [
        Entry(
            number=row.id,
            at=row.at,
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            detail=row.detail,
        )
        for row in session.scalars(query)
    ]
    return [_with_headline(session, entry) for entry in found]


def _with_headline(session: Session, entry: Entry) -> Entry:
    if entry.dispatch is None:
        return entry
    query = select(AlertRow.headline).join(DispatchRow, DispatchRow.alert_id == AlertRow.id)
    headline = session.scalar(query.where(DispatchRow.id == entry.dispatch)) or ""
    return Entry(
        number=entry.number,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        detail=entry.detail,
        headline=headline,
    )


def add(
    session: Session,
    person: Person,
    now: datetime,
    *,
    text: str,
    source: Source = Source.OTHER,
    dispatch: int | None = None,
) -> None:
    """Adds a note in the caller's transaction. Raises WrongInput, MoveRefused or NotFound."""
    if not person.roles & WRITERS:
        raise MoveRefused(f"{person.name} may not add to the chronicle: another role is needed")
    text = text.strip()
    if not text or len(text) > LONGEST_NOTE:
        raise WrongInput(
            Problem(
                "text",
                f"write 1 to {LONGEST_NOTE} characters",
                f"1～{LONGEST_NOTE}文字で入力してください。",
            )
        )
    if dispatch is not None and store.dispatch(session, dispatch) is None:
        raise NotFound(f"there is no dispatch {dispatch}")
    audit.note(
        session,
        at=now,
        actor=person.name,
        action=NOTE,
        subject=f"dispatch:{dispatch}" if dispatch is not None else CITY,
        detail={"text": text, "source": source},
    )
