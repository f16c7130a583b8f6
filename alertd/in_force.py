"""What is in force: the alerts that somebody hears who calls us by themselves."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd import messages, store
from alertd.audience import Audience
from alertd.channel import InForce, Target
from alertd.messages import book
from alertd.site import Site
from alertd.tables import ContactRow, DeliveryRow, DispatchRow, MembershipRow, RecipientRow

#: an alert can be heard so long after its end
KEPT = timedelta(hours=24)


def in_force(session: Session, site: Site, channel: str, address: str, now: datetime) -> list[InForce]:
    """The alerts for whoever has this address, the newest first.

    Those that were sent there, and those for an area or group of the people who live
    there. An address that nobody has registered hears all of the city's.
    """
    people = session.scalars(
        select(RecipientRow)
        .join(ContactRow, ContactRow.recipient_id == RecipientRow.id)
        .where(
            ContactRow.kind == site.line(channel).kind, ContactRow.address_key == address, RecipientRow.active
        )
        .order_by(ContactRow.preference, RecipientRow.id)
    ).all()
    groups = set(
        session.scalars(
            select(MembershipRow.group_name).where(
                MembershipRow.recipient_id.in_([person.id for person in people])
            )
        )
    )
    found: list[InForce] = []
    for row in store.still_told(session, channel, now - KEPT):
        delivery = _delivery(session, row, channel, address)
        if people and delivery is None and not _meant(row, {person.area for person in people}, groups):
            continue
        try:
            spoken = book(site, channel).of(session, row.id).messages
        except messages.NotAsApproved:
            continue
        wanted = [delivery.language] if delivery else [*(person.language for person in people), "ja"]
        message = next((spoken[one] for one in (*wanted, *spoken) if one in spoken), None)
        if message is not None:
            found.append(InForce(number=row.id, message=message, target=_target(site, delivery, address)))
    return found


def _delivery(session: Session, row: DispatchRow, channel: str, address: str) -> DeliveryRow | None:
    return session.scalar(
        select(DeliveryRow)
        .join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        .where(
            DeliveryRow.dispatch_id == row.id,
            DeliveryRow.channel == channel,
            ContactRow.address_key == address,
        )
        .order_by(DeliveryRow.id)
        .limit(1)
    )


def _meant(row: DispatchRow, areas: set[str], groups: set[str]) -> bool:
    audience = Audience.from_json(row.audience)
    return audience.everybody or bool(areas & set(audience.areas) or groups & set(audience.groups))


def _target(site: Site, delivery: DeliveryRow | None, address: str) -> Target | None:
    if delivery is None:
        return None
    return messages.target(
        site, delivery.channel, delivery.id, delivery.attempt, address, delivery.contact_id
    )
