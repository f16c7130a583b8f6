"""Forbidden words: names that are no longer in use, and phrases that have misled people."""

from __future__ import annotations

import re
import unicodedata

#: old name -> what to write instead. The city's own orders were renamed on 2021-05-20
#: (災害対策基本法), the weather agency's warnings on 2026-05-29. Longer names first.
OLD_NAMES = {
    "避難準備・高齢者等避難開始": "高齢者等避難",
    "避難準備情報": "高齢者等避難",
    "避難指示(緊急)": "避難指示",
    "避難勧告": "避難指示",
    "災害発生情報": "緊急安全確保",
    "土砂災害警戒情報": "レベル4土砂災害危険警報",
    "氾濫発生情報": "レベル5氾濫特別警報",
    "氾濫危険情報": "レベル4氾濫危険警報",
    "氾濫警戒情報": "レベル3氾濫警報",
    "氾濫注意情報": "レベル2氾濫注意報",
    "洪水警報": "レベル3氾濫警報",
    "洪水注意報": "レベル2氾濫注意報",
}

#: never to be said in a drill or a test: each has made people act on one
DRILL_PHRASES = (
    "訓練ではありません",
    "訓練ではない",
    "訓練じゃない",
    "これは本番です",
    "大地震です",
    "this is not a drill",
    "not a drill",
    "not a test",
)

_DRILL_WORDS = re.compile(
    r"訓練|くんれん|テスト(放送|配信|メール|送信)|試験(放送|配信|メール|送信)"
    r"|\bdrill\b|\[(test|exercise)\]|\bthis is (only )?an? (test|exercise)\b|\btest message\b",
    re.IGNORECASE,
)

#: what people type to try something out: letters or digits in a row, or the word itself
_TRIAL = re.compile(
    r"\W*(テスト|てすと|試験|ためし|test|testing|abc|a{2,9}|あ{2,9}|ほげ|hoge|\d+)\W*", re.IGNORECASE
)


def plain(text: str) -> str:
    """The text for comparison: full-width digits and brackets made plain (NFKC)."""
    return unicodedata.normalize("NFKC", text)


def old_names(text: str) -> dict[str, str]:
    """The old names in the text, and what to write instead; a name inside another counts once."""
    rest, found = plain(text), {}
    for name, new in OLD_NAMES.items():
        if name in rest:
            found[name] = new
            rest = rest.replace(name, "")
    return found


def drill_words(text: str) -> str | None:
    """The first word that belongs in a drill only; None when there is none."""
    match = _DRILL_WORDS.search(plain(text))
    return match[0] if match else None


def drill_phrases(text: str) -> list[str]:
    """The phrases in the text that must not be used in a drill."""
    lower = plain(text).lower()
    return [phrase for phrase in DRILL_PHRASES if phrase in lower]


def is_trial(text: str) -> bool:
    """Whether the text is what somebody types to try something out, such as “11” or “abc”."""
    return _TRIAL.fullmatch(plain(text).strip()) is not None
