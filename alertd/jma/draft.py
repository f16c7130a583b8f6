"""The draft that a telegram calls for: a warning for our municipality, shaking here, a tsunami at our coast."""

from __future__ import annotations

from dataclasses import replace

from alertd.alert import Alert, Area
from alertd.city import City
from alertd.config import Feeds
from alertd.errors import WrongAlert
from alertd.hazard import Hazard
from alertd.jma import Item, Telegram
from alertd.jma.warning import Warned, in_force, ours
from alertd.jma.words import LIFE, alert_of
from alertd.template import fill, template

#: intensities from weak to strong, as JMA writes them
INTENSITIES = ("1", "2", "3", "4", "5-", "5+", "6-", "6+", "7")
_NEW = frozenset({"発表", "発表警報・注意報はなし", "特別警報から警報", ""})
#: seconds matter: it is broadcast by others before a person has read it
_TOO_LATE = "緊急地震速報"


def draft_of(telegram: Telegram, feeds: Feeds, city: City) -> Alert | None:
    """What a person should look at because of this telegram; None = nothing for us."""
    if telegram.info_type == "取消" or telegram.kind == _TOO_LATE:
        return None
    if telegram.shaken:
        return _shaken(telegram, feeds, city)
    if telegram.tsunami:
        return _tsunami(telegram, feeds, city)
    grave = [one for one in in_force(ours(telegram, feeds.areas)) if one.grave]
    # what only goes on was a draft before
    if not any(one.kind.status in _NEW for one in grave):
        return None
    return alert_of(telegram, grave, city)


def _shaken(telegram: Telegram, feeds: Feeds, city: City) -> Alert | None:
    """The template of an earthquake with the intensity that was observed in our municipality."""
    here = next((one for one in telegram.shaken if one.area == feeds.areas[0]), None)
    if here is None or _weaker(here.intensity, feeds.intensity):
        return None
    said = here.intensity.replace("-", "弱").replace("+", "強")
    said_en = here.intensity.replace("-", " Lower").replace("+", " Upper")
    at = telegram.origin_at or telegram.reported_at
    try:
        filled = fill(
            template("earthquake"),
            {"intensity": said, "intensity@en": said_en, "time": at.isoformat()},
            city=city,
            status=telegram.status,
            identifier=telegram.identifier,
            sent=telegram.reported_at,
            expires=telegram.reported_at + LIFE,
            areas=(Area(description=f"{city.name}全域"),),
        )
    except WrongAlert:  # the city has none of the template's languages
        return None
    return replace(filled, sender="jma.go.jp", source=telegram.office)


def _weaker(one: str, other: str) -> bool:
    return one not in INTENSITIES or INTENSITIES.index(one) < INTENSITIES.index(other)


def _tsunami(telegram: Telegram, feeds: Feeds, city: City) -> Alert | None:
    """A warning for a coast of ours. 津波予報 and 注意報 of no height are not for alerts."""
    found = [_on_coast(item) for item in telegram.tsunami if item.area in feeds.coasts]
    grave = [one for one in found if one is not None]
    return alert_of(telegram, grave, city) if grave else None


def _on_coast(item: Item) -> Warned | None:
    for kind in item.kinds:
        name = kind.name.partition(":")[0]
        if name in ("大津波警報", "津波警報", "津波注意報"):
            return Warned(
                area=item.area,
                area_name=item.area_name,
                kind=replace(kind, name=name, status="発表"),
                level=None,
                hazard=Hazard.TSUNAMI,
            )
    return None
