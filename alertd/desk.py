"""The desk: where people take tasks in hand and say that they are done; and what is overdue there.

A tick is a receipt like that of any far end. Twice is harmless, and who was first is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import audit, receive, store
from alertd.channel import ByHand, Outcome, Reason, Receipt
from alertd.db import writing
from alertd.dispatch import Person
from alertd.errors import ChannelMisconfigured, NotFound, WrongConfiguration
from alertd.site import Site
from alertd.store import tasks
from alertd.store.tasks import Task

#: what the name of an alarm about overdue tasks begins with
ALARM = "desk:"


def channels(site: Site) -> Mapping[str, ByHand]:
    """The channels that people carry out, with the times within which they should."""
    found: dict[str, ByHand] = {}
    for name in site.settings:
        try:
            by_hand = site.channel(name).traits.by_hand
        except (WrongConfiguration, ChannelMisconfigured):
            continue
        if by_hand is not None:
            found[name] = by_hand
    return found


def task(session: Session, site: Site, delivery_id: int) -> Task:
    """The task of a delivery. Raises NotFound."""
    found = tasks.task(session, channels(site), delivery_id)
    if found is None:
        raise NotFound(f"there is no task {delivery_id}")
    return found


def overdue(site: Site, found: Task, now: datetime) -> bool:
    """Whether somebody should have started it, or be back from it."""
    by_hand = channels(site).get(found.channel)
    if by_hand is None or not found.open:
        return False
    if found.started_at is None:
        return found.given_at + by_hand.start_within <= now
    return found.started_at + by_hand.finish_within <= now


def start(site: Site, delivery_id: int, person: Person) -> None:
    """Somebody sets out with it: it is on the way."""
    _tick(site, delivery_id, person, "task.started", Outcome.ACCEPTED, Reason.UNDER_WAY, "started")


def finish(site: Site, delivery_id: int, person: Person, note: str = "") -> None:
    """It was carried out to the end."""
    _tick(site, delivery_id, person, "task.finished", Outcome.DELIVERED, None, note or "done")


def give_up(site: Site, delivery_id: int, person: Person, why: str) -> None:
    """It could not be done, and why."""
    _tick(site, delivery_id, person, "task.given_up", Outcome.FAILED, Reason.OTHER, why)


def _tick(
    site: Site,
    delivery_id: int,
    person: Person,
    action: str,
    outcome: Outcome,
    reason: Reason | None,
    detail: str,
) -> None:
    with writing(site.engine) as session:
        now = site.clock.now()
        found = task(session, site, delivery_id)
        if not found.open or (outcome is Outcome.ACCEPTED and found.started_at is not None):
            return
        receipt = Receipt(key="", outcome=outcome, reason=reason, ref=person.name, detail=detail)
        receive.record(session, site, delivery_id, found.attempt, receipt, now)
        audit.note(
            session,
            at=now,
            actor=person.name,
            action=action,
            subject=f"dispatch:{found.dispatch_id}",
            detail={"delivery": delivery_id},
        )
        _alarm(session, site, now)


def watch(site: Site) -> None:
    """Puts the alarms about overdue tasks on and off."""
    with writing(site.engine) as session:
        _alarm(session, site, site.clock.now())


def _alarm(session: Session, site: Site, now: datetime) -> None:
    late = Counter(
        found.dispatch_id for found in tasks.open_tasks(session, channels(site)) if overdue(site, found, now)
    )
    for number, count in late.items():
        store.raise_alarm(session, f"{ALARM}{number}", f"{count} tasks of dispatch {number} are overdue", now)
    for row in store.alarms(session):
        if row.name.startswith(ALARM) and int(row.name.removeprefix(ALARM)) not in late:
            store.clear_alarm(session, row.name)
