"""Hygiene of the list: addresses that are surely dead are taken off it, and never because of one bad day.

An address is dead when mail to it has failed for good (there is no such address) on three
days that lie at least a week between the first and the last, and nothing was taken over
for it since the first. A day on which a whole provider says so of many at once is the
provider's fault and does not count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from alertd.channel import Outcome, Reason
from alertd.city import JST
from alertd.db import reading, writing
from alertd.site import Site
from alertd.store.subscriptions import KIND
from alertd.subscribe import take_off
from alertd.subscription import Cause
from alertd.tables import ContactRow, DeliveryRow, DepartureRow, ReceiptRow

#: on so many different days
DAYS = 3
#: from the first to the last at least
APART = timedelta(days=7)
#: what is older does not count
MEMORY = timedelta(days=120)
#: when so many addresses of a provider, and this part of them, fail on one day, it is the provider
MANY, PART = 20, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailing:
    """An address to which mail has failed for good: on which days, and whether it counts as dead."""

    contact_id: int
    address: str
    active: bool
    days: tuple[date, ...]
    dead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """How the addresses of one mail domain fare."""

    name: str
    addresses: int
    ailing: int
    suspended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hygiene:
    """The state of the list."""

    addresses: int
    ailing: Sequence[Ailing]
    domains: Sequence[Domain]
    suspended: int


def suspend(site: Site) -> int:
    """Takes dead addresses off the list; returns how many. They come back by registering anew."""
    with reading(site.engine) as session:
        dead = [one.contact_id for one in ailing(session, site.clock.now()) if one.dead and one.active]
    for number in dead:
        with writing(site.engine) as session:
            contact = session.get(ContactRow, number)
            if contact is not None:
                take_off(session, site, contact, Cause.BOUNCES, site.clock.now(), by="alertd")
    return len(dead)


def ailing(session: Session, now: datetime) -> list[Ailing]:
    """Addresses to which mail has failed for good since something was last taken over for them."""
    failed = (
        select(ContactRow.id, ContactRow.address, ContactRow.active, ReceiptRow.received_at)
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        .where(
            ContactRow.kind == KIND,
            ReceiptRow.outcome == Outcome.FAILED,
            ReceiptRow.reason == Reason.BAD_ADDRESS,
            ReceiptRow.received_at >= now - MEMORY,
        )
    )
    days: dict[int, set[date]] = defaultdict(set)
    whose: dict[int, tuple[str, bool]] = {}
    for number, address, active, at in session.execute(failed):
        days[number].add(at.astimezone(JST).date())
        whose[number] = (address, active)
    excused = _providers_fault(session, days, whose)
    alive = _alive_since(session, days)
    found = []
    for number, there in sorted(days.items()):
        address, active = whose[number]
        counting = sorted(
            day
            for day in there
            if (day, _domain(address)) not in excused and (number not in alive or day > alive[number])
        )
        dead = len(counting) >= DAYS and counting[-1] - counting[0] >= APART
        if counting:
            found.append(
                Ailing(contact_id=number, address=address, active=active, days=tuple(counting), dead=dead)
            )
    return found


def report(site: Site) -> Hygiene:
    """The state of the list, for those who look after it."""
    with reading(site.engine) as session:
        sick = ailing(session, site.clock.now())
        listed = session.execute(
            select(ContactRow.id, ContactRow.address).where(ContactRow.kind == KIND, ContactRow.active)
        ).all()
        gone = set(
            session.scalars(
                select(ContactRow.address)
                .join(DepartureRow, DepartureRow.contact_id == ContactRow.id)
                .where(DepartureRow.cause == Cause.BOUNCES, ~ContactRow.active)
            )
        )
    every = Counter(_domain(address) for _, address in listed)
    ill = Counter(_domain(one.address) for one in sick if one.active)
    off = Counter(_domain(address) for address in gone)
    domains = [
        Domain(name=name, addresses=every[name], ailing=ill[name], suspended=off[name])
        for name in sorted(
            set(every) | set(off), key=lambda name: (-ill[name] - off[name], -every[name], name)
        )
    ]
    return Hygiene(addresses=len(listed), ailing=sick, domains=domains, suspended=len(gone))


# private steps ------------------------------------------------------------------------


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _providers_fault(
    session: Session, days: dict[int, set[date]], whose: dict[int, tuple[str, bool]]
) -> frozenset[tuple[date, str]]:
    """Days on which a domain refused too many of its addresses at once."""
    refused = Counter((day, _domain(whose[number][0])) for number, there in days.items() for day in there)
    many = {key: count for key, count in refused.items() if count > MANY}
    if not many:
        return frozenset()
    listed = Counter(
        _domain(address)
        for address in session.scalars(select(ContactRow.address).where(ContactRow.kind == KIND))
    )
    return frozenset(key for key, count in many.items() if count > PART * listed[key[1]])


def _alive_since(session: Session, days: Iterable[int]) -> dict[int, date]:
    """The last day of each contact on which mail was taken over and did not come back."""
    numbers = list(days)
    if not numbers:
        return {}
    rows = session.execute(
        select(DeliveryRow.contact_id, func.max(ReceiptRow.received_at))
        .join(ReceiptRow, and_(ReceiptRow.delivery_id == DeliveryRow.id))
        .where(DeliveryRow.contact_id.in_(numbers), DeliveryRow.outcome == Outcome.ACCEPTED)
        .group_by(DeliveryRow.contact_id)
    )
    return {number: at.astimezone(JST).date() for number, at in rows}
