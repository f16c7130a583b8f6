"""Airing again: a person decides that a transmitter shall have an alert once more.

The engine never does so by itself after a doubt: half an evacuation order that is heard
twice is the smaller harm only when somebody who has asked the station says so.
"""

from __future__ import annotations

from alertd import audit, papers, receive, store
from alertd.alert import Status
from alertd.channel import Airs, Outcome, Reason, Receipt
from alertd.db import writing
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused, NotFound
from alertd.site import Site
from alertd.store import airings

#: who may decide it
_ROLES = frozenset({Role.SEND, Role.APPROVE})
#: outcomes after which there is something to decide
_UNDECIDED = (Outcome.UNKNOWN, Outcome.FAILED, Outcome.ACCEPTED)


def air_again(site: Site, dispatch_id: int, channel: str, person: Person) -> int:
    """Lets a station air an alert once more where it was cut short, refused or is not known; returns where.

    Under a new key, so that the station can tell it from a double. Raises NotFound or
    MoveRefused.
    """
    if not isinstance(site.channel(channel), Airs):
        raise MoveRefused(f"channel “{channel}” airs nothing; its alerts are sent again by writing a new one")
    with writing(site.engine) as session:
        now = site.clock.now()
        row, alert = papers.locked(session, dispatch_id)
        if not _ROLES & person.roles or (Role.TRAINEE in person.roles and alert.status is Status.ACTUAL):
            raise MoveRefused(
                f"{person.name} may not let it be aired again: the role send or approve is needed"
            )
        ended = receive.ended_as(row, channel, now)
        if ended is not None:
            raise MoveRefused(f"the alert is {ended}; write it anew with the present facts")
        again = [
            one
            for one in airings.undecided(session, dispatch_id, channel)
            if one.outcome in _UNDECIDED and one.due_at is None
        ]
        if not again:
            raise NotFound(f"nothing of dispatch {dispatch_id} on “{channel}” waits for a decision")
        for one in again:
            said = Receipt(
                key="",
                outcome=Outcome.DEFERRED,
                reason=Reason.PREEMPTED,
                detail=f"to be aired again: {person.name} has decided it",
            )
            store.add_receipts(session, [(one.id, one.attempt, said)], now)
            receive.settle(session, site, one.id, now)
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="airing.repeated",
            subject=f"dispatch:{dispatch_id}",
            detail={"channel": channel, "airings": len(again)},
        )
        return len(again)
