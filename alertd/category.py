"""A Category: what subscribers choose among. 命を守る情報 comes to everybody and cannot be switched off."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from alertd.alert import Alert, Severity, Status
from alertd.hazard import HAZARD_CODE, LEVELS, Hazard, hazard_of


class Category(StrEnum):
    """The kinds of news in the order of the screen; that order is also stored (`as_bits`): append only."""

    #: evacuation orders and whatever threatens lives; always on
    LIFE = "life"
    #: shelters opened, crowded, closed
    SHELTER = "shelter"
    #: warnings of the weather
    WEATHER = "weather"
    #: earthquakes, volcanoes
    EARTHQUAKE = "earthquake"
    #: armed attack and the like (国民保護)
    CIVIL_PROTECTION = "civil-protection"
    #: fires
    FIRE = "fire"
    #: missing persons
    MISSING_PERSON = "missing-person"
    #: crime, suspicious persons, fraud
    CRIME = "crime"
    #: bears and other animals
    WILDLIFE = "wildlife"
    #: water, power, roads, snow
    LIFELINE = "lifeline"
    #: important news of the city
    NOTICE = "notice"
    #: drills and tests
    DRILL = "drill"

    @property
    def bit(self) -> int:
        """Its place in a stored choice."""
        return 1 << tuple(Category).index(self)


#: category -> (Japanese, English, plain Japanese)
NAMES: dict[Category, tuple[str, str, str]] = {
    Category.LIFE: ("命を守る情報", "Life-saving information", "命（いのち）を守（まも）るお知（し）らせ"),
    Category.SHELTER: ("避難所情報", "Shelters", "逃（に）げるところ"),
    Category.WEATHER: ("気象警報", "Weather warnings", "天気（てんき）"),
    Category.EARTHQUAKE: ("地震・火山", "Earthquakes and volcanoes", "地震（じしん）・火山（かざん）"),
    Category.CIVIL_PROTECTION: (
        "国民保護",
        "Civil protection",
        "国（くに）からの危険（きけん）のお知（し）らせ",
    ),
    Category.FIRE: ("火災", "Fires", "火事（かじ）"),
    Category.MISSING_PERSON: ("行方不明者", "Missing persons", "いなくなった人（ひと）"),
    Category.CRIME: ("防犯・不審者・詐欺", "Crime and fraud", "犯罪（はんざい）"),
    Category.WILDLIFE: ("クマなど鳥獣", "Bears and other animals", "クマなどの動物（どうぶつ）"),
    Category.LIFELINE: (
        "断水・停電・道路・除雪",
        "Water, power, roads, snow",
        "水（みず）・電気（でんき）・道（みち）・雪（ゆき）",
    ),
    Category.NOTICE: (
        "市からの重要なお知らせ",
        "Important news of the city",
        "市（し）からの大切（たいせつ）なお知（し）らせ",
    ),
    Category.DRILL: ("訓練・試験", "Drills and tests", "訓練（くんれん）"),
}

_BY_HAZARD = {
    Hazard.SHELTER: Category.SHELTER,
    Hazard.EARTHQUAKE: Category.EARTHQUAKE,
    Hazard.VOLCANO: Category.EARTHQUAKE,
    Hazard.CIVIL_PROTECTION: Category.CIVIL_PROTECTION,
    Hazard.FIRE: Category.FIRE,
    Hazard.MISSING_PERSON: Category.MISSING_PERSON,
    Hazard.CRIME: Category.CRIME,
    Hazard.WILDLIFE: Category.WILDLIFE,
    Hazard.LIFELINE: Category.LIFELINE,
    Hazard.NOTICE: Category.NOTICE,
    Hazard.DRILL: Category.DRILL,
}
_GRAVE = (Severity.EXTREME, Severity.SEVERE)


def category_of(alert: Alert) -> Category:
    """Whom an alert is for, by what it is about and how grave it is."""
    codes = [code.value for code in alert.infos[0].event_codes if code.name == HAZARD_CODE]
    return category_for(alert.status, hazard_of(codes[0] if codes else None), alert.severity)


def category_for(status: Status, hazard: Hazard | None, severity: Severity) -> Category:
    """The same by its parts. What is grave, and what nobody has put anywhere, comes to everybody.

    So does whatever is said of a hazard with alert levels, its all-clear included: who was
    told to leave must hear that they may return.
    """
    if status is not Status.ACTUAL:
        return Category.DRILL
    if hazard is None or hazard in LEVELS or severity is Severity.EXTREME:
        return Category.LIFE
    found = _BY_HAZARD.get(hazard)
    if found is None:  # snow, storms, heat, dams
        return Category.LIFE if severity in _GRAVE else Category.WEATHER
    return found


def as_bits(categories: Iterable[Category]) -> int:
    """A choice as it is stored; life-saving information is in every one."""
    bits = Category.LIFE.bit
    for category in categories:
        bits |= category.bit
    return bits


def from_bits(bits: int) -> tuple[Category, ...]:
    """The categories of a stored choice."""
    return tuple(category for category in Category if bits & category.bit)


#: what is chosen for somebody who has not said otherwise
EVERYTHING = tuple(Category)
