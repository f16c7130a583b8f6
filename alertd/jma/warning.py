"""A JMA warning as we judge it: its hazard, and the 警戒レベル that it corresponds to (相当).

A warning of JMA never *is* an order of the city. Sources: 内閣府, 避難情報に関するガイドライン;
JMA's names in force since 2026-05-29, and those before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alertd.hazard import Hazard
from alertd.jma import Item, Kind, Telegram

#: names without a level of their own, and the level they correspond to
_LEVELS = {
    "大雨特別警報": 5,
    "土砂災害警戒情報": 4,
    # until 2026-05-28
    "高潮特別警報": 4,
    "高潮警報": 4,
    "大雨警報": 3,
    "洪水警報": 3,
    "大雨注意報": 2,
    "洪水注意報": 2,
    "高潮注意報": 2,
    "氾濫発生情報": 5,
    "氾濫危険情報": 4,
    "氾濫警戒情報": 3,
    "氾濫注意情報": 2,
}

#: a piece of the name -> hazard; the first that fits
_HAZARDS = (
    ("土砂", Hazard.LANDSLIDE),
    ("氾濫", Hazard.FLOOD),
    ("洪水", Hazard.FLOOD),
    ("高潮", Hazard.STORM_SURGE),
    ("津波", Hazard.TSUNAMI),
    ("大雨", Hazard.INLAND_FLOOD),
    ("雪", Hazard.SNOW),
    ("なだれ", Hazard.SNOW),
    ("風", Hazard.STORM),
    ("竜巻", Hazard.STORM),
    ("噴火", Hazard.VOLCANO),
    ("火口", Hazard.VOLCANO),
    ("熱中症", Hazard.HEAT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """One warning in force in one of our areas."""

    area: str
    area_name: str
    kind: Kind
    #: the level that it corresponds to; None = none
    level: int | None
    hazard: Hazard | None

    @property
    def grave(self) -> bool:
        """Whether it is a warning at all, not an advisory."""
        return (self.level is not None and self.level >= 3) or rank(self.kind.name) != "advisory"


def level(name: str) -> int | None:
    """The 警戒レベル that a name corresponds to; None when it has none."""
    plain = unicodedata.normalize("NFKC", name)
    said = re.search(r"レベル([1-5])", plain)
    # 噴火警戒レベル is another scale
    if said and "噴火" not in plain and "入山" not in plain:
        return int(said[1])
    return _LEVELS.get(plain)


def rank(name: str) -> str:
    """How JMA ranks it, in English."""
    for ending, english in (
        ("特別警報", "emergency warning"),
        ("危険警報", "danger warning"),
        ("注意報", "advisory"),
        ("警報", "warning"),
    ):
        if ending in name:
            return english
    return "information"


def hazard(name: str, condition: str = "") -> Hazard | None:
    """What threatens; 大雨 is about landslides when its condition says so alone."""
    if "大雨" in name and "土砂" in condition and "浸水" not in condition:
        return Hazard.LANDSLIDE
    return next((found for piece, found in _HAZARDS if piece in name), None)


def ours(telegram: Telegram, areas: Sequence[str]) -> tuple[Item, ...]:
    """The items of the smallest of our areas that the telegram names; `areas` are codes, smallest first."""
    for code in areas:
        found = [item for block in telegram.warnings for item in block if item.area == code]
        if found:
            return tuple(found)
    return ()


def in_force(items: Iterable[Item]) -> tuple[Warned, ...]:
    """The warnings of these items that hold, gravest first."""
    found = {
        (item.area, kind.code, kind.name): Warned(
            area=item.area,
            area_name=item.area_name,
            kind=kind,
            level=level(kind.name),
            hazard=hazard(kind.name, kind.condition),
        )
        for item in items
        for kind in item.kinds
        if kind.name and not kind.over
    }
    return tuple(sorted(found.values(), key=lambda one: (-(one.level or 0), one.kind.code)))
