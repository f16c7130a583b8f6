"""The zones of the default city: what a new installation starts with, until it has areas of its own."""

from __future__ import annotations

from dataclasses import dataclass

from alertd.city import SANJO_PLACES

#: households by zone: invented for demonstrations, no statistics of the city
_HOUSEHOLDS = {
    "RHK": ("嵐北", 7900),
    "RNN": ("嵐南", 9000),
    "IGR": ("井栗", 4500),
    "HJJ": ("本成寺", 3500),
    "OSK": ("大崎", 2700),
    "OSM": ("大島", 1900),
    "SKN": ("栄北", 800),
    "SKC": ("栄中央", 1900),
    "OOM": ("大面", 800),
    "NGS": ("長沢", 1100),
    "KTG": ("鹿峠", 1200),
    "MRM": ("森町", 700),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A part of the city that can be alerted on its own."""

    code: str
    name: str
    kana: str
    name_en: str
    #: an invented number
    households: int


def zones() -> tuple[Zone, ...]:
    """The twelve evacuation zones of Sanjo in the order of the screen."""
    places = {place.name: place for place in SANJO_PLACES}
    return tuple(
        Zone(
            code=code,
            name=name,
            kana=places[name].kana,
            name_en=places[name].name_en,
            households=households,
        )
        for code, (name, households) in _HOUSEHOLDS.items()
    )
