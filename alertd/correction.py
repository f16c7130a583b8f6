"""The correction: a Cancel for an alert that was wrong, or an Update that ends one that was right.

取消 says that the notice itself was wrong; 解除 that the danger is over. They are never
mixed up: the first is CAP's Cancel, the second an Update with AllClear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from alertd.alert import (
    Alert,
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
from alertd.hazard import TEMPLATE_CODE
from alertd.language import spoken_in, tag_of
from alertd.template import Spoken
from alertd.typed_reading import PARAMETER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """What a correction says in one language; {at}, {headline}, {event} and {phone} are filled in."""

    headline: str
    description: str
    instruction: str
    call: str
    short: str
    #: said of an alert that told people to leave or to take shelter
    stay: str
    stay_spoken: str


_CANCELLED = {
    "ja": _Texts(
        headline="【取消】{headline}",
        description="{at}に配信した「{headline}」は、誤りです。取り消します。{stay}",
        instruction="ご迷惑をおかけし、お詫びします。\n■問い合わせ：{phone}",
        call="取り消しの、お知らせです。先ほどの、{event}の、お知らせは、誤りです。{stay}ご迷惑を、おかけし、お詫びします。",
        short="先ほどの、{event}の、お知らせは、誤りです。{stay}",
        stay="避難の必要はありません。",
        stay_spoken="避難の必要は、ありません。",
    ),
    "ja-easy": _Texts(
        headline="【取消】まちがいでした：{headline}",
        description="{at}に 送（おく）った「{headline}」は まちがいです。{stay}",
        instruction="本当（ほんとう）に すみません。\n電話（でんわ）：{phone}",
        call="さっきの、お知らせは、まちがいです。{stay}本当に、すみません。",
        short="さっきの、お知らせは、まちがいです。{stay}",
        stay="逃（に）げなくても だいじょうぶです。",
        stay_spoken="逃げなくても、だいじょうぶです。",
    ),
    "en": _Texts(
        headline="[CANCELLED] {headline}",
        description='The message "{headline}" sent at {at} was a mistake and is withdrawn. {stay}',
        instruction="We are sorry for the trouble.\nTelephone: {phone}",
        call="Correction. The message about {event} was a mistake. {stay} We are sorry for the trouble.",
        short="The message about {event} was a mistake. {stay}",
        stay="You do not need to evacuate.",
        stay_spoken="You do not need to evacuate.",
    ),
}
_ENDED = {
    "ja": _Texts(
        headline="【解除】{headline}",
        description="{at}に配信した「{headline}」を解除しました。",
        instruction="念のため、危険な場所には、しばらく近づかないでください。\n■問い合わせ：{phone}",
        call="{event}を、解除しました。念のため、危険な場所には、しばらく、近づかないでください。",
        short="{event}を、解除しました。",
        stay="",
        stay_spoken="",
    ),
    "ja-easy": _Texts(
        headline="終（お）わりました：{headline}",
        description="{at}に 送（おく）った「{headline}」は 終（お）わりました。",
        instruction="あぶない ところには、まだ 行（い）かないでください。\n電話（でんわ）：{phone}",
        call="さっきの、お知らせは、終わりました。あぶないところには、まだ、行かないでください。",
        short="さっきの、お知らせは、終わりました。",
        stay="",
        stay_spoken="",
    ),
    "en": _Texts(
        headline="[ENDED] {headline}",
        description='The alert "{headline}" sent at {at} has been lifted.',
        instruction="To be safe, keep away from dangerous places for a while.\nTelephone: {phone}",
        call="The alert about {event} has been lifted. To be safe, keep away from dangerous places for a while.",
        short="The alert about {event} has been lifted.",
        stay="",
        stay_spoken="",
    ),
}


def cancellation(alert: Alert, *, identifier: str, sent: datetime, expires: datetime, city: City) -> Alert:
    """The Cancel that says that the alert was wrong; as grave and urgent as the alert was.

    It speaks the alert's languages; those without prepared words are told in English.
    """
    infos = _infos(alert, _CANCELLED, sent=sent, expires=expires, city=city)
    return _follow_up(alert, MsgType.CANCEL, infos, identifier=identifier, sent=sent, city=city)


def all_clear(alert: Alert, *, identifier: str, sent: datetime, expires: datetime, city: City) -> Alert:
    """The Update that says that the danger is over."""
    infos = tuple(
        replace(
            info,
            response_types=(ResponseType.ALL_CLEAR,),
            urgency=Urgency.PAST,
            severity=Severity.MINOR,
            certainty=Certainty.OBSERVED,
        )
        for info in _infos(alert, _ENDED, sent=sent, expires=expires, city=city)
    )
    return _follow_up(alert, MsgType.UPDATE, infos, identifier=identifier, sent=sent, city=city)


def _follow_up(
    alert: Alert, msg_type: MsgType, infos: tuple[Info, ...], *, identifier: str, sent: datetime, city: City
) -> Alert:
    return replace(
        alert,
        identifier=identifier,
        sender=city.sender,
        sent=sent.replace(microsecond=0),
        msg_type=msg_type,
        references=(alert.reference,),
        infos=infos,
    )


def _infos(
    alert: Alert, texts: dict[str, _Texts], *, sent: datetime, expires: datetime, city: City
) -> tuple[Info, ...]:
    """One info for each language of the alert, about the alert's areas."""
    found: dict[str, Info] = {}
    for info in alert.news:
        language = spoken_in(info)
        language = language if language in texts else "en"
        if language in found:
            areas = tuple(dict.fromkeys((*found[language].areas, *info.areas)))
            found[language] = replace(found[language], areas=areas)
        else:
            found[language] = _info(
                alert, info, language, texts[language], sent=sent, expires=expires, city=city
            )
    return tuple(found.values())


def _info(
    alert: Alert, info: Info, language: str, texts: _Texts, *, sent: datetime, expires: datetime, city: City
) -> Info:
    moved = {ResponseType.EVACUATE, ResponseType.SHELTER} & set(info.response_types)

    def text(pattern: str, *, spoken: bool = False) -> str:
        stay = (texts.stay_spoken if spoken else texts.stay) if moved else ""
        at = local_value(alert.sent.isoformat(), BlankKind.TIME, language, city, spoken=spoken)
        headline = " ".join((info.headline or info.event).split())
        return pattern.format(
            at=at, headline=headline, event=info.event, phone=city.telephone, stay=stay
        ).strip()

    return replace(
        info,
        language=tag_of(language),
        response_types=(ResponseType.NONE,),
        effective=sent.replace(microsecond=0),
        onset=None,
        expires=expires.replace(microsecond=0),
        headline=text(texts.headline),
        description=text(texts.description),
        instruction=text(texts.instruction),
        event_codes=(
            *(code for code in info.event_codes if code.name != TEMPLATE_CODE),
            NamedValue(TEMPLATE_CODE, "correction"),
        ),
        parameters=(
            NamedValue(Spoken.CALL, text(texts.call, spoken=True)),
            NamedValue(Spoken.SHORT, text(texts.short, spoken=True)),
            *(pair for pair in info.parameters if pair.name == PARAMETER),
        ),
        resources=(),
    )
