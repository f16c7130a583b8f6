"""The maintenance mode: while contractors work on far ends nothing is handed to any of them, for hours at most.

A freeze that an administrator sets, and that ends by itself. It holds alerts, drills, tests,
mails about registrations and canaries; link tests, probes and webhooks are left alone too.
A real alert that comes meanwhile is approved as ever and waits: two people end the mode by
one click each, and it goes out.
"""

from __future__ import annotations

import math
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from alertd import audit, store
from alertd.db import reading, writing
from alertd.dispatch import Person
from alertd.errors import ChannelUnavailable, MoveRefused
from alertd.freeze import ALARMS, set_freeze, subject
from alertd.site import Site
from alertd.store import freezes
from alertd.store.freezes import Scope
from alertd.tables import FreezeRow

#: hours in which work is done, offered first
USUAL = 2.0
#: nobody forgets for longer than a working day what holds everything back
MOST = 8.0


def begin(site: Site, person: Person, *, reason: str, hours: float = USUAL) -> bool:
    """Sets it, to end in so many hours; True = it did not hold before. While it holds, a new end is set.

    Raises MoveRefused without a reason, without the role administer, or for more than `MOST` hours.
    """
    if not (math.isfinite(hours) and 0 < hours <= MOST):
        raise MoveRefused(f"maintenance lasts at most {MOST:g} hours at a time; set it again when it goes on")
    end_due(site)
    return set_freeze(
        site,
        Scope.MAINTENANCE,
        person,
        reason=reason,
        ends_at=site.clock.now() + timedelta(hours=hours),
    )


def end_due(site: Site) -> bool:
    """Puts the mode away whose time has run out, and says so; True = there was one. Any number may call it."""
    with reading(site.engine) as session:
        if not _is_over(session, site):
            return False
    with writing(site.engine) as session:
        row = freezes.freeze(session, Scope.MAINTENANCE)
        now = site.clock.now()
        if row is None or row.ends_at is None or row.ends_at > now:
            return False
        detail = {"since": row.set_at.isoformat(), "ended_at": row.ends_at.isoformat()}
        session.delete(row)
        store.clear_alarm(session, ALARMS[Scope.MAINTENANCE])
        audit.note(
            session,
            at=now,
            actor=audit.ENGINE,
            action="maintenance.over",
            subject=subject(Scope.MAINTENANCE),
            detail=detail,
        )
        return True


def admit(site: Site) -> None:
    """Whether a far end may be touched at all, be it for a test. Raises ChannelUnavailable in the mode.

    A database that does not answer keeps nobody from a test, which is made to find such things.
    """
    try:
        with reading(site.engine) as session:
            maintained = freezes.maintained(session, site.clock.now())
    except SQLAlchemyError:
        return
    if maintained:
        raise ChannelUnavailable("maintenance: far ends are left alone; `alertd maintenance show`")


def _is_over(session: Session, site: Site) -> bool:
    row = session.get(FreezeRow, Scope.MAINTENANCE.value)
    return row is not None and row.ends_at is not None and row.ends_at <= site.clock.now()
