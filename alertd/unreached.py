"""The unreached: people whom a dispatch has reached in no way, with the reason, for a knock at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """One recipient and everything that was tried, in the order of the attempts."""

    recipient_id: int
    name: str
    kana: str
    #: code and name of the area
    area: str
    area_name: str
    #: such as the neighbourhood association
    groups: tuple[str, ...]
    needs_support: bool
    tried: tuple[Tried, ...]


def unreached(
    session: Session,
    dispatch_id: int,
    *,
    area: str | None = None,
    group: str | None = None,
    after: int = 0,
    limit: int = 1000,
) -> list[Unreached]:
    """Those who were tried and reached in no way: by recipient number, from beyond `after` on.

    Somebody whose first attempt on another channel is still to come is not among them.
    """
    people = session.execute(
        select(RecipientRow, AreaRow.name)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .where(RecipientRow.id > after, *_missed(dispatch_id, area, group))
        .order_by(RecipientRow.id)
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
            groups=groups.get(row.id, ()),
            needs_support=row.needs_support,
            tried=tuple(tried.get(row.id, ())),
        )
        for row, area_name in people
    ]


@dataclass(frozen=True, slots=True)
class AreaCount:
    """How many of an area were not reached, and how many of them need support."""

    area: str
    area_name: str
    people: int
    need_support: int


def by_area(session: Session, dispatch_id: int) -> list[AreaCount]:
    """The unreached by area, those with the most who need support first."""
    need = func.sum(func.cast(RecipientRow.needs_support, DeliveryRow.attempt.type))
    rows = session.execute(
        select(RecipientRow.area, AreaRow.name, func.count(), need)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .where(*_missed(dispatch_id, None, None))
        .group_by(RecipientRow.area, AreaRow.name)
        .order_by(need.desc(), func.count().desc(), RecipientRow.area)
    )
    return [AreaCount(area, name or area, people, int(support)) for area, name, people, support in rows]


def _missed(dispatch_id: int, area: str | None, group: str | None) -> Sequence[ColumnElement[bool]]:
    mine = aliased(DeliveryRow)
    tried = exists().where(
        mine.dispatch_id == dispatch_id, mine.recipient_id == RecipientRow.id, mine.outcome.is_not(None)
    )
    other = aliased(DeliveryRow)
    reached = exists().where(
        other.dispatch_id == dispatch_id,
        other.recipient_id == RecipientRow.id,
        or_(other.outcome.in_(REACHED), and_(other.outcome.is_(None), other.due_at.is_not(None))),
    )
    rules = [tried, ~reached]
    if area is not None:
        rules.append(RecipientRow.area == area)
    if group is not None:
        rules.append(
            exists().where(MembershipRow.recipient_id == RecipientRow.id, MembershipRow.group_name == group)
        )
    return rules


def _tried(session: Session, dispatch_id: int, recipients: Sequence[int]) -> dict[int, list[Tried]]:
    rows = session.execute(
        select(DeliveryRow, ContactRow.address, TakingRow)
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
    for row, address, taking in rows:
        assert row.outcome is not None
        one = Tried(
            delivery_id=row.id,
            channel=row.channel,
            address=address,
            outcome=row.outcome,
            reason=row.reason,
            attempts=row.attempt - row.spared,
            open=row.due_at is not None,
            taken_by=taking.taken_by if taking is not None else None,
            taken_at=taking.taken_at if taking is not None else None,
            result=taking.result if taking is not None else None,
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
