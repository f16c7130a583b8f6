"""The unreached: people whom a dispatch has reached in no way, with the reason, for a knock at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from alertd.channel import Outcome, Reason
from alertd.tables import AreaRow, ContactRow, DeliveryRow, MembershipRow, RecipientRow, TakingRow

#: outcomes after which nobody needs to go there
REACHED = (Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One way that was tried."""

    delivery_id: int
    channel: str
    address: str
    #: who answers there; empty = the recipient
    holder: str
    outcome: Outcome
    reason: Reason | None
    #: hand-overs that the far end tried
    attempts: int
    #: it will be tried again
    open: bool
    #: who has taken the visit into their hands, and its result
    taken_by: int | None
    taken_at: datetime | None
    result: str | None
    visited_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """One recipient and everything that was tried, in the order of the attempts."""

    recipient_id: int
    name: str
    kana: str
    #: code and name of the area
    area: str
    area_name: str
    #: the neighbourhood association, and where the door is; empty = not known
    association: str
    street: str
    groups: tuple[str, ...]
    needs_support: bool
    tried: tuple[Tried, ...]


def unreached(
    session: Session,
    dispatch_id: int,
    *,
    area: str | None = None,
    association: str | None = None,
    after: int | None = None,
    limit: int = 1000,
) -> list[Unreached]:
    """Those who were tried and reached in no way: who needs support first, then by number.

    From beyond the recipient `after` on, which may have been reached meanwhile. Somebody
    whose first attempt on another channel is still to come is not among them.
    """
    rules = missed(dispatch_id, area, association)
    if after is not None:
        last = session.scalar(select(RecipientRow.needs_support).where(RecipientRow.id == after)) or False
        beyond = and_(RecipientRow.needs_support == last, RecipientRow.id > after)
        rules.append(or_(beyond, RecipientRow.needs_support.is_(False)) if last else beyond)
    people = session.execute(
        select(RecipientRow, AreaRow.name)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .where(*rules)
        .order_by(RecipientRow.needs_support.desc(), RecipientRow.id)
        .limit(limit)
    ).all()
    ids = [row.id for row, _ in people]
    tried = _tried(session, dispatch_id, ids)
    groups = _groups(session, ids)
    return [
        Unreached(
            recipient_id=row.id,
            name=row.name,
            kana=row.kana,
            area=row.area,
            area_name=area_name or row.area,
            association=row.association,
            street=row.street,
            groups=groups.get(row.id, ()),
            needs_support=row.needs_support,
            tried=tuple(tried.get(row.id, ())),
        )
        for row, area_name in people
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A neighbourhood association of an area, and how many of its people were not reached."""

    area: str
    area_name: str
    #: empty = not known of these people
    association: str
    people: int
    need_support: int
    #: of the people, those at whose door somebody was in vain
    absent: int


def places(session: Session, dispatch_id: int) -> list[Place]:
    """The unreached by area and association, in the order of the areas on screen."""
    need = func.sum(case((RecipientRow.needs_support, 1), else_=0))
    visited = aliased(DeliveryRow)
    in_vain = (
        select(TakingRow.delivery_id)
        .join(visited, visited.id == TakingRow.delivery_id)
        .where(
            visited.dispatch_id == dispatch_id,
            visited.recipient_id == RecipientRow.id,
            TakingRow.result.is_not(None),
        )
        .exists()
    )
    rows = session.execute(
        select(
            RecipientRow.area,
            AreaRow.name,
            RecipientRow.association,
            func.count(),
            need,
            func.sum(case((in_vain, 1), else_=0)),
        )
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .where(*missed(dispatch_id, None, None))
        .group_by(RecipientRow.area, AreaRow.name, AreaRow.position, RecipientRow.association)
        .order_by(AreaRow.position, RecipientRow.area, RecipientRow.association)
    )
    return [
        Place(
            area=area,
            area_name=name or area,
            association=association,
            people=people,
            need_support=int(support),
            absent=int(absent),
        )
        for area, name, association, people, support, absent in rows
    ]


def missed(
    dispatch_id: int, area: str | None = None, association: str | None = None
) -> list[ColumnElement[bool]]:
    """What is true of a recipient whom the dispatch has tried and reached in no way."""
    mine = aliased(DeliveryRow)
    tried = RecipientRow.id.in_(
        select(mine.recipient_id).where(
            mine.dispatch_id == dispatch_id, mine.outcome.is_not(None), mine.outcome.not_in(REACHED)
        )
    )
    other = aliased(DeliveryRow)
    reached = exists().where(
        other.dispatch_id == dispatch_id,
        other.recipient_id == RecipientRow.id,
        or_(other.outcome.in_(REACHED), and_(other.outcome.is_(None), other.due_at.is_not(None))),
    )
    rules: list[ColumnElement[bool]] = [tried, ~reached]
    if area is not None:
        rules.append(RecipientRow.area == area)
    if association is not None:
        rules.append(RecipientRow.association == association)
    return rules


def _tried(session: Session, dispatch_id: int, recipients: Sequence[int]) -> dict[int, list[Tried]]:
    rows = session.execute(
        select(DeliveryRow, ContactRow.address, ContactRow.holder, TakingRow)
        .join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        .outerjoin(TakingRow, TakingRow.delivery_id == DeliveryRow.id)
        .where(
            DeliveryRow.dispatch_id == dispatch_id,
            DeliveryRow.recipient_id.in_(recipients),
            DeliveryRow.outcome.is_not(None),
        )
        .order_by(DeliveryRow.id)
    )
    found: dict[int, list[Tried]] = {}
    for row, address, holder, taking in rows:
        assert row.outcome is not None
        one = Tried(
            delivery_id=row.id,
            channel=row.channel,
            address=address,
            holder=holder,
            outcome=row.outcome,
            reason=row.reason,
            attempts=row.attempt - row.spared,
            open=row.due_at is not None,
            taken_by=taking.taken_by if taking is not None else None,
            taken_at=taking.taken_at if taking is not None else None,
            result=taking.result if taking is not None else None,
            visited_at=taking.visited_at if taking is not None else None,
        )
        found.setdefault(row.recipient_id, []).append(one)
    return found


def _groups(session: Session, recipients: Sequence[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    rows = session.execute(
        select(MembershipRow.recipient_id, MembershipRow.group_name)
        .where(MembershipRow.recipient_id.in_(recipients))
        .order_by(MembershipRow.recipient_id, MembershipRow.group_name)
    )
    for number, name in rows:
        found[number] = (*found.get(number, ()), name)
    return found
