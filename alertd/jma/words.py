"""What a draft made from a telegram says: JMA's name for it, that it is no order of the city, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alertd.alert import (
    Alert,
    Area,
    Category,
    Certainty,
    Info,
    MsgType,
    NamedValue,
    ResponseType,
    Severity,
    Urgency,
)
from alertd.blank import BlankKind, local_value
from alertd.city import City
from alertd.forbidden import OLD_NAMES, plain
from alertd.hazard import HAZARD_CODE, NAMES
from alertd.jma import Telegram
from alertd.jma.warning import Warned, rank
from alertd.language import tag_of
from alertd.template import Spoken

#: the parameter that says to which level a warning corresponds; never `alertLevel`, which is the city's
EQUIVALENT = "alertd:equivalentLevel"
#: a telegram that does not say until when it holds is worth so long
LIFE = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Advice:
    """What people should do, in one language, by the level it corresponds to; 0 = no level."""

    by_level: dict[int, str]
    #: the city has ordered nothing by this
    no_order: str


_ADVICE = {
    "ja": _Advice(
        by_level={
            5: "すでに災害が起きているおそれがあります。今いる所が危ないときは、すぐに、少しでも安全な所へ移動してください。",
            4: "災害の起きやすい所にいる方は、市の避難情報を待たずに、安全な所へ移動することを考えてください。",
            3: "避難に時間のかかる方は、避難の準備をしてください。市の避難情報に注意してください。",
            0: "今後の情報に注意してください。危ないと感じたら、早めに安全な所へ移動してください。",
        },
        no_order="これは気象庁の情報です。市の避難指示などではありません。",
    ),
    "ja-easy": _Advice(
        by_level={
            5: "とても あぶないです。今（いま） いる ところが あぶないときは、すぐに 安全（あんぜん）な ところへ 行（い）ってください。",
            4: "川（かわ）や 山（やま）の 近（ちか）くに いる 人（ひと）は、安全（あんぜん）な ところへ 行（い）くことを 考（かんが）えてください。",
            3: "お年寄（としよ）りや 体（からだ）の 不自由（ふじゆう）な 人（ひと）は、逃（に）げる 準備（じゅんび）を してください。",
            0: "これからの お知（し）らせを 見（み）てください。",
        },
        no_order="これは 気象庁（きしょうちょう）＝天気（てんき）を 調（しら）べる ところの お知（し）らせです。市（し）の「避難指示（ひなんしじ）」では ありません。",
    ),
    "en": _Advice(
        by_level={
            5: "A disaster may already be happening. If you are in danger where you are, move to a safer place at once.",
            4: "If you are where disasters are likely, consider moving to a safe place without waiting for the city.",
            3: "People who need time to evacuate should get ready. Watch for evacuation information of the city.",
            0: "Watch for further information. If you feel in danger, move to a safe place early.",
        },
        no_order="This is information of the weather agency. It is not an evacuation order of the city.",
    ),
}


def alert_of(telegram: Telegram, warned: Sequence[Warned], city: City) -> Alert:
    """The draft for the gravest of these warnings; the others are named beside it. `warned` is not empty."""
    first = warned[0]
    languages = [language for language in city.languages if language in _ADVICE]
    return Alert(
        identifier=telegram.identifier,
        sender="jma.go.jp",
        sent=telegram.reported_at.replace(microsecond=0),
        status=telegram.status,
        msg_type=MsgType.ALERT,
        source=telegram.office,
        infos=tuple(_info(telegram, first, warned, language, city) for language in languages),
    )


def _info(telegram: Telegram, first: Warned, warned: Sequence[Warned], language: str, city: City) -> Info:
    level = first.level or 0
    advice = _ADVICE[language].by_level.get(level) or _ADVICE[language].by_level[0]
    names = list(dict.fromkeys(_name(one, language) for one in warned))
    at = _at(telegram.reported_at, language, city)
    place = local_value(city.name, BlankKind.AREA, language, city, spoken=False)
    headline, description = _said(language, names, place, at, first)
    listed = {"ja": "、", "ja-easy": "、"}.get(language, ", ").join(names)
    spoken = {
        "ja": f"気象庁の、お知らせです。{listed}が、出ています。{advice}",
        "ja-easy": f"気象庁の、お知らせです。{listed}が、出ています。",
        "en": f"A message of the weather agency. In force: {listed}. {advice}",
    }[language]
    return Info(
        language=tag_of(language),
        event=names[0],
        categories=(Category.MET,) if telegram.kind != "噴火警報・予報" else (Category.GEO,),
        response_types=(ResponseType.PREPARE if level >= 3 else ResponseType.MONITOR,),
        urgency=Urgency.IMMEDIATE if level >= 4 else Urgency.EXPECTED,
        severity={5: Severity.EXTREME, 4: Severity.SEVERE}.get(level, Severity.MODERATE),
        certainty=Certainty.LIKELY,
        event_codes=(NamedValue(HAZARD_CODE, first.hazard),) if first.hazard is not None else (),
        effective=telegram.reported_at,
        expires=telegram.valid_until or telegram.reported_at + LIFE,
        sender_name="気象庁" if language != "en" else "Japan Meteorological Agency",
        headline=headline,
        description=description,
        instruction=advice,
        web=city.web,
        contact=city.telephone,
        parameters=(
            *((NamedValue(EQUIVALENT, str(first.level)),) if first.level is not None else ()),
            NamedValue(Spoken.CALL, spoken.replace("（", "").replace("）", "")),
        ),
        areas=(Area(description=place, geocodes=(NamedValue("JIS_X0402", city.code),)),),
    )


def _said(language: str, names: Sequence[str], place: str, at: str, first: Warned) -> tuple[str, str]:
    """Headline and description."""
    same = f"（警戒レベル{first.level}相当）" if first.level is not None else ""
    no_order = _ADVICE[language].no_order
    if language == "ja":
        return (
            f"気象庁：{names[0]}{same} {place}",
            f"{at}、気象庁が{place}に{'、'.join(names)}を発表しました。\n{no_order}",
        )
    if language == "ja-easy":
        return (
            f"気象庁（きしょうちょう）の お知（し）らせ：{names[0]} {place}",
            f"{at}、{place}に「{'、'.join(names)}」が 出（で）ました。\n{no_order}",
        )
    return (
        f"Weather agency: {names[0]}, {place}",
        f"At {at}, in force for {place}: {', '.join(names)}.\n{no_order}",
    )


def _name(one: Warned, language: str) -> str:
    """JMA's name; an old one by the name that took its place; in English what it means."""
    name = plain(one.kind.name)
    if language != "en":
        return OLD_NAMES.get(name, name)
    threat = NAMES[one.hazard][1] if one.hazard is not None else "weather"
    same = f" (equivalent to level {one.level})" if one.level is not None else ""
    return f"{threat} {rank(name)}{same}"


def _at(at: datetime, language: str, city: City) -> str:
    return local_value(at.isoformat(), BlankKind.TIME, language, city, spoken=False)
