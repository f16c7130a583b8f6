"""Alarms: what a person should look at; on while its row exists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    select,
)
from sqlalchemy.orm import Session

from alertd.tables import (
    AlarmRow,
)


def raise_alarm(session: Session, name: str, message: str, now: datetime) -> bool:
    """Puts an alarm on; False when it is on already."""
    row = session.get(AlarmRow, name)
    if row is not None:
        row.message = message[:500]
        return False
    session.add(AlarmRow(name=name, message=message[:500], raised_at=now))
    session.flush()
    return True


def clear_alarm(session: Session, name: str) -> bool:
    """Puts an alarm off; False when it was not on."""
    row = session.get(AlarmRow, name)
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def alarms(session: Session) -> Sequence[AlarmRow]:
    """What is on now, the latest first."""
    return session.scalars(select(AlarmRow).order_by(AlarmRow.raised_at.desc())).all()
