"""The renderer: an alert becomes what one audience reads or hears.

Drill marks, greeting, repetition and signals are put in here and nowhere else, so that
no operator types them and none forgets them. An alert from outside, without spoken
texts of its own, is spoken from its headline, instruction and description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from alertd.alert import Alert, Info, MsgType, Status
from alertd.channel import Medium
from alertd.city import JST, City
from alertd.errors import Problem, WrongAlert
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, ORDERS, hazard_of
from alertd.language import is_japanese, language_of, spoken_in
from alertd.marks import gate, marks, without_ruby
from alertd.mora import LONGEST_BODY, morae
from alertd.phrases import Phrases, phrases
from alertd.siren import sirens
from alertd.speech import NO_SIGNALS, Chime, Part, Pause, Say, Script, Signal, Signals
from alertd.template import Spoken
from alertd.typed_reading import readings_of
from alertd.words import Words

__all__ = ["Words", "best_language", "body", "languages", "render"]

#: morae per second and seconds between sentences (slow for old ears; echo outdoors)
PACES = {Medium.CALL: (5.0, 0.5), Medium.BROADCAST: (5.0, 0.7), Medium.OUTDOOR: (4.5, 2.0)}

_SENTENCE = re.compile(r"(?<=[。！？\n])|(?<=[.!?])\s+")
_PARAMETERS = {
    Medium.CALL: (Spoken.CALL,),
    Medium.OUTDOOR: (Spoken.OUTDOOR, Spoken.CALL),
    Medium.BROADCAST: (Spoken.BROADCAST, Spoken.OUTDOOR, Spoken.CALL),
}


def languages(alert: Alert) -> tuple[str, ...]:
    """The languages in which the alert speaks, the default first: Japanese, else its first."""
    found = tuple(dict.fromkeys(spoken_in(info) for info in alert.news))
    return tuple(sorted(found, key=lambda language: language != "ja"))


def best_language(alert: Alert, wanted: str) -> str:
    """The language in which a recipient who wants this one is told; the default when it has none.

    Raises WrongAlert when the alert has no info at all.
    """
    found = languages(alert)
    if not found:
        raise WrongAlert(Problem("info", "the alert has no info, so there is nothing to say"))
    return next((language for language in (wanted, language_of(wanted)) if language in found), found[0])


def render(
    alert: Alert,
    language: str,
    medium: Medium,
    city: City,
    *,
    chimes: bool = True,
    signals: Signals = NO_SIGNALS,
) -> Words:
    """What is read or heard of the alert in this language and medium.

    `signals` are the channel's: what switches receivers on and off, and the siren, which
    sounds when `alertd.siren` says so; `chimes` frame announcements outdoors. The words
    have passed the gate of `alertd.marks`. Raises WrongAlert when the alert does not
    speak the language.
    """
    infos = [info for info in alert.news if spoken_in(info) == language]
    if not infos:
        spoken = ", ".join(languages(alert)) or "none"
        raise WrongAlert(
            Problem(
                "language",
                f"the alert says nothing in {language}; it has {spoken}",
                f"この警報には「{language}」の文がありません。",
            )
        )
    headline = _headline(alert, infos[0], language)
    if medium is Medium.TEXT:
        words = Words(headline, _text(alert, infos, language, city))
    elif medium is Medium.CALL:
        short = _short(alert, infos, language, city)
        parts = _call(alert, body(infos, medium, city), language, city)
        words = _spoken(headline, infos, parts, language, city, short)
    elif medium is Medium.OUTDOOR:
        sounded = [_signal(signals.siren)] * sirens(alert, infos)
        said = body(infos, medium, city)
        parts = _outdoor(alert, infos, said, language, city, chimes=chimes, sounded=sounded)
        parts = [*_signal(signals.start), *parts, *_signal(signals.end)]
        words = _spoken(headline, infos, parts, language, city)
    else:
        parts = _broadcast(alert, body(infos, medium, city), language, city)
        parts = [*_signal(signals.start), *parts, *_signal(signals.end)]
        words = _spoken(headline, infos, parts, language, city)
    gate(words, alert.status, language)
    return words


def _headline(alert: Alert, info: Info, language: str) -> str:
    mine = marks(alert.status, language)
    headline = " ".join((info.headline or info.event).split())
    return f"{mine.prefix}{headline}" if mine else headline


def _text(alert: Alert, infos: Sequence[Info], language: str, city: City) -> str:
    mine = marks(alert.status, language)
    japanese = is_japanese(language)
    sent = alert.sent.astimezone(JST)
    name = infos[0].sender_name or (city.name if japanese else city.name_en)
    if japanese:
        signature = f"{name}　{sent.month}月{sent.day}日 {sent.hour}時{sent.minute:02}分発信"
    else:
        signature = f"{name}, {sent:%Y-%m-%d %H:%M} (Japan time)"
    blocks = [text for info in infos for text in (info.headline, info.description, info.instruction) if text]
    lines = [*dict.fromkeys(_tidy(block) for block in blocks), signature]
    if mine:
        lines = [f"{mine.prefix}{mine.first}", *lines, mine.last]
    return "\n\n".join(lines)


def _tidy(text: str) -> str:
    """Without the indentation and the blank lines that documents bring along."""
    return "\n".join(
        line for line in (" ".join(line.split(" ")).strip() for line in text.splitlines()) if line
    )


def body(infos: Sequence[Info], medium: Medium, city: City) -> str:
    """What is said once, without greeting, marks and repetition."""
    bodies = [text for info in infos if (text := _prepared(info, medium)) is not None]
    if not bodies:
        bodies = [_improvised(infos, city)]
    return without_ruby(" ".join(dict.fromkeys(bodies)))


def _prepared(info: Info, medium: Medium) -> str | None:
    found = (info.parameter(name) for name in _PARAMETERS[medium])
    return next((text for text in found if text), None)


def _improvised(infos: Iterable[Info], city: City) -> str:
    """Whole sentences of headline, instruction and description, as many as can be followed by ear."""
    blocks = [
        block for i in infos for block in (i.headline or i.event, i.instruction, i.description) if block
    ]
    sentences = [
        _ended(" ".join(sentence.split()))
        for block in dict.fromkeys(blocks)
        for sentence in _SENTENCE.split(block)
        if sentence.strip()
    ]
    chosen: list[str] = []
    for sentence in dict.fromkeys(sentences):
        if not chosen or morae(" ".join([*chosen, sentence]), city.readings) <= LONGEST_BODY:
            chosen.append(sentence)
    return " ".join(chosen)


def _ended(sentence: str) -> str:
    if sentence.endswith(("。", "！", "？", ".", "!", "?")):
        return sentence
    return f"{sentence}。" if re.search(r"[ぁ-鿿]", sentence) else f"{sentence}."


def _spoken(
    headline: str,
    infos: Sequence[Info],
    parts: Sequence[Part],
    language: str,
    city: City,
    short: str | None = None,
) -> Words:
    readings = {**city.readings, **readings_of(infos)} if is_japanese(language) else {}
    script = Script(language=language, parts=tuple(parts), readings=readings)
    text = "\n".join(part.text for part in parts if isinstance(part, Say))
    return Words(headline, text, short, script)


def _call(alert: Alert, body: str, language: str, city: City) -> list[Part]:
    """Silence until the handset is at the ear; greeting; body; the body once more."""
    say, mine, our = _sayer(Medium.CALL), marks(alert.status, language), phrases(language)
    greeting = our.greeting(
        city, urgent=mine is None and _urgent(alert), drill=alert.status is Status.EXERCISE
    )
    if mine is None:
        return [Pause(1.0), say(greeting), say(body), Pause(1.0), say(our.again), say(body)]
    return [
        Pause(1.0),
        say(f"{mine.spoken} {greeting}"),
        say(f"{mine.spoken} {body}"),
        Pause(1.0),
        say(our.again),
        say(f"{mine.spoken} {body}"),
        say(mine.spoken),
    ]


def _short(alert: Alert, infos: Sequence[Info], language: str, city: City) -> str:
    """For an answering machine: half a minute at most, and the number to call back."""
    mine, our = marks(alert.status, language), phrases(language)
    prepared = [text for info in infos if (text := info.parameter(Spoken.SHORT))]
    if not prepared:
        sentences = [s for s in _SENTENCE.split(body(infos, Medium.CALL, city)) if s.strip()]
        prepared = [" ".join(sentences[:2])]
    greeting = our.greeting(
        city, urgent=mine is None and _urgent(alert), drill=alert.status is Status.EXERCISE
    )
    parts = [greeting, without_ruby(prepared[0]), our.call_back(city)]
    if mine:
        parts = [mine.spoken, *parts, mine.spoken]
    return " ".join(parts)


def _outdoor(
    alert: Alert,
    infos: Sequence[Info],
    body: str,
    language: str,
    city: City,
    *,
    chimes: bool,
    sounded: Sequence[Sequence[Part]],
) -> list[Part]:
    """Chime; siren; the order twice; who speaks; the body twice with gaps against the echo; chime.

    A drill says that it is one before any siren. A second siren comes before the repetition.
    """
    say, mine, our = _sayer(Medium.OUTDOOR), marks(alert.status, language), phrases(language)
    parts: list[Part] = [Chime.UP, Pause(1.0)] if chimes else []
    if mine:
        parts += [say(mine.opening), Pause(2.0)]
    parts += [part for siren in sounded[:1] for part in siren]
    if order := _order(infos[0], our, urgent=mine is None):
        parts += [say(order), Pause(1.0), say(order), Pause(2.0)]
    elif alert.msg_type is MsgType.CANCEL:
        parts += [say(our.correction), Pause(2.0)]
    parts += [say(our.callsign(city)), Pause(2.0)]
    marked = f"{mine.spoken} {body}" if mine else body
    parts += [say(marked), Pause(3.0), *(part for siren in sounded[1:] for part in siren)]
    parts += [say(our.again), say(marked), Pause(2.0), say(our.callsign(city))]
    if mine:
        parts += [Pause(1.0), say(mine.closing)]
    return [*parts, Pause(1.0), Chime.DOWN] if chimes else parts


def _broadcast(alert: Alert, body: str, language: str, city: City) -> list[Part]:
    """Greeting; body; the body once more; who spoke."""
    say, mine, our = _sayer(Medium.BROADCAST), marks(alert.status, language), phrases(language)
    greeting = our.greeting(
        city, urgent=mine is None and _urgent(alert), drill=alert.status is Status.EXERCISE
    )
    marked = f"{mine.spoken} {body}" if mine else body
    parts: list[Part] = [say(mine.opening), Pause(1.0)] if mine else []
    parts += [say(greeting), say(marked), Pause(2.0), say(our.again), say(marked), say(our.from_whom(city))]
    if mine:
        parts += [Pause(1.0), say(mine.closing)]
    return parts


def _signal(signal: Signal | None) -> list[Part]:
    return [signal, Pause(1.0)] if signal is not None else []


def _order(info: Info, our: Phrases, *, urgent: bool) -> str | None:
    """Level and order in one breath; None without a level that the city issues."""
    level = info.parameter(LEVEL_PARAMETER) or ""
    if hazard_of(info.event_code(HAZARD_CODE)) is None or level not in {str(number) for number in ORDERS}:
        return None
    return our.order(int(level), urgent=urgent)


def _urgent(alert: Alert) -> bool:
    """Whether a real alert is announced as urgent: it demands action at once or within the hour."""
    return alert.status is Status.ACTUAL and any(
        info.urgency in ("Immediate", "Expected") for info in alert.news
    )


def _sayer(medium: Medium) -> Callable[[str], Say]:
    """Makes sentences spoken at the pace of that medium."""
    rate, gap = PACES[medium]
    return partial(Say, rate=rate, gap=gap)
