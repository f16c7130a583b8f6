"""How many people each area and group has, and who is in a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from alertd.tables import (
    ContactRow,
    MembershipRow,
    OutlineRow,
    RecipientRow,
    SubscribedAreaRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhabitants:
    """What the register knows of an area."""

    recipients: int = 0
    need_support: int = 0
    #: addresses that somebody registered for news of it
    subscribers: int = 0
    #: its outline is known
    drawn: bool = False


def inhabitants(session: Session) -> Mapping[str, Inhabitants]:
    """By area; an area without anybody and without an outline is left out."""
    need = func.sum(case((RecipientRow.needs_support, 1), else_=0))
    listed = {
        area: (int(number), int(support))
        for area, number, support in session.execute(
            select(RecipientRow.area, func.count(), need)
            .where(RecipientRow.active)
            .group_by(RecipientRow.area)
        )
    }
    subscribed = {
        area: int(number)
        for area, number in session.execute(
            select(SubscribedAreaRow.area, func.count())
            .join(ContactRow, ContactRow.id == SubscribedAreaRow.contact_id)
            .where(ContactRow.active)
            .group_by(SubscribedAreaRow.area)
        )
    }
    drawn = set(session.scalars(select(OutlineRow.code)))
    return {
        area: Inhabitants(
            recipients=listed.get(area, (0, 0))[0],
            need_support=listed.get(area, (0, 0))[1],
            subscribers=subscribed.get(area, 0),
            drawn=area in drawn,
        )
        for area in {*listed, *subscribed, *drawn}
    }


def contacts_by_kind(session: Session) -> Mapping[str, int]:
    """How many contacts each kind of channel has."""
    rows = session.execute(
        select(ContactRow.kind, func.count())
        .join(RecipientRow, RecipientRow.id == ContactRow.recipient_id)
        .where(ContactRow.active, RecipientRow.active)
        .group_by(ContactRow.kind)
    )
    return {kind: int(number) for kind, number in rows}


def members(session: Session, group: str, *, after: int = 0, limit: int = 50) -> Sequence[int]:
    """The numbers of a group's active members from beyond `after` on, in their order."""
    return session.scalars(
        select(MembershipRow.recipient_id)
        .join(RecipientRow, RecipientRow.id == MembershipRow.recipient_id)
        .where(MembershipRow.group_name == group, MembershipRow.recipient_id > after, RecipientRow.active)
        .order_by(MembershipRow.recipient_id)
        .limit(limit)
    ).all()
