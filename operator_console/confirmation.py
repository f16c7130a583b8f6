"""The confirmation: words that an approver types, so that no hand approves what no eye has read.

A real alert is confirmed by its order or hazard and its first area, a drill by 「訓練」:
never by the same words, and never by a plain yes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from alertd.alert import Alert, Status
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, NAMES, ORDERS, hazard_of

_DRILL = {Status.EXERCISE: ("訓練", "DRILL"), Status.TEST: ("試験", "TEST")}


def words_to_type(alert: Alert, language: str) -> str:
    """What is shown to be typed, in this language."""
    place = 0 if language == "ja" else 1
    if alert.status in _DRILL:
        return _DRILL[alert.status][place]
    info = alert.infos[0] if alert.infos else None
    if info is None:
        return alert.identifier
    level = info.parameter(LEVEL_PARAMETER)
    hazard = hazard_of(info.event_code(HAZARD_CODE))
    if level is not None and level.isdigit() and int(level) in ORDERS:
        what = ORDERS[int(level)][place]
    elif hazard is not None:
        what = NAMES[hazard][place]
    else:
        what = info.event
    area = info.areas[0].description if info.areas else ""
    return f"{what} {area}".strip()


def same_words(typed: str, wanted: Iterable[str]) -> bool:
    """Whether one of these was typed; width, case and spaces do not matter."""
    return _bare(typed) in {_bare(words) for words in wanted}


def confirms(alert: Alert, typed: str) -> bool:
    """Whether the typed words are those, in either language; width, case and spaces do not matter."""
    return same_words(typed, (words_to_type(alert, language) for language in ("ja", "en")))


def _bare(text: str) -> str:
    return re.sub(r"[\s、・,「」]", "", unicodedata.normalize("NFKC", text)).casefold()
