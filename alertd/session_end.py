"""The end of a session: somebody ended it, and why, so that the person whose it was can be told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from alertd.tables import SessionRow


class Ended(StrEnum):
    """Why a session ended before its time."""

    #: its person signed out, or signed in anew in the same browser
    SIGNED_OUT = "signed-out"
    #: its person ended it from another one
    ELSEWHERE = "elsewhere"
    #: the password was changed
    PASSWORD = "password"  # noqa: S105 - a reason, and no password
    #: the second factor was taken away
    DEVICE = "device"
    #: the operator may not sign in any more
    OFF = "off"


def end(session: Session, token_hash: str, why: Ended, now: datetime) -> None:
    """Ends one session; one that has ended keeps its reason."""
    session.execute(
        update(SessionRow)
        .where(SessionRow.token_hash == token_hash, SessionRow.ended_at.is_(None))
        .values(ended_at=now, ended_why=why)
    )


def end_all(session: Session, operator_id: int, why: Ended, now: datetime, *, but: str | None = None) -> int:
    """Ends every session of an operator at once, apart from the one of that token hash; how many there were."""
    query = update(SessionRow).where(SessionRow.operator_id == operator_id, SessionRow.ended_at.is_(None))
    if but is not None:
        query = query.where(SessionRow.token_hash != but)
    done = session.execute(query.values(ended_at=now, ended_why=why))
    assert isinstance(done, CursorResult)
    return done.rowcount
