"""Freezes: what holds everything back, and which deliveries may still be handed over."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd.alert import Severity
from alertd.tables import FreezeRow


class Scope(StrEnum):
    """What a freeze holds back."""

    #: alerts, drills and tests on every channel, and mails about registrations
    EVERYTHING = "everything"
    #: drills and tests; real alerts go on
    DRILLS = "drills"


#: deliveries of a lower priority may be handed over: nothing is frozen
ALL = 2 * len(Severity)
_BELOW = {Scope.EVERYTHING: 0, Scope.DRILLS: len(Severity)}


def open_below(session: Session) -> int:
    """Deliveries with a priority below this may be handed over now: `ALL`, real alerts only, or 0 = none."""
    held = session.scalars(select(FreezeRow.scope)).all()
    return min((_BELOW[Scope(scope)] for scope in held), default=ALL)


def freezes(session: Session) -> Sequence[FreezeRow]:
    """The freezes that hold now; the one of everything first."""
    found = session.scalars(select(FreezeRow)).all()
    return sorted(found, key=lambda row: list(Scope).index(Scope(row.scope)))


def freeze(session: Session, scope: Scope) -> FreezeRow | None:
    """One of them, and nobody else can change it until the transaction ends; None = it does not hold."""
    return session.get(FreezeRow, scope.value, with_for_update=True, populate_existing=True)
