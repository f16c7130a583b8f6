"""The freeze: nothing new is handed over on any channel, set by one person and lifted by two.

For the moment in which nobody knows what is going on. What waits stays due and goes on
when the freeze is lifted, unless it has expired by then or its approval has lapsed; what
is being handed over is left to its end. Every sender looks in the transaction in which a
hand-over begins, so that all processes obey, also after a restart. Drills have a freeze
of their own, which holds no real alert back; the freeze of everything holds drills too.
The maintenance mode (alertd.maintenance) is a freeze that ends by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alertd import audit, store
from alertd.db import writing
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused
from alertd.site import Site
from alertd.store import freezes
from alertd.store.freezes import Scope
from alertd.tables import FreezeRow, OperatorRow

__all__ = ["LIFTS", "SETS", "Frozen", "Scope", "frozen", "lift", "set_freeze", "subject"]

#: after so long the first of two people must say again that it may be lifted
AGREED_FOR = timedelta(minutes=15)
#: characters of a reason that are kept
LONGEST_REASON = 300
#: the alarm that is on while a freeze holds
ALARMS: Mapping[Scope, str] = {scope: f"freeze-{scope}" for scope in Scope}

_ALARM: Mapping[Scope, str] = {
    Scope.EVERYTHING: "everything is frozen; nothing goes out until two people lift it",
    Scope.MAINTENANCE: "maintenance; nothing goes out until its time runs out or two people end it",
    Scope.DRILLS: "drills are frozen; nothing goes out until two people lift it",
}
_SETS_ALL = frozenset({Role.SEND, Role.APPROVE, Role.DRAFT, Role.ADMINISTER})
#: which of these roles a person needs to set a freeze
SETS: Mapping[Scope, frozenset[Role]] = {
    Scope.EVERYTHING: _SETS_ALL,
    Scope.MAINTENANCE: frozenset({Role.ADMINISTER}),
    Scope.DRILLS: _SETS_ALL | {Role.TRAINEE},
}
#: … and to lift it
LIFTS = frozenset({Role.SEND, Role.APPROVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A freeze that holds."""

    scope: Scope
    #: the operator's name
    by: str
    at: datetime
    #: when it ends by itself; None = people end it
    until: datetime | None
    reason: str
    #: who has said that it may be lifted, and waits for a second person; None = nobody
    lifted_by: str | None

    def as_json(self) -> dict[str, object]:
        """The freeze as JSON values; times are ISO 8601 in UTC."""
        return {
            "scope": self.scope,
            "by": self.by,
            "at": self.at.isoformat(timespec="milliseconds"),
            "until": self.until.isoformat(timespec="milliseconds") if self.until else None,
            "reason": self.reason,
            "lifted_by": self.lifted_by,
        }


def frozen(session: Session, now: datetime) -> Sequence[Frozen]:
    """The freezes that hold, the one of everything first."""
    return tuple(
        Frozen(
            scope=Scope(row.scope),
            by=session.get_one(OperatorRow, row.set_by).name,
            at=row.set_at,
            until=row.ends_at,
            reason=row.reason,
            lifted_by=session.get_one(OperatorRow, row.lifted_by).name
            if row.lifted_by is not None and _agreed(row, now)
            else None,
        )
        for row in freezes.freezes(session, now)
    )


def set_freeze(
    site: Site, scope: Scope, person: Person, *, reason: str, ends_at: datetime | None = None
) -> bool:
    """Freezes; True = it did not hold before. With the commit nothing more is begun.

    Who sets it while it holds keeps it: a first word for lifting it counts no more. With
    `ends_at` it ends by itself. Raises MoveRefused without a reason, or without the role.
    """
    _admit(person, SETS[scope], "freeze")
    reason = reason.strip()[:LONGEST_REASON]
    if scope is Scope.MAINTENANCE and ends_at is None:
        raise MoveRefused("maintenance ends by itself: alertd maintenance begin --hours N")
    if not reason:
        raise MoveRefused("write why everything is frozen; the reason stays in the chronicle")
    with writing(site.engine) as session:
        now = site.clock.now()
        new = False
        row = freezes.freeze(session, scope)
        while row is None:
            new = _insert(session, scope, person, reason, now)
            row = freezes.freeze(session, scope)  # another process may have set it, or lifted that one
        if new:
            message = _ALARM[scope]
            store.raise_alarm(session, ALARMS[scope], message, now)
        row.lifted_by = row.lifted_at = None
        detail = {"reason": reason}
        if ends_at is not None:
            row.ends_at = ends_at
            detail["until"] = ends_at.isoformat(timespec="seconds")
        _note(session, "set" if new else "kept", scope, person, now, **detail)
        return new


def lift(site: Site, scope: Scope, person: Person) -> bool:
    """Says that a freeze may be lifted; True = it is, because another person has said so before.

    Twice by the same person counts once. Raises MoveRefused.
    """
    _admit(person, LIFTS, "lift a freeze")
    with writing(site.engine) as session:
        now = site.clock.now()
        row = freezes.freeze(session, scope)
        if row is None:
            raise MoveRefused("it is not frozen any more; open the page again")
        if not _agreed(row, now):
            row.lifted_by, row.lifted_at = person.id, now
            _note(session, "lift_begun", scope, person, now)
            return False
        if row.lifted_by == person.id:
            return False
        detail = {"with": session.get_one(OperatorRow, row.lifted_by).name, "since": row.set_at.isoformat()}
        session.delete(row)
        store.clear_alarm(session, ALARMS[scope])
        _note(session, "lifted", scope, person, now, **detail)
        return True


def subject(scope: Scope) -> str:
    """The subject of what the audit trail says of a freeze."""
    return f"freeze:{scope}"


def _agreed(row: FreezeRow, now: datetime) -> bool:
    """Whether the word of a first person still counts."""
    return row.lifted_at is not None and now - row.lifted_at < AGREED_FOR


def _insert(session: Session, scope: Scope, person: Person, reason: str, now: datetime) -> bool:
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = make(FreezeRow).values(scope=scope.value, set_by=person.id, set_at=now, reason=reason)
    inserted = session.scalar(statement.on_conflict_do_nothing().returning(FreezeRow.scope))
    return inserted is not None


def _admit(person: Person, roles: frozenset[Role], deed: str) -> None:
    if not roles & person.roles:
        names = " or ".join(sorted(roles))
        raise MoveRefused(f"{person.name} may not {deed}: the role {names} is needed")


def _note(session: Session, deed: str, scope: Scope, person: Person, now: datetime, **detail: object) -> None:
    action = f"maintenance.{deed}" if scope is Scope.MAINTENANCE else f"freeze.{deed}"
    audit.note(session, at=now, actor=person.name, action=action, subject=subject(scope), detail=detail)
