"""A Hazard: what threatens, what it is called, and whether a 警戒レベル belongs to it.

Alert levels exist for floods, inland floods, landslides, storm surges and, level 4
only, tsunamis (災害対策基本法, in force since 2021-05-20). Nothing else carries one.
"""

from __future__ import annotations

from enum import StrEnum


class Hazard(StrEnum):
    """The kind of event that an alert is about; travels as event code `alertd:hazard`."""

    #: a river overflows
    FLOOD = "flood"
    #: rain that cannot drain away
    INLAND_FLOOD = "inland-flood"
    #: landslide, debris flow
    LANDSLIDE = "landslide"
    #: the sea pressed ashore by a storm
    STORM_SURGE = "storm-surge"
    #: tsunami
    TSUNAMI = "tsunami"
    #: earthquake
    EARTHQUAKE = "earthquake"
    #: volcanic eruption
    VOLCANO = "volcano"
    #: heavy snowfall, blizzard
    SNOW = "snow"
    #: storm winds, tornado
    STORM = "storm"
    #: heat that is a danger to health
    HEAT = "heat"
    #: water released from a dam
    DAM = "dam"
    #: armed attack and the like (国民保護)
    CIVIL_PROTECTION = "civil-protection"
    #: buildings or woods on fire
    FIRE = "fire"
    #: a person is missing
    MISSING_PERSON = "missing-person"
    #: crime, fraud, suspicious persons
    CRIME = "crime"
    #: bears and other dangerous animals
    WILDLIFE = "wildlife"
    #: water, power, roads or public transport cut off
    LIFELINE = "lifeline"
    #: shelters opened, crowded or closed
    SHELTER = "shelter"
    #: news of the city
    NOTICE = "notice"
    #: news about a drill that is to come
    DRILL = "drill"


#: hazard -> (Japanese, English)
NAMES: dict[Hazard, tuple[str, str]] = {
    Hazard.FLOOD: ("洪水", "flood"),
    Hazard.INLAND_FLOOD: ("内水氾濫", "inland flood"),
    Hazard.LANDSLIDE: ("土砂災害", "landslide"),
    Hazard.STORM_SURGE: ("高潮", "storm surge"),
    Hazard.TSUNAMI: ("津波", "tsunami"),
    Hazard.EARTHQUAKE: ("地震", "earthquake"),
    Hazard.VOLCANO: ("火山", "volcano"),
    Hazard.SNOW: ("大雪", "heavy snow"),
    Hazard.STORM: ("暴風", "storm"),
    Hazard.HEAT: ("熱中症", "heat"),
    Hazard.DAM: ("ダム放流", "dam release"),
    Hazard.CIVIL_PROTECTION: ("国民保護", "civil protection"),
    Hazard.FIRE: ("火災", "fire"),
    Hazard.MISSING_PERSON: ("行方不明", "missing person"),
    Hazard.CRIME: ("防犯", "crime prevention"),
    Hazard.WILDLIFE: ("鳥獣", "wildlife"),
    Hazard.LIFELINE: ("断水・停電・道路", "lifelines"),
    Hazard.SHELTER: ("避難所", "shelters"),
    Hazard.NOTICE: ("お知らせ", "notice"),
    Hazard.DRILL: ("訓練のお知らせ", "drill notice"),
}

#: hazards that may carry an alert level, and which
LEVELS: dict[Hazard, frozenset[int]] = {
    Hazard.FLOOD: frozenset({1, 2, 3, 4, 5}),
    Hazard.INLAND_FLOOD: frozenset({1, 2, 3, 4, 5}),
    Hazard.LANDSLIDE: frozenset({1, 2, 3, 4, 5}),
    Hazard.STORM_SURGE: frozenset({1, 2, 3, 4, 5}),
    Hazard.TSUNAMI: frozenset({4}),
}

#: level -> what the city issues at it (Japanese, English)
ORDERS: dict[int, tuple[str, str]] = {
    3: ("高齢者等避難", "Evacuation of the Elderly, Etc."),
    4: ("避難指示", "Evacuation Order"),
    5: ("緊急安全確保", "Emergency Safety Measures"),
}

#: the event code and parameters by which an alert carries what CAP has no element for
HAZARD_CODE = "alertd:hazard"
TEMPLATE_CODE = "alertd:template"
LEVEL_PARAMETER = "alertLevel"


def hazard_of(code: str | None) -> Hazard | None:
    """The hazard of that name; None when it is not one of ours."""
    return next((hazard for hazard in Hazard if hazard == code), None)
