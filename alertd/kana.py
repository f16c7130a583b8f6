"""Kana: one spelling for readings that people type in several."""

from __future__ import annotations

import re
import unicodedata

_TO_KATAKANA = {code: code + 0x60 for code in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
_HALF_WIDTH = re.compile("[\uff66-\uff9f]+")


def hira2kata(text: str) -> str:
    """Hiragana as katakana; all else as it is."""
    return text.translate(_TO_KATAKANA)


def full_width(text: str) -> str:
    """Half-width katakana (JIS X 0201) as full-width, with its marks joined; all else as it is."""
    return _HALF_WIDTH.sub(lambda half: unicodedata.normalize("NFKC", half[0]), text)
