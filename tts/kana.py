"""Kana: the two alphabets of Japanese sounds, their morae and their long vowels."""

from __future__ import annotations

import re

#: vowels that lengthen the mora before them when spoken: row of the mora → vowel
_LENGTHENERS = {
    "オ": "ウオ",
    "エ": "イエ",
    "ウ": "ウ",
    "ア": "ア",
    "イ": "イ",
}
_ROWS = {
    "ア": "アカサタナハマヤラワガザダバパャァヮ",
    "イ": "イキシチニヒミリギジヂビピィ",
    "ウ": "ウクスツヌフムユルグズヅブプュゥヴ",
    "エ": "エケセテネヘメレゲゼデベペェ",
    "オ": "オコソトノホモヨロヲゴゾドボポョォ",
}
_ROW_OF = {kana: row for row, members in _ROWS.items() for kana in members}
_SMALL = "ャュョァィゥェォヮ"


def to_katakana(text: str) -> str:
    """Hiragana become katakana; everything else stays."""
    return "".join(chr(ord(char) + 0x60) if "ぁ" <= char <= "ゖ" else char for char in text)


def is_kana(text: str) -> bool:
    """Nothing but hiragana, katakana and the long-vowel sign, and at least one of them."""
    return re.fullmatch(r"[ぁ-ゖァ-ヺー]+", text) is not None


def morae(reading: str) -> int:
    """Morae of a katakana reading: small ャュョ belong to the kana before them, ッ ン ー count."""
    return sum(
        1 for char in to_katakana(reading) if ("ァ" <= char <= "ヺ" or char == "ー") and char not in _SMALL
    )


def lengthened(kana: str) -> str:
    """As dictionaries print it → as it is spoken: ニッコウチョウ → ニッコーチョー.

    Only オウ and エイ and doubled vowels are long; イノウエ (…ウエ at the end of a name) is the
    common exception and stays. A name that needs another is given its own pronunciation.
    """
    spoken: list[str] = []
    katakana = to_katakana(kana)
    for position, char in enumerate(katakana):
        before = spoken[-1] if spoken else ""
        row = _ROW_OF.get(before)
        if before == "ー" or row is None or char not in _LENGTHENERS[row]:
            spoken.append(char)
        elif char == "ウ" and katakana[position:] == "ウエ":
            spoken.append(char)
        elif char in "アイ" and row in "アイ":
            spoken.append(char if row == "ア" else "ー" if before != "イ" else char)
        else:
            spoken.append("ー")
    return "".join(spoken)


def same_sound(one: str, other: str) -> bool:
    """Two readings that a listener cannot tell apart: オウ and オー, ヅ and ズ, ヲ and オ."""
    return _folded(one) == _folded(other)


def _folded(reading: str) -> str:
    katakana = to_katakana(re.sub(r"[^ぁ-ゖァ-ヺー]", "", reading))
    katakana = katakana.translate(str.maketrans("ヅヂヲヶヵ", "ズジオケカ"))
    folded: list[str] = []
    for char in katakana:
        before = folded[-1] if folded else ""
        row = _ROW_OF.get(before, before)
        if char == "ー" and row in _ROWS:
            folded.append(row)
        elif char == "ウ" and row == "オ":
            folded.append("オ")
        elif char == "イ" and row == "エ":
            folded.append("エ")
        else:
            folded.append(char)
    return "".join(folded)
