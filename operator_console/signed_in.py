"""A signed-in browser: a row that only its cookie can find, with an end in any case.

The cookie is 256 random bits; the database keeps its SHA-256, so that who reads the
database cannot sign in with it. OWASP ASVS 5.0, chapter 7.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from alertd import audit, operators
from alertd.db import reading, writing
from alertd.dispatch import Person
from alertd.site import Site
from alertd.tables import OperatorRow, SessionRow

#: ends a session in which nothing was asked for
IDLE = timedelta(minutes=30)
#: ends every session
ABSOLUTE = timedelta(hours=12)
#: how exactly the last sign of life is kept
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who it is, and the token that their forms carry."""

    person: Person
    csrf: str
    #: has a second factor
    proven: bool


def begin(site: Site, person: Person, replaces: str | None = None) -> str:
    """A new session; returns the cookie's value. The session that it replaces ends."""
    now, token = site.clock.now(), secrets.token_urlsafe(32)
    with writing(site.engine) as session:
        session.execute(delete(SessionRow).where(SessionRow.created_at < now - ABSOLUTE))
        if replaces is not None:
            session.execute(delete(SessionRow).where(SessionRow.token_hash == _hash(replaces)))
        session.add(
            SessionRow(
                token_hash=_hash(token),
                operator_id=person.id,
                csrf=secrets.token_urlsafe(32),
                created_at=now,
                seen_at=now,
            )
        )
        audit.note(
            session, at=now, actor=person.name, action="operator.signed-in", subject=f"operator:{person.id}"
        )
    return token


def find(site: Site, token: str, *, active: bool = True) -> SignedIn | None:
    """Whose session it is; None when it has ended or its operator has left.

    Roles are read anew each time. `active` False does not count as a sign of life: for
    pages that ask by themselves.
    """
    now = site.clock.now()
    with reading(site.engine) as session:
        row = session.get(SessionRow, _hash(token))
        found = _living(session, row, now) if row is not None else None
    if row is not None and found is not None and active and now - row.seen_at >= _NOTED_EVERY:
        with writing(site.engine) as session:
            kept = session.get(SessionRow, row.token_hash)
            if kept is not None:
                kept.seen_at = now
    return found


def _living(session: Session, row: SessionRow, now: datetime) -> SignedIn | None:
    if now - row.seen_at > IDLE or now - row.created_at > ABSOLUTE:
        return None
    operator = session.get(OperatorRow, row.operator_id)
    if operator is None or not operator.active:
        return None
    return SignedIn(operators.person(operator), row.csrf, operator.second_factor is not None)


def end(site: Site, token: str, person: Person) -> None:
    """Signs out; the cookie is worth nothing from now on."""
    with writing(site.engine) as session:
        session.execute(delete(SessionRow).where(SessionRow.token_hash == _hash(token)))
        audit.note(
            session,
            at=site.clock.now(),
            actor=person.name,
            action="operator.signed-out",
            subject=f"operator:{person.id}",
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
