"""The watchdog: takes off what is on the air for too long, whoever holds it, and though its sender be dead."""

from __future__ import annotations

import logging

from alertd import messages, on_air, receive, store
from alertd.airing import WATCHDOG
from alertd.channel import Airs, Inquiry
from alertd.db import reading, writing
from alertd.messages import NotAsApproved
from alertd.site import Site
from alertd.store import airings
from alertd.tables import AiringRow, DeliveryRow

log = logging.getLogger(__name__)


def watchdog(site: Site, name: str) -> int:
    """Takes off what a channel's transmitter has aired for too long, whoever holds it; returns how many."""
    channel = site.channel(name)
    if not isinstance(channel, Airs):
        return 0
    with reading(site.engine) as session:
        late = [row for row in airings.held_too_long(session, site.clock.now()) if row.channel == name]
    taken = 0
    for row in late:
        inquiry = _inquiry(site, name, row)
        if inquiry is None:
            continue
        receipt = on_air.take_off(site, name, channel, row.id, inquiry, row.taken_off or WATCHDOG)
        if receipt is None:
            continue
        with writing(site.engine) as session:
            now = site.clock.now()
            told = on_air.finished(session, row.delivery_id, row.attempt, receipt, now)
            receive.record(session, site, row.delivery_id, row.attempt, told, now)
        taken += 1
    return taken


def _inquiry(site: Site, name: str, row: AiringRow) -> Inquiry | None:
    with reading(site.engine) as session:
        delivery = session.get_one(DeliveryRow, row.delivery_id)
        try:
            book = messages.book(site, name).of(session, row.dispatch_id)
            message = book.messages[delivery.language]
        except (NotAsApproved, KeyError):
            log.error(
                "an airing of dispatch %s cannot be taken off: it is not what was approved", row.dispatch_id
            )
            return None
        ref = store.last_ref(session, row.delivery_id, row.attempt)
        target = messages.target(
            site, name, row.delivery_id, row.attempt, row.address, delivery.contact_id, repeat=row.repeat
        )
    return Inquiry(
        target=target,
        ref=ref,
        handed_at=row.requested_at,
        asked_at=site.clock.now(),
        message=message,
    )
