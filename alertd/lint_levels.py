"""The linter's rules for alert levels: only on hazards that have them, and the same everywhere in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alertd.alert import Info
from alertd.finding import Finding, block, warn
from alertd.forbidden import plain
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, LEVELS, NAMES, ORDERS, hazard_of
from alertd.template import Spoken


def lint_levels(info: Info, where: str) -> Iterator[Finding]:
    """What is wrong with the level of an info; `where` names the info."""
    given = info.parameter(LEVEL_PARAMETER)
    hazard = hazard_of(info.event_code(HAZARD_CODE))
    text = plain(" ".join(text for _, text in texts(info)))
    claimed = {int(digit) for digit in re.findall(r"(?:警戒レベル|Alert Level )([1-5])(?!相当)", text)}
    if given is not None and given not in {"1", "2", "3", "4", "5"}:
        yield block(
            f"{where}/parameter {LEVEL_PARAMETER}",
            "警戒レベルは1から5の数字です。",
            f"{given!r} is no alert level; use 1 to 5",
        )
        return
    levels = claimed | ({int(given)} if given else set())
    if hazard is None:
        if given:
            yield warn(
                f"{where}/eventCode",
                "災害の種類が分からないまま、警戒レベルが付いています。",
                "it has an alert level, but its hazard is not known",
            )
    elif levels - LEVELS.get(hazard, frozenset()):
        wrong = max(levels - LEVELS.get(hazard, frozenset()))
        name, name_en = NAMES[hazard]
        yield block(
            f"{where}/parameter {LEVEL_PARAMETER}",
            f"「{name}」に警戒レベル{wrong}はありません。削除してください。",
            f"{name_en} has no alert level {wrong}; remove it",
        )
    headline = plain(info.headline or "")
    in_headline = {int(digit) for digit in re.findall(r"(?:レベル|Level )([1-5])(?!相当)", headline)}
    if given and in_headline and int(given) not in in_headline:
        yield block(
            f"{where}/headline",
            f"件名の警戒レベルと、指定された警戒レベル{given}が合いません。",
            f"the headline names another alert level than {given}",
        )
    orders = {level for level, (name, _) in ORDERS.items() if name in headline}
    if given and orders and int(given) not in orders:
        yield block(
            f"{where}/headline",
            f"警戒レベル{given}の名前は「{ORDERS[int(given)][0] if int(given) in ORDERS else 'なし'}」です。",
            f"the order in the headline is not that of alert level {given}",
        )
    if given == "5" and re.search(r"避難所(へ|に)(?!(は)?(向かわ|行か|移動し(ない|ません)))", text):
        yield warn(
            where,
            "警戒レベル5の文が、避難所への移動を呼びかけています。今いる場所での安全確保を伝えてください。",
            "a level 5 text sends people to a shelter; tell them to save themselves where they are",
        )


def texts(info: Info) -> Iterator[tuple[str, str]]:
    """The texts of an info that people meet, by the field that has them."""
    yield "event", info.event
    for field, text in (
        ("headline", info.headline),
        ("description", info.description),
        ("instruction", info.instruction),
        ("senderName", info.sender_name),
    ):
        if text:
            yield field, text
    for name in Spoken:
        if text := info.parameter(name):
            yield name, text
    for area in info.areas:
        yield "areaDesc", area.description
