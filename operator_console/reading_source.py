"""A reading's source: why the shipped lists read a name so, in the operator's language.

What somebody wrote when changing a reading by hand stays as it was written.
"""

from __future__ import annotations

from operator_console.catalogue import mark
from operator_console.visit import Visit

#: what the shipped lists say -> what the operator reads
KNOWN = {
    text: text
    for text in (
        mark("river engineering term"),
        mark("Basic Act on Disaster Management"),
        mark("broadcast usage"),
        mark("polite 方; guard against ホー"),
        mark("polite 方"),
        mark("guard: 一方で is no person"),
        mark("guard: 一方は is no person"),
        mark("guard"),
        mark("deserted; guard against ニンキ"),
        mark("city flood guidebook"),
        mark("guard: longer word"),
        mark("local usage; to be confirmed by the city"),
        mark("guard: city in Shizuoka"),
        mark("guard: island of Tokyo"),
        mark("guard: island of Kagoshima"),
        mark("postal kana"),
        mark("postal kana of 西裏館"),
        mark("postal kana of 上須頃"),
        mark("to be confirmed by the city"),
        mark("railway station"),
        mark("school name; to be confirmed by the city"),
        mark("motorway interchange"),
        mark("neighbouring town"),
    )
}


def told(visit: Visit, source: str) -> str:
    """The source as this visitor reads it."""
    return visit.say(KNOWN[source]) if source in KNOWN else source
