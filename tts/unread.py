"""Unread characters: what is in a text and would not be heard.

In Japanese: what is left in the kana that is no kana. It cannot see a wrong reading, which
is why the approver is shown the kana of the whole alert. Elsewhere: letters of another
script than the language's, and signs that engines pass over.
"""

from __future__ import annotations

import unicodedata

from alertd.language import is_japanese, language_of

_PUNCTUATION = set(" 、。，．！？!?…‥・,.:;'’‘-ー\n\t\u3000'\"“”()「」¿¡।،")
#: the script in a character's Unicode name; Latin is read by all of them after a fashion
_SCRIPTS = {
    "zh-Hans": ("CJK",),
    "zh-Hant": ("CJK",),
    "ko": ("HANGUL",),
    "ne": ("DEVANAGARI",),
    "th": ("THAI",),
    "my": ("MYANMAR",),
    "ru": ("CYRILLIC",),
}


def unread(reading: str, language: str) -> str:
    """The characters of a reading (ja) or spoken form (others) that nobody would hear,
    each once, in order."""
    short = language_of(language)
    heard = _kana if is_japanese(short) else _letter_of(_SCRIPTS.get(short, ()))
    found = (char for char in reading if char not in _PUNCTUATION and not heard(char))
    return "".join(dict.fromkeys(found))


def _kana(char: str) -> bool:
    return "ァ" <= char <= "ヺ" or "ぁ" <= char <= "ゖ"


def _letter_of(scripts: tuple[str, ...]):  # type: ignore[no-untyped-def]
    def heard(char: str) -> bool:
        category = unicodedata.category(char)
        if category[0] == "M" or category == "Nd":
            return True
        return unicodedata.name(char, "").startswith((*scripts, "LATIN"))

    return heard
