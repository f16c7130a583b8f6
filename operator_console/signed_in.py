"""A signed-in browser: a row that only its cookie can find, with an end in any case.

The cookie is 256 random bits; the database keeps its SHA-256, so that who reads the
database cannot sign in with it. OWASP ASVS 5.0, chapter 7. A row outlives its session for
a day, so that whoever was thrown out can be told why.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.orm import Session

from alertd import audit, operators, session_end
from alertd.db import reading, writing
from alertd.dispatch import Person
from alertd.session_end import Ended
from alertd.site import Site
from alertd.subscription import network_of
from alertd.tables import OperatorRow, SessionRow

#: ends a session in which nothing was asked for
IDLE = timedelta(minutes=30)
#: ends every session
ABSOLUTE = timedelta(hours=12)
#: how long a row is kept after that
_KEPT = timedelta(days=1)
#: how exactly the last sign of life is kept
_NOTED_EVERY = timedelta(minutes=1)


class TimedOut(StrEnum):
    """Why a session ended that nobody has ended."""

    #: nothing was asked for in `IDLE`
    IDLE = "idle"
    #: it was as old as `ABSOLUTE`
    ABSOLUTE = "absolute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another living session of the same person, begun somewhere else."""

    since: datetime
    #: the last sign of life, to the minute
    seen_at: datetime
    #: roughly where; empty = not known
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who it is, and the token that their forms carry."""

    person: Person
    csrf: str
    #: has a second factor
    proven: bool
    #: the other sessions that the person has not said to be theirs
    others: Sequence[Other]


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is signed in, since when, and when they last did something."""

    person: Person
    since: datetime
    seen_at: datetime


def begin(site: Site, person: Person, replaces: str | None = None, *, client: str = "") -> str:
    """A new session; returns the cookie's value. The session that it replaces ends.

    `client` is the address of the browser, of which the network is kept. The audit row says
    how many other sessions of the person live.
    """
    now, token = site.clock.now(), secrets.token_urlsafe(32)
    with writing(site.engine) as session:
        session.execute(delete(SessionRow).where(SessionRow.created_at < now - ABSOLUTE - _KEPT))
        if replaces is not None:
            session_end.end(session, _hash(replaces), Ended.SIGNED_OUT, now)
        others = session.scalars(
            select(SessionRow.network).where(SessionRow.operator_id == person.id, _lives(now))
        ).all()
        session.add(
            SessionRow(
                token_hash=_hash(token),
                operator_id=person.id,
                csrf=secrets.token_urlsafe(32),
                created_at=now,
                seen_at=now,
                network=network_of(client),
            )
        )
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="operator.signed-in",
            subject=f"operator:{person.id}",
            detail={"besides": len(others)} if others else None,
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
    if row.ended_at is not None or _timed_out(row, now) is not None:
        return None
    operator = session.get(OperatorRow, row.operator_id)
    if operator is None or not operator.active:
        return None
    return SignedIn(
        person=operators.person(operator),
        csrf=row.csrf,
        proven=operator.second_factor is not None,
        others=_others(session, row, now),
    )


def _timed_out(row: SessionRow, now: datetime) -> TimedOut | None:
    if now - row.created_at > ABSOLUTE:
        return TimedOut.ABSOLUTE
    return TimedOut.IDLE if now - row.seen_at > IDLE else None


def _lives(now: datetime) -> ColumnElement[bool]:
    """The same in the database."""
    return and_(
        SessionRow.ended_at.is_(None),
        SessionRow.seen_at >= now - IDLE,
        SessionRow.created_at >= now - ABSOLUTE,
    )


def _others(session: Session, row: SessionRow, now: datetime) -> Sequence[Other]:
    query = (
        select(SessionRow)
        .where(
            SessionRow.operator_id == row.operator_id, SessionRow.token_hash != row.token_hash, _lives(now)
        )
        .order_by(SessionRow.created_at.desc())
    )
    if row.others_known_at is not None:
        query = query.where(SessionRow.created_at > row.others_known_at)
    return [
        Other(since=one.created_at, seen_at=one.seen_at, network=one.network or "")
        for one in session.scalars(query)
    ]


def why_ended(site: Site, token: str) -> Ended | TimedOut | None:
    """Why the session of this cookie ended; None when it lives, or there never was one."""
    now = site.clock.now()
    with reading(site.engine) as session:
        row = session.get(SessionRow, _hash(token))
        if row is None:
            return None
        if row.ended_why is not None:
            return Ended(row.ended_why)
        operator = session.get(OperatorRow, row.operator_id)
    if operator is None or not operator.active:
        return Ended.OFF
    return _timed_out(row, now)


def present(session: Session, now: datetime) -> Sequence[Present]:
    """Who is signed in, each once, in the order in which they came."""
    rows = session.execute(
        select(SessionRow, OperatorRow)
        .join(OperatorRow, OperatorRow.id == SessionRow.operator_id)
        .where(_lives(now), OperatorRow.active)
        .order_by(SessionRow.created_at)
    ).all()
    found: dict[int, Present] = {}
    for row, operator in rows:
        before = found.get(operator.id)
        since = before.since if before else row.created_at
        seen_at = max(before.seen_at, row.seen_at) if before else row.seen_at
        found[operator.id] = Present(operators.person(operator), since, seen_at)
    return list(found.values())


def know_others(site: Site, token: str) -> None:
    """The person says that the other sessions are theirs; one that begins later is told of again."""
    with writing(site.engine) as session:
        row = session.get_one(SessionRow, _hash(token))
        row.others_known_at = site.clock.now()


def end_others(site: Site, token: str, person: Person) -> int | None:
    """Ends every other session of the person at once; how many there were.

    None = another one was faster and has ended this one.
    """
    now = site.clock.now()
    with writing(site.engine) as session:
        mine = select(SessionRow.token_hash).where(SessionRow.operator_id == person.id, _lives(now))
        # all in one order, so that two who end each other do not wait for each other
        living = session.scalars(mine.order_by(SessionRow.token_hash).with_for_update()).all()
        if _hash(token) not in living:
            return None
        ended = session_end.end_all(session, person.id, Ended.ELSEWHERE, now, but=_hash(token))
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="operator.ended-others",
            subject=f"operator:{person.id}",
            detail={"sessions": ended},
        )
    return ended


def end(site: Site, token: str, person: Person) -> None:
    """Signs out; the cookie is worth nothing from now on."""
    now = site.clock.now()
    with writing(site.engine) as session:
        session_end.end(session, _hash(token), Ended.SIGNED_OUT, now)
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="operator.signed-out",
            subject=f"operator:{person.id}",
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
