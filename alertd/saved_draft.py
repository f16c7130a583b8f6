"""The saved draft: what somebody was writing, kept while they type, for them or for who takes over.

It is a form and nothing more: it has no audience, no words and no time at which it
would go out, and no verb of the engine reads it. Facts grow old: after a day a person
has to say that they are still true.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alertd.alert import Status
from alertd.dispatch import Person
from alertd.errors import NotFound
from alertd.tables import OperatorRow, SavedDraftRow

#: after which the facts of a draft have to be looked at anew
OLD = timedelta(hours=24)
#: drafts in the list
MOST = 100
#: bytes that a form may have
LARGEST = 50_000

Form = Mapping[str, Sequence[str]]


def new_token() -> str:
    """What a form that was just opened is known by."""
    return secrets.token_urlsafe(24)


def keep(
    session: Session, token: str, person: Person, template: str, status: Status, form: Form, now: datetime
) -> SavedDraftRow:
    """Keeps the form as it is now, under its token; of several tabs the last one wins.

    A draft that was submitted or put away meanwhile is not opened again.
    """
    row = session.scalars(select(SavedDraftRow).where(SavedDraftRow.token == token)).one_or_none()
    if row is None:
        row = SavedDraftRow(token=token, fresh_at=now)
        session.add(row)
    if row.settled_at is None:
        row.operator_id, row.template, row.status = person.id, template, status
        row.form, row.saved_at = {name: list(values) for name, values in form.items()}, now
    session.flush()
    return row


def saved(session: Session, token: str) -> SavedDraftRow | None:
    """The draft of that token; None = nothing was kept yet."""
    return session.scalars(select(SavedDraftRow).where(SavedDraftRow.token == token)).one_or_none()


def draft(session: Session, number: int) -> SavedDraftRow:
    """The draft of that number that is still open. Raises NotFound."""
    row = session.get(SavedDraftRow, number)
    if row is None or row.settled_at is not None:
        raise NotFound(f"there is no open draft {number}")
    return row


def open_drafts(session: Session) -> Sequence[tuple[SavedDraftRow, str]]:
    """What waits to be finished, with the name of who wrote last; the latest first."""
    rows = session.execute(
        select(SavedDraftRow, OperatorRow.name)
        .join(OperatorRow, OperatorRow.id == SavedDraftRow.operator_id)
        .where(SavedDraftRow.settled_at.is_(None))
        .order_by(SavedDraftRow.saved_at.desc(), SavedDraftRow.id.desc())
        .limit(MOST)
    ).all()
    return [(row, name) for row, name in rows]


def old(row: SavedDraftRow | None, now: datetime) -> bool:
    """Whether its facts have to be looked at anew before it is submitted."""
    return row is not None and now - row.fresh_at > OLD


def settle(session: Session, number: int, now: datetime, *, dispatch: int | None = None) -> None:
    """Submitted as `dispatch`, or put away; twice is harmless."""
    session.execute(
        update(SavedDraftRow)
        .where(SavedDraftRow.id == number, SavedDraftRow.settled_at.is_(None))
        .values(settled_at=now, dispatch_id=dispatch)
        .execution_options(synchronize_session=False)
    )


def form_of(session: Session, dispatch_id: int) -> Mapping[str, Any]:
    """The form from which a dispatch was submitted; empty when it came another way."""
    found = session.scalar(
        select(SavedDraftRow.form).where(SavedDraftRow.dispatch_id == dispatch_id).limit(1)
    )
    return found or {}
