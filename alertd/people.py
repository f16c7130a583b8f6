"""Who is meant: the recipients and contacts that an audience yields, counted and listed by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from alertd.alert import Area, NamedValue
from alertd.audience import Audience
from alertd.category import Category
from alertd.channel import Outcome
from alertd.delivery import HEARD, PARTLY_HEARD
from alertd.errors import NotFound, Problem, WrongAudience
from alertd.outline import outlines
from alertd.recipient import RecipientKind
from alertd.tables import (
    AreaRow,
    ContactRow,
    DeliveryRow,
    MembershipRow,
    ReceiptRow,
    RecipientRow,
    SubscribedAreaRow,
    SubscriptionRow,
)
from alertd.unreached import missed

#: the CAP geocode that names one of the city's areas
ZONE = "alertd:area"


@dataclass(frozen=True, slots=True)
class Line:
    """A channel section as the audience sees it: its name, its kind, and whose members are told first.

    `danger_groups` come after those who need support, the most dangerous place first.
    """

    name: str
    kind: str
    first_groups: tuple[str, ...] = ()
    danger_groups: tuple[str, ...] = ()


def contacts_of(audience: Audience, line: Line) -> Select[int, int, str, bool]:
    """Selects recipient_id, contact_id, language, needs_support: whom a dispatch would reach.

    Of each recipient the contact of first preference, and of each address one: a
    household that is listed twice is called once. Who has registered an address by
    themselves is asked there only about the areas and the news that they chose.
    """
    audience = audience.over(line.name)
    if audience.told is not None:
        return _told(audience.told, line)
    nth_of_recipient = func.row_number().over(
        partition_by=RecipientRow.id, order_by=(ContactRow.preference, ContactRow.id)
    )
    reachable = (
        select(
            RecipientRow.id.label("recipient_id"),
            ContactRow.id.label("contact_id"),
            RecipientRow.language.label("language"),
            RecipientRow.needs_support.label("needs_support"),
            ContactRow.address_key.label("address_key"),
            ContactRow.section.label("section"),
            nth_of_recipient.label("nth_of_recipient"),
        )
        .join(ContactRow, ContactRow.recipient_id == RecipientRow.id)
        .outerjoin(SubscriptionRow, SubscriptionRow.contact_id == ContactRow.id)
        .where(_reachable(audience, line))
        .subquery()
    )
    nth_of_address = func.row_number().over(
        partition_by=(reachable.c.address_key, reachable.c.section),
        order_by=(reachable.c.needs_support.desc(), reachable.c.contact_id),
    )
    first = (
        select(reachable, nth_of_address.label("nth_of_address"))
        .where(reachable.c.nth_of_recipient == 1)
        .subquery()
    )
    return (
        select(first.c.recipient_id, first.c.contact_id, first.c.language, first.c.needs_support)
        .where(first.c.nth_of_address == 1)
        .order_by(first.c.needs_support.desc(), first.c.recipient_id)
    )


def _reachable(audience: Audience, line: Line) -> ColumnElement[bool]:
    return and_(
        RecipientRow.active,
        ContactRow.active,
        ContactRow.kind == line.kind,
        or_(ContactRow.section.is_(None), ContactRow.section == line.name),
        _meant(audience.over(line.name)),
    )


def _told(dispatch_id: int, line: Line) -> Select[int, int, str, bool]:
    """By the same contacts: whom a dispatch has reached, or is reaching, or was to reach and was stopped."""
    heard = exists().where(
        ReceiptRow.delivery_id == DeliveryRow.id,
        or_(ReceiptRow.outcome.in_(HEARD), ReceiptRow.reason.in_(PARTLY_HEARD)),
    )
    return (
        select(
            DeliveryRow.recipient_id.label("recipient_id"),
            DeliveryRow.contact_id.label("contact_id"),
            DeliveryRow.language.label("language"),
            RecipientRow.needs_support.label("needs_support"),
        )
        .join(RecipientRow, RecipientRow.id == DeliveryRow.recipient_id)
        .join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        .where(
            DeliveryRow.dispatch_id == dispatch_id,
            DeliveryRow.channel == line.name,
            RecipientRow.active,
            ContactRow.active,
            or_(DeliveryRow.due_at.is_not(None), DeliveryRow.outcome == Outcome.CANCELLED, heard),
        )
        .order_by(RecipientRow.needs_support.desc(), DeliveryRow.recipient_id)
    )


def _meant(audience: Audience) -> ColumnElement[bool]:
    if audience.recipient is not None:
        return RecipientRow.id == audience.recipient
    if audience.missed is not None:
        return and_(*missed(audience.missed))
    if audience.everybody:
        return _wanted(audience.category)
    rules: list[ColumnElement[bool]] = []
    if audience.areas:
        chosen = select(SubscribedAreaRow.contact_id).where(SubscribedAreaRow.area.in_(audience.areas))
        listed = and_(SubscriptionRow.contact_id.is_(None), RecipientRow.area.in_(audience.areas))
        rules.append(or_(listed, and_(ContactRow.id.in_(chosen), _wanted(audience.category))))
        # A transmitter serves the whole city, wherever its mast stands; so does the press.
        rules.append(RecipientRow.kind.in_((RecipientKind.STATION, RecipientKind.PRESS)))
    if audience.groups:
        members = select(MembershipRow.recipient_id).where(MembershipRow.group_name.in_(audience.groups))
        rules.append(RecipientRow.id.in_(members))
    return or_(*rules)


def _wanted(category: Category) -> ColumnElement[bool]:
    if category is Category.LIFE:
        return true()
    return or_(
        SubscriptionRow.contact_id.is_(None), SubscriptionRow.categories.bitwise_and(category.bit) != 0
    )


def count(session: Session, audience: Audience, lines: Sequence[Line]) -> Mapping[str, int]:
    """How many contacts a dispatch would have on each channel."""
    return {
        line.name: session.scalar(
            select(func.count()).select_from(contacts_of(audience, line).order_by(None).subquery())
        )
        or 0
        for line in lines
    }


def at_most(session: Session, audience: Audience, line: Line) -> int:
    """No fewer than `count` tells, in a tenth of its time: who is listed twice counts twice."""
    if audience.told is not None:
        return count(session, audience, [line])[line.name]
    contacts = (
        select(func.count())
        .select_from(RecipientRow)
        .join(ContactRow, ContactRow.recipient_id == RecipientRow.id)
        .outerjoin(SubscriptionRow, SubscriptionRow.contact_id == ContactRow.id)
        .where(_reachable(audience, line))
    )
    return session.scalar(contacts) or 0


def languages(session: Session, audience: Audience, line: Line) -> frozenset[str]:
    """The languages that those recipients asked for."""
    reached = contacts_of(audience, line).order_by(None).subquery()
    return frozenset(session.scalars(select(reached.c.language).distinct()))


def areas(session: Session) -> Sequence[AreaRow]:
    """All areas in the order of the screen."""
    return session.scalars(select(AreaRow).order_by(AreaRow.position, AreaRow.code)).all()


def as_areas(
    session: Session, codes: Sequence[str], city: str, *, everybody: bool = False
) -> tuple[Area, ...]:
    """The city's areas as texts name them and as CAP has them; all of them are the whole city.

    Raises NotFound for a code that there is not.
    """
    known = {row.code: row for row in areas(session)}
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise NotFound(f"there is no area {unknown[0]!r}; there are: {', '.join(known) or 'none'}")
    if everybody or 1 < len(known) == len(set(codes)):
        return (Area(description=f"{city}全域"),)
    rings = {code: [polygon[0] for polygon in found] for code, found in outlines(session).items()}
    return tuple(
        Area(
            description=_spoken_name(known[code].name),
            geocodes=(NamedValue(ZONE, code),),
            polygons=tuple(tuple(ring) for ring in rings.get(code, ())),
        )
        for code in codes
    )


def _spoken_name(name: str) -> str:
    return name if name.endswith(("地区", "全域", "町")) else f"{name}地区"


def check_elsewhere(
    session: Session, audience: Audience, counts: Mapping[str, int], channels: Sequence[str]
) -> None:
    """Raises WrongAudience when a channel that goes elsewhere is not used, its area is not known, or nobody is there."""
    known = {row.code for row in areas(session)}
    problems = []
    for one in audience.elsewhere:
        unknown = [code for code in one.areas if code not in known]
        if one.channel not in channels:
            problems.append(
                Problem(
                    "elsewhere",
                    f"{one.channel!r} has areas of its own and is not among the channels; choose it too",
                    f"「{one.channel}」の地区が指定されていますが、配信手段に選ばれていません。",
                )
            )
        elif unknown:
            problems.append(
                Problem(
                    "elsewhere",
                    f"there is no area {unknown[0]!r} for {one.channel}; there are: {', '.join(sorted(known))}",
                    f"「{one.channel}」の地区「{unknown[0]}」はありません。",
                )
            )
        elif not counts.get(one.channel):
            problems.append(
                Problem(
                    "elsewhere",
                    f"over {one.channel} nobody would be reached in its areas; choose others, or leave it out",
                    f"「{one.channel}」の地区には届く相手がいません。地区を選び直すか、手段から外してください。",
                )
            )
    if problems:
        raise WrongAudience(problems)


def groups(session: Session) -> Sequence[tuple[str, int]]:
    """All groups with the number of their members."""
    rows = session.execute(
        select(MembershipRow.group_name, func.count())
        .group_by(MembershipRow.group_name)
        .order_by(MembershipRow.group_name)
    )
    return [(name, members) for name, members in rows]
