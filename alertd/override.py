"""The emergency override: one person sends alone, and proves who it is; others are told and look afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import audit, issue, papers, second_factor, store
from alertd.db import writing
from alertd.dispatch import Move, Person, Role
from alertd.errors import MoveRefused
from alertd.site import Site
from alertd.tables import DispatchRow, OperatorRow


def let_go(site: Site, dispatch_id: int, person: Person, *, seen: str, reason: str, code: str = "") -> None:
    """Lets one person send a life-threat template.

    `code` is of their second factor. Nothing goes out before `[approval] hold` is over, so
    that it can be taken back; every approver sees an alarm until one of them has reviewed
    it; the reason stays in the audit trail. Raises MoveRefused or NotFound.
    """

    def besides(session: Session, row: DispatchRow, now: datetime) -> None:
        if site.config.approval.override_code:
            _prove(session, site, person, code, now)
        row.hold_until = now + timedelta(seconds=site.config.approval.hold)
        message = f"{person.name} sends dispatch {row.id} alone; another approver must review it"
        store.raise_alarm(session, f"{papers.OVERRIDDEN}:{row.id}", message, now)

    issue.let_go(site, dispatch_id, person, Move.OVERRIDE, seen=seen, reason=reason, besides=besides)


def _prove(session: Session, site: Site, person: Person, code: str, now: datetime) -> None:
    row = session.get_one(OperatorRow, person.id)
    if row.second_factor is None:
        raise MoveRefused("sending alone needs a second factor, and you have none; set one up first")
    if not second_factor.take(session, site.secret, row, code, now):
        raise MoveRefused("the code of the second factor does not fit or was used; wait for the next one")


def review(site: Site, dispatch_id: int, person: Person, *, note: str) -> None:
    """Another approver has looked at it: the alarm ends. Raises MoveRefused or NotFound."""
    now = site.clock.now()
    with writing(site.engine) as session:
        row, _ = papers.locked(session, dispatch_id)
        if row.override_reason is None or row.reviewed_at is not None:
            raise MoveRefused(f"dispatch {dispatch_id} waits for no review")
        if Role.APPROVE not in person.roles:
            raise MoveRefused(f"{person.name} may not review: the role {Role.APPROVE} is needed")
        if person.id == row.approved_by:
            raise MoveRefused(f"{person.name} sent this alert alone; another person must review it")
        row.reviewed_by, row.reviewed_at = person.id, now
        store.clear_alarm(session, f"{papers.OVERRIDDEN}:{row.id}")
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="dispatch.reviewed",
            subject=f"dispatch:{row.id}",
            detail={"note": note},
        )
