"""The typed reading: the kana that an operator gives for a word of one alert.

It travels with the alert as a CAP parameter, so that it is approved, hashed and kept with
the words, and it wins over every dictionary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

from alertd.alert import Alert, Info, NamedValue
from alertd.errors import Problem, WrongAlert
from alertd.language import is_japanese, spoken_in

#: the CAP parameter, once for each word: 下田=シタダ
PARAMETER = "alertd:reading"
#: the field of the form that a problem belongs to
FIELD = "readings"
LONGEST_WORD, LONGEST_KANA = 40, 80

_KANA = re.compile(r"[ぁ-ゖァ-ヺー]+")


def typed(lines: Iterable[str]) -> dict[str, str]:
    """Word → kana of lines such as 下田=しただ, empty ones left out. Raises WrongAlert for all that are wrong."""
    readings: dict[str, str] = {}
    problems: list[Problem] = []
    for line in filter(None, (each.strip() for each in lines)):
        word, kana = _parted(line)
        if not word or not kana:
            problems.append(
                Problem(
                    FIELD,
                    f"“{line}” is no reading; write one a line, word=kana, such as 下田=しただ",
                    f"「{line}」は、読みとして使えません。1行に1つ、「下田=しただ」のように書いてください。",
                )
            )
        elif not _KANA.fullmatch(kana) or len(word) > LONGEST_WORD or len(kana) > LONGEST_KANA:
            problems.append(
                Problem(
                    FIELD,
                    f"the reading of {word} must be hiragana or katakana only, not “{kana}”",
                    f"「{word}」の読みは、ひらがなかカタカナだけで書いてください（入力：{kana}）。",
                )
            )
        else:
            readings[word] = kana
    if problems:
        raise WrongAlert(problems)
    return readings


def with_readings(alert: Alert, readings: Mapping[str, str]) -> Alert:
    """The alert whose Japanese is read so. Raises WrongAlert for a word that it does not say."""
    japanese = [info for info in alert.infos if is_japanese(spoken_in(info))]
    problems = [
        Problem(
            FIELD,
            f"the alert does not say {word} in Japanese, so its reading would change nothing",
            f"「{word}」は、この警報の日本語の文にありません。表記を確かめてください。",
        )
        for word in readings
        if not any(word in text for info in japanese for text in _texts(info))
    ]
    if problems:
        raise WrongAlert(problems)
    pairs = tuple(NamedValue(PARAMETER, f"{word}={kana}") for word, kana in readings.items())
    return replace(
        alert,
        infos=tuple(
            replace(info, parameters=(*info.parameters, *pairs)) if pairs and info in japanese else info
            for info in alert.infos
        ),
    )


def readings_of(infos: Iterable[Info]) -> dict[str, str]:
    """Word → kana of what was typed for these infos; of a document from outside what is no reading is left out."""
    pairs = (_parted(pair.value) for info in infos for pair in info.parameters if pair.name == PARAMETER)
    return {word: kana for word, kana in pairs if word and _KANA.fullmatch(kana)}


def _parted(line: str) -> tuple[str, str]:
    word, _, kana = line.replace("＝", "=").partition("=")
    return word.strip(), re.sub(r"\s", "", unicodedata.normalize("NFKC", kana))


def _texts(info: Info) -> Iterable[str]:
    yield from (text for text in (info.headline, info.event, info.description, info.instruction) if text)
    yield from (pair.value for pair in info.parameters)
