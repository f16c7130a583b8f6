"""Drill marks: the words that tell a drill from the real thing, and the gate that insists on them.

Written words begin and end with a mark; spoken words begin and end with one and have
one before each repetition. Japanese comes first in every language: a mark in English
alone has frightened people. A real alert with a mark is stopped as well: a drill text
has been sent in a real flood.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from alertd.alert import Status
from alertd.errors import Problem, WrongAlert
from alertd.words import Words, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The marks of one status in one language."""

    #: before the headline
    prefix: str
    #: first and last line of a written text
    first: str
    last: str
    #: before a written or spoken body, and before each repetition
    spoken: str
    #: first and last words of a broadcast or announcement outdoors
    opening: str
    closing: str


_DRILL = {
    "ja": Marks(
        prefix="【訓練】",
        first="これは訓練です。",
        last="※これは訓練です。",
        spoken="これは、訓練です。",
        opening="これは、訓練です。ただいまから、訓練放送を、行います。訓練、訓練、訓練。",
        closing="これで、訓練放送を、終わります。これは、訓練です。",
    ),
    "ja-easy": Marks(
        prefix="【訓練】",
        first="これは 訓練（くんれん）です。本当（ほんとう）の 災害（さいがい）では ありません。",
        last="※これは 訓練（くんれん）です。",
        spoken="これは、訓練です。",
        opening="これは、訓練です。練習の、放送です。訓練、訓練、訓練。",
        closing="練習の、放送を、終わります。これは、訓練です。",
    ),
    "en": Marks(
        prefix="【訓練】[DRILL] ",
        first="This is a drill. これは訓練です。",
        last="* This is a drill. ※これは訓練です。",
        spoken="This is a drill.",
        opening="This is a drill. The following is a drill announcement. Drill, drill, drill.",
        closing="This ends the drill announcement. This is a drill.",
    ),
}
_TEST = {
    "ja": Marks(
        prefix="【試験】",
        first="これは試験です。",
        last="※これは試験です。",
        spoken="これは、試験です。",
        opening="これは、試験です。ただいまから、試験放送を、行います。",
        closing="これで、試験放送を、終わります。これは、試験です。",
    ),
    "ja-easy": Marks(
        prefix="【試験】",
        first="これは テストです。本当（ほんとう）では ありません。これは試験です。",
        last="※これは試験です。",
        spoken="これは、試験です。",
        opening="これは、試験です。テストの、放送です。",
        closing="テストの、放送を、終わります。これは、試験です。",
    ),
    "en": Marks(
        prefix="【試験】[TEST] ",
        first="This is a test. これは試験です。",
        last="* This is a test. ※これは試験です。",
        spoken="This is a test.",
        opening="This is a test. The following is a test announcement.",
        closing="This ends the test announcement. This is a test.",
    ),
}

#: what only a drill or a test says, without spaces, commas and ruby
_ANY = re.compile(
    r"【(訓練|試験|テスト)】|これは(訓練|試験|テスト)です|只今から訓練放送|ただいまから(訓練|試験)放送|これで(訓練|試験)放送"
    r"|\[(drill|test|exercise)\]|thisis(only)?a(drill|test|exercise)",
    re.IGNORECASE,
)
_RUBY = re.compile(r"（[ぁ-んー]+）")


def marks(status: Status, language: str) -> Marks | None:
    """The marks for this status; None for a real alert, which has none.

    Languages without marks of their own have the English ones, with Japanese beside.
    """
    if status is Status.ACTUAL:
        return None
    table = _DRILL if status is Status.EXERCISE else _TEST
    return table.get(language, table["en"])


def has_marks(text: str) -> bool:
    """Whether the text says anywhere that it is a drill or a test."""
    return bool(_ANY.search(_bare(text)))


def without_ruby(text: str) -> str:
    """The text without the kana in brackets behind its kanji."""
    return _RUBY.sub("", text)


def gate(words: Words, status: Status, language: str) -> None:
    """Lets nothing pass that could be taken for what it is not.

    Raises WrongAlert when a drill or test lacks its marks at the start or the end of
    any of its words, or when a real alert has one anywhere.
    """
    artefacts = {"headline": words.headline, "text": words.text}
    if words.short_text is not None:
        artefacts["short_text"] = words.short_text
    if words.script is not None:
        artefacts["script"] = "\n".join(said(words.script))
    mine = marks(status, language)
    for field, text in artefacts.items():
        if mine is None:
            if has_marks(text):
                raise WrongAlert(
                    Problem(
                        field,
                        "a real alert says that it is a drill or a test; remove the words, or make it a drill",
                        "本番の警報に訓練・試験の言葉が入っています。削除するか、訓練として作り直してください。",
                    )
                )
        elif not _marked(text, mine, ends=field != "headline"):
            raise WrongAlert(
                Problem(
                    field,
                    "a drill or test does not say so at its start and end; render it again",
                    "訓練・試験であることが、最初と最後に示されていません。作り直してください。",
                )
            )


def _marked(text: str, mine: Marks, *, ends: bool) -> bool:
    bare = _bare(text)
    starts = {_bare(mark) for mark in (mine.prefix, mine.first, mine.spoken, mine.opening)}
    ending = {_bare(mark) for mark in (mine.last, mine.spoken, mine.closing)}
    return bare.startswith(tuple(starts)) and (not ends or bare.endswith(tuple(ending)))


def _bare(text: str) -> str:
    """For comparison: NFKC, no ruby, no spaces, no commas."""
    plain = unicodedata.normalize("NFKC", _RUBY.sub("", text)).lower()
    return re.sub(r"[\s、,]", "", plain)
