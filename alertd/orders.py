"""What is in force: for each area and hazard, what the city told last and has not lifted.

An order stays in force until it is lifted, even for days: a document of ours that has
run out has ended its deliveries, never the order. What carries no level ends by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alertd.alert import Alert, Area, Info, MsgType, NamedValue, Reference, ResponseType, Status
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, Hazard, hazard_of
from alertd.language import spoken_in

#: the CAP geocode that names one of the city's areas
ZONE = "alertd:area"
#: stands for the whole city where it has no areas
WHOLE_CITY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What holds in one area because of one hazard."""

    #: the area's code
    area: str
    area_name: str
    hazard: Hazard | None
    #: 警戒レベル; None = there is none for this hazard, or it is advice only
    level: int | None
    event: str
    headline: str
    since: datetime
    #: when it ends by itself; None = when it is lifted
    until: datetime | None
    #: the document that says so
    reference: Reference


@dataclass(frozen=True, slots=True)
class Spell:
    """An order and when it was lifted or replaced; None = it was not."""

    order: Order
    ended_at: datetime | None


def in_force(
    alerts: Iterable[Alert], areas: Mapping[str, str], now: datetime, *, status: Status = Status.ACTUAL
) -> tuple[Order, ...]:
    """What holds now by the documents that went out, gravest first; `areas` are names by code."""
    holding = [
        spell.order
        for spell in spells(alerts, areas, status=status)
        if spell.ended_at is None and (spell.order.until is None or spell.order.until > now)
    ]
    return tuple(sorted(holding, key=lambda order: (-(order.level or 0), order.area, order.event)))


def spells(
    alerts: Iterable[Alert], areas: Mapping[str, str], *, status: Status = Status.ACTUAL
) -> tuple[Spell, ...]:
    """Every order by the documents that went out, in the order of their beginning, and when it ended.

    1. In the order in which they were sent, each document takes away those it references.
    2. An all-clear takes away its hazard in its areas.
    3. Anything else speaks for its hazard in its areas from then on.
    4. What it repeats of a document that it replaces goes on there, since when it began.
    """
    told: dict[tuple[str, str], Order] = {}
    ended: list[Spell] = []
    for alert in sorted(alerts, key=lambda alert: (alert.sent, alert.identifier)):
        if alert.status is not status or not alert.infos:
            continue
        before = {key: order for key, order in told.items() if order.reference in alert.references}
        for key in before:
            ended.append(Spell(told.pop(key), alert.sent))
        info = _first(alert)
        if alert.msg_type is MsgType.CANCEL:
            continue
        hazard = hazard_of(info.event_code(HAZARD_CODE))
        for code in codes(info.areas, areas):
            key = (code, hazard or alert.identifier)
            if key in told:
                ended.append(Spell(told.pop(key), alert.sent))
            if ResponseType.ALL_CLEAR not in info.response_types:
                told[key] = _order(alert, info, code, areas.get(code, info.areas[0].description), hazard)
        for info in (
            one for one in alert.infos if one.standing and spoken_in(one) == spoken_in(_first(alert))
        ):
            hazard = hazard_of(info.event_code(HAZARD_CODE))
            for code in codes(info.areas, areas):
                key = (code, hazard or alert.identifier)
                if key in before:
                    order = _order(alert, info, code, areas.get(code, info.areas[0].description), hazard)
                    ended = [spell for spell in ended if spell.order is not before[key]]
                    told[key] = replace(order, since=before[key].since)
    found = [*ended, *(Spell(order, None) for order in told.values())]
    return tuple(sorted(found, key=lambda spell: (spell.order.since, spell.order.area)))


def followed(
    orders: Iterable[Order],
    hazard: Hazard | None,
    areas: Iterable[str],
    *,
    level: int | None,
    responses: Sequence[ResponseType],
) -> tuple[Reference, ...]:
    """The documents that a new one for these areas replaces as a whole: then it is an Update of them.

    Only orders with a level are followed up, and only by another level or an all-clear
    of the same hazard. A document that also holds elsewhere is not replaced: readers of
    CAP would lose what it says of the other areas.
    """
    if hazard is None or (level is None and ResponseType.ALL_CLEAR not in responses):
        return ()
    mine, holding = set(areas), [order for order in orders if order.level is not None]
    found: dict[Reference, None] = {}
    for order in holding:
        where = {other.area for other in holding if other.reference == order.reference}
        if order.hazard is hazard and where <= mine:
            found[order.reference] = None
    return tuple(found)


def codes(areas: Iterable[Area], known: Mapping[str, str]) -> tuple[str, ...]:
    """The codes of our areas that these are; the whole city is all of them."""
    found: dict[str, None] = {}
    for area in areas:
        named = [code.value for code in area.geocodes if code.name == ZONE]
        for code in named or list(known) or [WHOLE_CITY]:
            found[code] = None
    return tuple(found)


def zone(code: str) -> NamedValue:
    """The geocode of one of our areas."""
    return NamedValue(ZONE, code)


def _first(alert: Alert) -> Info:
    infos = alert.news or alert.infos
    return next((info for info in infos if spoken_in(info) == "ja"), infos[0])


def _order(alert: Alert, info: Info, code: str, name: str, hazard: Hazard | None) -> Order:
    given = info.parameter(LEVEL_PARAMETER)
    level = int(given) if given in {"1", "2", "3", "4", "5"} else None
    return Order(
        area=code,
        area_name=name,
        hazard=hazard,
        level=level,
        event=info.event,
        headline=info.headline or info.event,
        since=alert.sent,
        until=None if level is not None else info.expires,
        reference=alert.reference,
    )
