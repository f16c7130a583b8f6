"""A line of the user dictionary that MeCab compiles for Open JTalk."""

from __future__ import annotations

import unicodedata

from alertd.speech import Reading
from tts.kana import lengthened, morae, to_katakana

#: a cost that grows with the length lets 下田市 win over 下田
_COST_OF_WORD, _COST_OF_CHARACTER, _LOWEST_COST = -4000, -4000, -32000


def dictionary_line(reading: Reading) -> str:
    """One line of CSV, ended by a newline; the surface in full width, as the engine sees it."""
    surface = _full_width(reading.surface)
    kana = to_katakana(reading.kana)
    spoken = reading.pronunciation or lengthened(kana)
    length = morae(spoken)
    accent = 0 if reading.accent is None else reading.accent
    cost = max(_LOWEST_COST, _COST_OF_WORD + _COST_OF_CHARACTER * len(surface))
    return f"{surface},,,{cost},名詞,固有名詞,地域,一般,*,*,{surface},{kana},{spoken},{accent}/{length},C1\n"


def _full_width(surface: str) -> str:
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    return unicodedata.normalize("NFKC", surface).translate(wide)
