"""The follow-up: what is said after an alert, in five ways that are never mixed up.

続報 says more; 訂正 puts right what was wrong in it; 取消 calls it off, because it was wrong
as a whole; 解除 says that the danger is over; 切替 replaces it by another level or hazard.
取消 is CAP's Cancel and is prepared with every alert (`alertd.correct`). The others are
Updates that reference the alert, as long as they speak of all its areas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from alertd.alert import Alert, Info, MsgType, NamedValue, Reference, ResponseType
from alertd.hazard import HAZARD_CODE, hazard_of
from alertd.language import spoken_in
from alertd.orders import codes
from alertd.template import Spoken, Template, templates


class FollowUp(StrEnum):
    """How an alert is followed up."""

    #: 続報: the same matter, with more to say
    UPDATE = "update"
    #: 訂正: a part of it was wrong
    CORRECTION = "correction"
    #: 取消: it was wrong as a whole
    CANCEL = "cancel"
    #: 解除: it was right, and the danger is over
    ALL_CLEAR = "all-clear"
    #: 切替: another level or another hazard takes its place
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class _Mark:
    """How a follow-up begins: before its headline, and before each spoken text."""

    headline: str
    spoken: str


_MARKS: Mapping[FollowUp, Mapping[str, _Mark]] = {
    FollowUp.UPDATE: {
        "ja": _Mark("【続報】", "続報です。"),
        "ja-easy": _Mark("【新（あたら）しい お知（し）らせ】", "新しい、お知らせです。"),
        "en": _Mark("[UPDATE] ", "Update. "),
    },
    FollowUp.CORRECTION: {
        "ja": _Mark("【訂正】", "訂正です。先ほどの、お知らせに、誤りが、ありました。"),
        "ja-easy": _Mark(
            "【まちがいを 直（なお）しました】", "さっきの、お知らせに、まちがいが、ありました。"
        ),
        "en": _Mark("[CORRECTION] ", "Correction. The message before had a mistake. "),
    },
}


def marked(alert: Alert, how: FollowUp) -> Alert:
    """The alert with the words by which people know what kind of follow-up they have before them."""
    marks = _MARKS.get(how)
    if marks is None:
        return alert
    return replace(
        alert, infos=tuple(_marked(info, marks.get(spoken_in(info), marks["en"])) for info in alert.infos)
    )


def _marked(info: Info, mark: _Mark) -> Info:
    spoken = set(Spoken)
    return replace(
        info,
        headline=f"{mark.headline}{info.headline or info.event}",
        parameters=tuple(
            NamedValue(pair.name, f"{mark.spoken}{pair.value}") if pair.name in spoken else pair
            for pair in info.parameters
        ),
    )


def referring(alert: Alert, before: Alert, areas: Mapping[str, str]) -> Alert:
    """The alert as an Update of the one before; unchanged when it does not speak of all its areas.

    Whoever reads CAP takes what is referenced for replaced as a whole, and would lose what
    it says of the other areas. `areas` are the city's names by code.
    """
    mine = {code for info in alert.infos for code in codes(info.areas, areas)}
    theirs = {code for info in before.infos for code in codes(info.areas, areas)}
    if not theirs <= mine:
        return alert
    references: tuple[Reference, ...] = tuple(dict.fromkeys((before.reference, *alert.references)))
    return replace(alert, msg_type=MsgType.UPDATE, references=references)


def lifting(before: Alert) -> Template | None:
    """The template that says that this danger is over; None = there is none for its hazard."""
    hazard = hazard_of(before.infos[0].event_code(HAZARD_CODE))
    return next(
        (
            found
            for found in templates().values()
            if found.hazard is hazard and ResponseType.ALL_CLEAR in found.responses
        ),
        None,
    )


def others(before: Alert, used: str | None) -> tuple[tuple[Template, ...], tuple[Template, ...]]:
    """The templates that can take the place of an alert: those of its hazard, and all others."""
    hazard = hazard_of(before.infos[0].event_code(HAZARD_CODE))
    offered = [
        found
        for found in templates().values()
        if found.id != used and ResponseType.ALL_CLEAR not in found.responses
    ]
    return (
        tuple(found for found in offered if found.hazard is hazard),
        tuple(found for found in offered if found.hazard is not hazard),
    )
