"""Wording: what is written becomes what is spoken, sentence by sentence.

Each language has a module with `spoken(text)`; a language without one is only cleaned.
Nothing is dropped silently: what no rule knows stays in the text, and `unread` finds it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from alertd.language import is_japanese, language_of
from tts import wording_en, wording_ja
from tts.kana import same_sound

#: part of every cache key; raise it when a rule changes
VERSION = "3"

_SPOKEN: dict[str, Callable[[str], str]] = {
    "ja": wording_ja.spoken,
    "ja-easy": wording_ja.spoken,
    "en": wording_en.spoken,
}
#: a sentence ends after these, or at the end of a line
_END = {"ja": "。．！？!?", "ja-easy": "。．！？!?", "zh-Hans": "。！？!?", "zh-Hant": "。！？!?"}
_LATIN_END = re.compile(r"(?<=[.!?।။])\s+|\n+")
#: characters; a longer sentence is cut, best at its commas
LONGEST_SENTENCE = 120


def sentences(
    text: str,
    language: str,
    readings: Mapping[str, str] | None = None,
    read: Callable[[str], str] | None = None,
) -> list[str]:
    """The text as spoken, one sentence an item, empty ones left out.

    `readings` are the kana of words for this text alone, longest word first; like ruby in
    the text they win over every dictionary. `read` tells how the voice would read a
    sentence: a word whose kana are given is left in kanji, which sound better, where it is
    read as the kana say; elsewhere the kana take its place.
    """
    short = language_of(language)
    if is_japanese(short):
        text = _with_readings(text, readings or {})
    spoken = _SPOKEN.get(short, _cleaned)(text)
    found: list[str] = []
    for sentence in _split(spoken, short):
        if any(unicodedata.category(char)[0] in "LN" for char in sentence):
            found += [_without_marks(piece, read) for piece in _cut(sentence)]
        elif found and any(unicodedata.category(char)[0] == "S" for char in sentence):
            found[-1] += sentence  # nobody will hear it, and so `unread` must see it
    return found


def _with_readings(text: str, readings: Mapping[str, str]) -> str:
    """The text with each word of `readings` marked as if it had ruby; ruby of its own wins."""
    words = sorted((word for word in readings if word), key=len, reverse=True)
    if not words:
        return text
    ruby = r"(?![（(][ぁ-ゖァ-ヺー]+[)）])"
    pattern = re.compile(f"(?:{'|'.join(re.escape(word) for word in words)}){ruby}")
    return pattern.sub(lambda match: wording_ja.marked(match[0], readings[match[0]]), text)


def _without_marks(sentence: str, read: Callable[[str], str] | None) -> str:
    """The sentence with each word that has ruby in kanji or in kana."""
    marked = (
        rf"{wording_ja.WORD}([^{wording_ja.SAYS}]*){wording_ja.SAYS}([^{wording_ja.DONE}]*){wording_ja.DONE}"
    )
    pieces = re.split(marked, sentence)
    words, kana = pieces[1::3], pieces[2::3]
    if not words:
        return sentence

    def joined(chosen: list[str]) -> str:
        return "".join(a + b for a, b in zip(pieces[::3], [*chosen, ""], strict=True))

    if read is None:
        return joined(kana)
    meant = read(joined(kana))
    if same_sound(read(joined(words)), meant):
        return joined(words)
    chosen = list(kana)
    for position, word in enumerate(words):
        tried = [*chosen[:position], word, *chosen[position + 1 :]]
        if same_sound(read(joined(tried)), meant):
            chosen = tried
    return joined(chosen)


def _split(text: str, language: str) -> list[str]:
    if language in _END:
        parts = re.split(rf"(?<=[{_END[language]}])|\n+", text)
    else:
        parts = _LATIN_END.split(text)
    return [part.strip() for part in parts if part.strip()]


def _cut(sentence: str) -> list[str]:
    """A sentence that is too long for one breath, cut at commas, else at spaces, else anywhere."""
    pieces: list[str] = []
    for clause in re.split(r"(?<=[、，,;；])", sentence):
        for part in _chunks(clause):
            if pieces and len(pieces[-1]) + len(part) <= LONGEST_SENTENCE:
                pieces[-1] += part
            else:
                pieces.append(part)
    return [piece.strip() for piece in pieces if piece.strip()]


def _chunks(clause: str) -> list[str]:
    chunks = []
    while len(clause) > LONGEST_SENTENCE:
        space = clause.rfind(" ", 1, LONGEST_SENTENCE)
        end = space + 1 if space > 0 else LONGEST_SENTENCE
        chunks.append(clause[:end])
        clause = clause[end:]
    return [*chunks, clause]


def _cleaned(text: str) -> str:
    return re.sub(r"[ \t\u00a0\u3000]+", " ", unicodedata.normalize("NFC", text))
