"""The hourly number: so many real alerts go out in an hour on two people's word; more need one who administers.

Many alerts in an hour may be a disaster, or a hand or a program that has gone wrong; somebody
who sees the whole looks. Corrections and all-clears never wait and do not count, drills have
nothing to do with it, and an emergency override goes on: it has a limit of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import audit, papers
from alertd.alert import MsgType, ResponseType, Status
from alertd.db import writing
from alertd.dispatch import Person, Role, State
from alertd.errors import MoveRefused, TooManyThisHour
from alertd.site import Site
from alertd.store import recent
from alertd.store.published import alert_in
from alertd.tables import AlertRow, DispatchRow

HOUR = timedelta(hours=1)


def beyond(session: Session, site: Site, row: DispatchRow, alert: AlertRow, now: datetime) -> int | None:
    """How many real alerts were let go within the hour, when this one would be too many; None = it would not."""
    if alert.status is not Status.ACTUAL or _eases(row, alert):
        return None
    count = recent.real_alerts_let_go(session, now - HOUR, apart_from=row.id)
    return count if count >= site.config.approval.real_per_hour else None


def check(
    session: Session, site: Site, row: DispatchRow, alert: AlertRow, person: Person, now: datetime
) -> int | None:
    """The same, asked before the dispatch is let go, one at a time. Raises TooManyThisHour.

    Who administers and approves has agreed by approving.
    """
    recent.one_at_a_time(session, recent.Guard.LET_GO)
    count = beyond(session, site, row, alert, now)
    if count is not None and row.permitted_by is None and Role.ADMINISTER not in person.roles:
        raise TooManyThisHour(count)
    return count


def permit(site: Site, dispatch_id: int, person: Person) -> None:
    """Somebody who administers agrees to one alert beyond the number; another person still approves it.

    Twice is once. Raises MoveRefused or NotFound.
    """
    now = site.clock.now()
    with writing(site.engine) as session:
        row, _ = papers.locked(session, dispatch_id)
        if Role.ADMINISTER not in person.roles:
            raise MoveRefused(f"{person.name} may not permit: the role {Role.ADMINISTER} is needed")
        if row.state is not State.SUBMITTED:
            raise MoveRefused(f"a dispatch that is {row.state} cannot be moved by “permit”")
        if person.id == row.submitted_by:
            raise MoveRefused(f"{person.name} submitted this alert; another person must permit it")
        if row.permitted_by is not None:
            return
        row.permitted_by, row.permitted_at = person.id, now
        audit.note(
            session, at=now, actor=person.name, action="dispatch.permitted", subject=f"dispatch:{row.id}"
        )


def _eases(row: DispatchRow, alert: AlertRow) -> bool:
    """Whether it puts something right or ends it."""
    if alert.msg_type is MsgType.CANCEL or row.follow_up in recent.EASES:
        return True
    return ResponseType.ALL_CLEAR in alert_in(alert.document).infos[0].response_types
