"""Common passwords: what somebody who guesses tries first, however it is dressed up (OWASP ASVS 5.0, 6.2.4).

A list of millions would have to be kept up to date. Instead a password is stripped of words
that many take, of names that everybody knows here, of rows of keys and of figures; hardly
anything remains of one that is easy to guess.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: different characters that must remain
_ENOUGH = 4
_WORDS = """
password passwort passwd pasuwaado pass word admin administrator root user guest system default
changeme change welcome letmein login logon signin secret himitsu test testing demo sample example
temporary temp qwerty qwertz azerty asdf zxcv abc abcd abcde abcdef alpha love iloveyou lovely sunshine
princess dragon monkey football baseball soccer master superman batman shadow freedom summer winter
spring autumn computer internet office windows microsoft google samurai ninja sakura arigatou konnichiwa
japan nippon nihon tokyo osaka niigata kanri kanrisha shiyakusho yakuba city cityhall bosai bousai
saigai hinan keihou kinkyu jishin kouzui kaji shobo shoubou alert alertd emergency disaster evacuation
warning siren drill kunren operator approve draft send trainee auditor monday friday january december
パスワード ぱすわーど 管理者 管理 防災 災害 避難 緊急 警報 市役所 役場 訓練 担当 ひみつ 秘密 テスト てすと さくら 桜 令和 平成 昭和
あいうえお いろはにほへと アイウエオ
""".split()
#: as they lie on keyboards and in counting, forwards and backwards
_ROWS = (
    "1234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "abcdefghijklmnopqrstuvwxyz",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "あいうえおかきくけこさしすせそたちつてと",
)
_PIECE = 3
_DRESSED = str.maketrans("013457@$!", "oleastasi")
#: figures and signs that stand for letters: those with a letter at both sides
_BETWEEN = re.compile(r"(?<=[^\W\d_])[013457@$!]+(?=[^\W\d_])")


def too_common(password: str, names: Iterable[str] = ()) -> bool:
    """Whether hardly anything remains of it; `names` are words that everybody knows here."""
    plain = unicodedata.normalize("NFKC", password).casefold()
    undressed = _BETWEEN.sub(lambda found: found[0].translate(_DRESSED), plain)
    known = sorted({*_WORDS, *(_folded(names))}, key=len, reverse=True)
    return any(len(set(_rest(text, known))) < _ENOUGH for text in (plain, undressed))


def _folded(names: Iterable[str]) -> list[str]:
    whole = [unicodedata.normalize("NFKC", name).casefold() for name in names]
    parts = [part for name in whole for part in re.split(r"[^\w]+", name)]
    return [part for part in (*whole, *parts) if len(part) > 1]


def _rest(text: str, known: Iterable[str]) -> str:
    """What remains without known words, rows of keys, and all that is no letter."""
    for word in known:
        text = text.replace(word, " ")
    for row in _ROWS:
        for one in (row, row[::-1]):
            text = _without_pieces(text, one)
    return "".join(letter for letter in text if letter.isalpha())


def _without_pieces(text: str, row: str) -> str:
    """The text without what lies side by side in a row, three at least."""
    begin, kept = 0, []
    while begin < len(text):
        end = begin + _PIECE
        while text[begin:end] in row and end <= len(text):
            end += 1
        if end > begin + _PIECE:
            begin = end - 1
            kept.append(" ")
        else:
            kept.append(text[begin])
            begin += 1
    return "".join(kept)
