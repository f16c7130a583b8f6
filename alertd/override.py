"""The emergency override: one person sends alone, and proves who it is; others are told and look afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import audit, hourly, issue, operators, papers, second_factor, store
from alertd.alert import Status
from alertd.db import writing
from alertd.dispatch import Move, Person, Role, State
from alertd.errors import MoveRefused, OverrideSpent
from alertd.site import Site
from alertd.store import recent
from alertd.tables import AlertRow, DispatchRow, OperatorRow


def let_go(site: Site, dispatch_id: int, person: Person, *, seen: str, reason: str, code: str = "") -> None:
    """Lets one person send a life-threat template.

    `code` is of their second factor. Nothing goes out before `[approval] hold` is over, so
    that it can be taken back; every approver sees an alarm until one of them has reviewed
    it; the reason stays in the audit trail. A real alert goes out like that so many times
    an hour (`[approval] overrides_per_hour`); the next one is refused, and every approver
    sees that it was tried. Raises MoveRefused (OverrideSpent) or NotFound.
    """

    def besides(session: Session, row: DispatchRow, now: datetime) -> Mapping[str, object]:
        _check_rate(session, site, row, person, now)
        if site.config.approval.override_code:
            _prove(session, site, person, code, now)
        row.hold_until = now + timedelta(seconds=site.config.approval.hold)
        message = f"{person.name} sends dispatch {row.id} alone; another approver must review it"
        store.raise_alarm(session, f"{papers.OVERRIDDEN}:{row.id}", message, now)
        return {}

    try:
        issue.let_go(site, dispatch_id, person, Move.OVERRIDE, seen=seen, reason=reason, besides=besides)
    except OverrideSpent:
        _tell(site, dispatch_id, person, reason)
        raise


def _check_rate(session: Session, site: Site, row: DispatchRow, person: Person, now: datetime) -> None:
    """Raises OverrideSpent; drills are practised as often as one likes."""
    if session.get_one(AlertRow, row.alert_id).status is not Status.ACTUAL:
        return
    recent.one_at_a_time(session, recent.Guard.LET_GO)
    before = recent.overridden(session, now - hourly.HOUR)
    most = site.config.approval.overrides_per_hour
    if len(before) >= most:
        approvers = operators.with_role(session, Role.APPROVE)
        others = [one.name for one in approvers if one.id not in (person.id, row.submitted_by)]
        raise OverrideSpent(before[-most] + hourly.HOUR, others)


def _tell(site: Site, dispatch_id: int, person: Person, reason: str) -> None:
    """Every approver sees that somebody stands there with nobody to approve; it stays in the audit trail."""
    now = site.clock.now()
    with writing(site.engine) as session:
        row, _ = papers.locked(session, dispatch_id)
        if row.state is State.SUBMITTED:
            message = f"{person.name} could not send dispatch {row.id} alone; another approver is needed now"
            store.raise_alarm(session, f"{papers.ALONE}:{row.id}", message, now)
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="dispatch.override_refused",
            subject=f"dispatch:{dispatch_id}",
            detail={"reason": reason[:500]},
        )


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
