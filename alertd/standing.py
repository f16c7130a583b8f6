"""The standing of the city: which orders hold now, asked of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import people
from alertd.alert import (
    STANDING,
    Alert,
    Area,
    Info,
    MsgType,
    NamedValue,
    Reference,
    ResponseType,
    Status,
)
from alertd.city import City
from alertd.db import reading
from alertd.language import spoken_in
from alertd.orders import Order, Spell, codes, followed, in_force, spells
from alertd.renewal import renewals
from alertd.site import Site
from alertd.store.published import alert_in, area_names, went_out
from alertd.template import Spoken, Template, area_in


def orders(session: Session, now: datetime, *, status: Status = Status.ACTUAL) -> tuple[Order, ...]:
    """What holds now, gravest first."""
    alerts = [alert_in(document) for document in went_out(session)]
    return in_force(alerts, area_names(session), now, status=status)


def history(session: Session) -> tuple[Spell, ...]:
    """Every order that went out, and when it ended."""
    return spells([alert_in(document) for document in went_out(session)], area_names(session))


def renewed(session: Session, now: datetime) -> tuple[Alert, ...]:
    """The documents that keep orders alive for readers of CAP, oldest first."""
    return renewals([alert_in(document) for document in went_out(session)], area_names(session), now)


def with_the_rest(site: Site, alert: Alert, template: Template, areas: Sequence[Area]) -> Alert:
    """An all-clear of some areas as an Update that also says what goes on in the others.

    Whoever reads CAP takes what is referenced for replaced as a whole. So what an order
    said of the areas that are not lifted is repeated, as `standing`: people are not told
    of it again. Anything else is left as it is.
    """
    if ResponseType.ALL_CLEAR not in template.responses:
        return alert
    city = site.config.city
    with reading(site.engine) as session:
        known = area_names(session)
        mine = set(codes(areas, known))
        holding = [
            order
            for order in orders(session, alert.sent, status=alert.status)
            if order.level is not None and order.hazard is template.hazard
        ]
        lifted = {order.reference for order in holding if order.area in mine}
        left = {
            reference: [o.area for o in holding if o.reference == reference and o.area not in mine]
            for reference in lifted
        }
        documents = {
            found.reference: found for found in map(alert_in, went_out(session)) if left.get(found.reference)
        }
        rest = [
            _standing(info, people.as_areas(session, left[reference], city.name), alert, city)
            for reference, found in documents.items()
            for info in _speaking_of(found, left[reference], known)
        ]
    references = tuple(dict.fromkeys((*alert.references, *documents)))
    if not rest:
        return alert
    return replace(alert, msg_type=MsgType.UPDATE, references=references, infos=(*alert.infos, *rest))


def _speaking_of(alert: Alert, areas: Sequence[str], known: Mapping[str, str]) -> list[Info]:
    """The infos that say what holds in these areas, one for each language."""
    found: dict[str, Info] = {}
    for info in alert.infos:
        lifts = ResponseType.ALL_CLEAR in info.response_types
        if not lifts and set(areas) <= set(codes(info.areas, known)):
            found.setdefault(info.language, info)
    return list(found.values())


def _standing(info: Info, areas: Sequence[Area], alert: Alert, city: City) -> Info:
    """What stands from before, for these areas and as long as the new document."""
    kept = tuple(pair for pair in info.parameters if pair.name not in (STANDING, *Spoken))
    return replace(
        info,
        parameters=(*kept, NamedValue(STANDING, "yes")),
        areas=tuple(area_in(area, spoken_in(info), city) for area in areas),
        expires=alert.expires,
        resources=(),
    )


def replaced_by(
    site: Site, template: Template, areas: Sequence[Area], *, status: Status
) -> tuple[Reference, ...]:
    """The documents that a new alert by this template for these areas replaces; with any it is an Update."""
    with reading(site.engine) as session:
        standing = orders(session, site.clock.now(), status=status)
        mine = codes(areas, area_names(session))
    return followed(standing, template.hazard, mine, level=template.level, responses=template.responses)
