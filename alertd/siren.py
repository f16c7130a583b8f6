"""The siren of one alert: whether loudspeakers sound it before the words, and how often.

By level, where the section configures one: 3 none, 4 once, 5 once more before the
repetition; never in a drill. The operator's word for one alert travels with it as a CAP
parameter, so that it is approved and kept with the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from alertd.alert import Alert, Info, MsgType, NamedValue, Status
from alertd.channel import Traits
from alertd.hazard import LEVEL_PARAMETER

#: the CAP parameter: yes or no, whatever the level and the status
PARAMETER = "alertd:siren"
#: the level from which it sounds, and the one from which it sounds twice
_ONCE, _TWICE = 4, 5


def allowed(level: int | None) -> bool:
    """Whether the siren may sound with a prepared text of this level: it is for orders to evacuate."""
    return level is not None and level >= _ONCE


def with_siren(alert: Alert, *, sounds: bool) -> Alert:
    """The alert whose siren sounds, or does not, because the operator says so."""
    word = NamedValue(PARAMETER, "yes" if sounds else "no")
    infos = (
        replace(info, parameters=(*(pair for pair in info.parameters if pair.name != PARAMETER), word))
        for info in alert.infos
    )
    return replace(alert, infos=tuple(infos))


def sirens(alert: Alert, infos: Iterable[Info]) -> int:
    """How often the siren sounds for these infos of an alert: 0, 1 or 2 times."""
    chosen = list(infos)
    word = next((said for info in chosen if (said := info.parameter(PARAMETER)) is not None), None)
    if alert.msg_type is MsgType.CANCEL or word == "no":
        return 0
    if alert.status is not Status.ACTUAL and word != "yes":
        return 0
    level = max((_level(info) for info in chosen), default=0)
    if level >= _TWICE:
        return 2
    return 1 if level >= _ONCE or word == "yes" else 0


def by_channel(alert: Alert, channels: Mapping[str, Traits]) -> dict[str, int]:
    """How often the siren sounds on each channel that has one."""
    times = sirens(alert, alert.news)
    return {name: times for name, traits in channels.items() if traits.signals.siren is not None}


def _level(info: Info) -> int:
    said = info.parameter(LEVEL_PARAMETER) or ""
    return int(said) if said.isascii() and said.isdigit() and len(said) == 1 else 0
