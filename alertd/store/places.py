"""How many people each area and group has, and who is in a group."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, distinct, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from alertd.tables import (
    AreaRow,
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


def inhabitants(session: Session, codes: Collection[str] | None = None) -> Mapping[str, Inhabitants]:
    """By area, of these or of all; an area without anybody and without an outline is left out."""

    def asked(area: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        return true() if codes is None else area.in_(codes)

    need = func.sum(case((RecipientRow.needs_support, 1), else_=0))
    listed = {
        area: (int(number), int(support))
        for area, number, support in session.execute(
            select(RecipientRow.area, func.count(), need)
            .where(RecipientRow.active, asked(RecipientRow.area))
            .group_by(RecipientRow.area)
        )
    }
    subscribed = {
        area: int(number)
        for area, number in session.execute(
            select(SubscribedAreaRow.area, func.count())
            .join(ContactRow, ContactRow.id == SubscribedAreaRow.contact_id)
            .where(ContactRow.active, asked(SubscribedAreaRow.area))
            .group_by(SubscribedAreaRow.area)
        )
    }
    drawn = set(session.scalars(select(OutlineRow.code).where(asked(OutlineRow.code))))
    return {
        area: Inhabitants(
            recipients=listed.get(area, (0, 0))[0],
            need_support=listed.get(area, (0, 0))[1],
            subscribers=subscribed.get(area, 0),
            drawn=area in drawn,
        )
        for area in {*listed, *subscribed, *drawn}
    }


def found_areas(
    session: Session, words: Sequence[str], *, start: int, limit: int
) -> tuple[Sequence[AreaRow], int]:
    """Areas of which every word is in the code or a name, in the order of the screen, and how many fit in all."""
    places = (AreaRow.code, AreaRow.name, AreaRow.name_kana, AreaRow.name_en)
    rules = [or_(*(place.icontains(word, autoescape=True) for place in places)) for word in words]
    rows = session.scalars(
        select(AreaRow).where(*rules).order_by(AreaRow.position, AreaRow.code).offset(start).limit(limit)
    ).all()
    return rows, session.scalar(select(func.count()).select_from(AreaRow).where(*rules)) or 0


def areas_of(session: Session, codes: Collection[str]) -> Mapping[str, AreaRow]:
    """Those of these areas that exist, by code."""
    rows = session.scalars(select(AreaRow).where(AreaRow.code.in_(codes)))
    return {row.code: row for row in rows}


def found_groups(
    session: Session, words: Sequence[str], *, start: int, limit: int
) -> tuple[Sequence[tuple[str, int]], int]:
    """Groups of which every word is in the name, with their members, and how many groups fit in all."""
    group = MembershipRow.group_name
    rules = [group.icontains(word, autoescape=True) for word in words]
    rows = session.execute(
        select(group, func.count()).where(*rules).group_by(group).order_by(group).offset(start).limit(limit)
    )
    total = session.scalar(select(func.count(distinct(group))).where(*rules)) or 0
    return [(name, int(number)) for name, number in rows], total


def group_size(session: Session, group: str) -> int:
    """How many are in a group; 0 = there is no such group."""
    counted = select(func.count()).select_from(MembershipRow).where(MembershipRow.group_name == group)
    return session.scalar(counted) or 0


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
