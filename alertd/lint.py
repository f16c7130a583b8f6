"""The linter: what must not go out, and what a second pair of eyes should look at.

A finding blocks when sending would mislead, break a far end, or be against the rules
for municipal alerts; otherwise it warns, and the operator decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from alertd.alert import Alert, Info, MsgType, Status
from alertd.channel import Medium
from alertd.city import City
from alertd.errors import WrongAlert
from alertd.finding import Finding, Gravity, block, warn
from alertd.forbidden import drill_phrases, drill_words, is_trial, old_names
from alertd.hazard import HAZARD_CODE, TEMPLATE_CODE, Hazard, hazard_of
from alertd.language import is_japanese, spoken_in
from alertd.lint_levels import lint_levels, texts
from alertd.marks import has_marks
from alertd.mora import LONGEST_BODY, LONGEST_CALL, morae, seconds
from alertd.render import PACES, body, languages, render
from alertd.template import Spoken

__all__ = ["Finding", "Gravity", "lint"]


def lint(
    alert: Alert, city: City, *, now: datetime, voices: Collection[str] | None = None
) -> tuple[Finding, ...]:
    """All findings, those that block first.

    `voices` are the languages that can be spoken; None = not looked at.
    """
    findings = [*_document(alert), *_times(alert, now)]
    for number, info in enumerate(alert.infos, start=1):
        where = f"info[{number}]"
        findings += _words(alert, info, where, city)
        findings += lint_levels(info, where)
        findings += _lengths(info, where)
    if alert.infos:
        findings += _calls(alert, city)
        findings += _voices(alert, voices)
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: finding.severity))


def _document(alert: Alert) -> Iterator[Finding]:
    if not alert.infos:
        yield block(
            "info",
            "伝える内容がありません。見出しと本文を加えてください。",
            "there is no info, so there is nothing to say; add headline and text",
        )
    if alert.status in (Status.DRAFT, Status.SYSTEM):
        yield block(
            "status",
            f"状態が{alert.status}の文書は配信できません。",
            f"a {alert.status} document is never sent; make it Actual, Exercise or Test",
        )
    if alert.msg_type in (MsgType.ACK, MsgType.ERROR):
        yield block(
            "msgType",
            f"{alert.msg_type}は住民に配信する文書ではありません。",
            f"{alert.msg_type} is for alerting systems, not for people",
        )
    if alert.msg_type in (MsgType.UPDATE, MsgType.CANCEL) and not alert.references:
        yield block(
            "references",
            "続報・取消の対象となる警報が指定されていません。",
            f"{alert.msg_type} names no earlier alert; add it to the references",
        )
    for field, text in (("identifier", alert.identifier), ("sender", alert.sender)):
        if re.search(r"[\s,<&]", text) or not text:
            yield block(
                field,
                f"{field}に空白・コンマ・<・& は使えません。",
                f"{field} must have no space, comma, < or &",
            )
    if any(info.event_code(TEMPLATE_CODE) is None for info in alert.infos):
        yield warn(
            "info",
            "自由文です（定型文から作られていません）。文面をよく確認してください。",
            "free text: it was not made from a template; read it with care",
        )


def _times(alert: Alert, now: datetime) -> Iterator[Finding]:
    if alert.expires is None:
        yield warn(
            "expires",
            "有効期限がありません。配信の既定の期限を使います。",
            "there is no expiry; the default of the dispatch applies",
        )
    elif alert.expires <= now:
        yield block(
            "expires",
            "有効期限が過ぎています。新しい期限を入れてください。",
            "the alert has expired; give it a later expiry",
        )
    if alert.sent > now + timedelta(minutes=1):
        yield warn("sent", "発信時刻が未来です。", "the time of sending is in the future")
    elif alert.sent < now - timedelta(minutes=30):
        yield warn(
            "sent",
            "発信時刻から30分以上たっています。内容が今も正しいか確認してください。",
            "it was made more than 30 minutes ago; make sure that it still holds",
        )


def _words(alert: Alert, info: Info, where: str, city: City) -> Iterator[Finding]:
    language = spoken_in(info)
    hazard = hazard_of(info.event_code(HAZARD_CODE))
    for name, text in texts(info):
        field = f"{where}/{name}"
        for old, new in old_names(text).items():
            yield block(
                field,
                f"「{old}」は今は使われていません。「{new}」に書き換えてください。",
                f"{old} is no longer in use; write {new}",
            )
        if left := re.search(r"\{[^}\n]*\}|[○●〇◯]{2,}|＿{2,}|_{3,}", text):
            yield block(
                field,
                f"未記入の欄「{left[0]}」が残っています。記入してください。",
                f"the blank {left[0]} is not filled in",
            )
        if alert.status is Status.ACTUAL and name in ("headline", "description") and is_trial(text):
            yield block(
                field,
                f"本番の警報の文が「{text}」です。試し打ちの文は訓練でも送れるので、本番では内容を書いてください。",
                f"the text of a real alert is only {text!r}; write what people have to know",
            )
        if alert.status is Status.ACTUAL:
            word = drill_words(text)
            if has_marks(text) or (word and hazard is not Hazard.DRILL):
                yield block(
                    field,
                    "本番の警報に訓練・試験の言葉が入っています。削除してください。",
                    "a real alert has words of a drill or a test; remove them",
                )
        else:
            for phrase in drill_phrases(text):
                yield block(
                    field,
                    f"訓練・試験で「{phrase}」と言ってはいけません。削除してください。",
                    f"never say {phrase!r} in a drill or a test; remove it",
                )
        for neighbour in city.neighbours:
            if re.search(rf"(?<![一-鿿]){neighbour}", text):
                yield warn(
                    field,
                    f"ほかの市町村の名前「{neighbour}」があります。",
                    f"it names another municipality, {neighbour}",
                )
        if language == "en" and name != "senderName" and re.search(r"[ぁ-ヿ一-鿿]", text):
            yield warn(
                field,
                "英語の文に日本語が残っています。英語の名前を入れてください。",
                "Japanese is left in the English text; fill in the English name",
            )
        if name in (Spoken.CALL, Spoken.OUTDOOR, Spoken.BROADCAST, Spoken.SHORT) and re.search(
            r"https?://|[【】（）「」/]", text
        ):
            yield warn(
                field,
                "読み上げる文にURLやかっこが入っています。",
                "the spoken text has a web address or brackets; they cannot be heard",
            )
    headline = info.headline or info.event
    if "=?" in headline or any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in headline):
        yield block(
            f"{where}/headline",
            "件名に改行・制御文字・「=?」は使えません。削除してください。",
            "the headline has a line break, a control character or '=?'; remove it",
        )


def _lengths(info: Info, where: str) -> Iterator[Finding]:
    if len(info.headline or "") > 160:
        yield warn(
            f"{where}/headline", "件名が160文字を超えています。", "the headline is longer than 160 characters"
        )
    text = f"{info.description or ''}{info.instruction or ''}"
    if is_japanese(spoken_in(info)) and len(re.sub(r"（[ぁ-ん]+）", "", text)) > 400:
        yield warn(where, "本文が400文字を超えています。", "the text is longer than 400 characters")
    if not info.areas:
        yield warn(f"{where}/area", "対象地区がありません。", "there is no area")
    if not info.headline and not info.description:
        yield block(
            f"{where}/headline", "見出しも本文もありません。", "there is neither headline nor description"
        )


def _calls(alert: Alert, city: City) -> Iterator[Finding]:
    """Whether a call in each language can be followed and ends in time."""
    rate, gap = PACES[Medium.CALL]
    for language in languages(alert):
        infos = [info for info in alert.news if spoken_in(info) == language]
        try:
            words = render(alert, language, Medium.CALL, city)
        except WrongAlert:
            continue  # the gate's words are among the findings already
        length = seconds(words.text, city.readings, rate=rate, gap=gap)
        count = morae(body(infos, Medium.CALL, city), city.readings) if infos else 0
        if length > LONGEST_CALL:
            yield block(
                f"{language} {Spoken.CALL}",
                f"電話の読み上げが長すぎます（約{length:.0f}秒）。{LONGEST_CALL:.0f}秒以内にしてください。",
                f"the call would take about {length:.0f} s; shorten it to {LONGEST_CALL:.0f} s",
            )
        elif count > LONGEST_BODY:
            yield warn(
                f"{language} {Spoken.CALL}",
                f"電話の文が長めです（約{count}拍）。{LONGEST_BODY}拍以内が聞き取りやすい長さです。",
                f"the call's text has about {count} morae; up to {LONGEST_BODY} can be followed by ear",
            )
        if not any(info.parameter(Spoken.CALL) for info in infos):
            yield warn(
                f"{language} {Spoken.CALL}",
                "読み上げ用の文がないため、本文から抜き出して読み上げます。",
                "there is no text for calls; sentences of the written text will be spoken",
            )


def _voices(alert: Alert, voices: Collection[str] | None) -> Iterator[Finding]:
    for language in languages(alert):
        if voices is not None and language not in voices:
            yield warn(
                f"language {language}",
                "この言語を読み上げる声がありません。文字だけで配信します。",
                f"no voice speaks {language}; it goes out in writing only",
            )
