"""Freezes: what holds everything back, and which deliveries may still be handed over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd.alert import Severity
from alertd.tables import FreezeRow


class Scope(StrEnum):
    """What a freeze holds back."""

    #: alerts, drills and tests on every channel, and mails about registrations
    EVERYTHING = "everything"
    #: the same, and link tests and webhooks too, while contractors work on the far ends; ends by itself
    MAINTENANCE = "maintenance"
    #: drills and tests; real alerts go on
    DRILLS = "drills"


#: deliveries of a lower priority may be handed over: nothing is frozen
ALL = 2 * len(Severity)
_BELOW = {Scope.EVERYTHING: 0, Scope.MAINTENANCE: 0, Scope.DRILLS: len(Severity)}


def open_below(session: Session, now: datetime) -> int:
    """Deliveries with a priority below this may be handed over now: `ALL`, real alerts only, or 0 = none."""
    # the few rows are judged here: a condition would be built anew for each claim
    held = session.execute(select(FreezeRow.scope, FreezeRow.ends_at)).all()
    return min((_BELOW[Scope(scope)] for scope, ends_at in held if not _over(ends_at, now)), default=ALL)


def freezes(session: Session, now: datetime) -> Sequence[FreezeRow]:
    """The freezes that hold now; the one of everything first."""
    found = [row for row in session.scalars(select(FreezeRow)) if not _over(row.ends_at, now)]
    return sorted(found, key=lambda row: list(Scope).index(Scope(row.scope)))


def maintained(session: Session, now: datetime) -> bool:
    """Whether contractors work on the far ends: then nobody touches them, not even to test the link."""
    row = session.get(FreezeRow, Scope.MAINTENANCE.value)
    return row is not None and not _over(row.ends_at, now)


def freeze(session: Session, scope: Scope) -> FreezeRow | None:
    """One of them, and nobody else can change it until the transaction ends; None = it does not hold."""
    return session.get(FreezeRow, scope.value, with_for_update=True, populate_existing=True)


def _over(ends_at: datetime | None, now: datetime) -> bool:
    """Whether its time has run out: from then on it holds nothing, also before somebody has put it away."""
    return ends_at is not None and ends_at <= now
