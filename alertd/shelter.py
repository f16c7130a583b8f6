"""A Shelter: a place to run to, and what it is designated for. Nowhere else may people be sent in that danger.

指定緊急避難場所 are designated for each kind of disaster; 指定避難所, where people stay
afterwards, are designated for none. Source: 国土地理院 and the standard data set of
municipalities (自治体標準オープンデータセット).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd.alert import Alert
from alertd.finding import Finding, block
from alertd.hazard import HAZARD_CODE, Hazard, hazard_of
from alertd.tables import ShelterRow


class Designation(StrEnum):
    """What a site is designated for, by the words and in the order of the official lists."""

    #: a river overflows
    FLOOD = "洪水"
    #: landslide, debris flow
    LANDSLIDE = "崖崩れ、土石流及び地滑り"
    #: storm surge
    STORM_SURGE = "高潮"
    #: earthquake
    EARTHQUAKE = "地震"
    #: tsunami
    TSUNAMI = "津波"
    #: a large fire
    FIRE = "大規模な火事"
    #: rain that cannot drain away
    INLAND_FLOOD = "内水氾濫"
    #: volcanic eruption
    VOLCANO = "火山現象"


#: hazard -> the designation that a site needs to be offered in it
NEEDED: dict[Hazard, Designation] = {
    Hazard.FLOOD: Designation.FLOOD,
    Hazard.DAM: Designation.FLOOD,
    Hazard.INLAND_FLOOD: Designation.INLAND_FLOOD,
    Hazard.LANDSLIDE: Designation.LANDSLIDE,
    Hazard.STORM_SURGE: Designation.STORM_SURGE,
    Hazard.TSUNAMI: Designation.TSUNAMI,
    Hazard.EARTHQUAKE: Designation.EARTHQUAKE,
    Hazard.VOLCANO: Designation.VOLCANO,
    Hazard.FIRE: Designation.FIRE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelter:
    """One site of a list."""

    #: the number in the list, such as 共通ID
    id: str
    name: str
    kana: str = ""
    name_en: str = ""
    address: str = ""
    #: degrees, WGS 84; None = not known
    latitude: float | None = None
    longitude: float | None = None
    designated_for: frozenset[Designation] = frozenset()
    capacity: int | None = None
    #: every other column, by its name in the list
    details: dict[str, str] = field(default_factory=dict)


def store(session: Session, shelters: Iterable[Shelter]) -> int:
    """Adds or changes shelters by their number; says how many."""
    count = 0
    for one in shelters:
        session.merge(
            ShelterRow(
                id=one.id,
                name=one.name,
                kana=one.kana,
                name_en=one.name_en,
                address=one.address,
                latitude=one.latitude,
                longitude=one.longitude,
                designated_for=[kind.value for kind in Designation if kind in one.designated_for],
                capacity=one.capacity,
                details=one.details,
            )
        )
        count += 1
    return count


def shelters(session: Session) -> list[Shelter]:
    """All of them, in the order of their numbers."""
    return [_shelter(row) for row in session.scalars(select(ShelterRow).order_by(ShelterRow.id))]


def offered(known: Iterable[Shelter], hazard: Hazard) -> list[Shelter]:
    """Those that people may be sent to in this danger; without a designation for it, none."""
    needed = NEEDED.get(hazard)
    return [one for one in known if needed is None or needed in one.designated_for]


def unfit(known: Sequence[Shelter], text: str, hazard: Hazard | None) -> list[Shelter]:
    """The sites that a text names and that are not designated for this danger."""
    needed = NEEDED.get(hazard) if hazard is not None else None
    if needed is None:
        return []
    fit = {one.name for one in known if needed in one.designated_for}
    return [
        one
        for one in known
        if one.designated_for
        and one.name in text
        and one.name not in fit
        and needed not in one.designated_for
    ]


def findings(known: Sequence[Shelter], alert: Alert) -> list[Finding]:
    """What an alert says wrongly of shelters: each that is named and not designated for its danger blocks it."""
    found: dict[Finding, None] = {}
    for number, info in enumerate(alert.infos, start=1):
        text = f"{info.description or ''}\n{info.instruction or ''}"
        for one in unfit(known, text, hazard_of(info.event_code(HAZARD_CODE))):
            kinds = "・".join(kind for kind in Designation if kind in one.designated_for)
            found[
                block(
                    f"info[{number}]/instruction",
                    f"「{one.name}」は、この災害の避難場所に指定されていません（指定：{kinds}）。削除してください。",
                    f"{one.name} is not designated for this danger; remove it",
                )
            ] = None
    return list(found)


def _shelter(row: ShelterRow) -> Shelter:
    return Shelter(
        id=row.id,
        name=row.name,
        kana=row.kana,
        name_en=row.name_en,
        address=row.address,
        latitude=row.latitude,
        longitude=row.longitude,
        designated_for=frozenset(Designation(kind) for kind in row.designated_for),
        capacity=row.capacity,
        details=dict(row.details),
    )
